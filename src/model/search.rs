//! A well-formed search (AuthZEN 1.0 section 8), and the questions that it consists of.
//!
//! INVARIANT: a search is a set of evaluations that differ in one id or name.
//! [`SearchRequest::about`] creates each of them, so a search by definition finds what evaluation
//! permits.

use super::carriers::table::is_carrier;
use super::request::{
    body_flaws, read_action, read_entity, read_entity_type, read_optional_record, read_subject,
    required_record,
};
use super::spelling::UnusualNames;
use super::{Action, CarrierSettings, Entity, EntityRef, MalformedMember, Record, Request, Value};
use smol_str::SmolStr;

/// The kind of entity that is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SearchKind {
    /// Subjects: who may do this? (section 8.4)
    Subject,
    /// Resources: to what may it be done? (section 8.5)
    Resource,
    /// Actions: what may be done? (section 8.6)
    Action,
}

impl SearchKind {
    /// Returns the word in paths and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Resource => "resource",
            Self::Action => "action",
        }
    }
}

/// A well-formed search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchRequest {
    /// What is searched for.
    pub searched: SearchKind,
    /// The type of the target as the request spelled it; empty for actions.
    pub kind: SmolStr,
    /// The question without the target's id or name and properties.
    question: Request,
}

impl SearchRequest {
    /// Reads a body. The target needs only a type: an id is ignored (sections 8.4.1, 8.5.1), and so
    /// is the action in a search for actions (section 8.6.1).
    pub fn from_body(searched: SearchKind, body: &Record) -> Result<Self, MalformedMember> {
        let nothing = EntityRef::new("", "");
        let mut kind = SmolStr::default();
        let subject = match searched {
            SearchKind::Subject => {
                let subject = searched_subject(body)?;
                kind = subject
                    .get("type")
                    .and_then(Value::as_text)
                    .cloned()
                    .unwrap_or_default();
                subject
            }
            SearchKind::Resource | SearchKind::Action => read_subject(body)?,
        };
        let action = match searched {
            SearchKind::Subject | SearchKind::Resource => read_action(body)?,
            SearchKind::Action => {
                // As for the other targets, the action is ignored but must be well-formed.
                let action = read_optional_record(body.get("action"), "action")?;
                read_optional_record(action.get("properties"), "action.properties")?;
                Action {
                    name: SmolStr::default(),
                    properties: Record::new(),
                }
            }
        };
        let resource = match searched {
            SearchKind::Resource => {
                kind = read_entity_type(body, "resource")?;
                Entity::from(EntityRef {
                    kind: kind.clone(),
                    ..nothing
                })
            }
            SearchKind::Subject | SearchKind::Action => read_entity(body, "resource")?,
        };
        let context = read_optional_record(body.get("context"), "context")?;
        let flaws = body_flaws(body);
        let question = Request {
            subject,
            action,
            resource,
            context,
            flaws,
            replaced_context: None,
            replaced_subject: None,
        };
        Ok(Self {
            searched,
            kind,
            question,
        })
    }

    /// Returns the search as a bundle reads it: of the properties of a searched subject only
    /// carriers count, and a name that is an attribute of the type is not a carrier.
    #[must_use]
    pub fn read_by(mut self, settings: &CarrierSettings) -> Self {
        if self.searched == SearchKind::Subject
            && let Some(properties) = self
                .question
                .subject
                .get("properties")
                .and_then(Value::as_record)
        {
            let carriers = properties
                .iter()
                .filter(|(name, _)| !settings.is_data(&self.kind, name));
            let carriers = carriers
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
            self.question
                .subject
                .insert("properties", Value::Record(carriers));
        }
        self
    }

    /// Returns the search that a question belongs to, or `None` if its subject has no type.
    #[must_use]
    pub fn of(searched: SearchKind, question: &Request) -> Option<Self> {
        let entity = &question.resource;
        let resource = Record::from_iter([
            ("type".into(), Value::Text(entity.uid.kind.clone())),
            ("id".into(), Value::Text(entity.uid.id.clone())),
            (
                "properties".into(),
                Value::Record(entity.properties.clone()),
            ),
        ]);
        let action = Record::from_iter([
            ("name".into(), Value::Text(question.action.name.clone())),
            (
                "properties".into(),
                Value::Record(question.action.properties.clone()),
            ),
        ]);
        let body = Record::from_iter([
            ("subject".into(), Value::Record(question.subject.clone())),
            ("action".into(), Value::Record(action)),
            ("resource".into(), Value::Record(resource)),
            ("context".into(), Value::Record(question.context.clone())),
        ]);
        let mut search = Self::from_body(searched, &body).ok()?;
        search.question.flaws.clone_from(&question.flaws);
        Some(search)
    }

