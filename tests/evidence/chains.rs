//! A chain that is spelled out beside credentials: which fit it, and who stands behind whom.

use crate::service::{post, send};
use crate::tokens::Key;
use crate::world::{World, access, claims, claims_with, profile, publish, standard};
use behest::evidence::{Profile, Verifier};
use behest::record::{QueueSettings, Recorder, Sink};
use serde_json::{Value, json};

fn body(subject: &Value, context: &Value, credentials: &[Value]) -> Value {
    let mut context = context.clone();
    context["credentials"] = json!(credentials);
    json!({"subject": subject, "action": {"name": "look"}, "resource": {"type": "doc", "id": "d"}, "context": context})
}

fn alice(act: &Value) -> Value {
    json!({"type": "user", "id": "alice", "properties": {"act": act}})
}

#[actix_web::test]
async fn a_credential_fits_the_chain_or_denies() {
    let (world, key, _web) = standard();
    let token = |over: Value| access(&key.access_token(&claims_with(&over)));
    let own = token(json!({}));
    let supervisor = token(json!({"act": {"sub": "supervisor"}}));
    let bot = token(json!({"sub": "bot", "client_id": "bot"}));
    let sub = token(json!({"sub": "sub", "client_id": "sub"}));
    let down = token(json!({"act": {"sub": "sub", "act": {"sub": "supervisor"}}}));
    let none = json!(null);
    for (subject, context, credentials, expected) in [
        (alice(&none), json!({}), vec![own.clone()], "permit"),
        // The caller narrows: an agent of its own choice joins a user's own token.
        (alice(&json!({"sub": "bot"})), json!({}), vec![own.clone()], "permit"),
        (alice(&json!({"sub": "bot"})), json!({}), vec![own.clone(), bot.clone()], "permit"),
        (alice(&json!({"sub": "supervisor"})), json!({}), vec![supervisor.clone()], "permit"),
        (json!({"type": "agent", "id": "bot"}), json!({}), vec![bot.clone()], "permit"),
        // Somebody else's name.
        (json!({"type": "user", "id": "bob"}), json!({}), vec![own.clone()], "credential_mismatch"),
        (json!({"type": "agent", "id": "alice"}), json!({}), vec![own.clone()], "credential_mismatch"),
        (alice(&none), json!({}), vec![own.clone(), bot.clone()], "credential_mismatch"),
        (alice(&none), json!({}), vec![supervisor.clone()], "credential_mismatch"),
        (alice(&json!({"sub": "other"})), json!({}), vec![supervisor.clone()], "credential_mismatch"),
        // Who adds themselves to a chain that is proven narrows, and sees nothing of its facts.
        (alice(&json!({"sub": "sub", "act": {"sub": "supervisor"}})), json!({}), vec![supervisor.clone()], "permit"),
        (
            alice(&json!({"sub": "sub", "act": {"sub": "supervisor"}})),
            json!({}),
            vec![supervisor.clone(), sub.clone()],
            "permit",
        ),
        // What is no beginning of the chain is of another.
        (
            alice(&json!({"sub": "supervisor", "act": {"sub": "sub"}})),
            json!({}),
            vec![supervisor.clone()],
            "credential_mismatch",
        ),
        (alice(&json!({"sub": "sub", "act": {"sub": "supervisor"}})), json!({}), vec![down, sub], "permit"),
        // An agent's own token as if a user stood behind it.
        (alice(&json!({"sub": "bot"})), json!({}), vec![bot.clone()], "credential_mismatch"),
        // One that does not verify, whatever the other proves.
        (alice(&none), json!({}), vec![own.clone(), access("x")], "credential_invalid"),
        // From the credential.
        (json!({"type": "credential", "id": "0"}), json!({}), vec![own.clone()], "permit"),
        (json!({"type": "credential", "id": "0"}), json!({"agent": "bot"}), vec![own.clone()], "permit"),
        (json!({"type": "credential", "id": "0"}), json!({"agent": "supervisor"}), vec![supervisor.clone()], "permit"),
        (json!({"type": "credential", "id": "0"}), json!({"agent": "other"}), vec![supervisor], "chain_conflict"),
        (json!({"type": "credential", "id": "1"}), json!({"agent": "bot"}), vec![bot, own.clone()], "permit"),
        (json!({"type": "credential", "id": "1"}), json!({}), vec![own.clone()], "chain_invalid"),
        (json!({"type": "credential", "id": "00"}), json!({}), vec![own.clone()], "chain_invalid"),
        (
            json!({"type": "credential", "id": "0", "properties": {"act": {"sub": "x"}}}),
            json!({}),
            vec![own.clone()],
            "chain_invalid",
        ),
        (json!({"type": "credential", "id": "0", "delegation_chain": []}), json!({}), vec![own], "chain_invalid"),
    ] {
        let found = world.ask(&body(&subject, &context, &credentials)).await;
        assert_eq!(found.split(':').next(), Some(expected), "{subject} {context}: {found}");
    }
}

