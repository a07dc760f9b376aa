//! The objects of a request, and what becomes of a member there: told from `docs/asking.md`, and
//! not from the service's own tables.

use crate::generated::world::World;
use behest::model::alike;
use serde_json::{Value as Json, json};

/// What an object of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Body,
    Item,
    Options,
    Subject,
    Properties,
    Action,
    Resource,
    Context,
    /// A member that is spelled out in a carrier.
    Member,
    /// `delegation`.
    Delegator,
    /// `act`.
    Actor,
    MemberProperties,
    /// Where nothing may stand at all.
    Closed,
    /// Somebody's data, whatever it is called.
    Data,
}

pub(super) const KINDS: [Kind; 13] = [
    Kind::Body,
    Kind::Options,
    Kind::Subject,
    Kind::Properties,
    Kind::Action,
    Kind::Resource,
    Kind::Context,
    Kind::Member,
    Kind::Delegator,
    Kind::Actor,
    Kind::MemberProperties,
    Kind::Closed,
    Kind::Data,
];

/// The carriers that are ones everywhere, but for `user` in a context.
pub(super) const CARRIERS: [&str; 7] = [
    "act",
    "on_behalf_of",
    "delegation",
    "delegation_chain",
    "user",
    "agent",
    "credentials",
];

/// The objects of a request by their names: each may stand in a wrong place, with something in it.
pub(super) const CONTAINERS: [&str; 9] = [
    "subject",
    "action",
    "resource",
    "context",
    "properties",
    "options",
    "page",
    "evaluations",
    "token",
];

/// Names that are one slip off those of a question.
pub(super) const SLIPS: [&str; 4] = ["contxt", "subjetc", "resourse", "acton"];

/// One that is a slip off `options`, which an item has none of.
pub(super) const OPTIONS_SLIP: &str = "optons";

/// Whether it is said of an entity what it is, in an object that nobody reads.
fn is_of_entity(kind: Kind) -> bool {
    matches!(kind, Kind::Subject | Kind::Properties)
}

impl Kind {
    /// The members that are read here and are no carriers.
    pub(super) fn own(self) -> &'static [&'static str] {
        match self {
            Self::Body => &["subject", "action", "resource", "context", "options"],
            Self::Item => &["subject", "action", "resource", "context"],
            Self::Options => &[
                "reason",
                "explain",
                "unknown",
                "at_least",
                "evaluations_semantic",
            ],
            Self::Subject | Self::Resource | Self::Member => &["type", "id", "properties"],
            Self::Action => &["name", "properties"],
            Self::Context => &["arguments"],
            Self::Delegator => &["delegator_type", "delegator_id", "properties"],
            Self::Actor => &["sub", "sub_profile", "properties", "type", "id"],
            Self::Properties | Self::MemberProperties | Self::Closed | Self::Data => &[],
        }
    }

    /// What an object of this name is here, where nobody reads it; none where it is data.
    fn within(self, name: &str) -> Option<Self> {
        let is_attributes = matches!(self, Self::Properties | Self::MemberProperties);
        let kind = match name {
            "subject" => Self::Subject,
            "context" => Self::Context,
            "properties" | "token" if self == Self::Context => Self::Context,
            "properties" if matches!(self, Self::Action | Self::Resource) => return None,
            "properties" => Self::Properties,
            _ if is_attributes || self == Self::Context => return None,
            "action" | "resource" => Self::Resource,
            "options" | "page" => Self::Options,
            "evaluations" => Self::Item,
            _ => return None,
        };
        Some(kind)
    }

    /// Whether it is a carrier, or a member of one.
    pub(super) fn is_carriers(self) -> bool {
        matches!(
            self,
            Self::Member | Self::Delegator | Self::Actor | Self::MemberProperties
        )
    }

    fn is_attributes(self) -> bool {
        matches!(self, Self::Properties | Self::MemberProperties)
    }

    /// Whether a carrier of this name is read here.
    pub(super) fn reads(self, carrier: &str) -> bool {
        matches!(
            (self, carrier),
            (Self::Properties, "act" | "on_behalf_of" | "delegation")
                | (Self::Actor, "act")
                | (Self::Subject, "delegation_chain" | "user" | "agent")
                | (Self::Context, "agent" | "credentials")
        )
    }
}

/// An object that a request has, or may have, at a place.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) pointer: String,
    pub(super) kind: Kind,
    /// The type of the entity that it is said of.
    pub(super) of: String,
}

