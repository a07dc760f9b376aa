//! Finds policies that read a carrier as data.
//!
//! **Problem.** The carriers of a request become the chain, and are taken out before a policy sees
//! anything. A bundle may declare a context member or an attribute with the name of a carrier. A
//! forbid that reads it looks effective but never applies.
//! **Decision.** The bundle is refused if a policy reads such a name. **Trade-off.** A name that is
//! declared and that no policy reads does no harm, and loads.

use crate::model::{CarrierSettings, Problem};
use crate::policy::analysis::syntax::PathRoot;
use crate::policy::load::policies::ParsedPolicy;
use crate::policy::load::source::{SourceFile, place_in};
use crate::policy::schema::{Provenance, Schema};
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Finds the policies that read a carrier as data.
pub(super) fn problems(
    policies: &[ParsedPolicy],
    homes: &[&SourceFile],
    schema: &Schema,
) -> Vec<Problem> {
    let members = members(schema);
    let attributes = attributes(schema);
    let mut problems = Vec::new();
    for (parsed, home) in policies.iter().zip(homes) {
        let reads = &parsed.policy.reads;
        let of_context = members.iter().filter(|name| reads.reads_context(name));
        let of_context = of_context.map(|name| of_context_problem(parsed, name));
        let of_principals = attributes
            .iter()
            .filter(|(_, name)| reads.reads_attribute(Some(PathRoot::Principal), name))
            .map(|(kind, name)| of_principals_problem(parsed, kind, name));
        let place = place_in(parsed.tree.loc(), home);
        problems.extend(of_context.chain(of_principals).map(|problem| Problem {
            place: place.clone(),
            also: parsed.link.clone(),
            ..problem
        }));
    }
    problems
}

/// Returns the declared members of contexts that are carriers. `delegation` belongs to the engine.
fn members(schema: &Schema) -> BTreeSet<&SmolStr> {
    let contexts = schema.vocabulary.contexts();
    contexts
        .flat_map(|context| context.keys())
        .filter(|name| *name != "delegation" && CarrierSettings::takes_from_context(name))
        .collect()
}

/// Returns the declared attributes of principals that are carriers and that a request may supply.
fn attributes(schema: &Schema) -> Vec<(SmolStr, &SmolStr)> {
    let mut found = Vec::new();
    for kind in schema.principals() {
        let declared = schema.vocabulary.entity_type(&kind);
        let sent = declared
            .into_iter()
            .flat_map(|info| &info.attributes)
            .filter(|(_, attribute)| attribute.provenance != Provenance::Stored)
            .filter(|(name, _)| CarrierSettings::takes_from_properties(name));
        found.extend(sent.map(|(name, _)| (kind.clone(), name)));
    }
    found
}

fn of_context_problem(parsed: &ParsedPolicy, name: &str) -> Problem {
    let message = format!(
        "the policy `{}` reads `context.{name}`, which no policy sees: \
         in a request it says who acts",
        parsed.policy.id
    );
    Problem::new(message).help(
        "who acts is a member of the chain, and a principal itself: write the policy about it \
         (`principal is agent`), or read `context.delegation`; or rename what you declared",
    )
}

fn of_principals_problem(parsed: &ParsedPolicy, kind: &str, name: &str) -> Problem {
    let message = format!(
        "the policy `{}` reads `{name}` of `{kind}`, which no request can send: among a subject's \
         properties it says who acts",
        parsed.policy.id
    );
    Problem::new(message)
        .help("mark the attribute `@stored`, so that stored values alone count, or rename it")
}
