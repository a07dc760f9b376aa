//! The shape of an AuthZEN request, before its carriers are read: the members that say who acts for
//! whom.
//!
//! Only the shape is checked here (AuthZEN 1.0 sections 5, 6 and 10.1.1): a missing or ill-typed
//! required member is [`MalformedMember`] and becomes a 400. What a well-formed request *means*
//! (who acts for whom) is read by [`super::read_question`]; errors found there deny.

use super::carriers::shown_subject;
use super::carriers::table::{
    OverlookedMember, Site, is_plain, lookalike, overlooked, overlooked_client,
};
use super::likely_token;
use super::spelling::UnusualNames;
use super::{
    Chain, Credential, DroppedMember, Entity, EntityRef, Record, TOO_MANY_OTHERS, Value,
    one_slip_off, shown,
};
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;

/// A required member that is missing, or a member of the wrong kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedMember {
    /// The path of the member from the top of the body: `subject.id`; empty for the body itself.
    pub member: String,
    /// The problem.
    pub problem: String,
}

impl MalformedMember {
    /// Creates the error for a required member that is absent.
    #[must_use]
    pub fn missing(member: impl Into<String>) -> Self {
        Self {
            member: member.into(),
            problem: "is missing".to_owned(),
        }
    }

    /// Creates the error for a member whose kind is not `expected` (with its article: `a string`).
    #[must_use]
    pub fn kind(member: impl Into<String>, expected: &str, found: &Value) -> Self {
        Self {
            member: member.into(),
            problem: format!("must be {expected}, not {}", found.kind()),
        }
    }
}

impl fmt::Display for MalformedMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.member.is_empty() {
            write!(f, "the body {}", self.problem)
        } else {
            write!(f, "`{}` {}", self.member, self.problem)
        }
    }
}

impl std::error::Error for MalformedMember {}

/// The action that is requested (AuthZEN 1.0 section 5.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The name, verbatim.
    pub name: SmolStr,
    /// Its properties; policies see them as `context.action_properties`.
    pub properties: Record,
}

/// A well-formed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The whole subject object, since some carriers are beside `type` and `id`.
    pub subject: Record,
    /// The requested action.
    pub action: Action,
    /// The resource of the action.
    pub resource: Entity,
    /// The request's context.
    pub context: Record,
    /// Members that nothing reads although their names suggest a carrier. The request is denied,
    /// because whoever they name would be overlooked.
    pub flaws: Vec<Flaw>,
    /// In a batch, the default context that this item's own context replaced: a carrier in it must
    /// not be lost.
    pub replaced_context: Option<Record>,
    /// In a batch, the default subject that this item's own subject replaced. If it contains a
    /// carrier that cannot be read, the item is denied even so.
    pub replaced_subject: Option<Arc<Record>>,
}

impl Request {
    /// Reads a body's members; members that AuthZEN does not define are ignored (section 10.1.1).
    pub fn from_body(body: &Record) -> Result<Self, MalformedMember> {
        Self::read(body, body_flaws(body))
    }

    /// Reads an item of a batch, with the defaults that it inherits. An item has no options of its
    /// own.
    pub fn from_item(item: &Record) -> Result<Self, MalformedMember> {
        let mut flaws = Vec::new();
        add_flaws(&mut flaws, item, Site::Item, "", &MEMBERS);
        flaws.extend(near_flaw(item));
        add_target_flaws(&mut flaws, item);
        Self::read(item, flaws)
    }

    /// Returns the subject that the request names by type and id, to be shown and recorded, or
    /// `None` if it names none.
    #[must_use]
    pub fn shown_subject(&self) -> Option<EntityRef> {
        shown_subject(&self.subject)
    }

    /// Returns the action that the request names, to be shown and recorded.
    #[must_use]
    pub fn shown_action(&self) -> SmolStr {
        let mut name = self.action.name.clone();
        likely_token::hide_name(&mut name, |_| false);
        name
    }

    /// Returns the resource that the request names, to be shown and recorded.
    #[must_use]
    pub fn shown_resource(&self) -> EntityRef {
        likely_token::hidden(self.resource.uid.clone())
    }

