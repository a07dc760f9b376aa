//! Lowers CEL's syntax tree to one that is quick to evaluate, with every name resolved and every
//! type checked.
//!
//! INVARIANT: a lowered expression has no mistake that was visible when the model was written: no
//! unknown variable or function, no operand of a wrong type, no literal that is no valid duration,
//! time, address or pattern, and no result other than a bool.

use super::error::ExpressionError;
use super::evaluate::{self, CostBudget};
use super::pattern;
use super::signature::{Function, TYPE_VALUES, Ty};
use super::types::ParameterType;
use super::value::Val;
use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, SelectExpr,
};
use smol_str::SmolStr;

/// Maximum depth of a syntax tree: evaluation is recursive, and conditions of real models are about
/// ten deep.
pub(super) const MAX_DEPTH: usize = 64;

/// A node of a lowered expression.
#[derive(Debug)]
pub(super) enum Expression {
    Const(Val),
    /// A parameter, by its position among the declared ones.
    Parameter(usize),
    /// A variable of a comprehension, by its position on the stack.
    Local(usize),
    And(Box<(Expression, Expression)>),
    Or(Box<(Expression, Expression)>),
    /// The conditional `condition ? this : that`.
    Choice(Box<(Expression, Expression, Expression)>),
    Call(Function, Vec<Expression>),
    /// The field selection `a.b`.
    Select(Box<Expression>, SmolStr),
    /// The test `has(a.b)`.
    Has(Box<Expression>, SmolStr),
    /// The index `a[b]`.
    Index(Box<(Expression, Expression)>),
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
    Fold(Box<Fold>),
}

impl Expression {
    /// Returns the operands.
    pub(super) fn parts(&self) -> Vec<&Expression> {
        match self {
            Self::Const(_) | Self::Parameter(_) | Self::Local(_) => Vec::new(),
            Self::And(sides) | Self::Or(sides) | Self::Index(sides) => vec![&sides.0, &sides.1],
            Self::Choice(parts) => vec![&parts.0, &parts.1, &parts.2],
            Self::Call(_, nodes) | Self::List(nodes) => nodes.iter().collect(),
            Self::Select(operand, _) | Self::Has(operand, _) => vec![operand],
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| [key, value])
                .collect(),
            Self::Fold(fold) => vec![
                &fold.range,
                &fold.start,
                &fold.go_on,
                &fold.step,
                &fold.result,
            ],
        }
    }

    /// Returns `true` if the node names the parameter at this position.
    pub(super) fn reads(&self, parameter: usize) -> bool {
        matches!(self, Self::Parameter(at) if *at == parameter)
            || self.parts().into_iter().any(|part| part.reads(parameter))
    }

    /// Returns `true` if the node names a variable of a comprehension.
    pub(super) fn has_local(&self) -> bool {
        matches!(self, Self::Local(_)) || self.parts().into_iter().any(Self::has_local)
    }
}

/// A comprehension, which `all`, `exists`, `exists_one`, `map` and `filter` are expanded to.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) range: Expression,
    pub(super) start: Expression,
    /// Whether to continue. It can read the accumulated result and the variable.
    pub(super) go_on: Expression,
    /// The next accumulated result. It can read the same two.
    pub(super) step: Expression,
    /// The result of the comprehension. It can read the final accumulated result only.
    pub(super) result: Expression,
}

/// Checks and lowers an expression over these parameters.
pub(super) fn lower(
    expr: &IdedExpr,
    parameters: &[(SmolStr, ParameterType)],
) -> Result<Expression, ExpressionError> {
    let mut scope = VariableScope {
        parameters,
        locals: Vec::new(),
        depth: 0,
    };
    let (node, ty) = scope.node(expr)?;
    if ty == Ty::Bool {
        Ok(node)
    } else {
        Err(ExpressionError::NotBool(ty))
    }
}

struct VariableScope<'a> {
    parameters: &'a [(SmolStr, ParameterType)],
    locals: Vec<(&'a str, Ty)>,
    depth: usize,
}

type LowerResult = Result<(Expression, Ty), ExpressionError>;

impl<'a> VariableScope<'a> {
    fn node(&mut self, expr: &'a IdedExpr) -> LowerResult {
        if self.depth >= MAX_DEPTH {
            return Err(ExpressionError::TooDeep);
        }
        self.depth += 1;
        let lowered = match &expr.expr {
            Expr::Literal(literal) => Ok(constant(literal)),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::List(list) if list.optional_indices.is_empty() => self.list(&list.elements),
            Expr::Map(map) => self.map(map),
            Expr::Comprehension(fold) => self.fold(fold),
            Expr::Struct(it) => Err(ExpressionError::Construction(it.type_name.clone())),
            Expr::List(_) | Expr::Unspecified => Err(ExpressionError::ForeignSyntax),
        };
        self.depth -= 1;
        lowered
    }

