//! Carriers: every live way to say "this agent, acting for this user", read into one chain.
//!
//! **Problem.** No standard has settled how a request names two parties. Seven spellings are in use, and a service
//! that reads some of them and ignores the others decides about the wrong party: a carrier that is overlooked makes
//! an agent's request look like its user's own.
//! **Decision.** Every spelling in the table of the README is read here, in one place, before anything is decided.
//! What is present must be of its form; what occurs more than once must agree; what is consumed is removed from the
//! properties and the context, so that no policy sees a second truth.
//! **Trade-off.** A request with a stray `subject.properties.delegation` of some other meaning is denied and told why.
//!
//! INVARIANT: a carrier that is present and not null either becomes part of the chain or denies.

mod credentials;

use super::{
    Action, Chain, ChainError, Code, Dropped, Entity, EntityRef, Evidence, MAX_ACTORS, NoId, Proven, Question, Record,
    Request, Value,
};
use smol_str::SmolStr;

/// Names in a request's context that belong to the engine: facts, and what conditions on relations read. A request
/// that sends one is answered as if it had not.
const ENGINE_MEMBERS: [&str; 7] =
    ["delegation", "now", "token", "action_properties", "current_time", "action", "resource"];

/// What a bundle says about carriers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierSettings {
    /// Type aliases: an undeclared type, and the declared one that it stands for.
    pub aliases: Vec<(SmolStr, SmolStr)>,
    /// Whether `context.client_id` names an actor, and of which type.
    pub client_id: Option<SmolStr>,
    /// The types that count as agents.
    pub agent_types: Vec<SmolStr>,
    /// Actors in one chain: at most [`MAX_ACTORS`].
    pub max_actors: usize,
}

impl Default for CarrierSettings {
    fn default() -> Self {
        Self { aliases: Vec::new(), client_id: None, agent_types: vec!["agent".into()], max_actors: MAX_ACTORS }
    }
}

/// Why a request has no chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainRefusal {
    /// The request is well-formed and denied: `chain_invalid`, `chain_conflict` or `attribute_conflict`.
    Deny(Code, String),
    /// More actors than a chain takes: a 400.
    TooLong(usize),
}

fn invalid(message: impl Into<String>) -> ChainRefusal {
    ChainRefusal::Deny(Code::ChainInvalid, message.into())
}

fn conflict(message: impl Into<String>) -> ChainRefusal {
    ChainRefusal::Deny(Code::ChainConflict, message.into())
}

/// Reads who asks for whom, and takes the carriers out of the request. A request with credentials is denied.
pub fn read_question(request: &Request, settings: &CarrierSettings) -> Result<Question, ChainRefusal> {
    read_proven_question(request, settings, &Evidence::default())
}

/// Reads who asks for whom, with what the request's credentials prove.
pub fn read_proven_question(
    request: &Request,
    settings: &CarrierSettings,
    evidence: &Evidence,
) -> Result<Question, ChainRefusal> {
    let mut reader = Reader { settings, evidence, asked: Vec::new() };
    let mut context = request.context.clone();
    if let Some(member) = &request.lookalike {
        return Err(invalid(format!("`{member}` is spelled like a member of the request but for case")));
    }
    check_replaced(request, settings)?;
    let proven = credentials::take(&mut context, evidence)?;
    reader.check_aliases(proven.iter().flat_map(|proven| &proven.chain))?;
    let (members, mut found) = match credentials::named(&request.subject, &proven)? {
        Some(credential) => reader.credential_chain(credential),
        None => reader.subject_carriers(&request.subject)?,
    };
    reader.context_carriers(&mut context, &members, &mut found)?;
    let members = agree(members, found)?;
    let resource = reader.resolve_entity(request.resource.clone());
    let dropped = drop_engine_members(&mut context);
    let chain = build_chain(members, settings.max_actors)?;
    check_roles(&chain, &resource)?;
    credentials::check_fit(&chain, &proven, |uid| reader.resolved(uid))?;
    let action = Action { name: request.action.name.clone(), properties: request.action.properties.clone() };
    Ok(Question { chain, action, resource, context, credentials: proven, dropped, asked: reader.asked })
}

