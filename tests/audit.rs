//! The decision record: its lines, its bounds, and what happens when the sink fails.

#![expect(
    clippy::unwrap_used,
    reason = "what helpers of tests unwrap is part of the assertion"
)]

use behest::model::{
    Answer, Arguments, CarrierSettings, Code, Credential, CredentialKind, Decision, DecisionId,
    Digest, EntityRef, NextAction, Proof, ProvenIdentity, Question, Reason, Record, Request,
    Revision, Timestamp, Value, read_question,
};
use behest::record::{DecisionRecord, QueueFull, QueueSettings, Recorder, Sink, WhenFull};
use behest::telemetry::{Metrics, TraceParent};
use serde_json::{Value as Json, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a decision took.
const TOOK: Duration = Duration::from_micros(41);

/// A caller's step of a trace.
const PARENT: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn entity(kind: &str, id: &str) -> Value {
    Value::from(Record::from_iter([
        ("type".into(), Value::from(kind)),
        ("id".into(), Value::from(id)),
    ]))
}

fn asked() -> Request {
    let body = Record::from_iter([
        ("subject".into(), entity("user", "alice")),
        (
            "action".into(),
            Value::from(Record::from_iter([(
                "name".into(),
                Value::from("tools/call"),
            )])),
        ),
        ("resource".into(), entity("tool", "payments/refund")),
        (
            "context".into(),
            Value::from(Record::from_iter([(
                "agent".into(),
                Value::from("copilot"),
            )])),
        ),
    ]);
    Request::from_body(&body).unwrap()
}

fn question() -> Question {
    read_question(&asked(), &CarrierSettings::default()).unwrap()
}

fn permit() -> Answer {
    Answer {
        id: DecisionId::new(7),
        decision: Decision::Permit,
        arguments: Arguments::Known,
        reason: None,
        explanation: None,
        bundle: Digest::new([0xab; 32]),
        revision: Revision(3),
    }
}

fn deny() -> Answer {
    Answer {
        decision: Decision::Deny,
        reason: Some(Reason {
            code: Code::from_policy("delegation_missing").unwrap(),
            message: "user:alice has granted agent:copilot nothing".to_owned(),
            principal: Some(EntityRef::new("agent", "copilot")),
            next_action: NextAction::Request,
            missing_scopes: Vec::new(),
            doc: None,
        }),
        ..permit()
    }
}

fn record(
    recorder: &Recorder,
    question: Option<&Question>,
    answer: &Answer,
) -> Result<(), QueueFull> {
    let entry = DecisionRecord {
        at: Timestamp(1_790_845_200_005),
        caller: "gateway",
        request_id: Some("r-\"1\"\n"),
        trace_id: TraceParent::read(PARENT).map(|parent| parent.trace),
        question,
        request: &asked(),
        inputs: &[(
            "legs[1].context.arguments.amount".to_owned(),
            "249".to_owned(),
        )],
        policies: &["refund-cap".to_owned()],
        answer,
    };
    recorder.record(&entry, TOOK)
}

fn metric(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.encode(0);
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name}_total ")))
        .unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn start(
    path: &Path,
    settings: QueueSettings,
) -> (Recorder, behest::record::RecordWriter, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    let (recorder, writer) = Recorder::start(
        Sink::File(path.to_path_buf()),
        settings,
        Arc::clone(&metrics),
    )
    .unwrap();
    (recorder, writer, metrics)
}

#[test]
fn a_record_is_one_line_of_the_documented_members() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("decisions.jsonl");
    let (recorder, writer, metrics) = start(&path, QueueSettings::default());
    assert!(recorder.is_on());
    record(&recorder, Some(&question()), &permit()).unwrap();
    record(&recorder, None, &deny()).unwrap();
    writer.close();

    let text = std::fs::read_to_string(&path).unwrap();
    let bundle = "ab".repeat(32);
    let permitted = format!(
        r#"{{"v":1,"id":"00000000000000000000000000000007","time":"2026-10-01T09:00:00.005Z","caller":"gateway","request_id":"r-\"1\"\n","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","chain":[{{"type":"user","id":"alice"}},{{"type":"agent","id":"copilot"}}],"asserted":[{{"type":"user","id":"alice"}},{{"type":"agent","id":"copilot"}}],"action":"tools/call","resource":{{"type":"tool","id":"payments/refund"}},"inputs":{{"legs[1].context.arguments.amount":"249"}},"decision":"permit","policies":["refund-cap"],"bundle":"{bundle}","revision":3}}"#
    );
    let denied = format!(
        r#"{{"v":1,"id":"00000000000000000000000000000007","time":"2026-10-01T09:00:00.005Z","caller":"gateway","request_id":"r-\"1\"\n","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","subject":{{"type":"user","id":"alice"}},"action":"tools/call","resource":{{"type":"tool","id":"payments/refund"}},"inputs":{{"legs[1].context.arguments.amount":"249"}},"decision":"deny","reason":{{"code":"delegation_missing","message":"user:alice has granted agent:copilot nothing","principal":{{"type":"agent","id":"copilot"}},"next_action":"request"}},"policies":["refund-cap"],"bundle":"{bundle}","revision":3}}"#
    );
    assert_eq!(text.lines().collect::<Vec<_>>(), [permitted, denied]);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(metric(&metrics, "behest_records_written"), 2);
}

