//! Requests that say something of each member of their chain: in `properties`, beside the name, in
//! both places, or in two mentions; and what policies that forbid by it have to see.

use crate::generated::doors::Expected;
use crate::generated::places::carriers;
use crate::generated::right;
use crate::generated::right::Told;
use crate::generated::world::{Uid, is_unwelcome};
use serde_json::{Map, Value as Json, json};
use support::dice::Dice;
use support::spellings::{Member, Spelling};

/// Where what is said of a member that is spelled out stands.
pub(super) const WHERE: [&str; 4] = [
    "inside properties",
    "beside the name",
    "in both places",
    "in both, and differing",
];

/// What a second mention of a member says.
pub(super) const AGAIN: [&str; 5] = [
    "a second mention: the same",
    "a second mention: nothing",
    "a second mention: a null more",
    "a second mention: something else",
    "one mention",
];

/// What is said of one entity by one mention.
#[derive(Clone, Debug)]
struct Mention {
    uid: Uid,
    said: Json,
    /// Whether it is the subject's own, which a search for subjects does not read.
    is_subject: bool,
}

/// A request with values, and what it says.
pub(super) struct Valued {
    pub(super) body: Json,
    chain: Vec<Uid>,
    mentions: Vec<Mention>,
    told: Told,
    /// Whether one mention says two things.
    is_torn: bool,
    pub(super) spelling: Spelling,
    /// The kinds of what it holds.
    pub(super) kinds: Vec<String>,
}

type Saying = fn() -> Json;

/// What is said of an entity, by what it is.
const SAID: [(&str, Saying); 14] = [
    ("nothing", || json!({})),
    ("a risk that denies", || json!({"risk": "high"})),
    ("a risk that does not", || json!({"risk": "low"})),
    ("a risk that is no text", || json!({"risk": ["high"]})),
    ("a level that denies", || json!({"level": 2})),
    (
        "a level that does not",
        || json!({"level": 4, "risk": "low"}),
    ),
    ("a level that is no number", || json!({"level": "four"})),
    ("a boss that denies", || json!({"boss": "mallory"})),
    (
        "a boss that denies, in full",
        || json!({"boss": {"type": "user", "id": "mallory"}}),
    ),
    (
        "a boss that does not",
        || json!({"boss": {"type": "user", "id": "alice", "risk": null}}),
    ),
    (
        "more of a boss",
        || json!({"boss": {"type": "user", "id": "alice", "risk": "high"}}),
    ),
    ("what nobody declares", || json!({"shoe_size": 46})),
    ("a null", || json!({"risk": null})),
    (
        "much",
        || json!({"risk": "low", "level": 2, "shoe_size": null}),
    ),
];

/// All kinds that such requests have to come in.
pub(super) fn kinds() -> Vec<String> {
    let said = SAID.iter().map(|(name, _)| (*name).to_owned());
    said.chain(WHERE.map(str::to_owned))
        .chain(AGAIN.map(str::to_owned))
        .collect()
}

impl Valued {
    pub(super) fn new(dice: &mut Dice) -> Self {
        let chain = right::chain(dice, 4);
        let mut kinds = Vec::new();
        let members: Vec<Member> = chain
            .iter()
            .map(|(kind, id)| {
                let (name, said) = if dice.chance(40) {
                    SAID[0]
                } else {
                    *dice.one(&SAID)
                };
                kinds.push(name.to_owned());
                (*kind, (*id).to_owned(), said())
            })
            .collect();
        let spelling = right::spelling(dice, &members);
        let (body, told) = right::body(&members, spelling, dice);
        let subject = match spelling {
            Spelling::SideBySide => None,
            Spelling::Act | Spelling::ContextAgent => Some(0),
            _ => Some(chain.len() - 1),
        };
        let mentions = chain
            .iter()
            .zip(&members)
            .enumerate()
            .map(|(at, (uid, member))| Mention {
                uid: *uid,
                said: member.2.clone(),
                is_subject: subject == Some(at),
            });
        let mut valued = Self {
            mentions: mentions.collect(),
            body,
            chain,
            told,
            is_torn: false,
            spelling,
            kinds,
        };
        valued.spread(dice);
        valued.mention_again(dice);
        valued
    }

