//! Gateways that ask: one answer through every door, and no permit by a request that is read in two
//! ways.

use crate::EVALUATION;
use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service};
use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{CallerScope, HttpClient, KeySource, Preset, Profile, Trust, Verifier};
use behest::http::{
    Caller, CallerCredential, CallerKey, GatewayKind, KeyHash, Permission, Server, Settings,
};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use support::dice::Dice;
use support::seed::seed;
use support::service::{self, NOW_MS, Reply, local, with_clock};
use support::tokens::{Key, with as claims_over};
use support::web::Web;

const ISSUER: &str = "https://login.example";
const AUDIENCE: &str = "https://api.example";

/// Every action on a type of the default bundle that an address can name, and its MCP servers.
const ROUTES: &str = "
routes:
- {path: '/read/repository/{id}', methods: [GET], action: read, resource: {type: repository, id: $request.path_params.id}}
- {path: '/read/repository/{id}/', methods: [GET], action: write, resource: {type: repository, id: $request.path_params.id}}
- {path: '/read/repository/secret', methods: [POST], action: merge, resource: {type: repository, id: website}}
- {path: '/write/repository/{id}', methods: [GET, POST], action: write, resource: {type: repository, id: $request.path_params.id}}
- {path: '/merge/repository/{id}', methods: [GET], action: merge, resource: {type: repository, id: $request.path_params.id}}
- {path: '/read/document/{id}', methods: [GET], action: read, resource: {type: document, id: $request.path_params.id}}
- {path: '/create/deployment/{id}', methods: [GET], action: create, resource: {type: deployment, id: $request.path_params.id}}
- {path: '/read/deployment/{id}', methods: [GET], action: read, resource: {type: deployment, id: $request.path_params.id}}
- {path: /mcp/kb, mcp: {server: kb}}
- {path: /mcp/payments, mcp: {server: payments}}
- {path: /mcp/argocd, mcp: {server: argocd}}
- {path: /mcp/github, mcp: {server: github}}
";

struct Gate {
    server: Server,
    engine: Arc<Engine>,
    key: Key,
    _web: Web,
    _bundle: tempfile::TempDir,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn verifier(key: &Key) -> (Web, Verifier) {
    let set = json!({"keys": [key.published()]}).to_string();
    let web = Web::start(move |_| (200, String::new(), set.clone()));
    let profile = Profile {
        trust: Trust::Keys {
            source: KeySource::Jwks(web.url.clone()),
            algorithms: vec![Algorithm::ES256],
        },
        audiences: vec![AUDIENCE.into()],
        own_clients: vec!["web".into()],
        ..Preset::Standard.profile(ISSUER)
    };
    let client = HttpClient::new(None).unwrap();
    let clock = Arc::new(FixedClock::at(NOW_MS));
    let verifier = Verifier::start(vec![(profile, client)], Vec::new(), clock).unwrap();
    (web, verifier)
}

impl Gate {
    /// A service with the default bundle and routes.
    fn new(settings: Settings) -> Self {
        let key = Key::new("k1");
        let (web, verifier) = verifier(&key);
        let settings = Settings {
            verifier: Some(Arc::new(verifier)),
            ..settings
        };
        let clock = Arc::new(FixedClock::at(NOW_MS));
        let (server, engine) = with_clock(settings, clock, |engine| {
            engine.with_quiet(std::time::Duration::from_millis(1))
        });
        let bundle = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(
            &root.join("policies/platform"),
            &bundle.path().join("policies/platform"),
        );
        std::fs::copy(
            root.join("policies/bundle.toml"),
            bundle.path().join("policies/bundle.toml"),
        )
        .unwrap();
        copy(
            &root.join("schemas/platform"),
            &bundle.path().join("schemas/platform"),
        );
        std::fs::write(bundle.path().join("policies/edge.routes.yaml"), ROUTES).unwrap();
        if let Err(refused) = engine.load(&BundleSource::Dir(bundle.path().to_owned())) {
            panic!(
                "{}",
                behest::bundle::render(&refused.problems, &refused.files, false)
            );
        }
        Self {
            server,
            engine,
            key,
            _web: web,
            _bundle: bundle,
        }
    }

