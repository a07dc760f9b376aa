//! A request to an MCP server, by its JSON-RPC message: the default mappings of COAZ's binding for
//! MCP, for the revisions 2025-11-25 and 2026-07-28.
//!
//! The body decides. What headers say of it must agree ([`headers`]), and a message that servers
//! could read in two ways is refused: members whose names differ in case alone, members that are no
//! part of a request, batches.

mod headers;

use super::route::question;
use super::{MappingRefusal, OriginalRequest};
use crate::model::{Record, Value, alike};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use url::Url;

/// The action that covers what belongs to a session and asks for nothing, unless a route names
/// another one for it.
pub const SESSION_ACTION: &str = "initialize";

/// The methods that belong to a session and ask for nothing. `notifications/*` stands for all that
/// begin so.
pub const SESSION_METHODS: [&str; 2] = ["ping", "notifications/*"];

/// What all notifications are called together.
const NOTIFICATIONS: &str = "notifications/*";

/// How their names begin.
const NOTIFICATION: &str = "notifications/";

/// The member of `_meta` that names the revision.
const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// The resource of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum McpResource {
    /// The server; with a member of the parameters that becomes one of the context, if there is
    /// one.
    Server(Option<(&'static str, &'static str)>),
    /// The tool that `name` names, with its arguments.
    Tool,
    /// The prompt that `name` names.
    Prompt,
    /// The resource at `uri`.
    Uri,
    /// The prompt or the resource of `ref`.
    Reference,
    /// The task that `taskId` names.
    Task,
}

/// Every method that is mapped by default.
const METHODS: [(&str, McpResource); 20] = [
    (
        "initialize",
        McpResource::Server(Some(("protocolVersion", "protocol_version"))),
    ),
    ("server/discover", McpResource::Server(None)),
    ("ping", McpResource::Server(None)),
    (NOTIFICATIONS, McpResource::Server(None)),
    ("tools/list", McpResource::Server(None)),
    ("tools/call", McpResource::Tool),
    ("prompts/list", McpResource::Server(None)),
    ("prompts/get", McpResource::Prompt),
    ("resources/list", McpResource::Server(None)),
    ("resources/templates/list", McpResource::Server(None)),
    ("resources/read", McpResource::Uri),
    ("resources/subscribe", McpResource::Uri),
    ("resources/unsubscribe", McpResource::Uri),
    ("completion/complete", McpResource::Reference),
    (
        "logging/setLevel",
        McpResource::Server(Some(("level", "level"))),
    ),
    ("tasks/list", McpResource::Server(None)),
    ("tasks/get", McpResource::Task),
    ("tasks/result", McpResource::Task),
    ("tasks/cancel", McpResource::Task),
    ("tasks/update", McpResource::Task),
];

/// An MCP server that a route leads to.
#[derive(Clone, Debug, Default)]
pub struct McpServer {
    /// The server's name, which stands before `/` in the ids of its tools, prompts and tasks.
    pub name: SmolStr,
    /// The actions of methods that are not called as the method is.
    pub actions: BTreeMap<SmolStr, SmolStr>,
    /// The arguments that a tool runs with where a call leaves them out, by the tool's name.
    pub defaults: BTreeMap<SmolStr, Record>,
}

impl McpServer {
    /// Returns `true` if a method of this name is mapped, so that an action can be given for it.
    #[must_use]
    pub fn maps(method: &str) -> bool {
        METHODS.iter().any(|(known, _)| *known == method)
    }

