//! Tests that written tuples are read back, and that wrong entries are reported with their lines.

use super::*;
use crate::http;
use crate::model::{Number, Record, TupleCondition, TupleKey, Value};
use proptest::prelude::*;
use std::sync::Arc;

const FORMATS: [TupleFormat; 3] = [TupleFormat::Jsonl, TupleFormat::Yaml, TupleFormat::Csv];

fn read(format: TupleFormat, text: impl AsRef<[u8]>) -> Vec<Result<FileEntry, WrongEntry>> {
    format
        .read(TupleSource::new(text.as_ref(), &ReadMeter::default()))
        .collect()
}

fn written(format: TupleFormat, tuples: &[Tuple]) -> String {
    let mut out = Vec::new();
    let mut writer = format.write(&mut out);
    tuples.iter().for_each(|tuple| writer.tuple(tuple).unwrap());
    writer.end().unwrap();
    drop(writer);
    String::from_utf8(out).unwrap()
}

/// Returns the tuples and the errors: `line: message`, with `!` if reading ends there.
fn told(format: TupleFormat, text: impl AsRef<[u8]>) -> Vec<String> {
    let tell = |read: Result<FileEntry, WrongEntry>| match read {
        Ok(FileEntry { line, tuple }) => format!("{line} {}", tuple.key),
        Err(WrongEntry {
            line,
            message,
            is_last,
        }) => format!("{line}{} {message}", if is_last { "!" } else { ":" }),
    };
    read(format, text).into_iter().map(tell).collect()
}

fn id() -> impl Strategy<Value = String> {
    // An id may contain anything except white space, control characters, `:` and `#`.
    let any = "[^\\s\\p{Cc}:#]{1,12}".prop_filter("everyone is no id", |id| id != "*");
    prop_oneof![
        3 => "[a-z0-9]{1,8}",
        2 => any,
        1 => "[\"'\\\\,;*&!|>{}\\[\\]\u{feff}\u{2028}\u{ffff}%@-]{2,9}",
    ]
}

fn number() -> impl Strategy<Value = Value> {
    let digits = prop_oneof![
        "-?[1-9][0-9]{0,40}",
        "-?0\\.[0-9]{1,20}",
        "[1-9]\\.[0-9]{0,3}0e[+-]?[0-9]{1,3}"
    ];
    digits.prop_map(|digits| Value::Number(Number::parse(&digits).unwrap()))
}

fn value() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        "\\PC{0,20}",
        Just("true".into()),
        Just("0x1F".into()),
        Just("~".into()),
        "[a-z]{0,2000}"
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number(),
        texts.prop_map(|text: String| Value::text(text)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec(("\\PC{0,30}", inner), 0..4)
                .prop_map(|members| Value::Record(record(members))),
        ]
    })
}

fn record(members: Vec<(String, Value)>) -> Record {
    members
        .into_iter()
        .map(|(name, value)| (name.into(), value))
        .collect()
}

