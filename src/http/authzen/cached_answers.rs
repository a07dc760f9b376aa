//! Answers repeated bodies from the caches, without parsing them again.
//!
//! **Problem.** Agents send the same requests again and again, byte for byte. When every leg is
//! cached, parsing the body is most of the work.
//! **Decision.** The request cache keeps a body, whole, with its options and with the keys of its
//! legs ([`CachedQuestions`]), by endpoint and caller. If the engine still finds every leg, the
//! request is answered from them; otherwise the body is parsed.
//! **Trade-off.** A quarter of the memory that `--cache` allows goes to bodies. A body that never
//! comes twice takes memory in vain, until it is evicted by bodies that do.
//!
//! INVARIANT: bodies, callers and endpoints are compared whole. The caller is identified and its
//! permissions are checked before a body is looked up, and a body with credentials is never stored.

use crate::engine::CachedQuestions;
use crate::http::Error;
use crate::http::authzen::evaluation::{decided, written};
use crate::http::authzen::wire::{BatchBody, Options, RequestKind, write_answer};
use crate::http::caller::identity::Identity;
use crate::http::shared::{ServiceState, ask};
use crate::telemetry::RequestPhase;
use actix_web::{HttpRequest, HttpResponse};
use std::cell::Cell;

/// LIMIT: maximum size of a cached body. Longer ones, those of large batches, are always parsed;
/// for them, parsing is not most of the work.
const MAX_BODY_BYTES: usize = 32 << 10;

thread_local! {
    /// The buffer of the previous cache key, which the next one reuses.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl ServiceState {
    /// Returns the answer to a body that is in the request cache; `None` if the body must be
    /// parsed.
    pub(in crate::http) fn recall(
        &self,
        of: RequestKind,
        caller: Identity<'_>,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<Option<HttpResponse>, Error> {
        if !self.engine.uses_leg_keys() {
            return Ok(None);
        }
        let number = self.cache_number(caller);
        let seen = named(of, number, body, |name| self.bodies.find(name)).flatten();
        let Some(seen) = seen else { return Ok(None) };
        // A request that waits for a revision may hold nothing but the text of its body, so it
        // takes the other way.
        if !self.is_reached(&seen.options) {
            return Ok(None);
        }
        let ask = ask(caller, request, seen.options, None);
        let depth = seen.options.depth;
        let limit = self.settings.limits.answer_bytes;
        let response = match &seen.questions {
            CachedQuestions::One(known) => {
                let Some(answer) = self.engine.decide_by_keys(&ask, known) else {
                    return Ok(None);
                };
                decided(
                    Some((answer.id, answer.revision)),
                    written(write_answer(&answer, depth, limit))?,
                )
            }
            CachedQuestions::Several(known, whole) => {
                let answers =
                    self.engine
                        .decide_batch_by_keys(&ask, known, *whole, seen.options.semantic);
                let Some(answers) = answers else {
                    return Ok(None);
                };
                let mut body = BatchBody::new(answers.len(), depth, limit);
                for answer in &answers {
                    written(body.push_decided(answer))?;
                }
                decided(
                    answers.first().map(|first| (first.id, first.revision)),
                    body.finish(),
                )
            }
        };
        self.bodies.count_hit();
        self.phase_ended(request, RequestPhase::Decide);
        Ok(Some(response))
    }

    /// Returns the number under which the requests of a caller are cached. INVARIANT: it is another
    /// one as soon as something changes that the answers depend on and the engine does not see.
    fn cache_number(&self, caller: Identity<'_>) -> usize {
        self.number_of(caller).unwrap_or(self.anonymous_number)
    }

    /// Stores the question of a body in the request cache.
    pub(in crate::http) fn remember(
        &self,
        of: RequestKind,
        caller: Identity<'_>,
        body: &[u8],
        options: Options,
        questions: CachedQuestions,
    ) {
        named(of, self.cache_number(caller), body, |name| {
            self.bodies.keep(name, options, questions);
        });
    }
}

/// Calls `then` with the cache key of a body: the endpoint, the number of the caller, and the body
/// itself. Returns `None` for a body that is too long to be cached.
fn named<T>(
    of: RequestKind,
    caller: usize,
    body: &[u8],
    then: impl FnOnce(&[u8]) -> T,
) -> Option<T> {
    if body.len() > MAX_BODY_BYTES {
        return None;
    }
    let mut name = BUFFER.take();
    name.clear();
    name.push(of as u8);
    name.extend_from_slice(&caller.to_be_bytes());
    name.extend_from_slice(body);
    let outcome = then(&name);
    BUFFER.set(name);
    Some(outcome)
}
