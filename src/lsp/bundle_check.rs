//! Checks a bundle as it stands in the editor.

use super::documents::{ColumnUnit, LineTable};
use super::outline::SymbolIndex;
use crate::bundle::{self, BundleFiles};
use crate::model::{Place, Problem};
use gen_lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Range, Uri,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// LIMIT: problems that are shown of one file. Who has more mends the first ones first.
const MAX_SHOWN: usize = 200;

/// The manifest, at which a problem without a place of its own is shown.
const MANIFEST: &str = "policies/bundle.toml";

/// A bundle to check.
#[derive(Debug)]
pub(super) struct CheckJob {
    /// The bundle's directory.
    pub(super) root: PathBuf,
    /// The texts that the editor has, by their paths in the bundle.
    pub(super) texts: BTreeMap<String, Arc<str>>,
    /// The unit in which the editor counts columns.
    pub(super) unit: ColumnUnit,
}

/// What a check found.
#[derive(Debug)]
pub(super) struct CheckedBundle {
    pub(super) root: PathBuf,
    /// What is wrong, by file.
    pub(super) diagnostics: BTreeMap<PathBuf, Vec<Diagnostic>>,
    /// What is declared; `None` if the files could not be read.
    pub(super) index: Option<SymbolIndex>,
}

impl CheckJob {
    /// Reads and checks the bundle.
    pub(super) fn run(self) -> CheckedBundle {
        let mut files = match bundle::read_over(&self.root, &self.texts) {
            Ok(files) => files,
            Err(problems) => {
                let files = BundleFiles::default();
                return CheckedBundle {
                    diagnostics: self.diagnostics(&files, &problems.0, DiagnosticSeverity::Error),
                    root: self.root,
                    index: None,
                };
            }
        };
        let compiled = bundle::compile(&mut files);
        let (problems, severity) = match &compiled {
            Ok(bundle) => (bundle.warnings(), DiagnosticSeverity::Warning),
            Err(problems) => (problems.0.as_slice(), DiagnosticSeverity::Error),
        };
        CheckedBundle {
            diagnostics: self.diagnostics(&files, problems, severity),
            index: Some(SymbolIndex::of(&files)),
            root: self.root,
        }
    }

    fn diagnostics(
        &self,
        files: &BundleFiles,
        problems: &[Problem],
        severity: DiagnosticSeverity,
    ) -> BTreeMap<PathBuf, Vec<Diagnostic>> {
        let tables: BTreeMap<&str, LineTable<'_>> = files
            .all()
            .map(|file| (file.path.as_str(), LineTable::of(&file.text)))
            .collect();
        let fallback = self.fallback(files);
        let mut found: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for problem in problems {
            let elsewhere = Place::whole(&fallback);
            let place = problem.place.as_ref().unwrap_or(&elsewhere);
            let (path, place, file) = match path_of(&self.root, &place.file) {
                Some(path) => (path, place, None),
                None => (
                    self.root.join(&fallback),
                    &elsewhere,
                    Some(place.file.as_str()),
                ),
            };
            let range = self.range(place, &tables);
            let also = problem.also.as_ref().and_then(|also| {
                let uri = Uri::from_file_path(path_of(&self.root, &also.file)?).ok()?;
                let range = self.range(also, &tables);
                Some(Location { uri, range })
            });
            let of_file = found.entry(path).or_default();
            if of_file.len() < MAX_SHOWN {
                of_file.push(diagnostic(problem, range, also, file, severity));
            }
        }
        found
    }

    /// Returns a place as the editor counts. Of several lines, the first is marked, as in the
    /// report of `behest validate`.
    fn range(&self, place: &Place, tables: &BTreeMap<&str, LineTable<'_>>) -> Range {
        let Some(lines) = tables.get(place.file.as_str()) else {
            return Range::default();
        };
        let len = lines.first_line(place.offset, place.len);
        self.unit.range(lines, place.offset, place.offset + len)
    }

    /// Returns the file at which a problem of none of the files is shown: the manifest, or else the
    /// first file.
    fn fallback(&self, files: &BundleFiles) -> String {
        let own = || files.all().map(|file| file.path.as_str());
        let open = self.texts.keys().map(String::as_str);
        let manifest = own().find(|path| *path == MANIFEST);
        let first = || own().chain(open).find(|path| !path.starts_with("pack:"));
        manifest.or_else(first).unwrap_or(MANIFEST).to_owned()
    }
}

fn diagnostic(
    problem: &Problem,
    range: Range,
    also: Option<Location>,
    file: Option<&str>,
    severity: DiagnosticSeverity,
) -> Diagnostic {
    let mut message = match file {
        Some(file) => format!("{file}: {}", problem.message),
        None => problem.message.clone(),
    };
    if let Some(help) = &problem.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    let related = also.map(|location| {
        vec![DiagnosticRelatedInformation {
            location,
            message: "the other one".to_owned(),
        }]
    });
    Diagnostic {
        range,
        severity: Some(severity),
        source: Some("behest".to_owned()),
        message: message.into(),
        related_information: related,
        ..Diagnostic::default()
    }
}

/// Returns the path of a file of a bundle. The files of packs are in the program; where the bundle
/// has copies of them, these are meant.
pub(super) fn path_of(root: &Path, name: &str) -> Option<PathBuf> {
    let Some(packed) = name.strip_prefix("pack:") else {
        return Some(root.join(name));
    };
    let (_, file) = packed.split_once('/')?;
    let copies = [
        root.join("policies/packs").join(packed),
        root.join("schemas/packs").join(file),
    ];
    copies.into_iter().find(|path| path.is_file())
}
