//! The tokens of a text in Cedar's syntax, for tools that read texts that do not parse: a person
//! who types has an unfinished file most of the time.

use super::lexer::{CedarToken, CedarTokens};

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CedarWordKind {
    /// A name or a keyword.
    Name,
    /// A string, with its quotation marks.
    Text,
    /// Any other character.
    Mark,
}

/// A token of a policy or a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CedarWord<'t> {
    /// The kind.
    pub kind: CedarWordKind,
    /// The byte at which it begins.
    pub at: usize,
    /// The token as it is written.
    pub text: &'t str,
}

impl<'t> CedarWord<'t> {
    /// Returns the byte behind the token.
    #[must_use]
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }

    /// Returns the content of a string; of anything else, the token itself. Escapes stay as they
    /// are written.
    #[must_use]
    pub fn content(&self) -> &'t str {
        let inner = self
            .text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        inner
            .filter(|_| self.kind == CedarWordKind::Text)
            .unwrap_or(self.text)
    }
}

/// Splits a text into tokens, without white space and comments.
#[must_use]
pub fn cedar_words(text: &str) -> Vec<CedarWord<'_>> {
    let mut tokens = CedarTokens::of(text);
    let mut words = Vec::new();
    while let Some((at, token)) = tokens.next() {
        let kind = match token {
            CedarToken::Word(_) => CedarWordKind::Name,
            CedarToken::Text => CedarWordKind::Text,
            CedarToken::Mark(_) => CedarWordKind::Mark,
        };
        let text = text.get(at..tokens.at()).unwrap_or_default();
        words.push(CedarWord { kind, at, text });
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_text_without_what_lies_between() {
        let text = "@id(\"é\") // no\npermit (principal is A::B, \"un";
        let words = cedar_words(text);
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        let expected = [
            "@",
            "id",
            "(",
            "\"é\"",
            ")",
            "permit",
            "(",
            "principal",
            "is",
            "A",
            ":",
            ":",
            "B",
            ",",
            "\"",
            "un",
        ];
        assert_eq!(texts, expected);
        assert!(
            words
                .iter()
                .all(|word| &text[word.at..word.end()] == word.text)
        );
        assert_eq!(words[3].content(), "é");
        assert_eq!(words[14].content(), "\"");
    }
}
