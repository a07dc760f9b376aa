//! Expressions made from a seed: of the type that their place wants, and now and then of another.

use super::term::Term;
use super::types::{self, BOOL, T, TYPE_NAMES};
use super::value::V;
use support::dice::Dice;

pub(super) const TEXTS: [&str; 16] = [
    "", "a", "A", "ab", "é", "😀", "it's", "\\d", "a\nb", "\t", "true", "T", "7", "-7", "1.5",
    "x.y",
];
pub(super) const SPANS: [&str; 14] = [
    "0",
    "1h30m",
    "-1.5s",
    "90m",
    "1ns",
    "5400s",
    "+.5ms",
    "1.s",
    "2µs",
    "9223372036854775807ns",
    "-9223372036854775808ns",
    "9223372036854775808ns",
    "1d",
    "1h-3m",
];
pub(super) const TIMES: [&str; 16] = [
    "2026-10-01T09:00:00Z",
    "2026-10-01T11:00:00+02:00",
    "2024-02-29T23:59:59.5Z",
    "1969-12-31T23:59:59.999999999Z",
    "2000-01-01T00:00:00-00:00",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.9999999999Z",
    "2026-10-01T09:00:00.000000001Z",
    "1900-03-01T00:00:00+23:59",
    "9999-12-31T23:59:59-00:01",
    "2023-02-29T00:00:00Z",
    "2016-12-31T23:59:60Z",
    "2026-10-01T24:00:00Z",
    "2026-10-01 09:00:00Z",
    "2026-10-01t09:00:00z",
    "2026-10-01T09:00Z",
];
pub(super) const ADDRESSES: [&str; 14] = [
    "10.1.2.3",
    "::ffff:10.1.2.3",
    "::ffff:a01:203",
    "2001:db8::1",
    "2001:DB8:0:0:0:0:0:1",
    "::",
    "0.0.0.0",
    "255.255.255.255",
    "1::",
    "10.1.2",
    "10.01.2.3",
    "fe80::1%eth0",
    "1:2:3:4:5:6:7:8:9",
    "::1::",
];
const NETWORKS: [&str; 14] = [
    "10.0.0.0/8",
    "10.1.2.3/32",
    "10.1.2.2/31",
    "0.0.0.0/0",
    "::/0",
    "::ffff:10.0.0.0/104",
    "::ffff:0:0/96",
    "::ffff:10.0.0.0/95",
    "2001:db8::/32",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0",
    "10.0.0.0/",
    "::/129",
];
const PATTERNS: [&str; 14] = [
    "^a",
    "a|b",
    "[a-c]+$",
    "",
    r"\d+",
    r"^\W",
    ".",
    "(?i)AB",
    "é?",
    "(a)(b){1,2}",
    "(",
    "a**",
    "[",
    r"\bx",
];
const ZONES: [&str; 12] = [
    "UTC",
    "",
    "+05:30",
    "-08:00",
    "02:00",
    "Etc/GMT+5",
    "Etc/GMT-14",
    "-0:59",
    "+24:00",
    "Mars",
    "+05:60",
    "5:",
];
const DOUBLES: [&str; 12] = [
    "1.5",
    "-0",
    ".5",
    "5.",
    "1e400",
    "1e-400",
    "NaN",
    "-nan",
    "Inf",
    "-infinity",
    "1e5",
    "0x1",
];
const WHOLES: [&str; 9] = [
    "7",
    "+7",
    "-7",
    "007",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1.0",
];
pub(super) const FIELDS: [&str; 4] = ["a", "b", "key", "x"];

/// Names of variables; the last is a parameter's too.
const VARIABLES: [&str; 3] = ["e", "it", "x"];

const PLAIN: [&str; 10] = [
    "bool", "int", "uint", "double", "string", "bytes", "span", "time", "ip", "type",
];

/// Makes expressions over names that have types.
pub(super) struct Maker<'d> {
    pub(super) dice: &'d mut Dice,
    pub(super) names: Vec<(&'static str, T)>,
}

