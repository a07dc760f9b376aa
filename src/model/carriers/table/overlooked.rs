//! Finds members that would be overlooked: names that are spelled like a carrier's, and carriers in
//! the wrong place.

use super::{
    CLIENT_ID, CONTAINERS, Carrier, Naming, Site, TOKEN, begins_like_none, carrier, carrier_named,
    client_named, held, inside, is_container, misspelt,
};
use crate::model::carriers::{ChainRefusal, invalid};
use crate::model::{Letters, Record, Value, begin_differently, shown};
use smol_str::SmolStr;

/// A member that would be overlooked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) enum OverlookedMember<'a> {
    /// The name differs from that of a member that is read here only in case, marks or separators.
    Alike(&'a SmolStr, &'static str),
    /// The member is a carrier in the wrong place.
    Misplaced(&'a SmolStr, Carrier),
    /// The member is an object in the wrong place that contains a carrier.
    Inside(&'a SmolStr, Carrier),
    /// The name is one slip away from that of a member that is read here, or of a carrier.
    Near(&'a SmolStr, &'static str),
}

impl<'a> OverlookedMember<'a> {
    /// Returns the name of the member.
    pub(in crate::model) fn member(&self) -> &'a SmolStr {
        match self {
            Self::Alike(member, _)
            | Self::Misplaced(member, _)
            | Self::Inside(member, _)
            | Self::Near(member, _) => member,
        }
    }

    /// Describes the problem in a sentence; `path` is that of the object, empty for the body.
    pub(in crate::model) fn message(&self, path: &str) -> String {
        let dot = if path.is_empty() { "" } else { "." };
        match self {
            Self::Alike(member, known) => {
                format!(
                    "`{path}{dot}{}` is spelled like `{known}` but for case or separators",
                    shown(member)
                )
            }
            Self::Misplaced(member, carrier) => {
                format!(
                    "`{path}{dot}{}` would not be read there: `{}` belongs {}",
                    shown(member),
                    carrier.name(),
                    home(*carrier)
                )
            }
            Self::Near(member, meant) => format!(
                "`{path}{dot}{}` is not read: did you mean `{meant}`?",
                shown(member)
            ),
            Self::Inside(member, carrier) => {
                let place = place(member);
                format!(
                    "`{path}{dot}{}` would not be read there, and holds `{}`: {place}",
                    shown(member),
                    carrier.name()
                )
            }
        }
    }
}

impl From<(OverlookedMember<'_>, &str)> for ChainRefusal {
    fn from((overlooked, path): (OverlookedMember<'_>, &str)) -> Self {
        invalid(overlooked.message(path))
    }
}

/// Finds a member of an object that would be overlooked: one spelled like one of `members` or like
/// a carrier that is read there, a carrier in the wrong place, and a carrier in an object that is
/// itself in the wrong place. A null member counts as not sent, whatever its name.
pub(in crate::model) fn overlooked<'a>(
    record: &'a Record,
    site: Site,
    members: &[&'static str],
) -> Option<OverlookedMember<'a>> {
    record
        .iter()
        .filter(|(_, value)| !value.is_null())
        .find_map(|(member, value)| {
            if members.iter().any(|known| member == known) {
                return None;
            }
            let letters = Letters::of(member);
            let is_attributes = |known: &&str| site.is_of_attributes() && is_container(known);
            if let Some(known) =
                spelled_like(&letters, member, members).filter(|known| !is_attributes(known))
            {
                return Some(OverlookedMember::Alike(member, known));
            }
            if begins_like_none(member) {
                return None;
            }
            let Some(carrier) = carrier(&letters) else {
                return found_inside(member, &letters, value, site, carrier_named);
            };
            if carrier.is_read_in(site) {
                return (carrier.name() != member)
                    .then_some(OverlookedMember::Alike(member, carrier.name()));
            }
            carrier
                .stands_in(site, member, value)
                .then_some(OverlookedMember::Misplaced(member, carrier))
        })
}

