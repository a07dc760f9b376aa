//! Types in calls on `main` as answers show them: by the aliases of the bundle.

use crate::{BOTH, Fixture, key, keys};
use actix_web::http::Method;
use behest::bundle::{BundleFiles, compile};
use behest::stores::StoreId;
use serde_json::{Value, json};
use std::sync::Arc;
use support::service::send;

const SCHEMA: &str = "namespace Notes {\n\
    entity User; entity Agent; entity Note;\n\
    action read appliesTo { principal: [User, Agent], resource: Note };\n}\n";
const MODEL: &str = "model\n  schema 1.1\ntype Notes/User\n  relations\n    define delegate: [Notes/Agent]\n\
    type Notes/Agent\n  relations\n    define peer: [Notes/Agent]\n\
    type guest\ntype Notes/Note\n  relations\n    define viewer: [Notes/User, Notes/User:*, guest, Notes/Agent#peer]\n";
// The relation model has a `guest` of its own.
const MANIFEST: &str =
    "[types]\nagent = \"Notes::Agent\"\nuser = \"Notes::User\"\nguest = \"Notes::User\"\n";

fn fixture() -> Fixture {
    let files = [
        ("schemas/notes.cedarschema", SCHEMA),
        ("schemas/notes.fga", MODEL),
        ("policies/bundle.toml", MANIFEST),
        (
            "policies/notes.cedar",
            "@id(\"all\") permit (principal, action, resource);\n",
        ),
    ];
    let mut files =
        BundleFiles::from_texts(files.map(|(path, text)| (path.to_owned(), text.to_owned())));
    let bundle = match compile(&mut files) {
        Ok(bundle) => bundle,
        Err(problems) => panic!("{}", behest::bundle::render(&problems, &files, false)),
    };
    let fixture = Fixture::empty();
    let layer = fixture
        .stores
        .prepare_main(bundle.model(), Vec::new(), false)
        .unwrap();
    fixture
        .stores
        .commit_main(layer, bundle.digest(), Some(Arc::new(bundle)))
        .unwrap();
    Fixture {
        store: StoreId::MAIN.to_string(),
        ..fixture
    }
}

