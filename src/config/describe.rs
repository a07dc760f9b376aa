//! Describes a problem of a setting for the person who wrote it: the key, its source, the remedy.

use super::layers::{FLAGS, NO_SETTINGS, PREFIX, VARIABLES};
use crate::model::{Problem, nearest};
use figment::error::{Actual, Kind};
use figment::{Figment, Metadata, Source};

/// Turns an error of figment into a problem.
pub(super) fn describe(error: &figment::Error, figment: &Figment) -> Problem {
    // The path of an unknown field already ends with the field.
    let field = match &error.kind {
        Kind::MissingField(field) => Some(field.to_string()),
        Kind::DuplicateField(field) => Some((*field).to_owned()),
        _ => None,
    };
    let path: Vec<String> = error.path.iter().cloned().chain(field).collect();
    let metadata = figment
        .find_metadata(&path.join("."))
        .or(error.metadata.as_ref());
    let name = spell(&path, metadata);
    match &error.kind {
        Kind::UnknownField(_, known) => {
            let listed = known
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ");
            let meant = meant(&path, known)
                .map(|path| spell(&path, metadata))
                .or_else(|| meant_variable(&path, metadata))
                .map(|meant| format!("did you mean {meant}? "));
            let help = format!("{}here there are {listed}", meant.unwrap_or_default());
            Problem::new(format!("{name} is not a setting")).help(help)
        }
        Kind::MissingField(_) => {
            Problem::new(format!("{name} is missing")).help("see behest.example.toml")
        }
        Kind::DuplicateField(_) => {
            Problem::new(format!("{name} occurs twice")).help("remove one of them")
        }
        Kind::UnknownVariant(found, known) => {
            let known = known
                .iter()
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", ");
            Problem::new(format!("{name} is `{found}`")).help(format!("it takes one of {known}"))
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            Problem::new(format!("{name} is {}", spell_found(found)))
                .help(format!("it takes {}", spell_expected(expected)))
        }
        Kind::Message(message) => match message.split_once("; ") {
            Some((problem, remedy)) => Problem::new(format!("{name}: {problem}")).help(remedy),
            None => Problem::new(format!("{name}: {message}")).help("see behest.example.toml"),
        },
        other => Problem::new(format!("{name} has a value that does not fit: {other}"))
            .help("see behest.example.toml"),
    }
}

/// Returns the setting that an unknown key probably means: one with a similar spelling, or one in a
/// table whose name is followed by a single underscore where a variable needs two.
fn meant(path: &[String], known: &[&'static str]) -> Option<Vec<String>> {
    let (last, tables) = path.split_last()?;
    let mut meant = tables.to_vec();
    if let Some(name) = nearest(last, known.iter().copied()) {
        meant.push(name.to_owned());
        return Some(meant);
    }
    let (table, rest) = known
        .iter()
        .find_map(|table| Some((table, last.strip_prefix(table)?.strip_prefix('_')?)))?;
    meant.extend([(*table).to_owned(), rest.to_owned()]);
    Some(meant)
}

/// Returns the variable that an unknown one probably means, of those that are no settings.
fn meant_variable(path: &[String], metadata: Option<&Metadata>) -> Option<String> {
    let ([name], VARIABLES) = (path, metadata?.name.as_ref()) else {
        return None;
    };
    nearest(&name.to_ascii_uppercase(), NO_SETTINGS).map(|name| format!("`{PREFIX}{name}`"))
}

/// Returns a key as its source spells it: `--listen`, `BEHEST_LIMITS__BODY`, or `limits.body` in a
/// file.
fn spell(path: &[String], metadata: Option<&Metadata>) -> String {
    let key = path.join(".");
    match metadata {
        Some(metadata) if metadata.name == FLAGS => format!("`--{}`", key.replace('_', "-")),
        Some(metadata) if metadata.name == VARIABLES => {
            format!("`BEHEST_{}`", path.join("__").to_ascii_uppercase())
        }
        Some(Metadata {
            source: Some(Source::File(file)),
            ..
        }) => format!("`{key}` in `{}`", file.display()),
        _ => format!("`{key}`"),
    }
}

fn spell_found(found: &Actual) -> String {
    match found {
        Actual::Bool(value) => format!("`{value}`"),
        Actual::Unsigned(value) => format!("`{value}`"),
        Actual::Signed(value) => format!("`{value}`"),
        Actual::Float(value) => format!("`{value}`"),
        Actual::Str(_) | Actual::Char(_) => "a text".to_owned(),
        Actual::Seq => "a list".to_owned(),
        Actual::Map => "a table".to_owned(),
        _ => "something else".to_owned(),
    }
}

/// Returns what serde expects, without the names of Rust types.
fn spell_expected(expected: &str) -> &str {
    match expected {
        "u16" | "u32" | "u64" | "usize" | "i64" => "a whole number",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a string" | "path string" | "string" => "a text",
        _ if expected.starts_with("struct ") || expected == "a map" => "a table",
        _ if expected.contains("::") => "something else",
        _ => expected,
    }
}
