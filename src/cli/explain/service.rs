//! Requests an explanation from a running service.

use super::{AssumedTuples, ExplainedDecision, reply};
use crate::cli::exit::CommandFailure;
use crate::cli::service::{NamedService, Service};
use crate::http;
use crate::model::{Number, Problem, Record, Value};
use std::time::Duration;

/// The path that requests are sent to (AuthZEN 1.0 section 10.1).
const PATH: &str = "/access/v1/evaluation";

/// The path of questions that assume something, and the member that says what.
const ASSUMING_PATH: &str = "/explain/v1/evaluation";
pub(super) const ASSUMED: &str = "assume";

/// The option that names the revision that an answer must have seen.
const AT_LEAST: &str = "at_least";

/// Timeout of a request. A decision takes microseconds; a longer one is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks a service, at a revision that it waits for.
pub(super) struct ServiceQuestion<'a> {
    service: Service,
    body: &'a Record,
    revision: Option<u64>,
}

impl<'a> ServiceQuestion<'a> {
    pub(super) fn new(
        mut target: NamedService,
        body: &'a Record,
        revision: Option<u64>,
    ) -> Result<Self, CommandFailure> {
        target.address = target.address.without(PATH).without(ASSUMING_PATH);
        Ok(Self {
            service: Service::at(&target, PATIENCE)?,
            body,
            revision,
        })
    }

    /// Sends the request with `options.explain` and with what is assumed, and reads the answer. A
    /// question that assumes nothing is an evaluation like any other.
    pub(super) fn ask(&self, assumed: &AssumedTuples) -> Result<ExplainedDecision, CommandFailure> {
        let mut body = explained(self.body.clone(), self.revision)?;
        if !assumed.is_empty() {
            body.insert(ASSUMED, Value::Record(assumed.record()));
        }
        let is_assuming = body.get_present(ASSUMED).is_some();
        let path = if is_assuming { ASSUMING_PATH } else { PATH };
        let answer = self.service.post(path, write(body).as_bytes())?;
        match answer.status {
            200 if is_assuming => Ok(reply::read_assumed(&answer.body)?),
            200 => Ok(reply::read(answer.body)?),
            _ => Err(self
                .service
                .refused(&answer, "the permissions `decide` and `explain`")
                .into()),
        }
    }
}

fn explained(mut body: Record, revision: Option<u64>) -> Result<Record, CommandFailure> {
    let mut options = match body.remove("options") {
        Some(Value::Record(options)) => options,
        _ => Record::new(),
    };
    options.insert("explain", Value::from(true));
    if let Some(number) = revision.and_then(|revision| Number::parse(&revision.to_string())) {
        if options.get_present(AT_LEAST).is_some() {
            let told = format!("the request has an `options.{AT_LEAST}` of its own");
            return Err(CommandFailure::usage(
                Problem::new(told).help("leave `--revision` out, or the option"),
            ));
        }
        options.insert(AT_LEAST, Value::Number(number));
    }
    body.insert("options", Value::Record(options));
    Ok(body)
}

fn write(body: Record) -> String {
    let mut text = String::new();
    http::write_record(&mut text, &body);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_keeps_its_digits_and_asks_for_the_explanation() {
        let json = concat!(
            r#"{"context":{"n":9007199254740993,"d":0.10,"t":"a\"\n\u00e9","l":[null,true]},"#,
            r#""options":{"reason":true}}"#,
        );
        let body = crate::json::read_object(json.as_bytes(), 64).unwrap();
        assert_eq!(
            write(explained(body, Some(17)).unwrap()),
            "{\"context\":{\"d\":0.10,\"l\":[null,true],\"n\":9007199254740993,\
             \"t\":\"a\\\"\\u000a\u{e9}\"},\
             \"options\":{\"at_least\":17,\"explain\":true,\"reason\":true}}"
        );
    }
}
