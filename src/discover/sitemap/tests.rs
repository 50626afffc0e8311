//! Sitemaps as they should be, as they are, and as an enemy writes them.

use super::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::Write;

/// Entries as lines: `loc`, `loc lastmod` or `> loc` of a further sitemap.
fn read_with(bytes: &[u8], caps: &Caps) -> (Vec<String>, Summary) {
    let base = Url::parse("https://e.org/maps/main.xml").unwrap();
    let (mut lines, mut bad) = (Vec::new(), 0);
    let summary = read(bytes, &base, caps, &mut |entry| {
        lines.push(match entry {
            Entry::Page { loc, lastmod: None } => loc.to_string(),
            Entry::Page {
                loc,
                lastmod: Some(text),
            } => format!("{loc} {text}"),
            Entry::Sitemap { loc, .. } => format!("> {loc}"),
            Entry::Bad(_) => {
                bad += 1;
                return;
            }
        });
    });
    assert_eq!((lines.len(), bad), (summary.entries, summary.bad));
    (lines, summary)
}

fn entries(text: &str) -> Vec<String> {
    let (lines, summary) = read_with(text.as_bytes(), &Caps::default());
    assert_eq!(summary.problem, None, "{text}");
    lines
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn urlset(locs: usize) -> String {
    let mut text = "<?xml version=\"1.0\"?>\n<urlset>".to_owned();
    for n in 0..locs {
        text.push_str(&format!("<url><loc>https://e.org/{n}</loc></url>\n"));
    }
    text + "</urlset>"
}

#[test]
fn what_is_taken() {
    for (text, expected) in [
        (
            "<?xml version='1.0'?>\n<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>\
             <url><loc> https://e.org/a \n</loc><lastmod>2024-01-02</lastmod><priority>1</priority>\
             </url><url><loc>https://e.org/b</loc><lastmod/></url></urlset>",
            vec!["https://e.org/a 2024-01-02", "https://e.org/b"],
        ),
        (
            "<sitemapindex><sitemap><loc>one.xml</loc><lastmod>2024</lastmod></sitemap>\
             <sitemap><loc>/two.xml.gz</loc></sitemap></sitemapindex>",
            vec!["> https://e.org/maps/one.xml", "> https://e.org/two.xml.gz"],
        ),
        // CDATA, entities, comments within.
        (
            "<urlset><url><loc><![CDATA[https://e.org/?a=1&b=2]]></loc></url>\
             <url><loc>https://e.org/?a=1&amp;b=&#50;&#x33;</loc></url>\
             <url><loc>https://e.org/?a&b</loc></url>\
             <url><loc>https://e.<!-- -->org/x</loc></url></urlset>",
            vec![
                "https://e.org/?a=1&b=2",
                "https://e.org/?a=1&b=23",
                "https://e.org/?a&b",
                "https://e.org/x",
            ],
        ),
        // Prefixes, and extensions with locations of their own.
        (
            "<s:urlset xmlns:s='x' xmlns:i='y'><s:url><i:image><i:loc>/no.png</i:loc></i:image>\
             <i:loc>/no</i:loc><i:url>/no</i:url><s:loc>/a</s:loc><i:image><s:loc>/no</s:loc>\
             </i:image></s:url></s:urlset>",
            vec!["https://e.org/a"],
        ),
        (
            "<urlset><url><image:image><image:loc>/no</image:loc></image:image><loc>/a</loc>\
             <video:video><video:loc>/no</video:loc></video:video><loc>/no</loc></url></urlset>",
            vec!["https://e.org/a"],
        ),
        // Ends that are missing, or too many.
        (
            "<urlset><url><loc>/a<url><loc>/b</loc><url><loc>/c</loc></lastmod></x></url></url>\
             <url><loc>/d</url></urlset>",
            vec![
                "https://e.org/a",
                "https://e.org/b",
                "https://e.org/c",
                "https://e.org/d",
            ],
        ),
        ("<urlset></urlset>", vec![]),
        ("<urlset/>\0\0\0", vec![]),
        (
            "\u{feff} \n<urlset><url><loc>/a</loc></url></urlset>",
            vec!["https://e.org/a"],
        ),
        // Feeds.
        (
            "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel>\
             <link>https://e.org/</link><atom:link href='https://e.org/feed' rel='self'/>\
             <item><title>t</title><link>https://e.org/1</link>\
             <pubDate>Wed, 01 May 2024 10:00:00 GMT</pubDate>\
             <atom:link href='/no'/><enclosure url='/no.mp3'/></item>\
             <item><link><![CDATA[https://e.org/2?a&b]]></link><guid>https://e.org/no</guid></item>\
             <item><guid isPermaLink='true'>https://e.org/3</guid></item>\
             <item><link>/4</link><guid isPermaLink='false'>tag:4</guid></item>\
             </channel></rss>",
            vec![
                "https://e.org/1 Wed, 01 May 2024 10:00:00 GMT",
                "https://e.org/2?a&b",
                "https://e.org/3",
                "https://e.org/4",
            ],
        ),
        (
            "<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'>\
             <link href='https://e.org/'/><updated>2020</updated><entry>\
             <link rel='self' href='/no'/><link rel='alternate' href='https://e.org/1?a&amp;b'/>\
             <published>2023-01-01</published><updated>2024-05-01T10:00:00Z</updated>\
             <content type='html'>&lt;a href=/no&gt;</content></entry>\
             <entry><link href='2'/><link href='/no'/></entry></feed>",
            vec![
                "https://e.org/1?a&b 2024-05-01T10:00:00Z",
                "https://e.org/maps/2",
            ],
        ),
        (
            "<rdf:RDF xmlns:rdf='x' xmlns='http://purl.org/rss/1.0/' xmlns:dc='y'>\
             <channel><link>/no</link><items><rdf:Seq/></items></channel>\
             <item rdf:about='/no'><link>https://e.org/1</link><dc:date>2024-05-01</dc:date></item>\
             </rdf:RDF>",
            vec!["https://e.org/1 2024-05-01"],
        ),
        // News, image and video extensions have dates and titles of their own.
        (
            "<urlset xmlns:news='n' xmlns:xhtml='x'><url><loc>/a</loc><news:news>\
             <news:publication_date>2020</news:publication_date><news:lastmod>2020</news:lastmod>\
             </news:news><xhtml:link rel='alternate' hreflang='de' href='/de'/>\
             <lastmod>2024-05-01</lastmod></url></urlset>",
            vec!["https://e.org/a 2024-05-01"],
        ),
        ("<rss><channel></channel></rss>", vec![]),
        // A list of lines.
        (
            "\u{feff}https://e.org/a\r\n\r\n  https://e.org/b  \rhttps://e.org/ü",
            vec!["https://e.org/a", "https://e.org/b", "https://e.org/%C3%BC"],
        ),
    ] {
        assert_eq!(entries(text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_with_it() {
    for (text, expected, problem) in [
        ("", 0, "it is empty"),
        (" \n ", 0, "it is empty"),
        ("<?xml version=\'1.0\'?>", 0, "it is empty"),
        (
            "<!DOCTYPE html><p>Not found",
            0,
            "it is an HTML page, not a sitemap",
        ),
        (
            "<!-- x --><HTML><urlset>",
            0,
            "it is an HTML page, not a sitemap",
        ),
        (
            "<?xml version='1.0'?><rss><channel><item><url>x</url></item></channel></rss>",
            0,
            "it is not a sitemap",
        ),
        (
            "<Error><Code>x</Code></Error>",
            0,
            "its root is <Error>, so it is not a sitemap",
        ),
        ("{\"urls\": [\"https://e.org/\"]}", 0, "it is not a sitemap"),
        ("404 page not found\n", 0, "it is not a sitemap"),
        (
            "<urlset><url><loc>mailto:x</loc></url></urlset>",
            0,
            "it is not a sitemap",
        ),
        (
            "<urlset><url><loc>/a</loc></url><url><loc>/b",
            1,
            "it breaks off in the middle",
        ),
        (
            "<urlset><url><loc>/a</loc></url><url><loc>/b</loc>",
            2,
            "it breaks off in the middle",
        ),
        (
            "<urlset><url><loc>/a</loc></url><url><loc>/b</lo",
            1,
            "its XML breaks at byte 44: syntax error: tag not closed: `>` not found before end of input",
        ),
        (
            "<urlset><url><loc>/a</loc></url><url><loc>/b</loc><![CDATA[",
            2,
            "its XML breaks at byte 50: syntax error: CDATA not closed: `]]>` not found before end of input",
        ),
    ] {
        let (lines, summary) = read_with(text.as_bytes(), &Caps::default());
        assert_eq!(summary.problem.as_deref(), Some(problem), "{text}");
        assert_eq!(lines.len(), expected, "{text}");
    }
}

#[test]
fn bad_locations_are_counted_and_the_good_ones_taken() {
    let long = format!("https://e.org/{}", "a".repeat(LOC));
    let xml = format!(
        "<urlset><url><loc>{long}</loc></url><url><loc>javascript:x</loc></url><url/>\
         <url><loc>http://</loc></url><url><loc>/a</loc><lastmod>{}</lastmod></url></urlset>",
        "2".repeat(LASTMOD + 1)
    );
    let txt = format!("{long}\nftp://e.org/\nnot a url\nhttp://\nhttps://e.org/a\n");
    for text in [xml, txt] {
        let (lines, summary) = read_with(text.as_bytes(), &Caps::default());
        assert_eq!(lines, ["https://e.org/a"]);
        assert_eq!((summary.bad, summary.problem), (4, None));
    }
}

#[test]
fn it_is_unpacked_however_it_is_labelled() {
    let text = urlset(1000);
    let (plain, _) = read_with(text.as_bytes(), &Caps::default());
    assert_eq!(plain.len(), 1000);
    let (a, b) = text.as_bytes().split_at(500);
    let mut padded = gz(text.as_bytes());
    padded.extend([0; 64]);
    for (what, bytes) in [
        ("once", gz(text.as_bytes())),
        ("twice", gz(&gz(text.as_bytes()))),
        ("in two members", [gz(a), gz(b)].concat()),
        ("padded", padded),
    ] {
        let (lines, summary) = read_with(&bytes, &Caps::default());
        assert_eq!(lines, plain, "{what}");
        assert_eq!(summary.problem, None, "{what}");
    }
    // Three times is nobody's mistake.
    let (lines, summary) = read_with(&gz(&gz(&gz(text.as_bytes()))), &Caps::default());
    assert!(lines.is_empty() && summary.problem.is_some());
}

#[test]
fn a_gzip_that_breaks_off_gives_what_came_before() {
    let text = urlset(5000);
    let packed = gz(text.as_bytes());
    let (lines, summary) = read_with(&packed[..packed.len() / 2], &Caps::default());
    assert!(lines.len() > 1000 && lines.len() < 5000, "{}", lines.len());
    let problem = summary.problem.unwrap();
    assert!(problem.starts_with("its gzip breaks off: "), "{problem}");
    let (lines, summary) = read_with(&[0x1f, 0x8b, 1, 2, 3], &Caps::default());
    assert!(lines.is_empty() && summary.problem.is_some());
}

#[test]
fn encodings() {
    let text = "<urlset><url><loc>/ü</loc></url></urlset>";
    let utf16 = |bytes: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
        format!("{mark}{text}")
            .encode_utf16()
            .flat_map(bytes)
            .collect()
    };
    let latin = |name: &str| {
        let mut bytes = format!("<?xml version='1.0' encoding='{name}'?>").into_bytes();
        bytes.extend(text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()));
        bytes
    };
    for (what, bytes, path) in [
        ("UTF-8", text.as_bytes().to_vec(), "%C3%BC"),
        ("LE, marked", utf16(u16::to_le_bytes, "\u{feff}"), "%C3%BC"),
        ("BE, marked", utf16(u16::to_be_bytes, "\u{feff}"), "%C3%BC"),
        ("LE", utf16(u16::to_le_bytes, ""), "%C3%BC"),
        ("BE", utf16(u16::to_be_bytes, ""), "%C3%BC"),
        ("declared", latin("iso-8859-1"), "%C3%BC"),
        // One bad byte costs one character.
        ("declared wrongly", latin("utf-16"), "%EF%BF%BD"),
        ("unknown", latin("x-none"), "%EF%BF%BD"),
    ] {
        let (lines, summary) = read_with(&bytes, &Caps::default());
        assert_eq!(lines, [format!("https://e.org/{path}")], "{what}");
        assert_eq!(summary.problem, None, "{what}");
    }
}

#[test]
fn limits_hold() {
    let caps = Caps {
        entries: 10,
        bytes: 1 << 19,
    };
    let text = urlset(11);
    let (lines, summary) = read_with(text.as_bytes(), &caps);
    assert_eq!(lines.len(), 10);
    assert_eq!(
        summary.problem.as_deref(),
        Some("it has more than 10 entries")
    );
    assert_eq!(read_with(urlset(10).as_bytes(), &caps).1.problem, None);

    let txt = "https://e.org/\n".repeat(11);
    let (lines, summary) = read_with(txt.as_bytes(), &caps);
    assert_eq!(lines.len(), 10);
    assert_eq!(
        summary.problem.as_deref(),
        Some("it has more than 10 entries")
    );

    // A bomb: what came before is taken.
    let mut bomb = b"<urlset><url><loc>/a</loc></url>".to_vec();
    bomb.resize(1 << 22, b' ');
    for bytes in [bomb.clone(), gz(&bomb), gz(&gz(&bomb))] {
        let (lines, summary) = read_with(&bytes, &caps);
        assert_eq!(lines, ["https://e.org/a"]);
        let problem = "it is larger than 524288 bytes";
        assert_eq!(summary.problem.as_deref(), Some(problem));
    }
    // Exactly at the limit nothing is wrong.
    let text = urlset(1);
    let caps = Caps {
        bytes: text.len() as u64,
        ..caps
    };
    assert_eq!(read_with(text.as_bytes(), &caps).1.problem, None);
}

#[test]
fn no_single_piece_is_kept_whole_however_long() {
    let long = "x".repeat(2 << 20);
    for start in [
        "<!--",
        "<![CDATA[",
        "<a b='",
        "<a",
        "<?",
        "<loc>",
        "&",
        "<!DOCTYPE ",
    ] {
        let text = format!("<urlset><url><loc>/a</loc></url>{start}{long}");
        let (lines, summary) = read_with(text.as_bytes(), &Caps::default());
        assert_eq!(lines, ["https://e.org/a"], "{start}");
        let problem = "a piece of it is longer than 1048576 bytes";
        assert_eq!(summary.problem.as_deref(), Some(problem), "{start}");
    }
}

#[test]
fn entities_of_a_document_type_are_not_expanded() {
    let text = "<!DOCTYPE urlset [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>\
        <urlset><url><loc>https://e.org/x&b;y</loc></url></urlset>";
    assert_eq!(entries(text), ["https://e.org/xy"]);
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "<url>",
            "</url>",
            "<loc>",
            "</loc>",
            "<sitemap>",
            "</sitemap>",
            "<urlset>",
            "<!--",
            "-->",
            "<![CDATA[",
            "]]>",
            "&amp;",
            "&",
            "&#x",
            ";",
            "<",
            ">",
            "<a:loc>",
            "</a:loc>",
            "<url",
            "/>",
            "<?xml",
            "?>",
            "<!DOCTYPE",
            "[",
            "lastmod",
            "https://e.org/",
            "\n",
            "\r",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_breaks_it(text in pieces(), pack: bool, cut in 0usize..200) {
        let bytes = if pack { gz(text.as_bytes()) } else { text.into_bytes() };
        let bytes = &bytes[..bytes.len().saturating_sub(cut)];
        let caps = Caps { entries: 3, bytes: 100 };
        let (lines, _) = read_with(bytes, &caps);
        prop_assert!(lines.len() <= 3);
    }

    #[test]
    fn every_cut_gives_a_beginning_of_the_whole(cut in 0usize..1000) {
        let text = urlset(20);
        let (whole, _) = read_with(text.as_bytes(), &Caps::default());
        let cut = cut % text.len();
        let (some, summary) = read_with(&text.as_bytes()[..cut], &Caps::default());
        prop_assert!(whole.starts_with(&some), "{cut}: {some:?}");
        prop_assert!(summary.problem.is_some(), "{cut}");
    }
}

#[test]
fn a_first_part_gives_whole_entries_and_is_told_with_what_stands_at_its_end() {
    let base = Url::parse("https://e.org/").unwrap();
    let whole = urlset(20_000);
    let lines: String = (0..20_000)
        .map(|n| format!("https://e.org/{n}\n"))
        .collect();
    for (text, end) in [(whole, "/19999</lo"), (lines, "/1999")] {
        let cut = text.rfind(end).unwrap() + end.len();
        for bytes in [text.as_bytes()[..cut].to_vec(), gz(&text.as_bytes()[..cut])] {
            let part = crate::discover::part(&*bytes, "it is cut off after 9 bytes".to_owned());
            let mut last = None;
            let summary = read(part, &base, &Caps::default(), &mut |entry| {
                if let Entry::Page { loc, .. } = entry {
                    last = Some(loc.to_string());
                }
            });
            assert_eq!(last.as_deref(), Some("https://e.org/19998"), "{end}");
            let problem = summary.problem.unwrap();
            assert_eq!(problem, "it is cut off after 9 bytes");
            assert!(summary.excerpt.ends_with(end), "{:?}", summary.excerpt);
            assert!(summary.excerpt.len() <= 120);
        }
    }
}
