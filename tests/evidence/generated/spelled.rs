//! Parties as tokens spell them: well, in words that could be another's, and with two names for
//! one.

use super::Dice;
use super::issuers::{Accounts, ActorClient, Issuer, Party};
use behest::evidence::ActorForm;
use serde_json::{Value, json};
use support::tokens::with;

/// Who signs in. Some have chosen the name of a client, or of a client's account.
const PEOPLE: [&str; 7] = [
    "alice",
    "bob",
    "copilot",
    "batch",
    "service-account-batch",
    "service-account-copilot",
    "service-account-web",
];

/// Who is suspended.
pub(super) const ROGUE: &str = "rogue";

/// Clients. Two differ in a letter's case, and one is called as the account of another is.
const CLIENTS: [&str; 6] = ["copilot", "batch", "Batch", "client-batch", "web", ROGUE];

/// A party, or a token's own part, as it is spelled.
pub(super) struct Spelled {
    pub(super) claims: Value,
    /// Whether it says two things, so that it must be refused.
    pub(super) is_flawed: bool,
    /// What is peculiar about it.
    pub(super) kinds: Vec<&'static str>,
}

impl Spelled {
    fn new(claims: Value) -> Self {
        Self {
            claims,
            is_flawed: false,
            kinds: Vec::new(),
        }
    }

    fn note(&mut self, kind: &'static str) {
        self.kinds.push(kind);
    }

    fn flaw(&mut self, kind: &'static str) {
        self.note(kind);
        self.is_flawed = true;
    }
}

pub(super) fn person(dice: &mut Dice) -> &'static str {
    if dice.chance(40) {
        return "alice";
    }
    dice.one(&PEOPLE)
}

pub(super) fn client(dice: &mut Dice, issuer: &Issuer) -> &'static str {
    // Names of accounts are in lower case: one of two has none of its own.
    let has_names = matches!(issuer.accounts, Accounts::Given);
    match dice.one(&CLIENTS) {
        "Batch" if has_names => "batch",
        other => other,
    }
}

/// Somebody who has chosen the name of this client, or of its account.
pub(super) fn namesake(dice: &mut Dice, id: &str) -> Option<Party> {
    let account = account_name(id);
    let likes: Vec<&'static str> = PEOPLE
        .into_iter()
        .filter(|name| *name == id || *name == account)
        .collect();
    (!likes.is_empty()).then(|| Party::Person(dice.one(&likes)))
}

fn is_in_another_case(one: &str, other: &str) -> bool {
    one != other && one.eq_ignore_ascii_case(other)
}

fn other_client(dice: &mut Dice, id: &str) -> &'static str {
    let others: Vec<&'static str> = CLIENTS.into_iter().filter(|other| *other != id).collect();
    dice.one(&others)
}

/// The claims that name a client: one of two, or both.
fn naming(dice: &mut Dice, id: &str) -> Value {
    match dice.below(3) {
        0 => json!({"client_id": id}),
        1 => json!({"azp": id}),
        _ => json!({"client_id": id, "azp": id}),
    }
}

/// Claims that are spelled like those that name a client.
pub(super) const MISSPELT: [&str; 5] = ["Client_Id", "clientId", "client-id", "AZP", "Azp"];

fn misspelt(dice: &mut Dice) -> &'static str {
    dice.one(&MISSPELT)
}

/// Names by which issuers say who else acts, in some place or form.
const HIDDEN: [&str; 20] = [
    "actor",
    "agent",
    "user",
    "client",
    "subject",
    "principal",
    "delegation",
    "delegate",
    "delegator",
    "impersonator",
    "obo",
    "on_behalf_of",
    "delegation_chain",
    "act_chain",
    "parent_agent",
    "application_id",
    "authorized_party",
    "client_profile",
    "sub_profile",
    "act",
];

