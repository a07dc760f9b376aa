//! Shows one level of a relation for people (OpenFGA's Expand).
//!
//! Conditions are not evaluated: a tuple that counts under some context is shown.

use super::check::Subproblem;
use super::error::{Failure, RelationFault};
use super::limits::WorkMeter;
use super::reader::{ReaderTerms, RelationReader, Scene};
use super::rules::{Arrow, CompiledRewrite, Relation};
use crate::model::{ObjectRef, TupleUser};

/// Maximum size of an expansion, in bytes of the names of users and usersets. Expansions are read
/// by people; a row of a million tuples is read page by page.
pub const MAX_EXPANSION_BYTES: usize = 4 << 20;

/// One node of an expanded relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The relation that the node is part of: `document:plan#viewer`.
    pub name: String,
    /// The kind of node, with its content.
    pub node: ExpansionNode,
}

/// The content of a node of an expansion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpansionNode {
    /// The users of the relation's own tuples, sorted by their text.
    Users(Vec<TupleUser>),
    /// The members of another relation to the same object: `document:plan#editor`.
    Computed(String),
    /// The members of a relation to each object that a tuple names.
    FromTupleset {
        /// The relation whose tuples name the objects: `document:plan#parent`.
        tupleset: String,
        /// The usersets that these tuples lead to, sorted by their text: `folder:x#viewer`.
        computed: Vec<String>,
    },
    /// The members of any operand.
    Union(Vec<Expansion>),
    /// The members of all operands.
    Intersection(Vec<Expansion>),
    /// The members of `base` who are not members of `subtract`.
    Difference {
        /// The left operand.
        base: Box<Expansion>,
        /// The members that are excluded.
        subtract: Box<Expansion>,
    },
}

impl RelationReader<'_> {
    /// Returns one level of `object#relation`.
    pub fn expand(&mut self, object: &ObjectRef, relation: &str) -> Result<Expansion, Failure> {
        let relation = self.relation(object.kind(), relation)?;
        let node = Subproblem {
            object: self.object(object)?,
            relation,
        };
        let (scene, state) = self.scene();
        let relation = scene
            .rules
            .relation(relation)
            .ok_or(RelationFault::Inconsistent)?;
        if let Some(trace) = &mut state.trace {
            trace
                .rows
                .push(scene.view.object_row_hash(node.object, relation.name));
            for arrow in relation.rewrite.arrows() {
                let tupleset = scene
                    .rules
                    .relation(arrow.tupleset)
                    .ok_or(RelationFault::Inconsistent)?;
                trace
                    .rows
                    .push(scene.view.object_row_hash(node.object, tupleset.name));
            }
        }
        let ReaderTerms {
            limits,
            is_over,
            allowance,
            ..
        } = *scene.terms;
        let meter = WorkMeter::new(limits.check_reads, is_over, allowance);
        let mut expander = Expander {
            scene,
            object,
            node,
            relation,
            meter,
            left: MAX_EXPANSION_BYTES,
        };
        Ok(expander.rewrite(&relation.rewrite)?)
    }
}

struct Expander<'e, 'r> {
    scene: Scene<'r>,
    object: &'e ObjectRef,
    node: Subproblem,
    relation: &'r Relation,
    meter: WorkMeter<'r>,
    /// How many more bytes of names may be shown.
    left: usize,
}

impl Expander<'_, '_> {
    fn rewrite(&mut self, rewrite: &CompiledRewrite) -> Result<Expansion, RelationFault> {
        let node = match rewrite {
            CompiledRewrite::This => self.users()?,
            CompiledRewrite::Computed(to) => {
                let to = self
                    .scene
                    .rules
                    .relation(*to)
                    .ok_or(RelationFault::Inconsistent)?;
                ExpansionNode::Computed(self.named(to))
            }
            CompiledRewrite::Arrow(arrow) => self.arrow(arrow)?,
            CompiledRewrite::Union(children) => ExpansionNode::Union(self.all(children)?),
            CompiledRewrite::Intersection(children) => {
                ExpansionNode::Intersection(self.all(children)?)
            }
            CompiledRewrite::Difference(base, subtract) => ExpansionNode::Difference {
                base: Box::new(self.rewrite(base)?),
                subtract: Box::new(self.rewrite(subtract)?),
            },
        };
        Ok(Expansion {
            name: self.named(self.relation),
            node,
        })
    }

    fn all(&mut self, children: &[CompiledRewrite]) -> Result<Vec<Expansion>, RelationFault> {
        children.iter().map(|child| self.rewrite(child)).collect()
    }

    fn users(&mut self) -> Result<ExpansionNode, RelationFault> {
        let view = self.scene.view;
        let mut users = Vec::new();
        for (user, when) in view.row(self.node.object, self.relation.name).all() {
            self.meter.read()?;
            if self.relation.admits(view, user, when) {
                let user = view.user_text(user).ok_or(RelationFault::Inconsistent)?;
                self.show(user.text_bytes())?;
                users.push(user);
            }
        }
        users.sort();
        users.dedup();
        Ok(ExpansionNode::Users(users))
    }

    fn arrow(&mut self, arrow: &Arrow) -> Result<ExpansionNode, RelationFault> {
        let view = self.scene.view;
        let tupleset = self
            .scene
            .rules
            .relation(arrow.tupleset)
            .ok_or(RelationFault::Inconsistent)?;
        let followed = view.names().text(arrow.name);
        let mut computed = Vec::new();
        for (user, when) in view.row(self.node.object, tupleset.name).plain() {
            self.meter.read()?;
            if tupleset.admits(view, user, when) {
                let parent = view
                    .object_text(user.object)
                    .ok_or(RelationFault::Inconsistent)?;
                let userset = format!("{parent}#{followed}");
                self.show(userset.len())?;
                computed.push(userset);
            }
        }
        computed.sort();
        computed.dedup();
        Ok(ExpansionNode::FromTupleset {
            tupleset: self.named(tupleset),
            computed,
        })
    }

    /// Counts the bytes of a name that is shown.
    fn show(&mut self, bytes: usize) -> Result<(), RelationFault> {
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or(RelationFault::TooLong(MAX_EXPANSION_BYTES))?;
        Ok(())
    }

    /// Returns the name of a relation to the expanded object.
    fn named(&self, relation: &Relation) -> String {
        format!(
            "{}#{}",
            self.object,
            self.scene.view.names().text(relation.name)
        )
    }
}