#[actix_web::test]
async fn an_actor_of_an_issuer_has_that_issuers_id() {
    let (key, other) = (Key::new("k1"), Key::new("k1"));
    let (web, elsewhere) = (publish(&key), publish(&other));
    let partner = Profile {
        issuer: "https://partner.example".into(),
        ids: vec![("user".into(), "partner|".into()), ("agent".into(), "partner|".into())],
        ..profile(&elsewhere)
    };
    let world = World::new(vec![profile(&web), partner], Vec::new());
    let mine = access(&key.access_token(&claims()));
    let theirs = access(&other.access_token(&claims_with(&json!({"iss": "https://partner.example"}))));
    let ask = async |subject: Value, credential: &Value| {
        world.ask(&body(&subject, &json!({}), std::slice::from_ref(credential))).await
    };
    // The same `sub` of two issuers is two users.
    assert_eq!(ask(json!({"type": "user", "id": "alice"}), &mine).await, "permit");
    assert_eq!(ask(json!({"type": "user", "id": "partner|alice"}), &theirs).await, "permit");
    assert!(ask(json!({"type": "user", "id": "alice"}), &theirs).await.starts_with("credential_mismatch"));
    assert!(ask(json!({"type": "user", "id": "partner|alice"}), &mine).await.starts_with("credential_mismatch"));
    let posing = access(&key.access_token(&claims_with(&json!({"sub": "partner|alice"}))));
    assert!(
        ask(json!({"type": "user", "id": "partner|alice"}), &posing).await.contains("begins like another issuer's ids")
    );
    // In a request, too, without any credential.
    let explained = |issuer: &str| {
        let subject = alice(&json!({"sub": "bot", "iss": issuer}));
        json!({"subject": subject, "action": {"name": "look"}, "resource": {"type": "doc", "id": "d"}})
    };
    let legs = world.explain(&explained("https://partner.example")).await["legs"].clone();
    assert_eq!(legs[1]["principal"], json!({"type": "agent", "id": "partner|bot"}));
    let unknown = world.ask(&explained("https://nobody.example")).await;
    assert_eq!(unknown, "chain_invalid: `act.iss` names an issuer that is not configured");
}

#[actix_web::test]
async fn types_that_a_bundle_reads_as_one_do_not_make_two_issuers_people_one() {
    let (key, other) = (Key::new("k1"), Key::new("k1"));
    let (web, elsewhere) = (publish(&key), publish(&other));
    for (prefix, expected) in [("", "two issuers can give one id"), ("partner|", "permit")] {
        // Ids of a type of its own, which the service takes for another than `user` when it starts.
        let partner = Profile {
            issuer: "https://partner.example".into(),
            ids: vec![("identity".into(), prefix.into()), ("agent".into(), "partner|".into())],
            subject_type: "identity".into(),
            ..profile(&elsewhere)
        };
        let ours =
            Profile { ids: vec![("user".into(), "login|".into()), ("agent".into(), "login|".into())], ..profile(&web) };
        let toml = "[types]\nidentity = \"user\"";
        let world =
            World::of_bundle(vec![ours, partner], Vec::new(), crate::service::local(), toml, Recorder::default());
        let claims = claims_with(&json!({"iss": "https://partner.example", "sub": "login|alice"}));
        let theirs = access(&other.access_token(&claims));
        let subjects =
            [json!({"type": "credential", "id": "0"}), json!({"type": "user", "id": format!("{prefix}login|alice")})];
        for subject in subjects {
            let found = world.ask(&body(&subject, &json!({}), std::slice::from_ref(&theirs))).await;
            assert!(found.contains(expected), "{prefix} {subject}: {found}");
        }
        let mine = access(&key.access_token(&crate::world::claims()));
        let subject = json!({"type": "user", "id": "login|alice"});
        assert_eq!(world.ask(&body(&subject, &json!({}), &[mine])).await, "permit");
    }
}