    fn read(body: &Record, flaws: Vec<Flaw>) -> Result<Self, MalformedMember> {
        Ok(Self {
            subject: read_subject(body)?,
            action: read_action(body)?,
            resource: read_entity(body, "resource")?,
            context: read_optional_record(body.get("context"), "context")?,
            flaws,
            replaced_context: None,
            replaced_subject: None,
        })
    }
}

/// A member that would be overlooked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// The problem, in a sentence.
    pub message: String,
    /// Whether this is a flaw only if the bundle reads `context.client_id` as a carrier.
    pub of_client: bool,
}

/// The members of a body that make up the question.
const MEMBERS: [&str; 4] = ["subject", "action", "resource", "context"];

/// All members of a body.
const BODY: [&str; 5] = ["subject", "action", "resource", "context", "options"];

/// The members of an entity.
const ENTITY: [&str; 3] = ["type", "id", "properties"];

/// Finds the members that would be overlooked in a body, its action, its resource and its options.
/// Those of the subject and the context are found where these are read.
#[must_use]
pub fn body_flaws(body: &Record) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    add_flaws(&mut flaws, body, Site::Body, "", &BODY);
    flaws.extend(near_flaw(body));
    add_target_flaws(&mut flaws, body);
    if let Some(options) = body.get("options").and_then(Value::as_record) {
        flaws.extend(client_flaw(options, Site::Options, "options", &[]));
    }
    flaws
}

/// Finds a member of a body whose name is a misspelling of a known one. AuthZEN requires that
/// unknown names are ignored (AuthZEN 1.0 section 10.1.1), but a misspelled `context` would be lost
/// together with the agent that it names.
fn near_flaw(body: &Record) -> Option<Flaw> {
    let message = match near_member(body, &BODY, &MEMBERS) {
        Ok(None) => return None,
        Ok(Some((name, meant))) => {
            format!("`{}` is not read: did you mean `{meant}`?", shown(name))
        }
        Err(TooManyOthers) => format!("the body {TOO_MANY_OTHERS}"),
    };
    Some(Flaw {
        message,
        of_client: false,
    })
}

/// The error for a body with too many unknown names that are slow to compare: long ones, or ones
/// with letters other than ASCII's.
struct TooManyOthers;

