//! The endpoint of an issuer that is asked about tokens, as the settings have it.

use crate::evidence::keys::{KeySource, check_url};
use crate::evidence::secret::Secret;
use jsonwebtoken::Algorithm;
use std::time::Duration;

/// LIMIT: the longest that an answer may be kept, which is how late a revocation is seen.
const LONGEST: Duration = Duration::from_mins(1);

/// An issuer's endpoint.
#[derive(Clone, Debug)]
pub struct Introspection {
    /// Its address.
    pub url: String,
    /// As whom the service asks.
    pub client_id: String,
    /// With which secret; none for an endpoint that asks for none.
    pub client_secret: Option<Secret>,
    /// How long an answer is used, at most: how soon a revocation is seen.
    pub keep: Duration,
    /// By whom answers must be signed; none where they come unsigned.
    pub signed: Option<SignedAnswers>,
    /// Whether answers say who acts (`act`), as tokens do. Where they do not, an answer without an
    /// actor says nothing about who acts, so the client always does; a JWT's own `act` adds its
    /// actors.
    pub carries_act: bool,
}

/// What signs answers. Tokens of the issuer may be verified by these keys as well, or be opaque.
#[derive(Clone, Debug)]
pub struct SignedAnswers {
    /// Where the keys are.
    pub keys: KeySource,
    /// With which algorithms, all of them of key pairs.
    pub algorithms: Vec<Algorithm>,
}

impl Introspection {
    /// What is wrong with it; each text is a sentence with its remedy after a semicolon.
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
