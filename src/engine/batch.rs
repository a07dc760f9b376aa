//! Decides batches: several questions in one request (AuthZEN 1.0 section 7).
//!
//! **Decision.** A batch is a pair of iterators: each request is built when it is due, and its
//! answer is returned before the next request is built. A thousand items that inherit a large
//! default are then copied one after the other, never all at once.
//!
//! INVARIANT: every item sees the snapshot and the time with which the batch began. The duration of
//! the batch is checked between items with the monotonic clock, which no decision sees.

use super::lookup::BRIEF_READS;
use super::snapshot::Pin;
use super::{Ask, Engine, LegKeys, Refusal};
use crate::model::{Answer, Decision, Fault, MalformedMember, Request, Timestamp};
use std::time::Duration;

/// How many tuples each item adds to the reads that a worker allows a batch; a usual item reads a
/// dozen.
const READS_OF_AN_ITEM: u64 = 32;

/// When a batch stops (AuthZEN 1.0 section 7.1.2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantic {
    /// The batch never stops early.
    #[default]
    ExecuteAll,
    /// The batch stops after the first denial or error.
    DenyOnFirstDeny,
    /// The batch stops after the first permit.
    PermitOnFirstPermit,
}

impl Semantic {
    pub(super) fn stops_after(self, decision: Decision) -> bool {
        match (self, decision) {
            (Self::ExecuteAll, _)
            | (Self::DenyOnFirstDeny, Decision::Permit)
            | (Self::PermitOnFirstPermit, Decision::Deny) => false,
            (Self::DenyOnFirstDeny, Decision::Deny)
            | (Self::PermitOnFirstPermit, Decision::Permit) => true,
        }
    }
}

/// The result of one item of a batch.
#[derive(Clone, Debug)]
pub enum ItemAnswer {
    /// The item was decided.
    Decided(Box<Answer>),
    /// The item was not well-formed: a denial with `context.error` (section 7.2.1).
    Malformed(MalformedMember),
}

impl ItemAnswer {
    /// Returns the decision; a malformed item is denied.
    #[must_use]
    pub fn decision(&self) -> Decision {
        match self {
            Self::Decided(answer) => answer.decision,
            Self::Malformed(_) => Decision::Deny,
        }
    }
}

/// Why a batch as a whole has no answer; none of its answers may be used then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchFault {
    /// An item met a fault of the service.
    Fault(Fault),
    /// The batch exceeded its maximum duration.
    OutOfTime(Duration),
    /// The batch was to be decided briefly, and takes longer: the caller must [`Batch::pause`] it
    /// and continue it on another thread.
    TakesLong,
}

impl Engine {
    /// Decides a batch against one snapshot and one time. Items are decided in order, each when its
    /// answer is taken, until `semantic` says to stop. A fault ends the whole batch, and so does an
    /// item that would begin later than `time` after the first: a missing answer would be read as a
    /// denial.
    pub fn decide_batch<'a, I>(
        &'a self,
        ask: &'a Ask<'a>,
        items: I,
        semantic: Semantic,
        time: Duration,
    ) -> Result<Batch<'a, I::IntoIter>, Fault>
    where
        I: IntoIterator<Item = Result<Request, MalformedMember>>,
    {
        let pin = self.pin()?;
        if pin.pinned().is_none() {
            return Err(Fault::NoBundle);
        }
        let now = Timestamp(self.clock.now_ms());
        Ok(Batch {
            engine: self,
            ask,
            pin,
            now,
            semantic,
            time,
            began_ms: self.clock.monotonic_ms(),
            items: items.into_iter(),
            begun: false,
            ended: false,
            keys: Some(Vec::new()),
            reads: None,
            is_put_off: false,
            pending: None,
        })
    }

    /// Continues a batch that was paused.
    pub fn resume<'a, I>(&'a self, ask: &'a Ask<'a>, rest: PausedBatch<I>) -> Batch<'a, I> {
        let PausedBatch {
            pin,
            now,
            began_ms,
            semantic,
            time,
            items,
            pending,
            begun,
        } = rest;
        let (ended, keys, reads) = (false, None, None);
        Batch {
            engine: self,
            ask,
            pin,
            now,
            semantic,
            time,
            began_ms,
            items,
            begun,
            ended,
            keys,
            reads,
            is_put_off: false,
            pending,
        }
    }
}

/// The rest of a paused batch, which can be moved to another thread.
#[derive(Debug)]
pub struct PausedBatch<I> {
    pin: Pin,
    now: Timestamp,
    began_ms: i64,
    semantic: Semantic,
    time: Duration,
    items: I,
    pending: Option<Box<Request>>,
    begun: bool,
}