/// Finds a member whose name is a misspelling of one of `meant`. Those of `known` are not compared;
/// a null member counts as not sent.
fn near_member<'a>(
    body: &'a Record,
    known: &[&'static str],
    meant: &[&'static str],
) -> Result<Option<(&'a SmolStr, &'static str)>, TooManyOthers> {
    let others = body
        .iter()
        .filter(|(name, value)| !value.is_null() && !known.contains(&name.as_str()));
    let mut unusual = UnusualNames::default();
    for (name, _) in others {
        if unusual.are_too_many(name) {
            return Err(TooManyOthers);
        }
        if let Some(meant) = one_slip_off(name, meant) {
            return Ok(Some((name, meant)));
        }
    }
    Ok(None)
}

/// Returns `true` if a body has no members but those of a question and `options`. Nearly all bodies
/// are like this, and then no name has to be checked for a misspelling.
#[must_use]
pub fn has_known_members(body: &Record) -> bool {
    body.iter().all(|(name, _)| BODY.contains(&name.as_str()))
}

/// Refuses a member of a body whose name is a misspelling of one of `known`; a null member counts
/// as not sent.
pub fn refuse_near(body: &Record, known: &[&'static str]) -> Result<(), MalformedMember> {
    match near_member(body, known, known) {
        Ok(None) => Ok(()),
        Ok(Some((name, meant))) => Err(MalformedMember {
            member: shown(name).into_owned(),
            problem: format!("is not read: did you mean `{meant}`?"),
        }),
        Err(TooManyOthers) => Err(MalformedMember {
            member: String::new(),
            problem: TOO_MANY_OTHERS.to_owned(),
        }),
    }
}

impl Flaw {
    fn new(found: &OverlookedMember<'_>, path: &str) -> Self {
        Self {
            message: found.message(path),
            of_client: false,
        }
    }
}

fn add_target_flaws(flaws: &mut Vec<Flaw>, body: &Record) {
    let targets: [(&str, &[&'static str]); 2] =
        [("action", &["name", "properties"]), ("resource", &ENTITY)];
    for (name, members) in targets {
        if let Some(record) = body.get(name).and_then(Value::as_record) {
            add_flaws(flaws, record, Site::Target, name, members);
        }
    }
}

fn add_flaws(
    flaws: &mut Vec<Flaw>,
    record: &Record,
    site: Site,
    path: &str,
    members: &[&'static str],
) {
    if !is_plain(record, members) {
        let found = overlooked(record, site, members, is_no_data);
        flaws.extend(found.map(|found| Flaw::new(&found, path)));
        flaws.extend(client_flaw(record, site, path, members));
    }
}

/// Nothing that stands beside the members of a request is declared.
fn is_no_data(_: &str) -> bool {
    false
}

fn client_flaw(record: &Record, site: Site, path: &str, members: &[&'static str]) -> Option<Flaw> {
    let found = overlooked_client(record, site, members, is_no_data)?;
    Some(Flaw {
        of_client: true,
        ..Flaw::new(&found, path)
    })
}

/// Finds a carrier among options, where none is read.
#[must_use]
pub fn misplaced_option(options: &Record) -> Option<String> {
    overlooked(options, Site::Options, &[], is_no_data).map(|found| found.message("options"))
}

/// Refuses a member whose name differs from one of `known` only in case or separators; a null
/// member counts as not sent. `path` names the object, empty for the body.
pub fn refuse_lookalike(
    record: &Record,
    path: &str,
    known: &[&'static str],
) -> Result<(), MalformedMember> {
    for (member, _) in record.iter().filter(|(_, value)| !value.is_null()) {
        if let Some(meant) = lookalike(member, known) {
            let dot = if path.is_empty() { "" } else { "." };
            let member = format!("{path}{dot}{}", shown(member));
            return Err(MalformedMember {
                member,
                problem: format!("is not read: write `{meant}`"),
            });
        }
    }
    Ok(())
}

/// Reads the `subject` member: an entity, or the form `{user, agent}`, which has neither type nor
/// id.
pub fn read_subject(body: &Record) -> Result<Record, MalformedMember> {
    let subject = required_record(body, "subject")?;
    let bare = subject.get("type").is_none() && subject.get("id").is_none();
    if !(bare && (subject.get("user").is_some() || subject.get("agent").is_some())) {
        required_text(subject, "subject", "type")?;
        required_text(subject, "subject", "id")?;
    }
    read_optional_record(subject.get("properties"), "subject.properties")?;
    Ok(subject.clone())
}

/// Reads the `action` member.
pub fn read_action(body: &Record) -> Result<Action, MalformedMember> {
    let action = required_record(body, "action")?;
    let name = required_text(action, "action", "name")?;
    let properties = read_optional_record(action.get("properties"), "action.properties")?;
    Ok(Action { name, properties })
}

/// Reads the member `name` as an entity: a type, an id, and optional properties.
pub fn read_entity(body: &Record, name: &str) -> Result<Entity, MalformedMember> {
    let entity = required_record(body, name)?;
    let kind = required_text(entity, name, "type")?;
    let id = required_text(entity, name, "id")?;
    let properties = match entity.get_present("properties") {
        None => Record::new(),
        properties => read_optional_record(properties, &format!("{name}.properties"))?,
    };
    Ok(Entity {
        uid: EntityRef { kind, id },
        properties,
    })
}

/// Reads the member `name` as an entity to be searched for and returns its type; the id is ignored
/// (AuthZEN 1.0 section 8.4.1).
///
/// Its properties are ignored too, but refused where an evaluation would refuse them.
pub(super) fn read_entity_type(body: &Record, name: &str) -> Result<SmolStr, MalformedMember> {
    let entity = required_record(body, name)?;
    let kind = required_text(entity, name, "type")?;
    read_optional_record(entity.get("properties"), &format!("{name}.properties"))?;
    Ok(kind)
}

/// Reads an object that may be absent or null; `path` names it in an error.
pub fn read_optional_record(value: Option<&Value>, path: &str) -> Result<Record, MalformedMember> {
    match value {
        None | Some(Value::Null) => Ok(Record::new()),
        Some(Value::Record(record)) => Ok(record.clone()),
        Some(other) => Err(MalformedMember::kind(path, "an object", other)),
    }
}

pub(super) fn required_record<'a>(
    body: &'a Record,
    name: &str,
) -> Result<&'a Record, MalformedMember> {
    match body.get(name) {
        None => Err(MalformedMember::missing(name)),
        Some(Value::Record(record)) => Ok(record),
        Some(other) => Err(MalformedMember::kind(name, "an object", other)),
    }
}

fn required_text(record: &Record, parent: &str, name: &str) -> Result<SmolStr, MalformedMember> {
    match record.get(name) {
        None => Err(MalformedMember::missing(format!("{parent}.{name}"))),
        Some(Value::Text(text)) => Ok(text.clone()),
        Some(other) => Err(MalformedMember::kind(
            format!("{parent}.{name}"),
            "a string",
            other,
        )),
    }
}

/// A request whose chain was read: the input of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Who asks, and for whom.
    pub chain: Chain,
    /// The requested action.
    pub action: Action,
    /// The resource of the action.
    pub resource: Entity,
    /// The context without carriers and without the members that belong to the engine.
    pub context: Record,
    /// The verified credentials of the request.
    pub credentials: Vec<Credential>,
    /// Members that were removed from the context because their names belong to the engine.
    pub dropped: Vec<DroppedMember>,
    /// Entities whose type was an alias, each with the type that the request named.
    pub(crate) asked: Vec<(EntityRef, SmolStr)>,
}

impl Question {
    /// Hides likely tokens in the question, which would otherwise be shown and recorded: in the id
    /// or type of an entity whose type is not declared (`is_declared`), and in the name of an
    /// action that is not declared (`is_action`). Nothing is ever permitted for these, so no
    /// decision changes. A token that stands for the id of a member of the chain is hidden under a
    /// declared type as well. Returns `true` if there is one: the caller denies the question, for
    /// another id could be permitted.
    #[must_use]
    pub(crate) fn hide_tokens(
        &mut self,
        is_declared: impl Fn(&SmolStr) -> bool,
        is_action: impl Fn(&SmolStr, &EntityRef) -> bool,
    ) -> bool {
        // An action is looked up by its resource, so this comes before the resource is hidden.
        let resource = &self.resource.uid;
        likely_token::hide_name(&mut self.action.name, |name| is_action(name, resource));
        likely_token::hide(&mut self.resource.uid, &is_declared);
        let mut is_refused = false;
        for member in self.chain.members_mut() {
            is_refused |= likely_token::hide_declared(&mut member.uid, &is_declared);
            likely_token::hide(&mut member.uid, &is_declared);
        }
        is_refused
    }

    /// Iterates over the members of the chain that no credential proves: the caller asserts them.
    pub fn asserted(&self) -> impl Iterator<Item = &EntityRef> {
        let is_proven = |leg: usize| {
            self.credentials
                .iter()
                .any(|credential| credential.legs.contains(&leg))
        };
        let members = self.chain.members().enumerate();
        members
            .filter(move |(leg, _)| !is_proven(*leg))
            .map(|(_, member)| &member.uid)
    }

    /// Returns an entity with the type that the request named, if that was an alias of its type.
    #[must_use]
    pub fn as_asked(&self, uid: &EntityRef) -> EntityRef {
        match self.asked.iter().find(|(resolved, _)| resolved == uid) {
            Some((_, kind)) => EntityRef {
                kind: kind.clone(),
                id: uid.id.clone(),
            },
            None => uid.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MAX_OTHERS;

    #[test]
    fn no_more_unusual_names_than_a_client_sends_are_compared() {
        let of = |count: usize, name: &str| -> Record {
            let names = (0..count).map(|at| format!("{name}{at}"));
            names.map(|name| (name.into(), Value::from(1))).collect()
        };
        for (body, is_refused) in [
            (of(MAX_OTHERS, "\u{e9}"), false),
            (of(MAX_OTHERS + 1, "\u{e9}"), true),
            (of(MAX_OTHERS + 1, &"x".repeat(70)), true),
            (of(10_000, "x"), false),
        ] {
            let found = refuse_near(&body, &["options"]);
            assert_eq!(found.is_err(), is_refused);
            assert_eq!(!body_flaws(&body).is_empty(), is_refused);
        }
    }
}
