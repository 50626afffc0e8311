//! `books`: a shop whose last shelf only the sitemap knows.

use super::answer::Answer;
use super::server::Pages;
use super::words::Words;
use flate2::{Compression, write::GzEncoder};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// Books in the shop.
pub(super) const BOOKS: usize = 180;
/// Books that no page links to.
const UNLISTED: usize = 20;
/// Books in the first sitemap; the rest is in the compressed one.
const FIRST_SITEMAP: usize = 120;
const PER_LIST: usize = 12;
const GENRES: &[&str] = &["atlas", "cookery", "crime", "poetry", "science", "travel"];
const WORLD: u64 = 0xB00C;

/// The shop.
#[derive(Debug)]
pub(super) struct Books;

impl Pages for Books {
    fn name(&self) -> &'static str {
        "books"
    }

    fn document(&self, start: &str) -> String {
        format!(
            "# Bound by its delay: press [ and ] on it.\n\
             site: books\n\
             start: {start}\n\
             fetch: {{ concurrency: 4, delay: 250ms }}\n\
             scope:\n  exclude: ['[?&]sort=']\n\
             extract:\n\
             \x20 - record: book\n\
             \x20   when: ^/book/\n\
             \x20   fields:\n\
             \x20     title: h1\n\
             \x20     author: .author\n\
             \x20     price: {{ css: .price, as: number }}\n\
             \x20     tags: {{ css: .tag, all: true }}\n\
             \x20     cover: {{ css: img.cover, attr: src, as: url }}\n"
        )
    }

    fn answer(&self, base: &str, target: &str) -> Answer {
        let path = target.split('?').next().unwrap_or(target);
        match path {
            "/" => front(),
            "/robots.txt" => Answer::text(format!(
                "User-agent: *\nDisallow: /basket\n\nSitemap: {base}/sitemap.xml\n"
            )),
            "/sitemap.xml" => xml(sitemap_index(base)),
            "/sitemap-1.xml" => xml(urlset(base, 1..=FIRST_SITEMAP)),
            "/sitemap-2.xml.gz" => gzipped(&urlset(base, FIRST_SITEMAP + 1..=BOOKS)),
            "/basket" => Answer::html("Your basket", "<p>Empty.</p>"),
            _ => numbered(path).unwrap_or_else(Answer::not_found),
        }
    }
}

/// Pages whose path ends in a number or a genre.
fn numbered(path: &str) -> Option<Answer> {
    if let Some(genre) = path.strip_prefix("/genre/") {
        let at = GENRES.iter().position(|g| *g == genre)?;
        return Some(genre_page(at));
    }
    if let Some(file) = path.strip_prefix("/cover/") {
        let number = file.strip_suffix(".svg")?.parse().ok()?;
        return (1..=BOOKS).contains(&number).then(|| cover(number));
    }
    if let Some(number) = path.strip_prefix("/list/") {
        let number = number.parse().ok()?;
        return (1..=lists()).contains(&number).then(|| list(number));
    }
    let number = path.strip_prefix("/book/")?.parse().ok()?;
    (1..=BOOKS).contains(&number).then(|| book(number))
}

fn lists() -> usize {
    (BOOKS - UNLISTED).div_ceil(PER_LIST)
}

fn genre_of(number: usize) -> usize {
    Words::of(WORLD, number).number(0..GENRES.len())
}

fn title_of(number: usize) -> String {
    let mut words = Words::of(WORLD, number);
    words.number(0..GENRES.len());
    words.title()
}

fn front() -> Answer {
    let mut body = String::from("<p><a href=\"/list/1\">All books</a></p>\n<ul>\n");
    for genre in GENRES {
        let _ = writeln!(body, "<li><a href=\"/genre/{genre}\">{genre}</a></li>");
    }
    body.push_str("</ul>\n<p><a href=\"/basket\">Basket</a></p>\n");
    Answer::html("Books by the Harbour", &body)
}

fn list(number: usize) -> Answer {
    let first = (number - 1) * PER_LIST + 1;
    let last = (first + PER_LIST - 1).min(BOOKS - UNLISTED);
    let mut body = String::from("<p><a href=\"?sort=price\">By price</a></p>\n<ul>\n");
    for book in first..=last {
        let _ = writeln!(body, "<li>{}</li>", anchor(book));
    }
    body.push_str("</ul>\n");
    if number < lists() {
        let _ = writeln!(
            body,
            "<a rel=\"next\" href=\"/list/{}\">Next</a>",
            number + 1
        );
    }
    Answer::html(&format!("All books, page {number}"), &body).after(pace(WORLD + 1, number))
}

fn genre_page(genre: usize) -> Answer {
    let mut body = String::from("<ul>\n");
    for book in (1..=BOOKS - UNLISTED).filter(|b| genre_of(*b) == genre) {
        let _ = writeln!(body, "<li>{}</li>", anchor(book));
    }
    body.push_str("</ul>\n");
    Answer::html(&format!("Genre: {}", GENRES[genre]), &body).after(pace(WORLD + 2, genre))
}

fn book(number: usize) -> Answer {
    let genre = genre_of(number);
    let title = title_of(number);
    let mut words = Words::of(WORLD + 3, number);
    let mut body = format!(
        "<img class=\"cover\" src=\"/cover/{number}.svg\" alt=\"\">\n\
         <p class=\"author\">{}</p>\n<p class=\"price\">£{}.{:02}</p>\n\
         <ul><li class=\"tag\">{}</li><li class=\"tag\">{}</li></ul>\n",
        words.person(),
        words.number(4..40),
        words.number(0..100),
        GENRES[genre],
        ["hardback", "paperback", "second hand"][words.number(0..3)],
    );
    body.push_str(&words.prose(3));
    body.push_str("<p>Others liked ");
    for _ in 0..2 {
        body.push_str(&anchor(words.number(1..BOOKS - UNLISTED + 1)));
        body.push(' ');
    }
    body.push_str("</p>\n");
    Answer::html(&title, &body).after(pace(WORLD + 4, number))
}

fn cover(number: usize) -> Answer {
    let hue = Words::of(WORLD + 5, number).number(0..360);
    Answer::new(
        200,
        "image/svg+xml",
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 2 3\">\
             <rect width=\"2\" height=\"3\" fill=\"hsl({hue} 50% 50%)\"/></svg>"
        ),
    )
}

fn anchor(book: usize) -> String {
    format!("<a href=\"/book/{book}\">{}</a>", title_of(book))
}

/// 20 to 120 ms, the same for the same page.
fn pace(world: u64, number: usize) -> Duration {
    Duration::from_millis(Words::of(world, number).number(20..120) as u64)
}

fn xml(body: String) -> Answer {
    Answer::new(200, "application/xml", body)
}

fn sitemap_index(base: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n\
         <sitemap><loc>{base}/sitemap-1.xml</loc></sitemap>\n\
         <sitemap><loc>{base}/sitemap-2.xml.gz</loc></sitemap>\n</sitemapindex>\n"
    )
}

fn urlset(base: &str, books: std::ops::RangeInclusive<usize>) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for book in books {
        let _ = writeln!(text, "<url><loc>{base}/book/{book}</loc></url>");
    }
    text.push_str("</urlset>\n");
    text
}

fn gzipped(text: &str) -> Answer {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let packed = encoder
        .write_all(text.as_bytes())
        .and_then(|()| encoder.finish());
    match packed {
        Ok(bytes) => Answer::new(200, "application/gzip", bytes),
        // Writing to memory does not fail; a server would say this if it did.
        Err(_) => Answer::page(500, "No sitemap", ""),
    }
}
