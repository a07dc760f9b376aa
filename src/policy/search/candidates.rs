//! Finds the candidates of one leg: the entities that it can permit.

use super::Reverse;
use super::ids::Ids;
use super::narrow::Narrower;
use crate::model::Decision;
use crate::policy::Compiled;
use crate::policy::analysis::mentions::Mention;
use crate::policy::evaluate::{LegInput, evaluator};
use crate::policy::index::{Named, Scope as Rules};
use crate::policy::inputs::{LegRequest, NoInputs, build};
use crate::policy::load::policies::Rule;
use crate::policy::schema::ActionInfo;
use crate::policy::search::target::{Part, Sought};
use cedar_policy_core::ast::{EntityUID, PrincipalOrResourceConstraint as Scope};
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// The parameter by which a tuple's condition reads the requested resource.
const RESOURCE: SmolStr = SmolStr::new_static("resource");

impl Compiled {
    /// Returns ids such that the leg permits for no other entity as the target; `None` if that
    /// cannot be told, or there are more than `most` ids. In `input`, a placeholder stands for the
    /// target.
    #[must_use]
    pub fn candidates(
        &self,
        input: &LegInput<'_>,
        part: Part,
        reverse: &dyn Reverse,
        most: usize,
    ) -> Option<HashSet<SmolStr>> {
        match self.narrowed(input, part, reverse, most)? {
            Ids::Any => None,
            Ids::Only(ids) => Some(ids),
        }
    }

    fn narrowed(
        &self,
        input: &LegInput<'_>,
        part: Part,
        reverse: &dyn Reverse,
        most: usize,
    ) -> Option<Ids> {
        let question = input.question;
        let member = question.chain.members().nth(input.leg)?;
        let sought_uid = match part {
            Part::Resource => &question.resource.uid,
            Part::Member(at) => &question.chain.members().nth(at)?.uid,
        };
        let info = self.schema.vocabulary.entity_type(&sought_uid.kind)?;
        if info.choices.is_some() {
            // An enumeration is small, and the placeholder is not one of its ids.
            return None;
        }
        let own = self.specialised(part, &question.action.name);
        let Ok((action, principal, resource)) = self.applies(question, &member.uid) else {
            return Some(own);
        };
        let sought = Sought::new(part, input.leg, sought_uid.kind.clone(), info);
        let leg = Leg {
            action,
            principal,
            resource,
            part,
        };
        let narrowed = self.of_action(input, &leg, &sought, reverse, most)?;
        Some(narrowed.or(own))
    }

    /// Returns the resources for which a specialised action is evaluated: each is a candidate.
    fn specialised(&self, part: Part, name: &str) -> Ids {
        match part {
            Part::Resource => Ids::only(self.schema.vocabulary.specialised(name).cloned()),
            Part::Member(_) => Ids::none(),
        }
    }

    fn of_action(
        &self,
        input: &LegInput<'_>,
        leg: &Leg<'_>,
        sought: &Sought<'_>,
        reverse: &dyn Reverse,
        most: usize,
    ) -> Option<Ids> {
        let rules = self.rules_in_question(input, leg);
        let (open, known) = self.mentions(&rules, leg, sought);
        let known = Rules::fixed(rules.iter().copied(), known.into_iter().cloned().collect());
        let index = self.index(input.arguments);
        let request = leg.request(input);
        let inputs = match build(&request, &self.schema, input.stored, index, &known) {
            Ok((inputs, _)) => inputs,
            // What fails here will fail or deny when a candidate is decided.
            Err(NoInputs::Relation(_) | NoInputs::Cedar) => return None,
            Err(NoInputs::Bad(..)) => {
                // If a rule that applies to every entity reads a value that does not fit, every
                // candidate is denied.
                let everybodys =
                    |rule: &&Arc<Rule>| leg.scope(rule, input.leg).is_none_or(is_any(sought));
                let everybodys =
                    Rules::fixed(rules.iter().copied().filter(everybodys), BTreeSet::new());
                let bad = build(&request, &self.schema, input.stored, index, &everybodys);
                return matches!(bad, Err(NoInputs::Bad(..))).then(Ids::none);
            }
        };
        let evaluator = evaluator(&leg.principal, leg.action, &leg.resource, &inputs);
        let narrower = Narrower {
            sought,
            schema: &self.schema,
            stored: input.stored,
            reverse,
            evaluator: &evaluator,
            open: &open,
            most,
        };
        Some(leg.combine(&rules, &narrower, input.leg))
    }

