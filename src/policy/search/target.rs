//! What is searched for, as the expressions of one leg's policies name it.
//!
//! INVARIANT: an expression that does not touch what is sought has the same value whichever
//! candidate it is.

use crate::policy::analysis::mentions::{Mention, Object};
use crate::policy::analysis::syntax::{Root, access_path, children};
use crate::policy::schema::{Attribute, TypeInfo};
use cedar_policy_core::ast::{Expr, ExprKind};
use smol_str::SmolStr;

/// Which part of a question is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The resource.
    Resource,
    /// A member of the chain: 0 is the subject.
    Member(usize),
}

/// The sought entity in one leg.
#[derive(Debug)]
pub(super) struct Sought<'a> {
    pub(super) info: &'a TypeInfo,
    /// The type's name.
    pub(super) kind: SmolStr,
    /// The paths that lead to it.
    entity: Vec<(Root, Vec<SmolStr>)>,
    /// The paths to values that hold it among others.
    among: Vec<(Root, Vec<SmolStr>)>,
}

type Path = (Root, Vec<SmolStr>);

impl<'a> Sought<'a> {
    /// In the leg of member `leg`, which is not before the sought one.
    pub(super) fn new(part: Part, leg: usize, kind: SmolStr, info: &'a TypeInfo) -> Self {
        let fact = |name: &str| {
            let path = ["delegation", name].map(SmolStr::new).into_iter();
            (
                Root::Context,
                path.chain([kind.clone()]).collect::<Vec<_>>(),
            )
        };
        let mut entity = Vec::new();
        let mut among = Vec::new();
        match part {
            Part::Resource => entity.push((Root::Resource, Vec::new())),
            Part::Member(at) => {
                if at == leg {
                    entity.push((Root::Principal, Vec::new()));
                }
                if at == 0 {
                    entity.push(fact("subject"));
                }
                if at < leg {
                    among.push((
                        Root::Context,
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

    /// Whether the expression is the sought entity.
    pub(super) fn is(&self, expr: &Expr) -> bool {
        access_path(expr).is_some_and(|path| self.is_path(&path))
    }

    /// The attributes that lead from the sought entity to the expression's value: one or more.
    pub(super) fn attributes(&self, expr: &Expr) -> Option<Vec<SmolStr>> {
        self.below(&access_path(expr)?)
    }

    /// The attribute that leads to a relation's object: none where it is the sought entity itself.
    pub(super) fn below(&self, (root, path): &Path) -> Option<Vec<SmolStr>> {
        let lead = self
            .entity
            .iter()
            .find(|(at, lead)| at == root && path.len() > lead.len() && path.starts_with(lead));
        lead.and_then(|(_, lead)| path.get(lead.len()..))
            .map(<[SmolStr]>::to_vec)
    }

    pub(super) fn is_path(&self, path: &Path) -> bool {
        self.entity.contains(path)
    }

    /// The declared attribute of this name.
    pub(super) fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.info.attributes.get(name)
    }

    /// Whether the value depends on which entity it is.
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
            // Which facts there are is known with the types of the chain; only what lies behind the
            // entity is not.
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

    pub(super) fn touches_path(&self, (root, path): &Path) -> bool {
        let meets = |(at, lead): &Path| at == root && lead.iter().zip(path).all(|(a, b)| a == b);
        self.entity.iter().chain(&self.among).any(meets)
    }

    /// Whether a relation's user or object depends on which entity it is.
    pub(super) fn touches_mention(&self, mention: &Mention) -> bool {
        self.touches_path(&mention.user)
            || match &mention.object {
                Object::Path(root, path) => self.touches_path(&(*root, path.clone())),
                Object::Literal(_) => false,
            }
    }
}
