//! Looks up the relations that policies mention.

use super::{ContextMembers, InputBuilder, NoInputs, value_at};
use crate::model::{EntityRef, RelationLookup};
use crate::policy::analysis::mentions::{Mention, ObjectTerm, userset_id};
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::explanation::shown::{SECRET, may_be_shown};
use crate::policy::explanation::unmet::unmet_conditions;
use crate::policy::index::Slice;
use crate::policy::port::{RelationAnswer, RelationFailure, RelationQuestion};
use cedar_policy_core::ast::{Eid, EntityType, EntityUID, Literal, Value as Cedar, ValueKind};
use smol_str::{SmolStr, ToSmolStr as _};

impl InputBuilder<'_> {
    /// Looks up the relations that the policies mention. Each userset is the value of its
    /// attribute, and becomes a parent of the user if the relation holds.
    pub(super) fn look_up(
        &mut self,
        slice: &Slice,
        context: &ContextMembers,
    ) -> Result<Vec<RelationLookup>, NoInputs> {
        let condition_context = self.condition_context();
        let mut lookups = Vec::new();
        let mut changes: Vec<LookupChange> = Vec::new();
        for mention in slice.mentions.iter() {
            let Some(user) = self.entity_at(&mention.user, context) else {
                continue;
            };
            let Some((object, object_uid)) = self.object_of(mention, context) else {
                continue;
            };
            // A path may lead to types that do not all have the relation. Policies use the relation
            // only for objects of types that have it.
            let has = self.schema.relations.relations.get(&object.kind);
            if !has.is_some_and(|relations| relations.contains(&mention.relation)) {
                continue;
            }
            let Some(userset) = userset_id(&object, &mention.relation) else {
                // The id may be the value of a secret attribute, so it is not shown.
                let message = format!(
                    "the id of an object of type `{}` is empty, or too long for a tuple",
                    object.kind
                );
                let failure = RelationFailure::Denied(message, Vec::new());
                return Err(NoInputs::Relation(failure, lookups));
            };
            let question = RelationQuestion {
                user: &entity_ref(&user),
                object: &object,
                relation: &mention.relation,
                context: &condition_context,
                now: self.request.now,
                action: &self.request.question.action.name,
                resource: &self.request.question.resource.uid,
            };
            let held = match self.answer(mention, &question, &userset, &mut lookups) {
                Ok(held) => held,
                Err(failure) => return Err(NoInputs::Relation(failure, lookups)),
            };
            let userset =
                EntityUID::from_components(self.schema.userset.clone(), Eid::new(userset), None);
            // An object of an undeclared type is no Cedar entity: its attributes cannot be read.
            let object =
                object_uid.filter(|_| self.schema.vocabulary.entity_type(&object.kind).is_some());
            let attribute = object.map(|object| (object, mention.relation.clone()));
            changes.push(LookupChange {
                userset,
                attribute,
                member: held.then_some(user),
            });
        }
        self.apply(changes);
        Ok(lookups)
    }

    /// Decides whether a relation holds, and adds the look-up if an explanation is wanted: also one
    /// that is denied.
    fn answer(
        &self,
        mention: &Mention,
        question: &RelationQuestion<'_>,
        userset: &str,
        lookups: &mut Vec<RelationLookup>,
    ) -> Result<bool, RelationFailure> {
        let answered = self.request.relations.holds(question);
        if self.request.explains {
            match &answered {
                Ok(answer) => lookups.push(self.shown(mention, question, userset, answer.clone())),
                Err(RelationFailure::Denied(_, unmet)) => {
                    let answer = RelationAnswer {
                        unmet: unmet.clone(),
                        ..RelationAnswer::default()
                    };
                    lookups.push(self.shown(mention, question, userset, answer));
                }
                Err(RelationFailure::Fault(_) | RelationFailure::Limit(_)) => {}
            }
        }
        answered.map(|answer| answer.held)
    }

    /// Returns the object of a mention, if it leads to one, and the object's entity if a path leads
    /// to it.
    fn object_of(
        &self,
        mention: &Mention,
        context: &ContextMembers,
    ) -> Option<(EntityRef, Option<EntityUID>)> {
        match &mention.object {
            ObjectTerm::Literal(object) => Some((object.clone(), None)),
            ObjectTerm::Path(root, path) => {
                let uid = self.entity_at(&(*root, path.clone()), context)?;
                Some((entity_ref(&uid), Some(uid)))
            }
        }
    }

    /// Makes the changes after all look-ups, so that no look-up sees the result of an earlier one.
    fn apply(&mut self, changes: Vec<LookupChange>) {
        for LookupChange {
            userset,
            attribute,
            member,
        } in changes
        {
            if let Some((object, relation)) = attribute {
                let draft = self.drafts.add(&object);
                self.drafts
                    .set(draft, relation, Cedar::from(userset.clone()));
            }
            if let Some(member) = member {
                let draft = self.drafts.add(&member);
                self.drafts.add_parent(draft, userset);
            }
        }
    }

    /// Returns a look-up for an explanation. The users and objects to which a secret attribute
    /// leads are not named, nor is a path of tuples between them shown.
    fn shown(
        &self,
        mention: &Mention,
        question: &RelationQuestion<'_>,
        userset: &str,
        answer: RelationAnswer,
    ) -> RelationLookup {
        let vocabulary = &self.schema.vocabulary;
        let shows_user = may_be_shown(&mention.user.1, vocabulary);
        let shows_object = match &mention.object {
            ObjectTerm::Literal(_) => true,
            ObjectTerm::Path(_, path) => may_be_shown(path, vocabulary),
        };
        let RelationAnswer {
            held,
            witness,
            unmet,
        } = answer;
        let shows_path = shows_user && shows_object;
        RelationLookup {
            user: if shows_user {
                question.user.to_string()
            } else {
                SECRET.to_owned()
            },
            userset: if shows_object {
                userset.to_owned()
            } else {
                format!("{SECRET}#{}", mention.relation)
            },
            held,
            witness: if shows_path { witness } else { Vec::new() },
            unmet: if shows_path {
                unmet_conditions(unmet, question.context, vocabulary)
            } else {
                Vec::new()
            },
        }
    }

    /// Returns the entity that a path leads to, if any.
    fn entity_at(
        &self,
        (root, path): &(PathRoot, Vec<SmolStr>),
        context: &ContextMembers,
    ) -> Option<EntityUID> {
        let start = match root {
            PathRoot::Principal => Some(self.request.principal),
            PathRoot::Resource => Some(self.request.resource),
            PathRoot::Context => None,
        };
        if let (Some(uid), []) = (start, path.as_slice()) {
            return Some(uid.clone());
        }
        match value_at(context, |uid, name| self.drafts.get(uid, name), start, path)?.value_kind() {
            ValueKind::Lit(Literal::EntityUID(uid)) => Some(uid.as_ref().clone()),
            _ => None,
        }
    }
}

/// What one look-up changes.
struct LookupChange {
    userset: EntityUID,
    /// The attribute that holds the userset.
    attribute: Option<(EntityUID, SmolStr)>,
    /// The user, if it is in the userset.
    member: Option<EntityUID>,
}

fn entity_ref(uid: &EntityUID) -> EntityRef {
    EntityRef::new(kind_of(uid.entity_type()), AsRef::<str>::as_ref(uid.eid()))
}

/// Returns the full name of a type.
fn kind_of(kind: &EntityType) -> SmolStr {
    let name: &cedar_policy_core::ast::InternalName = kind.name().as_ref();
    if name.is_unqualified() {
        SmolStr::new(name.basename())
    } else {
        kind.to_smolstr()
    }
}
