//! Verifiers of settings that are read again.
//!
//! **Problem.** Issuers come and go while the service runs. A verifier that began anew each time
//! would have no keys until all issuers have answered, and would know no proof that was used; one
//! that was mended in place would let a token count that was verified by what is no longer there.
//! **Decision.** Other settings make another verifier. It takes over whatever is the same to the
//! letter, its threads and keys included, and remembers the same proofs. The one before then
//! withdraws what was not taken over: what that has verified stands no longer.
//! **Trade-off.** An issuer of which anything has changed is another one, and what it had verified
//! is verified again.

use super::settings::{principal_ids, problems};
use super::{DomainVerifier, IssuerVerifier, Verifier};
use crate::clock::Clock;
use crate::evidence::cache::TokenCache;
use crate::evidence::claims::GenuineToken;
use crate::evidence::introspection::Introspector;
use crate::evidence::keys::{HttpClient, KeyVoucher, Keyring};
use crate::evidence::profile::{Profile, Trust};
use crate::evidence::proof::{REMEMBERED_MS, Replays};
use crate::evidence::spiffe::TrustDomain;
use crate::model::Voucher;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether an issuer is still configured as it was. It vouches for what was verified by asking the
/// issuer alone.
#[derive(Debug, Default)]
pub(super) struct IssuerStanding {
    is_withdrawn: AtomicBool,
}

impl Voucher for IssuerStanding {
    fn stands(&self) -> bool {
        !self.is_withdrawn.load(Ordering::SeqCst)
    }
}

impl Verifier {
    /// Makes the verifier of other settings, which takes over what is the same in both. The error
    /// lists the problems, each with its remedy after a semicolon.
    ///
    /// This one goes on as before until [`Verifier::withdraw_all_but`].
    pub fn renew(
        &self,
        profiles: Vec<(Profile, HttpClient)>,
        domains: Vec<(TrustDomain, HttpClient)>,
    ) -> Result<Self, Vec<String>> {
        Self::build(profiles, domains, Arc::clone(&self.clock), Some(self))
    }

    /// Withdraws what `now` has not taken over; everything, if there is no verifier any more. What
    /// that has verified stands no longer.
    pub fn withdraw_all_but(&self, now: Option<&Self>) {
        for issuer in &self.issuers {
            let is_kept = now.is_some_and(|now| holds(&now.issuers, issuer));
            if !is_kept {
                issuer.withdraw();
            }
        }
        for domain in &self.domains {
            let is_kept = now.is_some_and(|now| holds(&now.domains, domain));
            if !is_kept {
                domain.bundle.withdraw();
            }
        }
    }

    /// Returns `true` if both verify in the same way: each has taken over all of the other.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        self.issuers.len() == other.issuers.len()
            && self.domains.len() == other.domains.len()
            && self
                .issuers
                .iter()
                .all(|issuer| holds(&other.issuers, issuer))
            && self
                .domains
                .iter()
                .all(|domain| holds(&other.domains, domain))
    }

    pub(super) fn build(
        profiles: Vec<(Profile, HttpClient)>,
        domains: Vec<(TrustDomain, HttpClient)>,
        clock: Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> Result<Self, Vec<String>> {
        let problems = problems(&profiles, &domains);
        if !problems.is_empty() {
            return Err(problems);
        }
        let ids = principal_ids(&profiles, &domains)?;
        let no_thread = |error: io::Error| vec![format!("a thread cannot be started: {error}")];
        let known = before.map_or(&[][..], |before| before.issuers.as_slice());
        let mut issuers = Vec::new();
        for (profile, client) in profiles {
            let one = IssuerVerifier::take_over(profile, client, &clock, known);
            issuers.push(one.map_err(no_thread)?);
        }
        let known = before.map_or(&[][..], |before| before.domains.as_slice());
        let mut trusted = Vec::new();
        for (settings, client) in domains {
            let one = DomainVerifier::take_over(settings, client, &clock, known);
            trusted.push(one.map_err(no_thread)?);
        }
        // INVARIANT: a proof that was used is used in every verifier, whatever the settings say.
        let replays = before.map_or_else(
            || Arc::new(Replays::new(REMEMBERED_MS)),
            |before| Arc::clone(&before.replays),
        );
        Ok(Self {
            issuers,
            domains: trusted,
            ids: Arc::new(ids),
            cache: TokenCache::default(),
            replays,
            clock,
        })
    }

    /// Returns what vouches for a genuine token: the key that verified it, or its issuer's being
    /// configured where only the issuer said so.
    pub(super) fn voucher(
        &self,
        key: Option<Arc<KeyVoucher>>,
        genuine: &GenuineToken,
    ) -> Option<Arc<dyn Voucher>> {
        if let Some(key) = key {
            return Some(key);
        }
        let of_issuer =
            |issuer: &&Arc<IssuerVerifier>| issuer.profile.issuer == genuine.proven.issuer;
        let issuer = self.issuers.iter().find(of_issuer)?;
        Some(Arc::clone(&issuer.standing) as Arc<dyn Voucher>)
    }
}

