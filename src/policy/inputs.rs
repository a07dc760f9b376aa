//! What one leg's policies see: entities and a context, built from the request, the stored entities and the facts.
//!
//! INVARIANT: a leg's inputs come from its principal, the members before it, the resource, the action and the context.
//! Nothing of a later member reaches them, so a leg's outcome does not depend on who acts through its principal.

use super::fit::{Findings, construct, fit};
use super::index::{AttributeValue, Index, Scope, Slice, Values};
use super::relations::{Object, RelationFailure, RelationQuestion, Relations, userset_id};
use super::schema::{ActionInfo, Attribute, Provenance, Schema, TypeInfo};
use super::stored::Stored;
use super::syntax::Root;
use crate::model::{Dropped, Entity as Asked, EntityRef, Question, Record, RelationLookup, Timestamp, Value};
use cedar_policy_core::ast::{Context, Eid, Entity, EntityUID, Literal, PartialValue, Value as Cedar, ValueKind};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Members of every context that the engine supplies.
const FACTS: [&str; 3] = ["delegation", "now", "token"];

/// One leg to be built.
pub(super) struct LegRequest<'a> {
    pub(super) question: &'a Question,
    /// Which member of the chain is the principal.
    pub(super) leg: usize,
    pub(super) now: Timestamp,
    /// What a verified credential says.
    pub(super) token: Option<&'a Record>,
    pub(super) action: &'a ActionInfo,
    pub(super) principal: &'a EntityUID,
    pub(super) resource: &'a EntityUID,
    /// Who answers about relations.
    pub(super) relations: &'a dyn Relations,
}

/// Why a leg has no inputs.
pub(super) enum NoInputs {
    /// Something that a policy reads does not fit its type, and what else no policy could see.
    Bad(Vec<String>, Vec<Dropped>),
    /// A relation could not be looked up.
    Relation(RelationFailure),
    /// Cedar did not take them.
    Cedar(String),
}

/// What the policies see.
pub(super) struct Inputs {
    pub(super) entities: Entities,
    pub(super) context: Context,
    /// The policies that can have a say.
    pub(super) slice: Arc<Slice>,
    /// What no policy could see.
    pub(super) dropped: Vec<Dropped>,
    /// The relations that were looked up.
    pub(super) lookups: Vec<RelationLookup>,
}

/// Builds a leg's inputs for the policies of a scope, and finds those of them that can have a say. Relations are
/// looked up for these.
pub(super) fn build(
    request: &LegRequest<'_>,
    schema: &Schema,
    stored: &Stored,
    index: &Index,
    scope: &Scope,
) -> Result<Inputs, NoInputs> {
    let mut builder =
        Builder { request, schema, stored, scope, bad: Vec::new(), dropped: Vec::new(), given: HashMap::new() };
    builder.given_entities();
    let context = builder.context();
    if !builder.bad.is_empty() {
        return Err(NoInputs::Bad(builder.bad, builder.dropped));
    }
    let mut found = builder.materialise(&context);
    let kinds = (request.principal.entity_type(), request.resource.entity_type());
    let value = |root, path: &[SmolStr]| builder.attribute(root, path, &context, &found);
    let slice = index.slice(scope, &Values { kinds, value: &value });
    let lookups = builder.look_up(&slice, &context, &mut found)?;
    let entities = Entities::new()
        .add_entities(
            found.into_values().chain(schema.action_entity(&request.action.uid)),
            None::<&NoEntitiesSchema>,
            TCComputation::AssumeAlreadyComputed,
            Extensions::all_available(),
        )
        .map_err(|error| NoInputs::Cedar(error.to_string()))?;
    let context = Context::Value(Arc::new(context));
    Ok(Inputs { entities, context, slice, dropped: builder.dropped, lookups })
}

type Found = HashMap<EntityUID, Arc<Entity>>;

struct Builder<'a> {
    request: &'a LegRequest<'a>,
    schema: &'a Schema,
    stored: &'a Stored,
    scope: &'a Scope,
    bad: Vec<String>,
    dropped: Vec<Dropped>,
    /// The entities that the request names, with what it says of them.
    given: HashMap<EntityUID, Arc<Entity>>,
}

