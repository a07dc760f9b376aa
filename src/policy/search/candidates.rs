//! Finds the candidates of one leg: the entities that it can permit.

use super::ReverseRelations;
use super::ids::CandidateIds;
use super::narrow::Narrower;
use crate::model::Decision;
use crate::policy::CompiledPolicySet;
use crate::policy::analysis::mentions::Mention;
use crate::policy::evaluate::{LegInput, evaluator};
use crate::policy::index::{ScopeEntity, ScopePolicies};
use crate::policy::inputs::{LegRequest, NoInputs, build};
use crate::policy::load::policies::CompiledPolicy;
use crate::policy::schema::ActionInfo;
use crate::policy::search::target::{QuestionPart, SearchTarget};
use cedar_policy_core::ast::{EntityUID, PrincipalOrResourceConstraint as Scope};
use smol_str::SmolStr;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// The parameter by which a tuple's condition reads the requested resource.
const RESOURCE: SmolStr = SmolStr::new_static("resource");

impl CompiledPolicySet {
    /// Returns ids that include every id of the target with which the leg can permit; `None` if no
    /// such set can be told, or it has more than `most` ids. In `input`, a placeholder stands for
    /// the target.
    #[must_use]
    pub fn candidates(
        &self,
        input: &LegInput<'_>,
        part: QuestionPart,
        reverse: &dyn ReverseRelations,
        most: usize,
    ) -> Option<HashSet<SmolStr>> {
        match self.narrowed(input, part, reverse, most)? {
            CandidateIds::Any => None,
            CandidateIds::Only(ids) => Some(ids),
        }
    }

    fn narrowed(
        &self,
        input: &LegInput<'_>,
        part: QuestionPart,
        reverse: &dyn ReverseRelations,
        most: usize,
    ) -> Option<CandidateIds> {
        let question = input.question;
        let member = question.chain.members().nth(input.leg)?;
        let sought_uid = match part {
            QuestionPart::Resource => &question.resource.uid,
            QuestionPart::Member(at) => &question.chain.members().nth(at)?.uid,
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
        let target = SearchTarget::new(part, input.leg, sought_uid.kind.clone(), info);
        let leg = SearchLeg {
            action,
            principal,
            resource,
            part,
        };
        let narrowed = self.of_action(input, &leg, &target, reverse, most)?;
        Some(narrowed.or(own))
    }

    /// Returns the resources for which a specialised action is evaluated: each is a candidate.
    fn specialised(&self, part: QuestionPart, name: &str) -> CandidateIds {
        match part {
            QuestionPart::Resource => {
                CandidateIds::only(self.schema.vocabulary.specialised(name).cloned())
            }
            QuestionPart::Member(_) => CandidateIds::none(),
        }
    }

    fn of_action(
        &self,
        input: &LegInput<'_>,
        leg: &SearchLeg<'_>,
        target: &SearchTarget<'_>,
        reverse: &dyn ReverseRelations,
        most: usize,
    ) -> Option<CandidateIds> {
        let policies = self.policies_in_question(input, leg);
        let (open, known) = self.mentions(&policies, leg, target);
        let known = ScopePolicies::fixed(
            policies.iter().copied(),
            known.into_iter().cloned().collect(),
        );
        let index = self.index(input.arguments);
        let request = leg.request(input);
        let inputs = match build(&request, &self.schema, input.stored, index, &known) {
            Ok((inputs, _)) => inputs,
            // What fails here will fail or deny when a candidate is decided.
            Err(NoInputs::Relation(..) | NoInputs::Cedar) => return None,
            Err(NoInputs::Bad(..)) => {
                // If a policy that applies to every entity reads a value that does not fit its
                // type, every candidate is denied.
                let everybodys = |policy: &&Arc<CompiledPolicy>| {
                    leg.scope(policy, input.leg).is_none_or(is_any(target))
                };
                let everybodys = ScopePolicies::fixed(
                    policies.iter().copied().filter(everybodys),
                    BTreeSet::new(),
                );
                let bad = build(&request, &self.schema, input.stored, index, &everybodys);
                return matches!(bad, Err(NoInputs::Bad(..))).then(CandidateIds::none);
            }
        };
        let evaluator = evaluator(&leg.principal, leg.action, &leg.resource, &inputs);
        let narrower = Narrower {
            target,
            schema: &self.schema,
            stored: input.stored,
            reverse,
            evaluator: &evaluator,
            open: &open,
            most,
        };
        Some(leg.combine(&policies, &narrower, input.leg))
    }

    /// Divides the relations that policies mention and that do not depend on the target into those
    /// that cannot be looked up yet and those that can.
    fn mentions<'r>(
        &self,
        policies: &[&'r Arc<CompiledPolicy>],
        leg: &SearchLeg<'_>,
        target: &SearchTarget<'_>,
    ) -> (Vec<&'r Mention>, Vec<&'r Mention>) {
        // A condition may read the resource, which is unknown if it is the target. The relation is
        // then not known either, although it does not depend on the target otherwise.
        let is_open = |mention: &Mention| {
            leg.part == QuestionPart::Resource && self.schema.relations.reads(&RESOURCE, mention)
        };
        let asked: BTreeSet<&Mention> = policies
            .iter()
            .flat_map(|policy| policy.mentions.iter())
            .collect();
        let asked = asked
            .into_iter()
            .filter(|mention| !target.touches_mention(mention));
        asked.partition(|mention| is_open(mention))
    }

    /// Returns the rules that can apply, whichever entity the target is.
    fn policies_in_question(
        &self,
        input: &LegInput<'_>,
        leg: &SearchLeg<'_>,
    ) -> Vec<&Arc<CompiledPolicy>> {
        let named = |uid| ScopeEntity {
            uid,
            stored: input.stored.get(uid).map(AsRef::as_ref),
        };
        let (principal, resource) = match leg.place(input.leg) {
            TargetRole::Principal => (None, Some(named(&leg.resource))),
            TargetRole::Resource => (Some(named(&leg.principal)), None),
            TargetRole::Fact => (Some(named(&leg.principal)), Some(named(&leg.resource))),
        };
        self.index(input.arguments)
            .open(&leg.action.uid, principal, resource)
    }
}

/// One leg with a placeholder for the target.
struct SearchLeg<'a> {
    action: &'a ActionInfo,
    principal: EntityUID,
    resource: EntityUID,
    part: QuestionPart,
}

