//! Pages without results say why, where it is asked; and names that lead nowhere say where they
//! should.

use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::http::{Server, Settings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use support::service::{NOW_MS, local, post, send, with_clock};

const BUNDLE: [(&str, &str); 3] = [
    (
        "schemas/s.cedarschema",
        "entity user, agent, tool, room, lamp;\n\
         namespace Shop { entity Till; action open appliesTo { principal: user, resource: Till }; }\n\
         action enter, light appliesTo { principal: [user, agent], resource: [room, lamp] };\n\
         action \"tools/call\" appliesTo { principal: [user, agent], resource: tool };\n\
         action \"tools/call:tickets/read\", \"tools/call:tickets/close\" in [\"tools/call\"]\n\
           appliesTo { principal: [user, agent], resource: tool, context: { arguments?: { id: String } } };",
    ),
    (
        "policies/p.cedar",
        "@id(\"tills\") permit (principal, action == Shop::Action::\"open\", resource);\n\
         @id(\"tools\") @reason(\"not_staff\") @message(\"`{principal}` may not {action} {resource} {here}.\")\n\
         permit (principal is user, action in Action::\"tools/call\", resource) when { principal == user::\"ann\" };\n\
         @id(\"agents\") @reason(\"people_only\") @message(\"Agents do not enter.\")\n\
         forbid (principal is agent, action == Action::\"enter\", resource);\n\
         @id(\"lights\") forbid (principal, action == Action::\"light\", resource);\n\
         @id(\"rooms\") permit (principal, action in [Action::\"enter\", Action::\"light\"], resource is room);",
    ),
    (
        "policies/entities.json",
        "[{\"uid\": {\"type\": \"room\", \"id\": \"r1\"}, \"attrs\": {}, \"parents\": []},\
          {\"uid\": {\"type\": \"room\", \"id\": \"r2\"}, \"attrs\": {}, \"parents\": []}]",
    ),
];

fn serving(settings: Settings) -> Server {
    serving_files(settings, &BUNDLE)
}

fn serving_files(settings: Settings, files: &[(&str, &str)]) -> Server {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let (server, engine) = with_clock(settings, clock, |engine| {
        engine.with_quiet(Duration::from_millis(1))
    });
    if let Err(refused) = engine.load(&BundleSource::Dir(folder.path().to_owned())) {
        panic!(
            "{}",
            behest::bundle::render(&refused.problems, &refused.files, false)
        );
    }
    server
}

async fn page(server: &Server, searched: &str, body: &Value) -> Value {
    let reply = send(
        server,
        post(&format!("/access/v1/search/{searched}"), body.to_string()),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

fn asking(subject: (&str, &str), action: &str, resource: (&str, &str)) -> Value {
    json!({
        "subject": {"type": subject.0, "id": subject.1},
        "action": {"name": action},
        "resource": {"type": resource.0, "id": resource.1},
        "options": {"reason": true},
    })
}

#[actix_web::test]
async fn an_empty_page_says_why_where_it_is_asked() {
    let server = serving(local());
    let (ann, bot) = (("user", "ann"), ("agent", "bot"));
    let none = "of what is known of the type `room` nothing is permitted";
    for (searched, body, code, message) in [
        (
            "resource",
            asking(ann, "enter", ("lamp", "")),
            "not_permitted",
            "nothing of the type `lamp` is known: no stored entity",
        ),
        (
            "subject",
            asking(("agent", ""), "enter", ("room", "r1")),
            "people_only",
            "Agents do not enter. Besides, nothing of the type `agent`",
        ),
        (
            "resource",
            asking(bot, "enter", ("room", "")),
            "people_only",
            "Agents do not enter.",
        ),
        (
            "resource",
            asking(bot, "light", ("room", "")),
            "forbidden",
            &format!("{none}: it is denied with `forbidden`"),
        ),
        (
            "resource",
            asking(("user", "bob"), "tools/call", ("tool", "")),
            "not_staff",
            "of what is known of the type `tool` nothing",
        ),
        (
            "resource",
            asking(ann, "enter", ("Till", "")),
            "unknown_type",
            "the schema declares no type `Till`; did you mean `Shop::Till`?",
        ),
        (
            "resource",
            asking(ann, "entr", ("room", "")),
            "unknown_action",
            "declares no action `entr`; did you mean `enter`?",
        ),
        (
            "resource",
            asking(ann, "open", ("room", "")),
            "not_applicable",
            "`open` does not apply to `user` on `room`",
        ),
        (
            "action",
            asking(bot, "", ("lamp", "l")),
            "not_permitted",
            "no action is permitted",
        ),
        (
            "action",
            asking(bot, "", ("Shop::Till", "t")),
            "not_applicable",
            "no action applies to these types",
        ),
        (
            "action",
            asking(bot, "", ("lump", "l")),
            "unknown_type",
            "declares no type `lump`; did you mean `lamp`?",
        ),
    ] {
        let found = page(&server, searched, &body).await;
        let reason = &found["context"]["reason"];
        assert_eq!(
            (&found["results"], &reason["code"]),
            (&json!([]), &json!(code)),
            "{body} {found}"
        );
        assert!(
            reason["message"].as_str().unwrap().starts_with(message)
                || reason["message"].as_str().unwrap().contains(message),
            "{found}"
        );
        assert!(!found.to_string().contains("anybody"), "{found}");
        let mut lean = body.clone();
        lean["options"] = json!({});
        assert_eq!(page(&server, searched, &lean).await, json!({"results": []}));
    }
    let found = page(&server, "resource", &asking(ann, "enter", ("room", ""))).await;
    assert_eq!(
        (
            found["results"].as_array().unwrap().len(),
            found["context"].get("reason")
        ),
        (2, None)
    );
}

const TYPED: [(&str, &str); 3] = [
    (
        "schemas/s.cedarschema",
        "entity user, tool, room;\n\
         action \"tools/call\" appliesTo { principal: user, resource: tool,\n\
           context: { arguments?: { amount?: Long } } };\n\
         action enter appliesTo { principal: user, resource: room };",
    ),
    (
        "policies/p.cedar",
        "@id(\"small\") permit (principal, action == Action::\"tools/call\", resource)\n\
         when { context has arguments && context.arguments has amount && context.arguments.amount < 10 };\n\
         @id(\"eve\") forbid (principal == user::\"eve\", action, resource);\n\
         @id(\"door\") permit (principal == user::\"ann\", action == Action::\"enter\", resource);",
    ),
    (
        "policies/entities.json",
        "[{\"uid\": {\"type\": \"tool\", \"id\": \"refund\"}, \"attrs\": {}, \"parents\": []},\
          {\"uid\": {\"type\": \"room\", \"id\": \"r\"}, \"attrs\": {}, \"parents\": []}]",
    ),
];

/// A list of tools whose permits read arguments was empty, and nobody said that it can be asked for
/// without them.
#[actix_web::test]
async fn an_empty_list_of_tools_says_how_to_ask_before_there_are_arguments() {
    let server = serving_files(local(), &TYPED);
    let (ann, eve) = (("user", "ann"), ("user", "eve"));
    let tools = |subject| asking(subject, "tools/call", ("tool", ""));
    let with = |mut body: Value, member: &str, value: Value| {
        body[member] = value;
        body
    };
    let unknown = json!({"reason": true, "unknown": ["arguments"]});
    for (searched, body, is_told) in [
        ("resource", tools(ann), true),
        (
            "subject",
            asking(("user", ""), "tools/call", ("tool", "refund")),
            true,
        ),
        ("action", asking(ann, "", ("tool", "refund")), true),
        ("resource", tools(eve), false),
        ("resource", with(tools(eve), "options", unknown), false),
        (
            "resource",
            with(tools(ann), "context", json!({"arguments": {"amount": 20}})),
            false,
        ),
        (
            "resource",
            asking(("user", "bob"), "enter", ("room", "")),
            false,
        ),
    ] {
        let found = page(&server, searched, &body).await;
        assert_eq!(found["results"], json!([]), "{body}");
        let reason = &found["context"]["reason"];
        let told = "with some arguments something is permitted: send `context.arguments`, or ask \
                    with `options.unknown: [\"arguments\"]`";
        let message = reason["message"].as_str().unwrap();
        assert_eq!(message.ends_with(told), is_told, "{body}: {message}");
        assert_eq!(reason["next_action"] == "retry", is_told, "{reason}");
    }
}

#[actix_web::test]
async fn a_malformed_chain_is_the_reason_that_an_evaluation_gives() {
    let server = serving(local());
    let mut body = asking(("user", "ann"), "enter", ("room", "r1"));
    body["subject"]["properties"] = json!({"act": 7});
    let reply = send(&server, post("/access/v1/evaluation", body.to_string()))
        .await
        .json();
    assert_eq!(reply["context"]["reason"]["code"], "chain_invalid");
    for searched in ["subject", "resource", "action"] {
        assert_eq!(
            page(&server, searched, &body).await["context"]["reason"],
            reply["context"]["reason"],
            "{searched}"
        );
    }
}

#[actix_web::test]
async fn a_tool_that_the_schema_knows_is_found() {
    let server = serving(local());
    let found = page(
        &server,
        "resource",
        &asking(("user", "ann"), "tools/call", ("tool", "")),
    )
    .await;
    let mut ids: Vec<&str> = found["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["id"].as_str())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["tickets/close", "tickets/read"]);
}

async fn reason(server: &Server, body: &Value) -> (String, String, String) {
    let reply = send(server, post("/access/v1/evaluation", body.to_string()))
        .await
        .json();
    let reason = &reply["context"]["reason"];
    let text = |name: &str| reason[name].as_str().unwrap_or_default().to_owned();
    (text("code"), text("message"), text("next_action"))
}

#[actix_web::test]
async fn words_name_the_thing_and_where_it_should_lead() {
    let server = serving(local());
    let bob = ("user", "bob");
    let (code, message, next) = reason(
        &server,
        &asking(bob, "tools/call", ("tool", "tickets/raed")),
    )
    .await;
    assert_eq!((code.as_str(), next.as_str()), ("not_staff", "none"));
    assert_eq!(
        message,
        "`user:bob` may not tools/call tool:tickets/raed {here}; nobody knows `tool:tickets/raed`: no stored entity, no tuple, no \
         policy and no action names it; did you mean `tool:tickets/read`?"
    );
    let (code, message, next) = reason(
        &server,
        &asking(bob, "tools/call", ("tool", "tickets/read")),
    )
    .await;
    assert_eq!((code.as_str(), next.as_str()), ("not_staff", "none"));
    assert_eq!(
        message,
        "`user:bob` may not tools/call tool:tickets/read {here}."
    );
    let (code, message, _) = reason(
        &server,
        &asking(bob, "tools/call:tickets/read", ("tool", "tickets/read")),
    )
    .await;
    let words = "`tools/call:tickets/read` is what `tools/call` means on `tickets/read`: ask for the action `tools/call`";
    assert_eq!((code.as_str(), message.as_str()), ("unknown_action", words));
    let (_, message, _) = reason(
        &server,
        &asking(bob, "Shop::Action::\"open\"", ("Shop::Till", "t")),
    )
    .await;
    assert_eq!(
        message,
        "the action `Shop::Action::\"open\"` is asked for by its id: `open`"
    );
    // Whose kind nobody stores or names comes with requests.
    let (_, message, next) = reason(&server, &asking(bob, "enter", ("lamp", "x"))).await;
    assert_eq!(
        (message.as_str(), next.as_str()),
        (
            "no policy permits `user:bob` to `enter` on `lamp:x`",
            "request"
        )
    );
}