/// Puts a party among claims that is nowhere read.
pub(super) fn hide(dice: &mut Dice, claims: &mut Value) -> &'static str {
    let name = dice.one(&HIDDEN);
    let mut spelled = match dice.below(4) {
        0 => name.to_uppercase(),
        1 => name.replace('_', "-"),
        _ => name.to_owned(),
    };
    // These are read where they stand.
    let is_read = matches!(name, "act" | "sub_profile" | "client_profile");
    match dice.below(3) {
        0 => spelled = format!("https://hidden.example/{spelled}"),
        1 => spelled.push('s'),
        _ if is_read => spelled.push('S'),
        _ => {}
    }
    let party = json!({"sub": "hidden"});
    let party = if dice.chance(50) {
        party
    } else {
        json!([party])
    };
    match dice.below(5) {
        0 => {
            claims["ext"] = json!({ spelled: party });
            "a party in another claim"
        }
        1 => {
            claims["ext"] = json!([{"in": { spelled: party }}]);
            "a party deep in another claim"
        }
        2 => {
            claims["_claim_names"] = json!({ spelled: "src" });
            "a party elsewhere"
        }
        _ => {
            claims[spelled] = party;
            "a party by another name"
        }
    }
}

/// The `sub` of a client: its id, perhaps with what the issuer has around it.
fn sub_of(dice: &mut Dice, issuer: &Issuer, id: &str, spelled: &mut Vec<&'static str>) -> String {
    let Some((before, after)) = issuer.around else {
        return id.to_owned();
    };
    // Without it, such an id is another's with it.
    let is_ambiguous = id.starts_with(before) && id.ends_with(after);
    if is_ambiguous || dice.chance(60) {
        spelled.push("text around a client");
        format!("{before}{id}{after}")
    } else {
        id.to_owned()
    }
}

fn account_name(id: &str) -> String {
    format!("service-account-{}", id.to_lowercase())
}

/// A party in `act`. `is_others` tells whether another than its issuer writes it, and `usual` is
/// the type of an actor that does not say what it is.
pub(super) fn actor(dice: &mut Dice, issuer: &Issuer, party: Party, usual: &str) -> Spelled {
    match party {
        Party::Person(name) => person_in_act(dice, issuer, name, usual),
        Party::Client(id) => client_in_act(dice, issuer, id, usual),
    }
}

fn person_in_act(dice: &mut Dice, issuer: &Issuer, name: &'static str, usual: &str) -> Spelled {
    let mut spelled = Spelled::new(json!({"sub": format!("s-{name}")}));
    let has_accounts = issuer.accounts != Accounts::Sub;
    if issuer.by_name && dice.chance(15) {
        spelled.note("a person without the name");
    } else if issuer.by_name || dice.chance(if has_accounts { 85 } else { 40 }) {
        spelled.claims["preferred_username"] = json!(name);
    }
    let says_nothing = usual == "user" && dice.chance(50);
    // Where `sub` is nobody's name but a person's, it may say that it is one, or not.
    let is_anybody = issuer.actor_client == ActorClient::Claims && dice.chance(60);
    if is_anybody && spelled.claims["preferred_username"].is_string() {
        spelled.note("an actor by a name that somebody chose");
        return spelled;
    }
    if !says_nothing {
        spelled.claims["sub_profile"] = json!("user");
    }
    if dice.chance(25) {
        let beside = if issuer.by_name && CLIENTS.contains(&name) {
            spelled.note("a person beside a client of the person's name");
            name
        } else {
            dice.one(&CLIENTS)
        };
        spelled.claims = with(&spelled.claims, &naming(dice, beside));
        if issuer.is_hand(beside) {
            spelled.note("a person beside her own hand");
        } else {
            spelled.flaw("a person beside a client");
        }
    } else if dice.chance(10) {
        spelled.claims[misspelt(dice)] = json!(dice.one(&CLIENTS));
        spelled.flaw("a claim in act spelled otherwise");
    }
    spelled
}