/// The subject's own entity, and one proposed chain per carrier, each ending where it says.
struct Members {
    /// The entity that `subject` names, with its remaining properties; none in the form `{user, agent}`.
    subject: Option<Entity>,
    /// Entities that came with properties of their own, beside the subject.
    others: Vec<Entity>,
}

/// A chain that one carrier proposes.
struct Proposal {
    carrier: &'static str,
    chain: Vec<EntityRef>,
}

struct Reader<'a> {
    settings: &'a CarrierSettings,
    evidence: &'a Evidence,
    asked: Vec<(EntityRef, SmolStr)>,
}

impl Reader<'_> {
    /// The chain that a credential names. A credential of one party says nothing about who uses it, so an actor may be
    /// named beside it.
    fn credential_chain(&mut self, credential: &Proven) -> (Members, Vec<Proposal>) {
        let mut chain = Vec::new();
        for uid in &credential.chain {
            chain.push(self.resolve(uid.kind.clone(), uid.id.clone()));
        }
        if let [uid] = chain.as_slice() {
            return (Members { subject: Some(Entity::from(uid.clone())), others: Vec::new() }, Vec::new());
        }
        let proposal = Proposal { carrier: "context.credentials", chain };
        (Members { subject: None, others: Vec::new() }, vec![proposal])
    }

    fn subject_carriers(&mut self, subject: &Record) -> Result<(Members, Vec<Proposal>), ChainRefusal> {
        refuse_lookalikes(subject, "subject", &["type", "id", "properties", "delegation_chain", "user", "agent"])?;
        let mut found = Vec::new();
        let Some(kind) = subject.get("type") else {
            return self.user_and_agent(subject);
        };
        for name in ["user", "agent"] {
            if subject.get_present(name).is_some() {
                return Err(invalid(format!("`subject.{name}` stands beside `subject.type`")));
            }
        }
        let uid = self.resolve(non_empty(kind, "subject.type")?, text_of(subject.get("id"), "subject.id")?);
        let mut properties = properties_of(subject, "subject.properties")?;
        refuse_lookalikes(&properties, "subject.properties", &["act", "on_behalf_of", "delegation"])?;
        if let Some(act) = take_present(&mut properties, "act") {
            let mut chain = vec![uid.clone()];
            chain.extend(self.read_act(&act)?);
            found.push(Proposal { carrier: "subject.properties.act", chain });
        }
        if let Some(value) = take_present(&mut properties, "on_behalf_of") {
            let user = self.read_party(&value, "user", "subject.properties.on_behalf_of")?;
            found.push(Proposal { carrier: "subject.properties.on_behalf_of", chain: vec![user, uid.clone()] });
        }
        if let Some(value) = take_present(&mut properties, "delegation") {
            let user = self.read_delegation(&value)?;
            found.push(Proposal { carrier: "subject.properties.delegation", chain: vec![user, uid.clone()] });
        }
        if let Some(value) = subject.get_present("delegation_chain") {
            let mut chain = self.read_list(value)?;
            if chain.last() != Some(&uid) {
                chain.push(uid.clone());
            }
            found.push(Proposal { carrier: "subject.delegation_chain", chain });
        }
        Ok((Members { subject: Some(Entity { uid, properties }), others: Vec::new() }, found))
    }

    /// `{"user": …, "agent": …}` without type and id.
    fn user_and_agent(&mut self, subject: &Record) -> Result<(Members, Vec<Proposal>), ChainRefusal> {
        if subject.get_present("delegation_chain").is_some() {
            return Err(invalid("`subject.delegation_chain` stands beside `subject.user` or `subject.agent`"));
        }
        if properties_of(subject, "subject.properties")?.iter().next().is_some() {
            return Err(invalid("`subject.properties` stands beside `subject.user` and `subject.agent`"));
        }
        let mut others = Vec::new();
        for (name, path) in [("user", "subject.user"), ("agent", "subject.agent")] {
            let value = subject.get_present(name).ok_or_else(|| invalid(format!("`{path}` is missing")))?;
            let (uid, properties) = match value {
                Value::Record(record) => {
                    refuse_lookalikes(record, path, &["type", "id", "properties"])?;
                    let kind = match record.get_present("type") {
                        Some(kind) => non_empty(kind, path)?,
                        None => name.into(),
                    };
                    let uid = self.resolve(kind, text_of(record.get("id"), path)?);
                    (uid, properties_of(record, path)?)
                }
                other => (self.resolve(name.into(), non_empty(other, path)?), Record::new()),
            };
            refuse_carriers(&properties, path)?;
            others.push(Entity { uid, properties });
        }
        let chain = others.iter().map(|entity| entity.uid.clone()).collect();
        let proposal = Proposal { carrier: "subject.user and subject.agent", chain };
        Ok((Members { subject: None, others }, vec![proposal]))
    }

    fn context_carriers(
        &mut self,
        context: &mut Record,
        members: &Members,
        found: &mut Vec<Proposal>,
    ) -> Result<(), ChainRefusal> {
        refuse_lookalikes(context, "context", &["agent"])?;
        if let Some(value) = take_present(context, "agent") {
            let actor = self.read_party(&value, "agent", "context.agent")?;
            propose_actor("context.agent", actor, members, found)?;
        }
        if let Some(kind) = self.settings.client_id.clone() {
            refuse_lookalikes(context, "context", &["client_id"])?;
            if let Some(value) = take_present(context, "client_id") {
                let actor = self.resolve(kind, non_empty(&value, "context.client_id")?);
                propose_actor("context.client_id", actor, members, found)?;
            }
        }
        Ok(())
    }

    /// Nested `act`: the outermost is the caller (RFC 8693 section 4.1), so the innermost comes first.
    fn read_act(&mut self, act: &Value) -> Result<Vec<EntityRef>, ChainRefusal> {
        let mut actors = Vec::new();
        let mut next = Some(act);
        while let Some(value) = next {
            let act =
                value.as_record().ok_or_else(|| invalid(format!("`act` must be an object, not {}", value.kind())))?;
            refuse_lookalikes(act, "act", &["sub", "iss", "sub_profile", "act"])?;
            let kind = match act.get_present("sub_profile") {
                None => "agent",
                Some(profile) => match profile.as_text().map(SmolStr::as_str) {
                    Some("ai_agent") => "agent",
                    Some("service") => "service",
                    Some("user") => "user",
                    _ => return Err(invalid("`act.sub_profile` must be `ai_agent`, `service` or `user`")),
                },
            };
            let sub = text_of(act.get("sub"), "act.sub")?;
            let uid = match act.get_present("iss") {
                None => EntityRef { kind: kind.into(), id: sub },
                Some(issuer) => {
                    let issuer = non_empty(issuer, "act.iss")?;
                    let uid = self.evidence.ids().entity(&issuer, kind, &sub).map_err(|why| match why {
                        NoId::Issuer => invalid("`act.iss` names an issuer that is not configured"),
                        NoId::Kind | NoId::Sub => invalid(format!("`act` names nobody: {why}")),
                    })?;
                    self.check_aliases([&uid])?;
                    uid
                }
            };
            actors.push(self.resolve(uid.kind, uid.id));
            next = act.get_present("act");
        }
        actors.reverse();
        Ok(actors)
    }

    fn read_delegation(&mut self, value: &Value) -> Result<EntityRef, ChainRefusal> {
        const PATH: &str = "subject.properties.delegation";
        let record =
            value.as_record().ok_or_else(|| invalid(format!("`{PATH}` must be an object, not {}", value.kind())))?;
        refuse_lookalikes(record, PATH, &["delegator_type", "delegator_id"])?;
        let kind = text_of(record.get("delegator_type"), "subject.properties.delegation.delegator_type")?;
        let id = text_of(record.get("delegator_id"), "subject.properties.delegation.delegator_id")?;
        Ok(self.resolve(kind, id))
    }

    fn read_list(&mut self, value: &Value) -> Result<Vec<EntityRef>, ChainRefusal> {
        const PATH: &str = "subject.delegation_chain";
        match value.as_list() {
            Some([]) => Err(invalid(format!("`{PATH}` is empty"))),
            Some(items) => items.iter().map(|item| self.read_typed(item, PATH)).collect(),
            None => Err(invalid(format!("`{PATH}` must be an array, not {}", value.kind()))),
        }
    }

    /// An id of the type `default`, or `{type, id}`.
    fn read_party(&mut self, value: &Value, default: &str, path: &str) -> Result<EntityRef, ChainRefusal> {
        match value {
            Value::Text(_) => Ok(self.resolve(default.into(), non_empty(value, path)?)),
            _ => self.read_typed(value, path),
        }
    }

    fn read_typed(&mut self, value: &Value, path: &str) -> Result<EntityRef, ChainRefusal> {
        let record = value
            .as_record()
            .ok_or_else(|| invalid(format!("`{path}` must hold {{type, id}}, not {}", value.kind())))?;
        refuse_lookalikes(record, path, &["type", "id", "properties"])?;
        refuse_carriers(&properties_of(record, path)?, path)?;
        Ok(self.resolve(text_of(record.get("type"), path)?, text_of(record.get("id"), path)?))
    }

    fn resolve_entity(&mut self, entity: Entity) -> Entity {
        Entity { uid: self.resolve(entity.uid.kind, entity.uid.id), properties: entity.properties }
    }

    /// Refuses issuers' subjects whose types the bundle reads as one, where two issuers could then mean different people by
    /// one id: ids are kept apart type by type, before the bundle is known.
    fn check_aliases<'a>(&self, uids: impl IntoIterator<Item = &'a EntityRef>) -> Result<(), ChainRefusal> {
        let aliases = &self.settings.aliases;
        for uid in uids {
            let Some((_, declared)) = aliases.iter().find(|(alias, _)| *alias == uid.kind) else { continue };
            let same = aliases.iter().filter(|(_, kind)| kind == declared).map(|(alias, _)| alias);
            let kinds: Vec<&SmolStr> = std::iter::once(declared).chain(same).collect();
            if self.evidence.ids().could_meet(&kinds) {
                return Err(ChainRefusal::Deny(
                    Code::CredentialInvalid,
                    format!("the bundle reads `{}` as `{declared}`, and two issuers can give one id to both", uid.kind),
                ));
            }
        }
        Ok(())
    }

    fn resolved(&self, uid: &EntityRef) -> EntityRef {
        let declared = self.settings.aliases.iter().find(|(alias, _)| *alias == uid.kind).map(|(_, kind)| kind);
        EntityRef { kind: declared.unwrap_or(&uid.kind).clone(), id: uid.id.clone() }
    }

    fn resolve(&mut self, kind: SmolStr, id: SmolStr) -> EntityRef {
        match self.settings.aliases.iter().find(|(alias, _)| *alias == kind) {
            None => EntityRef { kind, id },
            Some((_, declared)) => {
                let uid = EntityRef { kind: declared.clone(), id };
                self.asked.push((uid.clone(), kind));
                uid
            }
        }
    }
}

