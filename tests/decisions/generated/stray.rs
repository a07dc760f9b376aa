//! Requests with one member that may stand in the wrong place or be written in the wrong way, and
//! what has to come of each.

use crate::generated::names::miswritten;
use crate::generated::places::{
    CARRIERS, CONTAINERS, Fate, Kind, OPTIONS_SLIP, SLIPS, Site, Step, Stray, sites,
};
use crate::generated::right::Right;
use crate::generated::world::{Uid, World};
use serde_json::{Value as Json, json};
use support::dice::Dice;
use support::lab::word;
use support::spellings::Spelling;

/// How the member came there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// It is the only one that names an actor.
    Alone,
    /// The request names its actors rightly, too.
    Beside,
    /// It was the right one, and stands elsewhere now.
    Moved,
}

/// What a member says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Saying {
    Text,
    Entity,
    Sub,
    List,
    Delegator,
    Credentials,
    Number,
    Flag,
    EmptyText,
    EmptyObject,
    EmptyList,
    Null,
    /// What the right one said.
    Right,
}

pub(super) const SAYINGS: [Saying; 12] = [
    Saying::Text,
    Saying::Entity,
    Saying::Sub,
    Saying::List,
    Saying::Delegator,
    Saying::Credentials,
    Saying::Number,
    Saying::Flag,
    Saying::EmptyText,
    Saying::EmptyObject,
    Saying::EmptyList,
    Saying::Null,
];

const PARTIES: [Uid; 6] = [
    ("agent", "evil"),
    ("agent", "evil"),
    ("agent", "helper"),
    ("user", "mallory"),
    ("user", "bob"),
    ("service", "batch"),
];

/// A request, its stray member, and what is right about it.
pub(super) struct Case {
    pub(super) right: Right,
    pub(super) stray: Stray,
    pub(super) body: Json,
    pub(super) way: Way,
    pub(super) saying: Saying,
    /// How the name is written.
    pub(super) writing: &'static str,
    party: Uid,
    /// Whether the chain was denied before its carrier was moved.
    was_denied: bool,
}

/// What has to come of a request.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Due {
    /// It is decided as this chain.
    Chain(Vec<Uid>),
    /// It is denied with one of these codes, or malformed.
    Refused(&'static [&'static str]),
}

impl Case {
    /// A request, with a member that does not stand there yet.
    pub(super) fn new(dice: &mut Dice) -> Self {
        loop {
            let way = *dice.one(&[Way::Alone, Way::Beside, Way::Beside, Way::Moved]);
            let right = match way {
                Way::Alone => Right::new(dice, 1, 1),
                // Most spellings are of two.
                Way::Beside | Way::Moved if dice.chance(50) => Right::new(dice, 2, 2),
                Way::Beside | Way::Moved => Right::new(dice, 2, 4),
            };
            if let Some(case) = Self::of(dice, way, right) {
                return case;
            }
        }
    }

    /// A request with a member somewhere; none where it does not fit.
    pub(super) fn of(dice: &mut Dice, way: Way, mut right: Right) -> Option<Self> {
        let mut body = right.body.clone();
        let moved = if way == Way::Moved {
            Some(take(&mut body, right.spelling)?)
        } else {
            None
        };
        let was_denied = !right.permits(&right.chain);
        if moved.is_some() {
            right.chain = vec![right.subject()?];
        }
        let is_home = moved.is_none() && dice.chance(15);
        let site = one_site(dice, &body, is_home);
        let party = *dice.one(&PARTIES);
        let (saying, steps) = match (&moved, is_home) {
            (Some(_), _) => (Saying::Right, steps(dice, site.kind)),
            (None, true) => (*dice.one(&SAYINGS), Vec::new()),
            (None, false) => (*dice.one(&SAYINGS), steps(dice, site.kind)),
        };
        let (name, mut value) = match moved {
            Some(moved) => moved,
            None => (name(dice, site.kind, is_home), say(saying, party)),
        };
        let is_own = steps.is_empty() && site.kind.own().contains(&name);
        // Who an actor is may be said twice, and differently.
        let is_told = is_own && site.kind == Kind::Actor && ["type", "id"].contains(&name);
        if is_told && value.is_string() {
            value = json!("somebody else");
        }
        if name == "sub_profile" && !value.is_null() {
            let kinds = ["ai_agent", "service", "user", "robot"].map(Json::from);
            value = dice.one(&kinds).clone();
        }
        let is_exact = is_home || ((is_told || !is_own) && dice.chance(55));
        let (written, writing) = if is_exact {
            (name.to_owned(), "as it is")
        } else {
            miswritten(name, dice)
        };
        let stray = Stray {
            site,
            steps,
            written,
            name,
            value,
        };
        let is_free = stray.put(&mut body);
        let is_back = way == Way::Moved && stray.is_at_home();
        (is_free && !is_back).then_some(Self {
            right,
            stray,
            body,
            way,
            saying,
            writing,
            party,
            was_denied,
        })
    }

