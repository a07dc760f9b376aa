//! Splits Cedar texts into tokens as Cedar's own lexer does, since the bound on nesting must read a
//! text exactly as Cedar does.
//!
//! INVARIANT: where Cedar reads a token, this reads the same one. A comment ends at a line feed or
//! at a carriage return. A string has no line feed after a backslash. Cedar stops reading at an
//! invalid string, while here everything after its quotation mark counts. A property test compares
//! the two.

/// A token; [`CedarTokens`] yields it with the byte at which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) enum CedarToken<'t> {
    /// A name or a keyword.
    Word(&'t str),
    /// A string.
    Text,
    /// Any other character.
    Mark(char),
}

/// An iterator over the tokens of a text, without white space and comments.
#[derive(Clone, Debug)]
pub(in crate::policy) struct CedarTokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> CedarTokens<'t> {
    pub(in crate::policy) fn of(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns the byte behind the token that was read last.
    pub(in crate::policy) fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_comments(&mut self) {
        loop {
            self.at += leading(self.rest(), char::is_whitespace);
            if !self.rest().starts_with("//") {
                return;
            }
            self.at += leading(self.rest(), |c| !matches!(c, '\n' | '\r'));
        }
    }
}

impl<'t> Iterator for CedarTokens<'t> {
    type Item = (usize, CedarToken<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_comments();
        let at = self.at;
        let rest = self.rest();
        let first = rest.chars().next()?;
        let (token, len) = match first {
            '"' => string(rest).map_or((CedarToken::Mark(first), 1), |len| (CedarToken::Text, len)),
            '_' | 'a'..='z' | 'A'..='Z' => {
                let len = leading(rest, |c| c.is_ascii_alphanumeric() || c == '_');
                (CedarToken::Word(rest.get(..len).unwrap_or_default()), len)
            }
            _ => (CedarToken::Mark(first), first.len_utf8()),
        };
        self.at += len;
        Some((at, token))
    }
}

/// Returns the length in bytes of the leading characters that are all of this kind.
fn leading(text: &str, is_kind: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is_kind(c)).unwrap_or(text.len())
}

/// Returns the length of the string at the beginning of a text: `"(\\.|[^"\\])*"`, in which `.`
/// matches no line feed.
fn string(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().skip(1);
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some(at + 1),
            '\\' => drop(characters.next().filter(|(_, escaped)| *escaped != '\n')?),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<CedarToken<'_>> {
        CedarTokens::of(text).map(|(_, token)| token).collect()
    }

    #[test]
    fn comments_end_at_either_end_of_a_line_and_strings_at_their_own() {
        use CedarToken::{Mark, Text, Word};
        for (text, expected) in [
            ("a // (\n)", vec![Word("a"), Mark(')')]),
            ("a // (\r)", vec![Word("a"), Mark(')')]),
            ("a // (\r\n)", vec![Word("a"), Mark(')')]),
            ("a // (\u{2028})", vec![Word("a")]),
            ("a // (\u{85})\u{b}", vec![Word("a")]),
            ("\"//\" b", vec![Text, Word("b")]),
            ("\"\\\"(\" b", vec![Text, Word("b")]),
            ("\"(\n\" b", vec![Text, Word("b")]),
            (
                "\"\\\n(\"",
                vec![Mark('"'), Mark('\\'), Mark('('), Mark('"')],
            ),
            ("\"(", vec![Mark('"'), Mark('(')]),
            (
                "1if é if",
                vec![Mark('1'), Word("if"), Mark('é'), Word("if")],
            ),
            ("/ / a", vec![Mark('/'), Mark('/'), Word("a")]),
            ("\u{a0}a\u{3000}b", vec![Word("a"), Word("b")]),
        ] {
            assert_eq!(tokens(text), expected, "{text:?}");
        }
    }
}
