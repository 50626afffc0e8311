//! `CONNECT`: a tunnel through an HTTP proxy (RFC 9110, section 9.3.6).

use super::fault::{Fault, Whose};
use crate::config::Login;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Longest head of an answer, bytes.
const MAX_HEAD: usize = 16 * 1024;

/// The value of `Proxy-Authorization` for a login (RFC 7617).
pub(super) fn authorization(login: &Login) -> Option<HeaderValue> {
    let pair = format!("{}:{}", login.user, login.password);
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Asks for a tunnel to `authority` (`host:port`), and waits for it.
pub(super) async fn open<S>(
    stream: &mut S,
    authority: &str,
    login: Option<&Login>,
) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = login.and_then(authorization) {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(|e| broke(&e))?;
    match status(&head(stream).await?) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(Fault::of_status(status)),
        None => Err(Fault::new(
            Whose::Exit,
            "the proxy's answer to CONNECT is not HTTP",
        )),
    }
}

/// Reads the head of the answer, byte by byte: what follows it is the site's.
async fn head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::new();
    loop {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) => return Err(broke(&error)),
        }
        if head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n") {
            return Ok(head);
        }
        // What does not begin like an answer has no end worth waiting for.
        let start = head.len().min(5);
        if head[..start] != b"HTTP/"[..start] {
            return Ok(head);
        }
        if head.len() >= MAX_HEAD {
            let words = "the head of the proxy's answer to CONNECT is larger than 16 KiB";
            return Err(Fault::new(Whose::Exit, words));
        }
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let code = match rest {
        [b'0' | b'1', b' ', code @ ..] => code.get(..3)?,
        _ => return None,
    };
    let status = std::str::from_utf8(code).ok()?.parse().ok()?;
    let ends = matches!(rest.get(5), Some(b' ' | b'\r' | b'\n'));
    (ends && (100..600).contains(&status)).then_some(status)
}

fn broke(error: &std::io::Error) -> Fault {
    let words = match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            "the proxy closed the connection instead of answering".to_owned()
        }
        _ => format!("the connection to the proxy broke: {error}"),
    };
    Fault::new(Whose::Exit, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    async fn answered(answer: &[u8]) -> (Result<(), Fault>, String) {
        let (mut near, mut far) = tokio::io::duplex(64 * 1024);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let login = Login {
            user: "Aladdin".to_owned(),
            password: "open sesame".to_owned(),
        };
        let result = open(&mut near, "a.test:443", Some(&login)).await;
        drop(near);
        let mut sent = String::new();
        far.read_to_string(&mut sent).await.unwrap();
        (result, sent)
    }

    #[tokio::test]
    async fn answers_of_all_kinds() {
        let long = [
            b"HTTP/1.1 200 OK\r\nX: ".to_vec(),
            vec![b'x'; MAX_HEAD],
            b"\r\n\r\n".to_vec(),
        ]
        .concat();
        type Expected = Option<(Whose, &'static str)>;
        let cases: &[(&[u8], Expected)] = &[
            (b"HTTP/1.1 200 Connection established\r\n\r\n", None),
            (b"HTTP/1.0 200\r\nVia: x\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\n\n", None),
            (
                b"HTTP/1.1 407 No\r\nA: b\r\n\r\n",
                Some((Whose::Login, "407")),
            ),
            (
                b"HTTP/1.1 402 Pay\r\n\r\n",
                Some((Whose::Login, "no credit")),
            ),
            (b"HTTP/1.1 429 Slow\r\n\r\n", Some((Whose::Crowded, "429"))),
            (b"HTTP/1.1 403 No\r\n\r\n", Some((Whose::Either, "403"))),
            (b"HTTP/1.1 502 No\r\n\r\n", Some((Whose::Either, "502"))),
            (b"HTTP/1.1 302 No\r\n\r\n", Some((Whose::Either, "302"))),
            (b"HTTP/1.1 2000 No\r\n\r\n", Some((Whose::Exit, "not HTTP"))),
            (b"HTTP/1.1 999 No\r\n\r\n", Some((Whose::Exit, "not HTTP"))),
            (b"SSH-2.0-OpenSSH_9\r\n", Some((Whose::Exit, "not HTTP"))),
            (
                b"HTTP/1.1 200 OK\r\n",
                Some((Whose::Exit, "closed the connection")),
            ),
            (b"", Some((Whose::Exit, "closed the connection"))),
            (&long, Some((Whose::Exit, "larger than 16 KiB"))),
        ];
        for (answer, expected) in cases {
            let (result, sent) = answered(answer).await;
            let shown = String::from_utf8_lossy(&answer[..answer.len().min(40)]).into_owned();
            match (expected, result) {
                (None, Ok(())) => {}
                (Some((whose, words)), Err(fault)) => {
                    assert_eq!(fault.whose, *whose, "{shown}");
                    assert!(fault.words.contains(words), "{shown}: {fault}");
                    assert!(!fault.words.contains("sesame"));
                }
                (_, result) => panic!("{shown}: {result:?}"),
            }
            assert_eq!(
                sent,
                "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\
                 Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
            );
        }
    }

    #[tokio::test]
    async fn what_follows_the_head_is_left_to_the_site() {
        let (mut near, mut far) = tokio::io::duplex(1024);
        far.write_all(b"HTTP/1.1 200 OK\r\n\r\nhello")
            .await
            .unwrap();
        open(&mut near, "a.test:443", None).await.unwrap();
        drop(far);
        let mut rest = String::new();
        near.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "hello");
    }

    proptest! {
        #[test]
        fn no_head_makes_it_panic(head: Vec<u8>, code in "HTTP/1[.][01] [0-9]{1,5}.?") {
            let _ = status(&head);
            let known = status(code.as_bytes());
            prop_assert!(known.is_none_or(|status| (100..600).contains(&status)));
        }
    }
}
