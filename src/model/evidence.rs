//! What verified credentials prove, as the rest of the service sees it.
//!
//! **Problem.** A request may carry the raw credentials of the parties that it names. They are
//! verified over a network, before anything is decided, while the chain is read and decided in one
//! synchronous step.
//! **Decision.** Whoever verifies hands over an [`Evidence`]: for each credential of the request,
//! by its very value, what it proves or why it proves nothing. The chain is then read against it.
//! **Trade-off.** A credential is looked up by comparing values, which are small: a token is
//! compared until it differs.
//!
//! INVARIANT: a credential that no outcome is known for proves nothing, and denies.

use super::{Code, DetailRule, EntityRef, NextAction, PrincipalIds, Record, Timestamp, Value};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// LIMIT: credentials of one request. A user's token, an agent's own, a workload's identity: more
/// is a mistake, and each one multiplies the legs.
pub const MAX_CREDENTIALS: usize = 4;

/// What a credential is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An OAuth access token: a JWT, or opaque.
    AccessToken,
    /// An `OpenID` Connect ID token: says who somebody is, and grants nothing.
    IdToken,
    /// A SPIFFE identity as a JWT.
    JwtSvid,
    /// A SPIFFE identity as a certificate.
    X509Svid,
}

impl CredentialKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::AccessToken,
        Self::IdToken,
        Self::JwtSvid,
        Self::X509Svid,
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::IdToken => "id_token",
            Self::JwtSvid => "jwt_svid",
            Self::X509Svid => "x509_svid",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How the holder of a credential showed that it is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A proof by the key that the token names (RFC 9449).
    Dpop,
    /// The client's certificate, which the token names (RFC 8705), or which is the credential.
    Mtls,
}

impl Proof {
    /// The word in facts.
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
pub struct Proven {
    /// What it is.
    pub kind: CredentialKind,
    /// Who issued it: an issuer as configured, or `spiffe://` and a trust domain.
    pub issuer: SmolStr,
    /// The parties that it names: the subject first, who holds it last. Never empty.
    pub chain: Vec<EntityRef>,
    /// The audiences that it is for; none where it names none.
    pub audiences: Vec<SmolStr>,
    /// The clients of an ID token that act where it is the only credential of its subject.
    pub holders: Vec<EntityRef>,
    /// Whether it may be the only credential that names its subject: an ID token may not.
    pub stands_alone: bool,
    /// What policies see as `context.token`; none for a credential that grants nothing.
    pub facts: Option<Record>,
    /// The `authorization_details` of it (RFC 9396 section 2).
    pub details: Vec<Record>,
    /// How a request is covered by one of them.
    pub rules: Arc<[DetailRule]>,
    /// How it was shown to be its holder's; none for a bearer's.
    pub proof: Option<Proof>,
    /// Until when it may be used, with the issuer's leeway.
    pub until: Timestamp,
}

/// A verified credential of a request, and whom of the request's chain it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// What it proves.
    pub proven: Arc<Proven>,
    /// The members of the chain that it names, by their places: its facts are theirs, and nobody
    /// else's.
    pub legs: Range<usize>,
}

/// The facts of a token that the engine knows, each by its name in `context.token`.
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

/// The only member of a fact that is not known.
const UNKNOWN: &str = "more_than_the_token_holds";

/// Returns the value of a fact of which the token says that there is more than it holds. It fits no
/// declared type, so that every policy which reads the fact denies.
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

/// Why a credential proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unproven {
    /// A reason's code of the engine: `credential_invalid` and those beside it.
    pub code: Code,
    /// One sentence. Never a part of the credential.
    pub message: String,
    /// What helps.
    pub next_action: NextAction,
}

impl Unproven {
    /// It does not verify.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialInvalid, message, NextAction::Retry)
    }

    /// It is none for this service: its issuer may give one that is.
    #[must_use]
    pub fn for_another(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialInvalid, message, NextAction::StepUp)
    }

    /// Nobody here believes whoever issued it: no other credential of that issuer helps.
    #[must_use]
    pub fn of_a_stranger(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialInvalid, message, NextAction::None)
    }

    /// It has expired.
    #[must_use]
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialExpired, message, NextAction::Retry)
    }

    /// It cannot be verified now.
    #[must_use]
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::CredentialUnavailable, message, NextAction::Retry)
    }

    /// Whoever sent it did not show that it is theirs.
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

/// Says whether the key that a credential was verified with is still its issuer's.
pub trait Voucher: Send + Sync {
    /// Returns `true` until the issuer withdraws the key, or it may not be used any more.
    fn stands(&self) -> bool;
}

/// A credential that was verified, for a decision that may come later.
#[derive(Clone)]
pub struct Verified {
    /// What it proves.
    pub proven: Arc<Proven>,
    /// The key that it was verified with; none where an issuer's word alone is behind it.
    pub voucher: Option<Arc<dyn Voucher>>,
}

impl Verified {
    /// Returns `true` while the key behind it is still its issuer's.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.voucher.as_ref().is_none_or(|voucher| voucher.stands())
    }
}

/// Shows what it proves.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("proven", &self.proven)
            .finish_non_exhaustive()
    }
}

/// What became of the credentials of one request.
#[derive(Clone, Default)]
pub struct Evidence {
    outcomes: BTreeMap<Value, Result<Verified, Unproven>>,
    ids: Arc<PrincipalIds>,
}

/// Tells how many credentials there are, and shows none.
impl fmt::Debug for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evidence")
            .field("credentials", &self.outcomes.len())
            .finish_non_exhaustive()
    }
}

impl Evidence {
    /// Without credentials yet; `ids` are those of the configured issuers.
    #[must_use]
    pub fn new(ids: Arc<PrincipalIds>) -> Self {
        Self {
            outcomes: BTreeMap::new(),
            ids,
        }
    }

    /// Adds what became of a credential.
    pub fn insert(&mut self, credential: Value, outcome: Result<Verified, Unproven>) {
        self.outcomes.insert(credential, outcome);
    }

    /// Returns what this credential proves now. A request may have waited since it was verified:
    /// for another credential's issuer, or for its turn. What its issuer has withdrawn meanwhile
    /// proves nothing.
    pub fn outcome(&self, credential: &Value) -> Result<Arc<Proven>, Unproven> {
        match self.outcomes.get(credential) {
            Some(Ok(verified)) if verified.stands() => Ok(Arc::clone(&verified.proven)),
            Some(Ok(_)) => Err(Unproven::invalid(
                "the credential's issuer has withdrawn the key that signed it",
            )),
            Some(Err(unproven)) => Err(unproven.clone()),
            None => Err(Unproven::of_a_stranger(
                "no issuer is configured that could have issued the credential",
            )),
        }
    }

    /// How issuers' subjects are named here.
    #[must_use]
    pub fn ids(&self) -> &PrincipalIds {
        &self.ids
    }
}
