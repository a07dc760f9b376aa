//! Reads what a question assumes, for every endpoint that takes it.
//!
//! INVARIANT: a member that nobody would read is refused, since an answer without it would be one
//! to another question.

use crate::engine::QuestionAssumptions;
use crate::http::authzen::wire::write_value;
use crate::model::{
    MalformedMember, Record, Timestamp, Tuple, TupleCondition, TupleKey, Value, shown,
};
use std::sync::Arc;

/// The member of the body that says what is assumed, and its own members.
pub(super) const MEMBER: &str = "assume";
const MEMBERS: [&str; 5] = ["now", "case", "entities", "tuples", "without"];

/// LIMIT: entities, tuples and tuples that are taken away in one assumption: as many as OpenFGA
/// takes contextual tuples.
const MOST_SUPPOSED: usize = 100;

/// Reads what a body assumes.
pub(super) fn read(body: &Record) -> Result<QuestionAssumptions, MalformedMember> {
    let assumed = match body.get_present(MEMBER) {
        None => return Ok(QuestionAssumptions::default()),
        Some(Value::Record(assumed)) => assumed,
        Some(other) => return Err(MalformedMember::kind(MEMBER, "an object", other)),
    };
    only(MEMBER, assumed, &MEMBERS)?;
    Ok(QuestionAssumptions {
        now: assumed.get_present("now").map(read_time).transpose()?,
        case: assumed.get_present("case").map(read_case).transpose()?,
        entities: read_entities(assumed)?,
        tuples: list(assumed, "tuples")?
            .iter()
            .enumerate()
            .map(|(at, item)| read_tuple(&format!("{MEMBER}.tuples[{at}]"), item))
            .collect::<Result<_, _>>()?,
        without: list(assumed, "without")?
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let path = format!("{MEMBER}.without[{at}]");
                read_key(&path, object(&path, item)?)
            })
            .collect::<Result<_, _>>()?,
    })
}

fn read_time(value: &Value) -> Result<Timestamp, MalformedMember> {
    let path = format!("{MEMBER}.now");
    let text = text(&path, Some(value))?;
    text.parse().map_err(|_| MalformedMember {
        member: path,
        problem: format!("must be a time of RFC 3339, not `{}`", shown(text)),
    })
}

fn read_case(value: &Value) -> Result<(String, String), MalformedMember> {
    let path = format!("{MEMBER}.case");
    let case = object(&path, value)?;
    only(&path, case, &["file", "name"])?;
    let part = |name: &str| text(&format!("{path}.{name}"), case.get_present(name));
    Ok((part("file")?.to_owned(), part("name")?.to_owned()))
}

/// Returns the entities as one text, in Cedar's JSON form.
fn read_entities(assumed: &Record) -> Result<Option<String>, MalformedMember> {
    let entities = list(assumed, "entities")?;
    if entities.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    write_value(&mut text, &Value::List(entities.to_vec()));
    Ok(Some(text))
}

/// Reads a tuple: `user`, `relation`, `object`, and a `condition` with `name` and `context`. `path`
/// is how errors name it.
pub fn read_tuple(path: &str, value: &Value) -> Result<Tuple, MalformedMember> {
    let tuple = object(path, value)?;
    let condition = match tuple.get_present("condition") {
        None => None,
        Some(value) => {
            let path = format!("{path}.condition");
            let condition = object(&path, value)?;
            only(&path, condition, &["name", "context"])?;
            let name = text(&format!("{path}.name"), condition.get_present("name"))?;
            let context = match condition.get_present("context") {
                None => Record::new(),
                Some(context) => object(&format!("{path}.context"), context)?.clone(),
            };
            Some(Arc::new(TupleCondition {
                name: name.into(),
                context,
            }))
        }
    };
    Ok(Tuple {
        key: read_key(path, tuple)?,
        condition,
    })
}

fn read_key(path: &str, tuple: &Record) -> Result<TupleKey, MalformedMember> {
    only(path, tuple, &["user", "relation", "object", "condition"])?;
    let part = |name: &str| text(&format!("{path}.{name}"), tuple.get_present(name));
    let key = TupleKey::parse(part("user")?, part("relation")?, part("object")?);
    key.map_err(|error| MalformedMember {
        member: path.to_owned(),
        problem: format!("is no tuple: {error}"),
    })
}

/// Returns a list of at most as many items as are taken; an empty one if it is absent.
fn list<'a>(assumed: &'a Record, name: &str) -> Result<&'a [Value], MalformedMember> {
    let path = format!("{MEMBER}.{name}");
    let items = match assumed.get_present(name) {
        None => return Ok(&[]),
        Some(Value::List(items)) => items,
        Some(other) => return Err(MalformedMember::kind(path, "a list", other)),
    };
    if items.len() > MOST_SUPPOSED {
        let count = items.len();
        return Err(MalformedMember {
            member: path,
            problem: format!("holds {count} items, and at most {MOST_SUPPOSED} are taken"),
        });
    }
    Ok(items)
}

/// Returns an object, or refuses the member.
pub(super) fn object<'a>(path: &str, value: &'a Value) -> Result<&'a Record, MalformedMember> {
    let record = value.as_record();
    record.ok_or_else(|| MalformedMember::kind(path, "an object", value))
}

/// Returns a string, or refuses the member.
pub(super) fn text<'a>(path: &str, value: Option<&'a Value>) -> Result<&'a str, MalformedMember> {
    let value = value.ok_or_else(|| MalformedMember::missing(path))?;
    let text = value.as_text();
    text.map(smol_str::SmolStr::as_str)
        .ok_or_else(|| MalformedMember::kind(path, "a string", value))
}

/// Refuses a member that nobody would read.
pub(super) fn only(path: &str, record: &Record, known: &[&str]) -> Result<(), MalformedMember> {
    let other = record
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()));
    match other {
        None => Ok(()),
        Some((name, _)) => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            let member = match path {
                "" => shown(name).to_string(),
                _ => format!("{path}.{}", shown(name)),
            };
            Err(MalformedMember {
                member,
                problem: format!("is not read: there are {}", names.join(", ")),
            })
        }
    }
}
