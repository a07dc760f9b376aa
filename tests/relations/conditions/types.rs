//! The oracle's rules of types: what an expression is, or that it is refused when it is written.

use super::pattern;
use super::term::Term;
use super::times;
use super::value::V;
use behest::relations::condition::ParameterType;

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum T {
    /// Known only when it is evaluated.
    Any,
    Plain(&'static str),
    List(Box<T>),
    Map(Box<T>, Box<T>),
}

pub(super) const BOOL: T = T::Plain("bool");

/// What functions and operators take and give: `argument,argument>result`. What takes operands of
/// any type is not in the table.
const SIGNATURES: &[(&str, &str)] = &[
    ("!", "bool>bool"),
    ("-x", "int>int double>double"),
    ("<", ORDER),
    ("<=", ORDER),
    (">", ORDER),
    (">=", ORDER),
    (
        "+",
        "int,int>int uint,uint>uint double,double>double string,string>string bytes,bytes>bytes \
         span,span>span time,span>time span,time>time",
    ),
    (
        "-",
        "int,int>int uint,uint>uint double,double>double span,span>span time,span>time \
         time,time>span",
    ),
    ("*", "int,int>int uint,uint>uint double,double>double"),
    ("/", "int,int>int uint,uint>uint double,double>double"),
    ("%", "int,int>int uint,uint>uint"),
    ("size()", "string>int bytes>int"),
    (".size()", "string>int bytes>int"),
    ("matches()", "string,string>bool"),
    (".matches()", "string,string>bool"),
    (".contains()", "string,string>bool"),
    (".startsWith()", "string,string>bool"),
    (".endsWith()", "string,string>bool"),
    (".in_cidr()", "ip,string>bool"),
    (".getFullYear()", OF_TIME),
    (".getMonth()", OF_TIME),
    (".getDayOfYear()", OF_TIME),
    (".getDayOfMonth()", OF_TIME),
    (".getDate()", OF_TIME),
    (".getDayOfWeek()", OF_TIME),
    (".getHours()", OF_BOTH),
    (".getMinutes()", OF_BOTH),
    (".getSeconds()", OF_BOTH),
    (".getMilliseconds()", OF_BOTH),
    ("bool()", "bool>bool string>bool"),
    ("bytes()", "bytes>bytes string>bytes"),
    (
        "double()",
        "double>double int>double uint>double string>double",
    ),
    ("duration()", "span>span int>span string>span"),
    (
        "int()",
        "int>int uint>int double>int string>int time>int span>int",
    ),
    (
        "string()",
        "string>string bool>string bytes>string int>string uint>string double>string time>string \
         span>string",
    ),
    ("timestamp()", "time>time int>time string>time"),
    ("uint()", "uint>uint int>uint double>uint string>uint"),
    ("ipaddress()", "string>ip"),
];

const ORDER: &str = "bool,bool>bool int,int>bool uint,uint>bool double,double>bool \
                     string,string>bool bytes,bytes>bool time,time>bool span,span>bool";
const OF_TIME: &str = "time>int time,string>int";
const OF_BOTH: &str = "time>int time,string>int span>int";

/// Types that are named in expressions.
pub(super) const TYPE_NAMES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// All functions, as a census names them.
pub(super) fn functions() -> impl Iterator<Item = &'static str> {
    let generic = ["==", "!=", "in", "type()", "dyn()", "&&", "||"];
    SIGNATURES.iter().map(|(name, _)| *name).chain(generic)
}

pub(super) fn of_parameter(parameter: &ParameterType) -> T {
    match parameter {
        ParameterType::Any => T::Any,
        ParameterType::List(element) => T::List(Box::new(of_parameter(element))),
        ParameterType::Map(element) => T::Map(
            Box::new(T::Plain("string")),
            Box::new(of_parameter(element)),
        ),
        ParameterType::Duration => T::Plain("span"),
        ParameterType::Timestamp => T::Plain("time"),
        ParameterType::Ipaddress => T::Plain("ip"),
        plain => T::Plain(plain.name()),
    }
}