impl Builder<'_> {
    fn given_entities(&mut self) {
        let question = self.request.question;
        for (index, member) in question.chain.members().take(self.request.leg + 1).enumerate() {
            let root = (index == self.request.leg).then_some(Root::Principal);
            let from = if index == 0 { "subject" } else { "actor" };
            self.given_entity(member, root, from);
        }
        self.given_entity(&question.resource, Some(Root::Resource), "resource");
    }

    fn given_entity(&mut self, asked: &Asked, root: Option<Root>, from: &str) {
        let Some(info) = self.schema.vocabulary.entity_type(&asked.uid.kind) else { return };
        let uid = info.uid(&asked.uid.id);
        let stored = self.stored.get(&uid).cloned();
        let added = self.request_attributes(asked, info, stored.as_deref(), root, from);
        let entity = match stored {
            Some(stored) if added.is_empty() => stored,
            stored => Arc::new(overlay(uid.clone(), stored.as_deref(), added)),
        };
        self.given.insert(uid, entity);
    }

    /// Those properties of the request that count.
    fn request_attributes(
        &mut self,
        asked: &Asked,
        info: &TypeInfo,
        stored: Option<&Entity>,
        root: Option<Root>,
        from: &str,
    ) -> Vec<(SmolStr, Cedar)> {
        let mut added = Vec::new();
        for (name, value) in asked.properties.iter().filter(|(_, value)| !value.is_null()) {
            let member = || format!("{from}.properties.{name}");
            let known = stored.is_some_and(|stored| stored.get(name).is_some());
            match info.attributes.get(name) {
                None => self.drop(member(), "the schema does not declare it"),
                Some(Attribute { provenance: Provenance::Stored, .. }) => {
                    self.drop(member(), "only stored values of it count");
                }
                Some(Attribute { provenance: Provenance::Either, .. }) if known => {
                    self.drop(member(), "a stored value wins");
                }
                Some(attribute) => {
                    let mut path = vec![name.clone()];
                    let fitted = self.fit(
                        value,
                        attribute,
                        &mut path,
                        |builder, path| builder.scope.reads.attribute(root, path),
                        &format!("{from}.properties"),
                    );
                    added.extend(fitted.map(|fitted| (name.clone(), fitted)));
                }
            }
        }
        added
    }

    fn fit(
        &mut self,
        value: &Value,
        attribute: &Attribute,
        path: &mut Vec<SmolStr>,
        is_read: impl Fn(&Self, &[SmolStr]) -> bool,
        prefix: &str,
    ) -> Option<Cedar> {
        let mut findings = Findings::default();
        let fitted = fit(value, &attribute.ty, &self.schema.vocabulary, path, &mut findings);
        for undeclared in findings.undeclared {
            self.drop(format!("{prefix}.{}", undeclared.join(".")), "the schema does not declare it");
        }
        for (misfit, why) in findings.misfits {
            let member = format!("{prefix}.{}", misfit.join("."));
            if is_read(self, &misfit) {
                self.bad.push(format!("`{member}`: {why}"));
            } else {
                self.drop(member, &why);
            }
        }
        fitted
    }

    fn context(&mut self) -> BTreeMap<SmolStr, Cedar> {
        let action = self.request.action;
        let mut context = BTreeMap::new();
        for (name, value) in self.request.question.context.iter().filter(|(_, value)| !value.is_null()) {
            match action.context.get(name) {
                None => self.drop(format!("context.{name}"), "the schema does not declare it for this action"),
                Some(attribute) => {
                    let path = &mut vec![name.clone()];
                    let fitted = self.fit(value, attribute, path, |b, path| b.scope.reads.context(path), "context");
                    context.extend(fitted.map(|fitted| (name.clone(), fitted)));
                }
            }
        }
        self.action_properties(&mut context);
        for (name, _) in action.context.iter().filter(|(_, attribute)| attribute.required) {
            let supplied = self.request.question.context.get_present(name).is_some() || context.contains_key(name);
            if !supplied && !FACTS.contains(&name.as_str()) && self.scope.reads.context(std::slice::from_ref(name)) {
                self.bad.push(format!("`context.{name}`: it is missing, and the schema requires it"));
            }
        }
        self.facts(&mut context);
        context
    }

    fn action_properties(&mut self, context: &mut BTreeMap<SmolStr, Cedar>) {
        const NAME: &str = "action_properties";
        let properties = &self.request.question.action.properties;
        if properties.is_empty() {
            return;
        }
        match self.request.action.context.get(NAME) {
            None => self.drop("action.properties".to_owned(), "the schema does not declare `action_properties`"),
            Some(attribute) => {
                let value = Value::Record(properties.clone());
                let path = &mut vec![SmolStr::new_static(NAME)];
                let fitted = self.fit(&value, attribute, path, |b, path| b.scope.reads.context(path), "context");
                context.extend(fitted.map(|fitted| (NAME.into(), fitted)));
            }
        }
    }

    /// Facts, where an applicable policy reads them.
    fn facts(&mut self, context: &mut BTreeMap<SmolStr, Cedar>) {
        let reads = |name: &'static str| self.scope.reads.context(&[SmolStr::new_static(name)]);
        if reads("delegation") {
            context.insert("delegation".into(), self.delegation());
        }
        if reads("now")
            && let Some(now) = datetime(self.request.now)
        {
            context.insert("now".into(), now);
        }
        if let (true, Some(token), Some(attribute)) =
            (reads("token"), self.request.token, self.request.action.context.get("token"))
        {
            let value = Value::Record(token.clone());
            let path = &mut vec![SmolStr::new_static("token")];
            let fitted = self.fit(&value, attribute, path, |b, path| b.scope.reads.context(path), "context");
            context.extend(fitted.map(|fitted| ("token".into(), fitted)));
        }
    }

    fn delegation(&self) -> Cedar {
        // A member of an undeclared type has no place in the facts; its own leg denies.
        let uids: Vec<Option<(SmolStr, EntityUID)>> = self
            .request
            .question
            .chain
            .members()
            .take(self.request.leg + 1)
            .map(|member| {
                let info = self.schema.vocabulary.entity_type(&member.uid.kind)?;
                Some((member.uid.kind.clone(), info.uid(&member.uid.id)))
            })
            .collect();
        let place = |member: &Option<(SmolStr, EntityUID)>| {
            Cedar::record(member.iter().map(|(kind, uid)| (kind.clone(), Cedar::from(uid.clone()))), None)
        };
        let before = uids.get(..self.request.leg).unwrap_or_default();
        let mut delegation: Vec<(SmolStr, Cedar)> = Vec::new();
        delegation.extend(uids.first().map(|subject| ("subject".into(), place(subject))));
        delegation.extend(before.last().map(|from| ("from".into(), place(from))));
        if !before.is_empty() {
            let mut earlier: BTreeMap<SmolStr, Vec<Cedar>> = BTreeMap::new();
            for (kind, uid) in before.iter().flatten() {
                earlier.entry(kind.clone()).or_default().push(Cedar::from(uid.clone()));
            }
            let earlier = earlier.into_iter().map(|(kind, uids)| (kind, Cedar::set(uids, None)));
            delegation.push(("earlier".into(), Cedar::record(earlier, None)));
        }
        let depth = i64::try_from(self.request.leg).unwrap_or(i64::MAX);
        delegation.push(("depth".into(), Cedar::from(depth)));
        Cedar::record(delegation, None)
    }

    /// The entities that the applicable policies can look into: those that the request names, and what is stored
    /// within the level that policies are checked for.
    fn materialise(&mut self, context: &BTreeMap<SmolStr, Cedar>) -> Found {
        let mut found: Found = std::mem::take(&mut self.given);
        if self.scope.reads.follows || self.scope.mentions {
            let mut open: HashSet<EntityUID> = found.values().flat_map(|entity| references(entity)).collect();
            open.extend(context.values().flat_map(Cedar::all_literal_uids));
            for _ in 0..super::rules::LEVEL {
                let mut next = HashSet::new();
                for uid in open {
                    if !found.contains_key(&uid)
                        && let Some(entity) = self.stored.get(&uid)
                    {
                        next.extend(references(entity));
                        found.insert(uid, entity.clone());
                    }
                }
                open = next;
            }
        }
        found
    }

    /// What is known of an attribute before relations are looked up: all but the attributes that hold usersets.
    fn attribute(
        &self,
        root: Root,
        path: &[SmolStr],
        context: &BTreeMap<SmolStr, Cedar>,
        found: &Found,
    ) -> AttributeValue {
        let start = match root {
            Root::Principal => Some(self.request.principal),
            Root::Resource => Some(self.request.resource),
            Root::Context => None,
        };
        match value_at(context, |uid| found.get(uid).map(Arc::as_ref), start, path) {
            None => AttributeValue::Absent,
            Some(value) => match value.value_kind() {
                ValueKind::Lit(literal) => AttributeValue::Is(literal.clone()),
                ValueKind::Set(_) | ValueKind::Record(_) | ValueKind::ExtensionValue(_) => AttributeValue::Other,
            },
        }
    }

    /// Looks up what the policies ask of relations. Each userset stands in its attribute, and what holds makes it a
    /// parent.
    fn look_up(
        &self,
        slice: &Slice,
        context: &BTreeMap<SmolStr, Cedar>,
        found: &mut Found,
    ) -> Result<Vec<RelationLookup>, NoInputs> {
        let mut lookups = Vec::new();
        let mut parents: Vec<(EntityUID, EntityUID)> = Vec::new();
        let mut attributes: Vec<(EntityUID, SmolStr, EntityUID)> = Vec::new();
        for mention in slice.mentions.iter() {
            let Some(user) = self.entity_at(&mention.user, context, found) else { continue };
            let object = match &mention.object {
                Object::Literal(object) => object.clone(),
                Object::Path(root, path) => match self.entity_at(&(*root, path.clone()), context, found) {
                    Some(uid) => entity_ref(&uid),
                    None => continue,
                },
            };
            // A path may lead to types that do not all have the relation: policies ask it only of those that do.
            let has = self.schema.relations.relations.get(&object.kind);
            if !has.is_some_and(|relations| relations.contains(&mention.relation)) {
                continue;
            }
            let Some(userset) = userset_id(&object, &mention.relation) else {
                let message = format!("the id of `{object}` is too long for a tuple");
                return Err(NoInputs::Relation(RelationFailure::Denied(message)));
            };
            let question = RelationQuestion {
                user: &entity_ref(&user),
                object: &object,
                relation: &mention.relation,
                context: &self.request.question.context,
                now: self.request.now,
                action: &self.request.question.action.name,
                resource: &self.request.question.resource.uid,
            };
            let answer = self.request.relations.holds(&question).map_err(NoInputs::Relation)?;
            let uid = EntityUID::from_components(self.schema.userset.clone(), Eid::new(&userset), None);
            if let (Object::Path(..), Some(info)) = (&mention.object, self.schema.vocabulary.entity_type(&object.kind))
            {
                attributes.push((info.uid(&object.id), mention.relation.clone(), uid.clone()));
            }
            if answer.held {
                parents.push((user.clone(), uid));
            }
            let user = entity_ref(&user).to_string();
            lookups.push(RelationLookup { user, userset, held: answer.held, witness: answer.witness });
        }
        for (uid, relation, userset) in attributes {
            let value = PartialValue::Value(Cedar::from(userset));
            change(found, uid, |attributes, _| drop(attributes.insert(relation, value)));
        }
        for (uid, userset) in parents {
            change(found, uid, |_, parents| parents.extend([userset]));
        }
        Ok(lookups)
    }

    /// The entity that a path leads to, where it leads to one.
    fn entity_at(
        &self,
        (root, path): &(Root, Vec<SmolStr>),
        context: &BTreeMap<SmolStr, Cedar>,
        found: &Found,
    ) -> Option<EntityUID> {
        let question = self.request.question;
        let start = match root {
            Root::Principal => question.chain.members().nth(self.request.leg).map(|member| &member.uid),
            Root::Resource => Some(&question.resource.uid),
            Root::Context => None,
        };
        let start = match start {
            Some(uid) => Some(self.schema.vocabulary.entity_type(&uid.kind)?.uid(&uid.id)),
            None => None,
        };
        match value_at(context, |uid| found.get(uid).map(Arc::as_ref), start.as_ref(), path)?.value_kind() {
            ValueKind::Lit(Literal::EntityUID(uid)) => Some(uid.as_ref().clone()),
            _ => None,
        }
    }

    fn drop(&mut self, member: String, why: &str) {
        self.dropped.push(Dropped { member, why: why.to_owned() });
    }
}

