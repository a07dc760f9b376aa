//! Checks each declaration by itself: its name, and whether the names that it uses are defined.

use super::super::definition::{
    ModelDefinition, RelationDefinition, Restriction, RestrictionForm, Rewrite, TypeDefinition,
};
use super::super::error::RefusalCode;
use super::super::source::Element;
use super::{ModelFindings, RelationIndex};
use crate::model::{check_relation, check_type};
use crate::relations::condition::CompiledCondition;
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};

/// Words that elsewhere in OpenFGA's API mean the relation itself or its own tuples.
const RESERVED: [&str; 2] = ["self", "this"];

pub(super) fn check(
    model: &ModelDefinition,
    index: &RelationIndex<'_>,
    findings: &mut ModelFindings,
) {
    let mut seen = HashSet::new();
    for definition in &model.types {
        let element = Element::Type(definition.name.clone());
        check_name(&element, &definition.name, findings);
        if !seen.insert(&definition.name) {
            findings.add(
                element.clone(),
                format!("{element} is defined twice"),
                "remove one, or give it another name",
            );
        }
        check_relations(model, definition, index, findings);
    }
}

/// Compiles every condition, and reports those that do not compile.
pub(super) fn compile_conditions(
    model: &ModelDefinition,
    findings: &mut ModelFindings,
) -> HashMap<SmolStr, CompiledCondition> {
    let mut conditions = HashMap::with_capacity(model.conditions.len());
    for it in &model.conditions {
        let element = Element::Condition(it.name.clone());
        check_name(&element, &it.name, findings);
        match CompiledCondition::compile(&it.name, &it.expression, &it.parameters) {
            Ok(condition) => {
                if conditions.insert(it.name.clone(), condition).is_some() {
                    let message = format!("{element} is defined twice");
                    findings.add(element, message, "remove one, or give it another name");
                }
            }
            Err(problems) => {
                for problem in problems {
                    let (message, help) = problem
                        .split_once("; ")
                        .unwrap_or((&problem, "correct the condition"));
                    findings.add(element.clone(), format!("{element}: {message}"), help);
                }
            }
        }
    }
    conditions
}

fn check_relations(
    model: &ModelDefinition,
    definition: &TypeDefinition,
    index: &RelationIndex<'_>,
    findings: &mut ModelFindings,
) {
    let mut seen = HashSet::new();
    for relation in &definition.relations {
        let element = Element::Relation(definition.name.clone(), relation.name.clone());
        check_name(&element, &relation.name, findings);
        if !seen.insert(&relation.name) {
            findings.add(
                element.clone(),
                format!("{element} is defined twice"),
                "remove one, or give it another name",
            );
        }
        let mut check = RelationDeclaration {
            model,
            index,
            kind: &definition.name,
            definition: relation,
            element,
            findings,
        };
        check.assignable();
        check.restrictions();
        check.rewrite(&relation.rewrite);
    }
}

fn check_name(element: &Element, name: &str, findings: &mut ModelFindings) {
    if name.is_empty() || RESERVED.contains(&name) {
        let message = format!("{element} has a name that nothing can have");
        findings.add(
            element.clone(),
            message,
            "a name is not empty, and neither `self` nor `this`",
        );
        return;
    }
    let (code, wrong) = match element {
        Element::Type(_) => (RefusalCode::TypeInvalidPattern, check_type(name).err()),
        Element::Relation(..) => (
            RefusalCode::RelationsInvalidPattern,
            check_relation(name).err(),
        ),
        // Conditions follow the same rule as relations: the same length and the same characters.
        Element::Condition(_) => (RefusalCode::ValidationError, check_relation(name).err()),
        Element::Model => return,
    };
    if wrong.is_some() {
        let message = format!(
            "{element} has a name that is too long, or has a character that names cannot have"
        );
        let help =
            "leave out `:`, `#`, `@` and white space; a type has at most 254 characters, others 50";
        findings.add_as(code, element.clone(), message, help);
    }
}

