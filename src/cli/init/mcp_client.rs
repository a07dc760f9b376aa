//! Asks a running MCP server for its tools, over the transport "streamable HTTP".
//!
//! INVARIANT: an address that is no loopback is asked over https only. All answers together are
//! bounded in size, each call in time, and pages in number; there are no redirects and no proxies.

use super::tool_list::{self, MAX_BYTES, MAX_TOOLS, ToolList};
use crate::cli::output::misread;
use crate::cli::service::is_this_machine;
use crate::json;
use crate::model::{Problem, Record, Value};
use serde_json::json;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{Response, Uri};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};

/// Timeout of each call: a list is at hand, or the server has to start something first.
const PATIENCE: Duration = Duration::from_secs(15);

/// Maximum number of pages of a list.
const MAX_PAGES: u64 = 50;

/// Maximum nesting of the JSON.
const MAX_DEPTH: usize = 200;

/// The version of the protocol that is asked for.
const VERSION: &str = "2025-06-18";

/// The header by which a server knows its session.
const SESSION: &str = "Mcp-Session-Id";

const ADDRESS_HELP: &str = "write for example `http://127.0.0.1:3001/mcp`";

/// Returns the tools of the server at an address.
pub(super) fn ask(url: &str) -> Result<ToolList, Problem> {
    let mut session = McpSession::begin(url)?;
    let server = tool_list::server_from(session.info.as_ref());
    let mut tools = Vec::new();
    let mut cursor: Option<String> = None;
    for page in 0..MAX_PAGES {
        let parameters = match &cursor {
            Some(cursor) => json!({ "cursor": cursor }),
            None => json!({}),
        };
        let result = session.call(page + 2, "tools/list", &parameters)?;
        let page = tool_list::page(&result)?;
        tools.extend(page.tools);
        cursor = page.next_cursor;
        // A list that is refused already grows no further.
        if cursor.is_none() || tools.len() > MAX_TOOLS {
            break;
        }
    }
    if cursor.is_some() && tools.len() <= MAX_TOOLS {
        let message = format!("the list of `{url}` has more than {MAX_PAGES} pages");
        return Err(Problem::new(message).help("give a file with the tools that matter"));
    }
    tool_list::check(ToolList {
        server,
        tools,
        goes_on: false,
    })
}

struct McpSession<'u> {
    url: &'u str,
    agent: Agent,
    id: Option<String>,
    /// What the server says about itself.
    info: Option<Value>,
    /// How many bytes of answers are still read.
    left: u64,
}

impl<'u> McpSession<'u> {
    fn begin(url: &'u str) -> Result<Self, Problem> {
        check_address(url)?;
        let mut session = Self {
            url,
            agent: agent(),
            id: None,
            info: None,
            left: MAX_BYTES,
        };
        let result = session.call(
            1,
            "initialize",
            &json!({
                "protocolVersion": VERSION,
                "capabilities": {},
                "clientInfo": { "name": "behest", "version": env!("CARGO_PKG_VERSION") },
            }),
        )?;
        session.info = result.get("serverInfo").cloned();
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        session.post(&ready)?;
        Ok(session)
    }

