//! The table of carriers: what each is called, where it is read, and where one is put by mistake.
//!
//! Reading, look-alikes and misplaced names all follow from it. What is refused here would otherwise be ignored as a
//! member that nobody defines (AuthZEN 1.0 section 10.1.1), and the request decided as if nobody acted for its subject.
//!
//! INVARIANT: wherever a carrier's name stands in a request, it is read, refused, or somebody's data: a resource's
//! properties, an action's, a call's arguments, and what the schema declares.

use super::ChainRefusal;
use crate::model::{Record, alike, shown};
use smol_str::SmolStr;

/// An object of a request in which a carrier stands, or is put by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::model) enum Site {
    /// The body of a request, or an item of a batch.
    Body,
    /// How to answer.
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
    /// The properties of such a member.
    MemberProperties,
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

/// Every carrier but [`CLIENT_ID`].
///
/// `context.delegation` belongs to the engine, and `context.user` is data: neither is a misplaced carrier.
const CARRIERS: [Carrier; 7] = {
    use Site::{Body, Context, Member, MemberProperties, Options, Properties, Subject, Target};
    [
        Carrier {
            name: "act",
            homes: &[Properties],
            misplaced: &[Body, Options, Subject, Context, Target, Member, MemberProperties],
        },
        Carrier {
            name: "on_behalf_of",
            homes: &[Properties],
            misplaced: &[Body, Options, Subject, Context, Target, Member, MemberProperties],
        },
        Carrier {
            name: "delegation",
            homes: &[Properties],
            misplaced: &[Body, Options, Subject, Target, Member, MemberProperties],
        },
        Carrier {
            name: "delegation_chain",
            homes: &[Subject],
            misplaced: &[Body, Options, Properties, Context, Target, Member, MemberProperties],
        },
        Carrier { name: "user", homes: &[Subject], misplaced: &[Body, Options, Properties, Member, MemberProperties] },
        Carrier {
            name: "agent",
            homes: &[Subject, Context],
            misplaced: &[Body, Options, Properties, Member, MemberProperties],
        },
        Carrier { name: "credentials", homes: &[Context], misplaced: &[Body, Options, Subject, Member] },
    ]
};

/// A member that nobody would read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::model) enum Overlooked<'a> {
    /// It is spelled like a member that is read here, but for case or separators.
    Alike(&'a SmolStr, &'static str),
    /// It is a carrier's, in the wrong place.
    Misplaced(&'a SmolStr, &'static str),
}

impl Overlooked<'_> {
    /// What is wrong, in a sentence; `path` is the object's own, empty for the body.
    pub(in crate::model) fn message(&self, path: &str) -> String {
        let dot = if path.is_empty() { "" } else { "." };
        match self {
            Self::Alike(member, known) => {
                format!("`{path}{dot}{}` is spelled like `{known}` but for case or separators", shown(member))
            }
            Self::Misplaced(member, carrier) => {
                format!("`{path}{dot}{}` would not be read there: `{carrier}` belongs {}", shown(member), home(carrier))
            }
        }
    }
}

impl From<(Overlooked<'_>, &str)> for ChainRefusal {
    fn from((overlooked, path): (Overlooked<'_>, &str)) -> Self {
        super::invalid(overlooked.message(path))
    }
}

/// Finds a member of an object that nobody would read: one spelled like one of `members` or like a carrier that is read
/// there, and a carrier in the wrong place. A misplaced one that is null was not sent.
pub(in crate::model) fn overlooked<'a>(
    record: &'a Record,
    site: Site,
    members: &[&'static str],
) -> Option<Overlooked<'a>> {
    record.iter().find_map(|(member, value)| {
        if members.iter().any(|known| member == known) {
            return None;
        }
        if let Some(known) = lookalike(member, members) {
            return Some(Overlooked::Alike(member, known));
        }
        let carrier = CARRIERS.iter().find(|carrier| alike(carrier.name, member))?;
        if carrier.homes.contains(&site) {
            return (carrier.name != member).then_some(Overlooked::Alike(member, carrier.name));
        }
        let is_misplaced = carrier.misplaced.contains(&site) && !value.is_null();
        is_misplaced.then_some(Overlooked::Misplaced(member, carrier.name))
    })
}

