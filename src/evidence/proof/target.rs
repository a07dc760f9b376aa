//! Normalizes the address of a request, as a proof of possession names it (RFC 9449 section 4.3,
//! RFC 3986 section 6.2).
//!
//! INVARIANT: normalization never makes two addresses equal that the standard distinguishes; a text
//! that is not an address, or contains a user, equals nothing.

/// Returns the address without query and fragment, in its normal form.
pub(super) fn target(url: &str) -> Option<String> {
    let whole = url.split(['?', '#']).next()?;
    let (scheme, rest) = whole.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = scheme.to_ascii_lowercase();
    let authority = authority.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "https" => "443",
        "http" => "80",
        _ => return None,
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (host, port),
        _ => (authority.as_str(), ""),
    };
    let port = if port.is_empty() || port == usual {
        String::new()
    } else {
        format!(":{port}")
    };
    let plain = host
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'@' | b'%' | b'\\'));
    let is_literal = host.starts_with('[') && host.ends_with(']');
    (plain && !host.is_empty() && (is_literal || !host.contains(':'))).then_some(())?;
    Some(format!(
        "{scheme}://{host}{port}{}",
        without_dots(&unescape(path)?)
    ))
}

/// Decodes a path so that only the characters that must be escaped are, with digits in upper case.
/// Returns `None` for a malformed escape.
fn unescape(path: &str) -> Option<String> {
    let mut text = String::with_capacity(path.len());
    let mut rest = path.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let high = rest.next()?;
        let low = rest.next()?;
        let byte = u8::try_from(high.to_digit(16)? << 4 | low.to_digit(16)?).ok()?;
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            text.extend(['%', high.to_ascii_uppercase(), low.to_ascii_uppercase()]);
        }
    }
    Some(text)
}

/// Removes `.` and `..` from a path (RFC 3986 section 5.2.4); the result is never empty.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let mut ends_in_dots = false;
    for segment in segments {
        ends_in_dots = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    if ends_in_dots {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_compared_without_what_does_not_count() {
        for url in [
            "https://a.example/x",
            "https://A.example/x?y=1",
            "https://a.example:443/x",
            "https://a.example:/x",
            "HTTPS://a.example/x#z",
            "https://a.example/%78",
            "https://a.example/y/../x",
            "https://a.example/./x",
            "https://a.example/../x",
            "https://a.example/%2e%2E/x",
        ] {
            assert_eq!(target(url).as_deref(), Some("https://a.example/x"), "{url}");
        }
        assert_eq!(target("https://a.example"), target("https://a.example/"));
        assert_eq!(
            target("https://[::1]:443/x").as_deref(),
            Some("https://[::1]/x")
        );
        assert_eq!(
            target("https://a.example/x/y/.."),
            target("https://a.example/x/")
        );
        assert_eq!(
            target("https://a.example/%c3%a9"),
            target("https://a.example/%C3%A9")
        );
    }

    #[test]
    fn addresses_that_differ_stay_apart() {
        for url in [
            "https://a.example/X",
            "https://a.example:8443/x",
            "http://a.example/x",
            "https://a.example:80/x",
            "https://a.example/x/",
            "https://a.example//x",
            "https://a.example/%2Fx",
            "https://a.example/x%3Fy",
            "https://a.example.evil/x",
        ] {
            assert_ne!(target(url).as_deref(), Some("https://a.example/x"), "{url}");
        }
        for url in [
            "",
            "a.example/x",
            "ftp://a.example/x",
            "https:///x",
            "https://:443/x",
            "https://a.example::/x",
            "https://a.example:443:/x",
            "https://a.example:443:443/x",
            "https://::1/x",
            "https://user@a.example/x",
            "https://a.example%2e/x",
            "https://a.example\\@evil.example/x",
            "https://a.example/%zz",
            "https://a.example/%2",
        ] {
            assert_eq!(target(url), None, "{url}");
        }
    }

    proptest! {
        #[test]
        fn what_is_normal_is_its_own_normal_form(
            url in "(https|http)://[a-zA-Z.]{1,5}(:443|:80|:)?(/[a%2eEfF.~x/]{0,9}|\\PC{0,5})?",
        ) {
            if let Some(normal) = target(&url) {
                prop_assert_eq!(target(&normal), Some(normal.clone()));
            }
        }
    }
}
