//! Probes, metrics, the page, and decisions as they are made.

use crate::socket::{Running, read_response, running};
use crate::{EVALUATION, EVALUATIONS, deciding, question};
use actix_web::body::MessageBody as _;
use actix_web::dev::Service as _;
use actix_web::http::Method;
use actix_web::test::init_service;
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{CallerScope, Signer};
use behest::http::{
    Caller, CallerCredential, KeyHash, PageReaders, Permission, Rate, Server, Settings,
};
use behest::record::{QueueSettings, Recorder, Sink};
use behest::stores::{Stores, open_memory};
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::service::{
    NOW_MS, empty, get, local, post, reply, request, send, with_clock, with_engine,
};

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

/// A client of the decisions as they are made.
struct Watcher {
    stream: TcpStream,
    /// What came and was not read yet, without the marks of pieces.
    text: String,
    raw: Vec<u8>,
    is_over: bool,
}

const WATCH: &str = "/explain/v1/decisions";

impl Watcher {
    fn begin(address: SocketAddr, query: &str, more: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let head = format!("GET {WATCH}{query} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut watcher = Self {
            stream,
            text: String::new(),
            raw: Vec::new(),
            is_over: false,
        };
        while !watcher.raw.windows(4).any(|four| four == b"\r\n\r\n") {
            assert!(watcher.read(), "no answer");
        }
        let end = watcher.raw.windows(4).position(|four| four == b"\r\n\r\n");
        let head: Vec<u8> = watcher.raw.drain(..end.unwrap() + 4).collect();
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        assert!(
            head.contains("content-type: text/event-stream\r\n"),
            "{head}"
        );
        assert_eq!(watcher.block(), "retry: 2000\n:", "{head}");
        watcher
    }

