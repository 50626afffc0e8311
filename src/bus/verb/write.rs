//! From a command to its words.

use crate::bus::{Command, PageFilter, Pick, RungSet, Target};
use crate::page::money::amount;
use crate::page::{PageId, SiteId};
use std::time::Duration;

/// A command in the words that [`super::read`] reads back; `names` are the
/// sites' in the job's order.
pub fn words<S: AsRef<str>>(command: &Command, names: &[S]) -> String {
    let site = |id: &SiteId| name(names, *id);
    match command {
        Command::Pause(target) => format!("pause {}", whom(target, names)),
        Command::Resume(target) => format!("resume {}", whom(target, names)),
        Command::Concurrency(id, n) => format!("concurrency {} {n}", site(id)),
        Command::Auto(id, None) => format!("concurrency {} auto", site(id)),
        Command::Auto(id, Some(range)) => {
            format!("concurrency {} auto:{}..{}", site(id), range.min, range.max)
        }
        Command::Delay(id, delay) => format!("delay {} {}", site(id), time(*delay)),
        Command::MaxPages(id, most) => format!("pages {} {}", site(id), or_none(*most)),
        Command::MaxDepth(id, most) => {
            format!("depth {} {}", site(id), or_none(most.map(u64::from)))
        }
        Command::Retries(id, n) => format!("retries {} {n}", site(id)),
        Command::Rung(id, rung, set) => {
            let (site, rung) = (site(id), rung.as_str());
            match set {
                RungSet::Pause => format!("rung-pause {site} {rung}"),
                RungSet::Resume => format!("rung-resume {site} {rung}"),
                RungSet::Concurrency(n) => format!("rung-concurrency {site} {rung} {n}"),
                RungSet::Delay(delay) => format!("rung-delay {site} {rung} {}", time(*delay)),
                RungSet::Timeout(limit) => format!("rung-timeout {site} {rung} {}", time(*limit)),
                RungSet::Requests(most) => {
                    format!("rung-requests {site} {rung} {}", or_none(*most))
                }
                RungSet::Money(most) => {
                    let most = most.map_or_else(|| "none".to_owned(), amount);
                    format!("rung-money {site} {rung} {most}")
                }
            }
        }
        Command::Drain(id, true) => format!("drain {}", site(id)),
        Command::Drain(id, false) => format!("drain {} off", site(id)),
        Command::Finish(id) => format!("finish {}", site(id)),
        Command::Refresh(id) => format!("refresh {}", site(id)),
        Command::StartOver(id) => format!("start-over {}", site(id)),
        Command::Add(id, urls) => {
            let urls: Vec<String> = urls.iter().map(|url| quoted(url)).collect();
            format!("add {} {}", site(id), urls.join(" "))
        }
        Command::Force(pick) => format!("force {}", picked(pick, names)),
        Command::Drop {
            site: of,
            pattern,
            preview,
        } => {
            let of = of.as_ref().map_or_else(|| "all".to_owned(), site);
            let preview = if *preview { " preview" } else { "" };
            format!("drop {of} {}{preview}", quoted(pattern))
        }
        Command::Rule {
            site: of,
            include,
            pattern,
        } => {
            let verb = if *include { "include" } else { "exclude" };
            format!("{verb} {} {}", site(of), quoted(pattern))
        }
        Command::Lift {
            site: of,
            shape,
            lifted,
        } => {
            let off = if *lifted { "" } else { " off" };
            format!("lift {} {}{off}", site(of), quoted(shape))
        }
        Command::Retry(pick) => format!("retry {}", picked(pick, names)),
        Command::RetrySources { site: of, name } => {
            let of = of.as_ref().map_or_else(|| "all".to_owned(), site);
            let name = name.as_deref().map(|name| format!(" {}", quoted(name)));
            format!("retry-sources {of}{}", name.unwrap_or_default())
        }
        Command::Ignore(pick) => format!("ignore {}", picked(pick, names)),
        Command::Reload { preview: false } => "reload".to_owned(),
        Command::Reload { preview: true } => "reload preview".to_owned(),
        Command::Undo => "undo".to_owned(),
        Command::Stop => "stop".to_owned(),
        Command::StopNow => "stop-now".to_owned(),
    }
}

fn name<S: AsRef<str>>(names: &[S], id: SiteId) -> String {
    // A site that is not of this job can only come from a mistaken client.
    names
        .get(id.index())
        .map_or_else(|| format!("site-{}", id.0), |name| name.as_ref().to_owned())
}

fn whom<S: AsRef<str>>(target: &Target, names: &[S]) -> String {
    match target {
        Target::All => "all".to_owned(),
        Target::Site(id) => name(names, *id),
        Target::Host(id, host) => format!("{}@{host}", name(names, *id)),
        Target::Worker(id, worker) => format!("{}#{}", name(names, *id), worker.0),
    }
}

fn picked<S: AsRef<str>>(pick: &Pick, names: &[S]) -> String {
    match pick {
        Pick::Pages(pages) => {
            let ids: Vec<String> = pages.iter().map(|PageId(id)| id.to_string()).collect();
            format!("page={}", ids.join(","))
        }
        Pick::Matching(filter) => filter_words(filter, names),
    }
}

/// A filter in words.
pub fn filter_words<S: AsRef<str>>(filter: &PageFilter, names: &[S]) -> String {
    let mut words = match filter.site {
        Some(id) => name(names, id),
        None => "all".to_owned(),
    };
    let mut add = |key: &str, value: String| {
        words.push(' ');
        words.push_str(&quoted(&format!("{key}={value}")));
    };
    if let Some(state) = filter.state {
        add("state", state.as_str().to_owned());
    }
    if let Some(kind) = filter.kind {
        add("kind", kind.as_str().to_owned());
    }
    if let Some(status) = filter.status {
        add("status", status.to_string());
    }
    if let Some(host) = &filter.host {
        add("host", host.clone());
    }
    if let Some(depth) = filter.depth {
        add("depth", depth.to_string());
    }
    if !filter.text.is_empty() {
        let key = if filter.invert { "not" } else { "text" };
        add(key, filter.text.clone());
    }
    words
}

fn or_none(most: Option<u64>) -> String {
    most.map_or_else(|| "none".to_owned(), |n| n.to_string())
}

fn time(delay: Duration) -> String {
    format!("{}ms", delay.as_millis())
}

/// A word that [`super::split`] gives back whole.
fn quoted(word: &str) -> String {
    let plain = |c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut text = String::from("\"");
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}
