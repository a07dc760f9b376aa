//! Tokens of every preset, with clients by the names that other issuers have for them, in the token
//! and in `act`, and with words of kinds. Every party is in the chain, or counts as a user's own
//! hand, or the token is refused.

use super::census::Census;
use super::spelled::hide;
use super::{Dice, NOW};
use crate::world::{AUDIENCE, World, profile, publish, question};
use behest::evidence::{ActorForm, ClaimPath, Preset, Profile};
use serde_json::{Value, json};
use support::seed::seed;
use support::tokens::{Key, with};
use support::web::Web;

const TURNS: usize = 2_500;

/// By which claims issuers name clients, and how these are spelled.
const NAMES: [&str; 10] = [
    "applicationId",
    "agent_id",
    "client",
    "client_id",
    "azp",
    "appid",
    "cid",
    "clientId",
    "AppId",
    "client-id",
];

/// Clients, and words of what they are: an agent's, others, and words that nobody knows.
const CLIENTS: [&str; 3] = ["web", "bot", "copilot"];
const AGENTS: [&str; 2] = ["ai_agent", "web_app ai_agent"];
const OTHERS: [&str; 2] = ["web_app", "service"];
const UNKNOWN: [&str; 6] = [
    "AI_Agent",
    "ai-agent",
    "agent",
    "service,ai_agent",
    "ai_agent ",
    "service\tai_agent",
];

/// An issuer of a preset, with settings.
struct Issuer {
    name: String,
    preset: &'static str,
    /// The claim that names its subjects.
    subject: &'static str,
    /// The claim that names its clients; empty where it has none.
    client: &'static str,
    is_inverted: bool,
    hands: &'static [&'static str],
    /// What its access tokens and its ID tokens have beside their parties.
    usual: [Value; 2],
    typ: &'static str,
}

/// The preset, its claims of subjects and clients, the type of its access tokens, and what these
/// and its ID tokens have.
fn presets() -> Vec<(
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    [Value; 2],
)> {
    let id = json!({"nonce": "n"});
    let both = |access: Value| [access, id.clone()];
    let account = "batch@p.iam.gserviceaccount.com";
    let google = json!({"email": account, "email_verified": true});
    let keycloak = [json!({"typ": "Bearer", "sid": "s"}), json!({"typ": "ID"})];
    let cognito = [
        json!({"token_use": "access", "username": "u"}),
        json!({"token_use": "id"}),
    ];
    vec![
        ("standard", "sub", "client_id", "at+jwt", both(json!({}))),
        (
            "oidc-provider",
            "sub",
            "client_id",
            "at+jwt",
            both(json!({})),
        ),
        ("keycloak", "sub", "azp", "JWT", keycloak),
        (
            "entra",
            "oid",
            "azp",
            "JWT",
            both(json!({"ver": "2.0", "scp": "read", "sub": "pairwise"})),
        ),
        (
            "entra-v1",
            "oid",
            "appid",
            "JWT",
            both(json!({"ver": "1.0", "scp": "read", "sub": "pairwise"})),
        ),
        ("auth0", "sub", "azp", "JWT", both(json!({}))),
        ("okta", "uid", "cid", "JWT", both(json!({"sub": "login"}))),
        ("cognito", "sub", "client_id", "JWT", cognito),
        ("google", "sub", "", "JWT", both(google)),
        (
            "github-actions",
            "sub",
            "",
            "JWT",
            both(json!({"repository_id": "1", "job_workflow_ref": "w"})),
        ),
        (
            "kubernetes",
            "sub",
            "",
            "JWT",
            both(json!({"kubernetes.io": {}})),
        ),
        (
            "aws",
            "sub",
            "",
            "JWT",
            both(json!({"https://sts.amazonaws.com/": {}})),
        ),
        ("shared-secret", "agentId", "", "JWT", both(json!({}))),
    ]
}

struct Mint {
    world: World,
    key: Key,
    issuers: Vec<Issuer>,
    _web: Web,
}

