//! Every order in which the steps of two writers and two readers can follow one another, each step on the stripes of the
//! product. `protocol.rs` asks what the memory model adds to that.
//!
//! A writer has the turn, raises the stripes of the row that it writes to, publishes the next version, acknowledges. A
//! reader pins a version, takes an entry, asks the stripes, and keeps what it evaluated. All states that these steps can
//! come to are visited, each once.

use behest::cache::{Cell, Row, Since, Stripes};
use behest::model::Revision;
use std::collections::HashSet;

/// Writes of each writer, and questions of each reader.
const WRITES: u8 = 2;
const QUESTIONS: u8 = 3;

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
    Writer { at: u8, left: u8 },
    Reader { at: u8, left: u8, least: u64, pinned: Version, entry: Option<Entry> },
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

impl Cell for Plain {
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

/// Does one thread's next step; `Err` says what it found wrong, `Ok(None)` that it cannot go on now.
fn step(way: Way, state: &State, thread: usize) -> Result<Option<State>, &'static str> {
    let mut next = state.clone();
    let row = Row::of(1);
    let raise = |state: &mut State| {
        let stripes = stripes_of(state.stripe);
        stripes.raise([row], Revision(state.published + u64::from(way != Way::PublishBeforeRaising)));
        state.stripe = raised(&stripes, row);
    };
    next.threads[thread] = match state.threads[thread] {
        Thread::Writer { left: 0, .. } | Thread::Reader { left: 0, .. } => return Ok(None),
        Thread::Writer { at: 0, left } if state.turn.is_none() => {
            next.turn = Some(thread);
            Thread::Writer { at: 1, left }
        }
        Thread::Writer { at: 0, .. } => return Ok(None),
        Thread::Writer { at: 4, left } => {
            next.turn = None;
            Thread::Writer { at: 0, left: left - 1 }
        }
        Thread::Writer { at, left } => {
            match (way, at) {
                (Way::PublishBeforeRaising, 1) | (Way::AcknowledgeBeforePublishing, 3) => next.published += 1,
                (Way::PublishBeforeRaising, 2) | (_, 1) => raise(&mut next),
                (Way::AcknowledgeBeforePublishing, 2) => next.acknowledged = next.published + 1,
                (_, 2) => next.published += 1,
                (_, _) => next.acknowledged = next.published,
            }
            Thread::Writer { at: at + 1, left }
        }
        Thread::Reader { at: 0, left, .. } => {
            Thread::Reader { at: 1, left, least: state.acknowledged, pinned: 0, entry: None }
        }
        Thread::Reader { at: 1, left, least, .. } => {
            if state.published < least {
                return Err("an answer from before an acknowledged write");
            }
            Thread::Reader { at: 2, left, least: 0, pinned: state.published, entry: None }
        }
        Thread::Reader { at: 2, left, pinned, .. } => {
            Thread::Reader { at: 3, left, least: 0, pinned, entry: state.kept }
        }
        Thread::Reader { at: 3, left, pinned, entry: Some(entry), .. } => {
            let (read, reader) = match way {
                Way::AskFromTheReadersRevisionAlone => (pinned, pinned),
                Way::AskFromTheEntrysRevisionAlone => (entry.revision, entry.revision),
                _ => (entry.revision, pinned),
            };
            let since = stripes_of(state.stripe).between(&[row], Revision(read), Revision(reader));
            if since == Since::Unchanged {
                if entry.content != pinned {
                    return Err("an answer of another revision than it names");
                }
                Thread::Reader { at: 0, left: left - 1, least: 0, pinned: 0, entry: None }
            } else {
                Thread::Reader { at: 4, left, least: 0, pinned, entry: None }
            }
        }
        Thread::Reader { pinned, left, .. } => {
            let revision = if way == Way::KeepUnderTheNewestRevision { state.published } else { pinned };
            if state.kept.is_none_or(|kept| kept.revision <= revision) {
                next.kept = Some(Entry { content: pinned, revision });
            }
            Thread::Reader { at: 0, left: left - 1, least: 0, pinned: 0, entry: None }
        }
    };
    Ok(Some(next))
}

/// Stripes whose only cell holds this.
fn stripes_of(value: u64) -> Stripes<Plain> {
    let stripes = Stripes::new(1);
    // What a cell holds has the tag of the row in it.
    if value > 0 {
        stripes.raise([Row::of(1)], Revision(value));
    }
    stripes
}

/// The revision that the only cell was raised to.
fn raised(stripes: &Stripes<Plain>, row: Row) -> u64 {
    (0..=2 * u64::from(WRITES))
        .find(|revision| stripes.between(&[row], Revision(*revision), Revision(*revision)) == Since::Unchanged)
        .unwrap()
}

/// Visits every state; the first wrong thing, and how many states there are.
fn walk(way: Way) -> (Option<&'static str>, usize) {
    let writer = Thread::Writer { at: 0, left: WRITES };
    let reader = Thread::Reader { at: 0, left: QUESTIONS, least: 0, pinned: 0, entry: None };
    let threads = [writer, writer, reader, reader];
    let start = State { stripe: 0, published: 0, acknowledged: 0, turn: None, kept: None, threads };
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
        (Way::AcknowledgeBeforePublishing, Some("an answer from before an acknowledged write")),
        (Way::AskFromTheReadersRevisionAlone, other),
        (Way::AskFromTheEntrysRevisionAlone, other),
        (Way::KeepUnderTheNewestRevision, other),
    ] {
        assert_eq!(walk(way).0, expected, "{way:?}");
    }
}
