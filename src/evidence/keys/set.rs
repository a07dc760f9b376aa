//! Reads a set of public keys (RFC 7517, and the bundle format of SPIFFE) for verification.
//!
//! An unsupported key is left out, since a set may contain keys for other uses. A symmetric key is
//! never taken from a set: a published key is not secret.
//!
//! INVARIANT: a key verifies only with algorithms for its kind and curve, and if the set names an
//! algorithm for it, only with that one.

mod anchor;
mod fingerprint;
mod validity;

pub(in crate::evidence) use fingerprint::Fingerprint;

use crate::evidence::jose::{UnverifiedToken, asymmetric};
use crate::model::{Record, Value};
use anchor::AnchorKey;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls::pki_types::CertificateDer;
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;
use validity::{Limit, Validity};

/// LIMIT: keys that are tried for one token, if it names none or several have its name. Each takes
/// a worker tens of microseconds, whoever sent the token.
const MAX_TRIES: usize = 8;

/// The name of a shared secret.
const SECRET: &str = "the shared secret";

/// The keys and trust anchors of one issuer.
#[derive(Debug, Default)]
pub(in crate::evidence) struct KeySet {
    keys: Vec<Arc<VerificationKey>>,
    /// Authorities, in a bundle of SPIFFE.
    anchors: Vec<AnchorKey>,
    /// The entries that limit what they are about, which may be a certificate between an authority
    /// and a holder's.
    limits: Vec<Limit>,
}

/// Why no key of a set verified a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evidence) enum SignatureMismatch {
    /// No key fits the `kid` and the algorithm of the token's header.
    NoKey,
    /// The key of that name did not sign the token.
    Wrong,
    /// The token names no key, and none of the tried keys signed it.
    Unnamed {
        /// The number of keys that fit.
        fitting: usize,
        /// The number of keys that were tried.
        tried: usize,
    },
}

/// One key.
pub(in crate::evidence) struct VerificationKey {
    kid: Option<SmolStr>,
    algorithm: Option<Algorithm>,
    /// The time in which its issuer uses it.
    validity: Validity,
    /// What it is recognised by in other entries; none if it is a secret.
    fingerprint: Option<Fingerprint>,
    public: PublicKey,
}

/// A public key that verifies.
#[derive(Clone)]
pub(in crate::evidence) struct PublicKey {
    kind: KeyKind,
    pub(in crate::evidence) verifying: DecodingKey,
    /// The members of which its thumbprint is made, in the order of their names (RFC 7638 section
    /// 3.2), or the hash of a secret. It distinguishes the key from others.
    canonical: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyKind {
    Rsa,
    P256,
    P384,
    Ed25519,
    Secret,
}

impl KeySet {
    /// Creates a set from those of these keys that can verify something. `others` are entries of
    /// which no key is taken; `None` is one that cannot be read, and may withdraw anything.
    ///
    /// INVARIANT: all entries of a key are good as long as each of them is, even if their names,
    /// algorithms, uses and spellings differ. So an issuer withdraws a key by marking a single
    /// entry. One that is marked and has no key is about the keys of its name, or about all.
    pub(in crate::evidence) fn of<'a>(
        listed: impl IntoIterator<Item = &'a Record> + Clone,
        others: impl IntoIterator<Item = Option<&'a Record>>,
    ) -> Self {
        let mut set = Self::default();
        for key in listed.clone() {
            match key
                .get_present("use")
                .map(|used| used.as_text().map(SmolStr::as_str))
            {
                Some(Some("x509-svid")) => set.anchors.extend(AnchorKey::read(key)),
                None | Some(Some("sig" | "jwt-svid")) if may_verify(key) => {
                    set.add(VerificationKey::read(key));
                }
                _ => {}
            }
        }
        let of_others = others.into_iter().filter_map(|entry| match entry {
            Some(entry) => Limit::read(entry),
            None => Some(Limit::of_anything()),
        });
        set.limits = listed
            .into_iter()
            .filter_map(Limit::read)
            .chain(of_others)
            .collect();
        set.apply_limits();
        set
    }

