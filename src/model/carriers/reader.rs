//! Reads each carrier, in its form, into the chain that it proposes.
//!
//! INVARIANT: a carrier that is not of its form denies; it never shortens the chain.

mod dispatch;
mod parts;

use super::agree::CarrierStatements;
use super::table::{
    CLIENT_ID, OverlookedMember, SUB_PROFILE, Site, is_plain, overlooked, overlooked_client,
};
use super::{CarrierSettings, ChainRefusal, Code, invalid, is_silent};
use crate::model::{
    Entity, EntityRef, Evidence, NoId, ProvenIdentity, Record, StatedKind, Value, check_name,
};
use parts::{check_kind, kind_of, name_of, properties_of, required_name, said_of_member};
use smallvec::SmallVec;
use smol_str::SmolStr;

/// The members of an entity.
const ENTITY: [&str; 3] = ["type", "id", "properties"];

/// The members of an actor in `act` that are read. In a token, `act` may have any others that are
/// not carriers.
const ACTOR: [&str; 7] = [
    "sub",
    "iss",
    "sub_profile",
    "act",
    "properties",
    "type",
    "id",
];

/// The members of `delegation` that are read. All others are properties of the delegator.
const DELEGATION: [&str; 3] = ["delegator_type", "delegator_id", "properties"];

/// The members of a subject that has no type and id, with their paths.
const SIDE_BY_SIDE: [(&str, &str); 2] = [("user", "subject.user"), ("agent", "subject.agent")];

/// Reads one request.
pub(super) struct CarrierReader<'a> {
    settings: &'a CarrierSettings,
    evidence: &'a Evidence,
    pub(super) asked: Vec<(EntityRef, SmolStr)>,
    pub(super) stated: CarrierStatements,
}

impl<'a> CarrierReader<'a> {
    pub(super) fn new(settings: &'a CarrierSettings, evidence: &'a Evidence) -> Self {
        Self {
            settings,
            evidence,
            asked: Vec::new(),
            stated: CarrierStatements::default(),
        }
    }

    /// Reads the chain that a credential names. A credential that names one party says nothing
    /// about who uses it, so the request may name an actor in addition.
    pub(super) fn read_credential(&mut self, proven: &ProvenIdentity) -> Result<(), ChainRefusal> {
        let mut chain = Vec::new();
        for uid in &proven.chain {
            for name in [&uid.kind, &uid.id] {
                let refuse =
                    |flaw| invalid(format!("an id or type that a credential names {flaw}"));
                check_name(name).map_err(refuse)?;
            }
            chain.push(self.resolve(uid.kind.clone(), uid.id.clone()));
        }
        if let [uid] = chain.as_slice() {
            self.stated.subject = Some(Entity::from(uid.clone()));
        } else {
            self.stated.propose("context.credentials", chain);
        }
        Ok(())
    }

    /// Reads the subject and the carriers in it.
    pub(super) fn read_subject(&mut self, subject: &Record) -> Result<(), ChainRefusal> {
        self.check(subject, Site::Subject, "subject", &ENTITY, None)?;
        let Some(kind) = subject.get("type") else {
            return self.read_user_and_agent(subject);
        };
        for name in ["user", "agent"] {
            if subject.get_present(name).is_some() {
                return Err(invalid(format!(
                    "`subject.{name}` stands beside `subject.type`"
                )));
            }
        }
        let kind = name_of(Some(kind), "subject.type")?;
        let uid = self.resolve(kind, name_of(subject.get("id"), "subject.id")?);
        let mut properties = properties_of(subject, "subject")?;
        self.check_properties(&uid, &properties, Site::Properties, "subject.properties")?;
        self.read_properties(&uid, &mut properties)?;
        if let Some(value) = subject.get_present("delegation_chain") {
            let mut chain = self.read_list(value)?;
            if chain.last() != Some(&uid) {
                chain.push(uid.clone());
            }
            self.stated.propose("subject.delegation_chain", chain);
        }
        self.stated.subject = Some(Entity { uid, properties });
        Ok(())
    }

