//! The one sequence of steps that decides.
//!
//! **Problem.** A decision depends on policies, stored entities, relations, a clock and a request,
//! and all but the request change while it is made. An answer that saw half of a reload would be
//! right for neither bundle.
//! **Decision.** Every answer pins one version of the store `main`, which holds the bundle, its
//! model and all tuples as of one revision, and reads the clock once. A batch pins one version for
//! all of its items. Questions, legs and their intersection are decided in [`decide`] and nowhere
//! else: cases, batches and single requests go through the same function.
//! **Trade-off.** A bundle that was replaced stays in memory until its last answer is given.

mod assumption;
mod assumption_names;
mod batch;
mod contents;
mod coverage;
mod decide;
mod explanation_text;
mod intersection;
mod kept_bundle;
mod known;
mod leg_keys;
mod legs;
mod load;
mod lookup;
mod matrix;
mod request_cache;
mod saving;
mod scratch;
mod search;
mod snapshot;
mod survey;
mod token_facts;

pub use assumption::AssumedAnswer;
pub use assumption_names::QuestionAssumptions;
pub use batch::{Batch, BatchFault, ItemAnswer, PausedBatch, Semantic};
pub use contents::{ActionWords, BundleWords, ContentsPage, ListedCase, ListedPolicy};
pub use coverage::{ClauseCoverage, Coverage, CoverageCount, PolicyCoverage};
pub use explanation_text::{TextRole, explanation_text, painted_explanation};
pub use kept_bundle::PreparedBackup;
pub use known::KnownEntities;
pub use leg_keys::LegKeys;
pub use load::{
    BundleRefusal, BundleStatus, FailedLoad, LoadReport, LoadedBundle, check, check_covered,
};
pub use matrix::{DecisionMatrix, MatrixCell, MatrixRequest};
pub use request_cache::{CachedQuestions, CachedRequest, RequestCache};
pub use saving::{UnsavedEdit, WantedEdit};
pub use scratch::{
    BundleFileEntry, DecidedCases, FailedCase, ScratchCases, ScratchCopy, ScratchReport,
};
pub use search::{
    PageCut, PageTokenError, Sealer, SearchHit, SearchLimits, SearchPage, SearchRefusal,
    search_disagreements,
};
pub use snapshot::Snapshot;
pub use survey::{ChangedQuestion, ComparedPart, DecisionChange, Survey, SurveyedOutcome};

pub use crate::bundle::{LocatedProblem, SaveError, ScratchEdits};
pub use crate::record::{
    DecisionEvent, DecisionFilter, DecisionWatch, EntityPattern, WatchedDecisions, WatchedOutcome,
};

use crate::bundle::{BundleKeeper, CheckStage, QUIET};
use crate::cache::LegCache;
use crate::clock::Clock;
use crate::model::{
    Answer, AnswerDepth, Arguments, Decision, DecisionId, Evidence, Explanation, Fault,
    MalformedMember, Reason, Request, Revision, Timestamp,
};
use crate::policy::{ListedClauses, NoRelations, Relations};
use crate::record::{DecisionRecord, Recorder};
use crate::stores::Stores;
use crate::telemetry::{Metrics, TraceId};
use arc_swap::ArcSwapOption;
use decide::{Circumstances, DecisionOptions, Verdict};
use lookup::{BRIEF_READS, RequestRelations};
use scratch::ScratchBase;
use smol_str::SmolStr;
use snapshot::{Pin, PinnedView};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long a page token is valid: long enough to read a page, short enough to end with a session.
pub const TOKEN_LIFETIME: Duration = Duration::from_mins(10);