/// A record did not tell a chain that a token proves from one that its caller made up.
#[test]
fn a_record_tells_what_was_proven_from_what_was_asserted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("decisions.jsonl");
    let (recorder, writer, _) = start(&path, QueueSettings::default());
    let proves = |legs: std::ops::Range<usize>, proof| Credential {
        proven: Arc::new(ProvenIdentity {
            kind: CredentialKind::AccessToken,
            issuer: "https://login.example".into(),
            chain: vec![EntityRef::new("user", "alice")],
            audiences: Vec::new(),
            holders: Vec::new(),
            stands_alone: true,
            facts: None,
            details: Vec::new(),
            rules: Arc::new([]),
            proof,
            until: Timestamp(1_790_845_260_000),
        }),
        legs,
    };
    let asked = |credentials| {
        let mut question = question();
        question.credentials = credentials;
        question
    };
    for credentials in [
        vec![proves(0..1, Some(Proof::Dpop))],
        vec![proves(0..2, None)],
        Vec::new(),
    ] {
        record(&recorder, Some(&asked(credentials)), &permit()).unwrap();
    }
    writer.close();
    let text = std::fs::read_to_string(&path).unwrap();
    let found: Vec<Json> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .map(|line: Json| json!([line["credentials"], line["asserted"]]))
        .collect();
    let alice = json!({"type": "user", "id": "alice"});
    let copilot = json!({"type": "agent", "id": "copilot"});
    let line = |proof: &[(&str, &str)]| {
        let mut line = json!({
            "type": "access_token", "issuer": "https://login.example", "chain": [alice],
            "until": "2026-10-01T09:01:00.000Z",
        });
        for (name, value) in proof {
            line[*name] = json!(value);
        }
        line
    };
    assert_eq!(
        found,
        [
            json!([[line(&[("proof", "dpop")])], [copilot]]),
            json!([[line(&[])], null]),
            json!([null, [alice, copilot]]),
        ]
    );
}

#[test]
fn a_record_is_bounded_whatever_the_request_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("decisions.jsonl");
    let (recorder, writer, _) = start(&path, QueueSettings::default());
    let long = "é".repeat(30_000);
    let body = Record::from_iter([
        ("subject".into(), entity("user", &long)),
        (
            "action".into(),
            Value::from(Record::from_iter([(
                "name".into(),
                Value::from(long.as_str()),
            )])),
        ),
        ("resource".into(), entity(&long, "payments/refund")),
    ]);
    let inputs = [
        ("legs[0].context.small".to_owned(), "1".to_owned()),
        ("legs[0].context.most".to_owned(), "m".repeat(65_000)),
        ("legs[0].context.more".to_owned(), "n".repeat(10_000)),
        ("legs[1].context.small".to_owned(), "2".to_owned()),
    ];
    let entry = DecisionRecord {
        at: Timestamp(1_790_845_200_005),
        caller: "gateway",
        request_id: Some(&long),
        trace_id: None,
        question: None,
        request: &Request::from_body(&body).unwrap(),
        inputs: &[],
        policies: &[],
        answer: &deny(),
    };
    recorder.record(&entry, TOOK).unwrap();
    recorder
        .record(
            &DecisionRecord {
                request_id: Some("r1"),
                inputs: &inputs,
                ..entry
            },
            TOOK,
        )
        .unwrap();
    recorder
        .record(
            &DecisionRecord {
                request_id: Some("r2"),
                inputs: &inputs[..2],
                ..entry
            },
            TOOK,
        )
        .unwrap();
    writer.close();

    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(text.lines().next().unwrap().len() < 4_000);
    let cut = |chars: usize| format!("{}…", "é".repeat(chars));
    assert_eq!(lines[0]["request_id"], cut(256));
    // What is longer than an id may be a token.
    assert_eq!(lines[0]["subject"]["id"], "(hidden)");
    assert_eq!(lines[0]["action"], cut(80));
    assert_eq!(lines[0]["resource"]["type"], cut(80));
    assert_eq!(lines[0].get("cut"), None);
    assert_eq!(lines[1]["cut"], serde_json::json!(["inputs"]));
    assert_eq!(
        lines[1]["inputs"]["legs[0].context.more"],
        format!("{}…", "n".repeat(80))
    );
    assert_eq!(lines[1]["inputs"]["legs[1].context.small"], "2");
    assert_eq!(
        lines[2]["inputs"]["legs[0].context.most"],
        "m".repeat(65_000)
    );
    assert_eq!(lines[2].get("cut"), None);
}

#[test]
fn a_recorder_without_a_sink_takes_everything_and_keeps_nothing() {
    let recorder = Recorder::default();
    assert!(!recorder.is_on());
    record(&recorder, None, &permit()).unwrap();
}

