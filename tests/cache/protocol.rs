//! Two writers and two readers under the memory model: loom varies not only their order but also
//! which store each load sees, on the stripes of the product with the orderings that they have
//! there.
//!
//! The threads do what `orders.rs` says. Loom bounds how often a thread is interrupted, and does
//! not try orders that it takes for equal to another; that file visits all orders, without what the
//! memory model adds.

use behest::cache::{RowFreshness, StripeCell, StripeRow, Stripes};
use behest::model::Revision;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// A cell of loom's. As in the product, the order of its own is relaxed.
struct Loom(AtomicU64);

impl StripeCell for Loom {
    fn zero() -> Self {
        Self(AtomicU64::new(0))
    }

    fn load(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn raise(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

/// What is in the row that both writers write to, by revision: each adds a bit of its own.
fn packed(revision: u64, content: u64) -> u64 {
    revision << 8 | content
}

fn unpacked(version: u64) -> (Revision, u64) {
    (Revision(version >> 8), version & 0xFF)
}

#[derive(Clone, Copy)]
struct Entry {
    content: u64,
    revision: Revision,
}

struct Service {
    stripes: Stripes<Loom>,
    /// Pinned by loading it: revision and content in one.
    version: AtomicU64,
    turn: Mutex<()>,
    kept: Mutex<Option<Entry>>,
}

impl Service {
    fn new() -> Self {
        Self {
            stripes: Stripes::new(1),
            version: AtomicU64::new(0),
            turn: Mutex::new(()),
            kept: Mutex::new(None),
        }
    }

    fn write(&self, row: StripeRow, bit: u64, order: Order) {
        let _turn = self.turn.lock().unwrap();
        let (revision, content) = unpacked(self.version.load(Ordering::Relaxed));
        let (next, changed) = (
            Revision(revision.0 + 1),
            packed(revision.0 + 1, content | bit),
        );
        if order == Order::RaiseFirst {
            self.stripes.raise([row], next);
        }
        self.version.store(changed, Ordering::Release);
        if order == Order::PublishFirst {
            self.stripes.raise([row], next);
        }
    }

    /// Asks, and checks the answer against the version that it was given from.
    fn read(&self, row: StripeRow) {
        let (revision, content) = unpacked(self.version.load(Ordering::Acquire));
        let mut kept = self.kept.lock().unwrap();
        let entry = *kept;
        let serves = entry.filter(|entry| {
            self.stripes.between(&[row], entry.revision, revision) == RowFreshness::Unchanged
        });
        if let Some(entry) = serves {
            assert_eq!(
                entry.content, content,
                "an answer of another revision than it names"
            );
            return;
        }
        if entry.is_none_or(|entry| entry.revision <= revision) {
            *kept = Some(Entry { content, revision });
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    RaiseFirst,
    PublishFirst,
}

/// How many take part, and what each reader asks.
#[derive(Clone, Copy)]
struct Cast {
    writers: u32,
    readers: u32,
    questions: u32,
    /// How often the scheduler may take a thread's turn away; as often as there are chances, where
    /// there is no bound.
    interruptions: Option<usize>,
}

fn walk(order: Order, cast: Cast) {
    let row = StripeRow::of(1);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = cast.interruptions;
    builder.check(move || {
        let service = Arc::new(Service::new());
        let mut threads = Vec::new();
        for at in 0..cast.writers {
            let service = Arc::clone(&service);
            threads.push(thread::spawn(move || service.write(row, 1 << at, order)));
        }
        for _ in 1..cast.readers {
            let service = Arc::clone(&service);
            threads.push(thread::spawn(move || {
                (0..cast.questions).for_each(|_| service.read(row));
            }));
        }
        (0..cast.questions).for_each(|_| service.read(row));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn two_writers_and_two_readers_never_give_an_answer_of_another_revision() {
    walk(
        Order::RaiseFirst,
        Cast {
            writers: 2,
            readers: 2,
            questions: 1,
            interruptions: Some(3),
        },
    );
}

#[test]
fn nor_do_two_writers_and_one_reader() {
    walk(
        Order::RaiseFirst,
        Cast {
            writers: 2,
            readers: 1,
            questions: 3,
            interruptions: None,
        },
    );
}

/// The model can tell: the other way round it fails.
#[test]
#[should_panic(expected = "an answer of another revision than it names")]
fn publishing_before_the_stripes_are_raised_is_noticed() {
    walk(
        Order::PublishFirst,
        Cast {
            writers: 2,
            readers: 2,
            questions: 1,
            interruptions: Some(3),
        },
    );
}
