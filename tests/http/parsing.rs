//! Bodies and their limits (AuthZEN 1.0 sections 10.1, 11.5 and 11.7). Without a bundle a
//! well-formed question gets as far as a 503, and nothing else does.

use crate::{EVALUATION, EVALUATIONS, error, question, with};
use actix_web::http::Method;
use behest::http::{HttpLimits, Settings};
use serde_json::{Value, json};
use support::service::{empty, local, post, request, send};

#[actix_web::test]
async fn json_is_json_in_any_spelling_and_nothing_else_is() {
    let server = empty(local());
    for (content_type, status) in [
        ("application/json", 503),
        ("Application/JSON", 503),
        ("application/json;charset=UTF-8", 503),
        ("application/json ; charset=utf-8", 503),
        ("text/plain", 400),
        ("application/vnd.x+json", 400),
        ("application/jsonx", 400),
        ("application/x-www-form-urlencoded", 400),
        ("", 400),
    ] {
        let request =
            post(EVALUATION, question().to_string()).insert_header(("Content-Type", content_type));
        assert_eq!(
            send(&server, request).await.status,
            status,
            "{content_type}"
        );
    }
    let bare = request(Method::POST, EVALUATION).set_payload(question().to_string());
    assert_eq!(
        error(&send(&server, bare).await),
        "400 content_type: the `Content-Type` must be `application/json`"
    );
}

