//! Tests of what is read, and of what is refused with which words.

use super::*;
use proptest::prelude::*;

fn refuse(body: impl AsRef<[u8]>) -> String {
    read_object(body.as_ref(), 64)
        .unwrap_err()
        .about("the body")
}

#[test]
fn values_arrive_as_they_were_sent() {
    let body = concat!(
        r#" {"t":"\u0061é😀\ud83d\ude00","n":9007199254740993,"d":-1.50e+2,"#,
        r#""l":[1,[],{}],"z":null,"b":true} "#,
    );
    let record = read_object(body.as_bytes(), 64).unwrap();
    let number = |digits| Value::Number(Number::parse(digits).unwrap());
    assert_eq!(record.get("t"), Some(&Value::text("aé😀😀")));
    assert_eq!(record.get("n"), Some(&number("9007199254740993")));
    assert_eq!(record.get("d"), Some(&number("-1.50e+2")));
    let list = vec![
        number("1"),
        Value::List(Vec::new()),
        Value::Record(Record::new()),
    ];
    assert_eq!(record.get("l"), Some(&Value::List(list)));
    assert_eq!(record.get("z"), Some(&Value::Null));
    assert_eq!(record.get("b"), Some(&Value::Bool(true)));
    assert_eq!(record.len(), 6);
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for (body, problem) in [
        (&b""[..], "it is empty (line 1, column 0)"),
        (b" \n ", "it is empty (line 2, column 1)"),
        (b"{", "it ends too early (line 1, column 1)"),
        (
            b"{\"a\":1,}",
            "a comma has nothing behind it (line 1, column 8)",
        ),
        (
            b"{'a':1}",
            "a member's name must be a string (line 1, column 2)",
        ),
        (b"{\"a\" 1}", "a colon is missing (line 1, column 6)"),
        (
            b"{\"a\":1}{",
            "something follows the object (line 1, column 8)",
        ),
        (
            b"{\"a\":1} x",
            "something follows the object (line 1, column 9)",
        ),
        (b"{\"a\":NaN}", "a value was expected (line 1, column 6)"),
        (
            b"{\"a\":-Infinity}",
            "a number is not valid (line 1, column 7)",
        ),
        (b"{\"a\":01}", "a number is not valid (line 1, column 7)"),
        (
            b"{\"a\":0x1}",
            "a comma or the end of an object is missing (line 1, column 7)",
        ),
        (b"{\"a\":1.}", "a number is not valid (line 1, column 8)"),
        (b"/* */{}", "a value was expected (line 1, column 1)"),
        (
            b"{\"a\":\"\x01\"}",
            "a control character in a string is not escaped (line 1, column 7)",
        ),
        (
            b"{\"a\":\"\xff\"}",
            "a string is not valid UTF-8 (line 1, column 7)",
        ),
        (
            b"{\"a\":\"\xc0\xaf\"}",
            "a string is not valid UTF-8 (line 1, column 7)",
        ),
        (
            b"{\"\xff\":1}",
            "a string is not valid UTF-8 (line 1, column 3)",
        ),
        (
            b"{\"a\":\"\\ud800\"}",
            "a surrogate escape has no partner (line 1, column 13)",
        ),
        (
            b"{\"a\":\"\\udc00\"}",
            "a surrogate escape has no partner (line 1, column 12)",
        ),
        (
            b"{\"a\":\"\\udc00\\ud800\"}",
            "a surrogate escape has no partner (line 1, column 12)",
        ),
        (
            b"\xef\xbb\xbf{}",
            "it begins with a byte order mark (line 1, column 1)",
        ),
        (
            b"{\0\"\0a\0",
            "a member's name must be a string (line 1, column 2)",
        ),
    ] {
        let text = String::from_utf8_lossy(body).into_owned();
        assert_eq!(
            refuse(body),
            format!("the body is not valid JSON: {problem}"),
            "{text}"
        );
    }
}

