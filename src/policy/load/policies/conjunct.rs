//! The parts of a policy's condition that are evaluated one by one.

use crate::policy::analysis::syntax::{access_path, children};
use crate::policy::load::source::SourceFile;
use cedar_policy_core::ast::Expr;
use std::sync::Arc;

/// One top-level conjunct of a policy's condition.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Conjunct {
    pub(in crate::policy) expr: Arc<Expr>,
    pub(in crate::policy) line: usize,
}

impl Conjunct {
    /// Creates the conjunct of an expression of a file.
    pub(super) fn of(file: &SourceFile, expr: Arc<Expr>) -> Self {
        let line = expr.source_loc().map_or(1, |loc| file.line(loc.start()));
        Self { expr, line }
    }

    /// Returns the conjunct as it was written.
    pub(in crate::policy) fn source(&self) -> String {
        let written = self.expr.source_loc().and_then(|loc| loc.snippet());
        written.map_or_else(|| self.expr.to_string(), str::to_owned)
    }

    /// Returns the line on which a part of the conjunct begins. The tree may be that of another
    /// policy with the same conjunct.
    pub(in crate::policy) fn line_of(&self, part: &Expr) -> usize {
        let below = match (self.expr.source_loc(), part.source_loc()) {
            (Some(whole), Some(part)) => part.src.get(whole.start()..part.start()),
            _ => None,
        };
        self.line + below.map_or(0, |text| text.matches('\n').count())
    }

    /// Returns the attribute accesses in the conjunct, in source order, so that their values can be
    /// shown.
    pub(in crate::policy) fn accesses(&self) -> Vec<&Expr> {
        let mut accesses: Vec<&Expr> = Vec::new();
        let mut open: Vec<&Expr> = vec![&self.expr];
        while let Some(next) = open.pop() {
            match access_path(next) {
                Some((_, path)) if !path.is_empty() && !accesses.contains(&next) => {
                    accesses.push(next);
                }
                Some(_) => {}
                None => open.extend(children(next).into_iter().rev()),
            }
        }
        accesses
    }
}
