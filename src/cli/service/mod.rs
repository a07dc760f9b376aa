//! A client for a running service over HTTP.
//!
//! INVARIANT: the key is sent only to the service that was named: there are no redirects and no
//! proxies.

mod address;
mod socket;
mod trust;

pub(super) use address::{ServiceAddress, is_this_machine};
pub(super) use trust::ClientFiles;

use super::exit::CommandFailure;
use super::output::one_line;
use crate::model::Problem;
use serde::Deserialize;
use socket::SocketConnector;
use std::io::Read;
use std::time::Duration;
use ureq::http::Response;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::{Agent, Body};

/// The environment variable that holds the key; a command-line argument would be visible to anyone
/// who lists the machine's processes.
pub(super) const KEY_VARIABLE: &str = "BEHEST_KEY";

/// Maximum size of an answer that is read whole; an explanation with many policies has a few
/// hundred kilobytes.
const MAX_ANSWER_BYTES: u64 = 16 << 20;

/// A service that a command line names.
#[derive(Clone, Debug)]
pub(super) struct NamedService {
    pub(super) address: ServiceAddress,
    files: ClientFiles,
}

impl NamedService {
    /// Reads an address, and refuses files for TLS that it has no use for.
    pub(super) fn new(address: &str, files: ClientFiles) -> Result<Self, CommandFailure> {
        let address = ServiceAddress::read(address)?;
        let is_secure = matches!(address, ServiceAddress::Https(_));
        if !is_secure && files != ClientFiles::default() {
            let told = format!(
                "`--ca`, `--cert` and `--key-file` are for https, and `{}` is not",
                address.shown()
            );
            return Err(CommandFailure::usage(
                Problem::new(told).help("write `https://…`, or leave them out"),
            ));
        }
        Ok(Self { address, files })
    }

    /// Refuses to send a key in the clear to another machine.
    pub(super) fn check_key(&self, allow_http: bool) -> Result<(), CommandFailure> {
        if allow_http || key().is_none() || !self.address.is_exposed() {
            return Ok(());
        }
        let told = format!(
            "the key in `{KEY_VARIABLE}` would go in the clear to `{}`",
            self.address.shown()
        );
        Err(CommandFailure::usage(Problem::new(told).help(
            "use its https address; `--allow-http` sends the key nonetheless, within a network \
             that encrypts by itself",
        )))
    }
}

/// A client for the service at an address.
#[derive(Debug)]
pub(super) struct Service {
    address: ServiceAddress,
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
    /// Makes a client for a service. `patience` limits each call whose answer is read whole.
    pub(super) fn at(target: &NamedService, patience: Duration) -> Result<Self, CommandFailure> {
        let NamedService { address, files } = target;
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None);
        if matches!(address, ServiceAddress::Https(_)) {
            config = config.tls_config(files.read()?);
        }
        let config = config.timeout_global(Some(patience)).build();
        let agent = match address {
            ServiceAddress::Http(_) | ServiceAddress::Https(_) => config.new_agent(),
            ServiceAddress::Socket(path) => Agent::with_parts(
                config,
                SocketConnector(path.clone()),
                DefaultResolver::default(),
            ),
        };
        Ok(Self {
            address: address.clone(),
            agent,
        })
    }

    /// Returns the address in the form that is shown.
    pub(super) fn url(&self) -> String {
        self.address.shown()
    }

    /// Posts JSON.
    pub(super) fn post(&self, path: &str, body: &[u8]) -> Result<Reply, CommandFailure> {
        let mut request = self
            .agent
            .post(format!("{}{path}", self.address.base()))
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
    pub(super) fn get(&self, path: &str) -> Result<Reply, CommandFailure> {
        let response = self
            .request(path)
            .call()
            .map_err(|error| self.unreachable(&error))?;
        self.whole(response)
    }

    /// Gets an answer that may be large: returns a reader of its body, and the value of `header` if
    /// the answer has it. The body has no time limit, and may break off. `permissions` says in
    /// words what the call needs.
    pub(super) fn stream(
        &self,
        path: &str,
        query: &[(&str, &str)],
        (header, permissions): (&str, &str),
    ) -> Result<(impl Read + use<>, Option<String>), CommandFailure> {
        let request = self.request(path).query_pairs(query.iter().copied());
        let request = request
            .config()
            .timeout_global(None)
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(CONNECT))
            .build();
        let response = request.call().map_err(|error| self.unreachable(&error))?;
        if response.status().as_u16() != 200 {
            let reply = self.whole(response)?;
            return Err(self.refused(&reply, permissions).into());
        }
        let named = response
            .headers()
            .get(header)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((response.into_body().into_reader(), named))
    }

    fn request(&self, path: &str) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
        let request = self.agent.get(format!("{}{path}", self.address.base()));
        match key() {
            Some(key) => request.header("Authorization", key),
            None => request,
        }
    }

    fn whole(&self, mut response: Response<Body>) -> Result<Reply, CommandFailure> {
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

    fn unreachable(&self, error: &ureq::Error) -> CommandFailure {
        let help = match &self.address {
            ServiceAddress::Http(_) => {
                "check the address, and that the service runs there: `behest serve`"
            }
            ServiceAddress::Https(_) => {
                "check the address, whose name the service's certificate must have; a certificate \
                 of an authority of your own needs `--ca FILE`, and a service that asks for one \
                 `--cert FILE --key-file FILE`"
            }
            ServiceAddress::Socket(_) => {
                "check the path, that the service runs with it, and that you may write to the \
                 socket: `behest serve --listen unix:PATH`"
            }
        };
        let told = format!("`{}` does not answer: {error}", self.url());
        CommandFailure::unreachable(Problem::new(told).help(help))
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
            self.url(),
            reply.status
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
        let message = one_line(&message);
        (
            one_line(&code),
            Some(message).filter(|message| !message.is_empty()),
        )
    }
}

/// Timeout of a connection, and of the head of an answer that may be large: a running service
/// accepts at once, and begins to answer at once.
const CONNECT: Duration = Duration::from_secs(10);

fn key() -> Option<String> {
    let key = std::env::var(KEY_VARIABLE)
        .ok()
        .filter(|key| !key.is_empty())?;
    Some(format!("Bearer {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_for_tls_are_refused_without_it() {
        let files = ClientFiles {
            authorities: Some("ca.pem".into()),
            own: None,
        };
        assert!(NamedService::new("https://pdp.example", files.clone()).is_ok());
        for address in ["http://127.0.0.1:8181", "unix:a.sock"] {
            let failure = NamedService::new(address, files.clone()).unwrap_err();
            let told =
                format!("`--ca`, `--cert` and `--key-file` are for https, and `{address}` is not");
            assert_eq!(failure.problem.message, told);
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
