//! The events of a watch over decisions, written while its client reads.
//!
//! Whoever does not read takes nothing from its queue, which then drops the oldest decisions; and
//! its connection ends as any other does whose client takes nothing.

use super::decisions::MissedDecisions;
use crate::engine::{DecisionFilter, DecisionWatch, WatchedDecisions};
use crate::http::load::places::StreamPlace;
use crate::http::shared::ServiceState;
use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::HeaderValue;
use actix_web::web::{Bytes, Data};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// How often a watch without decisions looks at whether the service ends, and at its caller. A
/// caller that is taken out of the settings watches for no longer than this.
const LOOK: Duration = Duration::from_millis(250);

/// Looks after which a client hears that it is still connected: 15 seconds, less than the time
/// after which common proxies close what is silent.
const LOOKS_OF_SILENCE: u32 = 60;

/// Bytes of records in one piece.
const PIECE_BYTES: usize = 64 << 10;

/// The time in milliseconds after which a client that was cut off comes again.
const RETRY_MS: u64 = 2_000;

/// The last event of a service that ends.
const END: &str = "event: end\ndata: {}\n\n";

/// A comment, which no client sees as an event.
const STILL_HERE: &str = ":\n\n";

/// The body of the answer.
pub(super) struct DecisionEvents {
    watch: DecisionWatch,
    mark: u32,
    shared: Data<ServiceState>,
    looks: Interval,
    /// Looks since something was written.
    silence: u32,
    first: Option<String>,
    is_over: bool,
    _place: StreamPlace,
}

impl DecisionEvents {
    /// Begins to watch. `last` is the id of the last event that the client has seen, if it has been
    /// here before.
    pub(super) fn new(
        shared: &Data<ServiceState>,
        filter: DecisionFilter,
        place: StreamPlace,
        last: Option<&HeaderValue>,
    ) -> Self {
        let watch = shared.engine.watch_decisions(filter);
        let mark = shared.engine.process_mark();
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut first = format!("retry: {RETRY_MS}\n{STILL_HERE}");
        if let Some(missed) = last.and_then(|last| missed_since(last, mark, watch.began_at)) {
            write_missed(&mut first, &missed);
        }
        Self {
            watch,
            mark,
            shared: shared.clone(),
            looks,
            silence: 0,
            first: Some(first),
            is_over: false,
            _place: place,
        }
    }

    fn piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(first));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        while self.looks.poll_tick(cx).is_ready() {
            self.silence += 1;
        }
        if self.shared.is_draining() {
            self.is_over = true;
            return Poll::Ready(Some(END.to_owned()));
        }
        if let Poll::Ready(seen) = self.watch.poll_next(PIECE_BYTES, cx) {
            self.silence = 0;
            return Poll::Ready(Some(written(&seen, self.mark)));
        }
        if self.silence >= LOOKS_OF_SILENCE {
            self.silence = 0;
            return Poll::Ready(Some(STILL_HERE.to_owned()));
        }
        Poll::Pending
    }
}

impl MessageBody for DecisionEvents {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let piece = self.get_mut().piece(cx);
        piece.map(|piece| piece.map(|text| Ok(Bytes::from(text))))
    }
}

/// Returns what a client missed that saw this event last; `None` if it missed nothing.
fn missed_since(last: &HeaderValue, mark: u32, now: u64) -> Option<MissedDecisions> {
    let text = last.to_str().ok().filter(|text| !text.is_empty())?;
    let (other, number) = text.split_once('-').unwrap_or((text, ""));
    let number: Option<u64> = number.parse().ok();
    match number.filter(|_| other == format!("{mark:08x}")) {
        Some(number) => {
            let decisions = now.saturating_sub(number);
            (decisions > 0).then_some(MissedDecisions {
                decisions: Some(decisions),
                why: "away",
            })
        }
        None => Some(MissedDecisions {
            decisions: None,
            why: "restarted",
        }),
    }
}

/// INVARIANT: a record is one line, in which every character that ends a line is escaped
/// (`record::line`), so that no value can begin an event of its own.
fn written(seen: &WatchedDecisions, mark: u32) -> String {
    let mut text = String::new();
    if seen.lost > 0 {
        let missed = MissedDecisions {
            decisions: Some(seen.lost),
            why: "slow",
        };
        write_missed(&mut text, &missed);
    }
    for event in &seen.events {
        let number = event.number;
        let record = &event.record;
        // Writing to a string cannot fail.
        let _written = write!(
            text,
            "event: decision\nid: {mark:08x}-{number}\ndata: {record}\n\n"
        );
    }
    text
}

fn write_missed(text: &mut String, missed: &MissedDecisions) {
    let data = serde_json::to_string(missed).unwrap_or_else(|_| "{}".to_owned());
    let _written = write!(text, "event: missed\ndata: {data}\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_again_is_told_what_it_missed() {
        let missed = |last: &str| {
            let header = HeaderValue::from_str(last).unwrap();
            missed_since(&header, 0xab, 7).map(|missed| (missed.decisions, missed.why))
        };
        assert_eq!(missed("000000ab-4"), Some((Some(3), "away")));
        assert_eq!(missed("000000ab-7"), None);
        assert_eq!(missed("000000ab-9"), None);
        assert_eq!(missed(""), None);
        for other in ["000000ac-4", "000000ab", "000000ab-x", "-", "4"] {
            assert_eq!(missed(other), Some((None, "restarted")), "{other}");
        }
    }
}
