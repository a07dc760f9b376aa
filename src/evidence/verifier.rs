//! Verifies every kind of credential, from its form on the wire to what it proves.
//!
//! INVARIANT: a credential is verified by the one issuer or trust domain that it names, by that
//! issuer's or domain's profile alone, and every wait is bounded.

mod again;
mod possession;
mod settings;
mod take_over;
mod workloads;

pub use again::Questions;

use super::cache::{Moment, Purpose, TokenCache, TokenEntry, digest_of};
use super::claims::GenuineToken;
use super::credential::{RawCredential, is_own_key};
use super::flights::IntrospectedToken;
use super::introspection::Introspector;
use super::jose::{MAX_TOKEN_BYTES, UnverifiedToken};
use super::keys::{HttpClient, KeyRefresh, KeyVoucher, Keyring};
use super::profile::{Profile, Trust};
use super::proof::Replays;
use super::spiffe::TrustDomain;
use crate::clock::Clock;
use crate::evidence::jwt;
use crate::model::{
    CredentialError, CredentialKind, IssuerAnswer, PrincipalIds, Record, Timestamp, Value,
    VerifiedCredential, Voucher, shown,
};
use std::sync::Arc;
use take_over::IssuerStanding;

/// Verifies credentials. All workers share it.
pub struct Verifier {
    issuers: Vec<Arc<IssuerVerifier>>,
    domains: Vec<Arc<DomainVerifier>>,
    ids: Arc<PrincipalIds>,
    cache: TokenCache,
    replays: Arc<Replays>,
    clock: Arc<dyn Clock>,
}

struct IssuerVerifier {
    profile: Profile,
    /// The profile for tokens by which callers authenticate; `None` if no caller can use one.
    calls: Option<Profile>,
    /// The issuer's keys; `None` if its tokens are verified by asking it.
    keys: Option<Keyring>,
    introspector: Option<Introspector>,
    client: HttpClient,
    standing: Arc<IssuerStanding>,
}

struct DomainVerifier {
    settings: TrustDomain,
    bundle: Keyring,
    client: HttpClient,
}

/// A genuine token, whoever sent it.
struct IdentifiedToken {
    genuine: Arc<GenuineToken>,
    /// The key that verified it; `None` if it was verified by the issuer's unsigned answer alone.
    voucher: Option<Arc<KeyVoucher>>,
    /// Until when its issuer's answer counts, by the monotonic clock; none where it was not asked.
    answer_until_ms: Option<i64>,
}

impl IssuerVerifier {
    fn profile_for(&self, presented: &RawCredential<'_>) -> Result<&Profile, CredentialError> {
        match presented.purpose {
            Purpose::Request => Ok(&self.profile),
            Purpose::Call => self.calls.as_ref().ok_or_else(|| {
                CredentialError::misfit("no caller may come with a token of its issuer")
            }),
        }
    }
}

