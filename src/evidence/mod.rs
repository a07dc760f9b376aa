//! Verifies the credentials behind a request, and holds the service's own key.
//!
//! **Problem.** A caller's statement of who asks is believed. A caller that was deceived, or
//! belongs to an agent, repeats what it was told; and a token is easily mistaken for another: an ID
//! token for an access token, one issuer's `alice` for another's, a user's token for that of the
//! agent that holds it.
//! **Decision.** A caller may pass on the raw credentials. Each is verified by the profile of the
//! issuer that it names (`profile`), with keys that a thread keeps fresh (`keys`). Its claims are
//! read into the chain that the profile defines (`claims`, `actors`), and its sender must prove to
//! be its holder if it is bound (`proof`). The result is [`crate::model::Evidence`]: the parties,
//! and the facts that policies see as `context.token`.
//! **Trade-off.** Verifying may wait for an issuer. It happens before the decision, which never
//! waits.
//!
//! INVARIANT: a credential that does not verify, cannot be verified now, or fits no profile proves
//! nothing, and a request with such a credential is denied. No token, secret or key is in a
//! message, a log line or debug output.

mod actors;
mod agreement;
mod cache;
mod claims;
mod clients;
mod credential;
mod error;
mod facts;
mod flights;
mod gather;
mod introspection;
mod jose;
mod json;
mod jwt;
mod keys;
mod lookalikes;
mod marks;
mod numeric_date;
mod overage;
mod parties;
mod places;
mod preset;
mod profile;
mod proof;
mod providers;
mod reading;
mod scope;
mod secret;
mod signer;
mod spiffe;
mod unread;
mod verifier;

pub use credential::KEY_PREFIX;
pub use error::SourceError;
pub use facts::{FactKind, FactRule};
pub use gather::MAX_BATCH_CREDENTIALS;
pub use introspection::{IntrospectionEndpoint, SignedAnswers};
pub use jose::{MAX_TOKEN_BYTES, asymmetric};
pub(crate) use keys::{Authorities, FileError, FileMark, FileText};
pub use keys::{HttpClient, KeyRefresh, KeySource};
pub use preset::Preset;
pub use profile::{
    ActorForm, AutonomousClaim, ClaimMark, ClaimPath, ClaimPaths, Overage, Profile, Trust,
};
pub use scope::CallerScope;
pub use secret::Secret;
pub use signer::{KEY_FILE, Signer, SignerError};
pub use spiffe::{TrustDomain, certificate_validity};
pub use verifier::{Questions, Verifier};
