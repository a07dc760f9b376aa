//! Encodes as bytes what a leg's outcome depends on: everything that the policies in scope can
//! read, and nothing else.
//!
//! **Problem.** Two legs with the same key share an outcome, so whatever can change an outcome must
//! be in the key. A value that is in the key without being read makes every request a miss.
//! **Decision.** A key begins with the action, the principal and the resource, by their declared
//! names and by the names that the request used. These decide which policies are in scope, and so
//! what follows ([`KeyLayout`]): for each path that one of the policies reads, the value there, or
//! the depth at which it is missing; if facts or attributes of any entity are read, the members
//! before the principal; and every parameter of every condition that can count for a relation which
//! the policies mention. These values also decide which policies in scope are evaluated, so the key
//! does not need the number of the slice.
//! **Trade-off.** Keys also differ by values that only policies read which the index then leaves
//! out; such a difference costs a needless miss.
//!
//! A key does not hold stored entities, which change only with the bundle's generation; nor the
//! tuples that were read and the clock, which each cache entry records by itself.
//!
//! INVARIANT: a key never holds too little. A path is followed through records by their declared
//! types alone; if it goes on into an entity, the whole value that names the entity counts. An
//! attribute that may be read on any entity counts on the principal, the resource and every earlier
//! member, if any type has an attribute of that name that a request can supply.

use crate::model::{CanonicalWriter, EntityRef, Question, Record, Value};
use crate::policy::CompiledPolicySet;
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::evaluate::LegInput;
use crate::policy::index::{ScopeEntity, ScopePolicies};
use crate::policy::schema::{ActionInfo, Attribute, Provenance, TypeInfo, Vocabulary};
use arc_swap::ArcSwap;
use cedar_policy_core::validator::types::Type;
use foldhash::HashMap;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is written into a key, for one scope and one kind of question.
#[derive(Debug, Default)]
pub(super) struct KeyLayout {
    principal: RecordPaths,
    resource: RecordPaths,
    context: RecordPaths,
    action_properties: RecordPaths,
    token: RecordPaths,
    /// Whether a policy reads `delegation`.
    delegation: bool,
    /// The attributes that count on the members before the principal.
    earlier: Vec<SmolStr>,
    /// The members of the context that conditions on tuples read.
    ///
    /// INVARIANT: mentions and the table from which these are taken both use Cedar's names of
    /// types. The relation model's names do not reach this folder: looked up by that name, a
    /// relation would have no parameters, and different questions would share a key.
    parameters: Vec<SmolStr>,
}

/// Paths into a record, none of which begins with another. The empty path is the whole record.
type RecordPaths = Vec<Vec<SmolStr>>;

/// The plans of one scope, by action and the types of principal and resource.
#[derive(Debug, Default)]
pub(super) struct KeyLayouts(ArcSwap<HashMap<[u32; 3], Arc<KeyLayout>>>);

impl KeyLayouts {
    fn get(&self, key: [u32; 3], make: impl FnOnce() -> KeyLayout) -> Arc<KeyLayout> {
        if let Some(known) = self.0.load().get(&key) {
            return Arc::clone(known);
        }
        let made = Arc::new(make());
        // Two threads may make the plan at once; both plans are the same, so either may be kept.
        self.0.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(key, Arc::clone(&made));
            known
        });
        made
    }
}

impl CompiledPolicySet {
    /// Appends to `key` what the outcome of a leg depends on, except relations and the clock.
    /// Returns `false` if the leg is refused before any policy is evaluated, which costs less than
    /// a look-up in the cache.
    pub fn write_key(&self, input: &LegInput<'_>, key: &mut CanonicalWriter) -> bool {
        let question = input.question;
        let Some(member) = question.chain.members().nth(input.leg) else {
            return false;
        };
        let Ok((action, principal, resource)) = self.applies(question, &member.uid) else {
            return false;
        };
        let vocabulary = &self.schema.vocabulary;
        let kinds = (
            vocabulary.entity_type(&member.uid.kind),
            vocabulary.entity_type(&question.resource.uid.kind),
        );
        let (Some(who), Some(what)) = kinds else {
            return false;
        };
        let named = |uid| ScopeEntity {
            uid,
            stored: input.stored.get(uid).map(AsRef::as_ref),
        };
        let index = self.index(input.arguments);
        let scope = index.scope(&action.uid, named(&principal), named(&resource));
        let layout = scope
            .layouts
            .get([action.number, who.number, what.number], || KeyLayout {
                parameters: scope.parameters.context_members().cloned().collect(),
                ..layout(vocabulary, &scope, action, who, what)
            });
        key.text(&question.action.name);
        entity(question, &member.uid, key);
        entity(question, &question.resource.uid, key);
        layout.write(input, &member.properties, key);
        true
    }
}

