//! Finds out who sent a request: the only way from its headers and its connection to an identity.
//!
//! INVARIANT: a credential that is present and unknown is a 401, on every path and whatever
//! anonymous callers may do; and this is decided before the body is read. `envelope` calls
//! [`CallerHint::by`] once for each request, and handlers see only its result. It is called again
//! only where a request has waited, to see whether the caller is still let in.

use crate::clock::Clock;
use crate::http::caller::anonymous::check_anonymous;
use crate::http::caller::certificate::PeerCertificate;
use crate::http::caller::{Caller, CallerCredential, CallerKey, KeyHash, Permission, Permissions};
use crate::http::{Error, Settings};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{HttpMessage as _, HttpRequest};

/// What a request's headers and connection say about its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum CallerHint {
    /// A configured caller, by its index.
    Caller(usize),
    /// A token that is not verified yet; until then the caller is nobody.
    Token,
}

impl CallerHint {
    /// Reads the credential of a request; `None` if it has none. `Authorization` takes precedence
    /// over the connection's certificate.
    pub(in crate::http) fn by(
        headers: &HeaderMap,
        peer: Option<&PeerCertificate>,
        settings: &Settings,
        clock: &dyn Clock,
    ) -> Result<Option<Self>, Error> {
        if !headers.contains_key(AUTHORIZATION) {
            let found =
                peer.and_then(|peer| settings.callers.iter().position(|caller| peer.is(caller)));
            return Ok(found.map(Self::Caller));
        }
        if let Some((at, key)) = known(headers, settings) {
            // Most keys have no end, and no clock is read for them.
            return if key.until.is_some() && key.has_ended(clock.now_ms()) {
                Err(Error::KeyEnded)
            } else {
                Ok(Some(Self::Caller(at)))
            };
        }
        let may_be_token = settings.takes_tokens() && bearer_token(headers).is_some();
        if may_be_token {
            Ok(Some(Self::Token))
        } else {
            Err(Error::WrongCredential)
        }
    }
}

/// Returns the token in `Authorization: Bearer …`, if there is exactly one such header.
pub(in crate::http) fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let token = str::from_utf8(presented_key(value.as_bytes(), false)?).ok()?;
    (!token.is_empty()).then_some(token)
}

/// The identity of a request's sender.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) enum Identity<'a> {
    /// An anonymous caller, and its permissions.
    Anonymous(Permissions),
    /// A configured caller, with its index.
    Known(usize, &'a Caller),
}

impl<'a> Identity<'a> {
    /// Identifies the sender of a request. An anonymous request is accepted only if anonymous
    /// callers are allowed and it may be one of theirs.
    pub(in crate::http) fn of(
        request: &HttpRequest,
        settings: &'a Settings,
    ) -> Result<Self, Error> {
        if let Some((place, caller)) = Self::caller_of(request, settings) {
            return Ok(Self::Known(place, caller));
        }
        if request.headers().contains_key(AUTHORIZATION) {
            return Err(Error::WrongCredential);
        }
        let permissions = settings.anonymous.ok_or(Error::MissingCredential)?;
        check_anonymous(request.uri(), request.headers())?;
        Ok(Self::Anonymous(permissions))
    }

    /// Returns the configured caller that sent a request, with its index, if there is one.
    pub(in crate::http) fn caller_of(
        request: &HttpRequest,
        settings: &'a Settings,
    ) -> Option<(usize, &'a Caller)> {
        match request.extensions().get().copied()? {
            CallerHint::Caller(at) => settings.callers.get(at).map(|caller| (at, caller)),
            CallerHint::Token => None,
        }
    }

    /// Refuses a caller without this permission.
    pub(in crate::http) fn require(self, permission: Permission) -> Result<(), Error> {
        let (permissions, anonymous) = match self {
            Self::Anonymous(permissions) => (permissions, true),
            Self::Known(_, caller) => (caller.permissions, false),
        };
        if permissions.has(permission) {
            Ok(())
        } else {
            Err(Error::MissingPermission {
                permission,
                anonymous,
            })
        }
    }

    /// Returns `true` for a caller that may be somebody no more before its request ends: by a
    /// token, a certificate, or a key with an end.
    pub(in crate::http) fn may_end(self) -> bool {
        match self.caller().map(|caller| &caller.by) {
            None => false,
            Some(CallerCredential::Keys(keys)) => keys.iter().any(|key| key.until.is_some()),
            Some(CallerCredential::Token { .. } | CallerCredential::Certificate(_)) => true,
        }
    }

    /// The name in records.
    pub(in crate::http) fn name(self) -> &'a str {
        match self {
            Self::Anonymous(_) => "anonymous",
            Self::Known(_, caller) => &caller.name,
        }
    }

    /// Returns the caller's index among the configured ones.
    pub(in crate::http) fn place(self) -> Option<usize> {
        match self {
            Self::Anonymous(_) => None,
            Self::Known(place, _) => Some(place),
        }
    }

    /// Returns the caller's settings, if it is configured.
    pub(in crate::http) fn caller(self) -> Option<&'a Caller> {
        match self {
            Self::Anonymous(_) => None,
            Self::Known(_, caller) => Some(caller),
        }
    }
}

/// Returns the index of the caller whose key the request carries, and the key. It compares with
/// every caller's keys, so that the time taken reveals nothing.
fn known(headers: &HeaderMap, settings: &Settings) -> Option<(usize, CallerKey)> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let key = presented_key(value.as_bytes(), settings.raw_keys).filter(|key| !key.is_empty())?;
    let hash = KeyHash::of(key);
    let callers = settings.callers.iter().enumerate();
    let keys = callers.flat_map(|(at, caller)| caller.by.keys().iter().map(move |key| (at, key)));
    keys.fold(None, |found, (at, key)| {
        if key.hash == hash {
            Some((at, *key))
        } else {
            found
        }
    })
}

/// Returns the key in `Bearer <key>`, with the scheme in any case (RFC 9110 section 11.1); if keys
/// may come without a scheme, any other value is a key as a whole.
fn presented_key(value: &[u8], raw_keys: bool) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    match value.split_at_checked(SCHEME.len()) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(SCHEME) => Some(key.trim_ascii()),
        _ if raw_keys => Some(value.trim_ascii()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_behind_its_scheme_and_bare_only_where_allowed() {
        for (value, plain, raw) in [
            ("Bearer k", Some("k"), Some("k")),
            ("bEARER  k ", Some("k"), Some("k")),
            ("k", None, Some("k")),
            ("Basic k", None, Some("Basic k")),
            ("Bearer", None, Some("Bearer")),
        ] {
            let read = |raw_keys| {
                presented_key(value.as_bytes(), raw_keys).map(|key| str::from_utf8(key).unwrap())
            };
            assert_eq!((read(false), read(true)), (plain, raw), "{value}");
        }
    }
}
