//! Turns the items of `evaluations` and their defaults into requests (AuthZEN 1.0 section 7.1).
//!
//! A member of an item replaces the whole default, and each item is validated after that, so an
//! incomplete default affects only the items that inherit it. An item that is not well-formed is
//! denied, and leaves the others alone (section 7.2.1).
//!
//! INVARIANT: a mistake in the body itself counts for every item: a default that is not an object,
//! and a member that would not be read, even if each item has its own and however deep in a carrier
//! it is. A well-formed carrier in a default subject is replaced with the subject.
//!
//! INVARIANT: a null member of an item makes the item malformed. If null counted as absent, the
//! item would inherit the default, and the decision would be about somebody else.
//!
//! INVARIANT: an item's copy of the defaults is made when the item is read. Copies for all items at
//! once would take a body's size times its number of items.

use crate::http::{Error, HttpLimits};
use crate::model::{Flaw, MalformedMember, Record, Request, Value, body_flaws};
use smol_str::SmolStr;
use std::sync::Arc;
use std::vec;

/// The members of an item that can have defaults.
const DEFAULTED: [&str; 4] = ["subject", "action", "resource", "context"];

/// The questions in a body of the batch endpoint.
#[derive(Debug)]
pub(in crate::http) enum EvaluationsInput {
    /// One question: `evaluations` is absent or empty.
    Single(Request),
    /// Several questions.
    Batch(BatchItems),
}

/// The items of a batch, each of which is read when the iterator reaches it.
#[derive(Debug)]
pub(in crate::http) struct BatchItems {
    defaults: Record,
    /// The default subject, which items with a subject of their own share.
    subject: Option<Arc<Record>>,
    /// Members beside the defaults and in them that would not be read.
    flaws: Vec<Flaw>,
    rest: vec::IntoIter<Value>,
    /// How many items were taken.
    taken: usize,
}

impl BatchItems {
    /// Returns the memory of the largest item, with the defaults that it may inherit.
    pub(in crate::http) fn largest_bytes(&self) -> usize {
        let largest = self
            .rest
            .as_slice()
            .iter()
            .map(bytes)
            .max()
            .unwrap_or_default();
        largest.saturating_add(record_bytes(&self.defaults))
    }
}

impl Iterator for BatchItems {
    type Item = Result<Request, MalformedMember>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.rest.next()?;
        let index = self.taken;
        self.taken += 1;
        let mut request = read_item(&self.defaults, self.subject.as_ref(), index, item);
        if let Ok(request) = &mut request {
            request.flaws.extend_from_slice(&self.flaws);
        }
        Some(request)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rest.size_hint()
    }
}

/// Refuses a body with too many items, before they are read.
pub(in crate::http) fn check_size(body: &Record, limits: &HttpLimits) -> Result<(), Error> {
    match body.get("evaluations") {
        Some(Value::List(items)) if items.len() > limits.evaluations => {
            Err(Error::TooManyEvaluations {
                found: items.len(),
                limit: limits.evaluations,
            })
        }
        _ => Ok(()),
    }
}

/// Reads a body, under the limits on the number of items and on the memory that they inherit
/// together.
pub(in crate::http) fn read_evaluations(
    mut body: Record,
    limits: &HttpLimits,
) -> Result<EvaluationsInput, Error> {
    check_size(&body, limits)?;
    let items = match body.remove("evaluations") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::List(items)) => items,
        Some(other) => return Err(MalformedMember::kind("evaluations", "an array", &other).into()),
    };
    if items.is_empty() {
        return Ok(EvaluationsInput::Single(Request::from_body(&body)?));
    }
    check_defaults(&body)?;
    if inherited_bytes(&body, &items) > limits.inherited_bytes {
        return Err(Error::DefaultsTooLarge(limits.inherited_bytes));
    }
    let flaws = body_flaws(&body);
    let subject = body
        .get("subject")
        .and_then(Value::as_record)
        .cloned()
        .map(Arc::new);
    Ok(EvaluationsInput::Batch(BatchItems {
        defaults: body,
        subject,
        flaws,
        rest: items.into_iter(),
        taken: 0,
    }))
}

/// Refuses a default that is not an object, even if no item inherits it: what it says would not be
/// read.
fn check_defaults(body: &Record) -> Result<(), MalformedMember> {
    for name in DEFAULTED {
        match body.get_present(name) {
            None | Some(Value::Record(_)) => {}
            Some(other) => return Err(MalformedMember::kind(name, "an object", other)),
        }
    }
    Ok(())
}

/// Returns the memory that all copies of the defaults take together. A default context and a
/// default subject are read even for an item with its own, because the carriers in them must not be
/// lost, and so they count for each.
fn inherited_bytes(defaults: &Record, items: &[Value]) -> usize {
    let sizes = DEFAULTED.map(|name| (name, defaults.get(name).map_or(0, bytes)));
    let copied = |item: &Record| {
        let copies = sizes
            .iter()
            .filter(|(name, _)| matches!(*name, "context" | "subject") || item.get(name).is_none());
        copies.fold(0_usize, |sum, (_, size)| sum.saturating_add(*size))
    };
    items
        .iter()
        .filter_map(Value::as_record)
        .map(copied)
        .fold(0, usize::saturating_add)
}

