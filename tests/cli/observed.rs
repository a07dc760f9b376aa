//! What operators see of requests: the access log, traces in records and lines, and a collector of
//! spans, be it there or not.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};
use support::place::{KEY, PATIENCE, Place, Service};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
const QUESTION: &str = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"tools/call"},"resource":{"type":"tool","id":"refund"}}"#;
const EVALUATION: &str = "POST /access/v1/evaluation";

/// Asks with these headers on a connection of its own, and returns the status and the head.
fn ask(service: &Service, line: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(&service.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.find_map(|(found, value)| found.eq_ignore_ascii_case(name).then_some(value))
}

fn metric(service: &Service, name: &str) -> u64 {
    let (_, page) = ask(service, "GET /metrics", "", "");
    let line = page.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn with_key(headers: &str) -> String {
    format!("Authorization: Bearer {KEY}\r\n{headers}")
}

/// A terminal that is held, or a pipe that nobody reads, costs lines of the log, and no answer.
#[test]
fn a_log_that_nobody_reads_holds_nothing() {
    let place = Place::new();
    place.write("behest.toml", "[log]\naccess = \"on\"\n");
    let (unread, log) = std::io::pipe().unwrap();
    let mut command = place.serving(&[]);
    let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
    // It holds the other end of the pipe, too.
    drop(command);
    let mut lines = BufReader::with_capacity(256, unread).lines();
    let (_, lines_to_come) = channel();
    let mut service = Service {
        child,
        lines: lines_to_come,
        address: String::new(),
    };
    let started = lines.find(|line| line.as_ref().unwrap().contains("serving"));
    let started: Value = serde_json::from_str(&started.unwrap().unwrap()).unwrap();
    service
        .address
        .push_str(started["address"].as_str().unwrap());
    // Each has some 300 bytes, and a pipe holds 64 KiB. Settings that are read again have lines
    // that are not the access log's.
    let long = format!("X-Request-ID: {}\r\n", "r".repeat(200));
    for _ in 0..400 {
        assert_eq!(ask(&service, EVALUATION, &with_key(&long), QUESTION).0, 200);
    }
    for _ in 0..20 {
        service.signal("HUP");
        assert_eq!(ask(&service, EVALUATION, &with_key(""), QUESTION).0, 200);
    }
    service.signal("TERM");
    assert!(service.child.wait().unwrap().success());
}

#[test]
fn each_request_has_a_line_if_that_is_asked_for() {
    let place = Place::new();
    place.write("behest.toml", "[log]\naccess = \"on\"\n");
    let service = place.serve(&[]);
    let asked = format!("X-Request-ID: r-7\r\n{PARENT}");
    let (status, answer) = ask(&service, EVALUATION, &with_key(&asked), QUESTION);
    assert_eq!(status, 200, "{answer}");
    // A trace is the sender's, and does not come back.
    assert!(!answer.contains(TRACE), "{answer}");
    let line = service.wait_for("request");
    let expected = json!({
        "request_id": "r-7",
        "trace_id": TRACE,
        "caller": "admin",
        "method": "POST",
        "endpoint": "evaluation",
        "status": 200,
        "bytes": 17,
        "decision": header(&answer, "behest-decision").unwrap(),
        "level": "INFO",
        "target": "behest::access",
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name}: {line}");
    }
    assert!(line["duration_us"].as_u64().unwrap() < 30_000_000, "{line}");
    assert!(
        line["peer"].as_str().unwrap().starts_with("127.0.0.1:"),
        "{line}"
    );

    // Neither what opens something nor what was asked for is in a line, nor a line for a probe.
    let twice = format!("{PARENT}{PARENT}");
    for (request, headers, status) in [
        ("GET /healthz", String::new(), 200),
        ("GET /metrics", String::new(), 200),
        (
            EVALUATION,
            "Authorization: Bearer s3cret-of-nobody\r\n".to_owned(),
            401,
        ),
        (
            "GET /stores/s3cret-store/read?token=s3cret",
            with_key(&twice),
            405,
        ),
        ("BREW /s3cret", with_key("traceparent: 00-s3cret\r\n"), 404),
    ] {
        assert_eq!(ask(&service, request, &headers, "").0, status, "{request}");
    }
    let lines = [(); 3].map(|()| service.wait_for("request"));
    let shown = |line: &Value| {
        let texts = ["caller", "method", "endpoint"].map(|name| line[name].as_str().unwrap());
        (texts.join(" "), line["status"].as_u64().unwrap())
    };
    assert_eq!(
        lines.each_ref().map(shown),
        [
            ("unknown POST evaluation".to_owned(), 401),
            ("admin GET fga_read".to_owned(), 405),
            ("admin other other".to_owned(), 404),
        ]
    );
    for line in &lines {
        assert!(
            line.get("trace_id").is_none() && line.get("request_id").is_none(),
            "{line}"
        );
        assert!(!line.to_string().contains("s3cret"), "{line}");
    }

    // The setting counts without a restart.
    for (mode, has_line) in [("all", true), ("off", false)] {
        place.write("behest.toml", &format!("[log]\naccess = \"{mode}\"\n"));
        service.signal("HUP");
        service.wait_for(&format!("settings: `log.access` is `{mode}`"));
        service.wait_for("the settings were read again");
        assert_eq!(ask(&service, "GET /healthz", "", "").0, 200);
        if has_line {
            assert_eq!(service.wait_for("request")["endpoint"], "healthz");
        }
    }
    service.signal("TERM");
    let rest: Vec<Value> = service.lines.iter().collect();
    assert!(
        rest.iter().all(|line| line["message"] != "request"),
        "{rest:?}"
    );
}

/// A body that is known is answered without being read; its line has the trace of this request all
/// the same.
#[test]
fn a_request_that_is_answered_from_the_cache_has_its_own_line() {
    let place = Place::new();
    place.write("behest.toml", "[log]\naccess = \"on\"\n");
    let service = place.serve(&[]);
    let mut decisions = std::collections::BTreeSet::new();
    for number in 1..=4 {
        let trace = format!("{number:032x}");
        let headers = with_key(&format!("traceparent: 00-{trace}-00f067aa0ba902b7-00\r\n"));
        let (_, answer) = ask(&service, EVALUATION, &headers, QUESTION);
        let line = service.wait_for("request");
        assert_eq!(line["trace_id"], trace.as_str(), "{line}");
        let decision = header(&answer, "behest-decision").unwrap();
        assert_eq!(line["decision"], decision);
        decisions.insert(decision.to_owned());
    }
    assert_eq!(decisions.len(), 4);
    assert!(metric(&service, "behest_cache_known_requests_total") >= 1);
}

#[test]
fn a_trace_is_in_every_record_of_its_request() {
    let place = Place::new();
    place.write("behest.toml", "[record]\nsink = \"decisions.jsonl\"\n");
    let service = place.serve(&[]);
    let batch = format!(r#"{{"evaluations":[{QUESTION},{QUESTION}]}}"#);
    let malformed = "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n";
    for (line, headers, body) in [
        (EVALUATION, PARENT, QUESTION),
        (EVALUATION, PARENT, QUESTION),
        ("POST /access/v1/evaluations", PARENT, batch.as_str()),
        (EVALUATION, malformed, QUESTION),
        (EVALUATION, "", QUESTION),
    ] {
        assert_eq!(ask(&service, line, &with_key(headers), body).0, 200);
    }
    assert_eq!(service.stop().code(), Some(0));
    let records = std::fs::read_to_string(place.path("decisions.jsonl")).unwrap();
    let traces: Vec<Value> = records
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["trace_id"].clone())
        .collect();
    let traced = json!(TRACE);
    assert_eq!(
        traces,
        [
            traced.clone(),
            traced.clone(),
            traced.clone(),
            traced,
            Value::Null,
            Value::Null
        ]
    );
}

/// A collector of the test's own: answers each request with this status and passes on its head and
/// its body. Ends with the test.
fn collect(listener: TcpListener, status: u16) -> Receiver<(String, Value)> {
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            std::thread::spawn(move || collect_from(stream.unwrap(), status, &sender));
        }
    });
    received
}

