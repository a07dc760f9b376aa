//! Packs and the default bundle, which are embedded in the binary and versioned with it.

use super::files::BundleFiles;
use crate::policy::SourceFile;
use rust_embed::Embed;
use std::collections::BTreeMap;

#[derive(Embed)]
#[folder = "policies/"]
#[prefix = "policies/"]
struct EmbeddedPolicies;

#[derive(Embed)]
#[folder = "schemas/"]
#[prefix = "schemas/"]
struct EmbeddedSchemas;

/// A pack that is embedded in the binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The name of the pack, as in a bundle's `packs`.
    pub name: String,
    /// The purpose of the pack, in one sentence.
    pub summary: String,
    /// The files of the pack: path and text, the README first.
    pub files: Vec<(String, String)>,
}

/// Returns every pack in the binary, ordered by name.
#[must_use]
pub fn packs() -> Vec<Pack> {
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for path in paths() {
        if let (Some(name), Some(text)) = (pack_of(&path), embedded(&path)) {
            found.entry(name.to_owned()).or_default().push((path, text));
        }
    }
    found
        .into_iter()
        .map(|(name, mut files)| {
            files.sort_by_key(|(path, _)| (!path.ends_with("README.md"), path.clone()));
            let manifest = files.iter().find(|(path, _)| path.ends_with("/pack.toml"));
            let summary = manifest
                .and_then(|(_, text)| toml::from_str::<super::manifest::PackManifest>(text).ok())
                .map(|manifest| manifest.summary)
                .unwrap_or_default();
            Pack {
                name,
                summary,
                files,
            }
        })
        .collect()
}

/// Returns the pack files that load with a bundle, under paths that name the pack. Case files are
/// included only if `with_cases` is true.
pub(super) fn files(name: &str, with_cases: bool) -> Option<Vec<SourceFile>> {
    let pack = packs().into_iter().find(|pack| pack.name == name)?;
    let wanted =
        |path: &str| !path.ends_with(".md") && (with_cases || !path.ends_with("cases.yaml"));
    let rename = |path: &str| format!("pack:{name}/{}", path.rsplit('/').next().unwrap_or(path));
    Some(
        pack.files
            .iter()
            .filter(|(path, _)| wanted(path))
            .map(|(path, text)| SourceFile::new(rename(path), text.as_str()))
            .collect(),
    )
}

/// Returns the files of the default bundle, which is the repository's own.
pub(super) fn default_bundle() -> BundleFiles {
    let own = paths()
        .into_iter()
        .filter(|path| pack_of(path).is_none() && !path.ends_with(".md"))
        .filter_map(|path| embedded(&path).map(|text| SourceFile::new(path, text)))
        .collect();
    BundleFiles {
        own,
        is_default: true,
        ..BundleFiles::default()
    }
}

/// Returns the text of an embedded file.
pub(super) fn embedded(path: &str) -> Option<String> {
    let file = EmbeddedPolicies::get(path).or_else(|| EmbeddedSchemas::get(path))?;
    String::from_utf8(file.data.into_owned()).ok()
}

fn paths() -> Vec<String> {
    let mut paths: Vec<String> = EmbeddedPolicies::iter()
        .chain(EmbeddedSchemas::iter())
        .map(String::from)
        .collect();
    paths.retain(|path| {
        path.rsplit('/')
            .next()
            .is_some_and(|name| !name.starts_with('.'))
    });
    paths.sort();
    paths
}

/// Returns the name of the pack that a path belongs to. `policies/packs/NAME/…`,
/// `schemas/packs/NAME.cedarschema` and `schemas/packs/NAME.fga` belong to the pack NAME. The last
/// is a module of the relation model, merged with the modules of the bundle and of other packs.
pub(super) fn pack_of(path: &str) -> Option<&str> {
    if let Some(rest) = path.strip_prefix("policies/packs/") {
        return rest.split_once('/').map(|(name, _)| name);
    }
    let file = path.strip_prefix("schemas/packs/")?;
    file.strip_suffix(".cedarschema")
        .or_else(|| file.strip_suffix(".fga"))
}