fn layout(
    vocabulary: &Vocabulary,
    scope: &ScopePolicies,
    action: &ActionInfo,
    who: &TypeInfo,
    what: &TypeInfo,
) -> KeyLayout {
    let mut layout = KeyLayout::default();
    for (root, path) in scope.reads.paths() {
        match root {
            PathRoot::Principal => layout.principal.extend(sent(path, &who.attributes)),
            PathRoot::Resource => layout.resource.extend(sent(path, &what.attributes)),
            PathRoot::Context => layout.add_context(path, &action.context),
        }
    }
    for name in scope.reads.anywhere() {
        let path = std::slice::from_ref(name);
        layout.principal.extend(sent(path, &who.attributes));
        layout.resource.extend(sent(path, &what.attributes));
        // Most names that follow a dot are members of records that no entity has as attributes.
        if vocabulary.can_be_sent(name) {
            layout.earlier.push(name.clone());
        }
    }
    let KeyLayout {
        principal,
        resource,
        context,
        action_properties,
        token,
        ..
    } = &mut layout;
    [principal, resource, context, action_properties, token]
        .into_iter()
        .for_each(without_longer);
    layout
}

impl KeyLayout {
    fn add_context(&mut self, path: &[SmolStr], declared: &BTreeMap<SmolStr, Attribute>) {
        let sent = || sent(path, declared);
        let inside = |path: Vec<SmolStr>| path.into_iter().skip(1).collect();
        match path.first().map(SmolStr::as_str) {
            // The whole context is read, the facts in it included.
            None => {
                self.context.push(Vec::new());
                self.action_properties.push(Vec::new());
                self.token.push(Vec::new());
                self.delegation = true;
            }
            Some("now") => {}
            Some("delegation") => self.delegation = true,
            Some("token") => self.token.extend(sent().map(inside)),
            Some("action_properties") => self.action_properties.extend(sent().map(inside)),
            Some(_) => self.context.extend(sent()),
        }
    }

    fn write(&self, input: &LegInput<'_>, properties: &Record, key: &mut CanonicalWriter) {
        let question = input.question;
        let resource = &question.resource.properties;
        for (paths, record) in [
            (&self.principal, properties),
            (&self.resource, resource),
            (&self.context, &question.context),
        ] {
            paths
                .iter()
                .for_each(|path| project(Some(record), path, key));
        }
        // A message about a value that does not fit says where it was sent: with the subject, or
        // with an actor.
        let is_told = |path: &Vec<SmolStr>| {
            path.first()
                .is_some_and(|name| properties.get_present(name).is_some())
        };
        if !properties.is_empty() && self.principal.iter().any(is_told) {
            key.count(u64::from(input.leg == 0));
        }
        // An action with empty properties and an action without properties get the same key.
        let properties =
            Some(&question.action.properties).filter(|properties| !properties.is_empty());
        self.action_properties
            .iter()
            .for_each(|path| project(properties, path, key));
        self.token
            .iter()
            .for_each(|path| project(input.token, path, key));
        if self.delegation || !self.earlier.is_empty() {
            key.count(u64::try_from(input.leg).unwrap_or(u64::MAX));
            for member in question.chain.members().take(input.leg) {
                key.entity(&member.uid);
                for name in &self.earlier {
                    match member.properties.get_present(name) {
                        Some(value) => key.value(value),
                        None => key.absent(0),
                    }
                }
            }
        }
        for name in &self.parameters {
            match question.context.get(name) {
                Some(value) => key.verbatim(value),
                None => key.absent(0),
            }
        }
    }
}

/// Writes an entity, and the type by which the request named it, which messages show.
fn entity(question: &Question, uid: &EntityRef, key: &mut CanonicalWriter) {
    key.entity(uid);
    if question.asked.is_empty() {
        key.absent(0);
    } else {
        key.text(&question.as_asked(uid).kind);
    }
}

/// Returns the part of a path that a request can supply; `None` if only stored values count, or
/// nothing of that name is declared.
fn sent(path: &[SmolStr], declared: &BTreeMap<SmolStr, Attribute>) -> Option<Vec<SmolStr>> {
    let attribute = declared
        .get(path.first()?)
        .filter(|attribute| attribute.provenance != Provenance::Stored)?;
    let mut ty: &Type = &attribute.ty;
    let mut len = 1;
    while let (Type::Record { attrs, .. }, Some(name)) = (ty, path.get(len))
        && let Some(member) = attrs.get_attr(name)
    {
        ty = &member.attr_type;
        len += 1;
    }
    path.get(..len).map(<[SmolStr]>::to_vec)
}

/// Removes the paths that are part of a shorter path in the list.
fn without_longer(paths: &mut RecordPaths) {
    paths.sort_unstable();
    // In this order, paths that begin with another path come directly after it.
    paths.dedup_by(|longer, shorter| longer.starts_with(shorter));
}

/// Writes the value at a path, or the depth at which it is missing.
fn project(record: Option<&Record>, path: &[SmolStr], key: &mut CanonicalWriter) {
    let Some(mut record) = record else {
        return key.absent(0);
    };
    let Some((last, before)) = path.split_last() else {
        return key.record(record);
    };
    for (depth, name) in (1..).zip(before) {
        match record.get_present(name) {
            Some(Value::Record(inner)) => record = inner,
            Some(other) => return key.misplaced(depth, other),
            None => return key.absent(depth),
        }
    }
    match record.get_present(last) {
        Some(value) => key.value(value),
        None => key.absent(path.len()),
    }
}
