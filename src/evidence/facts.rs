//! Facts that a profile defines: claims of one issuer that become members of `context.token`.
//!
//! A claim is passed on with its digits and texts. The bundle's schema declares its type, and a
//! value of another type denies if a policy reads it. Only what issuers write differently from the
//! type is converted: a time given as a number, and one text instead of a list of one.

use super::claims::bad_claim;
use super::numeric_date::NumericDate;
use super::profile::ClaimPath;
use crate::model::{CredentialError, Record, TOKEN_FACTS, Value, unknown_fact};
use smol_str::SmolStr;

/// A claim that becomes a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactRule {
    /// The name in `context.token`.
    pub name: SmolStr,
    /// The claim.
    pub claim: ClaimPath,
    /// The type of the fact.
    pub kind: FactKind,
}

/// The type of a fact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FactKind {
    /// A text.
    #[default]
    Text,
    /// A boolean.
    Bool,
    /// A whole number.
    Long,
    /// A number with up to four decimals.
    Decimal,
    /// A time: a number of seconds since 1970 (RFC 7519 section 2), or a text.
    Time,
    /// Texts: a list, or a single text.
    Texts,
}

impl FactKind {
    /// All types, by their names in Cedar.
    pub const WORDS: [(&str, Self); 6] = [
        ("String", Self::Text),
        ("Bool", Self::Bool),
        ("Long", Self::Long),
        ("decimal", Self::Decimal),
        ("datetime", Self::Time),
        ("Set<String>", Self::Texts),
    ];

    /// Parses Cedar's name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::WORDS
            .into_iter()
            .find(|(known, _)| *known == word)
            .map(|(_, kind)| kind)
    }

    /// Returns Cedar's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS
            .into_iter()
            .find(|(_, kind)| *kind == self)
            .map_or("String", |(word, _)| word)
    }
}

/// Lists the problems of one issuer's rules; each text is a sentence with its remedy after a
/// semicolon.
pub(super) fn check(rules: &[FactRule]) -> Vec<String> {
    let mut problems = Vec::new();
    for rule in rules {
        let name = &rule.name;
        let is_word = |name: &str| {
            name.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if name.is_empty()
            || !is_word(name)
            || name.starts_with(|first: char| first.is_ascii_digit())
        {
            problems.push(format!(
                "`{name}` is no name of a fact; write letters, digits and `_`"
            ));
        }
        if TOKEN_FACTS.contains(&name.as_str()) {
            problems.push(format!(
                "`{name}` is a fact that every token has; name yours otherwise in `facts`"
            ));
        }
    }
    problems
}

/// Adds the facts that the rules define, if the claims have them. `is_whole` says whether the token
/// contains all of a claim; a claim that it does not is unknown.
pub(super) fn add(
    facts: &mut Record,
    claims: &Record,
    rules: &[FactRule],
    is_whole: impl Fn(&ClaimPath) -> Result<bool, CredentialError>,
) -> Result<(), CredentialError> {
    for rule in rules {
        if !is_whole(&rule.claim)? {
            facts.insert(rule.name.clone(), unknown_fact());
            continue;
        }
        let Some(claim) = rule.claim.of(claims) else {
            continue;
        };
        let value = match (rule.kind, claim) {
            (FactKind::Time, Value::Number(_)) => {
                let at = NumericDate::read(claim).ok_or_else(|| bad_claim(&rule.name))?;
                at.to_fact(&rule.name)?
            }
            (FactKind::Texts, Value::Text(one)) => Value::List(vec![Value::Text(one.clone())]),
            _ => claim.clone(),
        };
        facts.insert(rule.name.clone(), value);
    }
    Ok(())
}
