//! Tests of patterns against Go's `regexp`, which is RE2 and compiles OpenFGA's patterns.

use super::*;

/// The first line holds texts. Each other line holds a pattern and, for each text, whether it
/// matches, or nothing if Go refuses the pattern. Go 1.26 wrote the file from random combinations
/// of tokens.
const GO: &str = include_str!("go.jsonl");

#[test]
fn patterns_match_what_re2_matches() {
    for (pattern, text, expected) in [
        (r"^\d+$", "42", true),
        (r"^\d+$", "٤٢", false),
        (r"^[\d.]+$", "4.2", true),
        (r"^[\d.]+$", "٤", false),
        (r"^[^\d]+$", "ab", true),
        (r"^[^\D]+$", "42", true),
        (r"^\w+$", "é", false),
        (r"\bcat\b", "a cat.", true),
        // In ASCII, é is not a letter.
        (r"\bcat\b", "écaté", true),
        (r"^\Bcat", "cat", false),
        ("^[a[b]+$", "a[b", true),
        ("^[a&&b]+$", "a&b", true),
        ("^[]a]+$", "]a", true),
        ("^[^]a]+$", "]", false),
        ("^[[:alpha:]]+$", "ab", true),
        (r"^\x{41}\p{L}$", "Aé", true),
        (r"^\141\Q.*\E$", "a.*", true),
        (r"^a{,3}{$", "a{,3}{", true),
        (r"^\p{Greek}\P{^Greek}\pL$", "ΩΩa", true),
        ("a.c", "aéc", true),
        ("(?i)^ABC$", "abc", true),
    ] {
        assert_eq!(
            compile(pattern).unwrap().is_match(text),
            expected,
            "{pattern} {text}"
        );
    }
}

#[test]
fn what_re2_refuses_is_refused() {
    for pattern in [
        "(",
        "[",
        r"\",
        r"(?=a)",
        "[a--b]",
        "((a{1000}){1000}){1000}",
        "(a{100}){11}",
        r"\Z",
        r"\C",
        "(?x)a b",
        r"\<ab",
        "(?u:a)",
        r"\u0061",
        "a**",
        "a+{2}",
        "a{1001}",
        "a{3,2}",
        r"[\b]",
        r"\pX",
        r"\p{greek}",
        r"\p{Alphabetic}",
        r"\b{start}x**",
        "(?R)a",
        "(?-u:a)",
        "(?P<>a)",
        r"\8",
        r"\1",
        r"\e",
        "(?#a)",
        "[[:nil:]]",
        "[z-a]",
    ] {
        assert!(compile(pattern).is_none(), "{pattern}");
    }
}

#[test]
fn patterns_agree_with_go() {
    let mut lines = GO.lines();
    let texts: Vec<String> = serde_json::from_str(lines.next().unwrap()).unwrap();
    let (mut alike, mut stricter) = (0, Vec::new());
    for line in lines {
        let (pattern, expected): (String, String) = serde_json::from_str(line).unwrap();
        let found = compile(&pattern).map(|it| {
            let bits = texts
                .iter()
                .map(|text| if it.is_match(text) { '1' } else { '0' });
            bits.collect::<String>()
        });
        match found {
            Some(found) => assert_eq!(found, expected, "{pattern:?}"),
            None if expected.is_empty() => alike += 1,
            None => stricter.push(pattern),
        }
    }
    // Go accepts these and this crate's reader does not: word boundaries, and a repetition after
    // flags or after an empty quotation.
    let is_known = |pattern: &&String| {
        let behind = [")*", ")+", ")?", "){", r"\Q\E", "*(?", "+(?"];
        pattern.contains(r"\<")
            || pattern.contains(r"\>")
            || behind.iter().any(|it| pattern.contains(it))
    };
    let unknown: Vec<_> = stricter
        .iter()
        .filter(|pattern| !is_known(pattern))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(
        alike > 500 && stricter.len() < 150,
        "{alike} {}",
        stricter.len()
    );
}