    fn token(&self, user: &str, client: &str) -> String {
        self.token_with(user, client, &json!({}))
    }

    fn token_with(&self, user: &str, client: &str, over: &Value) -> String {
        let now = NOW_MS / 1_000;
        let claims = json!({
            "iss": ISSUER, "sub": user, "aud": AUDIENCE, "client_id": client,
            "iat": now - 10, "exp": now + 300, "jti": "t1",
            "scope": "github.read github.write argocd.read argocd.app.create mcp.tools.kb.query",
        });
        self.key.access_token(&claims_over(&claims, over))
    }

    async fn send(&self, kind: GatewayKind, request: TestRequest) -> Reply {
        let app = init_service(self.server.gateway_app(kind)).await;
        service::reply(call_service(&app, request.to_request()).await).await
    }

    /// Asks as Envoy does.
    async fn envoy(&self, token: &str, method: Method, path: &str) -> Reply {
        self.send(GatewayKind::Envoy, original(token, method, path))
            .await
    }

    /// Asks about a message to an MCP server, as Envoy does.
    async fn call(&self, token: &str, path: &str, body: impl Into<String>) -> Reply {
        self.send(GatewayKind::Envoy, message(token, path, body))
            .await
    }

    /// Decides by evaluation.
    async fn evaluate(
        &self,
        token: &str,
        action: &str,
        resource: (&str, &str),
        context: &Value,
    ) -> Reply {
        let request = evaluation(token, action, resource, context);
        service::send(&self.server, request).await
    }
}

fn evaluation(token: &str, action: &str, resource: (&str, &str), context: &Value) -> TestRequest {
    let mut context = context.clone();
    context["credentials"] = json!([{"type": "access_token", "value": token}]);
    let body = json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": action},
        "resource": {"type": resource.0, "id": resource.1},
        "context": context,
        "options": {"reason": true},
    });
    service::post(EVALUATION, body.to_string())
}

fn message(token: &str, path: &str, body: impl Into<String>) -> TestRequest {
    original(token, Method::POST, path)
        .insert_header(("content-type", "application/json"))
        .set_payload(body.into())
}

fn original(token: &str, method: Method, path: &str) -> TestRequest {
    TestRequest::with_uri(path)
        .method(method)
        .insert_header(("host", "shop.example"))
        .insert_header(("authorization", format!("Bearer {token}")))
}

fn tool_call(name: &str, arguments: &Value) -> String {
    json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": name, "arguments": arguments},
    })
    .to_string()
}

/// What a gateway's answer comes to: `permit`, or the code of the reason, held to its form.
fn verdict(reply: &Reply) -> String {
    if reply.status == 200 {
        assert!(reply.body.is_empty(), "{}", reply.body);
        assert!(reply.header("behest-decision").is_some());
        return "permit".to_owned();
    }
    assert!([401, 403].contains(&reply.status.as_u16()), "{reply:?}");
    assert_eq!(
        reply.status == 401,
        reply.header("www-authenticate").is_some()
    );
    let body = reply.json();
    assert_eq!(body["status"], reply.status.as_u16());
    let code = body["code"].as_str().unwrap_or("?").to_owned();
    assert_eq!(reply.header("behest-reason"), Some(code.as_str()));
    code
}

fn evaluated(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer = reply.json();
    match answer["decision"].as_bool() {
        Some(true) => "permit".to_owned(),
        _ => answer["context"]["reason"]["code"]
            .as_str()
            .unwrap()
            .to_owned(),
    }
}