    /// Returns the question about one candidate.
    #[must_use]
    pub fn about(&self, candidate: &SmolStr) -> Request {
        let mut question = self.question.clone();
        self.set(&mut question, candidate);
        question
    }

    /// Changes a question of this search into the question about another candidate.
    pub fn set(&self, question: &mut Request, candidate: &SmolStr) {
        match self.searched {
            SearchKind::Subject => {
                question
                    .subject
                    .insert("id", Value::Text(candidate.clone()));
            }
            SearchKind::Resource => question.resource.uid.id = candidate.clone(),
            SearchKind::Action => question.action.name = candidate.clone(),
        }
    }

    /// Returns the question without the target.
    #[must_use]
    pub fn question(&self) -> &Request {
        &self.question
    }
}

/// Returns the searched subject with only its type and its carriers, including those that are
/// misspelled or misplaced: a carrier that is not read would shorten the chain.
fn searched_subject(body: &Record) -> Result<Record, MalformedMember> {
    read_entity_type(body, "subject")?;
    let mut subject = required_record(body, "subject")?.clone();
    subject.remove("id");
    let properties = read_optional_record(subject.get("properties"), "subject.properties")?;
    // With so many that an evaluation compares none, all are left for it to refuse.
    let mut unusual = UnusualNames::default();
    let mut sent = properties.iter().filter(|(_, value)| !value.is_null());
    let are_too_many = sent.any(|(name, _)| unusual.are_too_many(name));
    let carriers: Record = properties
        .iter()
        .filter(|(name, value)| are_too_many || is_carrier(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    subject.insert("properties", Value::Record(carriers));
    Ok(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(members: &[(&str, Value)]) -> Record {
        members
            .iter()
            .map(|(name, value)| (SmolStr::new(name), value.clone()))
            .collect()
    }

    fn entity(kind: &str, id: &str, properties: &[(&str, Value)]) -> Value {
        record(&[
            ("type", kind.into()),
            ("id", id.into()),
            ("properties", record(properties).into()),
        ])
        .into()
    }

    fn body(subject: Value, resource: Value) -> Record {
        record(&[
            ("subject", subject),
            ("action", record(&[("name", "read".into())]).into()),
            ("resource", resource),
        ])
    }

    #[test]
    fn of_the_searched_entity_type_and_carriers_count() {
        let properties = [
            ("act", Value::from(7)),
            ("Delegation", Value::from(1)),
            ("role", "admin".into()),
        ];
        let body = body(
            entity("user", "zoe", &properties),
            entity("doc", "d", &[("open", Value::from(true))]),
        );
        let search = SearchRequest::from_body(SearchKind::Subject, &body).unwrap();
        assert_eq!(search.kind, "user");
        let question = search.about(&"ann".into());
        assert_eq!(question.subject.get("id"), Some(&"ann".into()));
        let kept = question
            .subject
            .get("properties")
            .unwrap()
            .as_record()
            .unwrap();
        assert_eq!(
            kept.iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["Delegation", "act"]
        );
        assert_eq!(question.resource.properties.len(), 1);
        let search = SearchRequest::from_body(SearchKind::Resource, &body).unwrap();
        let question = search.about(&"d2".into());
        assert_eq!(
            (
                question.resource.uid.id.as_str(),
                question.resource.properties.len()
            ),
            ("d2", 0)
        );
        assert_eq!(
            question.subject,
            *body.get("subject").unwrap().as_record().unwrap()
        );
    }

    #[test]
    fn an_action_search_has_no_action() {
        let body = body(entity("user", "ann", &[]), entity("doc", "d", &[]));
        let search = SearchRequest::from_body(SearchKind::Action, &body).unwrap();
        assert_eq!(search.question().action.name, "");
        assert_eq!(search.about(&"write".into()).action.name, "write");
    }
}
