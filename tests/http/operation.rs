//! Probes, metrics, and the page.

use crate::deciding;
use actix_web::http::Method;
use behest::bundle::BundleSource;
use behest::evidence::CallerScope;
use behest::http::{Caller, CallerCredential, KeyHash, PageReaders, Permission, Settings};
use serde_json::json;
use support::service::{empty, get, local, request, send, with_engine};

#[actix_web::test]
async fn it_lives_before_it_can_decide() {
    let server = empty(local());
    assert_eq!(send(&server, get("/healthz")).await.status, 200);
    let reply = send(&server, get("/readyz")).await;
    assert_eq!(reply.status, 503);
    assert_eq!(
        reply.json(),
        json!({"ready": false, "last_load_failed": false})
    );
}

#[actix_web::test]
async fn it_is_ready_once_a_bundle_is_live() {
    let reply = send(&deciding(local()), get("/readyz")).await;
    assert_eq!(reply.status, 200);
    let body = reply.json();
    assert_eq!(
        (&body["ready"], &body["last_load_failed"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(body["bundle"].as_str().map(str::len), Some(64));
    assert_eq!(body["since"], "2026-10-01T09:00:00Z");
}

#[actix_web::test]
async fn what_is_wrong_with_a_bundle_is_told_to_an_administrator_alone() {
    let caller = |name: &str, permission| Caller {
        name: name.to_owned(),
        by: CallerCredential::key(KeyHash::of(name.as_bytes())),
        permissions: std::iter::once(permission).collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let callers = vec![
        caller("admin", Permission::Admin),
        caller("gateway", Permission::Decide),
    ];
    let (server, engine) = with_engine(Settings {
        callers,
        ..Settings::default()
    });
    let missing = tempfile::tempdir().unwrap().path().join("not-there");
    assert!(engine.load(&BundleSource::Dir(missing)).is_err());
    let probe = send(&server, get("/readyz")).await.json();
    assert_eq!(probe, json!({"ready": false, "last_load_failed": true}));
    let gateway = send(
        &server,
        get("/readyz").insert_header(("Authorization", "Bearer gateway")),
    )
    .await
    .json();
    assert_eq!(gateway, probe);
    let admin = send(
        &server,
        get("/readyz").insert_header(("Authorization", "Bearer admin")),
    )
    .await
    .json();
    assert!(!admin["problems"].as_array().unwrap().is_empty());
}

#[actix_web::test]
async fn metrics_are_text() {
    let reply = send(&empty(local()), get("/metrics")).await;
    assert_eq!(reply.status, 200);
    let kind = Some("application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(reply.header("content-type"), kind);
    assert!(reply.body.ends_with("# EOF\n"), "{}", reply.body);
}

#[actix_web::test]
async fn the_page_is_whole_and_loads_nothing_from_elsewhere() {
    let server = empty(local());
    for path in ["/", "/docs"] {
        let reply = send(&server, get(path)).await;
        assert_eq!(
            (reply.status.as_u16(), reply.header("location")),
            (307, Some("/docs/"))
        );
    }
    let page = send(&server, get("/docs/")).await;
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-security-policy"),
        Some("frame-ancestors 'none'")
    );
    assert!(!page.body.contains("http://") && !page.body.contains("https://"));
    let script = send(&server, get("/docs/swagger-initializer.js"))
        .await
        .body;
    assert!(
        script.contains("\"url\": \"/openapi.json\"")
            && script.contains("\"tryItOutEnabled\": true"),
        "{script}"
    );
    let api = send(&server, get("/openapi.json")).await;
    assert_eq!(
        api.json(),
        serde_json::to_value(behest::http::openapi()).unwrap()
    );
}

#[actix_web::test]
async fn probes_may_ask_for_the_head_alone() {
    let server = empty(local());
    assert_eq!(
        send(&server, request(Method::HEAD, "/healthz"))
            .await
            .status,
        200
    );
    let reply = send(&server, request(Method::DELETE, "/healthz")).await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

/// A service that is about to end says so to probes, and still answers.
#[actix_web::test]
async fn a_service_that_drains_is_alive_and_not_ready() {
    let server = deciding(local());
    server.drain();
    let reply = send(&server, get("/readyz")).await;
    assert_eq!(reply.status, 503);
    let body = reply.json();
    assert_eq!(
        (&body["ready"], &body["draining"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(send(&server, get("/healthz")).await.status, 200);
    let asked = support::service::post(crate::EVALUATION, crate::question().to_string());
    assert_eq!(send(&server, asked).await.status, 200);
}

#[actix_web::test]
async fn pages_are_open_or_for_callers_or_off_as_their_settings_say() {
    const DOCS: [&str; 7] = [
        "/",
        "/console",
        "/console/",
        "/docs",
        "/docs/",
        "/docs/index.css",
        "/openapi.json",
    ];
    let caller = Caller {
        name: "scraper".to_owned(),
        by: CallerCredential::key(KeyHash::of(b"key")),
        permissions: std::iter::empty().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    for (readers, without, with_key) in [
        (PageReaders::Open, [200, 307], [200, 307]),
        (PageReaders::Callers, [401, 401], [200, 307]),
        (PageReaders::Off, [404, 404], [404, 404]),
    ] {
        for is_docs in [false, true] {
            let pages: &[&str] = if is_docs { &DOCS } else { &["/metrics"] };
            let others: &[&str] = if is_docs { &["/metrics"] } else { &DOCS };
            let chosen = |is_chosen| {
                if is_chosen {
                    readers
                } else {
                    PageReaders::Open
                }
            };
            let server = empty(Settings {
                callers: vec![caller.clone()],
                metrics: chosen(!is_docs),
                docs: chosen(is_docs),
                ..Settings::default()
            });
            for path in pages {
                let keyed = get(path).insert_header(("Authorization", "Bearer key"));
                let (bare, keyed) = (
                    send(&server, get(path)).await,
                    send(&server, keyed).await.status.as_u16(),
                );
                let status = bare.status.as_u16();
                assert!(without.contains(&status), "{readers:?} {path}: {status}");
                assert!(with_key.contains(&keyed), "{readers:?} {path}: {keyed}");
                if readers == PageReaders::Off {
                    assert!(bare.body.contains("turned this page off"), "{}", bare.body);
                }
            }
            for path in others {
                let status = send(&server, get(path)).await.status.as_u16();
                assert!([200, 307].contains(&status), "{path}: {status}");
            }
        }
    }
    // Where nobody is configured, a caller without a key is nobody either.
    let closed = empty(Settings {
        metrics: PageReaders::Callers,
        ..local()
    });
    assert_eq!(send(&closed, get("/metrics")).await.status, 401);
}