    /// Refuses a default subject whose carriers cannot be read, though nobody reads it because
    /// another subject replaced it. Missing or wrong names in it affect only those who inherit it.
    pub(super) fn check_replaced(&mut self, subject: &Record) -> Result<(), ChainRefusal> {
        self.check(subject, Site::Subject, "subject", &ENTITY, None)?;
        let kind = subject
            .get("type")
            .and_then(Value::as_text)
            .cloned()
            .unwrap_or_default();
        let uid = self.resolve(kind, SmolStr::default());
        if let Some(properties) = subject.get("properties").and_then(Value::as_record) {
            let mut properties = properties.clone();
            self.check_properties(&uid, &properties, Site::Properties, "subject.properties")?;
            self.read_properties(&uid, &mut properties)?;
        }
        if let Some(value) = subject.get_present("delegation_chain") {
            self.read_list(value)?;
        }
        for (name, path) in SIDE_BY_SIDE {
            if let Some(value) = subject.get_present(name) {
                self.read_side(value, name, path)?;
            }
        }
        Ok(())
    }

    /// Reads `{"user": …, "agent": …}`, a subject without type and id.
    fn read_user_and_agent(&mut self, subject: &Record) -> Result<(), ChainRefusal> {
        if subject.get_present("delegation_chain").is_some() {
            return Err(invalid(
                "`subject.delegation_chain` stands beside `subject.user` or `subject.agent`",
            ));
        }
        if !is_silent(&properties_of(subject, "subject")?) {
            return Err(invalid(
                "`subject.properties` stands beside `subject.user` and `subject.agent`",
            ));
        }
        let mut chain = Vec::new();
        for (name, path) in SIDE_BY_SIDE {
            let value = subject
                .get_present(name)
                .ok_or_else(|| invalid(format!("`{path}` is missing")))?;
            chain.push(self.read_side(value, name, path)?);
        }
        self.stated.propose("subject.user and subject.agent", chain);
        Ok(())
    }

    /// Reads the user or the agent; it has the type `default` if it names none.
    fn read_side(
        &mut self,
        value: &Value,
        default: &str,
        path: &str,
    ) -> Result<EntityRef, ChainRefusal> {
        match value {
            Value::Record(record) => self.read_entity(record, Some(default), path),
            other => Ok(self.resolve(default.into(), name_of(Some(other), path)?)),
        }
    }

    /// Reads a nested `act`. The outermost actor is the caller (RFC 8693 section 4.1), so the
    /// innermost becomes the first actor of the chain.
    fn read_act(&mut self, act: &Value) -> Result<Vec<EntityRef>, ChainRefusal> {
        let mut actors = Vec::new();
        let mut next = Some(act);
        while let Some(value) = next {
            let act = value
                .as_record()
                .ok_or_else(|| invalid(format!("`act` must be an object, not {}", value.kind())))?;
            self.check(act, Site::Actor, "act", &ACTOR, None)?;
            let named = self.read_actor(act)?;
            let uid = self.resolve(named.kind.clone(), named.id.clone());
            check_said(
                act,
                "id",
                &[
                    &named.id,
                    act.get("sub").and_then(Value::as_text).unwrap_or(&named.id),
                ],
            )?;
            check_said(act, "type", &[&named.kind, &uid.kind])?;
            self.describe(&uid, properties_of(act, "act")?, "act")?;
            actors.push(uid);
            next = act.get_present("act");
        }
        actors.reverse();
        Ok(actors)
    }

    /// Reads one actor of `act`, without the actors nested in it.
    fn read_actor(&self, act: &Record) -> Result<EntityRef, ChainRefusal> {
        const DEFAULT: &str = "agent";
        let kind = StatedKind::of(act)
            .map_err(|_| invalid("`act.sub_profile` must be `ai_agent`, `service` or `user`"))?
            .map(StatedKind::entity_type);
        let sub = required_name(act, "sub", "act.sub")?;
        let Some(issuer) = act.get_present("iss") else {
            return Ok(EntityRef {
                kind: kind.unwrap_or(DEFAULT).into(),
                id: sub,
            });
        };
        let issuer = name_of(Some(issuer), "act.iss")?;
        let uid = self
            .evidence
            .ids()
            .actor(&issuer, kind, DEFAULT, act)
            .map_err(|why| match why {
                NoId::Issuer => invalid("`act.iss` names an issuer that is not configured"),
                NoId::Kind
                | NoId::Sub
                | NoId::Type
                | NoId::Client
                | NoId::Clients
                | NoId::ClientProfile
                | NoId::Led
                | NoId::Spelling
                | NoId::Person
                | NoId::Spiffe => invalid(format!("`act` names nobody: {why}")),
            })?;
        self.check_aliases([&uid])?;
        Ok(uid)
    }

