//! Reads settings from their sources: flags override variables, and variables override one file.
//!
//! INVARIANT: an unknown key is refused whatever its source, and the problem names the source.
//! Nothing that is named like a setting is ignored: not if it is not text, not if another source
//! overrides it, and not if another variable sets it as well, in whatever order they come.

use super::{Config, check::check, describe::describe, links::is_link};
use crate::model::{Place, Problem, Problems, alike};
use crate::regular_file;
use figment::error::Kind;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use std::ffi::OsString;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The settings file if none is named; it is read only if it exists.
const DEFAULT_FILE: &str = "behest.toml";

/// Maximum size of the settings file, which is written by hand.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Variables that are not settings: the file's path, the keys, the address that clients ask, and a
/// variable of tests. They count under these names alone.
pub(super) const NO_SETTINGS: [&str; 5] = ["CONFIG", "ADMIN_KEY", "KEY", "URL", "BLESS"];

/// Those variables among them that must not be set to an empty text, which would be a mistake.
const NEVER_EMPTY: [&str; 2] = ["CONFIG", "ADMIN_KEY"];

/// Lists that are empty by default, so an empty one in a variable sets nothing.
pub(super) const LISTS: [&str; 3] = ["callers", "issuers", "trust_domains"];

/// The prefix of the names of all variables.
pub(super) const PREFIX: &str = "BEHEST_";

/// LIMIT: how many characters of a variable's name a message shows.
const SHOWN_CHARS: usize = 64;

/// Settings that are always texts, even if they look like numbers: a directory may be called
/// `2026`.
const TEXTS: [&str; 9] = [
    "bundle",
    "data",
    "listen",
    "public_url",
    "cache",
    "search.token_key",
    "socket.mode",
    "socket.group",
    "telemetry.service_name",
];

/// The settings given by flags.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The value of `--config`.
    pub config: Option<PathBuf>,
    /// The other flags, by the key of the setting.
    pub settings: Vec<(&'static str, String)>,
}

impl Flags {
    /// Returns the same flags with the settings file that is read now, if one is: a file that has
    /// gone when it is read again is missed, and does not count as one without settings.
    #[must_use]
    pub fn with_file(mut self, environment: &EnvironmentVariables) -> Self {
        self.config = settings_file(&self, environment);
        self
    }
}

/// The variables of the process, which are an argument so that tests can choose them.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentVariables {
    variables: Vec<(String, String)>,
    /// Names of this service's variables whose name or value is not text.
    unreadable: Vec<String>,
}

impl EnvironmentVariables {
    /// Returns the variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os().collect()
    }

    /// Returns the value of one variable, if it is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for EnvironmentVariables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            unreadable: Vec::new(),
        }
    }
}

/// Ignores variables that are not text, except for those that are named like settings, which
/// [`load`] refuses.
impl FromIterator<(OsString, OsString)> for EnvironmentVariables {
    fn from_iter<I: IntoIterator<Item = (OsString, OsString)>>(variables: I) -> Self {
        let mut environment = Self::default();
        for (name, value) in variables {
            match (name.to_str(), value.into_string()) {
                (Some(name), Ok(value)) => environment.variables.push((name.to_owned(), value)),
                _ if is_ours(&name) => {
                    environment
                        .unreadable
                        .push(name.to_string_lossy().chars().take(SHOWN_CHARS).collect());
                }
                _ => {}
            }
        }
        environment
    }
}

/// Returns `true` for a name, text or not, that begins with the prefix or with a misspelling of it.
fn is_ours(name: &std::ffi::OsStr) -> bool {
    let name = name.to_string_lossy();
    name.starts_with(PREFIX) || is_misspelt(&name)
}

/// Reads all settings and checks them against each other.
pub fn load(flags: &Flags, environment: &EnvironmentVariables) -> Result<Config, Problems> {
    let VariableSettings { layer, links, .. } = read_variables(environment)?;
    let file = settings_file(flags, environment)
        .map(|path| read_file(&path))
        .transpose()?;
    let mut figment = Figment::new();
    let mut problems = Vec::new();
    for layer in file.into_iter().chain([layer]) {
        problems.extend(layer.misfits());
        figment = figment.merge(layer);
    }
    Problems(problems).into_result()?;
    figment = figment.merge(read_flags(flags));
    let mut config: Config = figment.extract().map_err(|errors| {
        Problems(
            errors
                .into_iter()
                .map(|error| describe(&error, &figment))
                .collect(),
        )
    })?;
    if config.log.filter.is_none() {
        config.log.filter = environment.get("RUST_LOG").map(str::to_owned);
    }
    config.links = links;
    check(&config)?;
    Ok(config)
}

/// One source of settings.
#[derive(Clone)]
pub(super) struct SettingsLayer {
    metadata: Metadata,
    pub(super) values: Dict,
}