/// What two values that stand for each other have in common.
fn common(a: &T, b: &T) -> Option<T> {
    let nullable = |it: &T| matches!(it, T::Plain("span" | "time" | "ip"));
    match (a, b) {
        (T::Any, _) | (_, T::Any) => Some(T::Any),
        (T::List(a), T::List(b)) => Some(T::List(Box::new(common(a, b)?))),
        (T::Map(key, value), T::Map(other_key, other)) => Some(T::Map(
            Box::new(common(key, other_key)?),
            Box::new(common(value, other)?),
        )),
        (T::Plain("null"), it) | (it, T::Plain("null")) if nullable(it) => Some(it.clone()),
        _ => (a == b).then(|| a.clone()),
    }
}

/// The type of all elements of a literal: anything if they have none in common.
fn of_all(types: Vec<T>) -> T {
    let mut types = types.into_iter();
    let first = types.next().unwrap_or(T::Any);
    types
        .try_fold(first, |joined, it| common(&joined, &it))
        .unwrap_or(T::Any)
}

fn may_be(it: &T, wanted: &str) -> bool {
    matches!(it, T::Any) || *it == T::Plain(wanted_name(wanted))
}

/// The name itself, as one that lives for ever.
fn wanted_name(name: &str) -> &'static str {
    [
        "bool", "int", "uint", "double", "string", "bytes", "span", "time", "ip", "null", "type",
    ]
    .into_iter()
    .find(|it| *it == name)
    .unwrap()
}

/// The result of a function of the table; none if it does not take such operands.
fn by_table(function: &str, args: &[T]) -> Option<T> {
    let (_, signatures) = SIGNATURES.iter().find(|(name, _)| *name == function)?;
    let mut results: Vec<&str> = signatures
        .split_whitespace()
        .map(|it| it.split_once('>').unwrap())
        .filter(|(takes, _)| {
            let takes: Vec<&str> = takes.split(',').collect();
            takes.len() == args.len() && takes.iter().zip(args).all(|(it, arg)| may_be(arg, it))
        })
        .map(|(_, gives)| gives)
        .collect();
    results.dedup();
    match results.as_slice() {
        [] => None,
        [result] => Some(T::Plain(wanted_name(result))),
        _ => Some(T::Any),
    }
}

fn function(name: &str, args: &[T]) -> Option<T> {
    match (name, args) {
        ("==" | "!=", [a, b]) => common(a, b).map(|_| BOOL),
        ("in", [item, T::List(among) | T::Map(among, _)]) => common(item, among).map(|_| BOOL),
        ("in", [_, T::Any]) => Some(BOOL),
        ("&&" | "||", [a, b]) => (may_be(a, "bool") && may_be(b, "bool")).then_some(BOOL),
        ("+", [a @ T::List(_), b @ T::List(_)]) => common(a, b),
        ("+", [T::List(_), T::Any] | [T::Any, T::List(_)]) => Some(T::List(Box::new(T::Any))),
        ("+", [T::Any, T::Any]) | ("dyn()", [_]) => Some(T::Any),
        ("size()" | ".size()", [T::List(_) | T::Map(..)]) => Some(T::Plain("int")),
        ("type()", [_]) => Some(T::Plain("type")),
        _ => by_table(name, args),
    }
}

/// What names mean: parameters, and variables of macros over them.
pub(super) struct Scope {
    pub(super) names: Vec<(&'static str, T)>,
}

impl Scope {
    /// The type of an expression; none if it is refused.
    pub(super) fn of(&mut self, term: &Term) -> Option<T> {
        match term {
            Term::Literal(V::Null) => Some(T::Plain("null")),
            Term::Literal(value) => Some(T::Plain(wanted_name(value.type_name()))),
            Term::Name(name) => {
                let known = self.names.iter().rev().find(|(it, _)| it == name);
                let is_type = TYPE_NAMES.contains(name);
                known
                    .map(|(_, it)| it.clone())
                    .or_else(|| is_type.then_some(T::Plain("type")))
            }
            Term::Field(of, _) => match self.of(of)? {
                T::Any => Some(T::Any),
                T::Map(_, value) => Some(*value),
                _ => None,
            },
            Term::Has(of, _) => matches!(self.of(of)?, T::Any | T::Map(..)).then_some(BOOL),
            Term::At(sides) => match (self.of(&sides.0)?, self.of(&sides.1)?) {
                (T::Any, _) => Some(T::Any),
                (T::List(element), index) => may_be(&index, "int").then_some(*element),
                (T::Map(key, value), index) => common(&key, &index).map(|_| *value),
                _ => None,
            },
            Term::Choice(parts) => {
                let condition = self.of(&parts.0)?;
                let (this, that) = (self.of(&parts.1)?, self.of(&parts.2)?);
                common(&this, &that).filter(|_| may_be(&condition, "bool"))
            }
            Term::List(items) => {
                let items: Option<Vec<T>> = items.iter().map(|it| self.of(it)).collect();
                Some(T::List(Box::new(of_all(items?))))
            }
            Term::Map(entries) => {
                let keys: Option<Vec<T>> = entries.iter().map(|(key, _)| self.of(key)).collect();
                let values: Option<Vec<T>> = entries.iter().map(|(_, it)| self.of(it)).collect();
                let fits = |key: &T| {
                    ["bool", "int", "uint", "string"]
                        .iter()
                        .any(|it| may_be(key, it))
                };
                let (keys, values) = (keys?, values?);
                keys.iter()
                    .all(fits)
                    .then(|| T::Map(Box::new(of_all(keys)), Box::new(of_all(values))))
            }
            Term::Macro(name, range, variable, steps) => {
                self.of_macro(name, range, variable, steps)
            }
            Term::Not(_) | Term::Negative(_) | Term::Binary(..) => self.call(term),
            Term::Call(..) | Term::Method(..) => self.call(term).filter(|_| is_right(term)),
        }
    }

