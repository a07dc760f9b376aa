//! A chain that is spelled out beside credentials: which fit it, and who stands behind whom.

use crate::world::{World, access, claims, claims_with, profile, publish, standard};
use behest::record::{QueueSettings, Recorder, Sink};
use serde_json::{Value, json};
use support::cases;
use support::service::{post, send};
use support::tokens::Key;

pub(crate) fn body(subject: &Value, context: &Value, credentials: &[Value]) -> Value {
    let mut context = context.clone();
    context["credentials"] = json!(credentials);
    json!({"subject": subject, "action": {"name": "look"}, "resource": {"type": "doc", "id": "d"}, "context": context})
}

pub(crate) fn alice(act: &Value) -> Value {
    json!({"type": "user", "id": "alice", "properties": {"act": act}})
}

#[actix_web::test]
async fn a_credential_fits_the_chain_or_denies() {
    type Case = (Value, Value, Vec<String>, String);
    let (world, key, _web) = standard();
    let credential = |name: &String| {
        let over = match name.as_str() {
            "own" => json!({}),
            "supervisor" => json!({"act": {"sub": "supervisor"}}),
            "bot" => json!({"sub": "bot", "client_id": "bot"}),
            "sub" => json!({"sub": "sub", "client_id": "sub"}),
            "down" => json!({"act": {"sub": "sub", "act": {"sub": "supervisor"}}}),
            other => return access(other),
        };
        access(&key.access_token(&claims_with(&over)))
    };
    for (subject, context, credentials, expected) in cases::read::<Case>(include_str!("fits.cases"))
    {
        let credentials: Vec<Value> = credentials.iter().map(credential).collect();
        let found = world.ask(&body(&subject, &context, &credentials)).await;
        assert_eq!(
            found.split(':').next(),
            Some(expected.as_str()),
            "{subject} {context}: {found}"
        );
    }
}

#[actix_web::test]
async fn neither_an_answer_nor_a_record_shows_a_credential() {
    let (key, holder) = (Key::new("k1"), Key::new(""));
    let web = publish(&key);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let metrics = std::sync::Arc::new(behest::telemetry::Metrics::default());
    let (recorder, writer) =
        Recorder::start(Sink::File(path.clone()), QueueSettings::default(), metrics).unwrap();
    let world = World::of_bundle(
        vec![profile(&web)],
        Vec::new(),
        support::service::local(),
        "",
        recorder,
    );
    let token = |over: Value| key.access_token(&claims_with(&over));
    let bound = token(json!({"cnf": {"jkt": holder.thumbprint()}}));
    let url = "https://api.example/tools";
    let now = support::service::NOW_MS / 1_000;
    let proof = holder.proof(
        &bound,
        &json!({"htm": "POST", "htu": url, "iat": now, "jti": "p1"}),
    );
    let mut shown = access(&bound);
    shown["dpop"] = json!({"proof": proof, "method": "POST", "url": url});
    let forged = Key::new("k1").access_token(&claims());
    let (good, expired) = (token(json!({})), token(json!({"exp": 1})));
    let secrets = [&good, &expired, &forged, &bound, &proof]
        .map(|token| token.rsplit('.').next().unwrap().to_owned());
    let mut told = String::new();
    for credential in [
        access(&good),
        access(&expired),
        access(&forged),
        shown.clone(),
        shown,
    ] {
        let mut body = body(
            &json!({"type": "credential", "id": "0"}),
            &json!({}),
            &[credential],
        );
        body["action"]["name"] = json!("read");
        body["options"] = json!({"explain": true});
        told.push_str(
            &send(
                &world.server,
                post("/access/v1/evaluation", body.to_string()),
            )
            .await
            .body,
        );
    }
    // The token where its place belongs, which is a likely slip.
    let slip = json!({"type": "credential", "id": good});
    for subject in [
        slip.clone(),
        json!({"type": "agent", "id": "b", "delegation_chain": [slip]}),
    ] {
        let body = body(&subject, &json!({}), &[access(&good)]);
        told.push_str(&world.ask(&body).await);
    }
    let agent = json!({"type": "credential", "id": good});
    told.push_str(
        &world
            .ask(&body(
                &json!({"type": "user", "id": "u"}),
                &json!({"agent": agent}),
                &[],
            ))
            .await,
    );
    assert!(
        told.contains("where tokens stand: the first is `0`"),
        "{told}"
    );
    // A type that nobody has declared, and the credential as its id: of the subject, an actor or
    // the resource.
    let opaque = "2YotnFZFEjr1zCsicMWpAA";
    let kinds = ["Credential", "credentials", "access_token", "JWT", "x"];
    for (at, kind) in kinds.into_iter().enumerate() {
        let slip =
            json!({"type": kind, "id": if at < 4 && at % 2 == 0 { opaque } else { good.as_str() }});
        let user = json!({"type": "user", "id": "u"});
        for (subject, resource) in [
            (slip.clone(), json!({"type": "doc", "id": "d"})),
            (
                json!({"type": "agent", "id": "b", "delegation_chain": [slip]}),
                json!({"type": "doc", "id": "d"}),
            ),
            (user, slip.clone()),
        ] {
            let mut body = body(&subject, &json!({}), &[]);
            body["resource"] = resource;
            body["context"] = json!({});
            body["options"] = json!({"explain": true});
            let reply = send(
                &world.server,
                post("/access/v1/evaluation", body.to_string()),
            )
            .await;
            assert_eq!(
                (reply.status.as_u16(), &reply.json()["decision"]),
                (200, &json!(false)),
                "{}",
                reply.body
            );
            told.push_str(&reply.body);
            let mut search = json!({"subject": subject, "action": {"name": "look"}, "resource": {"type": "doc"}});
            search["options"] = json!({"reason": true});
            told.push_str(
                &send(
                    &world.server,
                    post("/access/v1/search/resource", search.to_string()),
                )
                .await
                .body,
            );
            // Beside a credential that does not fit.
            body["context"] = json!({"credentials": [access(&good)]});
            told.push_str(
                &send(
                    &world.server,
                    post("/access/v1/evaluation", body.to_string()),
                )
                .await
                .body,
            );
        }
    }
    let asked = told_of_names(&world, &[&good, opaque]).await;
    told.push_str(&asked.concat());
    let secrets = secrets
        .into_iter()
        .chain([opaque.to_owned(), good.chars().take(40).collect()]);
    drop(world);
    writer.close();
    let records = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        records.lines().count(),
        8 + 2 * 3 * kinds.len() + asked.len()
    );
    assert!(
        records.contains(r#""subject":{"type":"credential","id":"(hidden)"}"#),
        "{records}"
    );
    assert!(records.contains("context.token.scopes"), "{records}");
    for secret in secrets {
        assert!(
            !told.contains(&secret) && !records.contains(&secret),
            "{told}\n{records}"
        );
    }
}

