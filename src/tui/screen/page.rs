//! One page: attempts, the way to it, headers, records, its body.

use super::body::{self, Shape};
use super::cells::state_style;
use super::{Screen, steps};
use crate::bus::{Ask, Command, PageDetail, Pick, Told};
use crate::page::time::time_of_day;
use crate::page::{PageId, PageState, SiteId};
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::palette::Name;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::time::Duration;

/// The screen.
#[derive(Debug)]
pub struct Page {
    id: PageId,
    detail: Detail,
    asked: Asked,
    gone: bool,
}

/// All that is known of a page, scrolled.
#[derive(Debug, Default)]
pub struct Detail {
    /// The page.
    pub page: Option<Box<PageDetail>>,
    shape: Option<Shape>,
    top: usize,
    height: usize,
}

impl Detail {
    /// Takes what is known.
    pub fn set(&mut self, page: Option<Box<PageDetail>>) {
        self.page = page;
    }

    fn shape(&self) -> Shape {
        let body = self.page.as_ref().map_or(&[][..], |page| &page.body);
        self.shape.unwrap_or_else(|| Shape::of(body))
    }

    /// Draws what is known, `first` above it.
    pub fn draw(
        &mut self,
        pen: &mut Pen,
        area: Rect,
        first: Vec<(String, Style)>,
        shared: &Shared,
    ) {
        let mut all = first;
        if let Some(page) = &self.page {
            all.extend(lines(page, pen.theme, shared));
            all.extend(self.body(page, pen.theme));
        }
        self.height = usize::from(area.height).max(1);
        self.top = self.top.min(all.len().saturating_sub(self.height));
        for (y, (words, style)) in (area.y..area.bottom()).zip(all.iter().skip(self.top)) {
            let cut = text::cut_end(
                &text::clean(words),
                usize::from(area.width),
                pen.theme.cut(),
            );
            pen.put(area, area.x, y, &cut, *style);
        }
    }

    fn body(&self, page: &PageDetail, theme: Theme) -> Vec<(String, Style)> {
        if page.body.is_empty() {
            return Vec::new();
        }
        let shape = self.shape();
        let head = format!(
            "BODY as {}, {} kept   b shows it as {}",
            shape.as_str(),
            text::bytes(page.body.len() as u64),
            shape.next().as_str()
        );
        let mut lines = vec![(String::new(), Style::new()), (head, theme.accent())];
        let of_body = body::lines(&page.body, shape).into_iter();
        lines.extend(of_body.map(|line| (format!("  {line}"), Style::new())));
        lines
    }

    /// What an action does to it; `None` where that is nothing.
    pub fn act(&mut self, action: Action, shared: &mut Shared) -> Option<Vec<Effect>> {
        match action {
            Action::Body => {
                self.shape = Some(self.shape().next());
            }
            Action::Pager | Action::PagerRaw => {
                let Some(page) = self.page.as_ref().filter(|page| !page.body.is_empty()) else {
                    shared.toast("no body is kept of this page", false);
                    return Some(Vec::new());
                };
                let bytes = if action == Action::PagerRaw {
                    page.body.clone()
                } else {
                    let lines = body::lines(&page.body, self.shape());
                    let clean = lines.iter().map(|line| text::clean(line) + "\n");
                    clean.collect::<String>().into_bytes()
                };
                return Some(vec![Effect::Pager(bytes)]);
            }
            action => {
                let by = steps(action, self.height)?;
                self.top = self.top.saturating_add_signed(by.clamp(-100_000, 100_000));
            }
        }
        Some(Vec::new())
    }
}

impl Page {
    /// The screen of one page.
    pub fn new(id: PageId) -> Self {
        Self {
            id,
            detail: Detail::default(),
            asked: Asked::default(),
            gone: false,
        }
    }
}

impl Screen for Page {
    fn view(&self) -> View {
        View::Page(self.id)
    }

