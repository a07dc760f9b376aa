//! Removes what deleted stores have left on the disk, beside the writers.
//!
//! One thread does it, a little at a time, and pauses after each step for as long as the step took,
//! so that writers have at least half of the disk's time. It stops with the service, and continues
//! at the next start.

use crate::stores::Stores;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::thread::{Builder, sleep};
use std::time::{Duration, Instant};

/// The shortest pause.
const REST: Duration = Duration::from_millis(1);

impl Stores {
    /// Removes what deleted stores have left, on a thread of its own, unless such a thread already
    /// runs.
    pub fn purge_beside(self: &Arc<Self>) {
        if self.purges.fetch_add(1, Ordering::SeqCst) > 0 {
            return;
        }
        let stores = Arc::downgrade(self);
        if let Err(error) = Builder::new()
            .name("purge".to_owned())
            .spawn(move || purge(&stores))
        {
            self.end_purge(&error);
        }
    }

    fn end_purge(&self, error: &dyn std::fmt::Display) {
        self.purges.store(0, Ordering::SeqCst);
        tracing::warn!(
            %error,
            "what deleted stores have left stays on the disk until the next deletion or start"
        );
    }
}

fn purge(stores: &Weak<Stores>) {
    while let Some(stores) = stores.upgrade() {
        let wanted = stores.purges.load(Ordering::SeqCst);
        let began = Instant::now();
        match stores.store.purge() {
            Ok(true) => {}
            Ok(false) => {
                // If a store was deleted meanwhile, this finds it, or a new thread is started.
                let seen =
                    stores
                        .purges
                        .compare_exchange(wanted, 0, Ordering::SeqCst, Ordering::SeqCst);
                if seen.is_ok() {
                    return;
                }
            }
            Err(error) => return stores.end_purge(&error),
        }
        drop(stores);
        sleep(began.elapsed().max(REST));
    }
}
