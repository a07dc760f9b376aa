//! The bundles whose documents are open.

use super::bundle_check::{CheckJob, CheckedBundle, path_of};
use super::cursor::{self, Hit};
use super::documents::{ColumnUnit, Documents, LineTable};
use super::hover;
use super::outline::SymbolIndex;
use super::roots::{BundlePath, locate};
use gen_lsp_types::{
    Diagnostic, Hover, Location, MarkupContent, MarkupKind, TextDocumentContentChangeEvent,
    TextDocumentPositionParams, Uri,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long nobody must have typed before a bundle is checked.
const PAUSE: Duration = Duration::from_millis(150);

/// How long a check is put off at most while somebody types on.
const PATIENCE: Duration = Duration::from_secs(2);

/// A bundle with open documents.
#[derive(Debug, Default)]
struct OpenBundle {
    /// When it was changed first and last, since its check began.
    changed: Option<(Instant, Instant)>,
    index: Option<SymbolIndex>,
    /// The files of which the editor was told something.
    shown: BTreeSet<PathBuf>,
}

/// The open documents, and their bundles.
#[derive(Debug)]
pub(super) struct Workspace {
    /// The unit in which the editor counts columns.
    pub(super) unit: ColumnUnit,
    documents: Documents,
    bundles: BTreeMap<PathBuf, OpenBundle>,
}

impl Default for Workspace {
    fn default() -> Self {
        Self {
            unit: ColumnUnit::Utf16,
            documents: Documents::default(),
            bundles: BTreeMap::new(),
        }
    }
}

impl Workspace {
    /// Opens a document, and its bundle if it is the first of it.
    pub(super) fn open(&mut self, uri: Uri, text: String) {
        let Ok(path) = uri.to_file_path() else { return };
        if self.documents.open(uri, path.clone(), text)
            && let Some(located) = locate(&path)
        {
            self.bundles.entry(located.root.clone()).or_default();
            self.touch(&located.root);
        }
    }

    /// Changes a document.
    pub(super) fn change(&mut self, uri: &Uri, changes: Vec<TextDocumentContentChangeEvent>) {
        self.documents.change(uri, changes, self.unit);
        self.touch_uri(uri);
    }

    /// Closes a document. A bundle of which none is open is forgotten: returns the files of which
    /// the editor was told something that no longer holds.
    pub(super) fn close(&mut self, uri: &Uri) -> Vec<Uri> {
        let closed = self.documents.close(uri);
        let Some(BundlePath { root, .. }) = closed.and_then(|document| locate(&document.path))
        else {
            return Vec::new();
        };
        if self.texts_of(&root).is_empty() {
            let known = self.bundles.remove(&root).unwrap_or_default();
            let shown = known.shown.iter();
            return shown.filter_map(|path| self.uri_of(path)).collect();
        }
        self.touch(&root);
        Vec::new()
    }

    /// Notes that a file changed.
    pub(super) fn touch_uri(&mut self, uri: &Uri) {
        let path = uri.to_file_path().ok();
        if let Some(located) = path.and_then(|path| locate(&path)) {
            self.touch(&located.root);
        }
    }

    /// Notes that a bundle changed, if any of its documents is open.
    fn touch(&mut self, root: &Path) {
        if let Some(bundle) = self.bundles.get_mut(root) {
            let now = Instant::now();
            let first = bundle.changed.map_or(now, |(first, _)| first);
            bundle.changed = Some((first, now));
        }
    }

    /// Returns the open texts of a bundle, by their paths in it; no text for one that is too large
    /// to be followed.
    fn texts_of(&self, root: &Path) -> BTreeMap<String, Option<Arc<str>>> {
        let located = self.documents.iter().filter_map(|document| {
            let located = locate(&document.path).filter(|located| located.root == root)?;
            Some((located.name, document.text.clone()))
        });
        located.collect()
    }

    /// Returns when the next check is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.bundles.values().filter_map(OpenBundle::due).min()
    }

    /// Returns the check that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<CheckJob> {
        let mut bundles = self.bundles.iter_mut();
        let is_due = |bundle: &OpenBundle| bundle.due().is_some_and(|due| due <= now);
        let (root, bundle) = bundles.find(|(_, bundle)| is_due(bundle))?;
        bundle.changed = None;
        let root = root.clone();
        let texts = self.texts_of(&root).into_iter();
        Some(CheckJob {
            texts: texts
                .filter_map(|(name, text)| Some((name, text?)))
                .collect(),
            root,
            unit: self.unit,
        })
    }

    /// Takes over what a check found. Returns what the editor is to be told of each file: of the
    /// open ones in any case, and of those of which it was told something before.
    pub(super) fn checked(&mut self, checked: CheckedBundle) -> Vec<(Uri, Vec<Diagnostic>)> {
        let open = self.texts_of(&checked.root).into_keys();
        let open: Vec<PathBuf> = open.map(|name| checked.root.join(name)).collect();
        let Some(bundle) = self.bundles.get_mut(&checked.root) else {
            return Vec::new();
        };
        if let Some(index) = checked.index {
            bundle.index = Some(index);
        }
        let mut told = checked.diagnostics;
        let now: BTreeSet<PathBuf> = told.keys().cloned().collect();
        let before = std::mem::replace(&mut bundle.shown, now);
        for path in before.into_iter().chain(open) {
            told.entry(path).or_default();
        }
        let told = told.into_iter();
        told.filter_map(|(path, found)| Some((self.uri_of(&path)?, found)))
            .collect()
    }

    /// Returns the address of a file as the editor spells it, if it has it open.
    fn uri_of(&self, path: &Path) -> Option<Uri> {
        let open = self.documents.uri_of(path);
        open.cloned().or_else(|| Uri::from_file_path(path).ok())
    }

    /// Finds what stands at a position, and hands it over with its document's text.
    fn at<T>(
        &self,
        asked: &TextDocumentPositionParams,
        use_hit: impl FnOnce(&Hit<'_>, &SymbolIndex, &str, &Path) -> T,
    ) -> Option<T> {
        let document = self.documents.get(&asked.text_document.uri)?;
        let text = document.text.as_ref()?;
        let located = locate(&document.path)?;
        let index = self.bundles.get(&located.root)?.index.as_ref()?;
        let offset = self.unit.offset(text, asked.position);
        let hit = cursor::hit(&located.name, text, offset, index)?;
        Some(use_hit(&hit, index, text, &located.root))
    }

    /// Returns what is shown of the name at a position.
    pub(super) fn hover(&self, asked: &TextDocumentPositionParams) -> Option<Hover> {
        self.at(asked, |hit, index, text, _| {
            let content = MarkupContent {
                kind: MarkupKind::Markdown,
                value: hover::markdown(hit, index),
            };
            let lines = LineTable::of(text);
            let range = self.unit.range(&lines, hit.range.start, hit.range.end);
            Hover {
                contents: content.into(),
                range: Some(range),
            }
        })
    }

    /// Returns where the name at a position is declared.
    pub(super) fn definition(&self, asked: &TextDocumentPositionParams) -> Vec<Location> {
        let found = self.at(asked, |hit, index, _, root| {
            let places = hit.symbols.iter().map(|symbol| &symbol.at);
            let located = places.filter_map(|at| {
                let lines = LineTable::of(index.text(&at.file)?);
                Some(Location {
                    uri: self.uri_of(&path_of(root, &at.file)?)?,
                    range: self.unit.range(&lines, at.offset, at.offset + at.len),
                })
            });
            located.collect()
        });
        found.unwrap_or_default()
    }
}

impl OpenBundle {
    fn due(&self) -> Option<Instant> {
        let (first, last) = self.changed?;
        Some((last + PAUSE).min(first + PATIENCE))
    }
}
