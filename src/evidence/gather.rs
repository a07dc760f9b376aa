//! Verifies the credentials of one request together.
//!
//! INVARIANT: each outcome comes with the key on which it rests. If the key is withdrawn while the
//! request waits for another credential's issuer or for its turn, the credential proves nothing
//! when the request is decided ([`Evidence::outcome`]).

use super::credential::RawCredential;
use super::scope::CallerScope;
use super::verifier::Verifier;
use crate::model::{CredentialError, Evidence, MAX_CREDENTIALS, Record, Value, VerifiedCredential};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// LIMIT: different credentials in one batch. The items of a batch are usually asked for one or a
/// few parties.
pub const MAX_BATCH_CREDENTIALS: usize = 64;

/// LIMIT: time for verifying all credentials of one request: enough for one issuer that is out of
/// reach, and some more.
const PATIENCE: Duration = Duration::from_secs(15);

/// The outcomes, by credential.
type CredentialOutcomes<'a> = BTreeMap<&'a Value, Result<VerifiedCredential, CredentialError>>;

impl Verifier {
    /// Verifies the credentials in these contexts, each different one once. `caller` is the index
    /// of their sender, and `scope` says which of them count.
    pub async fn gather<'a>(
        &self,
        contexts: impl IntoIterator<Item = &'a Record>,
        caller: Option<usize>,
        scope: Option<&CallerScope>,
    ) -> Evidence {
        let end = Instant::now() + PATIENCE;
        let mut outcomes = CredentialOutcomes::new();
        for context in contexts {
            let Some(credentials) = context.get_present("credentials").and_then(Value::as_list)
            else {
                continue;
            };
            // A longer list denies by its form, whatever it contains.
            for credential in credentials.iter().take(MAX_CREDENTIALS) {
                if outcomes.contains_key(credential) {
                    continue;
                }
                let outcome = if outcomes.len() < MAX_BATCH_CREDENTIALS {
                    self.of_request(credential, caller, scope, end).await
                } else {
                    Err(CredentialError::invalid(format!(
                        "the batch holds more than {MAX_BATCH_CREDENTIALS} different \
                         credentials: send several requests"
                    )))
                };
                outcomes.insert(credential, outcome);
            }
        }
        let mut evidence = Evidence::new(Arc::clone(self.ids()));
        for (credential, outcome) in outcomes {
            evidence.insert(credential.clone(), outcome);
        }
        evidence
    }

    async fn of_request(
        &self,
        credential: &Value,
        caller: Option<usize>,
        scope: Option<&CallerScope>,
        end: Instant,
    ) -> Result<VerifiedCredential, CredentialError> {
        let presented = RawCredential::read(credential, caller, scope)?;
        let verified = timeout_at(end, self.verify(&presented))
            .await
            .map_err(|_| too_late())??;
        scope.map_or(Ok(()), |scope| scope.check(&verified.proven))?;
        Ok(verified)
    }
}

fn too_late() -> CredentialError {
    CredentialError::unavailable("the credentials could not be verified in time: ask again later")
}
