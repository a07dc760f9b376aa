//! Decides which of the values that policies saw may be shown in reasons, explanations, records and
//! logs.
//!
//! INVARIANT: a value that leaves a decision passes through here. A value that is marked `@secret`
//! anywhere is shown nowhere: neither by itself nor within another value, nor as the user or object
//! of a look-up, nor as the name of a member if the request wrote a value there. What is shown to
//! people is cut if it is long, and says so.

use crate::model::{HIDDEN, Problem, holds_token};
use crate::policy::load::source::SourceFile;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::{UnreservedId, Value as Cedar, ValueKind};
use smol_str::SmolStr;
use std::fmt::{self, Write};

/// The text that replaces what may not be shown.
pub(in crate::policy) const SECRET: &str = "(secret)";

/// Longest value in an explanation, in bytes: enough for a person to compare with a policy. A batch
/// repeats its values for each permit of each leg of each item.
pub(in crate::policy) const SHOWN_BYTES: usize = 512;

/// The text at the end of a value that was cut.
pub(in crate::policy) const CUT: &str = "… (cut here)";

/// Returns `true` if the value at this path may be shown.
pub(in crate::policy) fn may_be_shown(path: &[SmolStr], vocabulary: &Vocabulary) -> bool {
    !path.iter().any(|name| vocabulary.is_secret(name))
}

/// Returns the path of a member, as far as it may be shown: below a member that is marked
/// `@secret`, the names come from the request, as the values do.
pub(in crate::policy) fn path_text(path: &[SmolStr], vocabulary: &Vocabulary) -> String {
    let secret = path.iter().position(|name| vocabulary.is_secret(name));
    let shown = secret.map_or(path.len(), |at| at + 1);
    let hidden = (shown < path.len()).then_some(SECRET);
    path.iter()
        .take(shown)
        .map(SmolStr::as_str)
        .chain(hidden)
        .collect::<Vec<_>>()
        .join(".")
}

/// Returns the name of a member that the schema does not declare, as far as it may be shown.
/// `declared` are the names that the schema declares at the same level: if one of them is marked
/// `@secret`, a request may have written the value in place of the name. A short word of letters
/// counts as a misspelt name. A token in place of a name is never shown.
pub(in crate::policy) fn undeclared_name<'a>(
    name: &SmolStr,
    declared: impl IntoIterator<Item = &'a SmolStr>,
    vocabulary: &Vocabulary,
) -> SmolStr {
    if is_word(name) {
        return name.clone();
    }
    if holds_token(name) {
        return SmolStr::new_static(HIDDEN);
    }
    if declared
        .into_iter()
        .any(|declared| vocabulary.is_secret(declared))
    {
        return SmolStr::new_static(SECRET);
    }
    name.clone()
}

/// Returns `true` if the text is more likely a name than a secret.
fn is_word(name: &str) -> bool {
    const LONGEST: usize = 24;
    name.len() <= LONGEST
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

/// Removes the values that are marked `@secret` from a problem of stored entities: from its text,
/// and by leaving out an excerpt, which would show whole lines of the file.
pub(in crate::policy) fn without_secrets(
    mut problem: Problem,
    file: &SourceFile,
    vocabulary: &Vocabulary,
) -> Problem {
    let mut secrets = Vec::new();
    if let Ok(entities) = serde_json::from_str(&file.text) {
        add_secrets(&entities, false, vocabulary, &mut secrets);
    }
    // The longer secrets come first, since a shorter one may be a part of a longer one.
    secrets.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
    let hide = |text: &str| {
        secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, SECRET))
    };
    problem.message = hide(&problem.message);
    problem.help = problem.help.map(|help| hide(&help));
    let may_show = secrets.is_empty()
        && !vocabulary
            .secrets()
            .any(|name| file.text.contains(&format!("\"{name}\"")));
    if let Some(place) = problem
        .place
        .as_mut()
        .filter(|place| place.len > 0 && !may_show)
    {
        problem.message = format!("line {}: {}", file.line(place.offset), problem.message);
        place.len = 0;
    }
    problem
}

