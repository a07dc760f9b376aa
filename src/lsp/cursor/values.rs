//! Names in cases, tuples, entities and the manifest.

use super::super::outline::{Symbol, SymbolIndex, SymbolKind, YamlNode, YamlPath, YamlTree};
use super::Hit;
use crate::bundle;
use crate::model::ModelType;
use std::ops::Range;

/// Returns what stands at a byte of a YAML or JSON file.
pub(super) fn hit<'i>(
    name: &str,
    text: &str,
    offset: usize,
    index: &'i SymbolIndex,
) -> Option<Hit<'i>> {
    // In a file of JSON lines, each line is a file.
    let start = if name.ends_with(".jsonl") {
        text.get(..offset)?.rfind('\n').map_or(0, |at| at + 1)
    } else {
        0
    };
    let rest = text.get(start..)?;
    let part = if name.ends_with(".jsonl") {
        rest.lines().next()?
    } else {
        rest
    };
    let tree = YamlTree::of(part);
    let path = tree.path_to(offset.checked_sub(start)?)?;
    let cursor = ValueCursor {
        path: &path,
        file: name,
        offset: offset - start,
        part,
        index,
    };
    let mut hit = cursor.hit()?;
    hit.range = hit.range.start + start..hit.range.end + start;
    Some(hit)
}

struct ValueCursor<'p, 'i> {
    path: &'p YamlPath<'p>,
    file: &'p str,
    offset: usize,
    part: &'p str,
    index: &'i SymbolIndex,
}

impl<'i> ValueCursor<'_, 'i> {
    fn hit(&self) -> Option<Hit<'i>> {
        let scalar = self.path.scalar?;
        let whole = scalar.at.clone();
        let text = scalar.text.as_str();
        let named = |kind| self.index.named(kind, text).collect::<Vec<_>>();
        let in_table = self.path.keys.contains(&"table");
        let symbols = match self.path.keys.last().copied()? {
            "does" => self.action(text),
            "name" if self.path.keys.ends_with(&["condition", "name"]) => {
                named(SymbolKind::Condition)
            }
            "name" if self.path.keys.ends_with(&["action", "name"]) => self.action(text),
            "name" | "like" => self.index.of_owner(SymbolKind::Case, self.file, text),
            "who" | "to" | "user" | "object" | "principal" => return self.entity(&whole),
            "relation" => self.relation(text),
            "type" => self.kind(text),
            "id" => self.stored(text),
            "policies" => named(SymbolKind::Policy),
            "deny" => named(SymbolKind::Reason),
            "expect" if in_table => named(SymbolKind::Reason),
            _ => Vec::new(),
        };
        Hit::of(whole, symbols, None)
    }

    /// An action is the specialised one, where the schema declares it for the case's resource.
    fn action(&self, name: &str) -> Vec<&'i Symbol> {
        let own = self.path.maps.last();
        let resource = own.and_then(|case| case.text_of("to"));
        let id = resource.and_then(|to| to.split_once(':')).map(|(_, id)| id);
        let special = id.map(|id| format!("{name}:{id}"));
        let mut found: Vec<&Symbol> = special
            .iter()
            .flat_map(|special| self.index.named(SymbolKind::Action, special))
            .collect();
        found.extend(self.index.named(SymbolKind::Action, name));
        found
    }

    /// The relation of a tuple is that of its object's type.
    fn relation(&self, name: &str) -> Vec<&'i Symbol> {
        let tuple = self.path.maps.last();
        let object = tuple.and_then(|tuple| tuple.text_of("object"));
        let owner = object.and_then(|object| object.split_once(':'));
        let own = owner.map(|(kind, _)| self.index.of_owner(SymbolKind::Relation, kind, name));
        let own = own.unwrap_or_default();
        if own.is_empty() {
            self.index.named(SymbolKind::Relation, name).collect()
        } else {
            own
        }
    }

    fn kind(&self, name: &str) -> Vec<&'i Symbol> {
        let declared: Vec<&Symbol> = self.index.named(SymbolKind::EntityType, name).collect();
        if !declared.is_empty() {
            return declared;
        }
        let model_type = ModelType::of_entity_type(&name.into());
        self.index
            .named(SymbolKind::ModelType, model_type.as_str())
            .collect()
    }

    fn stored(&self, id: &str) -> Vec<&'i Symbol> {
        let own: Option<&&YamlNode> = self.path.maps.last();
        let kind = own.and_then(|map| map.text_of("type"));
        kind.map(|kind| self.index.of_owner(SymbolKind::Entity, kind, id))
            .unwrap_or_default()
    }

    /// `user:alice > agent:copilot`, `team:sre#member`: the part under the cursor.
    fn entity(&self, whole: &Range<usize>) -> Option<Hit<'i>> {
        let raw = self.part.get(whole.clone())?;
        let at = self.offset.checked_sub(whole.start)?;
        let mut start = 0;
        for member in raw.split('>') {
            let end = start + member.len();
            if at <= end {
                return self.part_of(member, start, at, whole.start);
            }
            start = end + 1;
        }
        None
    }

    /// Finds the part of one entity; `start` is where the entity begins in its scalar.
    fn part_of(&self, member: &str, start: usize, at: usize, base: usize) -> Option<Hit<'i>> {
        let is_around = |c: char| c.is_whitespace() || c == '"' || c == '\'';
        let trimmed = member.trim_matches(is_around);
        let lead = member.len() - member.trim_start_matches(is_around).len();
        let begin = start + lead;
        let (kind, rest) = trimmed.split_once(':')?;
        let place = |from: usize, len: usize| base + from..base + from + len;
        let within = at.checked_sub(begin)?;
        if within > trimmed.len() {
            return None;
        }
        if within <= kind.len() {
            return Hit::of(place(begin, kind.len()), self.kind(kind), None);
        }
        let id_at = begin + kind.len() + 1;
        let (id, relation) = rest
            .split_once('#')
            .map_or((rest, None), |(id, name)| (id, Some(name)));
        if let Some(relation) = relation.filter(|_| at > id_at + id.len()) {
            let found = self.index.of_owner(SymbolKind::Relation, kind, relation);
            return Hit::of(place(id_at + id.len() + 1, relation.len()), found, None);
        }
        let stored = self.index.of_owner(SymbolKind::Entity, kind, id);
        let found = if stored.is_empty() {
            self.kind(kind)
        } else {
            stored
        };
        Hit::of(place(id_at, id.len()), found, None)
    }
}

/// Returns what stands at a byte of the manifest: a pack, a type, or the code of a reason.
pub(super) fn in_manifest<'i>(
    text: &str,
    offset: usize,
    index: &'i SymbolIndex,
) -> Option<Hit<'i>> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':');
    let (before, after) = text.split_at_checked(offset)?;
    let start = before
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_word(*c))
        .last();
    let start = start.map_or(offset, |(at, _)| at);
    let end = offset + after.find(|c| !is_word(c)).unwrap_or(after.len());
    let word = text.get(start..end).filter(|word| !word.is_empty())?;
    let line = before.rsplit('\n').next().unwrap_or_default();
    let reasons: Vec<&Symbol> = index.named(SymbolKind::Reason, word).collect();
    if line.trim_start().starts_with("[reasons") {
        return Hit::of(start..end, reasons, None);
    }
    let pack = bundle::packs().into_iter().find(|pack| pack.name == word);
    let note = pack.map(|pack| format!("The pack `{}`: {}", pack.name, pack.summary));
    let types = index.named(SymbolKind::EntityType, word);
    Hit::of(start..end, types.filter(|_| note.is_none()).collect(), note)
}
