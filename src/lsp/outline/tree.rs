//! YAML and JSON as a tree with places, as far as it can be read; and what cases and entities
//! declare.

use super::{Symbol, SymbolKind};
use crate::policy::SourceFile;
use granit_parser::{Event, Options, Parser, Span};
use smol_str::SmolStr;
use std::ops::Range;

/// LIMIT: the nesting that is followed, which is that of a file that loads.
const MAX_DEPTH: usize = 64;

/// LIMIT: the nodes of one tree.
const MAX_NODES: usize = 200_000;

/// A node with its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum YamlNode {
    Scalar(YamlScalar),
    List(Vec<YamlNode>),
    Map(Vec<(YamlScalar, YamlNode)>),
}

/// A scalar with its bytes, quotation marks included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlScalar {
    pub(crate) text: SmolStr,
    pub(crate) at: Range<usize>,
}

impl YamlNode {
    pub(crate) fn scalar(&self) -> Option<&YamlScalar> {
        match self {
            Self::Scalar(scalar) => Some(scalar),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    /// Returns the member of a mapping.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        let Self::Map(members) = self else {
            return None;
        };
        members
            .iter()
            .find(|(key, _)| key.text == name)
            .map(|(_, value)| value)
    }

    /// Returns the text of a member.
    pub(crate) fn text_of(&self, name: &str) -> Option<&SmolStr> {
        self.member(name)?.scalar().map(|scalar| &scalar.text)
    }

    fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Scalar(_) | Self::Map(_) => &[],
        }
    }
}

/// A text, read up to its end or its first mistake.
#[derive(Debug)]
pub(crate) struct YamlTree {
    pub(crate) root: Option<YamlNode>,
}

impl YamlTree {
    pub(crate) fn of(text: &str) -> Self {
        // A comment is an event of its own, and no node.
        let mut options = Options::default();
        options.set_emit_comments(false);
        let mut reader = TreeReader {
            parser: Parser::new_from_str_with_options(text, options),
            text,
            nodes: 0,
        };
        let mut root = None;
        while let Some((event, span)) = reader.event() {
            if matches!(
                event,
                Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..)
            ) {
                root = reader.node(event, span, 0);
                break;
            }
        }
        Self { root }
    }

    /// Returns the way to the scalar at a byte: the nodes around it, from the outside, each with
    /// the key under which it stands.
    pub(crate) fn path_to(&self, offset: usize) -> Option<YamlPath<'_>> {
        let mut path = YamlPath {
            keys: Vec::new(),
            maps: Vec::new(),
            scalar: None,
        };
        path.descend(self.root.as_ref()?, offset).then_some(path)
    }
}

/// The way to a scalar.
#[derive(Debug)]
pub(crate) struct YamlPath<'n> {
    /// The keys under which it stands, from the outside; nothing for a place in a list.
    pub(crate) keys: Vec<&'n str>,
    /// The mappings around it, from the outside.
    pub(crate) maps: Vec<&'n YamlNode>,
    pub(crate) scalar: Option<&'n YamlScalar>,
}

impl<'n> YamlPath<'n> {
    fn descend(&mut self, node: &'n YamlNode, offset: usize) -> bool {
        match node {
            YamlNode::Scalar(scalar) => {
                let is_here = scalar.at.start <= offset && offset <= scalar.at.end;
                if is_here {
                    self.scalar = Some(scalar);
                }
                is_here
            }
            YamlNode::List(items) => items.iter().any(|item| self.descend(item, offset)),
            YamlNode::Map(members) => {
                self.maps.push(node);
                for (key, value) in members {
                    self.keys.push(&key.text);
                    if self.descend(value, offset) {
                        return true;
                    }
                    self.keys.pop();
                }
                self.maps.pop();
                false
            }
        }
    }
}

struct TreeReader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    text: &'t str,
    nodes: usize,
}

