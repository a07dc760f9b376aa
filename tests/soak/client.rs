//! A client that says exactly what a test wants on the wire, and reads what comes.

use rustls::{ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use support::place::KEY;

pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Tcp(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// One connection.
pub(crate) struct Client {
    stream: Stream,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The head of a POST of JSON, as the admin.
pub(crate) fn head(path: &str, length: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n\
         {length}\r\n\r\n"
    )
}

/// A whole POST of JSON.
pub(crate) fn post(path: &str, body: &str) -> String {
    head(path, &format!("Content-Length: {}", body.len())) + body
}

impl Client {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream }
    }

    pub(crate) fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()
    }

    pub(crate) fn patience(&self, time: Duration) {
        self.stream.socket().set_read_timeout(Some(time)).unwrap();
        self.stream.socket().set_write_timeout(Some(time)).unwrap();
    }

    pub(crate) fn get(&mut self, path: &str) -> io::Result<Reply> {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"))?;
        self.receive()
    }

    pub(crate) fn post(&mut self, path: &str, body: &str) -> io::Result<Reply> {
        self.send(&post(path, body))?;
        self.receive()
    }

    /// One response, of a length that its head says.
    pub(crate) fn receive(&mut self) -> io::Result<Reply> {
        let mut text = Vec::new();
        let mut piece = [0; 16 << 10];
        let end = loop {
            if let Some(at) = text.windows(4).position(|part| part == b"\r\n\r\n") {
                break at + 4;
            }
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => text.extend_from_slice(&piece[..read]),
            }
        };
        let head = String::from_utf8_lossy(&text[..end]).to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        let mut body = text.split_off(end);
        while body.len() < length {
            match self.stream.read(&mut piece)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => body.extend_from_slice(&piece[..read]),
            }
        }
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap();
        Ok(Reply { status, head, body })
    }

    /// Returns `true` once the service has ended the connection; whatever it still says is read, a
    /// piece at a time with `pause` between two, for as long as `patience`.
    pub(crate) fn is_ended(&mut self, patience: Duration, pause: Duration) -> bool {
        let began = std::time::Instant::now();
        let mut piece = [0; 512];
        self.patience(Duration::from_millis(50));
        while began.elapsed() < patience {
            match self.stream.read(&mut piece) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) => {}
                Err(_) => return true,
            }
            std::thread::sleep(pause);
        }
        false
    }
}
