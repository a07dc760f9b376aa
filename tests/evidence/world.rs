//! One service, one issuer, and what they say to each other.

use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::Engine;
use behest::evidence::{
    HttpClient, KeySource, Preset, Profile, Signer, Trust, TrustDomain, Verifier,
};
use behest::http::{Server, Settings};
use behest::record::Recorder;
use behest::stores::{Stores, open_memory};
use behest::telemetry::Metrics;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::sync::Arc;
use support::service;
use support::tokens::{Key, with};
use support::web::Web;

/// The audience that tokens must have.
pub(crate) const AUDIENCE: &str = "https://api.example";

/// The issuer's name; its keys are elsewhere.
pub(crate) const ISSUER: &str = "https://login.example";

/// Whatever is kept of earlier answers, a credential must be as good as it was then.
const CACHE_BYTES: usize = 4 << 20;

const SCHEMA: &str = "
entity user { @stored delegate?: Set<agent> };
entity agent { @stored delegate?: Set<agent> };
entity service;
entity account { iban?: String, @stored bank?: String, @request branch?: String, fee?: decimal };
entity doc;
type TokenFacts = { tenant?: String, level?: Long, until?: datetime, regions?: Set<String> };
action roles appliesTo { principal: [user, agent], resource: doc };
action tell appliesTo { principal: [user, agent], resource: doc };
action look appliesTo { principal: [user, agent, service], resource: doc };
action read, skim, session appliesTo { principal: [user, agent], resource: doc };
action pay appliesTo {
  principal: [user, agent],
  resource: account,
  context: { arguments?: { amount?: decimal, to?: String } },
};
";

const POLICY: &str = r#"
@id("look") permit (principal, action == Action::"look", resource);
@id("read") permit (principal, action == Action::"read", resource)
when { context has token && context.token.scopes.contains("read") };
@id("skim") permit (principal, action == Action::"skim", resource);
@id("skim-blocked") forbid (principal, action == Action::"skim", resource)
when { context has token && context.token.groups.contains("blocked") };
@id("session") permit (principal, action == Action::"session", resource);
@id("session-over") forbid (principal, action == Action::"session", resource)
when { context has token && context.token has sid && context.token.sid == "gone" };
@id("roles") permit (principal, action == Action::"roles", resource) when {
  context has token && context.token.roles.containsAll(["clerk", "payer"]) && !context.token.roles.contains("admin")
};
@id("tell") permit (principal, action == Action::"tell", resource) when {
  context has token && context.token has tenant && context.token.tenant == "acme"
} unless {
  context has token && context.token has level && context.token.level >= 3
} unless {
  context has token && context.token has until && context.token.until < datetime("2026-10-01T00:00:00.500Z")
} unless {
  context has token && context.token has regions && !context.token.regions.contains("eu")
};
@id("pay") permit (principal, action == Action::"pay", resource) when { context has token.detail };
"#;

/// What a search finds something among.
const ENTITIES: &str = r#"[
  {"uid": {"type": "user", "id": "alice"}, "attrs": {}, "parents": []},
  {"uid": {"type": "user", "id": "bob"}, "attrs": {}, "parents": []},
  {"uid": {"type": "doc", "id": "d"}, "attrs": {}, "parents": []},
  {"uid": {"type": "doc", "id": "e"}, "attrs": {}, "parents": []},
  {"uid": {"type": "account", "id": "main"}, "attrs": {"iban": "STORED", "bank": "STORED", "branch": "STORED",
    "fee": {"__extn": {"fn": "decimal", "arg": "12.50"}}}, "parents": []},
  {"uid": {"type": "account", "id": "savings"}, "attrs": {}, "parents": []}
]"#;

/// The service.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) clock: Arc<FixedClock>,
    _bundle: tempfile::TempDir,
}

impl World {
    /// A service that trusts these.
    pub(crate) fn new(profiles: Vec<Profile>, domains: Vec<TrustDomain>) -> Self {
        Self::with(profiles, domains, service::local())
    }

    /// A service with these settings.
    pub(crate) fn with(
        profiles: Vec<Profile>,
        domains: Vec<TrustDomain>,
        settings: Settings,
    ) -> Self {
        Self::of_bundle(profiles, domains, settings, "", Recorder::default())
    }

    /// A service whose bundle has this schema and these policies, too.
    pub(crate) fn with_policies(profiles: Vec<Profile>, schema: &str, policies: &str) -> Self {
        Self::of_files(
            profiles,
            Vec::new(),
            service::local(),
            &[
                ("schemas/more.cedarschema", schema),
                ("policies/more.cedar", policies),
            ],
            Recorder::default(),
        )
    }

    /// A service whose bundle says this in `bundle.toml`, and whose decisions are recorded there.
    pub(crate) fn of_bundle(
        profiles: Vec<Profile>,
        domains: Vec<TrustDomain>,
        settings: Settings,
        toml: &str,
        recorder: Recorder,
    ) -> Self {
        Self::of_files(
            profiles,
            domains,
            settings,
            &[("policies/bundle.toml", toml)],
            recorder,
        )
    }

