//! Page tokens: the sealed position of a search.
//!
//! **Problem.** A position in a search names an entity that the caller may not be permitted to see,
//! and a token that anybody could write would be untrusted input.
//! **Decision.** A token is encrypted and authenticated (AES-256-GCM, with a random nonce for
//! each). It contains what it is bound to: caller, query, bundle, the order of ids, and when it was
//! issued. The name of the key stands before the sealed part in plain text, so that a token of
//! another process can be told from one that was changed.
//! **Trade-off.** With a random key per process, tokens end with the process. With a configured key
//! they remain valid.
//!
//! INVARIANT: nothing of a token is used before it has been authenticated, except for the name of
//! its key.

use crate::model::{Digest, Timestamp};
use crate::relations::{ObjectPlace, order_name, seed_order};
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::error::Unspecified;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use std::time::Duration;

/// Maximum length of a token. A position holds one id, and no id of a tuple has more than a
/// kilobyte.
const MAX_TOKEN_CHARS: usize = 8_192;

/// How far the clocks of two services with the same key may differ.
const SKEW_MS: i64 = 60_000;

const KEY_NAME_BYTES: usize = 8;
const NONCE_BYTES: usize = 12;
const HASH_BYTES: usize = 32;

/// The version of the sealed format.
const FORM: &[u8] = b"behest page token 1";

/// Why a token is refused; the request is answered with 400 and this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageTokenError {
    /// The token was not sealed with this key: it was made up, or another process made it.
    #[error(
        "`page.token` was not made by this service, or before it was started: begin without a token"
    )]
    Unknown,
    /// The token was sealed with this key and then changed.
    #[error("`page.token` was changed: send it as it was given, or begin without a token")]
    Edited,
    /// The token belongs to another caller.
    #[error("`page.token` was given to another caller: begin without a token")]
    OtherCaller,
    /// The token belongs to another query.
    #[error(
        "`page.token` belongs to another query: send everything but the token as it was, \
         `page.limit` too or without it, or begin without a token"
    )]
    OtherQuery,
    /// The bundle has changed.
    #[error("`page.token` was given under another bundle: begin without a token")]
    OtherBundle,
    /// The token is too old.
    #[error("`page.token` has expired: begin without a token")]
    Expired,
    /// Since the previous page, the search has come to be denied as a whole: a credential has
    /// expired, or can no longer be verified.
    #[error(
        "`page.token` goes on with a search that is denied by now, so that the pages before are \
         not all: begin without a token, and with `options.reason`"
    )]
    Denied,
}

/// A SHA-256 hash.
pub(super) type TokenHash = [u8; HASH_BYTES];

/// What a token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TokenBinding {
    pub(super) caller: TokenHash,
    pub(super) query: TokenHash,
    pub(super) bundle: Digest,
}

/// The position of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SearchPosition {
    /// The last candidate that was decided; `None` if there was none.
    pub(super) after: Option<ObjectPlace>,
    /// The limit of the previous page.
    pub(super) limit: Option<u64>,
    /// Whether all known entities are gone through, because they could not be narrowed to a few
    /// candidates.
    pub(super) scans: bool,
}

/// Seals and opens tokens.
pub struct Sealer {
    key: RandomizedNonceKey,
    name: [u8; KEY_NAME_BYTES],
    lifetime_ms: i64,
}

impl Sealer {
    /// Creates a sealer with this key.
    pub fn new(key: &[u8; 32], lifetime: Duration) -> Result<Self, Unspecified> {
        let mut named = b"behest page token key".to_vec();
        named.extend_from_slice(key);
        let lifetime_ms = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        Ok(Self {
            key: RandomizedNonceKey::new(&AES_256_GCM, key)?,
            name: first(&sha256(&named)),
            lifetime_ms,
        })
    }

    /// Creates a sealer with a key that other processes have too. The key also fixes the order of
    /// candidates, so that any of these processes can continue a token. Must be called before the
    /// first graph is made; later it does not change the order.
    pub fn shared(key: &[u8; 32], lifetime: Duration) -> Result<Self, Unspecified> {
        let mut order = b"behest order of candidates".to_vec();
        order.extend_from_slice(key);
        seed_order(first(&sha256(&order)));
        Self::new(key, lifetime)
    }