    /// Whether a carrier was moved of which a denial hangs: without it the rest is permitted.
    pub(super) fn hangs(&self) -> bool {
        self.way == Way::Moved && self.was_denied && self.right.permits(&self.right.chain)
    }

    /// What has to come of it where one question is asked.
    pub(super) fn due(&self, world: World) -> Due {
        self.due_of(self.stray.fate(world))
    }

    /// What has to come of it as an item of a batch.
    pub(super) fn due_in_item(&self, world: World) -> Due {
        self.due_of(self.stray.fate_in_item(world))
    }

    /// Why it denies as an attribute that a schema declares and a policy reads; `searched` is what is
    /// searched for, and not read then.
    pub(super) fn denies_as_attribute(
        &self,
        world: World,
        searched: Option<&str>,
    ) -> Option<&'static str> {
        let stray = &self.stray;
        let is_read =
            stray.name == "client_id" && stray.written == stray.name && stray.steps.is_empty();
        let is_searched = stray.site.kind == Kind::Properties && searched == Some("subject");
        if !is_read || is_searched || stray.value.is_null() || !stray.is_attribute(world) {
            return None;
        }
        match stray.value.as_str() {
            Some("evil") => Some("forbidden"),
            Some(_) => None,
            None => Some("bad_value"),
        }
    }

    fn due_of(&self, fate: Fate) -> Due {
        match fate {
            Fate::Data => Due::Chain(self.right.chain.clone()),
            Fate::Refused => Due::Refused(&["chain_invalid"]),
            Fate::Read => self.read(),
        }
    }

    /// What a carrier in its place makes of the chain.
    fn read(&self) -> Due {
        let invalid = Due::Refused(&["chain_invalid"]);
        let party = self.party;
        let by_text = |kind: &'static str| match self.saying {
            Saying::Text => Some((kind, party.1)),
            Saying::Entity if self.stray.name != "client_id" => Some(party),
            _ => None,
        };
        let named = match self.stray.name {
            "credentials" => return Due::Refused(&["chain_invalid", "credential_invalid"]),
            "user" => None,
            "agent" if self.stray.site.kind == Kind::Subject => None,
            "act" => (self.saying == Saying::Sub).then_some(party),
            "on_behalf_of" => by_text("user"),
            "delegation" => (self.saying == Saying::Delegator).then_some(party),
            "delegation_chain" => (self.saying == Saying::List).then_some(party),
            _ => by_text("agent"),
        };
        let Some(named) = named else {
            return invalid;
        };
        let right = &self.right.chain;
        if self.stray.site.kind == Kind::Actor {
            let mut chain = right.clone();
            chain.insert(1, named);
            return if right.contains(&named) {
                invalid
            } else {
                Due::Chain(chain)
            };
        }
        let Some(subject) = self.right.subject() else {
            return match self.stray.name {
                "delegation_chain" => invalid,
                _ => self.agreed(named),
            };
        };
        let said = match self.stray.name {
            "act" => vec![subject, named],
            "delegation_chain" if named == subject => vec![subject],
            "on_behalf_of" | "delegation" | "delegation_chain" => vec![named, subject],
            _ => return self.agreed(named),
        };
        // An agent in the context is the last one, whoever else is named.
        let is_last =
            !matches!(self.right.spelling, Spelling::ContextAgent) || said.last() == right.last();
        if (right.len() > 1 && said != *right) || !is_last {
            return Due::Refused(&["chain_conflict"]);
        }
        if said.len() > 1 && named == subject {
            invalid
        } else {
            Due::Chain(said)
        }
    }

    /// A name in the context agrees with the last actor, and makes one of a chain without any.
    fn agreed(&self, named: Uid) -> Due {
        let right = &self.right.chain;
        if right.last() == Some(&named) {
            return Due::Chain(right.clone());
        }
        match right.as_slice() {
            [subject] => Due::Chain(vec![*subject, named]),
            _ => Due::Refused(&["chain_conflict"]),
        }
    }

    /// What an item with everything of its own comes to beside these defaults: none where that is
    /// not said.
    pub(super) fn beside_default(&self, world: World) -> Option<bool> {
        let kind = self.stray.site.kind;
        let has_agent =
            self.body["context"]["agent"].is_object() || self.body["context"]["agent"].is_string();
        let is_subjects = self.stray.site.pointer.starts_with("/subject");
        if has_agent {
            return Some(false);
        }
        if kind == Kind::Closed && is_subjects {
            return None;
        }
        match self.stray.fate(world) {
            Fate::Data => Some(true),
            // Whether a subject is whole, and whom it names, hurts only those who inherit it.
            Fate::Read if is_subjects && kind == Kind::Subject => None,
            Fate::Read if is_subjects => match self.read() {
                Due::Refused(codes) if self.is_formed() && codes == ["chain_invalid"] => None,
                Due::Refused(codes) => Some(codes == ["chain_conflict"]),
                Due::Chain(_) => Some(true),
            },
            Fate::Refused | Fate::Read => Some(false),
        }
    }

    /// Whether a carrier that is read is of its form.
    fn is_formed(&self) -> bool {
        matches!(
            self.saying,
            Saying::Text | Saying::Entity | Saying::Sub | Saying::List | Saying::Delegator
        )
    }
}