#[test]
fn records_of_many_threads_are_whole_lines_and_a_file_is_appended_to() {
    const EACH: usize = 500;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("decisions.jsonl");
    std::fs::write(&path, "earlier\n").unwrap();
    let (recorder, writer, metrics) = start(&path, QueueSettings::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let question = question();
                (0..EACH).for_each(|_| record(&recorder, Some(&question), &permit()).unwrap());
            });
        }
    });
    writer.close();

    let text = std::fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("earlier"));
    let whole = lines
        .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok())
        .count();
    assert_eq!(whole, 4 * EACH);
    assert_eq!(metric(&metrics, "behest_records_written"), 2_000);
    assert_eq!(metric(&metrics, "behest_records_dropped"), 0);
}

#[test]
fn a_full_queue_loses_and_counts_where_the_setting_says_drop() {
    // Writing to this device fails as a full disk does.
    let settings = QueueSettings {
        records: 4,
        when_full: WhenFull::Drop,
        ..QueueSettings::default()
    };
    let (recorder, writer, metrics) = start(Path::new("/dev/full"), settings);
    for _ in 0..50 {
        record(&recorder, None, &permit()).unwrap();
    }
    writer.close();
    assert_eq!(metric(&metrics, "behest_records_written"), 0);
    assert_eq!(metric(&metrics, "behest_records_dropped"), 50);
    assert!(metric(&metrics, "behest_record_write_errors") >= 1);
}

#[test]
fn a_full_queue_refuses_where_the_setting_says_deny() {
    let settings = QueueSettings {
        records: 4,
        when_full: WhenFull::Deny,
        ..QueueSettings::default()
    };
    let (recorder, writer, metrics) = start(Path::new("/dev/full"), settings);
    let taken = (0..50)
        .filter(|_| record(&recorder, None, &permit()).is_ok())
        .count();
    assert!((4..50).contains(&taken), "{taken}");
    writer.close();
    let dropped = usize::try_from(metric(&metrics, "behest_records_dropped")).unwrap();
    assert_eq!(
        dropped, taken,
        "what was taken and never written is counted as lost"
    );
    assert!(
        record(&recorder, None, &permit()).is_err(),
        "after the end there is nobody to write"
    );
}

#[test]
fn the_queue_is_bounded_in_bytes_too() {
    // No more than one record fits, and the sink takes none.
    let settings = QueueSettings {
        records: 1_000,
        bytes: 600,
        when_full: WhenFull::Deny,
    };
    let (recorder, writer, _) = start(Path::new("/dev/full"), settings);
    assert!(record(&recorder, Some(&question()), &permit()).is_ok());
    assert!(record(&recorder, Some(&question()), &permit()).is_err());
    writer.close();
}

#[test]
fn a_file_that_was_moved_away_is_opened_anew_when_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (path, moved) = (
        dir.path().join("decisions.jsonl"),
        dir.path().join("decisions.1.jsonl"),
    );
    let (recorder, writer, metrics) = start(&path, QueueSettings::default());
    record(&recorder, None, &permit()).unwrap();
    while metric(&metrics, "behest_records_written") < 1 {
        std::thread::yield_now();
    }
    std::fs::rename(&path, &moved).unwrap();
    writer.reopen();
    record(&recorder, None, &deny()).unwrap();
    writer.close();
    for (path, decision) in [
        (&moved, r#""decision":"permit""#),
        (&path, r#""decision":"deny""#),
    ] {
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(decision), "{text}");
    }
}

#[test]
fn a_sink_that_cannot_be_opened_is_an_error_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let sink = Sink::File(dir.path().join("missing/decisions.jsonl"));
    let error =
        Recorder::start(sink, QueueSettings::default(), Arc::new(Metrics::default())).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn a_record_is_one_line_to_every_reader() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("decisions.jsonl");
    let (recorder, writer, _) = start(&path, QueueSettings::default());
    let planted = "a\u{2028}b\u{2029}c\u{85}d\u{9b}31m\u{7f}\u{202e}e\u{2066}f\u{feff}g\u{1b}[2Jh";
    let mut answer = deny();
    if let Some(reason) = &mut answer.reason {
        reason.message = planted.to_owned();
    }
    let entry = DecisionRecord {
        at: Timestamp(0),
        caller: planted,
        request_id: Some(planted),
        trace_id: None,
        question: None,
        request: &asked(),
        inputs: &[(planted.to_owned(), planted.to_owned())],
        policies: &[planted.to_owned()],
        answer: &answer,
    };
    recorder.record(&entry, TOOK).unwrap();
    writer.close();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        text.matches(|c: char| c != '\n' && !behest::telemetry::is_printable(c))
            .next(),
        None
    );
    assert_eq!(text.lines().count(), 1);
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    for value in [
        &line["caller"],
        &line["request_id"],
        &line["reason"]["message"],
        &line["policies"][0],
    ] {
        assert_eq!(value.as_str(), Some(planted));
    }
    assert_eq!(line["inputs"][planted].as_str(), Some(planted));
}
