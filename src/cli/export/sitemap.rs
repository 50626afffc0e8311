//! `sitemap.xml` (sitemaps.org): every good page, split where the protocol
//! wants it, with an index.

use super::ExportError;
use super::rows::Selection;
use super::sink::{BUFFER, Draft, Sink};
use crate::page::time::rfc3339;
use crate::store::reader::{PageRow, Reader};
use anyhow::{Context, bail};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use url::Url;

/// URLs of one file at most.
const MOST_URLS: usize = 50_000;
/// Bytes of one file at most; the protocol's 50 MB, which some read as 50,000,000.
const MOST_BYTES: usize = 50_000_000;

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
     <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
const FOOT: &str = "</urlset>\n";

/// Limits of one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) urls: usize,
    pub(super) bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            urls: MOST_URLS,
            bytes: MOST_BYTES,
        }
    }
}

/// Writes the sitemap to `path`, or to standard output while it fits one file.
/// Where it takes several, `path` is the index, and the others stand beside it
/// with a number in their names; `base` is the URL under which they will be
/// found (without it, the root of the first page's host).
pub(super) fn write(
    reader: &Reader,
    selection: Selection<'_>,
    path: Option<&Path>,
    base: Option<&Url>,
    limits: Limits,
    seen: &mut dyn FnMut(),
) -> anyhow::Result<()> {
    if let Some(path) = path.filter(|path| path.exists() && !path.is_file()) {
        bail!("{} is no file, which a sitemap must be", path.display());
    }
    let mut parts = Parts {
        path,
        limits,
        open: None,
        closed: Vec::new(),
    };
    let mut base = base.cloned();
    let mut failed = None;
    let read = reader.pages(selection.site, |page| {
        seen();
        let Some(url) = listed(&page).filter(|_| selection.takes_page(&page)) else {
            return Ok(());
        };
        if base.is_none() {
            base = url.join("/").ok();
        }
        parts.put(&entry(&url, page.fetched_at)).map_err(|error| {
            failed = Some(error);
            ExportError::Write(io::ErrorKind::Other.into())
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    read?;
    parts.finish(base.as_ref())
}

/// The URL of a page that belongs into a sitemap: it was answered by 200, is
/// an HTML page or of unknown type, and is no copy of another.
fn listed(page: &PageRow) -> Option<Url> {
    let html = page
        .content_type
        .as_deref()
        .is_none_or(|kind| matches!(kind, "text/html" | "application/xhtml+xml"));
    let own = page.canonical.as_ref().is_none_or(|url| *url == page.url);
    if page.outcome != "done" || page.status != Some(200) || !html || !own {
        return None;
    }
    let mut url = Url::parse(&page.url).ok()?;
    // Who may read it is nobody's business; an http URL has a host to keep.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(url)
}

fn entry(url: &Url, at: Option<u64>) -> String {
    let loc = escaped(url.as_str());
    let lastmod = at.map_or_else(String::new, |at| {
        format!("<lastmod>{}</lastmod>", rfc3339(at))
    });
    format!("<url><loc>{loc}</loc>{lastmod}</url>\n")
}

fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

/// The file being written.
struct Part {
    out: Box<dyn Write>,
    urls: usize,
    bytes: usize,
}

/// The files of one sitemap.
struct Parts<'a> {
    path: Option<&'a Path>,
    limits: Limits,
    open: Option<Part>,
    /// Files that are begun, the open one last; none for standard output.
    closed: Vec<(Draft, PathBuf)>,
}

impl Parts<'_> {
    fn put(&mut self, entry: &str) -> anyhow::Result<()> {
        let full = self.open.as_ref().is_some_and(|part| {
            part.urls >= self.limits.urls
                || part.bytes + entry.len() + FOOT.len() > self.limits.bytes
        });
        if full {
            self.close()?;
            if self.path.is_none() {
                bail!(
                    "more than fit one sitemap; write to a file with -o, others will stand beside it"
                );
            }
        }
        if self.open.is_none() {
            self.begin()?;
        }
        if let Some(part) = &mut self.open {
            part.out.write_all(entry.as_bytes())?;
            part.urls += 1;
            part.bytes += entry.len();
        }
        Ok(())
    }

    fn begin(&mut self) -> anyhow::Result<()> {
        let mut out: Box<dyn Write> = match self.path {
            None => Box::new(Sink::open(None)?),
            Some(path) => {
                let path = numbered(path, self.closed.len() + 1);
                let (file, draft) = Draft::create(&path)?;
                let Some(draft) = draft else {
                    bail!("{} is no file, which a sitemap must be", path.display());
                };
                self.closed.push((draft, path));
                Box::new(BufWriter::with_capacity(BUFFER, file))
            }
        };
        out.write_all(HEAD.as_bytes())?;
        self.open = Some(Part {
            out,
            urls: 0,
            bytes: HEAD.len(),
        });
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        if let Some(mut part) = self.open.take() {
            part.out.write_all(FOOT.as_bytes())?;
            part.out.flush()?;
        }
        Ok(())
    }

    /// Gives every file its name, the one that names the others last.
    fn finish(mut self, base: Option<&Url>) -> anyhow::Result<()> {
        if self.open.is_none() && self.closed.is_empty() {
            self.begin()?;
        }
        self.close()?;
        let Some(path) = self.path else {
            return Ok(());
        };
        if self.closed.len() == 1 {
            // The only file takes the name that was asked for.
            let (draft, _) = self.closed.remove(0);
            return Ok(draft.finish_as(path)?);
        }
        let index = index(&self.closed, base)?;
        let (mut file, draft) = Draft::create(path)?;
        file.write_all(index.as_bytes())?;
        for (draft, _) in self.closed {
            draft.finish()?;
        }
        draft.map_or(Ok(()), Draft::finish)?;
        Ok(())
    }
}

/// `sitemap.xml` has `sitemap-1.xml`, `sitemap-2.xml`, … beside it.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

fn index(files: &[(Draft, PathBuf)], base: Option<&Url>) -> anyhow::Result<String> {
    let base = base.context("a sitemap's index needs --base URL, where its files will be found")?;
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for (_, path) in files {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let url = base.join(&name)?;
        let loc = escaped(url.as_str());
        text.push_str(&format!("<sitemap><loc>{loc}</loc></sitemap>\n"));
    }
    text.push_str("</sitemapindex>\n");
    Ok(text)
}
