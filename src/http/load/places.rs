//! Bounds the answers that are written while their client reads: each holds a thread and a version
//! of the tuples.
//!
//! **Problem.** With a fixed number of places, four clients that read a line now and then would
//! hold all of them for ever. But a bound on the time of an answer would cut off a client that has
//! much to read over a slow line.
//! **Decision.** Each caller has a share of the places, and nobody waits for one. If none is left,
//! an answer whose client has taken nothing for [`GIVES_WAY`] is cut off to make room. While nobody
//! else needs a place, a slow client may go on, at [`LEAST_RATE`].
//! **Trade-off.** A client that exports over a slow line while many others do may have to start
//! again.
//!
//! INVARIANT: at most `most` places are taken, and at most `share` of them by one caller.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

/// How long a client may take nothing before its answer can be cut off to make room for another.
const GIVES_WAY: Duration = Duration::from_secs(2);

/// Minimum average rate of a client in bytes per second, beyond its patience.
const LEAST_RATE: u64 = 32 << 10;

/// A limited number of places for answers that are written at the same time.
#[derive(Debug)]
pub(in crate::http) struct StreamPlaces {
    most: usize,
    share: usize,
    taken: Mutex<Vec<Arc<PlaceHolder>>>,
}

/// The holder of a place.
#[derive(Debug)]
struct PlaceHolder {
    caller: usize,
    /// Since when the answer waits for its client; `None` while it does not wait.
    waits_since: Mutex<Option<Instant>>,
    is_cut: AtomicBool,
    cut: Notify,
}

/// The error if no place is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum NoPlace {
    /// All places are taken; their number.
    OfAll(usize),
    /// The caller's share is taken; its size.
    OfShare(usize),
}

/// A place, which is freed when this is dropped.
#[derive(Debug)]
pub(in crate::http) struct StreamPlace {
    places: Arc<StreamPlaces>,
    holder: Arc<PlaceHolder>,
    /// How much longer, in total, the answer may wait for its client.
    patience: Duration,
}

