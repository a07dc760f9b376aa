//! Determines what a policy reads, once at load.
//!
//! Three things depend on it: a value that does not fit its type denies only if it is read; facts
//! are built only if they are read; and the decision record holds what was read.
//!
//! INVARIANT: a read set never holds too little. An attribute that is reached through another
//! entity, or from an expression that is not a plain path, counts as read on every entity of the
//! request. This can deny a request with `bad_value` because of an attribute of the same name that
//! the policy does not read; it can never overlook one that the policy reads.

use crate::policy::analysis::mentions::Mention;
use crate::policy::analysis::syntax::{PathRoot, access_path, children};
use crate::policy::port::RelationTypes;
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal, Var};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

/// The access paths of one policy or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::policy) struct ReadSet {
    paths: BTreeSet<(PathRoot, Vec<SmolStr>)>,
    /// The paths whose value is read, and not only whether there is one.
    whole: BTreeSet<(PathRoot, Vec<SmolStr>)>,
    /// The first name of each path.
    firsts: BTreeSet<(PathRoot, SmolStr)>,
    /// Whether the whole context is read.
    whole_context: bool,
    /// The names of attributes that are read on entities which no path names.
    anywhere: BTreeSet<SmolStr>,
    /// Whether the policy looks into an entity other than the principal and the resource.
    pub(in crate::policy) follows: bool,
    /// Whether the groups of the action matter; they do not if the action is only compared.
    pub(in crate::policy) looks_at_action: bool,
}

impl ReadSet {
    pub(in crate::policy) fn of(expr: &Expr) -> Self {
        let mut reads = Self::default();
        reads.walk(expr);
        reads
    }

    /// Returns what the conditions of tuples, on which the answers to these mentions can depend,
    /// read of a request's context.
    pub(in crate::policy) fn of_conditions(
        relations: &RelationTypes,
        mentions: &BTreeSet<Mention>,
    ) -> Self {
        let mut reads = Self::default();
        for path in mentions.iter().flat_map(|one| relations.parameters_of(one)) {
            let first = path.first().map(|first| (PathRoot::Context, first.clone()));
            reads.firsts.extend(first);
            reads.whole.insert((PathRoot::Context, path.clone()));
            reads.paths.insert((PathRoot::Context, path.clone()));
        }
        reads
    }

