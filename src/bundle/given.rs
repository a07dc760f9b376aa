//! The text form of case files: the keys that people write, and how cases inherit them.

use super::error::CaseError;
use super::manifest::find;
use super::yaml::{self, YamlRecord, YamlValue};
use crate::model::{EntityRef, Place, Problem, Record, Request, Timestamp, Value};
use crate::policy::SourceFile;
use serde::Deserialize;
use smol_str::SmolStr;

/// The time of a case that does not set one.
pub const DEFAULT_NOW: Timestamp = Timestamp(1_767_225_600_000); // 2026-01-01T00:00:00Z

/// The members that a raw request of a case may have; others would be ignored, so they are refused.
const REQUEST_MEMBERS: [&str; 4] = ["subject", "action", "resource", "context"];

/// A `*cases.yaml` file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseFile {
    #[serde(default)]
    pub(super) given: CaseFixture,
    #[serde(default)]
    pub(super) cases: Vec<CaseText>,
}

/// What a case adds to the bundle.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Given")]
pub(super) struct CaseFixture {
    now: Option<String>,
    #[serde(default)]
    entities: Vec<YamlRecord>,
    #[serde(default)]
    tuples: Vec<YamlRecord>,
    token: Option<YamlRecord>,
}

impl CaseFixture {
    /// Returns these values with those of `over` added; `over` wins.
    fn with(&self, over: &Self) -> Self {
        Self {
            now: over.now.clone().or_else(|| self.now.clone()),
            entities: self
                .entities
                .iter()
                .chain(&over.entities)
                .cloned()
                .collect(),
            tuples: self.tuples.iter().chain(&over.tuples).cloned().collect(),
            token: match (&self.token, &over.token) {
                (Some(YamlRecord(under)), Some(YamlRecord(over))) => {
                    Some(YamlRecord(on_top(under, over)))
                }
                (under, over) => over.clone().or_else(|| under.clone()),
            },
        }
    }

    /// Returns the entities as a file in Cedar's JSON form, or `None` if there are none. Of several
    /// with one uid, the last counts.
    pub(super) fn entities_json(&self) -> Option<String> {
        let mut kept: Vec<&Record> = Vec::new();
        for YamlRecord(entity) in &self.entities {
            kept.retain(|known| known.get("uid") != entity.get("uid"));
            kept.push(entity);
        }
        let list: Vec<serde_json::Value> = kept
            .into_iter()
            .map(|entity| yaml::to_json(&Value::Record(entity.clone())))
            .collect();
        (!list.is_empty()).then(|| serde_json::Value::Array(list).to_string())
    }

    /// Returns the time, if one is set.
    pub(super) fn time(&self) -> Result<Option<Timestamp>, CaseError> {
        let read = |text: &String| text.parse().map_err(|_| CaseError::Time(text.clone()));
        self.now.as_ref().map(read).transpose()
    }

    pub(super) fn token(&self) -> Option<&Record> {
        self.token.as_ref().map(|YamlRecord(token)| token)
    }

    pub(super) fn tuples(&self) -> &[YamlRecord] {
        &self.tuples
    }
}

