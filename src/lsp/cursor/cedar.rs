//! Names in policies and in schemas.

use super::super::outline::{Symbol, SymbolIndex, SymbolKind, policies_of};
use super::{Hit, builtins};
use crate::model::ModelType;
use crate::policy::{CedarWord, CedarWordKind, cedar_words};
use smol_str::SmolStr;

/// The members of a context that the engine adds.
const FACTS: [&str; 3] = ["delegation", "now", "token"];

/// Returns what stands at a byte.
pub(super) fn hit<'i>(text: &str, offset: usize, index: &'i SymbolIndex) -> Option<Hit<'i>> {
    let words = cedar_words(text);
    let at = word_at(&words, offset)?;
    let word = words.get(at)?;
    let cursor = CedarCursor {
        words: &words,
        at,
        word,
        index,
    };
    match word.kind {
        CedarWordKind::Text => cursor.string(),
        CedarWordKind::Name => cursor.name(offset),
        CedarWordKind::Mark => None,
    }
}

/// Returns the word at a byte, or the one that ends there.
fn word_at(words: &[CedarWord<'_>], offset: usize) -> Option<usize> {
    let next = words.partition_point(|word| word.at <= offset);
    let at = next.checked_sub(1)?;
    let is_at = |at: usize| {
        let word = words.get(at)?;
        (word.kind != CedarWordKind::Mark && word.at <= offset && offset <= word.end())
            .then_some(at)
    };
    is_at(at).or_else(|| is_at(at.checked_sub(1)?))
}

struct CedarCursor<'w, 'i> {
    words: &'w [CedarWord<'w>],
    at: usize,
    word: &'w CedarWord<'w>,
    index: &'i SymbolIndex,
}

