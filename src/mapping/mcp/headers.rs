//! Headers that repeat what a message of MCP says (revision 2026-07-28): they must say the same.
//!
//! A gateway routes by headers and a server acts by the body, or the other way round. So a header
//! that is there must agree, and in revisions that demand it, it must be there.

use super::{PROTOCOL_VERSION, text};
use crate::mapping::{MappingRefusal, OriginalRequest};
use crate::model::{Record, Value};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use smol_str::SmolStr;
use std::borrow::Cow;

/// The first revision in which `Mcp-Method` and `Mcp-Name` must be sent.
const DEMANDED_SINCE: &str = "2026-07-28";

/// The methods whose target `Mcp-Name` repeats, with the parameter that it is.
const NAMED: [(&str, &str); 7] = [
    ("tools/call", "name"),
    ("prompts/get", "name"),
    ("resources/read", "uri"),
    ("tasks/get", "taskId"),
    ("tasks/cancel", "taskId"),
    ("tasks/update", "taskId"),
    ("tasks/result", "taskId"),
];

/// How the header of an argument begins.
const ARGUMENT: &str = "mcp-param-";

/// Refuses headers that do not say what the message says.
pub(super) fn check(
    request: &OriginalRequest<'_>,
    method: &SmolStr,
    params: &Record,
) -> Result<(), MappingRefusal> {
    let in_header = request.header("mcp-protocol-version")?;
    let meta = params.get("_meta").and_then(Value::as_record);
    let in_body = match meta.and_then(|meta| meta.get(PROTOCOL_VERSION)) {
        None => None,
        Some(Value::Text(version)) => Some(version.as_str()),
        Some(_) => return Err(differs("mcp-protocol-version")),
    };
    if let (Some(header), Some(body)) = (in_header, in_body)
        && header != body
    {
        return Err(differs("mcp-protocol-version"));
    }
    let is_demanded = [in_header, in_body]
        .iter()
        .flatten()
        .any(|it| *it >= DEMANDED_SINCE);
    agree(request, "mcp-method", Some(method), is_demanded)?;
    let named = NAMED.iter().find(|(known, _)| *known == method);
    let name = named.map(|(_, member)| text(params, member)).transpose()?;
    agree(request, "mcp-name", name, is_demanded && name.is_some())?;
    check_arguments(request, params)
}

/// Refuses a header that is not what the body says, or is missing where it is demanded.
fn agree(
    request: &OriginalRequest<'_>,
    name: &'static str,
    said: Option<&SmolStr>,
    is_demanded: bool,
) -> Result<(), MappingRefusal> {
    match (request.header(name)?, said) {
        (None, _) if !is_demanded => Ok(()),
        (Some(header), Some(said)) if decoded(header).as_deref() == Some(said.as_str()) => Ok(()),
        (None | Some(_), _) => Err(differs(name)),
    }
}

/// Refuses the header of an argument that no argument of the call says. Which argument a header
/// repeats stands in the tool's schema, which the server holds and checks itself.
fn check_arguments(request: &OriginalRequest<'_>, params: &Record) -> Result<(), MappingRefusal> {
    let names = request.headers.iter().map(|(name, _)| *name);
    for name in names.filter(|name| name.starts_with(ARGUMENT)) {
        let header = request.header(name)?.and_then(decoded);
        let is_said = header.is_some_and(|header| {
            params
                .get("arguments")
                .is_some_and(|arguments| says(arguments, &header))
        });
        if !is_said {
            return Err(differs(name));
        }
    }
    Ok(())
}

/// Returns `true` if a value, or one in it, is this text.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => text == if *flag { "true" } else { "false" },
        Value::Number(number) => number.digits() == text,
        Value::Text(own) => own == text,
        Value::List(items) => items.iter().any(|item| says(item, text)),
        Value::Record(record) => record.iter().any(|(_, value)| says(value, text)),
    }
}

/// Decodes a header's value: `=?base64?…?=` stands for a text that a header cannot hold.
fn decoded(header: &str) -> Option<Cow<'_, str>> {
    let encoded = header
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="));
    let Some(encoded) = encoded else {
        return Some(Cow::Borrowed(header));
    };
    let bytes = BASE64_STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn differs(name: &str) -> MappingRefusal {
    MappingRefusal::HeaderDiffers(name.into())
}