impl SettingsLayer {
    /// Returns what is wrong with this source alone, so that a setting is checked even if another
    /// source overrides it. Missing members are no problem here, since another source may have
    /// them.
    fn misfits(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (key, value) in &self.values {
            let values = Dict::from([(key.clone(), value.clone())]);
            let figment = Figment::from(Self {
                metadata: self.metadata.clone(),
                values,
            });
            let Err(errors) = figment.extract::<Config>() else {
                continue;
            };
            let wrong = errors
                .into_iter()
                .filter(|error| !matches!(error.kind, Kind::MissingField(_)));
            problems.extend(wrong.map(|error| describe(&error, &figment)));
        }
        problems
    }
}

impl Provider for SettingsLayer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

pub(super) const VARIABLES: &str = "variables";
pub(super) const FLAGS: &str = "flags";

pub(super) fn settings_file(flags: &Flags, environment: &EnvironmentVariables) -> Option<PathBuf> {
    let named = flags
        .config
        .clone()
        .or_else(|| environment.get("BEHEST_CONFIG").map(PathBuf::from));
    named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()))
}

pub(super) fn read_file(path: &Path) -> Result<SettingsLayer, Problems> {
    let shown = path.display().to_string();
    let unreadable = |problem: String| {
        Problem::new(format!("the settings file `{shown}` {problem}")).help(
            "check the path after `--config` or in `BEHEST_CONFIG`, and who may read the file",
        )
    };
    let unread = |error: io::Error| unreadable(format!("cannot be read: {error}"));
    let file = regular_file::open(path).map_err(unread)?;
    let size = file.metadata().map_err(unread)?.len();
    if size > MAX_FILE_BYTES {
        return Err(unreadable(format!(
            "has {size} bytes; at most {MAX_FILE_BYTES} are read"
        ))
        .into());
    }
    let mut text = String::new();
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(unread)?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = 1 + text.get(..offset).unwrap_or_default().matches('\n').count();
        Problem::new(format!(
            "line {line} is not TOML: {}",
            error.message().trim_end().replace('\n', "; ")
        ))
        .at(Place {
            file: shown.clone(),
            offset,
            len: 0,
        })
        .help("see behest.example.toml for the form of each setting")
    })?;
    let values = Value::serialize(&table)
        .ok()
        .and_then(Value::into_dict)
        .unwrap_or_default();
    Ok(SettingsLayer {
        metadata: Metadata::from("settings file", Source::File(path.to_path_buf())),
        values,
    })
}

/// The variables that are settings, and the names of those that come from links.
pub(super) struct VariableSettings {
    pub(super) layer: SettingsLayer,
    links: Vec<String>,
    /// Each variable, with the key that it sets.
    pub(super) names: Vec<(String, String)>,
}

pub(super) fn read_variables(
    environment: &EnvironmentVariables,
) -> Result<VariableSettings, Problems> {
    let mut values = Dict::new();
    let mut problems: Vec<Problem> = environment
        .unreadable
        .iter()
        .map(|name| unreadable(name))
        .collect();
    let mut links = Vec::new();
    let mut before = Vec::new();
    for (name, text) in &environment.variables {
        let Some(key) = name.strip_prefix(PREFIX) else {
            problems.extend(is_misspelt(name).then(|| misspelt(name)));
            continue;
        };
        if let Some(known) = NO_SETTINGS.into_iter().find(|known| alike(known, key)) {
            let is_again = before.iter().any(|(other, _)| other == name);
            problems.extend(check_no_setting((name, text), known, is_again));
            before.push((name.as_str(), String::new()));
            continue;
        }
        if is_link(key, text) {
            links.push(name.clone());
            continue;
        }
        if text.is_empty() {
            problems.push(empty(name));
            continue;
        }
        let key = key.to_ascii_lowercase().replace("__", ".");
        if key.split('.').any(str::is_empty) {
            problems.push(
                Problem::new(format!("`{name}` is not a setting")).help("see behest.example.toml"),
            );
            continue;
        }
        let value = read_value(&key, text);
        if says_nothing(&key, &value) {
            problems.push(empty(name));
            continue;
        }
        if let Some(setting) = merge(&mut values, figment::util::nest(&key, value)) {
            problems.push(given_twice(name, &setting, &before));
        }
        before.push((name.as_str(), key));
    }
    Problems(problems).into_result()?;
    Ok(VariableSettings {
        layer: SettingsLayer {
            metadata: Metadata::named(VARIABLES),
            values,
        },
        links,
        names: before
            .into_iter()
            .map(|(name, key)| (name.to_owned(), key))
            .collect(),
    })
}

