//! Backups of a service while several clients write to it, and while it is killed.

use super::batch::Batch;
use super::client::Client;
use super::tuples::{Tuples, place};
use behest::model::Value;
use behest::storage::{StoreId, TupleStore, open_redb};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::Read;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use support::place::{KEY, Place, Service};
use support::random::Random;
use support::store::State;

const WRITERS: u64 = 3;
const BACKUPS: usize = 12;

/// Starts a backup of a service into a file, or to standard output.
fn begin(place: &Place, service: &Service, file: &str) -> Child {
    place
        .command(&["backup", file, "--url", &service.url()])
        .env("BEHEST_KEY", KEY)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What a store holds, as clients see it.
fn tuples_of(store: &dyn TupleStore) -> Tuples {
    let mut found = Tuples::new();
    store
        .read_tuples(StoreId::MAIN, &mut |tuple| {
            let limit =
                tuple
                    .condition
                    .as_ref()
                    .map(|condition| match condition.context.get("limit") {
                        Some(Value::Number(limit)) => limit.digits().parse::<i64>().unwrap(),
                        other => panic!("{other:?}"),
                    });
            found.insert(tuple.key.to_string(), limit);
        })
        .unwrap();
    found
}

/// Each backup holds what was acknowledged up to the revision that it names, and nothing of what
/// came later.
#[test]
fn a_backup_is_of_one_revision_while_others_write() {
    let seed = RandomState::new().hash_one("backups");
    println!("the seed is {seed}");
    let mut random = Random(seed);
    let place = place();
    let service = place.serve(&["--data", "data"]);
    let (is_over, numbers) = (AtomicBool::new(false), AtomicU64::new(1));
    let believed = Mutex::new(Tuples::new());
    let mut acknowledged: BTreeMap<u64, Batch> = BTreeMap::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let mut random = Random(random.below(u64::MAX));
                let client = Client::of(&service);
                let (is_over, numbers, believed) = (&is_over, &numbers, &believed);
                scope.spawn(move || {
                    let mut sent = Vec::new();
                    while !is_over.load(SeqCst) {
                        let believes = believed.lock().unwrap().clone();
                        let number = numbers.fetch_add(1, SeqCst);
                        let batch = Batch::at_random(&mut random, number, writer, &believes);
                        let reply = client.write(&batch).unwrap();
                        if reply.status == 200 {
                            batch.force(&mut believed.lock().unwrap());
                            sent.push((reply.revision.unwrap(), batch));
                        }
                    }
                    sent
                })
            })
            .collect();
        for at in 0..BACKUPS {
            std::thread::sleep(Duration::from_millis(30));
            let made = begin(&place, &service, &format!("b{at}"))
                .wait_with_output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        is_over.store(true, SeqCst);
        for writer in writers {
            acknowledged.extend(writer.join().unwrap());
        }
    });
    assert_eq!(service.stop().code(), Some(0));

    let mut revisions = Vec::new();
    for at in 0..BACKUPS {
        let (file, dir) = (format!("b{at}"), format!("restored-{at}"));
        let restored = place.run(&["restore", &file, "--data", &dir]);
        assert_eq!(restored.code, 0, "{restored:?}");
        let store = open_redb(&place.path(&dir), 4 << 20).unwrap();
        let revision = store.revision().unwrap().0;
        let told = format!(" of revision {revision} into ");
        assert!(restored.err.contains(&told), "{restored:?}");
        let mut expected = Tuples::new();
        for batch in acknowledged.range(..=revision).map(|(_, batch)| batch) {
            assert!(batch.apply(&mut expected), "{batch:?} was acknowledged");
        }
        assert!(
            tuples_of(&*store) == expected,
            "backup {at} is not what was acknowledged up to {revision}"
        );
        // The log comes with it, and leads to the same.
        assert!(State::read(&*store).unwrap() == State::replay(&*store, 100).unwrap());
        revisions.push(revision);
    }
    revisions.dedup();
    assert!(revisions.len() > BACKUPS / 2, "nobody wrote: {revisions:?}");
    assert!(acknowledged.len() > 15, "{}", acknowledged.len());
}

/// A service that is killed while a backup of it is made: the command fails, and no file is there.
#[test]
fn a_backup_of_a_service_that_is_killed_is_none() {
    let place = place();
    let lines: String = (0..30_000)
        .map(|at| {
            format!(
                "{{\"user\":\"user:u{at}\",\"relation\":\"viewer\",\"object\":\"document:{at}\"}}\n"
            )
        })
        .collect();
    place.write("tuples.jsonl", &lines);
    let import = [
        "import",
        "tuples.jsonl",
        "--data",
        "data",
        "--bundle",
        "bundle",
    ];
    assert_eq!(place.run(&import).code, 0);

    // Nobody reads what it writes, so that it is in the middle when the service is killed.
    let mut service = place.serve(&["--data", "data"]);
    let mut child = begin(&place, &service, "-");
    let mut half = vec![0; 1_000];
    let out = child.stdout.as_mut().unwrap();
    out.read_exact(&mut half).unwrap();
    service.child.kill().unwrap();
    service.child.wait().unwrap();
    out.read_to_end(&mut half).unwrap();
    let broken = child.wait_with_output().unwrap();
    assert_eq!(broken.status.code(), Some(1), "{}", half.len());
    let told = String::from_utf8(broken.stderr).unwrap();
    assert!(told.starts_with("error: the backup broke off: "), "{told}");
    std::fs::write(place.path("half"), &half).unwrap();
    let refused = place.run(&["restore", "half", "--data", "new"]);
    assert!(
        refused.code == 1 && refused.err.contains("the backup is cut off"),
        "{refused:?}"
    );

    let mut random = Random(RandomState::new().hash_one("killed"));
    let (mut whole, mut none) = (0, 0);
    for round in 0..5 {
        let mut service = place.serve(&["--data", "data"]);
        let file = format!("b{round}");
        let child = begin(&place, &service, &file);
        std::thread::sleep(Duration::from_millis(random.below(400)));
        service.child.kill().unwrap();
        service.child.wait().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert!(!place.path(&format!("{file}.part")).exists());
        if ended.status.success() {
            let dir = format!("restored-{round}");
            let restored = place.run(&["restore", &file, "--data", &dir]);
            assert!(
                restored.code == 0 && restored.err.starts_with("restored 30,000 tuples"),
                "{restored:?}"
            );
            whole += 1;
        } else {
            assert!(!place.path(&file).exists(), "{ended:?}");
            none += 1;
        }
    }
    println!("{whole} were whole, {none} were none");
}
