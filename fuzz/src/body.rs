//! The body of a request for a decision: JSON, the chain that it spells, the decision and its
//! explanation.

use behest::bundle::BundleSource;
use behest::clock::FixedClock;
use behest::engine::{Ask, Engine, Refusal, explanation_text};
use behest::http::HttpLimits;
use behest::json::read_object;
use behest::model::{AnswerDepth, Arguments, Request};
use behest::record::Recorder;
use std::sync::{Arc, LazyLock};

/// Thursday, 2026-10-01T09:00:00Z: the time of the shipped cases.
const NOW_MS: i64 = 1_790_845_200_000;

/// An engine with the default bundle.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let engine = Engine::new(
        Arc::new(FixedClock::at(NOW_MS)),
        Arc::default(),
        Recorder::default(),
    );
    engine
        .load(&BundleSource::Embedded)
        .expect("the default bundle loads");
    engine
});

/// Decides a body. No body is a fault of the service, and the same body is decided alike twice.
pub fn body(input: &[u8]) {
    let Ok(body) = read_object(input, HttpLimits::default().json_depth) else {
        return;
    };
    let Ok(request) = Request::from_body(&body) else {
        return;
    };
    let lean = decide(&request, AnswerDepth::Lean);
    let explained = decide(&request, AnswerDepth::Explain);
    // INVARIANT: what an answer carries beside the decision never changes it.
    assert_eq!(lean, explained);
}

/// Returns the word of a decision; none for a request that is refused.
fn decide(request: &Request, depth: AnswerDepth) -> Option<String> {
    let ask = Ask {
        caller: "fuzz",
        request_id: None,
        trace_id: None,
        require_actor: false,
        depth,
        arguments: Arguments::Known,
        evidence: None,
    };
    match ENGINE.decide(&ask, request) {
        Ok(answer) => {
            let _text = explanation_text(
                answer.decision,
                answer.reason.as_ref(),
                answer.explanation.as_ref(),
            );
            Some(answer.decision.to_string())
        }
        Err(Refusal::Malformed(_)) => None,
        Err(refusal) => panic!("the service is at fault: {refusal:?}"),
    }
}
