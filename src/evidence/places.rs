//! Places for those who wait for the same issuer.
//!
//! **Problem.** Whoever invents tokens makes the service ask about each of them. Where all wait in
//! one line, those with real tokens stand behind them until nobody waits for their answer any more.
//! **Decision.** There are several lines ([`Places`]), and whoever cannot get far in one takes
//! nothing from the others. In each, whoever has the fewest places is next: one caller's thousand
//! tokens take turns with another's one. Of one caller's, those that were good lately come before
//! others, and the one who came last before those who came first; where too many wait, the one who
//! has waited longest is sent away, of the caller with the most: of those who come faster than they
//! can be served, the ones who are served are then answered in time.
//! **Trade-off.** Under overload somebody may be overtaken for ever. All would be late otherwise.
//!
//! INVARIANT: a place that was given is given back exactly once, also where nobody waits for it any
//! more.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// One line and its places.
#[derive(Debug)]
pub(super) struct Places {
    state: Mutex<State>,
    /// How many may wait.
    most: usize,
}

/// Who wants a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    /// Which of the callers; none for one without a name.
    pub(super) caller: Option<usize>,
    /// Whether what it is for was good lately.
    pub(super) was_good: bool,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Whose the places are that were given.
    given: Vec<Option<usize>>,
    /// Those who wait, in the order in which they came.
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    claim: Claim,
    give: oneshot::Sender<Place>,
}

/// A place that was given.
#[derive(Debug)]
pub(super) struct Place {
    /// None for one that came back.
    of: Option<Arc<Places>>,
    caller: Option<usize>,
}

impl Places {
    /// Creates a line with `free` places, for which at most `most` may wait.
    pub(super) fn new(free: usize, most: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                free,
                given: Vec::new(),
                waiting: Vec::new(),
            }),
            most,
        })
    }

    /// Waits for a place; none where too many came later.
    pub(super) async fn take(self: &Arc<Self>, claim: Claim) -> Option<Place> {
        let wait = {
            let mut state = self.state();
            if let Some(fewer) = state.free.checked_sub(1) {
                state.free = fewer;
                state.given.push(claim.caller);
                return Some(self.place(claim.caller));
            }
            // Who has gone away waits no more.
            state.waiting.retain(|waiting| !waiting.give.is_closed());
            let (give, wait) = oneshot::channel();
            state.waiting.push(Waiting { claim, give });
            if state.waiting.len() > self.most.max(1) {
                state.send_away();
            }
            wait
        };
        wait.await.ok()
    }

    fn place(self: &Arc<Self>, caller: Option<usize>) -> Place {
        Place {
            of: Some(Arc::clone(self)),
            caller,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many places a caller has.
    fn places_of(&self, caller: Option<usize>) -> usize {
        self.given.iter().filter(|of| **of == caller).count()
    }

    /// Takes out whoever is next.
    fn next(&mut self) -> Option<Waiting> {
        let order = |(at, waiting): &(usize, &Waiting)| {
            let Claim { caller, was_good } = waiting.claim;
            (self.places_of(caller), !was_good, Reverse(*at))
        };
        let (next, _) = self.waiting.iter().enumerate().min_by_key(order)?;
        Some(self.waiting.remove(next))
    }

    /// Sends away one of the caller of whom the most wait.
    fn send_away(&mut self) {
        let waiting_of = |caller| {
            self.waiting
                .iter()
                .filter(|waiting| waiting.claim.caller == caller)
                .count()
        };
        let order = |(at, waiting): &(usize, &Waiting)| {
            let Claim { caller, was_good } = waiting.claim;
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

impl Drop for Place {
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
            let Some(Waiting { claim, give }) = next else {
                return;
            };
            // Where the other side is gone, the place comes back and goes on to the next.
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

    const ANY: Claim = Claim {
        caller: None,
        was_good: false,
    };

    #[test]
    fn the_last_who_came_is_next_and_the_first_is_sent_away() {
        let places = Places::new(1, 2);
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

    /// Who waits with a claim, and what came of it.
    struct Wait {
        wait: Pin<Box<dyn Future<Output = Option<Place>>>>,
        found: Option<Result<Place, ()>>,
    }

    impl Wait {
        fn begin(places: &Arc<Places>, claim: Claim) -> Self {
            let places = Arc::clone(places);
            let mut wait = Self {
                wait: Box::pin(async move { places.take(claim).await }),
                found: None,
            };
            wait.poll();
            wait
        }

        /// `None` while it waits; then whether it has got a place.
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

    /// One caller's line is as long as it likes: another's token is next all the same, and one that
    /// was good lately comes before those that nobody knows.
    #[test]
    fn each_caller_has_a_share_of_the_places_and_good_tokens_come_first() {
        let places = Places::new(2, 6);
        let flood = Claim {
            caller: Some(1),
            was_good: false,
        };
        let known = Claim {
            caller: Some(1),
            was_good: true,
        };
        let other = Claim {
            caller: Some(2),
            was_good: false,
        };
        let mut held: Vec<Wait> = [flood, flood]
            .map(|claim| Wait::begin(&places, claim))
            .into();
        let claims = [
            known, other, flood, flood, flood, flood, flood, flood, flood,
        ];
        let mut waits = claims.map(|claim| Wait::begin(&places, claim));
        let mut ends = || waits.each_mut().map(Wait::poll);
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
        let places = Places::new(1, 4);
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
        // One was given its place and never looked, the other is gone before.
        drop(gone);
        drop(held);
        drop(late);
        assert_eq!(places.state().free, 1);
    }
}
