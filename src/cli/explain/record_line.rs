//! Reads a line of the decision record as the question that it answers.
//!
//! **Problem.** The record holds what policies read, and not the request.
//! **Decision.** The question is put together from the chain, the action, the resource and the
//! values of the context and of those properties that the request said; stored values are left to
//! be looked up. A line from which no question follows is refused, and what may be missing is told.

use crate::model::{Problem, Record, Timestamp, Value};
use crate::policy::read_written_values;
use serde::Deserialize;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// The members of the context that the engine supplies.
const FACTS: [&str; 3] = ["delegation", "now", "token"];

/// The codes of reasons for which a leg has no inputs.
const WITHOUT_INPUTS: [&str; 2] = ["bad_value", "relation_error"];

/// A decision of the record, and the question that it answered.
#[derive(Debug)]
pub(super) struct RecordedDecision {
    pub(super) line: RecordLine,
    /// When it was decided.
    pub(super) at: Timestamp,
    /// The request's body.
    pub(super) body: Record,
    /// The facts of the credentials, if policies read any.
    pub(super) token: Option<Record>,
    /// What the record does not hold, though it may matter.
    pub(super) notes: Vec<String>,
    /// Whether some legs were not decided, so that the record lacks what they would have read.
    pub(super) has_unasked: bool,
}

/// The members of a line that matter here; others are ignored, because a newer service may write
/// more.
#[derive(Debug, Deserialize)]
#[serde(expecting = "a line of the decision record")]
pub(super) struct RecordLine {
    pub(super) id: String,
    time: String,
    chain: Option<Vec<EntityMembers>>,
    #[serde(default)]
    credentials: Vec<CredentialMembers>,
    action: String,
    resource: Option<EntityMembers>,
    #[serde(default)]
    pub(super) unknown: Vec<String>,
    #[serde(default)]
    pub(super) inputs: BTreeMap<String, String>,
    #[serde(default)]
    from_properties: BTreeSet<String>,
    #[serde(default)]
    cut: Vec<String>,
    pub(super) decision: String,
    pub(super) reason: Option<ReasonMembers>,
    #[serde(default)]
    pub(super) policies: BTreeSet<String>,
    pub(super) bundle: String,
    pub(super) revision: u64,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "`{type, id}`")]
struct EntityMembers {
    r#type: SmolStr,
    id: SmolStr,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "`{type, issuer}`")]
struct CredentialMembers {
    r#type: String,
    issuer: String,
    chain: Vec<EntityMembers>,
}

#[derive(Debug, Deserialize)]
#[serde(expecting = "`{code, message}`")]
pub(super) struct ReasonMembers {
    pub(super) code: String,
    principal: Option<EntityMembers>,
}

/// Whether a body is a line of the decision record, and no request.
pub(super) fn is_record(body: &Record) -> bool {
    let has = |name| body.get_present(name).is_some();
    has("v") && has("id") && (has("decision") || has("incomplete"))
}

impl RecordedDecision {
    /// Reads a line.
    pub(super) fn read(json: &[u8]) -> Result<Self, Problem> {
        let version: RecordVersion = serde_json::from_slice(json).map_err(|error| wrong(&error))?;
        if version.incomplete {
            return Err(no_question("it is incomplete"));
        }
        if version.v != 1 {
            let told = format!("the line of the decision record has version {}", version.v);
            return Err(Problem::new(told).help("this program reads version 1: use a newer one"));
        }
        let line: RecordLine = serde_json::from_slice(json).map_err(|error| wrong(&error))?;
        let at = line.time.parse().map_err(|_| {
            Problem::new(format!("`time`: `{}` is no time", line.time))
                .help("pass the line unchanged")
        })?;
        if !["permit", "deny"].contains(&line.decision.as_str()) {
            return Err(no_question("its `decision` is neither `permit` nor `deny`"));
        }
        if !line.cut.is_empty() {
            return Err(no_question("its values were cut, as they were too large"));
        }
        let code = line.reason.as_ref().map(|reason| reason.code.as_str());
        if let Some(code) = code.filter(|code| WITHOUT_INPUTS.contains(code)) {
            return Err(no_question(&format!(
                "it was denied as `{code}` before policies read anything"
            )));
        }
        let values = RecordedValues::of(&line)?;
        let body = body(&line, &values)?;
        let notes = notes(&line);
        let has_unasked = has_unasked(&line);
        let token = values.token;
        if token.is_some() && !is_of_all(&line) {
            return Err(no_question(
                "its credentials speak of some members of the chain only, each with facts of its \
                 own",
            ));
        }
        Ok(Self {
            line,
            at,
            body,
            token,
            notes,
            has_unasked,
        })
    }

    /// Returns the reason's code.
    pub(super) fn code(&self) -> Option<&str> {
        self.line.reason.as_ref().map(|reason| reason.code.as_str())
    }
}

/// Whether one credential names the whole chain, so that all legs have its facts.
fn is_of_all(line: &RecordLine) -> bool {
    match line.credentials.as_slice() {
        [only] => line.chain.as_ref() == Some(&only.chain),
        _ => false,
    }
}

#[derive(Deserialize)]
#[serde(expecting = "a line of the decision record")]
struct RecordVersion {
    v: u64,
    #[serde(default)]
    incomplete: bool,
}

fn wrong(error: &serde_json::Error) -> Problem {
    Problem::new(format!(
        "the line of the decision record is not of its form: {error}"
    ))
    .help("pass one line, unchanged, as the service wrote it")
}

fn no_question(why: &str) -> Problem {
    Problem::new(format!(
        "the question cannot be told from the decision record: {why}"
    ))
    .help("ask with the request itself")
}

