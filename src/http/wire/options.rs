//! `options`: how a caller wants to be answered (AuthZEN 1.0 section 7.1.2).
//!
//! Members that nobody defines are ignored. One that changes *what* is asked and cannot be answered is refused: an answer
//! that ignored it would be wrong.

use super::super::caller::Identity;
use super::super::{Error, Permission};
use crate::engine::Semantic;
use crate::model::{Depth, Malformed, Record, Revision, Value};

/// Options of later versions that an answer must not ignore.
const UNSUPPORTED: [(&str, &str); 1] = [("unknown", "options.unknown")];

/// The options that were read.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Options {
    /// How much the answer carries.
    pub(in crate::http) depth: Depth,
    /// When a batch stops.
    pub(in crate::http) semantic: Semantic,
    /// The revision that the answer must have seen.
    pub(in crate::http) at_least: Option<Revision>,
}

impl Options {
    /// Reads the member `options` of a body, with the caller's settings as defaults.
    pub(in crate::http) fn read(body: &Record, caller: Identity<'_>) -> Result<Self, Error> {
        let none = Record::new();
        let options = match body.get("options") {
            None | Some(Value::Null) => &none,
            Some(Value::Record(options)) => options,
            Some(other) => return Err(Malformed::kind("options", "an object", other).into()),
        };
        for (name, path) in UNSUPPORTED {
            if options.get_present(name).is_some() {
                return Err(Error::UnsupportedOption(path));
            }
        }
        let explain = read_flag(options, "explain", "options.explain")?;
        let reason = read_flag(options, "reason", "options.reason")?;
        let semantic = read_semantic(options)?;
        let at_least = read_revision(options)?;
        if explain == Some(true) {
            caller.require(Permission::Explain)?;
            return Ok(Self { depth: Depth::Explain, semantic, at_least });
        }
        // What the request says beats the caller's setting, in both directions.
        let reason = reason.unwrap_or_else(|| caller.caller().is_some_and(|caller| caller.reasons));
        Ok(Self { depth: if reason { Depth::Reason } else { Depth::Lean }, semantic, at_least })
    }
}

fn read_flag(options: &Record, name: &str, path: &str) -> Result<Option<bool>, Malformed> {
    match options.get_present(name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(Malformed::kind(path, "a boolean", other)),
    }
}

fn read_revision(options: &Record) -> Result<Option<Revision>, Malformed> {
    const PATH: &str = "options.at_least";
    match options.get_present("at_least") {
        None => Ok(None),
        Some(Value::Number(number)) => match number.to_i64().map(u64::try_from) {
            Some(Ok(revision)) => Ok(Some(Revision(revision))),
            _ => Err(Malformed {
                member: PATH.to_owned(),
                problem: format!("must be a revision, which is a whole number from 0, not `{number}`"),
            }),
        },
        Some(other) => Err(Malformed::kind(PATH, "a number", other)),
    }
}

fn read_semantic(options: &Record) -> Result<Semantic, Malformed> {
    const PATH: &str = "options.evaluations_semantic";
    match options.get_present("evaluations_semantic") {
        None => Ok(Semantic::default()),
        Some(Value::Text(word)) => match word.as_str() {
            "execute_all" => Ok(Semantic::ExecuteAll),
            "deny_on_first_deny" => Ok(Semantic::DenyOnFirstDeny),
            "permit_on_first_permit" => Ok(Semantic::PermitOnFirstPermit),
            other => Err(Malformed {
                member: PATH.to_owned(),
                problem: format!(
                    "must be `execute_all`, `deny_on_first_deny` or `permit_on_first_permit`, not `{other}`"
                ),
            }),
        },
        Some(other) => Err(Malformed::kind(PATH, "a string", other)),
    }
}
