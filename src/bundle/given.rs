//! The text form of case files: the keys that people write, and how cases inherit them.

use super::error::CaseError;
use super::tuple_files::TupleText;
use super::yaml::{self, Location, Spanned, YamlRecord, YamlValue};
use crate::model::{EntityRef, Place, Problem, Record, Request, Timestamp, Value};
use crate::policy::SourceFile;
use serde::{Deserialize, Deserializer};
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
    now: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "written")]
    entities: FixtureList<YamlRecord>,
    #[serde(default, deserialize_with = "written")]
    tuples: FixtureList<TupleText<Spanned<String>>>,
    token: Option<YamlRecord>,
}

/// A list of a fixture, whose items are added to those that the file or another case is given.
#[derive(Clone, Debug)]
pub(super) struct FixtureList<T> {
    items: Vec<Spanned<T>>,
    /// Where a list without items is written, if it is.
    empty: Option<Location>,
}

impl<T> Default for FixtureList<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            empty: None,
        }
    }
}

impl<T: Clone> FixtureList<T> {
    fn with(&self, over: &Self) -> Self {
        Self {
            items: self.items.iter().chain(&over.items).cloned().collect(),
            empty: None,
        }
    }
}

/// Reads a list that is written, so that one without items can be told from none.
fn written<'de, D, T>(deserializer: D) -> Result<FixtureList<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Spanned::<Option<Vec<Spanned<T>>>>::deserialize(deserializer)?;
    let items = list.value.unwrap_or_default();
    Ok(FixtureList {
        empty: items.is_empty().then_some(list.referenced),
        items,
    })
}

/// Entities of a fixture as a file in Cedar's JSON form.
pub(super) struct EntitiesText {
    pub(super) json: String,
    /// Where each entity is written, with the byte of the text behind it.
    ends: Vec<(usize, Location)>,
}

impl EntitiesText {
    /// Returns a problem of the text as one of the file in which the entities are written. `list`
    /// is what the file calls them.
    pub(super) fn in_file(&self, file: &SourceFile, list: &str, problem: Problem) -> Problem {
        let place_of = |place: Place| {
            let at = self.written_at(place.offset)?;
            Some(yaml::place(file, at))
        };
        Problem {
            place: problem.place.and_then(place_of),
            also: problem.also.and_then(place_of),
            message: format!("`{list}`: {}", problem.message),
            help: problem.help,
        }
    }

    /// Returns where the entity is written whose text holds this byte.
    fn written_at(&self, offset: usize) -> Option<Location> {
        let holder = self.ends.iter().find(|(end, _)| offset < *end);
        holder.or(self.ends.last()).map(|(_, at)| *at)
    }
}

impl CaseFixture {
    /// Returns these values with those of `over` added; `over` wins.
    fn with(&self, over: &Self) -> Self {
        Self {
            now: over.now.clone().or_else(|| self.now.clone()),
            entities: self.entities.with(&over.entities),
            tuples: self.tuples.with(&over.tuples),
            token: match (&self.token, &over.token) {
                (Some(YamlRecord(under)), Some(YamlRecord(over))) => {
                    Some(YamlRecord(on_top(under, over)))
                }
                (under, over) => over.clone().or_else(|| under.clone()),
            },
        }
    }

    /// Returns the lists that are written without an item, each with its name and its place. Such a
    /// list looks as if it took away what is added to.
    pub(super) fn empty_lists(&self) -> impl Iterator<Item = (&'static str, Location)> {
        let entities = self.entities.empty.map(|at| ("entities", at));
        let tuples = self.tuples.empty.map(|at| ("tuples", at));
        entities.into_iter().chain(tuples)
    }

    /// Returns the entities, or `None` if there are none. Of several with one uid, the last counts.
    pub(super) fn entities_text(&self) -> Option<EntitiesText> {
        let mut kept: Vec<(&Record, Location)> = Vec::new();
        for Spanned {
            value: YamlRecord(entity),
            referenced,
            ..
        } in &self.entities.items
        {
            kept.retain(|(known, _)| known.get("uid") != entity.get("uid"));
            kept.push((entity, *referenced));
        }
        let mut json = String::from("[");
        let mut ends = Vec::with_capacity(kept.len());
        for (index, (entity, at)) in kept.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(&yaml::to_json(&Value::Record((*entity).clone())).to_string());
            ends.push((json.len(), *at));
        }
        json.push(']');
        (!kept.is_empty()).then_some(EntitiesText { json, ends })
    }

    /// Returns the time, if one is set.
    pub(super) fn time(&self) -> Result<Option<Timestamp>, MisplacedError> {
        self.now.as_ref().map(time_of).transpose()
    }

    pub(super) fn token(&self) -> Option<&Record> {
        self.token.as_ref().map(|YamlRecord(token)| token)
    }

    pub(super) fn tuples(&self) -> &[Spanned<TupleText<Spanned<String>>>] {
        &self.tuples.items
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
    pub(super) name: Spanned<String>,
    like: Option<Spanned<String>>,
    who: Option<Spanned<String>>,
    does: Option<Spanned<String>>,
    to: Option<Spanned<String>>,
    context: Option<YamlRecord>,
    request: Option<Spanned<YamlRecord>>,
    now: Option<Spanned<String>>,
    given: Option<CaseFixture>,
    pub(super) expect: Option<Spanned<YamlValue>>,
    pub(super) table: Option<Spanned<CaseTable>>,
}

