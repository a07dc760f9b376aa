//! The keys of issuers.
//!
//! **Problem.** Keys come from elsewhere, change at any time, and are asked for on every request.
//! Whoever can make the service fetch them can make it hammer their issuer; whoever can keep it
//! from fetching must not be trusted for ever.
//! **Decision.** Each issuer has a thread that fetches its keys before they grow stale and
//! publishes them as one [`Generation`]; requests read what is published and never fetch. A token
//! that no published key signed asks the thread for one more fetch, within a budget
//! ([`ring::BURST`] at once, one every [`ring::EACH`] in the long run), and waits for it, bounded:
//! keys that are rotated twice in a row are found, and a flood is not passed on. Where fetching
//! fails, the last good generation is used for a bounded time, and then nothing verifies. A set
//! that comes and holds no key is no failure: the issuer has withdrawn its keys, and they verify
//! nothing from then on. So it is with an answer that cannot be read whole ([`published`]), and
//! with one that says that what was there is gone.
//! **Trade-off.** A thread per issuer, that sleeps nearly always. One issuer that hangs then never
//! delays another's keys.

mod budget;
mod discovery;
mod fetch;
mod file;
mod keeper;
mod published;
mod refresh;
mod ring;
mod set;
mod source;

pub use fetch::HttpClient;
pub(super) use fetch::{Answer, FetchError, check_url, shown_url};
pub(crate) use file::{FileError, FileMark, FileText};
pub(crate) use published::Authorities;
pub use refresh::KeyRefresh;
pub(super) use ring::{Generation, KeyVoucher, Keyring};
pub(super) use set::PublicKey;
pub use source::KeySource;
