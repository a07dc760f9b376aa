//! Rich authorization requests (RFC 9396): decides whether one object of a token's
//! `authorization_details` covers a question.
//!
//! **Problem.** A token may allow one payment of 100 to one account and another of 5 to a second. A
//! reader that takes the amount from one object and the account from the other finds 100 to the
//! second.
//! **Decision.** One object covers the whole question, or none does. The meaning of each type of
//! object is configured. An object of another type covers nothing, and neither does one with a
//! member that its rule does not know, because the member could be a limit. A detail is compared
//! with the values that policies see: if they read a stored property of the resource, so does the
//! comparison.
//! **Trade-off.** A new informative member must be listed as ignored before tokens with that member
//! are of use.

use super::{Arguments, Number, Question, Record, Value};
use smol_str::SmolStr;
use std::cmp::Ordering;

/// Members of RFC 9396 section 2.2 that are compared with a question, and `identifiers`, a list of
/// allowed values of `identifier`. `datatypes` and `privileges` have no counterpart in a question:
/// an object that has them covers nothing, unless its rule ignores or compares them.
const KNOWN: [&str; 5] = ["type", "locations", "actions", "identifier", "identifiers"];

/// The meaning of objects of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DetailRule {
    /// The type of the object.
    pub kind: SmolStr,
    /// The type of the resources that the object is about.
    pub resource_type: SmolStr,
    /// The locations of this service's resources: an object with `locations` must list one of them.
    pub locations: Vec<SmolStr>,
    /// The words in the object's `actions`, each with the names of the actions that it stands for.
    /// If there are any, an unlisted word stands for nothing; if there are none, each word is the
    /// name of an action.
    pub actions: Vec<(SmolStr, Vec<SmolStr>)>,
    /// The actions that an object without `actions` covers.
    pub without_actions: Vec<SmolStr>,
    /// Pairs of paths into the object and the request, whose values must be equal.
    pub equal: Vec<(MemberPath, MemberPath)>,
    /// Pairs of paths into the object and the request: the object's number is the maximum of the
    /// request's.
    pub at_most: Vec<(MemberPath, MemberPath)>,
    /// Paths of members that say nothing about what is allowed.
    pub ignored: Vec<MemberPath>,
}

/// A path of member names, outermost first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPath(Vec<SmolStr>);

impl MemberPath {
    /// Parses `a.b.c`; returns `None` for a path with an empty name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let names: Vec<SmolStr> = text.split('.').map(SmolStr::new).collect();
        (!names.iter().any(SmolStr::is_empty)).then_some(Self(names))
    }

    fn of<'a>(&self, record: &'a Record) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter()
            .try_fold(record.get_present(first)?, |value, name| {
                value.as_record()?.get_present(name)
            })
    }

    /// Returns `true` for a path into the arguments of a request.
    fn reads_arguments(&self) -> bool {
        match self.0.as_slice() {
            [first, second, ..] => first == "context" && second == "arguments",
            _ => false,
        }
    }

    fn is(&self, names: &[&SmolStr]) -> bool {
        self.0.len() == names.len() && self.0.iter().zip(names).all(|(one, other)| one == *other)
    }
}

/// Returns the first object that covers the question. If the question's arguments are unknown,
/// returns the first object that covers it with some arguments. `properties` are those of the
/// resource as policies see them: for a stored property, the request's value does not count.
#[must_use]
pub fn covering<'a>(
    details: &'a [Record],
    rules: &[DetailRule],
    question: &Question,
    properties: &Record,
    arguments: Arguments,
) -> Option<&'a Record> {
    let seen = seen(question, properties);
    details.iter().find(|detail| {
        let kind = detail.get("type").and_then(Value::as_text);
        rules.iter().any(|rule| {
            kind == Some(&rule.kind) && covers(detail, rule, question, &seen, arguments)
        })
    })
}

fn covers(
    detail: &Record,
    rule: &DetailRule,
    question: &Question,
    seen: &Record,
    arguments: Arguments,
) -> bool {
    let is_open =
        |of_request: &MemberPath| arguments == Arguments::Unknown && of_request.reads_arguments();
    question.resource.uid.kind == rule.resource_type
        && is_known(detail, &mut Vec::new(), rule)
        && covers_action(detail.get_present("actions"), rule, &question.action.name)
        && detail
            .get_present("identifier")
            .is_none_or(|id| id.as_text() == Some(&question.resource.uid.id))
        && lists(detail.get_present("identifiers"), |id| {
            *id == question.resource.uid.id
        }) != Some(false)
        && lists(detail.get_present("locations"), |location| {
            rule.locations.contains(location)
        }) != Some(false)
        && rule.equal.iter().all(|(of_detail, of_request)| {
            let of_detail = of_detail.of(detail);
            if is_open(of_request) {
                return of_detail.is_some_and(|one| same(one, one));
            }
            of_detail
                .zip(of_request.of(seen))
                .is_some_and(|(one, other)| same(one, other))
        })
        && rule.at_most.iter().all(|(of_detail, of_request)| {
            let bound = number(of_detail.of(detail));
            let zero = Number::from(0);
            if is_open(of_request) {
                return bound
                    .is_some_and(|bound| zero.compare(&bound).is_some_and(Ordering::is_le));
            }
            bound
                .zip(number(of_request.of(seen)))
                .is_some_and(|(bound, asked)| {
                    asked.compare(&bound).is_some_and(Ordering::is_le)
                        && asked.compare(&zero).is_some_and(Ordering::is_ge)
                })
        })
}

