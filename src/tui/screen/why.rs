//! Why a URL was taken or left, and what is known of it.

use super::Screen;
use super::page::Detail;
use crate::bus::{Ask, Command, Pick, Told};
use crate::page::SiteId;
use crate::tui::action::Action;
use crate::tui::asked::Asked;
use crate::tui::draw::Pen;
use crate::tui::state::{Effect, Shared, View};
use crate::tui::submit::submit;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// The screen.
#[derive(Debug)]
pub struct Why {
    of: SiteId,
    url: String,
    /// What the rules say, and whether they take it.
    verdict: Option<(String, bool)>,
    /// Records that answers of APIs at this address gave.
    answered: u64,
    detail: Detail,
    asked: Asked,
}

impl Why {
    /// The screen of one URL.
    pub fn new(of: SiteId, url: String) -> Self {
        Self {
            of,
            url,
            verdict: None,
            answered: 0,
            detail: Detail::default(),
            asked: Asked::default(),
        }
    }
}

impl Screen for Why {
    fn view(&self) -> View {
        View::Why(self.of, self.url.clone())
    }

    fn crumb(&self, _: &Shared) -> String {
        "why".to_owned()
    }

    fn render(&mut self, pen: &mut Pen, area: Rect, shared: &Shared) {
        let theme = pen.theme;
        let mut first = vec![
            (
                format!("{}: {}", shared.site_name(self.of), self.url),
                theme.strong(),
            ),
            match &self.verdict {
                Some((words, true)) => (format!("taken: {words}"), theme.good()),
                Some((words, false)) => (format!("refused: {words}"), theme.bad()),
                None => (self.asked.words().to_owned(), theme.faint()),
            },
            (String::new(), Style::new()),
        ];
        if self.verdict.is_some() && self.detail.page.is_none() {
            first.push(("no page with this URL is known".to_owned(), theme.faint()));
        }
        if self.answered > 0 {
            let words = format!(
                "an API's address: its answers gave {} records",
                self.answered
            );
            first.push((words, theme.good()));
        }
        self.detail.draw(pen, area, first, shared);
    }

    fn act(&mut self, action: Action, shared: &mut Shared) -> Vec<Effect> {
        if let Some(effects) = self.detail.act(action, shared) {
            return effects;
        }
        let page = self.detail.page.as_ref().map(|page| page.id);
        match (action, page) {
            (Action::Enter, Some(id)) => shared.open(View::Page(id)),
            (Action::Force, Some(id)) => {
                return submit(shared, Command::Force(Pick::Pages(vec![id])));
            }
            _ => {}
        }
        Vec::new()
    }

    fn question(&mut self, shared: &Shared) -> Option<(Ask, u64)> {
        let ask = Ask::Why {
            site: self.of,
            url: self.url.clone(),
        };
        Some((ask, shared.answers))
    }

    fn asked(&mut self) -> Option<&mut Asked> {
        Some(&mut self.asked)
    }

    fn told(&mut self, told: Told, _: &mut Shared) {
        if let Told::Why(why) = told {
            self.verdict = Some((why.verdict, why.taken));
            self.answered = why.answered;
            self.detail.set(why.page);
        }
    }

    fn site(&mut self, _: &Shared) -> Option<SiteId> {
        Some(self.of)
    }

    fn url(&mut self, _: &Shared) -> Option<String> {
        Some(self.url.clone())
    }
}
