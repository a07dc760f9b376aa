//! The table `search`: the limits of one page, and the lifetime and the key of its token.

use super::limits::LONGEST_MS;
use super::table::{self, SettingsTable, TableKey, ValuePlace, names};
use super::values::TokenKey;
use crate::engine::{SearchLimits, TOKEN_LIFETIME};
use serde::{Deserialize, Deserializer};
use std::time::Duration;

/// How searches are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchSettings {
    /// The limits of one page.
    pub page: SearchLimits,
    /// How long a page token is valid.
    pub token_lifetime: Duration,
    /// The key that seals page tokens; by default a random key of this process, so that tokens end
    /// with the process.
    pub token_key: Option<TokenKey>,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            page: SearchLimits::default(),
            token_lifetime: TOKEN_LIFETIME,
            token_key: None,
        }
    }
}

/// The keys of `search`.
static SEARCH: [TableKey<SearchSettings>; 5] = [
    TableKey {
        name: "results",
        place: ValuePlace::Count(|search| &mut search.page.results, 1..=10_000),
    },
    TableKey {
        name: "candidates",
        place: ValuePlace::Count(|search| &mut search.page.candidates, 1..=10_000_000),
    },
    TableKey {
        name: "time_ms",
        place: ValuePlace::Milliseconds(|search| &mut search.page.time, 1..=60_000),
    },
    TableKey {
        name: "token_ms",
        place: ValuePlace::Milliseconds(|search| &mut search.token_lifetime, 1_000..=LONGEST_MS),
    },
    TableKey {
        name: "token_key",
        place: ValuePlace::TokenKey(|search| &mut search.token_key),
    },
];

static SEARCH_NAMES: [&str; SEARCH.len()] = names(&SEARCH);

impl SettingsTable for SearchSettings {
    const NAME: &'static str = "search";

    fn keys() -> &'static [TableKey<Self>] {
        &SEARCH
    }

    fn names() -> &'static [&'static str] {
        &SEARCH_NAMES
    }
}

impl<'de> Deserialize<'de> for SearchSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table::read(deserializer)
    }
}