/// A batch while it is decided: an iterator over the answers, in the order of the items.
#[must_use = "nothing is decided before the answers are taken"]
pub struct Batch<'a, I> {
    engine: &'a Engine,
    ask: &'a Ask<'a>,
    pin: Pin,
    now: Timestamp,
    semantic: Semantic,
    time: Duration,
    began_ms: i64,
    items: I,
    begun: bool,
    ended: bool,
    /// The leg keys of the items so far; `None` once the keys of an item are not available.
    keys: Option<Vec<LegKeys>>,
    /// How many tuples may still be read before the batch takes too long; `None` if the batch has
    /// no such bound.
    reads: Option<u64>,
    /// Whether every item is to be decided on another thread.
    is_put_off: bool,
    /// The item that took too long.
    pending: Option<Box<Request>>,
}

impl<I: Iterator<Item = Result<Request, MalformedMember>>> Iterator for Batch<'_, I> {
    type Item = Result<ItemAnswer, BatchFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.is_put_off {
            return Some(Err(BatchFault::TakesLong));
        }
        let item = match self.pending.take() {
            Some(item) => Ok(*item),
            None => self.items.next()?,
        };
        let answer = if self.is_out_of_time() {
            Err(BatchFault::OutOfTime(self.time))
        } else {
            self.answer(item)
        };
        self.ended = match &answer {
            Ok(answer) => self.semantic.stops_after(answer.decision()),
            Err(_) => true,
        };
        Some(answer)
    }
}

impl<I> Batch<'_, I> {
    /// Limits the batch to what a worker may decide between two answers, for `items` items; with
    /// `None`, nothing is decided. If the limit does not suffice, the batch fails with
    /// [`BatchFault::TakesLong`].
    pub fn on_worker(self, items: Option<usize>) -> Self {
        let reads = |items| {
            let items = u64::try_from(items).unwrap_or(u64::MAX);
            BRIEF_READS.saturating_add(items.saturating_mul(READS_OF_AN_ITEM))
        };
        Self {
            reads: Some(items.map_or(0, reads)),
            is_put_off: items.is_none(),
            ..self
        }
    }

    /// Returns the rest of the batch, including the item that took too long, to be continued on
    /// another thread.
    #[must_use]
    pub fn pause(self) -> PausedBatch<I> {
        let Self {
            pin,
            now,
            began_ms,
            semantic,
            time,
            items,
            pending,
            begun,
            ..
        } = self;
        PausedBatch {
            pin,
            now,
            began_ms,
            semantic,
            time,
            items,
            pending,
            begun,
        }
    }

    /// Returns the leg keys of all answered items, if every leg was found in the cache, and whether
    /// these are all items of the batch. Must be called after the answers have been taken.
    #[must_use]
    pub fn into_leg_keys(self) -> Option<(Vec<LegKeys>, bool)> {
        let whole = !self.ended;
        self.keys.map(|keys| (keys, whole))
    }

    /// Returns `true` if the batch is out of time. The first item is always decided: its time is
    /// bounded like that of a single question.
    fn is_out_of_time(&mut self) -> bool {
        if !std::mem::replace(&mut self.begun, true) {
            return false;
        }
        let passed = self
            .engine
            .clock
            .monotonic_ms()
            .saturating_sub(self.began_ms);
        u64::try_from(passed).is_ok_and(|passed| Duration::from_millis(passed) > self.time)
    }

    fn answer(&mut self, item: Result<Request, MalformedMember>) -> Result<ItemAnswer, BatchFault> {
        let mut keys = None;
        let answer = self.decide(item, &mut keys);
        match (&mut self.keys, keys) {
            (Some(all), Some(one)) => all.push(one),
            _ => self.keys = None,
        }
        answer
    }

    fn decide(
        &mut self,
        item: Result<Request, MalformedMember>,
        keys: &mut Option<LegKeys>,
    ) -> Result<ItemAnswer, BatchFault> {
        let pinned = self
            .pin
            .pinned()
            .ok_or(BatchFault::Fault(Fault::NoBundle))?;
        let request = match item {
            Ok(request) => request,
            Err(malformed) => return Ok(ItemAnswer::Malformed(malformed)),
        };
        match self
            .engine
            .answer(pinned, self.ask, &request, self.now, keys, &mut self.reads)
        {
            Ok(answer) => Ok(ItemAnswer::Decided(Box::new(answer))),
            Err(Refusal::Malformed(malformed)) => Ok(ItemAnswer::Malformed(malformed)),
            Err(Refusal::Fault(fault)) => Err(BatchFault::Fault(fault)),
            Err(Refusal::TakesLong) => {
                self.pending = Some(Box::new(request));
                Err(BatchFault::TakesLong)
            }
        }
    }
}

impl<I> std::fmt::Debug for Batch<'_, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("now", &self.now)
            .field("semantic", &self.semantic)
            .finish_non_exhaustive()
    }
}