    fn crumb(&self, _: &Shared) -> String {
        format!("page {}", self.id)
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        if self.detail.page.is_none() {
            let words = match self.gone {
                true => "there is no such page any more",
                false => self.asked.words(),
            };
            let style = pen.theme.faint();
            pen.put(area, area.x, area.y, words, style);
        }
        self.detail.draw(pen, area, Vec::new(), shared);
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        if let Some(effects) = self.detail.act(action, shared) {
            return effects;
        }
        let pick = Pick::Pages(vec![self.id]);
        let failed = self.detail.page.as_ref().map(|page| page.state) == Some(PageState::Failed);
        let command = match (action, &self.detail.page) {
            (Action::Retry, _) if failed => Command::Retry(pick),
            (Action::Ignore, _) if failed => Command::Ignore(pick),
            (Action::Retry | Action::Ignore, Some(_)) => {
                shared.toast("the page is not failed; F fetches it again", false);
                return Vec::new();
            }
            (Action::Force, _) => Command::Force(pick),
            (Action::Why, Some(page)) => {
                shared.open(View::Why(page.site, page.url.clone()));
                return Vec::new();
            }
            _ => return Vec::new(),
        };
        submit(shared, command)
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let version = shared.snapshot.totals.pages.over() ^ shared.answers << 48;
        Some((Ask::Page(self.id), version))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        if let Told::Page(page) = told {
            self.gone = page.is_none();
            self.detail.set(page);
        }
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        self.detail.page.as_ref().map(|page| page.site)
    }

    fn url(&mut self, _: &Shared) -> Option<String> {
        self.detail.page.as_ref().map(|page| page.url.clone())
    }

    fn row(&mut self, shared: &Shared) -> Option<String> {
        let page = self.detail.page.as_ref()?;
        let lines = lines(page, Theme::of(Name::Mono, true), shared);
        Some(lines.into_iter().map(|(line, _)| line + "\n").collect())
    }
}

/// What is known of a page, without its body.
fn lines(page: &PageDetail, theme: Theme, shared: &Shared) -> Vec<(String, Style)> {
    let plain = Style::new();
    let mut lines = vec![
        (page.url.clone(), theme.strong()),
        (
            format!(
                "{} {}   site {}   {} links from the start   found by {}   {}",
                page.state.as_str(),
                page.reason,
                shared.site_name(page.site),
                page.depth,
                page.via,
                page.content_type,
            ),
            state_style(theme, page.state),
        ),
    ];
    let head = |lines: &mut Vec<(String, Style)>, text: &str| {
        lines.push((String::new(), plain));
        lines.push((text.to_owned(), theme.accent()));
    };
    if !page.attempts.is_empty() {
        head(&mut lines, "ATTEMPTS");
    }
    let first = page.attempts.first().map_or(0, |first| first.at);
    let longest = page
        .attempts
        .iter()
        .map(|a| a.elapsed_ms)
        .max()
        .unwrap_or(1);
    for (n, attempt) in page.attempts.iter().enumerate() {
        let status = attempt
            .status
            .map_or("-".to_owned(), |status| status.to_string());
        let kind = attempt.kind.map_or("ok", |kind| kind.as_str());
        let after = Duration::from_millis(attempt.at.saturating_sub(first));
        let part = f64::from(attempt.elapsed_ms) / f64::from(longest.max(1));
        lines.push((
            format!(
                "  {:>2}  {} +{:<8} {}  status {status}  {kind}  {} {}  {}  {}",
                n + 1,
                time_of_day(attempt.at),
                text::span(after),
                attempt.rung,
                theme.bar(part, 6),
                text::millis(f64::from(attempt.elapsed_ms)),
                text::bytes(attempt.bytes),
                attempt.detail
            ),
            plain,
        ));
    }
    let pictures = page.attempts.iter().rev();
    if let Some(file) = pictures
        .filter_map(|attempt| attempt.picture.as_ref())
        .next()
    {
        lines.push((format!("  pictured in {file}"), plain));
    }
    head(&mut lines, "THE WAY HERE");
    for (n, url) in page.path.iter().enumerate() {
        lines.push((format!("  {n:>2}  {url}"), plain));
    }
    lines.push((
        format!("  {:>2}  {}", page.path.len(), page.url),
        theme.strong(),
    ));
    if !page.redirect.is_empty() {
        lines.push((format!("  it redirects to {}", page.redirect), theme.warn()));
    }
    if let Some(links) = &page.links {
        let count = |n: u64, all: bool| format!("{n}{}", if all { "" } else { " or more" });
        head(&mut lines, "LINKS");
        lines.push((
            format!(
                "  {} pages link here, it links to {}",
                count(links.inlinks, links.all_in),
                count(links.outlinks, links.all_out)
            ),
            plain,
        ));
        let from = links.from.iter();
        lines.extend(from.map(|url| (format!("  linked from {url}"), plain)));
    }
    if !page.records.is_empty() {
        head(&mut lines, "RECORDS");
        for (name, fields) in &page.records {
            lines.push((format!("  {name} {fields}"), plain));
        }
    }
    if !page.headers.is_empty() {
        head(&mut lines, "HEADERS");
        for (name, value) in &page.headers {
            lines.push((format!("  {name}: {value}"), plain));
        }
    }
    lines
}
