//! Whom tokens name: of issuers of any settings, by parties spelled in any way. Either the chain is
//! the truth, with every party by its one id, or the token is refused.

use super::census::Census;
use super::issuers::{Accounts, Asking, Issuer, Party};
use super::pairs::{Answers, endpoint};
use super::spelled::{self, MISSPELT, ROGUE, Spelled};
use super::{Dice, NOW};
use crate::actors::chain;
use crate::world::{AUDIENCE, World, access, publish, question};
use behest::evidence::ActorForm;
use serde_json::{Value, json};
use support::seed::seed;
use support::tokens::{Key, with};
use support::web::Web;

/// How many issuers there are, and how many tokens and requests are made of them.
const ISSUERS: usize = 48;
const TURNS: usize = 1_500;

/// What whoever is not suspended may do.
const SCHEMA: &str = "action work appliesTo { principal: [user, agent, service], resource: doc };";
const WORK: &str = "@id(\"work\") permit (principal, action == Action::\"work\", resource);\n";

/// What has to come, and how often; and what has to come through.
const KINDS: [(&str, usize); 37] = [
    ("a party by another name", 10),
    ("a party in another claim", 3),
    ("a party deep in another claim", 3),
    ("a party elsewhere", 3),
    ("a party by another name, in act", 3),
    ("a party elsewhere, in act", 1),
    ("two clients in act, one with text around it", 2),
    ("a person without the name", 5),
    ("an actor by a name that somebody chose", 5),
    ("a person beside a client of the person's name", 1),
    ("a person beside a client", 10),
    ("a person beside her own hand, named", 1),
    ("a claim in act spelled otherwise", 10),
    ("an actor of its issuer's type, named", 20),
    ("an actor of another type", 10),
    ("an account by its number", 5),
    ("text around a client, named", 10),
    ("a client twice in act, which agrees, named", 10),
    ("two clients in act", 20),
    ("a client in act that is no text", 4),
    ("a person named like an account", 10),
    ("a session in sid, named", 10),
    ("a session in session_state, named", 10),
    ("a token of two clients", 10),
    ("a client spelled otherwise", 5),
    ("a second client spelled otherwise", 5),
    ("a person named like the client, named", 2),
    ("a client's own with text around it, named", 10),
    ("a client's own in another case", 1),
    ("a client's own that is another's", 4),
    ("an account by its name, named", 5),
    ("marks of both", 2),
    ("an actor named like the client, named", 1),
    ("somebody twice", 5),
    ("another issuer's actor, named", 20),
    ("another issuer's subject", 4),
    ("act spelled otherwise", 5),
];

/// Where parties are named, how issuers write it, and what the answers about tokens lack.
const PLACES: [(&str, usize); 14] = [
    ("Rfc8693, named", 50),
    ("Inverted, named", 20),
    ("List, named", 10),
    ("None, named", 10),
    ("act where the form has none", 10),
    ("a request, named", 50),
    ("Sub accounts, named", 50),
    ("Keycloak accounts, named", 10),
    ("Chosen accounts, named", 2),
    ("Given accounts, named", 2),
    ("a whole answer, named", 10),
    ("a blind answer, named", 3),
    ("an answer that lacks something", 20),
    ("a token that lacks something, named", 3),
];

/// What a token or a request says, and what is so.
struct Written {
    claims: Value,
    chain: Vec<String>,
    is_flawed: bool,
    kinds: Vec<String>,
}

impl Written {
    fn take(&mut self, spelled: &Spelled) {
        self.is_flawed |= spelled.is_flawed;
        self.kinds
            .extend(spelled.kinds.iter().map(|kind| (*kind).to_owned()));
    }

    fn flaw(&mut self, kind: &str) {
        self.kinds.push(kind.to_owned());
        self.is_flawed = true;
    }
}

struct Mint {
    world: World,
    issuers: Vec<Issuer>,
    key: Key,
    answers: Answers,
    _webs: [Web; 2],
}

