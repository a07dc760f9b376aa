//! Writes what a server says into Cedar and YAML so that it stays where it was put.
//!
//! INVARIANT: what comes out of these functions holds no line end and no control character. A
//! quoted text ends with its own quote only, and a comment with its line only.

use std::fmt::Write as _;

/// The longest comment that is taken over from a description, in characters.
const MAX_COMMENT: usize = 90;

/// Names that mean something in Cedar, and are quoted where they name a member.
const RESERVED: [&str; 20] = [
    "action",
    "appliesTo",
    "context",
    "else",
    "entity",
    "enum",
    "false",
    "has",
    "if",
    "in",
    "is",
    "like",
    "namespace",
    "principal",
    "resource",
    "tags",
    "then",
    "true",
    "type",
    "Set",
];

/// Returns a string of Cedar: a letter or a digit stands for itself, whatever else is not printable
/// ASCII as its code.
pub(super) fn cedar_string(text: &str) -> String {
    quoted(text, |code, out| {
        let _ = write!(out, "\\u{{{code:x}}}");
    })
}

/// Returns a string of YAML in double quotes, which is one of JSON unless it has characters beyond
/// the first 65,536.
pub(super) fn yaml_string(text: &str) -> String {
    quoted(text, |code, out| {
        let _ = if code > 0xffff {
            write!(out, "\\U{code:08x}")
        } else {
            write!(out, "\\u{code:04x}")
        };
    })
}

/// Returns the name of a member, quoted unless it is an identifier that means nothing else.
pub(super) fn cedar_member(name: &str) -> String {
    let mut chars = name.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic());
    let is_plain = begins && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain && !RESERVED.contains(&name) {
        name.to_owned()
    } else {
        cedar_string(name)
    }
}

/// Returns what may stand in a comment: letters, digits and ASCII of the text, on one line.
pub(super) fn comment(text: &str) -> String {
    let readable = |c: char| {
        if c.is_alphanumeric() || c.is_ascii_graphic() {
            c
        } else {
            ' '
        }
    };
    let mut words = String::new();
    let mut count = 0;
    let mut is_gap = false;
    for c in text.chars().map(readable) {
        if c == ' ' {
            is_gap = count > 0;
            continue;
        }
        if count >= MAX_COMMENT {
            words.push('…');
            break;
        }
        if is_gap {
            words.push(' ');
            count += 1;
            is_gap = false;
        }
        words.push(c);
        count += 1;
    }
    words
}

fn quoted(text: &str, escape: impl Fn(u32, &mut String)) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            _ if c.is_alphanumeric() => out.push(c),
            _ => escape(u32::from(c), &mut out),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\"; permit(); \\\n// */ \u{2028}\u{202e}é\u{1f600}\u{0}";

    #[test]
    fn a_quoted_text_ends_with_its_own_quote() {
        assert_eq!(
            cedar_string(HOSTILE),
            r#""a\"; permit(); \\\u{a}// */ \u{2028}\u{202e}é\u{1f600}\u{0}""#
        );
        assert_eq!(
            yaml_string(HOSTILE),
            r#""a\"; permit(); \\\u000a// */ \u2028\u202eé\U0001f600\u0000""#
        );
    }

    #[test]
    fn a_comment_is_one_line() {
        assert_eq!(comment(HOSTILE), "a\"; permit(); \\ // */ é");
        assert_eq!(comment(" \n\t "), "");
        let long = comment(&"x ".repeat(100));
        assert!(
            long.ends_with('…') && long.chars().count() <= MAX_COMMENT + 2,
            "{long}"
        );
    }

    #[test]
    fn a_member_is_quoted_where_its_name_says_more() {
        for (name, written) in [
            ("path", "path"),
            ("in", "\"in\""),
            ("_meta", "\"_meta\""),
            ("dry-run", "\"dry-run\""),
            ("1st", "\"1st\""),
            ("", "\"\""),
            ("größe", "\"größe\""),
        ] {
            assert_eq!(cedar_member(name), written);
        }
    }
}
