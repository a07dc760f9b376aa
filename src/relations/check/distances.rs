//! Computes the depth of each sub-problem of a question, by the shortest path.
//!
//! The depth limit applies to the shortest path, so that an answer does not depend on the order in
//! which paths are tried. A check that counts as it goes may take a longer path first. Only if the
//! outcome depends on that are the shortest distances computed, for all sub-problems, whether they
//! can change the outcome or not.

use super::Evaluation;
use super::steps::{Subproblem, TupleSteps};
use crate::relations::error::RelationFault;
use crate::relations::rules::CompiledRewrite;
use foldhash::HashMap;
use std::collections::hash_map::Entry;

impl Evaluation<'_, '_> {
    /// Returns the sub-problems that lie within the limit, each with its depth.
    pub(super) fn distances(
        &mut self,
        root: Subproblem,
    ) -> Result<HashMap<Subproblem, u32>, RelationFault> {
        let mut known = HashMap::default();
        let mut now = vec![root];
        let mut next = Vec::new();
        for depth in 0..=self.max_depth {
            while let Some(node) = now.pop() {
                match known.entry(node) {
                    Entry::Occupied(_) => continue,
                    Entry::Vacant(place) => place.insert(depth),
                };
                self.children(node, &mut now, &mut next)?;
            }
            std::mem::swap(&mut now, &mut next);
        }
        Ok(known)
    }

    /// Collects the sub-problems below one: those at the same depth, and those one dispatch deeper.
    fn children(
        &mut self,
        node: Subproblem,
        same: &mut Vec<Subproblem>,
        deeper: &mut Vec<Subproblem>,
    ) -> Result<(), RelationFault> {
        let Some(relation) = self
            .rules
            .relation(node.relation)
            .filter(|_| !self.is_itself(node))
        else {
            return Ok(());
        };
        let mut steps = TupleSteps::default();
        let mut left = vec![&relation.rewrite];
        while let Some(rewrite) = left.pop() {
            match rewrite {
                CompiledRewrite::This => {
                    let row = self.row(node.object, relation)?;
                    self.usersets(&row, node, relation, &mut steps)?;
                }
                CompiledRewrite::Computed(to) if self.reach.has(*to) => {
                    same.push(Subproblem {
                        object: node.object,
                        relation: *to,
                    });
                }
                CompiledRewrite::Computed(_) => {}
                CompiledRewrite::Arrow(arrow) => self.arrow(node.object, arrow, &mut steps)?,
                CompiledRewrite::Union(_)
                | CompiledRewrite::Intersection(_)
                | CompiledRewrite::Difference(..) => {
                    left.extend(rewrite.children());
                }
            }
        }
        deeper.extend(steps.steps.into_iter().map(|step| step.to));
        Ok(())
    }
}