impl Mint {
    fn new(dice: &mut Dice) -> Self {
        let key = Key::new("k1");
        let answers = Answers::default();
        let webs = [publish(&key), endpoint(&answers)];
        let issuers: Vec<Issuer> = (0..ISSUERS).map(|at| Issuer::any(dice, at)).collect();
        let profiles = issuers
            .iter()
            .map(|issuer| issuer.profile(&webs[0], &webs[1]))
            .collect();
        let forbid = |issuer: &Issuer| {
            let id = format!("{}|{ROGUE}", issuer.name);
            let kind = issuer.client_type;
            format!(
                "@id(\"{id}\") forbid (principal == {kind}::\"{id}\", action == Action::\"work\", resource);\n"
            )
        };
        let suspended: String = issuers.iter().map(forbid).collect();
        let policies = format!("{WORK}{suspended}");
        Self {
            world: World::with_policies(profiles, SCHEMA, &policies),
            issuers,
            key,
            answers,
            _webs: webs,
        }
    }

    /// A party, as this issuer writes it into `act`; of another one now and then.
    /// A request names no issuer's own.
    fn actor(
        &self,
        dice: &mut Dice,
        own: Option<&Issuer>,
        like: Option<&'static str>,
    ) -> (Spelled, String) {
        let any = &self.issuers[dice.below(ISSUERS)];
        let of = own.filter(|_| dice.chance(70)).unwrap_or(any);
        let namesake = like.and_then(|like| spelled::namesake(dice, like));
        let is_like = of.by_name || matches!(of.accounts, Accounts::Keycloak | Accounts::Chosen);
        let party = match namesake {
            Some(party) if is_like && dice.chance(45) => party,
            _ if dice.chance(30) => Party::Person(spelled::person(dice)),
            _ => Party::Client(spelled::client(dice, of)),
        };
        let is_others = own.is_none_or(|own| own.name != of.name);
        let usual = if is_others {
            of.client_type
        } else {
            of.actor_type
        };
        let mut spelled = spelled::actor(dice, of, party, usual);
        if is_others {
            spelled.kinds.push("another issuer's actor");
        } else if party == Party::Person(like.unwrap_or_default()) {
            spelled.kinds.push("an actor named like the client");
        }
        if is_others || dice.chance(30) {
            spelled.claims["iss"] = json!(of.url());
        }
        (spelled, of.id(party))
    }

    /// A token where `sub` is whose authority is used.
    fn straight(&self, dice: &mut Dice, issuer: &Issuer) -> Written {
        let (own, party, held_by) = if dice.chance(60) {
            let name = spelled::person(dice);
            let (own, held_by) = spelled::users_own(dice, issuer, name);
            (own, Party::Person(name), held_by)
        } else {
            let id = spelled::client(dice, issuer);
            let own = spelled::clients_own(dice, issuer, id);
            (own, Party::Client(id), Some(id))
        };
        let mut written = Written {
            claims: own.claims.clone(),
            chain: vec![issuer.id(party)],
            is_flawed: false,
            kinds: Vec::new(),
        };
        written.take(&own);
        let mut acts = Vec::new();
        for _ in 0..[0, 0, 1, 1, 1, 2][dice.below(6)] {
            let (spelled, id) = self.actor(dice, Some(issuer), held_by);
            written.take(&spelled);
            written.chain.push(id);
            acts.insert(0, spelled.claims);
        }
        if let Some(client) = held_by {
            let id = issuer.id(Party::Client(client));
            if !issuer.is_hand(client) && !written.chain.contains(&id) {
                written.chain.push(id);
            }
        }
        if !acts.is_empty() {
            if issuer.form == ActorForm::None {
                written.flaw("act where the form has none");
            }
            put_act(dice, &mut written, spelled::nested(issuer.form, acts));
        }
        written
    }

