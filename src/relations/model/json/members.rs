//! The members that the objects of a model may have, and the refusal of members that would be
//! ignored.
//!
//! If a restriction's `Condition` were ignored, the tuple would be allowed without a condition. So
//! the objects that define who is in a relation have a closed list of members. In other objects an
//! unknown member is ignored, unless it is spelled nearly like a known one.

use super::read::{At, Misfit, Read};
use crate::model::{alike, nearest, shown};
use crate::relations::model::error::RefusalCode;

/// The members that an object may have, in the longer of protobuf's spellings.
#[derive(Clone, Copy)]
pub(super) struct Members {
    names: &'static [&'static str],
    is_closed: bool,
}

pub(super) const MODEL: Members =
    Members::with(&["id", "schema_version", "type_definitions", "conditions"]);
pub(super) const TYPE: Members = Members::with(&["type", "relations", "metadata"]);
pub(super) const METADATA: Members = Members::with(&["relations", "module", "source_info"]);
pub(super) const RELATION: Members =
    Members::with(&["directly_related_user_types", "module", "source_info"]);
pub(super) const REWRITE: Members = Members::only(&[
    "this",
    "computed_userset",
    "tuple_to_userset",
    "union",
    "intersection",
    "difference",
]);
pub(super) const CHILDREN: Members = Members::only(&["child"]);
pub(super) const DIFFERENCE: Members = Members::only(&["base", "subtract"]);
pub(super) const FROM_TUPLESET: Members = Members::only(&["tupleset", "computed_userset"]);
pub(super) const REFERENCE: Members = Members::only(&["object", "relation"]);
pub(super) const RESTRICTION: Members =
    Members::only(&["type", "relation", "wildcard", "condition"]);
pub(super) const CONDITION: Members =
    Members::only(&["name", "expression", "parameters", "metadata"]);
pub(super) const PARAMETER: Members = Members::only(&["type_name", "generic_types"]);

impl Members {
    const fn with(names: &'static [&'static str]) -> Self {
        Self {
            names,
            is_closed: false,
        }
    }

    const fn only(names: &'static [&'static str]) -> Self {
        Self {
            names,
            is_closed: true,
        }
    }
}

impl At<'_> {
    /// Refuses a member of an object that would be ignored but must not be, and a member that
    /// occurs in both spellings. A member that is `null` counts as absent.
    pub(super) fn expect(&self, members: Members) -> Read<()> {
        let present = self
            .value
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null());
        let mut found: Vec<&str> = Vec::new();
        for (member, _) in present {
            match members
                .names
                .iter()
                .find(|name| member == *name || *member == camel(name))
            {
                Some(name) if found.contains(name) => {
                    return Err(self.unread(
                        format!("`{name}` is there in two spellings"),
                        "send it once".to_owned(),
                    ));
                }
                Some(name) => found.push(name),
                None => self.expect_other(members, member)?,
            }
        }
        Ok(())
    }

    fn expect_other(&self, members: Members, member: &str) -> Read<()> {
        let names = || members.names.iter().copied();
        let meant = names()
            .find(|name| alike(name, member))
            .or_else(|| nearest(member, names()));
        match meant {
            None if !members.is_closed => Ok(()),
            None => {
                let names: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                let help = format!("remove it; there is {}", names.join(", "));
                Err(self.unread(format!("`{}` is not read", shown(member)), help))
            }
            Some(name) => Err(self.unread(
                format!("`{}` is not read", shown(member)),
                format!("write `{name}`"),
            )),
        }
    }

    fn unread(&self, what: String, help: String) -> Misfit {
        let message = if self.path.is_empty() {
            what
        } else {
            format!("{what} in `{}`", self.path)
        };
        Misfit {
            code: RefusalCode::ValidationError,
            message,
            help,
        }
    }
}

/// Converts a name to protobuf's other spelling: `directly_related_user_types` becomes
/// `directlyRelatedUserTypes`.
pub(super) fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}
