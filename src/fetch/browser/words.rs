//! What the browser's network errors mean.

use crate::fetch::error::Cause;
use crate::page::FailureKind as Kind;

/// The kind and the words of an error such as `net::ERR_NAME_NOT_RESOLVED`
/// (Chromium's `net/base/net_error_list.h`).
pub(super) fn cause(error: &str) -> Cause {
    let name = error.strip_prefix("net::").unwrap_or(error);
    let name = name.strip_prefix("ERR_").unwrap_or(name);
    let (kind, words) = match name {
        "NAME_NOT_RESOLVED" | "NAME_RESOLUTION_FAILED" | "DNS_TIMED_OUT" => {
            (Kind::Dns, "the host name cannot be resolved")
        }
        "CONNECTION_REFUSED" => (Kind::Connect, "could not connect: refused"),
        "CONNECTION_FAILED"
        | "ADDRESS_UNREACHABLE"
        | "INTERNET_DISCONNECTED"
        | "NETWORK_UNREACHABLE"
        | "NETWORK_ACCESS_DENIED" => (
            Kind::Connect,
            "could not connect: the address cannot be reached",
        ),
        "SOCKS_CONNECTION_FAILED" | "SOCKS_CONNECTION_HOST_UNREACHABLE" => {
            (Kind::Connect, "could not connect")
        }
        "PROXY_CONNECTION_FAILED" | "TUNNEL_CONNECTION_FAILED" | "PROXY_AUTH_REQUESTED" => {
            (Kind::Connect, "the proxy could not be used")
        }
        "CONNECTION_TIMED_OUT" => (Kind::Timeout, "the connection timed out"),
        "TIMED_OUT" => (Kind::Timeout, "no answer in time"),
        "CONNECTION_CLOSED" | "EMPTY_RESPONSE" => (
            Kind::Reset,
            "the server closed the connection before its answer was complete",
        ),
        "CONNECTION_RESET" | "CONNECTION_ABORTED" | "SOCKET_NOT_CONNECTED" | "NETWORK_CHANGED" => {
            (Kind::Reset, "the connection broke")
        }
        "CONTENT_LENGTH_MISMATCH"
        | "INCOMPLETE_CHUNKED_ENCODING"
        | "HTTP2_STREAM_ERROR"
        | "HTTP2_PING_FAILED" => (Kind::Reset, "the connection broke while the body came"),
        "TOO_MANY_REDIRECTS" => (Kind::Redirect, "more redirects than the browser follows"),
        "INVALID_REDIRECT" | "UNSAFE_REDIRECT" => {
            (Kind::Redirect, "a redirect without a usable target")
        }
        "CONTENT_DECODING_FAILED" => (Kind::Decode, "the body's compression is broken"),
        "RESPONSE_HEADERS_TOO_BIG" => (Kind::TooLarge, "the answer's headers are too large"),
        "BLOCKED_BY_RESPONSE" => (Kind::Blocked, "the answer forbids browsers to show it"),
        "OUT_OF_MEMORY" | "INSUFFICIENT_RESOURCES" => {
            (Kind::Internal, "the browser has no memory left")
        }
        name if name.starts_with("CERT_") || name.starts_with("SSL_") => {
            (Kind::Tls, "the TLS handshake failed")
        }
        _ => (Kind::Protocol, "the browser could not load it"),
    };
    // The name is one of Chromium's list: letters, digits and `_`.
    let clean = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
    let name: String = name.chars().filter(clean).take(60).collect();
    Cause::new(kind, format!("{words} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_kinds_of_plain_http() {
        let cases = [
            ("net::ERR_NAME_NOT_RESOLVED", Kind::Dns),
            ("net::ERR_CONNECTION_REFUSED", Kind::Connect),
            ("net::ERR_CONNECTION_TIMED_OUT", Kind::Timeout),
            ("net::ERR_EMPTY_RESPONSE", Kind::Reset),
            ("net::ERR_CERT_DATE_INVALID", Kind::Tls),
            ("net::ERR_SSL_PROTOCOL_ERROR", Kind::Tls),
            ("net::ERR_TOO_MANY_REDIRECTS", Kind::Redirect),
            ("net::ERR_CONTENT_DECODING_FAILED", Kind::Decode),
            ("net::ERR_INVALID_HTTP_RESPONSE", Kind::Protocol),
            ("", Kind::Protocol),
        ];
        for (error, kind) in cases {
            assert_eq!(cause(error).kind, kind, "{error}");
        }
        let odd = cause("net::ERR_\u{1b}[31mRED");
        assert!(odd.detail.ends_with("(31mRED)"), "{}", odd.detail);
    }
}
