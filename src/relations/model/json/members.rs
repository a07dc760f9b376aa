//! The members that the objects of a model may have, and the refusal of members that would be
//! ignored.
//!
//! If a restriction's `Condition` were ignored, the tuple would be allowed without a condition. So
//! the objects that define who is in a relation have a closed list of members. In other objects an
//! unknown member is ignored, unless it is spelled nearly like a known one.

use super::read::{FormError, FormResult, JsonNode};
use crate::model::{alike, nearest, shown};
use crate::relations::model::error::RefusalCode;

/// The members that an object may have, in the longer of protobuf's spellings.
#[derive(Clone, Copy)]
pub(super) struct MemberNames {
    names: &'static [&'static str],
    is_closed: bool,
}

pub(super) const MODEL: MemberNames =
    MemberNames::with(&["id", "schema_version", "type_definitions", "conditions"]);
pub(super) const TYPE: MemberNames = MemberNames::with(&["type", "relations", "metadata"]);
pub(super) const METADATA: MemberNames = MemberNames::with(&["relations", "module", "source_info"]);
pub(super) const RELATION: MemberNames =
    MemberNames::with(&["directly_related_user_types", "module", "source_info"]);
pub(super) const REWRITE: MemberNames = MemberNames::only(&[
    "this",
    "computed_userset",
    "tuple_to_userset",
    "union",
    "intersection",
    "difference",
]);
pub(super) const CHILDREN: MemberNames = MemberNames::only(&["child"]);
pub(super) const DIFFERENCE: MemberNames = MemberNames::only(&["base", "subtract"]);
pub(super) const FROM_TUPLESET: MemberNames = MemberNames::only(&["tupleset", "computed_userset"]);
pub(super) const REFERENCE: MemberNames = MemberNames::only(&["object", "relation"]);
pub(super) const RESTRICTION: MemberNames =
    MemberNames::only(&["type", "relation", "wildcard", "condition"]);
pub(super) const CONDITION: MemberNames =
    MemberNames::only(&["name", "expression", "parameters", "metadata"]);
pub(super) const PARAMETER: MemberNames = MemberNames::only(&["type_name", "generic_types"]);

impl MemberNames {
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

impl JsonNode<'_> {
    /// Refuses a member of an object that would be ignored but must not be, and a member that
    /// occurs in both spellings. A member that is `null` counts as absent.
    pub(super) fn expect(&self, members: MemberNames) -> FormResult<()> {
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

    fn expect_other(&self, members: MemberNames, member: &str) -> FormResult<()> {
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

    fn unread(&self, what: String, help: String) -> FormError {
        let message = if self.path.is_empty() {
            what
        } else {
            format!("{what} in `{}`", self.path)
        };
        FormError {
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