fn client_in_act(dice: &mut Dice, issuer: &Issuer, id: &'static str, usual: &str) -> Spelled {
    let mut spelled = Spelled::new(json!({}));
    let word = |kind: &str| {
        if kind == "agent" {
            "ai_agent"
        } else {
            "service"
        }
    };
    if usual != issuer.client_type || dice.chance(40) {
        spelled.claims["sub_profile"] = json!(word(issuer.client_type));
        spelled.note("an actor of its issuer's type");
    }
    if dice.chance(10) {
        let other = if issuer.client_type == "agent" {
            "service"
        } else {
            "agent"
        };
        spelled.claims["sub_profile"] = json!(word(other));
        spelled.flaw("an actor of another type");
    }
    if issuer.actor_client == ActorClient::Claims {
        spelled.claims["sub"] = json!(format!("acc-{id}"));
        if dice.chance(12) {
            spelled.note("an account by its number");
        } else {
            spelled.claims = with(&spelled.claims, &naming(dice, id));
        }
        let name = match issuer.accounts {
            Accounts::Keycloak | Accounts::Chosen => dice.one(&["preferred_username", "username"]),
            Accounts::Given => "name",
            Accounts::Sub => "",
        };
        if !name.is_empty() && dice.chance(40) {
            spelled.claims[name] = json!(account_name(id));
        }
    } else {
        let sub = sub_of(dice, issuer, id, &mut spelled.kinds);
        spelled.claims["sub"] = json!(sub);
        if dice.chance(40) {
            spelled.claims = with(&spelled.claims, &naming(dice, id));
            spelled.note("a client twice in act, which agrees");
        }
    }
    contradict(dice, id, &mut spelled);
    spelled
}

/// Now and then, names another client beside the one in `act`.
fn contradict(dice: &mut Dice, id: &'static str, spelled: &mut Spelled) {
    let is_around = spelled.kinds.contains(&"text around a client");
    let other = match spelled.claims["sub"].as_str() {
        // Another client may be called so, since ids are any text.
        Some(sub) if is_around && dice.chance(60) => sub.to_owned(),
        _ => other_client(dice, id).to_owned(),
    };
    match dice.below(40) {
        0..=4 => {
            let beside = dice.one(&["client_id", "azp"]);
            // What alone names the client is no second.
            let names = |claim: &str| spelled.claims[claim].is_string();
            let both = names("client_id") && names("azp");
            let by_sub = !spelled.claims["sub"]
                .as_str()
                .is_some_and(|sub| sub.starts_with("acc-"));
            if both || by_sub || !names(beside) && (names("client_id") || names("azp")) {
                spelled.claims[beside] = json!(other);
                spelled.flaw("two clients in act");
                if spelled.claims["sub"] == json!(other) {
                    spelled.note("two clients in act, one with text around it");
                }
            }
        }
        5 => {
            let nobody = [json!(7), json!([id]), json!({})];
            spelled.claims["azp"] = nobody[dice.below(3)].clone();
            spelled.flaw("a client in act that is no text");
        }
        6 | 7 => {
            spelled.claims[misspelt(dice)] = json!(other);
            spelled.flaw("a claim in act spelled otherwise");
        }
        _ => {}
    }
}