    /// Creates a sealer with a random key. Returns `Err` if the system has no randomness.
    pub fn random(lifetime: Duration) -> Result<Self, Unspecified> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key)?;
        Self::new(&key, lifetime)
    }

    /// Seals a position into a token.
    pub(super) fn seal(
        &self,
        binding: &TokenBinding,
        position: &SearchPosition,
        now: Timestamp,
    ) -> Result<String, Unspecified> {
        let mut text = Vec::new();
        text.extend_from_slice(&now.0.to_be_bytes());
        text.extend_from_slice(&order_name().to_be_bytes());
        text.extend_from_slice(&binding.caller);
        text.extend_from_slice(&binding.query);
        text.extend_from_slice(binding.bundle.bytes());
        text.push(u8::from(position.scans));
        text.push(u8::from(position.limit.is_some()));
        text.extend_from_slice(&position.limit.unwrap_or_default().to_be_bytes());
        if let Some((order, id)) = &position.after {
            text.extend_from_slice(&order.to_be_bytes());
            text.extend_from_slice(id.as_bytes());
        }
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(FORM), &mut text)?;
        let mut token = self.name.to_vec();
        token.extend_from_slice(nonce.as_ref());
        token.extend_from_slice(&text);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(token))
    }

    /// Opens a token, and checks that it belongs to the same caller, query and bundle.
    pub(super) fn open(
        &self,
        binding: &TokenBinding,
        token: &str,
        now: Timestamp,
    ) -> Result<SearchPosition, PageTokenError> {
        if token.len() > MAX_TOKEN_CHARS {
            return Err(PageTokenError::Unknown);
        }
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(token)
            .map_err(|_| PageTokenError::Unknown)?;
        let sealed = bytes
            .strip_prefix(&self.name)
            .ok_or(PageTokenError::Unknown)?;
        let (nonce, sealed) = sealed
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(PageTokenError::Edited)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self
            .key
            .open_in_place(nonce, Aad::from(FORM), &mut sealed)
            .map_err(|_| PageTokenError::Edited)?;
        // Authenticated text was written by `seal`; its form is checked nevertheless.
        let read = PageTokenContent::read(text).ok_or(PageTokenError::Unknown)?;
        let age = now.0.saturating_sub(read.at);
        if age > self.lifetime_ms || age < -SKEW_MS {
            return Err(PageTokenError::Expired);
        }
        if read.caller != binding.caller {
            return Err(PageTokenError::OtherCaller);
        }
        if read.bundle != *binding.bundle.bytes() {
            return Err(PageTokenError::OtherBundle);
        }
        if read.query != binding.query {
            return Err(PageTokenError::OtherQuery);
        }
        if read.order != order_name() {
            return Err(PageTokenError::Unknown);
        }
        Ok(read.position)
    }
}

/// Does not show the key.
impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("lifetime_ms", &self.lifetime_ms)
            .finish_non_exhaustive()
    }
}

struct PageTokenContent {
    at: i64,
    order: u64,
    caller: TokenHash,
    query: TokenHash,
    bundle: TokenHash,
    position: SearchPosition,
}

impl PageTokenContent {
    fn read(text: &[u8]) -> Option<Self> {
        let (at, rest) = text.split_first_chunk()?;
        let (order, rest) = rest.split_first_chunk()?;
        let (caller, rest) = rest.split_first_chunk()?;
        let (query, rest) = rest.split_first_chunk()?;
        let (bundle, rest) = rest.split_first_chunk()?;
        let ([scans, limited], rest) = rest.split_first_chunk()?;
        let (limit, rest) = rest.split_first_chunk()?;
        let after = match rest.split_first_chunk() {
            None => None,
            Some((place, id)) => Some((
                u64::from_be_bytes(*place),
                std::str::from_utf8(id).ok()?.into(),
            )),
        };
        let limit = (*limited == 1).then(|| u64::from_be_bytes(*limit));
        Some(Self {
            at: i64::from_be_bytes(*at),
            order: u64::from_be_bytes(*order),
            caller: *caller,
            query: *query,
            bundle: *bundle,
            position: SearchPosition {
                after,
                limit,
                scans: *scans == 1,
            },
        })
    }
}

/// Returns the SHA-256 hash of `bytes`.
pub(super) fn sha256(bytes: &[u8]) -> TokenHash {
    let mut hash = [0; HASH_BYTES];
    hash.iter_mut()
        .zip(digest(&SHA256, bytes).as_ref())
        .for_each(|(to, from)| *to = *from);
    hash
}

