//! The permissions of a caller.

use crate::model::shown_word;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;
use std::str::FromStr;

/// One permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// The caller may request decisions.
    Decide,
    /// The caller may search.
    Search,
    /// The caller may request explanations.
    Explain,
    /// The caller may read relations.
    RelationsRead,
    /// The caller may write relations.
    RelationsWrite,
    /// The caller may see the service's own state.
    Admin,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 6] = [
        Self::Decide,
        Self::Search,
        Self::Explain,
        Self::RelationsRead,
        Self::RelationsWrite,
        Self::Admin,
    ];

    /// Returns the word for the permission in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Search => "search",
            Self::Explain => "explain",
            Self::RelationsRead => "relations.read",
            Self::RelationsWrite => "relations.write",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.as_str() == text)
            .ok_or_else(|| {
                let known = Self::ALL
                    .map(|permission| format!("`{}`", permission.as_str()))
                    .join(", ");
                let words = Self::ALL.map(Self::as_str);
                format!(
                    "{} is not a permission; there are {known}",
                    shown_word(text, &words)
                )
            })
    }
}

/// A set of permissions, written as a list or as one text with commas; `none` alone is the empty
/// set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions(Vec<Permission>);

impl Permissions {
    /// Returns the empty set.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Returns the set of these permissions.
    #[must_use]
    pub fn of(permissions: &[Permission]) -> Self {
        Self(permissions.to_vec())
    }

    /// Whether the set contains `permission`.
    #[must_use]
    pub fn has(&self, permission: Permission) -> bool {
        self.0.contains(&permission)
    }

    /// Iterates over the permissions.
    pub fn iter(&self) -> impl Iterator<Item = Permission> {
        self.0.iter().copied()
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Permissions {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::none()),
            _ => text
                .split(',')
                .map(|word| word.trim().parse())
                .collect::<Result<_, _>>()
                .map(Self),
        }
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PermissionsVisitor;
        impl<'de> Visitor<'de> for PermissionsVisitor {
            type Value = Permissions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of permissions")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Permissions, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut words: A) -> Result<Permissions, A::Error> {
                let mut permissions = Vec::new();
                while let Some(word) = words.next_element::<String>()? {
                    permissions.push(word.parse().map_err(A::Error::custom)?);
                }
                Ok(Permissions(permissions))
            }
        }
        deserializer.deserialize_any(PermissionsVisitor)
    }
}
