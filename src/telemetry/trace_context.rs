//! The trace that a request belongs to: W3C's Trace Context, its headers `traceparent` and
//! `tracestate`.
//!
//! **Problem.** A decision is one step of something larger, whose other steps stand in other logs.
//! What joins them is an id that each request brings along; whoever sends the request chooses it.
//! **Decision.** An id is read strictly, or not at all (section 3.2.2 of the standard): a malformed
//! header is as none, and never comes back. What is read has a fixed size and is made of
//! hexadecimal digits alone.
//! **Trade-off.** A sender can give two requests the same trace, and can name the trace of another.
//!
//! INVARIANT: a trace is data in records, logs and spans. No decision, no permission and no limit
//! depends on it.

use std::fmt;

/// The version that this service knows, and the length of a header of that version.
const VERSION: u8 = 0;
const LENGTH: usize = 55;

/// LIMIT: bytes of a `tracestate` that is passed on. The standard asks for no more of anybody
/// (section 3.3.1.5).
const MAX_STATE_BYTES: usize = 512;

/// LIMIT: members of a `tracestate` (section 3.3.1.1).
const MAX_STATE_MEMBERS: usize = 32;

/// The id of a trace, never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// The id of a step of a trace, never all zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

impl TraceId {
    /// Makes an id of random bytes; `None` if the system has no randomness.
    #[must_use]
    pub fn random() -> Option<Self> {
        random().map(Self)
    }

    /// Returns the number in its last eight bytes, by which one is chosen among many.
    pub(super) fn low_half(self) -> u64 {
        let [_, _, _, _, _, _, _, _, low @ ..] = self.0;
        u64::from_be_bytes(low)
    }
}

impl SpanId {
    /// Makes an id of random bytes; `None` if the system has no randomness.
    #[must_use]
    pub fn random() -> Option<Self> {
        random().map(Self)
    }
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(bytes).filter(|bytes| bytes.iter().any(|byte| *byte != 0))
}

/// Writes 32 hexadecimal digits, in lower case.
impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_digits(&self.0, f)
    }
}

/// Writes 16 hexadecimal digits, in lower case.
impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_digits(&self.0, f)
    }
}

fn write_digits(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceId({self})")
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

/// What `traceparent` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: TraceId,
    /// The sender's step of it.
    pub span: SpanId,
    /// Whether the sender records its own step.
    pub is_sampled: bool,
}

impl TraceParent {
    /// Reads the header; `None` if it is malformed.
    ///
    /// A later version is read as far as it begins like this one (section 3.2.4).
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Self> {
        let (known, more) = text.split_at_checked(LENGTH)?;
        let [version] = digits::<1>(known.get(..2)?)?;
        let is_readable = match version {
            0xff => false,
            VERSION => more.is_empty(),
            _ => more.is_empty() || more.starts_with(b"-"),
        };
        let dashes = [2, 35, 52].iter().all(|at| known.get(*at) == Some(&b'-'));
        if !(is_readable && dashes) {
            return None;
        }
        let [flags] = digits::<1>(known.get(53..)?)?;
        Some(Self {
            trace: TraceId(some_digits(known.get(3..35)?)?),
            span: SpanId(some_digits(known.get(36..52)?)?),
            is_sampled: flags & 1 == 1,
        })
    }
}

/// Reads `2 * N` hexadecimal digits in lower case.
fn digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

