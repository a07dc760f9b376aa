//! Points in time between two milliseconds: where a leg's inputs hold them, and the same inputs
//! with some of them read as the millisecond behind.
//!
//! **Problem.** Whether a decision depends on how such points are rounded is seen by rounding them
//! otherwise, several times. Inputs that were built anew for each time converted a body of a
//! megabyte, and looked up every relation, eight times on each leg.
//! **Decision.** What holds a point is noted while the inputs are built. Of that alone, the records
//! on the way to the point and the sets that it is in are made again; everything else is shared
//! with the inputs that the leg was decided on, and the legs of one question share what was made.
//!
//! INVARIANT: relations, parents, what is stored, and which policies have a say depend on no point
//! in time.

use super::coerce::{At, Findings, Instant, Rounding, fit};
use super::conversions::{Conversions, Origin};
use super::drafts::Drafts;
use super::{Inputs, Members};
use crate::model::Value;
use crate::policy::analysis::syntax::Root;
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
    pub(in crate::policy) instant: Instant,
    /// The variable that names whose value it is in, where one does.
    pub(in crate::policy) root: Option<Root>,
    pub(in crate::policy) path: Vec<SmolStr>,
    /// Where it stands, for a message.
    pub(in crate::policy) member: String,
}

/// A value of the request that holds such points.
#[derive(Debug)]
pub(super) struct Holder<'a> {
    /// The draft of whose attribute it is; none where it is a member of the context.
    pub(super) draft: Option<usize>,
    pub(super) name: SmolStr,
    pub(super) value: Cow<'a, Value>,
    pub(super) ty: Arc<Type>,
    /// What it became, with each point read as the millisecond before.
    pub(super) fitted: Cedar,
    /// Where in it the points stand; each begins with the name.
    pub(super) paths: Vec<Vec<SmolStr>>,
    pub(super) origin: Option<Origin>,
}

/// The points of a leg, and what its inputs are made of besides.
pub(in crate::policy) struct Points<'a> {
    pub(in crate::policy) all: Vec<Point>,
    pub(super) holders: Vec<Holder<'a>>,
    pub(super) drafts: Drafts<'a>,
    pub(super) others: Vec<Arc<Entity>>,
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) conversions: Option<&'a Conversions>,
}

/// Inputs with some points read as the millisecond behind.
pub(in crate::policy) struct Rounded {
    pub(in crate::policy) context: Context,
    /// Absent where no entity's attribute holds a point.
    pub(in crate::policy) entities: Option<Entities>,
}

impl Points<'_> {
    /// Returns the inputs with these points read as the millisecond behind. None where there is no
    /// such millisecond.
    pub(in crate::policy) fn rounded(&self, inputs: &Inputs, up: &[Instant]) -> Option<Rounded> {
        let Context::Value(members) = &inputs.context else {
            return None;
        };
        let mut context = Members::clone(members);
        let mut drafts: Option<Drafts<'_>> = None;
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

    fn value(&self, holder: &Holder<'_>, up: &[Instant]) -> Option<Cedar> {
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

    /// Converts again what holds a point: a record's members one by one, and everything else whole.
    fn fitted(
        &self,
        value: &Value,
        ty: &Type,
        known: &Cedar,
        paths: &[&[SmolStr]],
        up: &[Instant],
    ) -> Option<Cedar> {
        let (Type::Record { attrs, .. }, Value::Record(record), ValueKind::Record(members)) =
            (ty, value, known.value_kind())
        else {
            let nowhere = SmolStr::default();
            let mut findings = Findings::rounding(Rounding::up(up.iter().copied()));
            return fit(value, ty, self.vocabulary, At::top(&nowhere), &mut findings);
        };
        let mut made: BTreeMap<SmolStr, Cedar> = members.as_ref().clone();
        for (name, below) in by_member(paths) {
            // What did not fit, and no policy reads, is not there.
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

/// A path without its first name.
fn behind(path: &[SmolStr]) -> &[SmolStr] {
    path.get(1..).unwrap_or_default()
}

/// Paths by their first names, without these.
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

/// Bytes of text that weigh as much as a value.
const TEXT_BYTES: usize = 64;

/// A request nests 64 levels deep at most, so this recursion ends soon.
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
