//! What verified credentials prove, as the rest of the service sees it.
//!
//! **Problem.** A request may carry the raw credentials of the parties that it names. They are
//! verified over a network, before anything is decided, while the chain is read and decided in one
//! synchronous step.
//! **Decision.** The verifier hands over an [`Evidence`]: for each credential of the request, found
//! by its very value, what it proves or why it proves nothing. The chain is then read against it.
//! **Trade-off.** A credential is looked up by comparing values. This is cheap: they are few, and a
//! comparison ends at the first difference.
//!
//! INVARIANT: a credential without an outcome in the evidence proves nothing, and denies.

use super::{Code, DetailRule, EntityRef, NextAction, PrincipalIds, Record, Timestamp, Value};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

/// LIMIT: credentials of one request: a user's token, an agent's own, a workload's identity. More
/// is a mistake, and each one multiplies the legs.
pub const MAX_CREDENTIALS: usize = 4;

/// The kind of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An OAuth access token: a JWT, or opaque.
    AccessToken,
    /// An `OpenID` Connect ID token: it says who somebody is, and grants nothing.
    IdToken,
    /// A SPIFFE identity in a JWT.
    JwtSvid,
    /// A SPIFFE identity in a certificate.
    X509Svid,
}

impl CredentialKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [
        Self::AccessToken,
        Self::IdToken,
        Self::JwtSvid,
        Self::X509Svid,
    ];

    /// Returns the word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::IdToken => "id_token",
            Self::JwtSvid => "jwt_svid",
            Self::X509Svid => "x509_svid",
        }
    }

    /// Returns `true` if a credential of this kind grants its holder something; `false` if it only
    /// says who somebody is.
    #[must_use]
    pub fn grants(self) -> bool {
        match self {
            Self::AccessToken | Self::JwtSvid | Self::X509Svid => true,
            Self::IdToken => false,
        }
    }

    /// Parses the word on the wire.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How the sender of a credential proved to be its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By a DPoP proof, signed with the key to which the token is bound (RFC 9449).
    Dpop,
    /// By the client's certificate, to which the token is bound (RFC 8705), or which is the
    /// credential.
    Mtls,
}

impl Proof {
    /// Returns the word in facts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dpop => "dpop",
            Self::Mtls => "mtls",
        }
    }
}

/// What one credential proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenIdentity {
    /// The kind of credential.
    pub kind: CredentialKind,
    /// The issuer: as configured, or `spiffe://` and a trust domain.
    pub issuer: SmolStr,
    /// The parties that it names: the subject first, its holder last. Never empty.
    pub chain: Vec<EntityRef>,
    /// The audiences for which it was issued; empty if it names none.
    pub audiences: Vec<SmolStr>,
    /// The clients that hold an ID token, and act if it is the only credential of its subject.
    pub holders: Vec<EntityRef>,
    /// Whether it may be the only credential that names its subject; an ID token may not.
    pub stands_alone: bool,
    /// The facts that policies see as `context.token`; `None` for a credential that grants nothing.
    pub facts: Option<Record>,
    /// Its `authorization_details` (RFC 9396 section 2).
    pub details: Vec<Record>,
    /// The rules by which one of these details covers a request.
    pub rules: Arc<[DetailRule]>,
    /// How the sender proved to be its holder; `None` for a bearer token.
    pub proof: Option<Proof>,
    /// The time until which it may be used, with the issuer's leeway.
    pub until: Timestamp,
}

/// A verified credential of a request, and the members of the chain that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What it proves.
    pub proven: Arc<ProvenIdentity>,
    /// The positions in the chain of the members that it names: its facts belong to them only.
    pub legs: Range<usize>,
}

/// The names in `context.token` of the token facts that the engine defines.
pub const TOKEN_FACTS: [&str; 19] = [
    "kind",
    "issuer",
    "subject",
    "jti",
    "sid",
    "not_before",
    "audiences",
    "client",
    "scopes",
    "roles",
    "groups",
    "acr",
    "amr",
    "auth_time",
    "issued",
    "expires",
    "proof",
    "detailed",
    "detail",
];

/// The only member of the value of an unknown fact.
const UNKNOWN: &str = "more_than_the_token_holds";

