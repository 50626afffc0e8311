//! HTML as Markdown (CommonMark, and tables as GitHub writes them).

use super::limits;
use scraper::{ElementRef, Node};
use std::fmt::Write as _;

/// Elements within elements that are gone along with; what is deeper is text.
const DEPTH: usize = 100;

/// An element's content as Markdown.
pub(super) fn of(element: ElementRef<'_>) -> String {
    let mut writer = Writer::default();
    writer.children(element, 0);
    writer.done()
}

#[derive(Default)]
struct Writer {
    out: String,
    /// What each line begins with, of quotes and lists.
    prefix: String,
    /// Line feeds that are due before the next text.
    due: usize,
    /// Whether a space is due before the next text.
    space: bool,
    /// Whether white space stands as it is written.
    verbatim: bool,
}

impl Writer {
    fn done(self) -> String {
        let lines: Vec<&str> = self
            .out
            .trim_matches('\n')
            .lines()
            .map(str::trim_end)
            .collect();
        lines.join("\n")
    }

    /// Begins a new block, with a blank line before it or without.
    fn block(&mut self, feeds: usize) {
        self.due = self.due.max(feeds);
        self.space = false;
    }

    /// Writes what is due before a text.
    fn settle(&mut self) {
        if self.out.is_empty() {
            self.due = 0;
            self.space = false;
        }
        if self.due > 0 {
            for _ in 0..std::mem::take(&mut self.due) {
                self.out.push('\n');
                self.out.push_str(&self.prefix);
            }
            self.space = false;
        }
        if std::mem::take(&mut self.space) && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
    }

    fn raw(&mut self, text: &str) {
        self.settle();
        self.out.push_str(text);
    }

