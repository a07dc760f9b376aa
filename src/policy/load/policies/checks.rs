//! Checks of one policy what Cedar does not check and this service promises: its id, its reason,
//! its annotations, and that it can match what it names.

use super::{PolicyReader, annotation};
use crate::model::{Code, Place, Problem};
use crate::policy::analysis::syntax::children;
use crate::policy::load::addresses;
use crate::policy::load::source::{SourceFile, place_in};
use cedar_policy_core::ast::{
    ActionConstraint, BinaryOp, EntityUID, Expr, ExprKind, Literal, Template,
};
use smol_str::SmolStr;

/// LIMIT: bytes of the scopes that a policy names: a challenge carries them in a header.
const MAX_SCOPES: usize = 512;

const ANNOTATIONS: [&str; 5] = ["id", "reason", "message", "doc", "scope"];

impl PolicyReader<'_> {
    /// Returns the id of a policy, or reports that it has none.
    pub(super) fn id(
        &mut self,
        file: &SourceFile,
        template: &Template,
        place: Option<&Place>,
    ) -> Option<SmolStr> {
        let Some(id) = annotation(template, "id").filter(|id| !id.is_empty()) else {
            let line = template.loc().map_or(1, |loc| file.line(loc.start()));
            let message = format!("the policy on line {line} has no id");
            self.problem(
                place,
                message,
                Some("begin it with `@id(\"a-short-name\")`: explanations and records name it"),
            );
            return None;
        };
        self.claim(id, place)
    }

    /// Reserves an id, unless another policy or template has it.
    pub(super) fn claim(&mut self, id: SmolStr, place: Option<&Place>) -> Option<SmolStr> {
        if id.is_empty() {
            self.problem(
                place,
                "the link has no id".to_owned(),
                Some("give it a `link_id`: explanations name it"),
            );
            return None;
        }
        match self.places.get(&id) {
            None => {
                self.places.insert(id.clone(), place.cloned());
                Some(id)
            }
            Some(first) => {
                let mut problem = Problem::new(format!("two policies have the id `{id}`"))
                    .help("rename one of them");
                problem.place = place.cloned();
                problem.also.clone_from(first);
                self.problems.push(problem);
                None
            }
        }
    }

    /// Returns the reason that a policy gives, and refuses a code that policies may not give.
    pub(super) fn reason(&mut self, template: &Template, place: Option<&Place>) -> Option<Code> {
        let text = annotation(template, "reason")?;
        let code = Code::from_policy(&text);
        if code.is_none() {
            let taken = Code::RESERVED.iter().any(|code| code.as_str() == text);
            let (message, help) = if taken {
                (
                    format!("the reason `{text}` belongs to the engine"),
                    "choose a code of your own, such as `over_the_cap`",
                )
            } else {
                (
                    format!("`{text}` is no reason code"),
                    "use lower-case words joined by underscores, at most 64 bytes: `over_the_cap`",
                )
            };
            self.problem(place, message, Some(help));
        }
        code
    }

    /// Refuses scopes (`@scope`) that are no list as RFC 6749 section 3.3 writes it, or that have
    /// no reason with which answers could name them.
    pub(super) fn check_scopes(&mut self, template: &Template, place: Option<&Place>) {
        let Some(text) = annotation(template, "scope") else {
            return;
        };
        let is_scope = |scope: &str| {
            let fits = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            !scope.is_empty() && scope.bytes().all(fits)
        };
        let (message, help) = if !text.split(' ').all(is_scope) || text.len() > MAX_SCOPES {
            (
                format!("`{text}` is no list of scopes"),
                "write scopes with one space between two: `@scope(\"mail.read mail.send\")`",
            )
        } else if annotation(template, "reason").is_none() {
            (
                "`@scope` stands on a policy without `@reason`".to_owned(),
                "add `@reason`: the answer that names the reason names the scopes",
            )
        } else {
            return;
        };
        self.problem(place, message, Some(help));
    }

    /// Refuses unknown annotations, except the author's own.
    pub(super) fn check_annotations(
        &mut self,
        file: &SourceFile,
        template: &Template,
        place: Option<&Place>,
    ) {
        for (key, annotation) in template.annotations() {
            let key: &str = key.as_ref();
            if ANNOTATIONS.contains(&key) || key.starts_with("x_") {
                continue;
            }
            let place = place_in(annotation.loc.as_ref(), file).or_else(|| place.cloned());
            self.problem(
                place.as_ref(),
                format!("unknown annotation `@{key}` on a policy"),
                Some("policies take `@id`, `@reason`, `@message`, `@scope`, `@doc` and `@x_…`"),
            );
        }
    }

    /// Refuses a policy that names with `==` an action with specialised members, since it would not
    /// match them.
    pub(super) fn check_actions(
        &mut self,
        file: &SourceFile,
        template: &Template,
        place: Option<&Place>,
    ) {
        if let ActionConstraint::Eq(uid) = template.action_constraint()
            && self.is_general(uid)
        {
            self.refuse_general(uid, place.cloned());
        }
        if let Some(condition) = template.non_scope_constraints()
            && self.vocabulary.any_specialised()
        {
            self.check_literals(file, condition, false, place);
        }
    }

    fn check_literals(
        &mut self,
        file: &SourceFile,
        expr: &Expr,
        right_of_in: bool,
        place: Option<&Place>,
    ) {
        match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) if !right_of_in && self.is_general(uid) => {
                let place = place_in(expr.source_loc(), file).or_else(|| place.cloned());
                self.refuse_general(uid, place);
            }
            ExprKind::BinaryApp {
                op: BinaryOp::In,
                arg1,
                arg2,
            } => {
                self.check_literals(file, arg1, false, place);
                self.check_literals(file, arg2, true, place);
            }
            ExprKind::Set(items) => {
                items
                    .iter()
                    .for_each(|item| self.check_literals(file, item, right_of_in, place));
            }
            _ => children(expr)
                .into_iter()
                .for_each(|child| self.check_literals(file, child, false, place)),
        }
    }

    /// Refuses addresses that no request's address can equal.
    pub(super) fn check_addresses(
        &mut self,
        file: &SourceFile,
        template: &Template,
        place: Option<&Place>,
    ) {
        for (expr, text) in template
            .non_scope_constraints()
            .map(addresses::mapped)
            .unwrap_or_default()
        {
            let place = place_in(expr.source_loc(), file).or_else(|| place.cloned());
            self.problems.push(Problem {
                place,
                ..addresses::problem(text)
            });
        }
    }

    fn is_general(&self, uid: &EntityUID) -> bool {
        uid.is_action() && self.vocabulary.has_specialised(uid)
    }

    fn refuse_general(&mut self, uid: &EntityUID, place: Option<Place>) {
        self.problem(
            place.as_ref(),
            format!(
                "`{uid}` has specialised members, which are evaluated in its \
                 place, so nothing equals it"
            ),
            Some(
                "say `in` instead of `==`: `action in` matches the action and \
                 its specialised members",
            ),
        );
    }
}
