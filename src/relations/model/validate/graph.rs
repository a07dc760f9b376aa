//! Checks the relations of a model together: no relation is in a loop, and each can have a member.
//!
//! Both are computed as a fixed point over a work list, not by walking paths, because a model can
//! have more paths than any machine can walk. The result is the same as that of OpenFGA's walks.

use super::super::definition::{ModelDefinition, RelationDefinition, RestrictionForm, Rewrite};
use super::super::source::Element;
use super::{ModelFindings, RelationIndex};
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};

/// Maximum length of a chain of relations that are defined as other relations of the same object.
/// Such a step is no dispatch, so the depth limit of a check does not bound it.
const MAX_CHAIN: usize = 100;

/// A relation of a type.
type RelationNode<'a> = (&'a str, &'a str);

pub(super) fn check(
    model: &ModelDefinition,
    index: &RelationIndex<'_>,
    findings: &mut ModelFindings,
) {
    let relations: Vec<(RelationNode<'_>, &RelationDefinition)> = model
        .types
        .iter()
        .flat_map(|it| {
            it.relations
                .iter()
                .map(|relation| ((it.name.as_str(), relation.name.as_str()), relation))
        })
        .collect();
    chains(&relations, findings);
    if findings.0.is_empty() {
        entries(&relations, index, findings);
    }
}

/// Finds relations that are defined through themselves, or through too many others of the same
/// object. Relations are resolved from those that depend on no other; any that remain are in a loop
/// or lead to one.
fn chains(relations: &[(RelationNode<'_>, &RelationDefinition)], findings: &mut ModelFindings) {
    let computed: HashMap<RelationNode<'_>, HashSet<RelationNode<'_>>> = relations
        .iter()
        .map(|(node, relation)| (*node, computed_from(node.0, &relation.rewrite)))
        .collect();
    let mut waiting: HashMap<RelationNode<'_>, usize> = computed
        .iter()
        .map(|(node, targets)| (*node, targets.len()))
        .collect();
    let mut lengths: HashMap<RelationNode<'_>, usize> = HashMap::new();
    let dependents = reversed(&computed);
    let mut ready: Vec<RelationNode<'_>> = waiting
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(node, _)| *node)
        .collect();
    while let Some(node) = ready.pop() {
        let targets = computed.get(&node).into_iter().flatten();
        let length = 1 + targets
            .filter_map(|it| lengths.get(it))
            .max()
            .copied()
            .unwrap_or_default();
        lengths.insert(node, length);
        for dependent in dependents.get(&node).into_iter().flatten() {
            if let Some(count) = waiting.get_mut(dependent) {
                *count -= 1;
                if *count == 0 {
                    ready.push(*dependent);
                }
            }
        }
    }
    if let Some((looping, _)) = relations
        .iter()
        .find(|(node, _)| !lengths.contains_key(node))
    {
        report_loop(*looping, &computed, &lengths, findings);
    } else if let Some(((kind, name), _)) = relations
        .iter()
        .find(|(node, _)| lengths.get(node) > Some(&MAX_CHAIN))
    {
        let element = Element::Relation((*kind).into(), (*name).into());
        let message = format!("{element} is defined through more than {MAX_CHAIN} others");
        findings.add(element, message, "name the last of them directly");
    }
}

fn computed_from<'a>(kind: &'a str, rewrite: &'a Rewrite) -> HashSet<RelationNode<'a>> {
    let mut targets = HashSet::new();
    let mut open = vec![rewrite];
    while let Some(rewrite) = open.pop() {
        if let Rewrite::Computed(relation) = rewrite {
            targets.insert((kind, relation.as_str()));
        }
        open.extend(rewrite.children());
    }
    targets
}

fn reversed<'a>(
    edges: &HashMap<RelationNode<'a>, HashSet<RelationNode<'a>>>,
) -> HashMap<RelationNode<'a>, Vec<RelationNode<'a>>> {
    let mut reversed: HashMap<_, Vec<_>> = HashMap::new();
    for (from, targets) in edges {
        for to in targets {
            reversed.entry(*to).or_default().push(*from);
        }
    }
    reversed
}

/// Reports one loop with its relations in order.
fn report_loop<'a>(
    start: RelationNode<'a>,
    computed: &HashMap<RelationNode<'a>, HashSet<RelationNode<'a>>>,
    finished: &HashMap<RelationNode<'a>, usize>,
    findings: &mut ModelFindings,
) {
    let mut path: Vec<RelationNode<'_>> = vec![start];
    loop {
        let last = path.last().copied().unwrap_or(start);
        let next = computed
            .get(&last)
            .into_iter()
            .flatten()
            .filter(|it| !finished.contains_key(*it))
            .min();
        let Some(next) = next.copied() else { return };
        if let Some(at) = path.iter().position(|node| *node == next) {
            path.drain(..at);
            path.push(next);
            break;
        }
        path.push(next);
    }
    let element = Element::Relation(next_name(&path).0.into(), next_name(&path).1.into());
    // LIMIT: a message names at most 10 relations; the first ones show where to look.
    let names: Vec<_> = path
        .iter()
        .take(10)
        .map(|(_, name)| format!("`{name}`"))
        .collect();
    let message = format!(
        "{element} is defined through itself: {}",
        names.join(" -> ")
    );
    findings.add(element, message, "remove one of these steps");
}

