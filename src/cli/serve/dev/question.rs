//! The first question that is offered: that of a case of the bundle.

use crate::bundle::{Bundle, Case};
use crate::http;
use crate::model::{Decision, EntityRef, Record, Request, Value};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::json;

/// The question of a case.
#[derive(Debug)]
pub(super) struct FirstQuestion {
    request: Request,
    /// The body of the same request.
    body: Record,
}

/// The members of a request's body, in the order in which people read it.
const MEMBERS: [&str; 4] = ["subject", "action", "resource", "context"];

impl FirstQuestion {
    /// Returns the question of the first case that expects a permit for an agent, or else of one
    /// that expects a permit, or else of the first; `None` if every case needs entities, tuples or
    /// facts of its own, which the service has not.
    pub(super) fn of(bundle: &Bundle) -> Option<Self> {
        let cases = || {
            bundle.cases().iter().filter(|case| {
                case.stored.is_none() && case.tuples.is_empty() && case.token.is_none()
            })
        };
        let permits = |case: &&Case| case.expected.decision == Decision::Permit;
        let names_agent = |case: &&Case| case.request.subject.get("delegation_chain").is_some();
        let case = cases().filter(permits).find(names_agent);
        let case = case
            .or_else(|| cases().find(permits))
            .or_else(|| cases().next())?;
        Some(Self {
            request: case.request.clone(),
            body: case.body.clone(),
        })
    }

    /// Returns a command that asks the question, for a shell.
    pub(super) fn curl(&self, url: &str) -> String {
        format!(
            "curl {url}/access/v1/evaluation -H 'Content-Type: application/json' -d '{}'",
            self.json(&[("reason", true)]).replace('\'', r"'\''")
        )
    }

    /// Returns the fragment of the console's address with which the question is on its form, or as
    /// JSON where the form has no place for all of it.
    pub(super) fn fragment(&self) -> String {
        let form = self
            .form()
            .unwrap_or_else(|| json!({"body": self.json(&[])}));
        let text = BASE64_URL_SAFE_NO_PAD.encode(form.to_string());
        format!("#/try/{text}")
    }

    /// Returns the fields of the console's form; `None` if they cannot say the whole question.
    fn form(&self) -> Option<serde_json::Value> {
        let Request {
            subject,
            action,
            resource,
            context,
            ..
        } = &self.request;
        let mut last = subject.clone();
        let before = match last.remove("delegation_chain") {
            Some(Value::List(members)) => members.iter().map(named).collect::<Option<Vec<_>>>()?,
            Some(_) => return None,
            None => Vec::new(),
        };
        let who: Vec<String> = before
            .into_iter()
            .chain([named(&Value::Record(last))?])
            .collect();
        let mut context = context.clone();
        let arguments = context.remove("arguments");
        let written = |record: &Record| {
            let mut text = String::new();
            if !record.is_empty() {
                http::write_record(&mut text, record);
            }
            text
        };
        let arguments = match &arguments {
            Some(Value::Record(arguments)) if !arguments.is_empty() => written(arguments),
            Some(_) => return None,
            None => String::new(),
        };
        action.properties.is_empty().then(|| {
            json!({
                "who": who,
                "action": action.name.as_str(),
                "resource": resource.uid.to_string(),
                "arguments": arguments,
                "context": written(&context),
                "properties": written(&resource.properties),
            })
        })
    }

    /// Returns the question as a request's body.
    fn json(&self, options: &[(&'static str, bool)]) -> String {
        let options: Record = options
            .iter()
            .map(|(name, is_set)| ((*name).into(), Value::from(*is_set)))
            .collect();
        let members = MEMBERS
            .into_iter()
            .filter_map(|name| Some((name, self.body.get(name)?.as_record()?)))
            .chain([("options", &options)]);
        let written: Vec<String> = members
            .filter(|(_, record)| !record.is_empty())
            .map(|(name, record)| {
                let mut json = format!("\"{name}\":");
                http::write_record(&mut json, record);
                json
            })
            .collect();
        format!("{{{}}}", written.join(","))
    }
}

/// Returns `type:id` of a record that has nothing else.
fn named(value: &Value) -> Option<String> {
    let record = value.as_record()?;
    let of = |name| record.get(name).and_then(Value::as_text);
    let entity = EntityRef::new(of("type")?.clone(), of("id")?.clone());
    (record.len() == 2).then(|| entity.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(body: &str) -> FirstQuestion {
        let body = crate::json::read_object(body.as_bytes(), 64).unwrap();
        FirstQuestion {
            request: Request::from_body(&body).unwrap(),
            body,
        }
    }

    /// What the console reads from the fragment.
    fn opened(body: &str) -> serde_json::Value {
        let fragment = question(body).fragment();
        let text = fragment.strip_prefix("#/try/").unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
    }

    const ASKED: &str = r#"{
        "subject": {"type": "agent", "id": "c", "delegation_chain": [{"type": "user", "id": "a"}]},
        "action": {"name": "call"},
        "resource": {"type": "tool", "id": "x/y", "properties": {"n": 1}},
        "context": {"arguments": {"say": "it's"}, "hour": 3}
    }"#;

    #[test]
    fn a_question_is_a_command_for_a_shell() {
        assert_eq!(
            question(ASKED).curl("http://127.0.0.1:1"),
            "curl http://127.0.0.1:1/access/v1/evaluation -H 'Content-Type: application/json' -d \
             '{\"subject\":{\"delegation_chain\":[{\"id\":\"a\",\"type\":\"user\"}],\"id\":\"c\",\
             \"type\":\"agent\"},\"action\":{\"name\":\"call\"},\"resource\":{\"id\":\"x/y\",\
             \"properties\":{\"n\":1},\"type\":\"tool\"},\"context\":{\"arguments\":{\"say\":\
             \"it'\\''s\"},\"hour\":3},\"options\":{\"reason\":true}}'"
        );
    }

    #[test]
    fn a_question_stands_on_the_form_of_the_console() {
        assert_eq!(
            opened(ASKED),
            json!({
                "who": ["user:a", "agent:c"],
                "action": "call",
                "resource": "tool:x/y",
                "arguments": r#"{"say":"it's"}"#,
                "context": r#"{"hour":3}"#,
                "properties": r#"{"n":1}"#,
            })
        );
    }

    #[test]
    fn what_the_form_has_no_place_for_is_sent_as_it_is() {
        for part in [
            r#""subject": {"type": "user", "id": "a", "properties": {"act": {"sub": "c"}}}"#,
            r#""subject": {"type": "user", "id": "a", "delegation_chain": ["user:b"]}"#,
        ] {
            let body = format!(
                r#"{{{part},"action":{{"name":"call"}},"resource":{{"type":"tool","id":"x"}}}}"#
            );
            let text = opened(&body)["body"].as_str().unwrap().to_owned();
            let again: serde_json::Value = serde_json::from_str(&text).unwrap();
            let sent: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(again, sent);
        }
    }
}
