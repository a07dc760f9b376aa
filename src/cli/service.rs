//! A client for a running service over HTTP.
//!
//! INVARIANT: the key is sent only to the service that was named: there are no redirects and no
//! proxies.

use crate::model::Problem;
use serde::Deserialize;
use std::io::Read;
use std::time::Duration;
use ureq::http::Response;
use ureq::{Agent, Body};

/// The environment variable that holds the key; a command-line argument would be visible to anyone
/// who lists the machine's processes.
pub(super) const KEY_VARIABLE: &str = "BEHEST_KEY";

/// Maximum size of an answer that is read whole; an explanation with many policies has a few
/// hundred kilobytes.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// A client for the service at an address.
#[derive(Debug)]
pub(super) struct Service {
    url: String,
    agent: Agent,
}

/// The answer of a service.
#[derive(Debug)]
pub(super) struct Reply {
    /// The HTTP status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// An error body of either API: AuthZEN's has `error` with code and message inside, OpenFGA's has
/// them at the top.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorText {
    error: ErrorTextDetail,
    code: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
#[serde(expecting = "struct Detail")]
struct ErrorTextDetail {
    code: String,
    message: String,
}

impl Service {
    /// Makes a client for the service at `url`. `patience` limits each call whose answer is read
    /// whole.
    pub(super) fn at(url: &str, patience: Duration) -> Result<Self, Problem> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None);
        let agent = config.timeout_global(Some(patience)).build().new_agent();
        Ok(Self {
            url: check_url(url)?,
            agent,
        })
    }

    /// Returns the address in the form that is shown.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Posts JSON.
    pub(super) fn post(&self, path: &str, body: &[u8]) -> Result<Reply, Problem> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("Content-Type", "application/json");
        if let Some(key) = key() {
            request = request.header("Authorization", key);
        }
        let response = request
            .send(body)
            .map_err(|error| self.unreachable(&error))?;
        self.whole(response)
    }

    /// Gets an answer.
    pub(super) fn get(&self, path: &str) -> Result<Reply, Problem> {
        let response = self
            .request(path)
            .call()
            .map_err(|error| self.unreachable(&error))?;
        self.whole(response)
    }

    /// Gets an answer that may be large: returns a reader of its body, and the value of `header` if
    /// the answer has it. The body has no time limit, and may break off.
    pub(super) fn stream(
        &self,
        path: &str,
        query: &[(&str, &str)],
        header: &str,
    ) -> Result<(impl Read + use<>, Option<String>), Problem> {
        let request = self.request(path).query_pairs(query.iter().copied());
        let request = request
            .config()
            .timeout_global(None)
            .timeout_connect(Some(CONNECT))
            .build();
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        if response.status().as_u16() != 200 {
            let reply = self.whole(response)?;
            return Err(self.refused(&reply, "the permission `relations.read`"));
        }
        let named = response
            .headers()
            .get(header)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((response.into_body().into_reader(), named))
    }

    fn request(&self, path: &str) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
        let request = self.agent.get(format!("{}{path}", self.url));
        match key() {
            Some(key) => request.header("Authorization", key),
            None => request,
        }
    }

    fn whole(&self, mut response: Response<Body>) -> Result<Reply, Problem> {
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec();
        Ok(Reply {
            status,
            body: body.map_err(|error| self.unreachable(&error))?,
        })
    }

    fn unreachable(&self, error: &ureq::Error) -> Problem {
        Problem::new(format!("`{}` does not answer: {error}", self.url))
            .help("check the address, and that the service runs there: `behest serve`")
    }

    /// Turns an error answer into a problem that a person can read. `permissions` says in words
    /// what the call needs: `the permission …`.
    pub(super) fn refused(&self, reply: &Reply, permissions: &str) -> Problem {
        let (_, said) = reply.error();
        let said = said.unwrap_or_else(|| "it says nothing more".to_owned());
        let help = match reply.status {
            401 => format!("set {KEY_VARIABLE} to a key of the service"),
            403 => format!("use a key with {permissions}, in {KEY_VARIABLE}"),
            404 => "check the address: is behest what answers there?".to_owned(),
            _ => "see the service's log".to_owned(),
        };
        Problem::new(format!(
            "`{}` refuses with status {}: {said}",
            self.url, reply.status
        ))
        .help(help)
    }
}

impl Reply {
    /// Returns the code and the message of an error body; no message if the body has another form.
    pub(super) fn error(&self) -> (String, Option<String>) {
        let text: ErrorText = serde_json::from_slice(&self.body).unwrap_or_default();
        let (code, message) = if text.message.is_empty() {
            (text.error.code, text.error.message)
        } else {
            (text.code, text.message)
        };
        (code, Some(message).filter(|message| !message.is_empty()))
    }
}

/// Timeout of a connection: a running service accepts at once.
const CONNECT: Duration = Duration::from_secs(10);

fn key() -> Option<String> {
    let key = std::env::var(KEY_VARIABLE)
        .ok()
        .filter(|key| !key.is_empty())?;
    Some(format!("Bearer {key}"))
}

fn check_url(url: &str) -> Result<String, Problem> {
    if url.starts_with("https://") {
        return Err(Problem::new(format!(
            "`{url}` cannot be asked: this version does not speak https"
        ))
        .help("ask the service's own http address, or go through a proxy on this machine"));
    }
    match url.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', ' ']) => {
            Ok(url.trim_end_matches('/').to_owned())
        }
        _ => Err(
            Problem::new(format!("`{url}` is not the address of a service"))
                .help("write for example `http://127.0.0.1:8181`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_addresses_are_asked() {
        assert_eq!(
            check_url("http://127.0.0.1:8181/").unwrap(),
            "http://127.0.0.1:8181"
        );
        for (url, message) in [
            (
                "https://pdp.example",
                "`https://pdp.example` cannot be asked: this version does not speak https",
            ),
            (
                "pdp.example",
                "`pdp.example` is not the address of a service",
            ),
            ("http://", "`http://` is not the address of a service"),
        ] {
            assert_eq!(check_url(url).unwrap_err().message, message);
        }
    }

    #[test]
    fn errors_of_both_apis_are_read() {
        let told = |body: &str| {
            Reply {
                status: 400,
                body: body.into(),
            }
            .error()
        };
        assert_eq!(
            told(r#"{"code":"a","message":"b"}"#),
            ("a".into(), Some("b".into()))
        );
        assert_eq!(
            told(r#"{"error":{"code":"a","message":"b","member":"c"}}"#),
            ("a".into(), Some("b".into()))
        );
        assert_eq!(told("<html>"), (String::new(), None));
    }
}
