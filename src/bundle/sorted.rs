//! The files of a bundle, sorted by kind, which their names tell.

use super::compile::MANIFEST;
use super::files::BundleFiles;
use crate::model::{Place, Problem};
use crate::policy::SourceFile;

/// The files by kind.
#[derive(Default)]
pub(super) struct FilesByKind {
    pub(super) schemas: Vec<SourceFile>,
    pub(super) policies: Vec<SourceFile>,
    pub(super) links: Vec<SourceFile>,
    pub(super) entities: Vec<SourceFile>,
    pub(super) cases: Vec<SourceFile>,
    pub(super) models: Vec<SourceFile>,
    pub(super) tuples: Vec<SourceFile>,
    pub(super) manifests: Vec<SourceFile>,
    pub(super) routes: Vec<SourceFile>,
}

impl FilesByKind {
    /// Sorts files by kind, and reports those of no known kind.
    pub(super) fn new(files: &BundleFiles, problems: &mut Vec<Problem>) -> Self {
        let mut sorted = Self::default();
        for file in files.own.iter().chain(&files.packs) {
            match sorted.place_for(&file.path) {
                Ok(_) if is_json_schema(file) => problems.push(
                    Problem::new(format!(
                        "`{}` holds a schema in Cedar's JSON form",
                        file.path
                    ))
                    .at(file.place(file.text.len() - file.text.trim_start().len(), 1))
                    .help(
                        "write it in Cedar's own syntax: \
                         `cedar translate-schema --direction json-to-cedar`",
                    ),
                ),
                Ok(place) => place.push(file.clone()),
                Err((message, help)) => {
                    problems.push(
                        Problem::new(message)
                            .at(Place::whole(&file.path))
                            .help(help),
                    );
                }
            }
        }
        sorted
    }

    fn place_for(&mut self, path: &str) -> Result<&mut Vec<SourceFile>, (String, &'static str)> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let ends = |ending: &str| name.ends_with(ending);
        if path == MANIFEST || (path.starts_with("pack:") && name == "pack.toml") {
            Ok(&mut self.manifests)
        } else if ends(".cedarschema") {
            Ok(&mut self.schemas)
        } else if ends(".cedar") {
            Ok(&mut self.policies)
        } else if ends("links.json") {
            Ok(&mut self.links)
        } else if ends("entities.json") {
            Ok(&mut self.entities)
        } else if ends("cases.yaml") {
            Ok(&mut self.cases)
        } else if ends("routes.yaml") {
            Ok(&mut self.routes)
        } else if ends(".fga") || name == "fga.mod" {
            Ok(&mut self.models)
        } else if ends("tuples.yaml") || ends("tuples.jsonl") {
            Ok(&mut self.tuples)
        } else {
            Err((
                format!("`{path}` is no kind of file that a bundle has"),
                "a bundle has `*.cedarschema`, `*.fga`, `fga.mod`, `*.cedar`, `*links.json`, \
                 `*entities.json`, `*tuples.yaml`, `*tuples.jsonl`, `*cases.yaml`, \
                 `*routes.yaml`, `policies/bundle.toml`, and `*.md` and dotfiles, which are \
                 ignored",
            ))
        }
    }
}

/// Returns the folder into which a file of a bundle belongs, if its name is one's in any case of
/// letters, or nearly.
pub(super) fn folder_of(name: &str) -> Option<&'static str> {
    const DATA: [&str; 5] = ["links", "entities", "tuples", "cases", "routes"];
    const DATA_ENDINGS: [&str; 5] = ["json", "jsonl", "yaml", "yml", "toml"];
    let is_nearly = |one: &str, other: &str| strsim::osa_distance(one, other) <= 1;
    let name = name.to_lowercase();
    let (stem, ending) = name.rsplit_once('.')?;
    let is_data = DATA_ENDINGS.contains(&ending) && DATA.iter().any(|data| stem.ends_with(data));
    if is_nearly(ending, "cedarschema") || ending == "fga" || name == "fga.mod" {
        Some("schemas")
    } else {
        let is_policy = is_nearly(ending, "cedar") || is_data || is_nearly(&name, "bundle.toml");
        is_policy.then_some("policies")
    }
}

/// Whether a schema file is JSON: a declaration begins with a word or an annotation, JSON with a
/// bracket.
fn is_json_schema(file: &SourceFile) -> bool {
    file.path.ends_with(".cedarschema") && file.text.trim_start().starts_with(['{', '['])
}
