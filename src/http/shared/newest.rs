//! Settings that are read again while the service runs.
//!
//! **Problem.** A caller, a key or an issuer that was taken out of the settings must count for
//! nothing from then on, also for what was asked before. And what a request was admitted under must
//! not change below it: an index into the callers would be another caller's.
//! **Decision.** Each reading makes a new [`ServiceState`] with a number of its own. A request
//! takes the newest when it begins, and everything about it is looked up there ([`WorkerState`]).
//! Whenever it has waited, it compares numbers, and where they differ its caller must be in the
//! newest settings as it was ([`ServiceState::check_settings`]).
//! **Trade-off.** A request in progress whose caller has changed in any way that could matter is
//! sent away, to be sent again: what it was allowed so far is not sorted out.
//!
//! INVARIANT: a request that has not waited pays for one comparison of numbers.

use crate::http::caller::identity::{CallerHint, Identity};
use crate::http::caller::rate::RateMeter;
use crate::http::caller::{Caller, CallerCredential};
use crate::http::shared::ServiceState;
use crate::http::{Error, Settings};
use crate::telemetry::CallerTally;
use actix_web::HttpRequest;
use actix_web::dev::{Extensions, ServiceRequest};
use actix_web::web::Data;
use arc_swap::ArcSwap;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What belongs to a configured caller beside its settings, and stays when they are read again.
#[derive(Clone, Debug)]
pub(in crate::http) struct CallerEntry {
    /// The number of the caller: as long as nothing changes that its answers depend on, it keeps
    /// its number, and no other caller ever has the same.
    pub(in crate::http) number: usize,
    /// The meter of its rate.
    pub(in crate::http) meter: Arc<RateMeter>,
    /// The counters of its requests.
    pub(in crate::http) tally: CallerTally,
}

/// The settings that count now, for requests that began under others.
pub(in crate::http) struct NewestSettings {
    number: AtomicU64,
    settings: ArcSwap<Settings>,
}

impl NewestSettings {
    /// Creates the first ones, with the number 0.
    pub(in crate::http) fn new(settings: &Arc<Settings>) -> Arc<Self> {
        Arc::new(Self {
            number: AtomicU64::new(0),
            settings: ArcSwap::from(Arc::clone(settings)),
        })
    }

    fn number(&self) -> u64 {
        self.number.load(Ordering::Acquire)
    }
}

/// The state of now, from which each worker takes its own copy.
pub(in crate::http) struct LiveState {
    newest: Arc<NewestSettings>,
    state: ArcSwap<ServiceState>,
    turn: Mutex<()>,
}

impl LiveState {
    /// Creates it with its first state.
    pub(in crate::http) fn new(state: ServiceState) -> Self {
        Self {
            newest: Arc::clone(&state.newest),
            state: ArcSwap::from_pointee(state),
            turn: Mutex::default(),
        }
    }

    /// Waits for the turn to replace it.
    pub(in crate::http) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the state of now.
    pub(in crate::http) fn load(&self) -> Arc<ServiceState> {
        self.state.load_full()
    }

    /// Lets another state count from now on.
    pub(in crate::http) fn replace(&self, state: ServiceState) {
        let number = state.number;
        let settings = Arc::clone(&state.settings);
        self.state.store(Arc::new(state));
        self.newest.settings.store(settings);
        // INVARIANT: the number comes last: whoever sees it finds what it stands for.
        self.newest.number.store(number, Ordering::Release);
    }
}

/// One worker's copy of the state of now.
pub(in crate::http) struct WorkerState {
    live: Arc<LiveState>,
    seen: RefCell<Rc<SeenState>>,
}

/// A state, and the same in the form in which a request hands it to its handler.
pub(in crate::http) struct SeenState {
    pub(in crate::http) shared: Arc<ServiceState>,
    data: Rc<Extensions>,
}

impl WorkerState {
    /// Creates the copy of a worker that starts.
    pub(in crate::http) fn new(live: Arc<LiveState>) -> Self {
        let seen = RefCell::new(Rc::new(SeenState::of(live.load())));
        Self { live, seen }
    }

    /// Begins a request: hands it the state of now, for its handler.
    ///
    /// INVARIANT: the handler finds this state, and no newer one: the caller's index is of its
    /// callers. Nobody else holds the request yet, which this needs.
    pub(in crate::http) fn begin(&self, request: &mut ServiceRequest) -> Rc<SeenState> {
        let seen = self.now();
        request.add_data_container(Rc::clone(&seen.data));
        seen
    }

    /// Returns the state of now. It reads one number, and takes a new copy where that differs.
    fn now(&self) -> Rc<SeenState> {
        let mut seen = self.seen.borrow_mut();
        if seen.shared.number != self.live.newest.number() {
            *seen = Rc::new(SeenState::of(self.live.load()));
        }
        Rc::clone(&seen)
    }
}

impl SeenState {
    fn of(shared: Arc<ServiceState>) -> Self {
        let mut data = Extensions::new();
        data.insert(Data::from(Arc::clone(&shared)));
        Self {
            shared,
            data: Rc::new(data),
        }
    }
}

impl ServiceState {
    /// Returns the number of a caller, which no other caller has had or gets; `None` for an
    /// anonymous one.
    pub(in crate::http) fn number_of(&self, caller: Identity<'_>) -> Option<usize> {
        let entry = self.callers.get(caller.place()?)?;
        Some(entry.number)
    }

    /// Returns `true` if the service is about to end.
    pub(in crate::http) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Returns `true` as long as no other settings count than those of this state.
    pub(in crate::http) fn is_newest(&self) -> bool {
        self.newest.number() == self.number
    }

    /// Refuses a request whose caller is not in the newest settings as it was.
    ///
    /// INVARIANT: who was taken out, or whose key was, gets no answer, and nobody gets one that the
    /// newest settings do not allow.
    pub(super) fn check_settings(&self, request: &HttpRequest) -> Result<(), Error> {
        if self.is_newest() {
            return Ok(());
        }
        let newest = self.newest.settings.load_full();
        let Some((_, before)) = Identity::caller_of(request, &self.settings) else {
            return match (newest.anonymous, self.settings.anonymous) {
                (now, before) if now == before => Ok(()),
                (None, _) => Err(Error::MissingCredential),
                (Some(_), _) => Err(Error::SettingsChanged),
            };
        };
        let now = match &before.by {
            CallerCredential::Token { .. } => {
                newest.callers.iter().find(|caller| caller.by == before.by)
            }
            CallerCredential::Keys(_) | CallerCredential::Certificate(_) => {
                let peer = self.peer(request.conn_data());
                let clock = self.clock.as_ref();
                match CallerHint::by(request.headers(), peer, &newest, clock)? {
                    Some(CallerHint::Caller(at)) => newest.callers.get(at),
                    Some(CallerHint::Token) | None => None,
                }
            }
        };
        match now {
            Some(now) if answers_alike(now, before) => Ok(()),
            Some(_) => Err(Error::SettingsChanged),
            None => Err(Error::WrongCredential),
        }
    }
}

/// Returns `true` if nothing differs that a caller's answers depend on. What it is identified by is
/// looked at apart, and a rate bounds only what comes.
pub(in crate::http) fn answers_alike(now: &Caller, before: &Caller) -> bool {
    let Caller {
        name,
        by: _,
        permissions,
        require_actor,
        reasons,
        rate: _,
        credentials,
    } = now;
    *name == before.name
        && *permissions == before.permissions
        && *require_actor == before.require_actor
        && *reasons == before.reasons
        && *credentials == before.credentials
}
