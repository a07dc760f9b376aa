//! The catalogue of errors: every code, with status, headers and whole body.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test's helper unwraps is part of the assertion"
)]

use actix_web::ResponseError as _;
use actix_web::body::to_bytes;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use behest::engine::PageTokenError;
use behest::http::{
    Error, HttpLimits, Permission, Permissions, PublicUrl, Server, Settings, Shortage, openapi,
};
use behest::model::{Fault, Revision};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use support::service::{Reply, empty, get, local, post, request, send};

const EVALUATION: &str = "/access/v1/evaluation";

/// What of a response belongs to the catalogue.
fn entry(when: &str, status: u16, headers: &HeaderMap, body: Value) -> Value {
    let mut entry = Map::new();
    entry.insert("when".to_owned(), when.into());
    entry.insert("status".to_owned(), status.into());
    for name in ["allow", "retry-after", "www-authenticate"] {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            entry.insert(name.to_owned(), value.into());
        }
    }
    entry.insert("body".to_owned(), body);
    entry.into()
}

fn sent(when: &str, reply: &Reply) -> Value {
    assert_eq!(
        reply.header("content-type"),
        Some("application/json"),
        "{when}"
    );
    entry(when, reply.status.as_u16(), &reply.headers, reply.json())
}

async fn raised(when: &str, error: Error) -> Value {
    let response = error.error_response();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.unwrap_or_default();
    entry(
        when,
        status,
        &headers,
        serde_json::from_slice(&body).unwrap_or_default(),
    )
}

fn question() -> Value {
    json!({
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "resource": {"type": "repository", "id": "checkout"},
    })
}

fn with(name: &str, value: &Value) -> String {
    let mut body = question();
    body[name] = value.clone();
    body.to_string()
}

/// A service with small limits, which is asked one wrong thing after another.
struct Small(Server);

impl Small {
    fn new() -> Self {
        let limits = HttpLimits {
            body_bytes: 2048,
            evaluations: 2,
            json_depth: 8,
            ..HttpLimits::default()
        };
        Self(empty(Settings { limits, ..local() }))
    }

    async fn entry(&self, when: &str, path: &str, body: impl Into<String>) -> Value {
        sent(when, &send(&self.0, post(path, body.into())).await)
    }

    async fn evaluation(&self, when: &str, body: impl Into<String>) -> Value {
        self.entry(when, EVALUATION, body).await
    }

    /// An evaluation whose member has another value than it needs.
    async fn member(&self, when: &str, name: &str, value: Value) -> Value {
        self.evaluation(when, with(name, &value)).await
    }

    async fn headed(&self, when: &str, header: (&'static str, &'static str)) -> Value {
        let request = post(EVALUATION, question().to_string()).insert_header(header);
        sent(when, &send(&self.0, request).await)
    }
}

