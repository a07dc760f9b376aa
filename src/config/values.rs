//! Settings that are more than a text or a number; each is parsed once into its meaning. Types that
//! other modules define and parse, such as `PublicUrl` and `KeyHash`, are only made readable from a
//! configuration here.

use super::error::SettingError;
use crate::http::{GatewayKind, KeyHash, PageReaders, PublicUrl};
use crate::model::read_sha256;
use crate::record::{Sink, WhenFull};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Whether the last good bundle is kept in the data directory, by default so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct KeepBundle(pub bool);

impl Default for KeepBundle {
    fn default() -> Self {
        Self(true)
    }
}

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
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let refuse = || SettingError::Listen(text.to_owned());
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

/// The mode of a socket's file, in octal digits: `0660`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMode(pub u32);

impl FromStr for SocketMode {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let is_octal = (3..=4).contains(&digits.len())
            && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
        u32::from_str_radix(digits, 8)
            .ok()
            .filter(|mode| is_octal && *mode <= 0o777)
            .map(Self)
            .ok_or_else(|| SettingError::SocketMode(text.chars().take(16).collect()))
    }
}

/// Reads a text alone: TOML's number `660` is not the mode `0660`.
impl<'de> Deserialize<'de> for SocketMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
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
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let shift = match text.get(digits.len()..) {
            Some("") => Some(0),
            Some("KiB") => Some(10),
            Some("MiB") => Some(20),
            Some("GiB") => Some(30),
            _ => None,
        };
        let bytes = shift.and_then(|shift| digits.parse::<u64>().ok()?.checked_mul(1 << shift));
        bytes
            .map(Self)
            .ok_or_else(|| SettingError::ByteSize(text.to_owned()))
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
    /// Returns 64 MiB, which holds the outcomes of a few hundred thousand legs. Most services
    /// evaluate fewer before the relations that these outcomes depend on change.
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
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        match text {
            "off" => Ok(Self::Off),
            _ => text
                .parse()
                .map(Self::Bytes)
                .map_err(|_| SettingError::CacheSize(text.to_owned())),
        }
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
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        read_sha256(text).map(Self).ok_or(SettingError::TokenKey)
    }
}

/// A visitor that parses a text, or the digits of a whole number, by the rules of the type.
struct TextOf<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextOf<T> {
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
    ($($kind:ty),+ $(,)?) => {$(
        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(TextOf(std::marker::PhantomData))
            }
        }
    )+};
}

read_as_text!(
    Listen,
    PublicUrl,
    ByteSize,
    CacheSize,
    KeyHash,
    TokenKey,
    Sink,
    WhenFull,
    PageReaders,
    GatewayKind
);
