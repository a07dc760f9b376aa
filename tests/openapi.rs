//! The committed description of the API is the one that the handlers give.

use behest::http::authzen::examples;
use behest::http::{endpoints, openapi};
use std::collections::BTreeSet;

#[test]
fn the_committed_description_is_the_current_one() {
    let mut text = openapi().to_pretty_json().unwrap();
    text.push('\n');
    support::golden::check("openapi/behest.json", &text);
}

#[test]
fn every_example_stands_in_the_description() {
    let api = serde_json::to_value(openapi()).unwrap();
    for example in examples::examples() {
        let shown = &api["paths"][example.path]["post"]["requestBody"]["content"]["application/json"]
            ["examples"];
        assert_eq!(
            shown[example.name]["value"], example.body,
            "{}",
            example.name
        );
    }
}

/// `#[utoipa::path]` repeats the path and the method that the endpoint's value has.
#[test]
fn every_endpoint_is_described_where_it_is_and_nothing_else_is() {
    let api = serde_json::to_value(openapi()).unwrap();
    let described: BTreeSet<(String, String)> = api["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let (expected, pages): (Vec<_>, Vec<_>) =
        endpoints().partition(|endpoint| endpoint.description.is_some());
    let expected = expected.into_iter().map(|endpoint| {
        // What may follow the path is told in words.
        let path = if endpoint.path.contains(":.*}") {
            endpoint.fixed_path()
        } else {
            endpoint.path
        };
        (endpoint.method.verbs()[0].to_string(), path.to_owned())
    });
    assert_eq!(described, expected.collect());
    let pages: Vec<&str> = pages.into_iter().map(|endpoint| endpoint.path).collect();
    assert_eq!(
        pages,
        [
            "/console",
            "/console/{file:.*}",
            "/",
            "/docs",
            "/docs/{file:.*}",
            "/openapi.json"
        ]
    );
}

/// A misspelt reference would show as an empty schema on the page.
#[test]
fn every_reference_has_a_target() {
    let api = serde_json::to_value(openapi()).unwrap();
    let mut open = vec![&api];
    let mut references = 0;
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Object(members) => {
                if let Some(target) = members.get("$ref").and_then(|target| target.as_str()) {
                    references += 1;
                    let pointer = target.strip_prefix('#').unwrap();
                    assert!(api.pointer(pointer).is_some(), "{target}");
                }
                open.extend(members.values());
            }
            serde_json::Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    assert!(references > 20, "{references} references");
}

/// A reader of the description sees one text at a time, without the code around it.
#[test]
fn every_description_is_a_phrase_of_four_words_or_more() {
    let api = serde_json::to_value(openapi()).unwrap();
    let mut short = Vec::new();
    let mut described = 0;
    let mut open = vec![(String::new(), &api)];
    while let Some((path, value)) = open.pop() {
        match value {
            serde_json::Value::Object(members) => {
                if let Some(text) = members.get("description").and_then(|text| text.as_str()) {
                    described += 1;
                    if text.split_whitespace().count() < 4 {
                        short.push(format!("{path}: {text}"));
                    }
                }
                open.extend(
                    members
                        .iter()
                        .map(|(name, member)| (format!("{path}/{name}"), member)),
                );
            }
            serde_json::Value::Array(items) => {
                open.extend(
                    items
                        .iter()
                        .enumerate()
                        .map(|(at, item)| (format!("{path}/{at}"), item)),
                );
            }
            _ => {}
        }
    }
    assert!(described > 300, "{described} descriptions");
    assert!(short.is_empty(), "{}", short.join("\n"));
}
