//! Enforces the time limits of connections.
//!
//! **Problem.** The framework limits a connection's time only at its start: the first request must
//! come in time, and an idle connection is closed. After the first answer, a client can hold its
//! connection for any time by one byte of a request, by the rest of a body that nobody reads, or by
//! not taking an answer. A few dozen such connections shut everybody out.
//! **Decision.** A stream of ours lies below HTTP and TLS and notes what happens on the wire
//! ([`TimedStream`]); `envelope` notes where a request begins and ends. One task of each worker
//! looks at all of its connections a few times a second ([`ConnectionWatch`]) and ends those that
//! are late: a connection without a whole request, one whose client takes no byte, one that is too
//! old.
//! **Trade-off.** A deadline is late by up to two looks. To note an event is to write a number, so
//! a request pays for no timer and reads no clock.
//!
//! INVARIANT: time is counted in looks. If a worker stalls, its looks are late too, so no
//! connection counts as late because of it.

mod stream;

pub(super) use stream::TimedStream;

use super::HttpLimits;
use crate::http::load::budget::BudgetShare;
use crate::telemetry::{ConnectionEnd, Metrics};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The longest pause between two looks; the pause is shorter if a limit is short.
const PAUSE: Duration = Duration::from_millis(250);

/// The shortest pause between two looks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// How long after the last byte an old connection counts as idle, and is closed.
const IDLE: Duration = Duration::from_secs(2);

/// How long a client may take no byte while all answers together take too much memory.
const PRESSED: Duration = Duration::from_secs(1);

/// The watch over all connections of one worker.
pub(super) struct ConnectionWatch {
    looks: Cell<u32>,
    is_looking: Cell<bool>,
    times: WatchTimes,
    connections: RefCell<Vec<Weak<Connection>>>,
    /// Returns `true` if answers that clients have not taken yet use too much memory.
    is_pressed: Box<dyn Fn() -> bool>,
    metrics: Arc<Metrics>,
}

/// The time limits, counted in looks.
#[derive(Clone, Copy, Debug)]
struct WatchTimes {
    pause: Duration,
    request: u32,
    answer: u32,
    pressed: u32,
    age: u32,
    idle: u32,
}

impl WatchTimes {
    fn new(limits: &HttpLimits) -> Self {
        let shortest = limits
            .head_time
            .min(limits.answer_time)
            .min(limits.connection_time);
        let pause = (shortest / 4).clamp(SHORTEST_PAUSE, PAUSE);
        // One look is added, because the first may come at once.
        let looks = |time: Duration| {
            u32::try_from(time.as_millis().div_ceil(pause.as_millis().max(1)))
                .unwrap_or(u32::MAX / 4)
                + 1
        };
        Self {
            pause,
            request: looks(limits.head_time),
            answer: looks(limits.answer_time),
            pressed: looks(limits.answer_time.min(PRESSED)),
            age: looks(limits.connection_time),
            idle: looks(limits.connection_time.min(IDLE)),
        }
    }
}

impl ConnectionWatch {
    /// Creates the watch of one worker, without connections.
    pub(super) fn new(
        limits: &HttpLimits,
        metrics: Arc<Metrics>,
        is_pressed: impl Fn() -> bool + 'static,
    ) -> Rc<Self> {
        Rc::new(Self {
            looks: Cell::new(0),
            is_looking: Cell::new(false),
            times: WatchTimes::new(limits),
            connections: RefCell::default(),
            is_pressed: Box::new(is_pressed),
            metrics,
        })
    }

    /// Adds a connection, from which a request is expected.
    fn add(self: &Rc<Self>) -> Rc<Connection> {
        let now = self.looks.get();
        let connection = Rc::new(Connection {
            watch: Rc::clone(self),
            began: now,
            request_since: Cell::new(Some(now)),
            blocked_since: Cell::new(None),
            written: Cell::new(now),
            is_busy: Cell::new(false),
            has_left: Cell::new(false),
            is_body_unread: Cell::new(false),
            end: Cell::new(None),
            waker: RefCell::new(None),
            answer: RefCell::new(None),
        });
        self.connections
            .borrow_mut()
            .push(Rc::downgrade(&connection));
        if !self.is_looking.replace(true) {
            actix_web::rt::spawn(Rc::clone(self).look_on());
        }
        connection
    }

    /// Looks repeatedly until no connections are left.
    async fn look_on(self: Rc<Self>) {
        let _ends = WatchEnd(&self.is_looking);
        let mut pauses = interval(self.times.pause);
        pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pauses.tick().await;
            if !self.look() {
                return;
            }
        }
    }

    /// Ends the connections that are late. Returns `false` if there are none left.
    fn look(&self) -> bool {
        let now = self.looks.get().wrapping_add(1);
        self.looks.set(now);
        let answer = if (self.is_pressed)() {
            self.times.pressed
        } else {
            self.times.answer
        };
        let times = WatchTimes {
            answer,
            ..self.times
        };
        let mut connections = self.connections.borrow_mut();
        connections.retain(|connection| {
            let Some(connection) = connection.upgrade() else {
                return false;
            };
            match connection.lateness(now, times) {
                Some(cause) => {
                    connection.finish(cause);
                    self.metrics.load().connection_ended(cause);
                    false
                }
                None => true,
            }
        });
        !connections.is_empty()
    }
}

