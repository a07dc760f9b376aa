//! Keys and authorities that come and go between two questions, and while one is asked. After a
//! fetch that sees what is published, whatever rests on a key that is not there proves nothing; an
//! issuer that is out of reach has withdrawn nothing, for an hour.

use super::census::Census;
use super::forms::{Foreign, Form, Found, SETS, file, put, set};
use super::{Dice, NOW};
use crate::spiffe::Authority;
use crate::world::{AUDIENCE, World, profile, question};
use behest::clock::Clock as _;
use behest::evidence::{
    Introspection, KeySource, Profile, Scope, SignedAnswers, Trust, TrustDomain,
};
use behest::http::{By, Caller, KeyHash, Permission, Settings};
use behest::model::EntityRef;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use support::seed::seed;
use support::service::{NOW_MS, Reply, post, send};
use support::tokens::{Key, with};
use support::web::{Asked, Web};

/// How often something is published.
const TURNS: usize = 240;

/// How often the service is left without keys for longer than an hour.
const OUTAGES: usize = 6;

/// The audience of callers' tokens.
const OURS: &str = "https://pdp.example";

/// Two of the keys have one name.
const KIDS: [&str; 4] = ["a", "b", "a", "c"];

const WORKLOAD: &str = "spiffe://w.example/bot";
const CERTIFIED: &str = "spiffe://x.example/bot";

/// Where keys are published.
enum Place {
    Set(Web),
    Discovered(Web),
    File(PathBuf),
    Authorities(PathBuf),
}

/// Something that is published, and what rests on it.
struct Rests {
    name: &'static str,
    /// The issuer.
    url: String,
    place: Place,
    /// The keys as they are published, or authorities in PEM form.
    published: Vec<Value>,
    /// A credential by each of them.
    credentials: Vec<Value>,
    /// Those that count.
    held: Vec<usize>,
    /// When that was seen last.
    seen_ms: i64,
    /// The form, where nobody can see it now.
    lost: Option<Form>,
    foreign: Foreign,
}

impl Rests {
    fn any(&self, dice: &mut Dice) -> Form {
        if let Place::Authorities(_) = self.place {
            let texts: Vec<String> = self
                .published
                .iter()
                .map(|one| one.as_str().unwrap().to_owned())
                .collect();
            return file(dice, &texts, 512 * 1024);
        }
        set(dice, &self.published)
    }

    /// Publishes it in this form.
    fn publish(&self, form: &Form) {
        match &self.place {
            Place::Set(web) => answer(web, &form.found, None),
            Place::Discovered(web) => answer(web, &form.found, Some(web.url.clone())),
            Place::File(path) | Place::Authorities(path) => put(path, &form.found),
        }
    }

    /// What counts after it was published in this form.
    fn see(&mut self, form: Form) {
        match &form.held {
            Some(held) => {
                self.held.clone_from(held);
                self.lost = None;
                self.foreign = Foreign::default();
            }
            None => self.lost = Some(form),
        }
    }

    /// It was fetched at this time.
    fn fetched(&mut self, now_ms: i64) {
        let is_file = matches!(self.place, Place::File(_) | Place::Authorities(_));
        if self
            .lost
            .as_ref()
            .is_some_and(|form| matches!(form.found, Found::Unreachable))
        {
            self.foreign = Foreign::default();
        }
        match &self.lost {
            None => self.seen_ms = now_ms,
            Some(form) if is_file && self.foreign.withdraws(form, now_ms) => self.held.clear(),
            Some(_) => {}
        }
    }

    /// Whether what rests on one of them counts now; none where nobody says.
    fn counts(&self, at: usize, now_ms: i64) -> Option<bool> {
        const MINUTE_MS: i64 = 60_000;
        match now_ms - self.seen_ms {
            _ if !self.held.contains(&at) => Some(false),
            age if age < 60 * MINUTE_MS => Some(true),
            // Five minutes in which they need not be fetched, and an hour.
            age if age >= 65 * MINUTE_MS => Some(false),
            _ => None,
        }
    }
}

