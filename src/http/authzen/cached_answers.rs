//! Bodies that were asked before, and are answered without being read again.
//!
//! **Problem.** Agents ask the same again and again, in the same words; with every leg in the
//! cache, reading the body is most of the work.
//! **Decision.** A body is kept, whole, with what its options say and with the keys of its legs
//! ([`Asked`]), under the endpoint and the caller. Where the engine still finds every leg, the
//! request is answered; anything else is read.
//! **Trade-off.** A quarter of what `--cache` allows goes to bodies. One that never comes twice
//! takes a place for nothing, until those that are asked for push it out.
//!
//! INVARIANT: bodies, callers and endpoints are compared whole. The caller is known and its
//! permissions are checked before a body is looked for, and a body that came with credentials is
//! never kept.

use crate::engine::Asked;
use crate::http::Error;
use crate::http::authzen::evaluation::{decided, written};
use crate::http::authzen::wire::{BatchBody, Of, Options, write_answer};
use crate::http::caller::Identity;
use crate::http::shared::{Shared, ask};
use actix_web::{HttpRequest, HttpResponse};
use std::cell::Cell;

/// LIMIT: longer bodies are read every time: those of large batches, for which reading is not most
/// of the work.
const MAX_BODY_BYTES: usize = 32 << 10;

thread_local! {
    /// Names of bodies are written into the buffer of the one before.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Shared {
    /// The answer to a body that was asked before; nothing where it must be read.
    pub(in crate::http) fn recall(
        &self,
        of: Of,
        caller: Identity<'_>,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<Option<HttpResponse>, Error> {
        if !self.engine.knows() {
            return Ok(None);
        }
        let seen = named(of, caller, body, |name| self.bodies.find(name)).flatten();
        let Some(seen) = seen else { return Ok(None) };
        // Who waits for a revision holds nothing but the text of the body.
        if !self.is_reached(&seen.options) {
            return Ok(None);
        }
        let ask = ask(caller, request, seen.options, None);
        let depth = seen.options.depth;
        let limit = self.settings.limits.answer_bytes;
        let response = match &seen.asked {
            Asked::One(known) => {
                let Some(answer) = self.engine.decide_known(&ask, known) else {
                    return Ok(None);
                };
                decided(
                    Some((answer.id, answer.revision)),
                    written(write_answer(&answer, depth, limit))?,
                )
            }
            Asked::Several(known, whole) => {
                let answers =
                    self.engine
                        .decide_all_known(&ask, known, *whole, seen.options.semantic);
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
        self.bodies.recalled();
        Ok(Some(response))
    }

    /// Keeps what a body asked.
    pub(in crate::http) fn remember(
        &self,
        of: Of,
        caller: Identity<'_>,
        body: &[u8],
        options: Options,
        asked: Asked,
    ) {
        named(of, caller, body, |name| {
            self.bodies.keep(name, options, asked);
        });
    }
}

/// The name of a body: endpoint, caller, and the body itself. Nothing for one that is not kept.
fn named<T>(of: Of, caller: Identity<'_>, body: &[u8], then: impl FnOnce(&[u8]) -> T) -> Option<T> {
    if body.len() > MAX_BODY_BYTES {
        return None;
    }
    let mut name = BUFFER.take();
    name.clear();
    name.push(of as u8);
    name.extend_from_slice(&caller.place().map_or(0, |place| place + 1).to_be_bytes());
    name.extend_from_slice(body);
    let outcome = then(&name);
    BUFFER.set(name);
    Some(outcome)
}