    /// A token where `sub` is who acts.
    fn inverted(&self, dice: &mut Dice, issuer: &Issuer) -> Written {
        let id = spelled::client(dice, issuer);
        let own = spelled::clients_own(dice, issuer, id);
        let mut written = Written {
            claims: own.claims.clone(),
            chain: vec![issuer.id(Party::Client(id))],
            is_flawed: false,
            kinds: Vec::new(),
        };
        written.take(&own);
        if dice.chance(20) {
            return written;
        }
        let mut acts = Vec::new();
        for _ in 0..dice.below(2) {
            let (spelled, id) = self.actor(dice, Some(issuer), Some(id));
            written.take(&spelled);
            written.chain.insert(0, id);
            acts.push(spelled.claims);
        }
        let party = Party::Person(spelled::person(dice));
        let of = &self.issuers[dice.below(ISSUERS)];
        let of = if dice.chance(85) { issuer } else { of };
        let mut subject = spelled::actor(dice, of, party, "user");
        if of.name != issuer.name {
            subject.claims["iss"] = json!(of.url());
            written.flaw("another issuer's subject");
        }
        written.take(&subject);
        written.chain.insert(0, of.id(party));
        acts.push(subject.claims);
        put_act(dice, &mut written, spelled::nested(issuer.form, acts));
        written
    }

    /// A token of an issuer.
    fn written(&self, dice: &mut Dice, issuer: &Issuer) -> Written {
        let mut written = match issuer.form {
            ActorForm::Inverted | ActorForm::List => self.inverted(dice, issuer),
            ActorForm::Rfc8693 | ActorForm::None => self.straight(dice, issuer),
        };
        twice(&mut written);
        if dice.chance(8) {
            let place = match &mut written.claims["act"] {
                Value::Array(acts) => acts.first_mut(),
                act => Some(act).filter(|act| act.is_object()),
            };
            let kind = match place {
                Some(act) if dice.chance(40) => format!("{}, in act", spelled::hide(dice, act)),
                _ => spelled::hide(dice, &mut written.claims).to_owned(),
            };
            written.flaw(&kind);
        }
        if written.claims["act"].is_null() {
            written.claims = with(&written.claims, &json!({"act": null}));
        }
        written.kinds.extend([
            format!("{:?}", issuer.form),
            format!("{:?} accounts", issuer.accounts),
        ]);
        written
    }

    /// The token, of which its issuer's answer says as much, or less.
    fn sign(&self, dice: &mut Dice, issuer: &Issuer, written: &mut Written) -> String {
        let times = json!({
            "iss": issuer.url(), "aud": AUDIENCE, "iat": NOW - 10, "exp": NOW + 300, "jti": dice.0.to_string(),
        });
        let mut claims = with(&times, &written.claims);
        let mut answer = with(&claims, &json!({"active": true}));
        match issuer.asking {
            Asking::Never => return self.key.access_token(&claims),
            Asking::Whole => written.kinds.push("a whole answer".to_owned()),
            Asking::Blind => written.kinds.push("a blind answer".to_owned()),
        }
        let names: Vec<String> = written
            .claims
            .as_object()
            .unwrap()
            .keys()
            .filter(|name| *name != "iss")
            .cloned()
            .collect();
        let odd = names.iter().find(|name| MISSPELT.contains(&name.as_str()));
        let name = match odd {
            Some(odd) if dice.chance(70) => odd.as_str(),
            _ if dice.chance(40) => dice.one(&["sub", "azp"]),
            _ => names[dice.below(names.len())].as_str(),
        };
        let lacks = json!({ name: null });
        if issuer.asking == Asking::Blind {
            answer = with(&answer, &json!({"act": null}));
        }
        match dice.below(5) {
            0 | 1 => {
                answer = with(&answer, &lacks);
                written
                    .kinds
                    .push("an answer that lacks something".to_owned());
            }
            // Where answers do not say who acts, the token has to.
            2 if issuer.asking == Asking::Whole => {
                claims = with(&claims, &lacks);
                written
                    .kinds
                    .push("a token that lacks something".to_owned());
            }
            _ => {}
        }
        let token = self.key.access_token(&claims);
        self.answers.lock().unwrap().insert(token.clone(), answer);
        token
    }