/// Asks with these tokens in the place of every name, with and without what often stands around
/// one, and returns the answers.
async fn told_of_names(world: &World, tokens: &[&str]) -> Vec<String> {
    let mut told = Vec::new();
    let entity = |kind: &str, id: &str| json!({"type": kind, "id": id});
    for token in tokens {
        for around in [
            "Bearer TOKEN",
            "DPoP TOKEN",
            "access_token=TOKEN",
            "x; id_token=TOKEN",
            "TOKEN",
        ] {
            if around == "TOKEN" && !token.contains('.') {
                continue;
            }
            let name = around.replace("TOKEN", token);
            let user = || entity("user", "u");
            let doc = || entity("doc", "d");
            let actor = alice(&json!({"sub": name}));
            let none = json!({});
            let agent = json!({"agent": name});
            for (subject, action, resource, context) in [
                (entity(&name, "u"), "read", doc(), &none),
                (user(), name.as_str(), doc(), &none),
                (user(), "read", entity(&name, "d"), &none),
                (user(), "read", entity("nothing", &name), &none),
                // Under types that are declared.
                (entity("user", &name), "read", doc(), &none),
                (actor, "read", doc(), &none),
                (user(), "read", doc(), &agent),
            ] {
                let mut body = body(&subject, &json!({}), &[]);
                body["action"]["name"] = json!(action);
                body["resource"] = resource;
                body["context"] = context.clone();
                body["options"] = json!({"explain": true});
                let request = post("/access/v1/evaluation", body.to_string());
                let reply = send(&world.server, request).await;
                assert_eq!(reply.json()["decision"], json!(false), "{}", reply.body);
                told.push(reply.body);
            }
        }
    }
    told
}

#[actix_web::test]
async fn a_leg_sees_the_facts_of_what_names_its_member() {
    let (world, key, _web) = standard();
    let token = |over: Value| access(&key.access_token(&claims_with(&over)));
    let (reading, writing) = (token(json!({})), token(json!({"scope": "write"})));
    let bot = |scope: &str| token(json!({"sub": "bot", "client_id": "bot", "scope": scope}));
    let exchanged = |scope: &str| token(json!({"act": {"sub": "bot"}, "scope": scope}));
    let read = |credentials: &[Value]| {
        let mut body = body(&alice(&json!({"sub": "bot"})), &json!({}), credentials);
        body["action"]["name"] = json!("read");
        body
    };
    for (credentials, expected) in [
        (vec![reading.clone(), bot("read")], "permit"),
        (vec![reading.clone(), bot("write")], "not_permitted"),
        (vec![bot("write"), reading.clone()], "not_permitted"),
        // What the agent may do is nothing that its user may.
        (vec![writing.clone(), bot("read")], "not_permitted"),
        // The agent is not named by the user's token, and has nothing of it.
        (vec![reading.clone()], "not_permitted"),
        (vec![exchanged("read")], "permit"),
        (vec![exchanged("read"), bot("read")], "permit"),
        (vec![exchanged("read"), bot("write")], "not_permitted"),
        (vec![exchanged("read"), writing.clone()], "not_permitted"),
        (
            vec![exchanged("write"), reading.clone(), bot("read")],
            "not_permitted",
        ),
    ] {
        for _ in 0..2 {
            let found = world.ask(&read(&credentials)).await;
            assert_eq!(
                found.split(':').next(),
                Some(expected),
                "{credentials:?}: {found}"
            );
        }
    }
    let principals = async |credentials: &[Value]| {
        let legs = world.explain(&read(credentials)).await["legs"].clone();
        let ids = legs
            .as_array()
            .unwrap()
            .iter()
            .map(|leg| leg["principal"]["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(
        principals(&[reading.clone(), bot("read")]).await,
        ["alice", "bot"]
    );
    assert_eq!(
        principals(&[exchanged("read"), bot("read")]).await,
        ["alice", "bot", "bot"]
    );
    let told = world.explain(&read(&[reading])).await;
    assert_eq!(told["asserted"], json!([{"type": "agent", "id": "bot"}]));
}