fn overlay(uid: EntityUID, stored: Option<&Entity>, added: Vec<(SmolStr, Cedar)>) -> Entity {
    let added = added.into_iter().map(|(name, value)| (name, PartialValue::Value(value)));
    match stored {
        None => Entity::new_with_attr_partial_value(uid, added, HashSet::new(), HashSet::new(), []),
        Some(stored) => {
            let (uid, mut attributes, indirect, parents, tags) = stored.clone().into_inner();
            attributes.extend(added);
            Entity::new_with_attr_partial_value(uid, attributes, indirect, parents, tags)
        }
    }
}

/// The entities that an entity's attributes and tags name.
fn references(entity: &Entity) -> HashSet<EntityUID> {
    entity
        .attrs()
        .chain(entity.tags())
        .filter_map(|(_, value)| match value {
            PartialValue::Value(value) => Some(value.all_literal_uids()),
            PartialValue::Residual(_) => None,
        })
        .flatten()
        .collect()
}

/// A point in time as Cedar's `datetime`; none outside of the years that it writes.
pub(super) fn datetime(at: Timestamp) -> Option<Cedar> {
    let text = jiff::Timestamp::from_millisecond(at.0).ok()?.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    construct("datetime", &text)
}

/// The value at a path: follows attributes through records and the entities at hand.
pub(super) fn value_at<'e>(
    context: &BTreeMap<SmolStr, Cedar>,
    entity: impl Fn(&EntityUID) -> Option<&'e Entity>,
    start: Option<&EntityUID>,
    path: &[SmolStr],
) -> Option<Cedar> {
    let (mut value, rest) = match (start, path) {
        (Some(uid), path) => (Cedar::from(uid.clone()), path),
        (None, [first, rest @ ..]) => (context.get(first)?.clone(), rest),
        (None, []) => return None,
    };
    for name in rest {
        value = match value.value_kind() {
            ValueKind::Record(members) => members.get(name)?.clone(),
            ValueKind::Lit(Literal::EntityUID(uid)) => match entity(uid)?.get(name)? {
                PartialValue::Value(value) => value.clone(),
                PartialValue::Residual(_) => return None,
            },
            _ => return None,
        };
    }
    Some(value)
}

fn entity_ref(uid: &EntityUID) -> EntityRef {
    EntityRef::new(uid.entity_type().to_string(), AsRef::<str>::as_ref(uid.eid()))
}

/// Replaces an entity by one with other attributes or parents; makes it where there is none.
fn change(
    found: &mut Found,
    uid: EntityUID,
    change: impl FnOnce(&mut BTreeMap<SmolStr, PartialValue>, &mut HashSet<EntityUID>),
) {
    let known = found.get(&uid).map_or_else(|| Entity::with_uid(uid.clone()), |entity| entity.as_ref().clone());
    let (uid, mut attributes, indirect, mut parents, tags) = known.into_inner();
    change(&mut attributes, &mut parents);
    let changed = Entity::new_with_attr_partial_value(uid.clone(), attributes, indirect, parents, tags);
    found.insert(uid, Arc::new(changed));
}