    /// Returns the type of the resource that a method is about; `None` for one that is not mapped,
    /// or whose messages name the type.
    #[must_use]
    pub fn resource_type(method: &str) -> Option<&'static str> {
        let (_, resource) = METHODS.iter().find(|(known, _)| *known == method)?;
        match resource {
            McpResource::Server(_) => Some("mcp_server"),
            McpResource::Tool => Some("tool"),
            McpResource::Prompt => Some("prompt"),
            McpResource::Uri => Some("resource"),
            McpResource::Task => Some("task"),
            McpResource::Reference => None,
        }
    }

    /// Returns the question that a message is asked as.
    pub(super) fn question(
        &self,
        request: &OriginalRequest<'_>,
        message: &Record,
    ) -> Result<Record, MappingRefusal> {
        let (method, params) = read_message(message)?;
        headers::check(request, method, &params)?;
        let name = if method.starts_with(NOTIFICATION) {
            NOTIFICATIONS
        } else {
            method
        };
        let known = METHODS.iter().find(|(known, _)| *known == name);
        let (name, resource) = known.ok_or(MappingRefusal::Unmapped)?;
        let is_session = SESSION_METHODS.contains(name);
        let action = match self.actions.get(*name) {
            Some(action) => action.as_str(),
            None if is_session => SESSION_ACTION,
            None => name,
        };
        let (kind, id, context) = self.resource(*resource, &params)?;
        Ok(question(action, kind, id, context))
    }

    fn resource(
        &self,
        resource: McpResource,
        params: &Record,
    ) -> Result<(&'static str, SmolStr, Record), MappingRefusal> {
        let own = |id: &str| SmolStr::from(format!("{}/{id}", self.name));
        let mut context = Record::new();
        let (kind, id) = match resource {
            McpResource::Server(member) => {
                if let Some((from, to)) = member
                    && let Some(value @ Value::Text(_)) = params.get(from)
                {
                    context.insert(to, value.clone());
                }
                ("mcp_server", self.name.clone())
            }
            McpResource::Tool => {
                let name = text(params, "name")?;
                context.insert("arguments", Value::Record(self.arguments(name, params)?));
                ("tool", own(name))
            }
            McpResource::Prompt => ("prompt", own(text(params, "name")?)),
            McpResource::Uri => ("resource", uri(text(params, "uri")?)?),
            McpResource::Task => ("task", own(text(params, "taskId")?)),
            McpResource::Reference => {
                let Some(Value::Record(reference)) = params.get("ref") else {
                    return Err(MappingRefusal::Missing("ref".into()));
                };
                match text(reference, "type")?.as_str() {
                    "ref/prompt" => ("prompt", own(text(reference, "name")?)),
                    "ref/resource" => ("resource", uri(text(reference, "uri")?)?),
                    _ => return Err(MappingRefusal::Unmapped),
                }
            }
        };
        Ok((kind, id, context))
    }

    /// Returns the arguments that a tool runs with.
    fn arguments(&self, tool: &str, params: &Record) -> Result<Record, MappingRefusal> {
        let mut arguments = match params.get("arguments") {
            None | Some(Value::Null) => Record::new(),
            Some(Value::Record(arguments)) => arguments.clone(),
            Some(_) => return Err(MappingRefusal::Message("`arguments` is no object")),
        };
        let defaults = self.defaults.get(tool).into_iter().flat_map(Record::iter);
        for (name, value) in defaults {
            match arguments.get(name) {
                // Some tools run with the default then, and others with nothing.
                Some(Value::Null) => {
                    return Err(MappingRefusal::Message(
                        "an argument with a default is null",
                    ));
                }
                Some(_) => {}
                None => arguments.insert(name.clone(), value.clone()),
            }
        }
        // A server whose reader ignores case runs with `Limit` where `limit` was put in.
        if has_twins(&arguments) {
            return Err(MappingRefusal::Message(
                "an argument is spelled like a default's in another case",
            ));
        }
        Ok(arguments)
    }
}

