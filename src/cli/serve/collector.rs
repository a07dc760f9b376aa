//! Sends spans to the collector of traces, over HTTP.
//!
//! INVARIANT: only the configured address is asked: no redirect is followed, and no proxy is used.
//! Time, head and body of an answer are bounded. No message shows the value of a header.

use crate::cli::service::ClientFiles;
use crate::model::Problem;
use crate::regular_file;
use crate::telemetry::{Metrics, SendError, Tracer, TracerSettings};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING,
};

/// How long the end of the service waits for spans that are not sent yet.
pub(super) const FLUSH: Duration = Duration::from_secs(1);

/// LIMIT: bytes of an answer's head and of its body. A collector says nothing, or a sentence.
const MAX_HEAD_BYTES: usize = 16 << 10;
const MAX_BODY_BYTES: u64 = 64 << 10;

/// LIMIT: bytes of a file of headers.
const MAX_FILE_BYTES: u64 = 16 << 10;

/// Headers that are the request's own.
const OWN_HEADERS: [HeaderName; 5] = [
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    HOST,
    TRANSFER_ENCODING,
];

type Headers = Vec<(HeaderName, HeaderValue)>;

/// Starts to send spans.
pub(super) fn start(settings: &TracerSettings, metrics: &Metrics) -> Result<Arc<Tracer>, Problem> {
    let mut collector = Collector::new(settings)?;
    let send = Box::new(move |body: &[u8]| collector.send(body));
    let tracer = Tracer::start(settings, metrics.exports(), send);
    tracer.map_err(|error| super::no_thread(&error))
}

struct Collector {
    agent: ureq::Agent,
    url: String,
    headers_file: Option<PathBuf>,
    /// The headers that were in the file when it could last be read.
    headers: Headers,
    /// Whether it could not be read when spans were last sent.
    is_unread: bool,
}

impl Collector {
    fn new(settings: &TracerSettings) -> Result<Self, Problem> {
        let files = ClientFiles {
            authorities: settings.ca_file.clone(),
            own: None,
        };
        let tls = files
            .read()
            .map_err(|failure| failure.problem.help("correct `telemetry.ca_file`"))?;
        let agent = ureq::Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_millis(settings.timeout_ms)))
            .max_response_header_size(MAX_HEAD_BYTES)
            .user_agent(concat!("behest/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let headers_file = settings.headers_file.clone();
        let headers = headers_file.as_deref().map(read_headers).transpose();
        Ok(Self {
            agent,
            url: format!("{}/v1/traces", settings.otlp.trim_end_matches('/')),
            headers_file,
            headers: headers?.unwrap_or_default(),
            is_unread: false,
        })
    }

    /// Sends a body, and returns how many of its spans the collector refused.
    fn send(&mut self, body: &[u8]) -> Result<usize, SendError> {
        // A token in the file may be replaced at any time. One that is being written is read later.
        match self.headers_file.as_deref().map(read_headers) {
            Some(Ok(headers)) => {
                self.headers = headers;
                self.is_unread = false;
            }
            Some(Err(problem)) if !self.is_unread => {
                tracing::warn!("the headers that were read before are sent: {problem}");
                self.is_unread = true;
            }
            _ => {}
        }
        let mut request = self.agent.post(&self.url);
        request = request.header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = request
            .send(body)
            .map_err(|error| SendError::Unreachable(error.to_string()))?;
        let status = answer.status();
        if !status.is_success() {
            return Err(SendError::Status(status.as_u16()));
        }
        let mut said = Vec::new();
        let read = answer
            .body_mut()
            .as_reader()
            .take(MAX_BODY_BYTES)
            .read_to_end(&mut said);
        // What it says beside its status is a courtesy.
        Ok(read.map_or(0, |_| refused_spans(&said)))
    }
}

/// Reads how many spans an answer says were refused.
fn refused_spans(answer: &[u8]) -> usize {
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(answer) else {
        return 0;
    };
    let refused = answer.pointer("/partialSuccess/rejectedSpans");
    // A number of 64 bits is a text in this JSON.
    let number = refused.and_then(|refused| match refused.as_str() {
        Some(text) => text.parse().ok(),
        None => refused.as_u64(),
    });
    number.map_or(0, |number: u64| {
        usize::try_from(number).unwrap_or(usize::MAX)
    })
}

/// Reads a file of headers, one on each line. Empty lines and those that begin with `#` say
/// nothing.
fn read_headers(path: &Path) -> Result<Headers, Problem> {
    let shown = path.display();
    let wrong = |what: String| {
        Problem::new(what).help("`telemetry.headers_file` takes a file of `Name: value` lines")
    };
    let mut text = String::new();
    regular_file::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| wrong(format!("`{shown}` cannot be read: {error}")))?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_FILE_BYTES) {
        return Err(wrong(format!(
            "`{shown}` has more than {MAX_FILE_BYTES} bytes"
        )));
    }
    let lines = text.lines().enumerate();
    let said = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    said.map(|(at, line)| {
        header(line)
            .ok_or_else(|| wrong(format!("line {} of `{shown}` is no header to send", at + 1)))
    })
    .collect()
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name: HeaderName = name.trim().parse().ok()?;
    let mut value: HeaderValue = value.trim().parse().ok()?;
    value.set_sensitive(true);
    (!OWN_HEADERS.contains(&name) && !value.is_empty()).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_by_line_and_their_values_are_shown_to_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("headers");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_headers(&path)
        };
        let found = read("# of the collector\n\nAuthorization: Bearer a:b\r\nx-scope-orgid:1\n");
        let found: Vec<(String, String)> = found
            .unwrap()
            .into_iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            found,
            [
                pair("authorization", "Bearer a:b"),
                pair("x-scope-orgid", "1")
            ]
        );
        for text in [
            "Bearer s3cret",
            "ok: 1\nAuthorization s3cret",
            "a b: s3cret",
            "a: s3cret\u{1}",
            "Content-Type: s3cret",
            "host: s3cret",
            "a:",
        ] {
            let refused = read(text).unwrap_err().to_string();
            assert!(
                refused.contains("is no header to send") && !refused.contains("s3cret"),
                "{refused}"
            );
        }
        assert!(
            read(&"#".repeat(20_000))
                .unwrap_err()
                .to_string()
                .contains("more than")
        );
        assert!(read_headers(&dir.path().join("none")).is_err());
    }

    #[test]
    fn what_a_collector_refused_is_read_from_its_answer() {
        for (answer, expected) in [
            ("", 0),
            ("{}", 0),
            ("[]", 0),
            (r#"{"partialSuccess":{}}"#, 0),
            (r#"{"partialSuccess":{"rejectedSpans":"7"}}"#, 7),
            (r#"{"partialSuccess":{"rejectedSpans":7}}"#, 7),
            (r#"{"partialSuccess":{"rejectedSpans":"-7"}}"#, 0),
        ] {
            assert_eq!(refused_spans(answer.as_bytes()), expected, "{answer}");
        }
    }
}
