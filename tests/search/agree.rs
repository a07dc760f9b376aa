//! A search finds exactly what evaluation permits, whatever the policies, the relations and the
//! pages.

use crate::served;
use crate::world::{self, World};
use behest::engine::{Ask, Engine, SearchLimits, SearchPage};
use behest::model::{
    AnswerDepth, Arguments, Decision, PageRequest, SearchKind, SearchRequest, Tuple,
};
use behest::relations::TupleOrigin;
use behest::stores::Stores;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use support::seed::seed;
use support::{engines, values};

/// A world takes a tenth of a second to load in a debug build.
const CASES: u32 = 70;

fn config() -> ProptestConfig {
    // Seeded: a failure is the same for everybody.
    ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed(20_261_122)),
        ..ProptestConfig::default()
    }
}

pub(crate) fn limits(candidates: usize) -> SearchLimits {
    SearchLimits {
        candidates,
        ..SearchLimits::default()
    }
}

fn read(kind: &str, body: &Json) -> SearchRequest {
    let searched = match kind {
        "subject" => SearchKind::Subject,
        "resource" => SearchKind::Resource,
        _ => SearchKind::Action,
    };
    SearchRequest::from_body(searched, &values::record(body)).expect("a well-formed search")
}

fn page(
    engine: &Engine,
    kind: &str,
    body: &Json,
    arguments: Arguments,
    limit: Option<u64>,
    token: Option<String>,
) -> SearchPage {
    page_at(
        engine,
        kind,
        body,
        Ask {
            arguments,
            ..engines::ask(AnswerDepth::Lean)
        },
        limit,
        token,
    )
}

/// Everything at once, with the policies behind each result, and why where there is nothing.
pub(crate) fn whole(engine: &Engine, kind: &str, body: &Json, arguments: Arguments) -> SearchPage {
    page_at(
        engine,
        kind,
        body,
        Ask {
            arguments,
            ..engines::ask(AnswerDepth::Reason)
        },
        None,
        None,
    )
}

fn page_at(
    engine: &Engine,
    kind: &str,
    body: &Json,
    ask: Ask<'_>,
    limit: Option<u64>,
    token: Option<String>,
) -> SearchPage {
    let request = PageRequest {
        token: token.map(Into::into),
        limit,
    };
    engine
        .search(&ask, &read(kind, body), &request)
        .expect("a page")
}

/// Every page, one after another; `between` is called after each with its revision.
pub(crate) fn walk(
    engine: &Engine,
    kind: &str,
    body: &Json,
    arguments: Arguments,
    limit: Option<u64>,
    mut between: impl FnMut(),
) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = None;
    for turn in 0.. {
        assert!(turn < 500, "the pages do not end");
        let one = page(engine, kind, body, arguments, limit, token);
        assert!(limit.is_none_or(|limit| one.found.len() as u64 <= limit));
        assert_eq!(one.total.is_some(), turn == 0 && one.next.is_none());
        found.extend(one.found.iter().map(|found| found.id.to_string()));
        between();
        match one.next {
            None => break,
            next => token = next,
        }
    }
    found
}

/// The question about one candidate, written by hand.
pub(crate) fn about(kind: &str, body: &Json, id: &str) -> Json {
    let mut body = body.clone();
    match kind {
        "subject" => {
            let carriers = ["act", "on_behalf_of", "delegation"];
            if let Some(properties) = body["subject"]["properties"].as_object_mut() {
                properties.retain(|name, _| carriers.contains(&name.as_str()));
            }
            body["subject"]["id"] = json!(id);
        }
        "resource" => body["resource"] = json!({"type": body["resource"]["type"], "id": id}),
        _ => body["action"] = json!({"name": id}),
    }
    body
}

fn permits(engine: &Engine, body: &Json, arguments: Arguments) -> bool {
    let ask = Ask {
        arguments,
        ..engines::ask(AnswerDepth::Lean)
    };
    engine
        .decide(&ask, &values::request(body))
        .expect("an answer")
        .decision
        == Decision::Permit
}

