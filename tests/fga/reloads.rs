//! Writes that are under way while the bundle, with its model and its tuples, is replaced.

use crate::{BOTH, Fixture, model};
use actix_web::http::Method;
use actix_web::test::{call_and_read_body, init_service};
use behest::model::{Digest, Tuple, TupleKey};
use behest::relations::TupleOrigin;
use behest::relations::model::{AuthorizationModel, from_json};
use behest::storage::StoreId;
use behest::stores::{ModelId, Stores, StoresError, TupleBatch};
use serde_json::json;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::service::request;

/// The model of the examples, with a relation of this name besides.
fn compiled(relation: &str) -> AuthorizationModel {
    let mut json = model();
    let kind = json["type_definitions"]
        .as_array_mut()
        .unwrap()
        .last_mut()
        .unwrap();
    kind["relations"][relation] = json!({ "this": {} });
    kind["metadata"]["relations"][relation] =
        json!({ "directly_related_user_types": [{ "type": "user" }] });
    AuthorizationModel::new(from_json(&json).unwrap()).unwrap()
}

fn kind_of(model: &AuthorizationModel) -> String {
    model.types().last().unwrap().name.to_string()
}

fn tuple(text: &str) -> Tuple {
    text.parse::<TupleKey>().unwrap().into()
}

/// Loads one bundle after another until it is told to stop, and returns how many were taken.
fn reload(
    stores: &Stores,
    bundles: &[(AuthorizationModel, Vec<Tuple>)],
    stop: &AtomicBool,
) -> usize {
    let mut taken = 0;
    for turn in 0_u64.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let (model, tuples) = &bundles[usize::try_from(turn).unwrap() % bundles.len()];
        let Ok(layer) = stores.prepare_main(Some(model), tuples.clone(), true) else {
            continue;
        };
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&turn.to_be_bytes());
        taken += usize::from(stores.commit_main(layer, Digest::new(digest), None).is_ok());
    }
    taken
}

fn main_fixture(first: &AuthorizationModel) -> Fixture {
    let fixture = Fixture::empty();
    let layer = fixture
        .stores
        .prepare_main(Some(first), Vec::new(), true)
        .unwrap();
    fixture
        .stores
        .commit_main(layer, Digest::new([1; 32]), None)
        .unwrap();
    Fixture {
        store: StoreId::MAIN.to_string(),
        ..fixture
    }
}

#[actix_web::test]
async fn a_request_that_names_no_model_is_taken_whichever_model_comes() {
    const ROUNDS: usize = 40;
    const AT_ONCE: usize = 8;
    let bundles = ["one", "two", "three"].map(|name| (compiled(name), Vec::new()));
    let fixture = main_fixture(&bundles[0].0);
    let stop = Arc::new(AtomicBool::new(false));
    let reloader = {
        let (stores, stop) = (Arc::clone(&fixture.stores), Arc::clone(&stop));
        std::thread::spawn(move || reload(&stores, &bundles, &stop))
    };
    let app = Rc::new(init_service(fixture.server.app()).await);
    for round in 0..ROUNDS {
        let asked: Vec<_> = (0..AT_ONCE)
            .map(|at| {
                let key = json!({ "object": format!("document:{round}-{at}"), "relation": "viewer", "user": "user:a" });
                let request = request(Method::POST, &format!("/stores/{}/write", fixture.store))
                    .insert_header(("Authorization", format!("Bearer {BOTH}")))
                    .insert_header(("Content-Type", "application/json"))
                    .set_payload(json!({ "writes": { "tuple_keys": [key] } }).to_string());
                let app = Rc::clone(&app);
                actix_web::rt::spawn(async move { call_and_read_body(&*app, request.to_request()).await })
            })
            .collect();
        for answer in asked {
            let body = answer.await.unwrap();
            assert!(body.starts_with(b"{\"revision\":"), "{body:?}");
        }
    }
    stop.store(true, Ordering::SeqCst);
    assert!(reloader.join().unwrap() > 1);
    assert_eq!(fixture.stores.main().graph().stored_len(), ROUNDS * AT_ONCE);
}

#[test]
fn writes_and_bundles_come_to_what_one_after_another_would() {
    const WRITERS: usize = 3;
    const WRITES: usize = 300;
    let bundles = ["one", "two"].map(|name| {
        let model = compiled(name);
        let own = format!("{}:shared-{name}#viewer@user:a", kind_of(&model));
        (model, vec![tuple(&own)])
    });
    let kind = kind_of(&bundles[0].0);
    let fixture = main_fixture(&bundles[0].0);
    let (stores, stop) = (&*fixture.stores, &AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reloader = scope.spawn(|| reload(stores, &bundles, stop));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let kind = &kind;
                scope.spawn(move || {
                    for at in 0..WRITES {
                        let write = |text: &str| {
                            stores.write(
                                StoreId::MAIN,
                                None,
                                TupleBatch::of_writes(vec![tuple(text)]),
                            )
                        };
                        write(&format!("{kind}:{writer}-{at}#viewer@user:a")).unwrap();
                        // Only one of the models has it.
                        let some = write(&format!("{kind}:{writer}-{at}#one@user:a"));
                        assert!(
                            matches!(some, Ok(_) | Err(StoresError::Tuple { .. })),
                            "{some:?}"
                        );
                        // Only one of the bundles has it, and takes it back where it is not stored.
                        let shared = format!("{kind}:shared-two#viewer@user:a");
                        match write(&shared) {
                            Ok(_) => {
                                let key = shared.parse().unwrap();
                                stores
                                    .write(StoreId::MAIN, None, TupleBatch::of_deletes(vec![key]))
                                    .unwrap();
                            }
                            Err(error) => assert!(
                                error.to_string().contains("exists already")
                                    || error.to_string().contains("bundle"),
                                "{error}"
                            ),
                        }
                        let gone = stores.write(
                            StoreId::MAIN,
                            Some(ModelId::from_bits(1)),
                            TupleBatch::default(),
                        );
                        assert!(gone.unwrap_err().to_string().contains("has no model"));
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        stop.store(true, Ordering::SeqCst);
        assert!(reloader.join().unwrap() > 1);
    });
    let version = stores.main();
    let graph = version.graph();
    assert!(
        graph
            .tuples(TupleOrigin::Store)
            .all(|tuple| graph.tuple(TupleOrigin::Bundle, &tuple.key).is_none())
    );
    // Memory holds what the log leads to.
    let mut stored: Vec<String> = graph
        .tuples(TupleOrigin::Store)
        .map(|tuple| tuple.key.to_string())
        .collect();
    stored.sort_unstable();
    let page = stores
        .read(
            StoreId::MAIN,
            &behest::stores::TupleSelection::default(),
            None,
            100_000,
        )
        .unwrap();
    let mut read: Vec<String> = page
        .tuples
        .iter()
        .map(|timed| timed.tuple.key.to_string())
        .collect();
    read.retain(|text| {
        graph
            .tuple(TupleOrigin::Bundle, &text.parse().unwrap())
            .is_none()
    });
    read.sort_unstable();
    assert_eq!(stored, read);
}
