//! Tells operators of callers' keys that end soon, or have ended.
//!
//! Each key is told of once for each stage: a week before its end, a day before it, and at its end.
//! The metric `behest_caller_key_expiry_timestamp_seconds` says the same to an alert.

use crate::clock::Clock;
use crate::http::{Caller, Server};
use crate::model::Timestamp;
use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often keys are looked at.
const POLL: Duration = Duration::from_mins(1);

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// How near the end of a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum EndStage {
    Week,
    Day,
    Ended,
}

impl EndStage {
    /// Returns the stage of a key that ends at `until_ms`; `None` if that is far away.
    fn of(until_ms: i64, now_ms: i64) -> Option<Self> {
        match until_ms.saturating_sub(now_ms) {
            ..=0 => Some(Self::Ended),
            1..=DAY_MS => Some(Self::Day),
            left if left <= 7 * DAY_MS => Some(Self::Week),
            _ => None,
        }
    }
}

/// A key of a caller at a stage: the caller's name, the hash and the end of the key.
type ToldKey = (String, [u8; 32], i64, EndStage);

/// Remembers which keys were told of.
#[derive(Debug, Default)]
pub(super) struct KeyWatch {
    told: Mutex<HashSet<ToldKey>>,
}

impl KeyWatch {
    /// Starts the thread that looks at the keys of the callers that the server knows.
    pub(super) fn start(self: &Arc<Self>, server: Server, clock: Arc<dyn Clock>) -> io::Result<()> {
        let watch = Arc::clone(self);
        let look = move || {
            loop {
                watch.look(&server.settings().callers, clock.now_ms());
                std::thread::sleep(POLL);
            }
        };
        std::thread::Builder::new()
            .name("caller-keys".to_owned())
            .spawn(look)
            .map(drop)
    }

    /// Logs what is new about the ends of keys.
    pub(super) fn look(&self, callers: &[Caller], now_ms: i64) {
        for warning in self.news(callers, now_ms) {
            tracing::warn!("{warning}");
        }
    }

    fn news(&self, callers: &[Caller], now_ms: i64) -> Vec<String> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = Vec::new();
        let mut near = HashSet::new();
        for caller in callers {
            let keys = caller.by.keys();
            for (at, key) in keys.iter().enumerate() {
                let Some(until) = key.until else { continue };
                let Some(stage) = EndStage::of(until.0, now_ms) else {
                    continue;
                };
                let one = (caller.name.clone(), key.hash.bytes(), until.0, stage);
                if !told.contains(&one) {
                    let last = keys
                        .iter()
                        .all(|other| other.until.is_some_and(|end| end <= until));
                    news.push(sentence(&caller.name, at + 1, until, stage, last));
                }
                near.insert(one);
            }
        }
        // What is configured no more is forgotten, so that the memory stays as small as the
        // settings.
        *told = near;
        news
    }
}

fn sentence(name: &str, place: usize, until: Timestamp, stage: EndStage, is_last: bool) -> String {
    let ends = match stage {
        EndStage::Week | EndStage::Day => "ends",
        EndStage::Ended => "has ended",
    };
    let then = match (stage, is_last) {
        (EndStage::Ended, true) => "nobody can call as it any more: give it another in `keys`",
        (EndStage::Ended, false) => "its requests need the other one: remove the one that ended",
        (_, true) => "no other key of it goes on for longer: add one in `keys`",
        (_, false) => "the other one goes on: move the client to it",
    };
    format!("key {place} of the caller `{name}` {ends} at {until}, and {then}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::CallerScope;
    use crate::http::{CallerCredential, CallerKey, KeyHash};

    fn caller(keys: &[(&[u8], Option<i64>)]) -> Caller {
        let key = |(text, until): &(&[u8], Option<i64>)| CallerKey {
            hash: KeyHash::of(text),
            until: until.map(Timestamp),
        };
        Caller {
            name: "gateway".to_owned(),
            by: CallerCredential::Keys(keys.iter().map(key).collect()),
            permissions: "decide".parse().unwrap(),
            require_actor: false,
            reasons: false,
            rate: None,
            credentials: CallerScope::default(),
        }
    }

    #[test]
    fn each_stage_is_told_once_and_says_whether_another_key_goes_on() {
        let watch = KeyWatch::default();
        let alone = [caller(&[(b"one", Some(10 * DAY_MS))])];
        assert_eq!(watch.news(&alone, 0), Vec::<String>::new());
        let soon = "key 1 of the caller `gateway` ends at 1970-01-11T00:00:00Z, and no other key \
                    of it goes on for longer: add one in `keys`";
        assert_eq!(watch.news(&alone, 4 * DAY_MS), [soon]);
        assert_eq!(watch.news(&alone, 5 * DAY_MS), Vec::<String>::new());
        assert_eq!(watch.news(&alone, 9 * DAY_MS + 1), [soon]);
        let ended = watch.news(&alone, 10 * DAY_MS);
        assert!(
            ended.len() == 1 && ended[0].contains("nobody can call as it"),
            "{ended:?}"
        );
        assert_eq!(watch.news(&alone, 20 * DAY_MS), Vec::<String>::new());

        let both = [caller(&[(b"one", Some(10 * DAY_MS)), (b"two", None)])];
        let watch = KeyWatch::default();
        let news = watch.news(&both, 9 * DAY_MS);
        assert!(
            news.len() == 1 && news[0].contains("move the client"),
            "{news:?}"
        );
        let news = watch.news(&both, 11 * DAY_MS);
        assert!(
            news.len() == 1 && news[0].contains("remove the one"),
            "{news:?}"
        );
    }
}