/// The part of a user's token that is about herself, and the client that it was issued to.
pub(super) fn users_own(
    dice: &mut Dice,
    issuer: &Issuer,
    name: &'static str,
) -> (Spelled, Option<&'static str>) {
    let mut spelled = Spelled::new(json!({"sub": format!("s-{name}")}));
    if issuer.by_name || dice.chance(60) {
        spelled.claims["preferred_username"] = json!(name);
        if name.starts_with("service-account-") && issuer.accounts != Accounts::Sub {
            spelled.note("a person named like an account");
        }
    }
    if issuer.accounts == Accounts::Keycloak {
        let session = dice.one(&["sid", "session_state"]);
        spelled.claims[session] = json!("session");
        spelled.note(if session == "sid" {
            "a session in sid"
        } else {
            "a session in session_state"
        });
    }
    let own = match CLIENTS.into_iter().find(|own| *own == name) {
        Some(own) if dice.chance(60) => own,
        _ => client(dice, issuer),
    };
    let other = other_client(dice, own);
    let held_by = match dice.below(20) {
        0..=2 => None,
        3 | 4 => {
            spelled.claims["client_id"] = json!(own);
            spelled.claims["azp"] = json!(other);
            spelled.flaw("a token of two clients");
            Some(own)
        }
        5 => {
            spelled.claims[misspelt(dice)] = json!(own);
            spelled.flaw("a client spelled otherwise");
            Some(own)
        }
        6 => {
            spelled.claims = with(&spelled.claims, &naming(dice, own));
            spelled.claims[misspelt(dice)] = json!(other);
            spelled.flaw("a second client spelled otherwise");
            Some(own)
        }
        _ => {
            spelled.claims = with(&spelled.claims, &naming(dice, own));
            Some(own)
        }
    };
    if issuer.by_name && held_by == Some(name) {
        spelled.note("a person named like the client");
    }
    (spelled, held_by)
}

/// The part of a client's own token that is about itself.
pub(super) fn clients_own(dice: &mut Dice, issuer: &Issuer, id: &'static str) -> Spelled {
    let mut spelled = Spelled::new(naming(dice, id));
    let account = json!(account_name(id));
    match (issuer.accounts, issuer.around) {
        (Accounts::Sub, None) => {
            spelled.claims["sub"] = json!(id);
            if issuer.by_name {
                spelled.claims["preferred_username"] = json!(id);
            }
        }
        (Accounts::Sub, Some((before, after))) => {
            spelled.claims["sub"] = json!(format!("{before}{id}{after}"));
            spelled.note("a client's own with text around it");
            if dice.chance(30) {
                let likes = CLIENTS
                    .into_iter()
                    .find(|other| is_in_another_case(other, id));
                let other = likes
                    .filter(|_| dice.chance(50))
                    .unwrap_or_else(|| other_client(dice, id));
                let is_case = is_in_another_case(other, id);
                // One whose id is the whole `sub` is a client without text around it.
                if spelled.claims["sub"] != json!(other) {
                    spelled.claims["client_id"] = json!(other);
                    spelled.claims["azp"] = json!(other);
                    spelled.flaw(if is_case {
                        "a client's own in another case"
                    } else {
                        "a client's own that is another's"
                    });
                }
            }
        }
        (Accounts::Given, _) => {
            spelled.claims["sub"] = json!(format!("acc-{id}"));
            spelled.claims["name"] = account;
        }
        (Accounts::Keycloak | Accounts::Chosen, _) => {
            spelled.claims["sub"] = json!(format!("acc-{id}"));
            let has_host = dice.chance(60);
            if has_host {
                let host = dice.one(&["clientHost", "clientAddress"]);
                spelled.claims[host] = json!("10.0.0.1");
            }
            if !has_host || dice.chance(60) {
                let name = dice.one(&["preferred_username", "username"]);
                spelled.claims[name] = account;
                spelled.note("an account by its name");
            }
            if issuer.accounts == Accounts::Keycloak && dice.chance(15) {
                spelled.claims[dice.one(&["sid", "session_state"])] = json!("session");
                spelled.flaw("marks of both");
            }
        }
    }
    spelled
}

/// Actors and the subject behind them, as the form has them in `act`: the one before first.
pub(super) fn nested(form: ActorForm, parties: Vec<Value>) -> Value {
    if form == ActorForm::List {
        return json!(parties);
    }
    let put = |inner: Value, mut outer: Value| {
        if !inner.is_null() {
            outer["act"] = inner;
        }
        outer
    };
    parties.into_iter().rev().fold(Value::Null, put)
}
