//! What is done in a page, in a world of its own: the page's scripts cannot
//! see it, and what they have made of the built-in functions does not reach it.

use super::link::CallError;
use super::tab::Tab;
use crate::fetch::browser::progress::text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chromiumoxide_cdp::cdp::browser_protocol::page::{
    CaptureScreenshotFormat, CaptureScreenshotParams, CreateIsolatedWorldParams,
    GetLayoutMetricsParams, Viewport,
};
use chromiumoxide_cdp::cdp::js_protocol::runtime::EvaluateParams;
use serde_json::{Value, json};

/// Highest picture of a page, in CSS pixels.
const HIGHEST: f64 = 8000.0;
/// Widest picture of a page, in CSS pixels.
const WIDEST: f64 = 2000.0;

/// The document as HTML, its doctype in front, whatever it has become.
/// `toWellFormed`: half a surrogate pair is no JSON.
const HTML: &str = r#"(most => {
  const type = document.doctype;
  const quoted = text => ' "' + text + '"';
  const begin = !type ? '' : '<!DOCTYPE ' + type.name
    + (type.publicId ? ' PUBLIC' + quoted(type.publicId) : type.systemId ? ' SYSTEM' : '')
    + (type.systemId ? quoted(type.systemId) : '') + '>\n';
  const root = document.documentElement;
  const html = begin + (root ? root.outerHTML : '');
  return html.length > most ? null : html.toWellFormed();
})"#;
const MATCHES: &str = "(css => document.querySelector(css) !== null)";
/// Whether there was anything to scroll.
const SCROLL: &str = r#"(() => {
  const page = document.scrollingElement || document.documentElement;
  const before = page.scrollTop;
  page.scrollTo({ top: page.scrollHeight, behavior: 'instant' });
  return page.scrollTop > before;
})"#;
const CLICK: &str = r#"(css => {
  const found = document.querySelector(css);
  if (!found) return false;
  found.scrollIntoView({ block: 'center', behavior: 'instant' });
  found.click();
  return true;
})"#;

/// The document as HTML; `None` where it is longer than `most`.
pub(super) async fn html(tab: &Tab, most: u64) -> Result<Option<String>, CallError> {
    let html = run(tab, HTML, json!(most)).await?;
    let html = html.as_str().map(str::to_owned);
    // Counted in UTF-16 there, in UTF-8 here.
    Ok(html.filter(|html| html.len() as u64 <= most))
}

/// Whether an element matches a selector.
pub(super) async fn matches(tab: &Tab, css: &str) -> Result<bool, CallError> {
    Ok(run(tab, MATCHES, json!(css)).await? == true)
}

/// Scrolls to the end; whether that was any way at all.
pub(super) async fn scroll(tab: &Tab) -> Result<bool, CallError> {
    Ok(run(tab, SCROLL, json!(null)).await? == true)
}

/// Clicks the first element that matches a selector; whether one does.
pub(super) async fn click(tab: &Tab, css: &str) -> Result<bool, CallError> {
    Ok(run(tab, CLICK, json!(css)).await? == true)
}

/// What `function` answers to `argument`.
async fn run(tab: &Tab, function: &str, argument: Value) -> Result<Value, CallError> {
    let world = CreateIsolatedWorldParams {
        world_name: Some("crawldeck".to_owned()),
        ..CreateIsolatedWorldParams::new(tab.frame().to_owned())
    };
    let world = tab.call(world).await?;
    let asked = EvaluateParams {
        context_id: Some(world.execution_context_id),
        return_by_value: Some(true),
        user_gesture: Some(true),
        ..EvaluateParams::new(format!("{function}({argument})"))
    };
    let mut answer = tab.ask(asked).await?;
    if let Some(thrown) = answer.get("exceptionDetails") {
        let words = thrown["exception"]["description"].as_str();
        let words = words.or_else(|| text(thrown, "text")).unwrap_or_default();
        return Err(CallError::Refused(
            words.lines().next().unwrap_or_default().to_owned(),
        ));
    }
    Ok(answer["result"]["value"].take())
}

/// A PNG of the page from its top, as high as it is up to a limit.
pub(super) async fn picture(tab: &Tab) -> Result<Vec<u8>, CallError> {
    let size = tab.ask(GetLayoutMetricsParams {}).await?;
    let side = |name: &str, most: f64| {
        let side = size["cssContentSize"][name].as_f64().unwrap_or(0.0);
        side.clamp(1.0, most)
    };
    let clip = Viewport {
        x: 0.0,
        y: 0.0,
        width: side("width", WIDEST),
        height: side("height", HIGHEST),
        scale: 1.0,
    };
    let asked = CaptureScreenshotParams {
        format: Some(CaptureScreenshotFormat::Png),
        clip: Some(clip),
        capture_beyond_viewport: Some(true),
        ..CaptureScreenshotParams::default()
    };
    let picture = tab.call(asked).await?;
    BASE64
        .decode(picture.data)
        .map_err(|_| CallError::Refused("the picture is no picture".to_owned()))
}