    fn read_delegation(&mut self, value: &Value) -> Result<EntityRef, ChainRefusal> {
        const PATH: &str = "subject.properties.delegation";
        let record = value
            .as_record()
            .ok_or_else(|| invalid(format!("`{PATH}` must be an object, not {}", value.kind())))?;
        let kind = record.get("delegator_type");
        let said = self.said_kind(kind, "");
        self.check(record, Site::Member, PATH, &DELEGATION, Some(said))?;
        let kind = kind.ok_or_else(|| invalid(format!("`{PATH}.delegator_type` is missing")))?;
        let kind = kind_of(Some(kind), "subject.properties.delegation.delegator_type")?;
        let id = required_name(
            record,
            "delegator_id",
            "subject.properties.delegation.delegator_id",
        )?;
        let uid = self.resolve(kind, id);
        self.describe(&uid, said_of_member(record, &DELEGATION, PATH)?, PATH)?;
        Ok(uid)
    }

    fn read_list(&mut self, value: &Value) -> Result<Vec<EntityRef>, ChainRefusal> {
        const PATH: &str = "subject.delegation_chain";
        match value.as_list() {
            Some([]) => Err(invalid(format!("`{PATH}` is empty"))),
            Some(items) => items
                .iter()
                .map(|item| self.read_typed(item, PATH))
                .collect(),
            None => Err(invalid(format!(
                "`{PATH}` must be an array, not {}",
                value.kind()
            ))),
        }
    }

    /// Reads a party: an id, of the type `default`, or `{type, id, properties?}`.
    fn read_party(
        &mut self,
        value: &Value,
        default: &str,
        path: &str,
    ) -> Result<EntityRef, ChainRefusal> {
        match value {
            Value::Text(_) => Ok(self.resolve(default.into(), name_of(Some(value), path)?)),
            _ => self.read_typed(value, path),
        }
    }

    fn read_typed(&mut self, value: &Value, path: &str) -> Result<EntityRef, ChainRefusal> {
        let record = value.as_record().ok_or_else(|| {
            invalid(format!(
                "`{path}` must hold {{type, id}}, not {}",
                value.kind()
            ))
        })?;
        self.read_entity(record, None, path)
    }

    /// Reads a member that is given as an object, with its properties, which are in `properties` or
    /// beside its type and id. Its type is `default` if it names none.
    fn read_entity(
        &mut self,
        record: &Record,
        default: Option<&str>,
        path: &str,
    ) -> Result<EntityRef, ChainRefusal> {
        let said = self.said_kind(record.get("type"), default.unwrap_or_default());
        self.check(record, Site::Member, path, &ENTITY, Some(said))?;
        let kind = match (record.get_present("type"), default) {
            (None, Some(default)) => default.into(),
            (kind, _) => kind_of(kind, path)?,
        };
        let uid = self.resolve(kind, name_of(record.get("id"), path)?);
        self.describe(&uid, said_of_member(record, &ENTITY, path)?, path)?;
        Ok(uid)
    }