/// All objects of a request, those of its carriers among them.
pub(super) fn sites(body: &Json) -> Vec<Site> {
    let text = |pointer: &str| {
        let value = body.pointer(pointer).and_then(Json::as_str);
        value.unwrap_or_default().to_owned()
    };
    let is_credential = text("/subject/type") == "credential";
    let is_bare = body["subject"]["type"].is_null();
    let closed_or = |is_closed: bool, kind| if is_closed { Kind::Closed } else { kind };
    let mut found = Vec::new();
    let mut add = |pointer: &str, kind: Kind, of: String| {
        let pointer = pointer.to_owned();
        found.push(Site { pointer, kind, of });
    };
    let subject = text("/subject/type");
    add("", Kind::Body, String::new());
    add("/options", Kind::Options, String::new());
    add(
        "/subject",
        closed_or(is_credential, Kind::Subject),
        subject.clone(),
    );
    let properties = closed_or(is_credential || is_bare, Kind::Properties);
    add("/subject/properties", properties, subject);
    add("/action", Kind::Action, String::new());
    add("/action/properties", Kind::Data, String::new());
    add("/resource", Kind::Resource, String::new());
    add("/resource/properties", Kind::Data, String::new());
    add("/context", Kind::Context, String::new());
    add("/context/arguments", Kind::Data, String::new());
    add("/context/delegation", Kind::Closed, String::new());
    for pointer in carriers(body) {
        let kind = match pointer.as_str() {
            pointer if pointer.ends_with("/act") => Kind::Actor,
            pointer if pointer.ends_with("/delegation") => Kind::Delegator,
            _ => Kind::Member,
        };
        let of = match kind {
            Kind::Actor => match text(&format!("{pointer}/sub_profile")).as_str() {
                "ai_agent" => "agent".to_owned(),
                profile => profile.to_owned(),
            },
            Kind::Delegator => text(&format!("{pointer}/delegator_type")),
            _ => text(&format!("{pointer}/type")),
        };
        add(&pointer, kind, of.clone());
        add(&format!("{pointer}/properties"), Kind::MemberProperties, of);
    }
    found
}

/// The places of the members that the carriers of a request spell out.
pub(super) fn carriers(body: &Json) -> Vec<String> {
    let mut found: Vec<String> = [
        "/subject/user",
        "/subject/agent",
        "/context/agent",
        "/subject/properties/on_behalf_of",
        "/subject/properties/delegation",
    ]
    .map(str::to_owned)
    .into();
    let list = body["subject"]["delegation_chain"].as_array();
    found.extend((0..list.map_or(0, Vec::len)).map(|at| format!("/subject/delegation_chain/{at}")));
    let mut act = "/subject/properties/act".to_owned();
    while body.pointer(&act).is_some_and(Json::is_object) {
        found.push(act.clone());
        act.push_str("/act");
    }
    let is_there = |pointer: &String| body.pointer(pointer).is_some_and(Json::is_object);
    found.into_iter().filter(is_there).collect()
}

/// An object on the way from a site to a member, which nobody reads there.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The name that it has, and the one that it is called after.
    pub(super) written: String,
    pub(super) name: &'static str,
    /// How many lists are around it.
    pub(super) lists: usize,
}

/// A member that is put where it may not belong.
#[derive(Clone, Debug)]
pub(super) struct Stray {
    pub(super) site: Site,
    pub(super) steps: Vec<Step>,
    pub(super) written: String,
    pub(super) name: &'static str,
    pub(super) value: Json,
}

/// What becomes of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is a carrier in its place, or what another reader has to judge.
    Read,
    /// Nobody would read it, and the request says so.
    Refused,
    /// It counts as little as if it were not there.
    Data,
}

impl Stray {
    /// Puts it into a request; `false` where something stands there already.
    pub(super) fn put(&self, body: &mut Json) -> bool {
        let mut value = json!({ &self.written: self.value });
        for step in self.steps.iter().rev() {
            for _ in 0..step.lists {
                value = json!([7, value]);
            }
            value = json!({ &step.written: value });
        }
        let mut at = body;
        for part in self.site.pointer.split('/').skip(1) {
            at = match at {
                Json::Array(items) => &mut items[part.parse::<usize>().expect("a place")],
                object => {
                    if object[part].is_null() {
                        object[part] = json!({});
                    }
                    &mut object[part]
                }
            };
        }
        let Json::Object(members) = value else {
            return false;
        };
        members.into_iter().all(|(name, value)| {
            let is_free = at[&name].is_null();
            at[name] = value;
            is_free
        })
    }

    /// What becomes of it in a request of its own.
    pub(super) fn fate(&self, world: World) -> Fate {
        self.fate_in(world, self.site.kind, &self.steps)
    }

    /// What becomes of it in an item of a batch, which has no options.
    pub(super) fn fate_in_item(&self, world: World) -> Fate {
        let options = Step {
            written: "options".to_owned(),
            name: "options",
            lists: 0,
        };
        match self.site.kind {
            Kind::Body => self.fate_in(world, Kind::Item, &self.steps),
            Kind::Options => {
                let steps: Vec<Step> = [options].into_iter().chain(self.steps.clone()).collect();
                self.fate_in(world, Kind::Item, &steps)
            }
            kind => self.fate_in(world, kind, &self.steps),
        }
    }