    fn call(&mut self, term: &Term) -> Option<T> {
        let args: Option<Vec<T>> = term.parts().into_iter().map(|it| self.of(it)).collect();
        function(&term.kind(), &args?)
    }

    fn of_macro(
        &mut self,
        name: &str,
        range: &Term,
        variable: &'static str,
        steps: &[Term],
    ) -> Option<T> {
        let element = match self.of(range)? {
            T::Any => T::Any,
            T::List(element) => *element,
            T::Map(key, _) => *key,
            T::Plain(_) => return None,
        };
        self.names.push((variable, element.clone()));
        let steps: Option<Vec<T>> = steps.iter().map(|step| self.of(step)).collect();
        self.names.pop();
        match (name, steps?.as_slice()) {
            ("map", [made]) => Some(T::List(Box::new(made.clone()))),
            ("map", [holds, made]) if may_be(holds, "bool") => {
                Some(T::List(Box::new(made.clone())))
            }
            ("filter", [holds]) if may_be(holds, "bool") => Some(T::List(Box::new(element))),
            ("all" | "exists" | "exists_one", [holds]) if may_be(holds, "bool") => Some(BOOL),
            _ => None,
        }
    }
}

/// Whether a literal that is read when the expression is written can be read.
fn is_right(call: &Term) -> bool {
    match call {
        Term::Call("matches", args) | Term::Method("matches", args) => match &args[1] {
            Term::Literal(V::Text(text)) => pattern::is_known(text),
            _ => true,
        },
        Term::Method("in_cidr", args) => match &args[1] {
            Term::Literal(V::Text(text)) => times::is_in((4, 0), text).is_some(),
            _ => true,
        },
        Term::Call(..) if is_constant(call) => super::evaluate::Evaluation::new(&[], u64::MAX)
            .value(call)
            .is_ok(),
        _ => true,
    }
}

/// Whether an expression is evaluated when it is written.
pub(super) fn is_constant(term: &Term) -> bool {
    match term {
        Term::Literal(_) => true,
        Term::Call("duration" | "timestamp" | "ipaddress", args) => args.iter().all(is_constant),
        _ => false,
    }
}

/// The functions of the table that give a type.
pub(super) fn producers(gives: &str) -> Vec<&'static str> {
    let gives = format!(">{gives}");
    let has = |(_, signatures): &&(&str, &str)| {
        signatures.split_whitespace().any(|it| it.ends_with(&gives))
    };
    SIGNATURES
        .iter()
        .filter(has)
        .map(|(name, _)| *name)
        .collect()
}

/// The operands with which a function of the table gives a type.
pub(super) fn operands(function: &str, gives: &str) -> Vec<Vec<&'static str>> {
    let (_, signatures) = SIGNATURES
        .iter()
        .find(|(name, _)| *name == function)
        .unwrap();
    signatures
        .split_whitespace()
        .filter_map(|it| it.split_once('>'))
        .filter(|(_, result)| *result == gives)
        .map(|(takes, _)| takes.split(',').collect())
        .collect()
}

/// The name of a function as it is written: `size` of `.size()`.
pub(super) fn bare(name: &'static str) -> &'static str {
    name.trim_start_matches('.').trim_end_matches("()")
}