    fn text(&mut self, text: &str) {
        if self.verbatim {
            self.settle();
            let mut lines = text.split('\n');
            self.out.push_str(lines.next().unwrap_or_default());
            for line in lines {
                if self.is_full() {
                    return;
                }
                self.out.push('\n');
                self.out.push_str(&self.prefix);
                self.out.push_str(line);
            }
            return;
        }
        let starts_apart = text.starts_with(char::is_whitespace);
        self.space |= starts_apart && self.due == 0;
        for (number, word) in text.split_whitespace().enumerate() {
            self.space |= number > 0;
            self.settle();
            for c in word.chars() {
                if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<') {
                    self.out.push('\\');
                }
                self.out.push(c);
            }
        }
        self.space |= text.ends_with(char::is_whitespace) && self.due == 0;
    }

    /// Whether there is more than a record holds: prefixes can make much of
    /// little.
    fn is_full(&self) -> bool {
        self.out.len() > 2 * limits::RECORD
    }

    fn children(&mut self, element: ElementRef<'_>, depth: usize) {
        for child in element.children() {
            if self.is_full() {
                return;
            }
            match child.value() {
                Node::Text(text) => self.text(text),
                Node::Element(_) => {
                    if let Some(element) = ElementRef::wrap(child) {
                        self.element(element, depth + 1);
                    }
                }
                _ => {}
            }
        }
    }

    fn element(&mut self, element: ElementRef<'_>, depth: usize) {
        if depth > DEPTH {
            return self.text(&super::dom::text(element));
        }
        match element.value().name() {
            "script" | "style" | "noscript" | "template" | "head" | "iframe" | "svg" => {}
            name @ ("h1" | "h2" | "h3" | "h4" | "h5" | "h6") => {
                // The digit behind the `h`.
                let level = usize::from(name.as_bytes()[1] - b'0');
                self.block(2);
                self.raw(&"#".repeat(level));
                self.space = true;
                self.children(element, depth);
                self.block(2);
            }
            "br" => {
                self.raw("\\");
                self.block(1);
            }
            "hr" => {
                self.block(2);
                self.raw("---");
                self.block(2);
            }
            "b" | "strong" => self.wrapped(element, depth, "**"),
            "i" | "em" => self.wrapped(element, depth, "*"),
            "del" | "s" => self.wrapped(element, depth, "~~"),
            "code" | "kbd" | "samp" if !self.verbatim => self.code(element),
            "pre" => self.fenced(element),
            "a" => self.link(element, depth),
            "img" => {
                let attribute = |name| element.attr(name).unwrap_or_default();
                let (alt, src) = (attribute("alt"), attribute("src"));
                if !src.is_empty() {
                    self.raw(&format!("![{}]({})", plain(alt), address(src)));
                }
            }
            "ul" | "ol" | "menu" => self.list(element, depth),
            "blockquote" => {
                self.block(2);
                self.indented("> ", "> ", element, depth);
                self.block(2);
            }
            "table" => self.table(element),
            "p" | "div" | "section" | "article" | "main" | "header" | "footer" | "nav"
            | "aside" | "figure" | "figcaption" | "dl" | "dd" | "dt" | "form" | "fieldset"
            | "details" | "summary" | "address" | "center" | "body" | "html" | "li" => {
                self.block(2);
                self.children(element, depth);
                self.block(2);
            }
            _ => self.children(element, depth),
        }
    }

    /// Text between two marks, which have to touch it.
    fn wrapped(&mut self, element: ElementRef<'_>, depth: usize, mark: &str) {
        if !element
            .text()
            .any(|text| text.contains(|c: char| !c.is_whitespace()))
        {
            return self.children(element, depth);
        }
        let begins_apart = element
            .text()
            .find(|text| !text.is_empty())
            .is_some_and(|text| text.starts_with(char::is_whitespace));
        self.space |= begins_apart && self.due == 0;
        self.raw(mark);
        let at = self.out.len();
        self.children(element, depth);
        // A space that came first went before the mark.
        if self.out[at..].starts_with(' ') {
            self.out.remove(at);
        }
        self.out.push_str(mark);
    }

    fn code(&mut self, element: ElementRef<'_>) {
        let text = super::dom::text(element);
        let text: Vec<&str> = text.split_whitespace().collect();
        let text = text.join(" ");
        if text.is_empty() {
            return;
        }
        let fence = "`".repeat(longest_run(&text) + 1);
        let pad = if text.starts_with('`') || text.ends_with('`') {
            " "
        } else {
            ""
        };
        self.raw(&format!("{fence}{pad}{text}{pad}{fence}"));
    }

    fn fenced(&mut self, element: ElementRef<'_>) {
        let text = super::dom::text(element);
        let fence = "`".repeat(longest_run(&text).max(2) + 1);
        self.block(2);
        self.raw(&fence);
        self.block(1);
        self.verbatim = true;
        self.text(text.trim_end_matches('\n'));
        self.verbatim = false;
        self.block(1);
        self.raw(&fence);
        self.block(2);
    }

    fn link(&mut self, element: ElementRef<'_>, depth: usize) {
        let Some(href) = element.attr("href").filter(|href| !href.trim().is_empty()) else {
            return self.children(element, depth);
        };
        self.raw("[");
        self.children(element, depth);
        let due = std::mem::take(&mut self.due);
        let space = std::mem::take(&mut self.space);
        // Writing to a string does not fail.
        let _ = write!(self.out, "]({})", address(href.trim()));
        (self.due, self.space) = (due, space);
    }

    fn list(&mut self, element: ElementRef<'_>, depth: usize) {
        let inner = self.prefix.ends_with(' ') && !self.prefix.ends_with("> ");
        self.block(if inner { 1 } else { 2 });
        let ordered = element.value().name() == "ol";
        let start = element
            .attr("start")
            .and_then(|start| start.parse::<u32>().ok());
        let items = element.children().filter_map(ElementRef::wrap);
        for (number, item) in (start.unwrap_or(1)..).zip(items) {
            if self.is_full() {
                return;
            }
            let mark = match ordered {
                true => format!("{number}. "),
                false => "- ".to_owned(),
            };
            let rest = " ".repeat(mark.len());
            self.block(1);
            self.indented(&mark, &rest, item, depth);
            self.due = self.due.min(1);
        }
        self.block(if inner { 1 } else { 2 });
    }

    /// A block with a mark before its first line and something before each other.
    fn indented(&mut self, mark: &str, rest: &str, element: ElementRef<'_>, depth: usize) {
        self.raw(mark);
        let before = self.prefix.len();
        self.prefix.push_str(rest);
        let at = self.out.len();
        self.children_of_block(element, depth, at);
        self.prefix.truncate(before);
    }

    /// The first block of a block stands on its first line.
    fn children_of_block(&mut self, element: ElementRef<'_>, depth: usize, at: usize) {
        for child in element.children() {
            if self.is_full() {
                return;
            }
            if self.out.len() == at {
                self.due = 0;
                self.space = false;
            }
            match child.value() {
                Node::Text(text) => self.text(text),
                Node::Element(_) => {
                    if let Some(child) = ElementRef::wrap(child) {
                        self.first_block(child, depth + 1, at);
                    }
                }
                _ => {}
            }
        }
    }

    fn first_block(&mut self, element: ElementRef<'_>, depth: usize, at: usize) {
        let plain = matches!(element.value().name(), "p" | "div");
        if plain && self.out.len() == at {
            self.children(element, depth);
            return self.block(2);
        }
        self.element(element, depth);
    }

    fn table(&mut self, element: ElementRef<'_>) {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for row in element.descendants().filter_map(ElementRef::wrap) {
            if row.value().name() == "tr" {
                let cells = row.children().filter_map(ElementRef::wrap);
                let cells = cells.filter(|cell| matches!(cell.value().name(), "td" | "th"));
                rows.push(cells.map(|cell| plain(&super::dom::text(cell))).collect());
            }
        }
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        if columns == 0 {
            return;
        }
        self.block(2);
        for (number, row) in rows.iter().enumerate() {
            if self.is_full() {
                return;
            }
            let cell = |column: usize| row.get(column).map_or("", String::as_str);
            let cells: Vec<&str> = (0..columns).map(cell).collect();
            self.raw(&format!("| {} |", cells.join(" | ")));
            self.block(1);
            if number == 0 {
                self.raw(&format!("|{}", " --- |".repeat(columns)));
                self.block(1);
            }
        }
        self.block(2);
    }
}

