//! What was acknowledged stays: when the process is killed, when the disk is full; and a damaged
//! file is told.
//!
//! The writers are processes of their own, started from this same test binary: [`writer`] does
//! nothing unless an environment variable gives it a part.

#![expect(
    clippy::unwrap_used,
    reason = "the whole file is tests: what fails in a helper fails its test"
)]

use behest::storage::{StoreError, StoreId, TupleBatch, TupleStore};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;
use support::random::Random;
use support::store::{Kind, State, at, conditional, key, model, record, tuple};

const MAIN: StoreId = StoreId::MAIN;
const PART: &str = "BEHEST_STORE_WRITER";
const DIR: &str = "BEHEST_STORE_DIR";

/// The writer of the tests below, in its own process.
#[test]
fn writer() {
    let (Ok(part), Ok(dir)) = (std::env::var(PART), std::env::var(DIR)) else {
        return;
    };
    let (kind, part) = part.split_once('/').unwrap();
    let kind = Kind::named(kind);
    match part {
        "write" => write_forever(&*kind.open(Path::new(&dir)).unwrap()),
        #[cfg(unix)]
        "fill" => full::fill(kind, Path::new(&dir)),
        other => panic!("no part `{other}`"),
    }
}

fn write_forever(store: &dyn TupleStore) {
    let next = store.revision().unwrap().0 + 1;
    tell("opened");
    for revision in next.. {
        change(store, revision).unwrap();
        tell(&format!("acknowledged {revision}"));
    }
}

/// Makes the change that every test expects at this revision.
fn change(store: &dyn TupleStore, revision: u64) -> Result<(), StoreError> {
    let now = at(i64::try_from(revision).unwrap());
    let made = match revision {
        1 => store.create_store(record(MAIN, "main"), now)?,
        n if n.is_multiple_of(11) => store.write_model(MAIN, model(u128::from(n), "{}"), now)?,
        n => store.apply(MAIN, batch(n), now)?.revision,
    };
    assert_eq!(made.0, revision);
    Ok(())
}

/// Between one and 120 new tuples, in place of some of the change two before.
fn batch(revision: u64) -> TupleBatch {
    let texts = |n: u64| {
        let count = if n < 2 || n.is_multiple_of(11) {
            0
        } else {
            1 + Random(n).below(120)
        };
        (0..count).map(move |i| format!("document:{n}-{i}#viewer@user:reader-{i}"))
    };
    let deletes = texts(revision.saturating_sub(2))
        .step_by(3)
        .map(|text| key(&text))
        .collect();
    let writes = texts(revision).enumerate().map(|(i, text)| match i % 4 {
        0 => conditional(&text, "until", i64::try_from(revision).unwrap()),
        _ => tuple(&text),
    });
    TupleBatch {
        deletes,
        ..TupleBatch::of_writes(writes.collect())
    }
}

/// What a store holds after the changes up to a revision, as a store in memory has it.
fn expected(revision: u64) -> State {
    let store = Kind::named("memory").open(Path::new("")).unwrap();
    (1..=revision).for_each(|revision| change(&*store, revision).unwrap());
    State::read(&*store).unwrap()
}

/// The store holds every acknowledged change, at most one more, each of them whole, and its log
/// agrees.
fn check(store: &dyn TupleStore, acknowledged: u64) -> u64 {
    let state = State::read(store).unwrap();
    let revision = state.revision.0;
    assert!(
        (acknowledged..=acknowledged + 1).contains(&revision),
        "{acknowledged} acknowledged, {revision} found"
    );
    assert!(
        state == expected(revision),
        "the state at {revision} is not what was written"
    );
    assert!(
        State::replay(store, 1000).unwrap() == state,
        "the log at {revision} leads to another state"
    );
    revision
}

