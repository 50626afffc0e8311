//! The words of every command: what `crawldeck ctl` and the palette read, the
//! journal writes and the help lists. One table, so that none can lack a word.

use crate::page::Rung;

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use self::read::{BadWords, expected, read, split};
pub use self::write::{filter_words, words};

/// One kind of argument, for completion and for the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arg {
    /// `all`, `SITE`, `SITE@HOST` or `SITE#WORKER`.
    Target,
    /// A site's name.
    Site,
    /// A site's name or `all`.
    Sites,
    /// A whole number, or one of these words.
    Number(&'static [&'static str]),
    /// A length of time: `250ms`, `2s`, `1m`.
    Time,
    /// The shape of a trap, such as `example.org/{date}`.
    Shape,
    /// The name of a sitemap, a list or an API; may be left out.
    Source,
    /// A rung of a site's ladder.
    Rung,
    /// An amount of money, or `none`.
    Money,
    /// A regular expression for path and query.
    Pattern,
    /// Absolute URLs, at least one.
    Urls,
    /// Which pages: `all`, `SITE`, `page=ID,…`, `state=`, `kind=`, `status=`,
    /// `host=`, `depth=`, `text=`, `not=`.
    Pages,
    /// Nothing or one of these words.
    Flag(&'static [&'static str]),
}

impl Arg {
    /// How the argument is shown in a line of usage.
    pub fn usage(self) -> String {
        match self {
            Self::Target => "all|SITE|SITE@HOST|SITE#WORKER".to_owned(),
            Self::Site => "SITE".to_owned(),
            Self::Sites => "all|SITE".to_owned(),
            Self::Number([]) => "N".to_owned(),
            Self::Number(words) => format!("N|{}", words.join("|")),
            Self::Time => "TIME".to_owned(),
            Self::Shape => "SHAPE".to_owned(),
            Self::Source => "[SOURCE]".to_owned(),
            Self::Rung => Rung::ALL.map(Rung::as_str).join("|"),
            Self::Money => "AMOUNT|none".to_owned(),
            Self::Pattern => "REGEX".to_owned(),
            Self::Urls => "URL…".to_owned(),
            Self::Pages => "all|SITE [page=ID,…] [state=…] [kind=…] [status=N] [host=…] [depth=N] \
                 [text=…] [not=…]"
                .to_owned(),
            Self::Flag(words) => format!("[{}]", words.join("|")),
        }
    }
}

/// One command in words.
#[derive(Debug)]
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// What follows it.
    pub args: &'static [Arg],
    /// What it does, in one line.
    pub help: &'static str,
    /// Whether it cannot be undone, so that a face must ask first.
    pub asks: bool,
}

impl Verb {
    /// The verb and its arguments in one line.
    pub fn usage(&self) -> String {
        let mut line = self.name.to_owned();
        for arg in self.args {
            line.push(' ');
            line.push_str(&arg.usage());
        }
        line
    }
}

macro_rules! verbs {
    ($($name:literal [$($arg:expr),*] $asks:literal $help:literal;)*) => {
        /// Every verb, in the order of the help.
        pub const VERBS: &[Verb] = &[$(Verb {
            name: $name,
            args: &[$($arg),*],
            help: $help,
            asks: $asks,
        }),*];
    };
}

verbs! {
    "pause" [Arg::Target] false "start no further request there; what is in flight is finished";
    "resume" [Arg::Target] false "go on";
    "concurrency" [Arg::Site, Arg::Number(&["auto", "auto:MIN..MAX"])] false
        "set a site's workers, or let them tune themselves";
    "delay" [Arg::Site, Arg::Time] false "set the time between two requests to one host";
    "pages" [Arg::Site, Arg::Number(&["none"])] false "set how many pages a site may fetch";
    "depth" [Arg::Site, Arg::Number(&["none"])] false
        "set how many links from its start page a site may go";
    "retries" [Arg::Site, Arg::Number(&[])] false "set the attempts of a page after its first";
    "rung-pause" [Arg::Site, Arg::Rung] false "let a rung of a site's ladder take no further page";
    "rung-resume" [Arg::Site, Arg::Rung] false "let a rung go on, or try again where it was down";
    "rung-concurrency" [Arg::Site, Arg::Rung, Arg::Number(&[])] false
        "set how many requests a rung makes at a time";
    "rung-delay" [Arg::Site, Arg::Rung, Arg::Time] false
        "set the time between two requests of a rung to one host";
    "rung-timeout" [Arg::Site, Arg::Rung, Arg::Time] false
        "set how long one request of a rung may take";
    "rung-requests" [Arg::Site, Arg::Rung, Arg::Number(&["none"])] false
        "set how many requests a rung may make in all";
    "rung-money" [Arg::Site, Arg::Rung, Arg::Money] false
        "set how much money a rung may spend in all";
    "drain" [Arg::Site, Arg::Flag(&["off"])] false
        "follow no more links and finish the queue, or follow them again";
    "finish" [Arg::Site] true "finish what is in flight of a site and end it; its queue stays";
    "refresh" [Arg::Site] false "ask a site's pages again, whether they have changed";
    "start-over" [Arg::Site] true "forget a site's pages and records and begin again";
    "add" [Arg::Site, Arg::Urls] false "add URLs to a site's queue";
    "force" [Arg::Pages] true "fetch these pages again, whatever became of them";
    "drop" [Arg::Sites, Arg::Pattern, Arg::Flag(&["preview"])] true
        "take queued pages whose path and query match out of the queue";
    "include" [Arg::Site, Arg::Pattern] false "add a pattern to the site's scope.include";
    "exclude" [Arg::Site, Arg::Pattern] false "add a pattern to the site's scope.exclude";
    "lift" [Arg::Site, Arg::Shape, Arg::Flag(&["off"])] false
        "take every page of a trap's shape, those left out too, or cap it again";
    "retry" [Arg::Pages] false "send failed pages round again";
    "retry-sources" [Arg::Sites, Arg::Source] false
        "ask sitemaps, lists and APIs that failed again, all of them or those of this name";
    "ignore" [Arg::Pages] true "take failed pages out of the failures";
    "reload" [Arg::Flag(&["preview"])] false "read the sites file again and apply it";
    "undo" [] false "take back the last change of a control";
    "stop" [] true "end the run: finish what is in flight, save, and go";
    "stop-now" [] true "end the run at once: drop what is in flight, save, and go";
}

/// The verb of this name.
pub fn find(name: &str) -> Option<&'static Verb> {
    VERBS.iter().find(|verb| verb.name == name)
}
