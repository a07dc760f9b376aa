//! Carriers: every live way to say "this agent, acting for this user", read into one chain.
//!
//! **Problem.** No standard has settled how a request names two parties. Seven spellings are in
//! use, and a service that reads some of them and ignores the others decides about the wrong party:
//! a carrier that is overlooked makes an agent's request look like its user's own.
//! **Decision.** Every spelling in the table of `docs/asking.md` is read here, in one place, before
//! anything is decided. A carrier that is present must be of its form; several carriers must agree;
//! a carrier that is consumed is removed from the properties and the context, so that no policy
//! sees a second truth. The properties that a carrier gives to a member (`properties`) belong to
//! that member. The names and right places are in one table, [`table`]: a name that is spelled like
//! a carrier, or is one level off, is refused.
//! **Trade-off.** A request with a stray `subject.properties.delegation` of some other meaning is
//! denied and told why.
//!
//! INVARIANT: a carrier that is present and not null either becomes part of the chain or denies,
//! and nothing that it says of a member is lost.

mod agree;
mod credentials;
mod near_name;
mod reader;
pub(super) mod table;

use super::{
    Action, Chain, ChainError, Code, CredentialError, DroppedMember, Entity, EntityRef, Evidence,
    Flaw, MAX_ACTORS, NameFlaw, Question, Record, Request, Value, alike, check_name, shown,
};
use agree::{agree, say_the_same};
pub(super) use credentials::shown_subject;
use near_name::is_declared_for;
pub use near_name::{NearName, NearOwner};
use reader::CarrierReader;
use smol_str::SmolStr;
use table::{CLIENT_ID, Carrier, Site, is_plain, overlooked, overlooked_client};

/// Names of members of a request's context that belong to the engine: facts, and values that
/// conditions on tuples read. They are ignored in requests.
const ENGINE_MEMBERS: [&str; 7] = [
    "delegation",
    "now",
    "token",
    "action_properties",
    "current_time",
    "action",
    "resource",
];

/// Members of the context that are read but are not carriers.
const CONTEXT_MEMBERS: [&str; 1] = ["arguments"];

/// The settings of a bundle about carriers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierSettings {
    /// Type aliases: pairs of an undeclared type and the declared type that it stands for.
    pub aliases: Vec<(SmolStr, SmolStr)>,
    /// The type of the actor that `context.client_id` names; `None` if that member is not a
    /// carrier.
    pub client_id: Option<SmolStr>,
    /// The types that count as agents.
    pub agent_types: Vec<SmolStr>,
    /// Maximum number of actors in one chain, at most [`MAX_ACTORS`].
    pub max_actors: usize,
    /// Entity types with an attribute that has one of [`Self::shared_names`]: for them, the name is
    /// data.
    pub attributes: Vec<(SmolStr, &'static str)>,
    /// The declared names that are one slip away from a name that is read. They are data where they
    /// are declared.
    pub near: Vec<NearName>,
}