/// The values of a line, by where a request says them.
#[derive(Default)]
struct RecordedValues {
    context: Record,
    members: BTreeMap<usize, Record>,
    resource: Record,
    token: Option<Record>,
}

impl RecordedValues {
    fn of(line: &RecordLine) -> Result<Self, Problem> {
        let texts: Vec<&str> = line.inputs.values().map(String::as_str).collect();
        let mut values = Self::default();
        // The paths are in order, so that a value comes before the values within it.
        for (path, value) in line.inputs.keys().zip(read_written_values(&texts)) {
            let unread = || no_question(&format!("its input `{path}` cannot be read"));
            let (leg, root, names) = split(path).ok_or_else(unread)?;
            let is_said = line.from_properties.contains(path);
            let Some((to, names)) = values.place(leg, root, names, is_said) else {
                continue;
            };
            put(to, &names, value.ok_or_else(unread)?);
        }
        Ok(values)
    }

    /// Returns the record that a value belongs to and its path there; `None` for what the engine
    /// supplies or looks up.
    fn place<'p>(
        &mut self,
        leg: usize,
        root: &str,
        mut names: Vec<&'p str>,
        is_said: bool,
    ) -> Option<(&mut Record, Vec<&'p str>)> {
        match (root, names.first().copied()) {
            ("context", Some("token")) => {
                names.remove(0);
                Some((self.token.get_or_insert_default(), names))
            }
            ("context", Some(name)) if FACTS.contains(&name) => None,
            ("context", Some(_)) => Some((&mut self.context, names)),
            ("principal", Some(_)) if is_said => {
                Some((self.members.entry(leg).or_default(), names))
            }
            ("resource", Some(_)) if is_said => Some((&mut self.resource, names)),
            _ => None,
        }
    }
}

/// Splits `legs[1].context.arguments.amount` into leg, root and path.
fn split(path: &str) -> Option<(usize, &str, Vec<&str>)> {
    let (leg, rest) = path.strip_prefix("legs[")?.split_once("].")?;
    let rest = match rest.strip_prefix("credentials[") {
        Some(of_one) => of_one.split_once("].")?.1,
        None => rest,
    };
    let mut names = rest.split('.');
    let root = names.next()?;
    Some((leg.parse().ok()?, root, names.collect()))
}

/// Puts a value where its path says, unless a value around it is there already.
fn put(to: &mut Record, names: &[&str], value: Value) {
    match names {
        [] => {
            if let Value::Record(members) = value {
                to.extend(
                    members
                        .iter()
                        .map(|(name, value)| (name.clone(), value.clone())),
                );
            }
        }
        [name] => {
            if to.get(name).is_none() {
                to.insert(*name, value);
            }
        }
        [name, rest @ ..] => match to.remove(name) {
            None => {
                let mut inner = Record::new();
                put(&mut inner, rest, value);
                to.insert(*name, Value::Record(inner));
            }
            Some(Value::Record(mut inner)) => {
                put(&mut inner, rest, value);
                to.insert(*name, Value::Record(inner));
            }
            // Below an entity's id are its attributes, which are looked up.
            Some(other) => to.insert(*name, other),
        },
    }
}

fn body(line: &RecordLine, values: &RecordedValues) -> Result<Record, Problem> {
    let missing = |what: &str| no_question(&format!("it has no {what}"));
    let chain = line.chain.as_deref().unwrap_or_default();
    let of_member = |(at, member): (usize, &EntityMembers)| entity(member, values.members.get(&at));
    let mut members: Vec<Record> = chain.iter().enumerate().map(of_member).collect();
    let mut subject = members
        .pop()
        .ok_or_else(|| missing("chain: the request was refused before it was decided"))?;
    if !members.is_empty() {
        let before = members.into_iter().map(Value::Record).collect();
        subject.insert("delegation_chain", Value::List(before));
    }
    let resource = line.resource.as_ref().ok_or_else(|| missing("resource"))?;
    let mut context = values.context.clone();
    let mut action = Record::from_iter([("name".into(), Value::text(line.action.as_str()))]);
    if let Some(properties) = context.remove("action_properties") {
        action.insert("properties", properties);
    }
    Ok(Record::from_iter([
        ("subject".into(), Value::Record(subject)),
        ("action".into(), Value::Record(action)),
        (
            "resource".into(),
            Value::Record(entity(resource, Some(&values.resource))),
        ),
        ("context".into(), Value::Record(context)),
    ]))
}

fn entity(named: &EntityMembers, properties: Option<&Record>) -> Record {
    let mut entity = Record::from_iter([
        ("type".into(), Value::Text(named.r#type.clone())),
        ("id".into(), Value::Text(named.id.clone())),
    ]);
    if let Some(properties) = properties.filter(|properties| !properties.is_empty()) {
        entity.insert("properties", Value::Record(properties.clone()));
    }
    entity
}

/// Whether the chain has members behind the one that was denied, whose legs were not decided.
fn has_unasked(line: &RecordLine) -> bool {
    let chain = line.chain.as_deref().unwrap_or_default();
    let denied = line
        .reason
        .as_ref()
        .and_then(|reason| reason.principal.as_ref());
    let leg = denied.and_then(|denied| chain.iter().position(|member| member == denied));
    leg.is_some_and(|leg| leg + 1 < chain.len())
}

/// Returns what the record does not hold, though it may matter to an answer now.
fn notes(line: &RecordLine) -> Vec<String> {
    let mut notes = Vec::new();
    if !line.credentials.is_empty() {
        let named = |one: &CredentialMembers| format!("{} of {}", one.r#type, one.issuer);
        let all: Vec<String> = line.credentials.iter().map(named).collect();
        notes.push(format!(
            "credentials are not in the record: what {} proved is asserted now",
            all.join(", ")
        ));
    }
    notes
}
