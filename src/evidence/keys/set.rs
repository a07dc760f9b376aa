//! Reads a set of public keys (RFC 7517, and the bundle format of SPIFFE) for verification.
//!
//! An unsupported key is left out, since a set may contain keys for other uses. A symmetric key is
//! never taken from a set: a published key is not secret.
//!
//! INVARIANT: a key verifies only with algorithms for its kind and curve, and if the set names an
//! algorithm for it, only with that one.

use crate::evidence::claims::milliseconds;
use crate::evidence::jose::{UnverifiedToken, asymmetric};
use crate::model::{Record, Value};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use rustls::pki_types::CertificateDer;
use smol_str::SmolStr;
use std::fmt;
use std::sync::Arc;

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
}

/// The certificate of an authority.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AnchorKey {
    certificate: CertificateDer<'static>,
    /// The time from which it vouches for nobody.
    ends_ms: Option<i64>,
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
    /// The time from which its issuer no longer uses it.
    ends_ms: Option<i64>,
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
    /// Creates a set from those of these keys that can verify something.
    ///
    /// INVARIANT: if a key is listed several times, all its entries end at the earliest of their
    /// ends, even if their names, algorithms and uses differ. So an issuer revokes a key by marking
    /// a single entry.
    pub(in crate::evidence) fn of<'a>(
        listed: impl IntoIterator<Item = &'a Record> + Clone,
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
        for key in listed {
            if let Some(ends_ms) = ends(key) {
                set.end_twins(key, ends_ms);
            }
        }
        set
    }

    /// Adds a key unless the set already has it.
    fn add(&mut self, key: Option<VerificationKey>) {
        if let Some(key) = key.filter(|key| !self.keys.iter().any(|known| known.is_same(key))) {
            self.keys.push(Arc::new(key));
        }
    }

    /// Limits every key with the same public key as this entry, and every authority with the same
    /// certificate, to the entry's end.
    fn end_twins(&mut self, listed: &Record, ends_ms: i64) {
        let earlier = |end: Option<i64>| Some(end.map_or(ends_ms, |end| end.min(ends_ms)));
        if let Some(public) = PublicKey::read(listed) {
            for key in &mut self.keys {
                if key.public.canonical == public.canonical {
                    *key = Arc::new(key.ending(earlier(key.ends_ms)));
                }
            }
        }
        if let Some(certificate) = certificate(listed) {
            for anchor in &mut self.anchors {
                if anchor.certificate == certificate {
                    anchor.ends_ms = earlier(anchor.ends_ms);
                }
            }
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
            ends_ms: None,
            public,
        });
        Self {
            keys: vec![key],
            anchors: Vec::new(),
        }
    }

    /// Creates a set with only trust anchors.
    pub(in crate::evidence) fn of_anchors(certificates: Vec<CertificateDer<'static>>) -> Self {
        let anchor = |certificate| AnchorKey {
            certificate,
            ends_ms: None,
        };
        Self {
            keys: Vec::new(),
            anchors: certificates.into_iter().map(anchor).collect(),
        }
    }

    /// Iterates over the certificates of the authorities that vouch at this time.
    pub(in crate::evidence) fn anchors(
        &self,
        now_ms: i64,
    ) -> impl Iterator<Item = &CertificateDer<'static>> {
        let anchors = self.anchors.iter();
        anchors
            .filter(move |anchor| is_before(now_ms, anchor.ends_ms))
            .map(|anchor| &anchor.certificate)
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
        keys.any(|known| known.is_same(key) && is_before(now_ms, known.ends_ms))
    }

    /// Returns `true` if no key or authority of the set has ended at this time.
    pub(in crate::evidence) fn is_whole(&self, now_ms: i64) -> bool {
        self.next_end().is_none_or(|ends| ends > now_ms)
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
            is_before(now_ms, key.ends_ms)
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
        Self { keys, anchors }.names()
    }

    /// Returns `true` if another set has the same keys and authorities in the same order, whenever
    /// each ends. Until the first end, both verify the same tokens.
    pub(in crate::evidence) fn is_same(&self, other: &Self) -> bool {
        self.anchors.len() == other.anchors.len()
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
        self.keys.retain(|key| is_before(now_ms, key.ends_ms));
        self.anchors
            .retain(|anchor| is_before(now_ms, anchor.ends_ms));
        self.next_end()
    }

    /// Returns when the first of the keys and authorities ends.
    fn next_end(&self) -> Option<i64> {
        let anchors = self.anchors.iter().filter_map(|anchor| anchor.ends_ms);
        let keys = self.keys.iter().filter_map(|key| key.ends_ms);
        keys.chain(anchors).min()
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
            // `KeySet::of` sets the end, as for all entries of the same key.
            ends_ms: None,
            public,
        })
    }

    /// Returns this key with another end.
    fn ending(&self, ends_ms: Option<i64>) -> Self {
        Self {
            kid: self.kid.clone(),
            algorithm: self.algorithm,
            ends_ms,
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

/// Returns when a key ends (`exp`, `OpenID` Federation 1.0 section 8.7.2). A key whose end cannot
/// be read has ended, and so has a revoked key.
fn ends(key: &Record) -> Option<i64> {
    let is_revoked = key
        .get_present("revoked")
        .is_some_and(|revoked| *revoked != Value::Bool(false));
    let end = key.get_present("exp");
    let end = end.map(|end| milliseconds(end).unwrap_or(i64::MIN));
    if is_revoked { Some(i64::MIN) } else { end }
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

/// Returns `true` if a key with this end is good at this time.
fn is_before(now_ms: i64, ends_ms: Option<i64>) -> bool {
    ends_ms.is_none_or(|ends| ends > now_ms)
}

impl AnchorKey {
    fn read(key: &Record) -> Option<Self> {
        Some(Self {
            certificate: certificate(key)?,
            // `KeySet::of` sets the end, as for all entries of the same key.
            ends_ms: None,
        })
    }
}

/// Returns the certificate of an authority: the first of `x5c` (SPIFFE Trust Domain and Bundle,
/// section 4.2.2).
fn certificate(key: &Record) -> Option<CertificateDer<'static>> {
    let encoded = key.get("x5c")?.as_list()?.first()?.as_text()?;
    BASE64_STANDARD
        .decode(encoded.as_str())
        .ok()
        .map(CertificateDer::from)
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
