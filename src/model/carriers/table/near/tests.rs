//! A slip of a name is refused in each place in which the name is read or refused, whatever is said
//! by it, and in no other.

use super::*;
use crate::model::carriers::table::tests::{SITES, no_data, record};
use crate::model::carriers::table::{
    CLIENT_ID, OverlookedMember, Site, inside, overlooked, overlooked_client,
};

/// Every slip of a name, other than the name itself.
fn slips(name: &str) -> Vec<String> {
    let mut slips = vec![format!("{name}s"), format!("x{name}"), format!("_{name}Z-")];
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
    slips
}

fn count(name: &str) -> usize {
    name.chars().filter(char::is_ascii_alphanumeric).count()
}

#[test]
fn every_slip_of_every_name_is_near_it() {
    for known in &KNOWN {
        let name = known.name;
        for slip in slips(name) {
            let same = Letters::of(name).are_of(&slip);
            let is_expected = count(&slip) >= known.fewest && !same;
            let is_near = near(&slip).any(|near| near.name == name);
            assert_eq!(is_near, is_expected, "{slip} of {name}");
            assert!(!is_near || !is_far(&slip), "{slip} of {name}");
            let unseen = format!("{slip}{}", "\u{200b}".repeat(300));
            let is_near = near(&unseen).any(|near| near.name == name);
            assert_eq!(is_near, is_expected, "{slip} of {name}");
            assert!(!is_near || !is_far(&unseen), "{slip} of {name}");
        }
        let is_other = known.meant != name;
        assert_eq!(near(name).any(|near| near.name == name), is_other, "{name}");
    }
}

/// Values of every form.
fn values() -> Vec<Value> {
    let of = |name: &str| Value::Record(record(name, "x".into()));
    let mut values = vec!["x".into(), 7.into(), Value::Bool(true)];
    values.extend(["sub", "id", "type", "name", "client_id", "token", "risk"].map(of));
    values.push(Value::Record(record("depth", 2.into())));
    values.push(Value::Record(Record::new()));
    let lists: Vec<Value> = values
        .iter()
        .map(|one| Value::List(vec![one.clone()]))
        .collect();
    values.extend(lists);
    values.push(Value::List(Vec::new()));
    values
}

/// The slips of a name that can be nothing else, whatever their value.
fn plain_slips(known: &KnownName) -> impl Iterator<Item = String> {
    slips(known.name).into_iter().filter(|slip| {
        let is_slip = near(slip).any(|near| near.name == known.name);
        let is_short = known
            .carrier
            .is_some_and(|carrier| carrier.name().len() == SHORT);
        let is_word = known
            .words
            .iter()
            .chain(known.doubtful)
            .any(|word| alike(word, slip));
        is_slip && !is_word && !(is_short && count(slip) == SHORT)
    })
}

#[test]
fn a_slip_of_a_carrier_is_refused_where_the_carrier_is_read_or_refused_whatever_it_says() {
    for known in &KNOWN {
        let Some(carrier) = known.carrier else {
            continue;
        };
        for slip in plain_slips(known) {
            for site in SITES {
                for value in values() {
                    let sent = record(&slip, value.clone());
                    let is_clients = carrier == Carrier::ClientId;
                    let found = if is_clients {
                        overlooked_client(&sent, site, &[], no_data)
                    } else {
                        overlooked(&sent, site, &[], no_data)
                    };
                    let is_expected = is_clients || carrier.stands_in(site, &value);
                    let place = format!("{slip}: {value:?} in {site:?}");
                    assert_eq!(found.is_some(), is_expected, "{place}");
                    let is_data = |name: &str| name == slip;
                    assert_eq!(overlooked(&sent, site, &[], is_data), None, "{place}");
                    let null = record(&slip, Value::Null);
                    assert_eq!(overlooked(&null, site, &[], no_data), None, "{place}");
                }
            }
        }
    }
}

/// What is nearly called like an object that contains carriers is searched like that object, and
/// for slips, too.
#[test]
fn one_container_further_in_a_slip_is_refused_like_the_name() {
    for known in KNOWN.iter().filter(|known| known.carrier.is_none()) {
        for site in SITES {
            let within = inside(site, known.meant);
            for slip in plain_slips(known) {
                for (name, value) in [("agent", "x"), ("agnt", "x"), ("role", "x")] {
                    let held = Value::Record(record(name, value.into()));
                    for held in [held.clone(), Value::List(vec![7.into(), held])] {
                        let sent = record(&slip, held);
                        let found = overlooked(&sent, site, &[], no_data);
                        let is_expected = within.is_some() && name != "role";
                        let place = format!("{name} in {slip} in {site:?}");
                        assert_eq!(found.is_some(), is_expected, "{place}");
                    }
                }
                let client = Value::Record(record("clientIds", 7.into()));
                let sent = record(&slip, client);
                let found = overlooked_client(&sent, site, &[], no_data);
                assert_eq!(found.is_some(), within.is_some(), "{slip} in {site:?}");
            }
        }
    }
}

