//! Requests over sockets while the bundle is replaced under them.

use crate::socket::{read_response, running};
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::Signer;
use behest::http::{Server, Settings};
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
use support::service::{NOW_MS, local};

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
