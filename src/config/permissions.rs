//! Reads the permissions of a caller: a list of words, or one text.

use crate::http::Permissions;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt;

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PermissionsVisitor)
    }
}

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
        Ok(permissions.into_iter().collect())
    }
}
