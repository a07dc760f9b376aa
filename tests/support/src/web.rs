//! A web server on this machine that answers as a test says and counts its requests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A request to the server.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub head: String,
    pub body: String,
}

/// An answer: a status, headers beside the usual ones, and a body.
pub type Answer = (u16, String, String);

type Handler = Box<dyn Fn(&Asked) -> Answer + Send>;

/// The server. It ends with the test's process.
pub struct Web {
    pub url: String,
    handler: Arc<Mutex<Handler>>,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    pause_ms: Arc<AtomicU64>,
}

impl Web {
    /// Starts a server.
    pub fn start(handler: impl Fn(&Asked) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let web = Self {
            url,
            handler: Arc::new(Mutex::new(Box::new(handler))),
            asked: Arc::default(),
            down: Arc::default(),
            pause_ms: Arc::default(),
        };
        let (handler, asked, down) = (
            Arc::clone(&web.handler),
            Arc::clone(&web.asked),
            Arc::clone(&web.down),
        );
        let pause_ms = Arc::clone(&web.pause_ms);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, asked, down) =
                    (Arc::clone(&handler), Arc::clone(&asked), Arc::clone(&down));
                let pause_ms = Arc::clone(&pause_ms);
                std::thread::spawn(move || {
                    serve(&stream, &handler, &asked, &down, &pause_ms);
                });
            }
        });
        web
    }

    /// Replaces the handler of requests.
    pub fn answer(&self, handler: impl Fn(&Asked) -> Answer + Send + 'static) {
        *self.handler.lock().expect("no test panicked") = Box::new(handler);
    }

    /// Closes every connection without an answer if `down`, and answers otherwise.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    /// Delays each answer by this time; delayed answers do not wait for each other.
    pub fn set_pause(&self, pause: Duration) {
        self.pause_ms.store(
            u64::try_from(pause.as_millis()).expect("a short pause"),
            Ordering::SeqCst,
        );
    }

    /// Returns the number of requests so far.
    pub fn count(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(
    stream: &TcpStream,
    handler: &Mutex<Handler>,
    asked: &AtomicUsize,
    down: &AtomicBool,
    pause_ms: &AtomicU64,
) {
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a timeout");
    let mut reader = BufReader::new(stream);
    loop {
        let Some(request) = read(&mut reader) else {
            return;
        };
        if down.load(Ordering::SeqCst) {
            return;
        }
        asked.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(pause_ms.load(Ordering::SeqCst)));
        let (status, headers, body) = (handler.lock().expect("no test panicked"))(&request);
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        let mut stream = stream;
        if stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let path = head.split(' ').nth(1)?.to_owned();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        path,
        head,
        body: String::from_utf8(body).ok()?,
    })
}
