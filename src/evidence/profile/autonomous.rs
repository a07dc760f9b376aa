//! Claims that say that a token is its client's own.

use super::ClaimPath;
use smol_str::SmolStr;

/// A claim that says that a client acts for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AutonomousClaim {
    /// Which claim.
    pub claim: ClaimPath,
    /// What its value is; `*` for any.
    pub value: SmolStr,
    /// Whether the client's id follows. A token with another client's there is refused.
    pub of_client: bool,
    /// What follows the client's id.
    pub after: SmolStr,
    /// Whether people may choose the claim's value, as they do their names: it counts only in a
    /// token without what all users' tokens have, and where the profile names nothing of that kind,
    /// it refuses the token.
    pub is_chosen: bool,
    /// Whether only a client's own account has such tokens, so that their subject is the client's,
    /// whatever it is called. Without it the subject of a token with this value must be known to be
    /// the client's account by something else.
    pub of_account: bool,
}

impl AutonomousClaim {
    /// A claim with this value, or with any where it is `*`.
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

    /// A claim with this value that only tokens of a client's own account have.
    #[must_use]
    pub fn account(claim: &str, value: &str) -> Self {
        Self {
            of_account: true,
            ..Self::value(claim, value)
        }
    }

    /// A claim with the client's id between these texts.
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

    /// Returns `true` if any text may stand there: the client's id alone, with nothing around it.
    pub(in crate::evidence) fn is_bare(&self) -> bool {
        self.of_client && self.value.is_empty() && self.after.is_empty()
    }

    /// The name of a client in the claim's value; none where the value has another form.
    pub(in crate::evidence) fn client_in<'t>(&self, text: &'t str) -> Option<&'t str> {
        let named = text
            .strip_prefix(self.value.as_str())
            .filter(|_| self.of_client);
        named.and_then(|named| named.strip_suffix(self.after.as_str()))
    }

    /// Returns `true` if a name there is this client's. In `sub` it is an id, which is another in
    /// another case; names of accounts are often written in lower case, in whatever script.
    pub(in crate::evidence) fn is_of(&self, client: &str, name: &str) -> bool {
        client == name
            || (self.claim.name() != "sub" && client.to_lowercase() == name.to_lowercase())
    }
}