/// Adds the texts and numbers below members that are marked `@secret`, as messages write them.
fn add_secrets(
    value: &serde_json::Value,
    is_secret: bool,
    vocabulary: &Vocabulary,
    secrets: &mut Vec<String>,
) {
    match value {
        serde_json::Value::String(text) if is_secret && !text.is_empty() => {
            secrets.push(text.clone());
            secrets.push(text.escape_debug().to_string());
        }
        serde_json::Value::Number(number) if is_secret => secrets.push(number.to_string()),
        serde_json::Value::Array(items) => {
            items
                .iter()
                .for_each(|item| add_secrets(item, is_secret, vocabulary, secrets));
        }
        serde_json::Value::Object(members) => {
            for (name, member) in members {
                if is_secret && !name.starts_with("__") {
                    secrets.push(name.clone());
                }
                add_secrets(
                    member,
                    is_secret || vocabulary.is_secret(name),
                    vocabulary,
                    secrets,
                );
            }
        }
        _ => {}
    }
}

/// Returns a value as Cedar writes it, without secret members, cut at `SHOWN_BYTES`.
pub(in crate::policy) fn value_text(value: &Cedar, vocabulary: &Vocabulary) -> String {
    let (text, is_whole) = beginning(value, vocabulary, SHOWN_BYTES);
    if is_whole { text } else { text + CUT }
}

/// Returns at most `bytes` bytes of a value as Cedar writes it, without secret members, and whether
/// that is the whole value.
///
/// INVARIANT: the time that this takes grows with the text that it returns, not with the value. An
/// explanation shows one value for each permit of each leg of each item of a batch.
pub(in crate::policy) fn beginning(
    value: &Cedar,
    vocabulary: &Vocabulary,
    bytes: usize,
) -> (String, bool) {
    let mut text = BoundedText {
        text: String::new(),
        bytes,
    };
    if vocabulary.secrets().next().is_none() {
        let fits = write_value(&mut text, value).is_ok();
        return (text.text, fits);
    }
    // Each value within another takes at least two bytes of text: its own brackets, or the
    // separator from the next value.
    let mut redaction = Redaction {
        vocabulary,
        left: bytes.div_ceil(2),
        is_whole: true,
    };
    let value = redaction.value(value);
    let fits = write!(text, "{value}").is_ok();
    (text.text, fits && redaction.is_whole)
}

/// Writes a value as Cedar does, up to where the text ends. Cedar's own writer sorts a whole set
/// before it writes the first element.
fn write_value(text: &mut BoundedText, value: &Cedar) -> fmt::Result {
    match value.value_kind() {
        ValueKind::Set(items) => {
            text.write_str("[")?;
            for (at, item) in items.iter().enumerate() {
                text.write_str(if at > 0 { ", " } else { "" })?;
                write_value(text, item)?;
            }
            text.write_str("]")
        }
        ValueKind::Record(members) => {
            text.write_str("{")?;
            for (at, (name, member)) in members.iter().enumerate() {
                text.write_str(if at > 0 { ", " } else { "" })?;
                match name.parse::<UnreservedId>() {
                    Ok(name) => write!(text, "{name}: ")?,
                    Err(_) => write!(text, "\"{name}\": ")?,
                }
                write_value(text, member)?;
            }
            text.write_str("}")
        }
        ValueKind::Lit(_) | ValueKind::ExtensionValue(_) => write!(text, "{value}"),
    }
}

/// Copies a value without the members that are marked `@secret`, however deep they are, and no more
/// of it than is shown.
///
/// INVARIANT: an element of a set is copied whole or not at all: a cut element would be another
/// value.
struct Redaction<'a> {
    vocabulary: &'a Vocabulary,
    /// The number of further values that may be copied.
    left: usize,
    /// Whether nothing was left out.
    is_whole: bool,
}