#[test]
fn a_member_that_is_read_is_not_misspelt_whatever_it_says() {
    for known in &KNOWN {
        let is_read = |site: Site| !matches!(site, Site::Properties | Site::MemberProperties);
        for slip in plain_slips(known) {
            for site in SITES {
                for value in values() {
                    let sent = record(&slip, value.clone());
                    let found = overlooked(&sent, site, &[known.meant], no_data);
                    let is_found = matches!(found, Some(OverlookedMember::Near(_, _)));
                    assert_eq!(is_found, is_read(site), "{slip}: {value:?} in {site:?}");
                }
            }
        }
    }
}

#[test]
fn a_name_of_three_letters_is_judged_by_its_value_and_a_word_of_its_own_is_data() {
    let party = |name: &str| Value::Record(record(name, "x".into()));
    for (name, value, is_refused) in [
        ("acr", "urn:mace:gold".into(), false),
        ("acr", party("sub"), true),
        ("atc", Value::List(vec![party("id")]), true),
        ("acl", Value::List(vec![party("role")]), false),
        ("iso", "DE".into(), false),
        ("iis", "https://partner.example".into(), true),
        ("fact", party("sub"), true),
        ("fact", party("risk"), false),
        ("acts", "x".into(), true),
        ("act1", 7.into(), true),
        ("issue", party("id"), false),
        ("used", 7.into(), false),
        ("usr", 7.into(), true),
        ("credential", "password".into(), true),
        ("amount", "x".into(), false),
        ("department", "x".into(), false),
    ] {
        let site = if name.starts_with('i') {
            Site::Actor
        } else {
            Site::Properties
        };
        let shown = format!("{name}: {value:?}");
        let sent = record(name, value);
        let found = overlooked(&sent, site, &[], no_data);
        assert_eq!(found.is_some(), is_refused, "{shown}");
    }
    let of_client = |name: &str| {
        let sent = record(name, "::1".into());
        overlooked_client(&sent, Site::Context, &[], no_data).is_some()
    };
    assert!(of_client("client_ids") && of_client("clientId"));
    assert!(!of_client("client_ip") && !of_client(CLIENT_ID));
    let content = record("content", Value::Record(record("agent", "x".into())));
    assert_eq!(overlooked(&content, Site::Context, &[], no_data), None);
}

#[test]
fn what_is_nearly_called_like_a_declared_attribute_is_data_as_that_is() {
    let sent = record("agents", "x".into());
    for site in [Site::Properties, Site::MemberProperties] {
        assert_eq!(overlooked(&sent, site, &["agent"], no_data), None);
    }
    let arguments = record("argumnts", 7.into());
    let found = overlooked(&arguments, Site::Context, &["arguments"], no_data);
    let message = found.map(|found| found.message("context"));
    assert_eq!(
        message.as_deref(),
        Some("`context.argumnts` is not read: did you mean `arguments`?")
    );
}

/// However long a name is, it is read once, and there is a bound on all of them together.
#[test]
fn no_more_unusual_names_are_compared_than_a_client_sends() {
    let of = |names: usize, name: &str| -> Record {
        let names = (0..names).map(|at| format!("{name}{at}z"));
        names.map(|name| (SmolStr::new(name), 7.into())).collect()
    };
    let long = "ag".to_owned() + &"_".repeat(100_000);
    for (sent, is_refused) in [
        (of(100, "ag\u{301}"), false),
        (of(101, "ag\u{301}"), true),
        (of(10_000, "ag"), false),
        (of(1, &long), true),
        (of(5, &long[..1_000]), false),
        (of(10, &long[..1_000]), true),
    ] {
        for site in SITES {
            let found = overlooked(&sent, site, &[], no_data);
            assert_eq!(found.is_some(), is_refused, "{site:?}: {found:?}");
        }
        for (name, value) in [
            ("context", Value::Record(sent.clone())),
            ("contxt", Value::List(vec![Value::Record(sent.clone())])),
        ] {
            let sent = record(name, value);
            let found = overlooked(&sent, Site::Context, &[], no_data);
            assert_eq!(found.is_some(), is_refused, "{name}: {found:?}");
        }
    }
}
