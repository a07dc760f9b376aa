//! Who may call (AuthZEN 1.0 sections 11.2 and 11.3, and the rules for callers without a key).

use crate::{EVALUATION, EVALUATIONS, deciding, error, question, with};
use actix_web::test::TestRequest;
use behest::evidence::CallerScope;
use behest::http::{Caller, CallerCredential, KeyHash, Permission, Server, Settings};
use serde_json::json;
use support::service::{Reply, empty, get, local, post, send};

const KEY: &str = "s3cret-Key";

fn caller(permissions: &[Permission]) -> Caller {
    Caller {
        name: "gateway".to_owned(),
        by: CallerCredential::key(KeyHash::of(KEY.as_bytes())),
        permissions: permissions.iter().copied().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    }
}

fn known(permissions: &[Permission]) -> Settings {
    let other = Caller {
        name: "other".to_owned(),
        by: CallerCredential::key(KeyHash::of(b"another")),
        ..caller(&[])
    };
    Settings {
        callers: vec![caller(permissions), other],
        ..Settings::default()
    }
}

/// A question from elsewhere than this machine.
fn remote(authorization: &[&str]) -> TestRequest {
    let request = post(EVALUATION, question().to_string()).insert_header(("Host", "pdp.example"));
    authorization.iter().fold(request, |request, value| {
        request.append_header(("Authorization", *value))
    })
}

async fn status(server: &Server, request: TestRequest) -> u16 {
    send(server, request).await.status.as_u16()
}

#[actix_web::test]
async fn a_key_is_known_or_it_is_not() {
    let server = empty(known(&[Permission::Decide]));
    for (authorization, expected) in [
        (&["Bearer s3cret-Key"][..], 503),
        (&["bearer s3cret-Key"], 503),
        (&["BEARER  s3cret-Key "], 503),
        (&[], 401),
        (&[""], 401),
        (&["Bearer"], 401),
        (&["Bearer "], 401),
        (&["Bearer S3CRET-kEY"], 401),
        (&["Bearer s3cret-Key2"], 401),
        (&["s3cret-Key"], 401),
        (&["Basic czNjcmV0LUtleQ=="], 401),
        (&["Bearer s3cret-Key", "Bearer s3cret-Key"], 401),
        (&["Bearer \u{e9}"], 401),
    ] {
        let reply = send(&server, remote(authorization)).await;
        assert_eq!(reply.status, expected, "{authorization:?}");
        let challenge = reply.header("www-authenticate");
        // Whoever sent nothing is told no more than what to send (RFC 6750 section 3.1).
        let wanted = match authorization.len() {
            0 => "Bearer realm=\"behest\"",
            _ => "Bearer realm=\"behest\", error=\"invalid_token\"",
        };
        assert_eq!(
            challenge,
            (expected == 401).then_some(wanted),
            "{authorization:?}"
        );
    }
}

#[actix_web::test]
async fn a_key_without_a_scheme_counts_only_by_setting() {
    let server = empty(Settings {
        raw_keys: true,
        ..known(&[Permission::Decide])
    });
    for (authorization, expected) in [
        ("s3cret-Key", 503),
        ("Bearer s3cret-Key", 503),
        ("s3cret", 401),
        ("", 401),
    ] {
        assert_eq!(
            status(&server, remote(&[authorization])).await,
            expected,
            "{authorization}"
        );
    }
}

#[actix_web::test]
async fn the_caller_is_known_before_the_body_is_read() {
    let server = empty(known(&[]));
    for (path, key, expected) in [
        (EVALUATION, "Bearer x", 401),
        (EVALUATIONS, "Bearer x", 401),
        (EVALUATION, "Bearer s3cret-Key", 403),
    ] {
        let broken = post(path, "{")
            .insert_header(("Authorization", key))
            .insert_header(("Content-Type", "x/y"));
        assert_eq!(status(&server, broken).await, expected);
    }
}