impl Mint {
    fn new() -> Self {
        let key = Key::new("k1");
        let web = publish(&key);
        let (mut issuers, mut profiles) = (Vec::new(), Vec::new());
        let settings: [(bool, &'static [&'static str]); 4] = [
            (false, &[]),
            (false, &["web"]),
            (false, &["*"]),
            (true, &["web", "bot"]),
        ];
        for (preset, subject, client, typ, usual) in presets() {
            for (is_inverted, hands) in settings {
                let name = format!("{preset}{}", issuers.len());
                let issuer = Issuer {
                    name,
                    preset,
                    subject,
                    client,
                    is_inverted,
                    hands,
                    usual: usual.clone(),
                    typ,
                };
                profiles.push(issuer.profile(&web));
                issuers.push(issuer);
            }
        }
        // Where people are named by a claim that a token may lack.
        for is_inverted in [false, true] {
            let issuer = Issuer {
                name: format!("by-email{is_inverted}"),
                preset: "standard",
                subject: "email",
                client: "client_id",
                is_inverted,
                hands: &["web"],
                usual: [
                    json!({"sub": "number"}),
                    json!({"sub": "number", "nonce": "n"}),
                ],
                typ: "at+jwt",
            };
            let mut made = issuer.profile(&web);
            made.claims.subject = vec![ClaimPath::new("email")];
            made.of_users = vec![ClaimPath::new("scp")];
            profiles.push(made);
            issuers.push(issuer);
        }
        Self {
            world: World::new(profiles, Vec::new()),
            key,
            issuers,
            _web: web,
        }
    }

    /// The chain by types and ids, or none.
    async fn chain(&self, credential: &Value) -> Option<Vec<(String, String)>> {
        let body = question("look", std::slice::from_ref(credential));
        let told = self.world.explain(&body).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let name = |member: &Value| (text(&member["type"]), text(&member["id"]));
        let chain = told["credentials"][0]["chain"].as_array()?;
        let is_decided = told["legs"].as_array().is_some_and(|legs| !legs.is_empty());
        is_decided.then(|| chain.iter().map(name).collect())
    }
}

impl Issuer {
    fn url(&self) -> String {
        format!("https://{}.example", self.name)
    }

    fn profile(&self, web: &Web) -> Profile {
        let made = Preset::from_word(self.preset).unwrap().profile(&self.url());
        let has_id_tokens = !made.id_tokens.is_empty();
        Profile {
            trust: profile(web).trust,
            audiences: vec![AUDIENCE.into()],
            id_token_audiences: if has_id_tokens {
                vec!["web".into()]
            } else {
                Vec::new()
            },
            id_tokens_alone: true,
            own_clients: self.hands.iter().map(|hand| (*hand).into()).collect(),
            actor: if self.is_inverted {
                ActorForm::Inverted
            } else {
                ActorForm::Rfc8693
            },
            ids: ["user", "agent", "service"]
                .map(|kind| (kind.into(), format!("{}|", self.name).into()))
                .into(),
            ..made
        }
    }

    fn is_hand(&self, client: &str) -> bool {
        self.hands
            .iter()
            .any(|hand| *hand == client || *hand == "*")
    }

    fn id(&self, name: &str) -> String {
        format!("{}|{name}", self.name)
    }
}

/// What a token, or a party in `act`, says of clients.
#[derive(Default)]
struct Said {
    clients: Vec<&'static str>,
    is_agents: bool,
    is_unknown: bool,
    is_hidden: bool,
    kinds: Vec<&'static str>,
}