    /// Returns what several policies read together. Policies of one shape share one read set; if
    /// there is only one among `all`, that one is returned and not a copy.
    pub(in crate::policy) fn merged<'a>(all: impl Iterator<Item = &'a Arc<Self>>) -> Arc<Self> {
        let mut distinct: Vec<&Arc<Self>> = all.collect();
        distinct.sort_unstable_by_key(|reads| Arc::as_ptr(reads));
        distinct.dedup_by(|one, other| Arc::ptr_eq(one, other));
        if let [one] = distinct.as_slice() {
            return Arc::clone(one);
        }
        let mut merged = Self::default();
        for reads in distinct {
            merged.paths.extend(reads.paths.iter().cloned());
            merged.whole.extend(reads.whole.iter().cloned());
            merged.firsts.extend(reads.firsts.iter().cloned());
            merged.whole_context |= reads.whole_context;
            merged.anywhere.extend(reads.anywhere.iter().cloned());
            merged.follows |= reads.follows;
            merged.looks_at_action |= reads.looks_at_action;
        }
        Arc::new(merged)
    }

    /// Returns the number of paths and names.
    pub(in crate::policy) fn len(&self) -> usize {
        self.paths.len() + self.anywhere.len()
    }

    /// Returns `true` if nothing is read.
    pub(in crate::policy) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the paths, in a stable order.
    pub(in crate::policy) fn paths(&self) -> impl Iterator<Item = &(PathRoot, Vec<SmolStr>)> {
        self.paths.iter()
    }

    /// Returns the names of attributes that may be read on any entity of the request.
    pub(in crate::policy) fn anywhere(&self) -> impl Iterator<Item = &SmolStr> {
        self.anywhere.iter()
    }

    /// Returns the first names of the paths into the context.
    pub(in crate::policy) fn context_members(&self) -> impl Iterator<Item = &SmolStr> {
        self.firsts
            .iter()
            .filter(|(root, _)| *root == PathRoot::Context)
            .map(|(_, name)| name)
    }

    /// Returns every name that occurs in what is read.
    pub(in crate::policy) fn names(&self) -> impl Iterator<Item = &SmolStr> {
        self.paths
            .iter()
            .flat_map(|(_, path)| path)
            .chain(&self.anywhere)
    }

    /// Returns `true` if the value at this path of the context is read, in part or as part of a
    /// larger value.
    pub(in crate::policy) fn context(&self, path: &[SmolStr]) -> bool {
        self.touches(PathRoot::Context, path)
    }

    /// Returns `true` if an entity's attribute is read, or a part of it. `root` is the variable
    /// that names the entity, if one does.
    pub(in crate::policy) fn attribute(&self, root: Option<PathRoot>, path: &[SmolStr]) -> bool {
        root.is_some_and(|root| self.touches(root, path))
            || path
                .first()
                .is_some_and(|attribute| self.anywhere.contains(attribute))
    }

    /// Returns `true` if a value is read, in part or as part of a larger value: at this path of the
    /// context, or of an entity. `root` is the variable that names its owner, if one does.
    pub(in crate::policy) fn value_at(&self, root: Option<PathRoot>, path: &[SmolStr]) -> bool {
        match root {
            Some(PathRoot::Context) => self.context(path),
            Some(PathRoot::Principal | PathRoot::Resource) | None => self.attribute(root, path),
        }
    }

    /// Returns `true` if a member of the context is read, or a part of it; the same as
    /// [`Self::context`] for a path of one name.
    pub(in crate::policy) fn reads_context(&self, name: &str) -> bool {
        self.whole_context
            || self
                .firsts
                .contains(&(PathRoot::Context, SmolStr::new(name)))
    }

    /// Returns `true` if an entity's attribute is read, or a part of it; the same as
    /// [`Self::attribute`] for a path of one name.
    pub(in crate::policy) fn reads_attribute(
        &self,
        root: Option<PathRoot>,
        name: &SmolStr,
    ) -> bool {
        root.is_some_and(|root| self.firsts.contains(&(root, name.clone())))
            || self.anywhere.contains(name)
    }

    /// Returns `true` if a path that begins with this path is read, or if this path begins with one
    /// whose whole value is read. A path that is only tested for presence does not count for what
    /// lies below it: `context has token` does not depend on what the token holds. Paths are
    /// ordered name by name, so the paths that begin with one follow it.
    fn touches(&self, root: PathRoot, path: &[SmolStr]) -> bool {
        let mut key = (root, path.to_vec());
        let from = (Bound::Included(&key), Bound::Unbounded);
        let next = self.paths.range::<(PathRoot, Vec<SmolStr>), _>(from).next();
        if next.is_some_and(|(at, read)| *at == root && read.starts_with(path)) {
            return true;
        }
        while key.1.pop().is_some() {
            if self.whole.contains(&key) {
                return true;
            }
        }
        false
    }

    fn walk(&mut self, expr: &Expr) {
        if let Some((root, path)) = access_path(expr) {
            self.take_value(root, path);
            return;
        }
        match expr.expr_kind() {
            ExprKind::GetAttr { expr, attr } => {
                self.take_anywhere(attr);
                self.walk(expr);
            }
            ExprKind::HasAttr { expr, attr } => self.walk_has(expr, std::iter::once(attr)),
            ExprKind::ExtHasAttr { expr, attrs } => self.walk_has(expr, attrs.iter()),
            ExprKind::BinaryApp {
                op: BinaryOp::In | BinaryOp::GetTag | BinaryOp::HasTag,
                arg1,
                arg2,
            } => {
                if !matches!(arg1.expr_kind(), ExprKind::Var(_)) {
                    self.follows = true;
                }
                self.walk(arg1);
                self.walk(arg2);
            }
            ExprKind::BinaryApp {
                op: BinaryOp::Eq,
                arg1,
                arg2,
            } => {
                // Comparing the action does not look at its groups.
                [arg1, arg2]
                    .into_iter()
                    .filter(|operand| !is_action(operand))
                    .for_each(|operand| self.walk(operand));
            }
            _ if is_action(expr) => self.looks_at_action = true,
            _ => children(expr)
                .into_iter()
                .for_each(|child| self.walk(child)),
        }
    }

    fn walk_has<'a>(&mut self, base: &Expr, attributes: impl Iterator<Item = &'a SmolStr>) {
        match access_path(base) {
            Some((root, mut path)) => {
                path.extend(attributes.cloned());
                self.take(root, path);
            }
            None => {
                attributes.for_each(|attribute| self.take_anywhere(attribute));
                self.walk(base);
            }
        }
    }

    fn take_value(&mut self, root: PathRoot, path: Vec<SmolStr>) {
        if !path.is_empty() || root == PathRoot::Context {
            self.whole.insert((root, path.clone()));
        }
        self.take(root, path);
    }

    fn take(&mut self, root: PathRoot, path: Vec<SmolStr>) {
        if path.is_empty() && root != PathRoot::Context {
            return;
        }
        if let [_, rest @ ..] = path.as_slice()
            && !rest.is_empty()
        {
            self.follows = true;
            self.anywhere.extend(rest.iter().cloned());
        }
        match path.first() {
            Some(first) => drop(self.firsts.insert((root, first.clone()))),
            None => self.whole_context = true,
        }
        self.paths.insert((root, path));
    }

    fn take_anywhere(&mut self, attribute: &SmolStr) {
        self.follows = true;
        self.anywhere.insert(attribute.clone());
    }
}

