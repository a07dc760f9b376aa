//! Says where an entity stands twice in files of entities: Cedar names the entity, and no place.

use super::source::SourceFile;
use crate::model::{Place, Problem};
use regex::Regex;
use serde::Deserialize;

/// The words of Cedar's message about an entity that stands twice.
const REPEATED: &str = "duplicate entity entry";

/// The beginning of an entity's entry: its id, as an object or within `__entity`.
const UID: &str = r#""uid"\s*:\s*(\{[^{}]*(?:\{[^{}]*\})?[^{}]*\})"#;

/// The id of an entity in either of Cedar's forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum UidText {
    Plain {
        r#type: String,
        id: String,
    },
    Within {
        #[serde(rename = "__entity")]
        entity: Box<UidText>,
    },
}

/// Adds to a problem about an entity that stands twice its second place and its first. Returns
/// `None` for another problem, and if the places are not found.
pub(super) fn locate_repeated(files: &[&SourceFile], problem: &Problem) -> Option<Problem> {
    if !problem.message.contains(REPEATED) {
        return None;
    }
    let uid = Regex::new(UID).ok()?;
    let mut places = files
        .iter()
        .flat_map(|file| places_of(file, &uid, &problem.message));
    let first = places.next()?;
    let second = places.next()?;
    let located = problem.clone().at(second).and_at(first);
    Some(located.help("remove one of the two"))
}

/// Returns the places of the ids of entities that a message names.
fn places_of(file: &SourceFile, uid: &Regex, message: &str) -> Vec<Place> {
    uid.captures_iter(&file.text)
        .filter_map(|found| found.get(1))
        .filter(|found| {
            serde_json::from_str(found.as_str())
                .is_ok_and(|uid: UidText| message.contains(&format!("`{}`", spelled(&uid))))
        })
        .map(|found| file.place(found.start(), found.len()))
        .collect()
}

/// Returns an id as messages spell it: `user::"alice"`.
fn spelled(uid: &UidText) -> String {
    match uid {
        UidText::Plain { r#type: kind, id } => format!("{kind}::\"{}\"", id.escape_debug()),
        UidText::Within { entity } => spelled(entity),
    }
}