impl<'w, 'i> CedarCursor<'w, 'i> {
    /// Returns the word so many before the cursor's.
    fn back(&self, by: usize) -> &'w str {
        let at = self.at.checked_sub(by);
        at.and_then(|at| self.words.get(at))
            .map_or("", |word| word.text)
    }

    fn ahead(&self, by: usize) -> &'w str {
        self.words.get(self.at + by).map_or("", |word| word.text)
    }

    fn hit(&self, symbols: Vec<&'i Symbol>, note: Option<String>) -> Option<Hit<'i>> {
        Hit::of(self.word.at..self.word.end(), symbols, note)
    }

    fn named(&self, kind: SymbolKind, name: &str) -> Vec<&'i Symbol> {
        self.index.named(kind, name).collect()
    }

    /// A string is the id of an entity, an action's name, or the text of an annotation.
    fn string(&self) -> Option<Hit<'i>> {
        let content = self.word.content();
        if self.back(1) == "(" && self.back(3) == "@" {
            return match self.back(2) {
                "id" => self.hit(self.named(SymbolKind::Policy, content), None),
                "reason" => self.hit(self.named(SymbolKind::Reason, content), None),
                other => self.hit(Vec::new(), builtins::annotation(other)),
            };
        }
        if self.back(1) == ":" && self.back(2) == ":" {
            let path = self.path_before(self.at.checked_sub(2)?);
            return match path.rsplit("::").next() {
                Some("Action") => self.hit(self.named(SymbolKind::Action, content), None),
                Some("Userset") => self.userset(content),
                _ => {
                    let stored = self.index.of_owner(SymbolKind::Entity, &path, content);
                    let types = || self.named(SymbolKind::EntityType, &path);
                    self.hit(if stored.is_empty() { types() } else { stored }, None)
                }
            };
        }
        let actions = self.named(SymbolKind::Action, content);
        self.hit(actions, None)
            .or_else(|| self.hit(self.named(SymbolKind::Attribute, content), None))
    }

    /// `Userset::"team:sre#member"` names a relation.
    fn userset(&self, content: &str) -> Option<Hit<'i>> {
        let (object, relation) = content.rsplit_once('#')?;
        let (kind, _) = object.split_once(':')?;
        self.hit(
            self.index.of_owner(SymbolKind::Relation, kind, relation),
            None,
        )
    }

    /// Returns the path of names that ends before `end`: `A::B`.
    fn path_before(&self, end: usize) -> String {
        let mut names: Vec<&str> = Vec::new();
        let mut at = end;
        let text = |at: usize| self.words.get(at).map_or("", |word| word.text);
        while let Some(before) = at.checked_sub(1) {
            let is_name = self
                .words
                .get(before)
                .is_some_and(|word| word.kind == CedarWordKind::Name);
            if !is_name {
                break;
            }
            names.push(text(before));
            match before.checked_sub(2) {
                Some(colons) if text(colons) == ":" && text(colons + 1) == ":" => at = colons,
                _ => break,
            }
        }
        names.reverse();
        names.join("::")
    }

    fn name(&self, offset: usize) -> Option<Hit<'i>> {
        let name = self.word.text;
        if self.back(1) == "@" {
            return self.hit(Vec::new(), builtins::annotation(name));
        }
        if self.back(1) == "." {
            return self.member(&self.chain_before(self.at.checked_sub(1)?), offset);
        }
        if self.back(1) == "has" {
            return self.member(&self.chain_before(self.at.checked_sub(1)?), offset);
        }
        // The whole path of a type: names on both sides, joined by `::`.
        let mut path = self.path_before(self.at + 1);
        let mut next = self.at + 1;
        let text = |at: usize| self.words.get(at).map_or("", |word| word.text);
        let is_name = |at: usize| {
            self.words
                .get(at)
                .is_some_and(|word| word.kind == CedarWordKind::Name)
        };
        while text(next) == ":" && text(next + 1) == ":" && is_name(next + 2) {
            path = format!("{path}::{}", text(next + 2));
            next += 3;
        }
        let types = self.types(&path);
        if !types.is_empty() {
            return self.hit(types, None);
        }
        if self.ahead(1) == ":" || self.ahead(1) == "?" {
            let declared = self.named(SymbolKind::Attribute, name);
            let here = declared
                .into_iter()
                .filter(|symbol| symbol.at.offset == self.word.at);
            return self.hit(
                here.collect(),
                builtins::name(name).filter(|_| self.ahead(2) == ":"),
            );
        }
        let actions = self.named(SymbolKind::Action, name);
        self.hit(actions, builtins::name(name))
    }

    fn types(&self, path: &str) -> Vec<&'i Symbol> {
        let mut found = self.named(SymbolKind::EntityType, path);
        found.extend(self.named(SymbolKind::CommonType, path));
        found
    }

    /// Returns the names of `resource.folder`, before the mark or the word at `end`.
    fn chain_before(&self, end: usize) -> Vec<&'w str> {
        let mut chain = Vec::new();
        let mut at = end;
        while let Some(word) = at.checked_sub(1).and_then(|before| self.words.get(before)) {
            if word.kind != CedarWordKind::Name {
                break;
            }
            chain.push(word.text);
            match at.checked_sub(2) {
                Some(dot) if self.words.get(dot).is_some_and(|word| word.text == ".") => at = dot,
                _ => break,
            }
        }
        chain.reverse();
        chain
    }

    /// A member is a relation or an attribute of the type of what stands before it, as far as the
    /// scope of the policy and the schema say which; else every one of that name.
    fn member(&self, chain: &[&str], offset: usize) -> Option<Hit<'i>> {
        let name = self.word.text;
        let note = builtins::name(name).filter(|_| {
            matches!(chain, ["context"]) && FACTS.contains(&name)
                || chain.starts_with(&["context", "delegation"])
        });
        let types = self.types_of(chain, offset);
        let mut found: Vec<&Symbol> = Vec::new();
        for kind in &types {
            let model_type = ModelType::of_entity_type(kind);
            found.extend(
                self.index
                    .of_owner(SymbolKind::Relation, model_type.as_str(), name),
            );
            found.extend(self.index.of_owner(SymbolKind::Attribute, kind, name));
        }
        if found.is_empty() && note.is_none() {
            found = self.named(SymbolKind::Relation, name);
            found.extend(self.named(SymbolKind::Attribute, name));
        }
        self.hit(found, note)
    }

    /// Returns the types that the members of a chain can be of; empty if nothing says.
    fn types_of(&self, chain: &[&str], offset: usize) -> Vec<SmolStr> {
        let policies = policies_of(self.words);
        let mut here = policies
            .iter()
            .filter(|policy| policy.whole.contains(&offset));
        let policy = here.next();
        let Some((variable, members)) = chain.split_first() else {
            return Vec::new();
        };
        let mut types: Vec<SmolStr> = match (*variable, policy) {
            ("principal", Some(policy)) => policy.principal.clone(),
            ("resource", Some(policy)) if !policy.resource.is_empty() => policy.resource.clone(),
            ("resource" | "context", Some(policy)) => {
                let named = policy.actions.iter();
                let actions = named.flat_map(|name| self.index.named(SymbolKind::Action, name));
                if *variable == "context" {
                    policy.actions.clone()
                } else {
                    actions.flat_map(|action| action.types.clone()).collect()
                }
            }
            _ => Vec::new(),
        };
        // In `context.delegation.from.user` the last name is a type.
        if *variable == "context"
            && let Some(last) = members.last()
            && self
                .index
                .named(SymbolKind::EntityType, last)
                .next()
                .is_some()
        {
            return vec![(*last).into()];
        }
        for member in members {
            let owned = types
                .iter()
                .flat_map(|kind| self.index.of_owner(SymbolKind::Attribute, kind, member));
            let next: Vec<SmolStr> = owned
                .flat_map(|attribute| attribute.types.clone())
                .collect();
            types = next;
        }
        types
    }
}