#[actix_web::test]
async fn neither_an_answer_nor_a_record_shows_a_credential() {
    let (key, holder) = (Key::new("k1"), Key::new(""));
    let web = publish(&key);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decisions.jsonl");
    let metrics = std::sync::Arc::new(behest::telemetry::Metrics::default());
    let (recorder, writer) = Recorder::start(Sink::File(path.clone()), QueueSettings::default(), metrics).unwrap();
    let world = World::of_bundle(vec![profile(&web)], Vec::new(), crate::service::local(), "", recorder);
    let token = |over: Value| key.access_token(&claims_with(&over));
    let bound = token(json!({"cnf": {"jkt": holder.thumbprint()}}));
    let url = "https://api.example/tools";
    let now = crate::service::NOW_MS / 1_000;
    let proof = holder.proof(&bound, &json!({"htm": "POST", "htu": url, "iat": now, "jti": "p1"}));
    let mut shown = access(&bound);
    shown["dpop"] = json!({"proof": proof, "method": "POST", "url": url});
    let forged = Key::new("k1").access_token(&claims());
    let (good, expired) = (token(json!({})), token(json!({"exp": 1})));
    let secrets = [&good, &expired, &forged, &bound, &proof].map(|token| token.rsplit('.').next().unwrap().to_owned());
    let mut told = String::new();
    for credential in [access(&good), access(&expired), access(&forged), shown.clone(), shown] {
        let mut body = body(&json!({"type": "credential", "id": "0"}), &json!({}), &[credential]);
        body["action"]["name"] = json!("read");
        body["options"] = json!({"explain": true});
        told.push_str(&send(&world.server, post("/access/v1/evaluation", body.to_string())).await.body);
    }
    // The token where its place belongs, which is a likely slip.
    let slip = json!({"type": "credential", "id": good});
    for subject in [slip.clone(), json!({"type": "agent", "id": "b", "delegation_chain": [slip]})] {
        let body = body(&subject, &json!({}), &[access(&good)]);
        told.push_str(&world.ask(&body).await);
    }
    let agent = json!({"type": "credential", "id": good});
    told.push_str(&world.ask(&body(&json!({"type": "user", "id": "u"}), &json!({"agent": agent}), &[])).await);
    assert!(told.contains("where tokens stand: the first is `0`"), "{told}");
    drop(world);
    writer.close();
    let records = std::fs::read_to_string(&path).unwrap();
    assert_eq!(records.lines().count(), 8);
    assert!(records.contains(r#""subject":{"type":"credential","id":"(hidden)"}"#), "{records}");
    assert!(records.contains("context.token.scopes"), "{records}");
    for secret in secrets {
        assert!(!told.contains(&secret) && !records.contains(&secret), "{told}\n{records}");
    }
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
        (vec![exchanged("write"), reading.clone(), bot("read")], "not_permitted"),
    ] {
        for _ in 0..2 {
            let found = world.ask(&read(&credentials)).await;
            assert_eq!(found.split(':').next(), Some(expected), "{credentials:?}: {found}");
        }
    }
    let principals = async |credentials: &[Value]| {
        let legs = world.explain(&read(credentials)).await["legs"].clone();
        let ids = legs.as_array().unwrap().iter().map(|leg| leg["principal"]["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(principals(&[reading.clone(), bot("read")]).await, ["alice", "bot"]);
    assert_eq!(principals(&[exchanged("read"), bot("read")]).await, ["alice", "bot", "bot"]);
    let told = world.explain(&read(&[reading])).await;
    assert_eq!(told["asserted"], json!([{"type": "agent", "id": "bot"}]));
}

#[actix_web::test]
async fn a_batch_verifies_each_credential_once_and_denies_the_item_that_has_a_bad_one() {
    let (world, key, web) = standard();
    let good = access(&key.access_token(&claims()));
    let item = |credentials: Value| json!({"context": {"credentials": credentials}});
    let batch = json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": "d"},
        "context": {"credentials": [good]},
        "evaluations": [{}, item(json!([good])), item(json!([access("x")])), item(json!([])), {}],
        "options": {"reason": true},
    });
    let reply = send(&world.server, post("/access/v1/evaluations", batch.to_string())).await.json();
    let found: Vec<String> = reply["evaluations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|answer| answer["context"]["reason"]["code"].as_str().unwrap_or("permit").to_owned())
        .collect();
    // An item's own credentials that differ from the default's are a conflict about who asks.
    assert_eq!(found, ["permit", "permit", "chain_conflict", "chain_conflict", "permit"]);
    assert_eq!(web.count(), 1);
}

#[actix_web::test]
async fn a_batch_with_too_many_different_credentials_verifies_no_more() {
    let (world, _key, _web) = standard();
    let items: Vec<Value> =
        (0..70).map(|at| json!({"context": {"credentials": [access(&format!("token{at}"))]}})).collect();
    let batch = json!({
        "subject": {"type": "credential", "id": "0"}, "action": {"name": "read"}, "resource": {"type": "doc", "id": "d"},
        "evaluations": items, "options": {"reason": true},
    });
    let reply = send(&world.server, post("/access/v1/evaluations", batch.to_string())).await.json();
    let last = &reply["evaluations"][69]["context"]["reason"]["message"];
    assert!(last.as_str().unwrap().contains("more than 64 different credentials"), "{last}");
    assert!(!reply["evaluations"][63]["context"]["reason"]["message"].as_str().unwrap().contains("more than"));
}

#[test]
fn two_issuers_that_could_make_one_id_do_not_start() {
    let key = Key::new("k1");
    let web = publish(&key);
    let other = Profile { issuer: "https://partner.example".into(), ..profile(&web) };
    let client = || behest::evidence::HttpClient::new(None).unwrap();
    let clock = std::sync::Arc::new(behest::clock::SystemClock);
    let problems = Verifier::start(vec![(profile(&web), client()), (other, client())], Vec::new(), clock).unwrap_err();
    assert_eq!(
        problems,
        ["the issuers `https://login.example` and `https://partner.example` can give the same id to two subjects of \
          the type `user`; give each another text before `{sub}` in `ids`"]
    );
}