/// `context.agent` names the last actor of the chain, or the subject of a chain of one.
fn propose_actor(
    carrier: &'static str,
    actor: EntityRef,
    members: &Members,
    found: &mut Vec<Proposal>,
) -> Result<(), ChainRefusal> {
    let named: Vec<EntityRef> = match (found.first(), &members.subject) {
        (Some(proposal), _) => proposal.chain.clone(),
        (None, Some(subject)) => vec![subject.uid.clone()],
        (None, None) => Vec::new(),
    };
    if named.last() == Some(&actor) {
        return Ok(());
    }
    let [subject] = named.as_slice() else {
        return Err(conflict(format!("`{carrier}` names `{actor}`, which is not the last actor of the chain")));
    };
    found.push(Proposal { carrier, chain: vec![subject.clone(), actor] });
    Ok(())
}

/// All proposals must be the same chain.
fn agree(members: Members, found: Vec<Proposal>) -> Result<Vec<Entity>, ChainRefusal> {
    let mut proposals = found.into_iter();
    let Some(first) = proposals.next() else { return Ok(members.subject.into_iter().collect()) };
    if let Some(other) = proposals.find(|other| other.chain != first.chain) {
        return Err(conflict(format!("`{}` and `{}` name different chains", first.carrier, other.carrier)));
    }
    let chain = first.chain;
    let mut known: Vec<Entity> = members.subject.into_iter().chain(members.others).collect();
    Ok(chain
        .into_iter()
        .map(|uid| match known.iter().position(|entity| entity.uid == uid) {
            Some(at) => known.swap_remove(at),
            None => Entity::from(uid),
        })
        .collect())
}