fn covers_action(listed: Option<&Value>, rule: &DetailRule, action: &SmolStr) -> bool {
    let stands_for_it = |word: &SmolStr| match rule.actions.as_slice() {
        [] => word == action,
        words => words
            .iter()
            .any(|(known, names)| known == word && names.contains(action)),
    };
    lists(listed, stands_for_it).unwrap_or_else(|| rule.without_actions.contains(action))
}

/// Returns `true` if the rule knows every member, at any depth: an unknown member of a known record
/// could be a limit.
fn is_known<'a>(detail: &'a Record, path: &mut Vec<&'a SmolStr>, rule: &DetailRule) -> bool {
    detail.iter().all(|(name, value)| {
        path.push(name);
        let ruled = rule
            .equal
            .iter()
            .chain(&rule.at_most)
            .map(|(of_detail, _)| of_detail)
            .chain(&rule.ignored);
        let known = value.is_null()
            || (path.len() == 1 && KNOWN.contains(&name.as_str()))
            || ruled.into_iter().any(|known| known.is(path))
            || value
                .as_record()
                .is_some_and(|inner| is_known(inner, path, rule));
        path.pop();
        known
    })
}

/// Returns whether a list contains a text that fits, or `None` if there is no list. A value that is
/// not a list contains nothing.
fn lists(value: Option<&Value>, fits: impl Fn(&SmolStr) -> bool) -> Option<bool> {
    value.map(|value| {
        let items = value.as_list().unwrap_or_default();
        items.iter().all(|item| item.as_text().is_some())
            && items.iter().filter_map(Value::as_text).any(fits)
    })
}

/// Builds the record into which the paths of a rule lead.
fn seen(question: &Question, properties: &Record) -> Record {
    let properties = Value::Record(properties.clone());
    let resource = [
        ("id".into(), Value::Text(question.resource.uid.id.clone())),
        ("properties".into(), properties),
    ];
    [
        ("context".into(), Value::Record(question.context.clone())),
        (
            "resource".into(),
            Value::Record(resource.into_iter().collect()),
        ),
        (
            "action".into(),
            Value::Record(
                [(
                    "properties".into(),
                    Value::Record(question.action.properties.clone()),
                )]
                .into_iter()
                .collect(),
            ),
        ),
    ]
    .into_iter()
    .collect()
}

/// Returns `true` for equal texts, and for equal numbers in any spelling.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => one == other,
        (Value::Bool(one), Value::Bool(other)) => one == other,
        (Value::Number(one), Value::Number(other)) => one.compare(other) == Some(Ordering::Equal),
        _ => false,
    }
}

