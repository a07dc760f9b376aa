//! Claims that say that a token is its client's own.

use super::ClaimPath;
use smol_str::SmolStr;

/// A claim that says that a client acts for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutonomousClaim {
    /// The claim.
    pub claim: ClaimPath,
    /// The claim's value, or the text before the client's id; `*` for any value.
    pub value: SmolStr,
    /// Whether the client's id follows in the value. A token with another client's id there is
    /// refused.
    pub of_client: bool,
    /// The text after the client's id.
    pub after: SmolStr,
    /// Whether people may choose the claim's value, as they do their names. Such a value counts
    /// only in a token that lacks the claims of all users' tokens; if the profile names no such
    /// claims, it refuses the token.
    pub is_chosen: bool,
    /// Whether only a client's own account has such tokens, so that their subject is the client's,
    /// whatever its name. If not, something else must show that the subject of a token with this
    /// value is the client's account.
    pub of_account: bool,
}

impl AutonomousClaim {
    /// Creates a mark: a claim with this value, or with any value if it is `*`.
    #[must_use]
    pub fn value(claim: &str, value: &str) -> Self {
        let after = SmolStr::default();
        Self {
            claim: ClaimPath::new(claim),
            value: value.into(),
            of_client: false,
            after,
            is_chosen: false,
            of_account: false,
        }
    }

    /// Creates a mark: a claim with this value that only tokens of a client's own account have.
    #[must_use]
    pub fn account(claim: &str, value: &str) -> Self {
        Self {
            of_account: true,
            ..Self::value(claim, value)
        }
    }

    /// Creates a mark: a claim with the client's id between these texts.
    #[must_use]
    pub fn client(claim: &str, before: &str, after: &str) -> Self {
        let claim = ClaimPath::new(claim);
        Self {
            claim,
            value: before.into(),
            of_client: true,
            after: after.into(),
            is_chosen: false,
            of_account: false,
        }
    }

    /// Returns `true` if the value is the client's id alone, so that any text could be one.
    pub(in crate::evidence) fn is_bare(&self) -> bool {
        self.of_client && self.value.is_empty() && self.after.is_empty()
    }

    /// Returns the client's name in the claim's value, or `None` if the value has another form.
    pub(in crate::evidence) fn client_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let named = text
            .strip_prefix(self.value.as_str())
            .filter(|_| self.of_client);
        named.and_then(|named| named.strip_suffix(self.after.as_str()))
    }

    /// Returns `true` if the value has the texts around a client's name in another case.
    pub(in crate::evidence) fn is_nearly_in(&self, text: &str) -> bool {
        let [text, before, after] = [text, &self.value, &self.after].map(str::to_lowercase);
        let named = text.strip_prefix(&before).filter(|_| !self.is_bare());
        named.is_some_and(|named| named.ends_with(&after))
    }

    /// Returns `true` if a name in this claim is the client's. `sub` contains an id, and ids are
    /// case-sensitive; names of accounts are often written in lower case, in any script.
    pub(in crate::evidence) fn is_of(&self, client: &str, name: &str) -> bool {
        client == name
            || (self.claim.name() != "sub" && client.to_lowercase() == name.to_lowercase())
    }
}
