//! Keys and authorities that come and go between two questions, and while one is asked. After a
//! fetch that sees what is published, whatever rests on a key that is not there proves nothing; an
//! issuer that is out of reach has withdrawn nothing, for an hour.

use super::census::Census;
use super::forms::{Foreign, Form, SETS};
use super::sources::{
    Gate, KIDS, OURS, Place, Rests, active, callers, certified, credential, outcome, profile_of,
    sign_answers, workloads,
};
use super::{Dice, NOW};
use crate::world::{World, question};
use behest::clock::Clock as _;
use behest::evidence::TrustDomain;
use behest::http::Settings;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use support::seed::seed;
use support::service::{NOW_MS, post, send};
use support::tokens::Key;
use support::web::Web;

/// How often something is published.
const TURNS: usize = 240;

/// How often the service is left without keys for longer than an hour.
const OUTAGES: usize = 6;

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
