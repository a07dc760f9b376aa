//! Finds what does not keep a bundle from loading and is probably a mistake.

use super::compile::{BundleParts, MANIFEST};
use super::files::BundleFiles;
use super::manifest::{BundleManifest, find};
use super::misspelt;
use crate::model::Problem;
use crate::policy::CompiledPolicySet;

/// Returns the warnings about a bundle.
pub(super) fn of(
    parts: &BundleParts,
    manifest: &BundleManifest,
    files: &BundleFiles,
) -> Vec<Problem> {
    let mut warnings = parts.compiled.warnings().to_vec();
    warnings.extend_from_slice(parts.compiled.schema().vocabulary.warnings());
    warnings.extend(unknown_to_pack(&parts.compiled, manifest, files));
    warnings.extend(permits_nothing(&parts.compiled));
    warnings.extend(misspelt::actions(parts, files));
    warnings.extend(misspelt::objects(parts, files));
    warnings
}

/// Warns of a bundle by which every request is denied. Its relations may be all that is wanted.
fn permits_nothing(compiled: &CompiledPolicySet) -> Option<Problem> {
    let (why, help) = compiled.permits_nothing()?;
    Some(Problem::new(format!("{why}: every request is denied")).help(help))
}

/// A pack that denies every principal whose type it does not name, and the types that it names.
const NAMING_PACK: (&str, [&str; 3]) = ("delegation", ["user", "agent", "service"]);

/// Warns if no principal in the bundle's schema has a type that the pack names: such a bundle
/// denies every request.
fn unknown_to_pack(
    compiled: &CompiledPolicySet,
    manifest: &BundleManifest,
    files: &BundleFiles,
) -> Option<Problem> {
    let (pack, known) = NAMING_PACK;
    let principals = compiled.schema().principals();
    let is_named = manifest.packs.iter().any(|name| name == pack);
    if !is_named
        || principals.is_empty()
        || principals.iter().any(|kind| known.contains(&kind.as_str()))
    {
        return None;
    }
    let declared: Vec<String> = principals.iter().map(|name| format!("`{name}`")).collect();
    let named = known.map(|name| format!("`{name}`")).join(", ");
    let message = format!(
        "the pack `{pack}` names the types {named}, and every principal of the schema is of \
         another ({}): it denies every request",
        declared.join(", ")
    );
    let help = format!(
        "take a copy of the pack (`behest pack show {pack}`), name your types in it, and take \
         `{pack}` out of `packs`"
    );
    let place = files
        .file(MANIFEST)
        .map(|file| find(file, &format!("\"{pack}\"")));
    Some(Problem {
        place,
        ..Problem::new(message).help(help)
    })
}
