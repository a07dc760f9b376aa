//! Declarations in the relation model's language, in which each has a line of its own.

use super::{Symbol, SymbolKind};
use crate::policy::SourceFile;
use smol_str::SmolStr;
use std::ops::Range;

/// A line of a model, without its comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelLine<'t> {
    /// The byte at which the line's code begins.
    pub(crate) at: usize,
    /// The code, without white space around it.
    pub(crate) code: &'t str,
    /// The type that the line is about.
    pub(crate) owner: Option<&'t str>,
    /// The relation that the line defines, or goes on defining.
    pub(crate) relation: Option<&'t str>,
}

/// Returns the lines of a model that hold code.
pub(crate) fn relation_lines(text: &str) -> Vec<ModelLine<'_>> {
    let mut lines = Vec::new();
    let mut owner = None;
    let mut relation = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = without_comment(line).trim();
        let start = at + (line.len() - line.trim_start().len());
        at += line.len();
        if code.is_empty() {
            continue;
        }
        let mut words = code.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("type"), Some(name), None) | (Some("extend"), Some("type"), Some(name)) => {
                owner = Some(name);
                relation = None;
            }
            (Some("define"), ..) => relation = define(code).map(|(_, name)| name),
            (Some("condition"), ..) => {
                owner = None;
                relation = None;
            }
            _ => {}
        }
        lines.push(ModelLine {
            at: start,
            code,
            owner,
            relation,
        });
    }
    lines
}

/// A comment begins with `#` at the start of a line or after white space.
fn without_comment(line: &str) -> &str {
    let mut hashes = line.match_indices('#');
    let begins = |at: &usize| {
        let before = line.get(..*at).unwrap_or_default();
        before.chars().next_back().is_none_or(char::is_whitespace)
    };
    let comment = hashes.by_ref().map(|(at, _)| at).find(begins);
    comment.and_then(|at| line.get(..at)).unwrap_or(line)
}

/// Returns the name that a line defines, and where in the line it begins.
fn define(code: &str) -> Option<(usize, &str)> {
    let (name, _) = code.strip_prefix("define")?.split_once(':')?;
    let at = "define".len() + (name.len() - name.trim_start().len());
    Some((at, name.trim()))
}

/// Returns the declarations of a model or a module.
pub(super) fn model(file: &SourceFile) -> Vec<Symbol> {
    let lines = relation_lines(&file.text);
    let mut symbols: Vec<Symbol> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let rest = lines.get(index + 1..).unwrap_or_default();
        let Some((kind, offset, name)) = declared(line) else {
            continue;
        };
        let end = match kind {
            SymbolKind::Condition => condition_end(rest).unwrap_or(line.at + line.code.len()),
            SymbolKind::Relation => {
                let same = rest.iter().take_while(|next| {
                    next.relation == line.relation && !next.code.starts_with("define")
                });
                same.last()
                    .map_or(line.at + line.code.len(), ModelLine::end)
            }
            _ => {
                let own = rest.iter().take_while(|next| {
                    next.owner == line.owner
                        && declared(next).is_none_or(|(kind, ..)| kind == SymbolKind::Relation)
                });
                own.last().map_or(line.at + line.code.len(), ModelLine::end)
            }
        };
        let is_relation = kind == SymbolKind::Relation;
        symbols.push(Symbol {
            kind,
            name: name.into(),
            owner: line.owner.filter(|_| is_relation).map(Into::into),
            at: file.place(line.at + offset, name.len()),
            whole: line.at..end,
            docs: comment_before(&file.text, line.at),
            types: if is_relation {
                user_types(&file.text, line.at..end)
            } else {
                Vec::new()
            },
        });
    }
    symbols
}

impl ModelLine<'_> {
    pub(crate) fn end(&self) -> usize {
        self.at + self.code.len()
    }
}

fn declared<'t>(line: &ModelLine<'t>) -> Option<(SymbolKind, usize, &'t str)> {
    if let Some((at, name)) = define(line.code) {
        return Some((SymbolKind::Relation, at, name));
    }
    if let Some(rest) = line.code.strip_prefix("condition ") {
        let name = rest.split('(').next()?.trim();
        let at = line.code.find(name)?;
        return Some((SymbolKind::Condition, at, name));
    }
    let rest = line
        .code
        .strip_prefix("extend ")
        .map_or(line.code, str::trim_start);
    let name = rest.strip_prefix("type ")?.trim();
    Some((SymbolKind::ModelType, line.code.len() - name.len(), name))
}

fn condition_end(rest: &[ModelLine<'_>]) -> Option<usize> {
    let last = rest.iter().find(|line| line.code.ends_with('}'));
    last.map(ModelLine::end)
}

/// Returns the types of `[user, team#member, agent with until]`.
fn user_types(text: &str, whole: Range<usize>) -> Vec<SmolStr> {
    let code = text.get(whole).unwrap_or_default();
    let lists = code
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split(']').next());
    let items = lists.flat_map(|list| list.split(','));
    let types = items.filter_map(|item| item.trim().split(['#', ':', ' ']).next());
    types
        .filter(|name| !name.is_empty())
        .map(Into::into)
        .collect()
}

/// Returns the comment on the lines directly before a declaration.
fn comment_before(text: &str, at: usize) -> Vec<String> {
    let before = text.get(..at).unwrap_or_default();
    let lines = before.trim_end_matches([' ', '\t']).lines().rev();
    let comments = lines.map_while(|line| line.trim().strip_prefix('#'));
    let mut comments: Vec<&str> = comments.map(str::trim).collect();
    comments.reverse();
    if comments.is_empty() {
        Vec::new()
    } else {
        vec![comments.join(" ")]
    }
}
