//! Issuers that are asked again.
//!
//! **Problem.** An answer about a token is of its moment. A request that then waits, for its body,
//! for another's issuer, for a revision or its turn, would rest on what may have been revoked
//! meanwhile.
//! **Decision.** What rests on an answer that is older than it may be is asked for again before
//! anything is decided or written. All that are too old are asked about at once, so that the first
//! is not too old again when the last has come. Those that are not too old are left alone in the
//! first round: of a slow issuer and a fast one, the slow one's answer would otherwise never be new
//! beside the other's. If some are too old after that, all issuers are slow, and each round asks
//! every one, so that their answers come together.
//! **Trade-off.** An issuer that says something else than before, and not only until when, denies:
//! the request was read by what it said first.

use super::{IdentifiedToken, Verifier};
use crate::evidence::cache::{TokenEntry, digest_of};
use crate::evidence::credential::RawCredential;
use crate::evidence::scope::CallerScope;
use crate::model::{
    CredentialError, Evidence, IssuerAnswer, ProvenIdentity, Record, Timestamp, Value,
    VerifiedCredential,
};
use smol_str::SmolStr;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// LIMIT: how long asking again may take, all credentials of a request together.
const PATIENCE: Duration = Duration::from_secs(8);

/// Facts that say until when a token is good, and how it was shown: not who it is of.
const OTHER_FACTS: [&str; 2] = ["expires", "proof"];

/// About which credentials issuers are asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Questions {
    /// Those whose issuers' answers are too old.
    Due,
    /// All that an issuer was asked about.
    All,
}

impl Questions {
    /// Returns what is asked in a round, from 1.
    #[must_use]
    pub fn in_round(round: usize) -> Self {
        if round > 1 { Self::All } else { Self::Due }
    }
}

impl IdentifiedToken {
    pub(super) fn of(entry: &TokenEntry) -> Self {
        Self {
            genuine: Arc::clone(&entry.genuine),
            voucher: entry.voucher.clone(),
            answer_until_ms: entry.answer_until_ms,
        }
    }
}

impl Verifier {
    /// Asks again about the credentials of a request whose issuers' answers are too old, or about
    /// all that issuers were asked about. What they do not say again proves nothing from then on.
    pub async fn ask_again(
        &self,
        evidence: &Evidence,
        about: Questions,
        caller: Option<usize>,
        scope: Option<&CallerScope>,
    ) {
        let now_ms = self.clock.monotonic_ms();
        let mut questions: Vec<_> = evidence
            .answered()
            .filter(|(_, verified)| about == Questions::All || verified.is_due(now_ms))
            .filter_map(|(credential, verified)| {
                let answer = verified.answer.as_deref()?;
                Some(Box::pin(self.confirm(
                    (credential, about),
                    verified,
                    answer,
                    caller,
                    scope,
                )))
            })
            .collect();
        let all = poll_fn(|cx| {
            questions.retain_mut(|question| Pin::new(question).poll(cx).is_pending());
            if questions.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        // What has no answer by then is as old as before, and does not count.
        let _in_time = tokio::time::timeout(PATIENCE, all).await;
    }

    async fn confirm(
        &self,
        (credential, about): (&Value, Questions),
        verified: &VerifiedCredential,
        answer: &IssuerAnswer,
        caller: Option<usize>,
        scope: Option<&CallerScope>,
    ) {
        let now = Timestamp(self.clock.now_ms());
        let found = match RawCredential::read(credential, caller, scope) {
            Ok(presented) => {
                if about == Questions::All {
                    self.cache.forget(&digest_of(&presented));
                }
                self.genuine(&presented, now).await
            }
            Err(unproven) => Err(unproven),
        };
        match found {
            Ok(found) if is_same(&found, &verified.proven, answer) => {
                let now_ms = self.clock.monotonic_ms();
                answer.renew(found.answer_until_ms.unwrap_or(now_ms));
            }
            Ok(_) => answer.refuse(CredentialError::unavailable(
                "the credential's issuer says something else of it than a \
                 moment ago: ask again later",
            )),
            Err(unproven) => answer.refuse(unproven),
        }
    }
}

/// Returns `true` if an issuer has said the same again, whatever it said of its end.
fn is_same(found: &IdentifiedToken, before: &ProvenIdentity, answer: &IssuerAnswer) -> bool {
    let now = &found.genuine.proven;
    now.kind == before.kind
        && now.issuer == before.issuer
        && now.chain == before.chain
        && now.audiences == before.audiences
        && now.stands_alone == before.stands_alone
        && now.details == before.details
        && facts(now).eq(facts(before))
        && found.genuine.bound_to() == *answer.bound_to()
}

fn facts(proven: &ProvenIdentity) -> impl Iterator<Item = (&SmolStr, &Value)> {
    let facts = proven.facts.iter().flat_map(Record::iter);
    facts.filter(|(name, _)| !OTHER_FACTS.contains(&name.as_str()))
}
