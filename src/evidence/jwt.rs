//! Verifies a JWT of a configured issuer by its published keys or its shared secret (RFC 7515, RFC
//! 7519, RFC 8725).

use crate::evidence::claims;
use crate::evidence::claims::GenuineToken;
use crate::evidence::jose::UnverifiedToken;
use crate::evidence::keys::{KeyVoucher, Keyring};
use crate::evidence::profile::{Profile, Trust};
use crate::evidence::scope::CallerScope;
use crate::model::{CredentialError, CredentialKind, PrincipalIds, Timestamp, shown};
use jsonwebtoken::Algorithm;
use std::sync::Arc;

/// Verifies a token's signature and returns the key that verified it.
pub(super) async fn check_signature(
    token: &UnverifiedToken<'_>,
    kind: CredentialKind,
    profile: &Profile,
    keys: &Keyring,
) -> Result<Arc<KeyVoucher>, CredentialError> {
    let algorithm = match &profile.trust {
        Trust::Keys { algorithms, .. } => token.algorithm(algorithms)?,
        Trust::Secret(_) => token.algorithm(&[Algorithm::HS256])?,
        Trust::Introspection => {
            return Err(CredentialError::misfit(
                "the issuer's tokens are verified by asking it alone",
            ));
        }
    };
    check_type(token, kind, profile)?;
    keys.signer(token, algorithm).await
}

/// Returns what a token of this kind and issuer proves for a caller with this scope. Its signature
/// must have been verified.
pub(super) fn read(
    token: &UnverifiedToken<'_>,
    (kind, scope): (CredentialKind, Option<&CallerScope>),
    profile: &Profile,
    ids: &PrincipalIds,
    now: Timestamp,
) -> Result<GenuineToken, CredentialError> {
    claims::read(&token.claims, kind, profile, ids, now, None, scope)
}

/// Checks the type: an access token has a type of the profile's; an ID token has `JWT` or none
/// (`OpenID` Connect Core section 2).
pub(super) fn check_type(
    token: &UnverifiedToken<'_>,
    kind: CredentialKind,
    profile: &Profile,
) -> Result<(), CredentialError> {
    let found = token.media_type().unwrap_or_default();
    let fits = match kind {
        CredentialKind::IdToken => matches!(found.as_str(), "" | "jwt"),
        CredentialKind::AccessToken | CredentialKind::JwtSvid | CredentialKind::X509Svid => profile
            .types
            .iter()
            .any(|accepted| crate::evidence::jose::media_type(accepted) == found),
    };
    if fits {
        return Ok(());
    }
    let found = match found.as_str() {
        "" => "it has none".to_owned(),
        found => format!("it is `{}`", shown(found)),
    };
    let accepted = match kind {
        CredentialKind::IdToken => "`jwt` or none".to_owned(),
        CredentialKind::AccessToken | CredentialKind::JwtSvid | CredentialKind::X509Svid => {
            let types = profile.types.iter().map(|accepted| format!("`{accepted}`"));
            types.collect::<Vec<_>>().join(", ")
        }
    };
    Err(CredentialError::invalid(format!(
        "the token's type is not one that is accepted of its issuer: \
         {found}, and must be {accepted}"
    )))
}
