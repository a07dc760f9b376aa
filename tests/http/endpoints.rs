//! What follows from the tables of endpoints: under which label a request is counted, and who is
//! let in.

use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use behest::evidence::CallerScope;
use behest::http::{
    Access, Caller, CallerCredential, Endpoint, KeyHash, Permission, Server, Settings, endpoints,
};
use std::collections::{BTreeMap, BTreeSet};
use support::service::{empty, get, local, request, send};

/// What is everybody's, named once more: nothing becomes so unseen.
const PUBLIC: [&str; 4] = [
    "/healthz",
    "/readyz",
    "/.well-known/jwks.json",
    "/.well-known/authzen-configuration{suffix:.*}",
];

/// What a setting opens, and by default to everybody.
const PAGES: [&str; 7] = [
    "/metrics",
    "/console",
    "/console/{file:.*}",
    "/",
    "/docs",
    "/docs/{file:.*}",
    "/openapi.json",
];

const KEY: &str = "s3cret-Key";

/// A request that the router takes to the endpoint.
fn request_to(endpoint: &Endpoint) -> TestRequest {
    let mut path = endpoint.path.to_owned();
    while let Some((fixed, (name, rest))) = path
        .split_once('{')
        .and_then(|(fixed, rest)| Some((fixed, rest.split_once('}')?)))
    {
        let value = if name.ends_with(":.*") {
            ""
        } else {
            "01ARZ3NDEKTSV4RRFFQ69G5FAV"
        };
        path = format!("{fixed}{value}{rest}");
    }
    request(endpoint.method.verbs().remove(0), &path)
}

/// A service with one caller, which has these permissions. It drains, so that an answer without an
/// end has one.
fn with_caller(permissions: impl Iterator<Item = Permission>) -> Server {
    let caller = Caller {
        name: "caller".to_owned(),
        by: CallerCredential::key(KeyHash::of(KEY.as_bytes())),
        permissions: permissions.collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let server = empty(Settings {
        callers: vec![caller],
        ..Settings::default()
    });
    server.drain();
    server
}

#[test]
fn no_endpoint_is_counted_among_others() {
    let others = endpoints().filter(|endpoint| endpoint.label == "other");
    assert_eq!(others.count(), 0);
}

/// Endpoints of a collection and of one of its items share a label, and so do the pages.
#[test]
fn a_label_is_of_one_collection_alone() {
    let mut collections: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for endpoint in endpoints() {
        let path = endpoint.path;
        let collection = match path.rsplit_once('/') {
            Some((collection, item)) if item.starts_with('{') => collection,
            _ => path,
        };
        collections
            .entry(endpoint.label)
            .or_default()
            .insert(collection);
    }
    assert_eq!(
        collections.remove("docs"),
        Some(BTreeSet::from(["/", "/docs"]))
    );
    let shared: Vec<_> = collections
        .iter()
        .filter(|(_, collections)| collections.len() > 1)
        .collect();
    assert!(shared.is_empty(), "{shared:?}");
    let labels = collections.len();
    let distinct: BTreeSet<_> = collections.into_values().flatten().collect();
    assert_eq!(distinct.len(), labels, "two labels are of one collection");
}

#[actix_web::test]
async fn a_request_is_counted_under_the_label_of_its_endpoint() {
    for endpoint in endpoints() {
        let server = empty(local());
        send(&server, request_to(endpoint)).await;
        let metrics = send(&server, get("/metrics")).await.body;
        let labels: BTreeSet<&str> = metrics
            .lines()
            .filter(|line| line.starts_with("behest_request_seconds_count{"))
            .filter_map(|line| line.split_once("endpoint=\"")?.1.split('"').next())
            .collect();
        assert_eq!(labels, BTreeSet::from([endpoint.label]), "{endpoint:?}");
    }
}

#[test]
fn nothing_is_public_unseen() {
    let public: Vec<&str> = endpoints()
        .filter(|endpoint| endpoint.access == Access::Public)
        .map(|endpoint| endpoint.path)
        .collect();
    assert_eq!(public, PUBLIC);
    let pages: Vec<&str> = endpoints()
        .filter(|endpoint| matches!(endpoint.access, Access::Page(_)))
        .map(|endpoint| endpoint.path)
        .collect();
    assert_eq!(pages, PAGES);
}

#[actix_web::test]
async fn an_endpoint_lets_in_whom_it_says() {
    let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
    for endpoint in endpoints() {
        let keyless = send(&with_caller(std::iter::empty()), request_to(endpoint)).await;
        let Access::Needs(needed) = endpoint.access else {
            assert!(!refused.contains(&keyless.status), "{endpoint:?}");
            continue;
        };
        assert_eq!(keyless.status, StatusCode::UNAUTHORIZED, "{endpoint:?}");
        let keyed =
            || request_to(endpoint).insert_header(("Authorization", format!("Bearer {KEY}")));
        let others = Permission::ALL
            .into_iter()
            .filter(|permission| *permission != needed);
        let lacking = send(&with_caller(others), keyed()).await;
        assert_eq!(lacking.status, StatusCode::FORBIDDEN, "{endpoint:?}");
        let holding = send(&with_caller(std::iter::once(needed)), keyed()).await;
        assert!(
            !refused.contains(&holding.status),
            "{endpoint:?}: {}",
            holding.body
        );
    }
}
