//! Defines in one table which members the objects in bodies may have, and refuses others.
//!
//! **Problem.** OpenFGA ignores members that it does not know. So a tuple with a misspelled
//! `conditon` holds always, a deletion with a misspelled `relation` deletes too much, and `Deletes`
//! beside `writes` is acknowledged and lost.
//! **Decision.** A tuple key, a condition, `writes`, `deletes` and every other object within a body
//! may have only the members in its list. A body itself may have unknown members, as those of newer
//! clients do, but not one that is spelled nearly like a known one, and not one that belongs
//! elsewhere in bodies. A member in both spellings of protobuf is refused, as protobuf does.
//! **Trade-off.** A member that a later OpenFGA adds within an object is refused until this table
//! has it.

use crate::http::openfga::error::ApiError;
use crate::model::{MAX_OTHERS, Record, alike, nearest, shown};

/// The members that an object may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct MemberList {
    names: &'static [&'static str],
    /// Whether it is a body, whose unknown members are ignored if they are not meant for anything.
    is_body: bool,
}

pub(super) const TUPLE_KEY: MemberList =
    MemberList::only(&["user", "relation", "object", "condition"]);
pub(super) const CONDITION: MemberList = MemberList::only(&["name", "context"]);
pub(super) const CONTEXTUAL_TUPLES: MemberList = MemberList::only(&["tuple_keys"]);
pub(super) const WRITES: MemberList = MemberList::only(&["tuple_keys", "on_duplicate"]);
pub(super) const DELETES: MemberList = MemberList::only(&["tuple_keys", "on_missing"]);
pub(super) const OBJECT: MemberList = MemberList::only(&["type", "id"]);
pub(super) const USER_FILTER: MemberList = MemberList::only(&["type", "relation"]);
pub(super) const ASSERTION: MemberList =
    MemberList::only(&["tuple_key", "expectation", "contextual_tuples", "context"]);
pub(super) const CHECK_ITEM: MemberList = MemberList::only(&[
    "tuple_key",
    "contextual_tuples",
    "context",
    "correlation_id",
]);

pub(super) const CREATE_STORE: MemberList = MemberList::body(&["name"]);
pub(super) const WRITE: MemberList =
    MemberList::body(&["writes", "deletes", "authorization_model_id"]);
pub(super) const READ: MemberList = MemberList::body(&[
    "tuple_key",
    "page_size",
    "continuation_token",
    "consistency",
]);
pub(super) const CHECK: MemberList = MemberList::body(&[
    "tuple_key",
    "contextual_tuples",
    "context",
    "authorization_model_id",
    "trace",
    "consistency",
]);
pub(super) const BATCH_CHECK: MemberList =
    MemberList::body(&["checks", "authorization_model_id", "consistency"]);
pub(super) const EXPAND: MemberList = MemberList::body(&[
    "tuple_key",
    "contextual_tuples",
    "authorization_model_id",
    "consistency",
]);
pub(super) const LIST_OBJECTS: MemberList = MemberList::body(&[
    "type",
    "relation",
    "user",
    "contextual_tuples",
    "context",
    "authorization_model_id",
    "consistency",
]);
pub(super) const LIST_USERS: MemberList = MemberList::body(&[
    "object",
    "relation",
    "user_filters",
    "contextual_tuples",
    "context",
    "authorization_model_id",
    "consistency",
]);
pub(super) const WRITE_ASSERTIONS: MemberList = MemberList::body(&["assertions"]);

/// This call is not OpenFGA's, so no OpenFGA client sends more members.
pub(super) const DELETE_TUPLES: MemberList = MemberList::only(&["object", "user"]);

/// Members that are meant for something wherever they occur: a tuple key's members without
/// `tuple_key`, a condition beside the tuple key, what all checks of a batch have in common.
const ELSEWHERE: [&str; 14] = [
    "user",
    "relation",
    "object",
    "type",
    "condition",
    "context",
    "contextual_tuples",
    "tuple_key",
    "tuple_keys",
    "writes",
    "deletes",
    "on_duplicate",
    "on_missing",
    "user_filters",
];