    /// Reads what there is; `false` if the connection has ended.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 1 << 14];
        match self.stream.read(&mut bytes) {
            Ok(0) => false,
            Ok(count) => {
                self.raw.extend_from_slice(&bytes[..count]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes one whole piece; `false` if there is none.
    fn piece(&mut self) -> bool {
        let Some(line) = self.raw.windows(2).position(|two| two == b"\r\n") else {
            return false;
        };
        let length = str::from_utf8(&self.raw[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        if self.raw.len() < line + length + 4 {
            return false;
        }
        self.is_over = length == 0;
        let piece: Vec<u8> = self.raw.drain(..line + length + 4).collect();
        self.text
            .push_str(str::from_utf8(&piece[line + 2..line + 2 + length]).unwrap());
        true
    }

    /// The next event or comment; empty at the regular end, and `broken off` at any other.
    fn block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return block;
            }
            if self.is_over {
                return String::new();
            }
            if !self.piece() && !self.read() {
                return "broken off".to_owned();
            }
        }
    }

    /// The id and the record of the next decision.
    fn decision(&mut self) -> (String, Value) {
        let block = self.block();
        let rest = block.strip_prefix("event: decision\nid: ");
        let (id, data) = rest
            .and_then(|rest| rest.split_once("\ndata: "))
            .unwrap_or_else(|| panic!("no decision: {block}"));
        (id.to_owned(), serde_json::from_str(data).unwrap())
    }
}

/// A service with a cache of requests, on a socket.
fn watched(settings: Settings, recorder: Recorder) -> (Running, Server, Arc<Engine>) {
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let metrics = Arc::new(Metrics::default());
    let stores = Stores::open(open_memory().unwrap(), clock.clone()).unwrap();
    let engine = Engine::new(clock.clone(), metrics.clone(), recorder)
        .with_stores(Arc::new(stores))
        .with_cache(1 << 20);
    let engine = Arc::new(engine);
    assert!(engine.load(&BundleSource::Embedded).is_ok());
    let settings = Settings {
        known_bytes: 1 << 20,
        workers: Some(1),
        ..settings
    };
    let signer = Signer::in_memory().unwrap();
    let server = Server::new(settings, engine.clone(), metrics, clock, &signer).unwrap();
    (running(server.clone()), server, engine)
}

fn watching() -> Settings {
    let permissions = [
        Permission::Decide,
        Permission::Search,
        Permission::DecisionsRead,
    ];
    Settings {
        anonymous: Some(permissions.into_iter().collect()),
        ..Settings::default()
    }
}

fn ask(address: SocketAddr, path: &str, body: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let response = read_response(&mut stream);
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
}

/// What every door decides, each item of a batch and answers from caches among them, in the order
/// and in the words of the record.
#[test]
fn whoever_watches_sees_the_record_of_every_decision() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("decisions.jsonl");
    let metrics = Arc::new(Metrics::default());
    let sink = Sink::File(file.clone());
    let (recorder, writer) = Recorder::start(sink, QueueSettings::default(), metrics).unwrap();
    let (service, ..) = watched(watching(), recorder);
    let mut watcher = Watcher::begin(service.address, "", "");
    let one = question().to_string();
    ask(service.address, EVALUATION, &one);
    ask(service.address, EVALUATION, &one);
    let batch = json!({
        "subject": {"type": "user", "id": "al\u{2028}ice\nevent: x\r\n\n"},
        "action": {"name": "read"},
        "context": {"credentials": [{"type": "id_token", "token": "not.a.token"}]},
        "evaluations": [
            {"resource": {"type": "repository", "id": "checkout"}},
            {"resource": {"type": "nothing", "id": "x"}},
            {"resource": {"type": "repository", "id": "x"}, "subject": {"type": "user", "id": "b"}},
        ],
    });
    ask(service.address, EVALUATIONS, &batch.to_string());
    let search = json!({
        "subject": {"type": "user", "id": "alice"},
        "resource": {"type": "repository", "id": "checkout"},
    });
    ask(
        service.address,
        "/access/v1/search/action",
        &search.to_string(),
    );
    ask(service.address, EVALUATION, &one);
    writer.close();
    let text = std::fs::read_to_string(&file).unwrap();
    let written: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(written.len() >= 6, "{text}");
    let mut numbers = Vec::new();
    for record in &written {
        let (id, mut seen) = watcher.decision();
        let took = seen.as_object_mut().unwrap().remove("took_us");
        assert!(took.is_some_and(|took| took.is_u64()));
        assert_eq!(seen, *record);
        let (_, number) = id.split_once('-').unwrap();
        numbers.push(number.parse::<usize>().unwrap());
    }
    assert_eq!(numbers, (1..=written.len()).collect::<Vec<_>>());
    assert!(!text.contains("not.a.token"));
    service.stop();
}

/// Values that are marked `@secret` are not shown, be it without any other record.
#[test]
fn whoever_watches_sees_no_secret() {
    let (service, _, engine) = watched(watching(), Recorder::default());
    let folder = crate::console::secret_bundle();
    let source = BundleSource::Dir(folder.path().to_owned());
    assert!(engine.load(&source).is_ok());
    let mut watcher = Watcher::begin(service.address, "", "");
    let body = json!({
        "subject": {"type": "user", "id": "a", "properties": {"pin": "7777", "level": 3}},
        "action": {"name": "read"},
        "resource": {"type": "doc", "id": "d"},
        "context": {"arguments": {"card": 4711, "note": "shown"}},
    });
    ask(service.address, EVALUATION, &body.to_string());
    let (_, record) = watcher.decision();
    assert_eq!(record["decision"], "permit");
    let text = record.to_string();
    assert!(!text.contains("7777") && !text.contains("4711"), "{text}");
    service.stop();
}

/// An answer that is kept for a body is decided anew while somebody watches, with what policies
/// read; and what was decided meanwhile is counted.
#[test]
fn answers_that_were_kept_are_seen_and_missed_ones_are_counted() {
    let (service, ..) = watched(watching(), Recorder::default());
    let one = question().to_string();
    for _ in 0..3 {
        ask(service.address, EVALUATION, &one);
    }
    let mut watcher = Watcher::begin(service.address, "", "");
    ask(service.address, EVALUATION, &one);
    let (id, record) = watcher.decision();
    assert!(id.ends_with("-4"), "{id}");
    assert_eq!(
        record["policies"].as_array().map(Vec::is_empty),
        Some(false)
    );
    drop(watcher);
    // The service sees that the client has left when it next looks.
    std::thread::sleep(Duration::from_millis(800));
    for _ in 0..2 {
        ask(service.address, EVALUATION, &one);
    }
    let last = format!("Last-Event-ID: {id}\r\n");
    let mut again = Watcher::begin(service.address, "", &last);
    let missed = "event: missed\ndata: {\"decisions\":2,\"why\":\"away\"}";
    assert_eq!(again.block(), missed);
    ask(service.address, EVALUATION, &one);
    assert!(again.decision().0.ends_with("-7"));
    let mut other = Watcher::begin(service.address, "", "Last-Event-ID: 0-3\r\n");
    assert_eq!(
        other.block(),
        "event: missed\ndata: {\"why\":\"restarted\"}"
    );
    service.stop();
}

#[test]
fn a_watch_shows_what_it_is_asked_for() {
    let (service, ..) = watched(watching(), Recorder::default());
    let bodies = [
        question(),
        json!({
            "subject": {"type": "user", "id": "zoe"},
            "action": {"name": "delete"},
            "resource": {"type": "nothing", "id": "checkout"},
        }),
        json!({
            "subject": {"type": "agent", "id": "bot", "delegation_chain": [{"type": "user", "id": "alice"}]},
            "action": {"name": "read"},
            "resource": {"type": "repository", "id": "other"},
        }),
    ];
    for (query, expected) in [
        ("", "012"),
        ("?decision=permit", "0"),
        ("?decision=deny", "12"),
        ("?decision=fault", ""),
        ("?subject=user:alice", "02"),
        ("?subject=user:", "012"),
        ("?subject=:zoe", "1"),
        ("?actor=agent:bot", "2"),
        ("?actor=user:alice", ""),
        ("?action=read", "02"),
        ("?resource=:checkout", "01"),
        ("?resource=repository:", "02"),
        (
            "?resource=repository:other&action=read&caller=anonymous",
            "2",
        ),
        ("?caller=gateway", ""),
    ] {
        let mut watcher = Watcher::begin(service.address, query, "");
        // The last is seen by every watch that does not ask for less.
        for body in &bodies {
            ask(service.address, EVALUATION, &body.to_string());
        }
        for at in expected.chars() {
            let (_, record) = watcher.decision();
            let body = &bodies[at.to_digit(10).unwrap() as usize];
            assert_eq!(record["resource"], body["resource"], "{query}");
            assert_eq!(record["action"], body["action"]["name"], "{query}");
        }
        watcher
            .stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let more = watcher.stream.read(&mut [0; 64]).map_err(|e| e.kind());
        assert_eq!(more, Err(ErrorKind::WouldBlock), "{query}");
        drop(watcher);
        std::thread::sleep(Duration::from_millis(300));
    }
    service.stop();
}

#[actix_web::test]
async fn what_a_watch_is_asked_for_must_be_of_its_form() {
    let server = crate::deciding(watching());
    for (query, expected) in [
        (
            "?decision=allow",
            "400 malformed: `decision` must be `permit`, `deny` or `fault`, not `allow`",
        ),
        (
            "?subject=alice",
            "400 malformed: `subject` must be `type:id`, `type:` or `:id`, not `alice`",
        ),
        (
            "?action=a&action=b",
            "400 malformed: `action` occurs more than once",
        ),
    ] {
        let reply = send(&server, get(&format!("{WATCH}{query}"))).await;
        assert_eq!(crate::error(&reply), expected);
    }
    let reply = send(&server, get(&format!("{WATCH}?user=a"))).await;
    assert_eq!(reply.status, 400);
    // A stream that were opened would have an end.
    let server = crate::deciding(local());
    server.drain();
    let reply = send(&server, get(WATCH)).await;
    assert_eq!(
        crate::error(&reply),
        "403 missing_permission: a caller without a key may not do this: send a key with the \
         permission `decisions.read`"
    );
}

/// A watch is bounded: whoever does not read holds nobody up, and is told what was dropped; and
/// there are so many watches of a caller, and no more.
#[actix_web::test]
async fn whoever_does_not_read_loses_the_oldest() {
    let server = deciding(watching());
    let app = init_service(server.app()).await;
    let watch = || app.call(get(WATCH).to_request());
    let mut body = watch().await.unwrap().into_body();
    let items: Vec<Value> = (0..1_000)
        .map(|at| json!({"resource": {"type": "nothing", "id": at.to_string()}}))
        .collect();
    let mut batch = question();
    batch["evaluations"] = items.into();
    for _ in 0..3 {
        let reply = send(&server, post(EVALUATIONS, batch.to_string())).await;
        assert_eq!(reply.status, 200);
    }
    let mut text = String::new();
    while text.matches("event: decision").count() < 2_048 {
        let piece = std::future::poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await;
        let Some(Ok(piece)) = piece else {
            panic!("it ended");
        };
        assert!(piece.len() < 100_000, "a piece of {} bytes", piece.len());
        text.push_str(str::from_utf8(&piece).unwrap());
    }
    let missed: Vec<&str> = text
        .split("\n\n")
        .filter(|event| event.starts_with("event: missed"))
        .collect();
    assert_eq!(
        missed,
        ["event: missed\ndata: {\"decisions\":952,\"why\":\"slow\"}"]
    );
    assert!(text.contains("-953\n") && text.contains("-3000\n"));
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(watch().await.unwrap());
    }
    let refused = reply(watch().await.unwrap()).await;
    assert_eq!(
        crate::error(&refused),
        "503 overloaded: as many watch decisions as may at the same time: end one that is open \
         elsewhere"
    );
    drop(body);
    assert_eq!(watch().await.unwrap().status(), 200);
}

