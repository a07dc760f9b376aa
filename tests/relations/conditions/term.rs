//! Expressions as the oracle sees them, and how they are written.

use super::value::V;
use support::dice::Dice;

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Literal(V),
    /// A parameter, a variable of a macro or a type.
    Name(&'static str),
    Not(Box<Term>),
    Negative(Box<Term>),
    /// An operator with two sides, `&&` and `in` included.
    Binary(&'static str, Box<(Term, Term)>),
    /// `condition ? this : that`
    Choice(Box<(Term, Term, Term)>),
    /// A function by itself: `size(x)`.
    Call(&'static str, Vec<Term>),
    /// A function on a value, which is the first operand: `x.size()`.
    Method(&'static str, Vec<Term>),
    Field(Box<Term>, &'static str),
    Has(Box<Term>, &'static str),
    At(Box<(Term, Term)>),
    List(Vec<Term>),
    Map(Vec<(Term, Term)>),
    /// A macro, its range, its variable, and what it does for each element.
    Macro(&'static str, Box<Term>, &'static str, Vec<Term>),
}

impl Term {
    pub(super) fn binary(operator: &'static str, a: Term, b: Term) -> Self {
        Self::Binary(operator, Box::new((a, b)))
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Literal(V::Text(text.into()))
    }

    /// What a census counts the expression as.
    pub(super) fn kind(&self) -> String {
        match self {
            Self::Literal(value) => format!("a {} literal", value.type_name()),
            Self::Name(_) => "a name".into(),
            Self::Not(_) => "!".into(),
            Self::Negative(_) => "-x".into(),
            Self::Binary(operator, _) => (*operator).into(),
            Self::Choice(_) => "?:".into(),
            Self::Call(name, _) => format!("{name}()"),
            Self::Method(name, _) => format!(".{name}()"),
            Self::Field(..) => ".field".into(),
            Self::Has(..) => "has".into(),
            Self::At(_) => "[ ]".into(),
            Self::List(_) => "a list".into(),
            Self::Map(_) => "a map".into(),
            Self::Macro(name, _, _, steps) => format!(".{name}/{}", steps.len()),
        }
    }

    pub(super) fn parts(&self) -> Vec<&Term> {
        match self {
            Self::Literal(_) | Self::Name(_) => Vec::new(),
            Self::Not(it) | Self::Negative(it) | Self::Field(it, _) | Self::Has(it, _) => vec![it],
            Self::Binary(_, sides) | Self::At(sides) => vec![&sides.0, &sides.1],
            Self::Choice(parts) => vec![&parts.0, &parts.1, &parts.2],
            Self::Call(_, terms) | Self::Method(_, terms) | Self::List(terms) => {
                terms.iter().collect()
            }
            Self::Map(entries) => entries.iter().flat_map(|(a, b)| [a, b]).collect(),
            Self::Macro(_, range, _, steps) => std::iter::once(&**range).chain(steps).collect(),
        }
    }

    /// How strongly it binds; what binds less than its place wants stands in parentheses.
    fn strength(&self) -> u8 {
        match self {
            Self::Choice(_) => 0,
            Self::Binary("||", _) => 1,
            Self::Binary("&&", _) => 2,
            Self::Binary("+" | "-", _) => 4,
            Self::Binary("*" | "/" | "%", _) => 5,
            Self::Binary(..) => 3,
            Self::Not(_)
            | Self::Negative(_)
            | Self::Literal(V::Int(_) | V::Uint(_) | V::Double(_)) => 6,
            _ => 7,
        }
    }
}

/// Writes expressions, with more spaces and parentheses than they need.
pub(super) struct Pen<'d> {
    dice: &'d mut Dice,
    out: String,
}

/// Writes an expression.
pub(super) fn write(term: &Term, dice: &mut Dice) -> String {
    let mut pen = Pen {
        dice,
        out: String::new(),
    };
    pen.term(term, 0);
    pen.out
}

impl Pen<'_> {
    fn space(&mut self) {
        let space = ["", "", "", "", " ", "  ", "\n", "\t ", " // it's\n"];
        let space: &str = self.dice.one::<&str>(&space);
        self.out.push_str(space);
    }

    fn put(&mut self, token: &str) {
        self.space();
        self.out.push_str(token);
        self.space();
    }

    fn term(&mut self, term: &Term, least: u8) {
        let wrapped = term.strength() < least || self.dice.chance(4);
        if wrapped {
            self.put("(");
        }
        self.bare(term);
        if wrapped {
            self.put(")");
        }
    }

    fn bare(&mut self, term: &Term) {
        match term {
            Term::Literal(value) => self.literal(value),
            Term::Name(name) => self.out.push_str(name),
            Term::Not(it) => {
                self.put("!");
                self.term(it, 7);
            }
            Term::Negative(it) => {
                self.put("-");
                self.term(it, 7);
            }
            Term::Binary(operator, sides) => {
                let strength = term.strength();
                self.term(&sides.0, strength);
                match *operator {
                    "in" => self.out.push_str(" in "),
                    operator => self.put(operator),
                }
                self.term(&sides.1, strength + 1);
            }
            Term::Choice(parts) => {
                self.term(&parts.0, 1);
                self.put("?");
                self.term(&parts.1, 1);
                self.put(":");
                self.term(&parts.2, 0);
            }
            Term::Call(name, args) => {
                self.out.push_str(name);
                self.all("(", args, ")");
            }
            Term::Method(name, args) => {
                self.member(&args[0], name);
                self.all("(", &args[1..], ")");
            }
            Term::Field(it, field) => self.member(it, field),
            Term::Has(it, field) => {
                self.out.push_str("has(");
                self.member(it, field);
                self.put(")");
            }
            Term::At(sides) => {
                self.term(&sides.0, 7);
                self.all("[", std::slice::from_ref(&sides.1), "]");
            }
            Term::List(items) => self.all("[", items, "]"),
            Term::Map(entries) => self.map(entries),
            Term::Macro(name, range, variable, steps) => {
                self.member(range, name);
                self.out.push('(');
                self.put(variable);
                self.all(",", steps, ")");
            }
        }
    }

    fn member(&mut self, of: &Term, name: &str) {
        self.term(of, 7);
        self.put(".");
        self.out.push_str(name);
    }

    fn all(&mut self, open: &str, terms: &[Term], close: &str) {
        self.put(open);
        for (at, term) in terms.iter().enumerate() {
            if at > 0 {
                self.put(",");
            }
            self.term(term, 0);
        }
        self.put(close);
    }

    fn map(&mut self, entries: &[(Term, Term)]) {
        self.put("{");
        for (at, (key, value)) in entries.iter().enumerate() {
            if at > 0 {
                self.put(",");
            }
            self.term(key, 0);
            self.put(":");
            self.term(value, 0);
        }
        self.put("}");
    }

    fn literal(&mut self, value: &V) {
        let text = match value {
            V::Null => "null".into(),
            V::Bool(it) => it.to_string(),
            V::Int(it) if *it >= 0 && self.dice.chance(10) => format!("0x{it:x}"),
            V::Int(it) => it.to_string(),
            V::Uint(it) => format!("{it}{}", if self.dice.chance(50) { "u" } else { "U" }),
            V::Double(it) => format!("{it:?}"),
            V::Text(text) => self.quoted(text),
            V::Bytes(bytes) => {
                let escaped: String = bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect();
                format!("b'{escaped}'")
            }
            _ => unreachable!("{value:?} has no literal"),
        };
        self.out.push_str(&text);
    }

    fn quoted(&mut self, text: &str) -> String {
        let plain = text
            .chars()
            .all(|c| !c.is_control() && c != '\'' && c != '"');
        if plain && !text.contains('\\') && self.dice.chance(50) {
            return match self.dice.below(3) {
                0 => format!("'{text}'"),
                1 => format!("\"{text}\""),
                _ => format!("'''{text}'''"),
            };
        }
        if plain && self.dice.chance(50) {
            return format!("r'{text}'");
        }
        let quote = *self.dice.one(&["'", "\""]);
        let mut out = String::from(quote);
        for c in text.chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\\' | '\'' | '"' => out.extend(['\\', c]),
                c if c.is_control() || self.dice.chance(10) => {
                    let code = u32::from(c);
                    let escaped = match self.dice.below(3) {
                        0 if code < 0x100 => format!("\\{code:03o}"),
                        1 if code < 0x1_0000 => format!("\\u{code:04x}"),
                        _ => format!("\\U{code:08X}"),
                    };
                    out.push_str(&escaped);
                }
                c => out.push(c),
            }
        }
        out + quote
    }
}
