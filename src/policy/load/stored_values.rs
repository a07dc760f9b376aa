//! Refuses ids and values of stored entities that no request can ever equal, but that Cedar would
//! accept.
//!
//! INVARIANT: every stored value that a policy compares with can equal something. A forbid that
//! compares with any other value would look effective but never apply.

use crate::model::{Place, Problem};
use crate::policy::load::addresses;
use crate::policy::load::source::SourceFile;
use crate::policy::schema::Vocabulary;
use cedar_policy_core::ast::{Entity, EntityUID, Expr, Literal, PartialValue, Value, ValueKind};
use smol_str::SmolStr;

/// Returns the problems of an entity's id, the ids of its parents, and the values of its attributes
/// and tags.
pub(in crate::policy) fn problems(
    file: &SourceFile,
    entity: &Entity,
    vocabulary: &Vocabulary,
) -> Vec<Problem> {
    let mut finder = Finder {
        file,
        entity,
        has_general: vocabulary.any_specialised(),
        vocabulary,
        problems: Vec::new(),
    };
    finder.ids();
    for (name, value) in entity.attrs().chain(entity.tags()) {
        if let PartialValue::Value(value) = value {
            finder.value(name, value);
        }
    }
    finder.problems
}

const EMPTY_ID: &str = "write the id that is meant: nobody can ask about an entity without one";

fn is_empty(uid: &EntityUID) -> bool {
    AsRef::<str>::as_ref(uid.eid()).is_empty()
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
            ValueKind::Lit(Literal::EntityUID(uid)) if is_empty(uid) => {
                let message = format!(
                    "`{name}` of `{}` holds `{uid}`, whose id is empty",
                    self.entity.uid()
                );
                self.problems
                    .push(Problem::new(message).help(EMPTY_ID).at(self.place(name)));
            }
            ValueKind::Lit(Literal::EntityUID(uid)) if self.has_general && uid.is_action() => {
                self.action(name, uid);
            }
            ValueKind::Lit(_) => {}
            ValueKind::Set(items) => items.iter().for_each(|item| self.value(name, item)),
            ValueKind::Record(members) => {
                members.values().for_each(|member| self.value(name, member));
            }
            ValueKind::ExtensionValue(_) => {
                let written = Expr::from(value.clone());
                for (_, text) in addresses::mapped(&written) {
                    let mut problem = addresses::problem(text);
                    problem.message =
                        format!("`{name}` of `{}`: {}", self.entity.uid(), problem.message);
                    problem.place = Some(self.place(name));
                    self.problems.push(problem);
                }
            }
        }
    }

    /// Refuses an empty id: no request can name an entity that has one.
    fn ids(&mut self) {
        let uid = self.entity.uid();
        if is_empty(uid) {
            let problem = Problem::new(format!("the id of the entity `{uid}` is empty"));
            self.problems
                .push(problem.help(EMPTY_ID).at(self.place_of_empty_id()));
        }
        for parent in self.entity.parents().filter(|parent| is_empty(parent)) {
            let problem = Problem::new(format!(
                "the id of `{parent}`, a parent of `{uid}`, is empty"
            ));
            self.problems
                .push(problem.help(EMPTY_ID).at(self.place_of_empty_id()));
        }
    }

    /// Returns the place of the first empty id.
    fn place_of_empty_id(&self) -> Place {
        let text = &self.file.text;
        let is_id = |at: &usize| {
            let before = text
                .get(..*at)
                .unwrap_or_default()
                .trim_end()
                .strip_suffix(':');
            before.is_some_and(|before| before.trim_end().ends_with("\"id\""))
        };
        let found = text.match_indices("\"\"").map(|(at, _)| at).find(is_id);
        found.map_or_else(
            || Place::whole(&self.file.path),
            |at| self.file.place(at, 2),
        )
    }

    fn action(&mut self, name: &SmolStr, uid: &EntityUID) {
        if !self.vocabulary.has_specialised(uid) {
            return;
        }
        let message = format!(
            "`{name}` of `{}` holds `{uid}`, which has specialised members: \
             these are evaluated in its place, so nothing equals it",
            self.entity.uid()
        );
        let help = "store the specialised actions that are meant; or a group of actions that it is \
            declared in, and say `in` instead of `==` or `contains`";
        self.problems
            .push(Problem::new(message).help(help).at(self.place(name)));
    }

    /// Returns the place of a member: where its name first occurs after the entity's id.
    fn place(&self, name: &SmolStr) -> Place {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let id = quoted(self.entity.uid().eid().as_ref());
        let name = quoted(name);
        let start = self.file.text.find(&id).unwrap_or_default();
        let found = self
            .file
            .text
            .get(start..)
            .and_then(|rest| rest.find(&name));
        found.map_or_else(
            || Place::whole(&self.file.path),
            |at| self.file.place(start + at, name.len()),
        )
    }
}
