//! Denials of a leg that rest on no policy.

use super::explain::blank;
use super::{Leg, LegDepth};
use crate::model::{ClockUse, Code, DroppedMembers, EntityRef, Fault, LegOutcome, Reason};
use crate::policy::explanation::reasons;
use crate::policy::inputs::NoInputs;
use crate::policy::port::RelationFailure;

/// Returns a denial for which no policy is evaluated.
pub(super) fn refused(code: Code, message: String, principal: &EntityRef) -> Leg {
    let next_action = reasons::next_action(&code);
    let reason = Reason::new(code, message, Some(principal.clone()), next_action);
    Leg {
        outcome: LegOutcome::Deny(reason),
        policies: Vec::new(),
        explanation: None,
        inputs: Vec::new(),
        clock: ClockUse::Unread,
    }
}

/// Returns a denial for which no policy is evaluated, with an explanation that lists no policies if
/// an explanation is wanted.
pub(super) fn blank_refusal(
    code: Code,
    message: String,
    principal: &EntityRef,
    depth: LegDepth,
    dropped: DroppedMembers,
) -> Leg {
    let mut leg = refused(code, message, principal);
    if depth.explanation {
        leg.explanation = Some(Box::new(blank(principal, &leg.outcome, dropped)));
    }
    leg
}

/// Returns the denial of a leg without inputs, or a fault if the reason may pass.
pub(super) fn without_inputs(
    none: NoInputs,
    principal: &EntityRef,
    depth: LegDepth,
) -> Result<Leg, Fault> {
    match none {
        NoInputs::Cedar => {
            // The cause is unknown, so the outcome must not be cached; and Cedar's message may
            // contain any value, so it is not shown.
            let message = "what the policies were to see cannot be built".to_owned();
            Ok(Leg {
                clock: ClockUse::Otherwise,
                ..refused(Code::PolicyError, message, principal)
            })
        }
        NoInputs::Relation(RelationFailure::Fault(message), _) => Err(Fault::Relations(message)),
        NoInputs::Relation(RelationFailure::Limit(message), _) => {
            Err(Fault::RelationLimit(message))
        }
        NoInputs::Relation(RelationFailure::Denied(message, _), lookups) => {
            let mut leg = blank_refusal(
                Code::RelationError,
                message,
                principal,
                depth,
                DroppedMembers::default(),
            );
            if let Some(explanation) = &mut leg.explanation {
                explanation.relations = lookups;
            }
            Ok(leg)
        }
        NoInputs::Bad(bad, dropped) => {
            let message = bad.into_iter().next().unwrap_or_default();
            Ok(blank_refusal(
                Code::BadValue,
                message,
                principal,
                depth,
                dropped,
            ))
        }
    }
}
