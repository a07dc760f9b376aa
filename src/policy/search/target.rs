//! Names the target of a search, as the expressions of one leg's policies do.
//!
//! INVARIANT: an expression that does not touch the target has the same value for every candidate.

use crate::policy::analysis::mentions::{Mention, ObjectTerm};
use crate::policy::analysis::syntax::{PathRoot, access_path, children};
use crate::policy::schema::{Attribute, TypeInfo};
use cedar_policy_core::ast::{Expr, ExprKind};
use smol_str::SmolStr;

/// The part of a question that a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionPart {
    /// The resource.
    Resource,
    /// A member of the chain; 0 is the subject.
    Member(usize),
}

/// The target in one leg.
#[derive(Debug)]
pub(super) struct SearchTarget<'a> {
    pub(super) info: &'a TypeInfo,
    /// The name of the target's type.
    pub(super) kind: SmolStr,
    /// The paths that lead to the target.
    entity: Vec<(PathRoot, Vec<SmolStr>)>,
    /// The paths to values that contain the target among others.
    among: Vec<(PathRoot, Vec<SmolStr>)>,
}

type TargetPath = (PathRoot, Vec<SmolStr>);

impl<'a> SearchTarget<'a> {
    /// Creates the target for the leg of member `leg`, which is not before the target.
    pub(super) fn new(part: QuestionPart, leg: usize, kind: SmolStr, info: &'a TypeInfo) -> Self {
        let fact = |name: &str| {
            let path = ["delegation", name].map(SmolStr::new).into_iter();
            (
                PathRoot::Context,
                path.chain([kind.clone()]).collect::<Vec<_>>(),
            )
        };
        let mut entity = Vec::new();
        let mut among = Vec::new();
        match part {
            QuestionPart::Resource => entity.push((PathRoot::Resource, Vec::new())),
            QuestionPart::Member(at) => {
                if at == leg {
                    entity.push((PathRoot::Principal, Vec::new()));
                }
                if at == 0 {
                    entity.push(fact("subject"));
                }
                if at < leg {
                    among.push((
                        PathRoot::Context,
                        ["delegation", "earlier"].map(SmolStr::new).to_vec(),
                    ));
                }
                if at + 1 == leg {
                    entity.push(fact("from"));
                }
            }
        }
        Self {
            info,
            kind,
            entity,
            among,
        }
    }

    /// Returns `true` if the expression is the target itself.
    pub(super) fn is(&self, expr: &Expr) -> bool {
        access_path(expr).is_some_and(|path| self.is_path(&path))
    }

    /// Returns the attributes, one or more, that lead from the target to the expression's value.
    pub(super) fn attributes(&self, expr: &Expr) -> Option<Vec<SmolStr>> {
        self.below(&access_path(expr)?)
    }

    /// Returns the attributes that lead from the target to the value at a path; `None` for the
    /// target itself.
    pub(super) fn below(&self, (root, path): &TargetPath) -> Option<Vec<SmolStr>> {
        let lead = self
            .entity
            .iter()
            .find(|(at, lead)| at == root && path.len() > lead.len() && path.starts_with(lead));
        lead.and_then(|(_, lead)| path.get(lead.len()..))
            .map(<[SmolStr]>::to_vec)
    }

    pub(super) fn is_path(&self, path: &TargetPath) -> bool {
        self.entity.contains(path)
    }

    /// Returns the declared attribute of this name.
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.info.attributes.get(name)
    }

    /// Returns `true` if the expression's value depends on which entity the target is.
    pub(super) fn touches(&self, expr: &Expr) -> bool {
        let mut open = vec![expr];
        while let Some(next) = open.pop() {
            if let Some(path) = access_path(next) {
                if self.touches_path(&path) {
                    return true;
                }
                continue;
            }
            let (base, attrs): (&Expr, Vec<SmolStr>) = match next.expr_kind() {
                ExprKind::HasAttr { expr, attr } => (expr, vec![attr.clone()]),
                ExprKind::ExtHasAttr { expr, attrs } => (expr, attrs.iter().cloned().collect()),
                _ => {
                    open.extend(children(next));
                    continue;
                }
            };
            // Which facts are present follows from the types of the chain. Only attributes of the
            // target are unknown.
            match access_path(base) {
                None => open.push(base),
                Some((root, mut path)) => {
                    path.extend(attrs);
                    if self.below(&(root, path)).is_some() {
                        return true;
                    }
                }
            }
        }
        false
    }

    pub(super) fn touches_path(&self, (root, path): &TargetPath) -> bool {
        let meets =
            |(at, lead): &TargetPath| at == root && lead.iter().zip(path).all(|(a, b)| a == b);
        self.entity.iter().chain(&self.among).any(meets)
    }

    /// Returns `true` if a relation's user or object depends on which entity the target is.
    pub(super) fn touches_mention(&self, mention: &Mention) -> bool {
        self.touches_path(&mention.user)
            || match &mention.object {
                ObjectTerm::Path(root, path) => self.touches_path(&(*root, path.clone())),
                ObjectTerm::Literal(_) => false,
            }
    }
}
