//! Measures what the cases of a bundle reach: which policies decide some case, and which clauses
//! some case evaluates.
//!
//! Policies of packs do not count, because their cases come with the program and not with the
//! bundle.

use super::Snapshot;
use super::decide::Verdict;
use super::load::answer_covered;
use crate::model::PolicyRef;
use crate::policy::Clause;
use std::collections::BTreeMap;

/// What the cases of a bundle reach.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// The bundle's own policies, in the order of their files and lines.
    pub policies: Vec<PolicyCoverage>,
}

/// What the cases reach of one policy.
#[derive(Clone, Debug)]
pub struct PolicyCoverage {
    /// The policy.
    pub at: PolicyRef,
    /// How many cases it decided.
    pub cases: usize,
    /// Its clauses, in the order in which they are written.
    pub clauses: Vec<ClauseCoverage>,
}

/// How often a clause was evaluated.
#[derive(Clone, Debug)]
pub struct ClauseCoverage {
    /// The clause.
    pub clause: Clause,
    /// How often it was true.
    pub held: usize,
    /// How often it was not.
    pub not_held: usize,
}

impl ClauseCoverage {
    /// Returns `true` if some case evaluates the clause.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.held + self.not_held > 0
    }
}

/// How many of all are covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoverageCount {
    /// How many are.
    pub covered: usize,
    /// How many there are.
    pub of: usize,
}

impl CoverageCount {
    /// Returns the share in tenths of a per cent, rounded down, so that only all is 100 %.
    #[must_use]
    pub fn permille(self) -> usize {
        let share = self.covered.saturating_mul(1_000).checked_div(self.of);
        share.unwrap_or(1_000)
    }
}

impl Coverage {
    /// Returns how many policies decide some case.
    #[must_use]
    pub fn policies(&self) -> CoverageCount {
        let decided = self.policies.iter().filter(|policy| policy.cases > 0);
        CoverageCount {
            covered: decided.count(),
            of: self.policies.len(),
        }
    }

    /// Returns how many clauses some case evaluates.
    #[must_use]
    pub fn clauses(&self) -> CoverageCount {
        let all = || self.policies.iter().flat_map(|policy| &policy.clauses);
        CoverageCount {
            covered: all().filter(|clause| clause.is_reached()).count(),
            of: all().count(),
        }
    }
}

/// Answers all cases of a snapshot again, and counts what they reach.
pub(super) fn measure(snapshot: &Snapshot) -> Coverage {
    let bundle = snapshot.bundle();
    let mut policies: BTreeMap<&str, PolicyCoverage> = BTreeMap::new();
    for (at, clauses) in bundle.policy_set().clauses() {
        if at.is_of_pack() {
            continue;
        }
        let unreached = |clause| ClauseCoverage {
            clause,
            held: 0,
            not_held: 0,
        };
        let policy = PolicyCoverage {
            at: at.clone(),
            cases: 0,
            clauses: clauses.into_iter().map(unreached).collect(),
        };
        policies.insert(&at.id, policy);
    }
    for case in bundle.cases() {
        if let Ok(verdict) = answer_covered(snapshot, case) {
            add(&mut policies, &verdict);
        }
    }
    let mut policies: Vec<PolicyCoverage> = policies.into_values().collect();
    policies.sort_by(|a, b| (&a.at.file, a.at.line).cmp(&(&b.at.file, b.at.line)));
    Coverage { policies }
}

fn add(policies: &mut BTreeMap<&str, PolicyCoverage>, verdict: &Verdict) {
    for id in &verdict.policies {
        if let Some(policy) = policies.get_mut(id.as_str()) {
            policy.cases += 1;
        }
    }
    let legs = verdict.explanation.iter().flat_map(|it| &it.legs);
    for reached in legs.flat_map(|leg| &leg.reached) {
        let Some(policy) = policies.get_mut(reached.policy.as_str()) else {
            continue;
        };
        for result in &reached.clauses {
            let Some(clause) = policy.clauses.get_mut(result.clause) else {
                continue;
            };
            if result.held {
                clause.held += 1;
            } else {
                clause.not_held += 1;
            }
        }
    }
}
