//! A bundle with edits over it that nobody has saved, without its secrets.
//!
//! **Problem.** Whoever may see why a decision is made may try policies that nobody reviewed. Such
//! a policy could compare a value that is marked `@secret` until it knows it, and a schema could
//! take the mark away.
//! **Decision.** What is tried holds no such value. In stored entities each is replaced by one that
//! says nothing. Any other file of data that mentions the name of a secret member is left out.
//! **Trade-off.** What depends on a secret is not tried as it would be decided. The bundle before
//! the edits is tried in the same way, so that what differs comes from the edits alone.
//!
//! INVARIANT: a value below a member that is marked `@secret` is in no text that leaves here, but
//! for texts that the person sent.

use super::files::{BundleFiles, BundleSource, read_over};
use super::located::holds_data;
use super::pack;
use crate::model::Problems;
use crate::policy::SourceFile;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Texts by their paths in the bundle.
pub type ScratchEdits = BTreeMap<String, Arc<str>>;

/// What stands in place of a secret text.
const SECRET: &str = "(secret)";

/// Reads the files of a source as they are now. Nobody waits until a directory holds still: what is
/// read is shown and tried, and never served.
pub fn read_as_is(source: &BundleSource) -> Result<BundleFiles, Problems> {
    match source {
        BundleSource::Embedded => Ok(pack::default_bundle()),
        BundleSource::Dir(dir) => read_over(dir, &ScratchEdits::new()),
    }
}

