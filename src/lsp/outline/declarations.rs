//! Declarations in Cedar's schemas, and policies.

use super::{Symbol, SymbolKind};
use crate::policy::{CedarWord, CedarWordKind, SourceFile, cedar_words};
use smol_str::SmolStr;
use std::ops::Range;

/// Annotations whose texts are sentences for people.
const SENTENCES: [&str; 2] = ["doc", "message"];

/// Returns the declarations of a schema.
pub(super) fn schema(file: &SourceFile) -> Vec<Symbol> {
    let words = cedar_words(&file.text);
    let mut reader = SchemaOutline {
        file,
        words: &words,
        at: 0,
        namespace: None,
        symbols: Vec::new(),
    };
    reader.read();
    reader.symbols
}

struct SchemaOutline<'a> {
    file: &'a SourceFile,
    words: &'a [CedarWord<'a>],
    at: usize,
    namespace: Option<SmolStr>,
    symbols: Vec<Symbol>,
}

/// The annotations before a declaration.
#[derive(Clone, Debug, Default)]
struct CedarAnnotations<'a> {
    /// Where the first begins.
    at: Option<usize>,
    texts: Vec<(&'a str, &'a str)>,
}

impl CedarAnnotations<'_> {
    fn docs(&self) -> Vec<String> {
        let sentences = self
            .texts
            .iter()
            .filter(|(name, _)| SENTENCES.contains(name));
        sentences.map(|(_, text)| (*text).to_owned()).collect()
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut found = self.texts.iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, text)| *text)
    }
}

