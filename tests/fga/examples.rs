//! The documentation's examples, sent one after another.

use crate::Fixture;
use behest::http::openfga::examples::examples;

#[actix_web::test]
async fn every_example_works() {
    let mut fixture = Fixture::empty();
    for example in examples() {
        let path = example.path.replace("{store_id}", &fixture.store);
        let reply = fixture.post(&path, &example.body).await;
        assert_eq!(
            reply.status, example.status,
            "{}: {}",
            example.path, reply.body
        );
        if example.path == "/stores" {
            fixture.store = reply.json()["id"].as_str().unwrap().to_owned();
        }
        if example.path.ends_with("/check") {
            let path = "document:plan#viewer@team:sre#member, team:sre#member@user:alice";
            assert_eq!(reply.json()["resolution"], path);
        }
    }
}

#[test]
fn every_example_stands_in_the_description() {
    let api = serde_json::to_value(behest::http::openapi()).unwrap();
    for example in examples() {
        let shown = &api["paths"][example.path]["post"]["requestBody"]["content"]["application/json"]
            ["examples"];
        assert_eq!(
            shown[example.name]["value"], example.body,
            "{} {}",
            example.path, example.name
        );
    }
}