/// Notes, however the task ends, that nobody looks any more.
struct WatchEnd<'a>(&'a Cell<bool>);

impl Drop for WatchEnd<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// The state of one connection, used by one thread only.
pub(super) struct Connection {
    watch: Rc<ConnectionWatch>,
    began: u32,
    /// The look since which a whole request is due: when its first byte came, or when a request was
    /// answered whose body was not read to its end.
    request_since: Cell<Option<u32>>,
    /// The look since which the client takes no byte of what there is for it.
    blocked_since: Cell<Option<u32>>,
    /// The look at which the client last took a byte.
    written: Cell<u32>,
    /// Whether a request is being answered.
    is_busy: Cell<bool>,
    /// Whether the client has closed its sending side.
    has_left: Cell<bool>,
    is_body_unread: Cell<bool>,
    end: Cell<Option<ConnectionEnd>>,
    waker: RefCell<Option<Waker>>,
    /// The budget's share for this connection's answer, held until the client has taken it.
    answer: RefCell<Option<BudgetShare>>,
}

impl Connection {
    /// Notes that a request's head is complete, and whether it has a body. Returns `true` if the
    /// answer is the connection's last.
    pub(super) fn begin(&self, has_body: bool) -> bool {
        self.is_busy.set(true);
        self.request_since.set(None);
        self.is_body_unread.set(has_body);
        self.watch.looks.get().wrapping_sub(self.began) > self.watch.times.age
    }

    /// Notes that the body has been read to its end.
    pub(super) fn body_came(&self) {
        self.is_body_unread.set(false);
    }

    /// Notes that the request was answered. If its body has not been read, the rest of it and the
    /// next request must come within the time of a head.
    pub(super) fn answered(&self) {
        self.is_busy.set(false);
        self.request_since
            .set(self.is_body_unread.get().then(|| self.watch.looks.get()));
    }

    /// Returns `true` if the client has closed its sending side, which means that nobody waits for
    /// the answer any more.
    pub(super) fn has_left(&self) -> bool {
        self.has_left.get()
    }

    /// Holds the budget's share of an answer until the client has taken it.
    pub(super) fn keep(&self, answer: BudgetShare) {
        let mut kept = self.answer.borrow_mut();
        let Some(before) = kept.as_ref() else {
            *kept = Some(answer);
            return;
        };
        // At most one more answer can follow an answer that is not taken yet.
        let bytes = answer.bytes();
        drop(answer);
        let _is_paid = before.resize(before.bytes() + bytes);
    }

    fn end(&self) -> Option<ConnectionEnd> {
        self.end.get()
    }

    fn read(&self, bytes: usize) {
        if bytes == 0 {
            self.has_left.set(true);
        } else if !self.is_busy.get() && self.request_since.get().is_none() {
            self.request_since.set(Some(self.watch.looks.get()));
        }
    }

    fn wrote(&self) {
        self.blocked_since.set(None);
        self.written.set(self.watch.looks.get());
    }

    /// Notes that the system has accepted all bytes for the client.
    fn flushed(&self) {
        self.blocked_since.set(None);
        if self.answer.borrow().is_some() {
            self.answer.replace(None);
        }
    }

    fn blocked(&self) {
        if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(self.watch.looks.get()));
        }
    }

    /// Stores the task that is to be woken when the connection ends.
    fn park(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        if !waker
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *waker = Some(cx.waker().clone());
        }
    }

    fn lateness(&self, now: u32, times: WatchTimes) -> Option<ConnectionEnd> {
        let since = |then: u32| now.wrapping_sub(then);
        let quiet = since(self.written.get());
        if self
            .blocked_since
            .get()
            .is_some_and(|then| since(then) > times.answer)
        {
            return Some(ConnectionEnd::Answer);
        }
        let is_free = !self.is_busy.get() && self.blocked_since.get().is_none();
        // An answer that is still being written goes on, whatever its client has begun to send.
        let is_late = self
            .request_since
            .get()
            .is_some_and(|then| since(then).min(quiet) > times.request);
        if is_free && is_late {
            return Some(ConnectionEnd::Request);
        }
        let age = since(self.began);
        let is_idle = is_free && self.request_since.get().is_none() && quiet > times.idle;
        (age > times.age && (is_idle || age > times.age.saturating_mul(2)))
            .then_some(ConnectionEnd::Age)
    }

    fn finish(&self, cause: ConnectionEnd) {
        self.end.set(Some(cause));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("is_busy", &self.is_busy)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