fn collect_from(stream: TcpStream, status: u16, sender: &Sender<(String, Value)>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = serde_json::from_slice(&body).unwrap();
        let _test_is_over = sender.send((head, body));
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}");
        if reader.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn spans(body: &Value) -> Vec<Value> {
    let scope = &body["resourceSpans"][0]["scopeSpans"][0];
    scope["spans"].as_array().unwrap().clone()
}

fn settings(listener: &TcpListener, more: &str) -> String {
    let address = listener.local_addr().unwrap();
    format!("[telemetry]\notlp = \"http://{address}/\"\n{more}\n")
}

#[test]
fn requests_become_spans_of_a_collector() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    place.write("headers", "Authorization: Bearer of-the-collector\n");
    let more = "headers_file = \"headers\"\nservice_name = \"pdp\"\nratio = 0";
    place.write("behest.toml", &settings(&listener, more));
    let received = collect(listener, 200);
    let service = place.serve(&[]);
    // By the callers' choice: one trace that is sampled, one that is not, one that a stranger samples.
    let unsampled = PARENT.replace("-01\r\n", "-00\r\n");
    let state = format!("{PARENT}tracestate: a=1\r\nX-Request-ID: r-7\r\n");
    let (_, answer) = ask(&service, EVALUATION, &with_key(&state), QUESTION);
    for (line, headers) in [
        (EVALUATION, with_key(&unsampled)),
        (EVALUATION, with_key("")),
        (EVALUATION, PARENT.to_owned()),
        (
            EVALUATION,
            format!("Authorization: Bearer nobody\r\n{PARENT}"),
        ),
        ("GET /healthz", with_key(PARENT)),
    ] {
        ask(&service, line, &headers, QUESTION);
    }
    // The first are sent before the file of headers is spoiled.
    let first = received.recv_timeout(PATIENCE).unwrap();
    place.write("headers", "Authorization\n");
    ask(&service, EVALUATION, &with_key(&unsampled), QUESTION);
    ask(&service, EVALUATION, &with_key(PARENT), QUESTION);
    let told = service.wait_for("the headers that were read before are sent");
    assert!(!told.to_string().contains("of-the-collector"), "{told}");
    // What waits at the end is sent before it.
    assert_eq!(service.stop().code(), Some(0));
    let mut all = Vec::new();
    for (head, body) in std::iter::once(first).chain(received.try_iter()) {
        assert!(head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{head}");
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains("authorization: bearer of-the-collector\r\n"),
            "{head}"
        );
        assert!(
            head.contains("content-type: application/json\r\n"),
            "{head}"
        );
        let resource = &body["resourceSpans"][0]["resource"]["attributes"];
        assert_eq!(resource[0]["value"]["stringValue"], "pdp");
        assert!(!body.to_string().contains(KEY), "{body}");
        all.extend(spans(&body));
    }
    let names: Vec<&str> = all
        .iter()
        .map(|span| span["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["POST /access/v1/evaluation", "read", "decide"].repeat(2),
        "{all:?}"
    );
    all.truncate(3);
    let own = &all[0];
    assert_eq!(own["traceId"], TRACE);
    assert_eq!(own["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(own["traceState"], "a=1");
    let text = own.to_string();
    for part in ["admin", "r-7", header(&answer, "behest-decision").unwrap()] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let time = |span: &Value, name: &str| -> u128 { span[name].as_str().unwrap().parse().unwrap() };
    for child in &all[1..] {
        assert_eq!(child["parentSpanId"], own["spanId"]);
        assert!(time(child, "startTimeUnixNano") >= time(own, "startTimeUnixNano"));
        assert!(time(child, "endTimeUnixNano") <= time(own, "endTimeUnixNano"));
    }
}

#[test]
fn a_trace_that_begins_here_is_in_the_record_as_well() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let record = "[record]\nsink = \"decisions.jsonl\"\n";
    place.write("behest.toml", &(settings(&listener, "ratio = 1") + record));
    let received = collect(listener, 200);
    let service = place.serve(&[]);
    ask(&service, EVALUATION, &with_key(""), QUESTION);
    let (_, body) = received.recv_timeout(PATIENCE).unwrap();
    // They are counted once the collector has answered.
    let begun = Instant::now();
    while metric(&service, "behest_spans_exported_total") != 3 {
        assert!(begun.elapsed() < PATIENCE, "{body}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(service.stop().code(), Some(0));
    let record = std::fs::read_to_string(place.path("decisions.jsonl")).unwrap();
    let record: Value = serde_json::from_str(record.trim_end()).unwrap();
    let spans = spans(&body);
    assert_eq!(spans[0]["traceId"], record["trace_id"]);
    assert!(spans[0].get("parentSpanId").is_none(), "{body}");
}

#[test]
fn a_collector_that_fails_costs_spans_and_no_decision() {
    for failure in ["down", "slow", "500"] {
        let place = Place::new();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let more = "timeout_ms = 300\nqueue = 8";
        place.write("behest.toml", &settings(&listener, more));
        // Who connects to a listener that takes nobody waits.
        let (mut idle, mut received) = (None, None);
        match failure {
            "down" => drop(listener),
            "slow" => idle = Some(listener),
            _ => received = Some(collect(listener, 500)),
        }
        let service = place.serve(&[]);
        let lost = |cause| {
            metric(
                &service,
                &format!("behest_spans_dropped_total{{cause=\"{cause}\"}}"),
            )
        };
        let begun = Instant::now();
        while lost("collector") == 0 {
            assert!(begun.elapsed() < PATIENCE, "{failure}");
            let asked = Instant::now();
            assert_eq!(ask(&service, EVALUATION, &with_key(""), QUESTION).0, 200);
            assert!(asked.elapsed() < PATIENCE / 2, "{failure}");
        }
        service.wait_for("the collector does not take spans; they are lost");
        let closing = Instant::now();
        assert_eq!(service.stop().code(), Some(0), "{failure}");
        assert!(closing.elapsed() < Duration::from_secs(10), "{failure}");
        drop((idle, received));
    }
}

#[test]
fn settings_of_a_collector_that_would_show_a_secret_do_not_start() {
    let place = Place::new();
    place.write("headers", "Authorization s3cret\n");
    for (settings, sentence, help) in [
        (
            "otlp = \"collector:4318\"",
            "`telemetry.otlp` is `(hidden)`, which is no address",
            "write for example `http://127.0.0.1:4318`",
        ),
        (
            "otlp = \"https://user:s3cret@collector\"",
            "which is no address",
            "keys of the collector go into",
        ),
        (
            "otlp = \"http://collector:4318\"\nheaders_file = \"headers\"",
            "`telemetry.headers_file` would be sent in the clear to `http://collector:4318`",
            "use `https`, or leave the headers out",
        ),
        (
            "otlp = \"http://127.0.0.1:4318\"\nheaders_file = \"headers\"",
            "line 1 of `headers` is no header to send",
            "`telemetry.headers_file` takes a file of `Name: value` lines",
        ),
        (
            "otlp = \"http://127.0.0.1:4318\"\nca_file = \"none\"",
            "`none` cannot be read",
            "correct `telemetry.ca_file`",
        ),
        (
            "otlp = \"http://127.0.0.1:4318\"\nratio = 1.5\nqueue = 0\ntimeout_ms = 0\nservice_name = \"\"",
            "`telemetry.ratio` is 1.5",
            "it takes a number from 0 to 1",
        ),
        (
            "ratio = 1",
            "`telemetry.otlp` in `behest.toml` is missing",
            "see behest.example.toml",
        ),
    ] {
        place.write("behest.toml", &format!("[telemetry]\n{settings}\n"));
        let refused = place.run(&["serve", "--bundle", "bundle", "--listen", "127.0.0.1:0"]);
        assert!(
            refused.code == 1
                && refused.err.contains(sentence)
                && refused.err.contains(help)
                && !refused.err.contains("s3cret"),
            "{settings}: {refused:?}"
        );
    }
}