fn build_chain(members: Vec<Entity>, max_actors: usize) -> Result<Chain, ChainRefusal> {
    let actors = members.len().saturating_sub(1);
    if actors > max_actors {
        return Err(ChainRefusal::TooLong(actors));
    }
    let mut members = members.into_iter();
    let subject = members.next().ok_or_else(|| invalid("the chain is empty"))?;
    Chain::new(subject, members.collect()).map_err(|error| match error {
        ChainError::TooLong(actors) => ChainRefusal::TooLong(actors),
        ChainError::Repeats(_) => invalid(error.to_string()),
    })
}

/// An entity that is both in the chain and the resource must have been given the same properties twice.
fn check_roles(chain: &Chain, resource: &Entity) -> Result<(), ChainRefusal> {
    match chain.members().find(|member| member.uid == resource.uid) {
        Some(member) if member.properties != resource.properties => Err(ChainRefusal::Deny(
            Code::AttributeConflict,
            format!("`{}` is in the chain and the resource, with different properties", member.uid),
        )),
        _ => Ok(()),
    }
}

/// A carrier in a default context that an item's own context replaces must stand there too, with an equal value.
fn check_replaced(request: &Request, settings: &CarrierSettings) -> Result<(), ChainRefusal> {
    let Some(replaced) = &request.replaced_context else { return Ok(()) };
    let client_id = settings.client_id.as_ref().map(|_| "client_id");
    for carrier in ["agent", "credentials"].into_iter().chain(client_id) {
        if let Some((name, value)) =
            replaced.iter().find(|(name, value)| name.eq_ignore_ascii_case(carrier) && !value.is_null())
            && request.context.get(name) != Some(value)
        {
            return Err(conflict(format!("the item's own `context` does not repeat `{name}` of the default context")));
        }
    }
    Ok(())
}