#[actix_web::test]
async fn evaluation_and_gateway_give_one_answer_to_the_cases_of_the_bundle() {
    let gate = Gate::new(local());
    let snapshot = gate.engine.snapshot().unwrap();
    let (mut compared, mut permitted) = (0, 0);
    for case in snapshot.bundle().cases() {
        let mut text = String::new();
        behest::http::write_record(&mut text, &case.body);
        let body: Value = serde_json::from_str(&text).unwrap();
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
        let (Some("user"), Some(user)) = (text("/subject/type"), text("/subject/id")) else {
            continue;
        };
        let client = text("/subject/properties/act/sub")
            .or(text("/context/agent"))
            .unwrap_or("web");
        let (Some(action), Some(kind), Some(id)) = (
            text("/action/name"),
            text("/resource/type"),
            text("/resource/id"),
        ) else {
            continue;
        };
        let arguments = body
            .pointer("/context/arguments")
            .cloned()
            .unwrap_or(json!({}));
        let token = gate.token(user, client);
        let (by_gateway, context) = match (action, id.split_once('/')) {
            ("tools/call", Some((server, tool))) if arguments.is_object() => (
                gate.call(
                    &token,
                    &format!("/mcp/{server}"),
                    tool_call(tool, &arguments),
                )
                .await,
                json!({"arguments": arguments}),
            ),
            (_, None) => (
                gate.envoy(&token, Method::GET, &format!("/{action}/{kind}/{id}"))
                    .await,
                json!({}),
            ),
            _ => continue,
        };
        let by_gateway = verdict(&by_gateway);
        if ["no_route", "value_missing", "request_ambiguous"].contains(&by_gateway.as_str()) {
            continue;
        }
        let reply = gate.evaluate(&token, action, (kind, id), &context).await;
        assert_eq!(by_gateway, evaluated(&reply), "{}", case.name);
        compared += 1;
        permitted += usize::from(by_gateway == "permit");
    }
    assert!(compared > 60 && permitted > 15, "{permitted} of {compared}");
}