impl<'t> TreeReader<'t> {
    fn event(&mut self) -> Option<(Event<'t>, Span)> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return None;
        }
        self.parser.next_event()?.ok()
    }

    /// Reads a node; what is cut off by a mistake is kept as far as it goes.
    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Option<YamlNode> {
        if depth > MAX_DEPTH {
            return None;
        }
        match event {
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while let Some((event, span)) = self.event() {
                    if matches!(event, Event::SequenceEnd) {
                        break;
                    }
                    items.extend(self.node(event, span, depth + 1));
                }
                Some(YamlNode::List(items))
            }
            Event::MappingStart(..) => {
                let mut members = Vec::new();
                while let Some((event, span)) = self.event() {
                    if matches!(event, Event::MappingEnd) {
                        break;
                    }
                    let key = self.node(event, span, depth + 1);
                    let Some((event, span)) = self.event() else {
                        break;
                    };
                    let value = self.node(event, span, depth + 1);
                    if let (Some(YamlNode::Scalar(key)), Some(value)) = (key, value) {
                        members.push((key, value));
                    }
                }
                Some(YamlNode::Map(members))
            }
            Event::Scalar(text, ..) => {
                let at = span.byte_range()?;
                let raw = self.text.get(at.clone()).unwrap_or_default();
                let at = at.start..at.start + raw.trim_end().len();
                Some(YamlNode::Scalar(YamlScalar {
                    text: text.into(),
                    at,
                }))
            }
            _ => None,
        }
    }
}

/// Returns the cases of a file, by their names.
pub(super) fn cases(file: &SourceFile) -> Vec<Symbol> {
    let tree = YamlTree::of(&file.text);
    let list = tree.root.as_ref().and_then(|root| root.member("cases"));
    let cases = list.map(YamlNode::items).unwrap_or_default().iter();
    let named = cases.filter_map(|case| Some((case, case.member("name")?.scalar()?)));
    named
        .map(|(case, name)| {
            symbol(
                file,
                SymbolKind::Case,
                name,
                Some(file.path.as_str().into()),
                extent(case),
            )
        })
        .collect()
}

/// Returns the stored entities of a file.
pub(super) fn entities(file: &SourceFile) -> Vec<Symbol> {
    let tree = YamlTree::of(&file.text);
    let entities = tree.root.as_ref().map(YamlNode::items).unwrap_or_default();
    let named = entities.iter().filter_map(|entity| {
        let uid = entity.member("uid")?;
        let uid = uid.member("__entity").unwrap_or(uid);
        Some((
            entity,
            uid.text_of("type")?.clone(),
            uid.member("id")?.scalar()?,
        ))
    });
    named
        .map(|(entity, kind, id)| symbol(file, SymbolKind::Entity, id, Some(kind), extent(entity)))
        .collect()
}

fn symbol(
    file: &SourceFile,
    kind: SymbolKind,
    name: &YamlScalar,
    owner: Option<SmolStr>,
    whole: Range<usize>,
) -> Symbol {
    Symbol {
        kind,
        name: name.text.clone(),
        owner,
        at: file.place(name.at.start, name.at.len()),
        whole,
        docs: Vec::new(),
        types: Vec::new(),
    }
}

/// Returns the bytes from the first scalar of a node to its last.
fn extent(node: &YamlNode) -> Range<usize> {
    let join = |one: Range<usize>, other: Range<usize>| {
        if one.is_empty() {
            other
        } else if other.is_empty() {
            one
        } else {
            one.start.min(other.start)..one.end.max(other.end)
        }
    };
    match node {
        YamlNode::Scalar(scalar) => scalar.at.clone(),
        YamlNode::List(items) => items.iter().map(extent).fold(0..0, join),
        YamlNode::Map(members) => {
            let parts = members
                .iter()
                .map(|(key, value)| join(key.at.clone(), extent(value)));
            parts.fold(0..0, join)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_as_far_as_it_goes() {
        let text = "cases:\n  # no\n  - name: é # nor this\n    \
                    table: { who: [\"user:a\", b], to: [c] }\n    does: @";
        let tree = YamlTree::of(text);
        let path_at = |word: &str| {
            let path = tree.path_to(text.find(word).unwrap() + 1)?;
            Some((path.keys.join("."), path.scalar?.text.to_string()))
        };
        let is = |keys: &str, text: &str| Some((keys.to_owned(), text.to_owned()));
        assert_eq!(path_at("é"), is("cases.name", "é"));
        assert_eq!(path_at("\"user"), is("cases.table.who", "user:a"));
        assert_eq!(path_at("c] "), is("cases.table.to", "c"));
        assert_eq!(path_at("cases"), None);
        let scalar = tree
            .path_to(text.find("\"user").unwrap())
            .unwrap()
            .scalar
            .unwrap();
        assert_eq!(&text[scalar.at.clone()], "\"user:a\"");
        for text in [
            "", "\u{0}", ":", "- - - -", "{", "[", "&a *a", "\"", "? a", "%",
        ] {
            YamlTree::of(text);
        }
        YamlTree::of(&"[".repeat(100_000));
    }
}
