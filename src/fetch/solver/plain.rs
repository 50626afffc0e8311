//! What Chromium makes of an answer that is no HTML: a document around it,
//! with the text in one `pre`. Taken apart, it is the text again.

/// The text of a document that is a text file in Chromium's wrapping.
pub(super) fn text(html: &str) -> Option<String> {
    let body = html.find("<body").map(|at| &html[at..])?;
    let (_, body) = body.split_once('>')?;
    let inner = body.trim_start().strip_prefix("<pre")?;
    let (attributes, inner) = inner.split_once('>')?;
    // The style is Chromium's own; a page's `pre` has it not.
    if !attributes.contains("white-space: pre-wrap") {
        return None;
    }
    let (text, rest) = inner.split_once("</pre>")?;
    // JSON has an empty element behind it, for its formatter.
    let rest = rest.replace("<div class=\"json-formatter-container\"></div>", "");
    let over = rest.trim_start().starts_with("</body>");
    (over && !text.contains('<')).then(|| htmlize::unescape(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_out_and_pages_left() {
        const STYLE: &str = "style=\"word-wrap: break-word; white-space: pre-wrap;\"";
        let wrapped = |text: &str, more: &str| {
            format!(
                "<html><head><meta name=\"color-scheme\" content=\"light dark\"></head><body>\
                 <pre {STYLE}>{text}</pre>{more}</body></html>"
            )
        };
        let json = "<div class=\"json-formatter-container\"></div>";
        for (html, want) in [
            (
                wrapped("User-agent: *\nDisallow: /a", ""),
                Some("User-agent: *\nDisallow: /a"),
            ),
            (
                wrapped("{\"a\":\"&lt;b&gt; &amp;\"}", json),
                Some("{\"a\":\"<b> &\"}"),
            ),
            (wrapped("a <b>b</b>", ""), None),
            (wrapped("a", "<p>more</p>"), None),
            ("<html><body><pre>a</pre></body></html>".to_owned(), None),
            (String::new(), None),
            ("<body".to_owned(), None),
        ] {
            assert_eq!(text(&html).as_deref(), want, "{html}");
        }
    }
}
