//! What the service holds in memory is bounded by its budgets, whatever is sent to it and whatever
//! is not read of it.

use super::client::{Client, head, post};
use super::host::{Host, Wire};
use super::time;
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Budgets that a few dozen requests exceed many times over.
const LIMITS: &str = "bodies = \"16MiB\"\nanswers = \"16MiB\"\nanswer = \"2MiB\"\nat_least_time_ms = 2000\n\
                      body_time_ms = 2000\nanswer_time_ms = 4000\n";

/// As many connections as each attack has.
const CROWD: usize = 40;

/// How much the service may grow, in MiB: its budgets, what one worker works on, what the allocator
/// keeps, and the buffers of all connections. Without budgets each attack takes some hundred or
/// more.
const GROWTH: u64 = 16 + 16 + 120;

const BATCH: &str = "/access/v1/evaluations";

/// Grows a service by an attack, time and again, and looks at its memory.
struct Soak {
    host: Host,
    before: u64,
    highest: u64,
}

impl Soak {
    fn start() -> Self {
        let host = Host::start(Wire::Tcp, LIMITS);
        let mut soak = Self {
            host,
            before: 0,
            highest: 0,
        };
        soak.is_well();
        soak.before = soak.host.memory();
        soak
    }

    fn look(&mut self) {
        self.highest = self.highest.max(self.host.memory());
    }

    /// Looks for as long as an attack lasts.
    fn watch(&mut self, time: Duration) {
        let began = Instant::now();
        while began.elapsed() < time {
            self.look();
            sleep(Duration::from_millis(20));
        }
    }

    /// The service still answers, and a small question needs none of the budgets.
    fn is_well(&self) {
        let question = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "tools/call"},
            "resource": {"type": "tool", "id": "refund"}});
        let reply = self
            .host
            .connect()
            .post("/access/v1/evaluation", &question.to_string())
            .unwrap();
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "{\"decision\":true}")
        );
    }

    fn crowd(&self) -> Vec<Client> {
        let mut crowd: Vec<Client> = (0..CROWD).map(|_| self.host.connect()).collect();
        crowd
            .iter_mut()
            .for_each(|client| client.patience(Duration::from_secs(1)));
        crowd
    }

    fn grew_little(&self, attack: &str) {
        let growth = self.highest.saturating_sub(self.before);
        println!(
            "{attack}: {} MiB before, {} MiB at the highest",
            self.before, self.highest
        );
        assert!(
            growth < GROWTH,
            "{attack}: the service has grown by {growth} MiB"
        );
    }
}

fn for_a_while(attack: &str, mut each: impl FnMut(&mut Soak)) {
    let _machine = super::alone();
    let mut soak = Soak::start();
    let began = Instant::now();
    loop {
        each(&mut soak);
        soak.is_well();
        if began.elapsed() >= time() {
            break;
        }
    }
    soak.grew_little(attack);
}

/// A question with a context of as many numbers as fit into the largest body: forty times its
/// length once it is read.
fn large(options: &Value) -> String {
    let mut body = json!({"subject": {"type": "user", "id": "alice"}, "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": "refund"}, "options": options});
    body["context"] = json!({ "n": vec![1; 500_000] });
    body.to_string()
}

/// 1,000 questions, each of which is answered with the user's name again.
fn repeated(options: &Value) -> String {
    let subject = json!({"type": "agent", "id": "x".repeat(500)});
    json!({"subject": subject, "action": {"name": "tools/call"}, "resource": {"type": "tool", "id": "y".repeat(500)},
        "options": options, "evaluations": vec![json!({}); 1_000]})
    .to_string()
}

#[test]
fn bodies_that_do_not_end_are_held_within_their_budget() {
    let body = large(&json!({}));
    let request = head("/access/v1/evaluation", "Content-Length: 1048000") + &body;
    for_a_while("unfinished bodies", |soak| {
        let mut crowd = soak.crowd();
        // Those for whom there is no room are told so, and some of what they have to say is not
        // read.
        let refused = crowd
            .iter_mut()
            .filter_map(|client| client.send(&request).err())
            .count();
        soak.watch(Duration::from_millis(500));
        println!("{refused} of {CROWD} could not send it all");
        let status = |client: &mut Client| client.receive().map_or(0, |reply| reply.status);
        let statuses: Vec<u16> = crowd
            .iter_mut()
            .map(|client| {
                client.patience(Duration::from_secs(5));
                status(client)
            })
            .collect();
        assert!(
            statuses.iter().all(|status| [0, 503, 408].contains(status)),
            "{statuses:?}"
        );
        assert!(
            statuses.iter().any(|status| *status != 408),
            "nobody was refused"
        );
    });
}

#[test]
fn who_waits_for_a_revision_holds_the_text_of_its_body() {
    let request = post(
        "/access/v1/evaluation",
        &large(&json!({"at_least": 1_000_000})),
    );
    for_a_while("waiting for a revision", |soak| {
        let mut crowd = soak.crowd();
        for client in &mut crowd {
            let _full = client.send(&request);
        }
        soak.watch(Duration::from_millis(1_500));
        for client in &mut crowd {
            client.patience(Duration::from_secs(10));
            if let Ok(reply) = client.receive() {
                assert_eq!(reply.status, 503, "{}", reply.text());
            }
        }
    });
}

#[test]
fn an_answer_has_a_largest_size_and_what_is_not_read_is_bounded() {
    let request = post(BATCH, &repeated(&json!({"explain": true})));
    for_a_while("answers that nobody reads", |soak| {
        let mut honest = soak.host.connect();
        let reply = honest
            .post(BATCH, &repeated(&json!({"reason": true})))
            .unwrap();
        if reply.status == 200 {
            assert!(reply.body.len() < 3 << 20, "{} bytes", reply.body.len());
            let answer: Value = serde_json::from_slice(&reply.body).unwrap();
            assert_eq!(answer["evaluations"].as_array().map(Vec::len), Some(1_000));
        }
        let mut crowd = soak.crowd();
        for client in &mut crowd {
            // Several requests at once: what is answered waits behind what is not read.
            let _full = (0..4).try_for_each(|_| client.send(&request));
            soak.look();
        }
        soak.watch(Duration::from_millis(1_500));
    });
}