fn holds<T>(all: &[Arc<T>], one: &Arc<T>) -> bool {
    all.iter().any(|other| Arc::ptr_eq(other, one))
}

impl IssuerVerifier {
    /// Returns the known issuer that is the same, or starts one with the keys of the one that has
    /// the same name.
    fn take_over(
        profile: Profile,
        client: HttpClient,
        clock: &Arc<dyn Clock>,
        known: &[Arc<Self>],
    ) -> io::Result<Arc<Self>> {
        let profile = profile.with_paths_for_audiences();
        let before = known
            .iter()
            .find(|known| known.profile.issuer == profile.issuer);
        if let Some(before) = before
            && before.profile == profile
            && before.client.is_like(&client)
        {
            return Ok(Arc::clone(before));
        }
        Self::start(profile, client, clock, before.map(Arc::as_ref)).map(Arc::new)
    }

    fn start(
        profile: Profile,
        client: HttpClient,
        clock: &Arc<dyn Clock>,
        before: Option<&Self>,
    ) -> io::Result<Self> {
        let keys = match &profile.trust {
            Trust::Keys { source, .. } => Some(Keyring::start(
                &profile.issuer,
                source.clone(),
                client.clone(),
                Arc::clone(clock),
                before.and_then(|before| before.keys.as_ref()),
            )?),
            Trust::Secret(secret) => Some(Keyring::shared(
                &profile.issuer,
                secret,
                client.clone(),
                Arc::clone(clock),
            )?),
            Trust::Introspection => None,
        };
        let asked = profile.introspection.clone();
        let start = |settings| {
            let before = before.and_then(|before| before.introspector.as_ref());
            let (client, clock) = (client.clone(), Arc::clone(clock));
            Introspector::start(&profile.issuer, settings, client, clock, before)
        };
        let introspector = asked.map(start).transpose()?;
        let calls = (!profile.caller_audiences.is_empty()).then(|| Profile {
            audiences: profile.caller_audiences.clone(),
            id_token_audiences: Vec::new(),
            details: Vec::new(),
            ..profile.clone()
        });
        Ok(Self {
            profile,
            calls,
            keys,
            introspector,
            client,
            standing: Arc::default(),
        })
    }

    fn withdraw(&self) {
        self.standing.is_withdrawn.store(true, Ordering::SeqCst);
        let of_answers = self.introspector.as_ref().and_then(Introspector::keys);
        self.keys
            .iter()
            .chain(of_answers)
            .for_each(Keyring::withdraw);
    }
}

impl DomainVerifier {
    /// Returns the known trust domain that is the same, or starts one with the keys of the one that
    /// has the same name.
    fn take_over(
        settings: TrustDomain,
        client: HttpClient,
        clock: &Arc<dyn Clock>,
        known: &[Arc<Self>],
    ) -> io::Result<Arc<Self>> {
        let before = known
            .iter()
            .find(|known| known.settings.name == settings.name);
        if let Some(before) = before
            && before.settings == settings
            && before.client.is_like(&client)
        {
            return Ok(Arc::clone(before));
        }
        let bundle = Keyring::start(
            &settings.issuer(),
            settings.bundle.clone(),
            client.clone(),
            Arc::clone(clock),
            before.map(|before| &before.bundle),
        )?;
        Ok(Arc::new(Self {
            settings,
            bundle,
            client,
        }))
    }
}
