//! The example of all settings says what the service does.

use crate::{load_text, refused};
use std::collections::BTreeSet;

pub(crate) const EXAMPLE: &str = include_str!("../../behest.example.toml");

/// What stands in the examples for a secret: it is refused as it is.
const PLACEHOLDERS: [&str; 4] = [
    "<the SHA-256 of its key>",
    "<the SHA-256 of its old key>",
    "<the SHA-256 of its new key>",
    "<64 hexadecimal digits>",
];

/// The example with the settings that are commented out.
fn whole_example() -> String {
    let uncomment = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    };
    EXAMPLE
        .lines()
        .map(uncomment)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The same with secrets in the places of the placeholders.
pub(crate) fn filled_example() -> String {
    let secrets = ["0123", "4567", "89ab", "cdef"].map(|digits| digits.repeat(16));
    // A socket's mode and group are refused where there is no socket.
    let text = whole_example().replace("\"127.0.0.1:8181\"", "\"unix:/run/behest.sock\"");
    PLACEHOLDERS
        .iter()
        .zip(secrets)
        .fold(text, |text, (placeholder, digits)| {
            assert!(text.contains(placeholder), "{placeholder}");
            // No secret may have only few different bytes.
            let secret = format!("0123456789abcdef{}", &digits[..48]);
            text.replace(placeholder, &secret)
        })
}

#[test]
fn the_example_cannot_be_pasted_with_its_secrets() {
    for text in [
        whole_example(),
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap(),
    ] {
        assert!(
            !text.contains("9f86d081") && !text.contains("0c2ee2d1"),
            "a secret that was published"
        );
    }
    let found = refused(&whole_example(), &[], &[]);
    assert!(
        found[0].contains("the value is not 64 hexadecimal digits"),
        "{found:?}"
    );
}

#[test]
fn the_example_is_valid_and_shows_the_defaults() {
    let defaults = format!("{:?}", load_text("", &[], &[]).unwrap());
    assert_eq!(
        format!("{:?}", load_text(EXAMPLE, &[], &[]).unwrap()),
        defaults
    );
    load_text(&filled_example(), &[], &[]).unwrap();
}

#[test]
fn the_example_has_every_setting() {
    let known = |table: &str| -> BTreeSet<String> {
        let found = refused(&format!("{table}\nno_such_key = 1"), &[], &[]);
        found[0]
            .split('`')
            .skip_while(|part| !part.contains("here there are"))
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let example: toml::Table = toml::from_str(&filled_example()).unwrap();
    let keys = |table: &toml::Table| table.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&example), known(""));
    for name in [
        "record",
        "log",
        "telemetry",
        "limits",
        "search",
        "reload",
        "tls",
        "socket",
    ] {
        assert_eq!(
            keys(example[name].as_table().unwrap()),
            known(&format!("[{name}]")),
            "{name}"
        );
    }
    for name in ["callers", "issuers", "trust_domains"] {
        let shown = example[name]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|one| keys(one.as_table().unwrap()));
        assert_eq!(
            shown.collect::<BTreeSet<_>>(),
            known(&format!("[[{name}]]")),
            "{name}"
        );
    }
}
