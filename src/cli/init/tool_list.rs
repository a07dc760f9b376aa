//! Reads the answer of an MCP server to `tools/list`.

use crate::cli::output::misread;
use crate::json;
use crate::model::{Problem, Record, Value, shown};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;

/// Maximum size of a list, all of its pages together: a thousand tools with long descriptions have
/// some megabytes.
pub(super) const MAX_BYTES: u64 = 16 << 20;

/// Maximum number of tools: servers have some dozens, and no model reads thousands. Every policy is
/// checked for every action to which it may apply, so time grows with the square of it.
pub(super) const MAX_TOOLS: usize = 500;

/// Maximum length of a tool's name in bytes; MCP asks for 128 characters at most.
const MAX_NAME: usize = 256;

/// Maximum nesting of the JSON.
const MAX_DEPTH: usize = 200;

/// The server's name where nothing says another.
const SERVER: &str = "server";

/// Maximum length of a server's name.
const MAX_SERVER: usize = 64;

/// A server and its tools.
#[derive(Debug)]
pub(super) struct ToolList {
    pub(super) server: String,
    pub(super) tools: Vec<ListedTool>,
    /// Whether there are pages that were not read.
    pub(super) goes_on: bool,
}

/// A tool, as its server describes it.
#[derive(Debug)]
pub(super) struct ListedTool {
    pub(super) name: String,
    pub(super) description: String,
    /// The `inputSchema`; empty if there is none.
    pub(super) input: Record,
    /// Whether the server says that it only reads.
    pub(super) only_reads: bool,
}

/// One answer to `tools/list`.
#[derive(Debug)]
pub(super) struct ToolPage {
    pub(super) tools: Vec<ListedTool>,
    pub(super) next_cursor: Option<String>,
}

/// Returns `true` if the source of a list is an address and no file.
pub(super) fn is_address(source: &str) -> bool {
    source.contains("://")
}

/// Reads a file, or standard input for `-`.
pub(super) fn read_file(source: &str) -> Result<ToolList, Problem> {
    let shown = if source == "-" {
        "standard input"
    } else {
        source
    };
    let mut text = Vec::new();
    let read = if source == "-" {
        std::io::stdin()
            .lock()
            .take(MAX_BYTES + 1)
            .read_to_end(&mut text)
    } else {
        File::open(source).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut text))
    };
    read.map_err(|error| {
        Problem::new(format!("cannot read `{shown}`: {error}"))
            .help("name a file with the answer to `tools/list`, `-`, or the server's address")
    })?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(Problem::new(format!("`{shown}` has more than 16 MiB"))
            .help("leave out of the list what no policy is about"));
    }
    let page = parse(&text)?;
    check(ToolList {
        server: SERVER.to_owned(),
        tools: page.tools,
        goes_on: page.next_cursor.is_some(),
    })
}

/// Refuses a list without tools, with too many, or with a name that two tools have.
pub(super) fn check(list: ToolList) -> Result<ToolList, Problem> {
    if list.tools.is_empty() {
        return Err(Problem::new("the list has no tools")
            .help("ask the server again, with the credentials that it shows tools to"));
    }
    if list.tools.len() > MAX_TOOLS {
        let message = format!("the list has more than {MAX_TOOLS} tools");
        return Err(Problem::new(message).help("split it, and write a bundle for each part"));
    }
    let mut names = BTreeSet::new();
    for tool in &list.tools {
        if !names.insert(&tool.name) {
            let message = format!("the list has two tools of the name {}", quote(&tool.name));
            return Err(Problem::new(message)
                .help("nothing says which of them a call means: remove one of them"));
        }
    }
    Ok(list)
}

/// Reads the JSON of a list: the whole answer, its `result`, or the tools alone.
pub(super) fn parse(text: &[u8]) -> Result<ToolPage, Problem> {
    let is_bare = text.trim_ascii_start().first() == Some(&b'[');
    let wrapped = is_bare.then(|| [b"{\"tools\":".as_slice(), text, b"}"].concat());
    let text = wrapped.as_deref().unwrap_or(text);
    let object = json::read_object(text, MAX_DEPTH)
        .map_err(|error| foreign(misread("the list of tools", &error)))?;
    page(&object)
}

