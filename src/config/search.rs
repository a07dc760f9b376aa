//! Settings of searches: what one page may cost, and how long its token is good.

use super::values::TokenKey;
use serde::Deserialize;

/// How searches are answered.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// The most results on a page.
    pub results: usize,
    /// The most candidates that are decided for a page.
    pub candidates: usize,
    /// How long a page may take, in milliseconds. A page that ends early says so, and the next goes
    /// on.
    pub time_ms: u64,
    /// How long the token of a page is good, in milliseconds.
    pub token_ms: u64,
    /// What seals page tokens; none is a key of this process, and tokens end with it.
    pub token_key: Option<TokenKey>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            results: 1_000,
            // Some tens of microseconds each: about the time below.
            candidates: 20_000,
            // Searches have threads of their own; whoever waits longer would rather have half a
            // page.
            time_ms: 1_000,
            // Long enough to read a page.
            token_ms: 600_000,
            token_key: None,
        }
    }
}
