//! Issuers, files and trust domains that publish keys, and what rests on each.

use super::forms::{Foreign, Form, Found, file, put, set};
use super::{Dice, NOW};
use crate::spiffe::Authority;
use crate::world::{AUDIENCE, profile};
use behest::evidence::{
    CallerScope, IntrospectionEndpoint, KeySource, Profile, SignedAnswers, Trust, TrustDomain,
};
use behest::http::{Caller, CallerCredential, KeyHash, Permission};
use behest::model::EntityRef;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use support::service::Reply;
use support::tokens::{Key, with};
use support::web::{Asked, Web};

/// The audience of callers' tokens.
pub(super) const OURS: &str = "https://pdp.example";

/// Two of the keys have one name.
pub(super) const KIDS: [&str; 4] = ["a", "b", "a", "c"];

pub(super) const WORKLOAD: &str = "spiffe://w.example/bot";
pub(super) const CERTIFIED: &str = "spiffe://x.example/bot";

/// Where keys are published.
pub(super) enum Place {
    Set(Web),
    Discovered(Web),
    File(PathBuf),
    Authorities(PathBuf),
}

/// Something that is published, and what rests on it.
pub(super) struct Rests {
    pub(super) name: &'static str,
    /// The issuer.
    pub(super) url: String,
    pub(super) place: Place,
    /// The keys as they are published, or authorities in PEM form.
    pub(super) published: Vec<Value>,
    /// A credential by each of them.
    pub(super) credentials: Vec<Value>,
    /// Those that count.
    pub(super) held: Vec<usize>,
    /// When that was seen last.
    pub(super) seen_ms: i64,
    /// The form, where nobody can see it now.
    pub(super) lost: Option<Form>,
    pub(super) foreign: Foreign,
}

impl Rests {
    pub(super) fn any(&self, dice: &mut Dice) -> Form {
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
    pub(super) fn publish(&self, form: &Form) {
        match &self.place {
            Place::Set(web) => answer(web, &form.found, None),
            Place::Discovered(web) => answer(web, &form.found, Some(web.url.clone())),
            Place::File(path) | Place::Authorities(path) => put(path, &form.found),
        }
    }

    /// What counts after it was published in this form.
    pub(super) fn see(&mut self, form: Form) {
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
    pub(super) fn fetched(&mut self, now_ms: i64) {
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
    pub(super) fn counts(&self, at: usize, now_ms: i64) -> Option<bool> {
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
pub(super) fn answer(web: &Web, found: &Found, issuer: Option<String>) {
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
pub(super) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(super) fn set(&self, is_open: bool) {
        *self.0.0.lock().unwrap() = is_open;
        self.0.1.notify_all();
    }

    pub(super) fn is_open(&self) -> bool {
        *self.0.0.lock().unwrap()
    }

    pub(super) fn wait(&self) {
        let open = self.0.0.lock().unwrap();
        let patience = Duration::from_secs(4);
        let passed = self.0.1.wait_timeout_while(open, patience, |open| !*open);
        drop(passed.unwrap());
    }
}

pub(super) fn active(sub: &str) -> Value {
    json!({"active": true, "sub": sub, "client_id": "web", "scope": "read", "aud": AUDIENCE, "exp": NOW + 80_000})
}
/// The answer in one word.
pub(super) fn outcome(reply: &Reply) -> String {
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
pub(super) fn callers(issuer: &str) -> Vec<Caller> {
    let caller = |name: &str, by| Caller {
        name: name.to_owned(),
        by,
        permissions: [Permission::Decide, Permission::Admin]
            .into_iter()
            .collect(),
        require_actor: false,
        reasons: true,
        rate: None,
        credentials: CallerScope::default(),
    };
    let by = CallerCredential::Token {
        issuer: issuer.to_owned(),
        principal: EntityRef::new("agent", "set|gateway"),
    };
    vec![
        caller("admin", CallerCredential::key(KeyHash::of(b"admin"))),
        caller("gateway", by),
    ]
}

/// An endpoint whose answers are signed by the key that the token names.
pub(super) fn sign_answers(keys: &[Key; 4], issuer: &str, now_ms: &Arc<AtomicI64>) -> Web {
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
pub(super) fn credential(name: &str, url: &str, key: &Key, at: usize) -> Value {
    if name == "answers" {
        return json!({"type": "access_token", "value": format!("by{at}"), "issuer": url});
    }
    let claims = json!({"iss": url, "sub": "alice", "client_id": "web", "scope": "read", "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 80_000});
    json!({"type": "access_token", "value": key.access_token(&claims)})
}

/// The profile of an issuer whose keys are there.
pub(super) fn profile_of(
    name: &str,
    url: &str,
    place: &Place,
    (asked, answers): (&Web, &Web),
) -> Profile {
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
        introspection: Some(IntrospectionEndpoint {
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

pub(super) fn domain(name: &str, bundle: KeySource) -> TrustDomain {
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
pub(super) fn workloads(keys: &[Key; 4], web: Web) -> (TrustDomain, Rests) {
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
pub(super) fn certified(path: PathBuf) -> (TrustDomain, Rests) {
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
