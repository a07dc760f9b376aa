//! What the service says about itself (AuthZEN 1.0 section 9).

use actix_web::http::Method;
use behest::http::{Server, Settings};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};
use support::service::{empty, get, local, request, send};

const PATH: &str = "/.well-known/authzen-configuration";

fn identified(url: &str) -> Server {
    empty(Settings {
        public_url: Some(url.parse().unwrap()),
        ..local()
    })
}

#[actix_web::test]
async fn only_what_exists_is_advertised() {
    let server = identified("https://pdp.example");
    // The identifier is configured: no header can change it.
    let reply = send(&server, get(PATH).insert_header(("Host", "evil.example"))).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(reply.header("cache-control"), Some("public, max-age=300"));
    let mut metadata = reply.json();
    let signed = metadata
        .as_object_mut()
        .unwrap()
        .remove("signed_metadata")
        .unwrap();
    assert_eq!(
        metadata,
        json!({
            "policy_decision_point": "https://pdp.example",
            "access_evaluation_endpoint": "https://pdp.example/access/v1/evaluation",
            "access_evaluations_endpoint": "https://pdp.example/access/v1/evaluations",
            "search_subject_endpoint": "https://pdp.example/access/v1/search/subject",
            "search_resource_endpoint": "https://pdp.example/access/v1/search/resource",
            "search_action_endpoint": "https://pdp.example/access/v1/search/action",
            "jwks_uri": "https://pdp.example/.well-known/jwks.json",
        })
    );
    let mut claims = verify(&server, signed.as_str().unwrap()).await;
    let claims = claims.as_object_mut().unwrap();
    assert_eq!(claims.remove("iss"), Some(json!("https://pdp.example")));
    assert_eq!(claims.remove("iat"), Some(json!(1_790_845_200)));
    assert_eq!(Some(&*claims), metadata.as_object());
}

/// Verifies with the published keys alone.
async fn verify(server: &Server, token: &str) -> Value {
    let keys = send(server, get("/.well-known/jwks.json")).await;
    assert_eq!(
        keys.header("content-type"),
        Some("application/jwk-set+json")
    );
    let keys: JwkSet = serde_json::from_str(&keys.body).unwrap();
    let header = jsonwebtoken::decode_header(token).unwrap();
    assert_eq!(header.alg, Algorithm::ES256);
    let key = keys.find(&header.kid.unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.required_spec_claims.clear();
    jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &rules)
        .unwrap()
        .claims
}

#[actix_web::test]
async fn an_identifier_with_a_path_has_its_metadata_behind_the_well_known_name() {
    let server = identified("https://pdp.example/tenant1/");
    let reply = send(&server, get(&format!("{PATH}/tenant1"))).await;
    let metadata = reply.json();
    assert_eq!(
        metadata["policy_decision_point"],
        "https://pdp.example/tenant1/"
    );
    assert_eq!(
        metadata["access_evaluation_endpoint"],
        "https://pdp.example/tenant1/access/v1/evaluation"
    );
    let encoded = send(
        &server,
        get("/.well-known/authzen%2dconfiguration/%74enant1"),
    )
    .await;
    assert_eq!(
        encoded.json()["policy_decision_point"],
        "https://pdp.example/tenant1/"
    );
    for path in ["", "/", "/tenant", "/tenant1/", "/tenant2", "x"] {
        let reply = send(&server, get(&format!("{PATH}{path}"))).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json()["error"]["code"]),
            (404, &json!("no_metadata")),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn metadata_are_read_and_not_written() {
    let server = identified("https://pdp.example");
    assert_eq!(send(&server, request(Method::POST, PATH)).await.status, 405);
    assert_eq!(send(&server, get(&format!("{PATH}?x=1"))).await.status, 200);
}