#[actix_web::test]
async fn a_refusal_shows_a_bounded_part_of_what_was_sent() {
    let server = empty(local());
    let long = "x".repeat(300_000);
    let digits = "9".repeat(4_000);
    for (body, code) in [
        (format!(r#"{{"{long}":1,"{long}":2}}"#), "duplicate_member"),
        (
            format!(r#"{{"{long}":[{{"{long}":{{"a":1,"a":2}}}}]}}"#),
            "duplicate_member",
        ),
        (
            with("options", &json!({ "evaluations_semantic": long })),
            "malformed",
        ),
        (
            with("options", &json!({ "at_least": "revision" })).replace("\"revision\"", &digits),
            "malformed",
        ),
        (
            with(
                "options",
                &json!({ format!("reaso{long}"): true, "reasn": true }),
            ),
            "malformed",
        ),
    ] {
        for path in [EVALUATION, EVALUATIONS] {
            let reply = send(&server, post(path, body.clone())).await;
            assert_eq!(
                (reply.status.as_u16(), &reply.json()["error"]["code"]),
                (400, &json!(code)),
                "{}",
                &body[..80]
            );
            assert!(
                reply.body.len() < 1_500,
                "{}: {}",
                reply.body.len(),
                &reply.body[..200]
            );
        }
    }
}

#[actix_web::test]
async fn a_body_that_is_compressed_is_refused_in_words() {
    let server = empty(local());
    for (coding, status) in [
        ("identity", 503),
        ("", 503),
        ("gzip", 415),
        ("br", 415),
        ("identity, GZip", 415),
    ] {
        let request =
            post(EVALUATION, question().to_string()).insert_header(("Content-Encoding", coding));
        let reply = send(&server, request).await;
        assert_eq!(reply.status, status, "{coding}");
        if status == 415 {
            let message = "the body is compressed (`Content-Encoding`): send it as it is";
            assert_eq!(error(&reply), format!("415 content_encoding: {message}"));
            assert_eq!(reply.header("accept-encoding"), Some("identity"));
        }
    }
}

#[actix_web::test]
async fn each_required_member_is_missed_by_its_name() {
    let server = empty(local());
    for (member, field) in [
        ("subject", "type"),
        ("subject", "id"),
        ("action", "name"),
        ("resource", "type"),
        ("resource", "id"),
    ] {
        for path in [EVALUATION, EVALUATIONS] {
            let mut body = question();
            body.as_object_mut().unwrap().remove(member);
            let reply = send(&server, post(path, body.to_string())).await;
            assert_eq!(
                error(&reply),
                format!("400 malformed: `{member}` is missing")
            );
            assert_eq!(reply.json()["error"]["member"], member);

            let mut body = question();
            body[member].as_object_mut().unwrap().remove(field);
            let reply = send(&server, post(path, body.to_string())).await;
            assert_eq!(
                error(&reply),
                format!("400 malformed: `{member}.{field}` is missing")
            );
            assert_eq!(reply.json()["error"]["member"], format!("{member}.{field}"));
        }
    }
}

#[actix_web::test]
async fn members_of_another_kind_are_refused_by_their_name() {
    let server = empty(local());
    for (path, value, problem) in [
        (
            "/subject",
            json!(null),
            "`subject` must be an object, not null",
        ),
        (
            "/action",
            json!("read"),
            "`action` must be an object, not a string",
        ),
        (
            "/resource",
            json!([question()]),
            "`resource` must be an object, not an array",
        ),
        (
            "/subject/id",
            json!(1),
            "`subject.id` must be a string, not a number",
        ),
        (
            "/resource/id",
            json!(null),
            "`resource.id` must be a string, not null",
        ),
        (
            "/action/name",
            json!({"a": 1}),
            "`action.name` must be a string, not an object",
        ),
        (
            "/subject/properties",
            json!(true),
            "`subject.properties` must be an object, not a boolean",
        ),
        (
            "/action/properties",
            json!([]),
            "`action.properties` must be an object, not an array",
        ),
        (
            "/resource/properties",
            json!("x"),
            "`resource.properties` must be an object, not a string",
        ),
        (
            "/context",
            json!([]),
            "`context` must be an object, not an array",
        ),
    ] {
        let mut body = question();
        let (parent, name) = path.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        let reply = send(&server, post(EVALUATION, body.to_string())).await;
        assert_eq!(error(&reply), format!("400 malformed: {problem}"));
    }
}

#[actix_web::test]
async fn null_is_absent_where_absence_is_allowed() {
    let server = empty(local());
    for name in ["context", "options", "evaluations", "unheard_of"] {
        assert_eq!(
            send(&server, post(EVALUATIONS, with(name, &Value::Null)))
                .await
                .status,
            503,
            "{name}"
        );
    }
    let mut body = question();
    body["subject"]["properties"] = Value::Null;
    body["options"] =
        json!({"reason": null, "explain": null, "unknown": null, "at_least": null, "else": [1]});
    assert_eq!(
        send(&server, post(EVALUATION, body.to_string()))
            .await
            .status,
        503
    );
}

#[actix_web::test]
async fn a_body_is_read_up_to_its_limit_and_no_further() {
    let server = empty(local());
    let limit = HttpLimits::default().body_bytes;
    assert_eq!(limit, 1024 * 1024);
    let padded = |length: usize| {
        let mut body = question().to_string().into_bytes();
        body.resize(length, b' ');
        body
    };
    assert_eq!(
        send(&server, post(EVALUATION, padded(limit))).await.status,
        503
    );
    let reply = send(&server, post(EVALUATION, padded(limit + 1))).await;
    assert_eq!(
        error(&reply),
        "413 body_too_large: the body is larger than 1048576 bytes: send several requests"
    );
}

#[actix_web::test]
async fn nesting_is_read_up_to_its_limit_and_no_further() {
    let server = empty(local());
    assert_eq!(HttpLimits::default().json_depth, 64);
    // The body and its context are two levels.
    let nested = |levels: usize| {
        let mut value = json!([]);
        for _ in 3..levels {
            value = json!([value]);
        }
        with("context", &json!({ "a": value }))
    };
    assert_eq!(
        send(&server, post(EVALUATION, nested(64))).await.status,
        503
    );
    // Too many values within nested arrays, wherever they stand and whoever reads them.
    let heavy = format!(
        "{}{}{}",
        "[".repeat(57),
        vec!["1"; 100_000].join(","),
        "]".repeat(57)
    );
    let reply = send(&server, post(EVALUATION, format!("{{\"a\":{heavy}}}"))).await;
    assert_eq!(
        error(&reply),
        "400 too_deep: the body holds too many values within nested arrays: send flatter data"
    );
    let reply = send(&server, post(EVALUATION, nested(65))).await;
    assert_eq!(
        error(&reply),
        "400 too_deep: the body is nested more than 64 levels deep: send flatter data"
    );
}

#[actix_web::test]
async fn a_batch_is_read_up_to_its_limit_and_no_further() {
    let server = empty(local());
    assert_eq!(HttpLimits::default().evaluations, 1000);
    let items = |count: usize| with("evaluations", &json!(vec![json!({}); count]));
    assert_eq!(
        send(&server, post(EVALUATIONS, items(1000))).await.status,
        503
    );
    let reply = send(&server, post(EVALUATIONS, items(1001))).await;
    assert_eq!(
        error(&reply),
        "400 too_many_evaluations: `evaluations` holds 1001 items, and at most 1000 are taken: send several requests"
    );
}

#[actix_web::test]
async fn a_setting_cannot_lift_the_nesting_beyond_what_the_stack_holds() {
    let limits = HttpLimits {
        json_depth: usize::MAX,
        body_bytes: 8 << 20,
        ..HttpLimits::default()
    };
    let server = empty(Settings { limits, ..local() });
    let body = format!(
        "{{\"a\":{}{}}}",
        "[".repeat(1_000_000),
        "]".repeat(1_000_000)
    );
    let reply = send(&server, post(EVALUATION, body)).await;
    assert_eq!(
        error(&reply),
        "400 too_deep: the body is nested more than 256 levels deep: send flatter data"
    );
}

#[actix_web::test]
async fn members_that_nobody_defines_are_ignored() {
    let server = empty(local());
    let mut body = question();
    body["foo"] = json!({"evaluations": 1});
    body["subject"]["identity"] = json!(7);
    body["page"] = json!("ignored here");
    // The single endpoint does not read the batch's members.
    body["evaluations"] = json!("ignored here");
    assert_eq!(
        send(&server, post(EVALUATION, body.to_string()))
            .await
            .status,
        503
    );
}

/// Names in a context may be account numbers, and whether they are secret is not known before the
/// body is read.
#[actix_web::test]
async fn a_member_that_occurs_twice_in_data_is_not_named_where_something_is_secret() {
    for (mark, expected) in [
        ("@secret ", "context.(not shown)"),
        ("", "context.vault.4711"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let schema = format!(
            "entity user, doc; action read appliesTo {{ principal: user, resource: doc, context: {{ {mark}vault?: {{ a?: Long }} }} }};"
        );
        for (path, text) in [
            ("schemas/s.cedarschema", schema.as_str()),
            (
                "policies/p.cedar",
                "@id(\"p\") permit (principal, action, resource);",
            ),
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let (server, engine) = support::service::with_engine(local());
        engine
            .load(&behest::bundle::BundleSource::Dir(folder.path().to_owned()))
            .unwrap();
        let body =
            r#"{"subject":{"type":"user","id":"a"},"context":{"vault":{"4711":1,"4711":2}}}"#;
        let reply = send(&server, post(EVALUATION, body)).await;
        let message = format!("`{expected}` occurs more than once in its object: send it once");
        assert_eq!(error(&reply), format!("400 duplicate_member: {message}"));
        assert_eq!(reply.json()["error"]["member"], expected);
    }
}