impl MemberList {
    const fn only(names: &'static [&'static str]) -> Self {
        Self {
            names,
            is_body: false,
        }
    }

    const fn body(names: &'static [&'static str]) -> Self {
        Self {
            names,
            is_body: true,
        }
    }

    /// Refuses the members of an object that would be ignored by mistake; `path` is the path of the
    /// object.
    pub(super) fn check(self, record: &Record, path: &str) -> Result<(), ApiError> {
        let mut others = 0;
        for (member, value) in record.iter() {
            match self.names.iter().find(|name| spells(member, name)) {
                Some(name) if member != name && record.get(name).is_some() => {
                    let one = within(path, name);
                    let other = within(path, member);
                    return Err(ApiError::invalid(format!(
                        "`{one}` and `{other}` are one member in two spellings: send it once"
                    )));
                }
                Some(_) => {}
                // A member that is `null` counts as not sent.
                None if self.is_body && value.is_null() => {}
                None => {
                    others += 1;
                    if others > MAX_OTHERS {
                        return Err(too_many(self));
                    }
                    self.check_other(member, path)?;
                }
            }
        }
        Ok(())
    }

    fn check_other(self, member: &str, path: &str) -> Result<(), ApiError> {
        let names = || self.names.iter().copied();
        let meant = names()
            .find(|name| alike(name, member))
            .or_else(|| nearest(member, names()));
        let is_meant = meant.is_some() || ELSEWHERE.iter().any(|name| alike(name, member));
        if self.is_body && !is_meant {
            return Ok(());
        }
        let hint = meant.map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"));
        Err(ApiError::invalid(format!(
            "`{}` is not read{hint}: there {}",
            within(path, &shown(member)),
            self.list()
        )))
    }

    /// Returns the list of members in words.
    fn list(self) -> String {
        let quoted: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        match quoted.as_slice() {
            [one] => format!("is {one}"),
            [first @ .., last] => format!("are {} and {last}", first.join(", ")),
            [] => "is nothing".to_owned(),
        }
    }
}

fn too_many(members: MemberList) -> ApiError {
    ApiError::invalid(format!(
        "the body has more than {MAX_OTHERS} members that are not read: there {}",
        members.list()
    ))
}

