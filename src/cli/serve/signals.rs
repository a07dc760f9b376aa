//! Handles signals: SIGTERM and SIGINT shut the service down gracefully, SIGHUP reloads, and
//! SIGXFSZ is caught so that it does not kill the process.
//!
//! What SIGHUP does reads files, and has a thread of its own: a signal ends the service however
//! long that lasts. Signals that come meanwhile lead to one more reading.
//!
//! INVARIANT: signals are handled before the address is bound: whoever sees it may send one. Until
//! there is something to serve, SIGTERM and SIGINT end the process at once, as cleanly as later,
//! and SIGHUP is kept for then.

use super::no_thread;
use crate::model::Problem;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::oneshot;

/// Lets the service survive a limit on the size of its files (`ulimit -f`). By default SIGXFSZ
/// kills a process that exceeds this limit; when it is handled, the write fails as on a full disk
/// instead, and the store reports the error.
pub(super) fn outlive_full_disks() -> Result<(), Problem> {
    let unread = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, unread).map_err(|error| no_handler(&error))?;
    Ok(())
}

/// What SIGHUP does.
pub(super) type HangUp = Box<dyn Fn() + Send>;

/// The thread that handles signals.
pub(super) struct SignalThread {
    state: Arc<SignalState>,
    ended: oneshot::Receiver<EndSignal>,
}

/// Which signal ends the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndSignal {
    /// SIGTERM, by which a supervisor ends it: others may still send requests.
    Terminate,
    /// SIGINT, by which a person at a terminal ends it.
    Interrupt,
}

/// What the thread and the service share.
#[derive(Default)]
struct SignalState {
    /// Wakes what SIGHUP does, once there is something to serve.
    hang_up: OnceLock<SyncSender<()>>,
    /// Whether SIGHUP came before that.
    hung_up: AtomicBool,
    /// The file of the unix socket, which is removed at an early end.
    socket: Mutex<Option<PathBuf>>,
}

impl SignalThread {
    /// Starts to handle signals.
    pub(super) fn start() -> Result<Self, Problem> {
        let mut signals =
            Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| no_handler(&error))?;
        let state = Arc::new(SignalState::default());
        let (end, ended) = oneshot::channel();
        let shared = Arc::clone(&state);
        let handle = move || {
            let mut end = Some(end);
            for signal in signals.forever() {
                if signal == SIGHUP {
                    shared.take_hang_up();
                } else if shared.hang_up.get().is_none() {
                    shared.end_early();
                } else if let Some(end) = end.take() {
                    let _listener_is_gone = end.send(EndSignal::of(signal));
                } else {
                    std::process::exit(128 + signal);
                }
            }
        };
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(handle)
            .map_err(|error| no_thread(&error))?;
        Ok(Self { state, ended })
    }

    /// Removes this socket's file if the service is ended before it serves.
    pub(super) fn remove_at_early_end(&self, socket: Option<&Path>) {
        *self.state.socket() = socket.map(Path::to_owned);
    }

    /// Serves from now on: SIGHUP does this, also if it came before. The returned future completes
    /// on the first SIGTERM or SIGINT; a second one exits the process immediately.
    pub(super) fn serve(
        self,
        hang_up: HangUp,
    ) -> Result<impl Future<Output = Option<EndSignal>> + Send + 'static, Problem> {
        let (wake, woken) = sync_channel(1);
        std::thread::Builder::new()
            .name("reload".to_owned())
            .spawn(move || woken.iter().for_each(|()| hang_up()))
            .map_err(|error| no_thread(&error))?;
        let _set_once = self.state.hang_up.set(wake);
        if self.state.hung_up.swap(false, Ordering::SeqCst) {
            self.state.run_hang_up();
        }
        let ended = self.ended;
        Ok(async { ended.await.ok() })
    }
}

impl EndSignal {
    fn of(signal: i32) -> Self {
        if signal == SIGINT {
            Self::Interrupt
        } else {
            Self::Terminate
        }
    }
}

impl SignalState {
    fn socket(&self) -> std::sync::MutexGuard<'_, Option<PathBuf>> {
        self.socket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_hang_up(&self) {
        if self.hang_up.get().is_none() {
            self.hung_up.store(true, Ordering::SeqCst);
            // The service may have begun to serve in between, and have missed it.
            if self.hang_up.get().is_none() || !self.hung_up.swap(false, Ordering::SeqCst) {
                return;
            }
        }
        self.run_hang_up();
    }

    fn run_hang_up(&self) {
        if let Some(wake) = self.hang_up.get() {
            // Where one waits already, it begins after this signal.
            let _waits = wake.try_send(());
        }
    }

    fn end_early(&self) {
        if let Some(socket) = self.socket().as_deref() {
            // The next start replaces a socket on which nobody listens.
            let _gone = std::fs::remove_file(socket);
        }
        tracing::info!("stopped before there was anything to serve");
        std::process::exit(0);
    }
}

fn no_handler(error: &std::io::Error) -> Problem {
    Problem::new(format!("signals cannot be handled: {error}"))
}
