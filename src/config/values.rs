//! Settings that are more than a text or a number; each is parsed once into its meaning.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// The address that the service listens on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Default for Listen {
    fn default() -> Self {
        Self::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8181))
    }
}

impl Listen {
    /// Whether only this machine can reach the address.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "`{text}` is not an address; write for example `127.0.0.1:8181` or `unix:/run/behest.sock`"
            )
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(refuse())
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        let address = match text.strip_prefix("localhost:") {
            Some(port) => port
                .parse()
                .ok()
                .map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
            None => text.parse().ok(),
        };
        address.map(Self::Tcp).ok_or_else(refuse)
    }
}

/// An `https` address without query, fragment and user: a service's identifier (AuthZEN 1.0 section
/// 9.1), kept byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// Returns the address as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = |problem: &str| {
            Err(format!(
                "`{text}` {problem}; write for example `https://pdp.example`"
            ))
        };
        let Some(rest) = text.strip_prefix("https://") else {
            return refuse("does not begin with `https://`");
        };
        let host = rest.split('/').next().unwrap_or_default();
        if host.is_empty() || host.starts_with(':') || host.contains('@') {
            return refuse("has no host, or a user before it");
        }
        if rest.contains(['?', '#']) {
            return refuse("has a query or a fragment");
        }
        if rest
            .bytes()
            .any(|b| !b.is_ascii_graphic() || b"\"<>\\^`{|}".contains(&b))
        {
            return refuse("has a character that an address cannot have");
        }
        Ok(Self(text.to_owned()))
    }
}

/// A number of bytes: `65536`, `64KiB`, `64MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// Returns the number as a `usize`.
    #[must_use]
    pub fn to_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let shift = match text.get(digits.len()..) {
            Some("") => Some(0),
            Some("KiB") => Some(10),
            Some("MiB") => Some(20),
            Some("GiB") => Some(30),
            _ => None,
        };
        let bytes = shift.and_then(|shift| digits.parse::<u64>().ok()?.checked_mul(1 << shift));
        bytes.map(Self).ok_or_else(|| {
            format!("`{text}` is not a size; write for example `64MiB`, `512KiB` or `4096`")
        })
    }
}

/// How much memory the caches may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheSize {
    /// Nothing is cached.
    Off,
    /// At most this many bytes.
    Bytes(ByteSize),
}

impl Default for CacheSize {
    /// Returns room for a few hundred thousand legs: more than most services evaluate before the
    /// relations that they depend on change.
    fn default() -> Self {
        Self::Bytes(ByteSize(64 << 20))
    }
}

impl CacheSize {
    /// The smallest size that caches anything: memory is divided into shards, and each must hold
    /// some entries.
    pub const LEAST: ByteSize = ByteSize(64 << 10);
}

impl FromStr for CacheSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            _ => text
                .parse()
                .map(Self::Bytes)
                .map_err(|error| format!("{error}, or `off`")),
        }
    }
}

/// The SHA-256 of a caller's key. It is never shown: although it does not reveal the key, it shows
/// which keys are equal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Returns the 32 bytes, for comparison in constant time.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(redacted)")
    }
}

impl FromStr for KeyHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The message does not repeat the text, which may be the key itself.
        let refuse = || {
            "the value is not 64 hexadecimal digits; make one with `printf %s \"$KEY\" | sha256sum`"
                .to_owned()
        };
        // The whole output of `sha256sum` is accepted too, which has `-` for standard input after
        // the hash.
        hex(text.strip_suffix("  -").unwrap_or(text))
            .map(Self)
            .ok_or_else(refuse)
    }
}

/// The key that seals page tokens. It is never shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenKey([u8; 32]);

impl TokenKey {
    /// Returns the 32 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(redacted)")
    }
}

impl FromStr for TokenKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The message does not repeat the text, which may be most of a key.
        let refuse = || {
            "the value is not 64 hexadecimal digits; make one with `openssl rand -hex 32`"
                .to_owned()
        };
        hex(text).map(Self).ok_or_else(refuse)
    }
}

/// Reads 64 hexadecimal digits.
fn hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The destination of decision records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordSink {
    /// Records are appended to a file.
    File(PathBuf),
    /// Records go to standard output, written `-`.
    Stdout,
}

impl FromStr for RecordSink {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err(
                "the value is empty; write a file's path, or `-` for standard output".to_owned(),
            ),
            "-" => Ok(Self::Stdout),
            path => Ok(Self::File(path.into())),
        }
    }
}

/// What happens to a record if the queue is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// The record is lost and counted.
    #[default]
    Drop,
    /// The decision is refused.
    Deny,
}

impl FromStr for WhenFull {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "drop" => Ok(Self::Drop),
            "deny" => Ok(Self::Deny),
            _ => Err(format!("`{text}` is not one of `drop` and `deny`")),
        }
    }
}

/// A visitor that parses a text, or the digits of a whole number, by the rules of the type.
struct TextOf<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for TextOf<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

macro_rules! read_as_text {
    ($($kind:ty),+) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(TextOf(std::marker::PhantomData))
            }
        }
    )+};
}

read_as_text!(
    Listen, PublicUrl, ByteSize, CacheSize, KeyHash, TokenKey, RecordSink, WhenFull
);