async fn tuples(fixture: &Fixture, question: Value) -> Vec<Value> {
    let read = fixture.on_store("read", &question).await.json();
    read["tuples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tuple| tuple["key"].clone())
        .collect()
}

#[actix_web::test]
async fn an_alias_stands_for_its_type_and_the_types_name_is_stored() {
    let fixture = fixture();
    for (shown, stored) in [
        (
            "user:ann#delegate@agent:scribe",
            "Notes/User:ann#delegate@Notes/Agent:scribe",
        ),
        (
            "user:https://idp.example/ann#delegate@agent:a:b",
            "Notes/User:https%3A//idp.example/ann#delegate@Notes/Agent:a%3Ab",
        ),
        (
            "Notes/Note:n1#viewer@user:*",
            "Notes/Note:n1#viewer@Notes/User:*",
        ),
        (
            "Notes/Note:n1#viewer@agent:scribe#peer",
            "Notes/Note:n1#viewer@Notes/Agent:scribe#peer",
        ),
        (
            "Notes::Note:n2#viewer@user:a%20b",
            "Notes/Note:n2#viewer@Notes/User:a%20b",
        ),
        // A type of the model is never an alias.
        (
            "Notes/Note:n1#viewer@guest:g",
            "Notes/Note:n1#viewer@guest:g",
        ),
    ] {
        let (object, rest) = shown.rsplit_once('@').unwrap();
        let (object, relation) = object.rsplit_once('#').unwrap();
        let shown_key = json!({ "user": rest, "relation": relation, "object": object });
        let reply = fixture
            .on_store("write", &json!({ "writes": { "tuple_keys": [shown_key] } }))
            .await;
        assert_eq!(reply.status, 200, "{shown}: {}", reply.body);
        let (object, user) = stored.split_once('@').unwrap();
        let (object, relation) = object.split_once('#').unwrap();
        let stored_key = json!({ "user": user, "relation": relation, "object": object });
        assert_eq!(
            tuples(&fixture, json!({ "tuple_key": shown_key })).await,
            std::slice::from_ref(&stored_key),
            "{shown}"
        );
        for asked in [&shown_key, &stored_key] {
            let check = fixture
                .on_store("check", &json!({ "tuple_key": asked }))
                .await;
            assert_eq!(check.json()["allowed"], true, "{asked}: {}", check.body);
        }
    }
}

#[actix_web::test]
async fn every_call_on_main_takes_an_alias() {
    let fixture = fixture();
    fixture.write(&["user:ann#delegate@agent:scribe"]).await;
    let stored = key("Notes/User:ann#delegate@Notes/Agent:scribe");
    let list = json!({ "type": "user", "relation": "delegate", "user": "agent:scribe" });
    assert_eq!(
        fixture.on_store("list-objects", &list).await.json()["objects"],
        json!(["Notes/User:ann"])
    );
    let users = json!({ "object": { "type": "user", "id": "ann" }, "relation": "delegate", "user_filters": [{ "type": "agent" }] });
    let found = fixture.on_store("list-users", &users).await;
    assert_eq!(
        found.json()["users"],
        json!([{ "object": { "type": "Notes/Agent", "id": "scribe" } }]),
        "{}",
        found.body
    );
    let expand = json!({ "tuple_key": { "relation": "delegate", "object": "user:ann" } });
    assert!(
        fixture
            .on_store("expand", &expand)
            .await
            .body
            .contains("Notes/Agent:scribe")
    );
    let batch = json!({ "checks": [{ "correlation_id": "a", "tuple_key": key("user:ann#delegate@agent:scribe") }] });
    assert_eq!(
        fixture.on_store("batch-check", &batch).await.json()["result"]["a"]["allowed"],
        true
    );
    let question = json!({ "tuple_key": { "user": "agent:scribe", "object": "user:" } });
    assert_eq!(tuples(&fixture, question).await, [stored]);
    let contextual = json!({
        "tuple_key": key("user:ben#delegate@agent:scribe"),
        "contextual_tuples": { "tuple_keys": keys(&["user:ben#delegate@agent:scribe"]) },
    });
    assert_eq!(
        fixture.on_store("check", &contextual).await.json()["allowed"],
        true
    );
    let export = format!(
        "/stores/{}/export-tuples?type=user&user=agent:scribe",
        fixture.store
    );
    let export = crate::request(Method::GET, &export)
        .insert_header(("Authorization", format!("Bearer {BOTH}")));
    assert!(
        send(&fixture.server, export)
            .await
            .body
            .contains("Notes/Agent:scribe")
    );
    let cleared = fixture
        .on_store("delete-tuples", &json!({ "user": "agent:scribe" }))
        .await
        .json();
    assert_eq!(cleared["deleted"], 1);
}

#[actix_web::test]
async fn every_call_on_main_takes_the_name_of_an_entity_type() {
    let fixture = fixture();
    fixture
        .write(&["Notes::User:ann#delegate@Notes::Agent:scribe"])
        .await;
    let stored = key("Notes/User:ann#delegate@Notes/Agent:scribe");
    let users = json!({ "object": { "type": "Notes::User", "id": "ann" }, "relation": "delegate",
        "user_filters": [{ "type": "Notes::Agent" }] });
    let found = fixture.on_store("list-users", &users).await;
    assert_eq!(
        found.json()["users"],
        json!([{ "object": { "type": "Notes/Agent", "id": "scribe" } }]),
        "{}",
        found.body
    );
    let list =
        json!({ "type": "Notes::User", "relation": "delegate", "user": "Notes::Agent:scribe" });
    for call in ["list-objects", "streamed-list-objects"] {
        let found = fixture.on_store(call, &list).await;
        assert!(
            found.body.contains("Notes/User:ann"),
            "{call}: {}",
            found.body
        );
    }
    let question =
        json!({ "tuple_key": { "user": "Notes::Agent:scribe", "object": "Notes::User:" } });
    assert_eq!(tuples(&fixture, question).await, [stored]);
    for kind in ["Notes::User", "user", "Notes/User"] {
        for call in ["changes", "export-tuples"] {
            let path = format!("/stores/{}/{call}?type={kind}", fixture.store);
            let reply = fixture.get(&path).await;
            assert!(
                reply.body.contains("Notes/User:ann"),
                "{path}: {}",
                reply.body
            );
        }
    }
    for kind in ["Notes:User", "Notes::", "::User", "No::User"] {
        let users = json!({ "object": { "type": kind, "id": "ann" }, "relation": "delegate",
            "user_filters": [{ "type": "Notes::Agent" }] });
        assert_eq!(
            fixture.on_store("list-users", &users).await.status,
            400,
            "{kind}"
        );
    }
}

#[actix_web::test]
async fn another_store_has_no_aliases() {
    let other = Fixture::new().await;
    let reply = other
        .on_store(
            "write",
            &json!({ "writes": { "tuple_keys": keys(&["document:a#viewer@agent:b"]) } }),
        )
        .await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}

#[actix_web::test]
async fn what_a_reason_shows_is_pasted_into_a_tuple_and_permits() {
    let folder = tempfile::tempdir().unwrap();
    let policies = "@id(\"viewer\") permit (principal is Notes::User, action, resource) when { principal in resource.viewer };\n\
        @id(\"acts\") permit (principal is Notes::Agent, action, resource) when {\n  context has delegation.from && \
        context.delegation.from has \"Notes::User\" &&\n  principal in context.delegation.from[\"Notes::User\"].delegate\n};\n";
    for (path, text) in [
        ("schemas/notes.cedarschema", SCHEMA),
        ("schemas/notes.fga", MODEL),
        (
            "policies/bundle.toml",
            "[types]\nagent = \"Notes::Agent\"\nuser = \"Notes::User\"\n",
        ),
        ("policies/notes.cedar", policies),
    ] {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let fixture = Fixture {
        store: StoreId::MAIN.to_string(),
        ..Fixture::of_bundle(folder.path())
    };
    let users = [
        "https://idp.example/ann?a=1#me",
        "https://idp.example/bob",
        "spiffe://prod/ns/a",
        "m%20n",
        "a b",
        ":User:x",
    ];
    let agents = [
        "https://agents.example/1",
        "urn:bot:7",
        ":Bot:x",
        "eng#peer",
        "*",
        "t\u{fc}r",
    ];
    for ((user, agent), kinds) in users.iter().zip(agents).zip(
        [["user", "agent"], ["Notes::User", "Notes::Agent"]]
            .iter()
            .cycle(),
    ) {
        let body = json!({
            "subject": { "user": { "type": kinds[0], "id": user }, "agent": { "type": kinds[1], "id": agent } },
            "action": { "name": "read" },
            "resource": { "type": "Notes::Note", "id": "n1" },
            "options": { "reason": true },
        });
        let mut shown = Vec::new();
        for (relation, expected) in [
            ("viewer", [kinds[0], user]),
            ("delegate", [kinds[1], agent]),
        ] {
            let answer = fixture
                .post_anonymously("/access/v1/evaluation", &body)
                .await
                .json();
            assert_eq!(answer["decision"], false, "{answer}");
            let principal = &answer["context"]["reason"]["principal"];
            assert_eq!([&principal["type"], &principal["id"]], expected, "{answer}");
            let plain = format!("{}:{}", expected[0], expected[1]);
            shown.push(principal["tuple"].as_str().map_or(plain, str::to_owned));
            let object = if relation == "viewer" {
                "Notes/Note:n1".to_owned()
            } else {
                shown[0].clone()
            };
            let key = json!({ "user": shown.last(), "relation": relation, "object": object });
            let reply = fixture
                .on_store("write", &json!({ "writes": { "tuple_keys": [key] } }))
                .await;
            assert_eq!(reply.status, 200, "{key}: {}", reply.body);
        }
        let answer = fixture
            .post_anonymously("/access/v1/evaluation", &body)
            .await;
        assert_eq!(
            answer.json()["decision"],
            true,
            "{shown:?}: {}",
            answer.body
        );
    }
}
