//! Reads and writes the messages of the protocol.
//!
//! INVARIANT: what comes in is bounded before it is kept: the lines before a message, and the
//! message itself. A message that cannot be read is told of and passed over; only what comes before
//! one can end the connection, since nobody knows where the next one begins.

use lsp_server::Message;
use serde_json::Value;
use std::io::{self, BufRead, Read, Write};

/// LIMIT: the bytes of one line before a message. The two that the protocol knows have 30 and 60.
const MAX_LINE: u64 = 1_024;

/// LIMIT: the lines before a message.
const MAX_LINES: usize = 16;

/// LIMIT: the bytes of one message. A file as large as an open document may be arrives in one,
/// escaped.
const MAX_MESSAGE: u64 = 32 * 1024 * 1024;

/// What came in.
#[derive(Debug)]
pub(super) enum IncomingFrame {
    /// A message.
    Message(Message),
    /// Something that is no message, with the code and the sentence of the answer.
    Unreadable(UnreadableFrame),
}

/// Why something is no message.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnreadableFrame {
    /// The message is larger than any that is read.
    #[error("the message has {0} bytes; at most {MAX_MESSAGE} are read")]
    TooLarge(u64),
    /// The message is not JSON.
    #[error("the message is not JSON: {0}")]
    Syntax(serde_json::Error),
    /// The message is JSON of another form.
    #[error("the message is no request, notification or response")]
    Form,
}

impl UnreadableFrame {
    /// Returns the code of JSON-RPC.
    pub(super) fn code(&self) -> i32 {
        match self {
            Self::Syntax(_) => lsp_server::ErrorCode::ParseError as i32,
            Self::TooLarge(_) | Self::Form => lsp_server::ErrorCode::InvalidRequest as i32,
        }
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The stream cannot be read or written.
    #[error("the connection to the editor broke: {0}")]
    Io(#[from] io::Error),
    /// What comes before a message is not of the protocol.
    #[error(
        "the input is not of the language server protocol: it begins with no `Content-Length: N`"
    )]
    Header,
    /// The editor went away without saying so.
    #[error("the editor closed the connection without `shutdown` and `exit`")]
    Closed,
}

/// Reads one message; returns `None` at the end of the stream.
pub(super) fn read_frame(
    input: &mut impl BufRead,
) -> Result<Option<IncomingFrame>, ConnectionError> {
    let Some(length) = read_length(input)? else {
        return Ok(None);
    };
    if length > MAX_MESSAGE {
        io::copy(&mut input.take(length), &mut io::sink())?;
        return Ok(Some(IncomingFrame::Unreadable(UnreadableFrame::TooLarge(
            length,
        ))));
    }
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body)?;
    if u64::try_from(body.len()).unwrap_or(u64::MAX) < length {
        return Ok(None);
    }
    let value: Value = match serde_json::from_slice(&body) {
        Ok(value) => value,
        Err(error) => {
            return Ok(Some(IncomingFrame::Unreadable(UnreadableFrame::Syntax(
                error,
            ))));
        }
    };
    let message = serde_json::from_value(value);
    Ok(Some(message.map_or(
        IncomingFrame::Unreadable(UnreadableFrame::Form),
        IncomingFrame::Message,
    )))
}

/// Reads the lines before a message, and returns its length in bytes.
fn read_length(input: &mut impl BufRead) -> Result<Option<u64>, ConnectionError> {
    let mut length = None;
    for number in 0..MAX_LINES {
        let mut line = Vec::new();
        input.take(MAX_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() && number == 0 {
            return Ok(None);
        }
        let line = std::str::from_utf8(&line).map_err(|_| ConnectionError::Header)?;
        let line = line.strip_suffix('\n').ok_or(ConnectionError::Header)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            return length.map(Some).ok_or(ConnectionError::Header);
        }
        let (name, value) = line.split_once(':').ok_or(ConnectionError::Header)?;
        if name.eq_ignore_ascii_case("Content-Length") {
            let number = value.trim().parse().map_err(|_| ConnectionError::Header)?;
            length = Some(number);
        }
    }
    Err(ConnectionError::Header)
}

/// Writes one message.
pub(super) fn write_frame(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let text = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(mut input: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        loop {
            match read_frame(&mut input) {
                Ok(Some(IncomingFrame::Message(message))) => {
                    found.push(serde_json::to_string(&message).unwrap());
                }
                Ok(Some(IncomingFrame::Unreadable(what))) => found.push(format!("{}", what.code())),
                Ok(None) => return found,
                Err(error) => {
                    found.push(error.to_string());
                    return found;
                }
            }
        }
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn what_is_no_message_is_passed_over_and_what_is_no_head_ends_it() {
        let exit = "{\"method\":\"exit\"}";
        for body in ["", "{", "\u{0}", "[[[[[", "\"exit\"", "{\"id\":1.5}", "[1]"] {
            let found = read_all([framed(body), framed(exit)].concat().as_bytes());
            assert_eq!(found.len(), 2, "{body:?}: {found:?}");
            assert!(found[0].starts_with("-32") && found[1] == exit, "{found:?}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read_all(framed(&deep).as_bytes()), ["-32700"]);
        let head = "begins with no `Content-Length: N`";
        for text in [
            "GET / HTTP/1.1\r\n\r\n",
            "\r\n",
            "Content-Length: 99999999999999999999\r\n\r\n{}",
            "Content-Length: -1\r\n\r\n{}",
            "Content-Type: x\r\n\r\n{}",
            &"x".repeat(100_000),
            &"A: b\r\n".repeat(100),
        ] {
            let found = read_all(text.as_bytes());
            assert!(found.len() == 1 && found[0].contains(head), "{found:?}");
        }
        assert!(read_all(b"Content-Length: 100\r\n\r\n{}").is_empty());
        let spelled = format!("content-length:{}\nX: y\n\n{exit}", exit.len());
        assert_eq!(read_all(spelled.as_bytes()), [exit]);
    }

    #[test]
    fn a_message_that_is_too_large_is_not_kept() {
        let large = MAX_MESSAGE + 1;
        let head = format!("Content-Length: {large}\r\n\r\n");
        let body = io::repeat(b' ').take(large);
        let exit = framed("{\"method\":\"exit\"}");
        let chained = head.as_bytes().chain(body).chain(exit.as_bytes());
        let mut input = io::BufReader::new(chained);
        let first = read_frame(&mut input).unwrap();
        let Some(IncomingFrame::Unreadable(UnreadableFrame::TooLarge(length))) = first else {
            panic!("{first:?}");
        };
        assert_eq!(length, large);
        let second = read_frame(&mut input).unwrap();
        assert!(
            matches!(second, Some(IncomingFrame::Message(_))),
            "{second:?}"
        );
    }
}
