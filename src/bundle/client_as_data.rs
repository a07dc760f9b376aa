//! Finds bundles that use `context.client_id` in two contradictory ways.

use super::compile::MANIFEST;
use super::files::BundleFiles;
use super::manifest::{BundleManifest, find_in};
use crate::model::Problem;
use crate::policy::CompiledPolicySet;

/// Returns a problem if a policy reads `context.client_id` as data although the bundle reads it as
/// a carrier: no policy sees it then.
pub(super) fn problem(
    compiled: &CompiledPolicySet,
    manifest: &BundleManifest,
    files: &BundleFiles,
) -> Option<Problem> {
    let kind = manifest.carriers.client_id.as_ref()?;
    let reader = compiled.readers_of_context("client_id").next()?;
    let message = format!(
        "the policy `{}` reads `context.client_id`, which no policy sees: \
         by `[carriers]` it says who acts",
        reader.id
    );
    let help = format!(
        "write the policy about the actor (`principal is {kind}`), \
         or remove `client_id` from `[carriers]`"
    );
    let place = files
        .file(MANIFEST)
        .map(|file| find_in(file, "carriers", "client_id"));
    Some(Problem {
        place,
        ..Problem::new(message).help(help)
    })
}
