//! Reads the request to be explained: from a file, from standard input, or from the command line.

use crate::bundle::spelled_out;
use crate::cli::args::ExplainArguments;
use crate::cli::chain::with_signs;
use crate::cli::output::misread;
use crate::http::HttpLimits;
use crate::json::read_object;
use crate::model::{Problem, Record, Request, Value};
use std::io::Read;

/// Options that change how an answer is written, but not the decision.
const HARMLESS_OPTIONS: [&str; 3] = ["reason", "explain", "evaluations_semantic"];

/// Reads the request's body.
pub(super) fn read(arguments: &ExplainArguments) -> Result<Record, Problem> {
    let ExplainArguments {
        request,
        action,
        resource,
        context,
        ..
    } = arguments;
    let body = match (action, resource) {
        (Some(action), Some(resource)) => {
            let context = context
                .as_deref()
                .map(|text| parse(text.as_bytes(), "`--context`"))
                .transpose()?;
            let chain = with_signs(request)?;
            let request = spelled_out(&chain, action, resource, context.unwrap_or_default())
                .map_err(|error| {
                    Problem::new(error.to_string())
                        .help("see the examples of `behest explain --help`")
                })?;
            body_of(request)
        }
        _ if request == "-" => parse(
            &read_limited(std::io::stdin().lock(), "standard input")?,
            "the request",
        )?,
        _ => {
            let file = std::fs::File::open(request).map_err(|error| {
                Problem::new(format!("the request `{request}` cannot be read: {error}")).help(
                    "name a file with an AuthZEN request, `-`, or a chain with \
                     an action and a resource",
                )
            })?;
            parse(
                &read_limited(file, request)?,
                &format!("the request in `{request}`"),
            )?
        }
    };
    if body.get_present("evaluations").is_some() {
        return Err(Problem::new("the request is a batch").help("explain its items one by one"));
    }
    Ok(body)
}

/// Refuses options that change the decision: an answer that ignores one would be wrong.
pub(super) fn refuse_options(body: &Record) -> Result<(), Problem> {
    let options = body.get_present("options").and_then(Value::as_record);
    let unknown = options.and_then(|options| {
        options
            .iter()
            .find(|(name, value)| !HARMLESS_OPTIONS.contains(&name.as_str()) && !value.is_null())
    });
    match unknown {
        Some((name, _)) => Err(
            Problem::new(format!("`options.{name}` cannot be explained"))
                .help("leave it out of the request"),
        ),
        None => Ok(()),
    }
}

fn parse(bytes: &[u8], what: &str) -> Result<Record, Problem> {
    read_object(bytes, HttpLimits::default().json_depth).map_err(|error| {
        Problem::new(misread(what, &error))
            .help("see `behest explain --help` for the form of a request")
    })
}

/// Reads a request of at most the size that a service takes by default.
fn read_limited(source: impl Read, name: &str) -> Result<Vec<u8>, Problem> {
    let max_bytes = HttpLimits::default().body_bytes;
    let mut bytes = Vec::new();
    source
        .take(
            u64::try_from(max_bytes)
                .unwrap_or(u64::MAX)
                .saturating_add(1),
        )
        .read_to_end(&mut bytes)
        .map_err(|error| {
            Problem::new(format!("`{name}` cannot be read: {error}"))
                .help("name a file with a request")
        })?;
    if bytes.len() <= max_bytes {
        Ok(bytes)
    } else {
        Err(
            Problem::new(format!("`{name}` has more than {max_bytes} bytes"))
                .help("name a file with one request"),
        )
    }
}

fn body_of(request: Request) -> Record {
    let Request {
        subject,
        action,
        resource,
        context,
        replaced_context: _,
        replaced_subject: _,
        flaws: _,
    } = request;
    let action = Record::from_iter([("name".into(), Value::Text(action.name))]);
    let resource = Record::from_iter([
        ("type".into(), Value::Text(resource.uid.kind)),
        ("id".into(), Value::Text(resource.uid.id)),
    ]);
    Record::from_iter([
        ("subject".into(), Value::Record(subject)),
        ("action".into(), Value::Record(action)),
        ("resource".into(), Value::Record(resource)),
        ("context".into(), Value::Record(context)),
    ])
}
