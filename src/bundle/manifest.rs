//! Reads `policies/bundle.toml` and a pack's `pack.toml`: settings that change decisions but are
//! not policies.

use crate::model::{CarrierSettings, Code, MAX_ACTORS, NextAction, Place, Problem};
use crate::policy::{DEFAULT_LEVEL, DeclaredReason, DeclaredReasons, MAX_LEVEL, SourceFile};
use crate::telemetry::is_printable;
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// LIMIT: bytes of what a reason's `doc` says: each denial for it may carry it.
const MAX_DOC: usize = 1_024;

/// A bundle's manifest. The file is optional, and so is every member of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BundleManifest {
    /// The packs that the bundle takes from the binary.
    #[serde(default)]
    pub(super) packs: Vec<String>,
    /// Packs that are not part of the bundle. When its cases are checked, each of them is added
    /// once, and the cases of the pack are run.
    #[serde(default)]
    pub(super) optional: Vec<String>,
    /// Undeclared types, each with the declared type that it stands for.
    #[serde(default)]
    pub(super) types: BTreeMap<SmolStr, SmolStr>,
    /// Whether the bundle is loaded even if its relation model has no meaning for some stored
    /// tuples.
    #[serde(default)]
    pub(super) allow_orphans: bool,
    /// How many entity references a policy may follow.
    pub(super) level: Option<u32>,
    #[serde(default)]
    pub(super) carriers: ManifestCarriers,
    #[serde(default)]
    limits: ManifestLimits,
    #[serde(default)]
    pub(super) reasons: BTreeMap<SmolStr, ReasonManifest>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Carriers")]
