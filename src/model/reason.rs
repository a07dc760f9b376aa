//! Why a decision is a denial: a closed list of codes, and a pack's own.

use super::EntityRef;
use smol_str::SmolStr;
use std::fmt;

/// A machine-readable reason. Stable: callers branch on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// No policy permits.
    NotPermitted,
    /// A policy forbids, and names no reason of its own.
    Forbidden,
    /// Something that says who acts for whom is not of its form.
    ChainInvalid,
    /// Two places say different things about who acts for whom.
    ChainConflict,
    /// One entity was given two sets of properties.
    AttributeConflict,
    /// A value that a policy reads does not fit its declared type.
    BadValue,
    /// A type that the schema does not declare.
    UnknownType,
    /// An action that the schema does not declare.
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
    /// A credential cannot be verified now: its issuer's keys, or its introspection, are out of
    /// reach.
    CredentialUnavailable,
    /// A credential names other parties than the request.
    CredentialMismatch,
    /// A credential is bound to a key or a certificate, and the sender did not show that it has it.
    ProofInvalid,
    /// A reason that a policy names with `@reason`.
    Pack(SmolStr),
}

impl Code {
    /// The codes that belong to the engine: a policy may not reuse one.
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

    /// Takes a policy's `@reason`: lower-case words joined by underscores, at most 64 bytes, none
    /// of the engine's.
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

    /// The code as answers, metrics and cases spell it.
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
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::StepUp => "step_up",
            Self::Retry => "retry",
            Self::None => "none",
        }
    }

    /// Reads the word.
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
    /// For machines.
    pub code: Code,
    /// For people: one sentence that names what is missing and whose it is.
    pub message: String,
    /// The member of the chain whose leg denied; absent where there is no chain.
    pub principal: Option<EntityRef>,
    /// What to do now.
    pub next_action: NextAction,
}
