//! Ensures that packs rely on stored values, whatever types a bundle adds.
//!
//! INVARIANT: an entity attribute that a pack's policy reads is `@stored`. A pack marks the types
//! that it knows. A bundle may give an attribute of that name to a type of its own, and a request
//! could then supply what the pack relies on.

use crate::model::Problem;
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::load::policies::{CompiledPolicy, ParsedPolicy};
use crate::policy::load::source::{SourceFile, place_in};
use crate::policy::schema::{Provenance, Schema, Vocabulary};
use cedar_policy_core::ast::{EntityType, PrincipalOrResourceConstraint};
use cedar_policy_core::validator::types::{EntityKind, Type};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// Returns a problem for every attribute that a request may supply and a pack reads.
pub(in crate::policy) fn problems(
    policies: &[ParsedPolicy],
    schema: &Schema,
    files: &[SourceFile],
) -> Vec<Problem> {
    let principals: BTreeSet<&EntityType> = schema.validator.principals().collect();
    let resources: BTreeSet<&EntityType> = schema.validator.resources().collect();
    // The attributes found, by type and name, each with the first policy that reads it.
    let mut found: BTreeMap<(SmolStr, SmolStr), &ParsedPolicy> = BTreeMap::new();
    for parsed in policies.iter().filter(|it| it.policy.at.is_of_pack()) {
        let reads = attributes_read(&parsed.policy, &schema.vocabulary, &principals, &resources);
        for read in reads {
            if read.provenance != Provenance::Stored {
                found.entry((read.kind, read.attribute)).or_insert(parsed);
            }
        }
    }
    let problem = |(
        (kind, attribute),
        ParsedPolicy {
            policy,
            tree,
            link: _,
        },
    ): ((SmolStr, SmolStr), &ParsedPolicy)| {
        let message = format!(
            "`{attribute}` of `{kind}` may come with a request, and the policy \
             `{}` of a pack rests on it",
            policy.id
        );
        let file = files.iter().find(|file| file.path == policy.at.file);
        let place = file.and_then(|file| place_in(tree.loc(), file));
        let help = format!(
            "mark `{attribute}` with `@stored` where `{kind}` is declared, or give it another name"
        );
        Problem {
            place,
            ..Problem::new(message).help(help)
        }
    };
    found.into_iter().map(problem).collect()
}

/// An attribute that a policy reads of an entity.
pub(in crate::policy) struct AttributeRead {
    /// The type of the entity.
    pub(in crate::policy) kind: SmolStr,
    pub(in crate::policy) attribute: SmolStr,
    /// Where its value may come from.
    pub(in crate::policy) provenance: Provenance,
    /// The path by which it is read, from a variable of the policy.
    pub(in crate::policy) root: PathRoot,
    pub(in crate::policy) path: Vec<SmolStr>,
}

/// Returns the attributes that a policy reads of entities, where its principals and resources are
/// of these types.
pub(in crate::policy) fn attributes_read(
    policy: &CompiledPolicy,
    vocabulary: &Vocabulary,
    principals: &BTreeSet<&EntityType>,
    resources: &BTreeSet<&EntityType>,
) -> Vec<AttributeRead> {
    let mut found = Vec::new();
    for (root, path) in policy.reads.paths() {
        let mut walk = ProvenanceWalk {
            vocabulary,
            root: *root,
            path,
            found: &mut found,
        };
        match root {
            PathRoot::Principal => walk.start(principals, &policy.principal),
            PathRoot::Resource => walk.start(resources, &policy.resource),
            PathRoot::Context => walk.context(),
        }
    }
    found
}

struct ProvenanceWalk<'a> {
    vocabulary: &'a Vocabulary,
    root: PathRoot,
    /// The path that is followed.
    path: &'a [SmolStr],
    found: &'a mut Vec<AttributeRead>,
}

impl<'a> ProvenanceWalk<'a> {
    fn start(&mut self, kinds: &BTreeSet<&EntityType>, constraint: &PrincipalOrResourceConstraint) {
        let only = match constraint {
            PrincipalOrResourceConstraint::Is(kind)
            | PrincipalOrResourceConstraint::IsIn(kind, _) => Some(kind),
            _ => None,
        };
        for kind in kinds
            .iter()
            .filter(|kind| only.is_none_or(|only| **only == ***kind))
        {
            self.entity(&kind.to_string(), self.path);
        }
    }

    fn context(&mut self) {
        let Some((member, rest)) = self.path.split_first() else {
            return;
        };
        let vocabulary: &'a Vocabulary = self.vocabulary;
        for declared in vocabulary
            .contexts()
            .filter_map(|context| context.get(member))
        {
            self.value(&declared.ty, rest);
        }
    }

    fn entity(&mut self, kind: &str, path: &[SmolStr]) {
        let vocabulary: &'a Vocabulary = self.vocabulary;
        let Some((name, rest)) = path.split_first() else {
            return;
        };
        let Some(attribute) = vocabulary
            .entity_type(kind)
            .and_then(|info| info.attributes.get(name))
        else {
            return;
        };
        let read = self.path.len() - rest.len();
        self.found.push(AttributeRead {
            kind: kind.into(),
            attribute: name.clone(),
            provenance: attribute.provenance,
            root: self.root,
            path: self.path.iter().take(read).cloned().collect(),
        });
        self.value(&attribute.ty, rest);
    }

    fn value(&mut self, ty: &Type, path: &[SmolStr]) {
        match (ty, path.split_first()) {
            (Type::Entity(EntityKind::Entity(lub)), Some(_)) => {
                if let Some(kind) = lub.get_single_entity() {
                    self.entity(&kind.to_string(), path);
                }
            }
            (Type::Record { attrs, .. }, Some((name, rest))) => {
                if let Some(member) = attrs.get_attr(name) {
                    self.value(&member.attr_type, rest);
                }
            }
            _ => {}
        }
    }
}
