//! Requests an explanation from a running service.

use super::{ExplainedDecision, reply};
use crate::cli::exit::CommandFailure;
use crate::cli::service::{NamedService, Service};
use crate::http;
use crate::model::{Record, Value};
use std::time::Duration;

/// The path that requests are sent to (AuthZEN 1.0 section 10.1).
const PATH: &str = "/access/v1/evaluation";

/// Timeout of a request. A decision takes microseconds; a longer one is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends the request with `options.explain`, and reads the answer.
pub(super) fn ask(
    mut target: NamedService,
    body: Record,
) -> Result<ExplainedDecision, CommandFailure> {
    target.address = target.address.without(PATH);
    let service = Service::at(&target, PATIENCE)?;
    let answer = service.post(PATH, write(explained(body)).as_bytes())?;
    match answer.status {
        200 => Ok(reply::read(answer.body)?),
        _ => Err(service
            .refused(&answer, "the permissions `decide` and `explain`")
            .into()),
    }
}

fn explained(mut body: Record) -> Record {
    let mut options = match body.remove("options") {
        Some(Value::Record(options)) => options,
        _ => Record::new(),
    };
    options.insert("explain", Value::from(true));
    body.insert("options", Value::Record(options));
    body
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
            write(explained(body)),
            "{\"context\":{\"d\":0.10,\"l\":[null,true],\"n\":9007199254740993,\
             \"t\":\"a\\\"\\u000a\u{e9}\"},\
             \"options\":{\"explain\":true,\"reason\":true}}"
        );
    }
}