/// Returns the memory of a value. Texts count as if none were stored inline.
fn bytes(value: &Value) -> usize {
    let inside = match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(number) => number.digits().len(),
        Value::Text(text) => text.len(),
        Value::List(items) => items.iter().map(bytes).sum(),
        Value::Record(record) => record_bytes(record),
    };
    size_of::<Value>() + inside
}

/// Returns the memory of an object's content.
pub(in crate::http) fn record_bytes(record: &Record) -> usize {
    record
        .iter()
        .map(|(name, value)| size_of::<SmolStr>() + name_bytes(name) + bytes(value))
        .sum()
}

/// Returns the memory of a name. A long name in letters other than ASCII's weighs more: whether it
/// is spelled like a known one is found letter by letter, for each item again, which takes that
/// many times as long as copying it.
fn name_bytes(name: &str) -> usize {
    const LETTER_BYTES: usize = 16;
    const SHORT_BYTES: usize = 64;
    if name.len() > SHORT_BYTES && !name.is_ascii() {
        name.len().saturating_mul(LETTER_BYTES)
    } else {
        name.len()
    }
}

fn read_item(
    defaults: &Record,
    subject: Option<&Arc<Record>>,
    index: usize,
    item: Value,
) -> Result<Request, MalformedMember> {
    let item = match item {
        Value::Record(item) => item,
        other => {
            return Err(MalformedMember::kind(
                format!("evaluations[{index}]"),
                "an object",
                &other,
            ));
        }
    };
    let own_context = item.get("context").is_some();
    let own_subject = item.get("subject").is_some();
    for name in DEFAULTED {
        if let Some(null @ Value::Null) = item.get(name) {
            return Err(MalformedMember::kind(name, "an object", null));
        }
    }
    let inherited = DEFAULTED
        .into_iter()
        .filter(|name| item.get(name).is_none());
    let inherited =
        inherited.filter_map(|name| Some((SmolStr::new_static(name), defaults.get(name)?.clone())));
    let own = item
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    let mut request = Request::from_item(&own.chain(inherited).collect())?;
    if own_context {
        request.replaced_context = defaults.get("context").and_then(Value::as_record).cloned();
    }
    if own_subject {
        request.replaced_subject = subject.cloned();
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read_object;

    fn read(body: &serde_json::Value) -> Result<EvaluationsInput, Error> {
        let limits = HttpLimits {
            evaluations: 3,
            inherited_bytes: 4_000,
            ..HttpLimits::default()
        };
        read_evaluations(
            read_object(body.to_string().as_bytes(), 64).unwrap(),
            &limits,
        )
    }

    fn items(body: &serde_json::Value) -> Vec<Result<Request, String>> {
        match read(body).unwrap() {
            EvaluationsInput::Batch(items) => {
                items.map(|item| item.map_err(|m| m.to_string())).collect()
            }
            EvaluationsInput::Single(request) => panic!("read as one: {request:?}"),
        }
    }

    fn base() -> serde_json::Value {
        serde_json::json!({
            "subject": {"type": "user", "id": "alice", "properties": {"role": "admin"}},
            "action": {"name": "read"},
            "resource": {"type": "record", "id": "1", "properties": {"status": "archived"}},
            "context": {"agent": "copilot", "ip": "::1"},
        })
    }

    fn with(name: &str, value: serde_json::Value) -> serde_json::Value {
        let mut body = base();
        body[name] = value;
        body
    }

    #[test]
    fn the_largest_item_counts_and_not_the_mean() {
        let largest = |items: serde_json::Value| {
            let mut body = base();
            body["evaluations"] = items;
            let EvaluationsInput::Batch(items) = read(&body).unwrap() else {
                panic!("read as one")
            };
            items.largest_bytes()
        };
        let small = largest(serde_json::json!([{}, {}, {}]));
        let large = largest(serde_json::json!([{}, {"context": {"ip": "x".repeat(1_000)}}, {}]));
        assert!(small > 0 && large >= small + 1_000, "{small} {large}");
    }

    #[test]
    fn an_item_replaces_the_whole_default() {
        let body = with(
            "evaluations",
            serde_json::json!([{}, {"resource": {"type": "record", "id": "2"}}]),
        );
        let items = items(&body);
        let first = items[0].as_ref().unwrap();
        let second = items[1].as_ref().unwrap();
        assert_eq!(
            first.resource.properties.get("status"),
            Some(&Value::text("archived"))
        );
        assert_eq!(
            (
                second.resource.uid.id.as_str(),
                second.resource.properties.len()
            ),
            ("2", 0)
        );
        assert_eq!(second.subject, first.subject);
        assert_eq!(
            (&first.replaced_subject, &second.replaced_subject),
            (&None, &None)
        );
        assert_eq!(
            (&second.context, &second.replaced_context),
            (&first.context, &None)
        );
    }

    #[test]
    fn a_replaced_default_context_is_kept_for_the_carriers_in_it() {
        let body = with("evaluations", serde_json::json!([{"context": {}}]));
        let items = items(&body);
        let item = items[0].as_ref().unwrap();
        assert!(item.context.is_empty());
        assert_eq!(
            item.replaced_context.as_ref().unwrap().get("agent"),
            Some(&Value::text("copilot"))
        );
    }

    #[test]
    fn a_replaced_default_subject_is_kept_for_what_is_unreadable_in_it() {
        let own = serde_json::json!({"type": "user", "id": "bob"});
        let items = items(&with("evaluations", serde_json::json!([{"subject": own}])));
        let item = items[0].as_ref().unwrap();
        assert_eq!(item.subject.get("id"), Some(&Value::text("bob")));
        assert_eq!(
            item.replaced_subject.as_ref().unwrap().get("id"),
            Some(&Value::text("alice"))
        );
    }

    #[test]
    fn a_null_member_is_malformed_and_never_inherits() {
        for name in DEFAULTED {
            let items = items(&with("evaluations", serde_json::json!([{ name: null }])));
            assert_eq!(
                items,
                [Err(format!("`{name}` must be an object, not null"))]
            );
        }
    }

    #[test]
    fn an_incomplete_default_hurts_only_who_inherits_it() {
        let mut body = with("resource", serde_json::json!({}));
        body["evaluations"] =
            serde_json::json!([{"resource": {"type": "record", "id": "2"}}, {}, 7]);
        let items = items(&body);
        assert!(items[0].is_ok());
        assert_eq!(items[1], Err("`resource.type` is missing".to_owned()));
        assert_eq!(
            items[2],
            Err("`evaluations[2]` must be an object, not a number".to_owned())
        );
    }

    #[test]
    fn no_items_are_one_question() {
        for none in [serde_json::json!([]), serde_json::Value::Null] {
            assert!(matches!(
                read(&with("evaluations", none)),
                Ok(EvaluationsInput::Single(_))
            ));
        }
        assert!(matches!(read(&base()), Ok(EvaluationsInput::Single(_))));
    }

    #[test]
    fn the_number_of_items_is_limited() {
        let many = |count: usize| {
            with(
                "evaluations",
                serde_json::json!(vec![serde_json::json!({}); count]),
            )
        };
        assert_eq!(items(&many(3)).len(), 3);
        let error = read(&many(4)).unwrap_err().to_string();
        assert_eq!(
            error,
            "`evaluations` holds 4 items, and at most 3 are taken: send several requests"
        );
    }

    #[test]
    fn what_items_inherit_is_limited_whether_they_replace_the_context_or_not() {
        let batch = |items: serde_json::Value, numbers: usize| {
            let mut body = with("evaluations", items);
            body["context"] = serde_json::json!({ "n": vec![1; numbers] });
            read(&body).map(|_| ()).map_err(|error| error.to_string())
        };
        let refused = "the defaults that the items of `evaluations` inherit take more \
            than 4000 bytes together: put large values into the items that need them, \
            or send several requests";
        // A number takes 33 bytes; the other defaults and the list around the numbers take a few
        // hundred.
        assert_eq!(batch(serde_json::json!([{}]), 90), Ok(()));
        assert_eq!(
            batch(serde_json::json!([{}, {}]), 90),
            Err(refused.to_owned())
        );
        assert_eq!(
            batch(serde_json::json!([{}, {"context": {}}]), 90),
            Err(refused.to_owned())
        );
        assert_eq!(batch(serde_json::json!([{}, 7, null]), 90), Ok(()));
        assert_eq!(batch(serde_json::json!([{}]), 130), Err(refused.to_owned()));
    }

    /// What is read for each item counts for each, and what takes long to read counts more.
    #[test]
    fn a_default_that_is_read_for_each_item_counts_for_each() {
        let own = serde_json::json!({"subject": {"type": "user", "id": "bob"}, "context": {}});
        let batch = |name: &str, value: serde_json::Value| {
            let mut body = with(name, value);
            body["evaluations"] = serde_json::json!([own, own]);
            read(&body).map(|_| ()).map_err(|error| error.to_string())
        };
        let subject = |text: usize| serde_json::json!({"type": "user", "id": "x".repeat(text)});
        assert_eq!(batch("subject", subject(1_000)), Ok(()));
        assert!(batch("subject", subject(2_000)).is_err());
        let context = |name: String| serde_json::json!({ name: 1 });
        assert_eq!(batch("context", context("x".repeat(300))), Ok(()));
        assert!(batch("context", context("\u{301}".repeat(150))).is_err());
    }

    #[test]
    fn an_item_is_read_when_its_turn_comes() {
        let Ok(EvaluationsInput::Batch(mut items)) =
            read(&with("evaluations", serde_json::json!([{}, {}, 7])))
        else {
            panic!("not a batch")
        };
        assert!(items.next().is_some_and(|item| item.is_ok()));
        assert_eq!(items.rest.len(), 2);
    }
}