    /// Puts what is said of members beside their names, or into both places.
    fn spread(&mut self, dice: &mut Dice) {
        for pointer in carriers(&self.body) {
            let member = self
                .body
                .pointer_mut(&pointer)
                .and_then(Json::as_object_mut);
            let member = member.expect("a member is an object");
            let said = match member.get("properties") {
                Some(Json::Object(said)) => said.clone(),
                _ => Map::new(),
            };
            // Other members of `act` are a token's.
            let is_actor = pointer.ends_with("/act");
            let told = said.iter().find(|(_, value)| !value.is_null());
            let place = dice.below(if is_actor || told.is_none() {
                1
            } else {
                WHERE.len()
            });
            match place {
                1 | 2 => member.extend(said.clone()),
                3 => {
                    if let Some((name, _)) = told {
                        member.insert(name.clone(), json!("another"));
                        self.is_torn = true;
                    }
                }
                _ => {}
            }
            if place == 1 {
                member.remove("properties");
            }
            if !said.is_empty() {
                self.kinds.push(WHERE[place].to_owned());
            }
        }
    }

    /// Names the last member once more, where the spelling has room for it.
    fn mention_again(&mut self, dice: &mut Dice) {
        let (uid, said) = {
            let last = self.mentions.last().expect("a chain has a member");
            (last.uid, last.said.clone())
        };
        let how = dice.below(AGAIN.len());
        let again = match how {
            0 => said,
            1 => json!({}),
            2 => {
                let mut said = said;
                said["team"] = Json::Null;
                said
            }
            3 => json!({"risk": dice.one(&["high", "low"]), "level": dice.one(&[2, 4])}),
            _ => return self.kinds.push(AGAIN[4].to_owned()),
        };
        let mut mention = json!({"type": uid.0, "id": uid.1});
        if dice.chance(50) {
            mention["properties"] = again.clone();
        } else {
            let beside = again.as_object().expect("an object").clone();
            mention.as_object_mut().expect("an object").extend(beside);
        }
        match self.spelling {
            Spelling::ContextAgent => return,
            Spelling::WholeList if self.chain.len() > 1 => {
                let list = self.body["subject"]["delegation_chain"].as_array_mut();
                let list = list.expect("a list");
                list.pop();
                list.push(mention);
            }
            _ => self.body["context"]["agent"] = mention,
        }
        self.kinds.push(AGAIN[how].to_owned());
        self.mentions.push(Mention {
            uid,
            said: again,
            is_subject: false,
        });
    }

    /// What has to come of it. `searched` is what is searched for, and not read then.
    pub(super) fn expected(&self, searched: Option<&str>) -> Expected {
        let mentions: Vec<&Mention> = self
            .mentions
            .iter()
            .filter(|mention| !(mention.is_subject && searched == Some("subject")))
            .collect();
        let mut codes = Vec::new();
        if self.is_torn {
            codes.push("attribute_conflict");
        }
        let mut legs = Vec::new();
        for uid in &self.chain {
            let said: Vec<Json> = mentions
                .iter()
                .filter(|mention| mention.uid == *uid)
                .map(|mention| without_nulls(&mention.said))
                .filter(|said| *said != json!({}))
                .collect();
            if said.iter().any(|one| *one != said[0]) {
                codes.push("attribute_conflict");
            }
            let said = said.first().cloned().unwrap_or_else(|| json!({}));
            legs.push(self.denials(*uid, &said, searched));
        }
        if !codes.is_empty() {
            return Expected::refused(codes);
        }
        let codes = legs.into_iter().find(|denials| !denials.is_empty());
        Expected::decided(self.chain.clone(), codes.unwrap_or_default())
    }

    /// Why a leg is denied.
    fn denials(&self, uid: Uid, said: &Json, searched: Option<&str>) -> Vec<&'static str> {
        let mut codes = Vec::new();
        let has_boss = uid.0 != "service" && !said["boss"].is_null();
        let boss = match &said["boss"] {
            Json::Object(boss) if boss.len() == 2 => &said["boss"]["id"],
            boss => boss,
        };
        let level = &said["level"];
        let is_misfit = !(said["risk"].is_null() || said["risk"].is_string())
            || !(level.is_null() || level.is_i64())
            || (has_boss && !boss.is_string());
        if is_misfit {
            codes.push("bad_value");
        }
        let doc = self.body["resource"]["id"].as_str().expect("an id");
        let told = self.told.without(searched);
        let is_forbidden = is_unwelcome(uid, doc)
            || said["risk"] == "high"
            || level.as_i64().is_some_and(|level| level < 3)
            || (has_boss && boss == "mallory")
            || !told.is_silent();
        if is_forbidden {
            codes.push("forbidden");
        }
        codes
    }
}

/// A null was not sent, however deep it lies.
fn without_nulls(value: &Json) -> Json {
    match value {
        Json::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), without_nulls(value)))
            .collect(),
        other => other.clone(),
    }
}
