//! Each carrier's name is refused in each wrong place and in each other spelling, and in no right
//! place.

use super::*;
use proptest::prelude::*;
use smol_str::SmolStr;

pub(super) const SITES: [Site; 10] = [
    Site::Body,
    Site::Item,
    Site::Options,
    Site::Subject,
    Site::Properties,
    Site::Context,
    Site::Target,
    Site::Member,
    Site::Actor,
    Site::MemberProperties,
];

pub(super) fn no_data(_: &str) -> bool {
    false
}

pub(super) fn record(name: &str, value: Value) -> Record {
    Record::from_iter([(SmolStr::new(name), value)])
}

#[test]
fn every_name_of_the_tables_begins_like_one() {
    let carriers = Carrier::ALL.iter().copied().map(Carrier::name);
    for name in carriers.chain(CONTAINERS.map(|(name, _)| name)) {
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
    for carrier in Carrier::ALL {
        let name = carrier.name();
        assert_eq!(
            carrier.places().homes.is_empty(),
            *carrier == Carrier::Issuer,
            "{name}"
        );
        let data = match carrier.places().elsewhere {
            Elsewhere::Refused => &[][..],
            Elsewhere::RefusedBut(sites) | Elsewhere::DataBut(sites) => sites,
        };
        assert!(data.iter().all(|site| !carrier.is_read_in(*site)), "{name}");
    }
}

#[test]
fn what_names_the_chain_stands_in_the_documentation() {
    let page = include_str!("../../../../docs/asking.md");
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    let words: Vec<&str> = page.split(|char| !is_word(char)).collect();
    for carrier in Carrier::ALL {
        assert!(words.contains(&carrier.name()), "{}", carrier.name());
    }
}

#[test]
fn each_carrier_is_refused_in_each_wrong_place_and_each_spelling() {
    for carrier in Carrier::ALL
        .iter()
        .copied()
        .filter(|carrier| carrier.is_always())
    {
        let name = carrier.name();
        let spellings = [name.to_owned(), name.to_uppercase(), name.replace('_', "")];
        for site in SITES.iter().filter(|site| carrier.is_refused_in(**site)) {
            for name in &spellings {
                let delegator = record("delegator_id", Value::text("x"));
                let sent = record(name, Value::Record(delegator));
                assert!(
                    overlooked(&sent, *site, &[], no_data).is_some(),
                    "{name} in {site:?}"
                );
                assert_eq!(
                    overlooked(&record(name, Value::Null), *site, &[], no_data),
                    None,
                    "{name} in {site:?}"
                );
            }
        }
        for site in carrier.places().homes {
            assert_eq!(
                overlooked(&record(name, Value::text("x")), *site, &[], no_data),
                None
            );
            let upper = |value| record(&spellings[1], value);
            let found = overlooked(&upper(Value::text("x")), *site, &[], no_data).is_some();
            assert!(found, "{name}");
            assert_eq!(
                overlooked(&upper(Value::Null), *site, &[name], no_data),
                None,
                "{name}"
            );
        }
    }
}

#[test]
fn what_is_refused_says_where_it_belongs() {
    let sent = record("Act", Value::text("x"));
    assert_eq!(
        overlooked(&sent, Site::Context, &[], no_data)
            .unwrap()
            .message("context"),
        "`context.Act` would not be read there: `act` belongs into `subject.properties`"
    );
    assert_eq!(
        overlooked(&sent, Site::Properties, &[], no_data)
            .unwrap()
            .message("subject.properties"),
        "`subject.properties.Act` is spelled like `act` but for case or separators"
    );
    let sent = record("agent", Value::text("x"));
    assert_eq!(
        overlooked(&sent, Site::Body, &[], no_data)
            .unwrap()
            .message(""),
        "`agent` would not be read there: `agent` belongs into `context`, \
         or beside `user` into a `subject` without type and id"
    );
}

/// Generates names of the tables and others, as they are and in other spellings.
fn names() -> impl Strategy<Value = String> {
    let known: Vec<&'static str> = Carrier::ALL
        .iter()
        .copied()
        .map(Carrier::name)
        .chain(CONTAINERS.map(|(name, _)| name))
        .chain(["type", "id", "name", "arguments", "idea", "typed"])
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
        let value = Value::Record(record("agent", Value::text("x")));
        let of = |name: &String| (SmolStr::new(name), value.clone());
        let record: Record = names.iter().map(of).collect();
        for members in [&["type", "id", "properties"][..], &["name"], &["arguments"], &[]] {
            if is_plain(&record, members) {
                for site in [
                    Site::Body,
                    Site::Subject,
                    Site::Properties,
                    Site::Context,
                    Site::Member,
                    Site::Actor,
                ] {
                    prop_assert_eq!(overlooked(&record, site, members, no_data), None);
                    prop_assert_eq!(overlooked_client(&record, site, members, no_data), None);
                }
            }
        }
    }
}
