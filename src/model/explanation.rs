//! The explanation of a decision, written by the evaluation itself.
//!
//! INVARIANT: only the evaluator that decided computes anything for an explanation, and only on the
//! inputs that it decided on. Values of attributes marked `@secret` are left out where they are
//! collected.

use super::{
    Code, CredentialKind, Decision, Digest, EntityRef, Proof, Reason, Revision, Timestamp,
    UnmetCondition,
};

/// The content of an `explain` answer.
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
    /// The credentials that were verified, in the order of the request.
    pub credentials: Vec<CredentialLine>,
    /// The members of the chain that no credential proves: the caller asserts them, and is
    /// believed.
    pub asserted: Vec<EntityRef>,
    /// One per member of the chain, in order, and for each member one per granting credential that
    /// names it; empty if the chain itself was refused.
    pub legs: Vec<LegExplanation>,
}

/// What a credential proved. It contains no part of the credential itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialLine {
    /// The kind of credential.
    pub kind: CredentialKind,
    /// The issuer.
    pub issuer: String,
    /// The parties that it names, the subject first.
    pub chain: Vec<EntityRef>,
    /// How the sender proved to be its holder; `None` for a bearer token.
    pub proof: Option<Proof>,
    /// The time until which it may be used.
    pub until: Timestamp,
}

/// One leg: one principal, one Cedar request.
#[derive(Clone, Debug)]
pub struct LegExplanation {
    /// The principal of this leg.
    pub principal: EntityRef,
    /// The outcome of the leg.
    pub outcome: LegOutcome,
    /// The policies that decided it.
    pub determining: Vec<PolicyRef>,
    /// The forbids among them, each with the conditions by which it applied.
    pub forbids: Vec<AppliedForbid>,
    /// For a leg without a permit: each permit whose scope matched, with its first condition that
    /// was not true.
    pub near_misses: Vec<NearMiss>,
    /// The relations that were looked up.
    pub relations: Vec<RelationLookup>,
    /// The policies that failed.
    pub errors: Vec<PolicyError>,
    /// Members of the request that were withheld from the policies.
    pub dropped: DroppedMembers,
    /// The clauses that were reached, of each policy whose scope matched; empty unless coverage was
    /// wanted.
    pub reached: Vec<ReachedClauses>,
    /// The principal and the resource, where the bundle stores entities of the type and not this
    /// one.
    pub unstored: Vec<UnstoredEntity>,
}

/// The clauses of a policy that an evaluation reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachedClauses {
    /// The id of the policy.
    pub policy: String,
    /// The clauses.
    pub clauses: Vec<ClauseResult>,
}

/// What a clause of a policy came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClauseResult {
    /// Which of the policy's clauses it is, from 0.
    pub clause: usize,
    /// Whether it was true.
    pub held: bool,
}

/// A forbid that was satisfied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedForbid {
    /// The forbid.
    pub policy: PolicyRef,
    /// Its conditions, all of which were true; empty for one that has none.
    pub conditions: Vec<Condition>,
}

/// An entity that is not stored, so that policies see none of its attributes but those that the
/// request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnstoredEntity {
    /// The entity, as the request names it.
    pub uid: EntityRef,
    /// A stored entity with a similar id.
    pub nearest: Option<EntityRef>,
}

/// The outcome of a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegOutcome {
    /// The principal is permitted.
    Permit,
    /// The principal is denied, with the reason.
    Deny(Reason),
}

impl LegOutcome {
    /// Returns the decision alone.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match self {
            Self::Permit => Decision::Permit,
            Self::Deny(_) => Decision::Deny,
        }
    }

    /// Returns the reason's code if this is a denial.
    #[must_use]
    pub fn code(&self) -> Option<&Code> {
        match self {
            Self::Permit => None,
            Self::Deny(reason) => Some(&reason.code),
        }
    }
}

/// A policy and its position in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyRef {
    /// Its `@id`.
    pub id: String,
    /// Whether it permits or forbids.
    pub effect: Decision,
    /// The file, relative to the bundle; `pack:NAME/…` for the file of a pack.
    pub file: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Its `@doc`.
    pub doc: Option<String>,
}

impl PolicyRef {
    /// Returns `true` if the policy is a pack's and not the bundle's own.
    #[must_use]
    pub fn is_of_pack(&self) -> bool {
        self.file.starts_with("pack:")
    }
}

/// A permit whose scope matched and whose condition did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// The permit.
    pub policy: PolicyRef,
    /// The first of its conditions that was not true.
    pub condition: Condition,
}

/// One top-level conjunct of a policy, as it was evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Its source text.
    pub source: String,
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The attributes in it and their values as Cedar writes them, in source order.
    pub values: Vec<(String, String)>,
    /// The evaluator's message if the condition failed instead of being false.
    pub error: Option<String>,
}

/// A relation that a policy looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationLookup {
    /// The user of the look-up.
    pub user: String,
    /// The userset in which the user was looked up: `type:id#relation`.
    pub userset: String,
    /// Whether the relation held.
    pub held: bool,
    /// One path of tuples that shows that it held; empty if it did not.
    pub witness: Vec<String>,
    /// Tuples by which it would have held, if their conditions were true; empty if it held.
    pub unmet: Vec<UnmetCondition>,
}

/// A policy that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The policy.
    pub policy: PolicyRef,
    /// The evaluator's message.
    pub message: String,
}

/// A member of the request that did not reach the policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DroppedMember {
    /// The member's path: `subject.properties.role`, `context.arguments.amount`.
    pub member: String,
    /// The reason why it was dropped.
    pub why: String,
}

/// The members of a request that did not reach the policies of a leg: the first of them, and the
/// number of the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DroppedMembers {
    first: Vec<DroppedMember>,
    more: usize,
}

impl DroppedMembers {
    /// LIMIT: members of one leg that are listed: more than an answer shows. A body may have tens
    /// of thousands, each leg of each item of a batch drops them again, and describing one takes
    /// many times as long as skipping it.
    pub const MAX: usize = 64;

    /// Adds a member; `what` is called only if the member is listed.
    pub fn push(&mut self, what: impl FnOnce() -> DroppedMember) {
        if self.first.len() < Self::MAX {
            self.first.push(what());
        } else {
            self.more += 1;
        }
    }

    /// Adds a number of members that are not listed.
    pub fn add_untold(&mut self, more: usize) {
        self.more += more;
    }

    /// Iterates over the members that are listed.
    pub fn iter(&self) -> std::slice::Iter<'_, DroppedMember> {
        self.first.iter()
    }

    /// Returns how many more members were dropped.
    #[must_use]
    pub fn more(&self) -> usize {
        self.more
    }
}

impl FromIterator<DroppedMember> for DroppedMembers {
    fn from_iter<I: IntoIterator<Item = DroppedMember>>(all: I) -> Self {
        let mut dropped = Self::default();
        all.into_iter().for_each(|one| dropped.push(|| one));
        dropped
    }
}

impl<'a> IntoIterator for &'a DroppedMembers {
    type Item = &'a DroppedMember;
    type IntoIter = std::slice::Iter<'a, DroppedMember>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
