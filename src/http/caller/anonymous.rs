//! Checks that an anonymous request comes from the same machine.
//!
//! Anonymous callers exist for a developer on the same machine. But a web page in that developer's
//! browser can reach the loopback address too, under a name that resolves to it (DNS rebinding),
//! and a proxy on the same machine makes the whole network look local. So an anonymous request must
//! name a loopback host, and must not have passed a proxy.
//!
//! A request target in absolute form names a host too, which takes precedence (RFC 9112 section
//! 3.2.2): both that one and `Host` must be loopback.

use crate::http::Error;
use actix_web::http::Uri;
use actix_web::http::header::{HOST, HeaderMap, HeaderValue};

/// Returns `true` if a request names a loopback host, and has not passed a proxy.
pub(in crate::http) fn is_local(target: &Uri, headers: &HeaderMap) -> bool {
    check_anonymous(target, headers).is_ok()
}

/// Refuses an anonymous request that may come from elsewhere.
pub(in crate::http) fn check_anonymous(target: &Uri, headers: &HeaderMap) -> Result<(), Error> {
    let mut hosts = headers.get_all(HOST).peekable();
    let named = target
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    if hosts.peek().is_none()
        || !hosts
            .map(HeaderValue::as_bytes)
            .chain(named)
            .all(is_loopback)
    {
        return Err(Error::AnonymousHost);
    }
    // Common proxies add these headers; any one of them reveals a proxy that leaves out the others.
    let proxied = |name: &str| {
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded")
    };
    if headers.keys().any(|name| proxied(name.as_str())) {
        return Err(Error::AnonymousProxied);
    }
    Ok(())
}

/// Returns `true` for `localhost`, `127.0.0.1` or `[::1]`, with or without a port.
fn is_loopback(host: &[u8]) -> bool {
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|name| match host.split_at_checked(name.len()) {
            Some((head, port)) if head.eq_ignore_ascii_case(name.as_bytes()) => match port {
                [] => true,
                [b':', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
                _ => false,
            },
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_names_are_loopback() {
        for host in [
            "localhost",
            "LocalHost:8181",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8181",
        ] {
            assert!(is_loopback(host.as_bytes()), "{host}");
        }
        for host in [
            "",
            "localhost.",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "evil.example",
            "localhost:",
            "::1",
            "localhost:x",
            "127.0.0.2",
            "0.0.0.0",
            "[::1]x",
            "localhost@evil",
            "localhost:80:80",
        ] {
            assert!(!is_loopback(host.as_bytes()), "{host}");
        }
    }
}
