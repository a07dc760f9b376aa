//! Reads certificates that a caller saw in a TLS handshake: in PEM form, in PEM form with percent
//! escapes (as proxies write it into a header), or as the base64 of their DER form.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::borrow::Cow;

/// LIMIT: certificates of one chain: a leaf and some authorities below the trust anchor.
const MAX_CHAIN: usize = 6;

/// Returns the certificates, the holder's own first, or `None` if the text is not a chain.
pub(in crate::evidence) fn der_chain(text: &str) -> Option<Vec<CertificateDer<'static>>> {
    let text = unescape(text)?;
    let chain = if text.contains("-----BEGIN") {
        CertificateDer::pem_slice_iter(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .ok()?
    } else {
        let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        vec![CertificateDer::from(BASE64_STANDARD.decode(packed).ok()?)]
    };
    (1..=MAX_CHAIN).contains(&chain.len()).then_some(chain)
}

/// Returns the value of `x5t#S256` for a certificate (RFC 8705 section 3.1).
pub(in crate::evidence) fn thumbprint(certificate: &CertificateDer<'_>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, certificate))
}

/// Decodes percent escapes. A `+` is kept, because base64 uses it.
fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| u8::try_from(char::from(byte?).to_digit(16)?).ok();
        let high = digit(rest.next())?;
        let low = digit(rest.next())?;
        bytes.push(high << 4 | low);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_is_the_same_certificate() {
        let der = [0x30, 0x03, 0xfb, 0xef, 0xbe];
        let encoded = BASE64_STANDARD.encode(der);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        let escaped: String = pem
            .bytes()
            .map(|b| {
                if b == b'+' {
                    "+".to_owned()
                } else {
                    format!("%{b:02X}")
                }
            })
            .collect();
        for text in [
            &encoded,
            &pem,
            &escaped,
            &format!("{}\n{}", &encoded[..4], &encoded[4..]),
        ] {
            assert_eq!(
                der_chain(text).unwrap(),
                [CertificateDer::from(der.to_vec())],
                "{text}"
            );
        }
        let many = pem.repeat(MAX_CHAIN + 1);
        for text in [
            "%",
            "%2",
            "%zz",
            "?",
            &many,
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
        ] {
            assert_eq!(der_chain(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC*") {
            let _ = der_chain(&text);
        }
    }
}
