//! Builds the inputs of one leg's policies: entities and a context, from the request, the stored
//! entities and the facts.
//!
//! **Problem.** Building the inputs of policies costs more than evaluating them, and policies read
//! little of what a request says.
//! **Decision.** What no policy of the scope reads is neither converted nor built, unless an
//! explanation shall list what was left out. A leg has few entities: they are drafts in a short
//! list ([`EntityDrafts`]) until relations are looked up, and are converted to Cedar's entities
//! once, at the end.
//! **Trade-off.** Cedar's entity store is a hash map that is built for each leg, which takes about
//! a microsecond.
//!
//! INVARIANT: a leg's inputs come from its principal, the members before it, the resource, the
//! action and the context. No later member contributes, so a leg's outcome does not depend on who
//! acts through its principal.

pub(in crate::policy) mod coerce;
mod condition_values;
mod context;
pub(in crate::policy) mod conversions;
mod drafts;
mod lookups;
pub(in crate::policy) mod points;
mod properties;
pub(in crate::policy) mod written_values;

pub(super) use context::datetime;
pub(super) use drafts::{known, value_at};

use super::index::{AttributeValue, LegValues, PolicyIndex, ScopePolicies, Slice};
use super::schema::{ActionInfo, Attribute, Schema, TypeInfo};
use crate::model::{
    DroppedMember, DroppedMembers, Entity as Asked, Question, Record, RelationLookup, Timestamp,
    Value, nearest,
};
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::explanation::shown::{path_text, undeclared_name};
use crate::policy::inputs::coerce::{CoercionFindings, EpochNanos, ValuePath, fit};
use crate::policy::inputs::conversions::{Conversion, Conversions, ValueOrigin, is_compound};
use crate::policy::load::stored::StoredEntities;
use crate::policy::port::{RelationFailure, Relations};
use cedar_policy_core::ast::{Context, Entity, EntityUID, Value as Cedar, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::validator::types::Type;
use drafts::EntityDrafts;
use points::{Holder, Point, Points};
use properties::passed_over;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// LIMIT: undeclared members of one leg for which a declared member with a similar name is
/// searched. With many of them the search takes longer than the rest of a leg, and each leg of each
/// item of a batch repeats it. A client with more misspelt names sees from the first ones what is
/// wrong.
const MAX_COMPARED: usize = 8;

/// The leg whose inputs are built.
pub(super) struct LegRequest<'a> {
    pub(super) question: &'a Question,
    /// Which member of the chain is the principal.
    pub(super) leg: usize,
    pub(super) now: Timestamp,
    /// The claims of a verified credential.
    pub(super) token: Option<&'a Record>,
    pub(super) action: &'a ActionInfo,
    pub(super) principal: &'a EntityUID,
    pub(super) resource: &'a EntityUID,
    /// The implementation that answers questions about relations.
    pub(super) relations: &'a dyn Relations,
    /// The converted values that the legs share.
    pub(super) conversions: Option<&'a Conversions>,
    /// Whether to return what no policy could see, and which relations were looked up.
    pub(super) explains: bool,
}

/// The reason why a leg has no inputs.
pub(super) enum NoInputs {
    /// Values that a policy reads do not fit their types; and what else no policy could see.
    Bad(Vec<String>, DroppedMembers),
    /// A relation could not be looked up; and the look-ups so far, with that one, if an explanation
    /// is wanted.
    Relation(RelationFailure, Vec<RelationLookup>),
    /// Cedar refused the inputs. Its message may contain any value, and is not kept.
    Cedar,
}

/// The inputs of the policies.
pub(super) struct PolicyInputs {
    pub(super) entities: Entities,
    pub(super) context: Context,
    /// The policies that can change the outcome.
    pub(super) slice: Arc<Slice>,
    /// What no policy could see, if an explanation is wanted.
    pub(super) dropped: DroppedMembers,
    /// The relations that were looked up, if an explanation is wanted.
    pub(super) lookups: Vec<RelationLookup>,
}

