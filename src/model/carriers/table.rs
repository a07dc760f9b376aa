//! The table of carriers: the name of each, where it is read, and where it is put by mistake.
//!
//! Reading, look-alikes and misplaced names all follow from this table. A name that is refused here
//! would otherwise be ignored as a member that nobody defines (AuthZEN 1.0 section 10.1.1), and the
//! request would be decided as if nobody acted for its subject.
//!
//! INVARIANT: wherever a carrier's name occurs in a request, the member is read, refused, or data:
//! the properties of a resource or an action, the arguments of a call, and what the schema
//! declares. The same holds for the objects that contain carriers: one that is not read contains no
//! carrier.

mod overlooked;

pub(in crate::model) use overlooked::{
    OverlookedMember, is_carrier, lookalike, overlooked, overlooked_client,
};

use crate::model::{Letters, Record, Value, begin_differently};
use smol_str::SmolStr;
use std::sync::LazyLock;

/// An object of a request that may contain a carrier, in its right place or by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Site {
    /// The body of a request.
    Body,
    /// An item of a batch, which has no options of its own.
    Item,
    /// The options, or the page of a search.
    Options,
    /// The subject, beside its type and id.
    Subject,
    /// The properties of the subject.
    Properties,
    /// The context.
    Context,
    /// An action or a resource, beside its name or its type and id.
    Target,
    /// A member of a chain that a carrier gives as an object, beside its type and id.
    Member,
    /// An actor in `act`. In a token it has more members than are read.
    Actor,
    /// The properties of such a member.
    MemberProperties,
}

impl Site {
    /// Returns `true` if the schema declares which members this object has.
    fn is_of_attributes(self) -> bool {
        matches!(self, Self::Properties | Self::MemberProperties)
    }
}

/// A way in which a request says who acts for whom.
struct Carrier {
    name: &'static str,
    /// The objects in which it is read.
    homes: &'static [Site],
    /// The objects in which it is refused: those around its right place, where it is put by
    /// mistake.
    misplaced: &'static [Site],
}

/// The member of the context that is a carrier only if the bundle says so.
pub(super) const CLIENT_ID: &str = "client_id";

/// The member that says of which kind an entity is, and must not contradict the entity's type.
pub(super) const SUB_PROFILE: &str = "sub_profile";

/// Every carrier except [`CLIENT_ID`], and the members that say whose id a carrier contains.
///
/// `context.user` is data and not a misplaced carrier. `context.delegation` belongs to the engine
/// if it says nothing but the number of actors.
static CARRIERS: &[Carrier] = {
    use Site::{
        Actor, Body, Context, Item, Member, MemberProperties, Options, Properties, Subject, Target,
    };
    &[
        Carrier {
            name: "act",
            homes: &[Properties, Actor],
            misplaced: &[
                Body,
                Item,
                Options,
                Subject,
                Context,
                Target,
                Member,
                MemberProperties,
            ],
        },
        Carrier {
            name: "on_behalf_of",
            homes: &[Properties],
            misplaced: &[
                Body,
                Item,
                Options,
                Subject,
                Context,
                Target,
                Member,
                Actor,
                MemberProperties,
            ],
        },
        Carrier {
            name: "delegation",
            homes: &[Properties],
            misplaced: &[
                Body,
                Item,
                Options,
                Subject,
                Context,
                Target,
                Member,
                Actor,
                MemberProperties,
            ],
        },
        Carrier {
            name: "delegation_chain",
            homes: &[Subject],
            misplaced: &[
                Body,
                Item,
                Options,
                Properties,
                Context,
                Target,
                Member,
                Actor,
                MemberProperties,
            ],
        },
        Carrier {
            name: "user",
            homes: &[Subject],
            misplaced: &[
                Body,
                Item,
                Options,
                Properties,
                Target,
                Member,
                Actor,
                MemberProperties,
            ],
        },
        Carrier {
            name: "agent",
            homes: &[Subject, Context],
            misplaced: &[
                Body,
                Item,
                Options,
                Properties,
                Target,
                Member,
                Actor,
                MemberProperties,
            ],
        },
        Carrier {
            name: "credentials",
            homes: &[Context],
            misplaced: &[
                Body,
                Item,
                Options,
                Subject,
                Properties,
                Target,
                Member,
                Actor,
                MemberProperties,
            ],
        },
        Carrier {
            name: "iss",
            homes: &[Actor],
            misplaced: &[Member],
        },
        Carrier {
            name: SUB_PROFILE,
            homes: &[Properties, Actor, Member, MemberProperties],
            misplaced: &[Subject],
        },
        Carrier {
            name: "issuer",
            homes: &[],
            misplaced: &[Member, Actor],
        },
    ]
};

/// Returns `true` if a name, in any spelling, is a carrier that is read or refused at a site.
pub(super) fn is_taken_at(site: Site, name: &str) -> bool {
    carrier(&Letters::of(name))
        .is_some_and(|carrier| carrier.homes.contains(&site) || carrier.misplaced.contains(&site))
}

impl Carrier {
    /// Returns `true` if a member with this carrier's name says who acts, or would if it were read.
    fn stands_in(&self, site: Site, member: &str, value: &Value) -> bool {
        let is_engines = site == Site::Context
            && member == self.name
            && member == "delegation"
            && names_nobody(value);
        !is_engines && (self.homes.contains(&site) || self.misplaced.contains(&site))
    }
}