/// Answers so, at the address of a set or with what discovery says of it.
fn answer(web: &Web, found: &Found, issuer: Option<String>) {
    let is_down = matches!(found, Found::Unreachable);
    // Nobody sees one without the other.
    if is_down {
        web.set_down(true);
    }
    let (status, text) = match found {
        Found::Text(status, text) => (*status, text.clone()),
        Found::Gone | Found::Unreachable => (410, String::new()),
    };
    let is_gone = matches!(found, Found::Gone);
    web.answer(move |asked: &Asked| match &issuer {
        Some(issuer) if asked.path != "/keys" => {
            let mut metadata = json!({"issuer": issuer});
            if !is_gone {
                metadata["jwks_uri"] = json!(format!("{issuer}/keys"));
            }
            (200, String::new(), metadata.to_string())
        }
        _ => (status, String::new(), text.clone()),
    });
    web.set_down(is_down);
}

/// An endpoint that is asked about opaque tokens, and answers once it may.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn set(&self, is_open: bool) {
        *self.0.0.lock().unwrap() = is_open;
        self.0.1.notify_all();
    }

    fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    fn wait(&self) {
        let open = self.0.0.lock().unwrap();
        let patience = Duration::from_secs(4);
        let passed = self.0.1.wait_timeout_while(open, patience, |open| !*open);
        drop(passed.unwrap());
    }
}

fn active(sub: &str) -> Value {
    json!({"active": true, "sub": sub, "client_id": "web", "scope": "read", "aud": AUDIENCE, "exp": NOW + 80_000})
}

/// A world, and what is published for it.
struct History {
    world: World,
    rests: Vec<Rests>,
    callers: Vec<String>,
    /// What the endpoint of answers takes for now.
    now_ms: Arc<AtomicI64>,
    gate: Gate,
    asked: Web,
    _answers: Web,
    _folder: tempfile::TempDir,
}

impl History {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::default();
        let waiting = gate.clone();
        let asked = Web::start(move |_| {
            waiting.wait();
            (200, String::new(), active("alice").to_string())
        });
        let discovered = Web::start(|_| (404, String::new(), String::new()));
        let issuers = [
            ("set", "https://set.example".to_owned()),
            ("discovered", discovered.url.clone()),
            ("file", "https://file.example".to_owned()),
            ("answers", "https://answers.example".to_owned()),
        ];
        let keys = KIDS.map(Key::new);
        let webs = [(); 3].map(|()| Web::start(|_| (404, String::new(), String::new())));
        let [of_set, of_answers, of_domain] = webs;
        let now_ms = Arc::new(AtomicI64::new(NOW_MS));
        let answers = sign_answers(&keys, &issuers[3].1, &now_ms);
        let mut profiles = Vec::new();
        let mut rests = Vec::new();
        let mut discovered = Some(discovered);
        let (mut of_set, mut of_answers) = (Some(of_set), Some(of_answers));
        for (name, url) in &issuers {
            let place = match *name {
                "set" => Place::Set(of_set.take().unwrap()),
                "answers" => Place::Set(of_answers.take().unwrap()),
                "discovered" => Place::Discovered(discovered.take().unwrap()),
                _ => Place::File(folder.path().join("keys.json")),
            };
            profiles.push(profile_of(name, url, &place, (&asked, &answers)));
            rests.push(Rests {
                name,
                url: url.clone(),
                place,
                published: keys.iter().map(Key::published).collect(),
                credentials: (0..KIDS.len())
                    .map(|at| credential(name, url, &keys[at], at))
                    .collect(),
                held: Vec::new(),
                seen_ms: 0,
                lost: None,
                foreign: Foreign::default(),
            });
        }
        let domains = [
            workloads(&keys, of_domain),
            certified(folder.path().join("authorities.pem")),
        ];
        let (domains, of_domains): (Vec<TrustDomain>, Vec<Rests>) = domains.into_iter().unzip();
        rests.extend(of_domains);
        let own = json!({"iss": issuers[0].1, "sub": "gateway", "client_id": "gateway", "aud": OURS, "iat": NOW - 10, "exp": NOW + 80_000});
        let settings = Settings {
            callers: callers(&issuers[0].1),
            ..Settings::default()
        };
        // What is published before the service starts.
        let whole = |rests: &Rests| {
            let mut dice = Dice(1);
            loop {
                let form = rests.any(&mut dice);
                if matches!(form.kind, "all keys" | "all authorities") {
                    break rests.publish(&form);
                }
            }
        };
        for rests in &mut rests {
            whole(rests);
            rests.held = (0..rests.published.len()).collect();
        }
        let world = World::with(profiles, domains, settings);
        Self {
            world,
            rests,
            callers: keys.iter().map(|key| key.access_token(&own)).collect(),
            now_ms,
            gate,
            asked,
            _answers: answers,
            _folder: folder,
        }
    }

    fn wait_ms(&self, ms: i64) {
        self.world.wait_ms(ms);
        self.now_ms
            .store(self.world.clock.now_ms(), Ordering::SeqCst);
    }

    async fn refresh(&self) {
        let request =
            post("/admin/v1/keys/refresh", "").insert_header(("Authorization", "Bearer admin"));
        assert_eq!(send(&self.world.server, request).await.status, 200);
    }

    /// All that can be seen has been.
    fn seen(&mut self) {
        let now_ms = self.world.clock.now_ms();
        for rests in &mut self.rests {
            rests.fetched(now_ms);
        }
    }

    /// The outcome in one word.
    async fn ask(&self, authorization: &str, credentials: &[Value]) -> String {
        let body = question("look", credentials).to_string();
        let request = post("/access/v1/evaluation", body)
            .insert_header(("Authorization", format!("Bearer {authorization}")));
        outcome(&send(&self.world.server, request).await)
    }

    /// Asks while this is published, and seen.
    async fn meanwhile(
        &self,
        authorization: &str,
        credentials: &[Value],
        publish: impl Fn(),
    ) -> Option<String> {
        self.gate.set(false);
        let before = self.asked.count();
        let asked = async {
            let outcome = self.ask(authorization, credentials).await;
            // On a machine that is too slow, it was decided before.
            (self.gate.is_open() && outcome != "credential_unavailable").then_some(outcome)
        };
        let published = async {
            while self.asked.count() == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            publish();
            self.refresh().await;
            self.gate.set(true);
        };
        let both = async { tokio::join!(asked, published).0 };
        let in_time = tokio::time::timeout(Duration::from_secs(20), both).await;
        in_time.expect("somebody is asked about the token")
    }
}

