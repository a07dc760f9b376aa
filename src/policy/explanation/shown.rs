//! What of the values that policies saw may be shown: in reasons, explanations, records and logs.
//!
//! INVARIANT: a value that leaves a decision comes through here. What is marked `@secret` anywhere is shown nowhere,
//! neither by itself nor within another value, nor as the name of whom or what a relation was looked up for, nor as the
//! name of a member where a value was meant; and what is shown to people is cut where it becomes long, with a word that
//! it is.

use crate::model::Problem;
use crate::policy::load::source::SourceFile;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::{Value as Cedar, ValueKind};
use smol_str::SmolStr;
use std::fmt::{self, Write};

/// Stands for what may not be shown.
pub(in crate::policy) const SECRET: &str = "(secret)";

/// Longest value in an explanation, in bytes: what a person compares with a policy. A batch repeats its values for each
/// permit of each leg of each item.
const SHOWN_BYTES: usize = 512;

/// Stands at the end of a value that is longer.
const CUT: &str = "… (cut here)";

/// Returns `true` for the value at a path, or behind these attributes, if it may be shown.
pub(in crate::policy) fn may_be_shown(path: &[SmolStr], vocabulary: &Vocabulary) -> bool {
    !path.iter().any(|name| vocabulary.is_secret(name))
}

/// The path of a member, as far as it may be shown: below a member that is marked `@secret` the names are a request's
/// own, as its values are.
pub(in crate::policy) fn path_text(path: &[SmolStr], vocabulary: &Vocabulary) -> String {
    let secret = path.iter().position(|name| vocabulary.is_secret(name));
    let shown = secret.map_or(path.len(), |at| at + 1);
    let hidden = (shown < path.len()).then_some(SECRET);
    path.iter().take(shown).map(SmolStr::as_str).chain(hidden).collect::<Vec<_>>().join(".")
}

/// The name of a member that the schema does not declare, as far as it may be shown. `declared` are those that it declares
/// in its place: beside one that is marked `@secret`, a request may have written the value where the name belongs. A short
/// word of letters is a name that somebody misspelt.
pub(in crate::policy) fn undeclared_name<'a>(
    name: &SmolStr,
    declared: impl IntoIterator<Item = &'a SmolStr>,
    vocabulary: &Vocabulary,
) -> SmolStr {
    if !is_word(name) && declared.into_iter().any(|declared| vocabulary.is_secret(declared)) {
        return SmolStr::new_static(SECRET);
    }
    name.clone()
}

/// Returns `true` for what is likelier a name than a secret.
fn is_word(name: &str) -> bool {
    const LONGEST: usize = 24;
    name.len() <= LONGEST && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// A problem of stored entities, without the values that are marked `@secret`: neither in its words nor in an excerpt,
/// which shows whole lines of the file.
pub(in crate::policy) fn without_secrets(mut problem: Problem, file: &SourceFile, vocabulary: &Vocabulary) -> Problem {
    let mut secrets = Vec::new();
    if let Ok(entities) = serde_json::from_str(&file.text) {
        add_secrets(&entities, false, vocabulary, &mut secrets);
    }
    // Of two secrets the longer one first: the other may be a part of it.
    secrets.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
    let hide = |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, SECRET));
    problem.message = hide(&problem.message);
    problem.help = problem.help.map(|help| hide(&help));
    let may_show = secrets.is_empty() && !vocabulary.secrets().any(|name| file.text.contains(&format!("\"{name}\"")));
    if let Some(place) = problem.place.as_mut().filter(|place| place.len > 0 && !may_show) {
        problem.message = format!("line {}: {}", file.line(place.offset), problem.message);
        place.len = 0;
    }
    problem
}

/// Adds the texts and numbers below members that are marked `@secret`, as messages write them.
fn add_secrets(value: &serde_json::Value, is_secret: bool, vocabulary: &Vocabulary, secrets: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) if is_secret && !text.is_empty() => {
            secrets.push(text.clone());
            secrets.push(text.escape_debug().to_string());
        }
        serde_json::Value::Number(number) if is_secret => secrets.push(number.to_string()),
        serde_json::Value::Array(items) => {
            items.iter().for_each(|item| add_secrets(item, is_secret, vocabulary, secrets));
        }
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                if is_secret && !name.starts_with("__") {
                    secrets.push(name.clone());
                }
                add_secrets(member, is_secret || vocabulary.is_secret(name), vocabulary, secrets);
            }
        }
        _ => {}
    }
}

/// A value as Cedar writes it, without the members that are secret, as far as it is worth showing.
pub(in crate::policy) fn value_text(value: &Cedar, vocabulary: &Vocabulary) -> String {
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
pub(in crate::policy) fn redacted(value: &Cedar, vocabulary: &Vocabulary) -> Cedar {
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