    fn name(&self, name: &str) -> LowerResult {
        if let Some((at, (_, ty))) = self
            .locals
            .iter()
            .enumerate()
            .rev()
            .find(|(_, (local, _))| *local == name)
        {
            return Ok((Expression::Local(at), ty.clone()));
        }
        if let Some((at, (_, ty))) = self
            .parameters
            .iter()
            .enumerate()
            .find(|(_, (it, _))| it == name)
        {
            return Ok((Expression::Parameter(at), ty.into()));
        }
        match TYPE_VALUES.iter().find(|it| **it == name) {
            Some(name) => Ok((Expression::Const(Val::Type(name)), Ty::Type)),
            None => Err(ExpressionError::UnknownName {
                name: name.to_owned(),
                declared: self.parameters.iter().map(|it| it.0.clone()).collect(),
            }),
        }
    }

    fn select(&mut self, select: &'a SelectExpr) -> LowerResult {
        let (operand, ty) = self.node(&select.operand)?;
        let ty = match ty {
            Ty::Map(_, element) => *element,
            Ty::Dyn => Ty::Dyn,
            ty => {
                return Err(ExpressionError::NoFields {
                    field: select.field.clone(),
                    of: ty,
                });
            }
        };
        let operand = Box::new(operand);
        let field = select.field.as_str().into();
        Ok(if select.test {
            (Expression::Has(operand, field), Ty::Bool)
        } else {
            (Expression::Select(operand, field), ty)
        })
    }

    fn call(&mut self, call: &'a CallExpr) -> LowerResult {
        let mut nodes = Vec::with_capacity(call.args.len() + 1);
        let mut types = Vec::with_capacity(call.args.len() + 1);
        for arg in call.target.as_deref().into_iter().chain(&call.args) {
            let (node, ty) = self.node(arg)?;
            nodes.push(node);
            types.push(ty);
        }
        let name = call.func_name.as_str();
        let no_overload = || {
            Err(ExpressionError::Operands {
                function: name.to_owned(),
                on_value: call.target.is_some(),
                types: types.clone(),
            })
        };
        let mut nodes_left = nodes.into_iter();
        let mut next = || nodes_left.next().unwrap_or(Expression::Const(Val::Null));
        match (name, types.as_slice()) {
            ("_&&_", [Ty::Bool | Ty::Dyn, Ty::Bool | Ty::Dyn]) => {
                Ok((Expression::And(Box::new((next(), next()))), Ty::Bool))
            }
            ("_||_", [Ty::Bool | Ty::Dyn, Ty::Bool | Ty::Dyn]) => {
                Ok((Expression::Or(Box::new((next(), next()))), Ty::Bool))
            }
            ("_?_:_", [Ty::Bool | Ty::Dyn, a, b]) => match a.unify(b) {
                Some(ty) => Ok((Expression::Choice(Box::new((next(), next(), next()))), ty)),
                None => no_overload(),
            },
            ("_[_]", [Ty::List(element), Ty::Int | Ty::Dyn]) => Ok((
                Expression::Index(Box::new((next(), next()))),
                element.as_ref().clone(),
            )),
            ("_[_]", [Ty::Map(key, element), index]) if index.unify(key).is_some() => Ok((
                Expression::Index(Box::new((next(), next()))),
                element.as_ref().clone(),
            )),
            ("_[_]", [Ty::Dyn, _]) => Ok((Expression::Index(Box::new((next(), next()))), Ty::Dyn)),
            ("_&&_" | "_||_" | "_?_:_" | "_[_]", _) => no_overload(),
            _ => {
                let Some(function) = find(name, call.target.is_some()) else {
                    return Err(unknown(name, call));
                };
                match function.result(&types) {
                    Some(ty) => Ok((fold_constants(function, nodes_left.collect())?, ty)),
                    None => no_overload(),
                }
            }
        }
    }

    fn list(&mut self, elements: &'a [IdedExpr]) -> LowerResult {
        let (nodes, types): (Vec<_>, Vec<_>) = self.all(elements)?.into_iter().unzip();
        Ok((
            Expression::List(nodes),
            Ty::List(Box::new(Ty::join(&types))),
        ))
    }

    fn all(&mut self, exprs: &'a [IdedExpr]) -> Result<Vec<(Expression, Ty)>, ExpressionError> {
        exprs.iter().map(|expr| self.node(expr)).collect()
    }