/// Returns a number, or the number in a text: amounts are often sent as texts (ISO 20022, RFC 9396
/// section 2).
fn number(value: Option<&Value>) -> Option<Number> {
    match value? {
        Value::Number(number) => Some(number.clone()),
        Value::Text(text) => Number::parse(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Action, Chain, Entity, EntityRef};

    fn record(members: &[(&str, Value)]) -> Record {
        members
            .iter()
            .map(|(name, value)| (SmolStr::new(name), value.clone()))
            .collect()
    }

    fn texts(items: &[&str]) -> Value {
        Value::List(items.iter().map(|item| Value::text(*item)).collect())
    }

    fn entity(kind: &str, id: &str) -> Entity {
        Entity::from(EntityRef {
            kind: kind.into(),
            id: id.into(),
        })
    }

    fn question(amount: &str, to: &str) -> Question {
        let arguments = record(&[
            ("amount", Value::Number(Number::parse(amount).unwrap())),
            ("to", Value::text(to)),
        ]);
        Question {
            chain: Chain::new(entity("user", "alice"), Vec::new()).unwrap(),
            action: Action {
                name: "pay".into(),
                properties: Record::new(),
            },
            resource: entity("account", "main"),
            context: record(&[("arguments", Value::Record(arguments))]),
            credentials: Vec::new(),
            dropped: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn rule() -> DetailRule {
        let path = |text| MemberPath::parse(text).unwrap();
        DetailRule {
            kind: "payment".into(),
            resource_type: "account".into(),
            locations: vec!["https://bank.example".into()],
            actions: Vec::new(),
            without_actions: Vec::new(),
            equal: vec![(path("creditor"), path("context.arguments.to"))],
            at_most: vec![(path("limit.amount"), path("context.arguments.amount"))],
            ignored: vec![path("remark")],
        }
    }

    fn detail(amount: &str, to: &str) -> Record {
        record(&[
            ("type", Value::text("payment")),
            ("actions", texts(&["pay"])),
            (
                "limit",
                Value::Record(record(&[("amount", Value::text(amount))])),
            ),
            ("creditor", Value::text(to)),
        ])
    }

    fn covered(details: &[Record], question: &Question) -> bool {
        covering(
            details,
            &[rule()],
            question,
            &question.resource.properties,
            Arguments::Known,
        )
        .is_some()
    }

    #[test]
    fn amounts_compare_as_numbers() {
        for (bound, asked, expected) in [
            ("100", "99.99", true),
            ("100.00", "100", true),
            ("100", "1e2", true),
            ("9", "10", false),
            ("100", "100.001", false),
            ("100", "-1", false),
            ("1e400", "1", false),
            ("many", "1", false),
        ] {
            assert_eq!(
                covered(&[detail(bound, "bob")], &question(asked, "bob")),
                expected,
                "{bound} {asked}"
            );
        }
    }

    #[test]
    fn one_object_covers_and_never_a_mixture_of_two() {
        let details = [detail("100", "bob"), detail("5", "eve")];
        assert!(covered(&details, &question("100", "bob")));
        assert!(covered(&details, &question("5", "eve")));
        assert!(!covered(&details, &question("100", "eve")));
    }

    #[test]
    fn actions_are_the_apis_words() {
        let covers = |actions: Option<Value>, rule: &DetailRule| {
            let mut detail = detail("100", "bob");
            detail.insert("actions", actions.unwrap_or(Value::Null));
            covering(
                &[detail],
                std::slice::from_ref(rule),
                &question("1", "bob"),
                &Record::new(),
                Arguments::Known,
            )
            .is_some()
        };
        let words = |word: &str, names: &[&str]| {
            (
                word.into(),
                names.iter().map(|name| (*name).into()).collect(),
            )
        };
        let mapped = DetailRule {
            actions: vec![words("initiate", &["pay", "look"]), words("cancel", &[])],
            ..rule()
        };
        let without = DetailRule {
            without_actions: vec!["pay".into()],
            ..mapped.clone()
        };
        let others = DetailRule {
            without_actions: vec!["look".into()],
            ..mapped.clone()
        };
        for (actions, of_plain, of_mapped) in [
            (Some(texts(&["initiate"])), false, true),
            (Some(texts(&["cancel", "initiate"])), false, true),
            (Some(texts(&["cancel"])), false, false),
            // This word is not one of the API's.
            (Some(texts(&["pay"])), true, false),
            (Some(texts(&[])), false, false),
            (Some(Value::text("initiate")), false, false),
        ] {
            assert_eq!(covers(actions.clone(), &rule()), of_plain, "{actions:?}");
            assert_eq!(covers(actions.clone(), &mapped), of_mapped, "{actions:?}");
            assert_eq!(covers(actions.clone(), &without), of_mapped, "{actions:?}");
        }
        assert!(
            [&rule(), &mapped, &others]
                .iter()
                .all(|rule| !covers(None, rule))
                && covers(None, &without)
        );
    }

    #[test]
    fn what_a_rule_does_not_know_covers_nothing() {
        let with = |name: &str, value: Value| {
            let mut detail = detail("100", "bob");
            detail.insert(name, value);
            covered(&[detail], &question("1", "bob"))
        };
        assert!(with("remark", Value::text("rent")));
        assert!(with("unknown", Value::Null));
        assert!(with("identifiers", texts(&["savings", "main"])));
        assert!(with("identifier", Value::text("main")));
        assert!(!with("identifier", Value::text("savings")));
        assert!(!with("identifier", texts(&["main"])));
        assert!(with("locations", texts(&["https://bank.example"])));
        assert!(!with("times", Value::from(1)));
        let limit = [
            ("amount", Value::text("100")),
            ("currency", Value::text("EUR")),
        ];
        assert!(!with("limit", Value::Record(record(&limit))));
        assert!(!with("type", Value::text("transfer")));
        assert!(!with("actions", texts(&["read"])));
        assert!(!with("actions", Value::Null));
        assert!(!with("identifiers", texts(&["savings"])));
        assert!(!with("identifiers", Value::text("main")));
        assert!(!with("locations", texts(&["https://other.example"])));
        assert!(!with("privileges", texts(&["admin"])));
        assert!(!with("datatypes", texts(&["balance"])));
        let mut elsewhere = question("1", "bob");
        elsewhere.resource = entity("vault", "main");
        assert!(!covered(&[detail("100", "bob")], &elsewhere));
    }
}