    /// Adds a key unless the set already has it.
    fn add(&mut self, key: Option<VerificationKey>) {
        if let Some(key) = key.filter(|key| !self.keys.iter().any(|known| known.is_same(key))) {
            self.keys.push(Arc::new(key));
        }
    }

    /// Limits every key and every authority to the time in which all entries about it are good.
    fn apply_limits(&mut self) {
        for key in &mut self.keys {
            let validity = limited(
                &self.limits,
                key.validity,
                key.fingerprint.as_slice(),
                key.kid.as_ref(),
            );
            if validity != key.validity {
                *key = Arc::new(key.within(validity));
            }
        }
        for anchor in &mut self.anchors {
            let own: Vec<_> = Fingerprint::of_certificate(&anchor.certificate).collect();
            anchor.validity = limited(&self.limits, anchor.validity, &own, anchor.kid.as_ref());
        }
    }

    /// Creates a set with one shared secret, for tokens with HS256.
    pub(in crate::evidence) fn secret(secret: &[u8]) -> Self {
        let public = PublicKey {
            kind: KeyKind::Secret,
            verifying: DecodingKey::from_secret(secret),
            canonical: BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, secret)),
        };
        let key = Arc::new(VerificationKey {
            kid: None,
            algorithm: Some(Algorithm::HS256),
            validity: Validity::ALWAYS,
            fingerprint: None,
            public,
        });
        Self {
            keys: vec![key],
            ..Self::default()
        }
    }

    /// Creates a set with only trust anchors. A certificate whose validity cannot be read is none.
    pub(in crate::evidence) fn of_anchors(certificates: Vec<CertificateDer<'static>>) -> Self {
        let anchors = certificates.into_iter();
        Self {
            anchors: anchors
                .filter_map(|certificate| AnchorKey::of(certificate, None))
                .collect(),
            ..Self::default()
        }
    }

    /// Iterates over the certificates of the authorities that vouch at this time.
    pub(in crate::evidence) fn anchors(
        &self,
        now_ms: i64,
    ) -> impl Iterator<Item = &CertificateDer<'static>> {
        let anchors = self.anchors.iter();
        anchors
            .filter(move |anchor| anchor.validity.contains(now_ms))
            .map(|anchor| &anchor.certificate)
    }

    /// Returns `true` if no entry that limits one of these keys or certificates excludes this time.
    pub(in crate::evidence) fn allows(&self, path: &[Fingerprint], now_ms: i64) -> bool {
        let mut limits = self.limits.iter();
        limits.all(|limit| limit.validity.contains(now_ms) || !limit.names(path))
    }

    /// Returns the key of this set that signed the token and has not ended at this time. If the
    /// token's header has a `kid`, only keys with that name are tried, and a shared secret;
    /// otherwise all keys that fit. Several keys may have one
    /// name, and keys may have no name: each that fits is tried, up to [`MAX_TRIES`].
    pub(in crate::evidence) fn signer(
        &self,
        token: &UnverifiedToken<'_>,
        algorithm: Algorithm,
        now_ms: i64,
    ) -> Result<&Arc<VerificationKey>, SignatureMismatch> {
        let kid = token.header_text("kid");
        let mut tried = self.fitting(kid, algorithm, now_ms).take(MAX_TRIES);
        if let Some(key) = tried.find(|key| token.is_signed_by(&key.public.verifying, algorithm)) {
            return Ok(key);
        }
        Err(match (kid, self.fitting(kid, algorithm, now_ms).count()) {
            (_, 0) => SignatureMismatch::NoKey,
            (Some(_), _) => SignatureMismatch::Wrong,
            (None, fitting) => SignatureMismatch::Unnamed {
                fitting,
                tried: fitting.min(MAX_TRIES),
            },
        })
    }

    /// Returns `true` if this key is in the set and has not ended at this time.
    pub(in crate::evidence) fn has(&self, key: &VerificationKey, now_ms: i64) -> bool {
        let mut keys = self.keys.iter();
        keys.any(|known| known.is_same(key) && known.validity.contains(now_ms))
    }

    /// Returns `true` if no key, authority or limit of the set has ended by this time.
    pub(in crate::evidence) fn is_whole(&self, now_ms: i64) -> bool {
        self.ends()
            .all(|ends_ms| ends_ms == i64::MIN || ends_ms > now_ms)
    }

    /// Iterates over the keys that may have signed a token whose header has this `kid` and
    /// algorithm.
    fn fitting(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now_ms: i64,
    ) -> impl Iterator<Item = &Arc<VerificationKey>> {
        self.keys.iter().filter(move |key| {
            key.validity.contains(now_ms)
                && key.public.verifies(algorithm)
                && key.algorithm.is_none_or(|named| named == algorithm)
                && (kid.is_none()
                    || key.kid.as_deref() == kid
                    || key.public.kind == KeyKind::Secret)
        })
    }

    /// Returns the names of all keys and authorities: the `kid`, or the thumbprint.
    pub(in crate::evidence) fn names(&self) -> Vec<String> {
        let keys = self.keys.iter().map(|key| match &key.kid {
            _ if key.public.kind == KeyKind::Secret => SECRET.to_owned(),
            Some(kid) => kid.to_string(),
            None => key.public.thumbprint(),
        });
        let anchors = self
            .anchors
            .iter()
            .map(|anchor| BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, &anchor.certificate)));
        keys.chain(anchors).collect()
    }

    /// Returns the names of the keys and authorities that are in this set and not in another.
    pub(in crate::evidence) fn names_missing_from(&self, other: &Self) -> Vec<String> {
        let keys = self
            .keys
            .iter()
            .filter(|key| !other.keys.iter().any(|known| known.is_same(key)))
            .cloned()
            .collect();
        let anchors = self
            .anchors
            .iter()
            .filter(|anchor| {
                let mut known = other.anchors.iter();
                !known.any(|known| known.certificate == anchor.certificate)
            })
            .cloned()
            .collect();
        let missing = Self {
            keys,
            anchors,
            limits: Vec::new(),
        };
        missing.names()
    }

    /// Returns `true` if another set has the same keys and authorities in the same order, whenever
    /// each ends. Until the first end, both verify the same tokens.
    pub(in crate::evidence) fn is_same(&self, other: &Self) -> bool {
        self.limits == other.limits
            && self.anchors.len() == other.anchors.len()
            && self
                .anchors
                .iter()
                .zip(&other.anchors)
                .all(|(one, two)| one.certificate == two.certificate)
            && self.keys.len() == other.keys.len()
            && self
                .keys
                .iter()
                .zip(&other.keys)
                .all(|(one, two)| one.is_same(two))
    }

    /// Removes keys that have ended at this time, and returns when the next one ends.
    pub(in crate::evidence) fn end(&mut self, now_ms: i64) -> Option<i64> {
        self.keys.retain(|key| key.validity.ends_ms > now_ms);
        self.anchors
            .retain(|anchor| anchor.validity.ends_ms > now_ms);
        self.ends()
            .filter(|ends_ms| *ends_ms > now_ms && *ends_ms != i64::MAX)
            .min()
    }

    /// Iterates over the ends of the keys, the authorities and what limits them.
    fn ends(&self) -> impl Iterator<Item = i64> {
        let keys = self.keys.iter().map(|key| key.validity);
        let anchors = self.anchors.iter().map(|anchor| anchor.validity);
        let limits = self.limits.iter().map(|limit| limit.validity);
        keys.chain(anchors)
            .chain(limits)
            .map(|validity| validity.ends_ms)
    }

    /// Returns `true` if the set cannot verify anything: its issuer has withdrawn all keys.
    pub(in crate::evidence) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.anchors.is_empty()
    }
}

