//! Where settings come from: flags over variables over one file.
//!
//! INVARIANT: a key that nobody knows is refused whatever it comes from, and its report names the source.

use super::{Config, check::check, describe::describe, links::is_link};
use crate::model::{Place, Problem, Problems};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider, Source};
use std::path::{Path, PathBuf};

/// The file that is read where none is named, if it is there.
const DEFAULT_FILE: &str = "behest.toml";

/// Largest settings file. It is written by hand.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Variables that are no settings: the file's path, the keys, and what tests use.
const NO_SETTINGS: [&str; 4] = ["CONFIG", "ADMIN_KEY", "KEY", "BLESS"];

/// Settings that are texts, whatever they look like: a directory may be called `2026`.
const TEXTS: [&str; 6] = ["bundle", "data", "listen", "public_url", "cache", "search.token_key"];

/// The settings that have a flag, as they were given.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// The others, by key.
    pub settings: Vec<(&'static str, String)>,
}

/// The process's variables, passed in so that tests own them.
#[derive(Clone, Debug, Default)]
pub struct Environment(Vec<(String, String)>);

impl Environment {
    /// This process's. A variable that is not text is not ours.
    #[must_use]
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The value of one variable, where it is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// Reads all settings and checks them against each other.
pub fn load(flags: &Flags, environment: &Environment) -> Result<Config, Problems> {
    let mut figment = Figment::new();
    if let Some(path) = settings_file(flags, environment) {
        figment = figment.merge(read_file(&path)?);
    }
    let Variables { layer, links } = read_variables(environment)?;
    figment = figment.merge(layer).merge(read_flags(flags));
    let mut config: Config = figment
        .extract()
        .map_err(|errors| Problems(errors.into_iter().map(|error| describe(&error, &figment)).collect()))?;
    if config.log.filter.is_none() {
        config.log.filter = environment.get("RUST_LOG").map(str::to_owned);
    }
    config.links = links;
    check(&config)?;
    Ok(config)
}

/// One source of settings.
struct Layer {
    metadata: Metadata,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

pub(super) const VARIABLES: &str = "variables";
pub(super) const FLAGS: &str = "flags";

fn settings_file(flags: &Flags, environment: &Environment) -> Option<PathBuf> {
    let named = flags.config.clone().or_else(|| environment.get("BEHEST_CONFIG").map(PathBuf::from));
    named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()))
}

fn read_file(path: &Path) -> Result<Layer, Problems> {
    let shown = path.display().to_string();
    let unreadable = |problem: String| {
        Problem::new(format!("the settings file `{shown}` {problem}"))
            .help("check the path after `--config` or in `BEHEST_CONFIG`, and who may read the file")
    };
    let size = std::fs::metadata(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?.len();
    if size > MAX_FILE_BYTES {
        return Err(unreadable(format!("has {size} bytes; at most {MAX_FILE_BYTES} are read")).into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let table: toml::Table = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = 1 + text.get(..offset).unwrap_or_default().matches('\n').count();
        Problem::new(format!("line {line} is not TOML: {}", error.message().trim_end().replace('\n', "; ")))
            .at(Place { file: shown.clone(), offset, len: 0 })
            .help("see behest.example.toml for the form of each setting")
    })?;
    let values = Value::serialize(&table).ok().and_then(Value::into_dict).unwrap_or_default();
    Ok(Layer { metadata: Metadata::from("settings file", Source::File(path.to_path_buf())), values })
}

/// The variables that are settings, and the names of those that are links.
struct Variables {
    layer: Layer,
    links: Vec<String>,
}

fn read_variables(environment: &Environment) -> Result<Variables, Problems> {
    let mut values = Dict::new();
    let mut empty = Vec::new();
    let mut links = Vec::new();
    for (name, text) in &environment.0 {
        let Some(key) = name.strip_prefix("BEHEST_") else { continue };
        if NO_SETTINGS.contains(&key) {
            continue;
        }
        if is_link(key, text) {
            links.push(name.clone());
            continue;
        }
        if text.is_empty() {
            // Not "unset": an empty `BEHEST_ANONYMOUS` can be meant to let nobody in.
            empty.push(Problem::new(format!("`{name}` is empty")).help("unset it, or give it a value"));
            continue;
        }
        let key = key.to_ascii_lowercase().replace("__", ".");
        merge(&mut values, figment::util::nest(&key, read_value(&key, text)));
    }
    Problems(empty).into_result()?;
    Ok(Variables { layer: Layer { metadata: Metadata::named(VARIABLES), values }, links })
}

/// Figment reads a text as TOML would: numbers, booleans, lists.
fn read_value(key: &str, text: &str) -> Value {
    if TEXTS.contains(&key) {
        return Value::from(text.to_owned());
    }
    match text.parse() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

fn read_flags(flags: &Flags) -> Layer {
    let values = flags.settings.iter().map(|(key, text)| ((*key).to_owned(), Value::from(text.clone()))).collect();
    Layer { metadata: Metadata::named(FLAGS), values }
}

fn merge(values: &mut Dict, value: Value) {
    let Some(added) = value.into_dict() else { return };
    for (key, value) in added {
        match (values.remove(&key), value) {
            (Some(Value::Dict(tag, mut inner)), Value::Dict(inner_tag, more)) => {
                merge(&mut inner, Value::Dict(inner_tag, more));
                values.insert(key, Value::Dict(tag, inner));
            }
            (_, value) => {
                values.insert(key, value);
            }
        }
    }
}
