//! `behest suspend`, `resume`, `grant` and `ungrant`: the tuples that people write in a hurry.
//!
//! **Problem.** Stopping an agent takes an address, a store's id and a body of JSON, and a misspelt
//! name stops nobody without a word.
//! **Decision.** Each command writes or deletes one tuple of a pack for each name, says what that
//! changed, and warns of a name that nobody knows. What is as it should be already is a success, so
//! that a script may repeat itself.
//! **Trade-off.** The relations are those of the packs `revocation` and `delegation`: a bundle with
//! relations of its own writes them with `behest import`.
//!
//! INVARIANT: the commands fail unless every name is as it was asked for afterwards.

mod place;

use super::args::{GrantArguments, GrantPlaceArguments, PrincipalArguments, UngrantArguments};
use super::chain::with_signs;
use super::exit::{CommandFailure, ExitReason};
use super::output::{Paint, fail, notice, print};
use crate::clock::{Clock as _, SystemClock};
use crate::model::{Problem, Record, Timestamp, Tuple, TupleCondition, TupleKey, Value, shown};
use place::{Change, Effect, GrantPlace};
use smol_str::SmolStr;
use std::process::ExitCode;
use std::sync::Arc;

/// The relation and the object of the pack `revocation`.
const SUSPENDED: (&str, &str) = ("suspended", "platform:main");

/// The relation of the pack `delegation`.
const DELEGATE: &str = "delegate";

/// One tuple, with how people name it.
struct NamedTuple {
    tuple: Tuple,
    name: String,
}

/// The words of a command for each effect.
struct Words {
    /// The tuple was written, or deleted.
    done: &'static str,
    /// Nothing had to be changed.
    already: &'static str,
    /// The bundle has the tuple.
    bundled: &'static str,
    /// Whether a tuple of the bundle is what was asked for.
    is_bundled_fine: bool,
}

/// Suspends principals.
pub(super) fn suspend(arguments: &PrincipalArguments) -> ExitCode {
    let words = Words {
        done: "is suspended: every chain with it is denied",
        already: "was suspended already",
        bundled: "is suspended by a tuple of the bundle, which no write changes",
        is_bundled_fine: true,
    };
    run(
        suspensions(arguments),
        &arguments.place,
        Change::Write,
        &words,
    )
}

/// Ends suspensions.
pub(super) fn resume(arguments: &PrincipalArguments) -> ExitCode {
    let words = Words {
        done: "is no longer suspended",
        already: "was not suspended",
        bundled: "stays suspended by a tuple of the bundle: take it out of its `tuples.yaml`",
        is_bundled_fine: false,
    };
    run(
        suspensions(arguments),
        &arguments.place,
        Change::Delete,
        &words,
    )
}

/// Grants each member of a chain the right to act for the one before it.
pub(super) fn grant(arguments: &GrantArguments) -> ExitCode {
    let words = Words {
        done: "is granted",
        already: "was granted so already",
        bundled: "has a grant by a tuple of the bundle, which no write changes",
        is_bundled_fine: false,
    };
    let condition = condition(arguments);
    let hops = condition.and_then(|condition| hops(&arguments.chain, condition.as_ref()));
    run(hops, &arguments.place, Change::Write, &words)
}

/// Takes such grants away.
pub(super) fn ungrant(arguments: &UngrantArguments) -> ExitCode {
    let words = Words {
        done: "is granted no longer",
        already: "was not granted",
        bundled: "stays granted by a tuple of the bundle: take it out of its `tuples.yaml`, or \
                  suspend the agent",
        is_bundled_fine: false,
    };
    run(
        hops(&arguments.chain, None),
        &arguments.place,
        Change::Delete,
        &words,
    )
}

/// Applies each tuple by itself, and says what that changed.
fn run(
    tuples: Result<Vec<NamedTuple>, Problem>,
    place: &GrantPlaceArguments,
    change: Change,
    words: &Words,
) -> ExitCode {
    let tuples = match tuples {
        Ok(tuples) => tuples,
        Err(problem) => return fail(CommandFailure::usage(problem)),
    };
    let mut place = match open(place) {
        Ok(place) => place,
        Err(code) => return code,
    };
    let paint = Paint::for_results();
    let mut code = ExitCode::SUCCESS;
    for NamedTuple { tuple, name } in tuples {
        match place.apply(&tuple, change) {
            Ok(Effect::Done {
                revision,
                is_replaced,
                unknown,
            }) => {
                let replaced = if is_replaced {
                    ", in place of another grant"
                } else {
                    ""
                };
                let done = paint.good(words.done);
                print(&format!("{name} {done}{replaced}; revision {revision}\n"));
                unknown.iter().for_each(|unknown| warn(unknown));
            }
            Ok(Effect::Already { unknown }) => {
                print(&format!("{name} {}\n", words.already));
                unknown.iter().for_each(|unknown| warn(unknown));
            }
            Ok(Effect::InBundle) if words.is_bundled_fine => {
                print(&format!("{name} {}\n", words.bundled));
            }
            Ok(Effect::InBundle) => {
                code = fail(Problem::new(format!("{name} {}", words.bundled)));
            }
            Err(failure) => {
                let is_unreachable = failure.reason == ExitReason::Unreachable;
                code = fail(failure.map(|problem| in_its_words(problem, &tuple)));
                // The next one would wait as long, and come to the same.
                if is_unreachable {
                    return code;
                }
            }
        }
    }
    code
}

