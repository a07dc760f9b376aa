//! Probes, metrics, and the page.

use crate::deciding;
use actix_web::http::Method;
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::evidence::CallerScope;
use behest::http::{Caller, CallerCredential, KeyHash, PageReaders, Permission, Rate, Settings};
use behest::stores::{Stores, open_memory};
use serde_json::json;
use std::sync::Arc;
use support::service::{NOW_MS, empty, get, local, post, request, send, with_clock, with_engine};

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

fn named(name: &str) -> Caller {
    Caller {
        name: name.to_owned(),
        by: CallerCredential::key(KeyHash::of(name.as_bytes())),
        permissions: std::iter::once(Permission::Decide).collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    }
}

/// Returns the samples of a metric, without those that are zero.
fn samples(metrics: &str, name: &str) -> Vec<String> {
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    let mut found: Vec<String> = lines
        .filter(|line| !line.ends_with(" 0"))
        .map(|line| line.trim_start_matches(name).to_owned())
        .collect();
    found.sort_unstable();
    found
}

#[actix_web::test]
async fn requests_are_counted_by_caller_and_outcome() {
    const COUNTED: &str = "behest_caller_requests_total";
    let settings = Settings {
        callers: vec![
            named("gateway"),
            Caller {
                rate: Some(Rate {
                    per_second: 1,
                    burst: Some(1),
                }),
                ..named("eager")
            },
        ],
        ..Settings::default()
    };
    let server = deciding(settings.clone());
    let ask = |key: &str| {
        let asked = post(crate::EVALUATION, crate::question().to_string());
        asked.insert_header(("Authorization", format!("Bearer {key}")))
    };
    for (request, status) in [
        (ask("gateway"), 200),
        (ask("gateway"), 200),
        (
            post(crate::EVALUATION, "{}").insert_header(("Authorization", "Bearer gateway")),
            400,
        ),
        (ask("eager"), 200),
        (ask("eager"), 429),
        (ask("nobody"), 401),
        (
            get("/healthz").insert_header(("Authorization", "Bearer nobody")),
            401,
        ),
        (post(crate::EVALUATION, crate::question().to_string()), 401),
        (get("/healthz"), 200),
    ] {
        assert_eq!(send(&server, request).await.status, status);
    }
    let metrics = send(&server, get("/metrics")).await.body;
    assert_eq!(
        samples(&metrics, COUNTED),
        [
            r#"{caller="anonymous",outcome="answered"} 1"#,
            r#"{caller="anonymous",outcome="refused"} 1"#,
            r#"{caller="eager",outcome="answered"} 1"#,
            r#"{caller="eager",outcome="limited"} 1"#,
            r#"{caller="gateway",outcome="answered"} 2"#,
            r#"{caller="gateway",outcome="refused"} 1"#,
            r#"{caller="unknown",outcome="refused"} 2"#,
        ]
    );
    // Who is no caller any more has no time series; who stays goes on.
    server.renew(Settings {
        callers: vec![named("gateway"), named("later")],
        ..settings
    });
    assert_eq!(send(&server, ask("gateway")).await.status, 200);
    let metrics = send(&server, get("/metrics")).await.body;
    let found = samples(&metrics, COUNTED);
    assert!(
        found.contains(&r#"{caller="gateway",outcome="answered"} 3"#.to_owned()),
        "{found:?}"
    );
    assert!(!metrics.contains("\"eager\""), "{found:?}");
    assert!(metrics.contains("\"later\""), "{metrics}");
}

#[actix_web::test]
async fn metrics_say_what_the_stores_hold_and_how_the_last_load_ended() {
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let stores = Arc::new(Stores::open(open_memory().unwrap(), clock.clone()).unwrap());
    stores.create("other").unwrap();
    let (server, engine) = with_clock(local(), clock, |engine| engine.with_stores(stores));
    let before = send(&server, get("/metrics")).await.body;
    for line in [
        "behest_bundle_last_reload_successful NaN\n",
        "behest_bundle_last_reload_timestamp_seconds NaN\n",
        "behest_settings_last_reload_successful 1.0\n",
        "behest_settings_last_reload_timestamp_seconds 1790845200.0\n",
        "behest_stores 2\n",
        "behest_tuples{layer=\"stored\"} 0\n",
        "behest_data_bytes 0\n",
    ] {
        assert!(before.contains(line), "{line}: {before}");
    }
    engine.load(&BundleSource::Embedded).unwrap();
    let missing = BundleSource::Dir(tempfile::tempdir().unwrap().path().join("not-there"));
    for (is_good, sample) in [(true, "1.0"), (false, "0.0"), (true, "1.0")] {
        let source = if is_good {
            &BundleSource::Embedded
        } else {
            &missing
        };
        assert_eq!(engine.load(source).is_ok(), is_good);
        let metrics = send(&server, get("/metrics")).await.body;
        let found = samples(&metrics, "behest_bundle_last_reload_");
        assert_eq!(
            found,
            [
                format!("successful {sample}"),
                "timestamp_seconds 1790845200.0".to_owned()
            ]
        );
        assert_ne!(
            samples(&metrics, "behest_tuples{layer=\"bundle\"}"),
            Vec::<String>::new()
        );
        assert!(
            !metrics.contains("\nbehest_relations_revision 0\n"),
            "{metrics}"
        );
        assert!(!metrics.contains("behest_tls_"), "{metrics}");
    }
}

/// Whoever operates the service, or reads relations, reads not all that it keeps.
#[actix_web::test]
async fn a_backup_is_for_its_own_permission_alone() {
    let callers = Permission::ALL.map(|permission| Caller {
        name: permission.as_str().to_owned(),
        by: CallerCredential::key(KeyHash::of(permission.as_str().as_bytes())),
        permissions: std::iter::once(permission).collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    });
    let (server, _engine) = with_engine(Settings {
        callers: callers.to_vec(),
        ..Settings::default()
    });
    for permission in Permission::ALL {
        let key = format!("Bearer {}", permission.as_str());
        let asked = get("/admin/v1/backup").insert_header(("Authorization", key));
        let status = send(&server, asked).await.status;
        // This service keeps nothing.
        let expected = if permission == Permission::Backup {
            404
        } else {
            403
        };
        assert_eq!(status, expected, "{permission:?}");
    }
    assert_eq!(send(&server, get("/admin/v1/backup")).await.status, 401);
}
