use super::*;
use crate::json::read_object;
use crate::mapping::{MappedRoute, Mapping, PathTemplate, RouteMeaning};

fn object(text: &str) -> Record {
    read_object(text.as_bytes(), 16).unwrap()
}

fn mapping() -> Mapping {
    let server = McpServer {
        name: "desk".into(),
        actions: [("ping".into(), "tools/list".into())].into(),
        defaults: [("export".into(), object(r#"{"format": "full"}"#))].into(),
    };
    let template = PathTemplate::read("/mcp").unwrap();
    let meaning = RouteMeaning::Mcp(server);
    let route = MappedRoute::new(template, None, vec!["POST".into()], meaning);
    Mapping::new(vec![route.unwrap()])
}

/// Returns action, resource and context of a message, or the code of the refusal.
fn message(body: &str, headers: &[(&str, &str)]) -> String {
    let request = OriginalRequest {
        method: "POST",
        host: "x",
        target: "/mcp",
        headers: headers
            .iter()
            .map(|(name, value)| (*name, Some(*value)))
            .collect(),
    };
    let body = object(body);
    let mapping = mapping();
    let found = mapping.find(&request).unwrap();
    assert!(found.needs_body());
    assert_eq!(found.question(&request, None), Err(MappingRefusal::Body));
    match found.question(&request, Some(&body)) {
        Err(refusal) => format!("! {}", refusal.code()),
        Ok(question) => {
            let text = |path: [&str; 2]| {
                let record = question.get(path[0]).unwrap().as_record().unwrap();
                record.get(path[1]).unwrap().as_text().unwrap().to_string()
            };
            let context = question.get("context").unwrap().as_record().unwrap();
            let context = if context.is_empty() {
                String::new()
            } else {
                format!(" {context:?}")
            };
            let (kind, id) = (text(["resource", "type"]), text(["resource", "id"]));
            assert_eq!(text(["subject", "type"]), "credential");
            format!("{} {kind}:{id}{context}", text(["action", "name"]))
        }
    }
}

fn call(method: &str, params: &str) -> String {
    let id = if method.starts_with("notifications/") {
        ""
    } else {
        r#""id":1,"#
    };
    let body = format!(r#"{{"jsonrpc":"2.0",{id}"method":"{method}","params":{params}}}"#);
    message(&body, &[])
}

#[test]
fn a_message_becomes_the_question_of_its_method() {
    for (method, params, expected) in [
        ("tools/list", "{}", "tools/list mcp_server:desk"),
        ("server/discover", "{}", "server/discover mcp_server:desk"),
        (
            "notifications/initialized",
            "{}",
            "initialize mcp_server:desk",
        ),
        ("ping", "{}", "tools/list mcp_server:desk"),
        (
            "prompts/get",
            r#"{"name":"p"}"#,
            "prompts/get prompt:desk/p",
        ),
        (
            "resources/read",
            r#"{"uri":"desk://a"}"#,
            "resources/read resource:desk://a",
        ),
        ("tasks/get", r#"{"taskId":"t"}"#, "tasks/get task:desk/t"),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p"}}"#,
            "completion/complete prompt:desk/p",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","uri":"a{b}"}}"#,
            "completion/complete resource:a{b}",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"x"}}"#,
            "! method_unmapped",
        ),
        ("subscriptions/listen", "{}", "! method_unmapped"),
        ("Tools/call", r#"{"name":"a"}"#, "! method_unmapped"),
        ("", "{}", "! method_unmapped"),
        ("tools/call", "{}", "! value_missing"),
        ("tools/call", r#"{"name":""}"#, "! value_missing"),
        ("tools/call", r#"{"name":1}"#, "! value_missing"),
        (
            "tools/call",
            r#"{"name":"a","arguments":[]}"#,
            "! message_invalid",
        ),
        (
            "tools/call",
            r#"{"name":"a","Name":"b"}"#,
            "! message_invalid",
        ),
        (
            "tools/call",
            r#"{"name":"a","Arguments":{}}"#,
            "! message_invalid",
        ),
        (
            "tools/call",
            r#"{"name":"a","argument\u017f":{}}"#,
            "! message_invalid",
        ),
        (
            "tools/call",
            r#"{"name":"a","arguments":{"x":{"k":1,"\u212a":2}}}"#,
            "! message_invalid",
        ),
        (
            "resources/read",
            r#"{"uri":"https://a.example/b/../c"}"#,
            "! request_ambiguous",
        ),
        (
            "resources/read",
            r#"{"uri":"HTTPS://a.example/"}"#,
            "! request_ambiguous",
        ),
    ] {
        assert_eq!(call(method, params), expected, "{method} {params}");
    }
}

#[test]
fn a_tool_is_asked_about_with_the_arguments_that_it_runs_with() {
    let found = call(
        "tools/call",
        r#"{"name":"refund","arguments":{"amount":2.50}}"#,
    );
    assert!(found.starts_with("tools/call tool:desk/refund "), "{found}");
    assert!(found.contains("2.50"), "{found}");
    let null = call(
        "tools/call",
        r#"{"name":"export","arguments":{"format":null}}"#,
    );
    assert_eq!(null, "! message_invalid");
    let near = call(
        "tools/call",
        r#"{"name":"export","arguments":{"Format":"all"}}"#,
    );
    assert_eq!(
        near, "! message_invalid",
        "it is read in the default's place"
    );
    for (arguments, format) in [("{}", "full"), (r#"{"format":"short"}"#, "short")] {
        let found = call(
            "tools/call",
            &format!(r#"{{"name":"export","arguments":{arguments}}}"#),
        );
        assert!(found.contains(format), "{found}");
    }
}

#[test]
fn a_resource_is_asked_about_by_one_spelling_of_its_uri() {
    for uri in [
        "file:///%73ecret",
        "file:///a%2fb",
        "file:///a%2Fb",
        "file:///a%3ab",
        "file:///a//b",
        "file:///a%",
        "notes://H/x",
        "notes://h%41/x",
        "notes://h/%7Ex",
        "x:a/../b",
        "//h/../x",
        "secret/../x",
        "a\\\\b",
    ] {
        let named = format!(r#"{{"uri":"{uri}"}}"#);
        assert_eq!(
            call("resources/read", &named),
            "! request_ambiguous",
            "{uri}"
        );
        let of = format!(r#"{{"ref":{{"type":"ref/resource","uri":"{uri}"}}}}"#);
        assert_eq!(
            call("completion/complete", &of),
            "! request_ambiguous",
            "{uri}"
        );
    }
    for uri in [
        "file:///secret",
        "file:///a%20b",
        "notes://h/x?y=%C3%A4",
        "urn:a:b",
    ] {
        let named = format!(r#"{{"uri":"{uri}"}}"#);
        let expected = format!("resources/read resource:{uri}");
        assert_eq!(call("resources/read", &named), expected);
    }
}

#[test]
fn a_message_is_one_request_of_json_rpc() {
    for body in [
        "{}",
        r#"{"jsonrpc":"1.0","id":1,"method":"tools/list"}"#,
        r#"{"id":1,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":[],"method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"notifications/x"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":["tools/list"]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","x":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        assert_eq!(message(body, &[]), "! message_invalid", "{body}");
    }
    let bare = r#"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#;
    assert_eq!(message(bare, &[]), "tools/list mcp_server:desk");
}

#[test]
fn headers_say_what_the_body_says() {
    let plain = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":
        {"name":"status","arguments":{"a":7,"b":true,"c":"x y"}}}"#;
    let newer = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"status",
        "_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let (method, name) = (("mcp-method", "tools/call"), ("mcp-name", "status"));
    let version = ("mcp-protocol-version", "2026-07-28");
    let older = ("mcp-protocol-version", "2025-11-25");
    let agree: [(&str, &[(&str, &str)]); 8] = [
        (plain, &[]),
        (plain, &[method, name]),
        (plain, &[older]),
        (plain, &[("mcp-name", "=?base64?c3RhdHVz?=")]),
        (
            plain,
            &[
                ("mcp-param-a", "7"),
                ("mcp-param-b", "true"),
                ("mcp-param-c", "x y"),
            ],
        ),
        (newer, &[method, name]),
        (newer, &[method, name, version]),
        (plain, &[method, name, version]),
    ];
    for (body, headers) in agree {
        assert!(
            message(body, headers).starts_with("tools/call tool:desk/status"),
            "{headers:?}"
        );
    }
    let differ: [(&str, &[(&str, &str)]); 12] = [
        (plain, &[("mcp-method", "tools/list")]),
        (plain, &[("mcp-method", "TOOLS/CALL")]),
        (plain, &[("mcp-name", "refund")]),
        (plain, &[("mcp-name", "=?base64?cmVmdW5k?=")]),
        (plain, &[("mcp-name", "=?base64?%%%?=")]),
        (plain, &[("mcp-param-a", "8")]),
        (plain, &[version]),
        (newer, &[]),
        (newer, &[method]),
        (newer, &[name]),
        (newer, &[method, name, older]),
        (newer, &[method, name, ("mcp-param-a", "7")]),
    ];
    for (body, headers) in differ {
        assert_eq!(message(body, headers), "! header_mismatch", "{headers:?}");
    }
    assert_eq!(message(plain, &[method, method]), "! request_ambiguous");
    let listing = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert_eq!(
        message(listing, &[("mcp-name", "status")]),
        "! header_mismatch"
    );
}