/// Returns a token's facts with those of `over` added; a null removes a fact.
fn on_top(under: &Record, over: &Record) -> Record {
    let mut facts = under.clone();
    for (name, value) in over.iter() {
        facts.insert(name.clone(), value.clone());
    }
    facts
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A case as written in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseText {
    pub(super) name: String,
    like: Option<String>,
    who: Option<String>,
    does: Option<String>,
    to: Option<String>,
    context: Option<YamlRecord>,
    request: Option<YamlRecord>,
    now: Option<String>,
    given: Option<CaseFixture>,
    pub(super) expect: Option<YamlValue>,
    pub(super) table: Option<CaseTable>,
}

/// Many cases at once: each of `who` with each of `to`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Table")]
pub(super) struct CaseTable {
    pub(super) who: Vec<String>,
    pub(super) to: Vec<String>,
    pub(super) expect: Vec<Vec<String>>,
}

impl CaseText {
    /// Returns what the case itself says twice, if anything. Inherited values are no contradiction:
    /// the case's own values override them.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let cell = self.who.is_some() || self.to.is_some();
        (self.table.is_some() && cell).then_some("a table has its own `who` and `to`")
    }

    /// Returns this case with everything that it inherits from an earlier one.
    pub(super) fn inherit(self, before: &[Self], file: &SourceFile) -> Result<Self, Problem> {
        let Some(like) = &self.like else {
            return Ok(self);
        };
        let Some(base) = before.iter().find(|case| case.name == *like).cloned() else {
            let message = format!(
                "the case `{}` is like `{like}`, which is no earlier case of the file",
                self.name
            );
            return Err(Problem::new(message)
                .at(place_of_like(file, &self.name, like))
                .help("name a case that stands above this one"));
        };
        let own_now = self.given.as_ref().and_then(|given| given.now.clone());
        let given = match (base.given, self.given) {
            (Some(base), Some(over)) => Some(base.with(&over)),
            (base, over) => over.or(base),
        };
        // A raw request and its parts are two ways to say the same; the way that the inheriting
        // case uses wins.
        let parts = self.who.is_some()
            || self.does.is_some()
            || self.to.is_some()
            || self.context.is_some();
        Ok(Self {
            name: self.name,
            like: None,
            who: self.who.or(base.who),
            does: self.does.or(base.does),
            to: self.to.or(base.to),
            context: self.context.or(base.context),
            request: if parts {
                self.request
            } else {
                self.request.or(base.request)
            },
            // A time of the case's own wins, in either of the two members that can hold it.
            now: self.now.or(own_now).or(base.now),
            given,
            expect: self.expect.or(base.expect),
            table: self.table.or(base.table),
        })
    }

    /// Returns the file's `given` with this case's added.
    pub(super) fn given(&self, file: &CaseFixture) -> CaseFixture {
        self.given
            .as_ref()
            .map_or_else(|| file.clone(), |own| file.with(own))
    }

    /// Returns the time of the case.
    pub(super) fn now(&self, given: &CaseFixture) -> Result<Timestamp, CaseError> {
        let Some(text) = self.now.as_ref().or(given.now.as_ref()) else {
            return Ok(DEFAULT_NOW);
        };
        text.parse().map_err(|_| CaseError::Time(text.clone()))
    }

    /// Returns the body of the request, with `who` and `to` from a cell of a table instead of the
    /// case's own.
    pub(super) fn body(&self, cell: Option<(&str, &str)>) -> Result<Record, CaseError> {
        if let Some(YamlRecord(body)) = &self.request {
            if cell.is_some()
                || self.who.is_some()
                || self.does.is_some()
                || self.to.is_some()
                || self.context.is_some()
            {
                return Err(CaseError::TwoRequests);
            }
            if let Some((name, _)) = body
                .iter()
                .find(|(name, _)| !REQUEST_MEMBERS.contains(&name.as_str()))
            {
                return Err(CaseError::RequestMember(name.clone()));
            }
            return Ok(body.clone());
        }
        let part = |own: &Option<String>, key| own.clone().ok_or(CaseError::NoPart(key));
        let (who, to) = match cell {
            Some((who, to)) => (who.to_owned(), to.to_owned()),
            None => (part(&self.who, "who")?, part(&self.to, "to")?),
        };
        let context = self
            .context
            .as_ref()
            .map(|YamlRecord(context)| context.clone())
            .unwrap_or_default();
        spelled_body(&who, &part(&self.does, "does")?, &to, context)
    }
}

/// Makes a request from the short form: `user:alice > agent:copilot`, an action's name, `type:id`.
/// An id that contains a `>` needs a whole request.
pub fn spelled_out(who: &str, does: &str, to: &str, context: Record) -> Result<Request, CaseError> {
    Ok(Request::from_body(&spelled_body(who, does, to, context)?)?)
}

fn spelled_body(who: &str, does: &str, to: &str, context: Record) -> Result<Record, CaseError> {
    if let Some((before, actor)) = who
        .split_once("->")
        .filter(|(_, actor)| actor.contains(':'))
    {
        return Err(CaseError::Arrow {
            who: who.to_owned(),
            before: before.to_owned(),
            actor: actor.trim_start().to_owned(),
        });
    }
    let entity = |text: &str| text.trim().parse::<EntityRef>();
    let members = who.split('>').map(entity).collect::<Result<Vec<_>, _>>()?;
    body_of(&members, does, &entity(to)?, context)
}

/// Makes a request about a chain, whose last member asks.
pub fn request_of(
    members: &[EntityRef],
    does: &str,
    to: &EntityRef,
    context: Record,
) -> Result<Request, CaseError> {
    Ok(Request::from_body(&body_of(members, does, to, context)?)?)
}

/// Makes the body of a request about a chain.
fn body_of(
    members: &[EntityRef],
    does: &str,
    to: &EntityRef,
    context: Record,
) -> Result<Record, CaseError> {
    let Some((last, before)) = members.split_last() else {
        return Err(CaseError::Nobody);
    };
    let mut subject = record_of(last);
    if !before.is_empty() {
        let list = before
            .iter()
            .map(|member| Value::Record(record_of(member)))
            .collect();
        subject.insert("delegation_chain", Value::List(list));
    }
    let action: Record = [(SmolStr::new_static("name"), Value::text(does))]
        .into_iter()
        .collect();
    Ok([
        ("subject".into(), Value::Record(subject)),
        ("action".into(), Value::Record(action)),
        ("resource".into(), Value::Record(record_of(to))),
        ("context".into(), Value::Record(context)),
    ]
    .into_iter()
    .collect())
}

fn record_of(entity: &EntityRef) -> Record {
    [
        ("type".into(), Value::text(entity.kind.clone())),
        ("id".into(), Value::text(entity.id.clone())),
    ]
    .into_iter()
    .collect()
}

/// Returns the place of a case's `like`, which is searched after the case's name, since the name
/// may contain the same words.
fn place_of_like(file: &SourceFile, name: &str, like: &str) -> Place {
    let from = file.text.find(name).map_or(0, |at| at + name.len());
    let rest = file.text.get(from..).unwrap_or_default();
    let key = rest
        .find("like:")
        .map_or(from, |at| from + at + "like:".len());
    let found = file.text.get(key..).and_then(|rest| rest.find(like));
    found.map_or_else(|| find(file, like), |at| file.place(key + at, like.len()))
}
