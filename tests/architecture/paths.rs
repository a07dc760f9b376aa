//! Which items of the crate a file names, wherever they are re-exported.

use crate::source::Source;
use std::collections::BTreeMap;

/// A path from the root of the crate: `["http", "caller", "Permission"]`.
pub(crate) type Path = Vec<String>;

/// What each file names, with re-exports followed to where they lead.
pub(crate) struct Uses {
    exports: BTreeMap<Path, BTreeMap<String, Path>>,
}

impl Uses {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let exports = sources
            .iter()
            .map(|source| (source.module.clone(), exports(source)))
            .collect();
        Self { exports }
    }

    /// Every path that a file names.
    pub(crate) fn by(&self, source: &Source) -> Vec<Path> {
        let named = named(&source.code)
            .into_iter()
            .map(|path| absolute(&source.module, path));
        named.map(|path| self.followed(path)).collect()
    }

    fn followed(&self, mut path: Path) -> Path {
        // A re-export of a re-export is as far as it goes.
        for _ in 0..3 {
            let Some(depth) = (1..path.len())
                .rev()
                .find(|depth| self.exports.contains_key(&path[..*depth]))
            else {
                break;
            };
            let Some(leads) = self.exports[&path[..depth]].get(&path[depth]) else {
                break;
            };
            if *leads == path[..=depth] {
                break;
            }
            path = [&leads[..], &path[depth + 1..]].concat();
        }
        path
    }
}

/// The names that a module takes from elsewhere, and where they lead.
fn exports(source: &Source) -> BTreeMap<String, Path> {
    let mut found = BTreeMap::new();
    for (at, _) in source.code.match_indices("use ") {
        let path = source.code[at + 4..].trim_start();
        let mut paths = Vec::new();
        parse(path, &mut Vec::new(), &mut paths);
        for path in paths {
            let is_here = !["crate", "super", "self"].contains(&path[0].as_str());
            let leads = if is_here {
                [&source.module[..], &path].concat()
            } else {
                absolute(&source.module, path)
            };
            if let Some(name) = leads.last().cloned() {
                found.insert(name, leads);
            }
        }
    }
    found
}

/// Every path that begins at the crate, above or here.
fn named(code: &str) -> Vec<Path> {
    let mut found = Vec::new();
    for root in ["crate::", "behest::", "super::", "self::"] {
        for (at, _) in code.match_indices(root) {
            let before = code[..at].chars().next_back();
            if !before
                .is_some_and(|char| char.is_ascii_alphanumeric() || char == '_' || char == ':')
            {
                parse(&code[at..], &mut Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Reads a path, or a tree of paths, and returns what follows.
fn parse<'c>(code: &'c str, prefix: &mut Path, found: &mut Vec<Path>) -> &'c str {
    let code = code.trim_start();
    if let Some(mut rest) = code.strip_prefix('{') {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() || rest.starts_with('}') {
                return rest.get(1..).unwrap_or_default();
            }
            let after = parse(rest, &mut prefix.clone(), found);
            // What is left of the entry: a comma, or another name behind `as`.
            let end = after.find([',', '}']).unwrap_or(after.len());
            rest = after[end..].trim_start_matches(',');
            if after.len() == rest.len() && !rest.starts_with('}') {
                return rest;
            }
        }
    }
    let end = code
        .find(|char: char| !char.is_ascii_alphanumeric() && char != '_')
        .unwrap_or(code.len());
    let (name, rest) = code.split_at(end);
    if !name.is_empty() {
        prefix.push(name.to_owned());
    }
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => parse(rest, prefix, found),
        _ => {
            if !prefix.is_empty() {
                found.push(prefix.clone());
            }
            rest.strip_prefix('*').unwrap_or(rest)
        }
    }
}

fn absolute(module: &[String], path: Path) -> Path {
    let mut base = module.to_vec();
    let mut rest = &path[..];
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "crate" | "behest" => base.clear(),
            "super" => drop(base.pop()),
            "self" => {}
            _ => break,
        }
        rest = others;
    }
    base.extend_from_slice(rest);
    base
}

#[test]
fn paths_are_read_out_of_lists_and_through_what_is_above() {
    let text = "use crate::a::{b::C, self, d as e, f::{G, H}};\nuse super::super::i;\nlet x = self::j::k(crate::l::M);";
    let module = ["one", "two", "three"].map(str::to_owned);
    let found: Vec<String> = named(text)
        .into_iter()
        .map(|path| absolute(&module, path).join("::"))
        .collect();
    for wanted in [
        "a::b::C",
        "a::d",
        "a::f::G",
        "a::f::H",
        "one::i",
        "one::two::three::j::k",
        "l::M",
    ] {
        assert!(
            found.iter().any(|path| path == wanted),
            "{wanted} in {found:?}"
        );
    }
}