impl BundleFiles {
    /// Returns the same files with these texts over them. Other paths are added.
    #[must_use]
    pub fn with_edits(&self, edits: &ScratchEdits) -> Self {
        let mut files = self.clone();
        files.own.retain(|file| !edits.contains_key(&file.path));
        let edited = edits.iter();
        let edited = edited.map(|(path, text)| SourceFile::new(path.as_str(), &**text));
        files.own.extend(edited);
        files.own.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// Returns the same files without the values of members that are called as one of `secrets`,
    /// and the paths of those that are left out for it. Files in `sent` stay as they are.
    #[must_use]
    pub fn without_secrets(
        &self,
        secrets: &BTreeSet<String>,
        sent: &ScratchEdits,
    ) -> (Self, Vec<String>) {
        let mut left_out = Vec::new();
        let mut files = self.clone();
        files.own.retain_mut(|file| {
            if sent.contains_key(&file.path) || !may_hold_secrets(&file.path, &file.text, secrets) {
                return true;
            }
            match masked_json(&file.path, &file.text, secrets) {
                Some(text) => {
                    *file = SourceFile::new(file.path.as_str(), text);
                    true
                }
                None => {
                    left_out.push(file.path.clone());
                    false
                }
            }
        });
        (files, left_out)
    }
}

/// Returns `true` if a file may hold the value of a member that is called as one of `secrets`: it
/// holds data, and mentions such a name, with other white space in it or none, or may spell one by
/// escapes.
#[must_use]
pub fn may_hold_secrets(path: &str, text: &str, secrets: &BTreeSet<String>) -> bool {
    let joined = |text: &str| text.split_whitespace().collect::<String>();
    let mentions = || {
        let text = joined(text);
        secrets.iter().any(|name| text.contains(&joined(name)))
    };
    !secrets.is_empty() && holds_data(path) && (text.contains('\\') || mentions())
}

/// Returns JSON without the values of secret members; `None` if it is no JSON.
fn masked_json(path: &str, text: &str, secrets: &BTreeSet<String>) -> Option<String> {
    if !path.ends_with(".json") {
        return None;
    }
    let mut value: Value = serde_json::from_str(text).ok()?;
    mask(&mut value, secrets, false);
    serde_json::to_string_pretty(&value).ok()
}

/// Replaces the values of secret members, and all that lies below one, by others of their kinds.
fn mask(value: &mut Value, secrets: &BTreeSet<String>, is_secret: bool) {
    match value {
        Value::Object(members) => {
            // Only what has the form of a value of Cedar is one: a record may have a member `fn`.
            let extension = members.get("fn").and_then(Value::as_str).and_then(neutral);
            let extension = extension.filter(|_| members.len() == 2 && members.contains_key("arg"));
            for (name, member) in members.iter_mut() {
                match extension {
                    Some(neutral) if is_secret && name == "arg" => *member = neutral.into(),
                    Some(_) if is_secret && name == "fn" => {}
                    _ => mask(member, secrets, is_secret || secrets.contains(name)),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                mask(item, secrets, is_secret);
            }
        }
        Value::String(text) if is_secret => SECRET.clone_into(text),
        Value::Number(number) if is_secret => *number = 0.into(),
        Value::Bool(flag) if is_secret => *flag = false,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns an argument of a function of Cedar that says nothing; `None` if Cedar has no function of
/// this name.
fn neutral(function: &str) -> Option<&'static str> {
    match function {
        "decimal" => Some("0.0"),
        "datetime" => Some("1970-01-01"),
        "duration" => Some("0ms"),
        "ip" => Some("0.0.0.0"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> BundleFiles {
        let texts = texts.iter();
        BundleFiles::from_texts(texts.map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    fn text<'a>(files: &'a BundleFiles, path: &str) -> Option<&'a str> {
        files.file(path).map(|file| file.text.as_ref())
    }

    #[test]
    fn edits_replace_and_add_files_in_the_order_of_their_paths() {
        let before = files(&[("policies/b.cedar", "b"), ("policies/c.cedar", "c")]);
        let edits = [("policies/c.cedar", "edited"), ("policies/a.cedar", "new")];
        let edits = edits.map(|(path, text)| (path.to_owned(), text.into()));
        let after = before.with_edits(&ScratchEdits::from(edits));
        let found: Vec<_> = after.all().map(|file| (&*file.path, &*file.text)).collect();
        let expected = [
            ("policies/a.cedar", "new"),
            ("policies/b.cedar", "b"),
            ("policies/c.cedar", "edited"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_name_of_a_secret_counts_in_any_spelling() {
        let secrets = BTreeSet::from(["api/key".to_owned(), "pin code".to_owned()]);
        for text in [
            r#"[{"attrs": {"api/key": 1}}]"#,
            r#"[{"attrs": {"api\/key": 1}}]"#,
            r#"[{"attrs": {"api\u002fkey": 1}}]"#,
            "- ? pin\n    code\n  : 1\n",
        ] {
            assert!(
                may_hold_secrets("policies/entities.json", text, &secrets),
                "{text}"
            );
        }
        let other = r#"[{"attrs": {"api": 1}}]"#;
        assert!(!may_hold_secrets("policies/entities.json", other, &secrets));
        assert!(!may_hold_secrets("policies/p.cedar", "api/key", &secrets));
    }

    #[test]
    fn no_value_of_a_secret_member_is_left() {
        let entities = r#"[{"uid": {"type": "user", "id": "a"}, "attrs": {
            "pin": "7777", "deep": {"pin": [7777, {"x": true, "y": "7777"}]}, "level": 3,
            "code": {"__extn": {"fn": "decimal", "arg": "77.77"}},
            "creds": {"fn": "decimal77", "arg": "77", "n": 1}, "call": {"fn": "decimal", "n": "77"},
            "due": {"__extn": {"fn": "datetime", "arg": "2077-07-07"}}}, "parents": []}]"#;
        let before = files(&[
            ("policies/entities.json", entities),
            ("policies/plain.entities.json", "[]"),
            ("policies/cases.yaml", "pin: 7777"),
            ("policies/spelled.cases.yaml", "\"p\\u0069n\": 7777"),
            ("policies/other.cases.yaml", "level: 3"),
            ("policies/p.cedar", "principal.pin"),
        ]);
        let secrets = ["pin", "code", "due", "creds", "call"]
            .map(str::to_owned)
            .into();
        let (after, left_out) = before.without_secrets(&secrets, &ScratchEdits::new());
        assert_eq!(
            left_out,
            ["policies/cases.yaml", "policies/spelled.cases.yaml"]
        );
        for file in after.all() {
            assert!(!file.text.contains("77"), "{}", file.text);
        }
        let masked = text(&after, "policies/entities.json").unwrap();
        assert!(masked.contains("\"level\": 3") && masked.contains("\"fn\": \"datetime\""));
        assert_eq!(text(&after, "policies/p.cedar"), Some("principal.pin"));
        // What the person sent is theirs.
        let sent = [("policies/cases.yaml".to_owned(), "pin: 1".into())];
        let (after, _) = before
            .with_edits(&sent.clone().into())
            .without_secrets(&secrets, &sent.into());
        assert_eq!(text(&after, "policies/cases.yaml"), Some("pin: 1"));
        // Where nothing is secret, nothing is changed.
        let (after, left_out) = before.without_secrets(&BTreeSet::new(), &ScratchEdits::new());
        assert_eq!(left_out, Vec::<String>::new());
        assert_eq!(text(&after, "policies/entities.json"), Some(entities));
    }
}