/// Text within a mark: on one line, marks escaped.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut out = String::new();
    for c in words.join(" ").chars() {
        if matches!(c, '\\' | '[' | ']' | '|' | '*' | '_' | '`' | '<') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// An address that can stand in round brackets.
fn address(text: &str) -> String {
    match text.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>')) {
        false => text.to_owned(),
        true => {
            let bare: String = text
                .chars()
                .filter(|c| !matches!(c, '<' | '>' | '\n' | '\r'))
                .collect();
            format!("<{bare}>")
        }
    }
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scraper::Html;

    fn markdown(html: &str) -> String {
        of(Html::parse_document(html).root_element())
    }

    #[test]
    fn what_pages_have() {
        for (html, expected) in [
            ("a\n  b<p>c</p>d", "a b\n\nc\n\nd"),
            ("<h2>T <b>b</b></h2>x", "## T **b**\n\nx"),
            ("x<b> y </b>z<i></i>", "x **y** z"),
            ("<a href='/x y'>l <em>e</em></a>.", "[l *e*](</x y>)."),
            ("<a name=x>l</a>", "l"),
            ("<img src=a.png alt='a [b]'>", "![a \\[b\\]](a.png)"),
            (
                "<ul><li>a<li>b<ul><li>c</ul><li>d</ul>e",
                "- a\n- b\n  - c\n- d\n\ne",
            ),
            ("<ol start=3><li>a<li>b</ol>", "3. a\n4. b"),
            (
                "<pre><code>a\n  b ` c\n</code></pre>",
                "```\na\n  b ` c\n```",
            ),
            ("<code>a `b` c</code>", "``a `b` c``"),
            (
                "<blockquote><p>a</p><p>b</p></blockquote>c",
                "> a\n>\n> b\n\nc",
            ),
            ("a<br>b<hr>c", "a\\\nb\n\n---\n\nc"),
            ("2 * 3 _x_ <script>no</script>", "2 \\* 3 \\_x\\_"),
            (
                "<table><tr><th>a<th>b<tr><td>1|2</table>",
                "| a | b |\n| --- | --- |\n| 1\\|2 |  |",
            ),
        ] {
            assert_eq!(markdown(html), expected, "{html}");
        }
    }

    #[test]
    fn depth_breaks_nothing() {
        let html = "<blockquote>".repeat(90) + "<pre>" + &"\n".repeat(100_000);
        assert!(markdown(&html).len() <= 3 * limits::RECORD);
        let html = "<i>".repeat(400) + "x";
        assert!(markdown(&html).contains('x'));
        let html = "<blockquote>".repeat(300) + "x";
        assert!(markdown(&html).contains('x'));
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

        #[test]
        fn nothing_breaks_it(html in "(</?(p|b|i|a href=x|li|ul|pre|code|td|table|blockquote|br|h1)>|[ -~é\n]){0,30}") {
            markdown(&html);
        }
    }
}
