//! Writes models as DSL: laid out as the product does, or in any way that the language allows.

use super::ast::{Allowed, Ast, Body, Condition, Form, Kind, Modules, Param, Relation};
use behest::relations::model::Element;
use support::dice::Dice;

/// A text, and the elements declared in it with the place of each name.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) declared: Vec<(Element, usize)>,
}

/// Writes a text; with dice, in any layout.
struct Pen<'d> {
    written: Written,
    dice: Option<&'d mut Dice>,
}

/// Writes a model as one text, which [`Ast::in_dsl`] must have allowed.
pub(super) fn write(ast: &Ast, dice: Option<&mut Dice>) -> Written {
    let mut pen = Pen::new(dice);
    pen.begin();
    pen.put("model");
    pen.line(2);
    pen.put("schema");
    pen.blank();
    pen.put(ast.schema);
    for kind in &ast.kinds {
        let relations: Vec<&Relation> = kind.relations.iter().collect();
        pen.kind(kind, &relations, false);
    }
    for condition in &ast.conditions {
        pen.condition(condition);
    }
    pen.put("\n");
    pen.written
}

/// Writes a model as modules; one text for each.
pub(super) fn write_modules(ast: &Ast, modules: &Modules, dice: &mut Dice) -> Vec<Written> {
    let mut texts = Vec::new();
    for (at, (name, _)) in modules.named.iter().enumerate() {
        let mut pen = Pen::new(Some(&mut *dice));
        pen.begin();
        pen.put("module");
        pen.blank();
        pen.put(name);
        for kind in &ast.kinds {
            let own = kind.relations.iter().filter(|it| it.module == at);
            let own: Vec<&Relation> = own.collect();
            if kind.module == at || !own.is_empty() {
                pen.kind(kind, &own, kind.module != at);
            }
        }
        for condition in ast.conditions.iter().filter(|it| it.module == at) {
            pen.condition(condition);
        }
        pen.put("\n");
        texts.push(pen.written);
    }
    texts
}

impl<'d> Pen<'d> {
    fn new(dice: Option<&'d mut Dice>) -> Self {
        let written = Written {
            text: String::new(),
            declared: Vec::new(),
        };
        Self { written, dice }
    }

    fn put(&mut self, text: &str) {
        self.written.text.push_str(text);
    }

    /// One of these with dice, the first without.
    fn any(&mut self, of: &[&str]) {
        let chosen = match &mut self.dice {
            Some(dice) => dice.one(of),
            None => of[0],
        };
        self.put(chosen);
    }

    fn begin(&mut self) {
        self.any(&["", "\u{feff}", "\n\n", "# type x\n", "\u{feff}  # a\n"]);
    }

    fn blank(&mut self) {
        self.any(&[" ", "  ", "\t", " \t "]);
    }

    /// Where a blank may stand, and need not.
    fn room(&mut self) {
        self.any(&["", "", " ", "\t"]);
    }

    /// Where between brackets a line may end.
    fn fold(&mut self) {
        self.any(&["", "", "", "\n", " # ]) or\n", "\r\n   "]);
    }

    /// Ends a line, and indents the next.
    fn line(&mut self, indent: usize) {
        let ends = [
            "\n",
            "\n",
            "\r\n",
            " \n \t \n",
            " # or [\n",
            "\n  #x\n\n",
            "\t\n",
        ];
        self.any(&ends);
        match &mut self.dice {
            Some(dice) => {
                let blanks = " ".repeat(dice.below(7));
                self.put(&blanks);
            }
            None => self.put(&" ".repeat(indent)),
        }
    }

    fn name(&mut self, element: Element, name: &str) {
        let at = self.written.text.len();
        self.written.declared.push((element, at));
        self.put(name);
    }

    fn kind(&mut self, kind: &Kind, relations: &[&Relation], is_extended: bool) {
        self.line(0);
        if self.dice.is_none() {
            self.put("\n");
        }
        if is_extended {
            self.put("extend");
            self.blank();
        }
        self.put("type");
        self.blank();
        if is_extended {
            self.put(&kind.name);
        } else {
            self.name(Element::Type((&kind.name).into()), &kind.name);
        }
        if relations.is_empty() {
            return;
        }
        self.line(2);
        self.put("relations");
        for relation in relations {
            self.line(4);
            self.put("define");
            self.blank();
            let element = Element::Relation((&kind.name).into(), (&relation.name).into());
            self.name(element, &relation.name);
            self.room();
            self.put(":");
            self.blank();
            self.body(&relation.body, &relation.allowed, false, 0);
        }
    }

    fn body(&mut self, body: &Body, allowed: &[Allowed], is_inside: bool, depth: usize) {
        let is_more = body.parts().len() > 1;
        let wanted = self.dice.as_mut().is_some_and(|dice| dice.chance(15));
        let is_closed = (is_inside && is_more) || (wanted && depth < 20);
        if is_closed {
            self.put("(");
            self.fold();
        }
        match body {
            Body::Direct => self.direct(allowed),
            Body::Named(name) => self.put(name),
            Body::From { computed, tupleset } => {
                self.put(computed);
                self.blank();
                self.put("from");
                self.blank();
                self.put(tupleset);
            }
            Body::Or(_) | Body::And(_) | Body::ButNot(_) => {
                for (at, part) in body.parts().into_iter().enumerate() {
                    if at > 0 {
                        self.operator(body);
                    }
                    self.body(part, allowed, true, depth + 1);
                }
            }
        }
        if is_closed {
            self.fold();
            self.put(")");
        }
    }

    fn operator(&mut self, body: &Body) {
        self.blank();
        match body {
            Body::And(_) => self.put("and"),
            Body::ButNot(_) => {
                self.put("but");
                self.blank();
                self.put("not");
            }
            _ => self.put("or"),
        }
        self.blank();
    }

    fn direct(&mut self, allowed: &[Allowed]) {
        self.put("[");
        for (at, one) in allowed.iter().enumerate() {
            if at > 0 {
                self.put(",");
                self.blank();
            }
            self.fold();
            self.put(&one.kind);
            match &one.form {
                Form::One => {}
                Form::Everyone => {
                    self.room();
                    self.put(":");
                    self.room();
                    self.put("*");
                }
                Form::Set(name) => {
                    self.put("#");
                    self.room();
                    self.put(name);
                }
            }
            if let Some(condition) = &one.condition {
                self.blank();
                self.put("with");
                self.blank();
                self.put(condition);
            }
            self.fold();
        }
        self.put("]");
    }

    fn condition(&mut self, condition: &Condition) {
        self.line(0);
        if self.dice.is_none() {
            self.put("\n");
        }
        self.put("condition");
        self.blank();
        let element = Element::Condition((&condition.name).into());
        self.name(element, &condition.name);
        self.room();
        self.put("(");
        for (at, (name, ty)) in condition.parameters.iter().enumerate() {
            if at > 0 {
                self.put(",");
                self.blank();
            }
            self.fold();
            self.put(name);
            self.room();
            self.put(":");
            self.blank();
            self.parameter(ty);
            self.fold();
        }
        self.put(")");
        self.blank();
        self.put("{");
        self.line(2);
        self.put(&condition.expression);
        self.any(&["\n", " # }\n", " ", "\n\n\t"]);
        self.put("}");
    }

    fn parameter(&mut self, ty: &Param) {
        let (name, of) = match ty {
            Param::Scalar(name) => return self.put(name),
            Param::List(of) => ("list", of),
            Param::Map(of) => ("map", of),
        };
        self.put(name);
        self.room();
        self.put("<");
        self.room();
        self.parameter(of);
        self.room();
        self.put(">");
    }
}