/// Reads the method and the parameters of a message.
fn read_message(message: &Record) -> Result<(&SmolStr, Record), MappingRefusal> {
    let refused = |why| Err(MappingRefusal::Message(why));
    let known = ["jsonrpc", "id", "method", "params"];
    if message
        .iter()
        .any(|(name, _)| !known.contains(&name.as_str()))
    {
        return refused("it has a member that a request does not have");
    }
    if has_twins(message) {
        return refused("two members of an object have names that differ in case alone");
    }
    if message
        .get("jsonrpc")
        .and_then(Value::as_text)
        .map(SmolStr::as_str)
        != Some("2.0")
    {
        return refused("`jsonrpc` is not `\"2.0\"`");
    }
    let Some(Value::Text(method)) = message.get("method") else {
        return refused("`method` is missing, or no text");
    };
    let is_notification = method.starts_with(NOTIFICATION);
    match message.get("id") {
        None if is_notification => {}
        Some(Value::Text(_) | Value::Number(_)) if !is_notification => {}
        _ => return refused("`id` is missing, is neither a text nor a number, or does not belong"),
    }
    let params = match message.get("params") {
        None => Record::new(),
        Some(Value::Record(params)) => params.clone(),
        Some(_) => return refused("`params` is no object"),
    };
    // A server whose reader ignores case would take `Name` for the tool's name.
    let read = [
        "name",
        "arguments",
        "uri",
        "ref",
        "taskId",
        "_meta",
        "level",
        "protocolVersion",
    ];
    let is_near = |name: &SmolStr| read.iter().any(|known| alike(known, name) && known != name);
    if params.iter().any(|(name, _)| is_near(name)) {
        return refused("a parameter is spelled like a known one in another case");
    }
    Ok((method, params))
}

/// Returns `true` if an object, at any depth, has two members whose names differ in case alone.
fn has_twins(record: &Record) -> bool {
    // Letters with several small forms have one capital, and the reverse.
    let folded = |name: &SmolStr| name.to_uppercase().to_lowercase();
    let mut names: Vec<String> = record.iter().map(|(name, _)| folded(name)).collect();
    names.sort_unstable();
    let is_twin = names
        .windows(2)
        .any(|pair| matches!(pair, [one, other] if one == other));
    is_twin || record.iter().any(|(_, value)| has_twins_within(value))
}

fn has_twins_within(value: &Value) -> bool {
    match value {
        Value::Record(record) => has_twins(record),
        Value::List(items) => items.iter().any(has_twins_within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
    }
}

/// Returns a parameter that must be a text.
fn text<'r>(params: &'r Record, name: &'static str) -> Result<&'r SmolStr, MappingRefusal> {
    match params.get(name) {
        Some(Value::Text(text)) if !text.is_empty() => Ok(text),
        _ => Err(MappingRefusal::Missing(name.into())),
    }
}

/// Returns a URI, which must be spelled as servers look it up: two spellings of one are not two.
fn uri(text: &SmolStr) -> Result<SmolStr, MappingRefusal> {
    let is_other = Url::parse(text).is_ok_and(|url| url.as_str() != text);
    if is_other || !is_normal(text) {
        let why = "it is not in its normal form";
        return Err(MappingRefusal::ambiguous("`uri`", why));
    }
    Ok(text.clone())
}

/// Returns `true` if a URI, of whatever scheme, has no second spelling: RFC 3986 section 6.2.2, and
/// no empty segment, which some servers leave out.
fn is_normal(text: &str) -> bool {
    let rest = text.split_once(':').map_or(text, |(_, rest)| rest);
    let path = match rest.strip_prefix("//") {
        Some(rest) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            if authority.contains(|c: char| c.is_uppercase() || c == '%') {
                return false;
            }
            path
        }
        None => rest,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let has_dots = path.split('/').any(|part| matches!(part, "." | ".."));
    let is_escape = |escape: &str| {
        let digits = escape.get(..2).filter(|digits| {
            let fits = |b: u8| b.is_ascii_digit() || matches!(b, b'A'..=b'F');
            digits.bytes().all(fits)
        });
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        byte.is_some_and(|b| !b.is_ascii_alphanumeric() && !b"-._~/\\".contains(&b))
    };
    !has_dots
        && !path.contains("//")
        && !text.contains('\\')
        && text.split('%').skip(1).all(is_escape)
}

#[cfg(test)]
mod tests;