impl Maker<'_> {
    pub(super) fn condition(&mut self) -> Term {
        let depth = 1 + self.dice.below(4);
        self.term(&BOOL, depth)
    }

    fn pick(&mut self, of: &[&'static str]) -> &'static str {
        self.dice.one::<&'static str>(of)
    }

    fn any_type(&mut self) -> T {
        match self.dice.below(14) {
            10 => T::Any,
            11 => T::Map(Box::new(T::Plain("string")), Box::new(T::Plain("int"))),
            12 => T::List(Box::new(T::Plain(self.pick(&PLAIN)))),
            13 => T::Plain("null"),
            at => T::Plain(PLAIN[at]),
        }
    }

    fn term(&mut self, want: &T, depth: usize) -> Term {
        let other = self.any_type();
        let want = if self.dice.chance(1) { &other } else { want };
        if depth == 0 || self.dice.chance(15) {
            return self.leaf(want);
        }
        if self.dice.chance(8) {
            return self.part(want, depth - 1);
        }
        match want {
            T::Any => {
                let inside = self.any_type();
                Term::Call("dyn", vec![self.term(&inside, depth - 1)])
            }
            T::List(element) => self.list(element, depth - 1),
            T::Map(key, value) => {
                let entry = |it: &mut Self| (it.term(key, depth - 1), it.term(value, depth - 1));
                Term::Map((0..self.dice.below(3)).map(|_| entry(self)).collect())
            }
            T::Plain("bool") => self.bool(depth - 1),
            T::Plain("type") => {
                let of = self.any_type();
                Term::Call("type", vec![self.term(&of, depth - 1)])
            }
            T::Plain(name) => self.made(name, depth - 1),
        }
    }

    /// A name or a literal.
    fn leaf(&mut self, want: &T) -> Term {
        let fits: Vec<&'static str> = self
            .names
            .iter()
            .filter(|(_, it)| it == want)
            .map(|(name, _)| *name)
            .collect();
        if !fits.is_empty() && self.dice.chance(75) {
            return Term::Name(self.pick(&fits));
        }
        if self.dice.chance(1) {
            return Term::Name("nobody");
        }
        let call = |name, text: &str| Term::Call(name, vec![Term::text(text)]);
        match want {
            T::Plain("span") => call("duration", self.right(&SPANS, 3)),
            T::Plain("time") => call("timestamp", self.right(&TIMES, 7)),
            T::Plain("ip") => call("ipaddress", self.right(&ADDRESSES, 5)),
            T::Plain("type") => Term::Name(self.pick(&TYPE_NAMES)),
            T::Plain(name) => Term::Literal(self.literal(name)),
            T::Any => {
                let inside = self.any_type();
                Term::Call("dyn", vec![self.leaf(&inside)])
            }
            T::List(element) => Term::List(
                (0..self.dice.below(4))
                    .map(|_| self.leaf(element))
                    .collect(),
            ),
            T::Map(key, value) => {
                let entry = |it: &mut Self| (it.leaf(key), it.leaf(value));
                Term::Map((0..self.dice.below(3)).map(|_| entry(self)).collect())
            }
        }
    }

    /// One of texts whose last ones are wrong, and seldom taken.
    fn right(&mut self, texts: &[&'static str], wrong: usize) -> &'static str {
        let right = texts.len() - wrong;
        if self.dice.chance(95) {
            self.pick(&texts[..right])
        } else {
            self.pick(texts)
        }
    }

    pub(super) fn literal(&mut self, name: &str) -> V {
        let dice = &mut *self.dice;
        match name {
            "null" => V::Null,
            "bool" => V::Bool(dice.chance(50)),
            "int" => V::Int(*dice.one(&[0, 1, 2, 7, -1, -7, 60, i64::MAX, i64::MIN, 1 << 53])),
            "uint" => V::Uint(*dice.one(&[0, 1, 2, 7, 60, u64::MAX, 15_000_000_000_000_000_000])),
            "double" => V::Double(*dice.one(&[
                0.0,
                -0.0,
                0.5,
                -0.5,
                1.0,
                1.5,
                1e5,
                1e6,
                1.25e-7,
                1e-4,
                1e300,
                1.5e19,
                9_007_199_254_740_992.0,
                9_223_372_036_854_775_808.0,
                -9_223_372_036_854_775_808.0,
            ])),
            "string" => V::Text((*dice.one(&TEXTS)).into()),
            _ => V::Bytes(
                dice.one(&[&b""[..], b"a", b"ab", b"\xc3\xa9", b"\xff\x00"])
                    .to_vec(),
            ),
        }
    }

    /// What stands in something: an element, a field, a branch.
    fn part(&mut self, want: &T, depth: usize) -> Term {
        let map = |it: &mut Self, key: &'static str| {
            let of = T::Map(Box::new(T::Plain(key)), Box::new(want.clone()));
            Box::new(it.term(&of, depth))
        };
        match self.dice.below(6) {
            0 | 1 => Term::Choice(Box::new((
                self.term(&BOOL, depth),
                self.term(want, depth),
                self.term(want, depth),
            ))),
            2 => {
                let of = T::List(Box::new(want.clone()));
                let index = Term::Literal(V::Int(self.dice.below(3).try_into().unwrap()));
                Term::At(Box::new((self.term(&of, depth), index)))
            }
            3 => {
                let key = self.pick(&["string", "int", "uint", "bool"]);
                let of = map(self, key);
                Term::At(Box::new((*of, self.leaf(&T::Plain(key)))))
            }
            4 => {
                let of = map(self, "string");
                Term::Field(of, self.pick(&FIELDS))
            }
            _ => {
                let of = self.leaf(&T::Any);
                match self.dice.below(2) {
                    0 => Term::Field(Box::new(of), self.pick(&FIELDS)),
                    _ => Term::At(Box::new((of, self.leaf(&T::Any)))),
                }
            }
        }
    }

    fn list(&mut self, element: &T, depth: usize) -> Term {
        let of = T::List(Box::new(element.clone()));
        match self.dice.below(5) {
            0 => Term::binary("+", self.term(&of, depth), self.term(&of, depth)),
            1 => self.through("filter", &of, depth, &[&BOOL]),
            2 => {
                let range = T::List(Box::new(self.any_type()));
                self.through("map", &range, depth, &[element])
            }
            3 => self.through("map", &of, depth, &[&BOOL, element]),
            _ => Term::List(
                (0..self.dice.below(4))
                    .map(|_| self.term(element, depth))
                    .collect(),
            ),
        }
    }

    /// A macro.
    fn through(&mut self, name: &'static str, range: &T, depth: usize, steps: &[&T]) -> Term {
        let of = self.term(range, depth);
        let variable = self.pick(&VARIABLES);
        let element = match range {
            T::List(element) => (**element).clone(),
            T::Map(key, _) => (**key).clone(),
            _ => T::Any,
        };
        self.names.push((variable, element));
        let steps = steps.iter().map(|step| self.term(step, depth)).collect();
        self.names.pop();
        Term::Macro(name, Box::new(of), variable, steps)
    }

    fn bool(&mut self, depth: usize) -> Term {
        let of = self.any_type();
        match self.dice.below(20) {
            0..=3 => {
                let operator = self.pick(&["&&", "||"]);
                Term::binary(operator, self.term(&BOOL, depth), self.term(&BOOL, depth))
            }
            4..=6 => {
                let operator = self.pick(&["==", "!="]);
                Term::binary(operator, self.term(&of, depth), self.term(&of, depth))
            }
            7 | 8 => {
                let among = T::List(Box::new(of.clone()));
                let of_map = |key: &T| T::Map(Box::new(key.clone()), Box::new(T::Plain("int")));
                let key = T::Plain(self.pick(&["string", "int", "uint"]));
                if self.dice.chance(40) {
                    Term::binary(
                        "in",
                        self.term(&key, depth),
                        self.term(&of_map(&key), depth),
                    )
                } else {
                    Term::binary("in", self.term(&of, depth), self.term(&among, depth))
                }
            }
            9..=11 => {
                let key = T::Plain(self.pick(&["string", "int", "uint"]));
                let range = match self.dice.below(8) {
                    0 => T::Any,
                    1 | 2 => T::Map(Box::new(key), Box::new(of)),
                    _ => T::List(Box::new(of)),
                };
                let name = self.pick(&["all", "exists", "exists_one"]);
                self.through(name, &range, depth, &[&BOOL])
            }
            12 => {
                let range = T::Map(Box::new(T::Plain("string")), Box::new(of));
                let of = self.term(&range, depth);
                Term::Has(Box::new(of), self.pick(&FIELDS))
            }
            13 => {
                // Numbers of two kinds, where nobody knows the kinds before.
                let operator = self.pick(&["<", "<=", ">", ">=", "==", "in"]);
                let number = |it: &mut Self| {
                    let kind = *it.dice.one(&["int", "uint", "double", "string"]);
                    Term::Call("dyn", vec![it.term(&T::Plain(kind), depth)])
                };
                let (a, b) = (number(self), number(self));
                match operator {
                    "in" => Term::binary("in", a, Term::Map(vec![(b, Term::Literal(V::Null))])),
                    operator => Term::binary(operator, a, b),
                }
            }
            _ => self.made("bool", depth),
        }
    }

    /// A function that gives a type.
    fn made(&mut self, gives: &str, depth: usize) -> Term {
        let producers = types::producers(gives);
        if producers.is_empty() {
            return self.leaf(&T::Plain("null"));
        }
        let name = self.pick(&producers);
        let all = types::operands(name, gives);
        let takes = self.dice.one(&all).clone();
        let args: Vec<Term> = takes
            .iter()
            .map(|of| self.operand(name, of, depth))
            .collect();
        let mut args = args.into_iter();
        let mut next = || args.next().unwrap();
        match name {
            "!" => Term::Not(Box::new(next())),
            "-x" => Term::Negative(Box::new(next())),
            _ if name.starts_with('.') => Term::Method(types::bare(name), args.collect()),
            _ if name.ends_with("()") => Term::Call(types::bare(name), args.collect()),
            operator => Term::binary(operator, next(), next()),
        }
    }

    /// An operand; a text is often one that the function can read.
    fn operand(&mut self, function: &str, of: &'static str, depth: usize) -> Term {
        let texts: &[&'static str] = match (function, of) {
            (_, of) if of != "string" => &[],
            ("duration()", _) => &SPANS,
            ("timestamp()", _) => &TIMES,
            ("ipaddress()", _) => &ADDRESSES,
            (".in_cidr()", _) => &NETWORKS,
            ("double()", _) => &DOUBLES,
            ("int()" | "uint()", _) => &WHOLES,
            ("matches()" | ".matches()", _) => &PATTERNS,
            (name, _) if name.starts_with(".get") => &ZONES,
            _ => &[],
        };
        if texts.is_empty() || self.dice.chance(20) {
            return self.term(&T::Plain(of), depth);
        }
        let literal = Term::text(self.right(texts, 4));
        // As the value of a choice, it is read only when it is evaluated.
        if self.dice.chance(30) {
            Term::Choice(Box::new((
                self.leaf(&BOOL),
                literal,
                Term::text(self.right(texts, 0)),
            )))
        } else {
            literal
        }
    }
}