#[test]
fn no_acknowledged_write_is_lost_when_the_process_is_killed() {
    const ROUNDS: u64 = 50;
    for kind in Kind::durable() {
        let dir = tempfile::tempdir().unwrap();
        let (mut random, mut last) = (Random(4), 0);
        for round in 0..ROUNDS {
            let mut child = start(kind, "write", dir.path());
            let mut told = Told::by(&mut child);
            // Most die while they write, a moment after some change, however busy the disk is; some
            // while they open.
            let mut take = |line: String| {
                if let Some(number) = line.strip_prefix("acknowledged ") {
                    last = number.parse().unwrap();
                } else {
                    assert_eq!(line, "opened", "round {round}");
                }
            };
            let awaited = if round % 5 == 0 {
                0
            } else {
                2 + random.below(6)
            };
            (0..awaited).for_each(|_| take(told.next().unwrap()));
            std::thread::sleep(Duration::from_micros(random.below(15_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            told.for_each(take);
            last = check(&*kind.open(dir.path()).unwrap(), last);
        }
        assert!(
            last > ROUNDS,
            "{kind:?}: only {last} changes in {ROUNDS} rounds"
        );
    }
}

/// A flipped bit, a lost end, a zeroed sector: the store says that it is damaged, or nothing of it
/// was hit.
#[test]
fn a_damaged_file_is_told_and_never_trusted() {
    const ROUNDS: u64 = 150;
    const HEADER_BYTES: usize = 320;
    // Which of the last two commits is the newer: see `src/storage/backends/redb.rs`.
    const UNTOLD: (usize, u8) = (9, 1);
    let dir = tempfile::tempdir().unwrap();
    let store = Kind::named("redb").open(dir.path()).unwrap();
    (1..=40).for_each(|revision| change(&*store, revision).unwrap());
    // As a killed process leaves it, and as a stopped one does.
    let killed = std::fs::read(dir.path().join("behest.redb")).unwrap();
    drop(store);
    let stopped = std::fs::read(dir.path().join("behest.redb")).unwrap();
    let whole = expected(40);

    let mut told = 0;
    for (name, file) in [("killed", &killed), ("stopped", &stopped)] {
        let mut random = Random(5);
        for round in 0..ROUNDS {
            let mut damaged = file.clone();
            let place = usize::try_from(random.below(file.len() as u64)).unwrap();
            match round % 5 {
                0 => match (place % HEADER_BYTES, 1 << random.below(8)) {
                    UNTOLD => continue,
                    (byte, bit) => damaged[byte] ^= bit,
                },
                1 | 2 => damaged[place] ^= 1 << random.below(8),
                3 => damaged
                    .iter_mut()
                    .skip(place & !511)
                    .take(512)
                    .for_each(|byte| *byte = 0),
                _ => damaged.truncate(place),
            }
            if damaged == *file {
                continue;
            }
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("behest.redb"), &damaged).unwrap();
            match Kind::named("redb").open(dir.path()) {
                Ok(store) => {
                    let state = State::read(&*store).unwrap();
                    assert!(
                        state == whole,
                        "{name}, round {round}, byte {place}: another state, at {}",
                        state.revision
                    );
                    assert!(
                        State::replay(&*store, 100).unwrap() == whole,
                        "{name}, round {round}: another log"
                    );
                }
                Err(error) => {
                    assert!(
                        matches!(error, StoreError::Corrupt { .. }),
                        "{name}, round {round}: {error}"
                    );
                    assert!(!error.to_string().contains('\n'), "{error}");
                    told += 1;
                }
            }
        }
    }
    assert!(
        told > ROUNDS / 2,
        "only {told} of {} damages were told",
        2 * ROUNDS
    );
}

#[cfg(unix)]
mod full {
    use super::*;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    use signal_hook::consts::signal::SIGXFSZ;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    /// Room for some hundred changes. A limit on the size of a file looks to the store as a full
    /// disk does.
    const ROOM_BYTES: u64 = 3 << 20;

    /// Writes until the disk is full, makes room, and goes on in the same process.
    pub(super) fn fill(kind: Kind, dir: &Path) {
        // Without a handler, the signal that comes with the limit would end the process.
        signal_hook::flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).unwrap();
        let store = kind.open(dir).unwrap();
        let unlimited = getrlimit(Resource::Fsize);
        setrlimit(
            Resource::Fsize,
            Rlimit {
                current: Some(ROOM_BYTES),
                ..unlimited
            },
        )
        .unwrap();
        let mut revision = store.revision().unwrap().0;
        let error = loop {
            match change(&*store, revision + 1) {
                Ok(()) => revision += 1,
                Err(error) => break error,
            }
            tell(&format!("acknowledged {revision}"));
        };
        tell(&format!("refused {error}"));
        setrlimit(Resource::Fsize, unlimited).unwrap();
        let found = check(&*store, revision);
        for revision in found + 1..found + 20 {
            change(&*store, revision).unwrap();
            tell(&format!("acknowledged {revision}"));
        }
    }

    #[test]
    fn a_full_disk_is_told_and_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut child = start(Kind::named("redb"), "fill", dir.path());
        let (mut last, mut refused) = (0, Vec::new());
        for line in Told::by(&mut child) {
            if let Some(number) = line.strip_prefix("acknowledged ") {
                last = number.parse().unwrap();
            } else if let Some(message) = line.strip_prefix("refused ") {
                refused.push((last, message.to_owned()));
            } else {
                panic!("{line}");
            }
        }
        assert!(child.wait().unwrap().success());
        let message = format!(
            "the disk of `{}` is full: make room and write again, nothing that was acknowledged is lost",
            dir.path().join("behest.redb").display()
        );
        let [(before, told)] = refused.as_slice() else {
            panic!("{refused:?}")
        };
        assert_eq!(*told, message);
        assert!(
            *before > 10 && last > before + 18,
            "full after {before}, ended at {last}"
        );
        assert_eq!(
            check(&*Kind::named("redb").open(dir.path()).unwrap(), last),
            last
        );
    }
}

fn start(kind: Kind, part: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture", "--test-threads=1"])
        .env(PART, format!("{}/{part}", kind.name()))
        .env(DIR, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// One write for a whole line, so that a killed process leaves no half of one.
fn tell(line: &str) {
    std::io::stderr()
        .write_all(format!("{line}\n").as_bytes())
        .unwrap();
}

/// What a process tells, line by line, until its end.
struct Told(std::io::Lines<BufReader<ChildStderr>>);

impl Told {
    fn by(child: &mut Child) -> Self {
        Self(BufReader::new(child.stderr.take().unwrap()).lines())
    }
}

impl Iterator for Told {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0.next().map(Result::unwrap)
    }
}