impl StreamPlaces {
    /// Creates `most` places, of which one caller may hold `share`.
    pub(in crate::http) fn new(most: usize, share: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            share,
            taken: Mutex::default(),
        })
    }

    /// Takes a place for a caller; its client may keep the answer waiting for `patience` in total.
    pub(in crate::http) fn take(
        self: &Arc<Self>,
        caller: usize,
        patience: Duration,
    ) -> Result<StreamPlace, NoPlace> {
        self.take_at(caller, patience, Instant::now())
    }

    fn take_at(
        self: &Arc<Self>,
        caller: usize,
        patience: Duration,
        now: Instant,
    ) -> Result<StreamPlace, NoPlace> {
        let mut taken = self.taken();
        let own = taken
            .iter()
            .filter(|holder| holder.caller == caller)
            .count();
        if own >= self.share {
            make_room(&mut taken, now, |holder| holder.caller == caller)
                .ok_or(NoPlace::OfShare(self.share))?;
        } else if taken.len() >= self.most {
            make_room(&mut taken, now, |_| true).ok_or(NoPlace::OfAll(self.most))?;
        }
        let holder = Arc::new(PlaceHolder {
            caller,
            waits_since: Mutex::default(),
            is_cut: AtomicBool::new(false),
            cut: Notify::new(),
        });
        taken.push(Arc::clone(&holder));
        Ok(StreamPlace {
            places: Arc::clone(self),
            holder,
            patience,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Vec<Arc<PlaceHolder>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Among the holders that `may_be` cut off, cuts off the one that has waited longest for its
/// client, if that is at least [`GIVES_WAY`].
fn make_room(
    taken: &mut Vec<Arc<PlaceHolder>>,
    now: Instant,
    may_be: impl Fn(&PlaceHolder) -> bool,
) -> Option<()> {
    let waiting = taken
        .iter()
        .enumerate()
        .filter(|(_, holder)| may_be(holder));
    let waiting = waiting.filter_map(|(at, holder)| {
        Some((at, now.saturating_duration_since(holder.waits_since()?)))
    });
    let (at, _) = waiting
        .filter(|(_, waited)| *waited >= GIVES_WAY)
        .max_by_key(|(_, waited)| *waited)?;
    let slowest = taken.remove(at);
    slowest.is_cut.store(true, Ordering::SeqCst);
    slowest.cut.notify_one();
    Some(())
}

impl PlaceHolder {
    fn waits_since(&self) -> Option<Instant> {
        *self
            .waits_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_since(&self, since: Option<Instant>) {
        *self
            .waits_since
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = since;
    }
}

impl StreamPlace {
    /// Passes a piece of `bytes` bytes to the client, and waits at most `at_most` for the client to
    /// take it. Returns `false` if the answer has to end: the client has gone or is too slow, or
    /// another answer needs the place. Blocks, so it must run on a thread that may wait.
    pub(in crate::http) fn pass<T>(
        &mut self,
        sender: &Sender<T>,
        piece: T,
        bytes: usize,
        at_most: Duration,
    ) -> bool {
        if self.holder.is_cut.load(Ordering::SeqCst) {
            return false;
        }
        let passed = match sender.try_send(piece) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(piece)) => self.wait(sender, piece, at_most),
        };
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.patience = self.patience.saturating_add(Duration::from_millis(
            bytes.saturating_mul(1_000) / LEAST_RATE,
        ));
        passed
    }

    fn wait<T>(&mut self, sender: &Sender<T>, piece: T, at_most: Duration) -> bool {
        let begun = Instant::now();
        self.holder.wait_since(Some(begun));
        let passed = Handle::current().block_on(async {
            let sending = tokio::time::timeout(at_most.min(self.patience), sender.send(piece));
            tokio::select! {
                sent = sending => matches!(sent, Ok(Ok(()))),
                () = self.holder.cut.notified() => false,
            }
        });
        self.holder.wait_since(None);
        self.patience = self.patience.saturating_sub(begun.elapsed());
        passed
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.places
            .taken()
            .retain(|holder| !Arc::ptr_eq(holder, &self.holder));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::channel;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[test]
    fn a_caller_has_a_share_and_all_have_so_many() {
        let places = StreamPlaces::new(3, 2);
        let own: Vec<StreamPlace> = (0..2).map(|_| places.take(1, PATIENCE).unwrap()).collect();
        assert_eq!(places.take(1, PATIENCE).unwrap_err(), NoPlace::OfShare(2));
        let other = places.take(2, PATIENCE).unwrap();
        assert_eq!(places.take(2, PATIENCE).unwrap_err(), NoPlace::OfAll(3));
        drop(own);
        assert!(places.take(1, PATIENCE).is_ok() && places.take(2, PATIENCE).is_ok());
        drop(other);
        assert_eq!(places.taken().len(), 0);
    }

    #[test]
    fn whose_client_takes_nothing_makes_room_and_no_other() {
        let places = StreamPlaces::new(2, 2);
        let now = Instant::now();
        let (mut slow, quick) = (
            places.take(1, PATIENCE).unwrap(),
            places.take(2, PATIENCE).unwrap(),
        );
        slow.holder.wait_since(Some(now));
        quick.holder.wait_since(Some(now + GIVES_WAY / 2));
        assert!(places.take_at(3, PATIENCE, now + GIVES_WAY / 2).is_err());
        let third = places.take_at(3, PATIENCE, now + GIVES_WAY).unwrap();
        let (sender, _receiver) = channel::<()>(8);
        assert!(
            !slow.pass(&sender, (), 1, PATIENCE),
            "it has lost its place"
        );
        drop(slow);
        assert_eq!(places.taken().len(), 2);
        assert!(places.take_at(1, PATIENCE, now + GIVES_WAY).is_err());
        drop((quick, third));
    }

    #[test]
    fn nobody_of_another_caller_gives_way_to_one_beyond_its_share() {
        let places = StreamPlaces::new(4, 1);
        let now = Instant::now();
        let (slow, own) = (
            places.take(1, PATIENCE).unwrap(),
            places.take(2, PATIENCE).unwrap(),
        );
        slow.holder.wait_since(Some(now));
        assert_eq!(
            places.take_at(2, PATIENCE, now + PATIENCE).unwrap_err(),
            NoPlace::OfShare(1)
        );
        own.holder.wait_since(Some(now));
        assert!(places.take_at(2, PATIENCE, now + PATIENCE).is_ok());
    }

    #[actix_web::test]
    async fn patience_is_used_up_and_comes_back_with_what_is_taken() {
        let places = StreamPlaces::new(1, 1);
        let mut place = places.take(1, Duration::from_millis(60)).unwrap();
        let (sender, mut receiver) = channel(1);
        let passed = actix_web::web::block(move || {
            let free = place.pass(&sender, (), 16 << 10, PATIENCE);
            (
                free,
                place.pass(&sender, (), 0, Duration::from_millis(50)),
                place.patience,
                place,
                sender,
            )
        });
        let (free, stuck, left, mut place, sender) = passed.await.unwrap();
        assert!(
            free && !stuck
                && left > Duration::from_millis(400)
                && left < Duration::from_millis(520),
            "{left:?}"
        );
        // A waiting answer is cut off as soon as another needs its place.
        let waiting =
            actix_web::web::block(move || (place.pass(&sender, (), 0, PATIENCE), place, sender));
        let later = Instant::now() + PATIENCE;
        let second = loop {
            match places.take_at(1, PATIENCE, later) {
                Ok(second) => break second,
                Err(_) => actix_web::rt::time::sleep(Duration::from_millis(5)).await,
            }
        };
        assert!(!waiting.await.unwrap().0);
        assert!(receiver.recv().await.is_some());
        drop(second);
    }
}