impl VerificationKey {
    fn read(key: &Record) -> Option<Self> {
        let text = |name| key.get(name).and_then(Value::as_text);
        let algorithm = match key.get_present("alg") {
            None => None,
            // A key for an unsupported algorithm is of no use.
            Some(name) => Some(asymmetric(name.as_text()?)?),
        };
        let public = PublicKey::read(key)
            .filter(|public| algorithm.is_none_or(|named| public.verifies(named)))?;
        Some(Self {
            kid: text("kid").cloned(),
            algorithm,
            // `KeySet::of` limits it, as it does all entries of the same key.
            validity: Validity::ALWAYS,
            fingerprint: Some(Fingerprint::of_numbers(key)?),
            public,
        })
    }

    /// Returns this key with another validity.
    fn within(&self, validity: Validity) -> Self {
        Self {
            kid: self.kid.clone(),
            algorithm: self.algorithm,
            validity,
            fingerprint: self.fingerprint,
            public: self.public.clone(),
        }
    }

    /// Returns `true` if the two are one key, whenever each ends.
    fn is_same(&self, other: &Self) -> bool {
        self.kid == other.kid
            && self.algorithm == other.algorithm
            && self.public.canonical == other.public.canonical
    }
}

impl PublicKey {
    /// Reads the public members of an asymmetric key (RFC 7518 section 6, RFC 8037 section 2).
    /// Returns `None` for any other key.
    pub(in crate::evidence) fn read(key: &Record) -> Option<Self> {
        let text = |name| key.get(name).and_then(Value::as_text).map(SmolStr::as_str);
        let curve = text("crv");
        let (kind, verifying, canonical) = match (text("kty")?, curve) {
            ("RSA", _) => {
                let n = text("n")?;
                let e = text("e")?;
                let verifying = DecodingKey::from_rsa_components(n, e).ok()?;
                (
                    KeyKind::Rsa,
                    verifying,
                    format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
                )
            }
            ("EC", Some(curve @ ("P-256" | "P-384"))) => {
                let x = text("x")?;
                let y = text("y")?;
                let kind = if curve == "P-256" {
                    KeyKind::P256
                } else {
                    KeyKind::P384
                };
                let verifying = DecodingKey::from_ec_components(x, y).ok()?;
                (
                    kind,
                    verifying,
                    format!(r#"{{"crv":"{curve}","kty":"EC","x":"{x}","y":"{y}"}}"#),
                )
            }
            ("OKP", Some("Ed25519")) => {
                let x = text("x")?;
                let verifying = DecodingKey::from_ed_components(x).ok()?;
                (
                    KeyKind::Ed25519,
                    verifying,
                    format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
                )
            }
            _ => return None,
        };
        Some(Self {
            kind,
            verifying,
            canonical,
        })
    }

    /// Returns `true` if the algorithm is for this kind of key.
    pub(in crate::evidence) fn verifies(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        match self.kind {
            KeyKind::Rsa => matches!(
                algorithm,
                A::RS256 | A::RS384 | A::RS512 | A::PS256 | A::PS384 | A::PS512
            ),
            KeyKind::P256 => algorithm == A::ES256,
            KeyKind::P384 => algorithm == A::ES384,
            KeyKind::Ed25519 => algorithm == A::EdDSA,
            KeyKind::Secret => algorithm == A::HS256,
        }
    }

    /// Returns the key's thumbprint with SHA-256, in base64url (RFC 7638). Its JSON text needs no
    /// escapes, because a key whose members are not base64url was refused.
    pub(in crate::evidence) fn thumbprint(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.canonical.as_bytes()))
    }
}

/// Returns the time in which this validity and all entries about a key or an authority are good.
fn limited(
    limits: &[Limit],
    validity: Validity,
    fingerprints: &[Fingerprint],
    kid: Option<&SmolStr>,
) -> Validity {
    limits
        .iter()
        .filter(|limit| limit.is_about(fingerprints, kid))
        .fold(validity, |validity, limit| validity.and(limit.validity))
}

/// Returns `true` if a key's operations include verification, or are not listed (RFC 7517 section
/// 4.3).
fn may_verify(key: &Record) -> bool {
    let verifies = |operation: &Value| operation.as_text().is_some_and(|text| text == "verify");
    key.get_present("key_ops").is_none_or(|listed| {
        listed
            .as_list()
            .is_some_and(|listed| listed.iter().any(verifies))
    })
}

/// Shows the key's name, and nothing of the key: it may be a secret.
impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("kid", &self.kid)
            .field("kind", &self.public.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
