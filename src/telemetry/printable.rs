//! Decides which characters are written unchanged in lines for people and machines.
//!
//! **Problem.** Texts of requests appear in logs, records and terminals. A character that begins a
//! new line there, or changes the direction of the text around it, lets a request forge output of
//! the service: U+2028 ends a line for many readers, U+0085 for terminals, and U+202E shows
//! `gpj.exe` as `exe.jpg`.
//! **Decision.** One function says which characters are shown unchanged. Every writer of lines
//! escapes the others.

use std::fmt::{self, Write};

/// Returns `true` for a character that is shown unchanged: not a control character of either set,
/// not the end of a line or a paragraph, not a direction mark, not an invisible mark.
#[must_use]
pub fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        // Direction marks, line ends, and invisible characters.
        '\u{061C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}' => false,
        c => !c.is_control(),
    }
}

/// Writes a text and escapes characters that are not printable as Rust does, `\u{202e}`; quotes are
/// not escaped.
pub fn write_printable(out: &mut impl Write, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some(at) = rest.find(|c| !is_printable(c)) {
        let (before, from) = rest.split_at(at);
        out.write_str(before)?;
        let mut characters = from.chars();
        match characters.next() {
            Some('\n') => out.write_str("\\n")?,
            Some('\r') => out.write_str("\\r")?,
            Some('\t') => out.write_str("\\t")?,
            Some(c) => write!(out, "{}", c.escape_unicode())?,
            None => {}
        }
        rest = characters.as_str();
    }
    out.write_str(rest)
}

/// Writes a character into a JSON string as a `\u` escape.
pub fn write_json_escape(out: &mut impl Write, c: char) -> fmt::Result {
    c.encode_utf16(&mut [0; 2])
        .iter()
        .try_for_each(|unit| write!(out, "\\u{unit:04x}"))
}

/// Returns a text with characters that are not printable escaped as by [`write_printable`].
#[must_use]
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a string cannot fail.
    let _written = write_printable(&mut out, text);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_line_or_fools_a_reader_is_written_as_its_number() {
        for (text, expected) in [
            ("plan é 漢 🦀 'a' \"b\" \\", "plan é 漢 🦀 'a' \"b\" \\"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            (
                "a\u{2028}b\u{2029}c\u{85}d",
                "a\\u{2028}b\\u{2029}c\\u{85}d",
            ),
            ("\u{1b}[31m\u{9b}31m\u{7f}", "\\u{1b}[31m\\u{9b}31m\\u{7f}"),
            (
                "\u{202e}gpj.exe\u{2066}\u{200f}\u{feff}",
                "\\u{202e}gpj.exe\\u{2066}\\u{200f}\\u{feff}",
            ),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
