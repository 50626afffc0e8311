//! A site in figures: pages, controls, rates, and why it stands or moved.

use crate::bus::Copied;
use crate::monitor::SiteView;
use crate::monitor::line::clock;
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::style::Style;

/// The site's figures and controls, the weightiest first.
pub fn numbers(theme: Theme, site: &SiteView, width: u16) -> Vec<(String, Style)> {
    let plain = Style::new();
    let (glyph, style) = theme.state(site.state);
    let why = site.why.as_deref().map(|why| format!(" ({why})"));
    let pages = &site.pages;
    let controls = &site.controls;
    let auto = match &controls.auto {
        Some(range) => format!(" auto {}..{}", range.min, range.max),
        None => String::new(),
    };
    let drain = if controls.draining { "   DRAINING" } else { "" };
    let narrow = width < 70;
    let mut lines = vec![(
        format!(
            "{glyph} {}{}  {}",
            site.state.as_str(),
            why.unwrap_or_default(),
            site.start
        ),
        style,
    )];
    if narrow {
        lines.push((
            format!(
                "{}/{} done, {} err, {}/{} work{drain}",
                text::count(pages.over()),
                text::count(pages.known()),
                text::count(pages.failed),
                site.busy(),
                controls.concurrency,
            ),
            theme.strong(),
        ));
    }
    if let Some(cause) = &site.standing {
        lines.push((format!("the queue stands still: {cause}"), theme.warn()));
    }
    if !narrow {
        let eta = site.eta.map(|eta| format!("   {} left", clock(eta)));
        lines.push((
            format!(
                "done {}   failed {}   skipped {}   queued {}   in flight {}   records {}   {}{}",
                pages.done,
                pages.failed,
                pages.skipped,
                pages.queued,
                pages.in_flight,
                site.records,
                text::bytes(site.bytes),
                eta.unwrap_or_default(),
            ),
            plain,
        ));
    }
    if site.round.number > 0 {
        let spared = u64::try_from(site.round.spared_bytes).unwrap_or(0);
        let spared = text::bytes(spared);
        lines.push((
            format!("crawled again, {}, {spared} not sent again", site.round),
            plain,
        ));
    }
    let or_none = |most: Option<u64>| most.map_or("any".to_owned(), |n| n.to_string());
    lines.push((
        format!(
            "workers {}/{}{auto}   delay {}   pages {}   depth {}   retries {}{drain}",
            site.busy(),
            controls.concurrency,
            text::span(controls.delay),
            or_none(controls.max_pages),
            or_none(controls.max_depth.map(u64::from)),
            controls.retries,
        ),
        theme.strong(),
    ));
    let rates = &site.throughput;
    lines.push((
        format!(
            "pages/s {} now, {} in 10s, {} in all   p50 {}  p95 {}  p99 {}",
            text::rate(rates.pages_1s),
            text::rate(rates.pages_10s),
            text::rate(rates.pages_run),
            text::millis(site.latency.p50),
            text::millis(site.latency.p95),
            text::millis(site.latency.p99),
        ),
        plain,
    ));
    let copied = site.copied;
    if copied != Copied::default() {
        let (exact, near) = (text::count(copied.exact), text::count(copied.near));
        let words = format!("pages with the text of another: {exact} word for word, {near} nearly");
        lines.push((words, theme.accent()));
    }
    if site.sources_failed > 0 {
        let words = format!(
            "{} of its sitemaps, lists and APIs could not be read: see sources",
            site.sources_failed
        );
        lines.push((words, theme.warn()));
    }
    if let Some(why) = &site.moved {
        lines.push((format!("workers moved: {why}"), theme.accent()));
    }
    if let Some((host, _)) = site.resting.first() {
        let more = match site.resting.len() - 1 {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        lines.push((
            format!("resting, as it asked for it or fails: {host}{more}"),
            theme.warn(),
        ));
    }
    lines
}
