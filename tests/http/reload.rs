//! Requests while the bundle, or the settings, are replaced under them.

use crate::socket::{Running, read_response, running};
use crate::{EVALUATION, deciding, question};
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{CallerScope, Signer};
use behest::http::{
    Caller, CallerCredential, CallerKey, HttpLimits, KeyHash, Permission, Server, Settings,
};
use behest::model::Timestamp;
use behest::record::Recorder;
use behest::telemetry::Metrics;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Duration;
use support::service::{NOW_MS, empty, get, local, post, send, with_clock};

const SCHEMA: &str =
    "entity user, doc;\naction read appliesTo { principal: user, resource: doc };\n";

/// A bundle that permits one document.
fn write(root: &Path, doc: &str) {
    std::fs::create_dir_all(root.join("schemas")).unwrap();
    std::fs::create_dir_all(root.join("policies")).unwrap();
    std::fs::write(root.join("schemas/s.cedarschema"), SCHEMA).unwrap();
    let policy = format!("@id(\"only\") permit (principal, action, resource == doc::\"{doc}\");\n");
    std::fs::write(root.join("policies/p.cedar"), policy).unwrap();
}

/// Two documents, one of which each bundle permits.
fn request() -> String {
    let body = json!({
        "subject": {"type": "user", "id": "alice"},
        "action": {"name": "read"},
        "evaluations": [{"resource": {"type": "doc", "id": "a"}}, {"resource": {"type": "doc", "id": "b"}}],
        "options": {"explain": true},
    })
    .to_string();
    let length = body.len();
    format!(
        "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
        crate::EVALUATIONS
    )
}

/// What one bundle decided about both documents, by its digest.
type Seen = BTreeMap<String, Vec<bool>>;

/// Asks on one connection until told to stop. Each answer must come, be whole, and be of one
/// bundle.
fn ask_until(stop: &AtomicBool, asked: &AtomicUsize, address: SocketAddr) -> Seen {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let request = request();
    let mut seen = Seen::new();
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(request.as_bytes()).unwrap();
        let response = read_response(&mut stream);
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        let body: Value = serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap();
        let answers = body["evaluations"].as_array().unwrap();
        let digest = |answer: &Value| {
            answer["context"]["explanation"]["bundle"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            digest(&answers[0]),
            digest(&answers[1]),
            "an answer mixes two bundles"
        );
        let decisions: Vec<bool> = answers
            .iter()
            .map(|answer| answer["decision"].as_bool().unwrap())
            .collect();
        let before = seen
            .entry(digest(&answers[0]))
            .or_insert_with(|| decisions.clone());
        assert_eq!(*before, decisions, "a bundle decides in two ways");
        asked.fetch_add(1, Ordering::Relaxed);
    }
    seen
}

#[test]
fn forty_reloads_lose_no_request() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a"), "a");
    write(&folder.path().join("b"), "b");
    write(&folder.path().join("broken"), "a");
    std::fs::write(
        folder.path().join("broken/policies/more.cedar"),
        "forbid (principal, action",
    )
    .unwrap();

    let (clock, metrics) = (
        Arc::new(FixedClock::at(NOW_MS)),
        Arc::new(Metrics::default()),
    );
    let engine = Engine::new(clock.clone(), metrics.clone(), Recorder::default())
        .with_quiet(Duration::from_millis(1));
    let engine = Arc::new(engine);
    let load = |name: &str| {
        engine
            .load(&BundleSource::Dir(folder.path().join(name)))
            .is_ok()
    };
    assert!(load("a"));
    let settings = Settings {
        workers: Some(2),
        ..local()
    };
    let server = Server::new(
        settings,
        engine.clone(),
        metrics,
        clock,
        &Signer::in_memory().unwrap(),
    )
    .unwrap();
    let service = running(server);

    let (stop, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    let seen = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| ask_until(&stop, &asked, service.address)))
            .collect();
        let mut refused = 0;
        for round in 0..40 {
            // Each bundle is asked before the next comes.
            let before = asked.load(Ordering::Relaxed);
            refused += usize::from(!load(["b", "broken", "a", "broken"][round % 4]));
            while asked.load(Ordering::Relaxed) < before + 3
                && !clients.iter().any(ScopedJoinHandle::is_finished)
            {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(refused, 20);
        let seen: Vec<Seen> = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect();
        seen.into_iter().flatten().collect::<Seen>()
    });
    let mut decisions: Vec<Vec<bool>> = seen.into_values().collect();
    decisions.sort();
    assert_eq!(decisions, [[false, true], [true, false]]);
    service.stop();
}

