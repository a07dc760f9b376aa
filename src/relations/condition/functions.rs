//! Implements the operators and functions of expressions.
//!
//! INVARIANT: an integer, duration or time out of its range is an error, never another value.

use super::cast::work_of_text;
use super::evaluate::{CostBudget, EvalResult, Halt, mismatch};
use super::signature::Function;
use super::value::{MapKey, Val};
use super::{calendar, convert, network, pattern};
use std::cmp::Ordering;

/// Applies a function.
pub(super) fn apply(function: &Function, args: &[Val], budget: &mut CostBudget) -> EvalResult {
    match (function, args) {
        (Function::Equal, [a, b]) => Ok(Val::Bool(equal(a, b, budget)?)),
        (Function::NotEqual, [a, b]) => Ok(Val::Bool(is_foreign(a, b) || !equal(a, b, budget)?)),
        (Function::Less, [a, b]) => compare("<", a, b, Ordering::is_lt),
        (Function::LessEqual, [a, b]) => compare("<=", a, b, Ordering::is_le),
        (Function::Greater, [a, b]) => compare(">", a, b, Ordering::is_gt),
        (Function::GreaterEqual, [a, b]) => compare(">=", a, b, Ordering::is_ge),
        (Function::Add, [a, b]) => add(a, b),
        (Function::Subtract, [a, b]) => subtract(a, b),
        (Function::Multiply, [a, b]) => multiply(a, b),
        (Function::Divide, [a, b]) => divide(a, b),
        (Function::Modulo, [a, b]) => modulo(a, b),
        (Function::Negate, [Val::Int(a)]) => in_range(a.checked_neg().map(Val::Int)),
        (Function::Negate, [Val::Double(a)]) => Ok(Val::Double(-a)),
        (Function::Not, [Val::Bool(a)]) => Ok(Val::Bool(!a)),
        (Function::In, [item, Val::List(items)]) => {
            for one in items.iter() {
                if !is_foreign(item, one) && equal(item, one, budget)? {
                    return Ok(Val::Bool(true));
                }
            }
            Ok(Val::Bool(false))
        }
        (Function::In, [item, Val::Map(entries)]) => Ok(Val::Bool(
            MapKey::of(item).is_some_and(|key| entries.contains_key(&key)),
        )),
        (Function::Size, [it @ (Val::Text(_) | Val::Bytes(_) | Val::List(_) | Val::Map(_))]) => {
            in_range(i64::try_from(it.size()).ok().map(Val::Int))
        }
        (Function::Contains, [Val::Text(a), Val::Text(b)]) => Ok(Val::Bool(a.contains(b.as_str()))),
        (Function::StartsWith, [Val::Text(a), Val::Text(b)]) => {
            Ok(Val::Bool(a.starts_with(b.as_str())))
        }
        (Function::EndsWith, [Val::Text(a), Val::Text(b)]) => {
            Ok(Val::Bool(a.ends_with(b.as_str())))
        }
        (Function::Matches(Some(compiled)), [Val::Text(text), _]) => {
            Ok(Val::Bool(compiled.is_match(text)))
        }
        (Function::Matches(None), [Val::Text(text), Val::Text(source)]) => {
            match pattern::compile_sent(source) {
                Some(compiled) => Ok(Val::Bool(compiled.is_match(text))),
                None => Halt::error("the pattern is no regular expression (RE2), or too large"),
            }
        }
        (Function::InCidr, [Val::Ip(address), Val::Text(cidr)]) => {
            match network::is_in(*address, cidr) {
                Some(inside) => Ok(Val::Bool(inside)),
                None => Halt::error("the text is no network"),
            }
        }
        (Function::ToDyn, [it]) => Ok(it.clone()),
        (Function::TypeOf, [it]) => Ok(Val::Type(it.type_name())),
        (Function::Part(part), [it]) => calendar::part(*part, it, None),
        (Function::Part(part), [it, Val::Text(zone)]) => calendar::part(*part, it, Some(zone)),
        (_, [it]) => convert::convert(function, it),
        (_, values) => mismatch("the function", values),
    }
}

