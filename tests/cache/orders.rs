//! Every order in which the steps of two writers and two readers can follow one another, each step
//! on the stripes of the product. `protocol.rs` asks what the memory model adds to that.
//!
//! A writer has the turn, raises the stripes of the row that it writes to, publishes the next
//! version, acknowledges. A reader pins a version, takes an entry, asks the stripes, and keeps what
//! it evaluated. All states that these steps can come to are visited, each once.

use behest::cache::{RowFreshness, StripeCell, StripeRow, Stripes};
use behest::model::Revision;
use std::collections::HashSet;

/// Writes of each writer, and questions of each reader.
const WRITES: u8 = 2;
const QUESTIONS: u8 = 3;

/// The row that all write to and read.
fn row() -> StripeRow {
    StripeRow::of(1)
}

/// A version, or what was evaluated on one: each write sets what is in the row to its own revision.
type Version = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    content: u64,
    revision: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    stripe: u64,
    published: Version,
    acknowledged: u64,
    turn: Option<usize>,
    kept: Option<Entry>,
    threads: [Thread; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Thread {
    Writer {
        at: u8,
        left: u8,
    },
    Reader {
        at: u8,
        left: u8,
        least: u64,
        pinned: Version,
        entry: Option<Entry>,
    },
}

/// How the steps follow one another within a thread: the product's way, and ways to get it wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Product,
    PublishBeforeRaising,
    AcknowledgeBeforePublishing,
    AskFromTheReadersRevisionAlone,
    AskFromTheEntrysRevisionAlone,
    KeepUnderTheNewestRevision,
}

/// A cell whose value is part of a state.
struct Plain(std::cell::Cell<u64>);

impl StripeCell for Plain {
    fn zero() -> Self {
        Self(std::cell::Cell::new(0))
    }

    fn load(&self) -> u64 {
        self.0.get()
    }

    fn raise(&self, value: u64) {
        self.0.set(self.0.get().max(value));
    }
}

/// Does one thread's next step; `Err` says what it found wrong, `Ok(None)` that it cannot go on
/// now.
fn step(way: Way, state: &State, thread: usize) -> Result<Option<State>, &'static str> {
    let mut next = state.clone();
    let moved = match state.threads[thread] {
        Thread::Writer { left: 0, .. } | Thread::Reader { left: 0, .. } => None,
        Thread::Writer { at, left } => write(way, &mut next, thread, at, left),
        Thread::Reader {
            at,
            left,
            least,
            pinned,
            entry,
        } => Some(read(
            way,
            &mut next,
            Read {
                at,
                left,
                least,
                pinned,
                entry,
            },
        )?),
    };
    Ok(moved.map(|moved| {
        next.threads[thread] = moved;
        next
    }))
}

/// A writer's next step; none while another has the turn.
fn write(way: Way, state: &mut State, thread: usize, at: u8, left: u8) -> Option<Thread> {
    match (way, at) {
        (_, 0) if state.turn.is_some() => return None,
        (_, 0) => state.turn = Some(thread),
        (_, 4) => {
            state.turn = None;
            return Some(Thread::Writer {
                at: 0,
                left: left - 1,
            });
        }
        (Way::PublishBeforeRaising, 1) | (Way::AcknowledgeBeforePublishing, 3) => {
            state.published += 1;
        }
        (Way::PublishBeforeRaising, 2) | (_, 1) => raise(way, state),
        (Way::AcknowledgeBeforePublishing, 2) => state.acknowledged = state.published + 1,
        (_, 2) => state.published += 1,
        (_, _) => state.acknowledged = state.published,
    }
    Some(Thread::Writer { at: at + 1, left })
}

fn raise(way: Way, state: &mut State) {
    let stripes = stripes_of(state.stripe);
    stripes.raise(
        [row()],
        Revision(state.published + u64::from(way != Way::PublishBeforeRaising)),
    );
    state.stripe = raised(&stripes, row());
}

/// What a reader has in hand.
struct Read {
    at: u8,
    left: u8,
    least: u64,
    pinned: Version,
    entry: Option<Entry>,
}