/// The caller, and how a request is to be answered.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The name of a configured caller, or `anonymous`.
    pub caller: &'a str,
    /// The caller's `X-Request-ID`.
    pub request_id: Option<&'a str>,
    /// The trace that the request belongs to, for its records.
    pub trace_id: Option<TraceId>,
    /// Whether this caller may only ask about chains with an agent in them.
    pub require_actor: bool,
    /// How detailed the answer is to be.
    pub depth: AnswerDepth,
    /// What the credentials of the request prove; `None` if credentials are not verified.
    pub evidence: Option<&'a Evidence>,
    /// Whether the arguments of calls are known.
    pub arguments: Arguments,
}

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request is malformed: a 400.
    Malformed(MalformedMember),
    /// The service has a fault: a 5xx.
    Fault(Fault),
    /// The decision was to be brief, and takes longer. Nothing was decided; the caller must decide
    /// it on another thread.
    TakesLong,
}

/// The engine that decides. All workers share it; every method takes `&self`.
pub struct Engine {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    recorder: Recorder,
    live: ArcSwapOption<Snapshot>,
    status: Mutex<BundleStatus>,
    /// What scratch copies are compared with, once one was tried.
    scratch_base: Mutex<Option<Arc<ScratchBase>>>,
    /// Held while a bundle is loaded: only one load runs at a time, and decisions never wait for
    /// it.
    loading: Mutex<()>,
    quiet: Duration,
    /// Where the last good bundle is kept; `None` if it is not.
    keeper: Option<BundleKeeper>,
    /// Members of `context.token` that the issuers' settings name, each with its Cedar type.
    token_facts: Vec<(SmolStr, &'static str)>,
    /// The stores of relations; `None` if there are no stores.
    stores: Option<Arc<Stores>>,
    /// Seals page tokens; `None` if the system had no randomness for a key.
    sealer: Option<Sealer>,
    search_limits: SearchLimits,
    /// The cache of legs; `None` if every leg is evaluated.
    cache: Option<LegCache>,
    /// Makes decision ids differ from another process's; a counter makes them unique within this
    /// one.
    seed: [u8; 4],
    decisions: AtomicU64,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("live", &self.live)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Creates an engine without a bundle, which answers every question with [`Fault::NoBundle`].
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>, recorder: Recorder) -> Self {
        let mut seed = [0; 4];
        // If the system has no randomness, the ids of two processes may coincide; they stay unique
        // within each process.
        let _filled = aws_lc_rs::rand::fill(&mut seed);
        Self {
            clock,
            metrics,
            recorder,
            live: ArcSwapOption::empty(),
            status: Mutex::new(BundleStatus::default()),
            scratch_base: Mutex::default(),
            loading: Mutex::new(()),
            quiet: QUIET,
            keeper: None,
            token_facts: Vec::new(),
            stores: None,
            sealer: Sealer::random(TOKEN_LIFETIME).ok(),
            search_limits: SearchLimits::default(),
            cache: None,
            seed,
            decisions: AtomicU64::new(0),
        }
    }

    /// Sets how long a bundle's directory must stay unchanged before it is taken to be complete.
    #[must_use]
    pub fn with_quiet(mut self, quiet: Duration) -> Self {
        self.quiet = quiet;
        self
    }

    /// Sets where each bundle that goes live is kept.
    #[must_use]
    pub fn with_keeper(mut self, keeper: BundleKeeper) -> Self {
        self.keeper = Some(keeper);
        self
    }

