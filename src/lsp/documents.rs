//! The texts as the editor has them, and the positions in them.

use gen_lsp_types::{Position, PositionEncodingKind, Range, TextDocumentContentChangeEvent, Uri};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// LIMIT: how many documents are followed at once: more than anybody opens.
const MAX_DOCUMENTS: usize = 2_000;

/// LIMIT: the bytes of one document. What is larger is read from the disk, as it was saved.
const MAX_TEXT: usize = 16 * 1024 * 1024;

/// LIMIT: the bytes of all documents together.
const MAX_TEXTS: usize = 256 * 1024 * 1024;

/// The unit in which the editor counts columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnUnit {
    /// Bytes.
    Utf8,
    /// What the protocol has from its beginning.
    Utf16,
}

impl ColumnUnit {
    /// Chooses from what the editor offers: bytes if it can count them.
    pub(super) fn choose(offered: &[PositionEncodingKind]) -> Self {
        if offered.contains(&PositionEncodingKind::UTF8) {
            Self::Utf8
        } else {
            Self::Utf16
        }
    }

    pub(super) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
        }
    }

    fn width(self, c: char) -> usize {
        match self {
            Self::Utf8 => c.len_utf8(),
            Self::Utf16 => c.len_utf16(),
        }
    }

    /// Returns the byte of a position; the end of the line for a column behind it, and the end of
    /// the text for a line behind it.
    pub(super) fn offset(self, text: &str, position: Position) -> usize {
        let line = usize::try_from(position.line).unwrap_or(usize::MAX);
        let column = usize::try_from(position.character).unwrap_or(usize::MAX);
        let mut lines = text.split_inclusive('\n');
        let before: usize = lines.by_ref().take(line).map(str::len).sum();
        let body = lines
            .next()
            .unwrap_or_default()
            .trim_end_matches(['\n', '\r']);
        let mut passed = 0;
        for (at, c) in body.char_indices() {
            if passed >= column {
                return before + at;
            }
            passed += self.width(c);
        }
        before + body.len()
    }

    /// Returns the range of a stretch of bytes.
    pub(super) fn range(self, lines: &LineTable<'_>, start: usize, end: usize) -> Range {
        Range {
            start: self.position(lines, start),
            end: self.position(lines, end.max(start)),
        }
    }

    fn position(self, lines: &LineTable<'_>, offset: usize) -> Position {
        let offset = lines.text.floor_char_boundary(offset);
        let line = lines
            .starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let start = lines.starts.get(line).copied().unwrap_or_default();
        let before = lines.text.get(start..offset).unwrap_or_default();
        let column: usize = before.chars().map(|c| self.width(c)).sum();
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            character: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

/// A text with the bytes at which its lines begin.
#[derive(Debug)]
pub(super) struct LineTable<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> LineTable<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    /// Returns how many bytes of a stretch are in its first line.
    pub(super) fn first_line(&self, offset: usize, len: usize) -> usize {
        let stretch = self
            .text
            .get(offset..offset.saturating_add(len))
            .unwrap_or_default();
        stretch.lines().next().map_or(0, str::len)
    }
}

/// A document that is open in the editor.
#[derive(Debug)]
pub(super) struct OpenDocument {
    /// The file of the document.
    pub(super) path: PathBuf,
    /// The text; `None` if it is too large to be followed.
    pub(super) text: Option<Arc<str>>,
}

/// All open documents, by their addresses.
#[derive(Debug, Default)]
pub(super) struct Documents(BTreeMap<Uri, OpenDocument>);

impl Documents {
    /// Opens a document; returns `false` if it is one too many.
    pub(super) fn open(&mut self, uri: Uri, path: PathBuf, text: String) -> bool {
        let is_full = self.0.len() >= MAX_DOCUMENTS && !self.0.contains_key(&uri);
        if !is_full {
            let text = self.fits(&uri, text.len()).then(|| text.into());
            self.0.insert(uri, OpenDocument { path, text });
        }
        !is_full
    }

