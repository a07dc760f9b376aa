//! Reads the request to be explained: from a file, from standard input, or from the command line;
//! or the line of the decision record that is to be asked again.

use super::record_line::{RecordedDecision, is_record};
use crate::bundle::spelled_out;
use crate::cli::args::ExplainArguments;
use crate::cli::chain::with_signs;
use crate::cli::output::misread;
use crate::http::HttpLimits;
use crate::json::read_object;
use crate::model::{Problem, Record, Value};
use std::io::Read;

/// Options that change how an answer is written, but not the decision.
const HARMLESS_OPTIONS: [&str; 3] = ["reason", "explain", "evaluations_semantic"];

/// What is to be explained.
#[derive(Debug)]
pub(super) enum ExplainSubject {
    /// The body of a request.
    Request(Record),
    /// A line of the decision record.
    Record(Box<RecordedDecision>),
}

/// Reads what is to be explained.
pub(super) fn read(arguments: &ExplainArguments) -> Result<ExplainSubject, Problem> {
    let ExplainArguments {
        request,
        action,
        resource,
        context,
        ..
    } = arguments;
    if let (Some(action), Some(resource)) = (action, resource) {
        let body = spelled(request, action, resource, context.as_deref())?;
        return Ok(ExplainSubject::Request(body));
    }
    let (bytes, what) = if request == "-" {
        let bytes = read_limited(std::io::stdin().lock(), "standard input")?;
        (bytes, "the request".to_owned())
    } else if request.trim_start().starts_with('{') {
        (request.clone().into_bytes(), "the request".to_owned())
    } else {
        let file = std::fs::File::open(request).map_err(|error| {
            Problem::new(format!("the request `{request}` cannot be read: {error}")).help(
                "name a file with an AuthZEN request, `-`, or a chain with \
                 an action and a resource",
            )
        })?;
        let bytes = read_limited(file, request)?;
        (bytes, format!("the request in `{request}`"))
    };
    let body = match parse(&bytes, &what) {
        Ok(body) => body,
        Err(problem) => return Err(several_lines(&bytes).unwrap_or(problem)),
    };
    if is_record(&body) {
        let recorded = RecordedDecision::read(&bytes)?;
        return Ok(ExplainSubject::Record(Box::new(recorded)));
    }
    if body.get_present("evaluations").is_some() {
        return Err(Problem::new("the request is a batch").help("explain its items one by one"));
    }
    Ok(ExplainSubject::Request(body))
}

/// Makes a request from its parts on the command line.
fn spelled(
    chain: &str,
    action: &str,
    resource: &str,
    context: Option<&str>,
) -> Result<Record, Problem> {
    let context = context
        .map(|text| parse(text.as_bytes(), "`--context`"))
        .transpose()?;
    let chain = with_signs(chain)?;
    spelled_out(&chain, action, resource, context.unwrap_or_default()).map_err(|error| {
        Problem::new(error.to_string()).help("see the examples of `behest explain --help`")
    })
}

/// Returns the problem of a text that has several lines of the decision record.
fn several_lines(bytes: &[u8]) -> Option<Problem> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = parse(lines.next()?, "the request").ok()?;
    let is_several = is_record(&first) && lines.any(|line| !line.is_empty());
    is_several.then(|| {
        Problem::new("these are several lines of the decision record")
            .help("pass one of them: `grep ID FILE | behest explain -`")
    })
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