/// A caller that is taken out of the settings, or may watch no more, sees nothing from then on;
/// others watch on, until the service ends.
#[test]
fn a_watch_ends_with_its_permission_and_with_the_service() {
    let of = |permissions: &[&[Permission]]| {
        let names = ["one", "two"];
        let callers = names.iter().zip(permissions);
        let callers = callers.map(|(name, permissions)| Caller {
            name: (*name).to_owned(),
            by: CallerCredential::key(KeyHash::of(name.as_bytes())),
            permissions: permissions.iter().copied().collect(),
            require_actor: false,
            reasons: false,
            rate: None,
            credentials: CallerScope::default(),
        });
        Settings {
            callers: callers.collect(),
            ..Settings::default()
        }
    };
    let both = [Permission::DecisionsRead, Permission::Decide];
    let (service, server, _) = watched(of(&[&both, &both]), Recorder::default());
    let watch = |name: &str| {
        let key = format!("Authorization: Bearer {name}\r\n");
        Watcher::begin(service.address, "", &key)
    };
    let begun = Instant::now();
    let (mut one, mut two) = (watch("one"), watch("two"));
    server.renew(of(&[&both, &[Permission::Decide]]));
    assert_eq!(two.block(), "broken off");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let mut other = watch("one");
    server.renew(of(&[]));
    assert_eq!(other.block(), "broken off");
    assert_eq!(one.block(), "broken off");
    server.renew(of(&[&both]));
    let mut last = watch("one");
    let ended = std::thread::spawn(move || {
        let end = last.block();
        (end, last.block())
    });
    let begun = Instant::now();
    service.stop();
    let (end, after) = ended.join().unwrap();
    assert_eq!((end.as_str(), after.as_str()), ("event: end\ndata: {}", ""));
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "nobody waits for it"
    );
}
