//! All tuples of a store at once, at one revision.

use crate::{BOTH, Fixture, READER, error, keys};
use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use behest::model::{Digest, Tuple, TupleKey};
use behest::relations::model::{AuthorizationModel, from_json};
use behest::storage::StoreId;
use behest::stores::TupleBatch;
use serde_json::json;
use support::service::request;

/// The lines, in the order of their text.
fn sorted(body: &str) -> Vec<String> {
    assert!(body.is_empty() || body.ends_with('\n'), "{body}");
    let mut lines: Vec<String> = body.lines().map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn line(user: &str, relation: &str, object: &str) -> String {
    format!(r#"{{"user":"{user}","relation":"{relation}","object":"{object}"}}"#)
}

#[actix_web::test]
async fn everything_or_what_is_asked_for_is_exported() {
    let fixture = Fixture::new().await;
    fixture
        .write(&[
            "document:plan#viewer@team:sre#member",
            "document:plan#viewer@user:bob",
            "team:sre#member@user:alice",
        ])
        .await;
    let until = r#"{"user":"user:carol","relation":"viewer","object":"document:plan","condition":{"name":"until","context":{"end":"2027-01-01T00:00:00Z"}}}"#;
    let body = format!(r#"{{"writes":{{"tuple_keys":[{until}]}}}}"#);
    assert_eq!(
        fixture
            .on_store("write", &serde_json::from_str(&body).unwrap())
            .await
            .status,
        200
    );
    let export = async |query: &str| {
        fixture
            .get(&format!("/stores/{}/export-tuples{query}", fixture.store))
            .await
    };

    let team = line("team:sre#member", "viewer", "document:plan");
    let bob = line("user:bob", "viewer", "document:plan");
    let alice = line("user:alice", "member", "team:sre");
    let all = export("").await;
    assert_eq!(sorted(&all.body), [&team, &alice, &bob, until]);
    let revision = fixture
        .stores
        .pin(fixture.store.parse().unwrap())
        .unwrap()
        .revision();
    assert_eq!(
        all.header("behest-revision"),
        Some(revision.to_string().as_str())
    );
    assert_eq!(all.header("content-type"), Some("application/jsonl"));
    for (query, expected) in [
        ("?type=team", vec![alice.as_str()]),
        (
            "?object=document:plan&relation=viewer&user=user:bob",
            vec![&bob],
        ),
        ("?user=team:sre%23member&bundle=true", vec![&team]),
        ("?relation=member&bundle=false", vec![&alice]),
        ("?type=user", vec![]),
    ] {
        assert_eq!(sorted(&export(query).await.body), expected, "{query}");
    }
    for query in [
        "?typ=team",
        "?type=te%20am",
        "?object=plan",
        "?user=bob",
        "?relation=a:b",
        "?bundle=yes",
    ] {
        assert_eq!(
            error(&export(query).await),
            "400 validation_error",
            "{query}"
        );
    }
    let unknown = fixture
        .get("/stores/01ARZ3NDEKTSV4RRFFQ69G5FAV/export-tuples")
        .await;
    assert_eq!(error(&unknown), "404 store_id_not_found");
}

#[actix_web::test]
async fn the_bundles_tuples_come_where_they_are_asked_for() {
    let fixture = Fixture::empty();
    let fixture = Fixture {
        store: StoreId::MAIN.to_string(),
        ..fixture
    };
    let model = AuthorizationModel::new(from_json(&crate::model()).unwrap()).unwrap();
    let own: TupleKey = "document:handbook#viewer@user:alice".parse().unwrap();
    let layer = fixture
        .stores
        .prepare_main(Some(&model), vec![Tuple::from(own)], false)
        .unwrap();
    fixture
        .stores
        .commit_main(layer, Digest::new([1; 32]), None)
        .unwrap();
    fixture.write(&["document:plan#viewer@user:bob"]).await;
    let export = async |query: &str| {
        fixture
            .get(&format!("/stores/{}/export-tuples{query}", fixture.store))
            .await
            .body
    };
    let bob = line("user:bob", "viewer", "document:plan") + "\n";
    assert_eq!(export("").await, bob);
    assert_eq!(
        export("?bundle=true").await,
        line("user:alice", "viewer", "document:handbook") + "\n" + &bob
    );
}

fn tuples(count: usize) -> Vec<Tuple> {
    let text =
        |number| format!("document:number-{number}#viewer@user:somebody-with-a-name-{number}");
    (0..count)
        .map(|number| Tuple::from(text(number).parse::<TupleKey>().unwrap()))
        .collect()
}

fn lines(body: &[u8]) -> usize {
    std::str::from_utf8(body).unwrap().lines().count()
}

/// Asks for an export.
fn ask(fixture: &Fixture) -> TestRequest {
    let path = format!("/stores/{}/export-tuples", fixture.store);
    request(Method::GET, &path).insert_header(("Authorization", format!("Bearer {BOTH}")))
}

/// More than the pieces that wait for a client: the writer of the body waits in the middle.
const MANY: usize = 10_000;

#[actix_web::test]
async fn an_export_is_of_one_revision_whatever_is_written_meanwhile() {
    let fixture = Fixture::new().await;
    let store = fixture.store.parse().unwrap();
    let written = fixture
        .stores
        .write(store, None, TupleBatch::of_writes(tuples(MANY)))
        .unwrap();
    let app = init_service(fixture.server.app()).await;
    let response = call_service(&app, ask(&fixture).to_request()).await;
    let deletes = tuples(MANY).into_iter().map(|tuple| tuple.key).collect();
    fixture
        .stores
        .write(store, None, TupleBatch::of_deletes(deletes))
        .unwrap();
    fixture.write(&["document:new#viewer@user:bob"]).await;
    let revision = response
        .headers()
        .get("behest-revision")
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let Ok(body) = to_bytes(response.into_body()).await else {
        panic!("the body breaks off")
    };
    assert_eq!(revision, written.revision.to_string());
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(body.lines().count(), MANY);
    assert!(!body.contains("document:new"));
}

#[actix_web::test]
async fn few_exports_run_at_once() {
    let fixture = Fixture::new().await;
    fixture
        .stores
        .write(
            fixture.store.parse().unwrap(),
            None,
            TupleBatch::of_writes(tuples(MANY)),
        )
        .unwrap();
    let app = init_service(fixture.server.app()).await;
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(call_service(&app, ask(&fixture).to_request()).await);
    }
    assert!(running.iter().all(|response| response.status() == 200));
    let refused = call_service(&app, ask(&fixture).to_request()).await;
    assert_eq!(refused.status(), 500);
    let Ok(body) = to_bytes(refused.into_body()).await else {
        panic!("the body breaks off")
    };
    assert!(
        body.starts_with(
            br#"{"code":"resource_exhausted","message":"4 exports of yours are running"#
        ),
        "{body:?}"
    );
    // Another caller has a share of its own.
    let path = format!("/stores/{}/export-tuples", fixture.store);
    let other =
        request(Method::GET, &path).insert_header(("Authorization", format!("Bearer {READER}")));
    assert_eq!(call_service(&app, other.to_request()).await.status(), 200);
    // A client that goes away makes room for another.
    running.pop();
    for _ in 0..1_000 {
        if call_service(&app, ask(&fixture).to_request())
            .await
            .status()
            == 200
        {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("there is never room again");
}

#[actix_web::test]
async fn clients_that_take_nothing_make_room_for_one_that_does() {
    let fixture = Fixture::new().await;
    fixture
        .stores
        .write(
            fixture.store.parse().unwrap(),
            None,
            TupleBatch::of_writes(tuples(MANY)),
        )
        .unwrap();
    let app = init_service(fixture.server.app()).await;
    let mut running = Vec::new();
    for _ in 0..4 {
        running.push(call_service(&app, ask(&fixture).to_request()).await);
    }
    actix_web::rt::time::sleep(std::time::Duration::from_millis(2_500)).await;
    let fifth = call_service(&app, ask(&fixture).to_request()).await;
    assert_eq!(fifth.status(), 200);
    let Ok(body) = to_bytes(fifth.into_body()).await else {
        panic!("the body breaks off")
    };
    assert_eq!(lines(&body), MANY);
    // One of the four has ended, and does not look complete; the others go on where they were.
    let mut ended = 0;
    for response in running {
        match to_bytes(response.into_body()).await {
            Ok(body) => assert_eq!(lines(&body), MANY),
            Err(_) => ended += 1,
        }
    }
    assert_eq!(ended, 1);
}

#[actix_web::test]
async fn a_write_says_what_it_did() {
    let fixture = Fixture::new().await;
    fixture.write(&["document:plan#viewer@user:bob"]).await;
    let body = json!({
        "writes": { "tuple_keys": keys(&["document:plan#viewer@user:bob", "document:b#viewer@user:bob"]), "on_duplicate": "ignore" },
        "deletes": { "tuple_keys": keys(&["document:c#viewer@user:bob"]), "on_missing": "ignore" },
    });
    let revision = fixture
        .stores
        .pin(fixture.store.parse().unwrap())
        .unwrap()
        .revision()
        .0;
    let expected = json!({ "revision": revision + 1, "written": 1, "deleted": 0 });
    assert_eq!(fixture.on_store("write", &body).await.json(), expected);
    // Nothing changes, and the revision that is there holds it.
    let expected = json!({ "revision": revision + 1, "written": 0, "deleted": 0 });
    assert_eq!(fixture.on_store("write", &body).await.json(), expected);
}
