//! Reasons of denials: a closed list of codes, and the codes of packs.

use super::EntityRef;
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;

/// A machine-readable reason. It is stable, because callers branch on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// No policy permits.
    NotPermitted,
    /// A policy forbids and names no reason of its own.
    Forbidden,
    /// A carrier of the chain is malformed.
    ChainInvalid,
    /// Two carriers say different things about who acts for whom.
    ChainConflict,
    /// One entity has two different sets of properties in the request.
    AttributeConflict,
    /// A value that a policy reads does not fit its declared type.
    BadValue,
    /// The schema does not declare a type.
    UnknownType,
    /// The schema does not declare the action.
    UnknownAction,
    /// The action is not declared for this pair of principal and resource types.
    NotApplicable,
    /// A policy failed while it was evaluated.
    PolicyError,
    /// A relation could not be looked up.
    RelationError,
    /// A credential of the request does not verify.
    CredentialInvalid,
    /// A credential of the request has expired.
    CredentialExpired,
    /// A credential cannot be verified now: its issuer's keys or introspection endpoint cannot be
    /// reached.
    CredentialUnavailable,
    /// The parties that a credential names are not those of the request.
    CredentialMismatch,
    /// A credential is bound to a key or a certificate, and the sender did not prove possession of
    /// it.
    ProofInvalid,
    /// A reason that a policy names with `@reason`.
    Pack(SmolStr),
}

impl Code {
    /// The engine's own codes, which policies may not use.
    pub const RESERVED: [Self; 16] = [
        Self::NotPermitted,
        Self::Forbidden,
        Self::ChainInvalid,
        Self::ChainConflict,
        Self::AttributeConflict,
        Self::BadValue,
        Self::UnknownType,
        Self::UnknownAction,
        Self::NotApplicable,
        Self::PolicyError,
        Self::RelationError,
        Self::CredentialInvalid,
        Self::CredentialExpired,
        Self::CredentialUnavailable,
        Self::CredentialMismatch,
        Self::ProofInvalid,
    ];

    /// Creates a code from a policy's `@reason`: lower-case words joined by underscores, at most 64
    /// bytes. Returns `None` for other texts and for the engine's own codes.
    #[must_use]
    pub fn from_policy(text: &str) -> Option<Self> {
        let fits = text.len() <= 64
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        let reserved = Self::RESERVED.iter().any(|code| code.as_str() == text);
        (fits && !reserved).then(|| Self::Pack(text.into()))
    }

    /// Returns the code as spelled in answers, metrics and cases.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::NotPermitted => "not_permitted",
            Self::Forbidden => "forbidden",
            Self::ChainInvalid => "chain_invalid",
            Self::ChainConflict => "chain_conflict",
            Self::AttributeConflict => "attribute_conflict",
            Self::BadValue => "bad_value",
            Self::UnknownType => "unknown_type",
            Self::UnknownAction => "unknown_action",
            Self::NotApplicable => "not_applicable",
            Self::PolicyError => "policy_error",
            Self::RelationError => "relation_error",
            Self::CredentialInvalid => "credential_invalid",
            Self::CredentialExpired => "credential_expired",
            Self::CredentialUnavailable => "credential_unavailable",
            Self::CredentialMismatch => "credential_mismatch",
            Self::ProofInvalid => "proof_invalid",
            Self::Pack(code) => code,
        }
    }

    /// Returns `true` if it denies because something failed, and not because of what policies say
    /// or the request holds.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        match self {
            Self::PolicyError | Self::RelationError | Self::CredentialUnavailable => true,
            Self::NotPermitted
            | Self::Forbidden
            | Self::ChainInvalid
            | Self::ChainConflict
            | Self::AttributeConflict
            | Self::BadValue
            | Self::UnknownType
            | Self::UnknownAction
            | Self::NotApplicable
            | Self::CredentialInvalid
            | Self::CredentialExpired
            | Self::CredentialMismatch
            | Self::ProofInvalid
            | Self::Pack(_) => false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the caller can do about a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NextAction {
    /// Ask for the missing access: a grant, a role, an approval.
    Request,
    /// Authenticate more strongly, and ask again.
    StepUp,
    /// Ask again later, or with a corrected request.
    Retry,
    /// Nothing helps.
    None,
}

impl NextAction {
    /// Returns the word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::StepUp => "step_up",
            Self::Retry => "retry",
            Self::None => "none",
        }
    }

    /// Parses the word on the wire.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Request, Self::StepUp, Self::Retry, Self::None]
            .into_iter()
            .find(|action| action.as_str() == word)
    }
}

/// Why a question was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The code, for machines.
    pub code: Code,
    /// One sentence for people, which names what is missing and for whom.
    pub message: String,
    /// The member of the chain whose leg denied; absent if there is no chain.
    pub principal: Option<EntityRef>,
    /// What the caller can do now.
    pub next_action: NextAction,
    /// The scopes that the policies behind the reason ask of a token, and that it lacks.
    pub missing_scopes: Vec<SmolStr>,
    /// What the bundle's author wants people to know about the reason, or where they find it.
    pub doc: Option<Arc<str>>,
}

impl Reason {
    /// Returns a reason that no policy gives, about a member of the chain or about none.
    #[must_use]
    pub fn new(
        code: Code,
        message: String,
        principal: Option<EntityRef>,
        next_action: NextAction,
    ) -> Self {
        Self {
            code,
            message,
            principal,
            next_action,
            missing_scopes: Vec::new(),
            doc: None,
        }
    }
}
