//! Asking a running service.

use crate::model::{Problem, Record, Value};
use std::fmt::Write as _;
use std::time::Duration;

/// A decision takes microseconds, a page of a search a second at most; what takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Largest answer: an explanation with many policies has some hundred kilobytes.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// Sends a body to one of the service's paths, and reads the answer. `needs` is the permissions that it takes.
pub(super) fn send(url: &str, path: &str, body: Record, needs: &str) -> Result<Vec<u8>, Problem> {
    let url = check_url(url, path)?;
    let mut request = agent().post(format!("{url}{path}")).header("Content-Type", "application/json");
    if let Some(key) = std::env::var("BEHEST_KEY").ok().filter(|key| !key.is_empty()) {
        request = request.header("Authorization", format!("Bearer {key}"));
    }
    let unreachable = |error: ureq::Error| {
        Problem::new(format!("`{url}` does not answer: {error}"))
            .help("check the address, and that the service runs there: `behest serve`")
    };
    let mut response = request.send(write(&Value::Record(body))).map_err(unreachable)?;
    let status = response.status().as_u16();
    let answer = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec().map_err(unreachable)?;
    if status == 200 { Ok(answer) } else { Err(refused(&url, status, &answer, needs)) }
}

/// The body with more options.
pub(super) fn with_options(mut body: Record, more: impl IntoIterator<Item = (&'static str, Value)>) -> Record {
    let mut options = match body.remove("options") {
        Some(Value::Record(options)) => options,
        _ => Record::new(),
    };
    for (name, value) in more {
        options.insert(name, value);
    }
    body.insert("options", Value::Record(options));
    body
}

/// What the service says about an error; none where the answer is not one.
fn read_error(json: &[u8]) -> Option<String> {
    let error: serde_json::Value = serde_json::from_slice(json).ok()?;
    Some(error.get("error")?.get("message")?.as_str()?.to_owned())
}

fn agent() -> ureq::Agent {
    // No redirects and no proxy: the key is for the service that was named, and for nobody else.
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .build()
        .new_agent()
}

fn check_url(url: &str, path: &str) -> Result<String, Problem> {
    if url.starts_with("https://") {
        return Err(Problem::new(format!("`{url}` cannot be asked: this version does not speak https"))
            .help("ask the service's own http address, or ask with curl"));
    }
    match url.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', ' ']) => {
            Ok(url.trim_end_matches('/').trim_end_matches(path).to_owned())
        }
        _ => Err(Problem::new(format!("`{url}` is not the address of a service"))
            .help("write for example `http://127.0.0.1:8181`")),
    }
}

fn refused(url: &str, status: u16, answer: &[u8], needs: &str) -> Problem {
    let said = read_error(answer).unwrap_or_else(|| "it says nothing more".to_owned());
    let problem = Problem::new(format!("`{url}` refuses with status {status}: {said}"));
    let help = match status {
        401 => "set BEHEST_KEY to a key of the service",
        403 => return problem.help(format!("use a key with {needs}, in BEHEST_KEY")),
        404 => "check the address: is behest what answers there?",
        _ => "see the service's log",
    };
    problem.help(help)
}

/// The value as JSON. Numbers keep their digits.
fn write(value: &Value) -> String {
    let mut text = String::new();
    write_into(&mut text, value);
    text
}

fn write_into(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => text.push_str(number.digits()),
        Value::Text(string) => write_text(text, string),
        Value::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write_into(text, item);
            }
            text.push(']');
        }
        Value::Record(record) => {
            text.push('{');
            for (index, (name, value)) in record.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write_text(text, name);
                text.push(':');
                write_into(text, value);
            }
            text.push('}');
        }
    }
}

fn write_text(text: &mut String, string: &str) {
    // Writing into a string cannot fail.
    let _ = write!(text, "{}", serde_json::Value::from(string));
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/access/v1/evaluation";

    #[test]
    fn what_is_sent_keeps_its_digits_and_asks_for_the_explanation() {
        let json = br#"{"context":{"n":9007199254740993,"d":0.10,"t":"a\"\n\u00e9","l":[null,true]},"options":{"reason":true}}"#;
        let body = crate::http::read_object(json, 64).unwrap();
        assert_eq!(
            write(&Value::Record(with_options(body, [("explain", Value::from(true))]))),
            "{\"context\":{\"d\":0.10,\"l\":[null,true],\"n\":9007199254740993,\"t\":\"a\\\"\\n\u{e9}\"},\
             \"options\":{\"explain\":true,\"reason\":true}}"
        );
    }

    #[test]
    fn only_http_addresses_are_asked() {
        assert_eq!(check_url("http://127.0.0.1:8181/", PATH).unwrap(), "http://127.0.0.1:8181");
        assert_eq!(check_url("http://127.0.0.1:8181/access/v1/evaluation", PATH).unwrap(), "http://127.0.0.1:8181");
        for (url, message) in [
            ("https://pdp.example", "`https://pdp.example` cannot be asked: this version does not speak https"),
            ("pdp.example", "`pdp.example` is not the address of a service"),
            ("http://", "`http://` is not the address of a service"),
        ] {
            assert_eq!(check_url(url, PATH).unwrap_err().message, message);
        }
    }
}