impl Stray {
    /// Whether it stands where a request spells its chain.
    fn is_at_home(&self) -> bool {
        let is_exact = self.steps.is_empty() && self.written == self.name;
        let is_home = match self.site.kind {
            Kind::Properties => ["act", "on_behalf_of", "delegation"].contains(&self.name),
            Kind::Subject => self.name == "delegation_chain",
            Kind::Context => self.name == "agent",
            _ => false,
        };
        is_exact && is_home
    }
}

/// Takes the carrier out of a request that has one which stands alone.
fn take(body: &mut Json, spelling: Spelling) -> Option<(&'static str, Json)> {
    let (pointer, name) = match spelling {
        Spelling::List | Spelling::WholeList => ("/subject", "delegation_chain"),
        Spelling::Act => ("/subject/properties", "act"),
        Spelling::OnBehalfOf => ("/subject/properties", "on_behalf_of"),
        Spelling::Delegation | Spelling::DelegationBeside => ("/subject/properties", "delegation"),
        Spelling::ContextAgent => ("/context", "agent"),
        Spelling::SideBySide => return None,
    };
    let value = body.pointer_mut(pointer)?.as_object_mut()?.remove(name)?;
    Some((name, value))
}

/// Each kind of object is as likely as another, but for those of carriers, which are rarer and come
/// more often where there are any. `is_home` asks for one in which a carrier is read.
fn one_site(dice: &mut Dice, body: &Json, is_home: bool) -> Site {
    let mut all = sites(body);
    if is_home {
        let reads = |site: &Site| CARRIERS.iter().any(|name| site.kind.reads(name));
        all.retain(reads);
    } else if dice.chance(50) && all.iter().any(|site| site.kind.is_carriers()) {
        all.retain(|site| site.kind.is_carriers());
    }
    let mut kinds: Vec<Kind> = Vec::new();
    for site in &all {
        if !kinds.contains(&site.kind) {
            kinds.push(site.kind);
        }
    }
    let kind = *dice.one(&kinds);
    all.retain(|site| site.kind == kind);
    dice.one(&all).clone()
}

/// Objects between the site and the member, most often none.
fn steps(dice: &mut Dice, kind: Kind) -> Vec<Step> {
    let mut steps = Vec::new();
    while steps.len() < 3 && dice.chance(30) {
        let name = word(dice, &CONTAINERS);
        let is_own = steps.is_empty() && kind.own().contains(&name);
        let written = if is_own || dice.chance(15) {
            miswritten(name, dice).0
        } else {
            name.to_owned()
        };
        let lists = if dice.chance(25) {
            1 + dice.below(2)
        } else {
            0
        };
        steps.push(Step {
            written,
            name,
            lists,
        });
    }
    steps
}

/// A name that is a carrier's, the client's, an issuer's, one that is read here, or nobody's.
fn name(dice: &mut Dice, kind: Kind, is_home: bool) -> &'static str {
    if is_home {
        let mut read = CARRIERS.to_vec();
        read.push("client_id");
        read.retain(|name| kind.reads(name) || (kind == Kind::Context && *name == "client_id"));
        return word(dice, &read);
    }
    match dice.below(13) {
        0 | 1 => "client_id",
        2 => word(dice, &["iss", "issuer"]),
        8 | 9 if kind == Kind::Properties => "client_id",
        3 | 7 if kind == Kind::Body => word(dice, &[SLIPS.as_slice(), &[OPTIONS_SLIP]].concat()),
        3 => word(dice, &["note", "actors", "sub_profile", "sub_profile"]),
        4 | 5 if kind == Kind::Actor => word(dice, &["type", "id"]),
        4..7 if !kind.own().is_empty() => word(dice, kind.own()),
        _ => word(dice, &CARRIERS),
    }
}

fn say(saying: Saying, (kind, id): Uid) -> Json {
    let entity = json!({"type": kind, "id": id});
    let profile = if kind == "agent" { "ai_agent" } else { kind };
    match saying {
        Saying::Text => json!(id),
        Saying::Entity => entity,
        Saying::Sub => json!({"sub": id, "sub_profile": profile}),
        Saying::List => json!([entity]),
        Saying::Delegator => json!({"delegator_type": kind, "delegator_id": id}),
        Saying::Credentials => json!([{"type": "access_token", "value": id}]),
        Saying::Number => json!(7),
        Saying::Flag => json!(true),
        Saying::EmptyText => json!(""),
        Saying::EmptyObject => json!({}),
        Saying::EmptyList => json!([]),
        Saying::Null | Saying::Right => Json::Null,
    }
}