impl Redaction<'_> {
    fn value(&mut self, value: &Cedar) -> Cedar {
        match value.value_kind() {
            ValueKind::Record(members) => {
                let mut shown = Vec::new();
                for (name, member) in members.iter() {
                    if !self.takes_one() {
                        break;
                    }
                    let is_secret = self.vocabulary.is_secret(name);
                    let hidden = || Cedar::from(SmolStr::new_static(SECRET));
                    shown.push((
                        name.clone(),
                        if is_secret {
                            hidden()
                        } else {
                            self.value(member)
                        },
                    ));
                }
                Cedar::record(shown, None)
            }
            ValueKind::Set(items) => {
                // The elements are taken in the set's order, which is the order of its text.
                let mut shown = Vec::new();
                for item in items.iter() {
                    if !self.takes_one() {
                        break;
                    }
                    let item = self.value(item);
                    if !self.is_whole {
                        break;
                    }
                    shown.push(item);
                }
                Cedar::set(shown, None)
            }
            ValueKind::Lit(_) | ValueKind::ExtensionValue(_) => value.clone(),
        }
    }

    /// Counts one more value; returns `true` if it may be copied.
    fn takes_one(&mut self) -> bool {
        let rest = self.left.checked_sub(1);
        self.is_whole &= rest.is_some();
        self.left = rest.unwrap_or_default();
        rest.is_some()
    }
}

/// Accepts as many bytes as are shown, and then ends the writing.
pub(in crate::policy) struct BoundedText {
    pub(in crate::policy) text: String,
    pub(in crate::policy) bytes: usize,
}

impl Write for BoundedText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let left = self.bytes.saturating_sub(self.text.len());
        if text.len() <= left {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(
            text.get(..text.floor_char_boundary(left))
                .unwrap_or_default(),
        );
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::port::RelationTypes;
    use crate::policy::schema::Schema;
    use proptest::prelude::*;

    /// Returns the vocabulary of a schema that declares no attributes.
    fn vocabulary() -> Vocabulary {
        let files = [SourceFile::new("s.cedarschema", "entity user;")];
        Schema::read(&files, RelationTypes::default())
            .unwrap()
            .vocabulary
    }

    fn text(text: &str) -> Cedar {
        Cedar::from(SmolStr::new(text))
    }

    #[test]
    fn a_long_value_is_cut_between_characters_and_says_so() {
        let vocabulary = vocabulary();
        let long = value_text(&text(&"é".repeat(600)), &vocabulary);
        assert!(long.ends_with(&format!("é{CUT}")), "{long}");
        assert!(long.len() <= SHOWN_BYTES + CUT.len());
        assert_eq!(value_text(&text("short"), &vocabulary), "\"short\"");
    }

    #[test]
    fn no_more_of_a_value_is_copied_than_is_shown() {
        let vocabulary = vocabulary();
        let numbers = Cedar::set((0..100_000_i64).map(Cedar::from), None);
        let members = (0..100_000).map(|at| (format!("m{at}"), numbers.clone()));
        for large in [
            numbers.clone(),
            Cedar::record(members, None),
            Cedar::set([numbers.clone()], None),
        ] {
            let mut redaction = Redaction {
                vocabulary: &vocabulary,
                left: 100,
                is_whole: true,
            };
            let copy = redaction.value(&large).to_string();
            assert!(
                !redaction.is_whole && copy.len() < 2_000,
                "{} bytes",
                copy.len()
            );
        }
    }

    fn values() -> impl Strategy<Value = Cedar> {
        let leaf = prop_oneof![
            (0..12_i64).prop_map(Cedar::from),
            "[a-c]{0,2}".prop_map(|word| text(&word))
        ];
        leaf.prop_recursive(5, 120, 12, |inner| {
            let members = prop::collection::btree_map("[a-c ]{1,2}", inner.clone(), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..12).prop_map(|items| Cedar::set(items, None)),
                members.prop_map(|members| Cedar::record(members, None)),
            ]
        })
    }

    proptest! {
        /// The shown text is the beginning of the value's text, or the whole text if that is short.
        #[test]
        fn what_is_shown_is_the_beginning_of_the_text(value in values(), bytes in 1..200_usize) {
            let whole = value.to_string();
            let (shown, is_whole) = beginning(&value, &vocabulary(), bytes);
            prop_assert_eq!(is_whole, whole.len() <= bytes);
            prop_assert_eq!(shown.as_str(), &whole[..whole.floor_char_boundary(bytes)]);
        }
    }
}
