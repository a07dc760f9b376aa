//! Reads one member of `context.credentials` and checks its form.
//!
//! Unknown members are refused, so that a misspelt `dpop` does not make a credential without a
//! proof.

use super::cache::Purpose;
use super::keys::check_url;
use super::scope::CallerScope;
use crate::model::{CredentialError, CredentialKind, Record, Value};

/// LIMIT: bytes of a certificate chain, in any form.
const MAX_CERTIFICATE_BYTES: usize = 32 * 1024;

/// The beginning of keys that this service creates. A text that begins so, or with one wrong
/// letter, is sent to no issuer.
pub const KEY_PREFIX: &str = "behest_";

/// A credential as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct RawCredential<'a> {
    pub(super) purpose: Purpose,
    /// The index of the caller that sent it; `None` for one without a name.
    pub(super) caller: Option<usize>,
    /// The credentials that the caller may send; `None` for all.
    pub(super) scope: Option<&'a CallerScope>,
    pub(super) kind: CredentialKind,
    pub(super) value: HiddenText<'a>,
    /// The issuer that is asked about an opaque token, if there may be several.
    pub(super) issuer: Option<&'a str>,
    pub(super) dpop: Option<DpopProof<'a>>,
    /// The client's certificate that the caller saw in its own TLS handshake.
    pub(super) certificate: Option<&'a str>,
}

/// A proof of possession, and the request that carried it (RFC 9449 section 4.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct DpopProof<'a> {
    pub(super) proof: HiddenText<'a>,
    pub(super) method: &'a str,
    pub(super) url: &'a str,
}

/// A text that is not shown in debug output.
#[derive(Clone, Copy)]
pub(super) struct HiddenText<'a>(pub(super) &'a str);

impl std::fmt::Debug for HiddenText<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl<'a> RawCredential<'a> {
    /// Creates the credential for a token by which a caller authenticates.
    pub(super) fn by_caller(token: &'a str, certificate: Option<&'a str>) -> Self {
        let purpose = Purpose::Call;
        let kind = CredentialKind::AccessToken;
        Self {
            purpose,
            caller: None,
            scope: None,
            kind,
            value: HiddenText(token),
            issuer: None,
            dpop: None,
            certificate,
        }
    }

    /// Reads a credential that this caller sent.
    pub(super) fn read(
        value: &'a Value,
        caller: Option<usize>,
        scope: Option<&'a CallerScope>,
    ) -> Result<Self, CredentialError> {
        let record = value
            .as_record()
            .ok_or_else(|| CredentialError::invalid("the credential is no object"))?;
        only(record, "", &["type", "value", "issuer", "dpop", "tls"])?;
        let kind = CredentialKind::from_word(required(record, "type")?).ok_or_else(|| {
            let known = CredentialKind::ALL
                .map(|kind| format!("`{}`", kind.as_str()))
                .join(", ");
            CredentialError::invalid(format!("`type` is none of {known}"))
        })?;
        let value = HiddenText(required(record, "value")?);
        if let Some(scheme) = ["Bearer", "DPoP"]
            .into_iter()
            .find(|scheme| begins_with(value.0, scheme))
        {
            return Err(CredentialError::invalid(format!(
                "`value` begins with the scheme `{scheme}` of `Authorization`: send the token alone"
            )));
        }
        if kind == CredentialKind::X509Svid && value.0.len() > MAX_CERTIFICATE_BYTES {
            return Err(CredentialError::invalid(format!(
                "the certificates are larger than {MAX_CERTIFICATE_BYTES} bytes"
            )));
        }
        let dpop = inner(record, "dpop")?.map(DpopProof::read).transpose()?;
        let certificate = inner(record, "tls")?.map(read_certificate).transpose()?;
        let purpose = Purpose::Request;
        Ok(Self {
            purpose,
            caller,
            scope,
            kind,
            value,
            issuer: optional(record, "issuer")?,
            dpop,
            certificate,
        })
    }
}

