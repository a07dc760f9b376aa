//! The keys of issuers.
//!
//! **Problem.** Keys come from elsewhere, change at any time, and are asked for on every request. Whoever can make the
//! service fetch them can make it hammer their issuer; whoever can keep it from fetching must not be trusted for ever.
//! **Decision.** Each issuer has a thread that fetches its keys before they grow stale and publishes them as one
//! [`Generation`]; requests read what is published and never fetch. A token with an unknown `kid` asks the thread for
//! one more fetch, at most every [`ring::COOLDOWN`], and waits for it, bounded. Where fetching fails, the last good
//! generation is used for a bounded time, and then nothing verifies.
//! **Trade-off.** A thread per issuer, that sleeps nearly always. One issuer that hangs then never delays another's keys.

mod fetch;
mod ring;
mod set;
mod source;

pub use fetch::HttpClient;
pub(super) use fetch::{Answer, FetchError, check_url};
pub(super) use ring::{Generation, Keyring};
pub(super) use set::{KeySet, PublicKey};
pub use source::KeySource;
