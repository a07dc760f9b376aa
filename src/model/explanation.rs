//! The tree behind a decision, written by the evaluation itself.
//!
//! INVARIANT: nothing here is computed for the sake of explaining alone except by the evaluator
//! that decided, on the inputs that it decided on. Values of attributes marked `@secret` are left
//! out where they are collected.

use super::{
    Code, CredentialKind, Decision, Digest, EntityRef, Proof, Reason, Revision, Timestamp,
};

/// Everything that an `explain` answer says.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The bundle that decided.
    pub bundle: Digest,
    /// The revision of the relations.
    pub revision: Revision,
    /// The time that policies and conditions saw.
    pub now: Timestamp,
    /// The action that was evaluated: a specialised one where the schema declares it.
    pub action: String,
    /// The credentials that were verified, in the request's order.
    pub credentials: Vec<CredentialLine>,
    /// The members of the chain that no credential proves: the caller says so, and is believed.
    pub asserted: Vec<EntityRef>,
    /// One per member of the chain, in order, and for each of them one per granting credential that
    /// names it; empty where the chain itself was refused.
    pub legs: Vec<LegExplanation>,
}

/// What a credential was seen to prove. Never a part of the credential itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialLine {
    /// What it is.
    pub kind: CredentialKind,
    /// Who issued it.
    pub issuer: String,
    /// Whom it names, the subject first.
    pub chain: Vec<EntityRef>,
    /// How it was shown to be its holder's; none for a bearer's.
    pub proof: Option<Proof>,
    /// Until when it may be used.
    pub until: Timestamp,
}

/// One leg: one principal, one Cedar request.
#[derive(Clone, Debug)]
pub struct LegExplanation {
    /// Whose leg this is.
    pub principal: EntityRef,
    /// What it came to.
    pub outcome: LegOutcome,
    /// The policies that decided it.
    pub determining: Vec<PolicyRef>,
    /// For a leg without a permit: each permit whose scope matched, with what was missing.
    pub near_misses: Vec<NearMiss>,
    /// The relations that were looked up.
    pub relations: Vec<RelationLookup>,
    /// The policies that failed.
    pub errors: Vec<PolicyError>,
    /// Members of the request that no policy could see.
    pub dropped: DroppedMembers,
}

/// What a leg came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegOutcome {
    /// The principal may.
    Permit,
    /// The principal may not, and why.
    Deny(Reason),
}

impl LegOutcome {
    /// The decision alone.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match self {
            Self::Permit => Decision::Permit,
            Self::Deny(_) => Decision::Deny,
        }
    }

    /// The reason's code, on a denial.
    #[must_use]
    pub fn code(&self) -> Option<&Code> {
        match self {
            Self::Permit => None,
            Self::Deny(reason) => Some(&reason.code),
        }
    }
}

/// Where a policy stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRef {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits or forbids.
    pub effect: Decision,
    /// The file, relative to the bundle; `pack:NAME/…` for a pack's.
    pub file: String,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Its `@doc`.
    pub doc: Option<String>,
}

/// A permit whose scope matched and whose condition did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The permit.
    pub policy: PolicyRef,
    /// The first of its conditions that was not true.
    pub condition: Condition,
}

/// One top-level conjunct of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its source text.
    pub source: String,
    /// The line that it begins on, from 1.
    pub line: usize,
    /// What the attributes in it were, in source order, as Cedar writes values.
    pub values: Vec<(String, String)>,
    /// The evaluator's message, where it failed rather than being false.
    pub error: Option<String>,
}

/// A relation that a policy asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationLookup {
    /// Who was looked for.
    pub user: String,
    /// In which userset: `type:id#relation`.
    pub userset: String,
    /// Whether it held.
    pub held: bool,
    /// One path of tuples that shows it, where it held.
    pub witness: Vec<String>,
}

/// A policy that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The policy.
    pub policy: PolicyRef,
    /// What the evaluator said.
    pub message: String,
}

/// A member of the request that did not reach the policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// Which member, as a path: `subject.properties.role`, `context.arguments.amount`.
    pub member: String,
    /// Why.
    pub why: String,
}

/// The members of a request that did not reach the policies of a leg: the first of them, and how
/// many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DroppedMembers {
    first: Vec<Dropped>,
    more: usize,
}

impl DroppedMembers {
    /// LIMIT: members of one leg that are told: more than an answer shows. A body has tens of
    /// thousands, each leg of each item of a batch drops them again, and what is said of each takes
    /// many times as long as to pass it by.
    pub const MAX: usize = 64;

    /// Adds one; `what` is asked only where it is told.
    pub fn push(&mut self, what: impl FnOnce() -> Dropped) {
        if self.first.len() < Self::MAX {
            self.first.push(what());
        } else {
            self.more += 1;
        }
    }

    /// Adds so many that are not told.
    pub fn add_untold(&mut self, more: usize) {
        self.more += more;
    }

    /// Returns those that are told.
    pub fn iter(&self) -> std::slice::Iter<'_, Dropped> {
        self.first.iter()
    }

    /// Returns how many more there are.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl FromIterator<Dropped> for DroppedMembers {
    fn from_iter<I: IntoIterator<Item = Dropped>>(all: I) -> Self {
        let mut dropped = Self::default();
        all.into_iter().for_each(|one| dropped.push(|| one));
        dropped
    }
}

impl<'a> IntoIterator for &'a DroppedMembers {
    type Item = &'a Dropped;
    type IntoIter = std::slice::Iter<'a, Dropped>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
