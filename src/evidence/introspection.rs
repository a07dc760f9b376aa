//! Asks an issuer about a token (RFC 7662); the answer is signed if the issuer signs answers (RFC
//! 9701).
//!
//! INVARIANT: a token is sent only to the issuer that it is said to come from. If the issuer does
//! not answer in time, the token proves nothing. Somebody who invents tokens causes one request for
//! each different token, in a queue of its own: tokens that were good lately, and tokens in
//! requests, never wait behind invented ones of unknown callers.

mod endpoint;

pub use endpoint::{IntrospectionEndpoint, SignedAnswers};

use super::agreement;
use super::cache::{Purpose, TokenDigest};
use super::claims;
use super::clients;
use super::credential::RawCredential;
use super::flights::{Flights, IntrospectedToken, IntrospectionOutcome};
use super::jose::{UnverifiedToken, media_type};
use super::json;
use super::keys::{FetchError, HttpClient, IssuerReply, KeyVoucher, Keyring};
use super::numeric_date::{NumericDate, milliseconds};
use super::places::{IssuerLine, PlaceClaim};
use super::profile::Profile;
use super::reading::DECIDING;
use crate::clock::Clock;
use crate::model::{
    Code, CredentialError, CredentialKind, PartyName, PrincipalIds, Record, Timestamp, Value,
    alike, shown_url,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jsonwebtoken::Algorithm;
use lru::LruCache;
use std::fmt::Write as _;
use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// LIMIT: concurrent requests to one issuer from each queue; each blocks a thread until it is
/// answered.
const AT_ONCE: usize = 8;

/// LIMIT: requests waiting in each queue.
const WAITING: usize = 64;

/// LIMIT: digests of tokens that are remembered as good or refused lately.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// How long a refusal is repeated without asking again: long enough for a client that retries at
/// once.
const REFUSED_MS: i64 = 1_000;

/// LIMIT: how long a request waits for a place and the answer.
const PATIENCE: Duration = Duration::from_secs(6);

/// An answer without an expiry is good for this time, which covers the request that it was asked
/// for, also if answers are not cached.
const THIS_REQUEST: Duration = Duration::from_secs(15);

/// Maximum age of a signed answer, apart from the leeway: it must have been made for this request.
const FRESH_MS: i64 = 60_000;

/// The type of a signed answer (RFC 9701 section 5), in its own header and, with the prefix
/// `application/`, in that of the response.
const SIGNED: &str = "token-introspection+jwt";

/// The claim of a signed answer with what it says about the token.
const ABOUT: &str = "token_introspection";

/// An introspection endpoint in use.
pub(super) struct Introspector {
    settings: IntrospectionEndpoint,
    client: HttpClient,
    /// The keys that sign answers; `None` if answers are unsigned.
    keys: Option<Keyring>,
    lines: IssuerLines,
    flights: Flights,
    /// Recent refusals, and until when each is repeated, by the monotonic clock.
    refused: Mutex<LruCache<TokenDigest, (CredentialError, i64)>>,
    /// Tokens that were good when the issuer was last asked about them.
    good: Mutex<LruCache<TokenDigest, ()>>,
    clock: Arc<dyn Clock>,
    /// Whether the last request got no answer.
    failing: AtomicBool,
}

/// The queues, which do not delay each other.
struct IssuerLines {
    /// Tokens in requests, whose caller is known.
    requests: Arc<IssuerLine>,
    /// Tokens by which callers authenticate and that were good lately.
    callers: Arc<IssuerLine>,
    /// Other tokens by which a caller tries to authenticate.
    strangers: Arc<IssuerLine>,
}

impl Introspector {
    /// Starts to fetch the keys of signed answers. Until they have come, those of `before` count.
    pub(super) fn start(
        issuer: &str,
        settings: IntrospectionEndpoint,
        client: HttpClient,
        clock: Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> io::Result<Self> {
        let source = settings.signed.as_ref().map(|signed| signed.keys.clone());
        let before = before.and_then(Self::keys);
        let start =
            |source| Keyring::start(issuer, source, client.clone(), Arc::clone(&clock), before);
        let keys = source.map(start).transpose()?;
        let line = || IssuerLine::new(AT_ONCE, WAITING);
        Ok(Self {
            settings,
            client,
            keys,
            lines: IssuerLines {
                requests: line(),
                callers: line(),
                strangers: line(),
            },
            flights: Flights::default(),
            refused: Mutex::new(LruCache::new(REMEMBERED)),
            good: Mutex::new(LruCache::new(REMEMBERED)),
            clock,
            failing: AtomicBool::new(false),
        })
    }

    /// Returns how long an answer is used.
    pub(super) fn keep(&self) -> Duration {
        self.settings.keep
    }

    /// Returns the keys of signed answers.
    pub(super) fn keys(&self) -> Option<&Keyring> {
        self.keys.as_ref()
    }

    /// Returns what the issuer says about a token. Each caller has a share of the places. Requests
    /// for the same token at the same time get the same answer, unless answers are not cached.
    /// `unverified` are the claims of the token itself, if it is a JWT.
    pub(super) async fn ask(
        &self,
        (presented, digest): (&RawCredential<'_>, TokenDigest),
        unverified: Option<&Record>,
        profile: &Profile,
        ids: &PrincipalIds,
        now: Timestamp,
    ) -> IntrospectionOutcome {
        if let Some(refused) = self.refused_lately(&digest) {
            return Err(refused);
        }
        let was_good = lock(&self.good).contains(&digest);
        let line = (
            self.line(presented.purpose, was_good),
            PlaceClaim {
                caller: presented.caller,
                was_good,
            },
        );
        let question = async {
            let outcome = self
                .question(presented, line, unverified, profile, ids, now)
                .await;
            self.note(digest, &outcome);
            outcome
        };
        if self.settings.keep.is_zero() {
            question.await
        } else {
            self.flights.join(digest, question).await
        }
    }

    async fn question(
        &self,
        presented: &RawCredential<'_>,
        line: (&Arc<IssuerLine>, PlaceClaim),
        unverified: Option<&Record>,
        profile: &Profile,
        ids: &PrincipalIds,
        now: Timestamp,
    ) -> IntrospectionOutcome {
        let (claims, voucher) = self.answer(presented, line, profile, now).await?;
        check_active(&claims)?;
        let carries_act = self.settings.carries_act;
        let claims = match unverified {
            Some(token) => agreement::merge(claims, token, profile, carries_act)?,
            None => claims,
        };
        if !carries_act {
            check_client(&claims, profile)?;
        }
        let blind;
        let profile = if carries_act || profile.own_clients.is_empty() {
            profile
        } else {
            // If the client counts as the user's own, it may act for an agent that the answer
            // leaves out.
            blind = Profile {
                own_clients: Vec::new(),
                ..profile.clone()
            };
            &blind
        };
        let longest = self.settings.keep.max(THIS_REQUEST);
        let kind = CredentialKind::AccessToken;
        let genuine = claims::read(
            &claims,
            kind,
            profile,
            ids,
            now,
            Some(longest),
            presented.scope,
        )?;
        Ok(IntrospectedToken {
            genuine: Arc::new(genuine),
            voucher,
        })
    }

    /// Returns what the issuer says, and the key that signed its answer if it signs answers.
    async fn answer(
        &self,
        presented: &RawCredential<'_>,
        line: (&Arc<IssuerLine>, PlaceClaim),
        profile: &Profile,
        now: Timestamp,
    ) -> Result<(Record, Option<Arc<KeyVoucher>>), CredentialError> {
        let exchange = self.exchange(presented.value.0, line);
        let answer = tokio::time::timeout(PATIENCE, exchange)
            .await
            .map_err(|_| no_answer())??;
        match &self.settings.signed {
            Some(signed) => {
                let (claims, voucher) = self
                    .signed(&answer, &signed.algorithms, profile, now)
                    .await?;
                Ok((claims, Some(voucher)))
            }
            None => Ok((json::read(&answer.body).ok_or_else(no_answer)?, None)),
        }
    }

    /// Returns the queue for a token.
    fn line(&self, purpose: Purpose, was_good: bool) -> &Arc<IssuerLine> {
        match purpose {
            Purpose::Request => &self.lines.requests,
            Purpose::Call if was_good => &self.lines.callers,
            Purpose::Call => &self.lines.strangers,
        }
    }

    fn refused_lately(&self, digest: &TokenDigest) -> Option<CredentialError> {
        let now_ms = self.clock.monotonic_ms();
        lock(&self.refused)
            .get(digest)
            .filter(|(_, until_ms)| *until_ms > now_ms)
            .map(|(refused, _)| refused.clone())
    }

    /// Records the outcome. A missing answer says nothing about the token.
    fn note(&self, digest: TokenDigest, outcome: &IntrospectionOutcome) {
        match outcome {
            Ok(_) => drop(lock(&self.good).put(digest, ())),
            Err(refused) if refused.code == Code::CredentialUnavailable => {}
            Err(refused) => {
                lock(&self.good).pop(&digest);
                let until_ms = self.clock.monotonic_ms().saturating_add(REFUSED_MS);
                lock(&self.refused).put(digest, (refused.clone(), until_ms));
            }
        }
    }

    /// Makes one HTTP exchange, on a thread that may block.
    async fn exchange(
        &self,
        token: &str,
        (line, claim): (&Arc<IssuerLine>, PlaceClaim),
    ) -> Result<IssuerReply, CredentialError> {
        let place = line.take(claim).await.ok_or_else(too_many)?;
        let client = self.client.clone();
        let url = self.settings.url.clone();
        let authorization = self.authorization();
        let mut form = format!("token={}&token_type_hint=access_token", escape(token));
        if authorization.is_none() {
            let _written = write!(form, "&client_id={}", escape(&self.settings.client_id));
        }
        let signed = self.settings.signed.is_some();
        let accept = if signed {
            "application/token-introspection+jwt"
        } else {
            "application/json"
        };
        let asked = tokio::task::spawn_blocking(move || {
            let answer = client.post_form(&url, authorization.as_deref(), &form, accept);
            drop(place);
            answer
        });
        let answer = asked
            .await
            .unwrap_or_else(|error| Err(FetchError::Unreachable(error.to_string())));
        let url = shown_url(&self.settings.url);
        match answer {
            Ok(answer) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(url, "tokens can be introspected again");
                }
                Ok(answer)
            }
            Err(error) => {
                // Logged once, however many tokens wait for the issuer.
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(url, %error, "tokens cannot be introspected");
                }
                Err(match error {
                    FetchError::Status(_) if !error.may_pass() => refused_answer(),
                    _ => no_answer(),
                })
            }
        }
    }

    /// Returns the header for HTTP Basic authentication (RFC 6749 section 2.3.1).
    fn authorization(&self) -> Option<String> {
        let secret = self.settings.client_secret.as_ref()?;
        let secret = escape(&String::from_utf8_lossy(secret.reveal()));
        Some(format!(
            "Basic {}",
            BASE64_STANDARD.encode(format!("{}:{secret}", escape(&self.settings.client_id)))
        ))
    }

    /// Returns the claims in a signed answer (RFC 9701 section 5), and the keys that verified it.
    async fn signed(
        &self,
        answer: &IssuerReply,
        algorithms: &[Algorithm],
        profile: &Profile,
        now: Timestamp,
    ) -> Result<(Record, Arc<KeyVoucher>), CredentialError> {
        let keys = self.keys.as_ref().ok_or_else(no_answer)?;
        let text = str::from_utf8(&answer.body).map_err(|_| no_answer())?;
        let token = UnverifiedToken::read(text.trim_ascii()).map_err(|_| no_answer())?;
        let algorithm = token.algorithm(algorithms)?;
        if media_type(&answer.media_type) != SIGNED || token.media_type().as_deref() != Some(SIGNED)
        {
            return Err(no_answer());
        }
        let voucher = keys.signer(&token, algorithm).await?;
        let is_ours = |value: &Value| {
            value
                .as_text()
                .is_some_and(|text| *text == self.settings.client_id)
        };
        let for_us = match token.claims.get("aud") {
            Some(Value::List(audiences)) => audiences.iter().any(is_ours),
            audience => audience.is_some_and(is_ours),
        };
        let of_issuer = token.claims.get("iss").and_then(Value::as_text) == Some(&profile.issuer);
        if !for_us || !of_issuer || !is_fresh(&token.claims, profile, now) {
            return Err(CredentialError::misfit(
                "the issuer's signed answer is not for this service, \
                 not the issuer's, or not of now",
            ));
        }
        let about = token.claims.get(ABOUT).and_then(Value::as_record);
        let about = about.ok_or_else(no_answer)?;
        check_envelope(&token.claims, about, profile, now)?;
        Ok((about.clone(), voucher))
    }
}

