//! Generated tokens of several issuers, alone and in pairs, held to what must be so of any of them.

use super::{Dice, NOW};
use crate::world::{AUDIENCE, World, profile, publish, question};
use behest::evidence::{
    ActorForm, AutonomousClaim, ClaimPath, ClaimPaths, IntrospectionEndpoint, Preset, Profile,
    Secret, Trust,
};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::seed::seed;
use support::tokens::{Key, sign_with_secret, with};
use support::web::{Asked, Web};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// How many sets of credentials are made.
const TURNS: usize = 400;

/// Issuers by their names, and the form in which each says who acts.
const ISSUERS: [(&str, ActorForm); 6] = [
    ("one", ActorForm::Rfc8693),
    ("two", ActorForm::Inverted),
    ("three", ActorForm::List),
    ("four", ActorForm::None),
    ("alone", ActorForm::Rfc8693),
    ("asked", ActorForm::Rfc8693),
];

fn issuer(name: &str) -> String {
    format!("https://{name}.example")
}

/// What an introspection endpoint knows, by token.
pub(super) type Answers = Arc<Mutex<HashMap<String, Value>>>;

/// An introspection endpoint that knows these.
pub(super) fn endpoint(answers: &Answers) -> Web {
    let known = Arc::clone(answers);
    Web::start(move |asked: &Asked| {
        let token = asked
            .body
            .split('&')
            .next()
            .unwrap()
            .trim_start_matches("token=");
        let answer = known.lock().unwrap().get(token).cloned();
        (
            200,
            String::new(),
            answer
                .unwrap_or_else(|| json!({"active": false}))
                .to_string(),
        )
    })
}

struct Issued {
    credential: Value,
    /// Every party that a source names, as the id that it must have.
    parties: Vec<String>,
    /// The issuer's prefix, which the subject of the chain begins with.
    prefix: String,
    is_id_token: bool,
    /// Whether it may be the only credential of its subject.
    stands_alone: bool,
    /// The subject that the token says is an agent.
    agent: Option<String>,
}

/// A party, by its type and id.
type Party = (String, String);

struct Mint {
    world: World,
    key: Key,
    answers: Answers,
    _webs: [Web; 2],
}

impl Mint {
    fn new() -> Self {
        let key = Key::new("k1");
        let web = publish(&key);
        let answers = Answers::default();
        let asked = endpoint(&answers);
        let mut profiles: Vec<Profile> = ISSUERS
            .iter()
            .map(|(name, actor)| Profile {
                issuer: issuer(name).into(),
                actor: *actor,
                ids: ["user", "agent"]
                    .map(|kind| (kind.into(), format!("{name}|").into()))
                    .into(),
                id_token_audiences: vec!["web".into(), "copilot".into()],
                id_tokens_alone: *name == "alone",
                autonomous: vec![AutonomousClaim::value("gty", "client-credentials")],
                claims: ClaimPaths {
                    client: ["client_id", "azp", "ext.client"]
                        .map(ClaimPath::new)
                        .into(),
                    ..profile(&web).claims
                },
                ..profile(&web)
            })
            .collect();
        let last = profiles.last_mut().unwrap();
        last.trust = Trust::Introspection;
        last.id_token_audiences = Vec::new();
        last.introspection = Some(IntrospectionEndpoint {
            url: asked.url.clone(),
            client_id: "pdp".to_owned(),
            client_secret: None,
            keep: Duration::ZERO,
            signed: None,
            carries_act: true,
        });
        profiles.push(Profile {
            trust: Trust::Secret(Secret::new(SECRET.to_vec())),
            ids: vec![
                ("agent".into(), "local|".into()),
                ("user".into(), "local|".into()),
            ],
            actor: ActorForm::Inverted,
            ..Preset::SharedSecret.profile("local")
        });
        Self {
            world: World::new(profiles, Vec::new()),
            key,
            answers,
            _webs: [web, asked],
        }
    }

