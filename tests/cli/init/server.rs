//! `behest init --from-tools URL`: a server of MCP's streamable HTTP, asked for its pages.

use super::{files, passes, policies};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use support::place::Place;

/// How a server answers.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Json,
    Events,
    Endless,
    Closed,
    /// Pages of nine megabytes.
    Large,
    /// Answers to another call.
    Confused,
    /// A request of its own, with the id of the call, in place of an answer.
    Asking,
}

/// What a request says: its headers in lower case, and its body.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// Starts a server, and returns its address and what it will be asked.
fn serve(manner: Manner) -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/mcp", listener.local_addr().unwrap());
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            answer(stream.unwrap(), manner, &seen);
        }
    });
    (address, asked)
}

fn answer(mut stream: TcpStream, manner: Manner, seen: &Asked) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            return;
        }
    }
    let head = head.to_lowercase();
    let length = head.split_once("content-length: ").unwrap().1;
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let reply = reply(&body, manner);
    seen.lock().unwrap().push((head, body));
    let mut send = |status: &str, kind: &str, body: &str| {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nMcp-Session-Id: s-1\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _gone = stream.write_all(format!("{head}{body}").as_bytes());
    };
    match (reply, manner) {
        (_, Manner::Closed) => send("401 Unauthorized", "text/plain", ""),
        (None, _) => send("202 Accepted", "text/plain", ""),
        (Some(reply), Manner::Events) => {
            let other = json!({ "jsonrpc": "2.0", "method": "notifications/message" });
            let events = format!(
                ": hello\r\n\r\ndata: {other}\r\n\r\nevent: message\r\nid: 7\r\ndata: {reply}\r\n\r\n"
            );
            send("200 OK", "text/event-stream", &events);
        }
        (Some(reply), _) => send("200 OK", "application/json", &reply.to_string()),
    }
}

fn reply(body: &Value, manner: Manner) -> Option<Value> {
    let id = body.get("id")?;
    let result = match body["method"].as_str().unwrap() {
        "initialize" => json!({
            "protocolVersion": "2025-06-18",
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "acme/shop \"1\"", "version": "1" },
        }),
        "tools/list" => match body["params"]["cursor"].as_str() {
            _ if manner == Manner::Large => {
                json!({ "tools": [], "nextCursor": "x".repeat(9 << 20) })
            }
            None => json!({ "tools": [{ "name": "buy" }], "nextCursor": "p2" }),
            Some("p2") if manner != Manner::Endless => json!({ "tools": [{
                "name": "look",
                "annotations": { "readOnlyHint": true },
                "inputSchema": {
                    "type": "object",
                    "properties": { "item": { "type": "string" } },
                    "required": ["item"],
                },
            }] }),
            Some(_) => json!({ "tools": [], "nextCursor": "more" }),
        },
        other => panic!("{other}"),
    };
    Some(match manner {
        Manner::Confused => json!({ "jsonrpc": "2.0", "id": 77, "result": result }),
        Manner::Asking => json!({
            "jsonrpc": "2.0", "id": id, "method": "sampling/createMessage", "result": result,
        }),
        _ => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
    })
}

#[test]
fn a_server_is_asked_for_all_pages_in_its_session() {
    for manner in [Manner::Json, Manner::Events] {
        let place = Place::new();
        let (address, asked) = serve(manner);
        let made = place.run(&["init", "shop", "--from-tools", &address]);
        assert!(made.code == 0 && made.err.is_empty(), "{made:?}");
        assert!(
            made.out.contains("2 tools of the server `acme-shop--1`"),
            "{}",
            made.out
        );
        passes(&place, "shop", Some(policies(2, true)));
        let schema = fs::read_to_string(place.path("shop/schemas/tools.cedarschema")).unwrap();
        assert!(
            schema.contains(
                "action \"tools/call:acme-shop--1/look\" in [\"tools/call\", \"tools.read\"]"
            ),
            "{schema}"
        );
        assert!(schema.contains("      item: String,\n"), "{schema}");
        let asked = asked.lock().unwrap();
        let methods: Vec<&str> = asked
            .iter()
            .map(|(_, body)| body["method"].as_str().unwrap())
            .collect();
        assert_eq!(
            methods,
            [
                "initialize",
                "notifications/initialized",
                "tools/list",
                "tools/list"
            ]
        );
        for (head, _) in &asked[1..] {
            assert!(head.contains("mcp-session-id: s-1\r\n"), "{head}");
            assert!(
                head.contains("mcp-protocol-version: 2025-06-18\r\n"),
                "{head}"
            );
            assert!(
                head.contains("accept: application/json, text/event-stream\r\n"),
                "{head}"
            );
        }
    }
}

#[test]
fn a_server_that_does_not_answer_as_one_is_refused() {
    let place = Place::new();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let free = format!("http://{}/mcp", gone.local_addr().unwrap());
    drop(gone);
    for (address, told) in [
        (serve(Manner::Endless).0, "has more than 50 pages"),
        (serve(Manner::Closed).0, "wants credentials"),
        (serve(Manner::Large).0, "answers with more than 16 MiB"),
        (serve(Manner::Confused).0, "is no answer to `initialize`"),
        (serve(Manner::Asking).0, "is no answer to `initialize`"),
        (free, "does not answer"),
        (
            "http://mcp.example/mcp".to_owned(),
            "would be asked in the clear",
        ),
        (
            "file:///etc/passwd".to_owned(),
            "is not the address of an MCP server",
        ),
    ] {
        let refused = place.run(&["init", "shop", "--from-tools", &address]);
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.err.contains(told), "{}", refused.err);
        assert!(refused.err.contains("\n  help: "), "{}", refused.err);
        assert!(
            !place.path("shop").exists(),
            "{:?}",
            files(&place.path("shop"))
        );
    }
}
