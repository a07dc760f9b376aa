//! Finds points in time between two milliseconds in a leg's inputs, and builds the same inputs with
//! some of the points read as the millisecond after.
//!
//! **Problem.** To see whether a decision depends on how such points are rounded, they are rounded
//! otherwise, several times. Building the inputs anew each time converted a body of a megabyte, and
//! looked up every relation, eight times on each leg.
//! **Decision.** The values that contain a point are noted while the inputs are built. Of these,
//! only the records on the path to the point and the sets that contain it are built again.
//! Everything else is shared with the inputs on which the leg was decided, and the legs of one
//! question share what was built.
//!
//! INVARIANT: relations, parents, stored values and the selection of policies depend on no point in
//! time.

use super::coerce::{CoercionFindings, EpochNanos, Rounding, ValuePath, fit};
use super::conversions::{Conversions, ValueOrigin};
use super::drafts::EntityDrafts;
use super::{ContextMembers, PolicyInputs};
use crate::model::Value;
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::{Context, Entity, Value as Cedar, ValueKind};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::validator::types::Type;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A point in time between two milliseconds that a policy in scope reads.
#[derive(Debug)]
pub(in crate::policy) struct Point {
    pub(in crate::policy) instant: EpochNanos,
    /// The variable that names the owner of its value, if one does.
    pub(in crate::policy) root: Option<PathRoot>,
    pub(in crate::policy) path: Vec<SmolStr>,
    /// The path of the point, for a message.
    pub(in crate::policy) member: String,
}

/// A value of the request that contains such points.
#[derive(Debug)]
pub(super) struct Holder<'a> {
    /// The draft of the entity with this attribute; `None` for a member of the context.
    pub(super) draft: Option<usize>,
    pub(super) name: SmolStr,
    pub(super) value: Cow<'a, Value>,
    pub(super) ty: Arc<Type>,
    /// The converted value, with each point read as the millisecond before.
    pub(super) fitted: Cedar,
    /// The paths of the points in the value; each begins with the name.
    pub(super) paths: Vec<Vec<SmolStr>>,
    pub(super) origin: Option<ValueOrigin>,
}

/// The points of a leg, and what is needed to build its inputs again.
pub(in crate::policy) struct Points<'a> {
    pub(in crate::policy) all: Vec<Point>,
    pub(super) holders: Vec<Holder<'a>>,
    pub(super) drafts: EntityDrafts<'a>,
    pub(super) others: Vec<Arc<Entity>>,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) conversions: Option<&'a Conversions>,
}

/// Inputs with some points read as the millisecond after.
pub(in crate::policy) struct Rounded {
    pub(in crate::policy) context: Context,
    /// The entities; `None` if no attribute of an entity contains a point.
    pub(in crate::policy) entities: Option<Entities>,
}

impl Points<'_> {
    /// Returns the inputs with these points read as the millisecond after; `None` if there is no
    /// such millisecond.
    pub(in crate::policy) fn rounded(
        &self,
        inputs: &PolicyInputs,
        up: &[EpochNanos],
    ) -> Option<Rounded> {
        let Context::Value(members) = &inputs.context else {
            return None;
        };
        let mut context = ContextMembers::clone(members);
        let mut drafts: Option<EntityDrafts<'_>> = None;
        for holder in &self.holders {
            let value = self.value(holder, up)?;
            match holder.draft {
                None => drop(context.insert(holder.name.clone(), value)),
                Some(draft) => drafts.get_or_insert_with(|| self.drafts.clone()).set(
                    draft,
                    holder.name.clone(),
                    value,
                ),
            }
        }
        let entities = match drafts {
            None => None,
            Some(drafts) => Some(drafts.into_entities(self.others.iter().cloned()).ok()?),
        };
        Some(Rounded {
            context: Context::Value(Arc::new(context)),
            entities,
        })
    }

    /// Returns how many values are converted again for one way to read the points.
    pub(in crate::policy) fn weight(&self) -> usize {
        let weights = self.holders.iter().map(|holder| {
            let paths: Vec<&[SmolStr]> = holder.paths.iter().map(|path| behind(path)).collect();
            weight_at(&holder.value, &paths)
        });
        weights.fold(0, usize::saturating_add)
    }

    fn value(&self, holder: &Holder<'_>, up: &[EpochNanos]) -> Option<Cedar> {
        let make = || {
            let paths: Vec<&[SmolStr]> = holder.paths.iter().map(|path| behind(path)).collect();
            self.fitted(&holder.value, &holder.ty, &holder.fitted, &paths, up)
        };
        match (self.conversions, &holder.origin) {
            (Some(conversions), Some(origin)) => {
                conversions.rounded(origin, &holder.paths, up, make)
            }
            _ => make(),
        }
    }

    /// Converts again what contains a point: the members of a record one by one, and any other
    /// value whole.
    fn fitted(
        &self,
        value: &Value,
        ty: &Type,
        known: &Cedar,
        paths: &[&[SmolStr]],
        up: &[EpochNanos],
    ) -> Option<Cedar> {
        let (Type::Record { attrs, .. }, Value::Record(record), ValueKind::Record(members)) =
            (ty, value, known.value_kind())
        else {
            let nowhere = SmolStr::default();
            let mut findings = CoercionFindings::rounding(Rounding::up(up.iter().copied()));
            return fit(
                value,
                ty,
                self.vocabulary,
                ValuePath::top(&nowhere),
                &mut findings,
            );
        };
        let mut made: BTreeMap<SmolStr, Cedar> = members.as_ref().clone();
        for (name, below) in by_member(paths) {
            // A member that did not fit, and that no policy reads, is absent.
            let Some(known) = members.get(name) else {
                continue;
            };
            let declared = attrs.get_attr(name)?;
            let value = record.get(name)?;
            let value = self.fitted(value, &declared.attr_type, known, &below, up)?;
            made.insert(name.clone(), value);
        }
        Some(Cedar::record_arc(Arc::new(made), None))
    }
}

/// Returns a path without its first name.
fn behind(path: &[SmolStr]) -> &[SmolStr] {
    path.get(1..).unwrap_or_default()
}

/// Groups paths by their first names, and removes these names.
fn by_member<'p>(paths: &[&'p [SmolStr]]) -> BTreeMap<&'p SmolStr, Vec<&'p [SmolStr]>> {
    let mut members: BTreeMap<&SmolStr, Vec<&[SmolStr]>> = BTreeMap::new();
    for (first, rest) in paths.iter().filter_map(|path| path.split_first()) {
        members.entry(first).or_default().push(rest);
    }
    members
}

fn weight_at(value: &Value, paths: &[&[SmolStr]]) -> usize {
    let Value::Record(record) = value else {
        return weight(value);
    };
    by_member(paths)
        .into_iter()
        .filter_map(|(name, below)| Some(weight_at(record.get(name)?, &below)))
        .fold(1, usize::saturating_add)
}

/// The number of bytes of text that weigh as much as one value.
const TEXT_BYTES: usize = 64;

/// Returns the number of values in this one. The nesting of requests is bounded, and so is this
/// recursion.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
        Value::Text(text) => 1 + text.len() / TEXT_BYTES,
        Value::List(items) => items.iter().map(weight).fold(1, usize::saturating_add),
        Value::Record(record) => record
            .iter()
            .map(|(_, member)| weight(member))
            .fold(1, usize::saturating_add),
    }
}
