//! Numbers keep their digits, and records compare by their members.

use super::*;

fn number(digits: &str) -> Number {
    Number::parse(digits).unwrap()
}

#[test]
fn integers_come_from_their_digits_and_never_through_a_double() {
    for (digits, expected) in [
        ("5", Some(5)),
        ("5.0", Some(5)),
        ("0.5e1", Some(5)),
        ("50e-1", Some(5)),
        ("-0", Some(0)),
        ("0e999999999999", Some(0)),
        ("9007199254740993", Some(9_007_199_254_740_993)),
        ("9223372036854775807", Some(i64::MAX)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775808", None),
        ("5.5", None),
        ("1e400", None),
        ("123456789012345678901234567890123456789012345678", None),
        (&format!("5.{}", "0".repeat(254)), Some(5)),
        (&format!("5.{}", "0".repeat(255)), None),
        (&format!("5e{}", "0".repeat(300)), None),
    ] {
        assert_eq!(number(digits).to_i64(), expected, "{digits}");
    }
}

#[test]
fn decimals_keep_four_places_and_refuse_a_fifth() {
    for (digits, expected) in [
        ("249.9", Some("249.9000")),
        ("-0.0001", Some("-0.0001")),
        ("5000.5", Some("5000.5000")),
        ("1.00000", Some("1.0000")),
        ("0.00001", None),
        ("12345.123456789", None),
    ] {
        assert_eq!(
            number(digits).to_decimal_text().as_deref(),
            expected,
            "{digits}"
        );
    }
}

#[test]
fn numbers_compare_by_what_they_denote() {
    for (one, other, expected) in [
        ("5", "5.0", Some(Ordering::Equal)),
        ("10", "9", Some(Ordering::Greater)),
        ("1e2", "99.99", Some(Ordering::Greater)),
        ("-2", "-1", Some(Ordering::Less)),
        ("0", "-0.0", Some(Ordering::Equal)),
        ("0", "1e-30", Some(Ordering::Less)),
        (
            "9007199254740993",
            "9007199254740992",
            Some(Ordering::Greater),
        ),
        ("1e400", "1", None),
        ("1e-39999", "1", None),
    ] {
        assert_eq!(
            number(one).compare(&number(other)),
            expected,
            "{one} {other}"
        );
        assert_eq!(
            number(other).compare(&number(one)),
            expected.map(Ordering::reverse),
            "{other} {one}"
        );
    }
}

#[test]
fn only_json_numbers_are_numbers() {
    for digits in ["", "-", "01", "+1", "1.", ".5", "1e", "0x1", "NaN", "1 "] {
        assert_eq!(Number::parse(digits), None, "{digits}");
    }
}

#[test]
fn a_record_refuses_a_name_that_occurs_twice() {
    let twice = vec![
        ("a".into(), Value::Null),
        ("b".into(), Value::Null),
        ("a".into(), Value::from(true)),
    ];
    assert_eq!(Record::from_members(twice), Err("a".into()));
}

#[test]
fn a_record_changes_alone_and_the_last_of_equal_names_stays() {
    let members = [("b", 1), ("a", 2), ("b", 3)]
        .map(|(name, value)| (SmolStr::new(name), Value::from(value)));
    let first: Record = members.into_iter().collect();
    assert_eq!(
        first
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(first.get("b"), Some(&Value::from(3)));
    let mut second = first.clone();
    assert!(second.is_same(&first));
    second.insert("b", Value::from(4));
    second.insert("0", Value::Null);
    assert_eq!(second.remove("a"), Some(Value::from(2)));
    assert_eq!(second.remove("a"), None);
    assert_eq!(
        second
            .iter()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["0", "b"]
    );
    assert_eq!((first.len(), first.get("b")), (2, Some(&Value::from(3))));
    assert!(!second.is_same(&first));
    second.remove("0");
    second.remove("b");
    assert_eq!(second, Record::new());
}

#[test]
fn members_that_are_set_together_become_what_they_become_one_by_one() {
    // So many of one name that a sort which is not stable would mix them.
    let repeated = (0..200).map(|at| (SmolStr::new(format!("m{}", at % 3)), Value::from(at)));
    let members: Vec<(SmolStr, Value)> = repeated.collect();
    let mut one_by_one: Record = [("m1".into(), Value::Null), ("z".into(), Value::Null)]
        .into_iter()
        .collect();
    let mut together = one_by_one.clone();
    for (name, value) in members.clone() {
        one_by_one.insert(name, value);
    }
    together.extend(members.clone());
    assert_eq!(together, one_by_one);
    assert_eq!(together.get("m1"), Some(&Value::from(199)));
    let collected: Record = members.into_iter().collect();
    together.remove("z");
    assert_eq!(collected, together);
}