    /// Divides the relations that rules mention and that do not depend on the target: those that
    /// cannot be looked up yet, and those that can.
    fn mentions<'r>(
        &self,
        rules: &[&'r Arc<Rule>],
        leg: &Leg<'_>,
        sought: &Sought<'_>,
    ) -> (Vec<&'r Mention>, Vec<&'r Mention>) {
        // A condition may read the resource, which is unknown if it is the target. The relation is
        // then not known either, although it does not depend on the target otherwise.
        let is_open = |mention: &Mention| {
            leg.part == Part::Resource && self.schema.relations.reads(&RESOURCE, mention)
        };
        let asked: BTreeSet<&Mention> =
            rules.iter().flat_map(|rule| rule.mentions.iter()).collect();
        let asked = asked
            .into_iter()
            .filter(|mention| !sought.touches_mention(mention));
        asked.partition(|mention| is_open(mention))
    }

    /// Returns the rules that can apply, whichever entity the target is.
    fn rules_in_question(&self, input: &LegInput<'_>, leg: &Leg<'_>) -> Vec<&Arc<Rule>> {
        let named = |uid| Named {
            uid,
            stored: input.stored.get(uid).map(AsRef::as_ref),
        };
        let (principal, resource) = match leg.place(input.leg) {
            Place::Principal => (None, Some(named(&leg.resource))),
            Place::Resource => (Some(named(&leg.principal)), None),
            Place::Fact => (Some(named(&leg.principal)), Some(named(&leg.resource))),
        };
        self.index(input.arguments)
            .open(&leg.action.uid, principal, resource)
    }
}

/// One leg with a placeholder for the target.
struct Leg<'a> {
    action: &'a ActionInfo,
    principal: EntityUID,
    resource: EntityUID,
    part: Part,
}

/// The role of the target in a leg.
enum Place {
    Principal,
    Resource,
    /// The target occurs only in the facts.
    Fact,
}

impl Leg<'_> {
    fn request<'a>(&'a self, input: &LegInput<'a>) -> LegRequest<'a> {
        LegRequest {
            question: input.question,
            leg: input.leg,
            now: input.now,
            token: input.token,
            action: self.action,
            principal: &self.principal,
            resource: &self.resource,
            relations: input.relations,
            conversions: input.conversions,
            explains: false,
        }
    }

    fn place(&self, leg: usize) -> Place {
        match self.part {
            Part::Resource => Place::Resource,
            Part::Member(at) if at == leg => Place::Principal,
            Part::Member(_) => Place::Fact,
        }
    }

    /// Returns the rule's scope for the target; `None` if no scope constrains the target.
    fn scope<'r>(&self, rule: &'r Rule, leg: usize) -> Option<&'r Scope> {
        match self.place(leg) {
            Place::Principal => Some(&rule.principal),
            Place::Resource => Some(&rule.resource),
            Place::Fact => None,
        }
    }

    /// Returns the ids for which some permit is satisfied, and no forbid is.
    fn combine(&self, rules: &[&Arc<Rule>], narrower: &Narrower<'_>, leg: usize) -> Ids {
        let scope = |rule: &Rule| {
            self.scope(rule, leg)
                .map_or(Ids::Any, |scope| narrower.scope(scope))
        };
        let mut ids = Ids::none();
        for rule in rules.iter().filter(|rule| rule.effect == Decision::Permit) {
            let within = scope(rule);
            if !within.is_none() {
                ids = ids.or(within.and(narrower.satisfied(rule)));
            }
        }
        for rule in rules.iter().filter(|rule| rule.effect == Decision::Deny) {
            // Entities outside a forbid's scope are not forbidden, so a forbid whose scope does not
            // contain every entity removes no ids.
            if !ids.is_none() && self.scope(rule, leg).is_none_or(is_any(narrower.sought)) {
                ids = ids.and(narrower.harmless(rule));
            }
        }
        narrower.cap(ids)
    }
}

/// Returns `true` if a scope contains every entity of the target's type.
fn is_any(sought: &Sought<'_>) -> impl Fn(&Scope) -> bool {
    |scope| match scope {
        Scope::Any => true,
        Scope::Is(kind) => **kind == sought.info.name,
        Scope::Eq(_) | Scope::In(_) | Scope::IsIn(..) => false,
    }
}