impl<'a> SchemaOutline<'a> {
    fn word(&self, ahead: usize) -> &'a str {
        self.words.get(self.at + ahead).map_or("", |word| word.text)
    }

    fn read(&mut self) {
        while self.at < self.words.len() {
            let annotations = annotations(self.words, &mut self.at);
            match self.word(0) {
                "namespace" => self.namespace(),
                "entity" => self.declaration(SymbolKind::EntityType, &annotations),
                "type" => self.declaration(SymbolKind::CommonType, &annotations),
                "action" => self.declaration(SymbolKind::Action, &annotations),
                "}" => {
                    self.namespace = None;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    fn namespace(&mut self) {
        self.at += 1;
        let mut name = String::new();
        while !["{", ""].contains(&self.word(0)) {
            name.push_str(self.word(0));
            self.at += 1;
        }
        self.at += 1;
        self.namespace = Some(name.into());
    }

    /// Reads from the keyword to the `;`.
    fn declaration(&mut self, kind: SymbolKind, annotations: &CedarAnnotations<'a>) {
        let Some(keyword) = self.words.get(self.at) else {
            return;
        };
        let start = annotations.at.unwrap_or(keyword.at);
        self.at += 1;
        let mut names = Vec::new();
        while let Some(word) = self.words.get(self.at).filter(|_| !self.ends_names()) {
            if word.kind != CedarWordKind::Mark {
                names.push(*word);
            }
            self.at += 1;
        }
        let body_at = self.at;
        let mut depth = 0_usize;
        while self.at < self.words.len() && !(depth == 0 && self.word(0) == ";") {
            match self.word(0) {
                "{" | "[" => depth += 1,
                "}" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
        }
        let body = self.words.get(body_at..self.at).unwrap_or_default();
        let end = self
            .words
            .get(self.at)
            .map_or(self.file.text.len(), CedarWord::end);
        self.at += 1;
        let types = match kind {
            SymbolKind::Action => resource_types(body),
            _ => Vec::new(),
        };
        for name in &names {
            let qualified = self.qualified(kind, name.content());
            self.symbols.push(Symbol {
                kind,
                name: qualified.clone(),
                owner: None,
                at: self.file.place(name.at, name.text.len()),
                whole: start..end,
                docs: annotations.docs(),
                types: types.clone(),
            });
            self.attributes(&qualified, body);
        }
    }

    fn ends_names(&self) -> bool {
        let word = self.word(0);
        ["in", "=", "{", ";", "enum", "tags", "appliesTo"].contains(&word)
    }

    /// Types have their namespace before them; actions are found by their own names, as requests
    /// write them.
    fn qualified(&self, kind: SymbolKind, name: &str) -> SmolStr {
        match (&self.namespace, kind) {
            (Some(namespace), SymbolKind::EntityType | SymbolKind::CommonType) => {
                format!("{namespace}::{name}").into()
            }
            _ => name.into(),
        }
    }

    /// Reads members of records: of an entity or a type, and of an action's context.
    fn attributes(&mut self, owner: &SmolStr, body: &[CedarWord<'_>]) {
        let is_action = body.iter().any(|word| word.text == "appliesTo");
        let mut depth = 0_usize;
        for (at, word) in body.iter().enumerate() {
            match word.text {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                _ => {}
            }
            let is_scope = is_action
                && depth == 1
                && ["principal", "resource", "context"].contains(&word.text);
            let Some(value_at) = member_value(body, at).filter(|_| depth > 0 && !is_scope) else {
                continue;
            };
            let end = member_end(body, value_at);
            let value = body.get(value_at..end).unwrap_or_default();
            let mut first = annotations_before(body, at);
            let start = body.get(first).map_or(word.at, |word| word.at);
            self.symbols.push(Symbol {
                kind: SymbolKind::Attribute,
                name: word.content().into(),
                owner: Some(owner.clone()),
                at: self.file.place(word.at, word.text.len()),
                whole: start..value.last().map_or(word.end(), CedarWord::end),
                docs: annotations(body, &mut first).docs(),
                types: names_in(value),
            });
        }
    }
}

/// Returns the index of the value, if a member of a record stands at `at`: `name:`, `"name"?:`, and
/// not `name::`.
fn member_value(body: &[CedarWord<'_>], at: usize) -> Option<usize> {
    let text = |at: usize| body.get(at).map(|word| word.text);
    let is_name = body.get(at)?.kind != CedarWordKind::Mark;
    let colon = if text(at + 1) == Some("?") {
        at + 2
    } else {
        at + 1
    };
    let is_member = text(colon) == Some(":") && text(colon + 1) != Some(":");
    (is_name && is_member).then_some(colon + 1)
}

/// Returns the index behind the value of a member that begins at `at`.
fn member_end(body: &[CedarWord<'_>], mut at: usize) -> usize {
    let mut depth = 0_usize;
    while let Some(word) = body.get(at) {
        match word.text {
            "{" | "[" | "<" => depth += 1,
            "," | "}" | "]" | ">" if depth == 0 => return at,
            "}" | "]" | ">" => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Returns the index of the first word of the annotations that end before `at`.
fn annotations_before(body: &[CedarWord<'_>], at: usize) -> usize {
    let mut start = at;
    loop {
        let text = |back: usize| {
            let index = start.checked_sub(back)?;
            body.get(index).map(|word| word.text)
        };
        if text(2) == Some("@") {
            start -= 2;
        } else if text(1) == Some(")") && text(5) == Some("@") {
            start -= 5;
        } else {
            return start;
        }
    }
}

/// Reads annotations, and advances behind them.
fn annotations<'a>(words: &[CedarWord<'a>], at: &mut usize) -> CedarAnnotations<'a> {
    let mut found = CedarAnnotations::default();
    while let (Some(mark), Some(name)) = (words.get(*at), words.get(*at + 1)) {
        if mark.text != "@" || name.kind != CedarWordKind::Name {
            break;
        }
        found.at.get_or_insert(mark.at);
        let value = match (words.get(*at + 2), words.get(*at + 3)) {
            (Some(open), Some(value)) if open.text == "(" => Some(value),
            _ => None,
        };
        found
            .texts
            .push((name.text, value.map_or("", CedarWord::content)));
        *at += if value.is_some() { 5 } else { 2 };
    }
    found
}

/// Returns the names of types in a type's text: `Set<A::B>` leads to `A::B`.
fn names_in(words: &[CedarWord<'_>]) -> Vec<SmolStr> {
    let mut names: Vec<String> = Vec::new();
    let mut colons = 0;
    for word in words {
        match word.kind {
            CedarWordKind::Mark if word.text == ":" => colons += 1,
            CedarWordKind::Name if colons == 2 && !names.is_empty() => {
                if let Some(last) = names.last_mut() {
                    last.push_str("::");
                    last.push_str(word.text);
                }
                colons = 0;
            }
            CedarWordKind::Name => {
                names.push(word.text.to_owned());
                colons = 0;
            }
            _ => colons = 0,
        }
    }
    names.into_iter().map(Into::into).collect()
}

/// Returns the types to which an action applies as resources.
fn resource_types(body: &[CedarWord<'_>]) -> Vec<SmolStr> {
    let Some(at) = body.iter().position(|word| word.text == "resource") else {
        return Vec::new();
    };
    let end = member_end(body, at + 2);
    names_in(body.get(at + 2..end).unwrap_or_default())
}

/// A policy, as far as it can be read.
#[derive(Clone, Debug)]
pub(crate) struct PolicyOutline {
    /// The bytes from the first annotation to the `;`.
    pub(crate) whole: Range<usize>,
    /// The types of the principal and of the resource in the scope.
    pub(crate) principal: Vec<SmolStr>,
    pub(crate) resource: Vec<SmolStr>,
    /// The actions in the scope.
    pub(crate) actions: Vec<SmolStr>,
    id: Option<(SmolStr, usize, usize)>,
    reason: Option<(SmolStr, usize, usize)>,
    docs: Vec<String>,
}

/// Returns the policies of a text.
pub(crate) fn policies_of(words: &[CedarWord<'_>]) -> Vec<PolicyOutline> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = words.get(at) {
        let begin = at;
        let notes = annotations(words, &mut at);
        let length = words.iter().skip(at).position(|word| word.text == ";");
        let end = length.map_or(words.len(), |length| at + length + 1);
        let annotated = words.get(begin..at).unwrap_or_default();
        let policy = words.get(at..end).unwrap_or_default();
        let scope_end = policy.iter().position(|word| word.text == ")");
        let scope = policy
            .get(..scope_end.unwrap_or(policy.len()))
            .unwrap_or_default();
        let last = policy.last().or(annotated.last()).unwrap_or(first);
        found.push(PolicyOutline {
            whole: first.at..last.end(),
            principal: scope_types(scope, "principal"),
            resource: scope_types(scope, "resource"),
            actions: scope_actions(scope),
            id: value_at(annotated, &notes, "id"),
            reason: value_at(annotated, &notes, "reason"),
            docs: notes.docs(),
        });
        at = end;
    }
    found
}

fn value_at(
    words: &[CedarWord<'_>],
    notes: &CedarAnnotations<'_>,
    name: &str,
) -> Option<(SmolStr, usize, usize)> {
    let value = notes.value(name)?;
    let at = words.iter().position(|word| word.text == name)?;
    let text = words.get(at + 2)?;
    Some((value.into(), text.at, text.text.len()))
}

/// Returns the types that a scope names for one of its variables: `resource is document`,
/// `principal in team::"sre"`.
fn scope_types(scope: &[CedarWord<'_>], variable: &str) -> Vec<SmolStr> {
    let Some(at) = scope.iter().position(|word| word.text == variable) else {
        return Vec::new();
    };
    let rest = scope.get(at + 1..).unwrap_or_default();
    let rest = rest
        .split(|word| word.text == ",")
        .next()
        .unwrap_or_default();
    let Some((relation, rest)) = rest.split_first() else {
        return Vec::new();
    };
    match relation.text {
        "is" | "=" => names_in(rest).into_iter().take(1).collect(),
        _ => Vec::new(),
    }
}

fn scope_actions(scope: &[CedarWord<'_>]) -> Vec<SmolStr> {
    let at = scope.iter().position(|word| word.text == "action");
    let rest = at.and_then(|at| scope.get(at..)).unwrap_or_default();
    let end = rest.iter().position(|word| word.text == "resource");
    let rest = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    let texts = rest.iter().filter(|word| word.kind == CedarWordKind::Text);
    texts.map(|word| word.content().into()).collect()
}

/// Returns the policies of a file, and the reasons that they give.
pub(super) fn policies(file: &SourceFile) -> Vec<Symbol> {
    let words = cedar_words(&file.text);
    let mut symbols = Vec::new();
    for policy in policies_of(&words) {
        let id = policy.id.clone();
        let named = [
            (SymbolKind::Policy, policy.id),
            (SymbolKind::Reason, policy.reason),
        ];
        for (kind, value) in named {
            let Some((name, at, len)) = value else {
                continue;
            };
            symbols.push(Symbol {
                kind,
                name,
                owner: id
                    .as_ref()
                    .map(|(id, ..)| id.clone())
                    .filter(|_| kind == SymbolKind::Reason),
                at: file.place(at, len),
                whole: policy.whole.clone(),
                docs: policy.docs.clone(),
                types: Vec::new(),
            });
        }
    }
    symbols
}