pub(crate) fn tuples(stores: &Stores) -> Vec<Tuple> {
    let main = stores.main();
    main.graph()
        .tuples(TupleOrigin::Bundle)
        .chain(main.graph().tuples(TupleOrigin::Store))
        .collect()
}

/// What there is to be found, by deciding about everything that is known.
fn brute(
    world: &World,
    engine: &Engine,
    stores: &Stores,
    kind: &str,
    body: &Json,
    arguments: Arguments,
) -> BTreeSet<String> {
    let known = match kind {
        "subject" | "resource" => {
            let of = body[kind]["type"].as_str().expect("a type");
            world::universe(world, tuples(stores).iter(), of)
        }
        _ => ["read", "write", "audit", "follow", "pick", "test"]
            .map(str::to_owned)
            .into(),
    };
    known
        .into_iter()
        .filter(|id| permits(engine, &about(kind, body, id), arguments))
        .collect()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn all_pages_together_are_what_evaluation_permits(
        world in world::worlds(),
        searches in prop::collection::vec((world::searches(), prop::option::of(1u64..4), any::<bool>()), 12),
        small in any::<bool>(),
    ) {
        let (engine, stores) = world::engine(&world, limits(if small { 2 } else { 1_000 }));
        for ((kind, body), limit, known) in searches {
            let arguments = if known { Arguments::Known } else { Arguments::Unknown };
            let found = walk(&engine, kind, &body, arguments, limit, || {});
            let once: BTreeSet<String> = found.iter().cloned().collect();
            prop_assert_eq!(once.len(), found.len(), "something was found twice: {:?}", found);
            let expected = brute(&world, &engine, &stores, kind, &body, arguments);
            prop_assert_eq!(&once, &expected, "{} {}\n{}\n{:#?}\n{}", kind, body, world.policies, tuples(&stores), world.entities);
        }
    }

    /// Each result was true at some revision that a page saw; whatever was true at all of them was
    /// found.
    #[test]
    fn writes_between_pages_lose_nothing_that_stays_and_find_nothing_that_never_was(
        world in world::worlds(),
        (kind, body) in world::searches(),
        writes in prop::collection::vec((prop::sample::select(world::all_tuples()), any::<bool>()), 1..12),
    ) {
        let (engine, stores) = world::engine(&world, limits(3));
        let mut seen: Vec<BTreeSet<String>> = Vec::new();
        let mut writes = writes.into_iter();
        let found = walk(&engine, kind, &body, Arguments::Known, Some(1), || {
            seen.push(brute(&world, &engine, &stores, kind, &body, Arguments::Known));
            if let Some((text, delete)) = writes.next() {
                let tuple = world::tuple(&text);
                let (deletes, writes) = if delete { (vec![tuple], Vec::new()) } else { (Vec::new(), vec![tuple]) };
                served::write(&stores, deletes, writes);
            }
        });
        let found: BTreeSet<String> = found.into_iter().collect();
        let ever: BTreeSet<String> = seen.iter().flatten().cloned().collect();
        let always = seen.iter().skip(1).fold(seen[0].clone(), |all, one| &all & one);
        prop_assert!(found.is_subset(&ever), "{found:?} was not all true: {seen:?}");
        prop_assert!(always.is_subset(&found), "{always:?} stayed and {found:?} was found");
    }

    /// What some call permits is in the list for unknown arguments.
    #[test]
    fn unknown_arguments_hide_nothing_that_some_arguments_permit(
        world in world::worlds(), searches in prop::collection::vec(world::searches(), 6),
    ) {
        let (engine, stores) = world::engine(&world, limits(1_000));
        for (kind, mut body) in searches {
            let found: BTreeSet<String> =
                walk(&engine, kind, &body, Arguments::Unknown, None, || {}).into_iter().collect();
            for arguments in [json!(null), json!({"limit": 0}), json!({"limit": 2}), json!({"limit": 5, "note": "n"})] {
                body["context"]["arguments"] = arguments;
                let permitted = brute(&world, &engine, &stores, kind, &body, Arguments::Known);
                prop_assert!(permitted.is_subset(&found), "{permitted:?} of {found:?}: {kind} {body}\n{}", world.policies);
            }
        }
    }
}