/// Shows the endpoint, and nothing about tokens.
impl std::fmt::Debug for Introspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Introspector")
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}

/// Returns `true` if an answer is recent: an old one may be about a token that has been revoked
/// since. `asked` is the time of the request; the answer may be later.
fn is_fresh(claims: &Record, profile: &Profile, asked: Timestamp) -> bool {
    let leeway = claims::millis(profile.leeway);
    let ahead = leeway.saturating_add(claims::millis(PATIENCE));
    claims
        .get("iat")
        .and_then(milliseconds)
        .is_some_and(|made| {
            made.saturating_sub(ahead) <= asked.0
                && made.saturating_add(FRESH_MS).saturating_add(leeway) > asked.0
        })
}

/// Refuses an answer that neither says who acts nor names a client.
fn check_client(claims: &Record, profile: &Profile) -> Result<(), CredentialError> {
    if clients::client(claims, CredentialKind::AccessToken, profile)?.is_some() {
        return Ok(());
    }
    Err(CredentialError::misfit(
        "the issuer's answers do not say who acts, and this one names no client: \
         have the issuer put the client into them",
    ))
}

/// Refuses an answer that does not say that the token is active, in any spelling.
fn check_active(claims: &Record) -> Result<(), CredentialError> {
    let mut said = claims.iter().filter(|(name, _)| alike("active", name));
    let is_active = claims.get("active").is_some();
    if is_active && said.all(|(_, value)| *value == Value::Bool(true)) {
        Ok(())
    } else {
        Err(CredentialError::invalid(
            "the issuer says that the token is not active",
        ))
    }
}