fn drop_engine_members(context: &mut Record) -> Vec<Dropped> {
    if !context.iter().any(|(name, _)| ENGINE_MEMBERS.contains(&name.as_str())) {
        return Vec::new();
    }
    ENGINE_MEMBERS
        .iter()
        .filter(|name| context.remove(name).is_some())
        .map(|name| Dropped { member: format!("context.{name}"), why: "the name belongs to the engine".to_owned() })
        .collect()
}

fn refuse_lookalikes(record: &Record, path: &str, names: &[&str]) -> Result<(), ChainRefusal> {
    for (member, _) in record.iter() {
        if let Some(name) = names.iter().find(|name| member.eq_ignore_ascii_case(name) && member != **name) {
            return Err(invalid(format!("`{path}.{member}` is spelled like `{name}` but for case")));
        }
    }
    Ok(())
}

/// A member of a chain that is spelled out cannot bring a chain of its own.
fn refuse_carriers(properties: &Record, path: &str) -> Result<(), ChainRefusal> {
    const CARRIERS: [&str; 3] = ["act", "on_behalf_of", "delegation"];
    refuse_lookalikes(properties, path, &CARRIERS)?;
    match CARRIERS.iter().find(|carrier| properties.get_present(carrier).is_some()) {
        Some(carrier) => Err(invalid(format!("`{path}.properties.{carrier}` stands in a chain that is spelled out"))),
        None => Ok(()),
    }
}

fn take_present(record: &mut Record, name: &str) -> Option<Value> {
    record.remove(name).filter(|value| !value.is_null())
}

fn properties_of(record: &Record, path: &str) -> Result<Record, ChainRefusal> {
    match record.get_present("properties") {
        None => Ok(Record::new()),
        Some(Value::Record(properties)) => Ok(properties.clone()),
        Some(other) => Err(invalid(format!("`{path}` must be an object, not {}", other.kind()))),
    }
}

fn text_of(value: Option<&Value>, path: &str) -> Result<SmolStr, ChainRefusal> {
    non_empty(value.ok_or_else(|| invalid(format!("`{path}` has no id or type")))?, path)
}

/// An empty name names nobody: it is malformed wherever a member of the chain is named.
fn non_empty(value: &Value, path: &str) -> Result<SmolStr, ChainRefusal> {
    match value {
        Value::Text(text) if text.is_empty() => Err(invalid(format!("`{path}` is empty"))),
        Value::Text(text) => Ok(text.clone()),
        other => Err(invalid(format!("`{path}` must be a string, not {}", other.kind()))),
    }
}
