//! Running a program and measuring it from outside.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a whole process took, as the operating system accounts for it.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// From its start to its end.
    pub wall: Duration,
    /// User and system time.
    pub cpu: Duration,
    /// Largest resident set, bytes.
    pub peak: u64,
}

/// A program to be run in a folder, which must be there already.
#[derive(Debug, Clone)]
pub struct Program {
    /// Its name or path.
    pub name: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs; the measurement is written there as well.
    pub dir: PathBuf,
    /// Exit codes that are no failure here.
    pub codes: &'static [i32],
}

impl Program {
    /// The program under GNU time, which reads the kernel's figures of the
    /// finished process, and the file they are written to.
    pub fn under_time(&self) -> (Vec<OsString>, PathBuf) {
        let figures = self.dir.join("usage");
        let mut line: Vec<OsString> = vec!["/usr/bin/time".into(), "-q".into()];
        line.extend(["-f".into(), "%U %S %M".into(), "-o".into()]);
        line.push(figures.clone().into());
        line.push(self.name.clone().into());
        line.extend(self.args.iter().cloned());
        (line, figures)
    }

    /// Runs it to its end.
    pub fn measure(&self) -> Result<Usage> {
        self.measure_while(|_| Ok(()))
    }

    /// Runs it to its end, calling `meanwhile` once after it was started.
    pub fn measure_while(
        &self,
        meanwhile: impl FnOnce(&mut std::process::Child) -> Result<()>,
    ) -> Result<Usage> {
        let (line, figures) = self.under_time();
        let errors = self.dir.join("stderr");
        // What the program before left to be written must not slow this one.
        rustix::fs::sync();
        let start = Instant::now();
        let mut child = Command::new(&line[0])
            .args(&line[1..])
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&errors)?)
            .spawn()
            .context("GNU time does not run: apt-get install time")?;
        let watched = meanwhile(&mut child);
        let status = child.wait()?;
        let wall = start.elapsed();
        watched?;
        if !status.code().is_some_and(|code| self.codes.contains(&code)) {
            let said = fs::read_to_string(&errors)?;
            let tail: Vec<&str> = said.lines().rev().take(5).collect();
            bail!(
                "{} ended with {status}: {}",
                self.name.display(),
                tail.into_iter().rev().collect::<Vec<_>>().join("\n")
            );
        }
        Usage::read(&figures, wall)
    }
}

impl Usage {
    /// Reads what GNU time wrote.
    pub fn read(figures: &Path, wall: Duration) -> Result<Self> {
        let text = fs::read_to_string(figures)
            .with_context(|| format!("GNU time wrote no {}", figures.display()))?;
        let numbers: Vec<f64> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .with_context(|| format!("not the figures of GNU time: {text}"))?;
        let [user, system, kibibytes] = numbers[..] else {
            bail!("not the figures of GNU time: {text}");
        };
        Ok(Self {
            wall,
            cpu: Duration::from_secs_f64(user + system),
            peak: kibibytes as u64 * 1024,
        })
    }
}