    /// A token of any issuer and kind, and whom it names.
    fn issue(&self, dice: &mut Dice) -> Issued {
        if dice.chance(15) {
            return Self::of_secret(dice);
        }
        let (name, form) = ISSUERS[dice.below(ISSUERS.len())];
        let prefix = format!("{name}|");
        let mut parties = Vec::new();
        let is_id_token = name != "asked" && dice.chance(25);
        let sub = dice.one(&["alice", "bob", "bot"]);
        parties.push(format!("{prefix}{sub}"));
        let mut claims =
            json!({"iss": issuer(name), "sub": sub, "iat": NOW - 10, "exp": NOW + 300});
        claims["scope"] = json!(dice.one(&["read", "write", "read write", ""]));
        if is_id_token {
            let audience = dice.one(&["web", "web", "copilot"]);
            claims["aud"] = json!(audience);
            if name == "alone" && audience != "web" {
                parties.push(format!("{prefix}{audience}"));
            }
            claims[dice.one(&["nonce", "at_hash", "other"])] = json!("n");
        } else {
            claims["aud"] = json!(AUDIENCE);
            let client = dice.one(&["", "web", "bot", "helper"]);
            if !client.is_empty() {
                claims[dice.one(&["client_id", "azp"])] = json!(client);
                if client != "web" {
                    parties.push(format!("{prefix}{client}"));
                }
            }
        }
        let agent = dice
            .chance(10)
            .then(|| format!("{prefix}{}", claims["sub"].as_str().unwrap()));
        if agent.is_some() {
            claims["sub_profile"] = json!("ai_agent");
        }
        odd(dice, &prefix, &mut claims, &mut parties);
        if dice.chance(50) {
            claims["act"] = act(dice, form, name, &mut parties);
        }
        let typ = if is_id_token { "JWT" } else { "at+jwt" };
        let mut value = self
            .key
            .sign(&json!({"alg": "ES256", "typ": typ, "kid": "k1"}), &claims);
        if name == "asked" {
            value = self.ask_about(dice, value, &claims, &prefix, &mut parties);
        }
        let kind = if is_id_token {
            "id_token"
        } else {
            "access_token"
        };
        Issued {
            credential: json!({"type": kind, "value": value}),
            parties,
            prefix,
            is_id_token,
            stands_alone: name == "alone" || !is_id_token,
            agent,
        }
    }

    /// Two tokens, of which the second now and then says what the first does: two that fit are rare
    /// among any two.
    fn issue_two(&self, dice: &mut Dice) -> (Issued, Issued) {
        let mut again = Dice(dice.0);
        let one = self.issue(dice);
        let same = dice.chance(25).then(|| self.issue(&mut again));
        let other = same.filter(|same| same.credential != one.credential);
        let other = other.unwrap_or_else(|| self.issue(dice));
        (one, other)
    }

    /// What the issuer will say of the token: what it holds, or something else; and whether the
    /// token is a JWT.
    fn ask_about(
        &self,
        dice: &mut Dice,
        jwt: String,
        claims: &Value,
        prefix: &str,
        parties: &mut Vec<String>,
    ) -> String {
        let mut answer = with(claims, &json!({"active": true}));
        match dice.below(6) {
            0 => answer = with(&answer, &json!({"act": null})),
            1 => {
                answer["sub"] = json!("carol");
                parties.push(format!("{prefix}carol"));
            }
            2 => {
                answer["client_id"] = json!("other");
                parties.push(format!("{prefix}other"));
            }
            3 => answer["scope"] = json!("read write"),
            _ => {}
        }
        let value = if dice.chance(70) {
            jwt
        } else {
            // Nothing but the answer tells of it.
            parties.clear();
            let all = ["sub", "client_id", "azp", "ext.client"]
                .iter()
                .filter_map(|name| answer[*name].as_str());
            parties.extend(
                all.filter(|name| *name != "web")
                    .map(|name| format!("{prefix}{name}")),
            );
            format!("opaque{}", dice.0)
        };
        self.answers.lock().unwrap().insert(value.clone(), answer);
        value
    }

    fn of_secret(dice: &mut Dice) -> Issued {
        let mut parties = vec!["local|dev".to_owned()];
        let mut claims =
            json!({"agentId": "dev", "permissions": ["read"], "iat": NOW - 10, "exp": NOW + 300});
        if dice.chance(50) {
            claims["act"] = act(dice, ActorForm::Inverted, "local", &mut parties);
        }
        if dice.chance(30) {
            claims["nonce"] = json!("n");
        }
        let value = sign_with_secret(SECRET, &json!({"alg": "HS256", "typ": "JWT"}), &claims);
        let is_id_token = dice.chance(30);
        let kind = if is_id_token {
            "id_token"
        } else {
            "access_token"
        };
        Issued {
            credential: json!({"type": kind, "value": value}),
            parties,
            prefix: "local|".to_owned(),
            is_id_token,
            stands_alone: !is_id_token,
            agent: None,
        }
    }

