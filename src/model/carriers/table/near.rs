//! Finds names that are one slip away from a name that is read, and so would be overlooked.
//!
//! **Problem.** `context.agnt` and `subject.propertys` are members that nobody defines, and the
//! standard has them ignored (AuthZEN 1.0 section 10.1.1): the agent that they name would not
//! count. **Decision.** The members of a subject, an action and a resource are a closed list, and
//! none of them may be misspelt. A context and properties hold anything: there, a slip of a
//! carrier's name is refused if its value could be read as that carrier. **Trade-off.** A name that
//! a schema declares is data, even if it is near a carrier's.

use super::overlooked::OverlookedMember;
use super::{CLIENT_ID, SUB_PROFILE, Site, carrier, letter, names_nobody};
use crate::model::likely_token::holds_token;
use crate::model::{Letters, PossibleSlip, Record, Value, alike};
use std::sync::LazyLock;

/// A name that is read somewhere.
struct KnownName {
    name: &'static str,
    /// What is read: another name for those that are written for it.
    meant: &'static str,
    /// How many letters a name has at least that is a slip of this one.
    fewest: usize,
    /// Returns `true` if a value could be read as what has this name.
    fits: fn(&Value) -> bool,
}

/// The names. A slip in the name of a member is refused whatever its value is.
const KNOWN: [KnownName; 14] = [
    KnownName {
        name: "act",
        meant: "act",
        fewest: 3,
        fits: |value| some(value, is_actor),
    },
    known("on_behalf_of", |value| some(value, is_party)),
    known("delegation", |value| some(value, is_delegation)),
    known("delegation_chain", |value| {
        matches!(value, Value::List(_) | Value::Record(_))
    }),
    KnownName {
        name: "agent",
        meant: "agent",
        fewest: 4,
        fits: |value| some(value, is_party),
    },
    known("credentials", |value| some(value, is_credential)),
    known(SUB_PROFILE, |value| {
        let profile = value.as_text().map_or("", |text| text.as_str());
        matches!(profile, "ai_agent" | "service" | "user")
    }),
    known(CLIENT_ID, |value| value.as_text().is_some()),
    known("arguments", |value| value.as_record().is_some()),
    known("properties", |value| value.as_record().is_some()),
    KnownName {
        meant: "properties",
        ..known("property", |value| value.as_record().is_some())
    },
    // These are read where nothing else may stand.
    known("user", |_| false),
    known("type", |_| false),
    known("name", |_| false),
];

const fn known(name: &'static str, fits: fn(&Value) -> bool) -> KnownName {
    KnownName {
        name,
        meant: name,
        fewest: 5,
        fits,
    }
}

/// A common name of something else, though it is one slip away from [`CLIENT_ID`].
const ADDRESS: &str = "client_ip";

/// Finds a member whose name is one slip away from a name that is read at this site: one of
/// `members`, or a carrier's. `is_data` says which names the schema declares for the object.
pub(in crate::model) fn misspelt<'a>(
    record: &'a Record,
    site: Site,
    members: &[&'static str],
    reads_client: bool,
    is_data: impl Fn(&str) -> bool,
) -> Option<OverlookedMember<'a>> {
    record
        .iter()
        .filter(|(name, value)| !value.is_null() && !members.contains(&name.as_str()))
        .find_map(|(name, value)| {
            let meant = near(name).find(|known| {
                let is_read = known.name != CLIENT_ID || (reads_client && name != ADDRESS);
                is_read && known.is_meant(site, members, value)
            })?;
            (!is_data(name)).then_some(OverlookedMember::Near(name, meant.meant))
        })
}

/// Returns `true` if a name is one slip away from a name that is read somewhere.
pub(in crate::model) fn is_near_any(name: &str) -> bool {
    with_an_end_of(name) != 0 && near(name).next().is_some()
}

