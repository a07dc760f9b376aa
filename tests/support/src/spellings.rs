//! All spellings of a chain, and all ways to write an actor where it would be overlooked.

use serde_json::{Value as Json, json};

/// A member of a chain: its type, its id, and its properties in the request.
pub type Member = (&'static str, String, Json);

/// A spelling of a chain.
#[derive(Clone, Copy, Debug)]
pub enum Spelling {
    /// `delegation_chain` without the subject.
    List,
    /// `delegation_chain` that ends with the subject.
    WholeList,
    /// Nested `act`.
    Act,
    /// `on_behalf_of`.
    OnBehalfOf,
    /// `delegation`.
    Delegation,
    /// `delegation`, with the delegator's properties beside its name.
    DelegationBeside,
    /// `context.agent`.
    ContextAgent,
    /// `{"user": …, "agent": …}`.
    SideBySide,
}

pub const SPELLINGS: [Spelling; 8] = {
    use Spelling::{
        Act, ContextAgent, Delegation, DelegationBeside, List, OnBehalfOf, SideBySide, WholeList,
    };
    [
        List,
        WholeList,
        Act,
        OnBehalfOf,
        Delegation,
        DelegationBeside,
        ContextAgent,
        SideBySide,
    ]
};

fn entity((kind, id, properties): &Member) -> Json {
    json!({"type": kind, "id": id, "properties": properties})
}

/// Returns the subject and the `context.agent` that spell a chain, or `None` if the chain has no
/// such spelling.
pub fn spell(spelling: Spelling, chain: &[Member]) -> Option<(Json, Json)> {
    let (last, before) = chain.split_last()?;
    let mut subject = entity(last);
    if before.is_empty() {
        let agent = json!({"type": last.0, "id": last.1});
        return match spelling {
            Spelling::List => Some((subject, Json::Null)),
            Spelling::ContextAgent => Some((subject, agent)),
            _ => None,
        };
    }
    let pair = if let [first, _] = chain {
        Some(first)
    } else {
        None
    };
    let agent = match spelling {
        Spelling::List | Spelling::WholeList => {
            let mut list: Vec<Json> = before.iter().map(entity).collect();
            if matches!(spelling, Spelling::WholeList) {
                list.push(json!({"type": last.0, "id": last.1}));
            }
            subject["delegation_chain"] = Json::Array(list);
            Json::Null
        }
        Spelling::Act => {
            subject = entity(chain.first()?);
            subject["properties"]["act"] = acts(chain.get(1..)?)?;
            Json::Null
        }
        Spelling::OnBehalfOf => {
            subject["properties"]["on_behalf_of"] = entity(pair?);
            Json::Null
        }
        Spelling::Delegation => {
            let (kind, id, properties) = pair?;
            subject["properties"]["delegation"] =
                json!({"delegator_type": kind, "delegator_id": id, "properties": properties});
            Json::Null
        }
        Spelling::DelegationBeside => {
            let (kind, id, properties) = pair?;
            let mut delegation = properties.clone();
            delegation["delegator_type"] = json!(kind);
            delegation["delegator_id"] = json!(id);
            subject["properties"]["delegation"] = delegation;
            Json::Null
        }
        Spelling::ContextAgent => {
            subject = entity(pair?);
            entity(last)
        }
        Spelling::SideBySide => {
            subject = json!({"user": entity(pair?), "agent": entity(last)});
            Json::Null
        }
    };
    Some((subject, agent))
}

/// Returns a nested `act` with the caller outermost, or `None` if a type has no `sub_profile`.
fn acts(actors: &[Member]) -> Option<Json> {
    let mut act = Json::Null;
    for (kind, id, properties) in actors {
        let profile = match *kind {
            "agent" => "ai_agent",
            "service" => "service",
            "user" => "user",
            _ => return None,
        };
        act = json!({"sub": id, "sub_profile": profile, "properties": properties, "act": act});
    }
    Some(act)
}

/// Members that name an actor where it would be overlooked: the path, and the names. Lower-case
/// names with underscores are carriers in the wrong place; the others are spelled like members that
/// are read there.
pub const STRAYS: [(&str, &[&str]); 26] = [
    (
        "",
        &[
            "agent",
            "act",
            "on_behalf_of",
            "delegation",
            "delegation_chain",
            "user",
            "credentials",
            "Agent",
            "onBehalfOf",
            "delegationChain",
            "Subject",
            "Action",
            "RESOURCE",
            "Context",
        ],
    ),
    (
        "/subject",
        &[
            "act",
            "on_behalf_of",
            "delegation",
            "credentials",
            "delegationChain",
            "Delegation_Chain",
            "User",
            "Agent",
            "ACT",
            "Properties",
            "Type",
            "ID",
            "delegation.chain",
            "act\u{200b}",
            "act\u{345}",
            "DELEGAT\u{130}ON_CHA\u{130}N",
            "sub_profile",
            "subProfile",
            "PROPERT\u{130}ES",
        ],
    ),
    (
        "/subject/properties",
        &[
            "delegation_chain",
            "agent",
            "user",
            "credentials",
            "Act",
            "onBehalfOf",
            "on-behalf-of",
            "on.behalf.of",
            "Delegation",
            "a\u{ad}ct",
            "\u{ff41}\u{ff43}\u{ff54}",
            "delegat\u{131}on",
            "\u{1d41a}ct",
            "subProfile",
            "SUB_PROFILE",
        ],
    ),
    (
        "/context",
        &[
            "act",
            "on_behalf_of",
            "delegation_chain",
            "Agent",
            "Credentials",
            "Act",
            "Delegation",
            "delegationChain",
            "Arguments",
            "agent\t",
            "\u{feff}agent",
            "agent.",
            "CREDENT\u{130}ALS",
            "credential\u{17f}",
            "a\u{301}gent",
        ],
    ),
    (
        "/resource",
        &[
            "act",
            "on_behalf_of",
            "delegation",
            "delegation_chain",
            "user",
            "agent",
            "credentials",
            "Properties",
            "Type",
        ],
    ),
    (
        "/action",
        &[
            "act",
            "on_behalf_of",
            "delegation",
            "delegation_chain",
            "user",
            "agent",
            "credentials",
            "Properties",
            "Name",
        ],
    ),
    // These objects are not read in these places, and are created for the test.
    ("/properties", &["act", "on_behalf_of"]),
    ("/subject/context", &["agent", "act", "credentials"]),
    ("/subject/subject", &["act", "delegation_chain", "agent"]),
    ("/resource/context", &["agent"]),
    ("/action/context", &["agent"]),
    ("/resource/subject/properties", &["act"]),
    ("/context/context", &["agent", "credentials"]),
    ("/context/properties", &["agent", "act"]),
    ("/context/subject", &["delegation_chain", "agent"]),
    ("/context/subject/properties", &["act", "on_behalf_of"]),
    ("/page", &["agent", "act", "credentials"]),
    ("/page/context", &["agent"]),
    (
        "/subject/properties/properties",
        &["act", "on_behalf_of", "agent", "Act"],
    ),
    (
        "/subject/properties/context",
        &["agent", "act", "credentials"],
    ),
    (
        "/subject/properties/subject",
        &["act", "delegation_chain", "agent"],
    ),
    ("/subject/properties/subject/properties", &["act"]),
    ("/subject/properties/Context", &["agent"]),
    (
        "/context/delegation",
        &[
            "delegator_id",
            "delegator_type",
            "delegatorId",
            "delegator",
            "act",
            "agent",
            "on_behalf_of",
            "delegation_chain",
            "from",
            "subject",
            "Depth",
        ],
    ),
    (
        "/context/token",
        &[
            "act",
            "agent",
            "on_behalf_of",
            "delegationChain",
            "credentials",
        ],
    ),
    ("/context/Token/subject/properties", &["act"]),
];

/// Returns `true` if a name is a carrier's exact name: a null in the wrong place counts as absent.
pub fn is_carriers_own(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Puts a member into the object at a path, and creates the object if it does not exist.
pub fn put(body: &mut Json, place: &str, name: &str, value: &Json) {
    let mut at = body;
    for step in place.split('/').skip(1) {
        if at[step].is_null() {
            at[step] = json!({});
        }
        at = &mut at[step];
    }
    at[name] = value.clone();
}