/// Builds a leg's inputs for the policies of a scope, and finds those policies that can change the
/// outcome. Relations are looked up for these only. A point in time between two milliseconds that a
/// policy of the scope reads is in the inputs as the millisecond before; such points are returned
/// beside the inputs, if there are any.
pub(super) fn build<'a>(
    request: &'a LegRequest<'a>,
    schema: &'a Schema,
    stored: &'a StoredEntities,
    index: &PolicyIndex,
    scope: &'a ScopePolicies,
) -> Result<(PolicyInputs, Option<Points<'a>>), NoInputs> {
    let mut builder = InputBuilder {
        request,
        schema,
        scope,
        drafts: EntityDrafts::new(stored, schema),
        bad: Vec::new(),
        condition_members: Vec::new(),
        dropped: DroppedMembers::default(),
        compared: 0,
        points: Vec::new(),
        holders: Vec::new(),
    };
    builder.given_entities();
    let context = builder.context();
    if !builder.bad.is_empty() {
        return Err(NoInputs::Bad(builder.bad, builder.dropped));
    }
    let kinds = (
        request.principal.entity_type(),
        request.resource.entity_type(),
    );
    let value = |root, path: &[SmolStr]| builder.attribute(root, path, &context);
    let slice = index.slice(
        scope,
        &LegValues {
            kinds,
            value: &value,
        },
    );
    let lookups = builder.look_up(&slice, &context)?;
    let others = builder.others(&context);
    let points = builder.take_points(&others);
    let inputs = PolicyInputs {
        entities: builder.drafts.into_entities(others.into_iter())?,
        context: Context::Value(Arc::new(context)),
        slice,
        dropped: builder.dropped,
        lookups,
    };
    Ok((inputs, points))
}

/// The members of a context.
type ContextMembers = BTreeMap<SmolStr, Cedar>;

struct InputBuilder<'a> {
    request: &'a LegRequest<'a>,
    schema: &'a Schema,
    scope: &'a ScopePolicies,
    /// The entities that the request names, with its properties.
    drafts: EntityDrafts<'a>,
    bad: Vec<String>,
    /// What conditions see of the context's declared members that they read.
    condition_members: Vec<(SmolStr, Value)>,
    dropped: DroppedMembers,
    /// The number of undeclared members that were compared with the declared ones.
    compared: usize,
    /// Points in time between two milliseconds, and the values that contain them.
    points: Vec<Point>,
    holders: Vec<Holder<'a>>,
}

/// The owner of a value: the context, or the entity whose attribute it is.
#[derive(Clone, Copy)]
struct Seat<'s> {
    /// The variable that names the owner, if one does.
    root: Option<PathRoot>,
    /// The entity's draft; `None` for the context.
    draft: Option<usize>,
    /// The name of the owner in messages.
    from: &'s str,
}

impl Seat<'_> {
    const CONTEXT: Self = Self {
        root: Some(PathRoot::Context),
        draft: None,
        from: "context",
    };

    /// Returns the path of the owner's values, for messages.
    fn prefix(self) -> String {
        match self.draft {
            None => self.from.to_owned(),
            Some(_) => format!("{}.properties", self.from),
        }
    }
}

impl<'a> InputBuilder<'a> {
    fn given_entities(&mut self) {
        let request = self.request;
        let mut members = request
            .question
            .chain
            .members()
            .take(request.leg + 1)
            .enumerate();
        // If no policy looks into entities other than the principal and the resource, the members
        // before the principal are not seen.
        if !(self.scope.reads.follows || request.explains) {
            members.by_ref().take(request.leg).for_each(drop);
        }
        for (index, member) in members {
            let from = if index == 0 { "subject" } else { "actor" };
            let origin = |name: &SmolStr| ValueOrigin::Member(index, name.clone());
            if index == request.leg {
                self.given_entity(
                    member,
                    request.principal,
                    Some(PathRoot::Principal),
                    from,
                    origin,
                );
            } else if let Some(info) = self.schema.vocabulary.entity_type(&member.uid.kind) {
                self.given_entity(member, &info.uid(&member.uid.id), None, from, origin);
            }
        }
        let origin = |name: &SmolStr| ValueOrigin::Resource(name.clone());
        self.given_entity(
            &request.question.resource,
            request.resource,
            Some(PathRoot::Resource),
            "resource",
            origin,
        );
    }