impl CarrierSettings {
    /// Returns the names of carriers, and of objects that contain them, that a schema may also give
    /// to attributes. A name that the schema does not declare is a misplaced carrier.
    pub fn shared_names() -> impl Iterator<Item = &'static str> {
        let carriers = Carrier::ALL.iter().copied();
        carriers
            .filter(|carrier| carrier.may_be_attribute())
            .map(Carrier::name)
            .chain(["subject", "context", "properties"])
    }

    /// Returns the members of a request's context whose texts can be ids of the chain's members.
    pub fn naming_context_members() -> impl Iterator<Item = &'static str> {
        Carrier::naming_in_context().map(Carrier::name)
    }

    /// Returns `true` if a member of this name in a request's context becomes part of the chain or
    /// denies, so that no policy sees it there. [`CLIENT_ID`] does so only if the bundle says so.
    #[must_use]
    pub fn takes_from_context(name: &str) -> bool {
        table::is_taken_at(Site::Context, name)
    }

    /// Returns `true` if a property of this name, on a member of the chain, becomes part of the
    /// chain or denies although a schema declares it.
    #[must_use]
    pub fn takes_from_properties(name: &str) -> bool {
        table::is_taken_at(Site::Properties, name)
            && Self::shared_names().all(|shared| shared != name)
    }

    /// Returns `true` if this bundle reads a carrier: all do, but for [`CLIENT_ID`].
    fn reads(&self, carrier: Carrier) -> bool {
        carrier != Carrier::ClientId || self.client_id.is_some()
    }

    /// Returns `true` if a name is one slip away from a name that is read somewhere, or that of an
    /// object in which such names are refused, so that a schema that declares it belongs into
    /// [`Self::near`].
    #[must_use]
    pub fn is_near(name: &str) -> bool {
        table::is_near_any(name)
    }

    /// Returns `true` if a type has an attribute whose name is nearly that of a carrier.
    fn has_near(&self, kind: &str, name: &str) -> bool {
        let mut near = self.near.iter();
        near.any(|near| near.name == name && matches!(&near.of, NearOwner::Type(of) if of == kind))
    }

    /// Returns `true` if it depends on the action and the resource which members a context may
    /// have.
    #[must_use]
    pub fn depends_on_target(&self) -> bool {
        let mut near = self.near.iter();
        near.any(|near| match near.of {
            NearOwner::Action { .. } | NearOwner::Specialised { .. } => true,
            NearOwner::Type(_) | NearOwner::Condition => false,
        })
    }

    /// Returns `true` if a member that nobody reads is not a carrier to this bundle.
    fn excuses(&self, flaw: &Flaw) -> bool {
        flaw.of_client && self.client_id.is_none()
    }

    /// Returns `true` if a property of this type, though a carrier to some bundles, is data to this
    /// bundle.
    pub(super) fn is_data(&self, kind: &str, name: &str) -> bool {
        let kind = self.declared(kind).map_or(kind, SmolStr::as_str);
        let attributes = self.attributes_of(kind);
        attributes.contains(&name)
            || self.has_near(kind, name)
            || (self.client_id.is_none() && alike(CLIENT_ID, name))
    }

    /// Returns the declared type that an alias stands for.
    pub(super) fn declared(&self, kind: &str) -> Option<&SmolStr> {
        self.aliases
            .iter()
            .find(|(alias, _)| alias == kind)
            .map(|(_, declared)| declared)
    }

    /// Returns the entity under its declared type.
    pub(super) fn resolved(&self, uid: &EntityRef) -> EntityRef {
        EntityRef {
            kind: self.declared(&uid.kind).unwrap_or(&uid.kind).clone(),
            id: uid.id.clone(),
        }
    }

    /// Returns the shared names that are attributes of this type.
    fn attributes_of(&self, kind: &str) -> smallvec::SmallVec<[&'static str; 2]> {
        self.attributes
            .iter()
            .filter(|(of, _)| of == kind)
            .map(|(_, name)| *name)
            .collect()
    }
}

impl Default for CarrierSettings {
    fn default() -> Self {
        Self {
            aliases: Vec::new(),
            client_id: None,
            agent_types: vec!["agent".into()],
            max_actors: MAX_ACTORS,
            attributes: Vec::new(),
            near: Vec::new(),
        }
    }
}

/// Why a request has no chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainRefusal {
    /// The request is well-formed and denied: `chain_invalid`, `chain_conflict` or
    /// `attribute_conflict`.
    Deny(Code, String),
    /// The request is well-formed and denied for one of its credentials.
    Unproven(CredentialError),
    /// The chain has too many actors: a 400.
    TooLong(usize),
}

impl From<CredentialError> for ChainRefusal {
    fn from(unproven: CredentialError) -> Self {
        Self::Unproven(unproven)
    }
}

fn invalid(message: impl Into<String>) -> ChainRefusal {
    ChainRefusal::Deny(Code::ChainInvalid, message.into())
}

fn conflict(message: impl Into<String>) -> ChainRefusal {
    ChainRefusal::Deny(Code::ChainConflict, message.into())
}

/// Reads who asks for whom, and removes the carriers from the request. A request with credentials
/// is denied.
pub fn read_question(
    request: &Request,
    settings: &CarrierSettings,
) -> Result<Question, ChainRefusal> {
    read_proven_question(request, settings, &Evidence::default())
}

/// Reads who asks for whom, using what the request's credentials prove.
pub fn read_proven_question(
    request: &Request,
    settings: &CarrierSettings,
    evidence: &Evidence,
) -> Result<Question, ChainRefusal> {
    let mut reader = CarrierReader::new(settings, evidence);
    let mut context = request.context.clone();
    if let Some(flaw) = request.flaws.iter().find(|flaw| !settings.excuses(flaw)) {
        return Err(invalid(flaw.message.clone()));
    }
    check_context(&context, request, settings)?;
    check_replaced(request, settings)?;
    if let Some(replaced) = &request.replaced_subject {
        CarrierReader::new(settings, evidence).check_replaced(replaced)?;
    }
    check_target(request)?;
    let proven = credentials::take(&mut context, evidence)?;
    let proven = credentials::with_holders(proven, |uid| settings.resolved(uid));
    reader.check_aliases(proven.iter().flat_map(|proven| &proven.chain))?;
    match credentials::named(&request.subject, &proven)? {
        Some(credential) => reader.read_credential(credential)?,
        None => reader.read_subject(&request.subject)?,
    }
    reader.read_context(&mut context)?;
    let resource = reader.resolve_entity(request.resource.clone());
    let CarrierReader { asked, stated, .. } = reader;
    let members = agree(stated, settings.max_actors)?;
    let dropped = drop_engine_members(&mut context);
    let chain = build_chain(members)?;
    check_roles(&chain, &resource)?;
    let credentials = credentials::fit(&chain, proven, |uid| settings.resolved(uid))?;
    let action = Action {
        name: request.action.name.clone(),
        properties: request.action.properties.clone(),
    };
    Ok(Question {
        chain,
        action,
        resource,
        context,
        credentials,
        dropped,
        asked,
    })
}

