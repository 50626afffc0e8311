//! The beginning of a body as lines: as source, as text, byte by byte.

/// How a body is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As it came.
    Source,
    /// Tags taken out.
    Text,
    /// Byte by byte.
    Hex,
}

impl Shape {
    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::Source => Self::Text,
            Self::Text => Self::Hex,
            Self::Hex => Self::Source,
        }
    }

    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Text => "text",
            Self::Hex => "bytes",
        }
    }

    /// The one to begin with.
    pub fn of(body: &[u8]) -> Self {
        if is_binary(body) {
            Self::Hex
        } else {
            Self::Source
        }
    }
}

/// Whether bytes are no text: a zero, or more than a tenth that text has not.
pub fn is_binary(body: &[u8]) -> bool {
    let odd = |byte: &&u8| **byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    let broken = String::from_utf8_lossy(body)
        .chars()
        .filter(|c| *c == char::REPLACEMENT_CHARACTER)
        .count();
    body.contains(&0) || (body.iter().filter(odd).count() + broken) * 10 > body.len()
}

/// The lines of a body.
pub fn lines(body: &[u8], shape: Shape) -> Vec<String> {
    match shape {
        Shape::Hex => hexdump(body),
        Shape::Source => split(&String::from_utf8_lossy(body)),
        Shape::Text => split(&stripped(&String::from_utf8_lossy(body))),
    }
}

fn split(text: &str) -> Vec<String> {
    text.lines().map(|line| line.replace('\t', "  ")).collect()
}

fn hexdump(body: &[u8]) -> Vec<String> {
    let row = |(n, bytes): (usize, &[u8])| {
        let mut line = format!("{:08x} ", n * 16);
        for at in 0..16 {
            if at == 8 {
                line.push(' ');
            }
            match bytes.get(at) {
                Some(byte) => line.push_str(&format!(" {byte:02x}")),
                None => line.push_str("   "),
            }
        }
        line.push_str("  |");
        line.extend(bytes.iter().map(|byte| match byte {
            0x20..=0x7e => char::from(*byte),
            _ => '.',
        }));
        line.push('|');
        line
    };
    body.chunks(16).enumerate().map(row).collect()
}

/// Elements that end a line.
const BLOCKS: [&str; 24] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "li",
    "p",
    "table",
    "title",
    "tr",
];

/// A page's text: no tags, no scripts, no styles, entities read, white space
/// drawn together.
fn stripped(html: &str) -> String {
    let mut out = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push(&mut out, &rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("<!--") {
            rest = rest.find("-->").map_or("", |end| &rest[end + 3..]);
            continue;
        }
        let name: String = rest[1..]
            .trim_start_matches('/')
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        if name.is_empty() && !rest.starts_with("<!") && !rest.starts_with("<?") {
            // No tag: a sign of its own.
            push(&mut out, "<");
            rest = &rest[1..];
            continue;
        }
        let opens = !rest.starts_with("</");
        rest = rest.find('>').map_or("", |end| &rest[end + 1..]);
        if opens && matches!(name.as_str(), "script" | "style") {
            let close = format!("</{name}");
            // ASCII case alone: the places stay the same.
            let end = rest.to_ascii_lowercase().find(&close);
            rest = end.map_or("", |end| &rest[end..]);
        }
        if BLOCKS.contains(&name.as_str()) {
            while out.ends_with(' ') {
                out.pop();
            }
            if !out.is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
        }
    }
    push(&mut out, rest);
    out
}

fn push(out: &mut String, text: &str) {
    for c in htmlize::unescape(text).chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with([' ', '\n']) {
            out.push(' ');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_without_tags() {
        let table = [
            ("<h1>A &amp; B</h1>\n\n<p>c  d<br>e", "A & B\nc d\ne"),
            ("<style>x{}</style>a<SCRIPT>if(a<b)</SCRIPT>b", "ab"),
            ("a<!-- <b> -->b <i>c</i>", "ab c"),
            ("1 < 2 and 3 <", "1 < 2 and 3 <"),
            ("<p title='", ""),
        ];
        for (html, text) in table {
            assert_eq!(stripped(html), text, "{html}");
        }
    }

    #[test]
    fn bytes_in_rows() {
        let lines = hexdump(b"0123456789abcdef\x00\xffz");
        assert_eq!(
            lines,
            [
                "00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|",
                "00000010  00 ff 7a                                          |..z|",
            ]
        );
        assert_eq!(Shape::of(b"\x89PNG\r\n\x1a\n\x00\x00"), Shape::Hex);
        assert_eq!(Shape::of("grün".as_bytes()), Shape::Source);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_body_has_lines(html in "(<[a-z!/]{0,6}>?|&[a-z]{0,3};?|[ \\n<>é日]|script|style){0,30}", body in prop::collection::vec(any::<u8>(), 0..100)) {
            stripped(&html);
            for shape in [Shape::Source, Shape::Text, Shape::Hex] {
                lines(&body, shape);
            }
        }
    }
}
