//! The table of carriers: the name of each, where it is read, and where it is put by mistake.
//!
//! Reading, look-alikes and misplaced names all follow from this table. A name that is refused here
//! would otherwise be ignored as a member that nobody defines (AuthZEN 1.0 section 10.1.1), and the
//! request would be decided as if nobody acted for its subject.
//!
//! INVARIANT: wherever a carrier's name occurs in a request, or one that is a slip away, the member
//! is read, refused, or data: the properties of a resource or an action, the arguments of a call,
//! and what the schema declares for the action or the type that is asked about. The same holds for
//! the objects that contain carriers: one that is not read contains no carrier.

mod held;
mod near;
mod overlooked;

pub(in crate::model) use near::is_near_any;
pub(in crate::model) use overlooked::{
    OverlookedMember, is_carrier, lookalike, overlooked, overlooked_client,
};

use crate::model::{Letters, Record, Value, begin_differently};
use near::is_far;
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

/// Defines [`Carrier`] with all of its values, in the order in which they are read, and the table
/// of their places.
macro_rules! carriers {
    ($($(#[doc = $doc:literal])+ $carrier:ident => $places:tt,)+) => {
        /// A way in which a request says who acts for whom, or a member that says whose id one
        /// contains.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::model) enum Carrier {
            $($(#[doc = $doc])+ $carrier,)+
        }

        impl Carrier {
            /// All carriers.
            pub(in crate::model) const ALL: &[Self] = &[$(Self::$carrier,)+];

            const fn places(self) -> CarrierPlaces {
                use Elsewhere::{DataBut, Refused, RefusedBut};
                use Site::{Actor, Context, Member, MemberProperties, Properties, Subject};
                match self {
                    $(Self::$carrier => CarrierPlaces::new $places,)+
                }
            }
        }
    };
}

// `context.user` is data and not a misplaced carrier. `context.delegation` belongs to the engine if
// it says nothing but the number of actors.
carriers! {
    /// The actors of a subject, each with the one before it inside (RFC 8693 section 4.1).
    Act => ("act", &[Properties, Actor], Refused),
    /// The user for whom the subject acts.
    OnBehalfOf => ("on_behalf_of", &[Properties], Refused),
    /// The user who delegates to the subject.
    Delegation => ("delegation", &[Properties], Refused),
    /// The chain up to the subject.
    DelegationChain => ("delegation_chain", &[Subject], Refused),
    /// The user, beside the agent.
    User => ("user", &[Subject], RefusedBut(&[Context])),
    /// The agent, beside the user or in the context.
    Agent => ("agent", &[Subject, Context], Refused),
    /// What proves the chain.
    Credentials => ("credentials", &[Context], Refused),
    /// The issuer whose id an actor has.
    Iss => ("iss", &[Actor], DataBut(&[Member])),
    /// The kind of an entity, which must not contradict its type.
    SubProfile => (
        "sub_profile",
        &[Properties, Actor, Member, MemberProperties],
        DataBut(&[Subject])
    ),
    /// A claim that some write for `iss`, and that is read nowhere.
    Issuer => ("issuer", &[], DataBut(&[Member, Actor])),
    /// The actor of a context, if the bundle says so. In `act` it is a token's claim.
    ClientId => ("client_id", &[Context], RefusedBut(&[Actor])),
}

/// Where a member with the name of a carrier stands.
#[derive(Clone, Copy)]
struct CarrierPlaces {
    name: &'static str,
    /// The objects in which it is read.
    homes: &'static [Site],
    elsewhere: Elsewhere,
}

/// What a carrier's name means in the objects in which the carrier is not read.
#[derive(Clone, Copy)]
enum Elsewhere {
    /// It is refused, wherever it stands.
    Refused,
    /// It is refused, but for these objects, in which it is data.
    RefusedBut(&'static [Site]),
    /// It is data, but for these objects, in which it is refused.
    DataBut(&'static [Site]),
}

impl CarrierPlaces {
    const fn new(name: &'static str, homes: &'static [Site], elsewhere: Elsewhere) -> Self {
        Self {
            name,
            homes,
            elsewhere,
        }
    }
}

/// The member of the context that is a carrier only if the bundle says so.
pub(super) const CLIENT_ID: &str = Carrier::ClientId.name();

/// The member that says of which kind an entity is.
pub(super) const SUB_PROFILE: &str = Carrier::SubProfile.name();

impl Carrier {
    /// Returns the name of the member.
    pub(in crate::model) const fn name(self) -> &'static str {
        self.places().name
    }

    /// Returns the carriers that are read in this object.
    pub(in crate::model) fn read_in(site: Site) -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(move |carrier| carrier.is_read_in(site))
    }

    /// Returns the carriers whose texts, in the context, can be ids of members of the chain.
    pub(in crate::model) fn naming_in_context() -> impl Iterator<Item = Self> {
        Self::read_in(Site::Context).filter(|carrier| *carrier != Self::Credentials)
    }

    /// Returns `true` if a schema may give the name to an attribute, which is data then.
    pub(super) fn may_be_attribute(self) -> bool {
        match self {
            Self::User | Self::Agent | Self::Credentials | Self::SubProfile | Self::ClientId => {
                true
            }
            Self::Act
            | Self::OnBehalfOf
            | Self::Delegation
            | Self::DelegationChain
            | Self::Iss
            | Self::Issuer => false,
        }
    }

    /// Returns `true` if it is a carrier whatever the bundle says.
    fn is_always(self) -> bool {
        self != Self::ClientId
    }

    fn is_read_in(self, site: Site) -> bool {
        self.places().homes.contains(&site)
    }

    /// Returns `true` if its name is refused in this object, where it may stand by mistake.
    fn is_refused_in(self, site: Site) -> bool {
        !self.is_read_in(site)
            && match self.places().elsewhere {
                Elsewhere::Refused => true,
                Elsewhere::RefusedBut(data) => !data.contains(&site),
                Elsewhere::DataBut(refused) => refused.contains(&site),
            }
    }

    fn is_taken_in(self, site: Site) -> bool {
        self.is_read_in(site) || self.is_refused_in(site)
    }

    /// Returns `true` if a member with this carrier's name says who acts, or would if it were read.
    fn stands_in(self, site: Site, value: &Value) -> bool {
        let is_engines = self == Self::Delegation && site == Site::Context && names_nobody(value);
        !is_engines && self.is_taken_in(site)
    }
}

/// Returns `true` if a name, in any spelling, is a carrier that is read or refused at a site.
pub(super) fn is_taken_at(site: Site, name: &str) -> bool {
    carrier(&Letters::of(name)).is_some_and(|carrier| carrier.is_taken_in(site))
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

/// Returns the name of the object that a member is by its name.
fn container(member: &Letters<'_>) -> Option<&'static str> {
    let mut names = CONTAINERS.iter().map(|(name, _)| *name);
    names.find(|name| member.are_of(name))
}

/// Returns which object of a request `container`, an object or a list of objects at a site, is by
/// its name; returns `None` if it is data, whatever its name. Callers do not ask about names that
/// the schema gives to attributes.
fn inside(site: Site, container: &str) -> Option<Site> {
    let (name, within) = *CONTAINERS.iter().find(|(name, _)| *name == container)?;
    match (site, within) {
        _ if name == TOKEN && site != Site::Context => None,
        (site, Site::Target | Site::Options | Site::Item) if site.is_of_attributes() => None,
        (Site::Target, Site::Properties)
        | (Site::Context, Site::Target | Site::Options | Site::Item) => None,
        (Site::Context, Site::Properties) => Some(Site::Context),
        _ => Some(within),
    }
}

/// Returns `true` if no member of an object can be overlooked: each is one of `members`, or begins
/// differently from all of them and from all names of these tables, and is a slip of none. Nearly
/// every object of a request ends here: comparing each name with all of the tables took 3,000
/// instructions of a decision's 92,000, and searching each object once for the carriers and once
/// for the client 500 of 85,000.
pub(in crate::model) fn is_plain(record: &Record, members: &[&'static str]) -> bool {
    record.iter().all(|(name, _)| {
        let name = name.as_str();
        members.contains(&name)
            || (begins_like_none(name)
                && members.iter().all(|known| begin_differently(name, known))
                && is_far(name))
    })
}

/// Returns `true` if no member of an object can be a carrier, by the letters with which they begin.
pub(super) fn holds_no_carrier(record: &Record) -> bool {
    record.iter().all(|(name, _)| begins_like_none(name))
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
    let carriers = Carrier::ALL.iter().copied().map(Carrier::name);
    for name in carriers.chain(CONTAINERS.map(|(name, _)| name)) {
        let mut letters = name.bytes().filter_map(letter);
        if let (Some(one), Some(two)) = (letters.next(), letters.next())
            && let Some(seconds) = beginnings.get_mut(one)
        {
            *seconds |= 1 << two;
        }
    }
    beginnings
});

/// Returns the carrier that has this name in some spelling, and is one to every bundle.
fn carrier(letters: &Letters<'_>) -> Option<Carrier> {
    let mut carriers = Carrier::ALL
        .iter()
        .copied()
        .filter(|carrier| carrier.is_always());
    carriers.find(|carrier| letters.are_of(carrier.name()))
}

#[cfg(test)]
mod tests;
