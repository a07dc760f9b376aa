//! An explanation as text, for terminals and case reports.

use crate::model::{Decision, Explanation, LegExplanation, LegOutcome, PolicyRef, Reason};
use std::fmt::Write;

/// The decision, its reason, and the tree, indented by two spaces a level. No colour.
#[must_use]
pub fn explanation_text(decision: Decision, reason: Option<&Reason>, explanation: Option<&Explanation>) -> String {
    let mut text = format!("{decision}");
    if let Some(reason) = reason {
        push(&mut text, format_args!(": {} ({})", reason.message, reason.code));
    }
    for leg in explanation.iter().flat_map(|explanation| &explanation.legs) {
        push(&mut text, format_args!("\n{}", leg_text(leg).trim_end()));
    }
    text
}

fn leg_text(leg: &LegExplanation) -> String {
    let mut text = format!("  {}: {}", leg.principal, leg.outcome.decision());
    if let LegOutcome::Deny(reason) = &leg.outcome {
        push(&mut text, format_args!(" ({})", reason.code));
    }
    text.push('\n');
    for policy in &leg.determining {
        push(&mut text, format_args!("    by {}\n", place(policy)));
    }
    for error in &leg.errors {
        push(&mut text, format_args!("    failed {}: {}\n", place(&error.policy), error.message));
    }
    for miss in &leg.near_misses {
        push(&mut text, format_args!("    not {}\n", place(&miss.policy)));
        let source = miss.condition.source.split_whitespace().collect::<Vec<_>>().join(" ");
        push(&mut text, format_args!("      because this does not hold (line {}): {source}\n", miss.condition.line));
        for (access, value) in &miss.condition.values {
            push(&mut text, format_args!("        {access} = {value}\n"));
        }
    }
    for dropped in &leg.dropped {
        push(&mut text, format_args!("    not seen: {} ({})\n", dropped.member, dropped.why));
    }
    text
}

fn place(policy: &PolicyRef) -> String {
    format!("{} `{}` at {}:{}", policy.effect.verb(), policy.id, policy.file, policy.line)
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _written = text.write_fmt(arguments);
}