/// Returns the value of a fact of which the token says that there is more than it contains. The
/// value fits no declared type, so every policy that reads the fact denies.
#[must_use]
pub fn unknown_fact() -> Value {
    Value::Record(
        [(SmolStr::new_static(UNKNOWN), Value::Bool(true))]
            .into_iter()
            .collect(),
    )
}

/// Returns `true` for the value of [`unknown_fact`].
#[must_use]
pub fn is_unknown_fact(value: &Value) -> bool {
    value
        .as_record()
        .is_some_and(|record| record.get(UNKNOWN).is_some())
}

/// The reason why a credential proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CredentialError {
    /// One of the engine's codes: `credential_invalid` or another about credentials.
    pub code: Code,
    /// One sentence, without any part of the credential.
    pub message: String,
    /// What the caller can do.
    pub next_action: NextAction,
}

impl CredentialError {
    /// Creates the refusal of a credential that does not verify.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialInvalid, message, NextAction::Retry)
    }

    /// Creates the refusal of a credential that is made as its issuer makes them, and that this
    /// service's settings do not take: no other credential of that kind helps.
    #[must_use]
    pub fn misfit(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialInvalid, message, NextAction::None)
    }

    /// Creates the refusal of a credential for another service: its issuer may issue one for this
    /// one.
    #[must_use]
    pub fn for_another(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialInvalid, message, NextAction::StepUp)
    }

    /// Creates the refusal of a credential of an untrusted issuer: no other credential of that
    /// issuer helps.
    #[must_use]
    pub fn of_a_stranger(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialInvalid, message, NextAction::None)
    }

    /// Creates the refusal of a credential that has expired.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialExpired, message, NextAction::Retry)
    }

    /// Creates the refusal of a credential that cannot be verified now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialUnavailable, message, NextAction::Retry)
    }

    /// Creates the refusal of a credential that cannot be verified until somebody mends this
    /// service's settings or the issuer.
    #[must_use]
    pub fn unverifiable(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialUnavailable, message, NextAction::None)
    }

    /// Creates the refusal of a credential whose sender did not prove to be its holder.
    #[must_use]
    pub fn proof(message: impl Into<String>) -> Self {
        Self::new(Code::ProofInvalid, message, NextAction::Retry)
    }

    fn new(code: Code, message: impl Into<String>, next_action: NextAction) -> Self {
        Self {
            code,
            message: message.into(),
            next_action,
        }
    }
}

/// Decides whether the key by which a credential was verified is still its issuer's.
pub trait Voucher: Send + Sync {
    /// Returns `true` until the issuer withdraws the key or the key may no longer be used.
    fn stands(&self) -> bool;
}

/// What an issuer that was asked said of a credential. It counts for its time, and then the issuer
/// has to be asked again before anything rests on it. Copies share one.
#[derive(Debug)]
pub struct IssuerAnswer {
    /// Until when it counts, by the monotonic clock.
    until_ms: AtomicI64,
    /// The thumbprints of the key and of the certificate that the credential is bound to.
    bound_to: [Option<SmolStr>; 2],
    /// Why it counts no more; none while it does.
    refused: OnceLock<CredentialError>,
}

impl IssuerAnswer {
    /// Creates an answer that counts until then, by the monotonic clock.
    #[must_use]
    pub fn new(until_ms: i64, bound_to: [Option<SmolStr>; 2]) -> Self {
        Self {
            until_ms: AtomicI64::new(until_ms),
            bound_to,
            refused: OnceLock::new(),
        }
    }

    /// The thumbprints of the key and of the certificate that the credential is bound to.
    #[must_use]
    pub fn bound_to(&self) -> &[Option<SmolStr>; 2] {
        &self.bound_to
    }

    /// Lets it count until then: the issuer has said the same again.
    pub fn renew(&self, until_ms: i64) {
        self.until_ms.store(until_ms, Ordering::SeqCst);
    }

    /// Lets it count no more.
    pub fn refuse(&self, unproven: CredentialError) {
        let _the_first_counts = self.refused.set(unproven);
    }

    /// Returns `true` if the issuer has to be asked again at this time, by the monotonic clock.
    fn is_due(&self, now_ms: i64) -> bool {
        self.refused.get().is_none() && self.until_ms.load(Ordering::SeqCst) <= now_ms
    }
}