pub(super) struct ManifestCarriers {
    /// The types that count as agents.
    pub(super) agent_types: Option<Vec<SmolStr>>,
    /// The type of the actor that `context.client_id` names; without it, the member names no actor.
    pub(super) client_id: Option<SmolStr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Limits")]
struct ManifestLimits {
    /// Maximum number of actors in a chain; can only be lowered.
    actors: Option<usize>,
}

/// A pack's manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackManifest {
    /// The purpose of the pack, in one sentence.
    pub(super) summary: String,
    #[serde(default)]
    reasons: BTreeMap<SmolStr, ReasonManifest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReasonManifest {
    next_action: String,
    #[serde(default)]
    doc: Option<String>,
}

/// Reads the bundle's manifest, or returns what is wrong with it.
pub(super) fn read_bundle(file: &SourceFile) -> Result<BundleManifest, Problem> {
    let manifest: BundleManifest = parse(file)?;
    if let Some(actors) = manifest.limits.actors.filter(|actors| *actors > MAX_ACTORS) {
        let message =
            format!("`limits.actors` is {actors}; it can only be lowered from {MAX_ACTORS}");
        return Err(Problem::new(message)
            .at(find(file, "actors"))
            .help("remove it, or set a smaller number"));
    }
    if let Some(level) = manifest
        .level
        .filter(|level| !(DEFAULT_LEVEL..=MAX_LEVEL).contains(level))
    {
        let message =
            format!("`level` is {level}; it lies between {DEFAULT_LEVEL} and {MAX_LEVEL}");
        let help =
            "store what policies ask for nearer to the principal, the resource or the context";
        return Err(Problem::new(message).at(find(file, "level")).help(help));
    }
    Ok(manifest)
}

/// Adds the reasons that a manifest declares.
pub(super) fn read_reasons(file: &SourceFile, into: &mut DeclaredReasons) -> Result<(), Problem> {
    if file.path.ends_with("pack.toml") {
        add_reasons(file, parse::<PackManifest>(file)?.reasons, into)
    } else {
        add_reasons(file, parse::<BundleManifest>(file)?.reasons, into)
    }
}

fn add_reasons(
    file: &SourceFile,
    reasons: BTreeMap<SmolStr, ReasonManifest>,
    into: &mut DeclaredReasons,
) -> Result<(), Problem> {
    for (code, reason) in reasons {
        if Code::from_policy(&code).is_none() {
            return Err(
                Problem::new(format!("`{code}` is no reason code of a policy"))
                    .at(find(file, &code))
                    .help(
                        "name a code that a policy gives with `@reason`; \
                         the engine's own codes are fixed",
                    ),
            );
        }
        let Some(action) = NextAction::from_word(&reason.next_action) else {
            return Err(
                Problem::new(format!("unknown next action `{}`", reason.next_action))
                    .at(find(file, &reason.next_action))
                    .help("it is one of `request`, `step_up`, `retry`, `none`"),
            );
        };
        if reason.doc.as_ref().is_some_and(|doc| doc.len() > MAX_DOC) {
            return Err(Problem::new(format!(
                "the `doc` of `{code}` has more than {MAX_DOC} bytes"
            ))
            .at(find(file, &code))
            .help("it is a sentence or an address: answers carry it"));
        }
        let is_odd = |doc: &String| doc.is_empty() || !doc.chars().all(is_printable);
        if reason.doc.as_ref().is_some_and(is_odd) {
            return Err(Problem::new(format!(
                "the `doc` of `{code}` is empty, or has characters that cannot be seen"
            ))
            .at(find(file, &code))
            .help("write a sentence on one line, or an address"));
        }
        let declared = DeclaredReason {
            next_action: action,
            doc: reason.doc.map(Arc::from),
        };
        into.insert(code, declared);
    }
    Ok(())
}

impl BundleManifest {
    /// Returns the manifest's settings of carriers.
    pub(super) fn carriers(&self) -> CarrierSettings {
        let standard = CarrierSettings::default();
        CarrierSettings {
            aliases: self
                .types
                .iter()
                .map(|(alias, declared)| (alias.clone(), declared.clone()))
                .collect(),
            client_id: self.carriers.client_id.clone(),
            agent_types: self
                .carriers
                .agent_types
                .clone()
                .unwrap_or(standard.agent_types),
            max_actors: self.limits.actors.unwrap_or(standard.max_actors),
            attributes: Vec::new(),
            near: Vec::new(),
        }
    }
}

/// Returns the place of a word in a file, or of the whole file if the word does not occur.
pub(super) fn find(file: &SourceFile, word: &str) -> Place {
    file.text
        .find(word)
        .map_or_else(|| Place::whole(&file.path), |at| file.place(at, word.len()))
}

/// Reports a pack that is named twice, at the place after so many others of its name and at the
/// first.
pub(super) fn named_twice(file: Option<&SourceFile>, pack: &str, before: usize) -> Problem {
    let problem =
        Problem::new(format!("the pack `{pack}` is named twice")).help("remove one of the two");
    let quoted = format!("\"{pack}\"");
    let places = |file: &SourceFile| {
        let mut all = file.text.match_indices(&quoted);
        let (first, _) = all.next()?;
        let (again, _) = all.nth(before.checked_sub(1)?)?;
        let place = |at| file.place(at, quoted.len());
        Some((place(first), place(again)))
    };
    match file.and_then(places) {
        Some((first, again)) => problem.at(again).and_at(first),
        None => problem,
    }
}

/// Returns the place of this text as a value in a table of the manifest, or else its first place in
/// the file.
pub(super) fn find_in(file: &SourceFile, table: &str, word: &str) -> Place {
    let text = &file.text;
    let begin = text
        .find(&format!("[{table}]"))
        .or_else(|| text.find(table))
        .unwrap_or(0);
    let value = text
        .get(begin..)
        .and_then(|rest| rest.find(&format!("\"{word}\"")));
    value.map_or_else(
        || find(file, word),
        |at| file.place(begin + at + 1, word.len()),
    )
}

fn parse<T: serde::de::DeserializeOwned>(file: &SourceFile) -> Result<T, Problem> {
    toml::from_str(&file.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        Problem::new(error.message().replace('\n', ", ")).at(file.place(span.start, span.len()))
    })
}
