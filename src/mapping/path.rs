//! Reads the target of a request, and refuses what servers read differently.

use super::MappingRefusal;
use smol_str::SmolStr;

/// LIMIT: the number of segments of a path.
pub(super) const MAX_SEGMENTS: usize = 64;

/// LIMIT: the length of a target in bytes; most servers take no more.
const MAX_TARGET: usize = 8 * 1024;

/// LIMIT: the number of parameters of a query.
const MAX_PARAMETERS: usize = 256;

/// A path whose segments every server reads in the same way, and its query as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestPath {
    text: SmolStr,
    segments: Vec<SmolStr>,
    query: Option<SmolStr>,
}

impl RequestPath {
    /// Reads a target in origin form.
    pub(super) fn read(target: &str) -> Result<Self, MappingRefusal> {
        let ambiguous = |flaw| Err(MappingRefusal::ambiguous("path", flaw));
        if target.len() > MAX_TARGET {
            return ambiguous("it is too long");
        }
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) || target.contains('#') {
            return ambiguous("it holds characters that no address has");
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        let Some(rest) = path.strip_prefix('/') else {
            return ambiguous("it does not begin with `/`");
        };
        let mut segments = Vec::new();
        for segment in rest.split('/') {
            if segments.len() == MAX_SEGMENTS {
                return ambiguous("it has too many segments");
            }
            // Only the last one may be empty, which is another path than one without it.
            if segments.last().is_some_and(SmolStr::is_empty) {
                return ambiguous("a segment is empty");
            }
            segments.push(read_segment(segment)?);
        }
        if segments.len() > 1 && segments.first().is_some_and(SmolStr::is_empty) {
            return ambiguous("a segment is empty");
        }
        Ok(Self {
            text: path.into(),
            segments,
            query: query.map(SmolStr::from),
        })
    }

    /// Returns the path as it came, without the query.
    pub(super) fn text(&self) -> &SmolStr {
        &self.text
    }

    /// Returns the decoded segments.
    pub(super) fn segments(&self) -> &[SmolStr] {
        &self.segments
    }

    /// Returns a parameter of the query; `None` if there is none. One that occurs twice, or that
    /// some servers would read as another, is refused.
    pub(super) fn parameter(&self, name: &str) -> Result<Option<SmolStr>, MappingRefusal> {
        let ambiguous = |flaw| MappingRefusal::ambiguous("query", flaw);
        let query = self.query.as_deref().unwrap_or_default();
        if query.contains(';') {
            return Err(ambiguous("some servers end a parameter at `;`"));
        }
        let mut found = None;
        for (at, pair) in query.split('&').enumerate() {
            if at >= MAX_PARAMETERS {
                return Err(ambiguous("it has too many parameters"));
            }
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = decode(key).ok_or(ambiguous("a name cannot be decoded"))?;
            if !is_read_as(&key, name) {
                continue;
            }
            if key != name || found.is_some() {
                return Err(ambiguous("a parameter occurs twice, or nearly so"));
            }
            if value.contains('+') {
                return Err(ambiguous("`+` is a space to some servers"));
            }
            found = Some(decode(value).ok_or(ambiguous("a value cannot be decoded"))?);
        }
        Ok(found.map(SmolStr::from))
    }
}

/// Returns `true` if some server would give a handler this key under that name: without regard to
/// case, as an item of a list (`name[]`), or behind spaces.
fn is_read_as(key: &str, name: &str) -> bool {
    let key = key.trim_matches([' ', '+']);
    let bare = key.split_once('[').map_or(key, |(bare, _)| bare);
    bare.eq_ignore_ascii_case(name)
}

/// Reads a segment. Escapes are taken where they must be: not for letters and digits, which servers
/// compare before or after decoding, and not for what would end the segment once it is decoded.
fn read_segment(text: &str) -> Result<SmolStr, MappingRefusal> {
    let ambiguous = |flaw| Err(MappingRefusal::ambiguous("path", flaw));
    if text.contains([';', '\\']) {
        return ambiguous("a segment holds `;` or `\\`");
    }
    let Some(decoded) = decode(text) else {
        return ambiguous("an escape cannot be decoded");
    };
    if decoded == "." || decoded == ".." {
        return ambiguous("a segment is `.` or `..`");
    }
    let mut escapes = text.split('%').skip(1);
    let is_needless = escapes.any(|escape| {
        let byte = escape
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        byte.is_none_or(|byte| byte.is_ascii_alphanumeric() || b"-._~/\\;%?#".contains(&byte))
    });
    if is_needless {
        return ambiguous("it escapes a letter, a digit, or what ends a segment");
    }
    Ok(decoded.into())
}

/// Decodes escapes; `None` where they are malformed, are no UTF-8, or hide a control character.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex = [rest.next()?, rest.next()?];
            if !hex.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            bytes.push(u8::from_str_radix(str::from_utf8(&hex).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let decoded = String::from_utf8(bytes).ok()?;
    (!decoded.chars().any(char::is_control)).then_some(decoded)
}