    fn map(&mut self, map: &'a MapExpr) -> LowerResult {
        let (mut nodes, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(ExpressionError::MapEntry);
            };
            let ((key, key_type), (value, value_type)) =
                (self.node(&entry.key)?, self.node(&entry.value)?);
            if !matches!(key_type, Ty::Bool | Ty::Int | Ty::Uint | Ty::Text | Ty::Dyn) {
                return Err(ExpressionError::MapKey(key_type));
            }
            nodes.push((key, value));
            keys.push(key_type);
            values.push(value_type);
        }
        Ok((
            Expression::Map(nodes),
            Ty::Map(Box::new(Ty::join(&keys)), Box::new(Ty::join(&values))),
        ))
    }

    fn fold(&mut self, fold: &'a ComprehensionExpr) -> LowerResult {
        let (range, range_type) = self.node(&fold.iter_range)?;
        let element = match range_type {
            Ty::List(element) => *element,
            Ty::Map(key, _) => *key,
            Ty::Dyn => Ty::Dyn,
            ty => return Err(ExpressionError::NoElements(ty)),
        };
        if fold.iter_var2.is_some() {
            return Err(ExpressionError::TwoVariables);
        }
        let (start, start_type) = self.node(&fold.accu_init)?;
        let accumulated = self.accumulated(fold, &element, start_type)?;
        self.locals.push((&fold.accu_var, accumulated));
        self.locals.push((&fold.iter_var, element));
        let inner = self
            .node(&fold.loop_cond)
            .and_then(|go_on| Ok((go_on, self.node(&fold.loop_step)?)));
        self.locals.pop();
        let result = self.node(&fold.result);
        self.locals.pop();
        let ((go_on, _), (step, _)) = inner?;
        let (result, ty) = result?;
        Ok((
            Expression::Fold(Box::new(Fold {
                range,
                start,
                go_on,
                step,
                result,
            })),
            ty,
        ))
    }

    /// Returns the type of a comprehension's accumulated result. `map` and `filter` begin with an
    /// empty list, whose element type comes from the first step.
    fn accumulated(
        &mut self,
        fold: &'a ComprehensionExpr,
        element: &Ty,
        start: Ty,
    ) -> Result<Ty, ExpressionError> {
        let empty_list =
            matches!(&fold.accu_init.expr, Expr::List(list) if list.elements.is_empty());
        if !empty_list {
            return Ok(start);
        }
        let Some(added) = added_element(&fold.loop_step) else {
            return Ok(start);
        };
        self.locals.push((&fold.accu_var, start));
        self.locals.push((&fold.iter_var, element.clone()));
        let added = self.node(added);
        self.locals.truncate(self.locals.len().saturating_sub(2));
        Ok(Ty::List(Box::new(added?.1)))
    }
}

/// Returns the `e` of `result + [e]`, or of `p ? result + [e] : result`.
fn added_element(step: &IdedExpr) -> Option<&IdedExpr> {
    let Expr::Call(call) = &step.expr else {
        return None;
    };
    match (call.func_name.as_str(), call.args.as_slice()) {
        ("_+_", [_, list]) => match &list.expr {
            Expr::List(list) => list.elements.first(),
            _ => None,
        },
        ("_?_:_", [_, step, _]) => added_element(step),
        _ => None,
    }
}

fn constant(literal: &LiteralValue) -> (Expression, Ty) {
    let (value, ty) = match literal {
        LiteralValue::Boolean(value) => (Val::Bool(*value.inner()), Ty::Bool),
        LiteralValue::Bytes(value) => (Val::Bytes(value.inner().into()), Ty::Bytes),
        LiteralValue::Double(value) => (Val::Double(*value.inner()), Ty::Double),
        LiteralValue::Int(value) => (Val::Int(*value.inner()), Ty::Int),
        LiteralValue::Null => (Val::Null, Ty::Null),
        LiteralValue::String(value) => (Val::Text(value.inner().into()), Ty::Text),
        LiteralValue::UInt(value) => (Val::Uint(*value.inner()), Ty::Uint),
    };
    (Expression::Const(value), ty)
}

fn find(name: &str, on_value: bool) -> Option<Function> {
    if on_value {
        Function::named(name, true)
    } else {
        Function::operator(name).or_else(|| Function::named(name, false))
    }
}

/// Evaluates conversions of literals and compiles literal patterns once, so that mistakes in them
/// are found here.
fn fold_constants(
    function: Function,
    args: Vec<Expression>,
) -> Result<Expression, ExpressionError> {
    match (&function, args.as_slice()) {
        (Function::Matches(_), [_, Expression::Const(Val::Text(text))]) => {
            let compiled =
                pattern::compile(text).ok_or_else(|| ExpressionError::Pattern(text.clone()))?;
            Ok(Expression::Call(Function::Matches(Some(compiled)), args))
        }
        (
            Function::ToDuration | Function::ToTimestamp | Function::ToIp,
            [Expression::Const(value)],
        ) => {
            let made = evaluate::call(
                &function,
                std::slice::from_ref(value),
                &mut CostBudget::unlimited(),
            );
            made.map(Expression::Const).map_err(|halt| match value {
                Val::Text(text) => ExpressionError::Text(text.clone(), halt),
                _ => ExpressionError::Constant(halt),
            })
        }
        (Function::InCidr, [_, Expression::Const(Val::Text(text))])
            if !super::network::is_network(text) =>
        {
            Err(ExpressionError::Network(text.clone()))
        }
        _ => Ok(Expression::Call(function, args)),
    }
}

fn unknown(name: &str, call: &CallExpr) -> ExpressionError {
    let name = name.to_owned();
    match (&call.target, find(&name, call.target.is_none())) {
        (Some(_), Some(_)) => ExpressionError::NoMethod(name),
        (None, Some(_)) => ExpressionError::Method(name),
        _ => ExpressionError::UnknownFunction(name),
    }
}