/// Puts names of clients and words of kinds among claims.
fn say(dice: &mut Dice, claims: &mut Value, own: &'static str) -> Said {
    let mut said = Said::default();
    let one = dice.one(&CLIENTS);
    if !own.is_empty() && dice.chance(80) {
        claims[own] = json!(one);
        said.clients.push(one);
    }
    if dice.chance(45) {
        let name = dice.one(&NAMES);
        let other = if dice.chance(35) {
            one
        } else {
            dice.one(&CLIENTS)
        };
        if claims.get(name).is_none() {
            claims[name] = json!(other);
            said.kinds.push(if said.clients.contains(&other) {
                "a client again"
            } else {
                "a client by another name"
            });
            said.clients.push(other);
        }
    }
    if dice.chance(6) {
        said.kinds.push(hide(dice, claims));
        said.is_hidden = true;
    }
    if dice.chance(25) {
        let (words, kind) = match dice.below(3) {
            0 => (dice.one(&AGENTS), "a client that is an agent"),
            1 => (dice.one(&OTHERS), "a client that is none"),
            _ => (dice.one(&UNKNOWN), "a word that nobody knows"),
        };
        claims["client_profile"] = json!(words);
        said.is_agents = AGENTS.contains(&words);
        said.is_unknown = UNKNOWN.contains(&words);
        said.kinds.push(kind);
    }
    said
}

/// A token and what it says.
struct Written {
    credential: Value,
    claims: Value,
    said: Said,
    in_act: Option<Said>,
    /// Everybody who is named by something else than a client's name.
    parties: Vec<String>,
    audiences: Vec<&'static str>,
    is_marked: bool,
}

fn write(dice: &mut Dice, mint: &Mint, issuer: &Issuer) -> Written {
    let is_id_token = !issuer.is_inverted && dice.chance(30);
    let mut claims = with(
        &issuer.usual[usize::from(is_id_token)],
        &json!({"iss": issuer.url(), "iat": NOW - 10, "exp": NOW + 300}),
    );
    let own = if is_id_token && dice.chance(50) {
        "azp"
    } else {
        issuer.client
    };
    let mut said = say(dice, &mut claims, own);
    let mut parties = Vec::new();
    let sub = if issuer.is_inverted {
        "worker"
    } else {
        "alice"
    };
    if issuer.subject != "sub" && dice.chance(25) {
        said.kinds.push("no claim of the subject");
        parties.extend(claims["sub"].as_str().map(|sub| issuer.id(sub)));
    } else {
        claims[issuer.subject] = json!(sub);
        parties.push(issuer.id(sub));
    }
    let is_by_email = issuer.subject == "email";
    let mut is_marked = false;
    if is_by_email && dice.chance(50) {
        claims["scp"] = json!("read");
    } else if is_by_email {
        is_marked = !is_id_token;
    }
    if dice.chance(12) {
        claims["sub_profile"] = json!("ai_agent");
        said.kinds.push("a subject that is an agent");
        is_marked |= !issuer.is_inverted;
    }
    let mut audiences = Vec::new();
    claims["aud"] = json!(AUDIENCE);
    if is_id_token {
        audiences = vec!["web"];
        if dice.chance(30) {
            audiences.push(dice.one(&["bot", "copilot"]));
            said.kinds.push("an audience more");
        }
        claims["aud"] = if audiences.len() == 1 {
            json!("web")
        } else {
            json!(audiences)
        };
        said.kinds.push("an ID token");
    }
    let in_act = (dice.chance(if issuer.is_inverted { 75 } else { 35 })).then(|| {
        let name = if issuer.is_inverted { "alice" } else { "bob" };
        let mut act = json!({"sub": name});
        act[issuer.subject] = json!(name);
        act["sub_profile"] = json!("user");
        let mut in_act = say(dice, &mut act, "");
        if dice.chance(35) {
            act["sub_profile"] = json!("ai_agent");
            in_act.kinds.push("an agent in act");
            in_act.is_agents = true;
        }
        // An account's number stands for the client that is named beside it.
        let is_account =
            in_act.is_agents && matches!(issuer.preset, "keycloak" | "entra" | "entra-v1");
        if !is_account {
            parties.push(issuer.id(name));
        }
        claims["act"] = act;
        in_act
    });
    is_marked |= issuer.is_inverted
        && in_act
            .as_ref()
            .is_none_or(|said| said.kinds.contains(&"an agent in act"));
    let typ = if is_id_token { "JWT" } else { issuer.typ };
    let value = mint
        .key
        .sign(&json!({"alg": "ES256", "typ": typ, "kid": "k1"}), &claims);
    let kind = if is_id_token {
        "id_token"
    } else {
        "access_token"
    };
    Written {
        credential: json!({"type": kind, "value": value}),
        claims,
        said,
        in_act,
        parties,
        audiences,
        is_marked,
    }
}