    /// Returns the declared type that a member of a chain says it is of, before that is checked.
    fn said_kind<'r>(&'r self, kind: Option<&'r Value>, default: &'r str) -> &'r str {
        let said = kind
            .and_then(Value::as_text)
            .map_or(default, SmolStr::as_str);
        self.settings.declared(said).map_or(said, SmolStr::as_str)
    }

    /// Records the properties of a member. They cannot contain a chain of their own.
    fn describe(
        &mut self,
        uid: &EntityRef,
        properties: Record,
        path: &str,
    ) -> Result<(), ChainRefusal> {
        if !is_silent(&properties) {
            let path = format!("{path}.properties");
            self.check_properties(uid, &properties, Site::MemberProperties, &path)?;
            self.stated.describe(uid, properties);
        }
        Ok(())
    }

    /// Refuses members of an object that would be overlooked. `kind` is the type of the entity
    /// whose properties may stand there, too. In `act`, `client_id` is a claim of a token.
    fn check(
        &self,
        record: &Record,
        site: Site,
        path: &str,
        members: &[&'static str],
        kind: Option<&str>,
    ) -> Result<(), ChainRefusal> {
        if is_plain(record, members) {
            return Ok(());
        }
        let is_data = |name: &str| kind.is_some_and(|kind| self.settings.has_near(kind, name));
        let found = overlooked(record, site, members, is_data);
        let found = found.or_else(|| self.overlooked_client(record, site, members, is_data));
        found.map_or(Ok(()), |found| Err((found, path).into()))
    }

    fn overlooked_client<'r>(
        &self,
        record: &'r Record,
        site: Site,
        members: &[&'static str],
        is_data: impl Fn(&str) -> bool,
    ) -> Option<OverlookedMember<'r>> {
        let reads_client = self.settings.client_id.is_some() && site != Site::Actor;
        if reads_client {
            overlooked_client(record, site, members, is_data)
        } else {
            None
        }
    }

    /// Refuses carriers among properties, except those whose names the schema gives to attributes.
    fn check_properties(
        &self,
        uid: &EntityRef,
        properties: &Record,
        site: Site,
        path: &str,
    ) -> Result<(), ChainRefusal> {
        let attributes = self.settings.attributes_of(&uid.kind);
        // If `client_id` is an attribute, `clientId` may be another.
        let carriers: SmallVec<[_; 2]> = attributes
            .iter()
            .copied()
            .filter(|name| *name != CLIENT_ID)
            .collect();
        if is_plain(properties, &carriers) {
            return Ok(());
        }
        let is_data = |name: &str| self.settings.has_near(&uid.kind, name);
        let found = overlooked(properties, site, &carriers, is_data);
        let found =
            found.or_else(|| self.overlooked_client(properties, site, &attributes, is_data));
        if let Some(found) = found {
            return Err((found, path).into());
        }
        match properties.get_present(SUB_PROFILE) {
            Some(said) if !attributes.contains(&SUB_PROFILE) => {
                check_kind(uid, said, &self.settings.agent_types, path)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn resolve_entity(&mut self, entity: Entity) -> Entity {
        Entity {
            uid: self.resolve(entity.uid.kind, entity.uid.id),
            properties: entity.properties,
        }
    }

    /// Refuses subjects of issuers if aliases of the bundle merge their types and two issuers could
    /// then mean different people by one id. The ids of issuers are kept apart for each type before
    /// the bundle is known.
    pub(super) fn check_aliases<'u>(
        &self,
        uids: impl IntoIterator<Item = &'u EntityRef>,
    ) -> Result<(), ChainRefusal> {
        let aliases = &self.settings.aliases;
        for uid in uids {
            let Some((_, declared)) = aliases.iter().find(|(alias, _)| *alias == uid.kind) else {
                continue;
            };
            let same = aliases
                .iter()
                .filter(|(_, kind)| kind == declared)
                .map(|(alias, _)| alias);
            let kinds: Vec<&SmolStr> = std::iter::once(declared).chain(same).collect();
            if self.evidence.ids().could_meet(&kinds) {
                return Err(ChainRefusal::Deny(
                    Code::CredentialInvalid,
                    format!(
                        "the bundle reads `{}` as `{declared}`, and two issuers \
                         can give one id to both",
                        uid.kind
                    ),
                ));
            }
        }
        Ok(())
    }

    fn resolve(&mut self, kind: SmolStr, id: SmolStr) -> EntityRef {
        let uid = EntityRef { kind, id };
        match self.settings.declared(&uid.kind) {
            None => uid,
            Some(declared) => {
                let resolved = EntityRef {
                    kind: declared.clone(),
                    id: uid.id,
                };
                self.asked.push((resolved.clone(), uid.kind));
                resolved
            }
        }
    }
}

/// Refuses an actor with a member that names somebody other than the actor's name does.
fn check_said(act: &Record, member: &str, named: &[&SmolStr]) -> Result<(), ChainRefusal> {
    match act.get_present(member) {
        Some(said) if !named.iter().any(|name| said.as_text() == Some(*name)) => Err(invalid(
            format!("`act.{member}` is not that of the actor whom `act.sub` names"),
        )),
        _ => Ok(()),
    }
}