impl KnownName {
    /// Returns `true` if a member with nearly this name, and this value, was meant to be what has
    /// this name.
    fn is_meant(&self, site: Site, members: &[&'static str], value: &Value) -> bool {
        let is_member = members.contains(&self.meant);
        match site {
            Site::Subject
                if is_member || matches!(self.name, "user" | "agent" | "delegation_chain") =>
            {
                true
            }
            Site::Target => is_member,
            Site::Options => false,
            // Such an attribute is data, and so is what is nearly called so.
            Site::Properties | Site::MemberProperties if is_member => false,
            Site::Context if self.name == CLIENT_ID => (self.fits)(value),
            _ => (is_member || self.is_carrier_of(site)) && (self.fits)(value),
        }
    }

    /// Returns `true` if the name is a carrier's that is read or refused at a site. An actor in
    /// `act` may have other members, as in a token.
    fn is_carrier_of(&self, site: Site) -> bool {
        carrier(&Letters::of(self.name)).is_some_and(|carrier| {
            carrier.is_read_in(site) || (site != Site::Actor && carrier.is_refused_in(site))
        })
    }
}

/// Returns the known names from which a name is one slip away.
///
/// Nearly every name ends here by four look-ups: neither its first two letters nor its last two are
/// those of a known one.
fn near(name: &str) -> impl Iterator<Item = &'static KnownName> + '_ {
    let ends = with_an_end_of(name);
    let slip = (ends != 0).then(|| PossibleSlip::of(name));
    let is_near = move |known: &KnownName| {
        // A carrier's own name is no slip of it.
        let slip = slip.as_ref().filter(|_| name != known.name);
        slip.is_some_and(|slip| slip.is_of(known.name, known.fewest))
            || (known.meant != known.name && alike(name, known.name))
    };
    let mut rest = ends;
    let names = std::iter::from_fn(move || {
        let at = rest.trailing_zeros();
        rest &= rest.wrapping_sub(1);
        KNOWN.get(usize::try_from(at).ok()?)
    });
    names.filter(move |known| is_near(known))
}

/// Returns a bit for each known name that has the first two letters of a name or its last two, or
/// all bits if one of these four characters is no ASCII letter. A slip in a name of five letters
/// changes letters at one end alone, as does one in the shorter names that are compared.
fn with_an_end_of(name: &str) -> u16 {
    const ALL: u16 = (1 << KNOWN.len()) - 1;
    let ends = match name.as_bytes() {
        [] | [_] | [_, _] => return 0,
        [one, two, .., before, last] => letters_of([*one, *two, *before, *last]),
        [..] => name.is_ascii().then(|| ENDS.of_short),
    };
    ends.unwrap_or(ALL)
}

fn letters_of(ends: [u8; 4]) -> Option<u16> {
    let [one, two, before, last] = ends;
    let first = ENDS.first.get(letter(one)?)? & ENDS.second.get(letter(two)?)?;
    let second = ENDS.before.get(letter(before)?)? & ENDS.last.get(letter(last)?)?;
    Some(first | second)
}

/// For each letter, a bit for each known name that has it in this place.
struct EndLetters {
    first: [u16; 26],
    second: [u16; 26],
    before: [u16; 26],
    last: [u16; 26],
    /// A bit for each known name of which a name of three letters may be a slip.
    of_short: u16,
}

static ENDS: LazyLock<EndLetters> = LazyLock::new(|| {
    let of = |place: fn(&[usize]) -> Option<&usize>| {
        let mut bits = [0; 26];
        for (at, known) in KNOWN.iter().enumerate() {
            let letters: Vec<usize> = known.name.bytes().filter_map(letter).collect();
            if let Some(bit) = place(&letters).and_then(|letter| bits.get_mut(*letter)) {
                *bit |= 1 << at;
            }
        }
        bits
    };
    let short = KNOWN.iter().map(|known| u16::from(known.fewest <= 3));
    EndLetters {
        of_short: short.rev().fold(0, |bits, is_short| bits << 1 | is_short),
        first: of(<[usize]>::first),
        second: of(|letters| letters.get(1)),
        before: of(|letters| letters.iter().rev().nth(1)),
        last: of(<[usize]>::last),
    }
});

/// Returns `true` if a value, or one of several in a list, fits.
fn some(value: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::List(items) => items.iter().any(fits),
        one => fits(one),
    }
}

fn has_text(value: &Value, names: &[&str]) -> bool {
    let has = |record: &Record| {
        let mut texts = names.iter().filter_map(|name| record.get(name)?.as_text());
        texts.next().is_some()
    };
    value.as_record().is_some_and(has)
}

/// Returns `true` for an id, and for an object that has a type or an id.
fn is_party(value: &Value) -> bool {
    value.as_text().is_some() || has_text(value, &["type", "id", "sub"])
}

fn is_actor(value: &Value) -> bool {
    has_text(value, &["sub"])
}

fn is_delegation(value: &Value) -> bool {
    value.as_record().is_some() && !names_nobody(value)
}

