//! Lists every setting with its value and where that comes from.
//!
//! INVARIANT: what is listed is what the service would take: the settings are read and checked
//! first, by the same [`load`]. A secret is not shown, and neither is what stands where the path of
//! a secret belongs, unless a file is there.

use super::layers::{
    EnvironmentVariables, Flags, LISTS, load, read_file, read_variables, settings_file,
};
use crate::model::{Problem, Problems, without_passwords};
use crate::regular_file;
use figment::value::Value;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// The example, which tests hold to the settings and their defaults.
const EXAMPLE: &str = include_str!("../../behest.example.toml");

/// Tables that exist only where they are set; their other keys have defaults then.
const OPTIONAL_TABLES: [&str; 2] = ["record", "telemetry"];

/// Settings whose values are secrets, or tell of one.
const SECRETS: [&str; 2] = ["key_sha256", "token_key"];

/// What begins the value of `keys` that is the path of a secret.
const SECRET_PATH: &str = "secret:";

/// A setting.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingLine {
    /// Its key, with dots: `limits.body`, `callers[0].name`.
    pub key: String,
    /// Its value; `None` where it is not set and has no default.
    pub value: Option<Json>,
    /// Where the value comes from.
    pub source: SettingSource,
}

/// Where a setting's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingSource {
    /// Nobody set it.
    Default,
    /// The settings file, and the line, from 1.
    File(PathBuf, usize),
    /// A variable.
    Variable(String),
    /// A flag.
    Flag(String),
}

impl std::fmt::Display for SettingSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// A value and its source, by key.
type Found = BTreeMap<String, (Json, SettingSource)>;

/// Reads and checks all settings, and lists them in the order of the example.
pub fn list_settings(
    flags: &Flags,
    environment: &EnvironmentVariables,
) -> Result<Vec<SettingLine>, Problems> {
    load(flags, environment)?;
    let found = found(flags, environment)?;
    let mut lines = Vec::new();
    for (key, default) in known_settings(&found) {
        let own = found
            .iter()
            .filter(|(name, _)| **name == key || is_within(name, &key));
        let own: Vec<SettingLine> = own.map(line).collect();
        if own.is_empty() {
            lines.push(SettingLine {
                key,
                value: default,
                source: SettingSource::Default,
            });
        } else {
            lines.extend(own);
        }
    }
    Ok(lines)
}

fn line((key, (value, source)): (&String, &(Json, SettingSource))) -> SettingLine {
    SettingLine {
        key: key.clone(),
        value: Some(shown(key, value)),
        source: source.clone(),
    }
}

/// Returns what is set, each with its source; a later source takes the place of an earlier one.
fn found(flags: &Flags, environment: &EnvironmentVariables) -> Result<Found, Problems> {
    let mut found = Found::new();
    if let Some(path) = settings_file(flags, environment) {
        let lines = lines_of(&path)?;
        for (key, value) in leaves(read_file(&path)?.values) {
            let line = lines.get(&key).copied().unwrap_or(1);
            found.insert(key, (value, SettingSource::File(path.clone(), line)));
        }
    }
    let variables = read_variables(environment)?;
    for (key, value) in leaves(variables.layer.values) {
        let names = variables.names.iter();
        let mut by = names.filter(|(_, set)| *set == key || is_within(&key, set));
        let name = by.next().map_or_else(String::new, |(name, _)| name.clone());
        set(&mut found, key, value, SettingSource::Variable(name));
    }
    for (key, text) in &flags.settings {
        let source = SettingSource::Flag(key.replace('_', "-"));
        set(
            &mut found,
            (*key).to_owned(),
            Json::from(text.as_str()),
            source,
        );
    }
    if let Some(filter) = environment.get("RUST_LOG") {
        let source = SettingSource::Variable("RUST_LOG".to_owned());
        let key = "log.filter".to_owned();
        found.entry(key).or_insert((Json::from(filter), source));
    }
    Ok(found)
}

/// Sets a value in the place of another source's. A list takes the place of the whole list.
fn set(found: &mut Found, key: String, value: Json, source: SettingSource) {
    let list = key.split('[').next().unwrap_or_default().to_owned();
    let is_other = |name: &str, known: &SettingSource| {
        (name == list || is_within(name, &list)) && *known != source
    };
    if list != key {
        found.retain(|name, (_, known)| !is_other(name, known));
    }
    found.retain(|name, _| !is_within(name, &key));
    found.insert(key, (value, source));
}

