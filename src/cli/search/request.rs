//! Reads a search from the command line. What is searched for is a type in place of an entity, or a
//! missing action.

use crate::cli::args::SearchArguments;
use crate::cli::chain::with_signs;
use crate::cli::output::misread;
use crate::http::HttpLimits;
use crate::json::read_object;
use crate::model::{Arguments, EntityRef, Problem, Record, SearchKind, Value};

/// A search as a request body.
#[derive(Debug)]
pub(super) struct SearchBody {
    pub(super) searched: SearchKind,
    pub(super) body: Record,
    pub(super) arguments: Arguments,
}

/// An entity, or a type that is searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum SearchTerm {
    Entity(EntityRef),
    Type(String),
}

/// Reads the command line.
pub(super) fn read(arguments: &SearchArguments) -> Result<SearchBody, Problem> {
    let members: Vec<SearchTerm> = with_signs(&arguments.who)?
        .split('>')
        .map(word)
        .collect::<Result<_, _>>()?;
    let (action, resource) = match arguments.what.as_slice() {
        [action, resource] => (Some(action), word(resource)?),
        [resource] => (None, word(resource)?),
        _ => return Err(wrong("a search takes a chain, an action and a resource")),
    };
    let sought = members
        .iter()
        .filter(|member| matches!(member, SearchTerm::Type(_)))
        .count();
    let mut body = Record::new();
    let searched = match (sought, action, &resource) {
        (1, Some(_), SearchTerm::Entity(_)) => SearchKind::Subject,
        (0, Some(_), SearchTerm::Type(_)) => SearchKind::Resource,
        (0, None, SearchTerm::Entity(_)) => SearchKind::Action,
        (0, Some(_), SearchTerm::Entity(_)) => {
            return Err(wrong(
                "nothing is searched for: put a type in place of an entity, \
                 or leave the action out",
            ));
        }
        _ => {
            return Err(wrong(
                "two things are searched for: name an entity (`type:id`) in place of one of them",
            ));
        }
    };
    body.insert("subject", Value::Record(subject(&members)?));
    if let Some(action) = action {
        body.insert(
            "action",
            Value::Record(Record::from_iter([(
                "name".into(),
                Value::text(action.as_str()),
            )])),
        );
    }
    body.insert("resource", Value::Record(entity(&resource)));
    if let Some(context) = &arguments.context {
        let depth = HttpLimits::default().json_depth;
        let context = read_object(context.as_bytes(), depth)
            .map_err(|error| wrong(&misread("`--context`", &error)))?;
        body.insert("context", Value::Record(context));
    }
    let arguments = if arguments.unknown_arguments {
        Arguments::Unknown
    } else {
        Arguments::Known
    };
    Ok(SearchBody {
        searched,
        body,
        arguments,
    })
}

fn word(text: &str) -> Result<SearchTerm, Problem> {
    let text = text.trim();
    match text.parse() {
        Ok(entity) => Ok(SearchTerm::Entity(entity)),
        Err(_) if !text.is_empty() && !text.replace("::", "").contains(':') => {
            Ok(SearchTerm::Type(text.to_owned()))
        }
        Err(error) => Err(wrong(&error.to_string())),
    }
}

fn entity(word: &SearchTerm) -> Record {
    match word {
        SearchTerm::Entity(entity) => Record::from_iter([
            ("type".into(), Value::Text(entity.kind.clone())),
            ("id".into(), Value::Text(entity.id.clone())),
        ]),
        SearchTerm::Type(kind) => Record::from_iter([("type".into(), Value::text(kind.as_str()))]),
    }
}

/// Returns the subject with its chain. Members before the subject become its `delegation_chain`;
/// members after a type that is searched for become the actors of its `act`.
fn subject(members: &[SearchTerm]) -> Result<Record, Problem> {
    let at = members
        .iter()
        .position(|member| matches!(member, SearchTerm::Type(_)))
        .unwrap_or(members.len() - 1);
    let (Some(last), before) = (members.get(at), members.get(..at).unwrap_or_default()) else {
        return Err(wrong("the chain names nobody"));
    };
    let behind = members.get(at + 1..).unwrap_or_default();
    let mut subject = entity(last);
    if !before.is_empty() && !behind.is_empty() {
        return Err(wrong(
            "what is searched for stands first or last in its chain",
        ));
    }
    if !before.is_empty() {
        let list = before
            .iter()
            .map(|member| Value::Record(entity(member)))
            .collect();
        subject.insert("delegation_chain", Value::List(list));
    }
    let mut act: Option<Record> = None;
    for member in behind {
        let SearchTerm::Entity(actor) = member else {
            continue;
        };
        let profile = match actor.kind.as_str() {
            "agent" => "ai_agent",
            "service" => "service",
            "user" => "user",
            _ => {
                return Err(wrong(
                    "behind what is searched for there can only be agents, services and users",
                ));
            }
        };
        let mut outer = Record::from_iter([
            ("sub".into(), Value::Text(actor.id.clone())),
            ("sub_profile".into(), Value::from(profile)),
        ]);
        if let Some(inner) = act {
            outer.insert("act", Value::Record(inner));
        }
        act = Some(outer);
    }
    if let Some(act) = act {
        let properties = Record::from_iter([("act".into(), Value::Record(act))]);
        subject.insert("properties", Value::Record(properties));
    }
    Ok(subject)
}

fn wrong(problem: &str) -> Problem {
    Problem::new(problem).help("see the examples of `behest search --help`")
}
