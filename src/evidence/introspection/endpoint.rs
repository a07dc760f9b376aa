//! The settings of an issuer's introspection endpoint.

use crate::evidence::keys::{KeySource, check_url};
use crate::evidence::secret::Secret;
use jsonwebtoken::Algorithm;
use std::time::Duration;

/// LIMIT: the longest that an answer may be cached, which is the longest that a revocation may go
/// unnoticed.
const LONGEST: Duration = Duration::from_mins(1);

/// The settings of an introspection endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IntrospectionEndpoint {
    /// The address of the endpoint.
    pub url: String,
    /// The client id by which the service authenticates.
    pub client_id: String,
    /// The client's secret; `None` if the endpoint requires none.
    pub client_secret: Option<Secret>,
    /// How long an answer is used at most, and so how soon a revocation takes effect.
    pub keep: Duration,
    /// The keys that must sign answers; `None` if answers are unsigned.
    pub signed: Option<SignedAnswers>,
    /// Whether answers say who acts (`act`), as tokens do. If not, an answer without an actor says
    /// nothing about who acts, so the client always counts as acting; the `act` of a JWT itself
    /// adds its actors.
    pub carries_act: bool,
}

/// The keys and algorithms that sign answers. They may also verify the issuer's tokens, which may
/// as well be opaque.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAnswers {
    /// The source of the keys.
    pub keys: KeySource,
    /// The algorithms, all of them for key pairs.
    pub algorithms: Vec<Algorithm>,
}

impl IntrospectionEndpoint {
    /// Lists the problems of the settings; each text is a sentence with its remedy after a
    /// semicolon.
    pub(in crate::evidence) fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(problem) = check_url(&self.url) {
            problems.push(format!("its introspection cannot be asked: {problem}"));
        }
        if self.keep > LONGEST {
            problems.push(format!(
                "its answers about tokens would be kept longer than {} s; set `keep_ms` to less",
                LONGEST.as_secs()
            ));
        }
        if let Some(SignedAnswers { keys, algorithms }) = &self.signed {
            problems.extend(
                keys.check()
                    .err()
                    .map(|problem| format!("its answers cannot be verified: {problem}")),
            );
            if algorithms.is_empty() {
                problems.push(
                    "its answers have no algorithms; list for example `algorithms = [\"ES256\"]`"
                        .to_owned(),
                );
            }
        }
        problems
    }
}
