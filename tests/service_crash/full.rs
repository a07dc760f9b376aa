//! A service whose disk is full: it says so, loses nothing, goes on deciding, and writes again once
//! there is room.
//!
//! A limit on the size of a file looks to the service as a full disk does, and needs no disk of its
//! own.

use super::answers;
use super::batch::Batch;
use super::client::{Client, Reply};
use super::tuples::{Tuples, place};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use support::place::Service;
use support::random::Random;

/// More batches than the room that a store's file has at first.
const MANY: u64 = 5_000;

#[test]
fn a_full_disk_is_told_and_decisions_go_on() {
    let (place, mut random) = (place(), Random(11));
    let service = place.serve(&["--data", "data"]);
    let client = Client::of(&service);
    let mut tuples = Tuples::new();
    let mut numbers = 1..;
    for number in numbers.by_ref().take(30) {
        let batch = Batch::at_random(&mut random, number, 0, &tuples);
        if client.write(&batch).unwrap().status == 200 {
            assert!(batch.apply(&mut tuples));
        }
    }
    let unlimited = limit(
        &service,
        Some(
            std::fs::metadata(place.path("data/behest.redb"))
                .unwrap()
                .len(),
        ),
    );
    let refused = fill(&client, &mut tuples, &mut numbers);
    assert_full(&refused);
    answers::check(&client, &tuples, &mut random);
    assert!(
        client.read(&Value::Null) == tuples,
        "what is read on a full disk is not what was written"
    );

    // It stays so, and the refusals leave nothing behind.
    for number in numbers.by_ref().take(3) {
        assert_full(
            &client
                .write(&Batch::at_random(&mut random, number, 0, &tuples))
                .unwrap(),
        );
        answers::check(&client, &tuples, &mut random);
    }
    assert!(
        client.read(&Value::Null) == tuples,
        "a refused write is read"
    );

    limit(&service, unlimited);
    for number in numbers.take(20) {
        let batch = Batch::marked(number);
        assert_eq!(client.write(&batch).unwrap().status, 200);
        assert!(batch.apply(&mut tuples) && client.allows(&batch.mark).unwrap());
    }
    answers::check(&client, &tuples, &mut random);
    drop(service);

    let service = place.serve(&["--data", "data"]);
    assert!(
        Client::of(&service).read(&Value::Null) == tuples,
        "the file holds something else"
    );
}

/// Limits the size of the service's files, and returns the limit before.
fn limit(service: &Service, bytes: Option<u64>) -> Option<u64> {
    let pid = Pid::from_raw(i32::try_from(service.child.id()).unwrap());
    prlimit(
        pid,
        Resource::Fsize,
        Rlimit {
            current: bytes,
            maximum: None,
        },
    )
    .unwrap()
    .current
}

/// Writes large batches until one is refused.
fn fill(client: &Client, tuples: &mut Tuples, numbers: &mut impl Iterator<Item = u64>) -> Reply {
    for number in numbers.take(MANY.try_into().unwrap()) {
        let mut batch = Batch::marked(number);
        batch
            .writes
            .extend((0..90).map(|at| (format!("document:heap-{number}#viewer@user:f{at}"), None)));
        let reply = client.write(&batch).unwrap();
        if reply.status != 200 {
            return reply;
        }
        assert!(batch.apply(tuples));
    }
    panic!("{MANY} batches fit into a full disk");
}

fn assert_full(reply: &Reply) {
    let told = "the disk is full and nothing was written: make room, and send the request again";
    assert_eq!(
        (reply.status, &reply.body),
        (
            500,
            &serde_json::json!({"code": "resource_exhausted", "message": told})
        )
    );
}