/// Many cases at once: each of `who` with each of `to`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(expecting = "struct Table")]
pub(super) struct CaseTable {
    pub(super) who: Vec<Spanned<String>>,
    pub(super) to: Vec<Spanned<String>>,
    pub(super) expect: Vec<Vec<Spanned<String>>>,
}

/// What is wrong with a case, and where it is written.
pub(super) type MisplacedError = (Location, CaseError);

/// Returns what adds the place to an error.
fn at<E: Into<CaseError>>(place: Location) -> impl FnOnce(E) -> MisplacedError {
    move |error| (place, error.into())
}

impl CaseText {
    /// Returns what the case itself says twice, if anything. Inherited values are no contradiction:
    /// the case's own values override them.
    pub(super) fn contradiction(&self) -> Option<MisplacedError> {
        self.table.as_ref()?;
        let own = self.who.as_ref().or(self.to.as_ref())?;
        Some((own.referenced, CaseError::TwoCells))
    }

    /// Returns the lists of the case's own `given` that are written without an item.
    pub(super) fn empty_lists(&self) -> impl Iterator<Item = (&'static str, Location)> {
        self.given.iter().flat_map(CaseFixture::empty_lists)
    }

    /// Returns the name of the case that this one is like.
    pub(super) fn base(&self) -> Option<&str> {
        self.like.as_ref().map(|like| like.value.as_str())
    }

    /// Returns this case with everything that it inherits from an earlier one.
    pub(super) fn inherit(self, before: &[Self], file: &SourceFile) -> Result<Self, Problem> {
        let Some(like) = &self.like else {
            return Ok(self);
        };
        let mut earlier = before.iter();
        let Some(base) = earlier.find(|case| case.name.value == like.value).cloned() else {
            let message = format!(
                "the case `{}` is like `{}`, which is no earlier case of the file",
                self.name.value, like.value
            );
            return Err(Problem::new(message)
                .at(yaml::place(file, like.referenced))
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
    pub(super) fn now(&self, given: &CaseFixture) -> Result<Timestamp, MisplacedError> {
        let Some(text) = self.now.as_ref().or(given.now.as_ref()) else {
            return Ok(DEFAULT_NOW);
        };
        time_of(text)
    }

    /// Returns the body of the request, with `who` and `to` from a cell of a table instead of the
    /// case's own.
    pub(super) fn body(
        &self,
        cell: Option<(&Spanned<String>, &Spanned<String>)>,
    ) -> Result<Record, MisplacedError> {
        if let Some(body) = &self.request {
            return self.whole_body(cell.is_some(), body);
        }
        let part = |own: Option<&Spanned<String>>, key| {
            let missing = || (self.name.referenced, CaseError::NoPart(key));
            own.cloned().ok_or_else(missing)
        };
        let (who, to) = match cell {
            Some((who, to)) => (who.clone(), to.clone()),
            None => (
                part(self.who.as_ref(), "who")?,
                part(self.to.as_ref(), "to")?,
            ),
        };
        let does = part(self.does.as_ref(), "does")?;
        let context = self
            .context
            .as_ref()
            .map(|YamlRecord(context)| context.clone())
            .unwrap_or_default();
        let members = chain_of(&who.value).map_err(at(who.referenced))?;
        let resource = entity_of(&to.value).map_err(at(to.referenced))?;
        body_of(&members, &does.value, &resource, context).map_err(at(who.referenced))
    }

    /// Returns where the request is written: in a cell of the case's table, or else in the case.
    pub(super) fn request_place(
        &self,
        cell: Option<(&Spanned<String>, &Spanned<String>)>,
    ) -> Location {
        let who = cell.map(|(who, _)| who).or(self.who.as_ref());
        let body = self.request.as_ref().map(|body| body.referenced);
        let who = who.map(|who| who.referenced);
        body.or(who).unwrap_or(self.name.referenced)
    }

    fn whole_body(
        &self,
        is_cell: bool,
        body: &Spanned<YamlRecord>,
    ) -> Result<Record, MisplacedError> {
        let place = body.referenced;
        let YamlRecord(body) = &body.value;
        let has_parts = [&self.who, &self.does, &self.to]
            .iter()
            .any(|it| it.is_some());
        if is_cell || has_parts || self.context.is_some() {
            return Err((place, CaseError::TwoRequests));
        }
        let mut members = body.iter().map(|(name, _)| name);
        match members.find(|name| !REQUEST_MEMBERS.contains(&name.as_str())) {
            Some(name) => Err((place, CaseError::RequestMember(name.clone()))),
            None => Ok(body.clone()),
        }
    }
}

fn time_of(text: &Spanned<String>) -> Result<Timestamp, MisplacedError> {
    let refuse = |_| (text.referenced, CaseError::Time(text.value.clone()));
    text.value.parse().map_err(refuse)
}

/// Makes the body of a request from the short form: `user:alice > agent:copilot`, an action's name,
/// `type:id`. An id that contains a `>` needs a whole request. Refuses what is no request.
pub fn spelled_out(who: &str, does: &str, to: &str, context: Record) -> Result<Record, CaseError> {
    let body = body_of(&chain_of(who)?, does, &entity_of(to)?, context)?;
    Request::from_body(&body)?;
    Ok(body)
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

fn entity_of(text: &str) -> Result<EntityRef, CaseError> {
    Ok(text.trim().parse::<EntityRef>()?)
}

/// Returns the members of the chain that `who` spells.
fn chain_of(who: &str) -> Result<Vec<EntityRef>, CaseError> {
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
    who.split('>').map(entity_of).collect()
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
