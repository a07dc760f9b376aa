//! Spans: their JSON, the choice of requests, and a collector that does not take them.

use super::*;
use crate::telemetry::{Metrics, TraceParent};
use serde_json::Value;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Instant;

const PARENT: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn settings(ratio: f64) -> TracerSettings {
    TracerSettings {
        otlp: "http://127.0.0.1:1".to_owned(),
        service_name: "pdp".to_owned(),
        ratio,
        headers_file: None,
        ca_file: None,
        timeout_ms: 100,
        queue: 4,
    }
}

fn span() -> RequestSpan {
    let parent = TraceParent::read(PARENT).unwrap();
    let us = Duration::from_micros;
    RequestSpan {
        trace: parent.trace,
        parent: Some(parent.span),
        state: Some("a=1".into()),
        method: "POST",
        route: Some("/access/v1/evaluation".into()),
        is_tls: true,
        status: 200,
        ended_ms: 1_790_845_200_000,
        elapsed: us(250),
        phases: [Some(us(40)), None, Some(us(200))],
        caller: SmolStr::new("gateway"),
        request_id: Some("r-1".into()),
        decision: Some("0193".into()),
        peer: Some("192.0.2.1:4711".parse().unwrap()),
    }
}

fn sample(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.encode(0);
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn lost(metrics: &Metrics, cause: &str) -> u64 {
    sample(
        metrics,
        &format!("behest_spans_dropped_total{{cause=\"{cause}\"}}"),
    )
}

fn written(requests: &[RequestSpan]) -> Value {
    serde_json::from_slice(&otlp::write("pdp", requests).unwrap()).unwrap()
}

fn spans_of(body: &Value) -> Vec<Value> {
    let scope = &body["resourceSpans"][0]["scopeSpans"][0];
    scope["spans"].as_array().unwrap().clone()
}

#[test]
fn a_request_is_a_span_with_a_child_for_each_phase() {
    let body = written(&[span()]);
    let resource = &body["resourceSpans"][0]["resource"]["attributes"];
    assert_eq!(resource[0]["value"]["stringValue"], "pdp");
    let spans = spans_of(&body);
    let [own, read, decide] = spans.as_slice() else {
        panic!("{spans:?}")
    };
    assert_eq!(own["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(own["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(own["traceState"], "a=1");
    assert_eq!(own["name"], "POST /access/v1/evaluation");
    assert_eq!(own["kind"], 2);
    assert_eq!(own["status"], Value::Null);
    assert_eq!(own["startTimeUnixNano"], "1790845199999750000");
    assert_eq!(own["endTimeUnixNano"], "1790845200000000000");
    for (child, name, from, until) in [
        (read, "read", "1790845199999750000", "1790845199999790000"),
        (
            decide,
            "decide",
            "1790845199999790000",
            "1790845199999950000",
        ),
    ] {
        assert_eq!(child["name"], name);
        assert_eq!(child["traceId"], own["traceId"]);
        assert_eq!(child["parentSpanId"], own["spanId"]);
        assert_eq!(child["startTimeUnixNano"], from);
        assert_eq!(child["endTimeUnixNano"], until);
    }
    let ids: std::collections::HashSet<&str> = spans
        .iter()
        .map(|span| span["spanId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3);
    let attributes: Vec<String> = own["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let value = one["value"].as_object().unwrap().values().next().unwrap();
            format!(
                "{}={}",
                one["key"].as_str().unwrap(),
                value.as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        attributes,
        [
            "http.request.method=POST",
            "url.scheme=https",
            "http.response.status_code=200",
            "behest.caller=gateway",
            "http.route=/access/v1/evaluation",
            "network.peer.address=192.0.2.1",
            "network.peer.port=4711",
            "behest.request_id=r-1",
            "behest.decision=0193",
        ]
    );
}

#[test]
fn a_failure_and_a_method_that_nobody_knows_are_said_in_the_words_of_the_conventions() {
    let odd = RequestSpan {
        method: "other",
        route: None,
        status: 503,
        parent: None,
        state: None,
        peer: None,
        phases: [None; 3],
        ..span()
    };
    let [own] = spans_of(&written(&[odd])).try_into().unwrap();
    assert_eq!(own["name"], "HTTP");
    assert_eq!(own["status"]["code"], 2);
    assert!(own.get("parentSpanId").is_none() && own.get("traceState").is_none());
    let text = own.to_string();
    assert!(
        text.contains("_OTHER") && text.contains("error.type"),
        "{text}"
    );
}

#[test]
fn a_share_of_requests_begins_a_trace() {
    let metrics = Metrics::default();
    for (ratio, least, most) in [(0.0, 0, 0), (0.25, 400, 600), (1.0, 2_000, 2_000)] {
        let send: SendSpans = Box::new(|_| Ok(0));
        let tracer = Tracer::start(&settings(ratio), metrics.exports(), send).unwrap();
        let chosen = (0..2_000).filter(|_| tracer.begin().is_some()).count();
        assert!((least..=most).contains(&chosen), "{ratio}: {chosen}");
    }
}

#[test]
fn what_is_sent_is_counted_and_what_the_collector_refuses_is_lost() {
    let metrics = Metrics::default();
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let answers = Mutex::new(vec![Err(SendError::Status(503)), Ok(1), Ok(0)]);
    let seen = Arc::clone(&bodies);
    let send: SendSpans = Box::new(move |body| {
        seen.lock().unwrap().push(body.to_vec());
        answers.lock().unwrap().pop().unwrap()
    });
    let tracer = Tracer::start(&settings(1.0), metrics.exports(), send).unwrap();
    for sent in 1..=3 {
        tracer.offer(span());
        let begun = Instant::now();
        while bodies.lock().unwrap().len() < sent && begun.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    tracer.close(Duration::from_secs(30));
    assert_eq!(sample(&metrics, "behest_spans_exported_total"), 3 + 2);
    assert_eq!(lost(&metrics, "collector"), 1 + 3);
    assert_eq!((lost(&metrics, "queue"), lost(&metrics, "end")), (0, 0));
}

/// A collector that never answers costs spans, and neither time nor memory.
#[test]
fn a_collector_that_is_stuck_costs_spans_alone() {
    let metrics = Metrics::default();
    let (free, stuck) = channel::<()>();
    let send: SendSpans = Box::new(move |_| {
        let _until_freed = stuck.recv();
        Ok(0)
    });
    let tracer = Tracer::start(&settings(1.0), metrics.exports(), send).unwrap();
    let begun = Instant::now();
    let mut offered = 0;
    while lost(&metrics, "queue") < 300 && begun.elapsed() < Duration::from_secs(30) {
        tracer.offer(span());
        offered += 1;
    }
    assert!(offered < 1_000, "{offered} spans were taken or lost");
    let closing = Instant::now();
    tracer.close(Duration::from_millis(50));
    assert!(closing.elapsed() < Duration::from_secs(10));
    // Some wait in the queue, some are being sent: all that were taken are lost.
    assert_eq!(lost(&metrics, "queue") / 3 + lost(&metrics, "end"), offered);
    drop(free);
}
