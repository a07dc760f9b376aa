//! The request that a gateway asks about, as the gateway has seen it.

use super::MappingRefusal;
use smol_str::SmolStr;

/// Headers by which some frameworks take another method or path than the request line's.
const OVERRIDES: [&str; 5] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-rewrite-url",
];

/// Returns `true` for a header by which an upstream may take another request for this one. Those
/// behind CGI read `_` as `-`, so that MCP's headers may not come with it.
fn names_another(header: &str) -> bool {
    let plain = header.replace('_', "-");
    OVERRIDES.contains(&plain.as_str()) || (plain != header && plain.starts_with("mcp-"))
}

/// Longest name of a host in bytes (RFC 1035 section 2.3.4).
const MAX_HOST: usize = 253;

/// A request that a gateway asks about. Nothing of it is trusted.
#[derive(Clone, Debug)]
pub struct OriginalRequest<'a> {
    /// The method.
    pub method: &'a str,
    /// The host, perhaps with a port.
    pub host: &'a str,
    /// The path and the query, as the client sent them.
    pub target: &'a str,
    /// The headers, with names in lower case; `None` for a value that is no text.
    pub headers: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> OriginalRequest<'a> {
    /// Returns a header's value; `None` if there is none. Two of one name are refused: servers take
    /// the first, the last or both.
    pub fn header(&self, name: &str) -> Result<Option<&'a str>, MappingRefusal> {
        let mut values = self.headers.iter().filter(|(known, _)| *known == name);
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some((_, Some(value))), None) => Ok(Some(value.trim_ascii())),
            (Some(_), _) => Err(MappingRefusal::ambiguous(
                "header",
                "it occurs twice, or is no text",
            )),
        }
    }

    /// Refuses a request that some servers would take for another one.
    pub(super) fn check_overrides(&self) -> Result<(), MappingRefusal> {
        if self.headers.iter().any(|(name, _)| names_another(name)) {
            return Err(MappingRefusal::ambiguous(
                "method or path",
                "a header names another one",
            ));
        }
        Ok(())
    }

    /// Returns the host's name in lower case, without the port.
    pub(super) fn host_name(&self) -> Result<SmolStr, MappingRefusal> {
        read_host(self.host).ok_or(MappingRefusal::ambiguous("host", "it is no host's name"))
    }
}

/// Reads `host` or `host:port` (RFC 9112 section 3.2); returns the host in lower case.
pub(super) fn read_host(text: &str) -> Option<SmolStr> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| {
        (1..=5).contains(&port.len()) && port.bytes().all(|digit| digit.is_ascii_digit())
    };
    if !port.is_none_or(is_port) || host.len() > MAX_HOST {
        return None;
    }
    let is_name = |host: &str| {
        host.split('.').all(|label| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        })
    };
    let address = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let is_host = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => is_name(host),
    };
    is_host.then(|| SmolStr::from(host.to_ascii_lowercase()))
}
