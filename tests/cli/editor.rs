//! The language server, spoken to over pipes as an editor does.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use support::place::{PATIENCE, Place};

const SCHEMA: &str = "\
@doc(\"A person.\")
entity user { @stored tenant: String };
entity agent;
entity folder; entity shelf;
// Ünïcode before a name: 😀
entity note in [shelf] {
  @stored @doc(\"Where it lies.\")
  folder?: folder,
};
action read appliesTo { principal: [user, agent], resource: note };
action \"tools/call\" appliesTo {
  principal: user,
  resource: note,
  context: { arguments?: { amount?: Long } },
};
action \"tools/call:n1\" in [\"tools/call\"] appliesTo { principal: user, resource: note };
";

const MODEL: &str = "\
model
  schema 1.1
type user
type agent
type team
  relations
    define member: [user]
# Notes lie in folders.
type folder
  relations
    define viewer: [user, team#member]
type note
  relations
    define parent: [folder]
    # Who may look at it.
    define viewer: [user, user with until] or viewer from parent
condition until(current_time: timestamp, end: timestamp) {
  current_time < end
}
";

const POLICIES: &str = "\
@id(\"viewer\")
@reason(\"no_viewer\")
@doc(\"Viewers *read*.\")
permit (principal, action == Action::\"read\", resource is note)
when { principal in resource.viewer };

@id(\"in-folder\")
permit (principal, action == Action::\"read\", resource is note)
when { resource has folder && principal in resource.folder.viewer };

@id(\"team\")
permit (principal is user, action in Action::\"tools/call\", resource)
when { principal in Userset::\"team:sre#member\" && principal.tenant == \"t\" };
";

const CASES: &str = "\
cases:
  # Whoever may look.
  - name: a viewer
    who: user:alice > agent:copilot
    does: tools/call
    to: note:n1
    expect: { deny: no_viewer, policies: [viewer] }
  - name: another
    like: a viewer
    expect: deny
";

const TUPLES: &str = "\
- { user: \"team:sre#member\", relation: viewer, object: \"folder:f\" }
- user: user:alice
  relation: viewer
  object: note:n1
  condition: { name: until }
";

/// Writes a bundle into a folder of a place.
fn write(place: &Place, name: &str) {
    for (path, text) in [
        ("schemas/s.cedarschema", SCHEMA),
        ("schemas/m.fga", MODEL),
        ("policies/p.cedar", POLICIES),
        ("policies/cases.yaml", CASES),
        ("policies/tuples.yaml", TUPLES),
        (
            "policies/bundle.toml",
            "packs = [\"revocation\"]\n[reasons.no_viewer]\nnext_action = \"request\"\n",
        ),
        (
            "policies/entities.json",
            "[{\"uid\": {\"type\": \"user\", \"id\": \"alice\"}, \"attrs\": {\"tenant\": \"t\"}, \"parents\": []}]\n",
        ),
    ] {
        place.write(&format!("{name}/{path}"), text);
    }
}

/// An editor with a server.
struct Editor {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    next_id: i64,
    /// What the server said last of each file, and how often it said something.
    told: BTreeMap<String, Vec<Value>>,
    publications: usize,
}

impl Editor {
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            messages,
            next_id: 0,
            told: BTreeMap::new(),
            publications: 0,
        }
    }

    /// Starts a server and shakes hands.
    fn greet(place: &Place, capabilities: Value) -> Self {
        let mut editor = Self::start(place, &["lsp", "--stdio"]);
        let answer = editor.ask(
            "initialize",
            json!({"processId": null, "rootUri": null, "capabilities": capabilities}),
        );
        let offered = &answer["result"]["capabilities"];
        assert_eq!(offered["hoverProvider"], true, "{answer}");
        assert_eq!(offered["definitionProvider"], true, "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "behest");
        editor.tell("initialized", json!({}));
        editor
    }

    fn send_raw(&mut self, text: &str) {
        self.input.write_all(text.as_bytes()).unwrap();
        self.input.flush().unwrap();
    }

    fn send_body(&mut self, body: &str) {
        self.send_raw(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send_body(&json!({"jsonrpc": "2.0", "method": method, "params": params}).to_string());
    }

    /// Sends a request, and returns the answer with its id.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next_id += 1;
        let id = self.next_id;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send_body(&request.to_string());
        self.wait(|message| message["id"] == id && message.get("method").is_none())
    }

    /// Waits for a message, and notes what is said of files until then.
    fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let message = self.messages.recv_timeout(left);
            let message = message.unwrap_or_else(|_| panic!("no such message: {:?}", self.told));
            self.note(&message);
            if is_it(&message) {
                return message;
            }
        }
    }

    fn note(&mut self, message: &Value) {
        if message["method"] == "textDocument/publishDiagnostics" {
            let params = &message["params"];
            let found = params["diagnostics"].as_array().unwrap().clone();
            self.told
                .insert(params["uri"].as_str().unwrap().to_owned(), found);
            self.publications += 1;
        }
    }

    fn open(&mut self, uri: &str, text: &str) {
        let document = json!({"uri": uri, "languageId": "x", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
    }

    fn replace(&mut self, uri: &str, text: &str) {
        self.change(uri, json!([{"text": text}]));
    }

    fn change(&mut self, uri: &str, changes: Value) {
        let document = json!({"uri": uri, "version": 2});
        self.tell(
            "textDocument/didChange",
            json!({"textDocument": document, "contentChanges": changes}),
        );
    }

    /// Waits until a file is said to have diagnostics like these.
    fn until(&mut self, uri: &str, is_it: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let before = self.told.remove(uri);
        if before.as_deref().is_some_and(&is_it) {
            return before.unwrap();
        }
        self.wait(|message| {
            let params = &message["params"];
            message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri
                && is_it(params["diagnostics"].as_array().unwrap())
        });
        self.told.get(uri).unwrap().clone()
    }

    fn at(&mut self, method: &str, uri: &str, text: &str, needle: &str) -> Value {
        let position = position_of(text, needle);
        let params = json!({"textDocument": {"uri": uri}, "position": position});
        let answer = self.ask(&format!("textDocument/{method}"), params);
        answer["result"].clone()
    }

    fn hover(&mut self, uri: &str, text: &str, needle: &str) -> String {
        let found = self.at("hover", uri, text, needle);
        found["contents"]["value"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Returns the ends of the files' addresses with the lines, counted from 1.
    fn definition(&mut self, uri: &str, text: &str, needle: &str) -> Vec<String> {
        let found = self.at("definition", uri, text, needle);
        let found = found.as_array().unwrap().iter();
        found
            .map(|location| {
                let name = location["uri"]
                    .as_str()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_owned();
                let line = location["range"]["start"]["line"].as_u64().unwrap() + 1;
                format!("{name}:{line}")
            })
            .collect()
    }

    /// Ends the conversation as the protocol has it.
    fn end(mut self) {
        let answer = self.ask("shutdown", Value::Null);
        assert_eq!(answer["result"], Value::Null);
        assert!(answer.get("error").is_none(), "{answer}");
        let late = self.ask("textDocument/hover", json!({}));
        assert_eq!(late["error"]["code"], -32600, "{late}");
        self.tell("exit", Value::Null);
        assert_eq!(self.code(), (Some(0), String::new()));
    }

    fn code(mut self) -> (Option<i32>, String) {
        drop(self.input);
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it hangs");
            std::thread::sleep(Duration::from_millis(10));
        }
        let mut err = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut err)
            .unwrap();
        (self.child.wait().unwrap().code(), err)
    }
}

fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

/// Returns the position, in UTF-16, of `|` in a needle that stands in a text without it.
fn position_of(text: &str, needle: &str) -> Value {
    let (before, after) = needle.split_once('|').unwrap();
    let found = text.find(&[before, after].concat());
    let at = found.unwrap_or_else(|| panic!("{needle} is not in {text}")) + before.len();
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let character = text[start..at].encode_utf16().count();
    json!({"line": line, "character": character})
}

fn uri(place: &Place, name: &str) -> String {
    format!("file://{}", place.path(name).display())
}

#[test]
fn mistakes_are_told_where_they_are_while_somebody_types() {
    let place = Place::new();
    write(&place, "notes");
    write(&place, "more/notes");
    let mut editor = Editor::greet(&place, json!({}));
    let policies = uri(&place, "notes/policies/p.cedar");
    let schema = uri(&place, "notes/schemas/s.cedarschema");
    let model = uri(&place, "notes/schemas/m.fga");
    let other = uri(&place, "more/notes/policies/p.cedar");
    editor.open(&policies, POLICIES);
    editor.open(&other, POLICIES);
    editor.until(&policies, <[Value]>::is_empty);
    editor.until(&other, <[Value]>::is_empty);
    // A change within a line behind characters of several widths, which is not saved.
    editor.open(&schema, SCHEMA);
    let at = position_of(SCHEMA, "before a name: 😀|");
    let range = json!({"start": at, "end": at});
    editor.change(
        &schema,
        json!([{"range": range, "text": "\nentity user2 { x: Strin };"}]),
    );
    let found = editor.until(&schema, |found| !found.is_empty());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["range"]["start"]["line"], 5, "{found:?}");
    assert_eq!(found[0]["severity"], 1);
    assert_eq!(found[0]["source"], "behest");
    assert!(
        found[0]["message"].as_str().unwrap().contains("Strin"),
        "{found:?}"
    );
    let validated = place.run(&["validate", "notes"]);
    assert_eq!(
        validated.code, 0,
        "what is not saved is the editor's alone: {validated:?}"
    );
    editor.replace(&schema, SCHEMA);
    editor.until(&schema, <[Value]>::is_empty);
    // A relation is renamed in a buffer: policies and tuples that name it are wrong, open or not.
    editor.open(&model, MODEL);
    editor.replace(
        &model,
        &MODEL.replace("define viewer: [user, user", "define reader: [user, user"),
    );
    let tuples = uri(&place, "notes/policies/tuples.yaml");
    let found = editor.until(&tuples, |found| !found.is_empty());
    assert!(
        found[0]["message"].as_str().unwrap().contains("viewer"),
        "{found:?}"
    );
    // The same as the command says.
    place.write(
        "notes/schemas/m.fga",
        &MODEL.replace("define viewer: [user, user", "define reader: [user, user"),
    );
    let validated = place.run(&["validate", "notes"]);
    let first = found[0]["message"]
        .as_str()
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let words = validated.err.replace('\n', " ");
    let head: String = first.chars().take(40).collect();
    assert!(
        validated.code == 4 && words.contains(&head),
        "{first}: {validated:?}"
    );
    assert_eq!(editor.told.get(&other).map(Vec::len).unwrap_or_default(), 0);
    // Whoever closes the last document of a bundle is told no more of it.
    for open in [&policies, &schema, &model] {
        editor.tell(
            "textDocument/didClose",
            json!({"textDocument": {"uri": open}}),
        );
    }
    editor.until(&tuples, <[Value]>::is_empty);
    editor.end();
}

#[test]
fn many_changes_are_one_check_and_files_on_the_disk_count() {
    let place = Place::new();
    write(&place, "notes");
    let watching = json!({"workspace": {"didChangeWatchedFiles": {"dynamicRegistration": true}}});
    let mut editor = Editor::greet(&place, watching);
    let asked = editor.wait(|message| message["method"] == "client/registerCapability");
    editor.send_body(&json!({"jsonrpc": "2.0", "id": asked["id"], "result": null}).to_string());
    let policies = uri(&place, "notes/policies/p.cedar");
    editor.open(&policies, POLICIES);
    editor.until(&policies, <[Value]>::is_empty);
    let before = editor.publications;
    for number in 0..200 {
        editor.replace(&policies, &format!("{POLICIES}// {number}"));
    }
    editor.replace(&policies, &format!("{POLICIES}permit"));
    editor.until(&policies, |found| !found.is_empty());
    assert!(
        editor.publications - before < 20,
        "{}",
        editor.publications - before
    );
    editor.replace(&policies, POLICIES);
    editor.until(&policies, <[Value]>::is_empty);
    place.write("notes/schemas/s.cedarschema", "entity user");
    let schema = uri(&place, "notes/schemas/s.cedarschema");
    let changes = json!([{"uri": schema, "type": 2}]);
    editor.tell(
        "workspace/didChangeWatchedFiles",
        json!({"changes": changes}),
    );
    editor.until(&schema, |found| !found.is_empty());
    editor.end();
}

const NOTE: &str = "define viewer: [user, user with until] or viewer from parent";

/// A file, the cursor as `|` in its text, what is shown there, and where it leads.
type NameRow = (
    usize,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const NAMES: [NameRow; 35] = [
    (
        0,
        "principal in resource.vie|wer }",
        &[NOTE, "relation `viewer` of `note`", "Who may look at it."],
        &["m.fga:16"],
    ),
    (
        0,
        "resource.folder.view|er",
        &["define viewer: [user, team#member]", "of `folder`"],
        &["m.fga:11"],
    ),
    (
        0,
        "resource has fold|er",
        &["folder?: folder", "Where it lies."],
        &["s.cedarschema:8"],
    ),
    (
        0,
        "resource.fol|der.viewer",
        &["attribute `folder` of `note`"],
        &["s.cedarschema:8"],
    ),
    (
        0,
        "resource is no|te)\nwhen { principal",
        &["entity note in [shelf]"],
        &["s.cedarschema:6"],
    ),
    (
        0,
        "Action::\"re|ad\", resource is note)\nwhen { principal",
        &["action read appliesTo"],
        &["s.cedarschema:10"],
    ),
    (
        0,
        "Action::\"tools/c|all\"",
        &["action \"tools/call\" appliesTo"],
        &["s.cedarschema:11"],
    ),
    (
        0,
        "team:sre#mem|ber",
        &["define member: [user]"],
        &["m.fga:7"],
    ),
    (
        0,
        "principal.ten|ant",
        &["@stored tenant: String"],
        &["s.cedarschema:2"],
    ),
    (0, "@rea|son", &["`@reason(\"code\")`"], &[]),
    (
        0,
        "@id(\"view|er\")",
        &["Viewers \\*read\\*.", "policy `viewer`"],
        &["p.cedar:1"],
    ),
    (
        0,
        "permit (princi|pal, action",
        &["The member of the chain"],
        &[],
    ),
    (1, "in [she|lf]", &["entity shelf"], &["s.cedarschema:4"]),
    (
        1,
        "folder?: fol|der",
        &["entity folder"],
        &["s.cedarschema:4"],
    ),
    (1, "principal: [us|er", &["A person."], &["s.cedarschema:2"]),
    (1, "@sto|red tenant", &["only the stored value counts"], &[]),
    (
        1,
        "in [\"tools/c|all\"]",
        &["action \"tools/call\" appliesTo"],
        &["s.cedarschema:11"],
    ),
    (
        2,
        "[user, team#mem|ber]",
        &["relation `member` of `team`"],
        &["m.fga:7"],
    ),
    (2, "[user, te|am#member]", &["type team"], &["m.fga:5"]),
    (2, "or view|er from parent", &["of `folder`"], &["m.fga:11"]),
    (
        2,
        "from par|ent",
        &["define parent: [folder]"],
        &["m.fga:14"],
    ),
    (2, "with unt|il]", &["current_time < end"], &["m.fga:17"]),
    (
        3,
        "does: tools/c|all",
        &["action `tools/call:n1`", "action `tools/call`"],
        &["s.cedarschema:16", "s.cedarschema:11"],
    ),
    (
        3,
        "user:al|ice >",
        &["stored entity `alice` of `user`"],
        &["entities.json:1"],
    ),
    (
        3,
        "> age|nt:copilot",
        &["entity agent"],
        &["s.cedarschema:3"],
    ),
    (
        3,
        "deny: no_vie|wer",
        &["reason of the policy `no_viewer`"],
        &["p.cedar:2"],
    ),
    (
        3,
        "policies: [view|er]",
        &["policy `viewer`"],
        &["p.cedar:1"],
    ),
    (
        3,
        "like: a view|er",
        &["who: user:alice > agent:copilot"],
        &["cases.yaml:3"],
    ),
    (
        4,
        "relation: vie|wer, object: \"folder",
        &["of `folder`"],
        &["m.fga:11"],
    ),
    (
        4,
        "relation: vie|wer\n  object: note",
        &[NOTE],
        &["m.fga:16"],
    ),
    (
        5,
        "[reasons.no_vi|ewer]",
        &["reason of the policy `no_viewer`"],
        &["p.cedar:2"],
    ),
    (
        4,
        "team:sre#mem|ber",
        &["define member: [user]"],
        &["m.fga:7"],
    ),
    (4, "{ name: unt|il }", &["condition until"], &["m.fga:17"]),
    (
        4,
        "- user: us|er:alice",
        &["A person."],
        &["s.cedarschema:2"],
    ),
    (5, "\"revo|cation\"", &["The pack `revocation`"], &[]),
];

#[test]
fn hover_and_definitions_cross_the_languages_of_a_bundle() {
    let place = Place::new();
    write(&place, "notes");
    let mut editor = Editor::greet(&place, json!({}));
    let files = [
        ("policies/p.cedar", POLICIES),
        ("schemas/s.cedarschema", SCHEMA),
        ("schemas/m.fga", MODEL),
        ("policies/cases.yaml", CASES),
        ("policies/tuples.yaml", TUPLES),
        (
            "policies/bundle.toml",
            "packs = [\"revocation\"]\n[reasons.no_viewer]\nnext_action = \"request\"\n",
        ),
    ];
    for (name, text) in files {
        editor.open(&uri(&place, &format!("notes/{name}")), text);
    }
    editor.until(&uri(&place, "notes/policies/p.cedar"), |found| {
        found.is_empty()
    });
    for (file, needle, shown, lines) in NAMES {
        let (name, text) = files[file];
        let uri = uri(&place, &format!("notes/{name}"));
        let hover = editor.hover(&uri, text, needle);
        for part in shown {
            assert!(
                hover.contains(part),
                "{name}: {needle}: no `{part}` in\n{hover}"
            );
        }
        assert_eq!(
            editor.definition(&uri, text, needle),
            lines,
            "{name}: {needle}"
        );
    }
    // While a file is unfinished, what it still declares is found.
    let policies = uri(&place, "notes/policies/p.cedar");
    let unfinished =
        format!("{POLICIES}\npermit (principal, action, resource is note) when {{ resource.viewer");
    editor.replace(&policies, &unfinished);
    editor.until(&policies, |found| !found.is_empty());
    let found = editor.definition(&policies, &unfinished, "when { resource.view|er");
    assert_eq!(found, ["m.fga:16"]);
    // Outside of a bundle, and at nothing, there is nothing.
    let stray = uri(&place, "stray.cedar");
    editor.open(&stray, POLICIES);
    assert_eq!(editor.hover(&stray, POLICIES, "resource.vie|wer"), "");
    assert_eq!(editor.hover(&policies, &unfinished, "\n\n|permit"), "");
    editor.end();
}

#[test]
fn a_malformed_message_neither_ends_nor_blocks_it() {
    let place = Place::new();
    write(&place, "notes");
    let mut early = Editor::start(&place, &["lsp"]);
    let refused = early.ask("textDocument/hover", json!({}));
    assert_eq!(refused["error"]["code"], -32002, "{refused}");
    early.tell("exit", Value::Null);
    assert_eq!(early.code().0, Some(1));

    let mut editor = Editor::greet(&place, json!({"general": {"positionEncodings": 5}}));
    let policies = uri(&place, "notes/policies/p.cedar");
    editor.open(&policies, POLICIES);
    editor.until(&policies, <[Value]>::is_empty);
    let document = json!({"uri": policies, "version": 3});
    let far = json!({"line": 4_000_000_000_u32, "character": 4_000_000_000_u32});
    let backwards = json!({"start": far, "end": {"line": 0, "character": 0}});
    for body in [
        "",
        "{",
        "null",
        "[]",
        "5",
        "\"x\"",
        "{}",
        "[{\"jsonrpc\": \"2.0\"}]",
        "\u{0}\u{1}",
        r#"{"jsonrpc": "2.0", "id": {}, "method": "x"}"#,
        r#"{"jsonrpc": "2.0", "id": "unknown", "method": "textDocument/rename", "params": 5}"#,
        r#"{"jsonrpc": "2.0", "id": "bad", "method": "textDocument/hover", "params": []}"#,
        r#"{"jsonrpc": "2.0", "id": "again", "method": "initialize", "params": {}}"#,
        r#"{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 1}}"#,
        r#"{"jsonrpc": "2.0", "method": "textDocument/didChange"}"#,
        r#"{"jsonrpc": "2.0", "method": "$/setTrace", "params": {"value": "off"}}"#,
        r#"{"jsonrpc": "2.0", "id": 12345, "result": null}"#,
        &json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": {
            "textDocument": document, "contentChanges": [{"range": backwards, "text": ""}],
        }})
        .to_string(),
        &json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {
            "uri": "untitled:Untitled-1", "languageId": "cedar", "version": 1, "text": "permit",
        }}})
        .to_string(),
        &json!({"jsonrpc": "2.0", "method": "textDocument/didClose", "params": {"textDocument": {
            "uri": "file:///never/opened/policies/p.cedar",
        }}})
        .to_string(),
        &"[".repeat(200_000),
    ] {
        editor.send_body(body);
        let hover = editor.hover(&policies, POLICIES, "principal in resource.vie|wer }");
        assert!(
            hover.contains("relation `viewer`"),
            "after {body:.80}: {hover}"
        );
    }
    let far = json!({"textDocument": {"uri": policies}, "position": far});
    assert_eq!(editor.ask("textDocument/hover", far)["result"], Value::Null);
    for broken in [
        "policies: [",
        "cases:\n  - &a [*a, *a]\n  - {name: \"",
        "- - - :",
        "\u{feff}{",
    ] {
        let cases = uri(&place, "notes/policies/cases.yaml");
        editor.open(&cases, broken);
        editor.until(&cases, |found| !found.is_empty());
    }
    editor.end();

    // What is no message at all ends it, with a sentence.
    let mut editor = Editor::greet(&place, json!({}));
    editor.send_raw("GET / HTTP/1.1\r\n\r\n");
    let (code, err) = editor.code();
    assert!(
        code == Some(1) && err.contains("begins with no `Content-Length: N`"),
        "{err}"
    );
    let cut_off = Editor::greet(&place, json!({}));
    let (code, err) = cut_off.code();
    assert!(
        code == Some(1) && err.contains("without `shutdown` and `exit`"),
        "{err}"
    );
}