    /// Whether it stands among the properties of somebody whose schema declares its name.
    pub(super) fn is_attribute(&self, world: World) -> bool {
        self.site.kind.is_attributes() && world.declares(&self.site.of, self.name)
    }

    fn fate_in(&self, world: World, kind: Kind, steps: &[Step]) -> Fate {
        if kind == Kind::Closed && !(steps.is_empty() && self.value.is_null()) {
            return Fate::Refused;
        }
        if kind == Kind::Data {
            return Fate::Data;
        }
        let mut at = kind;
        let mut is_real = true;
        for step in steps {
            let is_exact = step.written == step.name;
            let is_slip = !alike(&step.written, step.name);
            if is_real && !is_exact && at.own().contains(&step.name) {
                return Fate::Refused;
            }
            let is_declared = at.is_attributes() && world.declares(&self.site.of, step.name);
            if is_real && (is_exact || is_slip) && is_declared {
                return Fate::Data;
            }
            let Some(within) = at.within(step.name) else {
                return Fate::Data;
            };
            at = within;
            is_real = false;
        }
        if self.value.is_null() {
            return Fate::Data;
        }
        let is_below_actor = kind == Kind::Actor;
        if is_real {
            self.fate_at(world, at)
        } else {
            self.fate_below(world, at, is_below_actor)
        }
    }

    /// In an object that is read.
    fn fate_at(&self, world: World, kind: Kind) -> Fate {
        let is_exact = self.written == self.name;
        let is_declared = (is_exact || self.is_slip())
            && kind.is_attributes()
            && world.declares(&self.site.of, self.name);
        let is_spelt = |is_read: bool| if is_read { Fate::Read } else { Fate::Refused };
        match self.name {
            _ if is_declared => Fate::Data,
            "client_id" if !world.reads_client() || kind == Kind::Actor => Fate::Data,
            "client_id" => is_spelt(kind == Kind::Context && is_exact),
            "iss" | "issuer" => match kind {
                Kind::Actor | Kind::Member | Kind::Delegator => Fate::Refused,
                _ => Fate::Data,
            },
            name if CARRIERS.contains(&name) => {
                if kind.reads(name) {
                    is_spelt(is_exact)
                } else {
                    self.carrier_in(kind)
                }
            }
            name if kind.own().contains(&name) => Fate::Refused,
            "sub_profile" => match kind {
                Kind::Subject => Fate::Refused,
                Kind::Properties | Kind::MemberProperties | Kind::Member | Kind::Delegator => {
                    if is_exact && self.says_what_it_is() {
                        Fate::Data
                    } else {
                        Fate::Refused
                    }
                }
                _ => Fate::Data,
            },
            name if SLIPS.contains(&name) && [Kind::Body, Kind::Item].contains(&kind) => {
                Fate::Refused
            }
            OPTIONS_SLIP if kind == Kind::Body => Fate::Refused,
            _ => Fate::Data,
        }
    }

    /// Whether its name is written with a slip.
    fn is_slip(&self) -> bool {
        !alike(&self.written, self.name)
    }

    /// Whether `sub_profile` says of an entity what its type says.
    fn says_what_it_is(&self) -> bool {
        let of = self.site.of.as_str();
        match self.value.as_str() {
            Some("ai_agent") => of == "agent",
            Some("service") => !["agent", "user"].contains(&of),
            Some("user") => !["agent", "service"].contains(&of),
            _ => false,
        }
    }

    /// In an object that nobody reads.
    fn fate_below(&self, world: World, kind: Kind, is_below_actor: bool) -> Fate {
        match self.name {
            // A token's claim.
            "client_id" if !world.reads_client() || is_below_actor => Fate::Data,
            "client_id" => Fate::Refused,
            name if CARRIERS.contains(&name) => self.carrier_in(kind),
            "sub_profile" if is_of_entity(kind) => Fate::Refused,
            name if self.value.get("sub_profile").is_some()
                && kind.within(name).is_some_and(is_of_entity) =>
            {
                Fate::Refused
            }
            _ => Fate::Data,
        }
    }

    /// A carrier where none of its name is read.
    fn carrier_in(&self, kind: Kind) -> Fate {
        let is_spelt = self.written == "delegation" || self.is_slip();
        let is_engines = is_spelt && self.value == json!({});
        match (kind, self.name) {
            (Kind::Context, "user") => Fate::Data,
            (Kind::Context, "delegation") if is_engines => Fate::Data,
            _ => Fate::Refused,
        }
    }
}