    fn given_entity(
        &mut self,
        asked: &'a Asked,
        uid: &EntityUID,
        root: Option<PathRoot>,
        from: &str,
        origin: impl Fn(&SmolStr) -> ValueOrigin,
    ) {
        let draft = self.drafts.add(uid);
        if asked.properties.is_empty() {
            return;
        }
        if let Some(info) = self.schema.vocabulary.entity_type(&asked.uid.kind) {
            let seat = Seat {
                root,
                draft: Some(draft),
                from,
            };
            self.request_attributes(asked, info, draft, seat, origin);
        }
    }

    /// Adds those properties of the request that count.
    fn request_attributes(
        &mut self,
        asked: &'a Asked,
        info: &TypeInfo,
        draft: usize,
        seat: Seat<'_>,
        origin: impl Fn(&SmolStr) -> ValueOrigin,
    ) {
        for (name, value) in asked
            .properties
            .iter()
            .filter(|(_, value)| !value.is_null())
        {
            let Some(attribute) = info.attributes.get(name) else {
                self.drop_undeclared(
                    &format_args!("{}.properties", seat.from),
                    name,
                    &info.attributes,
                    "",
                );
                continue;
            };
            if let Some(why) =
                passed_over(attribute.provenance, || self.drafts.is_stored(draft, name))
            {
                self.drop(|| (format!("{}.{name}", seat.prefix()), why.to_owned()));
                continue;
            }
            if !(self.scope.reads.reads_attribute(seat.root, name) || self.request.explains) {
                continue;
            }
            let value = Cow::Borrowed(value);
            let fitted = self.fit(value, attribute, name, seat, Some(&|| origin(name)));
            if let Some(fitted) = fitted {
                self.drafts.set(draft, name.clone(), fitted);
            }
        }
    }

    /// Converts a value to its declared type.
    fn fit(
        &mut self,
        value: Cow<'a, Value>,
        attribute: &Attribute,
        name: &SmolStr,
        seat: Seat<'_>,
        origin: Option<&dyn Fn() -> ValueOrigin>,
    ) -> Option<Cedar> {
        let convert = || self.convert(&value, attribute, name);
        let Conversion {
            value: fitted,
            findings,
        } = match (self.request.conversions, origin) {
            (Some(conversions), Some(origin)) if is_compound(&value) => {
                conversions.get(origin(), convert)
            }
            _ => convert(),
        };
        for undeclared in findings.undeclared {
            let path = || path_text(&undeclared, &self.schema.vocabulary);
            self.drop(|| {
                (
                    format!("{}.{}", seat.prefix(), path()),
                    "the schema does not declare it".to_owned(),
                )
            });
        }
        self.dropped.add_untold(findings.more_undeclared);
        for (misfit, why) in findings.misfits {
            let path = path_text(&misfit, &self.schema.vocabulary);
            let member = format!("{}.{path}", seat.prefix());
            if self.scope.value_at(seat.root, &misfit) {
                self.bad.push(format!("`{member}`: {why}"));
            } else {
                self.drop(|| (member, why));
            }
        }
        if let Some(fitted) = &fitted
            && !findings.between.is_empty()
        {
            let held = (value, Arc::clone(&attribute.ty), fitted.clone());
            self.note_points(findings.between, seat, name, held, origin);
        }
        fitted
    }

