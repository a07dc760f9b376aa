//! Ensures that packs rely on stored values, whatever types a bundle adds.
//!
//! INVARIANT: an entity attribute that a pack's policy reads is `@stored`. A pack marks the types
//! that it knows. A bundle may give an attribute of that name to a type of its own, and a request
//! could then supply what the pack relies on.

use crate::model::Problem;
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::load::policies::ParsedPolicy;
use crate::policy::load::source::{SourceFile, place_in};
use crate::policy::schema::{Provenance, Schema, Vocabulary};
use cedar_policy_core::ast::{EntityType, PrincipalOrResourceConstraint};
use cedar_policy_core::validator::types::{EntityKind, Type};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// Returns a problem for every attribute that a request may supply and a pack reads.
pub(in crate::policy) fn problems(
    policies: &[ParsedPolicy],
    schema: &Schema,
    files: &[SourceFile],
) -> Vec<Problem> {
    let mut walk = ProvenanceWalk {
        vocabulary: &schema.vocabulary,
        policy: None,
        found: BTreeMap::new(),
    };
    for parsed in policies
        .iter()
        .filter(|parsed| parsed.policy.at.file.starts_with("pack:"))
    {
        let policy = &parsed.policy;
        walk.policy = Some(parsed);
        for (root, path) in policy.reads.paths() {
            match root {
                PathRoot::Principal => {
                    walk.start(schema.validator.principals(), &policy.principal, path);
                }
                PathRoot::Resource => {
                    walk.start(schema.validator.resources(), &policy.resource, path);
                }
                PathRoot::Context => walk.context(path),
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
    walk.found.into_iter().map(problem).collect()
}

struct ProvenanceWalk<'a> {
    vocabulary: &'a Vocabulary,
    /// The policy whose reads are followed.
    policy: Option<&'a ParsedPolicy>,
    /// The attributes found, by type and name, each with the first policy that reads it.
    found: BTreeMap<(SmolStr, SmolStr), &'a ParsedPolicy>,
}

impl<'a> ProvenanceWalk<'a> {
    fn start<'k>(
        &mut self,
        kinds: impl Iterator<Item = &'k EntityType>,
        constraint: &PrincipalOrResourceConstraint,
        path: &[SmolStr],
    ) {
        let only = match constraint {
            PrincipalOrResourceConstraint::Is(kind)
            | PrincipalOrResourceConstraint::IsIn(kind, _) => Some(kind),
            _ => None,
        };
        for kind in kinds.filter(|kind| only.is_none_or(|only| **only == **kind)) {
            self.entity(&kind.to_string(), path);
        }
    }

    fn context(&mut self, path: &[SmolStr]) {
        let Some((member, rest)) = path.split_first() else {
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
        if attribute.provenance != Provenance::Stored
            && let Some(policy) = self.policy
        {
            self.found
                .entry((kind.into(), name.clone()))
                .or_insert(policy);
        }
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
