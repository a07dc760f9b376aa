//! Limits how many requests an issuer gets at a time, and decides who is served next.
//!
//! **Problem.** Somebody who invents tokens makes the service ask about each of them. If all
//! requests waited in one queue, those with real tokens would wait behind the invented ones until
//! their callers gave up.
//! **Decision.** There are several queues ([`IssuerLine`]), and a full one takes nothing from the
//! others. In each, the caller with the fewest places is served next: a caller with a thousand
//! tokens alternates with another that has one. Among one caller's requests, tokens that were good
//! lately come first, then the newest. If too many wait, one of the caller with the most is
//! refused: the oldest whose token was not good lately. If requests come faster than they can be
//! served, those that are served are then answered in time.
//! **Trade-off.** Under overload a request may be overtaken for ever. Otherwise all of them would
//! be late.
//!
//! INVARIANT: a place that was given is returned exactly once, also if nobody waits for it any
//! more.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// A queue and its places.
#[derive(Debug)]
pub(super) struct IssuerLine {
    state: Mutex<LineState>,
    /// Maximum number of waiting requests.
    most: usize,
}

/// A request for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlaceClaim {
    /// The index of the caller; `None` for one without a name.
    pub(super) caller: Option<usize>,
    /// Whether the token was good lately.
    pub(super) was_good: bool,
}

#[derive(Debug)]
struct LineState {
    free: usize,
    /// The callers that hold the places in use.
    given: Vec<Option<usize>>,
    /// The waiting requests, in order of arrival.
    waiting: Vec<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    claim: PlaceClaim,
    give: oneshot::Sender<IssuerPlace>,
}

/// A place in use; it is returned when dropped.
#[derive(Debug)]
pub(super) struct IssuerPlace {
    /// `None` once the place was returned.
    of: Option<Arc<IssuerLine>>,
    caller: Option<usize>,
}