    /// Adds members of `context.token` beyond those that the engine knows, each with its Cedar
    /// type.
    #[must_use]
    pub fn with_token_facts(mut self, facts: Vec<(SmolStr, &'static str)>) -> Self {
        self.token_facts = facts;
        self
    }

    /// Sets the limits of a page of a search, and the sealer of its tokens.
    #[must_use]
    pub fn with_search(mut self, limits: SearchLimits, sealer: Sealer) -> Self {
        (self.search_limits, self.sealer) = (limits, Some(sealer));
        self
    }

    /// Sets the stores of relations.
    #[must_use]
    pub fn with_stores(mut self, stores: Arc<Stores>) -> Self {
        self.stores = Some(stores);
        self
    }

    /// Adds a cache of legs that holds at most `bytes` bytes.
    #[must_use]
    pub fn with_cache(mut self, bytes: usize) -> Self {
        self.cache = Some(LegCache::new(bytes, Arc::clone(&self.metrics)));
        self
    }

    /// Returns the stores; `None` if there are none.
    #[must_use]
    pub fn stores(&self) -> Option<&Arc<Stores>> {
        self.stores.as_ref()
    }

    /// Returns a channel of the newest revision that a decision which begins now sees; `None` if
    /// there are no stores.
    #[must_use]
    pub fn published(&self) -> Option<watch::Receiver<Revision>> {
        self.stores.as_ref().map(|stores| stores.published())
    }

    /// Returns the snapshot that decides now; `None` before the first bundle.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.live.load_full()
    }

    /// Returns the stage of files that do not compile.
    pub(in crate::engine) fn uncompiled(&self) -> CheckStage {
        if self.has_secrets() {
            CheckStage::CompilingBesideSecrets
        } else {
            CheckStage::Compiling
        }
    }