impl<'a> DpopProof<'a> {
    fn read(dpop: &'a Record) -> Result<Self, CredentialError> {
        only(dpop, "dpop.", &["proof", "method", "url"])?;
        let url = required(dpop, "url")?;
        if check_url(url).is_err() && !url.starts_with("http://") {
            return Err(CredentialError::proof(
                "`dpop.url` is not the address of a request",
            ));
        }
        Ok(Self {
            proof: HiddenText(required(dpop, "proof")?),
            method: required(dpop, "method")?,
            url,
        })
    }
}

/// Reads the certificate that the caller saw in its TLS handshake.
fn read_certificate(tls: &Record) -> Result<&str, CredentialError> {
    only(tls, "tls.", &["certificate"])?;
    let certificate = required(tls, "certificate")?;
    if certificate.len() > MAX_CERTIFICATE_BYTES {
        return Err(CredentialError::invalid(format!(
            "`tls.certificate` is larger than {MAX_CERTIFICATE_BYTES} bytes"
        )));
    }
    Ok(certificate)
}

/// Returns `true` if a text begins as keys of this service do, ignoring case and one letter that is
/// wrong, missing or added.
pub(super) fn is_own_key(text: &str) -> bool {
    let lengths = KEY_PREFIX.len() - 1..=KEY_PREFIX.len() + 1;
    let mut beginnings = lengths.filter_map(|length| text.get(..length));
    beginnings
        .any(|beginning| strsim::osa_distance(&beginning.to_ascii_lowercase(), KEY_PREFIX) <= 1)
}

/// Returns `true` if a text is a scheme followed by a space and more text.
fn begins_with(text: &str, scheme: &str) -> bool {
    let parts = text.trim_ascii_start().split_once(' ');
    parts.is_some_and(|(first, _)| first.eq_ignore_ascii_case(scheme))
}

fn only(record: &Record, path: &str, known: &[&str]) -> Result<(), CredentialError> {
    match record
        .iter()
        .find(|(name, value)| !value.is_null() && !known.contains(&name.as_str()))
    {
        Some((name, _)) if is_word(name) => Err(CredentialError::invalid(format!(
            "`{path}{name}` is no member of a credential"
        ))),
        // The name is not shown, as it could be any part of a credential.
        Some(_) => Err(CredentialError::invalid(format!(
            "a name of a member is not one of a credential's: `{path}{}`",
            known.join(&format!("`, `{path}"))
        ))),
        None => Ok(()),
    }
}

/// Returns `true` if a text may be a misspelt name of a member, and not a token in its place.
fn is_word(name: &str) -> bool {
    (1..=20).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn inner<'a>(record: &'a Record, name: &str) -> Result<Option<&'a Record>, CredentialError> {
    match record.get_present(name) {
        None => Ok(None),
        Some(Value::Record(inner)) => Ok(Some(inner)),
        Some(other) => Err(CredentialError::invalid(format!(
            "`{name}` must be an object, not {}",
            other.kind()
        ))),
    }
}

fn optional<'a>(record: &'a Record, name: &str) -> Result<Option<&'a str>, CredentialError> {
    match record.get_present(name) {
        None => Ok(None),
        Some(Value::Text(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(CredentialError::invalid(format!(
            "`{name}` must be a string that is not empty"
        ))),
    }
}

fn required<'a>(record: &'a Record, name: &str) -> Result<&'a str, CredentialError> {
    optional(record, name)?.ok_or_else(|| CredentialError::invalid(format!("`{name}` is missing")))
}

#[cfg(test)]
mod tests {
    use super::is_own_key;

    #[test]
    fn a_key_of_this_service_is_known_by_its_beginning_but_for_a_letter() {
        for key in [
            "behest_x",
            "Behest_x",
            "behets_x",
            "behst_x",
            "behest-x",
            "bbehest_x",
            "ehest_x",
            "behest_",
        ] {
            assert!(is_own_key(key), "{key}");
        }
        for token in [
            "",
            "opaque",
            "gateway",
            "best_one",
            "eyJhbGciOiJIUzI1NiJ9",
            "gho_behest_x",
            "béhést_x",
        ] {
            assert!(!is_own_key(token), "{token}");
        }
    }
}
