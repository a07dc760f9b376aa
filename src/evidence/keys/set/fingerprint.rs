//! Recognises a key or a certificate however an issuer writes it.
//!
//! An issuer that withdraws a key lists it once more, marked, and perhaps not as before: with a
//! zero in front of its number, with padding, without its kind, or as a certificate. What is
//! recognised here is the key, and not its text.

use crate::evidence::spiffe::subject_public_key;
use crate::model::{Record, Value};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::pki_types::CertificateDer;
use smol_str::SmolStr;

/// LIMIT: certificates that are read of one entry; the chains of issuers have two or three.
const MAX_CERTIFICATES: usize = 10;

/// Reads base64 with and without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// What distinguishes one public key, or one certificate, from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evidence) struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(kind: &[u8], parts: &[&[u8]]) -> Self {
        let mut hash = Context::new(&SHA256);
        hash.update(kind);
        for part in parts {
            hash.update(&part.len().to_be_bytes());
            hash.update(part);
        }
        let mut found = [0; 32];
        found.copy_from_slice(hash.finish().as_ref());
        Self(found)
    }

    /// Returns the fingerprint of the public key whose numbers this entry of a key set has,
    /// whatever it says of their kind.
    pub(super) fn of_numbers(entry: &Record) -> Option<Self> {
        let number = |name| decode(entry.get(name)?);
        if let Some(modulus) = number("n") {
            return Some(Self::of_rsa(&modulus));
        }
        let x = number("x")?;
        Some(match number("y") {
            Some(y) => Self::of_point(&x, &y),
            None => Self::of_bytes(&x),
        })
    }

    /// Returns the fingerprints of a certificate: its own, and that of its key.
    pub(in crate::evidence) fn of_certificate(
        certificate: &[u8],
    ) -> impl Iterator<Item = Self> + use<> {
        let own = Self::of(b"certificate", &[certificate]);
        let key = subject_public_key(certificate).map(|key| match key {
            [4, point @ ..] if point.len().is_multiple_of(2) && !point.is_empty() => {
                let (x, y) = point.split_at(point.len() / 2);
                Self::of_point(x, y)
            }
            key => crate::evidence::spiffe::rsa_modulus(key)
                .map_or_else(|| Self::of_bytes(key), Self::of_rsa),
        });
        [Some(own), key].into_iter().flatten()
    }

    fn of_rsa(modulus: &[u8]) -> Self {
        Self::of(b"rsa", &[trimmed(modulus)])
    }

    fn of_point(x: &[u8], y: &[u8]) -> Self {
        Self::of(b"point", &[trimmed(x), trimmed(y)])
    }

    /// Returns that of a key that is one text of bytes, such as one for Ed25519.
    fn of_bytes(bytes: &[u8]) -> Self {
        Self::of(b"bytes", &[bytes])
    }

    /// Returns `true` if an entry of a key set is one key that can be read whole, with its
    /// certificates.
    pub(super) fn is_whole(entry: &Record) -> bool {
        let is_read = |certificate: &Value| {
            let bytes = decode(certificate);
            bytes.is_some_and(|bytes| subject_public_key(&bytes).is_some())
        };
        let certificates = entry.get("x5c");
        has_numbers_of_one_kind(entry)
            && certificates.is_none_or(|listed| {
                let listed = listed.as_list();
                listed.is_some_and(|listed| {
                    listed.len() <= MAX_CERTIFICATES && listed.iter().all(is_read)
                })
            })
    }

    /// Returns the fingerprints of everything that an entry of a key set contains: the key of its
    /// numbers, and its certificates with theirs.
    pub(super) fn of_entry(entry: &Record) -> Vec<Self> {
        let mut found: Vec<Self> = Self::of_numbers(entry).into_iter().collect();
        let listed = entry.get("x5c").and_then(Value::as_list);
        let certificates = listed.into_iter().flatten().take(MAX_CERTIFICATES);
        for certificate in certificates.filter_map(decode) {
            found.extend(Self::of_certificate(&certificate));
        }
        found
    }
}

/// Returns `true` if the members of one kind of key are all there, and those of no other.
fn has_numbers_of_one_kind(entry: &Record) -> bool {
    let names = ["n", "e", "x", "y"];
    let is_read = names.map(|name| entry.get(name).and_then(decode).is_some());
    let is_listed = names.map(|name| entry.get(name).is_some());
    let kind = entry.get("kty").and_then(Value::as_text);
    let is_whole = matches!(
        (kind.map(SmolStr::as_str), is_read),
        (Some("RSA") | None, [true, true, false, false])
            | (Some("EC") | None, [false, false, true, true])
            | (Some("OKP"), [false, false, true, false])
    );
    is_whole && is_read == is_listed
}

/// Returns the certificate of an authority: the first of `x5c` (SPIFFE Trust Domain and Bundle,
/// section 4.2.2).
pub(super) fn certificate(entry: &Record) -> Option<CertificateDer<'static>> {
    let encoded = entry.get("x5c")?.as_list()?.first()?;
    decode(encoded).map(CertificateDer::from)
}

/// Reads base64 in either alphabet, whatever white space is in it.
fn decode(value: &Value) -> Option<Vec<u8>> {
    let text: String = value
        .as_text()?
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            c => c,
        })
        .collect();
    BASE64.decode(text).ok()
}

/// Returns a number without the zeros before it.
fn trimmed(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}
