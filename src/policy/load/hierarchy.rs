//! Bounds how many ancestors the types and the actions of a schema have together.
//!
//! **Problem.** Cedar gives each type and each action all of its ancestors. A chain of a thousand
//! takes twenty kilobytes of text, and a thousand times a thousand steps and more.
//! **Decision.** The ancestors are counted before Cedar sees the schema, up to a bound, and a
//! schema with more is refused.
//! **Trade-off.** None that a bundle has met: ten thousand tools in ten groups each are within it.

use super::ancestors::more_than;
use super::source::{SourceFile, place_of};
use crate::model::Problem;
use cedar_policy_core::parser::Loc;
use cedar_policy_core::validator::RawName;
use cedar_policy_core::validator::json_schema::{EntityTypeKind, Fragment};
use std::collections::HashMap;

/// LIMIT: ancestors of all types together, and of all actions together.
const MAX_ANCESTORS: usize = 200_000;

/// The names of what is declared, each with its parents and its place.
#[derive(Default)]
struct NameGraph<'f> {
    parents: Vec<(String, Vec<String>)>,
    places: HashMap<String, Option<&'f Loc>>,
}

/// Refuses a schema whose types or actions have too many ancestors.
pub(in crate::policy) fn check(
    fragment: &Fragment<RawName>,
    files: &[SourceFile],
) -> Result<(), Problem> {
    let mut types = NameGraph::default();
    let mut actions = NameGraph::default();
    for (namespace, definition) in &fragment.0 {
        let namespace = namespace.as_ref().map(ToString::to_string);
        let whole = |name: String| match &namespace {
            Some(namespace) => format!("{namespace}::{name}"),
            None => name,
        };
        for (id, ty) in &definition.entity_types {
            let EntityTypeKind::Standard(standard) = &ty.kind else {
                continue;
            };
            // A name without a namespace may mean either type.
            let parents = standard.member_of_types.iter();
            let parents =
                parents.flat_map(|parent| [parent.to_string(), whole(parent.to_string())]);
            types.add(whole(id.to_string()), parents.collect(), ty.loc.as_ref());
        }
        for (id, action) in &definition.actions {
            let parents = action.member_of.iter().flatten();
            let parents = parents.map(|parent| parent.id.to_string());
            actions.add(id.to_string(), parents.collect(), action.loc.as_ref());
        }
    }
    types.check("entity types", files)?;
    actions.check("actions", files)
}

impl<'f> NameGraph<'f> {
    fn add(&mut self, name: String, parents: Vec<String>, loc: Option<&'f Loc>) {
        self.places.insert(name.clone(), loc);
        self.parents.push((name, parents));
    }

    fn check(&self, what: &str, files: &[SourceFile]) -> Result<(), Problem> {
        let mut parents: HashMap<&str, Vec<&str>> = HashMap::new();
        for (name, above) in &self.parents {
            let known = parents.entry(name).or_default();
            let declared = above.iter().map(String::as_str);
            known.extend(declared.filter(|parent| self.places.contains_key(*parent)));
        }
        let Some((name, count)) = more_than(MAX_ANCESTORS, &parents) else {
            return Ok(());
        };
        let loc = self.places.get(name).copied().flatten();
        let message = format!(
            "the {what} have more than {MAX_ANCESTORS} ancestors together: `{name}` alone has \
             {count}"
        );
        let problem = Problem::new(message).help("let fewer groups contain one another");
        Err(Problem {
            place: place_of(loc, files),
            ..problem
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::load::source::SourceFile;
    use cedar_policy_core::extensions::Extensions;

    fn problem(text: &str) -> Option<String> {
        let (fragment, _) =
            Fragment::from_cedarschema_str(text, Extensions::all_available()).unwrap();
        let files = [SourceFile::new("schemas/s.cedarschema", text)];
        check(&fragment, &files).err().map(|it| it.to_string())
    }

    fn chain(count: usize, of: impl Fn(usize) -> String) -> String {
        (1..count).map(of).collect()
    }

    #[test]
    fn chains_are_bounded_and_many_tools_in_few_groups_are_not() {
        let types = |count| {
            let rest = chain(count, |at| format!("entity t{at} in [t{}];\n", at - 1));
            format!("namespace a {{ entity t0;\n{rest} }}")
        };
        let actions = |count| {
            let rest = chain(count, |at| format!("action a{at} in [a{}];\n", at - 1));
            format!("action a0;\n{rest}")
        };
        assert_eq!(problem(&types(600)), None);
        assert_eq!(problem(&actions(600)), None);
        let told = problem(&types(700)).unwrap();
        assert!(
            told.contains("the entity types have more than 200000"),
            "{told}"
        );
        let told = problem(&actions(700)).unwrap();
        assert!(told.contains("the actions have more than 200000"), "{told}");
        let tools = chain(2_000, |at| format!("action a{at} in [g1, g2, g3];\n"));
        assert_eq!(problem(&format!("action g1, g2, g3;\n{tools}")), None);
        let circle = "entity a in [b];\nentity b in [a];\n";
        assert_eq!(problem(circle), None, "Cedar refuses it");
    }
}