#[test]
fn only_an_object_is_a_body() {
    for (body, kind) in [
        ("[]", "an array"),
        ("\"x\"", "a string"),
        ("1", "a number"),
        ("null", "null"),
    ] {
        assert_eq!(
            refuse(body),
            format!("the body must be an object, not {kind}")
        );
    }
}

#[test]
fn a_member_that_occurs_twice_is_named_by_its_path() {
    for (body, path) in [
        (r#"{"a":1,"a":1}"#, "a"),
        (r#"{"s":{"id":"x","\u0069d":"y"}}"#, "s.id"),
        (
            r#"{"l":[{},{"m":[[{"k":1,"x":2,"k":1}]]}]}"#,
            "l[1].m[0][0].k",
        ),
    ] {
        assert_eq!(
            refuse(body),
            format!("`{path}` occurs more than once in its object: send it once")
        );
    }
}

#[test]
fn nesting_is_read_up_to_the_limit_and_no_further() {
    let nested = |levels: usize| {
        format!(
            "{{\"a\":{}{}}}",
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    assert!(read_object(nested(64).as_bytes(), 64).is_ok());
    assert_eq!(
        refuse(nested(65)),
        "the body is nested more than 64 levels deep: send flatter data"
    );
    let unclosed = "{\"a\":".repeat(500_000);
    assert_eq!(
        refuse(unclosed),
        "the body is nested more than 64 levels deep: send flatter data"
    );
    // The deepest nesting that a setting can allow fits into the stack.
    assert!(read_object(nested(MAX_DEPTH).as_bytes(), MAX_DEPTH).is_ok());
}

#[test]
fn what_nests_weighs_more_than_what_is_long() {
    let of = |value: &str, times: usize| format!("{{\"a\":[{}]}}", vec![value; times].join(","));
    let deep = format!("{}1{}", "[".repeat(59), "]".repeat(59));
    for (body, is_refused) in [
        (of("1", 500_000), false),
        (of("[1,1]", 170_000), false),
        (of(&deep, 1_000), false),
        (of(&deep, 8_000), true),
        (
            of(
                &format!(
                    "{}{}{}",
                    "[".repeat(57),
                    vec!["1"; 3_500].join(","),
                    "]".repeat(57)
                ),
                30,
            ),
            true,
        ),
    ] {
        assert_eq!(
            read_object(body.as_bytes(), 64).is_err(),
            is_refused,
            "{}",
            &body[..80]
        );
    }
    let body = of(
        &format!(
            "{}{}{}",
            "[".repeat(57),
            vec!["1"; 80_000].join(","),
            "]".repeat(57)
        ),
        1,
    );
    assert_eq!(
        refuse(body),
        "the body holds too many values within nested arrays: send flatter data"
    );
}

proptest! {
    #[test]
    fn what_serde_json_writes_is_read_back_alike(
        text in ".*",
        number in any::<i64>(),
        float in any::<f64>(),
    ) {
        prop_assume!(float.is_finite());
        let list = serde_json::json!([{ &text: null }]);
        let body = serde_json::json!({ "t": text, "n": number, "f": float, "l": list });
        let body = body.to_string();
        let record = read_object(body.as_bytes(), 64).unwrap();
        prop_assert_eq!(record.get("t"), Some(&Value::text(&text)));
        prop_assert_eq!(record.get("n"), Some(&Value::from(number)));
        let Some(Value::Number(read)) = record.get("f") else { panic!("not a number") };
        prop_assert_eq!(read.digits().parse::<f64>().unwrap().to_bits(), float.to_bits());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_object(&bytes, 64);
    }

    #[test]
    fn a_body_with_one_byte_changed_is_read_or_refused(at in 0_usize..90, byte in any::<u8>()) {
        const BODY: &str = concat!(
            r#"{"subject":{"type":"user","id":"\u0061"},"action":{"name":"r"},"#,
            r#""context":{"n":[1.5e3,null]}}"#,
        );
        let mut body = BODY.as_bytes().to_vec();
        body[at] = byte;
        // A strict reader of the same grammar accepts whatever this reader accepts.
        if read_object(&body, 64).is_ok() {
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
        }
    }
}