    /// Notes points in time that a policy reads, and the value that contains them.
    fn note_points(
        &mut self,
        between: Vec<(EpochNanos, Vec<SmolStr>)>,
        seat: Seat<'_>,
        name: &SmolStr,
        (value, ty, fitted): (Cow<'a, Value>, Arc<Type>, Cedar),
        origin: Option<&dyn Fn() -> ValueOrigin>,
    ) {
        let mut paths: Vec<Vec<SmolStr>> = Vec::new();
        for (instant, path) in between {
            if !self.scope.reads.value_at(seat.root, &path) {
                continue;
            }
            let text = path_text(&path, &self.schema.vocabulary);
            if !paths.contains(&path) {
                paths.push(path.clone());
            }
            self.points.push(Point {
                instant,
                root: seat.root,
                path,
                member: format!("{}.{text}", seat.prefix()),
            });
        }
        if paths.is_empty() {
            return;
        }
        self.holders.push(Holder {
            draft: seat.draft,
            name: name.clone(),
            value,
            ty,
            fitted,
            paths,
            origin: origin.map(|origin| origin()),
        });
    }

    /// Returns the points in time between two milliseconds, with what is needed to round them
    /// otherwise.
    fn take_points(&mut self, others: &[Arc<Entity>]) -> Option<Points<'a>> {
        if self.points.is_empty() {
            return None;
        }
        Some(Points {
            all: std::mem::take(&mut self.points),
            holders: std::mem::take(&mut self.holders),
            drafts: self.drafts.clone(),
            others: others.to_vec(),
            vocabulary: &self.schema.vocabulary,
            conversions: self.request.conversions,
        })
    }

    fn convert(&self, value: &Value, attribute: &Attribute, name: &SmolStr) -> Conversion {
        let mut findings = CoercionFindings::default();
        let value = fit(
            value,
            &attribute.ty,
            &self.schema.vocabulary,
            ValuePath::top(name),
            &mut findings,
        );
        Conversion { value, findings }
    }

    /// Returns what is known of an attribute before relations are looked up, which is everything
    /// except the attributes that hold usersets.
    fn attribute(
        &self,
        root: PathRoot,
        path: &[SmolStr],
        context: &ContextMembers,
    ) -> AttributeValue {
        let start = match root {
            PathRoot::Principal => Some(self.request.principal),
            PathRoot::Resource => Some(self.request.resource),
            PathRoot::Context => None,
        };
        match value_at(context, |uid, name| self.drafts.get(uid, name), start, path) {
            None => AttributeValue::Absent,
            Some(value) => match value.value_kind() {
                ValueKind::Lit(literal) => AttributeValue::Is(literal.clone()),
                ValueKind::Set(_) | ValueKind::Record(_) | ValueKind::ExtensionValue(_) => {
                    AttributeValue::Other
                }
            },
        }
    }

    /// Returns the entities that the policies can look into beside those that the request names:
    /// the stored entities within the level for which policies are validated, and the action if
    /// they look at it.
    fn others(&self, context: &ContextMembers) -> Vec<Arc<Entity>> {
        let mut others = if self.scope.reads.follows {
            self.drafts.reachable(context.values())
        } else {
            Vec::new()
        };
        let own = &self.request.action.uid;
        // A stored value may have named the request's own action already.
        if self.scope.reads.looks_at_action
            && others.iter().all(|entity| entity.uid() != own.as_ref())
        {
            others.extend(self.schema.action_entity(own));
        }
        others
    }

    /// Notes a member that the schema does not declare here, with the declared member that was
    /// probably meant.
    fn drop_undeclared(
        &mut self,
        place: &dyn fmt::Display,
        name: &SmolStr,
        declared: &BTreeMap<SmolStr, Attribute>,
        of: &str,
    ) {
        let vocabulary = &self.schema.vocabulary;
        let is_compared = self.compared < MAX_COMPARED;
        self.compared += 1;
        self.drop(|| {
            let names = declared.keys().map(SmolStr::as_str);
            let near = is_compared.then(|| nearest(name, names)).flatten();
            let meant = near
                .map(|near| format!("; did you mean `{near}`?"))
                .unwrap_or_default();
            let member = format!(
                "{place}.{}",
                undeclared_name(name, declared.keys(), vocabulary)
            );
            (member, format!("the schema does not declare it{of}{meant}"))
        });
    }

    /// Notes what no policy can see, for an explanation only.
    fn drop(&mut self, what: impl FnOnce() -> (String, String)) {
        if self.request.explains {
            self.dropped.push(|| {
                let (member, why) = what();
                DroppedMember { member, why }
            });
        }
    }
}
