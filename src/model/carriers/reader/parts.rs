//! The parts of an entity in a request: its type, its id, its properties.

use crate::model::carriers::credentials::CREDENTIAL;
use crate::model::carriers::{ChainRefusal, Code, invalid};
use crate::model::{EntityRef, Record, StatedKind, Value, check_name, shown};
use smol_str::SmolStr;

/// Reads the type of a member of a chain. The type `credential` stands for a whole chain, and is
/// allowed only as the subject: elsewhere its id may be the token itself, which must not be shown.
pub(super) fn kind_of(value: Option<&Value>, path: &str) -> Result<SmolStr, ChainRefusal> {
    let kind = name_of(value, path)?;
    if kind == CREDENTIAL {
        return Err(invalid(format!(
            "`{path}` is of the type `{CREDENTIAL}`: only a `subject` stands for a credential"
        )));
    }
    Ok(kind)
}

/// Refuses a `sub_profile` that contradicts the type of its entity: whichever of the two were read,
/// the other would be overlooked.
pub(super) fn check_kind(
    uid: &EntityRef,
    said: &Value,
    agents: &[SmolStr],
    path: &str,
) -> Result<(), ChainRefusal> {
    let kind = uid.kind.as_str();
    let is_agent = kind == "agent" || agents.iter().any(|agent| agent == kind);
    let said = StatedKind::read(said).map_err(|_| {
        invalid(format!(
            "`{path}.sub_profile` must be `ai_agent`, `service` or `user`"
        ))
    })?;
    let fits = match said {
        StatedKind::Agent => is_agent,
        StatedKind::Service => !matches!(kind, "agent" | "user"),
        StatedKind::Person => !is_agent && kind != "service",
    };
    if fits {
        return Ok(());
    }
    Err(invalid(format!(
        "`{path}.sub_profile` says another kind than the type `{}`",
        shown(kind)
    )))
}

/// Returns the `properties` of the object at `path`.
pub(super) fn properties_of(record: &Record, path: &str) -> Result<Record, ChainRefusal> {
    match record.get_present("properties") {
        None => Ok(Record::new()),
        Some(Value::Record(properties)) => Ok(properties.clone()),
        Some(other) => Err(invalid(format!(
            "`{path}.properties` must be an object, not {}",
            other.kind()
        ))),
    }
}

/// Returns the properties of the member of a chain at `path`, including the members beside its
/// `name`: whoever writes a property there means this member, and a policy that forbids by it must
/// see it.
pub(super) fn said_of_member(
    record: &Record,
    name: &[&str],
    path: &str,
) -> Result<Record, ChainRefusal> {
    let mut properties = properties_of(record, path)?;
    let mut more = Vec::new();
    let is_said =
        |(member, value): &(&SmolStr, &Value)| !name.contains(&member.as_str()) && !value.is_null();
    for (name, value) in record.iter().filter(is_said) {
        match properties.get_present(name) {
            Some(other) if other != value => {
                let name = shown(name);
                return Err(ChainRefusal::Deny(
                    Code::AttributeConflict,
                    format!("`{path}.{name}` and `{path}.properties.{name}` have different values"),
                ));
            }
            Some(_) => {}
            None => more.push((name.clone(), value.clone())),
        }
    }
    if !more.is_empty() {
        properties.extend(more);
    }
    Ok(properties)
}

/// Returns a name that must be present as a member of the object.
pub(super) fn required_name(
    record: &Record,
    member: &str,
    path: &str,
) -> Result<SmolStr, ChainRefusal> {
    match record.get(member) {
        None => Err(invalid(format!("`{path}` is missing"))),
        present => name_of(present, path),
    }
}

/// Returns an id or a type; refuses one that is empty or too long.
pub(super) fn name_of(value: Option<&Value>, path: &str) -> Result<SmolStr, ChainRefusal> {
    match value {
        None => Err(invalid(format!("`{path}` has no id or type"))),
        Some(Value::Text(text)) => {
            check_name(text).map_err(|flaw| invalid(format!("`{path}` {flaw}")))?;
            Ok(text.clone())
        }
        Some(other) => Err(invalid(format!(
            "`{path}` must be a string, not {}",
            other.kind()
        ))),
    }
}
