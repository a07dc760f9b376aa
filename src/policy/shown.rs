//! What of the values that policies saw may be shown: in reasons, explanations, records and logs.
//!
//! INVARIANT: a value that leaves a decision comes through here. What is marked `@secret` anywhere is shown nowhere,
//! neither by itself nor within another value, nor as the name of whom or what a relation was looked up for; and what is
//! shown to people is cut where it becomes long, with a word that it is.

use super::schema::Vocabulary;
use cedar_policy_core::ast::{Value as Cedar, ValueKind};
use smol_str::SmolStr;
use std::fmt::{self, Write};

/// Stands for what may not be shown.
pub(super) const SECRET: &str = "(secret)";

/// Longest value in an explanation, in bytes: what a person compares with a policy. A batch repeats its values for each
/// permit of each leg of each item.
const SHOWN_BYTES: usize = 512;

/// Stands at the end of a value that is longer.
const CUT: &str = "… (cut here)";

/// Returns `true` for the value at a path, or behind these attributes, if it may be shown.
pub(super) fn may_be_shown(path: &[SmolStr], vocabulary: &Vocabulary) -> bool {
    !path.iter().any(|name| vocabulary.is_secret(name))
}

/// The path of a member, as far as it may be shown: below a member that is marked `@secret` the names are a request's
/// own, as its values are.
pub(super) fn path_text(path: &[SmolStr], vocabulary: &Vocabulary) -> String {
    let secret = path.iter().position(|name| vocabulary.is_secret(name));
    let shown = secret.map_or(path.len(), |at| at + 1);
    let hidden = (shown < path.len()).then_some(SECRET);
    path.iter().take(shown).map(SmolStr::as_str).chain(hidden).collect::<Vec<_>>().join(".")
}

/// A value as Cedar writes it, without the members that are secret, as far as it is worth showing.
pub(super) fn value_text(value: &Cedar, vocabulary: &Vocabulary) -> String {
    cut(&redacted(value, vocabulary))
}

fn cut(value: &Cedar) -> String {
    let mut text = Cut(String::new());
    match write!(text, "{value}") {
        Ok(()) => text.0,
        Err(fmt::Error) => text.0 + CUT,
    }
}

/// A value without the members that are marked `@secret`, however deep they lie: whole, for a record.
pub(super) fn redacted(value: &Cedar, vocabulary: &Vocabulary) -> Cedar {
    match value.value_kind() {
        ValueKind::Record(members) => {
            let shown = |(name, member): (&SmolStr, &Cedar)| {
                let hidden = || Cedar::from(SmolStr::new_static(SECRET));
                let value = if vocabulary.is_secret(name) { hidden() } else { redacted(member, vocabulary) };
                (name.clone(), value)
            };
            Cedar::record(members.iter().map(shown), None)
        }
        ValueKind::Set(items) => Cedar::set(items.iter().map(|item| redacted(item, vocabulary)), None),
        ValueKind::Lit(_) | ValueKind::ExtensionValue(_) => value.clone(),
    }
}

/// Takes as much as is shown, and then ends the writing.
struct Cut(String);

impl Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = SHOWN_BYTES.saturating_sub(self.0.len());
        if text.len() <= left {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(text.get(..text.floor_char_boundary(left)).unwrap_or_default());
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_between_characters_and_says_so() {
        let text = cut(&Cedar::from(SmolStr::new("é".repeat(600))));
        assert!(text.ends_with(&format!("é{CUT}")), "{text}");
        assert!(text.len() <= SHOWN_BYTES + CUT.len());
        assert_eq!(cut(&Cedar::from(SmolStr::new("short"))), "\"short\"");
    }
}