#[actix_web::test]
async fn each_permission_opens_its_own_doors() {
    let explain = with("options", &json!({"explain": true}));
    for (permissions, decide, explained, search) in [
        (&[][..], 403, 403, 403),
        (&[Permission::Decide], 503, 403, 403),
        (&[Permission::Decide, Permission::Explain], 503, 503, 403),
        (&[Permission::Explain, Permission::Admin], 403, 403, 403),
        (&[Permission::Decide, Permission::Search], 503, 403, 503),
        (&[Permission::Search], 403, 403, 503),
    ] {
        let server = empty(known(permissions));
        let authorized = |path, body: &str| {
            post(path, body).insert_header(("Authorization", "Bearer s3cret-Key"))
        };
        let body = question().to_string();
        assert_eq!(
            status(&server, authorized(EVALUATION, &body)).await,
            decide,
            "{permissions:?}"
        );
        assert_eq!(
            status(&server, authorized(EVALUATIONS, &body)).await,
            decide,
            "{permissions:?}"
        );
        assert_eq!(
            status(&server, authorized(EVALUATION, &explain)).await,
            explained,
            "{permissions:?}"
        );
        assert_eq!(
            status(&server, authorized(EVALUATIONS, &explain)).await,
            explained,
            "{permissions:?}"
        );
        let open = with("options", &json!({"unknown": ["arguments"]}));
        let both = if decide == 503 && search == 503 {
            503
        } else {
            403
        };
        assert_eq!(
            status(&server, authorized(EVALUATIONS, &open)).await,
            both,
            "{permissions:?}"
        );
        let searched = authorized("/access/v1/search/subject", &body);
        assert_eq!(status(&server, searched).await, search, "{permissions:?}");
    }
}

#[actix_web::test]
async fn without_a_key_only_this_machine_is_answered() {
    let server = empty(local());
    for (host, expected) in [
        ("localhost", 503),
        ("localhost:8181", 503),
        ("127.0.0.1", 503),
        ("[::1]:8181", 503),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("10.0.0.7:8181", 403),
    ] {
        let request = post(EVALUATION, question().to_string()).insert_header(("Host", host));
        assert_eq!(status(&server, request).await, expected, "{host}");
    }
    let two = post(EVALUATION, question().to_string()).append_header(("Host", "evil.example"));
    assert_eq!(status(&server, two).await, 403);
    let proxies = [
        "Forwarded",
        "X-Forwarded-For",
        "x-forwarded-host",
        "X-Forwarded-Proto",
        "X-Forwarded",
        "Via",
        "X-Real-IP",
    ];
    for header in proxies {
        let request = post(EVALUATION, question().to_string()).insert_header((header, "localhost"));
        assert_eq!(status(&server, request).await, 403, "{header}");
    }
}

/// The target's host counts, whatever `Host` says (RFC 9112 section 3.2.2).
#[actix_web::test]
async fn a_target_in_absolute_form_names_a_host_too() {
    let server = empty(local());
    for (authority, expected) in [
        ("localhost", 503),
        ("127.0.0.1:8181", 503),
        ("[::1]", 503),
        ("evil.example", 403),
        ("evil.example:8181", 403),
        ("localhost@evil.example", 403),
        ("evil.example@localhost", 403),
    ] {
        let request = post(
            &format!("http://{authority}{EVALUATION}"),
            question().to_string(),
        );
        assert_eq!(status(&server, request).await, expected, "{authority}");
    }
    let other = post(
        &format!("http://localhost{EVALUATION}"),
        question().to_string(),
    );
    assert_eq!(
        status(&server, other.insert_header(("Host", "evil.example"))).await,
        403
    );
}

