//! Pages that are made by scripts: a shell without content, which a browser
//! would fill.

use super::block::{count_words, find_tag};

/// Bytes of a page that are looked at.
const LOOK: usize = 256 * 1024;
/// Words of text in a shell at most, its title among them: "Loading…" and a
/// name.
const WORDS: usize = 25;
/// Where frameworks put a page: React and its kin, Vue, Next, Nuxt, Gatsby,
/// Angular, Ember, SvelteKit, Docusaurus, Gradio.
const MOUNTS: [&str; 12] = [
    "id=\"root\"",
    "id=\"app\"",
    "id=\"__next\"",
    "id=\"__nuxt\"",
    "id=\"___gatsby\"",
    "id=\"svelte\"",
    "id=\"react-root\"",
    "id=\"mount\"",
    "id=\"__docusaurus\"",
    "<app-root",
    "<gradio-app",
    "data-reactroot",
];
/// What shows something without a script's help.
const SHOWS: [&str; 10] = [
    "<img",
    "<video",
    "<audio",
    "<iframe",
    "<frame",
    "<object",
    "<embed",
    "<form",
    "<svg",
    "http-equiv=\"refresh\"",
];

/// Whether a page without links is a shell that its scripts would fill: next to
/// no text, nothing else to see, a script, and a place for it to write to or
/// the word that it is wanted.
pub fn needs_scripts(html: &str) -> bool {
    if html.len() > LOOK || find_tag(html, "<script").is_none() {
        return false;
    }
    let lower = html.to_ascii_lowercase().replace('\'', "\"");
    if SHOWS.iter().any(|tag| lower.contains(tag)) || count_words(html) > WORDS {
        return false;
    }
    let asked = find_tag(&lower, "<noscript").is_some_and(|at| {
        let text = lower[at..].split("</noscript").next().unwrap_or_default();
        text.contains("javascript") || text.contains("enable js")
    });
    asked || MOUNTS.iter().any(|mount| lower.contains(mount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_has_a_script_and_nothing_to_read() {
        let long = "word ".repeat(60);
        let full = format!("<div id=root><p>{long}</p></div><script src=a.js></script>");
        for (html, want) in [
            (
                "<title>Shop</title><div id=\"root\"></div><script src=/main.js></script>",
                true,
            ),
            (
                "<body><app-root></app-root><script type=module src=x.js></script></body>",
                true,
            ),
            (
                "<noscript>You need to enable JavaScript to run this app.</noscript>\
                 <div id='x'></div><SCRIPT>boot()</SCRIPT>",
                true,
            ),
            ("<div id=\"root\"></div>", false),
            ("<p>ok</p><script>count()</script>", false),
            (
                "<img src=a.png><div id=\"app\"></div><script></script>",
                false,
            ),
            ("<form id=\"app\"></form><script></script>", false),
            (
                "<meta http-equiv='refresh' content='0;/a'><div id=\"app\"></div><script></script>",
                false,
            ),
            (&full, false),
            ("", false),
        ] {
            assert_eq!(needs_scripts(html), want, "{html}");
        }
    }
}