/// Whether a key lies within a table or a list.
fn is_within(key: &str, table: &str) -> bool {
    key.strip_prefix(table)
        .is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// Returns every value with its key; a list of tables is taken apart, any other is one value.
fn leaves(values: figment::value::Dict) -> Vec<(String, Json)> {
    let mut leaves = Vec::new();
    for (key, value) in values {
        add_leaves(key, value, &mut leaves);
    }
    leaves
}

fn add_leaves(key: String, value: Value, leaves: &mut Vec<(String, Json)>) {
    match value {
        Value::Dict(_, members) if !members.is_empty() => {
            for (name, member) in members {
                add_leaves(format!("{key}.{name}"), member, leaves);
            }
        }
        Value::Array(_, items) if items.iter().any(|item| item.as_dict().is_some()) => {
            for (index, item) in items.into_iter().enumerate() {
                add_leaves(format!("{key}[{index}]"), item, leaves);
            }
        }
        value => leaves.push((key, serde_json::to_value(&value).unwrap_or(Json::Null))),
    }
}

/// Returns the line of each key of a file.
fn lines_of(path: &Path) -> Result<BTreeMap<String, usize>, Problem> {
    let unread = |error: String| {
        Problem::new(format!(
            "the settings file `{}` cannot be read: {error}",
            path.display()
        ))
        .help("check who may read it")
    };
    let mut text = String::new();
    regular_file::open(path)
        .and_then(|mut file| file.read_to_string(&mut text))
        .map_err(|error| unread(error.to_string()))?;
    let table = DeTable::parse(&text).map_err(|error| unread(error.message().to_owned()))?;
    let mut lines = BTreeMap::new();
    add_lines("", table.get_ref(), &text, &mut lines);
    Ok(lines)
}

fn add_lines(prefix: &str, table: &DeTable<'_>, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        let before = text.get(..name.span().start).unwrap_or_default();
        lines.insert(key.clone(), 1 + before.matches('\n').count());
        match value.get_ref() {
            DeValue::Table(inner) => add_lines(&key, inner, text, lines),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        add_lines(&format!("{key}[{index}]"), inner, text, lines);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Returns every key of the example, with its default.
fn known_settings(found: &Found) -> Vec<(String, Option<Json>)> {
    let is_set = |table: &str| found.keys().any(|key| is_within(key, table));
    let mut known: Vec<(String, Option<Json>)> = Vec::new();
    let mut table = Some(String::new());
    for line in EXAMPLE.lines() {
        let (is_default, text) = match line.strip_prefix('#') {
            Some(rest) => (false, rest),
            None => (true, line),
        };
        if let Some(list) = text.strip_prefix("[[").and_then(|it| it.strip_suffix("]]")) {
            table = None;
            let is_new = known.iter().all(|(key, _)| key != list);
            if LISTS.contains(&list) && is_new {
                known.push((list.to_owned(), Some(Json::Array(Vec::new()))));
            }
        } else if let Some(name) = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            table = Some(format!("{name}."));
        } else if let (Some(table), Some((name, value))) = (&table, text.split_once(" = ")) {
            if name.contains(|c: char| !(c.is_ascii_lowercase() || "_0123456789".contains(c))) {
                continue;
            }
            let of_set_table = OPTIONAL_TABLES
                .iter()
                .any(|optional| table.strip_suffix('.') == Some(*optional) && is_set(optional));
            let has_default = is_default || of_set_table;
            known.push((
                format!("{table}{name}"),
                has_default.then(|| read_default(value)).flatten(),
            ));
        }
    }
    known
}

fn read_default(value: &str) -> Option<Json> {
    let table: toml::Table = toml::from_str(&format!("value = {value}")).ok()?;
    serde_json::to_value(table.get("value")?).ok()
}

/// Returns the value as it may be shown.
fn shown(key: &str, value: &Json) -> Json {
    let name = key.rsplit('.').next().unwrap_or(key);
    let hidden = || Json::from("(secret)");
    let is_hash_of_key = name == "sha256" && key.contains(".keys[");
    if SECRETS.contains(&name) || is_hash_of_key {
        return hidden();
    }
    match value {
        Json::String(text) if name == "keys" && text.starts_with(SECRET_PATH) => {
            let path = text.strip_prefix(SECRET_PATH).unwrap_or_default();
            if Path::new(path).is_file() {
                value.clone()
            } else {
                hidden()
            }
        }
        Json::String(text) if name.ends_with("secret_file") && !Path::new(text).is_file() => {
            hidden()
        }
        Json::String(text) => Json::from(without_passwords(text).into_owned()),
        Json::Array(items) => items.iter().map(|item| shown(key, item)).collect(),
        other => other.clone(),
    }
}
