//! Requests of an API by a solver.

use super::{Container, Rig, site, solved};
use crate::fetch::{Call, Fetcher, Want};
use crate::page::FailureKind;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use url::Url;

fn call(body: Option<&'static str>, headers: &[(HeaderName, &'static str)]) -> Call {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.insert(name, HeaderValue::from_static(value));
    }
    Call {
        body: body.map(Into::into),
        headers: map,
    }
}

#[tokio::test]
async fn forms_are_posted_and_the_rest_is_refused_in_words() {
    let form = (
        CONTENT_TYPE,
        "application/x-www-form-urlencoded; charset=utf-8",
    );
    let json = (CONTENT_TYPE, "application/json");
    let accept = (ACCEPT, "application/json");
    let key = (HeaderName::from_static("x-api-key"), "s3cret");
    for (call, want) in [
        (
            call(
                Some("a=1+2&b=%26%3D&%C3%B6=\"x\""),
                &[form.clone(), accept.clone()],
            ),
            Ok(Some("a=1%202&b=%26%3D&%C3%B6=%22x%22")),
        ),
        (call(Some(""), std::slice::from_ref(&form)), Ok(Some(""))),
        (call(None, &[accept]), Ok(None)),
        (call(None, &[]), Ok(None)),
        (call(Some("{}"), &[json]), Err("posts forms alone")),
        (
            call(Some("a=1"), &[form.clone(), key]),
            Err("has x-api-key"),
        ),
        (call(Some("submit=1"), &[form]), Err("of the name submit")),
    ] {
        let container = Container::new(solved("http://site.test/a")).await;
        let rig = Rig::new(&site(&[container.address()], ""));
        let visitor = rig.visitor.calling(call);
        let url = Url::parse("http://site.test/a").unwrap();
        let result = rig.solver.fetch(&visitor, &url, Want::Page).await;
        match want {
            Ok(form) => {
                result.unwrap();
                let name = form.map_or("request.get", |_| "request.post");
                assert_eq!(container.command(name)["postData"].as_str(), form);
            }
            Err(words) => {
                let error = result.unwrap_err();
                assert_eq!((error.kind, &error.trouble), (FailureKind::Internal, &None));
                assert!(error.detail.contains(words), "{error}");
                assert!(!error.detail.contains("s3cret"), "{error}");
                assert_eq!(container.server.connections(), 0);
            }
        }
    }
}