impl IssuerLine {
    /// Creates a queue with `free` places, in which at most `most` requests may wait.
    pub(super) fn new(free: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(LineState {
                free,
                given: Vec::new(),
                waiting: Vec::new(),
            }),
            most,
        })
    }

    /// Waits for a place; returns `None` if the request was refused because too many came later.
    pub(super) async fn take(self: &Arc<Self>, claim: PlaceClaim) -> Option<IssuerPlace> {
        let wait = {
            let mut state = self.state();
            if let Some(fewer) = state.free.checked_sub(1) {
                state.free = fewer;
                state.given.push(claim.caller);
                return Some(self.place(claim.caller));
            }
            // Requests whose tasks were dropped no longer wait.
            state.waiting.retain(|waiting| !waiting.give.is_closed());
            let (give, wait) = oneshot::channel();
            state.waiting.push(Waiter { claim, give });
            if state.waiting.len() > self.most.max(1) {
                state.send_away();
            }
            wait
        };
        wait.await.ok()
    }

    fn place(self: &Arc<Self>, caller: Option<usize>) -> IssuerPlace {
        IssuerPlace {
            of: Some(Arc::clone(self)),
            caller,
        }
    }

    fn state(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineState {
    /// Returns how many places a caller holds.
    fn places_of(&self, caller: Option<usize>) -> usize {
        self.given.iter().filter(|of| **of == caller).count()
    }

    /// Removes and returns the request that is served next.
    fn next(&mut self) -> Option<Waiter> {
        let order = |(at, waiting): &(usize, &Waiter)| {
            let PlaceClaim { caller, was_good } = waiting.claim;
            (self.places_of(caller), !was_good, Reverse(*at))
        };
        let (next, _) = self.waiting.iter().enumerate().min_by_key(order)?;
        Some(self.waiting.remove(next))
    }

    /// Refuses one request of the caller with the most waiting requests.
    fn send_away(&mut self) {
        let waiting_of = |caller| {
            self.waiting
                .iter()
                .filter(|waiting| waiting.claim.caller == caller)
                .count()
        };
        let order = |(at, waiting): &(usize, &Waiter)| {
            let PlaceClaim { caller, was_good } = waiting.claim;
            (Reverse(waiting_of(caller)), was_good, *at)
        };
        if let Some((first, _)) = self.waiting.iter().enumerate().min_by_key(order) {
            self.waiting.remove(first);
        }
    }

    /// Takes a place back from a caller.
    fn take_back(&mut self, caller: Option<usize>) {
        if let Some(at) = self.given.iter().position(|of| *of == caller) {
            self.given.swap_remove(at);
        }
    }
}

impl Drop for IssuerPlace {
    fn drop(&mut self) {
        let Some(places) = self.of.take() else { return };
        let mut caller = self.caller;
        loop {
            let next = {
                let mut state = places.state();
                state.take_back(caller);
                let next = state.next();
                match &next {
                    Some(next) => state.given.push(next.claim.caller),
                    None => state.free += 1,
                }
                next
            };
            let Some(Waiter { claim, give }) = next else {
                return;
            };
            // If the receiver is gone, the place comes back and goes to the next request.
            let Err(mut back) = give.send(places.place(claim.caller)) else {
                return;
            };
            back.of = None;
            caller = claim.caller;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    const ANY: PlaceClaim = PlaceClaim {
        caller: None,
        was_good: false,
    };

    #[test]
    fn the_last_who_came_is_next_and_the_first_is_sent_away() {
        let places = IssuerLine::new(1, 2);
        let mut context = Context::from_waker(Waker::noop());
        let mut waits: Vec<_> = (0..4).map(|_| Box::pin(places.take(ANY))).collect();
        let mut poll = |at: usize| match waits[at].as_mut().poll(&mut context) {
            Poll::Ready(place) => Some(place),
            Poll::Pending => None,
        };
        let held = poll(0).unwrap().unwrap();
        assert!(poll(1).is_none() && poll(2).is_none() && poll(3).is_none());
        assert!(poll(1).unwrap().is_none());
        drop(held);
        assert!(poll(2).is_none());
        let held = poll(3).unwrap().unwrap();
        drop(held);
        assert!(poll(2).unwrap().is_some());
    }

    /// A waiting request and its result.
    struct TestWaiter {
        wait: Pin<Box<dyn Future<Output = Option<IssuerPlace>>>>,
        found: Option<Result<IssuerPlace, ()>>,
    }

    impl TestWaiter {
        fn begin(places: &Arc<IssuerLine>, claim: PlaceClaim) -> Self {
            let places = Arc::clone(places);
            let mut wait = Self {
                wait: Box::pin(async move { places.take(claim).await }),
                found: None,
            };
            wait.poll();
            wait
        }

        /// Returns `None` while it waits, and then whether it got a place.
        fn poll(&mut self) -> Option<bool> {
            if self.found.is_none()
                && let Poll::Ready(place) = self
                    .wait
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
            {
                self.found = Some(place.ok_or(()));
            }
            self.found.as_ref().map(Result::is_ok)
        }
    }

    /// However long one caller's queue is, another caller's token is served next, and a token that
    /// was good lately comes before unknown ones.
    #[test]
    fn each_caller_has_a_share_of_the_places_and_good_tokens_come_first() {
        let places = IssuerLine::new(2, 6);
        let flood = PlaceClaim {
            caller: Some(1),
            was_good: false,
        };
        let known = PlaceClaim {
            caller: Some(1),
            was_good: true,
        };
        let other = PlaceClaim {
            caller: Some(2),
            was_good: false,
        };
        let mut held: Vec<TestWaiter> = [flood, flood]
            .map(|claim| TestWaiter::begin(&places, claim))
            .into();
        let claims = [
            known, other, flood, flood, flood, flood, flood, flood, flood,
        ];
        let mut waits = claims.map(|claim| TestWaiter::begin(&places, claim));
        let mut ends = || waits.each_mut().map(TestWaiter::poll);
        let sent_away = [2, 3, 4];
        for (at, end) in ends().into_iter().enumerate() {
            assert_eq!(
                end,
                sent_away.contains(&at).then_some(false),
                "{at}: the flood's own are sent away"
            );
        }
        held.pop();
        assert_eq!(
            ends()[..2],
            [None, Some(true)],
            "the other caller's is next"
        );
        held.pop();
        assert_eq!(
            ends()[..2],
            [Some(true), Some(true)],
            "what was good lately is next"
        );
        drop(waits);
        let state = places.state();
        assert_eq!((state.given.len(), state.free), (0, 2));
    }

    #[test]
    fn a_place_for_somebody_who_has_gone_comes_back() {
        let places = IssuerLine::new(1, 4);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(held)) = pin!(places.take(ANY)).poll(&mut context) else {
            panic!("a place is free")
        };
        let mut gone = Box::pin(places.take(ANY));
        let mut late = Box::pin(places.take(ANY));
        assert!(
            gone.as_mut().poll(&mut context).is_pending()
                && late.as_mut().poll(&mut context).is_pending()
        );
        // One request was given its place but never polled; the other was dropped before.
        drop(gone);
        drop(held);
        drop(late);
        assert_eq!(places.state().free, 1);
    }
}