async fn of_bodies() -> Vec<Value> {
    let small = Small::new();
    let deep = format!("{}{}", "[".repeat(8), "]".repeat(8));
    vec![
        small
            .headed("another content type", ("Content-Type", "text/plain"))
            .await,
        small
            .headed("a compressed body", ("Content-Encoding", "gzip"))
            .await,
        small.evaluation("no JSON", "{\"subject\":\n oops}").await,
        small.evaluation("no body", "").await,
        small.evaluation("no object", "[]").await,
        small
            .evaluation("a member twice", r#"{"subject":{"id":"a","\u0069d":"b"}}"#)
            .await,
        small
            .evaluation("nested too deeply", format!("{{\"a\":{deep}}}"))
            .await,
        small
            .member(
                "a member missing",
                "resource",
                json!({"type": "repository"}),
            )
            .await,
        small
            .member("a member of another kind", "subject", json!("alice"))
            .await,
    ]
}

async fn of_options() -> Vec<Value> {
    let small = Small::new();
    let option = async |when: &str, value: Value| small.member(when, "options", value).await;
    vec![
        option("an option of another kind", json!({"reason": "yes"})).await,
        option("options of another kind", json!([])).await,
        option("an option that is misspelt", json!({"reasn": true})).await,
        small
            .member("options in another spelling", "Options", json!({}))
            .await,
        option(
            "an option that is not supported",
            json!({"unknown": ["arguments"]}),
        )
        .await,
        option("a revision that is none", json!({"at_least": "1"})).await,
    ]
}

async fn of_batches() -> Vec<Value> {
    let small = Small::new();
    let batch = async |when: &str, name: &str, value: Value| {
        small
            .entry(when, "/access/v1/evaluations", with(name, &value))
            .await
    };
    vec![
        batch("too many items", "evaluations", json!([{}, {}, {}])).await,
        raised("too large defaults", Error::DefaultsTooLarge(4096)).await,
        batch("no list of items", "evaluations", json!({})).await,
        batch(
            "an unknown semantic",
            "options",
            json!({"evaluations_semantic": "all"}),
        )
        .await,
    ]
}

async fn of_searches() -> Vec<Value> {
    let small = Small::new();
    let search = async |when: &str, name: &str, value: Value| {
        small
            .entry(when, "/access/v1/search/action", with(name, &value))
            .await
    };
    let token = async |when: &str, error| raised(when, Error::PageToken(error)).await;
    vec![
        search("a page of another kind", "page", json!({"limit": 1.5})).await,
        search(
            "an option that no search has",
            "options",
            json!({"explain": true}),
        )
        .await,
        search(
            "an option that is no list of unknowns",
            "options",
            json!({"unknown": ["context"]}),
        )
        .await,
        token("a page token that was made up", PageTokenError::Unknown).await,
        token("a page token that was changed", PageTokenError::Edited).await,
        token("another caller's page token", PageTokenError::OtherCaller).await,
        token("another query's page token", PageTokenError::OtherQuery).await,
        token(
            "a page token of another bundle",
            PageTokenError::OtherBundle,
        )
        .await,
        token("an old page token", PageTokenError::Expired).await,
        small
            .member("too large", "context", json!({"a": "x".repeat(2048)}))
            .await,
    ]
}

async fn of_callers() -> Vec<Value> {
    let nobody = empty(Settings::default());
    let decide: Permissions = [Permission::Decide].into_iter().collect();
    let decider = empty(Settings {
        anonymous: Some(decide),
        ..Settings::default()
    });
    let body = question().to_string();
    let plain = || post(EVALUATION, body.clone());
    vec![
        sent("no key, where one is needed", &send(&nobody, plain()).await),
        sent(
            "a wrong key",
            &send(
                &nobody,
                plain().insert_header(("Authorization", "Bearer x")),
            )
            .await,
        ),
        sent(
            "a wrong key, where none is needed",
            &send(
                &decider,
                plain().insert_header(("Authorization", "Basic YTpi")),
            )
            .await,
        ),
        sent(
            "a missing permission",
            &send(
                &decider,
                post(EVALUATION, with("options", &json!({"explain": true}))),
            )
            .await,
        ),
        sent(
            "a missing permission for an option",
            &send(
                &decider,
                post(EVALUATION, with("options", &json!({"explain": true}))),
            )
            .await,
        ),
        raised(
            "a missing permission of a caller",
            Error::MissingPermission {
                permission: Permission::Admin,
                anonymous: false,
            },
        )
        .await,
        raised("a key that has ended", Error::KeyEnded).await,
        raised(
            "settings that have changed meanwhile",
            Error::SettingsChanged,
        )
        .await,
        raised(
            "a caller whose token cannot be verified now",
            Error::CallerUnverified,
        )
        .await,
        raised(
            "a caller whose token cannot be verified until the settings are mended",
            Error::CallerUnverifiable,
        )
        .await,
        raised(
            "too many requests",
            Error::TooManyRequests(Duration::from_millis(1200)),
        )
        .await,
        sent(
            "no key, and another host",
            &send(&decider, plain().insert_header(("Host", "pdp.example"))).await,
        ),
        sent(
            "no key, through a proxy",
            &send(
                &decider,
                plain().insert_header(("X-Forwarded-For", "10.0.0.1")),
            )
            .await,
        ),
    ]
}

async fn of_paths() -> Vec<Value> {
    let server = empty(local());
    let url: PublicUrl = "https://pdp.example/tenant1".parse().unwrap();
    let tenant = empty(Settings {
        public_url: Some(url),
        ..local()
    });
    vec![
        sent(
            "an unknown path",
            &send(&server, post("/access/v9/evaluation", "{}")).await,
        ),
        sent(
            "no identifier",
            &send(&server, get("/.well-known/authzen-configuration")).await,
        ),
        sent(
            "another identifier",
            &send(&tenant, get("/.well-known/authzen-configuration")).await,
        ),
        raised("a page that is off", Error::PageOff("metrics")).await,
        sent("another method", &send(&server, get(EVALUATION)).await),
        sent(
            "another method, again",
            &send(&server, request(Method::POST, "/healthz")).await,
        ),
    ]
}

async fn of_the_service() -> Vec<Value> {
    let server = empty(local());
    vec![
        raised("the connection broke", Error::BodyIncomplete).await,
        raised(
            "a slow body",
            Error::BodyTimeout(Duration::from_millis(2500)),
        )
        .await,
        sent(
            "no bundle",
            &send(&server, post(EVALUATION, question().to_string())).await,
        ),
        raised(
            "a revision that does not come",
            Error::RevisionNotReached {
                wanted: Revision(9),
                newest: Revision(7),
                waited: Duration::from_secs(2),
            },
        )
        .await,
        raised("too many that wait for one", Error::TooManyWaiting).await,
        raised("too much to do", Error::Overloaded(Shortage::Time)).await,
        raised("too many bodies", Error::Overloaded(Shortage::Bodies)).await,
        raised("too many answers", Error::Overloaded(Shortage::Answers)).await,
        raised("edits from another page", Error::OtherOrigin).await,
        raised("too many watches", Error::Overloaded(Shortage::Watches)).await,
        raised("too large an answer", Error::AnswerTooLarge(4 << 20)).await,
        raised(
            "a batch without end",
            Error::BatchTimeout(Duration::from_secs(5)),
        )
        .await,
        raised("a full queue", Error::Fault(Fault::RecordQueueFull)).await,
        raised(
            "relations out of reach",
            Error::Fault(Fault::Relations("a detail for the log alone".to_owned())),
        )
        .await,
        raised(
            "relations beyond their limits",
            Error::Fault(Fault::RelationLimit(
                "a detail for the log alone".to_owned(),
            )),
        )
        .await,
        raised(
            "a fault",
            Error::Fault(Fault::Internal("a detail for the log alone".to_owned())),
        )
        .await,
    ]
}

#[actix_web::test]
async fn the_catalogue_is_committed_and_holds_every_code() {
    let mut entries = of_bodies().await;
    entries.extend(of_options().await);
    entries.extend(of_batches().await);
    entries.extend(of_searches().await);
    entries.extend(of_callers().await);
    entries.extend(of_paths().await);
    entries.extend(of_the_service().await);
    let code = |entry: &Value| {
        entry["body"]["error"]["code"]
            .as_str()
            .unwrap_or("none")
            .to_owned()
    };
    let found: BTreeSet<String> = entries.iter().map(code).collect();
    let described = serde_json::to_value(openapi()).unwrap();
    let variants = described["components"]["schemas"]["ErrorCode"].clone();
    let closed: BTreeSet<String> = names(&variants).collect();
    assert_eq!(found, closed);
    let text = serde_json::to_string_pretty(&entries).unwrap() + "\n";
    assert!(!text.contains("a detail for the log alone"));
    support::golden::check("tests/golden/errors.json", &text);
}

/// The values of an enumeration, as the description spells them: as a list, or one by one with
/// their comments.
fn names(schema: &Value) -> impl Iterator<Item = String> {
    let texts = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let each = texts(&schema["oneOf"])
        .into_iter()
        .flat_map(move |one| texts(&one["enum"]));
    texts(&schema["enum"])
        .into_iter()
        .chain(each)
        .filter_map(|value| value.as_str().map(str::to_owned))
}
