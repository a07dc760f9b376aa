//! Names in the relation model.

use super::super::outline::{Symbol, SymbolIndex, SymbolKind, relation_lines};
use super::Hit;
use std::ops::Range;

/// Returns what stands at a byte.
pub(super) fn hit<'i>(text: &str, offset: usize, index: &'i SymbolIndex) -> Option<Hit<'i>> {
    let lines = relation_lines(text);
    let line = lines
        .iter()
        .find(|line| line.at <= offset && offset <= line.end())?;
    let (range, word) = word_at(text, offset)?;
    if range.end > line.end() {
        return None;
    }
    let before = text
        .get(line.at..range.start)
        .unwrap_or_default()
        .trim_end();
    let after = text
        .get(range.end..line.end())
        .unwrap_or_default()
        .trim_start();
    let of = |kind: SymbolKind| index.named(kind, word).collect::<Vec<_>>();
    let relation_of = |owner: &str| index.of_owner(SymbolKind::Relation, owner, word);
    let symbols = if before.ends_with('#') {
        let (_, owner) = word_at(text, range.start.saturating_sub(2))?;
        relation_of(owner)
    } else if before.ends_with(" with") || before == "condition" {
        of(SymbolKind::Condition)
    } else if before.ends_with('[') || before.ends_with(',') || before.ends_with("type") {
        of(SymbolKind::ModelType)
    } else if let Some(parent) = after.strip_prefix("from ") {
        through(parent, line.owner?, word, index)
    } else if let Some(owner) = line.owner {
        relation_of(owner)
    } else {
        Vec::new()
    };
    Hit::of(range, symbols, None)
}

/// Returns the relations that `word from parent` leads to: those of the types that the parent can
/// have.
fn through<'i>(rest: &str, owner: &str, word: &str, index: &'i SymbolIndex) -> Vec<&'i Symbol> {
    let parent = rest.split_whitespace().next().unwrap_or_default();
    let parents = index.of_owner(SymbolKind::Relation, owner, parent);
    let types = parents.iter().flat_map(|parent| &parent.types);
    types
        .flat_map(|kind| index.of_owner(SymbolKind::Relation, kind, word))
        .collect()
}

/// Returns the word at a byte, or the one that ends there.
fn word_at(text: &str, offset: usize) -> Option<(Range<usize>, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let offset = text.floor_char_boundary(offset);
    let (before, after) = text.split_at_checked(offset)?;
    let start = before.rfind(|c| !is_word(c)).map_or(0, |at| {
        at + before
            .get(at..)
            .and_then(|rest| rest.chars().next())
            .map_or(1, char::len_utf8)
    });
    let end = offset + after.find(|c| !is_word(c)).unwrap_or(after.len());
    let word = text.get(start..end).filter(|word| !word.is_empty())?;
    Some((start..end, word))
}
