//! What no stored entity may hold: values that no request ever equals, where Cedar would take them.
//!
//! INVARIANT: a stored value that a rule compares with is one that something can equal. A forbid on any other would look
//! armed and never be.

use crate::model::{Place, Problem};
use crate::policy::load::addresses;
use crate::policy::load::source::SourceFile;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::{Entity, EntityUID, Expr, Literal, PartialValue, Value, ValueKind};
use smol_str::SmolStr;

/// What is wrong with the values of an entity's attributes and tags.
pub(in crate::policy) fn problems(file: &SourceFile, entity: &Entity, vocabulary: &Vocabulary) -> Vec<Problem> {
    let mut finder =
        Finder { file, entity, has_general: vocabulary.any_specialised(), vocabulary, problems: Vec::new() };
    for (name, value) in entity.attrs().chain(entity.tags()) {
        if let PartialValue::Value(value) = value {
            finder.value(name, value);
        }
    }
    finder.problems
}

struct Finder<'a> {
    file: &'a SourceFile,
    entity: &'a Entity,
    has_general: bool,
    vocabulary: &'a Vocabulary,
    problems: Vec<Problem>,
}

impl Finder<'_> {
    fn value(&mut self, name: &SmolStr, value: &Value) {
        match value.value_kind() {
            ValueKind::Lit(Literal::EntityUID(uid)) if self.has_general && uid.is_action() => self.action(name, uid),
            ValueKind::Lit(_) => {}
            ValueKind::Set(items) => items.iter().for_each(|item| self.value(name, item)),
            ValueKind::Record(members) => members.values().for_each(|member| self.value(name, member)),
            ValueKind::ExtensionValue(_) => {
                let written = Expr::from(value.clone());
                for (_, text) in addresses::mapped(&written) {
                    let mut problem = addresses::problem(text);
                    problem.message = format!("`{name}` of `{}`: {}", self.entity.uid(), problem.message);
                    problem.place = Some(self.place(name));
                    self.problems.push(problem);
                }
            }
        }
    }

    fn action(&mut self, name: &SmolStr, uid: &EntityUID) {
        if !self.vocabulary.has_specialised(uid) {
            return;
        }
        let message = format!(
            "`{name}` of `{}` holds `{uid}`, which has specialised members: these are evaluated in its place, so nothing \
             equals it",
            self.entity.uid()
        );
        let help = "store the specialised actions that are meant; or a group of actions that it is declared in, and say `in` \
                    instead of `==` or `contains`";
        self.problems.push(Problem::new(message).help(help).at(self.place(name)));
    }

    /// Of a member of the entity: where its name first stands after the entity's id.
    fn place(&self, name: &SmolStr) -> Place {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let (id, name) = (quoted(self.entity.uid().eid().as_ref()), quoted(name));
        let start = self.file.text.find(&id).unwrap_or_default();
        let found = self.file.text.get(start..).and_then(|rest| rest.find(&name));
        found.map_or_else(|| Place::whole(&self.file.path), |at| self.file.place(start + at, name.len()))
    }
}