/// Refuses a signed answer that restricts or names somebody outside of what it says about the token
/// (RFC 9701 section 5), where nothing is read of it, and one whose own time is over.
fn check_envelope(
    claims: &Record,
    token: &Record,
    profile: &Profile,
    now: Timestamp,
) -> Result<(), CredentialError> {
    let refuse = |why: &str| {
        Err(CredentialError::misfit(format!(
            "the issuer's signed answer {why}"
        )))
    };
    let leeway = claims::millis(profile.leeway);
    for (name, value) in claims.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "iss" | "aud" | "iat" | "jti" | ABOUT => {}
            "exp" | "nbf" => {
                let at = NumericDate::read(value).ok_or_else(|| claims::bad_claim(name))?;
                let until_ms = at.milliseconds().saturating_add(leeway);
                let from_ms = at.milliseconds_up().saturating_sub(leeway);
                let is_over = name == "exp" && until_ms <= now.0;
                let is_early = name == "nbf" && from_ms > now.0;
                if is_over || is_early {
                    return refuse("is not of now");
                }
            }
            _ => {
                let mut known = DECIDING.iter().chain([&ABOUT]);
                let decides = known.any(|known| alike(known, name))
                    || PartyName::of(name).is_some_and(|of| !of.is_of_person());
                if decides && token.get_present(name) != Some(value) {
                    return refuse("has claims about the token beside `token_introspection`");
                }
            }
        }
    }
    Ok(())
}

fn lock<T>(place: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

fn too_many() -> CredentialError {
    CredentialError::unavailable(
        "too many tokens wait for the credential's issuer: ask again later",
    )
}

fn no_answer() -> CredentialError {
    CredentialError::unavailable(
        "the credential's issuer does not answer about it now: ask again later",
    )
}

fn refused_answer() -> CredentialError {
    CredentialError::unverifiable(
        "the credential's issuer refuses to tell this service about it: asking again does not \
         help until the settings of this service, or the issuer, are mended",
    )
}

/// Encodes a text for a form (`application/x-www-form-urlencoded`).
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