fn next_name<'a>(path: &[RelationNode<'a>]) -> RelationNode<'a> {
    path.first().copied().unwrap_or_default()
}

/// Finds relations that nobody can be in: no tuple that names a plain object or everyone of a type
/// leads to them.
fn entries(
    relations: &[(RelationNode<'_>, &RelationDefinition)],
    index: &RelationIndex<'_>,
    findings: &mut ModelFindings,
) {
    let mut dependents: HashMap<RelationNode<'_>, Vec<usize>> = HashMap::new();
    for (at, (node, relation)) in relations.iter().enumerate() {
        for on in depends_on(node.0, relation, index) {
            dependents.entry(on).or_default().push(at);
        }
    }
    let mut entered: HashSet<RelationNode<'_>> = HashSet::new();
    let mut open: Vec<usize> = (0..relations.len()).rev().collect();
    while let Some((node, relation)) = open.pop().and_then(|at| relations.get(at)) {
        if !entered.contains(node)
            && is_entered(node.0, relation, &relation.rewrite, index, &entered)
        {
            entered.insert(*node);
            open.extend(dependents.get(node).into_iter().flatten());
        }
    }
    for ((kind, name), relation) in relations {
        if entered.contains(&(*kind, *name)) {
            continue;
        }
        let element = Element::Relation((*kind).into(), (*name).into());
        let itself = depends_on(kind, relation, index).contains(&(*kind, *name));
        let why = if itself {
            ": it only leads back to itself"
        } else {
            ""
        };
        let message = format!("nobody can ever be in {element}{why}");
        findings.add(
            element,
            message,
            "allow a type directly in it, or in what it is defined by: `[user] or …`",
        );
    }
}

fn is_entered(
    kind: &str,
    relation: &RelationDefinition,
    rewrite: &Rewrite,
    index: &RelationIndex<'_>,
    entered: &HashSet<RelationNode<'_>>,
) -> bool {
    let child = |it: &Rewrite| is_entered(kind, relation, it, index, entered);
    match rewrite {
        Rewrite::This => relation.restrictions.iter().any(|it| match &it.form {
            RestrictionForm::Object | RestrictionForm::Wildcard => true,
            RestrictionForm::Userset(relation) => {
                entered.contains(&(it.kind.as_str(), relation.as_str()))
            }
        }),
        Rewrite::Computed(name) => entered.contains(&(kind, name.as_str())),
        Rewrite::FromTupleset { tupleset, computed } => {
            computed_targets(kind, tupleset, computed, index)
                .into_iter()
                .any(|node| entered.contains(&node))
        }
        Rewrite::Union(children) => children.iter().any(child),
        Rewrite::Intersection(children) => children.iter().all(child),
        Rewrite::Difference { base, subtract } => child(base) && child(subtract),
    }
}

/// Returns the relations from which the members of a relation can come.
fn depends_on<'a>(
    kind: &'a str,
    relation: &'a RelationDefinition,
    index: &RelationIndex<'a>,
) -> HashSet<RelationNode<'a>> {
    let mut nodes = computed_from(kind, &relation.rewrite);
    for restriction in &relation.restrictions {
        if let RestrictionForm::Userset(relation) = &restriction.form {
            nodes.insert((restriction.kind.as_str(), relation.as_str()));
        }
    }
    let mut open = vec![&relation.rewrite];
    while let Some(rewrite) = open.pop() {
        if let Rewrite::FromTupleset { tupleset, computed } = rewrite {
            nodes.extend(computed_targets(kind, tupleset, computed, index));
        }
        open.extend(rewrite.children());
    }
    nodes
}

/// Returns the relations that `computed from tupleset` refers to; types without `computed` are left
/// out.
fn computed_targets<'a>(
    kind: &str,
    tupleset: &SmolStr,
    computed: &'a SmolStr,
    index: &RelationIndex<'a>,
) -> Vec<RelationNode<'a>> {
    let restrictions = index
        .relation(kind, tupleset)
        .map(|it| it.restrictions.as_slice())
        .unwrap_or_default();
    restrictions
        .iter()
        .filter(|it| index.relation(&it.kind, computed).is_some())
        .map(|it| (it.kind.as_str(), computed.as_str()))
        .collect()
}
