//! Text to tokens. Comments are dropped: `#` at the beginning of a line or after white space.

/// A token, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) offset: usize,
    pub(super) len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A name or a keyword, which depends on where it stands: `type` may be the name of a relation.
    Word(&'a str),
    /// One of `[ ] ( ) < > { } : , # *`.
    Mark(char),
    /// The end of one or more lines.
    Line,
    /// Any other character.
    Stray(char),
    End,
}

impl Kind<'_> {
    /// What this is, as messages say it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Mark(mark) | Self::Stray(mark) => format!("`{}`", mark.escape_debug()),
            Self::Line => "the end of the line".to_owned(),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

/// Reads tokens one by one. The body of a condition is not made of these tokens: the parser takes it as text.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What is not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Leaves out that many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Token<'a> {
        let mut first_line_end = None;
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else { break };
            match c {
                '\n' => {
                    first_line_end.get_or_insert(self.at);
                    self.skip(1);
                }
                '#' if self.begins_comment() => self.skip(rest.find('\n').unwrap_or(rest.len())),
                c if c.is_whitespace() => self.skip(c.len_utf8()),
                _ => break,
            }
        }
        if let Some(offset) = first_line_end {
            return Token { kind: Kind::Line, offset, len: 0 };
        }
        let (rest, offset) = (self.rest(), self.at);
        let Some(c) = rest.chars().next() else { return Token { kind: Kind::End, offset, len: 0 } };
        let (kind, len) = match c {
            '[' | ']' | '(' | ')' | '<' | '>' | '{' | '}' | ':' | ',' | '#' | '*' => (Kind::Mark(c), 1),
            c if is_word(c) => {
                let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                (Kind::Word(rest.get(..len).unwrap_or_default()), len)
            }
            c => (Kind::Stray(c), c.len_utf8()),
        };
        self.skip(len);
        Token { kind, offset, len }
    }

    fn begins_comment(&self) -> bool {
        self.text.get(..self.at).is_none_or(|before| before.chars().next_back().is_none_or(char::is_whitespace))
    }
}

/// Whether a name can hold this character in DSL. JSON allows more.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}
