//! Asking an issuer about a token (RFC 7662), with a signed answer where the issuer gives one (RFC 9701).
//!
//! INVARIANT: a token is shown to the one issuer that it is said to be of, and to no other. What the issuer does not
//! answer in time proves nothing.

use super::claims::{self, Genuine};
use super::jose::Unverified;
use super::json;
use super::keys::{Answer, FetchError, HttpClient, Keyring};
use super::profile::{Profile, Trust};
use super::secret::Secret;
use crate::model::{CredentialKind, PrincipalIds, Record, Timestamp, Unproven, Value};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// LIMIT: questions to one issuer at a time: each holds a thread until it is answered.
const AT_ONCE: usize = 16;

/// LIMIT: how long a request waits for its turn and the answer.
const PATIENCE: Duration = Duration::from_secs(6);

/// The type of a signed answer (RFC 9701 section 5).
const SIGNED: &str = "token-introspection+jwt";

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
    /// Whether the answer must be signed with the issuer's keys.
    pub signed: bool,
}

/// An endpoint in use.
#[derive(Debug)]
pub(super) struct Introspector {
    settings: Introspection,
    client: HttpClient,
    turns: Arc<Semaphore>,
}

impl Introspector {
    pub(super) fn new(settings: Introspection, client: HttpClient) -> Self {
        Self { settings, client, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// How long an answer is used.
    pub(super) fn keep(&self) -> Duration {
        self.settings.keep
    }

    /// What the issuer says of the token.
    pub(super) async fn ask(
        &self,
        token: &str,
        profile: &Profile,
        keys: Option<&Keyring>,
        ids: &PrincipalIds,
        now: Timestamp,
    ) -> Result<Genuine, Unproven> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(token)).await.map_err(|_| no_answer())??;
        let claims = match (self.settings.signed, answer.media_type.as_str()) {
            (true, _) => self.signed(&answer, profile, keys, now).await?,
            (false, _) => json::read(&answer.body).ok_or_else(no_answer)?,
        };
        if claims.get("active") != Some(&Value::Bool(true)) {
            return Err(Unproven::invalid("the issuer says that the token is not active"));
        }
        claims::read(&claims, CredentialKind::AccessToken, profile, ids, now, Some(self.settings.keep))
    }

    /// One exchange, on a thread that may wait.
    async fn exchange(&self, token: &str) -> Result<Answer, Unproven> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| no_answer())?;
        let (client, url) = (self.client.clone(), self.settings.url.clone());
        let authorization = self.authorization();
        let mut form = format!("token={}&token_type_hint=access_token", escape(token));
        if authorization.is_none() {
            let _written = write!(form, "&client_id={}", escape(&self.settings.client_id));
        }
        let accept = if self.settings.signed { "application/token-introspection+jwt" } else { "application/json" };
        let asked = tokio::task::spawn_blocking(move || {
            let answer = client.post_form(&url, authorization.as_deref(), &form, accept);
            drop(turn);
            answer
        });
        let answer = asked.await.unwrap_or(Err(FetchError::Form("the exchange ended")));
        answer.map_err(|error| {
            tracing::warn!(url = self.settings.url, %error, "a token cannot be introspected");
            no_answer()
        })
    }

    /// HTTP Basic (RFC 6749 section 2.3.1).
    fn authorization(&self) -> Option<String> {
        let secret = self.settings.client_secret.as_ref()?;
        let secret = escape(&String::from_utf8_lossy(secret.reveal()));
        Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{secret}", escape(&self.settings.client_id)))))
    }

    /// The claims in a signed answer (RFC 9701 section 5).
    async fn signed(
        &self,
        answer: &Answer,
        profile: &Profile,
        keys: Option<&Keyring>,
        now: Timestamp,
    ) -> Result<Record, Unproven> {
        let (Trust::Keys { algorithms, .. }, Some(keys)) = (&profile.trust, keys) else { return Err(no_answer()) };
        let text = str::from_utf8(&answer.body).map_err(|_| no_answer())?;
        let token = Unverified::read(text.trim_ascii()).map_err(|_| no_answer())?;
        let algorithm = token.algorithm(algorithms)?;
        if token.media_type().as_deref() != Some(SIGNED) {
            return Err(no_answer());
        }
        let kid = token.header_text("kid");
        let generation = keys.with_key(kid, algorithm, now.0).await?;
        let good = generation.key(kid, algorithm).is_some_and(|key| token.is_signed_by(key.verifying(), algorithm));
        let text = |name| token.claims.get(name).and_then(Value::as_text);
        let is_ours = |value: &Value| value.as_text().is_some_and(|text| *text == self.settings.client_id);
        let audience = token.claims.get("aud");
        let for_us =
            audience.is_some_and(|aud| is_ours(aud) || aud.as_list().is_some_and(|list| list.iter().any(is_ours)));
        if !good || !for_us || text("iss").is_none_or(|issuer| *issuer != profile.issuer) {
            return Err(Unproven::invalid("the issuer's signed answer is not for this service, or not the issuer's"));
        }
        let claims = token.claims.get("token_introspection").and_then(Value::as_record).cloned();
        claims.ok_or_else(no_answer)
    }
}

fn no_answer() -> Unproven {
    Unproven::unavailable("the credential's issuer does not answer about it now: ask again later")
}

/// A text in a form (`application/x-www-form-urlencoded`).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'*') {
            escaped.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _written = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}
