//! Two services that are told the same: one with a cache, one without. As its HTTP surface does, a
//! service keeps what it has learnt of a question beside the question's words.

use behest::bundle::BundleSource;
use behest::clock::{Clock, FixedClock};
use behest::engine::{Ask, Engine, LegKeys};
use behest::model::{Answer, AnswerDepth, Arguments, Evidence, Revision};
use behest::record::{QueueSettings, RecordWriter, Recorder, Sink, WhenFull};
use behest::storage::{StoreId, TupleBatch, open_memory};
use behest::stores::{ClearTarget, Stores, StoresError};
use behest::telemetry::Metrics;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::values;

/// More than a history fills, so that nothing is evicted that could have been wrong.
pub(crate) const CACHE_BYTES: usize = 16 << 20;

/// One of the two.
pub(crate) struct Service {
    pub(crate) engine: Engine,
    pub(crate) stores: Arc<Stores>,
    pub(crate) metrics: Arc<Metrics>,
    record: Option<(RecordWriter, PathBuf)>,
    /// What answers a question that was asked in the same words.
    known: Mutex<HashMap<String, LegKeys>>,
    recalled: AtomicU64,
}

impl Service {
    /// Records to a file where one is named.
    pub(crate) fn new(clock: &Arc<FixedClock>, cache: bool, record: Option<PathBuf>) -> Self {
        let metrics = Arc::new(Metrics::default());
        let clock: Arc<dyn Clock> = clock.clone();
        let stores = Arc::new(Stores::open(open_memory().unwrap(), Arc::clone(&clock)).unwrap());
        let settings = QueueSettings {
            when_full: WhenFull::Deny,
            ..QueueSettings::default()
        };
        let started = record.map(|path| {
            (
                Recorder::start(Sink::File(path.clone()), settings, metrics.clone()).unwrap(),
                path,
            )
        });
        let (recorder, record) = match started {
            Some(((recorder, writer), path)) => (recorder, Some((writer, path))),
            None => (Recorder::default(), None),
        };
        let mut engine = Engine::new(clock, metrics.clone(), recorder)
            .with_quiet(Duration::from_millis(1))
            .with_stores(Arc::clone(&stores));
        if cache {
            engine = engine.with_cache(CACHE_BYTES);
        }
        Self {
            engine,
            stores,
            metrics,
            record,
            known: Mutex::default(),
            recalled: AtomicU64::new(0),
        }
    }

    pub(crate) fn load(&self, folder: &Path) {
        if let Err(refused) = self.engine.load(&BundleSource::Dir(folder.to_owned())) {
            panic!(
                "{}",
                behest::bundle::render(&refused.problems, &refused.files, false)
            );
        }
    }

    pub(crate) fn write(&self, batch: TupleBatch) -> Result<Revision, String> {
        self.stores
            .write(StoreId::MAIN, None, batch)
            .map(|applied| applied.revision)
            .map_err(said)
    }

    pub(crate) fn clear(&self, about: &ClearTarget) -> Result<Revision, String> {
        self.stores
            .clear(StoreId::MAIN, about)
            .map(|cleared| cleared.revision)
            .map_err(said)
    }

    pub(crate) fn ask(&self, question: &Json) -> Answer {
        self.ask_with(question, None, Arguments::Known)
    }

    pub(crate) fn ask_with(
        &self,
        question: &Json,
        evidence: Option<&Evidence>,
        arguments: Arguments,
    ) -> Answer {
        let (caller, request_id, depth) = ("anonymous", None, AnswerDepth::Reason);
        let ask = Ask {
            caller,
            request_id,
            trace_id: None,
            require_actor: false,
            depth,
            arguments,
            evidence,
        };
        let text = question.to_string();
        let known = self.known.lock().unwrap().get(&text).cloned();
        if let Some(answer) = known.and_then(|known| self.engine.decide_by_keys(&ask, &known)) {
            self.recalled.fetch_add(1, Ordering::Relaxed);
            return answer;
        }
        let mut known = None;
        let answer = self
            .engine
            .decide_noting(&ask, &values::request(question), &mut known)
            .expect("an answer");
        if let Some(known) = known {
            self.known.lock().unwrap().insert(text, known);
        }
        answer
    }

    /// How many questions were answered without being read.
    pub(crate) fn recalled(&self) -> u64 {
        self.recalled.load(Ordering::Relaxed)
    }

    /// A counter of the cache.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let text = self.metrics.encode(0);
        let line = text
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("no {name} in\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Its records so far, without what no two decisions share.
    pub(crate) fn close(self) -> Vec<Json> {
        let Some((writer, path)) = self.record else {
            return Vec::new();
        };
        writer.close();
        let text = std::fs::read_to_string(path).unwrap();
        let record = |line: &str| {
            let mut record: Json = serde_json::from_str(line).unwrap();
            record.as_object_mut().unwrap().remove("id");
            record
        };
        text.lines().map(record).collect()
    }
}

fn said(error: StoresError) -> String {
    error.to_string()
}

/// Everything that an answer says but its own name.
pub(crate) fn told(answer: &Answer) -> String {
    format!(
        "{} {:?} at {} by {}",
        answer.decision, answer.reason, answer.revision, answer.bundle
    )
}
