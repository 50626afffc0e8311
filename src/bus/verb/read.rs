//! From words to a command.

use super::{Arg, VERBS, Verb, find};
use crate::bus::{AutoRange, Command, PageFilter, Pick, RungSet, Target, WorkerId};
use crate::page::money::millionths;
use crate::page::{FailureKind, PageId, PageState, Rung, SiteId};
use std::time::Duration;
use thiserror::Error;

/// Why words are no command, and what to write instead.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct BadWords(pub String);

/// Workers that a site can have: so many on each rung.
const WORKERS: u32 = 1024 * Rung::COUNT as u32;

type Result<T> = std::result::Result<T, BadWords>;

fn bad<T>(text: impl Into<String>) -> Result<T> {
    Err(BadWords(text.into()))
}

/// A line as words: separated by white space; `"…"` and `'…'` keep it, and
/// within `"…"` a backslash takes the next character as it is.
///
/// # Errors
/// Where a quotation does not end.
pub fn split(line: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '"' | '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => word.extend(chars.next()),
                        Some(inside) => word.push(inside),
                        None => return bad(format!("the quotation {c}{word} does not end")),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The command that these words mean; `names` are the sites' in the job's order.
///
/// # Errors
/// The first word that does not fit, and what would.
pub fn read<W: AsRef<str>, S: AsRef<str>>(words: &[W], names: &[S]) -> Result<Command> {
    let mut words = words.iter().map(AsRef::as_ref);
    let Some(name) = words.next() else {
        return bad("which command? `help` lists them all");
    };
    let Some(verb) = find(name) else {
        let names: Vec<&str> = VERBS.iter().map(|verb| verb.name).collect();
        return bad(format!(
            "there is no command `{name}`{}",
            nearest(name, &names)
        ));
    };
    let mut reader = Reader {
        verb,
        words: words.collect(),
        names: names.iter().map(AsRef::as_ref).collect(),
    };
    let command = reader.command()?;
    match reader.words.first() {
        Some(more) => bad(format!("`{more}` is one word too many; {}", reader.usage())),
        None => Ok(command),
    }
}

struct Reader<'a> {
    verb: &'static Verb,
    words: Vec<&'a str>,
    names: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn command(&mut self) -> Result<Command> {
        Ok(match self.verb.name {
            "pause" => Command::Pause(self.target()?),
            "resume" => Command::Resume(self.target()?),
            "concurrency" => {
                let site = self.site()?;
                match self.word("a number of workers")? {
                    "auto" => Command::Auto(site, None),
                    word => match word.strip_prefix("auto:") {
                        Some(range) => Command::Auto(site, Some(self.range(range)?)),
                        None => Command::Concurrency(site, self.number(word, 1, 1024)?),
                    },
                }
            }
            "delay" => {
                let site = self.site()?;
                Command::Delay(site, self.time()?)
            }
            "pages" => Command::MaxPages(self.site()?, self.number_or_none(u64::MAX)?),
            "depth" => {
                let site = self.site()?;
                let most = self.number_or_none(u64::from(u32::MAX))?;
                // Just checked.
                Command::MaxDepth(site, most.map(|n| u32::try_from(n).unwrap_or(u32::MAX)))
            }
            "retries" => {
                let site = self.site()?;
                let word = self.word("a number")?;
                Command::Retries(site, self.number(word, 0, 100)?)
            }
            "rung-pause" => self.rung(|_| Ok(RungSet::Pause))?,
            "rung-resume" => self.rung(|_| Ok(RungSet::Resume))?,
            "rung-concurrency" => self.rung(|reader| {
                let word = reader.word("a number")?;
                reader.number(word, 1, 1024).map(RungSet::Concurrency)
            })?,
            "rung-timeout" => self.rung(|reader| reader.time().map(RungSet::Timeout))?,
            "rung-delay" => self.rung(|reader| reader.time().map(RungSet::Delay))?,
            "rung-requests" => {
                self.rung(|reader| reader.number_or_none(u64::MAX).map(RungSet::Requests))?
            }
            "rung-money" => self.rung(|reader| match reader.word("an amount, or `none`")? {
                "none" => Ok(RungSet::Money(None)),
                word => match millionths(word) {
                    Some(money) => Ok(RungSet::Money(Some(money))),
                    None => bad(format!("`{word}` is no amount; write 12.50 or none")),
                },
            })?,
            "drain" => Command::Drain(self.site()?, !self.flag("off")),
            "finish" => Command::Finish(self.site()?),
            "refresh" => Command::Refresh(self.site()?),
            "start-over" => Command::StartOver(self.site()?),
            "add" => {
                let site = self.site()?;
                self.word("a URL")
                    .map(|first| self.words.insert(0, first))?;
                let urls = self.words.drain(..).map(str::to_owned).collect();
                Command::Add(site, urls)
            }
            "force" => Command::Force(self.pages(None)?),
            "drop" => Command::Drop {
                site: self.sites()?,
                pattern: self.word("a regular expression")?.to_owned(),
                preview: self.flag("preview"),
            },
            verb @ ("include" | "exclude") => Command::Rule {
                site: self.site()?,
                include: verb == "include",
                pattern: self.word("a regular expression")?.to_owned(),
            },
            "lift" => Command::Lift {
                site: self.site()?,
                shape: self.word("the shape of a trap")?.to_owned(),
                lifted: !self.flag("off"),
            },
            "retry" => Command::Retry(self.pages(Some(PageState::Failed))?),
            "retry-sources" => Command::RetrySources {
                site: self.sites()?,
                name: (!self.words.is_empty()).then(|| self.words.remove(0).to_owned()),
            },
            "ignore" => Command::Ignore(self.pages(Some(PageState::Failed))?),
            "reload" => Command::Reload {
                preview: self.flag("preview"),
            },
            "undo" => Command::Undo,
            "stop" => Command::Stop,
            "stop-now" => Command::StopNow,
            // A verb without an arm is found by the table test.
            other => return bad(format!("`{other}` cannot be given in words")),
        })
    }

    /// A rung of a site, and what is set of it.
    fn rung(&mut self, set: impl FnOnce(&mut Self) -> Result<RungSet>) -> Result<Command> {
        let site = self.site()?;
        let word = self.word("a rung")?;
        let Ok(rung) = word.parse::<Rung>() else {
            let names = Rung::ALL.map(Rung::as_str);
            return bad(format!(
                "there is no rung `{word}`{}",
                nearest(word, &names)
            ));
        };
        Ok(Command::Rung(site, rung, set(self)?))
    }

    fn time(&mut self) -> Result<Duration> {
        let word = self.word("a time")?;
        match time(word) {
            Some(delay) => Ok(delay),
            None => bad(format!("`{word}` is no time; write 250ms, 2s or 1m")),
        }
    }

    fn usage(&self) -> String {
        format!("it is `{}`", self.verb.usage())
    }

    fn word(&mut self, what: &str) -> Result<&'a str> {
        if self.words.is_empty() {
            return bad(format!("{what} is missing; {}", self.usage()));
        }
        Ok(self.words.remove(0))
    }

    fn flag(&mut self, name: &str) -> bool {
        let found = self.words.first() == Some(&name);
        if found {
            self.words.remove(0);
        }
        found
    }

    fn site(&mut self) -> Result<SiteId> {
        let word = self.word("a site")?;
        self.named(word)
    }

    fn named(&self, name: &str) -> Result<SiteId> {
        match self.names.iter().position(|known| *known == name) {
            // More sites than u32 can count do not fit in memory.
            Some(n) => Ok(SiteId(u32::try_from(n).unwrap_or(u32::MAX))),
            None => bad(format!(
                "there is no site `{name}`{}",
                nearest(name, &self.names)
            )),
        }
    }

    fn sites(&mut self) -> Result<Option<SiteId>> {
        match self.word("a site or `all`")? {
            "all" => Ok(None),
            name => self.named(name).map(Some),
        }
    }

    fn target(&mut self) -> Result<Target> {
        let word = self.word("whom")?;
        if word == "all" {
            return Ok(Target::All);
        }
        if let Ok(site) = self.named(word) {
            return Ok(Target::Site(site));
        }
        if let Some((site, host)) = word.split_once('@') {
            let host = host.to_ascii_lowercase();
            return Ok(Target::Host(self.named(site)?, host.into()));
        }
        if let Some((site, worker)) = word.rsplit_once('#') {
            let worker = self.number(worker, 0, WORKERS - 1)?;
            return Ok(Target::Worker(self.named(site)?, WorkerId(worker)));
        }
        self.named(word).map(Target::Site)
    }

    fn number(&self, word: &str, least: u32, most: u32) -> Result<u32> {
        match word.parse() {
            Ok(n) if (least..=most).contains(&n) => Ok(n),
            _ => bad(format!(
                "`{word}` is no number from {least} to {most}; {}",
                self.usage()
            )),
        }
    }

    fn number_or_none(&mut self, most: u64) -> Result<Option<u64>> {
        match self.word("a number, or `none`")? {
            "none" => Ok(None),
            word => match word.parse() {
                Ok(n) if n <= most => Ok(Some(n)),
                _ => bad(format!("`{word}` is no whole number; {}", self.usage())),
            },
        }
    }

    fn range(&self, text: &str) -> Result<AutoRange> {
        let Some((min, max)) = text.split_once("..") else {
            return bad(format!("`{text}` is no range; write auto:2..64"));
        };
        let range = AutoRange {
            min: self.number(min, 1, 1024)?,
            max: self.number(max, 1, 1024)?,
        };
        if range.min > range.max {
            return bad(format!("`{text}` has its ends swapped; write auto:2..64"));
        }
        Ok(range)
    }

    /// Which pages; `state` where the filter does not say it itself.
    fn pages(&mut self, state: Option<PageState>) -> Result<Pick> {
        let mut filter = PageFilter {
            state,
            ..PageFilter::default()
        };
        let mut ids = Vec::new();
        let first = self.word("which pages")?;
        let mut words: Vec<&str> = self.words.drain(..).collect();
        match first {
            "all" => {}
            word if word.contains('=') => words.insert(0, word),
            name => filter.site = Some(self.named(name)?),
        }
        for word in words {
            let Some((key, value)) = word.split_once('=') else {
                return bad(format!("`{word}` chooses no pages; {}", self.usage()));
            };
            match key {
                "page" => {
                    for id in value.split(',') {
                        ids.push(PageId(self.number(id, 1, u32::MAX)?));
                    }
                }
                "state" => {
                    let found = PageState::ALL.into_iter().find(|s| s.as_str() == value);
                    match found {
                        Some(state) => filter.state = Some(state),
                        None => {
                            return bad(format!(
                                "`{value}` is no state; write done, failed, skipped or queued"
                            ));
                        }
                    }
                }
                "kind" => match value.parse::<FailureKind>() {
                    Ok(kind) => filter.kind = Some(kind),
                    Err(()) => {
                        let kinds: Vec<&str> =
                            FailureKind::ALL.iter().map(|kind| kind.as_str()).collect();
                        return bad(format!(
                            "`{value}` is no kind of failure; write one of {}",
                            kinds.join(", ")
                        ));
                    }
                },
                // A u16 by its bounds.
                "status" => filter.status = u16::try_from(self.number(value, 100, 999)?).ok(),
                "host" => filter.host = Some(value.to_ascii_lowercase()),
                "depth" => filter.depth = Some(self.number(value, 0, u32::MAX)?),
                "text" => (filter.text, filter.invert) = (value.to_owned(), false),
                "not" => (filter.text, filter.invert) = (value.to_owned(), true),
                _ => return bad(format!("`{key}=` chooses no pages; {}", self.usage())),
            }
        }
        if ids.is_empty() {
            return Ok(Pick::Matching(filter));
        }
        let alone = PageFilter {
            state,
            ..PageFilter::default()
        };
        if filter != alone {
            return bad("`page=` stands alone: it names its pages already");
        }
        Ok(Pick::Pages(ids))
    }
}

/// `250ms`, `2s`, `1.5s`, `1m`, `1h`, or a number of milliseconds.
fn time(word: &str) -> Option<Duration> {
    let digits = word
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    let factor = match unit {
        "" | "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let seconds = number.parse::<f64>().ok()? * factor;
    (seconds <= 3600.0).then(|| Duration::from_millis((seconds * 1000.0).round() as u64))
}

fn nearest(word: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(far, name)| *far <= 1 + name.len() / 3)
        .min()
        .map_or_else(String::new, |(_, name)| format!("; do you mean `{name}`?"))
}

/// What may stand next after `words`, for completion: the verbs, or what fits
/// the argument that is begun.
pub fn expected(words: &[&str]) -> Option<Arg> {
    let (first, rest) = words.split_first()?;
    let args = find(first)?.args;
    let last = args.last().copied();
    args.get(rest.len())
        .copied()
        .or(last.filter(|arg| matches!(arg, Arg::Urls | Arg::Pages)))
}
