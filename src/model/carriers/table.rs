//! The table of carriers: what each is called, where it is read, and where one is put by mistake.
//!
//! Reading, look-alikes and misplaced names all follow from it. What is refused here would
//! otherwise be ignored as a member that nobody defines (AuthZEN 1.0 section 10.1.1), and the
//! request decided as if nobody acted for its subject.
//!
//! INVARIANT: wherever a carrier's name stands in a request, it is read, refused, or somebody's
//! data: a resource's properties, an action's, a call's arguments, and what the schema declares. So
//! is the object that it stands in: where it is not read, it holds no carrier.

mod overlooked;

pub(in crate::model) use overlooked::{
    Overlooked, is_carrier, lookalike, overlooked, overlooked_client,
};

use crate::model::{Letters, Record, Value, begin_differently};
use smol_str::SmolStr;
use std::sync::LazyLock;

/// An object of a request in which a carrier stands, or is put by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Site {
    /// The body of a request.
    Body,
    /// An item of a batch: it has no options of its own.
    Item,
    /// How to answer, and which page.
    Options,
    /// The subject, beside its type and id.
    Subject,
    /// The properties of the subject.
    Properties,
    /// The context.
    Context,
    /// An action or a resource, beside its name or its type and id.
    Target,
    /// A member of a chain that is spelled out in a carrier, beside its type and id.
    Member,
    /// An actor in `act`. A token's has more members than are read.
    Actor,
    /// The properties of such a member.
    MemberProperties,
}

impl Site {
    /// Returns `true` where a schema says which members there are.
    fn is_of_attributes(self) -> bool {
        matches!(self, Self::Properties | Self::MemberProperties)
    }
}

/// A way to say who acts for whom.
struct Carrier {
    name: &'static str,
    /// Where it is read.
    homes: &'static [Site],
    /// Where it is refused: the levels around its home, where it is put by mistake.
    misplaced: &'static [Site],
}

/// The carrier of the context that is one only where the bundle says so.
pub(super) const CLIENT_ID: &str = "client_id";

/// What says of an entity which kind it is of, and must not say another than its type.
pub(super) const SUB_PROFILE: &str = "sub_profile";

/// Every carrier but [`CLIENT_ID`], and the members that say whose id a carrier's is.
///
/// `context.user` is data, and no misplaced carrier. `context.delegation` belongs to the engine
/// where it says nothing but how many act.
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

/// Returns `true` for a name under which something is read or refused at a site, as what says who
/// acts: however it is spelled.
pub(super) fn is_taken_at(site: Site, name: &str) -> bool {
    carrier(&Letters::of(name))
        .is_some_and(|carrier| carrier.homes.contains(&site) || carrier.misplaced.contains(&site))
}

impl Carrier {
    /// Returns `true` where a member of this carrier's name says who acts, or would were it read.
    fn stands_in(&self, site: Site, member: &str, value: &Value) -> bool {
        let is_engines = site == Site::Context
            && member == self.name
            && member == "delegation"
            && names_nobody(value);
        !is_engines && (self.homes.contains(&site) || self.misplaced.contains(&site))
    }
}

/// Returns `true` for a `delegation` that says nothing, or how many act and no more.
///
/// INVARIANT: the form is a list of what is harmless, since the ways to say who delegates have no
/// end: a name may stand in a list, in an object inside, or below any word.
fn names_nobody(value: &Value) -> bool {
    let is_count =
        |name: &SmolStr, value: &Value| name == "depth" && matches!(value, Value::Number(_));
    value.as_record().is_some_and(|record| {
        record
            .iter()
            .all(|(name, value)| value.is_null() || is_count(name, value))
    })
}

/// The objects in which carriers stand, by their names.
const CONTAINERS: [(&str, Site); 9] = [
    ("subject", Site::Subject),
    ("action", Site::Target),
    ("resource", Site::Target),
    ("context", Site::Context),
    ("properties", Site::Properties),
    ("options", Site::Options),
    ("page", Site::Options),
    ("evaluations", Site::Item),
    // The claims of a token, which requests do not set.
    (TOKEN, Site::Context),
];

/// The fact that is looked into in a context alone: elsewhere it is a page's, or data.
const TOKEN: &str = "token";

fn is_container(name: &str) -> bool {
    CONTAINERS.iter().any(|(container, _)| *container == name)
}

/// What an object, or a list of objects, of the name `member` is at a site; none where it is
/// somebody's data, whatever it is called. Where the schema declares an attribute of that name, the
/// caller does not ask.
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

/// Finds a carrier in an object that is not read where it stands.
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

/// Says which carrier's name, and value, a member has that is not read at a site.
type Naming = fn(&str, &Letters<'_>, &Value, Site) -> Option<&'static str>;

/// The carrier that a member of an object in the wrong place names.
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

/// The client, where a member of an object in the wrong place names it.
fn client_named(_: &str, letters: &Letters<'_>, _: &Value, _: Site) -> Option<&'static str> {
    letters.are_of(CLIENT_ID).then_some(CLIENT_ID)
}

/// Returns `true` for an object of which nobody overlooks anything: each member is one of
/// `members`, or begins unlike all of them and all names of these tables. Nearly every object of a
/// request ends here: comparing each name with all of the tables took 3,000 instructions of a
/// decision's 92,000, and looking through each object once for the carriers and once for the client
/// 500 of 85,000.
pub(in crate::model) fn is_plain(record: &Record, members: &[&'static str]) -> bool {
    record.iter().all(|(name, _)| {
        let name = name.as_str();
        members.contains(&name)
            || (begins_like_none(name)
                && members.iter().all(|known| begin_differently(name, known)))
    })
}

/// Returns `true` for a name that begins with two letters with which no name in these tables does.
fn begins_like_none(name: &str) -> bool {
    match name.as_bytes() {
        [one, two, ..] => letter(*one)
            .zip(letter(*two))
            .and_then(|(one, two)| Some(BEGINNINGS.get(one)? & (1 << two) == 0))
            .unwrap_or_default(),
        _ => false,
    }
}

/// Returns the place of an ASCII letter in the alphabet, in whichever case.
fn letter(byte: u8) -> Option<usize> {
    byte.is_ascii_alphabetic()
        .then(|| usize::from(byte.to_ascii_lowercase() - b'a'))
}

/// The first two letters of the names in these tables: for each first letter, the second ones as
/// bits.
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

/// The carrier whose name is spelled so.
fn carrier(letters: &Letters<'_>) -> Option<&'static Carrier> {
    CARRIERS.iter().find(|carrier| letters.are_of(carrier.name))
}

#[cfg(test)]
mod tests;