/// Holds a chain to what the token says.
fn hold(issuer: &Issuer, written: &Written, chain: &[(String, String)], at: &str) {
    let at = format!("{at}: {} {}: {chain:?}", issuer.name, written.claims);
    let has = |id: &str| chain.iter().any(|(_, known)| known == id);
    let is_user = chain[0].0 == "user" && !written.is_marked;
    let has_client = |client: &str| {
        let id = issuer.id(client);
        chain
            .iter()
            .any(|(kind, known)| kind == "agent" && *known == id)
    };
    let Said {
        clients,
        is_agents,
        is_unknown,
        is_hidden,
        ..
    } = &written.said;
    assert!(!is_hidden, "a party is overlooked: {at}");
    for client in clients.iter().chain(&written.audiences) {
        let is_own = is_user && !is_agents && issuer.is_hand(client);
        assert!(
            is_own || has_client(client),
            "the client {client} is overlooked: {at}"
        );
    }
    assert!(!is_unknown, "a word is overlooked: {at}");
    if let Some(act) = &written.in_act {
        for client in &act.clients {
            let is_own = !act.is_agents && issuer.is_hand(client);
            assert!(
                is_own || has_client(client),
                "{client} in act is overlooked: {at}"
            );
        }
        assert!(!act.is_unknown, "a word in act is overlooked: {at}");
        assert!(!act.is_hidden, "a party in act is overlooked: {at}");
    }
    for party in &written.parties {
        assert!(has(party), "{party} is lost: {at}");
    }
}

#[actix_web::test]
async fn every_client_of_a_token_of_any_preset_is_read() {
    let seed = seed(0x9e5) | 1;
    let mut dice = Dice(seed);
    let mint = Mint::new();
    let mut census = Census::default();
    for turn in 0..TURNS {
        let issuer = &mint.issuers[dice.below(mint.issuers.len())];
        let written = write(&mut dice, &mint, issuer);
        let chain = mint.chain(&written.credential).await;
        let kinds = written
            .said
            .kinds
            .iter()
            .chain(written.in_act.iter().flat_map(|said| &said.kinds));
        for kind in kinds {
            census.note(*kind);
        }
        for kind in written.in_act.iter().flat_map(|said| &said.kinds) {
            census.note(format!("{kind}, in act"));
        }
        if let Some(chain) = chain {
            hold(
                issuer,
                &written,
                &chain,
                &format!("seed {seed}, turn {turn}"),
            );
            census.note(issuer.preset);
            for kind in &written.said.kinds {
                census.note(format!("{kind}, named"));
            }
        }
    }
    census.check(KINDS, seed);
}

/// What has to come, and what has to come through.
const KINDS: [(&str, usize); 28] = [
    ("a party by another name", 20),
    ("a party elsewhere", 10),
    ("a party in another claim", 10),
    ("a party by another name, in act", 5),
    ("standard", 20),
    ("oidc-provider", 5),
    ("keycloak", 5),
    ("entra", 5),
    ("entra-v1", 5),
    ("auth0", 5),
    ("okta", 5),
    ("cognito", 5),
    ("google", 5),
    ("github-actions", 5),
    ("kubernetes", 5),
    ("aws", 5),
    ("shared-secret", 5),
    ("a client by another name", 200),
    ("a client by another name, in act", 50),
    ("a client again, named", 10),
    ("a client that is an agent, named", 10),
    ("a client that is an agent, in act", 20),
    ("a word that nobody knows", 50),
    ("a word that nobody knows, in act", 20),
    ("no claim of the subject", 30),
    ("a subject that is an agent, named", 10),
    ("an ID token, named", 30),
    ("an audience more, named", 3),
];