    /// The decision, and the chains of the credentials.
    async fn ask(&self, credentials: &[Value]) -> (bool, Vec<Vec<Party>>) {
        let body = question("read", credentials);
        let permits = self.world.ask(&body).await == "permit";
        let told = self.world.explain(&body).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let ids = |line: &Value| {
            line["chain"]
                .as_array()
                .unwrap()
                .iter()
                .map(|member| (text(&member["type"]), text(&member["id"])))
                .collect()
        };
        (
            permits,
            told["credentials"]
                .as_array()
                .map(|lines| lines.iter().map(ids).collect())
                .unwrap_or_default(),
        )
    }
}

/// Claims that say of a token what its issuer's others do not: whose it is, who holds it, by a name
/// that is spelled otherwise, or at a path that is there twice.
fn odd(dice: &mut Dice, prefix: &str, claims: &mut Value, parties: &mut Vec<String>) {
    if dice.chance(15) {
        claims["gty"] = match dice.below(4) {
            0 => json!("password"),
            1 => json!(["client-credentials"]),
            2 => json!({"client-credentials": true}),
            _ => json!("client-credentials"),
        };
    }
    if dice.chance(10) {
        let name = dice.one(&["Sub", "Client_Id", "clientId", "AZP", "ext.client", "Ext"]);
        claims[name] = match name {
            "Ext" => json!({"client": "hidden"}),
            _ => json!("hidden"),
        };
        parties.push(format!("{prefix}hidden"));
    }
    if dice.chance(10) {
        let client = dice.one(&["web", "hidden"]);
        claims["ext"] = json!({"client": client});
        if client != "web" {
            parties.push(format!("{prefix}{client}"));
        }
    }
}

/// An `act` of the form, or now and then of another, with parties of any issuer.
fn act(dice: &mut Dice, form: ActorForm, own: &str, parties: &mut Vec<String>) -> Value {
    let both = dice.chance(50);
    let mut party = || {
        let sub = dice.one(&["helper", "carol", "x"]);
        let of = if dice.chance(60) {
            own
        } else {
            ISSUERS[dice.below(ISSUERS.len())].0
        };
        parties.push(format!("{of}|{sub}"));
        let mut act = json!({"sub": sub});
        if of != own {
            act["iss"] = json!(issuer(of));
        }
        if dice.chance(10) {
            let client = dice.one(&["helper", "carol", "x"]);
            act[dice.one(&["client_id", "azp"])] = json!(client);
            parties.push(format!("{of}|{client}"));
        }
        act
    };
    let inner = party();
    if !both {
        return if form == ActorForm::List {
            json!([inner])
        } else {
            inner
        };
    }
    let mut outer = party();
    if form == ActorForm::List {
        return json!([outer, inner]);
    }
    outer["act"] = inner;
    outer
}

#[actix_web::test]
async fn whatever_tokens_there_are() {
    let mint = Mint::new();
    let seed = seed(0x5eed) | 1;
    let mut dice = Dice(seed);
    let (mut permitted, mut named, mut paired) = (0, 0, 0);
    for turn in 0..TURNS {
        let (one, other) = mint.issue_two(&mut dice);
        let at = format!(
            "seed {seed}, turn {turn}: {} {}",
            one.credential, other.credential
        );
        let (alone, chains) = mint.ask(std::slice::from_ref(&one.credential)).await;
        assert!(!alone || one.stands_alone, "an ID token stands alone: {at}");
        if let Some(chain) = chains.first() {
            named += 1;
            for party in &one.parties {
                assert!(
                    chain.iter().any(|(_, id)| id == party),
                    "{party} is left out of {chain:?}: {at}"
                );
            }
            assert!(
                chain[0].1.starts_with(&one.prefix),
                "another issuer's {chain:?}: {at}"
            );
            if let Some(agent) = &one.agent {
                let agent = ("agent".to_owned(), agent.clone());
                assert!(chain.contains(&agent), "{agent:?} in {chain:?}: {at}");
            }
        }
        let (both, chains) = mint
            .ask(&[one.credential.clone(), other.credential.clone()])
            .await;
        permitted += usize::from(alone);
        paired += usize::from(both);
        // What is added to what names the whole chain narrows. An ID token is no such thing.
        assert!(
            alone || !both || one.is_id_token,
            "one more credential permits more: {at}"
        );
        if both {
            assert!(
                one.stands_alone || other.stands_alone,
                "ID tokens grant: {at}"
            );
            assert_eq!(chains.len(), 2, "{at}");
        }
        let (forged, _) = mint
            .ask(&[
                one.credential.clone(),
                json!({"type": "access_token", "value": "forged"}),
            ])
            .await;
        assert!(!forged, "one that does not verify is passed over: {at}");
    }
    assert!(
        permitted > TURNS / 40 && named > TURNS / 5 && paired > TURNS / 40,
        "seed {seed}: {permitted} {named} {paired}"
    );
}
