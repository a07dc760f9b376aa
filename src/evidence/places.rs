//! Places for those who wait for the same issuer.
//!
//! **Problem.** Whoever invents tokens makes the service ask about each of them. Where all wait in one line, those with
//! real tokens stand behind them until nobody waits for their answer any more.
//! **Decision.** There are several lines ([`Places`]), and whoever cannot get far in one takes nothing from the others.
//! In each the one who came last is next, and where too many wait, the one who has waited longest is sent away: of those
//! who come faster than they can be served, the ones who are served are then answered in time.
//! **Trade-off.** Under overload somebody may be overtaken for ever. All would be late otherwise.
//!
//! INVARIANT: a place that was given is given back exactly once, also where nobody waits for it any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// One line and its places.
#[derive(Debug)]
pub(super) struct Places {
    state: Mutex<State>,
    /// How many may wait.
    most: usize,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// Those who wait, in the order in which they came.
    waiting: Vec<oneshot::Sender<Place>>,
}

/// A place that was given.
#[derive(Debug)]
pub(super) struct Place(Option<Arc<Places>>);

impl Places {
    /// Creates a line with `free` places, for which at most `most` may wait.
    pub(super) fn new(free: usize, most: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { free, waiting: Vec::new() }), most })
    }

    /// Waits for a place; none where too many came later.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Place> {
        let wait = {
            let mut state = self.state();
            if let Some(fewer) = state.free.checked_sub(1) {
                state.free = fewer;
                return Some(Place(Some(Arc::clone(self))));
            }
            // Who has gone away waits no more.
            state.waiting.retain(|waiting| !waiting.is_closed());
            if state.waiting.len() >= self.most && !state.waiting.is_empty() {
                state.waiting.remove(0);
            }
            let (give, wait) = oneshot::channel();
            state.waiting.push(give);
            wait
        };
        wait.await.ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(places) = self.0.take() else { return };
        loop {
            let next = {
                let mut state = places.state();
                let next = state.waiting.pop();
                if next.is_none() {
                    state.free += 1;
                }
                next
            };
            let Some(next) = next else { return };
            // Where the other side is gone, the place comes back and goes on to the next.
            let Err(mut back) = next.send(Self(Some(Arc::clone(&places)))) else { return };
            back.0 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    #[test]
    fn the_last_who_came_is_next_and_the_first_is_sent_away() {
        let places = Places::new(1, 2);
        let mut context = Context::from_waker(Waker::noop());
        let mut waits: Vec<_> = (0..4).map(|_| Box::pin(places.take())).collect();
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

    #[test]
    fn a_place_for_somebody_who_has_gone_comes_back() {
        let places = Places::new(1, 4);
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Some(held)) = pin!(places.take()).poll(&mut context) else { panic!("a place is free") };
        let mut gone = Box::pin(places.take());
        let mut late = Box::pin(places.take());
        assert!(gone.as_mut().poll(&mut context).is_pending() && late.as_mut().poll(&mut context).is_pending());
        // One was given its place and never looked, the other is gone before.
        drop(gone);
        drop(held);
        drop(late);
        assert_eq!(places.state().free, 1);
    }
}