fn first<const N: usize>(hash: &TokenHash) -> [u8; N] {
    let mut part = [0; N];
    part.iter_mut().zip(hash).for_each(|(to, from)| *to = *from);
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIFETIME: Duration = Duration::from_secs(1);

    fn binding() -> TokenBinding {
        TokenBinding {
            caller: [1; 32],
            query: [2; 32],
            bundle: Digest::new([3; 32]),
        }
    }

    fn position() -> SearchPosition {
        SearchPosition {
            after: Some((77, "doc-1".into())),
            limit: Some(50),
            scans: true,
        }
    }

    #[test]
    fn a_token_reads_as_it_was_written() {
        let sealer = Sealer::random(LIFETIME).unwrap();
        for position in [
            position(),
            SearchPosition {
                after: None,
                limit: None,
                scans: false,
            },
            SearchPosition {
                limit: None,
                ..position()
            },
        ] {
            let token = sealer.seal(&binding(), &position, Timestamp(0)).unwrap();
            assert_eq!(
                sealer.open(&binding(), &token, Timestamp(1_000)),
                Ok(position)
            );
        }
        let once = sealer.seal(&binding(), &position(), Timestamp(0)).unwrap();
        assert_ne!(
            once,
            sealer.seal(&binding(), &position(), Timestamp(0)).unwrap(),
            "each has a nonce of its own"
        );
    }

    #[test]
    fn a_refusal_says_what_is_wrong() {
        let sealer = Sealer::new(&[9; 32], LIFETIME).unwrap();
        let token = sealer.seal(&binding(), &position(), Timestamp(0)).unwrap();
        let at =
            |binding: TokenBinding, now| sealer.open(&binding, &token, Timestamp(now)).unwrap_err();
        assert_eq!(at(binding(), 1_001), PageTokenError::Expired);
        assert_eq!(at(binding(), -60_001), PageTokenError::Expired);
        assert_eq!(
            at(
                TokenBinding {
                    caller: [0; 32],
                    ..binding()
                },
                0
            ),
            PageTokenError::OtherCaller
        );
        assert_eq!(
            at(
                TokenBinding {
                    query: [0; 32],
                    ..binding()
                },
                0
            ),
            PageTokenError::OtherQuery
        );
        assert_eq!(
            at(
                TokenBinding {
                    bundle: Digest::new([0; 32]),
                    ..binding()
                },
                0
            ),
            PageTokenError::OtherBundle
        );
        let other = Sealer::new(&[8; 32], LIFETIME).unwrap();
        assert_eq!(
            other.open(&binding(), &token, Timestamp(0)),
            Err(PageTokenError::Unknown)
        );
        let same = Sealer::new(&[9; 32], LIFETIME).unwrap();
        assert_eq!(same.open(&binding(), &token, Timestamp(0)), Ok(position()));
        for forged in ["", "x", "not-a-token", "AAAA", &"A".repeat(9_000)] {
            assert_eq!(
                sealer.open(&binding(), forged, Timestamp(0)),
                Err(PageTokenError::Unknown),
                "{forged}"
            );
        }
        let shown = format!("{sealer:?}");
        assert!(!shown.contains('9'), "{shown}");
    }

    proptest! {
        /// A token is refused if any byte of it is changed, removed or added.
        #[test]
        fn an_edited_token_is_refused(at in 0usize..200, bit in 0u8..8, cut in 1usize..200) {
            let sealer = Sealer::new(&[9; 32], LIFETIME).unwrap();
            let sealed = sealer.seal(&binding(), &position(), Timestamp(0)).unwrap();
            let token = BASE64_URL_SAFE_NO_PAD.decode(sealed).unwrap();
            let open = |bytes: &[u8]| {
                let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
                sealer.open(&binding(), &text, Timestamp(0))
            };
            let at = at % token.len();
            let mut flipped = token.clone();
            flipped[at] ^= 1 << bit;
            let is_in_name = at < KEY_NAME_BYTES;
            let edited = PageTokenError::Edited;
            let expected = if is_in_name { PageTokenError::Unknown } else { edited };
            prop_assert_eq!(open(&flipped), Err(expected));
            let cut = cut % token.len();
            prop_assert!(open(&token[..token.len() - cut]).is_err() || cut == 0);
            let mut longer = token.clone();
            longer.push(bit);
            prop_assert_eq!(open(&longer), Err(PageTokenError::Edited));
        }
    }
}