/// The answer in one word.
fn outcome(reply: &Reply) -> String {
    let json = reply.json();
    let code = json["context"]["reason"]["code"]
        .as_str()
        .or_else(|| json["error"]["code"].as_str());
    if json["decision"] == true {
        "permit".to_owned()
    } else {
        code.unwrap_or(&reply.body).to_owned()
    }
}

/// An administrator by a key, and a gateway by tokens of this issuer.
fn callers(issuer: &str) -> Vec<Caller> {
    let caller = |name: &str, by| Caller {
        name: name.to_owned(),
        by,
        permissions: [Permission::Decide, Permission::Admin]
            .into_iter()
            .collect(),
        require_actor: false,
        reasons: true,
        rate: None,
        credentials: Scope::default(),
    };
    let by = By::Token {
        issuer: issuer.to_owned(),
        principal: EntityRef::new("agent", "set|gateway"),
    };
    vec![
        caller("admin", By::Key(KeyHash::of(b"admin"))),
        caller("gateway", by),
    ]
}

/// An endpoint whose answers are signed by the key that the token names.
fn sign_answers(keys: &[Key; 4], issuer: &str, now_ms: &Arc<AtomicI64>) -> Web {
    let (keys, issuer, now_ms) = (keys.clone(), issuer.to_owned(), Arc::clone(now_ms));
    Web::start(move |asked: &Asked| {
        let is_named = |at: &usize| asked.body.contains(&format!("token=by{at}"));
        let key = &keys[(0..KIDS.len()).find(is_named).unwrap()];
        let header = json!({"alg": "ES256", "typ": "token-introspection+jwt", "kid": key.kid});
        let now = now_ms.load(Ordering::SeqCst) / 1_000;
        let claims = json!({"iss": issuer, "aud": "pdp", "iat": now, "token_introspection": active("alice")});
        let jwt = "Content-Type: application/token-introspection+jwt\r\n";
        (200, jwt.to_owned(), key.sign(&header, &claims))
    })
}

