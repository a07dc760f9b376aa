//! Searches are checked whole and not answered yet (AuthZEN 1.0 section 8).

use crate::error;
use crate::service::{empty, local, post, send};
use serde_json::{Value, json};

fn bodies() -> [(&'static str, Value); 3] {
    let subject = json!({"type": "user", "id": "alice"});
    let action = json!({"name": "read"});
    let resource = json!({"type": "repository", "id": "checkout"});
    [
        ("subject", json!({"subject": {"type": "user"}, "action": action, "resource": resource})),
        ("resource", json!({"subject": subject, "action": action, "resource": {"type": "repository"}})),
        ("action", json!({"subject": subject, "resource": resource})),
    ]
}

async fn ask(kind: &str, body: &Value) -> String {
    error(&send(&empty(local()), post(&format!("/access/v1/search/{kind}"), body.to_string())).await)
}

const NOT_YET: &str =
    "501 not_supported: search is not supported yet: ask `/access/v1/evaluations` about the candidates that you know";

#[actix_web::test]
async fn a_good_search_is_not_supported_yet() {
    for (kind, body) in bodies() {
        assert_eq!(ask(kind, &body).await, NOT_YET, "{kind}");
        let mut more = body.clone();
        more["context"] = json!({"ip": "::1"});
        more["page"] = json!({"limit": 0, "token": "t", "properties": {"sort": "id"}});
        more["options"] = json!({"x": 1});
        more[if kind == "action" { "action" } else { kind }]["id"] = json!(7);
        assert_eq!(ask(kind, &more).await, NOT_YET, "{kind}");
    }
}

#[actix_web::test]
async fn what_is_missing_is_named() {
    for (kind, body) in bodies() {
        for (member, entity) in body.as_object().unwrap() {
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(member);
            assert_eq!(ask(kind, &without).await, format!("400 malformed: `{member}` is missing"), "{kind}");
            for field in entity.as_object().unwrap().keys() {
                let mut without = body.clone();
                without[member].as_object_mut().unwrap().remove(field);
                let expected = format!("400 malformed: `{member}.{field}` is missing");
                assert_eq!(ask(kind, &without).await, expected, "{kind}");
                let mut numeric = body.clone();
                numeric[member][field] = json!(5);
                let expected = format!("400 malformed: `{member}.{field}` must be a string, not a number");
                assert_eq!(ask(kind, &numeric).await, expected, "{kind}");
            }
        }
    }
}

#[actix_web::test]
async fn a_page_is_checked() {
    for (page, problem) in [
        (json!("x"), "`page` must be an object, not a string"),
        (json!({"limit": -1}), "`page.limit` must be a whole number from 0 on, not -1"),
        (json!({"limit": 1.5}), "`page.limit` must be a whole number from 0 on, not 1.5"),
        (json!({"limit": "1"}), "`page.limit` must be a whole number, not a string"),
        (json!({"token": 1}), "`page.token` must be a string, not a number"),
        (json!({"properties": []}), "`page.properties` must be an object, not an array"),
    ] {
        for (kind, mut body) in bodies() {
            body["page"] = page.clone();
            assert_eq!(ask(kind, &body).await, format!("400 malformed: {problem}"), "{kind}");
        }
    }
}
