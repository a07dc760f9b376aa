//! Bodies that come again: what is answered without reading them is what reading them would answer.

use crate::{EVALUATION, EVALUATIONS};
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{CallerScope, Signer};
use behest::http::{Caller, CallerCredential, HttpLimits, KeyHash, Permission, Server, Settings};
use behest::model::TupleKey;
use behest::record::Recorder;
use behest::storage::StoreId;
use behest::stores::{Stores, TupleBatch, open_memory};
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use support::service::{NOW_MS, Reply, get, local, post, send};
use tempfile::TempDir;

const BYTES: usize = 4 << 20;

const BUNDLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bundles/relations");

/// The same, but whoever views may not read.
fn other_bundle() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in [
        "schemas/m.fga",
        "schemas/s.cedarschema",
        "policies/entities.json",
    ] {
        let path = folder.path().join(part);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(Path::new(BUNDLE).join(part), path).unwrap();
    }
    let policy = "@id(\"others\") permit (principal, action, resource) unless { principal in resource.viewer };";
    std::fs::write(folder.path().join("policies/p.cedar"), policy).unwrap();
    folder
}

struct Service {
    server: Server,
    engine: Arc<Engine>,
    stores: Arc<Stores>,
}

impl Service {
    fn new(remembers: bool) -> Self {
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let metrics = Arc::new(Metrics::default());
        let stores = Arc::new(Stores::open(open_memory().unwrap(), clock.clone()).unwrap());
        let mut engine = Engine::new(clock.clone(), metrics.clone(), Recorder::default())
            .with_stores(stores.clone());
        if remembers {
            engine = engine.with_cache(BYTES);
        }
        let engine = Arc::new(engine);
        let permissions = [Permission::Decide, Permission::Search, Permission::Explain];
        let caller = |name: &str, reasons, require_actor| Caller {
            name: name.to_owned(),
            by: CallerCredential::key(KeyHash::of(name.as_bytes())),
            permissions: permissions.into_iter().collect(),
            require_actor,
            reasons,
            rate: None,
            credentials: CallerScope::default(),
        };
        let callers = vec![
            caller("plain", false, false),
            caller("talkative", true, false),
            caller("gateway", true, true),
        ];
        let settings = Settings {
            callers,
            known_bytes: if remembers { BYTES } else { 0 },
            ..local()
        };
        let signer = Signer::in_memory().unwrap();
        let service = Self {
            server: Server::new(settings, engine.clone(), metrics, clock, &signer).unwrap(),
            engine,
            stores,
        };
        service.load(BUNDLE);
        service
    }

    fn load(&self, bundle: impl Into<PathBuf>) {
        assert!(self.engine.load(&BundleSource::Dir(bundle.into())).is_ok());
    }

    fn write(&self, key: &str, there: bool) {
        let key: TupleKey = key.parse().unwrap();
        let batch = if there {
            TupleBatch::of_writes(vec![key.into()])
        } else {
            TupleBatch {
                deletes: vec![key],
                ..TupleBatch::default()
            }
        };
        self.stores.write(StoreId::MAIN, None, batch).unwrap();
    }

    async fn ask(&self, caller: &str, path: &str, body: &Value) -> Reply {
        let mut request = post(path, body.to_string()).insert_header(("X-Request-ID", "r1"));
        if !caller.is_empty() {
            request = request.insert_header(("Authorization", format!("Bearer {caller}")));
        }
        send(&self.server, request).await
    }

    async fn recalled(&self) -> u64 {
        let metrics = send(&self.server, get("/metrics")).await.body;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("behest_cache_known_requests_total"));
        line.and_then(|line| line.rsplit(' ').next())
            .unwrap()
            .parse()
            .unwrap()
    }
}