/// Reports a variable that would be ignored although its name may be meant as that of a setting.
fn misspelt(name: &str) -> Problem {
    let shown: String = name.chars().take(SHOWN_CHARS).collect();
    Problem::new(format!(
        "`{shown}` is not read: names of settings begin with `{PREFIX}`"
    ))
    .help("spell it so, or give it a name that does not begin like one of this service")
}

/// Reports an empty variable. It does not count as unset: an empty `BEHEST_ANONYMOUS` can be meant
/// to admit nobody.
fn empty(name: &str) -> Problem {
    Problem::new(format!("`{name}` is empty")).help("unset it, or give it a value")
}

/// Refuses a variable that is no setting, but is named like `known`, if it would be passed over or
/// says nothing.
fn check_no_setting((name, text): (&str, &str), known: &str, is_again: bool) -> Option<Problem> {
    if name.strip_prefix(PREFIX) != Some(known) {
        Some(spelled_otherwise(name, known))
    } else if is_again {
        Some(occurs_twice(name))
    } else {
        (text.is_empty() && NEVER_EMPTY.contains(&known)).then(|| empty(name))
    }
}

/// Reports a variable that is spelled like one that is no setting. Settings may be written in small
/// letters; such a variable would be passed over.
fn spelled_otherwise(name: &str, known: &str) -> Problem {
    Problem::new(format!("`{name}` is not read")).help(format!(
        "did you mean `{PREFIX}{known}`? it must be spelled so"
    ))
}

/// Reports a variable that the environment has twice: which one counted would be chance.
fn occurs_twice(name: &str) -> Problem {
    Problem::new(format!("`{name}` is given twice in the environment")).help("unset one of them")
}

/// Reports a variable that is not text. The value is not shown, since it may be a key.
fn unreadable(name: &str) -> Problem {
    Problem::new(format!(
        "`{name}` is not UTF-8 text, in its name or its value"
    ))
    .help("unset it, or give it a text")
}

/// Returns `true` for an empty table, and for an empty list that would be empty by default. An
/// empty list of anonymous callers' permissions does say something: that there are none.
fn says_nothing(key: &str, value: &Value) -> bool {
    match value {
        Value::Dict(_, members) => members.is_empty(),
        Value::Array(_, items) => items.is_empty() && LISTS.contains(&key),
        _ => false,
    }
}

/// Reads the value of a variable. Figment reads a text as TOML would: numbers, booleans, lists.
fn read_value(key: &str, text: &str) -> Value {
    if TEXTS.contains(&key) {
        return Value::from(text.to_owned());
    }
    match text.parse() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

fn read_flags(flags: &Flags) -> SettingsLayer {
    let values = flags
        .settings
        .iter()
        .map(|(key, text)| ((*key).to_owned(), Value::from(text.clone())))
        .collect();
    SettingsLayer {
        metadata: Metadata::named(FLAGS),
        values,
    }
}

/// Adds a value to those of other variables. Returns the name of a setting that already has a
/// value, which it keeps.
fn merge(values: &mut Dict, value: Value) -> Option<String> {
    for (key, value) in value.into_dict()? {
        match (values.remove(&key), value) {
            (None, value) => drop(values.insert(key, value)),
            (Some(Value::Dict(tag, mut inner)), Value::Dict(inner_tag, more)) => {
                let twice = merge(&mut inner, Value::Dict(inner_tag, more));
                let twice = twice.map(|rest| format!("{key}.{rest}"));
                values.insert(key, Value::Dict(tag, inner));
                if twice.is_some() {
                    return twice;
                }
            }
            (Some(first), _) => {
                values.insert(key.clone(), first);
                return Some(key);
            }
        }
    }
    None
}

/// Reports two variables that set the same setting, since one of them would be ignored. `before`
/// holds the name and the key of each variable that was read before.
fn given_twice(name: &str, setting: &str, before: &[(&str, String)]) -> Problem {
    let is_within = |key: &str, table: &str| {
        key.strip_prefix(table)
            .is_some_and(|rest| rest.starts_with('.'))
    };
    let gives = |key: &str| key == setting || is_within(setting, key) || is_within(key, setting);
    let other = before
        .iter()
        .find(|(_, key)| gives(key))
        .map_or("another variable", |(other, _)| other);
    Problem::new(format!(
        "`{setting}` is given twice: by `{other}` and by `{name}`"
    ))
    .help("unset one of them")
}

/// Returns `true` for a name that begins with the prefix except for its case or for the character
/// after the word.
fn is_misspelt(name: &str) -> bool {
    let (word, rest) = name.split_at_checked(PREFIX.len() - 1).unwrap_or_default();
    let is_ours = PREFIX
        .strip_suffix('_')
        .is_some_and(|ours| ours.eq_ignore_ascii_case(word));
    is_ours && rest.starts_with(['_', '-', '.']) && !name.starts_with(PREFIX)
}
