//! One member of `context.credentials`, by its form.
//!
//! Refused: members that are not known here, so that a misspelt `dpop` is not a credential without
//! a proof.

use super::cache::Purpose;
use super::keys::check_url;
use super::scope::Scope;
use crate::model::{CredentialKind, Record, Unproven, Value};

/// LIMIT: bytes of a certificate chain, in whichever form it comes.
const MAX_CERTIFICATE_BYTES: usize = 32 * 1024;

/// How keys of this service begin that it makes itself. What begins so, or but for one letter, is
/// shown to no issuer.
pub const KEY_PREFIX: &str = "behest_";

/// A credential that was handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presented<'a> {
    pub(super) purpose: Purpose,
    /// Which of the callers sent it; none for one without a name.
    pub(super) caller: Option<usize>,
    /// Whose credentials that caller may send; none for all.
    pub(super) scope: Option<&'a Scope>,
    pub(super) kind: CredentialKind,
    pub(super) value: Hidden<'a>,
    /// Who is asked about an opaque token, where several issuers could be.
    pub(super) issuer: Option<&'a str>,
    pub(super) dpop: Option<Dpop<'a>>,
    /// The client's certificate that the caller saw in its own handshake.
    pub(super) certificate: Option<&'a str>,
}

/// A proof of possession, and what it was sent with (RFC 9449 section 4.3).
#[derive(Clone, Copy, Debug)]
pub(super) struct Dpop<'a> {
    pub(super) proof: Hidden<'a>,
    pub(super) method: &'a str,
    pub(super) url: &'a str,
}

/// Text that is not shown.
#[derive(Clone, Copy)]
pub(super) struct Hidden<'a>(pub(super) &'a str);

impl std::fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

impl<'a> Presented<'a> {
    /// The token by which a caller shows who it is.
    pub(super) fn by_caller(token: &'a str, certificate: Option<&'a str>) -> Self {
        let (purpose, kind) = (Purpose::Call, CredentialKind::AccessToken);
        Self {
            purpose,
            caller: None,
            scope: None,
            kind,
            value: Hidden(token),
            issuer: None,
            dpop: None,
            certificate,
        }
    }

    /// Reads what this caller sent.
    pub(super) fn read(
        value: &'a Value,
        caller: Option<usize>,
        scope: Option<&'a Scope>,
    ) -> Result<Self, Unproven> {
        let record = value
            .as_record()
            .ok_or_else(|| Unproven::invalid("the credential is no object"))?;
        only(record, "", &["type", "value", "issuer", "dpop", "tls"])?;
        let kind = CredentialKind::from_word(required(record, "type")?).ok_or_else(|| {
            let known = CredentialKind::ALL
                .map(|kind| format!("`{}`", kind.as_str()))
                .join(", ");
            Unproven::invalid(format!("`type` is none of {known}"))
        })?;
        let value = Hidden(required(record, "value")?);
        if let Some(scheme) = ["Bearer", "DPoP"]
            .into_iter()
            .find(|scheme| begins_with(value.0, scheme))
        {
            return Err(Unproven::invalid(format!(
                "`value` begins with the scheme `{scheme}` of `Authorization`: send the token alone"
            )));
        }
        if kind == CredentialKind::X509Svid && value.0.len() > MAX_CERTIFICATE_BYTES {
            return Err(Unproven::invalid(format!(
                "the certificates are larger than {MAX_CERTIFICATE_BYTES} bytes"
            )));
        }
        let dpop = inner(record, "dpop")?.map(Dpop::read).transpose()?;
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

impl<'a> Dpop<'a> {
    fn read(dpop: &'a Record) -> Result<Self, Unproven> {
        only(dpop, "dpop.", &["proof", "method", "url"])?;
        let url = required(dpop, "url")?;
        if check_url(url).is_err() && !url.starts_with("http://") {
            return Err(Unproven::proof(
                "`dpop.url` is not the address of a request",
            ));
        }
        Ok(Self {
            proof: Hidden(required(dpop, "proof")?),
            method: required(dpop, "method")?,
            url,
        })
    }
}

/// Reads the certificate that the caller saw.
fn read_certificate(tls: &Record) -> Result<&str, Unproven> {
    only(tls, "tls.", &["certificate"])?;
    let certificate = required(tls, "certificate")?;
    if certificate.len() > MAX_CERTIFICATE_BYTES {
        return Err(Unproven::invalid(format!(
            "`tls.certificate` is larger than {MAX_CERTIFICATE_BYTES} bytes"
        )));
    }
    Ok(certificate)
}

/// Returns `true` if a text begins as keys of this service do, but for case and one letter that is
/// wrong, missing or too many.
pub(super) fn is_own_key(text: &str) -> bool {
    let lengths = KEY_PREFIX.len() - 1..=KEY_PREFIX.len() + 1;
    let mut beginnings = lengths.filter_map(|length| text.get(..length));
    beginnings
        .any(|beginning| strsim::osa_distance(&beginning.to_ascii_lowercase(), KEY_PREFIX) <= 1)
}

/// Returns `true` if a text is a scheme and something behind a space.
fn begins_with(text: &str, scheme: &str) -> bool {
    let parts = text.trim_ascii_start().split_once(' ');
    parts.is_some_and(|(first, _)| first.eq_ignore_ascii_case(scheme))
}

fn only(record: &Record, path: &str, known: &[&str]) -> Result<(), Unproven> {
    match record
        .iter()
        .find(|(name, value)| !value.is_null() && !known.contains(&name.as_str()))
    {
        Some((name, _)) if is_word(name) => Err(Unproven::invalid(format!(
            "`{path}{name}` is no member of a credential"
        ))),
        // It could be any part of a credential.
        Some(_) => Err(Unproven::invalid(format!(
            "a name of a member is not one of a credential's: `{path}{}`",
            known.join(&format!("`, `{path}"))
        ))),
        None => Ok(()),
    }
}

/// Returns `true` for what may be a member's name that somebody misspelt, and not a token in its
/// place.
fn is_word(name: &str) -> bool {
    (1..=20).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

fn inner<'a>(record: &'a Record, name: &str) -> Result<Option<&'a Record>, Unproven> {
    match record.get_present(name) {
        None => Ok(None),
        Some(Value::Record(inner)) => Ok(Some(inner)),
        Some(other) => Err(Unproven::invalid(format!(
            "`{name}` must be an object, not {}",
            other.kind()
        ))),
    }
}

fn optional<'a>(record: &'a Record, name: &str) -> Result<Option<&'a str>, Unproven> {
    match record.get_present(name) {
        None => Ok(None),
        Some(Value::Text(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(Unproven::invalid(format!(
            "`{name}` must be a string that is not empty"
        ))),
    }
}

fn required<'a>(record: &'a Record, name: &str) -> Result<&'a str, Unproven> {
    optional(record, name)?.ok_or_else(|| Unproven::invalid(format!("`{name}` is missing")))
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
