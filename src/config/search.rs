//! Settings of searches: the limits of one page, and the lifetime of its token.

use super::values::TokenKey;
use serde::Deserialize;

/// How searches are answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[serde(expecting = "struct Search")]
pub struct SearchSettings {
    /// Maximum number of results on a page.
    pub results: usize,
    /// Maximum number of candidates that are decided for a page.
    pub candidates: usize,
    /// Maximum duration of a page, in milliseconds. A page that ends early says so, and the next
    /// one continues.
    pub time_ms: u64,
    /// How long a page token is valid, in milliseconds.
    pub token_ms: u64,
    /// The key that seals page tokens; by default a random key of this process, so that tokens end
    /// with the process.
    pub token_key: Option<TokenKey>,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            results: 1_000,
            // A candidate takes some tens of microseconds, so this takes about as long as the time
            // limit below.
            candidates: 20_000,
            // Searches have threads of their own; a caller that waits longer would rather have half
            // a page.
            time_ms: 1_000,
            // This is long enough to read a page.
            token_ms: 600_000,
            token_key: None,
        }
    }
}