/// Returns `true` if two values are equal, by the same rules as [`Val`]'s own equality. The
/// comparison is paid for as it goes on.
fn equal(a: &Val, b: &Val, budget: &mut CostBudget) -> Result<bool, Halt> {
    budget.work(1)?;
    match (a, b) {
        (Val::List(a), Val::List(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for (a, b) in a.iter().zip(b.iter()) {
                if !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Val::Map(a), Val::Map(b)) => {
            if a.len() != b.len() {
                return Ok(false);
            }
            for ((key, a), (other, b)) in a.iter().zip(b.iter()) {
                budget.work(key.work())?;
                if key != other || !equal(a, b, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Val::Text(a), Val::Text(b)) => {
            budget.work(work_of_text(a.len().min(b.len())))?;
            Ok(a == b)
        }
        _ if is_foreign(a, b) => mismatch("==", &[a.clone(), b.clone()]),
        _ => Ok(a == b),
    }
}

/// Returns `true` if an address is compared with a value of another kind: in OpenFGA an address
/// then is neither equal nor not, `==` fails, `!=` holds and `in` passes the value over.
fn is_foreign(a: &Val, b: &Val) -> bool {
    matches!(a, Val::Ip(_)) && !matches!(b, Val::Ip(_) | Val::Null)
}

fn compare(operator: &str, a: &Val, b: &Val, holds: fn(Ordering) -> bool) -> EvalResult {
    match a.order(b) {
        Some(ordering) => Ok(Val::Bool(holds(ordering))),
        None => mismatch(operator, &[a.clone(), b.clone()]),
    }
}

/// Turns a result that is out of its range (`None`) into an error.
pub(super) fn in_range(value: Option<Val>) -> EvalResult {
    value.ok_or_else(|| Halt::Error("the result is out of range".to_owned()))
}

fn add(a: &Val, b: &Val) -> EvalResult {
    in_range(match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.checked_add(*b).map(Val::Int),
        (Val::Uint(a), Val::Uint(b)) => a.checked_add(*b).map(Val::Uint),
        (Val::Double(a), Val::Double(b)) => Some(Val::Double(a + b)),
        (Val::Text(a), Val::Text(b)) => Some(Val::Text(format!("{a}{b}").into())),
        (Val::Bytes(a), Val::Bytes(b)) => {
            Some(Val::Bytes([a.as_ref(), b.as_ref()].concat().into()))
        }
        (Val::Duration(a), Val::Duration(b)) => a.checked_add(*b).map(Val::Duration),
        (Val::Timestamp(a), Val::Duration(b)) | (Val::Duration(b), Val::Timestamp(a)) => {
            a.shift(*b, false).map(Val::Timestamp)
        }
        (Val::List(a), Val::List(b)) => Some(Val::List([a.as_ref(), b.as_ref()].concat().into())),
        _ => return mismatch("+", &[a.clone(), b.clone()]),
    })
}

fn subtract(a: &Val, b: &Val) -> EvalResult {
    in_range(match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.checked_sub(*b).map(Val::Int),
        (Val::Uint(a), Val::Uint(b)) => a.checked_sub(*b).map(Val::Uint),
        (Val::Double(a), Val::Double(b)) => Some(Val::Double(a - b)),
        (Val::Duration(a), Val::Duration(b)) => a.checked_sub(*b).map(Val::Duration),
        (Val::Timestamp(a), Val::Duration(b)) => a.shift(*b, true).map(Val::Timestamp),
        (Val::Timestamp(a), Val::Timestamp(b)) => a.since(*b).map(Val::Duration),
        _ => return mismatch("-", &[a.clone(), b.clone()]),
    })
}

fn multiply(a: &Val, b: &Val) -> EvalResult {
    in_range(match (a, b) {
        (Val::Int(a), Val::Int(b)) => a.checked_mul(*b).map(Val::Int),
        (Val::Uint(a), Val::Uint(b)) => a.checked_mul(*b).map(Val::Uint),
        (Val::Double(a), Val::Double(b)) => Some(Val::Double(a * b)),
        _ => return mismatch("*", &[a.clone(), b.clone()]),
    })
}

fn divide(a: &Val, b: &Val) -> EvalResult {
    in_range(match (a, b) {
        (Val::Int(_), Val::Int(0)) | (Val::Uint(_), Val::Uint(0)) => {
            return Halt::error("division by zero");
        }
        (Val::Int(a), Val::Int(b)) => a.checked_div(*b).map(Val::Int),
        (Val::Uint(a), Val::Uint(b)) => a.checked_div(*b).map(Val::Uint),
        (Val::Double(a), Val::Double(b)) => Some(Val::Double(a / b)),
        _ => return mismatch("/", &[a.clone(), b.clone()]),
    })
}

fn modulo(a: &Val, b: &Val) -> EvalResult {
    in_range(match (a, b) {
        (Val::Int(_), Val::Int(0)) | (Val::Uint(_), Val::Uint(0)) => {
            return Halt::error("division by zero");
        }
        (Val::Int(a), Val::Int(b)) => a.checked_rem(*b).map(Val::Int),
        (Val::Uint(a), Val::Uint(b)) => a.checked_rem(*b).map(Val::Uint),
        _ => return mismatch("%", &[a.clone(), b.clone()]),
    })
}
