//! When the entries of a key set are good.

use super::fingerprint::Fingerprint;
use crate::evidence::numeric_date::NumericDate;
use crate::model::{Record, Value, alike};
use smol_str::SmolStr;

/// The members that say when an entry is good (`OpenID` Federation 1.0 section 8.7.2).
const MEMBERS: [&str; 3] = ["exp", "nbf", "revoked"];

/// The time in which a key or an authority is good, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    /// The first moment.
    pub(super) begins_ms: i64,
    /// The moment from which it is good no longer.
    pub(super) ends_ms: i64,
}

impl Validity {
    pub(super) const ALWAYS: Self = Self {
        begins_ms: i64::MIN,
        ends_ms: i64::MAX,
    };

    const NEVER: Self = Self {
        begins_ms: i64::MAX,
        ends_ms: i64::MIN,
    };

    /// Reads what an entry says. One that says something that cannot be read, or in another
    /// spelling, is never good.
    fn of_entry(entry: &Record) -> Self {
        let is_misspelt = |name: &SmolStr| {
            let mut members = MEMBERS.iter();
            members.any(|member| name != member && alike(member, name))
        };
        let is_revoked = entry
            .get_present("revoked")
            .is_some_and(|revoked| *revoked != Value::Bool(false));
        if is_revoked || entry.iter().any(|(name, _)| is_misspelt(name)) {
            return Self::NEVER;
        }
        let time = |name| entry.get_present(name).map(NumericDate::read);
        match (time("nbf"), time("exp")) {
            (Some(None), _) | (_, Some(None)) => Self::NEVER,
            (begins, ends) => Self {
                begins_ms: begins
                    .flatten()
                    .map_or(i64::MIN, NumericDate::milliseconds_up),
                ends_ms: ends.flatten().map_or(i64::MAX, NumericDate::milliseconds),
            },
        }
    }

    /// Returns the validity of a certificate; `None` if that cannot be read.
    pub(super) fn of_certificate(certificate: &[u8]) -> Option<Self> {
        let (begins, ends) = crate::evidence::certificate_validity(certificate)?;
        Some(Self {
            begins_ms: begins.saturating_mul(1_000),
            // A certificate is good in its last second (RFC 5280 section 4.1.2.5).
            ends_ms: ends.saturating_add(1).saturating_mul(1_000),
        })
    }

    /// Returns the time in which both are good.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            begins_ms: self.begins_ms.max(other.begins_ms),
            ends_ms: self.ends_ms.min(other.ends_ms),
        }
    }

    pub(super) fn contains(self, now_ms: i64) -> bool {
        self.begins_ms <= now_ms && now_ms < self.ends_ms
    }
}

/// An entry of a key set that is not good for ever, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) validity: Validity,
    /// The keys and certificates in the entry.
    about: Vec<Fingerprint>,
    /// The entry's name.
    kid: Option<SmolStr>,
    /// Whether the entry is one key that can be read whole. Of any other, the name counts too: its
    /// numbers may be those of no key.
    is_whole: bool,
}

impl Limit {
    /// Reads an entry; returns `None` if it is good for ever.
    pub(super) fn read(entry: &Record) -> Option<Self> {
        let validity = Validity::of_entry(entry);
        (validity != Validity::ALWAYS).then(|| Self {
            validity,
            about: Fingerprint::of_entry(entry),
            kid: entry.get("kid").and_then(Value::as_text).cloned(),
            is_whole: Fingerprint::is_whole(entry),
        })
    }

    /// Creates the limit of an entry that cannot be read, and may withdraw anything.
    pub(super) fn of_anything() -> Self {
        Self {
            validity: Validity::NEVER,
            about: Vec::new(),
            kid: None,
            is_whole: false,
        }
    }

    /// Returns `true` if the entry is about a key or an authority with one of these fingerprints
    /// and this name. An entry that is no whole key is also about all of its name, and one without
    /// anything is about all.
    pub(super) fn is_about(&self, fingerprints: &[Fingerprint], kid: Option<&SmolStr>) -> bool {
        let by_name = match &self.kid {
            _ if self.is_whole => false,
            Some(name) => Some(name) == kid,
            None => self.about.is_empty(),
        };
        by_name || self.names(fingerprints)
    }

    /// Returns `true` if the entry contains one of these keys or certificates.
    pub(super) fn names(&self, fingerprints: &[Fingerprint]) -> bool {
        fingerprints.iter().any(|one| self.about.contains(one))
    }
}