fn caller(name: &str, keys: &[(&str, Option<i64>)], permissions: &[Permission]) -> Caller {
    let key = |(text, until): &(&str, Option<i64>)| CallerKey {
        hash: KeyHash::of(text.as_bytes()),
        until: until.map(Timestamp),
    };
    Caller {
        name: name.to_owned(),
        by: CallerCredential::Keys(keys.iter().map(key).collect()),
        permissions: permissions.iter().copied().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    }
}

fn of(callers: Vec<Caller>) -> Settings {
    Settings {
        callers,
        workers: Some(1),
        ..Settings::default()
    }
}

/// What the settings of before make of a request, and those of after of its end, where its body
/// comes in two parts and they are replaced in between.
fn across(before: Settings, after: Settings, key: &str) -> String {
    let server = deciding(before);
    let service = running(server.clone());
    let answer = begun(&service, key, || server.renew(after));
    service.stop();
    answer
}

fn begun(service: &Running, key: &str, meanwhile: impl FnOnce()) -> String {
    let body = question().to_string();
    let (first, rest) = body.split_at(20);
    let authorization = if key.is_empty() {
        String::new()
    } else {
        format!("Authorization: Bearer {key}\r\n")
    };
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let length = body.len();
    let head = format!(
        "POST {EVALUATION} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{first}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    // By then the service has admitted the request, and waits for the rest.
    std::thread::sleep(Duration::from_millis(200));
    meanwhile();
    stream.write_all(rest.as_bytes()).unwrap();
    let response = read_response(&mut stream);
    let status = response.split(' ').nth(1).unwrap().to_owned();
    let code = response.split("\"code\":\"").nth(1);
    let code = code.and_then(|code| code.split('"').next()).unwrap_or("");
    format!("{status} {code}").trim().to_owned()
}

/// Who was taken out, or may do less, gets no answer to what was asked before; whoever is there as
/// before gets one, by whichever key is still there and wherever the caller stands now.
#[test]
fn a_request_in_progress_is_answered_by_the_settings_of_now() {
    use Permission::{Decide, Explain};
    let gateway = || caller("gateway", &[("one", None)], &[Decide]);
    let other = || caller("other", &[("another", None)], &[Decide, Explain]);
    let limits = HttpLimits {
        evaluations: 7,
        ..HttpLimits::default()
    };
    for (after, expected) in [
        (of(vec![gateway(), other()]), "200"),
        (of(vec![other(), gateway()]), "200"),
        (
            Settings {
                limits,
                ..of(vec![gateway()])
            },
            "200",
        ),
        (
            of(vec![caller(
                "gateway",
                &[("two", None), ("one", None)],
                &[Decide],
            )]),
            "200",
        ),
        (of(vec![other()]), "401 unauthenticated"),
        (of(Vec::new()), "401 unauthenticated"),
        (
            of(vec![caller("gateway", &[("two", None)], &[Decide])]),
            "401 unauthenticated",
        ),
        (
            of(vec![caller("gateway", &[("one", Some(NOW_MS))], &[Decide])]),
            "401 unauthenticated",
        ),
        (
            of(vec![caller("gateway", &[("one", None)], &[Explain])]),
            "503 settings_changed",
        ),
        (
            of(vec![caller("renamed", &[("one", None)], &[Decide])]),
            "503 settings_changed",
        ),
        (
            of(vec![Caller {
                require_actor: true,
                ..gateway()
            }]),
            "503 settings_changed",
        ),
    ] {
        let shown = format!("{after:?}");
        let before = of(vec![gateway(), other()]);
        assert_eq!(across(before, after, "one"), expected, "{shown}");
    }
}

#[test]
fn callers_without_a_key_go_as_soon_as_there_are_others() {
    let callers = vec![caller("gateway", &[("one", None)], &[Permission::Decide])];
    let decide = || Settings {
        workers: Some(1),
        ..local()
    };
    assert_eq!(across(decide(), decide(), ""), "200");
    assert_eq!(across(decide(), of(callers), ""), "401 unauthenticated");
    let fewer = Settings {
        anonymous: Some(std::iter::once(Permission::Decide).collect()),
        ..decide()
    };
    assert_eq!(across(decide(), fewer, ""), "503 settings_changed");
}

#[test]
fn a_key_ends_while_its_request_is_on_the_way() {
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let keys = [("one", Some(NOW_MS + 1_000)), ("two", None)];
    let settings = of(vec![caller("gateway", &keys, &[Permission::Decide])]);
    let (server, engine) = with_clock(settings, clock.clone(), |engine| engine);
    engine.load(&BundleSource::Embedded).unwrap();
    let service = running(server);
    assert_eq!(begun(&service, "one", || ()), "200");
    let ended = begun(&service, "one", || clock.set(NOW_MS + 1_000));
    assert_eq!(ended, "401 unauthenticated");
    assert_eq!(begun(&service, "two", || ()), "200");
    service.stop();
}

#[actix_web::test]
async fn a_key_counts_until_its_end_and_its_metric_says_when_that_is() {
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let keys = [("one", Some(NOW_MS + 5_000)), ("two", None)];
    let settings = of(vec![caller("gateway", &keys, &[Permission::Decide])]);
    let (server, _) = with_clock(settings, clock.clone(), |engine| engine);
    let ask = async |key: &str| {
        let request = post(EVALUATION, question().to_string());
        let key = format!("Bearer {key}");
        send(&server, request.insert_header(("Authorization", key))).await
    };
    assert_eq!(ask("one").await.status, 503);
    assert_eq!(ask("two").await.status, 503);
    let metrics = send(&server, get("/metrics")).await.body;
    let line =
        "behest_caller_key_expiry_timestamp_seconds{caller=\"gateway\",key=\"1\"} 1790845205";
    assert!(metrics.contains(line), "{metrics}");
    clock.set(NOW_MS + 5_000);
    let ended = ask("one").await;
    assert_eq!(ended.status, 401);
    assert!(ended.body.contains("has ended"), "{}", ended.body);
    assert_eq!(
        ended.header("www-authenticate"),
        Some("Bearer realm=\"behest\", error=\"invalid_token\"")
    );
    assert_eq!(ask("two").await.status, 503);
}

/// A service of which a caller's connection is still open.
#[actix_web::test]
async fn a_worker_that_runs_follows_the_settings() {
    let gateway = || caller("gateway", &[("one", None)], &[Permission::Decide]);
    let server = empty(of(vec![gateway()]));
    let app = actix_web::test::init_service(server.app()).await;
    let ask = async |key: &str| {
        let request = post(EVALUATION, question().to_string());
        let key = format!("Bearer {key}");
        let request = request.insert_header(("Authorization", key)).to_request();
        let response = actix_web::test::call_service(&app, request).await;
        response.status().as_u16()
    };
    assert_eq!((ask("one").await, ask("another").await), (503, 401));
    let other = caller("other", &[("another", None)], &[Permission::Decide]);
    server.renew(of(vec![other]));
    assert_eq!((ask("one").await, ask("another").await), (401, 503));
    server.renew(of(vec![gateway()]));
    assert_eq!((ask("one").await, ask("another").await), (503, 401));
}

/// Two settings, one after the other, and each caller asks the same.
#[test]
fn an_old_connection_does_not_keep_old_settings() {
    let gateway = || caller("gateway", &[("one", None)], &[Permission::Decide]);
    let server = deciding(of(vec![gateway()]));
    let service = running(server.clone());
    let body = question().to_string();
    let length = body.len();
    let request = format!(
        "POST {EVALUATION} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer one\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(service.address).unwrap();
    let mut ask = || {
        stream.write_all(request.as_bytes()).unwrap();
        let response = read_response(&mut stream);
        response.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(ask(), "200");
    server.renew(of(Vec::new()));
    assert_eq!(ask(), "401");
    server.renew(of(vec![gateway()]));
    assert_eq!(ask(), "200");
    server.drain();
    stream.write_all(request.as_bytes()).unwrap();
    let last = read_response(&mut stream);
    assert!(last.contains("connection: close"), "{last}");
    service.stop();
}
