//! The arguments of `behest explain`.

use super::{BundleArgument, ServiceArguments};
use crate::bundle::CaseError;
use crate::cli::exit::CommandFailure;
use crate::http;
use crate::json::{JsonError, read_object};
use crate::model::{MalformedMember, Problem, Timestamp, Tuple, TupleKey, TupleTextError, Value};
use clap::{ArgGroup, Args};
use std::path::PathBuf;

/// LIMIT: nesting of a tuple that is written as JSON.
const TUPLE_DEPTH: usize = 16;

pub(super) const EXPLAIN_EXAMPLES: &str = "\
Examples:
  behest explain request.json
  behest explain 'user:alice > agent:copilot' tools/call tool:payments/refund \\
      --context '{\"arguments\": {\"order\": \"o-17\", \"amount\": 249.9}}'
  behest explain user:alice/agent:copilot write repository:checkout --now 2026-12-24T18:00:00Z
  behest explain user:alice/agent:copilot write repository:checkout --given if-so.yaml
  behest explain user:alice/agent:copilot write repository:checkout \\
      --assume 'repository:checkout#writer@user:alice'
  behest explain --json - < request.json
  grep 019b3a decisions.jsonl | behest explain -
  BEHEST_KEY=… behest explain --url http://127.0.0.1:8181 request.json
  BEHEST_KEY=… behest explain --url https://pdp.example --ca ca.pem --revision 17 request.json
  behest explain --url unix:/run/behest.sock request.json
  behest explain --url http://127.0.0.1:8181 what-if.json   (with a member `assume`)

What `--given` takes is what a case is given, each part of which may be left out:
  tuples:   [{ user: \"user:alice\", relation: writer, object: \"repository:checkout\" }]
  entities: [{ uid: { type: user, id: alice }, attrs: {}, parents: [] }]
  token:    { scopes: [\"repo\"] }
  now:      2026-12-24T18:00:00Z

`--assume` takes a tuple as explanations show it, OBJECT#RELATION@USER, or as JSON, where it may \
have a
`condition` with `name` and `context` beside `user`, `relation` and `object`.

Of a denial, the last lines say which tuple more or less would have permitted it, if one would.

A line of the decision record is asked again, by the bundle or the service that is named, and told \
whether the answer still is the recorded one: the decision, and the code of its reason.

Exit codes: 0 decided, also where it is denied; with `--exit-code`, 3 denied, and for a line of \
the record
1 the answer is another; 1 there is no decision; 2 wrong usage; 4 the bundle is broken; 5 the \
service does not
answer.";

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("decider").args(["bundle", "url"]))]
pub(in crate::cli) struct ExplainArguments {
    /// A file with an AuthZEN request or with a line of the decision record, or that text itself;
    /// `-` for standard input; or a chain such as 'user:alice > agent:copilot'
    #[arg(value_name = "REQUEST|RECORD|CHAIN")]
    pub(in crate::cli) request: String,
    /// The action's name, after a chain
    #[arg(requires = "resource")]
    pub(in crate::cli) action: Option<String>,
    /// The resource as TYPE:ID, after a chain
    pub(in crate::cli) resource: Option<String>,
    /// The request's context as JSON, with a chain
    #[arg(long, value_name = "JSON", requires = "resource")]
    pub(in crate::cli) context: Option<String>,
    /// With a bundle: decide as at this time, such as 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(in crate::cli) now: Option<Timestamp>,
    /// With a bundle: a file of tuples, entities, token facts and a time that are assumed for this
    /// question alone, as cases are given them (YAML or JSON)
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) given: Option<PathBuf>,
    /// Assume a tuple for this question alone: OBJECT#RELATION@USER, or JSON; may be repeated
    #[arg(long, value_name = "TUPLE", value_parser = assumed_tuple)]
    pub(in crate::cli) assume: Vec<Tuple>,
    /// Assume for this question alone that a tuple is not there; may be repeated
    #[arg(long, value_name = "TUPLE", value_parser = tuple_key)]
    pub(in crate::cli) without: Vec<TupleKey>,
    /// With a service: decide at this revision or a later one; a service keeps none but the newest,
    /// so it can promise at least this one, and the answer names its own
    #[arg(long, value_name = "N")]
    pub(in crate::cli) revision: Option<u64>,
    #[command(flatten)]
    pub(in crate::cli) bundle: BundleArgument,
    #[command(flatten)]
    pub(in crate::cli) service: ServiceArguments,
    /// Print the answer as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Let the exit code tell: 3 if the request is denied; with a line of the record, 1 if the
    /// answer is no longer the recorded one
    #[arg(long)]
    pub(in crate::cli) exit_code: bool,
}

impl ExplainArguments {
    /// Refuses what a service cannot do, and with `is_service` false what a bundle cannot.
    pub(in crate::cli) fn check_decider(&self, is_service: bool) -> Result<(), CommandFailure> {
        let flag = [("now", self.now.is_some()), ("given", self.given.is_some())]
            .into_iter()
            .find_map(|(flag, is_given)| is_given.then_some(flag));
        let problem = match (is_service, flag) {
            (true, Some(flag)) => Problem::new(format!(
                "a service decides by its own clock and data, and takes no `--{flag}`"
            ))
            .help("ask a bundle: `--bundle DIR`, with what the service stores in `--given`"),
            (false, _) if self.revision.is_some() => {
                Problem::new("a bundle has no revisions, so `--revision` is for a service")
                    .help("name a service with `--url`, or leave it out")
            }
            _ => return Ok(()),
        };
        Err(CommandFailure::usage(problem))
    }
}

pub(super) fn time(text: &str) -> Result<Timestamp, CaseError> {
    text.parse().map_err(|_| CaseError::Time(text.to_owned()))
}

/// Why a text is no tuple.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum TupleArgumentError {
    #[error("{0}")]
    Text(TupleTextError),
    #[error("{0}")]
    Json(JsonError),
    #[error("{0}")]
    Member(MalformedMember),
}

fn tuple_key(text: &str) -> Result<TupleKey, TupleArgumentError> {
    text.parse().map_err(TupleArgumentError::Text)
}

/// Reads a tuple as explanations show it, or as JSON.
fn assumed_tuple(text: &str) -> Result<Tuple, TupleArgumentError> {
    if !text.trim_start().starts_with('{') {
        return tuple_key(text).map(Tuple::from);
    }
    let record = read_object(text.as_bytes(), TUPLE_DEPTH).map_err(TupleArgumentError::Json)?;
    http::read_tuple("tuple", &Value::Record(record)).map_err(TupleArgumentError::Member)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tuple_is_read_as_it_is_shown_and_as_json() {
        let tuple = assumed_tuple("tool:refund#caller@role:billing#holder").unwrap();
        assert_eq!(
            tuple.key.to_string(),
            "tool:refund#caller@role:billing#holder"
        );
        assert!(tuple.condition.is_none());
        let json = r#"{"user": "user:ann", "relation": "caller", "object": "tool:refund",
            "condition": {"name": "small", "context": {"most": 5}}}"#;
        let tuple = assumed_tuple(json).unwrap();
        assert_eq!(tuple.key.to_string(), "tool:refund#caller@user:ann");
        let condition = tuple.condition.unwrap();
        assert_eq!(condition.name, "small");
        assert!(condition.context.get("most").is_some());
        for wrong in [
            "user:ann",
            "tool:refund#caller",
            "{",
            r#"{"user": "user:ann"}"#,
            r#"{"user": "user:ann", "relation": "a", "object": "tool:x", "conditoin": {}}"#,
        ] {
            assert!(assumed_tuple(wrong).is_err(), "{wrong}");
        }
    }
}
