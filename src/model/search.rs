//! A search by its shape (AuthZEN 1.0 section 8), and the questions that it stands for.
//!
//! INVARIANT: a search is a family of evaluations that differ in one id or name.
//! [`SearchRequest::about`] makes each of them, so that what a search finds is by definition what
//! evaluation permits.

use super::carriers::table::{Site, is_carrier, overlooked};
use super::request::{
    body_flaws, read_action, read_entity, read_entity_type, read_optional_record, read_subject,
    refuse_lookalike, required_record,
};
use super::{
    Action, CarrierSettings, Entity, EntityRef, MAX_OTHERS, Malformed, Record, Request, Value,
    alike, nearest, shown,
};
use smol_str::SmolStr;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Searched {
    /// Who may do this? (section 8.4)
    Subject,
    /// To what may it be done? (section 8.5)
    Resource,
    /// What may be done? (section 8.6)
    Action,
}

impl Searched {
    /// The word in paths and messages.
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
    pub searched: Searched,
    /// The type of what is searched for, as it was asked for; empty for actions.
    pub kind: SmolStr,
    /// The question, without the id or name that is searched for and without its properties.
    question: Request,
}

impl SearchRequest {
    /// Reads a body. The searched entity needs a type alone: an id is ignored (sections 8.4.1,
    /// 8.5.1), and so is an action in a search for actions (section 8.6.1).
    pub fn from_body(searched: Searched, body: &Record) -> Result<Self, Malformed> {
        let nothing = EntityRef::new("", "");
        let mut kind = SmolStr::default();
        let subject = match searched {
            Searched::Subject => {
                let subject = searched_subject(body)?;
                kind = subject
                    .get("type")
                    .and_then(Value::as_text)
                    .cloned()
                    .unwrap_or_default();
                subject
            }
            Searched::Resource | Searched::Action => read_subject(body)?,
        };
        let action = match searched {
            Searched::Subject | Searched::Resource => read_action(body)?,
            Searched::Action => {
                // As with what else is searched for: not read, and of its form.
                let action = read_optional_record(body.get("action"), "action")?;
                read_optional_record(action.get("properties"), "action.properties")?;
                Action {
                    name: SmolStr::default(),
                    properties: Record::new(),
                }
            }
        };
        let resource = match searched {
            Searched::Resource => {
                kind = read_entity_type(body, "resource")?;
                Entity::from(EntityRef {
                    kind: kind.clone(),
                    ..nothing
                })
            }
            Searched::Subject | Searched::Action => read_entity(body, "resource")?,
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

    /// The search as a bundle reads it: among the properties of a searched subject its carriers
    /// alone count, and a name that is an attribute there is no carrier.
    #[must_use]
    pub fn read_by(mut self, settings: &CarrierSettings) -> Self {
        if self.searched == Searched::Subject
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

    /// The search of which a question is one; none where its subject has no type.
    #[must_use]
    pub fn of(searched: Searched, question: &Request) -> Option<Self> {
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

    /// The question about one candidate.
    #[must_use]
    pub fn about(&self, candidate: &SmolStr) -> Request {
        let mut question = self.question.clone();
        self.set(&mut question, candidate);
        question
    }

    /// Turns a question of this search into that about another candidate.
    pub fn set(&self, question: &mut Request, candidate: &SmolStr) {
        match self.searched {
            Searched::Subject => {
                question
                    .subject
                    .insert("id", Value::Text(candidate.clone()));
            }
            Searched::Resource => question.resource.uid.id = candidate.clone(),
            Searched::Action => question.action.name = candidate.clone(),
        }
    }

    /// What is asked, without what is searched for.
    #[must_use]
    pub fn question(&self) -> &Request {
        &self.question
    }
}

/// Which page is wanted (section 8.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The token of the page before; none for the first page.
    pub token: Option<SmolStr>,
    /// The most results.
    pub limit: Option<u64>,
}

impl PageRequest {
    /// Reads the member `page` of a body; none where there is none.
    pub fn from_body(body: &Record) -> Result<Option<Self>, Malformed> {
        let Some(value) = body.get_present("page") else {
            return Ok(None);
        };
        let page = read_optional_record(Some(value), "page")?;
        refuse_lookalike(&page, "page", &PAGE_MEMBERS)?;
        refuse_misspelt(&page)?;
        if let Some(found) = overlooked(&page, Site::Options, &["token", "limit"]) {
            let problem = format!("has a carrier: {}", found.message("page"));
            return Err(Malformed {
                member: "page".to_owned(),
                problem,
            });
        }
        let token = match page.get_present("token") {
            None => None,
            Some(Value::Text(token)) => Some(token.clone()).filter(|token| !token.is_empty()),
            Some(other) => return Err(Malformed::kind("page.token", "a string", other)),
        };
        let limit = match page.get_present("limit") {
            None => None,
            Some(Value::Number(number)) => {
                // A page of nothing would lead to another, without end.
                let limit = number
                    .to_i64()
                    .and_then(|limit| u64::try_from(limit).ok())
                    .filter(|limit| *limit > 0);
                let problem = || format!("must be a whole number from 1 on, not {number}");
                Some(limit.ok_or_else(|| Malformed {
                    member: "page.limit".to_owned(),
                    problem: problem(),
                })?)
            }
            Some(other) => return Err(Malformed::kind("page.limit", "a whole number", other)),
        };
        read_optional_record(page.get("properties"), "page.properties")?;
        Ok(Some(Self { token, limit }))
    }
}

/// Every member of a page.
const PAGE_MEMBERS: [&str; 3] = ["token", "limit", "properties"];

/// What an answer's page or other services call them.
const OTHER_NAMES: [(&str, &str); 7] = [
    ("next_token", "token"),
    ("page_token", "token"),
    ("continuation_token", "token"),
    ("cursor", "token"),
    ("size", "limit"),
    ("page_size", "limit"),
    ("count", "limit"),
];

/// Refuses a member of a page that was meant for one that there is: what asks for the second page
/// and gets the first would begin anew for ever. Others are ignored.
fn refuse_misspelt(page: &Record) -> Result<(), Malformed> {
    let others = page
        .iter()
        .filter(|(name, value)| !value.is_null() && !PAGE_MEMBERS.contains(&name.as_str()));
    for (at, (name, _)) in others.enumerate() {
        if at >= MAX_OTHERS {
            let problem = format!("has more than {MAX_OTHERS} members that are not read");
            return Err(Malformed {
                member: "page".to_owned(),
                problem,
            });
        }
        let other = OTHER_NAMES
            .iter()
            .find(|(other, _)| alike(name, other))
            .map(|(_, meant)| *meant);
        if let Some(meant) = other.or_else(|| nearest(name, PAGE_MEMBERS)) {
            let member = format!("page.{}", shown(name));
            return Err(Malformed {
                member,
                problem: format!("is not read: did you mean `{meant}`?"),
            });
        }
    }
    Ok(())
}

/// The subject of which nothing counts but its type and its carriers, those that are spelled
/// wrongly or stand in the wrong place among them: a carrier that is not read would shorten the
/// chain.
fn searched_subject(body: &Record) -> Result<Record, Malformed> {
    read_entity_type(body, "subject")?;
    let mut subject = required_record(body, "subject")?.clone();
    subject.remove("id");
    let properties = read_optional_record(subject.get("properties"), "subject.properties")?;
    let carriers: Record = properties
        .iter()
        .filter(|(name, value)| is_carrier(name, value))
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
        let search = SearchRequest::from_body(Searched::Subject, &body).unwrap();
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
        let search = SearchRequest::from_body(Searched::Resource, &body).unwrap();
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

    fn page(members: &[(&str, Value)]) -> Result<Option<PageRequest>, String> {
        let body = record(&[("page", record(members).into())]);
        PageRequest::from_body(&body).map_err(|error| error.to_string())
    }

    #[test]
    fn a_member_of_a_page_that_was_meant_for_another_is_refused() {
        for (name, meant) in [
            ("limt", "limit"),
            ("tokn", "token"),
            ("propertys", "properties"),
            ("next_token", "token"),
            ("NextToken", "token"),
            ("page_size", "limit"),
            ("size", "limit"),
        ] {
            let told = page(&[(name, Value::from(5))]).unwrap_err();
            assert_eq!(
                told,
                format!("`page.{name}` is not read: did you mean `{meant}`?")
            );
            assert!(
                page(&[(name, Value::Null)]).is_ok(),
                "what is null is not sent"
            );
        }
        let others: Vec<String> = (0..=MAX_OTHERS).map(|at| format!("other_{at}")).collect();
        let others: Vec<(&str, Value)> = others
            .iter()
            .map(|name| (name.as_str(), Value::from(1)))
            .collect();
        assert!(page(&others[1..]).is_ok());
        assert_eq!(
            page(&others).unwrap_err(),
            "`page` has more than 100 members that are not read"
        );
        let both = page(&[("limit", Value::from(1)), ("token", "t".into())])
            .unwrap()
            .unwrap();
        assert_eq!((both.limit, both.token.as_deref()), (Some(1), Some("t")));
        let told = page(&[("limit", Value::from(0))]).unwrap_err();
        assert_eq!(told, "`page.limit` must be a whole number from 1 on, not 0");
    }

    #[test]
    fn an_action_search_has_no_action() {
        let body = body(entity("user", "ann", &[]), entity("doc", "d", &[]));
        let search = SearchRequest::from_body(Searched::Action, &body).unwrap();
        assert_eq!(search.question().action.name, "");
        assert_eq!(search.about(&"write".into()).action.name, "write");
    }
}
