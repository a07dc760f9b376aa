//! Finds members that would be overlooked: names that are spelled like a carrier's, and carriers in
//! the wrong place.

use super::held::{Held, HeldSearch, Sought};
use super::near::{is_far, meant};
use super::{
    CLIENT_ID, CONTAINERS, Carrier, Site, TOKEN, begins_like_none, carrier, container, inside,
    is_container,
};
use crate::model::carriers::{ChainRefusal, invalid};
use crate::model::spelling::UnusualNames;
use crate::model::{Letters, Record, TOO_MANY_OTHERS, Value, begin_differently, shown};
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
    /// With this name, the object has more unusual names than are compared.
    TooMany(&'a SmolStr),
}

impl<'a> OverlookedMember<'a> {
    /// Returns the name of the member.
    pub(in crate::model) fn member(&self) -> &'a SmolStr {
        match self {
            Self::Alike(member, _)
            | Self::Misplaced(member, _)
            | Self::Inside(member, _)
            | Self::Near(member, _)
            | Self::TooMany(member) => member,
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
            Self::TooMany(_) if path.is_empty() => format!("the body {TOO_MANY_OTHERS}"),
            Self::TooMany(_) => format!("`{path}` {TOO_MANY_OTHERS}"),
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
/// itself in the wrong place; and each of these with a slip in its name, unless the schema declares
/// it, which `is_data` says. A null member counts as not sent, whatever its name.
pub(in crate::model) fn overlooked<'a>(
    record: &'a Record,
    site: Site,
    members: &[&'static str],
    is_data: impl Fn(&str) -> bool,
) -> Option<OverlookedMember<'a>> {
    let mut unusual = UnusualNames::default();
    sent(record, members).find_map(|(member, value)| {
        if unusual.are_too_many(member) {
            return Some(OverlookedMember::TooMany(member));
        }
        let letters = Letters::of(member);
        let is_attributes = |known: &&str| site.is_of_attributes() && is_container(known);
        if let Some(known) =
            spelled_like(&letters, member, members).filter(|known| !is_attributes(known))
        {
            return Some(OverlookedMember::Alike(member, known));
        }
        let at = SentMember {
            name: member,
            letters,
            value,
            site,
        };
        let found = match named(&at) {
            Some(carrier) if carrier.is_read_in(site) => (carrier.name() != member)
                .then_some(OverlookedMember::Alike(member, carrier.name())),
            Some(carrier) => at
                .misplaces(carrier)
                .then_some(OverlookedMember::Misplaced(member, carrier)),
            None => at.inside(Sought::Always, &is_data),
        };
        found.or_else(|| at.slip(Sought::Always, members, &is_data))
    })
}

/// Returns the members of an object that are not null and not of `members`.
fn sent<'a>(
    record: &'a Record,
    members: &[&'static str],
) -> impl Iterator<Item = (&'a SmolStr, &'a Value)> {
    record
        .iter()
        .filter(|(member, value)| !value.is_null() && !members.contains(&member.as_str()))
}

/// A member of an object that is searched.
struct SentMember<'a> {
    name: &'a SmolStr,
    letters: Letters<'a>,
    value: &'a Value,
    site: Site,
}

/// Returns the carrier that has the member's name in some spelling, and is one to every bundle.
fn named(at: &SentMember<'_>) -> Option<Carrier> {
    if begins_like_none(at.name) {
        return None;
    }
    carrier(&at.letters)
}

impl<'a> SentMember<'a> {
    /// Returns `true` if the member is a carrier in the wrong place. `delegation` in a context is
    /// the engine's if it names nobody, but only in that spelling.
    fn misplaces(&self, carrier: Carrier) -> bool {
        let is_spelt = self.name != carrier.name();
        (is_spelt && carrier.is_taken_in(self.site)) || carrier.stands_in(self.site, self.value)
    }

    /// Finds a carrier inside a member that is an object in the wrong place. In one that the schema
    /// declares, slips are data.
    fn inside(
        &self,
        sought: Sought,
        is_data: &impl Fn(&str) -> bool,
    ) -> Option<OverlookedMember<'a>> {
        if begins_like_none(self.name) || !is_compound(self.value) {
            return None;
        }
        let within = inside(self.site, container(&self.letters)?)?;
        self.held(sought, within, !is_data(self.name))
    }

    fn held(
        &self,
        sought: Sought,
        within: Site,
        takes_slips: bool,
    ) -> Option<OverlookedMember<'a>> {
        let found = HeldSearch::new(sought, takes_slips).search(self.value, within)?;
        Some(match found {
            Held::Carrier(carrier) => OverlookedMember::Inside(self.name, carrier),
            Held::TooMuch => OverlookedMember::TooMany(self.name),
        })
    }

    /// Finds out what the member was meant to be, if there is a slip in its name: one of `members`,
    /// a carrier that is read or refused here, or an object that contains one.
    fn slip(
        &self,
        sought: Sought,
        members: &[&'static str],
        is_data: &impl Fn(&str) -> bool,
    ) -> Option<OverlookedMember<'a>> {
        let mut known = meant(self.name, &self.letters, self.value);
        let found = known.find_map(|known| {
            let near = OverlookedMember::Near(self.name, known.meant);
            if members.contains(&known.meant) {
                // Such an attribute is data, and so is what is nearly called so.
                let is_read = sought == Sought::Always && !self.site.is_of_attributes();
                return is_read.then_some(near);
            }
            match sought.meant(known) {
                Some(carrier) => sought
                    .stands_in(carrier, self.site, self.value)
                    .then_some(near),
                None if !is_compound(self.value) => None,
                None => self.held(sought, inside(self.site, known.meant)?, true),
            }
        });
        found.filter(|_| !is_data(self.name))
    }
}

fn is_compound(value: &Value) -> bool {
    matches!(value, Value::Record(_) | Value::List(_))
}

/// Finds a member that names the client and would be overlooked, for bundles that read
/// `context.client_id`. `members` are those that are read in the object.
pub(in crate::model) fn overlooked_client<'a>(
    record: &'a Record,
    site: Site,
    members: &[&'static str],
    is_data: impl Fn(&str) -> bool,
) -> Option<OverlookedMember<'a>> {
    let mut unusual = UnusualNames::default();
    sent(record, members).find_map(|(member, value)| {
        if unusual.are_too_many(member) {
            return Some(OverlookedMember::TooMany(member));
        }
        let at = SentMember {
            name: member,
            letters: Letters::of(member),
            value,
            site,
        };
        if !at.letters.are_of(CLIENT_ID) {
            let found = at.inside(Sought::Client, &is_data);
            return found.or_else(|| at.slip(Sought::Client, members, &is_data));
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
    if begins_like_none(name) && is_far(name) {
        return false;
    }
    let letters = Letters::of(name);
    match carrier(&letters) {
        Some(carrier) => carrier.is_taken_in(Site::Properties),
        None if letters.are_of(CLIENT_ID) => true,
        None => {
            let at = SentMember {
                name,
                letters,
                value,
                site: Site::Properties,
            };
            let is_data = |_: &str| false;
            [Sought::Always, Sought::Client].into_iter().any(|sought| {
                at.inside(sought, &is_data).is_some() || at.slip(sought, &[], &is_data).is_some()
            })
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