/// A relation under check, with the findings to add to.
struct RelationDeclaration<'a, 'f> {
    model: &'a ModelDefinition,
    index: &'a RelationIndex<'a>,
    kind: &'a SmolStr,
    definition: &'a RelationDefinition,
    element: Element,
    findings: &'f mut ModelFindings,
}

impl RelationDeclaration<'_, '_> {
    fn add(&mut self, message: impl AsRef<str>, help: impl Into<String>) {
        let message = format!("{} {}", self.element, message.as_ref());
        self.findings.add(self.element.clone(), message, help);
    }

    fn assignable(&mut self) {
        match (
            self.definition.rewrite.is_assignable(),
            self.definition.restrictions.is_empty(),
        ) {
            (true, true) => self.add(
                "does not say whom its tuples may name",
                "write types in brackets: `[user]`",
            ),
            (false, false) => {
                self.add(
                    "names types, but takes no tuples",
                    "remove the types, or write `[user] or …` in its definition",
                );
            }
            _ => {}
        }
    }

    fn restrictions(&mut self) {
        for restriction in &self.definition.restrictions {
            let Restriction {
                kind,
                form,
                condition,
            } = restriction;
            if !self.index.has_type(kind) {
                self.add(
                    format!("allows `{kind}`, which is no type"),
                    format!("define `type {kind}`, or correct the name"),
                );
            } else if let RestrictionForm::Userset(relation) = form
                && self.index.relation(kind, relation).is_none()
            {
                self.add(
                    format!(
                        "allows `{kind}#{relation}`, but `{kind}` has no relation `{relation}`"
                    ),
                    format!("define it below `type {kind}`, or correct the name"),
                );
            }
            if let Some(condition) = condition
                && !self.model.conditions.iter().any(|it| it.name == *condition)
            {
                self.add(
                    format!("names the condition `{condition}`, which is not defined"),
                    format!("define `condition {condition}(…) {{ … }}`, or correct the name"),
                );
            }
        }
    }

    fn rewrite(&mut self, rewrite: &Rewrite) {
        match rewrite {
            Rewrite::This => {}
            Rewrite::Computed(name) if *name == self.definition.name => {
                self.add(
                    "is defined as itself",
                    "name another relation, or remove that part",
                );
            }
            Rewrite::Computed(name) => self.require(name),
            Rewrite::FromTupleset { tupleset, computed } => self.tupleset(tupleset, computed),
            Rewrite::Union(_) | Rewrite::Intersection(_) | Rewrite::Difference { .. } => {
                let children = rewrite.children();
                if children.is_empty() {
                    self.add(
                        "has an operator without operands",
                        "name at least one relation",
                    );
                }
                for child in children {
                    self.rewrite(child);
                }
            }
        }
    }

    fn require(&mut self, name: &SmolStr) {
        if self.index.relation(self.kind, name).is_none() {
            let kind = self.kind;
            self.add(
                format!("names `{name}`, but `{kind}` has no such relation"),
                format!("define it below `type {kind}`, or correct the name"),
            );
        }
    }

    fn tupleset(&mut self, tupleset: &SmolStr, computed: &SmolStr) {
        let Some(leads) = self.index.relation(self.kind, tupleset) else {
            return self.require(tupleset);
        };
        if leads.rewrite != Rewrite::This {
            self.add(
                format!("follows `{tupleset}`, which is more than its own tuples"),
                format!(
                    "define `{tupleset}` as types in brackets only, \
                     as in `define {tupleset}: [folder]`"
                ),
            );
            return;
        }
        if leads
            .restrictions
            .iter()
            .any(|it| it.form != RestrictionForm::Object)
        {
            self.add(
                format!("follows `{tupleset}`, which allows usersets or everyone of a type"),
                format!(
                    "allow plain types only in `{tupleset}`: there must be objects to go on from"
                ),
            );
            return;
        }
        let reached = leads
            .restrictions
            .iter()
            .any(|it| self.index.relation(&it.kind, computed).is_some());
        if !reached {
            self.add(
                format!(
                    "asks for `{computed}` of what `{tupleset}` leads to, and no type there has it"
                ),
                format!(
                    "define `{computed}` in one of the types that `{tupleset}` \
                     allows, or correct the name"
                ),
            );
        }
    }
}