fn is_credential(value: &Value) -> bool {
    has_text(value, &["type", "value"]) || value.as_text().is_some_and(|text| holds_token(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use smol_str::SmolStr;

    fn record(name: &str, value: Value) -> Record {
        Record::from_iter([(SmolStr::new(name), value)])
    }

    fn found(name: &str, value: Value, site: Site, members: &[&'static str]) -> Option<String> {
        let sent = record(name, value);
        misspelt(&sent, site, members, true, |_| false).map(|found| found.message("o"))
    }

    fn party() -> Value {
        Value::Record(record("id", "x".into()))
    }

    const ENTITY: [&str; 3] = ["type", "id", "properties"];

    #[test]
    fn every_slip_of_every_name_is_near_it() {
        for known in &KNOWN {
            let name = known.name;
            let mut slips = vec![format!("{name}s"), format!("x{name}")];
            for at in 0..name.len() {
                let (start, end) = name.split_at(at);
                slips.push(format!("{start}x{}", &end[1..]));
                slips.push(format!("{start}{}", &end[1..]));
                slips.push(format!("{start}X{end}"));
            }
            for at in 1..name.len() {
                let mut letters: Vec<char> = name.chars().collect();
                letters.swap(at - 1, at);
                slips.push(letters.into_iter().collect());
            }
            for slip in slips {
                let letters = slip.chars().filter(char::is_ascii_alphanumeric).count();
                let same = Letters::of(name).are_of(&slip);
                let is_expected = letters >= known.fewest && !same;
                let is_near = near(&slip).any(|near| near.name == name);
                assert_eq!(is_near, is_expected, "{slip} of {name}");
                let unseen = format!("{slip}{}", "\u{200b}".repeat(300));
                assert_eq!(is_near_any(&unseen), is_expected, "{slip} of {name}");
            }
            let is_other = known.meant != name;
            assert_eq!(near(name).any(|near| near.name == name), is_other, "{name}");
        }
    }

    #[test]
    fn no_member_of_a_closed_list_is_misspelt() {
        for name in [
            "propertys",
            "property",
            "propertie",
            "proprties",
            "Propertis",
            "types",
        ] {
            for site in [Site::Subject, Site::Target] {
                assert!(found(name, 7.into(), site, &ENTITY).is_some(), "{name}");
            }
        }
        assert_eq!(
            found("delegation_chan", 7.into(), Site::Subject, &ENTITY).as_deref(),
            Some("`o.delegation_chan` is not read: did you mean `delegation_chain`?")
        );
        assert!(found("agents", 7.into(), Site::Target, &ENTITY).is_none());
        assert!(found("names", 7.into(), Site::Target, &["name"]).is_some());
        assert!(found("names", 7.into(), Site::Target, &ENTITY).is_none());
        assert!(found("propertys", Value::Null, Site::Target, &ENTITY).is_none());
    }

    #[test]
    fn a_slip_of_a_carrier_is_refused_where_its_value_could_be_one() {
        let jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
        let list = |value: Value| Value::List(vec![value]);
        let actor = Value::Record(record("sub", "x".into()));
        let delegator = Value::Record(record("delegator_id", "x".into()));
        let depth = Value::Record(record("depth", 2.into()));
        let token = Value::Record(record("value", jwt.into()));
        for (name, value, is_refused) in [
            ("agnt", "x".into(), true),
            ("agnet", "x".into(), true),
            ("agents", list("x".into()), true),
            ("agents", list(party()), true),
            ("agents", 3.into(), false),
            ("agents", list(3.into()), false),
            ("acts", actor.clone(), true),
            ("acts", list(actor), true),
            ("acts", "x".into(), false),
            ("acr", "x".into(), false),
            ("credential", token.clone(), true),
            ("credental", token.clone(), false),
            ("credentals", list(token), true),
            ("credentals", list(party()), false),
            ("credential", jwt.into(), true),
            ("credential", "password".into(), false),
            ("on_behalf_off", "x".into(), true),
            ("onBehalfO", party(), true),
            ("delegaton", delegator, true),
            ("delegations", depth, false),
            ("delegations", 3.into(), false),
            ("delegation_chans", list(party()), false),
            ("delegation_chan", list(party()), true),
            ("sub_profil", "service".into(), true),
            ("sub_profil", "x".into(), false),
            ("amount", "x".into(), false),
            ("department", "x".into(), false),
        ] {
            let shown = format!("{name}: {value:?}");
            let found = found(name, value, Site::Properties, &[]);
            assert_eq!(found.is_some(), is_refused, "{shown}");
        }
        assert!(found("client_ids", "x".into(), Site::Context, &[]).is_some());
        assert!(found("client_ip", "::1".into(), Site::Context, &[]).is_none());
        assert!(found("argumnts", party(), Site::Context, &["arguments"]).is_some());
        assert!(found("argument", 7.into(), Site::Context, &["arguments"]).is_none());
        assert!(found("agents", "x".into(), Site::Properties, &["agent"]).is_none());
    }
}
