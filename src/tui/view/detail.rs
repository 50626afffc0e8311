//! One page: attempts, headers, the way to it, the beginning of its body.

use crate::bus::PageDetail;
use crate::tui::draw::Pen;
use crate::tui::state::State;
use crate::tui::text;
use crate::tui::theme::Theme;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws it.
pub fn draw(pen: &mut Pen, area: Rect, state: &mut State) {
    let Some(page) = &state.detail else {
        pen.put(area, area.x, area.y, "looking", pen.theme.faint());
        return;
    };
    let lines = lines(page, pen.theme);
    let height = usize::from(area.height);
    let top = state.detail_top.min(lines.len().saturating_sub(height));
    for (y, (words, style)) in (area.y..area.bottom()).zip(lines.iter().skip(top)) {
        pen.put(area, area.x, y, words, *style);
    }
    state.detail_top = top;
    state.rows = height.max(1);
}

/// The page in lines.
fn lines(page: &PageDetail, theme: Theme) -> Vec<(String, Style)> {
    let plain = Style::new();
    let mut lines = vec![
        (page.url.clone(), theme.strong()),
        (
            format!(
                "{} {}   {} links from the start",
                page.state.as_str(),
                page.reason,
                page.depth
            ),
            theme.bad(),
        ),
        (String::new(), plain),
        ("ATTEMPTS".to_owned(), theme.accent()),
    ];
    for (n, attempt) in page.attempts.iter().enumerate() {
        let status = attempt
            .status
            .map_or("-".to_owned(), |status| status.to_string());
        let kind = attempt.kind.map_or("ok", |kind| kind.as_str());
        let first = page.attempts.first().map_or(0, |first| first.at);
        let after = std::time::Duration::from_millis(attempt.at.saturating_sub(first));
        lines.push((
            format!(
                "  {:>2}  +{:<8} {}  status {status}  {kind}  in {}  {}  {}",
                n + 1,
                text::span(after),
                attempt.rung,
                text::millis(f64::from(attempt.elapsed_ms)),
                text::bytes(attempt.bytes),
                attempt.detail
            ),
            plain,
        ));
    }
    lines.push((String::new(), plain));
    lines.push(("THE WAY HERE".to_owned(), theme.accent()));
    for (n, url) in page.path.iter().enumerate() {
        lines.push((format!("  {n:>2}  {url}"), plain));
    }
    lines.push((
        format!("  {:>2}  {}", page.path.len(), page.url),
        theme.strong(),
    ));
    if !page.headers.is_empty() {
        lines.push((String::new(), plain));
        lines.push(("HEADERS".to_owned(), theme.accent()));
        for (name, value) in &page.headers {
            lines.push((format!("  {name}: {value}"), plain));
        }
    }
    if !page.body.is_empty() {
        lines.push((String::new(), plain));
        lines.push(("BODY".to_owned(), theme.accent()));
        let body = String::from_utf8_lossy(&page.body);
        lines.extend(
            body.lines()
                .map(|line| (format!("  {}", line.replace('\t', "  ")), plain)),
        );
    }
    lines
}
