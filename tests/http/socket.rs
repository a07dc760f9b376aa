//! Slow, broken and large clients against a real socket, and the end of the service.

use crate::{EVALUATION, question};
use behest::http::{HttpLimits, Listener, Server, Settings};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::service::{empty, local};
use tokio::sync::oneshot;

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

fn start(limits: HttpLimits, more: Option<Listener>) -> Running {
    listening(
        empty(Settings {
            limits,
            workers: Some(1),
            ..local()
        }),
        more,
    )
}

/// A server on a free port.
pub(crate) fn running(server: Server) -> Running {
    listening(server, None)
}

fn listening(server: Server, more: Option<Listener>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let listeners = std::iter::once(Listener::Tcp(listener))
        .chain(more)
        .collect();
    let thread =
        std::thread::spawn(move || server.run(listeners, async move { drop(stopped.await) }));
    Running {
        address,
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    pub(crate) fn stop(mut self) {
        drop(self.stop.take());
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

fn head(length: &str) -> String {
    format!(
        "POST {EVALUATION} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Request-ID: r-1\r\n{length}\r\n\r\n"
    )
}

/// One response: its head, and as much of its body as its length says.
pub(crate) fn read_response(stream: &mut impl Read) -> String {
    let mut text = String::new();
    let mut byte = [0];
    while !text.ends_with("\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
        text.push(char::from(byte[0]));
    }
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    text + str::from_utf8(&body).unwrap()
}

fn assert_answer(response: &str, status: &str, code: &str) {
    assert!(
        response.starts_with(&format!("HTTP/1.1 {status} ")),
        "{response}"
    );
    assert!(response.contains("x-request-id: r-1"), "{response}");
    assert!(
        response.contains(&format!("\"code\":\"{code}\"")),
        "{response}"
    );
}

#[test]
fn a_body_may_come_in_pieces_and_connections_are_kept() {
    let service = start(HttpLimits::default(), None);
    let mut stream = service.connect();
    let body = question().to_string();
    let (left, right) = body.split_at(20);
    for _ in 0..3 {
        stream
            .write_all(head("Transfer-Encoding: chunked").as_bytes())
            .unwrap();
        for piece in [left, right] {
            write!(stream, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(b"0\r\n\r\n").unwrap();
        assert_answer(&read_response(&mut stream), "503", "no_bundle");
    }
    drop(stream);
    service.stop();
}

#[test]
fn a_body_that_does_not_end_is_cut_off_at_its_limit() {
    let service = start(
        HttpLimits {
            body_bytes: 1000,
            ..HttpLimits::default()
        },
        None,
    );
    let mut stream = service.connect();
    stream
        .write_all(head("Transfer-Encoding: chunked").as_bytes())
        .unwrap();
    write!(stream, "{:x}\r\n{}\r\n", 1001, "x".repeat(1001)).unwrap();
    assert_answer(&read_response(&mut stream), "413", "body_too_large");
    drop(stream);
    service.stop();
}

#[test]
fn a_declared_length_is_judged_before_a_byte_arrives() {
    let service = start(HttpLimits::default(), None);
    let mut stream = service.connect();
    stream
        .write_all(head("Content-Length: 1099511627776").as_bytes())
        .unwrap();
    assert_answer(&read_response(&mut stream), "413", "body_too_large");
    drop(stream);
    service.stop();
}

#[test]
fn a_slow_body_is_not_waited_for() {
    let service = start(
        HttpLimits {
            body_time: Duration::from_millis(200),
            ..HttpLimits::default()
        },
        None,
    );
    let mut stream = service.connect();
    stream
        .write_all(head("Content-Length: 100").as_bytes())
        .unwrap();
    stream.write_all(b"{").unwrap();
    assert_answer(&read_response(&mut stream), "408", "body_timeout");
    drop(stream);
    service.stop();
}

#[test]
fn a_slow_head_is_not_waited_for() {
    let service = start(
        HttpLimits {
            head_time: Duration::from_millis(200),
            ..HttpLimits::default()
        },
        None,
    );
    let mut stream = service.connect();
    let begun = Instant::now();
    stream.write_all(b"POST /access/v1/evaluation HT").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    // Nobody asked anything yet: the connection is closed without an answer.
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    service.stop();
}

#[test]
fn what_is_no_http_is_refused_and_the_next_client_is_served() {
    let service = start(HttpLimits::default(), None);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let mut stream = service.connect();
        stream.write_all(garbage).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 400 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
    // A client that goes away in the middle of its body.
    let mut stream = service.connect();
    stream
        .write_all(head("Content-Length: 100").as_bytes())
        .unwrap();
    drop(stream);
    let mut stream = service.connect();
    let body = question().to_string();
    stream
        .write_all((head(&format!("Content-Length: {}", body.len())) + &body).as_bytes())
        .unwrap();
    assert_answer(&read_response(&mut stream), "503", "no_bundle");
    drop(stream);
    service.stop();
}

#[test]
fn a_unix_socket_is_served_like_an_address() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("behest.sock");
    let service = start(
        HttpLimits::default(),
        Some(Listener::Unix(UnixListener::bind(&path).unwrap())),
    );
    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200 "));
    drop(stream);
    service.stop();
}

#[test]
fn a_request_in_flight_ends_before_the_service_does() {
    let mut service = start(HttpLimits::default(), None);
    let mut stream = service.connect();
    let body = question().to_string();
    stream
        .write_all(head(&format!("Content-Length: {}", body.len())).as_bytes())
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    drop(service.stop.take());
    std::thread::sleep(Duration::from_millis(200));
    stream.write_all(body.as_bytes()).unwrap();
    assert_answer(&read_response(&mut stream), "503", "no_bundle");
    drop(stream);
    service.stop();
}

/// What an unknown caller sends as a body must never be read as a request.
#[test]
fn a_body_that_was_not_read_is_not_the_next_request() {
    let service = start(HttpLimits::default(), None);
    for requests in [1, 2000] {
        let mut stream = service.connect();
        let body = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(requests);
        let head = head(&format!(
            "Authorization: Bearer x\r\nContent-Length: {}",
            body.len()
        ));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        assert_answer(&read_response(&mut stream), "401", "unauthenticated");
        // The connection ends, whether the client had more to say or not.
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest);
        assert!(
            rest.is_empty(),
            "{end:?}: {}",
            String::from_utf8_lossy(&rest)
        );
    }
    service.stop();
}

#[test]
fn a_head_is_read_up_to_a_limit() {
    let service = start(HttpLimits::default(), None);
    for (padding, status) in [(60_000, "200"), (200_000, "431")] {
        let mut stream = service.connect();
        let padding = "x".repeat(padding);
        let request =
            format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Padding: {padding}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let response = read_response(&mut stream);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
    }
    service.stop();
}

#[test]
fn connections_wait_beyond_their_limit_and_are_served_when_one_ends() {
    let service = start(
        HttpLimits {
            connections: 1,
            ..HttpLimits::default()
        },
        None,
    );
    let ask = |stream: &mut TcpStream| {
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
    };
    let mut first = service.connect();
    ask(&mut first);
    assert!(read_response(&mut first).starts_with("HTTP/1.1 200 "));
    let mut second = service.connect();
    ask(&mut second);
    second
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    assert_eq!(read_response(&mut second), "");
    drop(first);
    second
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    assert!(read_response(&mut second).starts_with("HTTP/1.1 200 "));
    drop(second);
    service.stop();
}

#[test]
fn an_idle_connection_is_closed() {
    let service = start(
        HttpLimits {
            keep_alive: Duration::from_millis(500),
            ..HttpLimits::default()
        },
        None,
    );
    let mut stream = service.connect();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .unwrap();
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200 "));
    let begun = Instant::now();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(begun.elapsed() < Duration::from_secs(10));
    service.stop();
}

#[test]
fn a_request_that_does_not_end_does_not_hold_the_service() {
    let service = start(
        HttpLimits {
            shutdown: Duration::from_secs(1),
            ..HttpLimits::default()
        },
        None,
    );
    let mut stream = service.connect();
    stream
        .write_all(head("Content-Length: 100").as_bytes())
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    service.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
