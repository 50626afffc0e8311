//! Programs taking turns, and the middle of what they took.

use crate::process::Usage;
use anyhow::Result;
use std::time::Duration;

/// One turn of one program.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    /// HTML pages got.
    pub pages: u64,
    /// Pages a second.
    pub rate: f64,
    /// What the process took.
    pub usage: Usage,
    /// CPU time of the server meanwhile.
    pub server: Duration,
}

impl Turn {
    /// A turn whose rate is its pages by the whole process' wall time.
    pub fn whole(pages: u64, usage: Usage, server: Duration) -> Self {
        Self {
            pages,
            rate: pages as f64 / usage.wall.as_secs_f64(),
            usage,
            server,
        }
    }

    /// CPU milliseconds of the process a page.
    pub fn cpu_ms(&self) -> f64 {
        self.usage.cpu.as_secs_f64() * 1000.0 / self.pages as f64
    }

    /// Largest resident set, megabytes (10⁶ bytes).
    pub fn peak_mb(&self) -> f64 {
        self.usage.peak as f64 / 1e6
    }
}

/// The turns of one program.
#[derive(Debug)]
pub struct Series {
    /// The program's name in the table.
    pub name: String,
    /// Its turns, in order.
    pub turns: Vec<Turn>,
}

impl Series {
    /// The median of a figure.
    pub fn median(&self, figure: impl Fn(&Turn) -> f64) -> f64 {
        median(self.turns.iter().map(figure).collect())
    }

    /// The median of this program's figure by the other's, turn by turn.
    pub fn ratio(&self, other: &Series, figure: impl Fn(&Turn) -> f64) -> f64 {
        let ratios = self.turns.iter().zip(&other.turns);
        median(ratios.map(|(a, b)| figure(a) / figure(b)).collect())
    }
}

impl Series {
    /// How far [`Self::ratio`] may be off by chance: its standard error, reckoned
    /// from the median deviation of the turns.
    pub fn error(&self, other: &Series, figure: impl Fn(&Turn) -> f64) -> f64 {
        let ratios = self.turns.iter().zip(&other.turns);
        let ratios: Vec<f64> = ratios.map(|(a, b)| figure(a) / figure(b)).collect();
        let turns = ratios.len().max(1) as f64;
        let middle = median(ratios.clone());
        let deviation = median(ratios.iter().map(|ratio| (ratio - middle).abs()).collect());
        // Of a normal spread: deviation to sigma, and the median's to the mean's.
        1.4826 * deviation * 1.2533 / turns.sqrt()
    }
}

/// A program's name and how it takes a turn.
pub type Player<'a> = (&'a str, Box<dyn FnMut() -> Result<Turn> + 'a>);

/// Lets programs take turns: A B A B …, after `warm_up` turns that do not count.
pub fn play(rounds: u32, warm_up: u32, mut players: Vec<Player<'_>>) -> Result<Vec<Series>> {
    let mut all: Vec<Series> = players
        .iter()
        .map(|(name, _)| Series {
            name: (*name).to_owned(),
            turns: Vec::new(),
        })
        .collect();
    for round in 0..warm_up + rounds {
        for ((name, turn), series) in players.iter_mut().zip(&mut all) {
            let taken = turn()?;
            let counts = round >= warm_up;
            eprintln!(
                "{}{name}: {} pages, {:.2} s, {:.2} s of CPU, {:.0} MB",
                if counts { "" } else { "(warm-up) " },
                taken.pages,
                taken.usage.wall.as_secs_f64(),
                taken.usage.cpu.as_secs_f64(),
                taken.peak_mb()
            );
            if counts {
                series.turns.push(taken);
            }
        }
    }
    Ok(all)
}

/// The middle one, or the mean of the two in the middle; NaN of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}
