//! Clients that are slow on purpose: none of them holds its connection for longer than its time,
//! whatever it did before.

use super::client::{Client, head, post};
use super::host::{Host, Wire};
use super::time;
use std::io::Write as _;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};
use support::place::KEY;

/// The times of the service; idle connections are kept for much longer.
const LIMITS: &str = "connections = 40\nhead_time_ms = 600\nbody_time_ms = 600\nanswer_time_ms = 600\n\
                      keep_alive_ms = 600000\n";

/// As long as the slowest of these times on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(12);

/// More connections than the service takes.
const CROWD: usize = 45;

/// What a client does that is in no hurry.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Nothing.
    Silence,
    /// Half of a head.
    Head,
    /// One byte after an answer.
    Byte,
    /// Half of a body.
    Body,
    /// A body in chunks that does not end, where nobody reads it: to a probe, with a wrong key, to
    /// no path.
    Chunks(&'static str),
    /// A large answer that it does not take, again and again.
    Answers,
    /// The same, a few bytes at a time.
    Sips,
}

const SHAPES: [Shape; 9] = [
    Shape::Silence,
    Shape::Head,
    Shape::Byte,
    Shape::Body,
    Shape::Chunks("GET /healthz HTTP/1.1\r\n"),
    Shape::Chunks("POST /access/v1/evaluation HTTP/1.1\r\nAuthorization: Bearer nobody's\r\n"),
    Shape::Chunks("POST /nowhere HTTP/1.1\r\n"),
    Shape::Answers,
    Shape::Sips,
];

impl Shape {
    /// Begins, and stops where it is slow.
    fn begin(self, client: &mut Client) -> std::io::Result<()> {
        match self {
            Self::Silence => Ok(()),
            Self::Head => client.send("GET /healthz HT"),
            Self::Byte => {
                client.get("/healthz")?;
                client.send("G")
            }
            Self::Body => {
                client.send(&(head("/access/v1/evaluation", "Content-Length: 100") + "{"))
            }
            Self::Chunks(line) => {
                client.send(&format!(
                    "{line}Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
                ))?;
                client.receive().map(drop)
            }
            Self::Answers | Self::Sips => {
                client.patience(Duration::from_secs(1));
                let request = format!(
                    "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\r\n"
                );
                // Until the service reads no more; what it has not read may break the connection.
                (0..200).try_for_each(|_| client.send(&request)).or(Ok(()))
            }
        }
    }

    /// Goes on as slowly as it can, and says whether the service has ended the connection.
    fn is_ended(self, client: &mut Client) -> bool {
        let began = Instant::now();
        match self {
            Self::Chunks(_) => {
                while began.elapsed() < PATIENCE {
                    if client.send("1\r\nx\r\n").is_err()
                        || client.is_ended(Duration::from_millis(100), Duration::ZERO)
                    {
                        return true;
                    }
                }
                false
            }
            Self::Answers => {
                sleep(PATIENCE / 3);
                client.is_ended(PATIENCE, Duration::ZERO)
            }
            Self::Sips => {
                // What the system had taken of the answers is still read, and then there is no
                // more.
                client.is_ended(PATIENCE / 3, Duration::from_millis(20))
                    || client.is_ended(PATIENCE, Duration::ZERO)
            }
            _ => client.is_ended(PATIENCE, Duration::ZERO),
        }
    }
}

/// Each shape is ended by the service, and takes no more memory than its answers.
fn each_is_ended(host: &Host) {
    scope(|scope| {
        for shape in SHAPES {
            scope.spawn(move || {
                let mut client = host.connect();
                if shape.begin(&mut client).is_ok() {
                    assert!(
                        shape.is_ended(&mut client),
                        "{shape:?} holds its connection"
                    );
                }
            });
        }
    });
}

/// A crowd shuts others out for its time, and no longer.
fn a_crowd_makes_room(host: &Host, shape: Shape) {
    let mut crowd: Vec<Client> = (0..CROWD).map(|_| host.connect()).collect();
    for client in &mut crowd {
        // Those beyond the limit are not answered.
        client.patience(Duration::from_millis(200));
        let _not_answered = shape.begin(client);
    }
    let began = Instant::now();
    let mut client = host.connect();
    client.patience(PATIENCE);
    assert_eq!(client.get("/healthz").unwrap().status, 200, "{shape:?}");
    println!(
        "{shape:?}: a probe was answered after {:?}",
        began.elapsed()
    );
}

