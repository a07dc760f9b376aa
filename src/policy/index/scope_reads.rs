//! Says what is read in a scope, by its policies and by the conditions of relations.
//!
//! INVARIANT: a value that either of them reads and that does not fit its declared type denies. A
//! condition sees the request's value and not one of the declared type, so nothing else would keep
//! it from a value that its author did not think of.

use super::ScopePolicies;
use crate::policy::analysis::syntax::PathRoot;
use smol_str::SmolStr;
use std::collections::BTreeSet;

impl ScopePolicies {
    /// Returns `true` if a member of the context is read, or a part of it.
    pub(in crate::policy) fn reads_context(&self, name: &str) -> bool {
        self.reads.reads_context(name) || self.condition_reads_member(name)
    }

    /// Returns `true` if the value at a path is read, in part or as part of a larger value. `root`
    /// is the variable that names the value's owner, if one does.
    pub(in crate::policy) fn value_at(&self, root: Option<PathRoot>, path: &[SmolStr]) -> bool {
        let is_context = root == Some(PathRoot::Context);
        self.reads.value_at(root, path) || is_context && self.condition_reads(path)
    }

    /// Returns `true` if a condition reads a member of the context, or a part of it.
    pub(in crate::policy) fn condition_reads_member(&self, name: &str) -> bool {
        self.parameters.reads_context(name)
    }

    /// Returns `true` if a condition reads the value at a path of the context, in part or as part
    /// of a larger value.
    pub(in crate::policy) fn condition_reads(&self, path: &[SmolStr]) -> bool {
        self.parameters.context(path)
    }

    /// Returns the paths that are read, each once, in a stable order.
    pub(in crate::policy) fn paths(&self) -> BTreeSet<&(PathRoot, Vec<SmolStr>)> {
        self.reads.paths().chain(self.parameters.paths()).collect()
    }
}