/// Returns the member of an actor in a token's `act` that names somebody and is not read there. A
/// token has more members than are read, so only names of carriers are searched for.
#[must_use]
pub fn overlooked_in_act(act: &Record) -> Option<&SmolStr> {
    overlooked(act, Site::Actor, &[], |_| true).map(|found| found.member())
}

fn build_chain(members: Vec<Entity>) -> Result<Chain, ChainRefusal> {
    let mut members = members.into_iter();
    let subject = members
        .next()
        .ok_or_else(|| invalid("the chain is empty"))?;
    Chain::new(subject, members.collect()).map_err(|error| match error {
        ChainError::TooLong(actors) => ChainRefusal::TooLong(actors),
        ChainError::Repeats(uid) => invalid(format!(
            "`{}` occurs twice in the chain",
            shown(&uid.to_string())
        )),
    })
}

/// Refuses an entity that is a member of the chain and also the resource unless it has the same
/// properties in both roles; absent properties count as empty.
fn check_roles(chain: &Chain, resource: &Entity) -> Result<(), ChainRefusal> {
    match chain.members().find(|member| member.uid == resource.uid) {
        Some(member) if !say_the_same(&member.properties, &resource.properties) => {
            Err(ChainRefusal::Deny(
                Code::AttributeConflict,
                format!(
                    "`{}` is in the chain and the resource, with different properties",
                    shown(&member.uid.to_string())
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// Refuses a resource or an action whose id, type or name is empty or too long. Names in the chain
/// are checked where they are read.
fn check_target(request: &Request) -> Result<(), ChainRefusal> {
    let uid = &request.resource.uid;
    for (path, name) in [
        ("resource.type", &uid.kind),
        ("resource.id", &uid.id),
        ("action.name", &request.action.name),
    ] {
        let refuse =
            |flaw: NameFlaw| ChainRefusal::Deny(Code::BadValue, format!("`{path}` {flaw}"));
        check_name(name).map_err(refuse)?;
    }
    Ok(())
}

/// Refuses members of a context that would be overlooked. What the schema declares for the action
/// that is asked about is data.
fn check_context(
    context: &Record,
    request: &Request,
    settings: &CarrierSettings,
) -> Result<(), ChainRefusal> {
    if is_plain(context, &CONTEXT_MEMBERS) {
        return Ok(());
    }
    let is_data = |name: &str| is_declared_for(request, settings, name);
    let found = overlooked(context, Site::Context, &CONTEXT_MEMBERS, is_data).or_else(|| {
        let reads_client = settings.client_id.is_some();
        let find = || overlooked_client(context, Site::Context, &CONTEXT_MEMBERS, is_data);
        reads_client.then(find).flatten()
    });
    match found {
        Some(found) => Err((found, "context").into()),
        None => Ok(()),
    }
}

/// Refuses an item whose context replaces a default context with a carrier, unless the item's
/// context has the same carrier with an equal value.
fn check_replaced(request: &Request, settings: &CarrierSettings) -> Result<(), ChainRefusal> {
    let Some(replaced) = &request.replaced_context else {
        return Ok(());
    };
    check_context(replaced, request, settings)?;
    for carrier in Carrier::read_in(Site::Context).filter(|carrier| settings.reads(*carrier)) {
        let name = carrier.name();
        let Some(value) = replaced.get_present(name) else {
            continue;
        };
        if request.context.get(name) != Some(value) {
            return Err(conflict(format!(
                "the item's own `context` does not repeat `{name}` of the default context"
            )));
        }
    }
    Ok(())
}

fn drop_engine_members(context: &mut Record) -> Vec<DroppedMember> {
    if !context
        .iter()
        .any(|(name, _)| ENGINE_MEMBERS.contains(&name.as_str()))
    {
        return Vec::new();
    }
    ENGINE_MEMBERS
        .iter()
        .filter(|name| context.remove(name).is_some())
        .map(|name| DroppedMember {
            member: format!("context.{name}"),
            why: "the name belongs to the engine".to_owned(),
        })
        .collect()
}

/// Returns `true` if properties say nothing: a null member counts as not sent.
fn is_silent(properties: &Record) -> bool {
    properties.iter().all(|(_, value)| value.is_null())
}

fn take_present(record: &mut Record, name: &str) -> Option<Value> {
    record.remove(name).filter(|value| !value.is_null())
}