    /// A request that says for whom somebody acts.
    fn requested(&self, dice: &mut Dice) -> (Value, Written) {
        let mut written = Written {
            claims: json!({}),
            chain: vec!["user:u".to_owned()],
            is_flawed: false,
            kinds: vec!["a request".to_owned()],
        };
        let mut acts = Vec::new();
        for _ in 0..=dice.below(2) {
            let (spelled, id) = self.actor(dice, None, None);
            written.take(&spelled);
            written.chain.push(id);
            acts.insert(0, spelled.claims);
        }
        twice(&mut written);
        let act = spelled::nested(ActorForm::Rfc8693, acts);
        let mut body = question("look", &[]);
        body["subject"] = json!({"type": "user", "id": "u", "properties": {"act": act}});
        body["context"] = json!({});
        (body, written)
    }

    /// The parties for which the request was decided, or why none.
    async fn decided(&self, body: &Value) -> String {
        let name = |leg: &Value| {
            let principal = &leg["principal"];
            format!(
                "{}:{}",
                principal["type"].as_str().unwrap(),
                principal["id"].as_str().unwrap()
            )
        };
        match self.world.explain(body).await["legs"].as_array() {
            Some(legs) if !legs.is_empty() => legs.iter().map(name).collect::<Vec<_>>().join(" > "),
            _ => self.world.ask(body).await,
        }
    }
}

/// Puts `act` among the claims, where it belongs or under a name that is spelled like it.
fn put_act(dice: &mut Dice, written: &mut Written, act: Value) {
    if dice.chance(4) {
        written.claims[dice.one(&["Act", "ACT"])] = act;
        written.flaw("act spelled otherwise");
    } else {
        written.claims["act"] = act;
    }
}

/// Nobody may be named twice.
fn twice(written: &mut Written) {
    let chain = written.chain.clone();
    let is_twice = |(at, id): (usize, &String)| chain[at + 1..].contains(id);
    if chain.iter().enumerate().any(is_twice) {
        written.flaw("somebody twice");
    }
}

/// Holds what was found to what is so: the whole chain, or a refusal; and nobody who is suspended
/// works, however they are named.
async fn hold(world: &World, body: &Value, found: &str, written: &Written, at: &str) -> bool {
    // A refusal is a code and what it means.
    let is_named = !found.contains(": ");
    let at = format!("{at}: {} {:?}", written.claims, written.kinds);
    if is_named {
        assert_eq!(found, written.chain.join(" > "), "{at}");
        assert!(
            !written.is_flawed,
            "what says two things is taken for one: {found}: {at}"
        );
    }
    let mut work = body.clone();
    work["action"]["name"] = json!("work");
    let works = world.ask(&work).await == "permit";
    let is_suspended = written
        .chain
        .iter()
        .any(|id| id.ends_with(&format!("|{ROGUE}")));
    assert!(
        !(works && is_suspended),
        "who is suspended works: {found}: {at}"
    );
    assert_eq!(works, is_named && !is_suspended, "{found}: {at}");
    is_named
}

#[actix_web::test]
async fn a_token_names_whom_it_is_about_or_is_refused() {
    let seed = seed(0x0a9e) | 1;
    let mut dice = Dice(seed);
    let mint = Mint::new(&mut dice);
    let mut census = Census::default();
    for turn in 0..TURNS {
        let at = format!("seed {seed}, turn {turn}");
        let (found, written, body) = if dice.chance(20) {
            let (body, mut written) = mint.requested(&mut dice);
            written.claims = body["subject"]["properties"]["act"].clone();
            (mint.decided(&body).await, written, body)
        } else {
            let issuer = &mint.issuers[dice.below(ISSUERS)];
            let mut written = mint.written(&mut dice, issuer);
            let token = mint.sign(&mut dice, issuer, &mut written);
            let body = question("look", &[access(&token)]);
            let found = chain(&mint.world, &token).await;
            (found, written, body)
        };
        let is_named = hold(&mint.world, &body, &found, &written, &at).await;
        for kind in &written.kinds {
            census.note(kind.as_str());
            if is_named {
                census.note(format!("{kind}, named"));
            }
        }
    }
    census.check(KINDS.into_iter().chain(PLACES), seed);
}
