//! Each carrier's name is refused in each wrong place and in each other spelling, and in no right
//! place.

use super::*;
use proptest::prelude::*;
use smol_str::SmolStr;

fn record(name: &str, value: Value) -> Record {
    Record::from_iter([(SmolStr::new(name), value)])
}

#[test]
fn every_name_of_the_tables_begins_like_one() {
    let carriers = CARRIERS.iter().map(|carrier| carrier.name);
    for name in carriers
        .chain(CONTAINERS.map(|(name, _)| name))
        .chain([CLIENT_ID])
    {
        assert!(
            !begins_like_none(name) && !begins_like_none(&name.to_uppercase()),
            "{name}"
        );
    }
    assert!(!begins_like_none("x") && !begins_like_none("_agent") && !begins_like_none("ａgent"));
    assert!(
        begins_like_none("email") && begins_like_none("ownerID") && begins_like_none("channel")
    );
}

#[test]
fn no_carrier_is_misplaced_where_it_is_read() {
    for carrier in CARRIERS {
        assert!(
            !carrier.homes.is_empty() || carrier.name == "issuer",
            "{}",
            carrier.name
        );
        assert!(
            carrier
                .homes
                .iter()
                .all(|site| !carrier.misplaced.contains(site)),
            "{}",
            carrier.name
        );
    }
}

#[test]
fn each_carrier_is_refused_in_each_wrong_place_and_each_spelling() {
    for carrier in CARRIERS {
        let spellings = [
            carrier.name.to_owned(),
            carrier.name.to_uppercase(),
            carrier.name.replace('_', ""),
        ];
        for site in carrier.misplaced {
            for name in &spellings {
                let delegator = record("delegator_id", Value::text("x"));
                let sent = record(name, Value::Record(delegator));
                assert!(
                    overlooked(&sent, *site, &[]).is_some(),
                    "{name} in {site:?}"
                );
                assert_eq!(
                    overlooked(&record(name, Value::Null), *site, &[]),
                    None,
                    "{name} in {site:?}"
                );
            }
        }
        for site in carrier.homes {
            assert_eq!(
                overlooked(&record(carrier.name, Value::text("x")), *site, &[]),
                None
            );
            let upper = |value| record(&spellings[1], value);
            let found = overlooked(&upper(Value::text("x")), *site, &[]).is_some();
            assert!(found, "{}", carrier.name);
            assert_eq!(
                overlooked(&upper(Value::Null), *site, &[carrier.name]),
                None,
                "{}",
                carrier.name
            );
        }
    }
}

#[test]
fn what_is_refused_says_where_it_belongs() {
    let sent = record("Act", Value::text("x"));
    assert_eq!(
        overlooked(&sent, Site::Context, &[])
            .unwrap()
            .message("context"),
        "`context.Act` would not be read there: `act` belongs into `subject.properties`"
    );
    assert_eq!(
        overlooked(&sent, Site::Properties, &[])
            .unwrap()
            .message("subject.properties"),
        "`subject.properties.Act` is spelled like `act` but for case or separators"
    );
    let sent = record("agent", Value::text("x"));
    assert_eq!(
        overlooked(&sent, Site::Body, &[]).unwrap().message(""),
        "`agent` would not be read there: `agent` belongs into `context`, or beside `user` into a `subject` without type \
         and id"
    );
}

/// Generates names of the tables and others, as they are and in other spellings.
fn names() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = CARRIERS
        .iter()
        .map(|carrier| carrier.name)
        .chain(CONTAINERS.map(|(name, _)| name))
        .chain([
            CLIENT_ID,
            "type",
            "id",
            "name",
            "arguments",
            "idea",
            "typed",
        ])
        .collect();
    let separator = prop::sample::select(vec!["", "_", "-", "\u{200b}", "\u{301}", "\u{ad}"]);
    let spelled = (
        prop::sample::select(known),
        separator,
        0_usize..4,
        any::<bool>(),
    )
        .prop_map(|(name, separator, at, upper)| {
            let (start, end) = name.split_at(at.min(name.len()));
            let name = format!("{start}{separator}{end}");
            if upper { name.to_uppercase() } else { name }
        });
    prop_oneof![4 => spelled, 1 => ".{0,6}"]
}

proptest! {
    #[test]
    fn nothing_is_overlooked_in_a_plain_object(names in prop::collection::vec(names(), 1..4)) {
        let of = |name: &String| (SmolStr::new(name), Value::Record(record("agent", Value::text("x"))));
        let record: Record = names.iter().map(of).collect();
        for members in [&["type", "id", "properties"][..], &["name"], &["arguments"], &[]] {
            if is_plain(&record, members) {
                for site in [Site::Body, Site::Subject, Site::Properties, Site::Context, Site::Member, Site::Actor] {
                    prop_assert_eq!(overlooked(&record, site, members), None);
                    prop_assert_eq!(overlooked_client(&record, site, members), None);
                }
            }
        }
    }
}