/// Finds a member that names the client where nobody would read it, for bundles that read `context.client_id`.
pub(in crate::model) fn overlooked_client(record: &Record, site: Site) -> Option<Overlooked<'_>> {
    record.iter().filter(|(member, _)| alike(CLIENT_ID, member)).find_map(|(member, value)| {
        if site == Site::Context {
            return (member != CLIENT_ID).then_some(Overlooked::Alike(member, CLIENT_ID));
        }
        (!value.is_null()).then_some(Overlooked::Misplaced(member, CLIENT_ID))
    })
}

/// The member that `name` is spelled like, but for case or separators.
pub(in crate::model) fn lookalike(name: &str, members: &[&'static str]) -> Option<&'static str> {
    members.iter().copied().find(|known| *known != name && alike(known, name))
}

/// Returns `true` if a name among the properties of a subject is a carrier's, however it is spelled and wherever it
/// belongs.
pub(in crate::model) fn is_carrier(name: &str) -> bool {
    let in_properties =
        |carrier: &&Carrier| carrier.homes.contains(&Site::Properties) || carrier.misplaced.contains(&Site::Properties);
    CARRIERS.iter().filter(in_properties).any(|carrier| alike(carrier.name, name))
}

/// Where a carrier belongs, in words.
fn home(name: &str) -> &'static str {
    let homes = CARRIERS.iter().find(|carrier| carrier.name == name).map_or(&[][..], |carrier| carrier.homes);
    match homes {
        [Site::Properties] => "into `subject.properties`",
        [] | [Site::Context] => "into `context`",
        [Site::Subject] => "into `subject`",
        _ => "into `context`, or beside `user` into a `subject` without type and id",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;

    fn record(name: &str, value: Value) -> Record {
        Record::from_iter([(SmolStr::new(name), value)])
    }

    #[test]
    fn no_carrier_is_misplaced_where_it_is_read() {
        for carrier in &CARRIERS {
            assert!(!carrier.homes.is_empty(), "{}", carrier.name);
            assert!(carrier.homes.iter().all(|site| !carrier.misplaced.contains(site)), "{}", carrier.name);
        }
    }

    #[test]
    fn each_carrier_is_refused_in_each_wrong_place_and_each_spelling() {
        for carrier in &CARRIERS {
            let spellings = [carrier.name.to_owned(), carrier.name.to_uppercase(), carrier.name.replace('_', "")];
            for site in carrier.misplaced {
                for name in &spellings {
                    let sent = record(name, Value::text("x"));
                    assert!(overlooked(&sent, *site, &[]).is_some(), "{name} in {site:?}");
                    assert_eq!(overlooked(&record(name, Value::Null), *site, &[]), None, "{name} in {site:?}");
                }
            }
            for site in carrier.homes {
                assert_eq!(overlooked(&record(carrier.name, Value::text("x")), *site, &[]), None);
                let upper = record(&spellings[1], Value::Null);
                assert!(matches!(overlooked(&upper, *site, &[]), Some(Overlooked::Alike(..))), "{}", carrier.name);
            }
        }
    }

    #[test]
    fn what_is_refused_says_where_it_belongs() {
        let sent = record("Act", Value::text("x"));
        assert_eq!(
            overlooked(&sent, Site::Context, &[]).unwrap().message("context"),
            "`context.Act` would not be read there: `act` belongs into `subject.properties`"
        );
        assert_eq!(
            overlooked(&sent, Site::Properties, &[]).unwrap().message("subject.properties"),
            "`subject.properties.Act` is spelled like `act` but for case or separators"
        );
        let sent = record("agent", Value::text("x"));
        assert_eq!(
            overlooked(&sent, Site::Body, &[]).unwrap().message(""),
            "`agent` would not be read there: `agent` belongs into `context`, or beside `user` into a `subject` without type \
             and id"
        );
    }
}