fn open(place: &GrantPlaceArguments) -> Result<GrantPlace, ExitCode> {
    let location = place.chosen().map_err(fail)?;
    GrantPlace::open(&location, &place.bundle.named_source())
}

/// Adds which pack has the relation, where the problem has no help of its own.
fn in_its_words(problem: Problem, tuple: &Tuple) -> Problem {
    if problem.help.is_some() {
        return problem;
    }
    let pack = if tuple.key.relation == SUSPENDED.0 {
        "revocation"
    } else {
        "delegation"
    };
    problem.help(format!(
        "the bundle needs the pack `{pack}`: `behest pack show {pack}` shows its relations"
    ))
}

fn warn(unknown: &str) {
    let label = Paint::for_errors().strong("warning:");
    notice(&format!(
        "{label} nobody knows {unknown}: no stored entity, no other tuple and no policy names it\n"
    ));
}

fn suspensions(arguments: &PrincipalArguments) -> Result<Vec<NamedTuple>, Problem> {
    let one = |principal: &String| {
        if with_signs(principal)?.contains('>') {
            let told = format!("`{}` is a chain", shown(principal));
            return Err(Problem::new(told).help("name the member that is to be suspended"));
        }
        tuple(principal, SUSPENDED.0, SUSPENDED.1, None).map(|tuple| NamedTuple {
            tuple,
            name: format!("`{principal}`"),
        })
    };
    arguments.principals.iter().map(one).collect()
}

/// Returns the tuple of each hop of a chain.
fn hops(chain: &str, condition: Option<&Arc<TupleCondition>>) -> Result<Vec<NamedTuple>, Problem> {
    let chain = with_signs(chain)?;
    let members: Vec<&str> = chain.split('>').map(str::trim).collect();
    if members.len() < 2 {
        let told = format!("`{}` names one party: a grant has two", shown(&chain));
        return Err(Problem::new(told)
            .help("write who grants and who is granted: `user:alice/agent:copilot`"));
    }
    let hop = |(grantor, agent): (&&str, &&str)| {
        tuple(agent, DELEGATE, grantor, condition.cloned()).map(|tuple| NamedTuple {
            tuple,
            name: format!("`{agent}`, acting for `{grantor}`,"),
        })
    };
    members
        .iter()
        .zip(members.iter().skip(1))
        .map(hop)
        .collect()
}

fn tuple(
    user: &str,
    relation: &str,
    object: &str,
    condition: Option<Arc<TupleCondition>>,
) -> Result<Tuple, Problem> {
    let key = TupleKey::parse_shown(user, relation, object).map_err(|error| {
        Problem::new(format!("{error}"))
            .help("write a principal as TYPE:ID, such as `agent:copilot`")
    })?;
    Ok(Tuple { key, condition })
}

/// Returns the condition of the pack `delegation` for an end and actions.
fn condition(arguments: &GrantArguments) -> Result<Option<Arc<TupleCondition>>, Problem> {
    let mut context = Record::new();
    if let Some(until) = arguments.until {
        if until <= Timestamp(SystemClock.now_ms()) {
            let told = format!("`--until`: {until} has passed, so nothing would be granted");
            return Err(Problem::new(told).help("name a later time, or use `behest ungrant`"));
        }
        context.insert("until", Value::text(until.to_string()));
    }
    if !arguments.actions.is_empty() {
        let actions = arguments
            .actions
            .iter()
            .map(|name| Value::text(name.as_str()));
        context.insert("actions", Value::List(actions.collect()));
    }
    let name = match (arguments.until, arguments.actions.is_empty()) {
        (None, true) => return Ok(None),
        (Some(_), true) => "grant_until",
        (None, false) => "grant_covers",
        (Some(_), false) => "grant_covers_until",
    };
    Ok(Some(Arc::new(TupleCondition {
        name: SmolStr::new_static(name),
        context,
    })))
}
