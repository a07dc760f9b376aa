//! SPIFFE ids (SPIFFE-ID section 2): a trust domain and a path.

/// LIMIT: bytes of an id (section 2.3).
const MAX_BYTES: usize = 2048;

/// A well-formed SPIFFE id of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpiffeId<'a> {
    /// The trust domain.
    pub domain: &'a str,
    /// The path, without its leading slash. It is never empty: the id of a trust domain is not a
    /// workload's.
    pub path: &'a str,
}

impl<'a> SpiffeId<'a> {
    /// Parses an id.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let rest = text
            .strip_prefix("spiffe://")
            .filter(|_| text.len() <= MAX_BYTES)?;
        let (domain, path) = rest.split_once('/')?;
        let segment_fits = |segment: &str| {
            let plain = segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
            plain && !matches!(segment, "" | "." | "..")
        };
        (is_trust_domain(domain) && path.split('/').all(segment_fits))
            .then_some(Self { domain, path })
    }
}

/// Returns `true` if the text is the name of a trust domain (section 2.1).
#[must_use]
pub fn is_trust_domain(text: &str) -> bool {
    let fits =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    !text.is_empty() && text.len() <= 255 && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_a_domain_and_a_path() {
        assert_eq!(
            SpiffeId::parse("spiffe://a.example/ns/x"),
            Some(SpiffeId {
                domain: "a.example",
                path: "ns/x"
            })
        );
        for text in [
            "",
            "a.example/x",
            "spiffe://",
            "spiffe:///x",
            "spiffe://a.example",
            "spiffe://a.example/",
            "spiffe://a.example/x/",
            "spiffe://a.example//x",
            "spiffe://a.example/../x",
            "spiffe://a.example/x?y",
            "spiffe://a.example/x%2fy",
            "spiffe://A.example/x",
            "spiffe://a.example:8/x",
            "spiffe://user@a.example/x",
            "SPIFFE://a.example/x",
        ] {
            assert_eq!(SpiffeId::parse(text), None, "{text}");
        }
        let long = |bytes: usize| format!("spiffe://a/{}", "x".repeat(bytes - "spiffe://a/".len()));
        assert!(
            SpiffeId::parse(&long(MAX_BYTES)).is_some()
                && SpiffeId::parse(&long(MAX_BYTES + 1)).is_none()
        );
    }
}