#[actix_web::test]
async fn identity_is_what_the_token_proves() {
    let gate = Gate::new(local());
    let path = "/write/repository/checkout";
    let good = gate.token("alice", "web");
    assert_eq!(
        verdict(&gate.envoy(&good, Method::GET, path).await),
        "permit"
    );
    let bob = gate.token("bob", "web");
    let claim = original(&bob, Method::GET, path)
        .insert_header(("x-user", "alice"))
        .insert_header(("x-forwarded-user", "alice"))
        .insert_header(("x-jwt-payload", r#"{"sub":"alice"}"#));
    assert_ne!(
        verdict(&gate.send(GatewayKind::Envoy, claim).await),
        "permit"
    );
    let none = TestRequest::with_uri(path).insert_header(("host", "shop.example"));
    let reply = gate.send(GatewayKind::Envoy, none).await;
    assert_eq!(
        (verdict(&reply).as_str(), reply.header("www-authenticate")),
        ("credential_missing", Some("Bearer"))
    );
    let basic = TestRequest::with_uri(path)
        .insert_header(("host", "shop.example"))
        .insert_header(("authorization", "Basic YWxpY2U6eA=="));
    assert_eq!(
        verdict(&gate.send(GatewayKind::Envoy, basic).await),
        "credential_missing"
    );
    let two = original(&good, Method::GET, path)
        .append_header(("authorization", format!("Bearer {bob}")));
    assert_eq!(
        verdict(&gate.send(GatewayKind::Envoy, two).await),
        "credential_missing"
    );
    let expired = gate.token_with("alice", "web", &json!({"exp": NOW_MS / 1_000 - 100}));
    let reply = gate.envoy(&expired, Method::GET, path).await;
    assert_eq!(verdict(&reply), "credential_expired");
    assert_eq!(
        reply.header("www-authenticate"),
        Some("Bearer error=\"invalid_token\"")
    );
    let other = gate.token_with("alice", "web", &json!({"aud": "https://other.example"}));
    assert_eq!(
        verdict(&gate.envoy(&other, Method::GET, path).await),
        "credential_invalid"
    );
    let forged =
        Key::new("k1").access_token(&json!({"iss": ISSUER, "sub": "alice", "aud": AUDIENCE}));
    assert_eq!(
        verdict(&gate.envoy(&forged, Method::GET, path).await),
        "credential_invalid"
    );
}

#[actix_web::test]
async fn each_kind_of_gateway_is_read_by_its_own_headers_alone() {
    let gate = Gate::new(local());
    let good = gate.token("alice", "web");
    let permitted = ("GET", "shop.example", "/write/repository/checkout");
    let denied = ("GET", "shop.example", "/write/repository/website");
    let forwarded =
        |request: TestRequest, (method, host, uri): (&'static str, &'static str, &'static str)| {
            request
                .insert_header(("x-forwarded-method", method))
                .insert_header(("x-forwarded-host", host))
                .insert_header(("x-forwarded-uri", uri))
        };
    let nginx = |request: TestRequest,
                 (method, host, uri): (&'static str, &'static str, &'static str)| {
        request
            .insert_header(("x-original-method", method))
            .insert_header(("x-original-host", host))
            .insert_header(("x-original-uri", uri))
    };
    for kind in [GatewayKind::Caddy, GatewayKind::Traefik] {
        // What the other kinds read says otherwise, as a client could have written it.
        let asked = original(&good, Method::GET, denied.2);
        let reply = gate
            .send(kind, nginx(forwarded(asked, permitted), denied))
            .await;
        assert_eq!(verdict(&reply), "permit", "{kind}");
        let asked = original(&good, Method::GET, permitted.2);
        let reply = gate
            .send(kind, nginx(forwarded(asked, denied), permitted))
            .await;
        assert_ne!(verdict(&reply), "permit", "{kind}");
    }
    let asked = original(&good, Method::GET, permitted.2);
    let reply = gate
        .send(
            GatewayKind::Nginx,
            forwarded(nginx(asked, denied), permitted),
        )
        .await;
    assert_ne!(verdict(&reply), "permit");
    let asked = original(&good, Method::GET, denied.2);
    let reply = gate
        .send(
            GatewayKind::Nginx,
            forwarded(nginx(asked, permitted), denied),
        )
        .await;
    assert_eq!(verdict(&reply), "permit");
    let asked = original(&good, Method::GET, denied.2);
    let reply = gate
        .send(
            GatewayKind::Envoy,
            nginx(forwarded(asked, permitted), permitted),
        )
        .await;
    assert_ne!(verdict(&reply), "permit");
    for (kind, name) in [
        (GatewayKind::Caddy, "x-forwarded-uri"),
        (GatewayKind::Traefik, "x-forwarded-method"),
        (GatewayKind::Nginx, "x-original-host"),
    ] {
        let asked = forwarded(
            nginx(original(&good, Method::GET, permitted.2), permitted),
            permitted,
        );
        let twice = asked.append_header((name, "GET"));
        assert_eq!(
            verdict(&gate.send(kind, twice).await),
            "gateway_mismatch",
            "{kind}"
        );
        let asked = original(&good, Method::GET, permitted.2);
        assert_eq!(
            verdict(&gate.send(kind, asked).await),
            "gateway_mismatch",
            "{kind}"
        );
        // Such a gateway sends no body, so nothing of MCP can be asked about.
        let mcp = ("POST", "shop.example", "/mcp/kb");
        let asked = forwarded(nginx(original(&good, Method::GET, "/"), mcp), mcp)
            .insert_header(("content-type", "application/json"))
            .set_payload(tool_call("query", &json!({"query": "x"})));
        assert_eq!(
            verdict(&gate.send(kind, asked).await),
            "body_missing",
            "{kind}"
        );
    }
    let two = original(&good, Method::GET, permitted.2).append_header(("host", "other.example"));
    assert_eq!(
        verdict(&gate.send(GatewayKind::Envoy, two).await),
        "gateway_mismatch"
    );
    let absolute = original(
        &good,
        Method::GET,
        "http://shop.example/write/repository/checkout",
    );
    assert_eq!(
        verdict(&gate.send(GatewayKind::Envoy, absolute).await),
        "gateway_mismatch"
    );
}

#[actix_web::test]
async fn whatever_goes_wrong_is_a_denial() {
    let key = "behest_0123456789abcdef0123456789abcdef";
    let caller = |permissions: &[Permission]| Caller {
        name: "edge".to_owned(),
        by: CallerCredential::Keys(
            [CallerKey {
                hash: KeyHash::of(key.as_bytes()),
                until: None,
            }]
            .into_iter()
            .collect(),
        ),
        permissions: permissions.iter().copied().collect(),
        require_actor: false,
        reasons: false,
        rate: None,
        credentials: CallerScope::default(),
    };
    let path = "/write/repository/checkout";
    for (permissions, presented, expected) in [
        (Permission::Decide, Some(key), "permit"),
        (Permission::Search, Some(key), "missing_permission"),
        (Permission::Decide, Some("behest_wrong"), "unauthenticated"),
        (Permission::Decide, None, "unauthenticated"),
    ] {
        let gate = Gate::new(Settings {
            callers: vec![caller(&[permissions])],
            ..Settings::default()
        });
        let token = gate.token("alice", "web");
        let request = presented
            .into_iter()
            .fold(original(&token, Method::GET, path), |request, key| {
                request.insert_header(("behest-gateway-key", key))
            });
        let reply = gate.send(GatewayKind::Envoy, request).await;
        assert_eq!(verdict(&reply), expected);
        if expected != "permit" {
            assert_eq!(
                reply.status, 403,
                "the gateway's key is nothing that a client could renew"
            );
        }
        if expected == "unauthenticated" {
            // Nothing of the body is read.
            let asked = presented
                .into_iter()
                .fold(message(&token, "/mcp/kb", "{"), |request, key| {
                    request.insert_header(("behest-gateway-key", key))
                });
            let reply = gate.send(GatewayKind::Envoy, asked).await;
            assert_eq!(verdict(&reply), expected);
        }
        // A client's header does not stand for the gateway's key, and neither do two of them.
        let two = original(&token, Method::GET, path)
            .insert_header(("behest-gateway-key", key))
            .append_header(("behest-gateway-key", key));
        assert_eq!(
            verdict(&gate.send(GatewayKind::Envoy, two).await),
            "unauthenticated"
        );
    }
    let (server, _engine) = service::with_engine(local());
    let app = init_service(server.gateway_app(GatewayKind::Envoy)).await;
    let request = original("x", Method::GET, path).to_request();
    let reply = service::reply(call_service(&app, request).await).await;
    assert_eq!(
        (reply.status.as_u16(), verdict(&reply).as_str()),
        (403, "undecided")
    );
    let gate = Gate::new(local());
    let token = gate.token("alice", "web");
    for (body, expected) in [
        ("", "invalid_json"),
        ("[]", "malformed"),
        (
            r#"[{"jsonrpc":"2.0","id":1,"method":"tools/list"}]"#,
            "malformed",
        ),
        ("{", "invalid_json"),
        (
            r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"tools/list"}"#,
            "duplicate_member",
        ),
        ("{}", "message_invalid"),
    ] {
        let reply = gate.call(&token, "/mcp/kb", body).await;
        assert_eq!(verdict(&reply), expected, "{body}");
    }
    // An upstream that follows these reads another message than the one that is decided.
    let tools = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    for (kinds, encoding, is_read) in [
        (&["application/json"][..], None, true),
        (&["application/json; charset=\"UTF-8\""], None, true),
        (&["application/json; charset=utf-7"], None, false),
        (&["application/json;charset=utf-16"], None, false),
        (&["application/json; x=1"], None, false),
        (
            &["application/json", "application/json; charset=utf-7"],
            None,
            false,
        ),
        (&["text/plain"], None, false),
        (&[], None, false),
        (&["application/json"], Some("identity"), false),
        (&["application/json"], Some("br"), false),
    ] {
        let mut asked = original(&token, Method::POST, "/mcp/kb").set_payload(tools.clone());
        for kind in kinds {
            asked = asked.append_header(("content-type", *kind));
        }
        if let Some(encoding) = encoding {
            asked = asked.insert_header(("content-encoding", encoding));
        }
        let found = verdict(&gate.send(GatewayKind::Envoy, asked).await);
        assert_eq!(
            found != "gateway_mismatch",
            is_read,
            "{kinds:?} {encoding:?}: {found}"
        );
    }
    let partial = original(&token, Method::POST, "/mcp/kb")
        .insert_header(("content-type", "application/json"))
        .insert_header(("x-envoy-auth-partial-body", "true"))
        .set_payload(tool_call("query", &json!({"query": "x"})));
    assert_eq!(
        verdict(&gate.send(GatewayKind::Envoy, partial).await),
        "body_missing"
    );
    assert_eq!(
        verdict(&gate.envoy(&token, Method::GET, "/mcp/kb").await),
        "no_route"
    );
    assert_eq!(
        verdict(
            &gate
                .envoy(&token, Method::GET, "/access/v1/evaluation")
                .await
        ),
        "no_route"
    );
    assert_eq!(
        verdict(&gate.envoy(&token, Method::GET, "/healthz").await),
        "no_route"
    );
}

/// Every path that some server would take this one for.
fn readings(path: &str) -> Vec<String> {
    let path = path.split(['?', '#']).next().unwrap().replace('\\', "/");
    let once = percent(&path);
    let mut read = vec![path.clone(), once.clone(), percent(&once)];
    for at in 0..read.len() {
        let cut: Vec<&str> = read[at]
            .split('/')
            .map(|it| it.split(';').next().unwrap())
            .collect();
        read.push(cut.join("/"));
    }
    for at in 0..read.len() {
        let mut segments: Vec<&str> = Vec::new();
        for segment in read[at].split('/') {
            match segment {
                "" | "." => {}
                ".." => drop(segments.pop()),
                segment => segments.push(segment),
            }
        }
        read.push(format!("/{}", segments.join("/")));
    }
    let lower: Vec<String> = read.iter().map(|path| path.to_lowercase()).collect();
    read.extend(lower);
    read.sort();
    read.dedup();
    read
}

fn percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[actix_web::test]
async fn no_mutated_address_is_permitted_that_some_server_reads_as_a_denied_one() {
    let gate = Gate::new(local());
    let gateway = init_service(gate.server.gateway_app(GatewayKind::Envoy)).await;
    let service = init_service(gate.server.app()).await;
    let token = gate.token("alice", "web");
    let mut dice = Dice::new(seed(4711));
    let pieces = [
        "/",
        "//",
        "/./",
        "/../",
        "%2f",
        "%2F",
        "%2e",
        "%2e%2e",
        "..",
        ".",
        ";",
        ";x=1",
        "%00",
        "%5c",
        "\\",
        "%252f",
        "?",
        "#",
        "%23",
        "%3f",
        "+",
        "%20",
        "read",
        "write",
        "repository",
        "checkout",
        "website",
        "secret",
        "SECRET",
        "Checkout",
        "%63heckout",
        "é",
        "%C3%A9",
        "*",
        "@",
        "a",
    ];
    let bases = [
        "/read/repository/checkout",
        "/write/repository/checkout",
        "/write/repository/website",
        "/read/repository/secret",
        "/merge/repository/checkout",
    ];
    let mut permitted = 0;
    for _ in 0..600 {
        let mut path = (*dice.one(&bases)).to_owned();
        for _ in 0..dice.below(3) {
            let at = loop {
                let at = dice.below(path.len() + 1);
                if path.is_char_boundary(at) {
                    break at;
                }
            };
            let piece: &&str = dice.one(&pieces);
            path.insert_str(at, piece);
        }
        // What the client's own library would not send is not for a gateway to ask about.
        if path.parse::<actix_web::http::Uri>().is_err() || !path.starts_with('/') {
            continue;
        }
        let asked = original(&token, Method::GET, &path).to_request();
        let reply = service::reply(call_service(&gateway, asked).await).await;
        if verdict(&reply) != "permit" {
            continue;
        }
        permitted += 1;
        for reading in readings(&path) {
            let parts: Vec<&str> = reading.trim_start_matches('/').split('/').collect();
            let (action, kind, id) = match parts[..] {
                ["read", "repository", "secret"] => ("merge", "repository", "website"),
                ["read", "repository", id, ""] => ("write", "repository", id),
                [
                    action @ ("read" | "write" | "merge"),
                    kind @ "repository",
                    id,
                ] => (action, kind, id),
                _ => continue,
            };
            let asked = evaluation(&token, action, (kind, id), &json!({})).to_request();
            let reply = service::reply(call_service(&service, asked).await).await;
            assert_eq!(evaluated(&reply), "permit", "{path} read as {reading}");
        }
    }
    assert!(permitted > 20, "{permitted}");
}

#[actix_web::test]
async fn no_mutated_message_is_permitted_that_a_lenient_server_reads_as_a_denied_one() {
    let gate = Gate::new(local());
    let gateway = init_service(gate.server.gateway_app(GatewayKind::Envoy)).await;
    let service = init_service(gate.server.app()).await;
    let token = gate.token("alice", "copilot");
    let mut dice = Dice::new(seed(815));
    let good = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refund","arguments":{"order":"o-17","amount":249.9}}}"#;
    let inserted = [
        r#""method":"tools/list","#,
        r#""amount":2490,"#,
        r#""Amount":2490,"#,
        r#""name":"refund","#,
        r#""Name":"wipe","#,
        r#""arguments":{"order":"o-17","amount":2490},"#,
        r#""ARGUMENTS":{"amount":2490},"#,
        r#""params":{"name":"wipe"},"#,
        r#""Params":{"name":"wipe"},"#,
        "{",
        "}",
        "[",
        "]",
        ",",
        "0",
        "e3",
        "null",
        "\u{feff}",
        " ",
        r#""_meta":{},"#,
        r#""id":null,"#,
        "\"",
        "\\u0061",
        "-",
        "9",
    ];
    let mut permitted = 0;
    for round in 0..800 {
        let mut body = good.to_owned();
        for _ in 0..dice.below(3).max(usize::from(round > 0)) {
            let ends: Vec<usize> = body
                .match_indices(['{', ',', ':', '.'])
                .map(|(at, _)| at + 1)
                .collect();
            let at = if dice.chance(80) && !ends.is_empty() {
                *dice.one(&ends)
            } else {
                body.len()
            };
            if body.is_char_boundary(at) {
                let piece: &&str = dice.one(&inserted);
                body.insert_str(at, piece);
            }
        }
        let asked = message(&token, "/mcp/payments", body.as_str()).to_request();
        let reply = service::reply(call_service(&gateway, asked).await).await;
        if verdict(&reply) != "permit" {
            continue;
        }
        permitted += 1;
        // The last of several members counts, and names are read in any case.
        let read: Value = serde_json::from_str(&body).unwrap();
        let member = |of: &Value, name: &str| {
            let mut found = of.as_object().into_iter().flatten();
            found
                .rfind(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.clone())
        };
        assert_eq!(member(&read, "method"), Some(json!("tools/call")), "{body}");
        let params = member(&read, "params").unwrap();
        let name = member(&params, "name").unwrap();
        let arguments = member(&params, "arguments").unwrap_or(json!({}));
        let lowered: Value = arguments
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.to_lowercase(), value.clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let id = format!("payments/{}", name.as_str().unwrap());
        let context = json!({"arguments": lowered});
        let asked = evaluation(&token, "tools/call", ("tool", &id), &context).to_request();
        let reply = service::reply(call_service(&service, asked).await).await;
        assert_eq!(evaluated(&reply), "permit", "{body}");
    }
    assert!(permitted > 20, "{permitted}");
}
