//! Reads the members of a body as protobuf's JSON does: in either spelling (`tuple_key`,
//! `tupleKey`), with `null` for absent.
//!
//! INVARIANT: an object is read only after its members were checked against the allowed ones
//! (`members`).

use crate::http::openfga::error::ApiError;
use crate::http::openfga::members::{MemberList, camel};
use crate::model::{Record, Value};
use crate::stores::{Spelling, StoreId, Stores};
use smol_str::SmolStr;
use std::fmt;

/// An object in a body, with its path.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    record: &'a Record,
    path: String,
    spelling: Spelling,
}

impl<'a> Fields<'a> {
    /// Checks and wraps a body.
    pub(super) fn of(body: &'a Record, members: MemberList) -> Result<Self, ApiError> {
        Self::within(body, String::new(), Spelling::of_tuples(), members)
    }

    /// Checks and wraps the body of a call on a store.
    pub(super) fn in_store(
        body: &'a Record,
        store: StoreId,
        stores: &Stores,
        members: MemberList,
    ) -> Result<Self, ApiError> {
        Self::within(body, String::new(), stores.spelling(store), members)
    }

    fn within(
        record: &'a Record,
        path: String,
        spelling: Spelling,
        members: MemberList,
    ) -> Result<Self, ApiError> {
        members.check(record, &path)?;
        Ok(Self {
            record,
            path,
            spelling,
        })
    }

    /// Returns how objects, users and types in this body may be spelled.
    pub(super) fn spelling(&self) -> &Spelling {
        &self.spelling
    }

    /// Returns the path of a member, for messages.
    pub(super) fn path(&self, name: impl fmt::Display) -> String {
        if self.path.is_empty() {
            name.to_string()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// Returns a member that is present, under either spelling.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.record.get_present(name).or_else(|| {
            if name.contains('_') {
                self.record.get_present(&camel(name).collect::<String>())
            } else {
                None
            }
        })
    }

    /// Reads a string; an empty one is absent, as in protobuf.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a SmolStr>, ApiError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
            Some(other) => Err(self.misfit(name, "a string", other)),
        }
    }

    /// Reads a string that must be present.
    pub(super) fn required(&self, name: &str) -> Result<&'a SmolStr, ApiError> {
        self.text(name)?
            .ok_or_else(|| ApiError::invalid(format!("`{}` is missing", self.path(name))))
    }

    /// Reads a boolean; if it is absent, it is `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.value(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => Err(self.misfit(name, "a boolean", other)),
        }
    }

    /// Reads a whole number.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        match self.value(name) {
            None => Ok(None),
            Some(value @ Value::Number(number)) => number
                .to_i64()
                .map(Some)
                .ok_or_else(|| self.misfit(name, "a whole number", value)),
            Some(other) => Err(self.misfit(name, "a number", other)),
        }
    }

    /// Reads an object whose members are not checked.
    pub(super) fn record(&self, name: &str) -> Result<Option<&'a Record>, ApiError> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Record(record)) => Ok(Some(record)),
            Some(other) => Err(self.misfit(name, "an object", other)),
        }
    }

    /// Reads an object that may have only these members.
    pub(super) fn object(&self, name: &str, members: MemberList) -> Result<Option<Self>, ApiError> {
        let within = |record| Self::within(record, self.path(name), self.spelling.clone(), members);
        self.record(name)?.map(within).transpose()
    }

    /// Returns the number of items in a list; an absent list has none.
    pub(super) fn count(&self, name: &str) -> Result<usize, ApiError> {
        self.list(name).map(<[Value]>::len)
    }

    /// Reads a list of objects; an absent list is empty.
    pub(super) fn items(&self, name: &str, members: MemberList) -> Result<Vec<Self>, ApiError> {
        let item = |(at, item): (usize, &'a Value)| match item {
            Value::Record(record) => {
                let path = self.path(format_args!("{name}[{at}]"));
                Self::within(record, path, self.spelling.clone(), members)
            }
            other => Err(self.misfit(&format!("{name}[{at}]"), "an object", other)),
        };
        self.list(name)?.iter().enumerate().map(item).collect()
    }

    fn list(&self, name: &str) -> Result<&'a [Value], ApiError> {
        match self.value(name) {
            None => Ok(&[]),
            Some(Value::List(items)) => Ok(items),
            Some(other) => Err(self.misfit(name, "an array", other)),
        }
    }

    fn misfit(&self, name: &str, wanted: &str, found: &Value) -> ApiError {
        ApiError::invalid(format!(
            "`{}` must be {wanted}, not {}",
            self.path(name),
            found.kind()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::openfga::members::{BATCH_CHECK, CHECK_ITEM, READ, TUPLE_KEY};
    use crate::json::read_object;

    #[test]
    fn members_are_read_in_either_spelling_and_null_is_absent() {
        for (body, expected) in [
            (r#"{"tuple_key":"a"}"#, Ok(Some("a"))),
            (r#"{"tupleKey":"a"}"#, Ok(Some("a"))),
            (r#"{"tupleKey":null}"#, Ok(None)),
            (
                r#"{"tuple_key":"a","tupleKey":"a"}"#,
                Err("`tuple_key` and `tupleKey` are one member in two spellings: send it once"),
            ),
            (r#"{"tuple_key":""}"#, Ok(None)),
            (r#"{"other":"a"}"#, Ok(None)),
            (
                r#"{"tuple_key":1}"#,
                Err("`tuple_key` must be a string, not a number"),
            ),
        ] {
            let record = read_object(body.as_bytes(), 8).unwrap();
            let found = Fields::of(&record, READ)
                .and_then(|fields| fields.text("tuple_key"))
                .map(|text| text.map(ToString::to_string));
            let expected = expected
                .map(|text| text.map(str::to_owned))
                .map_err(str::to_owned);
            assert_eq!(found.map_err(|error| error.to_string()), expected, "{body}");
        }
    }

    #[test]
    fn messages_name_the_whole_path() {
        let record = read_object(
            br#"{"checks":[{"tuple_key":{}},{"tuple_key":{"user":[]}}]}"#,
            8,
        )
        .unwrap();
        let items = Fields::of(&record, BATCH_CHECK)
            .unwrap()
            .items("checks", CHECK_ITEM)
            .unwrap();
        let key = items[1].object("tuple_key", TUPLE_KEY).unwrap().unwrap();
        assert_eq!(
            key.text("user").unwrap_err().to_string(),
            "`checks[1].tuple_key.user` must be a string, not an array"
        );
        assert_eq!(
            key.required("relation").unwrap_err().to_string(),
            "`checks[1].tuple_key.relation` is missing"
        );
    }
}
