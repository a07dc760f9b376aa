//! Requests as they should be: a chain in one of its spellings, and what is asked about which
//! document.

use crate::generated::world::{Uid, is_unwelcome};
use serde_json::{Value as Json, json};
use support::dice::Dice;
use support::spellings::{Member, SPELLINGS, Spelling, spell};

/// A request that is well-formed, and what it says.
#[derive(Clone, Debug)]
pub(super) struct Right {
    pub(super) chain: Vec<Uid>,
    pub(super) spelling: Spelling,
    pub(super) body: Json,
    /// Values that deny, each in its place.
    pub(super) told: Told,
}

/// What a request says beside its chain, each of which denies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    pub(super) of_resource: bool,
    pub(super) of_action: bool,
    pub(super) of_context: bool,
}

const USERS: [Uid; 3] = [("user", "alice"), ("user", "bob"), ("user", "mallory")];

const ACTORS: [Uid; 5] = [
    ("agent", "copilot"),
    ("agent", "helper"),
    ("agent", "evil"),
    ("service", "batch"),
    ("user", "bob"),
];

/// A chain of up to `most` members, each of which occurs once.
pub(super) fn chain(dice: &mut Dice, most: usize) -> Vec<Uid> {
    let first = if dice.chance(85) {
        USERS[if dice.chance(10) { 2 } else { dice.below(2) }]
    } else {
        *dice.one(&ACTORS)
    };
    let mut chain = vec![first];
    for _ in 0..dice.below(most) {
        let next = *dice.one(&ACTORS);
        if !chain.contains(&next) {
            chain.push(next);
        }
    }
    chain
}

/// A spelling that a chain has.
pub(super) fn spelling(dice: &mut Dice, members: &[Member]) -> Spelling {
    loop {
        let spelling = *dice.one(&SPELLINGS);
        if spell(spelling, members).is_some() {
            return spelling;
        }
    }
}

/// A body that asks for a chain, in a spelling that it has.
pub(super) fn body(members: &[Member], spelling: Spelling, dice: &mut Dice) -> (Json, Told) {
    let (subject, agent) = spell(spelling, members).expect("the chain has that spelling");
    let doc = if dice.chance(25) { "private" } else { "open" };
    let action = if dice.chance(70) { "read" } else { "write" };
    let mut body = json!({
        "subject": subject, "action": {"name": action}, "resource": {"type": "doc", "id": doc},
        "context": {}, "options": {"reason": true, "explain": true},
    });
    if !agent.is_null() {
        body["context"]["agent"] = agent;
    }
    let mut told = Told::default();
    match dice.below(25) {
        0 => {
            body["resource"]["properties"] = json!({"status": "archived"});
            told.of_resource = true;
        }
        1 => {
            body["action"]["properties"] = json!({"drastic": true});
            told.of_action = true;
        }
        2 => {
            body["context"]["purpose"] = json!("theft");
            told.of_context = true;
        }
        3 => {
            body["context"]["arguments"] = json!({"amount": 101});
            told.of_context = true;
        }
        _ => {}
    }
    (body, told)
}

impl Right {
    /// A chain of up to `most` members of which nothing is said, and at least `least`.
    pub(super) fn new(dice: &mut Dice, least: usize, most: usize) -> Self {
        let chain = loop {
            let chain = chain(dice, most);
            if chain.len() >= least {
                break chain;
            }
        };
        let members: Vec<Member> = chain
            .iter()
            .map(|(kind, id)| (*kind, (*id).to_owned(), json!({})))
            .collect();
        let spelling = spelling(dice, &members);
        let (body, told) = body(&members, spelling, dice);
        Self {
            chain,
            spelling,
            body,
            told,
        }
    }

    /// The entity that `subject` names; none in the form of two parts.
    pub(super) fn subject(&self) -> Option<Uid> {
        match self.spelling {
            Spelling::SideBySide => None,
            Spelling::Act | Spelling::ContextAgent => self.chain.first().copied(),
            _ => self.chain.last().copied(),
        }
    }

    /// Whether a chain may do what is asked.
    pub(super) fn permits(&self, chain: &[Uid]) -> bool {
        let doc = self.body["resource"]["id"].as_str().expect("an id");
        chain.iter().all(|uid| !is_unwelcome(*uid, doc))
    }
}

impl Told {
    pub(super) fn is_silent(self) -> bool {
        !self.of_resource && !self.of_action && !self.of_context
    }

    /// What is left where one part is searched for, and what is said of that is not read.
    pub(super) fn without(self, searched: Option<&str>) -> Self {
        Self {
            of_resource: self.of_resource && searched != Some("resource"),
            of_action: self.of_action && searched != Some("action"),
            ..self
        }
    }
}