    /// Applies changes in their order.
    pub(super) fn change(
        &mut self,
        uri: &Uri,
        changes: Vec<TextDocumentContentChangeEvent>,
        unit: ColumnUnit,
    ) {
        let Some(document) = self.0.get(uri) else {
            return;
        };
        let mut text = document.text.clone();
        for change in changes {
            let changed: Option<Arc<str>> = match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                    Some(whole.text.into())
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                    let start_and_end = (part.range.start, part.range.end);
                    text.map(|text| edited(&text, start_and_end, &part.text, unit))
                }
            };
            text = changed.filter(|text| text.len() <= MAX_TEXT);
        }
        let text = text.filter(|text| self.fits(uri, text.len()));
        if let Some(document) = self.0.get_mut(uri) {
            document.text = text;
        }
    }

    /// Whether a document of so many bytes is followed.
    fn fits(&self, uri: &Uri, bytes: usize) -> bool {
        let others = self.0.iter().filter(|(other, _)| *other != uri);
        let texts = others.filter_map(|(_, document)| document.text.as_ref());
        let others: usize = texts.map(|text| text.len()).sum();
        bytes <= MAX_TEXT && others.saturating_add(bytes) <= MAX_TEXTS
    }

    pub(super) fn close(&mut self, uri: &Uri) -> Option<OpenDocument> {
        self.0.remove(uri)
    }

    pub(super) fn get(&self, uri: &Uri) -> Option<&OpenDocument> {
        self.0.get(uri)
    }

    /// Returns the address under which a file is open.
    pub(super) fn uri_of(&self, path: &Path) -> Option<&Uri> {
        let mut open = self.0.iter().filter(|(_, document)| document.path == path);
        open.next().map(|(uri, _)| uri)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &OpenDocument> {
        self.0.values()
    }
}

fn edited(text: &str, (start, end): (Position, Position), new: &str, unit: ColumnUnit) -> Arc<str> {
    let start = unit.offset(text, start);
    let end = unit.offset(text, end).max(start);
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    [before, new, after].concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gen_lsp_types::TextDocumentContentChangeWholeDocument;

    #[test]
    fn what_is_too_large_is_not_followed() {
        let uri = |number: usize| Uri::parse(&format!("file:///b/policies/{number}")).unwrap();
        let mut documents = Documents::default();
        for number in 0..MAX_TEXTS / MAX_TEXT {
            assert!(documents.open(uri(number), PathBuf::new(), "x".repeat(MAX_TEXT)));
            assert!(documents.get(&uri(number)).unwrap().text.is_some());
        }
        assert!(documents.open(uri(99), PathBuf::new(), "x".to_owned()));
        assert!(
            documents.get(&uri(99)).unwrap().text.is_none(),
            "one too many"
        );
        documents.close(&uri(0));
        let whole = |text: String| vec![TextDocumentContentChangeWholeDocument { text }.into()];
        documents.change(&uri(99), whole("y".repeat(MAX_TEXT + 1)), ColumnUnit::Utf8);
        assert!(documents.get(&uri(99)).unwrap().text.is_none(), "too large");
        documents.change(&uri(99), whole("y".to_owned()), ColumnUnit::Utf8);
        assert_eq!(documents.get(&uri(99)).unwrap().text.as_deref(), Some("y"));
        for number in 0..MAX_DOCUMENTS {
            let fits = documents.0.len() < MAX_DOCUMENTS;
            let is_open = documents.open(uri(1_000 + number), PathBuf::new(), String::new());
            assert_eq!(is_open, fits);
        }
    }

    #[test]
    fn positions_and_bytes_lead_to_each_other() {
        let text = "a€😀b\r\n\nlast";
        let table = LineTable::of(text);
        for unit in [ColumnUnit::Utf8, ColumnUnit::Utf16] {
            for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
                if c == '\n' {
                    continue;
                }
                let position = unit.range(&table, at, at).start;
                assert_eq!(unit.offset(text, position), at, "{unit:?} {position:?}");
            }
            let far = Position::new(u32::MAX, u32::MAX);
            assert_eq!(unit.offset(text, far), text.len());
            assert_eq!(unit.offset(text, Position::new(0, 99)), "a€😀b".len());
            // Behind the end, and within a character.
            assert_eq!(unit.range(&table, 999, 2_000).start.line, 2);
            assert_eq!(
                unit.range(&table, 2, 2).start,
                unit.range(&table, 1, 1).start
            );
        }
        let wide = ColumnUnit::Utf16.range(&table, 0, "a€😀".len()).end;
        assert_eq!(wide.character, 4);
    }
}