    /// Calls a method, and returns its result.
    fn call(
        &mut self,
        id: u64,
        method: &str,
        parameters: &serde_json::Value,
    ) -> Result<Record, Problem> {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters });
        let response = self.post(&body)?;
        let header = |name: &str| {
            let value = response.headers().get(name)?;
            value.to_str().ok().map(str::to_owned)
        };
        if let Some(session) = header(SESSION) {
            self.id = Some(session);
        }
        let kind = header("content-type").unwrap_or_default();
        let is_stream = kind.trim_start().starts_with("text/event-stream");
        let mut reader = response.into_body().into_reader().take(self.left);
        let answer = if is_stream {
            self.event(&mut reader, id)
        } else {
            let mut text = Vec::new();
            let read = reader.read_to_end(&mut text);
            read.map_err(|error| self.unreachable(&error))
                .and_then(|_| self.parse(&text))
        };
        self.left = reader.limit();
        if self.left == 0 {
            let message = format!("`{}` answers with more than 16 MiB", self.url);
            return Err(Problem::new(message).help("give a file with the tools that matter"));
        }
        let answer = answer?;
        if !is_answer(&answer, id) {
            return Err(self.foreign(&format!("what it sends is no answer to `{method}`")));
        }
        match answer.get("result") {
            Some(Value::Record(result)) => Ok(result.clone()),
            _ => {
                let error = answer.get("error").and_then(Value::as_record);
                let said = error.and_then(|error| tool_list::text(error, "message"));
                let said = said.map_or_else(
                    || "it says nothing more".to_owned(),
                    |said| tool_list::quote(&said),
                );
                Err(self.foreign(&format!("`{method}` has no result: {said}")))
            }
        }
    }

    fn post(&self, body: &serde_json::Value) -> Result<Response<Body>, Problem> {
        let mut request = self
            .agent
            .post(self.url)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json, text/event-stream");
        if let Some(id) = &self.id {
            request = request.header(SESSION, id);
        }
        if body
            .get("method")
            .is_some_and(|method| method != "initialize")
        {
            request = request.header("MCP-Protocol-Version", VERSION);
        }
        let response = request
            .send(body.to_string())
            .map_err(|error| self.unreachable(&error))?;
        match response.status().as_u16() {
            200..=299 => Ok(response),
            401 | 403 => {
                let message = format!("`{}` wants credentials", self.url);
                Err(Problem::new(message)
                    .help("ask it with a client that has them, and give the answer as a file"))
            }
            status => Err(self.foreign(&format!("it answers with status {status}"))),
        }
    }

    /// Reads a stream of events up to the answer to a call. The server may send others before it.
    fn event(&self, stream: impl Read, id: u64) -> Result<Record, Problem> {
        let mut lines = BufReader::new(stream);
        let mut data = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = lines
                .read_until(b'\n', &mut line)
                .map_err(|error| self.unreachable(&error))?;
            let line = line.trim_ascii_end();
            if let Some(rest) = line.strip_prefix(b"data:") {
                data.extend_from_slice(rest);
                data.push(b'\n');
            }
            if line.is_empty() && !data.trim_ascii().is_empty() {
                let answer = self.parse(&data)?;
                if is_answer(&answer, id) {
                    return Ok(answer);
                }
                data.clear();
            }
            if read == 0 {
                return Err(self.foreign("its stream ends before the answer"));
            }
        }
    }

    fn parse(&self, text: &[u8]) -> Result<Record, Problem> {
        json::read_object(text, MAX_DEPTH)
            .map_err(|error| self.foreign(&misread("its answer", &error)))
    }

    fn unreachable(&self, error: &dyn std::error::Error) -> Problem {
        Problem::new(format!("`{}` does not answer: {error}", self.url))
            .help("check the address, or give a file with its answer to `tools/list`")
    }

    fn foreign(&self, what: &str) -> Problem {
        Problem::new(format!(
            "`{}` answers as no MCP server does: {what}",
            self.url
        ))
        .help("check the address and its path, or give a file with the answer to `tools/list`")
    }
}

/// Returns `true` if a message is the answer to a call, and no request of the server's own.
fn is_answer(message: &Record, id: u64) -> bool {
    let is_of_call = matches!(
        message.get("id"),
        Some(Value::Number(number)) if number.digits() == id.to_string()
    );
    is_of_call && message.get("method").is_none()
}

fn agent() -> Agent {
    let authorities = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<_> = authorities
        .iter()
        .map(|authority| ureq::tls::Certificate::from_der(authority.as_ref()).to_owned())
        .collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&roots))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("behest/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Refuses an address that is not https, unless it is of this machine.
fn check_address(url: &str) -> Result<(), Problem> {
    let address = || format!("`{url}` is not the address of an MCP server");
    let uri: Uri = url
        .parse()
        .map_err(|_| Problem::new(address()).help(ADDRESS_HELP))?;
    let host = uri.host().unwrap_or_default();
    let has_user = uri
        .authority()
        .is_some_and(|part| part.as_str().contains('@'));
    if host.is_empty() || has_user {
        return Err(Problem::new(address()).help(ADDRESS_HELP));
    }
    let is_local = is_this_machine(host);
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_local => Ok(()),
        Some("http") => Err(Problem::new(format!("`{url}` would be asked in the clear"))
            .help("use its https address; http is for servers on this machine")),
        _ => Err(Problem::new(address()).help(ADDRESS_HELP)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for url in [
            "https://mcp.example/mcp",
            "http://127.0.0.1:3001/mcp",
            "http://localhost/mcp",
            "http://[::1]:80/",
        ] {
            check_address(url).unwrap();
        }
        for (url, message) in [
            ("http://mcp.example/mcp", "would be asked in the clear"),
            ("http://127.0.0.1.example/", "would be asked in the clear"),
            ("ftp://localhost/", "is not the address of an MCP server"),
            (
                "https://me:secret@mcp.example/",
                "is not the address of an MCP server",
            ),
            ("https://", "is not the address of an MCP server"),
        ] {
            let problem = check_address(url).unwrap_err();
            assert!(problem.message.contains(message), "{problem}");
        }
    }
}
