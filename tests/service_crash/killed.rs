//! A service that is killed, again and again, while several clients write to it.

use super::answers;
use super::batch::Batch;
use super::client::Client;
use super::history::{History, Outcome};
use super::tuples::{Tuples, place};
use std::hash::{BuildHasher, RandomState};
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::place::{KEY, PATIENCE, Place, Service};
use support::random::Random;

const ROUNDS: u64 = 50;
const WRITERS: u64 = 4;

/// Chooses what is written and when the service dies. Threads and disks add their own chance, so
/// the same seed makes a failure likely again and not certain.
const SEED: &str = "BEHEST_CRASH_SEED";

#[test]
fn no_acknowledged_write_is_lost_when_the_service_is_killed() {
    let seed = std::env::var(SEED).ok().map_or_else(
        || RandomState::new().hash_one(SEED),
        |seed| seed.parse().unwrap(),
    );
    println!("to run this again: {SEED}={seed}");
    let mut random = Random(seed);
    let (place, mut history) = (place(), History::default());
    let numbers = AtomicU64::new(1);
    for round in 0..ROUNDS {
        if round % 5 == 4 {
            kill_while_it_opens(&place, Duration::from_micros(random.below(300_000)));
        }
        let service = place.serve(&["--data", "data"]);
        settle(&service, &mut history, &mut random);
        let sent = write_until_killed(service, &history.tuples, &numbers, &mut random);
        history.add(sent);
    }
    settle(&place.serve(&["--data", "data"]), &mut history, &mut random);
    // Each of these happens many times, or the rounds prove less than they say.
    let History {
        acknowledged,
        refused,
        lost,
        tuples,
        ..
    } = history;
    println!(
        "{acknowledged} acknowledged, {refused} refused, {lost:?} lost and found or not, {} tuples",
        tuples.len()
    );
    assert!(
        acknowledged > 200 && refused > 10 && lost.0 + lost.1 > 50,
        "{acknowledged}, {refused}, {lost:?}"
    );
}

fn settle(service: &Service, history: &mut History, random: &mut Random) {
    let client = Client::of(service);
    history.settle(&client);
    answers::check(&client, &history.tuples, random);
}

fn kill_while_it_opens(place: &Place, after: Duration) {
    let mut command = place.command(&[
        "--bundle",
        "bundle",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "data",
    ]);
    command
        .env("BEHEST_ADMIN_KEY", KEY)
        .env("BEHEST_RELOAD__QUIET_MS", "20");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Lets several clients write, kills the service a moment after some acknowledgement, and returns
/// what they know.
fn write_until_killed(
    mut service: Service,
    stored: &Tuples,
    numbers: &AtomicU64,
    random: &mut Random,
) -> Vec<(Batch, Outcome)> {
    let is_killed = AtomicBool::new(false);
    let acknowledged = AtomicU64::new(0);
    let believed = Mutex::new(stored.clone());
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let mut random = Random(random.below(u64::MAX));
                let client = Client::of(&service);
                let (is_killed, acknowledged, believed) = (&is_killed, &acknowledged, &believed);
                scope.spawn(move || {
                    let mut sent = Vec::new();
                    loop {
                        let believes = believed.lock().unwrap().clone();
                        let batch = Batch::at_random(
                            &mut random,
                            numbers.fetch_add(1, SeqCst),
                            writer,
                            &believes,
                        );
                        let outcome = write(&client, &batch, is_killed);
                        if let Outcome::Acknowledged(_) = outcome {
                            batch.force(&mut believed.lock().unwrap());
                            acknowledged.fetch_add(1, SeqCst);
                            // What was acknowledged counts for whoever asks next.
                            assert!(
                                client.allows(&batch.mark).unwrap_or(true),
                                "{} is not seen",
                                batch.mark
                            );
                        }
                        sent.push((batch, outcome));
                        if outcome == Outcome::Lost {
                            return sent;
                        }
                    }
                })
            })
            .collect();
        let (awaited, end) = (random.below(40), Instant::now() + PATIENCE);
        while acknowledged.load(SeqCst) < awaited {
            assert!(
                Instant::now() < end && service.child.try_wait().unwrap().is_none(),
                "the service stands still"
            );
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(random.below(15_000)));
        is_killed.store(true, SeqCst);
        service.child.kill().unwrap();
        service.child.wait().unwrap();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    })
}

fn write(client: &Client, batch: &Batch, is_killed: &AtomicBool) -> Outcome {
    match client.write(batch) {
        Ok(reply) if reply.status == 200 => Outcome::Acknowledged(reply.revision.unwrap()),
        Ok(reply)
            if matches!(
                reply.body["code"].as_str(),
                Some("write_failed_due_to_invalid_input" | "Aborted")
            ) =>
        {
            Outcome::Refused
        }
        Ok(reply) => panic!("{batch:?}: {reply:?}"),
        Err(lost) => {
            assert!(
                is_killed.load(SeqCst),
                "the service gave no answer: {lost:?}"
            );
            Outcome::Lost
        }
    }
}
