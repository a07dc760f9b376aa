//! Finds which parts of its parameters an expression reads.
//!
//! INVARIANT: no part that an evaluation can read is missing. What is not a plain path counts as a
//! read of the whole value before it.

use super::CompiledCondition;
use super::lower::Expression;
use super::signature::Function;
use super::value::Val;
use smol_str::SmolStr;
use std::collections::BTreeSet;

impl CompiledCondition {
    /// Returns the paths that an evaluation depends on, each of which begins with the name of a
    /// parameter: `arguments.to` for `arguments.to.all(…)`, `arguments["to"]`,
    /// `has(arguments.to)` and `"to" in arguments`. A parameter that is passed on as a whole is a
    /// path of one name, and so is one that the expression does not read, since its value is cast.
    #[must_use]
    pub fn paths(&self) -> BTreeSet<Vec<SmolStr>> {
        let mut found = BTreeSet::new();
        for (at, (name, _)) in self.parameters.iter().enumerate() {
            let mut below = BTreeSet::new();
            self.root.add_paths(at, &mut below);
            if below.is_empty() {
                below.insert(Vec::new());
            }
            let whole = |path| std::iter::once(name.clone()).chain(path).collect();
            found.extend(below.into_iter().map(whole));
        }
        found
    }
}

impl Expression {
    /// Adds the paths below a parameter that the node reads.
    fn add_paths(&self, parameter: usize, found: &mut BTreeSet<Vec<SmolStr>>) {
        if let Some(path) = self.path(parameter).or_else(|| self.member_test(parameter)) {
            found.insert(path);
            return;
        }
        self.parts()
            .into_iter()
            .for_each(|part| part.add_paths(parameter, found));
    }

    /// Returns the node's path below a parameter, if it is one.
    fn path(&self, parameter: usize) -> Option<Vec<SmolStr>> {
        let (operand, name) = match self {
            Self::Parameter(at) => return (*at == parameter).then(Vec::new),
            Self::Select(operand, name) | Self::Has(operand, name) => (operand.as_ref(), name),
            Self::Index(sides) => match &sides.1 {
                Self::Const(Val::Text(name)) => (&sides.0, name),
                _ => return None,
            },
            _ => return None,
        };
        let mut path = operand.path(parameter)?;
        path.push(name.clone());
        Some(path)
    }

    /// Returns the path of `name` in a part of a parameter, if the node is the test
    /// `"name" in part`.
    fn member_test(&self, parameter: usize) -> Option<Vec<SmolStr>> {
        let Self::Call(Function::In, operands) = self else {
            return None;
        };
        let [Self::Const(Val::Text(name)), part] = operands.as_slice() else {
            return None;
        };
        let mut path = part.path(parameter)?;
        path.push(name.clone());
        Some(path)
    }
}
