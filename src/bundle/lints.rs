//! Lints: what a bundle may well say, and is more often a mistake than meant.
//!
//! A warning at load is a probable mistake whoever the author is. A lint is a rule that a team can
//! refuse or allow by its name, and it is told by `behest validate` and `behest test` alone.

use super::compile::{Bundle, MANIFEST, in_order};
use super::files::BundleFiles;
use super::manifest::find_in;
use super::misspelt_ids::misspelt_ids;
use crate::model::{Decision, Place, PolicyRef, Problem};
use crate::policy::{LooseAttribute, Unpermitted};

/// The most actions and resources without a permit that are told one by one.
const MAX_UNPERMITTED: usize = 20;

/// A rule about bundles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lint {
    /// An id in a policy or a tuple is known nowhere, and one that is known is near.
    MisspeltId,
    /// An optional pack is tried, and decides nothing.
    OptionalPack,
    /// A permit holds for everyone, everything and every action.
    PermitAll,
    /// A policy reads an attribute that a request may say, where nothing is stored.
    RequestAttribute,
    /// No permit is meant for an action, or for a stored resource.
    Unpermitted,
    /// No case is decided by a policy.
    UntestedPolicy,
}

impl Lint {
    /// All lints, in the order of their names.
    pub const ALL: [Self; 6] = [
        Self::MisspeltId,
        Self::OptionalPack,
        Self::PermitAll,
        Self::RequestAttribute,
        Self::Unpermitted,
        Self::UntestedPolicy,
    ];

    /// Returns the name by which a command line denies or allows it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MisspeltId => "misspelt-id",
            Self::OptionalPack => "optional-pack",
            Self::PermitAll => "permit-all",
            Self::RequestAttribute => "request-attribute",
            Self::Unpermitted => "unpermitted",
            Self::UntestedPolicy => "untested-policy",
        }
    }

    /// Whether it is no warning unless it is denied, because `behest test` tells it in a line of
    /// its results.
    #[must_use]
    pub fn is_quiet(self) -> bool {
        match self {
            Self::OptionalPack | Self::UntestedPolicy => true,
            Self::MisspeltId | Self::PermitAll | Self::RequestAttribute | Self::Unpermitted => {
                false
            }
        }
    }
}

/// Returns what lints find in the bundle's own files, in the order of the places. `undecided` are
/// the policies that no case was decided by.
#[must_use]
pub fn lint(bundle: &Bundle, files: &BundleFiles, undecided: &[String]) -> Vec<(Lint, Problem)> {
    let compiled = bundle.policy_set();
    let mut found: Vec<(Lint, Problem)> = Vec::new();
    let mut tell = |lint, problems: Vec<Problem>| {
        found.extend(problems.into_iter().map(|problem| (lint, problem)));
    };
    tell(Lint::MisspeltId, misspelt_ids(bundle, files));
    let permits_all = compiled
        .permits_all()
        .map(|policy| permit_all(policy, files));
    tell(Lint::PermitAll, permits_all.collect());
    let loose = compiled.loose_attributes().into_iter();
    tell(
        Lint::RequestAttribute,
        loose.map(|read| request_attribute(&read, files)).collect(),
    );
    let unpermitted = compiled.unpermitted(bundle.stored());
    let shown = unpermitted.iter().take(MAX_UNPERMITTED);
    let mut problems: Vec<Problem> = shown.map(|of| unpermitted_action(of, files)).collect();
    if let Some(more @ 1..) = unpermitted.len().checked_sub(MAX_UNPERMITTED) {
        problems.push(Problem::new(format!(
            "no permit is meant for {more} more actions and stored resources"
        )));
    }
    tell(Lint::Unpermitted, problems);
    let untested = compiled
        .policies()
        .filter(|policy| !policy.is_of_pack() && undecided.contains(&policy.id));
    tell(
        Lint::UntestedPolicy,
        untested
            .map(|policy| untested_policy(policy, files))
            .collect(),
    );
    let optional = bundle.optional().iter();
    tell(
        Lint::OptionalPack,
        optional.map(|pack| optional_pack(pack, files)).collect(),
    );
    found.sort_by(|(one, a), (other, b)| (in_order(a), one).cmp(&(in_order(b), other)));
    found
}

fn permit_all(policy: &PolicyRef, files: &BundleFiles) -> Problem {
    let message = format!(
        "the permit `{}` has no condition and holds for every principal, action and resource",
        policy.id
    );
    placed(
        Problem::new(message),
        files.line_of(&policy.file, policy.line),
    )
    .help(
        "say who may do what: a type or an entity in the scope, or a condition; whatever no forbid \
         denies is permitted by it",
    )
}

fn request_attribute(read: &LooseAttribute, files: &BundleFiles) -> Problem {
    let LooseAttribute {
        policy,
        kind,
        attribute,
        access,
        line,
    } = read;
    let message = format!(
        "the policy `{}` decides on `{access}`, which the request says where no `{attribute}` of \
         the `{kind}` is stored",
        policy.id
    );
    let place = files
        .text_in_line(&policy.file, *line, access)
        .or_else(|| files.line_of(&policy.file, *line));
    placed(Problem::new(message), place).help(format!(
        "mark `{attribute}` of `{kind}` with `@stored` in the schema, or with `@request` if the \
         caller is meant to say it"
    ))
}

fn unpermitted_action(of: &Unpermitted, files: &BundleFiles) -> Problem {
    match of {
        Unpermitted::Action(name) => {
            let message =
                format!("no permit is meant for the action `{name}`: it is denied to all");
            let quoted = format!("\"{name}\"");
            let place = files
                .find_in_own(".cedarschema", &quoted)
                .or_else(|| files.find_in_own(".cedarschema", name));
            placed(Problem::new(message), place)
                .help("write a permit whose scope has the action, or remove the action")
        }
        Unpermitted::Resource(entity) => {
            let message =
                format!("no permit is meant for `{entity}`: whatever is done to it is denied");
            let id = format!("\"{}\"", entity.id);
            placed(
                Problem::new(message),
                files.find_in_own("entities.json", &id),
            )
            .help(
                "write a permit whose scope has it, put it into a group that has one, or remove it",
            )
        }
    }
}

fn untested_policy(policy: &PolicyRef, files: &BundleFiles) -> Problem {
    let effect = match policy.effect {
        Decision::Permit => "permit",
        Decision::Deny => "forbid",
    };
    let message = format!("no case is decided by the {effect} `{}`", policy.id);
    placed(
        Problem::new(message),
        files.line_of(&policy.file, policy.line),
    )
    .help("add a case that it decides, and one that it does not; `--coverage` shows its clauses")
}

fn optional_pack(pack: &str, files: &BundleFiles) -> Problem {
    let message = format!(
        "the pack `{pack}` is optional: its cases are tried, and it takes no part in any decision"
    );
    let place = files
        .file(MANIFEST)
        .map(|file| find_in(file, "optional", pack));
    placed(Problem::new(message), place).help(format!(
        "move `{pack}` to `packs` if it is to decide; allow the lint if it is not"
    ))
}

fn placed(problem: Problem, place: Option<Place>) -> Problem {
    Problem { place, ..problem }
}