/// A reader's next step; an error where what it would answer is wrong.
fn read(way: Way, state: &mut State, reader: Read) -> Result<Thread, &'static str> {
    let Read {
        at,
        left,
        least,
        pinned,
        entry,
    } = reader;
    let at_step = |at, pinned, entry| Thread::Reader {
        at,
        left,
        least: 0,
        pinned,
        entry,
    };
    let answered = Thread::Reader {
        at: 0,
        left: left - 1,
        least: 0,
        pinned: 0,
        entry: None,
    };
    Ok(match (at, entry) {
        (0, _) => Thread::Reader {
            at: 1,
            left,
            least: state.acknowledged,
            pinned: 0,
            entry: None,
        },
        (1, _) if state.published < least => {
            return Err("an answer from before an acknowledged write");
        }
        (1, _) => at_step(2, state.published, None),
        (2, _) => at_step(3, pinned, state.kept),
        (3, Some(entry)) if is_current(way, state, entry, pinned) => {
            if entry.content != pinned {
                return Err("an answer of another revision than it names");
            }
            answered
        }
        (3, Some(_)) => at_step(4, pinned, None),
        _ => {
            keep(way, state, pinned);
            answered
        }
    })
}

/// Whether the stripes say that an entry is what the reader would evaluate.
fn is_current(way: Way, state: &State, entry: Entry, pinned: Version) -> bool {
    let (read, reader) = match way {
        Way::AskFromTheReadersRevisionAlone => (pinned, pinned),
        Way::AskFromTheEntrysRevisionAlone => (entry.revision, entry.revision),
        _ => (entry.revision, pinned),
    };
    let since = stripes_of(state.stripe).between(&[row()], Revision(read), Revision(reader));
    since == RowFreshness::Unchanged
}

/// Keeps what was evaluated on the version that is pinned.
fn keep(way: Way, state: &mut State, pinned: Version) {
    let revision = if way == Way::KeepUnderTheNewestRevision {
        state.published
    } else {
        pinned
    };
    if state.kept.is_none_or(|kept| kept.revision <= revision) {
        state.kept = Some(Entry {
            content: pinned,
            revision,
        });
    }
}

/// Stripes whose only cell holds this.
fn stripes_of(value: u64) -> Stripes<Plain> {
    let stripes = Stripes::new(1);
    // What a cell holds has the tag of the row in it.
    if value > 0 {
        stripes.raise([StripeRow::of(1)], Revision(value));
    }
    stripes
}

/// The revision that the only cell was raised to.
fn raised(stripes: &Stripes<Plain>, row: StripeRow) -> u64 {
    (0..=2 * u64::from(WRITES))
        .find(|revision| {
            stripes.between(&[row], Revision(*revision), Revision(*revision))
                == RowFreshness::Unchanged
        })
        .unwrap()
}

/// Visits every state; the first wrong thing, and how many states there are.
fn walk(way: Way) -> (Option<&'static str>, usize) {
    let writer = Thread::Writer {
        at: 0,
        left: WRITES,
    };
    let reader = Thread::Reader {
        at: 0,
        left: QUESTIONS,
        least: 0,
        pinned: 0,
        entry: None,
    };
    let threads = [writer, writer, reader, reader];
    let start = State {
        stripe: 0,
        published: 0,
        acknowledged: 0,
        turn: None,
        kept: None,
        threads,
    };
    let mut seen = HashSet::from([start.clone()]);
    let mut left = vec![start];
    while let Some(state) = left.pop() {
        for thread in 0..state.threads.len() {
            match step(way, &state, thread) {
                Err(wrong) => return (Some(wrong), seen.len()),
                Ok(Some(next)) => {
                    if seen.insert(next.clone()) {
                        left.push(next);
                    }
                }
                Ok(None) => {}
            }
        }
    }
    (None, seen.len())
}

#[test]
fn in_no_order_is_an_answer_of_another_revision_or_older_than_an_acknowledged_write() {
    let (wrong, states) = walk(Way::Product);
    assert_eq!(wrong, None);
    assert!(states > 100_000, "{states}");
}

#[test]
fn every_other_way_goes_wrong_in_some_order() {
    let other = Some("an answer of another revision than it names");
    for (way, expected) in [
        (Way::PublishBeforeRaising, other),
        (
            Way::AcknowledgeBeforePublishing,
            Some("an answer from before an acknowledged write"),
        ),
        (Way::AskFromTheReadersRevisionAlone, other),
        (Way::AskFromTheEntrysRevisionAlone, other),
        (Way::KeepUnderTheNewestRevision, other),
    ] {
        assert_eq!(walk(way).0, expected, "{way:?}");
    }
}