/// The role of the target in a leg.
enum TargetRole {
    Principal,
    Resource,
    /// The target occurs only in the facts.
    Fact,
}

impl SearchLeg<'_> {
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

    fn place(&self, leg: usize) -> TargetRole {
        match self.part {
            QuestionPart::Resource => TargetRole::Resource,
            QuestionPart::Member(at) if at == leg => TargetRole::Principal,
            QuestionPart::Member(_) => TargetRole::Fact,
        }
    }

    /// Returns the rule's scope for the target; `None` if no scope constrains the target.
    fn scope<'r>(&self, policy: &'r CompiledPolicy, leg: usize) -> Option<&'r Scope> {
        match self.place(leg) {
            TargetRole::Principal => Some(&policy.principal),
            TargetRole::Resource => Some(&policy.resource),
            TargetRole::Fact => None,
        }
    }

    /// Returns the ids for which some permit is satisfied, and no forbid is.
    fn combine(
        &self,
        policies: &[&Arc<CompiledPolicy>],
        narrower: &Narrower<'_>,
        leg: usize,
    ) -> CandidateIds {
        let scope = |policy: &CompiledPolicy| {
            self.scope(policy, leg)
                .map_or(CandidateIds::Any, |scope| narrower.scope(scope))
        };
        let mut ids = CandidateIds::none();
        for policy in policies
            .iter()
            .filter(|policy| policy.effect == Decision::Permit)
        {
            let within = scope(policy);
            if !within.is_none() {
                ids = ids.or(within.and(narrower.satisfied(policy)));
            }
        }
        for policy in policies
            .iter()
            .filter(|policy| policy.effect == Decision::Deny)
        {
            // Entities outside a forbid's scope are not forbidden, so a forbid whose scope does not
            // contain every entity removes no ids.
            if !ids.is_none() && self.scope(policy, leg).is_none_or(is_any(narrower.target)) {
                ids = ids.and(narrower.harmless(policy));
            }
        }
        narrower.cap(ids)
    }
}

/// Returns `true` if a scope contains every entity of the target's type.
fn is_any(target: &SearchTarget<'_>) -> impl Fn(&Scope) -> bool {
    |scope| match scope {
        Scope::Any => true,
        Scope::Is(kind) => **kind == target.info.name,
        Scope::Eq(_) | Scope::In(_) | Scope::IsIn(..) => false,
    }
}