fn soak(wire: Wire) {
    let _machine = super::alone();
    let host = Host::start(wire, LIMITS);
    let began = Instant::now();
    // An honest client pauses for longer than a head may take, and is still known.
    let mut honest = host.connect();
    assert_eq!(honest.get("/healthz").unwrap().status, 200);
    let mut round = 0;
    while round == 0 || began.elapsed() < time() {
        each_is_ended(&host);
        assert_eq!(honest.get("/healthz").unwrap().status, 200);
        assert_eq!(
            honest.post("/access/v1/evaluation", "{}").unwrap().status,
            400
        );
        a_crowd_makes_room(
            &host,
            [Shape::Byte, Shape::Chunks("GET /healthz HTTP/1.1\r\n")][round % 2],
        );
        round += 1;
    }
    assert!(host.metric("behest_connections_ended_total{cause=\"request\"}") > 0.0);
    assert!(host.metric("behest_connections_ended_total{cause=\"answer\"}") > 0.0);
}

#[test]
fn slow_clients_hold_no_connection() {
    soak(Wire::Tcp);
}

#[test]
fn slow_clients_hold_no_connection_with_tls() {
    soak(Wire::Tls);
}

/// Handshakes that stop half-way shut nobody out.
#[test]
fn half_a_handshake_holds_no_connection() {
    let _machine = super::alone();
    let host = Host::start(Wire::Tls, LIMITS);
    let mut crowd: Vec<_> = (0..CROWD).map(|_| host.socket()).collect();
    for socket in &mut crowd {
        socket.write_all(b"\x16\x03\x01\x02\x00\x01\x00").unwrap();
    }
    let mut client = host.connect();
    client.patience(PATIENCE);
    assert_eq!(client.get("/healthz").unwrap().status, 200);
}

/// A connection has an end: the answer after it says so.
#[test]
fn a_connection_grows_only_so_old() {
    let _machine = super::alone();
    let host = Host::start(
        Wire::Tcp,
        "connection_time_ms = 800\nkeep_alive_ms = 600000\n",
    );
    let mut busy = host.connect();
    let began = Instant::now();
    let last = loop {
        let reply = busy.get("/healthz").unwrap();
        if reply.head.contains("connection: close") {
            break reply;
        }
        assert!(began.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20));
    };
    assert_eq!(last.status, 200);
    assert!(busy.is_ended(PATIENCE, Duration::ZERO));
    let mut idle = host.connect();
    assert_eq!(
        idle.post("/access/v1/evaluation", "{}").unwrap().status,
        400
    );
    assert!(idle.is_ended(PATIENCE, Duration::ZERO));
    // What is asked in pieces is still asked.
    let mut pieces = host.connect();
    let whole = post("/access/v1/evaluation", "{}");
    let (left, right) = whole.split_at(whole.len() / 2);
    pieces.send(left).unwrap();
    sleep(Duration::from_millis(100));
    pieces.send(right).unwrap();
    assert_eq!(pieces.receive().unwrap().status, 400);
}

/// Who has sent a whole request in time gets its answer, however long the service stands still.
#[test]
fn a_request_outlives_a_pause_of_the_service() {
    let _machine = super::alone();
    for wire in [Wire::Tcp, Wire::Tls] {
        let host = Host::start(wire, LIMITS);
        let mut client = host.connect();
        client.patience(PATIENCE);
        let mut known = host.connect();
        assert_eq!(known.get("/healthz").unwrap().status, 200);
        // Half of a head is there, so that its time runs.
        let whole = post("/access/v1/evaluation", "{}");
        let (left, right) = whole.split_at(20);
        client.send(left).unwrap();
        sleep(Duration::from_millis(100));
        host.pause(Duration::from_secs(2), || client.send(right).unwrap());
        assert_eq!(client.receive().unwrap().status, 400, "{wire:?}");
        assert_eq!(known.get("/healthz").unwrap().status, 200);
    }
}

/// One who sends many small requests at once and takes no answer is not answered before all others.
#[test]
fn connections_take_turns() {
    const CONNECTIONS: u32 = 20;
    const REQUESTS: u32 = 1_500;
    let _machine = super::alone();
    let host = Host::start(Wire::Tcp, "head_time_ms = 60000\n");
    let mut probe = host.connect();
    assert_eq!(probe.get("/healthz").unwrap().status, 200);
    let mut crowd: Vec<Client> = (0..CONNECTIONS).map(|_| host.connect()).collect();
    let request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(REQUESTS as usize);
    // All are there at once, and then the probe's.
    host.pause(Duration::from_millis(100), || {
        for client in &mut crowd {
            client.send(&request).unwrap();
        }
        probe
            .send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
    });
    let metrics = probe.receive().unwrap().text();
    let answered: f64 = metrics
        .lines()
        .filter(|line| line.starts_with("behest_request_seconds_count") && line.contains("healthz"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum();
    println!("{answered} requests of others were answered first");
    assert!(
        (1.0..f64::from(CONNECTIONS * REQUESTS) / 10.0).contains(&answered),
        "{answered} came first"
    );
}
