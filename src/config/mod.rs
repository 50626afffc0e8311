//! The sites file: what the operator wrote, checked and resolved.
//!
//! ```text
//! text ─ loader ─▶ raw::Document (forms, scalars: each checked where it stands)
//!                     └─ resolve ─▶ Job of Sites
//! ```

mod alert;
pub mod browsing;
pub mod date;
mod diff;
mod env;
mod error;
mod fields;
mod forms;
pub mod ladder;
mod loader;
mod proxies;
mod raw;
mod resolve;
mod scalar;
mod site;
pub mod source;

#[cfg(test)]
mod tests;

pub use self::diff::differences;
pub use self::error::ConfigError;
pub use self::ladder::{
    Budget, Meaning, Place, RungLimits, ServiceError, ServiceResult, ServiceRule, SolverProxy,
    SolverRule, URL_MARK,
};
pub use self::proxies::{Gateway, Login, ProxyAddress, ProxyFrom, ProxyRule, ProxyScheme, Rotate};
pub use self::resolve::Overrides;
pub use self::site::{
    Cast, Compress, Discover, Fetch, FieldRule, Job, JsonPath, Keep, Limits, Pattern, Pick,
    RecordRule, Robots, Rung, Scope, Selector, Site, Sitemap, Source, Timeouts,
};
pub use self::source::{
    ApiRule, Column, JsonQuery, ListFormat, ListFrom, ListRule, Paging, Since, Strategy,
};

use std::fs;
use std::path::Path;

/// Largest sites file, bytes.
const MAX_FILE: u64 = 16 << 20;
/// Pages of a site that is given by its URL alone.
const PAGES_OF_A_URL: u64 = 10_000;

/// Reads a sites file.
///
/// # Errors
/// The first fault, where it is and what to write instead.
pub fn load(path: &Path, over: &Overrides) -> Result<Job, ConfigError> {
    let file = path.display().to_string();
    let whole = |message: String| ConfigError::whole(&file, message);
    let about = fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => whole(
            "there is no such file; name a sites file, or a URL with https:// in front".into(),
        ),
        _ => whole(format!("cannot be read: {error}")),
    })?;
    if about.is_dir() {
        return Err(whole("is a folder; name a sites file in it".into()));
    }
    if about.len() > MAX_FILE {
        return Err(whole(
            "is larger than 16 MB; split it into several files".into(),
        ));
    }
    let bytes = fs::read(path).map_err(|error| whole(format!("cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        ConfigError {
            file: file.clone(),
            place: Some((line, column)),
            message: "not UTF-8 text; save the file as UTF-8".to_owned(),
        }
    })?;
    parse(text, &file, &|name| std::env::var(name).ok(), over)
}

/// Reads a sites file that is at hand as text. `env` looks up `${NAME}`.
///
/// # Errors
/// The first fault, where it is and what to write instead.
pub fn parse(
    text: &str,
    file: &str,
    env: &dyn Fn(&str) -> Option<String>,
    over: &Overrides,
) -> Result<Job, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (documents, secrets) = env::with(text, env, || loader::documents(text, file));
    let mut job = resolve::job(documents?, file, over)?;
    job.secrets = secrets;
    Ok(job)
}

/// The job of one site that is given by its URL: sitemap and links, 10,000 pages.
///
/// # Errors
/// Where it is not the URL of a page.
pub fn for_url(url: &str, over: &Overrides) -> Result<Job, ConfigError> {
    let parsed = url::Url::parse(url)
        .map_err(|error| ConfigError::whole(url, format!("not a URL: {error}")))?;
    let port = parsed
        .port()
        .map(|port| format!("-{port}"))
        .unwrap_or_default();
    let host = parsed
        .host_str()
        .unwrap_or_default()
        .replace(['[', ']', ':'], "-");
    let text = format!(
        "site: {}\nstart: {}\nlimits: {{ pages: {PAGES_OF_A_URL} }}\n",
        serde_json::json!(format!("{host}{port}")),
        serde_json::json!(url),
    );
    parse(&text, url, &|_| None, over)
}