/// A credential that was verified, for a decision that may come later.
#[derive(Clone)]
pub struct VerifiedCredential {
    /// What it proves.
    pub proven: Arc<ProvenIdentity>,
    /// The key by which it was verified; `None` if it was verified by asking the issuer alone.
    pub voucher: Option<Arc<dyn Voucher>>,
    /// The issuer's answer, where it was asked.
    pub answer: Option<Arc<IssuerAnswer>>,
}

impl VerifiedCredential {
    /// Returns `true` while the key behind it is still its issuer's, and so is the answer.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.refused().is_none() && self.voucher.as_ref().is_none_or(|voucher| voucher.stands())
    }

    /// Returns `true` if its issuer has to be asked again at this time, by the monotonic clock.
    #[must_use]
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.answer
            .as_ref()
            .is_some_and(|answer| answer.is_due(now_ms))
    }

    fn refused(&self) -> Option<&CredentialError> {
        self.answer.as_ref()?.refused.get()
    }
}

/// Shows what the credential proves.
impl fmt::Debug for VerifiedCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedCredential")
            .field("proven", &self.proven)
            .finish_non_exhaustive()
    }
}

/// The outcomes of verifying the credentials of one request.
#[derive(Clone, Default)]
pub struct Evidence {
    outcomes: BTreeMap<Value, Result<VerifiedCredential, CredentialError>>,
    ids: Arc<PrincipalIds>,
}

/// Shows how many credentials there are, and none of them.
impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("credentials", &self.outcomes.len())
            .finish_non_exhaustive()
    }
}

impl Evidence {
    /// Creates evidence without credentials; `ids` are those of the configured issuers.
    #[must_use]
    pub fn new(ids: Arc<PrincipalIds>) -> Self {
        Self {
            outcomes: BTreeMap::new(),
            ids,
        }
    }

    /// Adds the outcome of verifying a credential.
    pub fn insert(
        &mut self,
        credential: Value,
        outcome: Result<VerifiedCredential, CredentialError>,
    ) {
        self.outcomes.insert(credential, outcome);
    }

    /// Returns what this credential proves now. The request may have waited since the verification,
    /// for the issuer of another credential or for its turn; a credential whose key the issuer has
    /// withdrawn meanwhile proves nothing.
    pub fn outcome(&self, credential: &Value) -> Result<Arc<ProvenIdentity>, CredentialError> {
        match self.outcomes.get(credential) {
            Some(Ok(verified)) if verified.stands() => Ok(Arc::clone(&verified.proven)),
            Some(Ok(verified)) => Err(verified.refused().cloned().unwrap_or_else(|| {
                CredentialError::invalid(
                    "the credential's issuer has withdrawn the key that signed it",
                )
            })),
            Some(Err(unproven)) => Err(unproven.clone()),
            None => Err(CredentialError::of_a_stranger(
                "no issuer is configured that could have issued the credential",
            )),
        }
    }

    /// Returns `true` if an issuer has to be asked again at this time, by the monotonic clock,
    /// before anything rests on what it said.
    #[must_use]
    pub fn is_due(&self, now_ms: i64) -> bool {
        self.answered().any(|(_, verified)| verified.is_due(now_ms))
    }

    /// Lets no answer count that would have to be asked for again at this time.
    pub fn give_up(&self, now_ms: i64) {
        let due = self
            .answered()
            .filter(|(_, verified)| verified.is_due(now_ms));
        for answer in due.filter_map(|(_, verified)| verified.answer.as_ref()) {
            answer.refuse(CredentialError::unavailable(
                "its issuer's answer about the credential is older than it may be: ask again later",
            ));
        }
    }

    /// The credentials of which their issuers have said what they are.
    pub fn answered(&self) -> impl Iterator<Item = (&Value, &VerifiedCredential)> {
        let verified = |(credential, outcome)| Some((credential, Result::as_ref(outcome).ok()?));
        let outcomes = self.outcomes.iter().filter_map(verified);
        outcomes.filter(|(_, verified): &(&Value, &VerifiedCredential)| verified.answer.is_some())
    }

    /// How issuers' subjects are named here.
    #[must_use]
    pub fn ids(&self) -> &PrincipalIds {
        &self.ids
    }
}
