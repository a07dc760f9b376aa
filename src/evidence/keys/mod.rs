//! The keys of issuers.
//!
//! **Problem.** Keys come from elsewhere, change at any time, and are needed by every request. An
//! attacker who can make the service fetch keys could use it to flood their issuer; and one who can
//! keep it from fetching must not keep old keys trusted for ever.
//! **Decision.** Each issuer has a thread that fetches its keys before they grow stale and
//! publishes them as one [`ring::Generation`]; requests read what is published and never fetch. A
//! token that no published key signed asks the thread for one more fetch, within a budget
//! ([`ring::BURST`] at once, one every [`ring::EACH`] in the long run), and waits for it for a
//! bounded time: keys that are rotated twice in a row are found, and a flood is not passed on. If
//! fetching fails, the last good generation is used for a bounded time, and then nothing verifies.
//! A set without keys is not a failure: the issuer has withdrawn its keys, and they verify nothing
//! from then on. The same holds for an answer that cannot be read in full ([`published`]), and for
//! one that says that the keys are gone.
//! **Trade-off.** There is a thread per issuer, which sleeps nearly always. In return, an issuer
//! that hangs never delays another's keys.

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
pub(super) use fetch::{FetchError, IssuerReply, MAX_PEM_BYTES, check_url};
pub(crate) use file::{FileError, FileMark, FileText};
pub(crate) use published::Authorities;
pub use refresh::KeyRefresh;
pub(super) use ring::{KeyVoucher, Keyring};
pub(super) use set::PublicKey;
pub use source::KeySource;