/// Returns `true` if the expression names an action: the request's, or one by its id.
fn is_action(expr: &Expr) -> bool {
    match expr.expr_kind() {
        ExprKind::Var(var) => *var == Var::Action,
        ExprKind::Lit(Literal::EntityUID(uid)) => uid.is_action(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str) -> ReadSet {
        ReadSet::of(
            &cedar_policy_core::parser::parse_policyset(&format!(
                "permit(principal, action, resource) when {{ {text} }};"
            ))
            .unwrap()
            .policies()
            .next()
            .unwrap()
            .non_scope_constraints()
            .unwrap()
            .clone(),
        )
    }

    fn path(names: &[&str]) -> Vec<SmolStr> {
        names.iter().map(SmolStr::new).collect()
    }

    #[test]
    fn a_part_and_the_whole_of_a_path_touch_it() {
        let some = reads("context.arguments.amount < 5");
        assert!(some.context(&path(&["arguments", "amount"])));
        assert!(some.context(&path(&["arguments"])));
        assert!(!some.context(&path(&["arguments", "order"])));
        let whole = reads("context.arguments == {}");
        assert!(whole.context(&path(&["arguments", "order"])));
        assert!(reads("context == {}").context(&path(&["anything"])));
        assert!(reads("context has a.b").context(&path(&["a", "b"])));
    }

    #[test]
    fn whether_there_is_a_record_does_not_depend_on_its_members() {
        let some = reads(
            "principal has role && context has token && context.token.scopes.contains(\"a\")",
        );
        assert!(some.context(&path(&["token"])) && some.context(&path(&["token", "scopes"])));
        assert!(!some.context(&path(&["token", "groups"])));
        let some = Arc::new(some);
        assert!(
            !ReadSet::merged([&some, &Arc::new(reads("context has now"))].into_iter())
                .context(&path(&["token", "acr"]))
        );
        let whole = Arc::new(reads("context.token == context.other"));
        assert!(ReadSet::merged([&some, &whole].into_iter()).context(&path(&["token", "groups"])));
        assert!(reads("context has token.groups").context(&path(&["token", "groups"])));
        assert!(
            !reads("principal == resource").attribute(Some(PathRoot::Principal), &path(&["role"]))
        );
    }

    #[test]
    fn an_attribute_behind_another_entity_counts_everywhere() {
        let some = reads("resource.owner.limit > 3");
        assert!(some.attribute(None, &path(&["limit"])));
        assert!(some.attribute(Some(PathRoot::Principal), &path(&["limit"])));
        assert!(some.attribute(Some(PathRoot::Resource), &path(&["owner"])));
        assert!(!some.attribute(Some(PathRoot::Principal), &path(&["owner"])));
        assert!(
            reads("(if true then principal else resource).x == 1").attribute(None, &path(&["x"]))
        );
        assert!(reads("principal has role").attribute(Some(PathRoot::Principal), &path(&["role"])));
    }

    #[test]
    fn a_name_is_looked_up_as_a_path_of_one_name_is() {
        for text in [
            "context.arguments.amount < 5 && principal has role",
            "context == {}",
            "resource.owner.limit > 3 && (if true then principal else resource).x == 1",
        ] {
            let some = reads(text);
            for name in [
                "arguments",
                "amount",
                "role",
                "owner",
                "limit",
                "x",
                "other",
            ] {
                assert_eq!(
                    some.reads_context(name),
                    some.context(&path(&[name])),
                    "{name} in {text}"
                );
                for root in [None, Some(PathRoot::Principal), Some(PathRoot::Resource)] {
                    let (as_name, as_path) = (
                        some.reads_attribute(root, &name.into()),
                        some.attribute(root, &path(&[name])),
                    );
                    assert_eq!(as_name, as_path, "{name} of {root:?} in {text}");
                }
            }
        }
    }

    #[test]
    fn the_action_is_looked_at_wherever_it_is_not_only_compared() {
        for (text, looks) in [
            ("principal has role", false),
            ("action == Action::\"read\"", false),
            (
                "Action::\"read\" != action || !(action == Action::\"write\")",
                false,
            ),
            ("action in Action::\"touch\"", true),
            (
                "(if true then action else Action::\"read\") in Action::\"touch\"",
                true,
            ),
            ("[action].contains(Action::\"read\")", true),
            ("Action::\"read\" in [Action::\"touch\"]", true),
        ] {
            assert_eq!(reads(text).looks_at_action, looks, "{text}");
        }
        let compared = Arc::new(reads("action == Action::\"read\""));
        let looked_at = Arc::new(reads("action in Action::\"touch\""));
        assert!(ReadSet::merged([&compared, &looked_at].into_iter()).looks_at_action);
        let both = ReadSet::merged([&Arc::new(reads("principal.a")), &looked_at].into_iter());
        assert!(
            both.looks_at_action && both.reads_attribute(Some(PathRoot::Principal), &"a".into())
        );
    }
}