/// Reads digits that are not all zeros.
fn some_digits<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    digits(text).filter(|bytes: &[u8; N]| bytes.iter().any(|byte| *byte != 0))
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Returns a `tracestate` that may be passed on with the trace; `None` if it is empty, too long, or
/// holds anything but printable ASCII in members of a name and a value (section 3.3.1).
#[must_use]
pub fn trace_state(text: &[u8]) -> Option<&str> {
    let text = str::from_utf8(text).ok()?;
    let is_printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let members = || text.split(',').map(str::trim).filter(|it| !it.is_empty());
    let is_member = |member: &str| {
        let (name, value) = member.split_once('=').unwrap_or_default();
        !name.is_empty() && !value.is_empty() && !value.contains('=') && !name.contains(' ')
    };
    let is_good = text.len() <= MAX_STATE_BYTES
        && is_printable
        && (1..=MAX_STATE_MEMBERS).contains(&members().count())
        && members().all(is_member);
    is_good.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    fn read(text: &str) -> Option<(String, String, bool)> {
        TraceParent::read(text.as_bytes()).map(|read| {
            (
                read.trace.to_string(),
                read.span.to_string(),
                read.is_sampled,
            )
        })
    }

    #[test]
    fn a_parent_is_read_as_the_standard_says_or_not_at_all() {
        let expected = |is_sampled| Some((TRACE.to_owned(), SPAN.to_owned(), is_sampled));
        for (text, expected) in [
            (format!("00-{TRACE}-{SPAN}-01"), expected(true)),
            (format!("00-{TRACE}-{SPAN}-00"), expected(false)),
            // Flags that are not known say nothing.
            (format!("00-{TRACE}-{SPAN}-fe"), expected(false)),
            (format!("00-{TRACE}-{SPAN}-03"), expected(true)),
            // A later version may say more.
            (format!("01-{TRACE}-{SPAN}-01"), expected(true)),
            (
                format!("cc-{TRACE}-{SPAN}-01-what-comes-later"),
                expected(true),
            ),
            (format!("cc-{TRACE}-{SPAN}-01.what-comes-later"), None),
            (format!("00-{TRACE}-{SPAN}-01-more"), None),
            (format!("00-{TRACE}-{SPAN}-01-"), None),
            (format!("ff-{TRACE}-{SPAN}-01"), None),
            (format!("0-{TRACE}-{SPAN}-01"), None),
            (format!("00-{TRACE}-{SPAN}-1"), None),
            (format!("00-{TRACE}-{SPAN}"), None),
            (format!("00_{TRACE}-{SPAN}-01"), None),
            (format!("00-{TRACE}-{SPAN}_01"), None),
            (format!(" 00-{TRACE}-{SPAN}-0"), None),
            (format!("00-{}-{SPAN}-01", TRACE.to_uppercase()), None),
            (format!("00-{TRACE}-{}-01", SPAN.to_uppercase()), None),
            (format!("00-{TRACE}-{SPAN}-0A"), None),
            (format!("00-{}-{SPAN}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{}g-{SPAN}-01", &TRACE[1..]), None),
            (format!("00-{}é-{SPAN}-01", &TRACE[2..]), None),
            (String::new(), None),
            ("-".repeat(55), None),
            ("0".repeat(10_000), None),
        ] {
            assert_eq!(read(&text), expected, "{text}");
        }
    }

    #[test]
    fn a_state_is_bounded_and_printable() {
        let many = |count: usize| {
            let members: Vec<String> = (0..count).map(|at| format!("v{at}=x")).collect();
            members.join(",")
        };
        for (text, is_good) in [
            ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE".to_owned(), true),
            (" a=1 , ,b@c=2\t".to_owned(), true),
            (many(32), true),
            (many(33), false),
            (format!("a={}", "x".repeat(510)), true),
            (format!("a={}", "x".repeat(511)), false),
            (String::new(), false),
            (",".to_owned(), false),
            ("a".to_owned(), false),
            ("a=".to_owned(), false),
            ("=1".to_owned(), false),
            ("a=1=2".to_owned(), false),
            ("a=é".to_owned(), false),
            ("a=1\n".to_owned(), false),
        ] {
            assert_eq!(trace_state(text.as_bytes()).is_some(), is_good, "{text}");
        }
        assert_eq!(trace_state(b"a=\xff"), None);
    }

    #[test]
    fn ids_that_are_made_differ() {
        let (one, other) = (TraceId::random(), TraceId::random());
        assert!(one.is_some() && one != other);
        assert_eq!(SpanId::random().unwrap().to_string().len(), 16);
    }
}
