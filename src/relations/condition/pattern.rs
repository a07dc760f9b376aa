//! Regular expressions of `matches`: RE2's syntax, on the `regex` crate.
//!
//! The two agree but for a few places where the same text means more here: `\d`, `\w`, `\s` and `\b` are Unicode's
//! where RE2 means ASCII's, and within brackets `[`, `&&`, `--` and `~~` are operators. [`compile`] rewrites those, so
//! that no pattern matches more than OpenFGA would let it.

use regex::{Regex, RegexBuilder};

/// Memory for one compiled pattern: some hundred times what the patterns of real models take.
const MAX_COMPILED_BYTES: usize = 1024 * 1024;

/// Compiles a pattern of RE2; `None` where it is none, or takes too much memory.
pub(super) fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&rewrite(pattern)?).size_limit(MAX_COMPILED_BYTES).dfa_size_limit(MAX_COMPILED_BYTES).build().ok()
}

fn rewrite(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let mut in_brackets = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                let escaped = chars.next()?;
                match ascii_class(escaped) {
                    Some(class) => out.push_str(class),
                    None if !in_brackets && matches!(escaped, 'b' | 'B') => {
                        out.push_str(if escaped == 'b' { r"(?-u:\b)" } else { r"(?-u:\B)" });
                    }
                    // The braces of `\x{…}` and `\p{…}` follow as they are.
                    None => out.extend(['\\', escaped]),
                }
            }
            '[' if !in_brackets => {
                in_brackets = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket that comes first is a member.
                if chars.next_if_eq(&']').is_some() {
                    out.push_str(r"\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                out.push('[');
                for c in chars.by_ref() {
                    out.push(c);
                    if c == ']' {
                        break;
                    }
                }
            }
            '[' | '&' | '~' if in_brackets => out.extend(['\\', c]),
            ']' if in_brackets => {
                in_brackets = false;
                out.push(']');
            }
            // Two in a row would be a difference; RE2 reads a range or a member, and nobody means either.
            '-' if in_brackets && chars.peek() == Some(&'-') => return None,
            _ => out.push(c),
        }
    }
    Some(out)
}

fn ascii_class(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            // To ASCII's eyes, é is no letter.
            (r"\bcat\b", "écaté", true),
            (r"^\Bcat", "cat", false),
            ("^[a[b]+$", "a[b", true),
            ("^[a&&b]+$", "a&b", true),
            ("^[]a]+$", "]a", true),
            ("^[^]a]+$", "]", false),
            ("^[[:alpha:]]+$", "ab", true),
            (r"^\x{41}\p{L}$", "Aé", true),
            ("a.c", "aéc", true),
            ("(?i)^ABC$", "abc", true),
        ] {
            assert_eq!(compile(pattern).unwrap().is_match(text), expected, "{pattern} {text}");
        }
        for pattern in ["(", "[", r"\", r"(?=a)", "[a--b]", "((a{1000}){1000}){1000}", r"\Z"] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
    }
}