/// Finds a carrier inside a member that is an object in the wrong place.
fn found_inside<'a>(
    member: &'a SmolStr,
    letters: &Letters<'_>,
    value: &Value,
    site: Site,
    name: Naming,
) -> Option<OverlookedMember<'a>> {
    if !matches!(value, Value::Record(_) | Value::List(_)) {
        return None;
    }
    held(value, inside(site, letters)?, name)
        .map(|carrier| OverlookedMember::Inside(member, carrier))
}

/// Finds a member that names the client and would be overlooked, for bundles that read
/// `context.client_id`. `members` are those that are read in the object.
pub(in crate::model) fn overlooked_client<'a>(
    record: &'a Record,
    site: Site,
    members: &[&'static str],
) -> Option<OverlookedMember<'a>> {
    let mut sent = record
        .iter()
        .filter(|(member, value)| !value.is_null() && !members.contains(&member.as_str()));
    sent.find_map(|(member, value)| {
        if begins_like_none(member) {
            return None;
        }
        let letters = Letters::of(member);
        if !letters.are_of(CLIENT_ID) {
            return found_inside(member, &letters, value, site, client_named);
        }
        if Carrier::ClientId.is_read_in(site) {
            return (member != CLIENT_ID).then_some(OverlookedMember::Alike(member, CLIENT_ID));
        }
        Some(OverlookedMember::Misplaced(member, Carrier::ClientId))
    })
}

/// Returns the member whose name differs from `name` only in case or separators.
pub(in crate::model) fn lookalike(name: &str, members: &[&'static str]) -> Option<&'static str> {
    if members.iter().all(|known| begin_differently(name, known)) {
        return None;
    }
    spelled_like(&Letters::of(name), name, members)
}

fn spelled_like(
    letters: &Letters<'_>,
    name: &str,
    members: &[&'static str],
) -> Option<&'static str> {
    members
        .iter()
        .copied()
        .find(|known| *known != name && letters.are_of(known))
}

/// Returns `true` if a property of a subject is a carrier, in any spelling, with a slip in its
/// name, and wherever it belongs, or an object that contains one. [`CLIENT_ID`] counts, though it
/// is a carrier only to some bundles.
pub(in crate::model) fn is_carrier(name: &SmolStr, value: &Value) -> bool {
    let letters = Letters::of(name);
    match carrier(&letters) {
        Some(carrier) => carrier.is_taken_in(Site::Properties),
        None if letters.are_of(CLIENT_ID) => true,
        None => {
            let is_misspelt = || {
                let alone = Record::from_iter([(name.clone(), value.clone())]);
                misspelt(&alone, Site::Properties, &[], true, |_| false).is_some()
            };
            let mut namings = [carrier_named as Naming, client_named].into_iter();
            namings.any(|naming| {
                found_inside(name, &letters, value, Site::Properties, naming).is_some()
            }) || is_misspelt()
        }
    }
}

/// Names the right place of a carrier, for a message.
fn home(carrier: Carrier) -> &'static str {
    match carrier.places().homes {
        [] => "into `act`, as `iss`",
        [Site::Properties, ..] => "into `subject.properties`",
        [Site::Actor] => "into `act`",
        [Site::Context] => "into `context`",
        [Site::Subject] => "into `subject`",
        _ => "into `context`, or beside `user` into a `subject` without type and id",
    }
}

/// Names the right place of an object, for a message.
fn place(member: &str) -> &'static str {
    let letters = Letters::of(member);
    match CONTAINERS.iter().find(|(name, _)| letters.are_of(name)) {
        Some(("page", _)) => "pages are of searches",
        Some((_, Site::Item)) => {
            "send it to `/access/v1/evaluations`, with no such member in an item"
        }
        Some((_, Site::Options)) => "options stand beside `evaluations`, for all items",
        Some((name, _)) if *name == TOKEN => "tokens belong into `context.credentials`",
        Some((_, Site::Properties)) => {
            "`properties` belong to a subject, an action, a resource or a member of a chain"
        }
        _ => "it belongs beside the others of `subject`, `action`, `resource` and `context`",
    }
}
