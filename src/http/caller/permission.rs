//! The permissions of callers, as settings write them and endpoints need them.

use crate::model::shown_word;
use std::fmt;
use std::str::FromStr;

/// A kind of request that a caller may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Ask for decisions.
    Decide,
    /// Search for what would be permitted.
    Search,
    /// Ask for the whole explanation, which names policies, relations and values.
    Explain,
    /// Watch the decisions of all callers as they are made.
    DecisionsRead,
    /// Read relations.
    RelationsRead,
    /// Write relations.
    RelationsWrite,
    /// Operate the service: see why a reload failed.
    Admin,
    /// Back up everything that the service keeps.
    Backup,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 8] = [
        Self::Decide,
        Self::Search,
        Self::Explain,
        Self::DecisionsRead,
        Self::RelationsRead,
        Self::RelationsWrite,
        Self::Admin,
        Self::Backup,
    ];

    /// Returns `true` if settings can give it to callers without a key.
    #[must_use]
    pub fn may_be_anonymous(self) -> bool {
        match self {
            Self::Decide | Self::Search | Self::Explain => true,
            Self::DecisionsRead
            | Self::RelationsRead
            | Self::RelationsWrite
            | Self::Admin
            | Self::Backup => false,
        }
    }

    /// Returns the word for it in settings and messages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Search => "search",
            Self::Explain => "explain",
            Self::DecisionsRead => "decisions.read",
            Self::RelationsRead => "relations.read",
            Self::RelationsWrite => "relations.write",
            Self::Admin => "admin",
            Self::Backup => "backup",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The error for a word that is no permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} is not a permission; there are {}",
    shown_word(.0, &Permission::ALL.map(Permission::as_str)),
    listed()
)]
pub struct PermissionError(String);

fn listed() -> String {
    Permission::ALL
        .map(|permission| format!("`{}`", permission.as_str()))
        .join(", ")
}

impl FromStr for Permission {
    type Err = PermissionError;

    fn from_str(word: &str) -> Result<Self, PermissionError> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == word)
            .ok_or_else(|| PermissionError(word.to_owned()))
    }
}

/// A set of permissions, written as one text with commas; `none` alone is the empty set.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u8);

impl Permissions {
    /// Returns `true` if the set holds this permission.
    #[must_use]
    pub fn has(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Returns `true` if the set holds nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Iterates over the permissions, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .into_iter()
            .filter(move |permission| self.has(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(
            permissions
                .into_iter()
                .fold(0, |bits, permission| bits | permission.bit()),
        )
    }
}

impl FromStr for Permissions {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        match text {
            "none" => Ok(Self::default()),
            _ => text.split(',').map(|word| word.trim().parse()).collect(),
        }
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(Permission::as_str))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_read_by_their_words() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(permission));
        }
        assert_eq!(
            "decides".parse::<Permission>().unwrap_err().to_string(),
            "`decides` is not a permission; there are `decide`, `search`, `explain`, \
             `decisions.read`, `relations.read`, `relations.write`, `admin`, `backup`"
        );
    }

    #[test]
    fn a_set_holds_what_its_text_lists() {
        let some: Permissions = "relations.read, decide,decide".parse().unwrap();
        assert!(some.has(Permission::Decide) && !some.has(Permission::Admin));
        assert_eq!(format!("{some:?}"), r#"{"decide", "relations.read"}"#);
        let none: Permissions = "none".parse().unwrap();
        assert!(none.is_empty() && !some.is_empty());
        for text in ["", "none,decide", "decide,"] {
            assert!(text.parse::<Permissions>().is_err(), "{text}");
        }
    }
}