    /// A service whose bundle has these files beside the usual ones.
    fn of_files(
        profiles: Vec<Profile>,
        domains: Vec<TrustDomain>,
        settings: Settings,
        beside: &[(&str, &str)],
        recorder: Recorder,
    ) -> Self {
        let clock = Arc::new(FixedClock::at(service::NOW_MS));
        let client = || HttpClient::new(None).expect("a client");
        let verifier = Verifier::start(
            profiles
                .into_iter()
                .map(|profile| (profile, client()))
                .collect(),
            domains
                .into_iter()
                .map(|domain| (domain, client()))
                .collect(),
            clock.clone(),
        );
        let verifier = Some(Arc::new(verifier.expect("a verifier")));
        let settings = Settings {
            verifier,
            known_bytes: CACHE_BYTES,
            ..settings
        };
        let metrics = Arc::new(Metrics::default());
        let stores = Stores::open(open_memory().expect("a store"), clock.clone());
        let engine = Engine::new(clock.clone(), metrics.clone(), recorder)
            .with_stores(Arc::new(stores.expect("stores")))
            .with_quiet(std::time::Duration::from_millis(1))
            .with_cache(CACHE_BYTES);
        let bundle = tempfile::tempdir().expect("a folder");
        let files = [
            ("schemas/main.cedarschema", SCHEMA),
            ("policies/main.cedar", POLICY),
            ("policies/main.entities.json", ENTITIES),
        ];
        for (path, text) in files.iter().chain(beside) {
            let path = bundle.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        if let Err(refused) = engine.load(&BundleSource::Dir(bundle.path().to_owned())) {
            panic!(
                "{}",
                behest::bundle::render(&refused.problems, &refused.files, false)
            );
        }
        let signer = Signer::in_memory().expect("a key");
        let server = Server::new(settings, Arc::new(engine), metrics, clock.clone(), &signer)
            .expect("a server");
        Self {
            server,
            clock,
            _bundle: bundle,
        }
    }

    /// Lets time pass.
    pub(crate) fn wait_ms(&self, ms: i64) {
        use behest::clock::Clock as _;
        self.clock.set(self.clock.now_ms() + ms);
    }

    /// Decides a body: `permit`, or the reason's code and message.
    pub(crate) async fn ask(&self, body: &Value) -> String {
        let mut body = body.clone();
        body["options"] = json!({"reason": true});
        let reply = service::send(
            &self.server,
            service::post("/access/v1/evaluation", body.to_string()),
        )
        .await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let answer = reply.json();
        match answer["decision"].as_bool() {
            Some(true) => "permit".to_owned(),
            _ => {
                let reason = &answer["context"]["reason"];
                format!(
                    "{}: {}",
                    reason["code"].as_str().unwrap(),
                    reason["message"].as_str().unwrap()
                )
            }
        }
    }

    /// Asks whether the holder of one token may read.
    pub(crate) async fn read(&self, token: &str) -> String {
        self.ask(&question("read", &[access(token)])).await
    }

    /// The explanation of an answer.
    pub(crate) async fn explain(&self, body: &Value) -> Value {
        let mut body = body.clone();
        body["options"] = json!({"explain": true});
        let reply = service::send(
            &self.server,
            service::post("/access/v1/evaluation", body.to_string()),
        )
        .await;
        reply.json()["context"]["explanation"].clone()
    }
}

/// A question of whoever credential 0 names.
pub(crate) fn question(action: &str, credentials: &[Value]) -> Value {
    json!({
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": action},
        "resource": {"type": "doc", "id": "d"},
        "context": {"credentials": credentials},
    })
}

/// An access token as a credential.
pub(crate) fn access(token: &str) -> Value {
    json!({"type": "access_token", "value": token})
}

/// Where an issuer publishes this key.
pub(crate) fn publish(key: &Key) -> Web {
    let set = json!({"keys": [key.published()]}).to_string();
    Web::start(move |_| (200, String::new(), set.clone()))
}

/// The profile of the issuer whose keys are there.
pub(crate) fn profile(web: &Web) -> Profile {
    Profile {
        trust: Trust::Keys {
            source: KeySource::Jwks(web.url.clone()),
            algorithms: vec![Algorithm::ES256],
        },
        audiences: vec![AUDIENCE.into()],
        // Who signs in there is nobody's agent.
        own_clients: vec!["web".into()],
        ..Preset::Standard.profile(ISSUER)
    }
}

/// A world with one issuer, and its key.
pub(crate) fn standard() -> (World, Key, Web) {
    let key = Key::new("k1");
    let web = publish(&key);
    (World::new(vec![profile(&web)], Vec::new()), key, web)
}

/// The claims of a good token of alice's, at the service's time.
pub(crate) fn claims() -> Value {
    let now = service::NOW_MS / 1_000;
    json!({
        "iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "client_id": "web", "scope": "read write",
        "iat": now - 10, "exp": now + 300, "jti": "t1",
    })
}

/// Those claims with others on top.
pub(crate) fn claims_with(over: &Value) -> Value {
    with(&claims(), over)
}