#[actix_web::test]
async fn a_wrong_key_is_refused_even_where_none_is_needed() {
    let server = empty(local());
    let request =
        post(EVALUATION, question().to_string()).insert_header(("Authorization", "Bearer x"));
    assert_eq!(status(&server, request).await, 401);
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/",
        "/docs",
        "/docs/",
        "/.well-known/jwks.json",
        "/.well-known/authzen-configuration",
        "/nowhere",
    ] {
        for wrong in ["Bearer x", "Basic YTpi", ""] {
            let request = get(path)
                .insert_header(("Authorization", wrong))
                .insert_header(("X-Request-ID", "id-1"));
            let reply = send(&server, request).await;
            assert_eq!(
                error(&reply),
                format!("401 unauthenticated: {WRONG}"),
                "{path} {wrong}"
            );
            assert_eq!(reply.header("x-request-id"), Some("id-1"));
            assert_eq!(
                reply.header("www-authenticate"),
                Some("Bearer realm=\"behest\", error=\"invalid_token\"")
            );
        }
    }
}

const WRONG: &str = "the credential in `Authorization` is not known: send `Authorization: Bearer <key>` with a configured key, or a \
     token of a configured caller";

#[actix_web::test]
async fn a_known_key_opens_public_paths_too() {
    let server = empty(known(&[]));
    for path in [
        "/healthz",
        "/metrics",
        "/openapi.json",
        "/docs/",
        "/.well-known/jwks.json",
    ] {
        let request = get(path).insert_header(("Authorization", "Bearer s3cret-Key"));
        assert_eq!(status(&server, request).await, 200, "{path}");
    }
}

#[actix_web::test]
async fn where_callers_are_configured_nobody_is_anonymous() {
    let server = empty(known(&[Permission::Decide]));
    assert_eq!(
        status(&server, post(EVALUATION, question().to_string())).await,
        401
    );
}

#[actix_web::test]
async fn public_paths_ask_nobody_for_a_key() {
    let server = empty(known(&[]));
    for (path, expected) in [
        ("/healthz", 200),
        ("/readyz", 503),
        ("/metrics", 200),
        ("/openapi.json", 200),
        ("/docs/", 200),
        ("/.well-known/jwks.json", 200),
        ("/.well-known/authzen-configuration", 404),
    ] {
        let request = get(path)
            .insert_header(("Host", "pdp.example"))
            .insert_header(("X-Forwarded-For", "10.0.0.1"));
        assert_eq!(status(&server, request).await, expected, "{path}");
    }
}

fn denied() -> String {
    let mut body = question();
    body["resource"]["id"] = json!("website");
    body["action"]["name"] = json!("write");
    body.to_string()
}

async fn answered(caller: Caller, body: &str) -> Reply {
    let server = deciding(Settings {
        callers: vec![caller],
        ..Settings::default()
    });
    send(
        &server,
        post(EVALUATION, body).insert_header(("Authorization", "Bearer s3cret-Key")),
    )
    .await
}

#[actix_web::test]
async fn a_caller_can_have_reasons_without_asking() {
    let talkative = Caller {
        reasons: true,
        ..caller(&[Permission::Decide])
    };
    let reply = answered(talkative.clone(), &denied()).await;
    assert_eq!(reply.json()["context"]["reason"]["code"], "other_team");
    // What the request says wins.
    let mut quiet: serde_json::Value = serde_json::from_str(&denied()).unwrap();
    quiet["options"] = json!({"reason": false});
    assert_eq!(
        answered(talkative, &quiet.to_string()).await.body,
        r#"{"decision":false}"#
    );
    assert_eq!(
        answered(caller(&[Permission::Decide]), &denied())
            .await
            .body,
        r#"{"decision":false}"#
    );
}

#[actix_web::test]
async fn a_caller_can_be_bound_to_ask_for_agents_only() {
    let gateway = Caller {
        require_actor: true,
        ..caller(&[Permission::Decide])
    };
    assert_eq!(
        answered(gateway.clone(), &question().to_string())
            .await
            .body,
        r#"{"decision":false}"#
    );
    let body = with("context", &json!({"agent": "copilot"}));
    assert_eq!(answered(gateway, &body).await.body, r#"{"decision":true}"#);
    assert_eq!(
        answered(caller(&[Permission::Decide]), &question().to_string())
            .await
            .body,
        r#"{"decision":true}"#
    );
}