fn question(user: &str, document: &str) -> Value {
    json!({"subject": {"type": "user", "id": user}, "action": {"name": "read"}, "resource": {"type": "doc", "id": document}})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// Where to, and what.
type Post = (&'static str, Value);

/// Bodies of all kinds; those that must be read every time stand in the second list.
fn bodies() -> (Vec<Post>, Vec<Post>) {
    let dave = || question("dave", "d7");
    let agent = json!({"type": "agent", "id": "bot", "properties": {"on_behalf_of": "dave"}});
    let items = json!([{"resource": {"type": "doc", "id": "d7"}}, {"resource": {"type": "doc", "id": "d8"}}]);
    let batch = || with(dave(), "evaluations", items.clone());
    let kept = vec![
        (EVALUATION, dave()),
        (EVALUATION, with(dave(), "options", json!({"reason": true}))),
        (
            EVALUATION,
            with(dave(), "options", json!({"reason": false, "at_least": 0})),
        ),
        (
            EVALUATION,
            with(dave(), "context", json!({"nobody": ["reads", "this"]})),
        ),
        (EVALUATION, question("erin", "d7")),
        (EVALUATION, with(dave(), "subject", agent)),
        (EVALUATIONS, dave()),
        (EVALUATIONS, batch()),
        (
            EVALUATIONS,
            with(
                batch(),
                "options",
                json!({"evaluations_semantic": "deny_on_first_deny"}),
            ),
        ),
        (
            EVALUATIONS,
            with(
                batch(),
                "options",
                json!({"evaluations_semantic": "permit_on_first_permit", "reason": true}),
            ),
        ),
        (
            EVALUATIONS,
            with(batch(), "options", json!({"unknown": ["arguments"]})),
        ),
    ];
    let malformed = json!([{"resource": {"type": "doc", "id": "d7"}}, {"resource": 7}]);
    let read = vec![
        (
            EVALUATION,
            with(dave(), "options", json!({"explain": true})),
        ),
        (
            EVALUATION,
            with(
                dave(),
                "context",
                json!({"credentials": [{"type": "access_token", "value": "t"}]}),
            ),
        ),
        (
            EVALUATION,
            with(dave(), "action", json!({"name": "no_such_action"})),
        ),
        (EVALUATION, with(dave(), "action", json!({}))),
        (EVALUATIONS, with(dave(), "evaluations", malformed)),
        (
            EVALUATIONS,
            with(dave(), "options", json!({"explain": true})),
        ),
    ];
    (kept, read)
}

/// What two answers to one question have in common.
fn said(reply: &Reply) -> (u16, Value, Vec<Option<String>>) {
    let mut body = reply.json();
    if let Some(explanation) = body.pointer_mut("/context/explanation") {
        explanation["decision_id"] = Value::Null;
    }
    let headers = ["content-type", "behest-revision", "x-request-id"];
    (
        reply.status.as_u16(),
        body,
        headers
            .map(|name| reply.header(name).map(str::to_owned))
            .into(),
    )
}

#[actix_web::test]
async fn a_body_that_comes_again_is_answered_as_if_it_were_read() {
    let (remembering, reading) = (Service::new(true), Service::new(false));
    let (kept, read) = bodies();
    let other = other_bundle();
    let mut ids = std::collections::BTreeSet::new();
    for change in ["", "grant", "another bundle", "the bundle", "revoke", ""] {
        for service in [&remembering, &reading] {
            match change {
                "grant" => service.write("doc:d7#viewer@user:dave", true),
                "revoke" => service.write("doc:d7#viewer@user:dave", false),
                "another bundle" => service.load(other.path()),
                "the bundle" => service.load(BUNDLE),
                _ => {}
            }
        }
        for round in 0..4 {
            for caller in ["", "plain", "talkative", "gateway"] {
                for (path, body) in kept.iter().chain(&read) {
                    let (a, b) = (
                        remembering.ask(caller, path, body).await,
                        reading.ask(caller, path, body).await,
                    );
                    assert_eq!(
                        said(&a),
                        said(&b),
                        "after {change:?}, round {round}, {caller:?}: {path} {body}"
                    );
                    if let Some(id) = a.header("behest-decision") {
                        assert!(ids.insert(id.to_owned()), "{id} twice");
                    }
                }
            }
        }
    }
    assert_eq!(reading.recalled().await, 0);
}

#[actix_web::test]
async fn a_body_is_recalled_once_its_legs_were_found_and_some_never_are() {
    let (kept, read) = bodies();
    for (path, body) in kept {
        let service = Service::new(true);
        for expected in [0, 0, 1, 2] {
            assert_eq!(service.ask("plain", path, &body).await.status.as_u16(), 200);
            assert_eq!(service.recalled().await, expected, "{path} {body}");
        }
        // Neither another caller's nor another endpoint's.
        service.ask("talkative", path, &body).await;
        service
            .ask(
                "plain",
                if path == EVALUATION {
                    EVALUATIONS
                } else {
                    EVALUATION
                },
                &body,
            )
            .await;
        assert_eq!(service.recalled().await, 2, "{path} {body}");
    }
    for (path, body) in read {
        let service = Service::new(true);
        for _ in 0..4 {
            service.ask("plain", path, &body).await;
        }
        assert_eq!(service.recalled().await, 0, "{path} {body}");
    }
}

#[actix_web::test]
async fn what_is_known_still_waits_for_its_revision() {
    let service = Service::new(true);
    let newest = service.stores.published().borrow().0;
    let body = with(
        question("dave", "d7"),
        "options",
        json!({"at_least": newest}),
    );
    for _ in 0..3 {
        assert_eq!(
            service.ask("plain", EVALUATION, &body).await.body,
            r#"{"decision":false}"#
        );
    }
    service.write("doc:d7#viewer@user:dave", true);
    let later = with(
        question("dave", "d7"),
        "options",
        json!({"at_least": newest + 1}),
    );
    for _ in 0..4 {
        assert_eq!(
            service.ask("plain", EVALUATION, &later).await.body,
            r#"{"decision":true}"#
        );
    }
}

/// Whoever takes another's place in the settings gets nothing of what was kept for it, and nobody
/// gets what the new settings would not give.
#[actix_web::test]
async fn nothing_kept_outlives_the_settings_that_it_rests_on() {
    let service = Service::new(true);
    let before = service.server.settings();
    let caller = |name: &str, reasons| Caller {
        reasons,
        name: name.to_owned(),
        by: CallerCredential::key(KeyHash::of(name.as_bytes())),
        ..before.callers[0].clone()
    };
    let renew = |callers: Vec<Caller>, limits: HttpLimits| {
        service.server.renew(Settings {
            callers,
            limits,
            ..Settings::clone(&before)
        });
    };
    let denied = question("erin", "d7");
    let has_reason = async |caller: &str| {
        let reply = service.ask(caller, EVALUATION, &denied).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.json()["context"]["reason"].is_object()
    };
    let keep = async |caller: &str, reasons: bool| {
        let known = service.recalled().await;
        for _ in 0..4 {
            assert_eq!(has_reason(caller).await, reasons, "{caller}");
        }
        assert!(service.recalled().await > known, "{caller}");
    };
    keep("plain", false).await;
    // The same caller at another place still has what it had, and who has its place has not.
    let known = service.recalled().await;
    renew(
        vec![caller("new", true), caller("plain", false)],
        HttpLimits::default(),
    );
    assert!(!has_reason("plain").await);
    assert_eq!(service.recalled().await, known + 1);
    keep("new", true).await;
    renew(vec![caller("new", false)], HttpLimits::default());
    assert!(!has_reason("new").await);
    renew(vec![caller("other", true)], HttpLimits::default());
    assert!(has_reason("other").await);
    renew(vec![caller("new", true)], HttpLimits::default());
    keep("new", true).await;
    let shallow = HttpLimits {
        json_depth: 1,
        ..HttpLimits::default()
    };
    renew(vec![caller("new", true)], shallow);
    let reply = service.ask("new", EVALUATION, &denied).await;
    assert_eq!(reply.status, 400, "{}", reply.body);
}
