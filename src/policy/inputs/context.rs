//! Builds the context of one leg: the request's members, and the facts.

use super::condition_values::ConditionValues;
use super::{ContextMembers, InputBuilder, Seat};
use crate::model::{Record, Timestamp, Value};
use crate::policy::inputs::coerce;
use crate::policy::inputs::conversions::ValueOrigin;
use crate::policy::schema::Attribute;
use cedar_policy_core::ast::{EntityUID, Value as Cedar};
use smol_str::SmolStr;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The members of every context that the engine supplies.
const FACTS: [&str; 3] = ["delegation", "now", "token"];

const DELEGATION: SmolStr = SmolStr::new_static("delegation");

const ACTION_PROPERTIES: SmolStr = SmolStr::new_static("action_properties");

impl<'a> InputBuilder<'a> {
    pub(super) fn context(&mut self) -> ContextMembers {
        let action = self.request.action;
        let question = self.request.question;
        let mut context = ContextMembers::new();
        for (name, value) in question
            .context
            .iter()
            .filter(|(_, value)| !value.is_null())
        {
            if action.context.contains_key(name) {
                self.member(name, Cow::Borrowed(value), &mut context);
            } else {
                self.drop_undeclared(&"context", name, &action.context, " for this action");
            }
        }
        if !question.action.properties.is_empty() {
            if action.context.contains_key(&ACTION_PROPERTIES) {
                let properties = Value::Record(question.action.properties.clone());
                self.member(&ACTION_PROPERTIES, Cow::Owned(properties), &mut context);
            } else {
                self.drop(|| {
                    (
                        "action.properties".to_owned(),
                        "the schema does not declare `action_properties`".to_owned(),
                    )
                });
            }
        }
        for (name, _) in action
            .context
            .iter()
            .filter(|(_, attribute)| attribute.required)
        {
            if FACTS.contains(&name.as_str()) || !self.scope.reads_context(name) {
                continue;
            }
            if question.context.get_present(name).is_none() && !context.contains_key(name) {
                self.bad.push(format!(
                    "`context.{name}`: it is missing, and the schema requires it"
                ));
            }
        }
        self.facts(&mut context);
        context
    }

    /// Adds a member of the request, if a policy reads it, or a condition of a relation.
    fn member(&mut self, name: &SmolStr, value: Cow<'a, Value>, context: &mut ContextMembers) {
        let Some(attribute) = self.request.action.context.get(name) else {
            return;
        };
        if !(self.scope.reads_context(name) || self.request.explains) {
            return;
        }
        let origin: &dyn Fn() -> ValueOrigin = &|| ValueOrigin::Context(name.clone());
        // Each credential has claims of its own, so `token` is not kept for other legs.
        let shared = (name != "token").then_some(origin);
        let fitted = self.fit(value.clone(), attribute, name, Seat::CONTEXT, shared);
        self.condition_value(name, &value, attribute);
        if let Some(fitted) = fitted {
            context.insert(name.clone(), fitted);
        }
    }

    /// Makes what conditions see of a member, if one reads it.
    fn condition_value(&mut self, name: &SmolStr, value: &Value, attribute: &Attribute) {
        if !self.scope.condition_reads_member(name) {
            return;
        }
        let values = ConditionValues {
            scope: self.scope,
            vocabulary: &self.schema.vocabulary,
            bad: &mut self.bad,
        };
        let seen = values.member(name, value, &attribute.ty);
        let member = (name.clone(), seen.unwrap_or(Value::Null));
        self.condition_members.push(member);
    }

    /// Returns the context that conditions see. Members that the schema does not declare for the
    /// action are in it as they were sent.
    pub(super) fn condition_context(&mut self) -> Record {
        let mut context = self.request.question.context.clone();
        if self.scope.parameters.is_empty() {
            return context;
        }
        if !self.condition_members.is_empty() {
            context.extend(std::mem::take(&mut self.condition_members));
        }
        context.without_nulls().unwrap_or(context)
    }

    /// Adds the facts that an applicable policy reads.
    fn facts(&mut self, context: &mut ContextMembers) {
        let reads = &self.scope.reads;
        if reads.reads_context(&DELEGATION) {
            context.insert(DELEGATION, self.delegation());
        }
        if reads.reads_context("now")
            && let Some(now) = datetime(self.request.now)
        {
            context.insert("now".into(), now);
        }
        if let Some(token) = self.request.token
            && reads.reads_context("token")
        {
            self.member(
                &SmolStr::new_static("token"),
                Cow::Owned(Value::Record(token.clone())),
                context,
            );
        }
    }

    fn delegation(&self) -> Cedar {
        // A member of an undeclared type is not in the facts; its own leg denies.
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
            Cedar::record(
                member
                    .iter()
                    .map(|(kind, uid)| (kind.clone(), Cedar::from(uid.clone()))),
                None,
            )
        };
        // Of the members of a fact, too, only those that a policy reads are added.
        let reads = |member: &'static str| {
            self.scope
                .reads
                .context(&[DELEGATION, SmolStr::new_static(member)])
        };
        let before = uids.get(..self.request.leg).unwrap_or_default();
        let mut delegation: Vec<(SmolStr, Cedar)> = Vec::with_capacity(4);
        if reads("subject") {
            delegation.extend(
                uids.first()
                    .map(|subject| ("subject".into(), place(subject))),
            );
        }
        if reads("from") {
            delegation.extend(before.last().map(|from| ("from".into(), place(from))));
        }
        if reads("earlier") && !before.is_empty() {
            let mut earlier: BTreeMap<SmolStr, Vec<Cedar>> = BTreeMap::new();
            for (kind, uid) in before.iter().flatten() {
                earlier
                    .entry(kind.clone())
                    .or_default()
                    .push(Cedar::from(uid.clone()));
            }
            let earlier = earlier
                .into_iter()
                .map(|(kind, uids)| (kind, Cedar::set(uids, None)));
            delegation.push(("earlier".into(), Cedar::record(earlier, None)));
        }
        if reads("depth") {
            let depth = i64::try_from(self.request.leg).unwrap_or(i64::MAX);
            delegation.push(("depth".into(), Cedar::from(depth)));
        }
        Cedar::record(delegation, None)
    }
}

/// Returns a point in time as Cedar's `datetime`; `None` outside the years that `datetime` can
/// hold.
///
/// Cedar makes a `datetime` from text alone, in some microseconds. All legs of a request or a batch
/// have one time, and under load so have many requests: the last one is kept.
pub(in crate::policy) fn datetime(at: Timestamp) -> Option<Cedar> {
    thread_local! {
        static LAST: RefCell<Option<(Timestamp, Cedar)>> = const { RefCell::new(None) };
    }
    let kept = LAST.with_borrow(|last| {
        last.as_ref()
            .filter(|(of, _)| *of == at)
            .map(|(_, value)| value.clone())
    });
    kept.or_else(|| {
        let made = coerce::datetime(&format!("{at:.3}"))?;
        LAST.set(Some((at, made.clone())));
        Some(made)
    })
}