/// A credential of an issuer by a key of its.
fn credential(name: &str, url: &str, key: &Key, at: usize) -> Value {
    if name == "answers" {
        return json!({"type": "access_token", "value": format!("by{at}"), "issuer": url});
    }
    let claims = json!({"iss": url, "sub": "alice", "client_id": "web", "scope": "read", "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 80_000});
    json!({"type": "access_token", "value": key.access_token(&claims)})
}

/// The profile of an issuer whose keys are there.
fn profile_of(name: &str, url: &str, place: &Place, (asked, answers): (&Web, &Web)) -> Profile {
    let source = match place {
        Place::Set(web) => KeySource::Jwks(web.url.clone()),
        Place::Discovered(web) => KeySource::Discovery(web.url.clone()),
        Place::File(path) | Place::Authorities(path) => KeySource::File(path.clone()),
    };
    let algorithms = vec![Algorithm::ES256];
    let is_asked = name == "answers";
    let signed = SignedAnswers {
        keys: source.clone(),
        algorithms: algorithms.clone(),
    };
    Profile {
        issuer: url.into(),
        trust: if is_asked {
            Trust::Introspection
        } else {
            Trust::Keys { source, algorithms }
        },
        introspection: Some(Introspection {
            url: if is_asked { &answers.url } else { &asked.url }.clone(),
            client_id: "pdp".to_owned(),
            client_secret: None,
            keep: Duration::from_mins(1),
            signed: is_asked.then_some(signed),
            carries_act: true,
        }),
        ids: ["user", "agent"]
            .map(|kind| (kind.into(), format!("{name}|").into()))
            .into(),
        caller_audiences: if name == "set" {
            vec![OURS.into()]
        } else {
            Vec::new()
        },
        ..profile(asked)
    }
}

fn domain(name: &str, bundle: KeySource) -> TrustDomain {
    TrustDomain {
        name: name.into(),
        bundle,
        audiences: vec!["pdp".into()],
        entity_type: "agent".into(),
        longest_life: Duration::from_hours(24),
        leeway: Duration::from_secs(30),
    }
}

/// A trust domain whose workloads have tokens.
fn workloads(keys: &[Key; 4], web: Web) -> (TrustDomain, Rests) {
    let token = |key: &Key| {
        let header = json!({"alg": "ES256", "kid": key.kid, "typ": "JWT"});
        let claims = json!({"sub": WORKLOAD, "aud": ["pdp"], "exp": NOW + 80_000, "iat": NOW});
        json!({"type": "jwt_svid", "value": key.sign(&header, &claims)})
    };
    let published = |key: &Key| with(&key.published(), &json!({"use": "jwt-svid"}));
    let settings = domain("w.example", KeySource::Jwks(web.url.clone()));
    let rests = Rests {
        name: "workloads",
        url: String::new(),
        place: Place::Set(web),
        published: keys.iter().map(published).collect(),
        credentials: keys.iter().map(token).collect(),
        held: Vec::new(),
        seen_ms: 0,
        lost: None,
        foreign: Foreign::default(),
    };
    (settings, rests)
}

/// A trust domain whose workloads have certificates.
fn certified(path: PathBuf) -> (TrustDomain, Rests) {
    let authorities = [(); 3].map(|()| Authority::new());
    let certificate = |authority: &Authority| {
        let leaf = authority.leaf(&[CERTIFIED], NOW - 60, NOW + 80_000, false);
        json!({"type": "x509_svid", "value": leaf})
    };
    let rests = Rests {
        name: "certificates",
        url: String::new(),
        place: Place::Authorities(path.clone()),
        published: authorities.iter().map(|one| json!(one.0.pem())).collect(),
        credentials: authorities.iter().map(certificate).collect(),
        held: Vec::new(),
        seen_ms: 0,
        lost: None,
        foreign: Foreign::default(),
    };
    (domain("x.example", KeySource::Pem(path)), rests)
}

/// Publishes what one issuer has in this form, and has it fetched: at rest, or while somebody asks
/// who rests on one of its keys.
async fn publish(history: &mut History, dice: &mut Dice, of: usize, form: &Form) -> Option<Flight> {
    let rests = &history.rests[of];
    let now_ms = history.world.clock.now_ms();
    let at = dice.below(rests.published.len());
    let counts = rests.counts(at, now_ms) == Some(true);
    let is_asked = matches!(rests.name, "set" | "discovered" | "file");
    if !(is_asked && counts && dice.chance(85)) {
        rests.publish(form);
        history.refresh().await;
        return None;
    }
    let gate =
        json!({"type": "access_token", "value": format!("gate{}", dice.0), "issuer": rests.url});
    let is_caller = rests.name == "set" && dice.chance(60);
    let (authorization, credentials) = if is_caller {
        (history.callers[at].as_str(), vec![gate])
    } else {
        ("admin", vec![rests.credentials[at].clone(), gate])
    };
    let outcome = history
        .meanwhile(authorization, &credentials, || rests.publish(form))
        .await?;
    Some(Flight {
        at,
        is_caller,
        outcome,
    })
}

/// What somebody asked while something was published.
struct Flight {
    at: usize,
    is_caller: bool,
    outcome: String,
}

/// Asks about everything that rests on one issuer's keys.
async fn at_rest(history: &History, of: usize, census: &mut Census, at: &str) {
    let rests = &history.rests[of];
    let now_ms = history.world.clock.now_ms();
    for (key, credential) in rests.credentials.iter().enumerate() {
        let credential = std::slice::from_ref(credential);
        let mut outcomes = vec![history.ask("admin", credential).await];
        if rests.name == "set" {
            outcomes.push(history.ask(&history.callers[key], credential).await);
        }
        let Some(counts) = rests.counts(key, now_ms) else {
            continue;
        };
        for outcome in outcomes {
            assert_eq!(
                outcome == "permit",
                counts,
                "{at}: {} {key} of {:?}: {outcome}",
                rests.name,
                rests.held
            );
        }
        census.note(if counts { "stands" } else { "falls" });
    }
}

/// What has to come, and how often.
const KINDS: [(&str, usize); 13] = [
    ("set", 10),
    ("discovered", 10),
    ("file", 10),
    ("answers", 10),
    ("workloads", 10),
    ("certificates", 10),
    ("stands", 100),
    ("falls", 100),
    ("an hour out of reach", 2),
    ("a credential stands in flight", 5),
    ("a credential falls in flight", 5),
    ("a caller stands in flight", 1),
    ("a caller falls in flight", 1),
];

#[actix_web::test]
async fn what_rests_on_a_key_falls_with_it_and_with_nothing_else() {
    let seed = seed(0xca11) | 1;
    let mut dice = Dice(seed);
    let mut history = History::new();
    let mut census = Census::default();
    history.refresh().await;
    history.seen();
    let mut outages = 0;
    for turn in 0..TURNS {
        // Longer than a refusal is remembered.
        history.wait_ms(2_000);
        let any = dice.below(history.rests.len());
        let of = if dice.chance(20) { 0 } else { any };
        let form = history.rests[of].any(&mut dice);
        let at = format!(
            "seed {seed}, turn {turn}: {}, {}",
            history.rests[of].name, form.kind
        );
        census.note(history.rests[of].name);
        census.note(form.kind);
        let flight = publish(&mut history, &mut dice, of, &form).await;
        let is_lost = form.held.is_none();
        history.rests[of].see(form);
        history.seen();
        if let Some(flight) = flight {
            let counts = history.rests[of].counts(flight.at, history.world.clock.now_ms());
            let stands = flight.outcome == "permit";
            assert!(
                counts.is_none_or(|counts| counts == stands),
                "{at}: in flight: {} of {:?}: {}",
                flight.at,
                history.rests[of].held,
                flight.outcome
            );
            let who = if flight.is_caller {
                "caller"
            } else {
                "credential"
            };
            let how = if stands { "stands" } else { "falls" };
            census.note(format!("a {who} {how} in flight"));
        }
        if outages < OUTAGES && is_lost && dice.chance(50) {
            outages += 1;
            census.note("an hour out of reach");
            history.wait_ms(70 * 60_000);
            history.refresh().await;
            history.seen();
        }
        at_rest(&history, of, &mut census, &at).await;
        let any = dice.below(history.rests.len());
        at_rest(&history, any, &mut census, &at).await;
    }
    let forms = SETS.into_iter().map(|kind| (kind, 1));
    census.check(KINDS.into_iter().chain(forms), seed);
}