    /// Returns `true` if the live bundle marks anything as `@secret`.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        let live = self.live.load();
        live.as_ref().is_some_and(|live| {
            live.bundle()
                .policy_set()
                .schema()
                .vocabulary
                .secrets()
                .next()
                .is_some()
        })
    }

    /// Decides one question.
    pub fn decide(&self, ask: &Ask<'_>, request: &Request) -> Result<Answer, Refusal> {
        self.decide_noting(ask, request, &mut None)
    }

    /// Decides one question. If every leg was found in the cache, stores in `keys` the keys of the
    /// legs, from which the question can be answered again without reading it.
    pub fn decide_noting(
        &self,
        ask: &Ask<'_>,
        request: &Request,
        keys: &mut Option<LegKeys>,
    ) -> Result<Answer, Refusal> {
        let pin = self.pin().map_err(Refusal::Fault)?;
        let pinned = pin.pinned().ok_or(Refusal::Fault(Fault::NoBundle))?;
        self.answer(
            pinned,
            ask,
            request,
            Timestamp(self.clock.now_ms()),
            keys,
            &mut None,
        )
    }

    /// Decides like [`Self::decide_noting`], within the reads that a worker may make between two
    /// answers. If these do not suffice, it returns [`Refusal::TakesLong`] and records and counts
    /// nothing.
    pub fn decide_on_worker(
        &self,
        ask: &Ask<'_>,
        request: &Request,
        keys: &mut Option<LegKeys>,
    ) -> Result<Answer, Refusal> {
        let pin = self.pin().map_err(Refusal::Fault)?;
        let pinned = pin.pinned().ok_or(Refusal::Fault(Fault::NoBundle))?;
        self.answer(
            pinned,
            ask,
            request,
            Timestamp(self.clock.now_ms()),
            keys,
            &mut Some(BRIEF_READS),
        )
    }

    /// Pins the bundle and the version of the relations that decide now.
    fn pin(&self) -> Result<Pin, Fault> {
        match &self.stores {
            Some(stores) => Ok(Pin::Main(Arc::clone(&stores.main()))),
            None => self.live.load_full().map(Pin::Alone).ok_or(Fault::NoBundle),
        }
    }

    fn options(&self, ask: &Ask<'_>, reads: Option<u64>) -> DecisionOptions {
        DecisionOptions {
            explanation: ask.depth == AnswerDepth::Explain,
            clauses: ListedClauses::None,
            inputs: self.recorder.is_on(),
            require_actor: ask.require_actor,
            arguments: ask.arguments,
            reads,
        }
    }

    fn answer(
        &self,
        pinned: PinnedView<'_>,
        ask: &Ask<'_>,
        request: &Request,
        now: Timestamp,
        keys: &mut Option<LegKeys>,
        reads: &mut Option<u64>,
    ) -> Result<Answer, Refusal> {
        let options = self.options(ask, *reads);
        // A record without the inputs that policies read would say that they read none.
        let begun = options.inputs.then(Instant::now);
        let nothing = Evidence::default();
        let evidence = ask.evidence.unwrap_or(&nothing);
        let at = Circumstances {
            pinned,
            now,
            options,
            cache: self.cache.as_ref(),
            given: None,
        };
        let verdict = decide::decide(at, request, evidence)?;
        let Verdict {
            decision,
            reason,
            explanation,
            policies,
            inputs,
            question,
            is_found,
            reads: left,
        } = verdict;
        *reads = reads.map(|_| left);
        let found = question
            .as_ref()
            .filter(|_| is_found && self.uses_leg_keys());
        *keys = found.and_then(|question| known_of(pinned, ask, question, now));
        let answer = self.conclude(pinned, ask, now, decision, reason, explanation);
        if let Some(begun) = begun {
            let entry = DecisionRecord {
                at: now,
                caller: ask.caller,
                request_id: ask.request_id,
                trace_id: ask.trace_id,
                question: question.as_ref(),
                request,
                inputs: &inputs,
                policies: &policies,
                answer: &answer,
            };
            self.recorder
                .record(&entry, begun.elapsed())
                .map_err(|_| Refusal::Fault(Fault::RecordQueueFull))?;
        }
        self.count_decision(&answer);
        Ok(answer)
    }

    /// Begins a watch over decisions as they are made.
    #[must_use]
    pub fn watch_decisions(&self, filter: DecisionFilter) -> DecisionWatch {
        self.recorder.watch(filter, &self.metrics)
    }

    /// Returns what tells this process from others, as far as it had randomness.
    #[must_use]
    pub fn process_mark(&self) -> u32 {
        u32::from_be_bytes(self.seed)
    }

    fn count_decision(&self, answer: &Answer) {
        let decision = match answer.decision {
            Decision::Permit => "permit",
            Decision::Deny => "deny",
        };
        self.metrics.decided(
            decision,
            answer
                .reason
                .as_ref()
                .map_or("none", |reason| reason.code.as_str()),
        );
    }

    /// Makes the answer to a question that is decided, with a decision id of its own.
    fn conclude(
        &self,
        pinned: PinnedView<'_>,
        ask: &Ask<'_>,
        now: Timestamp,
        decision: Decision,
        reason: Option<Reason>,
        explanation: Option<Explanation>,
    ) -> Answer {
        Answer {
            id: self.next_id(now),
            decision,
            arguments: ask.arguments,
            reason,
            explanation,
            bundle: pinned.bundle.digest(),
            revision: pinned.revision,
        }
    }

    /// Returns a version 7 UUID: the time, followed by the seed of the process and a counter in
    /// place of random bits.
    fn next_id(&self, now: Timestamp) -> DecisionId {
        let count = self.decisions.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut tail = [0; 10];
        let source = self.seed.iter().chain(count.iter().skip(2));
        tail.iter_mut()
            .zip(source)
            .for_each(|(to, from)| *to = *from);
        let ms = u64::try_from(now.0).unwrap_or(0);
        DecisionId::new(
            uuid::Builder::from_unix_timestamp_millis(ms, &tail)
                .into_uuid()
                .as_u128(),
        )
    }
}

/// Returns the leg keys from which a question can be answered again without reading it.
fn known_of(
    pinned: PinnedView<'_>,
    ask: &Ask<'_>,
    question: &crate::model::Question,
    now: Timestamp,
) -> Option<LegKeys> {
    let relations = pinned
        .relations
        .map(|(graph, rules)| RequestRelations::new(graph, rules));
    let relations = relations
        .as_ref()
        .map_or(&NoRelations as &dyn Relations, |lookup| lookup);
    LegKeys::of(pinned, ask, question, relations, now)
}