/// Reads an answer that is parsed already.
pub(super) fn page(object: &Record) -> Result<ToolPage, Problem> {
    if let Some(error) = object.get_present("error") {
        let said = error.as_record().and_then(|error| text(error, "message"));
        let said = said.unwrap_or_default();
        return Err(foreign(format!("the answer is an error: {}", quote(&said))));
    }
    let result = match object.get_present("result") {
        Some(result) => result
            .as_record()
            .ok_or_else(|| foreign(format!("`result` is {}, and no object", result.kind())))?,
        None => object,
    };
    let tools = match result.get_present("tools") {
        Some(Value::List(tools)) => tools,
        Some(other) => {
            return Err(foreign(format!(
                "`tools` is {}, and no array",
                other.kind()
            )));
        }
        None => return Err(foreign("the list has no member `tools`".to_owned())),
    };
    if let Some(other) = result.get_present("nextCursor")
        && other.as_text().is_none()
    {
        let kind = other.kind();
        return Err(foreign(format!(
            "`nextCursor` is {kind}, and no string: the list could go on"
        )));
    }
    let tools = tools.iter().enumerate().map(|(at, tool)| listed(at, tool));
    Ok(ToolPage {
        tools: tools.collect::<Result<_, _>>()?,
        next_cursor: text(result, "nextCursor").filter(|cursor| !cursor.is_empty()),
    })
}

fn listed(at: usize, tool: &Value) -> Result<ListedTool, Problem> {
    let wrong = |what: &str| foreign(format!("`tools[{at}]` {what}"));
    let tool = tool
        .as_record()
        .ok_or_else(|| wrong(&format!("is {}, and no object", tool.kind())))?;
    let name = text(tool, "name").ok_or_else(|| wrong("has no `name` that is a string"))?;
    let is_plain = name.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if name.is_empty() || name.len() > MAX_NAME || !is_plain || name.trim() != name {
        let name = quote(&name);
        let message = format!("`tools[{at}]` has a name that no policy can be about: {name}");
        return Err(Problem::new(message).help(format!(
            "a name has 1 to {MAX_NAME} printable characters of ASCII, as MCP asks, and no space \
             around them: another could look like the name of a tool that it is not"
        )));
    }
    let input = match tool.get_present("inputSchema") {
        None => Record::default(),
        Some(Value::Record(input)) => input.clone(),
        Some(other) => {
            let kind = other.kind();
            return Err(wrong(&format!(
                "has an `inputSchema` that is {kind}, and no object"
            )));
        }
    };
    let hints = tool.get_present("annotations").and_then(Value::as_record);
    let hint = |name: &str| hints.and_then(|hints| hints.get_present(name));
    let only_reads = hint("readOnlyHint") == Some(&Value::Bool(true));
    let destroys = hint("destructiveHint").is_some_and(|says| *says != Value::Bool(false));
    Ok(ListedTool {
        name,
        description: text(tool, "description").unwrap_or_default(),
        input,
        // A tool that says nothing counts as one that destroys, as MCP has it.
        only_reads: only_reads && !destroys,
    })
}

/// Returns the name of a server that was given, if it can stand in the name of an action.
pub(super) fn check_server(name: &str) -> Result<String, Problem> {
    if !name.is_empty() && name.len() <= MAX_SERVER && name.chars().all(is_of_server) {
        return Ok(name.to_owned());
    }
    Err(
        Problem::new(format!("{} cannot be the name of a server", quote(name))).help(format!(
            "`--server` takes 1 to {MAX_SERVER} letters, digits, `-`, `_` and `.`"
        )),
    )
}

/// Returns the name of a server that it gives itself, with `-` for what cannot be in it.
pub(super) fn server_from(info: Option<&Value>) -> String {
    let name = info
        .and_then(Value::as_record)
        .and_then(|info| text(info, "name"))
        .unwrap_or_default();
    let name: String = name
        .chars()
        .take(MAX_SERVER)
        .map(|c| if is_of_server(c) { c } else { '-' })
        .collect();
    let name = name.trim_matches('-');
    if name.is_empty() { SERVER } else { name }.to_owned()
}

fn is_of_server(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Returns a member that is a string.
pub(super) fn text(record: &Record, name: &str) -> Option<String> {
    record
        .get(name)
        .and_then(Value::as_text)
        .map(ToString::to_string)
}

/// Returns a text as messages show it: cut, and with escapes for what does not print.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", shown(&shown(text).escape_debug().to_string()))
}

fn foreign(message: String) -> Problem {
    Problem::new(message).help(
        "give the answer of an MCP server to `tools/list`: the whole of it, its `result`, or the \
         array of tools",
    )
}