fn within(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// Returns `true` if a member is this name in either spelling: `tuple_key` is `tupleKey` too.
pub(super) fn spells(member: &str, name: &str) -> bool {
    member == name || (name.contains('_') && camel(name).eq(member.chars()))
}

/// Returns the name in protobuf's other spelling.
pub(super) fn camel(name: &str) -> impl Iterator<Item = char> {
    let mut is_start = false;
    name.chars().filter_map(move |c| {
        let letter = if is_start { c.to_ascii_uppercase() } else { c };
        is_start = c == '_';
        (!is_start).then_some(letter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openfga::CALLS;
    use crate::json::read_object;
    use utoipa::openapi::OpenApi;

    fn check(members: MemberList, body: &str) -> Result<(), String> {
        members
            .check(&read_object(body.as_bytes(), 8).unwrap(), "")
            .map_err(|error| error.to_string())
    }

    #[test]
    fn an_object_has_its_own_members_alone() {
        for name in [
            "Condition",
            "conditions",
            "conditon",
            "condition.Context",
            "contex",
            "Object",
            "page_size",
            "ｕser",
            "",
        ] {
            let told = check(TUPLE_KEY, &format!("{{\"{name}\":null}}")).unwrap_err();
            assert!(told.starts_with(&format!("`{name}` is not read")), "{told}");
            assert!(
                told.ends_with("there are `user`, `relation`, `object` and `condition`"),
                "{told}"
            );
        }
        for name in ["user", "relation", "object", "condition"] {
            assert_eq!(check(TUPLE_KEY, &format!("{{\"{name}\":1}}")), Ok(()));
        }
        let told = check(CONTEXTUAL_TUPLES, r#"{"tuples":[]}"#).unwrap_err();
        assert_eq!(told, "`tuples` is not read: there is `tuple_keys`");
        assert!(
            check(TUPLE_KEY, &format!("{{\"{}\":1}}", "x".repeat(300_000)))
                .unwrap_err()
                .len()
                < 400
        );
    }

    #[test]
    fn a_body_may_have_others_unless_they_are_meant_for_something() {
        for name in ["store_id", "x_trace", "comment", "page", ""] {
            assert_eq!(check(WRITE, &format!("{{\"{name}\":1}}")), Ok(()), "{name}");
        }
        for name in [
            "Deletes",
            "delete",
            "write",
            "WRITES",
            "tuple_keys",
            "onDuplicate",
            "authorizationModel_Id",
        ] {
            assert!(
                check(WRITE, &format!("{{\"{name}\":1}}")).is_err(),
                "{name}"
            );
            assert_eq!(
                check(WRITE, &format!("{{\"{name}\":null}}")),
                Ok(()),
                "{name}"
            );
        }
        for name in ["TupleKey", "tuple_keys", "tuple-key", "object", "user"] {
            assert!(check(READ, &format!("{{\"{name}\":1}}")).is_err(), "{name}");
        }
    }

    /// Each unknown member is compared with the known ones, on the worker that serves others too.
    #[test]
    fn a_body_has_few_others() {
        let body = |count: usize, value: &str| {
            let members: Vec<String> = (0..count)
                .map(|at| format!("\"deltee_no_{at}\":{value}"))
                .collect();
            check(WRITE, &format!("{{{}}}", members.join(",")))
        };
        assert_eq!(body(MAX_OTHERS, "1"), Ok(()));
        let told = body(MAX_OTHERS + 1, "1").unwrap_err();
        let there = "there are `writes`, `deletes` and `authorization_model_id`";
        assert_eq!(
            told,
            format!("the body has more than 100 members that are not read: {there}")
        );
        assert_eq!(
            body(MAX_OTHERS + 1, "null"),
            Ok(()),
            "what is null is not sent"
        );
    }

    #[test]
    fn one_member_in_two_spellings_is_refused() {
        assert_eq!(
            check(WRITES, r#"{"tupleKeys":[],"onDuplicate":"ignore"}"#),
            Ok(())
        );
        for (body, pair) in [
            (
                r#"{"tuple_keys":[],"tupleKeys":[]}"#,
                "`tuple_keys` and `tupleKeys`",
            ),
            (
                r#"{"tuple_keys":null,"tupleKeys":[]}"#,
                "`tuple_keys` and `tupleKeys`",
            ),
            (
                r#"{"onDuplicate":"error","on_duplicate":"ignore"}"#,
                "`on_duplicate` and `onDuplicate`",
            ),
        ] {
            let told = check(WRITES, body).unwrap_err();
            assert_eq!(
                told,
                format!("{pair} are one member in two spellings: send it once")
            );
        }
    }

    #[test]
    fn the_description_of_the_api_has_the_same_members() {
        let mut api = OpenApi::default();
        for describe in CALLS.iter().filter_map(|call| call.description) {
            api.merge(describe());
        }
        let described = serde_json::to_value(api).unwrap();
        for (schema, members) in [
            ("TupleKeyBody", TUPLE_KEY),
            ("ConditionBody", CONDITION),
            ("ContextualTuples", CONTEXTUAL_TUPLES),
            ("Writes", WRITES),
            ("Deletes", DELETES),
            ("ObjectBody", OBJECT),
            ("UserFilterBody", USER_FILTER),
            ("AssertionBody", ASSERTION),
            ("BatchCheckItem", CHECK_ITEM),
            ("CreateStoreRequest", CREATE_STORE),
            ("WriteRequest", WRITE),
            ("ReadRequest", READ),
            ("CheckRequest", CHECK),
            ("BatchCheckRequest", BATCH_CHECK),
            ("ExpandRequest", EXPAND),
            ("ListObjectsRequest", LIST_OBJECTS),
            ("ListUsersRequest", LIST_USERS),
            ("WriteAssertionsRequest", WRITE_ASSERTIONS),
            ("DeleteTuplesRequest", DELETE_TUPLES),
        ] {
            let properties = described["components"]["schemas"][schema]["properties"]
                .as_object()
                .unwrap();
            let mut described: Vec<&str> = properties.keys().map(String::as_str).collect();
            let mut names = members.names.to_vec();
            described.sort_unstable();
            names.sort_unstable();
            assert_eq!(names, described, "{schema}");
        }
    }
}