/// Returns `true` if a `delegation` says nothing, or only how many act.
///
/// INVARIANT: this lists what is harmless, since there are endless ways to name a delegator: in a
/// list, in an object inside, or under any word.
fn names_nobody(value: &Value) -> bool {
    let is_count =
        |name: &SmolStr, value: &Value| name == "depth" && matches!(value, Value::Number(_));
    value.as_record().is_some_and(|record| {
        record
            .iter()
            .all(|(name, value)| value.is_null() || is_count(name, value))
    })
}

/// The names of the objects that contain carriers.
const CONTAINERS: [(&str, Site); 9] = [
    ("subject", Site::Subject),
    ("action", Site::Target),
    ("resource", Site::Target),
    ("context", Site::Context),
    ("properties", Site::Properties),
    ("options", Site::Options),
    ("page", Site::Options),
    ("evaluations", Site::Item),
    // These are the claims of a token, which requests do not set.
    (TOKEN, Site::Context),
];

/// The fact that is searched in a context only: elsewhere the name is a page's, or data.
const TOKEN: &str = "token";

fn is_container(name: &str) -> bool {
    CONTAINERS.iter().any(|(container, _)| *container == name)
}

/// Returns which object of a request `member`, an object or a list of objects at a site, is by its
/// name; returns `None` if it is data, whatever its name. Callers do not ask about names that the
/// schema gives to attributes.
fn inside(site: Site, member: &Letters<'_>) -> Option<Site> {
    let (name, within) = *CONTAINERS.iter().find(|(name, _)| member.are_of(name))?;
    match (site, within) {
        _ if name == TOKEN && site != Site::Context => None,
        (site, Site::Target | Site::Options | Site::Item) if site.is_of_attributes() => None,
        (Site::Target, Site::Properties)
        | (Site::Context, Site::Target | Site::Options | Site::Item) => None,
        (Site::Context, Site::Properties) => Some(Site::Context),
        _ => Some(within),
    }
}

/// Finds a carrier in an object that is not read at this site.
fn held(value: &Value, site: Site, name: Naming) -> Option<&'static str> {
    match value {
        Value::Record(record) => record
            .iter()
            .filter(|(_, value)| !value.is_null())
            .find_map(|(member, value)| {
                let letters = Letters::of(member);
                let own = name(member, &letters, value, site);
                own.or_else(|| held(value, inside(site, &letters)?, name))
            }),
        Value::List(items) => items.iter().find_map(|item| held(item, site, name)),
        _ => None,
    }
}

/// Returns the name of the carrier that a member in an object in the wrong place is, judged by the
/// member's name and value.
type Naming = fn(&str, &Letters<'_>, &Value, Site) -> Option<&'static str>;

/// Returns the carrier that a member of an object in the wrong place is.
fn carrier_named(
    member: &str,
    letters: &Letters<'_>,
    value: &Value,
    site: Site,
) -> Option<&'static str> {
    let carrier = carrier(letters)?;
    carrier
        .stands_in(site, member, value)
        .then_some(carrier.name)
}

/// Returns [`CLIENT_ID`] if a member of an object in the wrong place has that name.
fn client_named(_: &str, letters: &Letters<'_>, _: &Value, _: Site) -> Option<&'static str> {
    letters.are_of(CLIENT_ID).then_some(CLIENT_ID)
}

/// Returns `true` if no member of an object can be overlooked: each is one of `members`, or begins
/// differently from all of them and from all names of these tables. Nearly every object of a
/// request ends here: comparing each name with all of the tables took 3,000 instructions of a
/// decision's 92,000, and searching each object once for the carriers and once for the client 500
/// of 85,000.
pub(in crate::model) fn is_plain(record: &Record, members: &[&'static str]) -> bool {
    record.iter().all(|(name, _)| {
        let name = name.as_str();
        members.contains(&name)
            || (begins_like_none(name)
                && members.iter().all(|known| begin_differently(name, known)))
    })
}

/// Returns `true` if no name in these tables begins with the first two letters of this name.
fn begins_like_none(name: &str) -> bool {
    match name.as_bytes() {
        [one, two, ..] => letter(*one)
            .zip(letter(*two))
            .and_then(|(one, two)| Some(BEGINNINGS.get(one)? & (1 << two) == 0))
            .unwrap_or_default(),
        _ => false,
    }
}

/// Returns the position of an ASCII letter in the alphabet, in either case.
fn letter(byte: u8) -> Option<usize> {
    byte.is_ascii_alphabetic()
        .then(|| usize::from(byte.to_ascii_lowercase() - b'a'))
}

/// The first two letters of the names in these tables: for each first letter, a bit for each second
/// letter.
static BEGINNINGS: LazyLock<[u32; 26]> = LazyLock::new(|| {
    let mut beginnings = [0; 26];
    let names = CARRIERS
        .iter()
        .map(|carrier| carrier.name)
        .chain(CONTAINERS.map(|(name, _)| name))
        .chain([CLIENT_ID]);
    for name in names {
        let mut letters = name.bytes().filter_map(letter);
        if let (Some(one), Some(two)) = (letters.next(), letters.next())
            && let Some(seconds) = beginnings.get_mut(one)
        {
            *seconds |= 1 << two;
        }
    }
    beginnings
});

/// Returns the carrier that has this name in some spelling.
fn carrier(letters: &Letters<'_>) -> Option<&'static Carrier> {
    CARRIERS.iter().find(|carrier| letters.are_of(carrier.name))
}

#[cfg(test)]
mod tests;
