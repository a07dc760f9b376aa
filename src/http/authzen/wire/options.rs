//! Reads `options`, which say how to answer (AuthZEN 1.0 section 7.1.2).
//!
//! Unknown members are ignored, except for misspelt options (`reasn` was meant to ask for a reason)
//! and carriers, which would not be read here. An option that changes *what* is asked, and that is
//! not supported, is refused: an answer that ignored it would be wrong.

use crate::engine::Semantic;
use crate::http::caller::identity::Identity;
use crate::http::{Error, Permission};
use crate::model::{
    AnswerDepth, Arguments, MAX_OTHERS, MalformedMember, Record, Revision, Value, alike,
    has_known_members, misplaced_option, nearest, refuse_lookalike, refuse_near, shown,
};

const UNKNOWN: &str = "options.unknown";

/// The member of an answer that `explain` adds, which people write instead of the option.
const EXPLANATION: &str = "explanation";

/// The names of all options.
const NAMES: [&str; 5] = [
    "reason",
    "explain",
    "unknown",
    "at_least",
    "evaluations_semantic",
];

/// The kind of request that the options belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum RequestKind {
    /// An evaluation of one question.
    Evaluation,
    /// An evaluation of one question under assumptions.
    Assumption,
    /// A batch of evaluations.
    Evaluations,
    /// A search. It has no explanations: denials are not among its results, and each result can be
    /// evaluated by itself.
    Search,
}

impl RequestKind {
    /// Returns the members of the body beside the question.
    fn members(self) -> &'static [&'static str] {
        match self {
            Self::Evaluation => &["options"],
            Self::Assumption => &["options", "assume"],
            Self::Evaluations => &["options", "evaluations"],
            Self::Search => &["options", "page"],
        }
    }
}

/// The options of a request. Unknown members are ignored, except for misspelt options (`reasn`) and
/// carriers.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Options {
    /// How much the answer carries.
    pub(in crate::http) depth: AnswerDepth,
    /// The condition under which a batch stops.
    pub(in crate::http) semantic: Semantic,
    /// Whether the arguments of calls are known.
    pub(in crate::http) arguments: Arguments,
    /// The revision that the answer must have seen.
    pub(in crate::http) at_least: Option<Revision>,
}

impl Options {
    /// Reads the member `options` of a body, with the caller's settings as defaults.
    pub(in crate::http) fn read(
        of: RequestKind,
        body: &Record,
        caller: Identity<'_>,
    ) -> Result<Self, Error> {
        if !has_known_members(body) {
            refuse_lookalike(body, "", of.members())?;
            refuse_near(body, of.members())?;
        }
        let none = Record::new();
        let options = match body.get("options") {
            None | Some(Value::Null) => &none,
            Some(Value::Record(options)) => options,
            Some(other) => return Err(MalformedMember::kind("options", "an object", other).into()),
        };
        refuse_misspelt(options)?;
        let arguments = read_unknown(options)?;
        if arguments == Arguments::Unknown {
            // A permit that allows no call must not come from the endpoint that decides calls.
            if matches!(of, RequestKind::Evaluation | RequestKind::Assumption) {
                return Err(Error::UnsupportedOption(UNKNOWN));
            }
            caller.require(Permission::Search)?;
        }
        let explain = read_flag(options, "explain", "options.explain")?;
        let reason = read_flag(options, "reason", "options.reason")?;
        let semantic = read_semantic(options)?;
        let at_least = read_revision(options)?;
        if explain == Some(true) {
            caller.require(Permission::Explain)?;
            if of == RequestKind::Search {
                return Err(Error::UnsupportedOption("options.explain"));
            }
            return Ok(Self {
                depth: AnswerDepth::Explain,
                semantic,
                arguments,
                at_least,
            });
        }
        // The request overrides the caller's setting, in both directions.
        let reason = reason.unwrap_or_else(|| caller.caller().is_some_and(|caller| caller.reasons));
        Ok(Self {
            depth: if reason {
                AnswerDepth::Reason
            } else {
                AnswerDepth::Lean
            },
            semantic,
            arguments,
            at_least,
        })
    }
}

/// Refuses misspelt options and carriers.
fn refuse_misspelt(options: &Record) -> Result<(), MalformedMember> {
    let others = options
        .iter()
        .filter(|(name, value)| !value.is_null() && !NAMES.contains(&name.as_str()));
    for (at, (name, _)) in others.enumerate() {
        if at >= MAX_OTHERS {
            let problem = format!("has more than {MAX_OTHERS} members that are no options");
            return Err(MalformedMember {
                member: "options".to_owned(),
                problem,
            });
        }
        let meant = if alike(name, EXPLANATION) {
            Some("explain")
        } else {
            // Invisible letters between the visible ones do not count, however many there are.
            let same = NAMES.into_iter().find(|known| alike(name, known));
            same.or_else(|| nearest(name, NAMES))
        };
        if let Some(meant) = meant {
            let member = format!("options.{}", shown(name));
            return Err(MalformedMember {
                member,
                problem: format!("is no option: did you mean `{meant}`?"),
            });
        }
    }
    match misplaced_option(options) {
        Some(problem) => Err(MalformedMember {
            member: "options".to_owned(),
            problem: format!("has a carrier: {problem}"),
        }),
        None => Ok(()),
    }
}

fn read_flag(options: &Record, name: &str, path: &str) -> Result<Option<bool>, MalformedMember> {
    match options.get_present(name) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(other) => Err(MalformedMember::kind(path, "a boolean", other)),
    }
}

fn read_unknown(options: &Record) -> Result<Arguments, MalformedMember> {
    match options.get_present("unknown") {
        None => Ok(Arguments::Known),
        Some(Value::List(names)) if names.is_empty() => Ok(Arguments::Known),
        Some(Value::List(names))
            if names
                .iter()
                .all(|name| name.as_text().is_some_and(|name| name == "arguments")) =>
        {
            Ok(Arguments::Unknown)
        }
        Some(_) => Err(MalformedMember {
            member: UNKNOWN.to_owned(),
            problem: "must be `[\"arguments\"]`: nothing else can be unknown".to_owned(),
        }),
    }
}

fn read_revision(options: &Record) -> Result<Option<Revision>, MalformedMember> {
    const PATH: &str = "options.at_least";
    match options.get_present("at_least") {
        None => Ok(None),
        Some(Value::Number(number)) => match number.to_i64().map(u64::try_from) {
            Some(Ok(revision)) => Ok(Some(Revision(revision))),
            _ => Err(MalformedMember {
                member: PATH.to_owned(),
                problem: format!(
                    "must be a revision, which is a whole number from 0, not `{}`",
                    shown(number.digits())
                ),
            }),
        },
        Some(other) => Err(MalformedMember::kind(PATH, "a number", other)),
    }
}

fn read_semantic(options: &Record) -> Result<Semantic, MalformedMember> {
    const PATH: &str = "options.evaluations_semantic";
    match options.get_present("evaluations_semantic") {
        None => Ok(Semantic::default()),
        Some(Value::Text(word)) => match word.as_str() {
            "execute_all" => Ok(Semantic::ExecuteAll),
            "deny_on_first_deny" => Ok(Semantic::DenyOnFirstDeny),
            "permit_on_first_permit" => Ok(Semantic::PermitOnFirstPermit),
            other => Err(MalformedMember {
                member: PATH.to_owned(),
                problem: format!(
                    "must be `execute_all`, `deny_on_first_deny` or \
                     `permit_on_first_permit`, not `{}`",
                    shown(other)
                ),
            }),
        },
        Some(other) => Err(MalformedMember::kind(PATH, "a string", other)),
    }
}
