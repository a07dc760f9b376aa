//! One connection and its exchanges. It implements no more of HTTP than the service's answers need,
//! so that the client costs little beside the service.

use super::service::KEY;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The longest wait for an answer; one that takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request, and the beginning that the body of its answer must have.
pub(crate) struct Exchange {
    request: Vec<u8>,
    expected: Vec<u8>,
}

impl Exchange {
    pub(crate) fn question(body: &str, expected: &str) -> Self {
        Self {
            request: post("/access/v1/evaluation", "", body),
            expected: expected.as_bytes().to_vec(),
        }
    }

    /// Creates a request that writes or deletes a tuple and changes no answer.
    pub(crate) fn write(document: u32, is_new: bool) -> Self {
        let part = if is_new { "writes" } else { "deletes" };
        let body = format!(
            "{{\"{part}\":{{\"tuple_keys\":[{{\"object\":\"document:d{document}\",\"relation\":\"blocked\",\
             \"user\":\"user:nobody\"}}]}}}}"
        );
        let path = format!("/stores/{}/write", behest::storage::StoreId::MAIN);
        Self {
            request: post(&path, &format!("Authorization: Bearer {KEY}\r\n"), &body),
            expected: b"{\"revision\":".to_vec(),
        }
    }
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{headers}Content-Length: {length}\r\n\r\n\
         {body}"
    )
    .into_bytes()
}

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            buffer: vec![0; 64 << 10],
        }
    }

    /// Sends a request and waits for its answer, whose body must begin with the expected one.
    pub(crate) fn exchange(&mut self, exchange: &Exchange) {
        self.stream.write_all(&exchange.request).unwrap();
        let mut end = 0;
        let body = loop {
            let read = self.stream.read(&mut self.buffer[end..]).unwrap();
            end += read;
            let answer = &self.buffer[..end];
            assert!(
                read > 0,
                "the service hung up: {}",
                String::from_utf8_lossy(answer)
            );
            if let Some(body) = whole_body(answer) {
                break body;
            }
        };
        let answer = &self.buffer[..end];
        assert!(
            answer.starts_with(b"HTTP/1.1 200 ") && body.starts_with(&exchange.expected),
            "{}\nanswers\n{}",
            String::from_utf8_lossy(&exchange.request),
            String::from_utf8_lossy(answer)
        );
    }
}

/// Returns the body of an answer, once it is complete.
fn whole_body(answer: &[u8]) -> Option<&[u8]> {
    const END: &[u8] = b"\r\n\r\n";
    const LENGTH: &[u8] = b"content-length: ";
    let head = answer.windows(END.len()).position(|window| window == END)?;
    let at = answer[..head]
        .windows(LENGTH.len())
        .position(|window| window.eq_ignore_ascii_case(LENGTH))
        .unwrap();
    let digits = answer[at + LENGTH.len()..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    let body = &answer[head + END.len()..];
    (body.len() >= length).then_some(body)
}