fn tuple() -> impl Strategy<Value = Tuple> {
    let user = prop_oneof![
        id().prop_map(|id| format!("user:{id}")),
        id().prop_map(|id| format!("team:{id}#member")),
        Just("user:*".to_owned()),
    ];
    let condition = prop::option::of((
        "[a-z_]{1,12}",
        prop::collection::vec(("[a-zA-Z_]{1,9}", value()), 0..4).prop_map(record),
    ));
    (user, "[^\\s\\p{Cc}:#@]{1,12}", id(), condition).prop_map(
        |(user, relation, object, condition)| Tuple {
            key: TupleKey::parse(&user, &relation, &format!("document:{object}")).unwrap(),
            condition: condition.map(|(name, context)| {
                Arc::new(TupleCondition {
                    name: name.into(),
                    context,
                })
            }),
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(tuples in prop::collection::vec(tuple(), 0..8)) {
        for format in FORMATS {
            let text = written(format, &tuples);
            let mut found: Vec<Tuple> = Vec::new();
            for entry in read(format, &text) {
                let refused = |wrong| TestCaseError::fail(format!("{wrong:?}\n{text}"));
                found.push(entry.map_err(refused)?.tuple);
            }
            prop_assert_eq!(&found, &tuples, "{:?}\n{}", format, text);
        }
    }

    #[test]
    fn no_bytes_are_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        prefix in "(- |\\{\"user\":|user_type,)?",
    ) {
        for format in FORMATS {
            let found = read(format, [prefix.as_bytes(), &bytes].concat());
            let ends = |read: &Result<FileEntry, WrongEntry>| match read {
                Ok(_) => false,
                Err(wrong) => wrong.is_last,
            };
            prop_assert!(!found.iter().rev().skip(1).any(ends));
        }
    }
}

#[test]
fn the_formats_are_those_of_the_documentation() {
    let mut conditional = Tuple::from(
        "document:plan#viewer@team:sre#member"
            .parse::<TupleKey>()
            .unwrap(),
    );
    let context = record(vec![
        ("until".into(), Value::from("2027")),
        ("cap".into(), Value::from(3)),
    ]);
    conditional.condition = Some(Arc::new(TupleCondition {
        name: "in_time".into(),
        context,
    }));
    let tuples = [
        "document:plan#viewer@user:*"
            .parse::<TupleKey>()
            .unwrap()
            .into(),
        conditional,
    ];
    for (format, expected) in [
        (
            TupleFormat::Jsonl,
            "{\"user\":\"user:*\",\"relation\":\"viewer\",\"object\":\"document:plan\"}\n\
             {\"user\":\"team:sre#member\",\"relation\":\"viewer\",\"object\":\"document:plan\",\
             \"condition\":{\"name\":\"in_time\",\"context\":{\"cap\":3,\"until\":\"2027\"}}}\n",
        ),
        (
            TupleFormat::Yaml,
            "- user: \"user:*\"\n  relation: \"viewer\"\n  object: \"document:plan\"\n\
             - user: \"team:sre#member\"\n  relation: \"viewer\"\n  object: \"document:plan\"\n  \
             condition: {\"name\":\"in_time\",\"context\":{\"cap\":3,\"until\":\"2027\"}}\n",
        ),
        (
            TupleFormat::Csv,
            "user_type,user_id,user_relation,relation,\
             object_type,object_id,condition_name,condition_context\n\
             user,*,,viewer,document,plan,,\n\
             team,sre,member,viewer,document,plan,in_time,\
             \"{\"\"cap\"\":3,\"\"until\"\":\"\"2027\"\"}\"\n",
        ),
    ] {
        assert_eq!(written(format, &tuples), expected);
    }
    assert_eq!(written(TupleFormat::Yaml, &[]), "[]\n");
    assert_eq!(written(TupleFormat::Jsonl, &[]), "");
    assert!(written(TupleFormat::Csv, &[]).starts_with("user_type,"));
}

#[test]
fn a_wrong_line_is_told_and_the_next_is_read() {
    let lines = "\u{feff}\n{\"user\":\"user:a\",\"relation\":\"r\",\"object\":\"d:1\"}\n\
        {\"user\":\n{\"user\":\"user:a\",\"relation\":\"r\"}\n\
        {\"user\":\"user:a\",\"relation\":\"r\",\"objekt\":\"d:1\",\"object\":\"d:1\"}\n\
        {\"user\":\"a\",\"relation\":\"r\",\"object\":\"d:1\"}\n[]\n\
        {\"user\":\"user:a\",\"relation\":\"r\",\"object\":\"d:1\",\"condition\":{\"name\":7}}\n\
        {\"user\":\"user:b\",\"user\":\"user:c\",\"relation\":\"r\",\"object\":\"d:1\"}\r\n\
        {\"user\":\"user:b\",\"relation\":\"r\",\"object\":\"d:2\",\"condition\":null}";
    assert_eq!(
        told(TupleFormat::Jsonl, lines),
        [
            "2 d:1#r@user:a",
            "3: it is not valid JSON: it ends too early (column 8)",
            "4: `object` is missing: a tuple has `user`, `relation` and `object`",
            "5: `objekt` is not read: a tuple has `user`, `relation`, `object` and `condition`",
            "6: `a` is not a user: write `type:id`, `type:id#relation` or `type:*`",
            "7: it must be an object, not an array",
            "8: `condition.name` must be a string, not a number",
            "9: `user` occurs more than once in its object: send it once",
            "10 d:2#r@user:b",
        ]
    );
}

#[test]
fn csv_takes_its_columns_in_any_order_and_tells_wrong_rows() {
    let rows = "\u{feff}\
        object_id,object_type,relation,user_id,user_type,user_relation,\
        condition_name,condition_context\r\n\
        1,d,r,a,user,,,\r\n\
        \"2\n3\",d,r,a,user,,,\n4,d,r,a\n5,d,r,b,team,member,c,\"{\"\"n\"\":1}\"\n\
        6,d,r,a,user,,,{}\n7,d,r,a,user,,c,{\n8,d,r,*,user,,c,\n";
    assert_eq!(
        told(TupleFormat::Csv, rows),
        [
            "2 d:1#r@user:a",
            "3: `2\n3` is not an object: write `type:id`, with one colon and without `#` or white \
             space in it (`*` alone is no id; percent-encode a colon as `%3A`)",
            "5: it has 4 fields, and the header has 8",
            "6 d:5#r@team:b#member",
            "7: it has a `condition_context` and no `condition_name`",
            "8: in `condition_context`: it is not valid JSON: it ends too early (column 1)",
            "9 d:8#r@user:*",
        ]
    );
    for (header, message) in [
        (
            "",
            "1! there is no header: name the columns in the first line",
        ),
        (
            "user_type,user_id,relation,object_type\n",
            "1! the header has no column `object_id`",
        ),
        (
            "user_type,user_type\n",
            "1! the column `user_type` occurs twice",
        ),
        (
            "user,relation,object\n",
            "1! `user` is not a column: there are user_type, ",
        ),
    ] {
        let found = told(TupleFormat::Csv, header);
        assert!(
            found.len() == 1 && found[0].starts_with(message),
            "{found:?}"
        );
    }
}

#[test]
fn yaml_is_read_item_by_item() {
    let items = "# people\n---\n- user: user:a\n  \
        relation: r\n  object: d:1\n\n- {user: 'user:b', relation: \"r\", object: d:2}\n\
        - user: *a\n  relation: r\n  object: d:3\n- user:a\n\
        - user: user:a\n  relation: r\n  object: d:4\n  condition: {name: c, context: {n: 0x1F}}\n\
        - user: user:a\n  user: user:b\n  relation: r\n  object: d:5\n- user: user:a\n  \
        relation: r\n  object: d:6\n  condition:\n    name: c\n    context:\n      n: 1.50\n      \
        at: 2027-01-01T00:00:00Z\n      ok: true\n      no: ~\n      yes: yes\n...\n";
    let expected = [
        "3 d:1#r@user:a",
        "7 d:2#r@user:b",
        "8! it is not valid YAML: while parsing node, found unknown anchor",
    ];
    assert_eq!(told(TupleFormat::Yaml, items), expected);
    let items = items.replace("*a", "&a user:a");
    let found = read(TupleFormat::Yaml, &items);
    assert_eq!(
        told(TupleFormat::Yaml, &items),
        [
            expected[0],
            expected[1],
            "8: anchors are not read: write the value out",
            "11: a tuple is a mapping, not a string",
            "12: `0x1F` can be read in two ways: quote it, or write it as JSON would",
            "16: `user` occurs twice",
            "20 d:6#r@user:a",
        ]
    );
    let condition = found
        .last()
        .unwrap()
        .as_ref()
        .unwrap()
        .tuple
        .condition
        .clone()
        .unwrap();
    let mut context = String::new();
    http::write_record(&mut context, &condition.context);
    assert_eq!(
        context,
        r#"{"at":"2027-01-01T00:00:00Z","n":1.50,"no":null,"ok":true,"yes":"yes"}"#
    );

    for (text, message) in [
        ("", vec![]),
        ("---\n", vec![]),
        ("[]", vec![]),
        (
            "user: user:a\n",
            vec!["1! it is no list: write `- user: …` for each tuple"],
        ),
        (
            "[]\n---\n[]\n",
            vec!["2! behind the list stands something else: write one list"],
        ),
        ("- [\n", vec!["1! it is not valid YAML: "]),
    ] {
        let found = told(TupleFormat::Yaml, text);
        let fits = found.len() == message.len()
            && found
                .iter()
                .zip(&message)
                .all(|(found, it)| found.starts_with(it));
        assert!(fits, "{text}: {found:?}");
    }
}

/// A quote that is never closed is reported before the whole file is in memory.
#[test]
fn an_entry_has_a_limit() {
    struct Endless(&'static [u8]);
    impl io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                into.fill(b'a');
                return Ok(into.len());
            }
            self.0.read(into)
        }
    }
    let header: &[u8] = b"user_type,user_id,relation,object_type,object_id\nuser,a,r,d,1\nuser,\"";
    for (format, text, line) in [
        (
            TupleFormat::Jsonl,
            &b"{\"user\":\"user:a\",\"relation\":\"r\",\"object\":\"d:1\"}\n\"user:"[..],
            2,
        ),
        (
            TupleFormat::Yaml,
            b"- {user: 'user:a', relation: r, object: d:1}\n- user: \"",
            2,
        ),
        (TupleFormat::Csv, header, 3),
    ] {
        let found: Vec<_> = format
            .read(TupleSource::new(Endless(text), &ReadMeter::default()))
            .collect();
        let [
            Ok(_),
            Err(WrongEntry {
                line: told,
                message,
                is_last: true,
            }),
        ] = found.as_slice()
        else {
            panic!("{format:?}: {found:?}")
        };
        assert_eq!(
            message,
            "an entry has more than 1048576 bytes: is a quote not closed?"
        );
        assert!((line - 1..=line).contains(told), "{format:?}: {told}");
    }
}

#[test]
fn a_name_tells_the_format() {
    for (name, format) in [
        ("a.jsonl", TupleFormat::Jsonl),
        ("a.NDJSON", TupleFormat::Jsonl),
        ("b/a.yml", TupleFormat::Yaml),
        ("a.b.csv", TupleFormat::Csv),
    ] {
        assert_eq!(TupleFormat::of_name(Path::new(name)), Ok(format));
    }
    for (name, help) in [
        ("a.json", "turn an array into lines with `jq -c '.[]'`"),
        ("a", "say `--format jsonl`"),
    ] {
        assert!(
            TupleFormat::of_name(Path::new(name))
                .unwrap_err()
                .help
                .unwrap()
                .starts_with(help),
            "{name}"
        );
    }
}