impl Verifier {
    /// Takes the profiles, each with the client that reaches its issuer, and starts to fetch keys.
    /// The error lists the problems, each with its remedy after a semicolon.
    pub fn start(
        profiles: Vec<(Profile, HttpClient)>,
        domains: Vec<(TrustDomain, HttpClient)>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<String>> {
        Self::build(profiles, domains, clock, None)
    }

    /// Verifies the token by which a caller authenticates. A token that is bound to a certificate
    /// needs that of the connection; a token that is bound to a key is refused.
    pub async fn verify_caller(
        &self,
        token: &str,
        certificate: Option<&str>,
    ) -> Result<VerifiedCredential, CredentialError> {
        self.verify(&RawCredential::by_caller(token, certificate))
            .await
    }

    /// Verifies a credential, and its holder's proof of possession.
    pub(super) async fn verify(
        &self,
        presented: &RawCredential<'_>,
    ) -> Result<VerifiedCredential, CredentialError> {
        let now = Timestamp(self.clock.now_ms());
        if presented.kind == CredentialKind::X509Svid {
            return self.certificate(presented, now).await;
        }
        let token = presented.value.0;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(CredentialError::invalid(format!(
                "the token is larger than {MAX_TOKEN_BYTES} bytes"
            )));
        }
        // Readers differ in whether they cut off such characters, and no token contains any (RFC
        // 6749 appendix A.12, RFC 6750 section 2.1).
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CredentialError::invalid(
                "the token has white space or other characters that no token has",
            ));
        }
        let IdentifiedToken {
            genuine,
            voucher,
            answer_until_ms,
        } = self.genuine(presented, now).await?;
        // A request may have waited for keys: proofs are judged by the time of now.
        let proven = self.possessed(&genuine, presented, Timestamp(self.clock.now_ms()))?;
        Ok(VerifiedCredential {
            proven: Arc::new(proven),
            voucher: self.voucher(voucher, &genuine),
            answer: answer_until_ms
                .map(|until_ms| Arc::new(IssuerAnswer::new(until_ms, genuine.bound_to()))),
        })
    }

    /// Fetches the keys of all issuers and trust domains now, and returns the changes.
    pub async fn refresh_keys(&self) -> Vec<KeyRefresh> {
        let mut refreshed = Vec::new();
        for one in self.fetch_keys() {
            refreshed.extend(one.await);
        }
        refreshed
    }

    /// Starts to fetch the keys of all issuers and trust domains, and does not wait.
    pub fn look_at_keys(&self) {
        self.fetch_keys().into_iter().for_each(drop);
    }

    /// Requests a fetch of all keys; the returned futures wait for them.
    fn fetch_keys(&self) -> Vec<impl Future<Output = Option<KeyRefresh>> + use<>> {
        let of_issuers = self.issuers.iter().flat_map(|issuer| {
            let of_answers = issuer.introspector.as_ref().and_then(Introspector::keys);
            issuer
                .keys
                .iter()
                .chain(of_answers)
                .map(|keys| keys.refresh(&issuer.profile.issuer))
        });
        let of_domains = self
            .domains
            .iter()
            .map(|domain| domain.bundle.refresh(&domain.settings.issuer()));
        // All fetches are requested before the first is awaited.
        of_issuers.chain(of_domains).collect()
    }

    /// Returns how the subjects of issuers are turned into ids.
    #[must_use]
    pub fn ids(&self) -> &Arc<PrincipalIds> {
        &self.ids
    }

    /// Returns a genuine token from the cache, or verifies it now.
    async fn genuine(
        &self,
        presented: &RawCredential<'_>,
        now: Timestamp,
    ) -> Result<IdentifiedToken, CredentialError> {
        let token = presented.value.0;
        let digest = digest_of(presented);
        if let Some(entry) = self.cache.get(&digest, self.moment(now)) {
            if entry
                .voucher
                .as_ref()
                .is_none_or(|voucher| voucher.stands())
            {
                return Ok(IdentifiedToken::of(&entry));
            }
            self.cache.forget(&digest);
        }
        let entry = match presented.kind {
            CredentialKind::JwtSvid => self.workload(presented, now).await?,
            CredentialKind::AccessToken | CredentialKind::IdToken | CredentialKind::X509Svid => {
                if UnverifiedToken::is_meant(token) {
                    self.jwt(presented, now).await?
                } else {
                    self.opaque(presented, now).await?
                }
            }
        };
        let identified = IdentifiedToken::of(&entry);
        self.cache.put(digest, entry);
        Ok(identified)
    }

    /// Returns this time by both clocks.
    fn moment(&self, now: Timestamp) -> Moment {
        Moment {
            now,
            monotonic_ms: self.clock.monotonic_ms(),
        }
    }

    /// Verifies a JWT with the issuer that it names.
    async fn jwt(
        &self,
        presented: &RawCredential<'_>,
        now: Timestamp,
    ) -> Result<TokenEntry, CredentialError> {
        let token = UnverifiedToken::read(presented.value.0)?;
        let named = token.claims.get_present("iss");
        let found = self
            .issuers
            .iter()
            .find(|issuer| match (&issuer.profile.trust, named) {
                (Trust::Secret(_), named) => named.is_none(),
                (_, Some(Value::Text(name))) => *name == issuer.profile.issuer,
                _ => false,
            });
        let issuer = found.ok_or_else(|| no_issuer(named))?;
        if presented
            .issuer
            .is_some_and(|named| named != issuer.profile.issuer)
        {
            return Err(CredentialError::invalid(
                "the token is of another issuer than `issuer` says",
            ));
        }
        presented
            .scope
            .map_or(Ok(()), |scope| scope.check_issuer(&issuer.profile.issuer))?;
        if presented.kind == CredentialKind::AccessToken
            && matches!(issuer.profile.trust, Trust::Introspection)
        {
            // A token that its issuer calls active may be of a type that is never accepted here.
            jwt::check_type(&token, presented.kind, &issuer.profile)?;
            return self
                .introspected(issuer, presented, Some(&token.claims), now)
                .await;
        }
        let profile = issuer.profile_for(presented)?;
        let keys = issuer
            .keys
            .as_ref()
            .ok_or_else(|| CredentialError::misfit("the token's issuer publishes no keys"))?;
        let voucher = jwt::check_signature(&token, presented.kind, profile, keys).await?;
        let genuine = jwt::read(
            &token,
            (presented.kind, presented.scope),
            profile,
            &self.ids,
            now,
        )?;
        Ok(TokenEntry::new(
            Arc::new(genuine),
            Some(voucher),
            None,
            self.moment(now),
        ))
    }

    /// Verifies an opaque token by asking its issuer.
    async fn opaque(
        &self,
        presented: &RawCredential<'_>,
        now: Timestamp,
    ) -> Result<TokenEntry, CredentialError> {
        if presented.kind != CredentialKind::AccessToken {
            return Err(CredentialError::invalid("the token is no JWT"));
        }
        // A mistyped key of this service must not be sent to anybody.
        if is_own_key(presented.value.0) {
            return Err(CredentialError::invalid(
                "the value is no token: it begins like a key of this service",
            ));
        }
        let able = |issuer: &&IssuerVerifier| {
            issuer.introspector.is_some()
                && issuer.profile_for(presented).is_ok()
                && presented
                    .issuer
                    .is_none_or(|named| named == issuer.profile.issuer)
                && presented
                    .scope
                    .is_none_or(|scope| scope.has_issuer(&issuer.profile.issuer))
        };
        let mut able = self.issuers.iter().map(Arc::as_ref).filter(able);
        match (able.next(), able.next()) {
            (Some(issuer), None) => self.introspected(issuer, presented, None, now).await,
            (Some(_), Some(_)) => Err(CredentialError::invalid(
                "several issuers could be asked about the token: name one in `issuer`",
            )),
            _ => Err(CredentialError::of_a_stranger(
                "the token is no JWT, and no issuer is configured to be asked about it",
            )),
        }
    }

    async fn introspected(
        &self,
        issuer: &IssuerVerifier,
        presented: &RawCredential<'_>,
        unverified: Option<&Record>,
        now: Timestamp,
    ) -> Result<TokenEntry, CredentialError> {
        let introspector = issuer
            .introspector
            .as_ref()
            .ok_or_else(|| CredentialError::misfit("the token's issuer cannot be asked"))?;
        let profile = issuer.profile_for(presented)?;
        let asked = (presented, digest_of(presented));
        let IntrospectedToken { genuine, voucher } = introspector
            .ask(asked, unverified, profile, &self.ids, now)
            .await?;
        Ok(TokenEntry::new(
            genuine,
            voucher,
            Some(introspector.keep()),
            self.moment(now),
        ))
    }
}

/// Shows the names of trusted issuers and domains, and no keys.
impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let issuers: Vec<&str> = self
            .issuers
            .iter()
            .map(|issuer| issuer.profile.issuer.as_str())
            .collect();
        f.debug_struct("Verifier")
            .field("issuers", &issuers)
            .field("domains", &self.domains.len())
            .finish_non_exhaustive()
    }
}

/// Refuses a token of an issuer that is not configured. The issuer's name is shown, since it is no
/// secret to whoever holds the token.
fn no_issuer(named: Option<&Value>) -> CredentialError {
    CredentialError::of_a_stranger(match named.and_then(Value::as_text) {
        Some(name) => format!("the token's issuer `{}` is not configured", shown(name)),
        None => "the token's issuer is not configured".to_owned(),
    })
}
