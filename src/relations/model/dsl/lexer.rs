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

/// Reads tokens one by one. The body of a condition is not made of these tokens: the parser takes
/// it as text.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// The first word that is written as Cedar writes a type in a namespace, and where it stands.
    /// It is read as one word: whoever writes `Notes::User` does so throughout, and makes one
    /// mistake.
    namespaced: Option<(&'a str, usize)>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            namespaced: None,
        }
    }

    /// The first word with `::` in it, as a token of its own.
    pub(super) fn namespaced(&self) -> Option<Token<'a>> {
        self.namespaced.map(|(word, offset)| Token {
            kind: Kind::Word(word),
            offset,
            len: word.len(),
        })
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
            return Token {
                kind: Kind::Line,
                offset,
                len: 0,
            };
        }
        let (rest, offset) = (self.rest(), self.at);
        let Some(c) = rest.chars().next() else {
            return Token {
                kind: Kind::End,
                offset,
                len: 0,
            };
        };
        let (kind, len) = match c {
            '[' | ']' | '(' | ')' | '<' | '>' | '{' | '}' | ':' | ',' | '#' | '*' => {
                (Kind::Mark(c), 1)
            }
            c if is_word(c) => {
                let len = word_len(rest);
                let whole = namespaced_len(rest, len);
                let word = rest.get(..whole).unwrap_or_default();
                if whole > len {
                    self.namespaced.get_or_insert((word, offset));
                }
                (Kind::Word(word), whole)
            }
            c => (Kind::Stray(c), c.len_utf8()),
        };
        self.skip(len);
        Token { kind, offset, len }
    }

    fn begins_comment(&self) -> bool {
        self.text
            .get(..self.at)
            .is_none_or(|before| before.chars().next_back().is_none_or(char::is_whitespace))
    }
}

fn word_len(text: &str) -> usize {
    text.find(|c| !is_word(c)).unwrap_or(text.len())
}

/// The length of the names that begin the text, each but the first behind `::`; `first` is that of
/// the first.
fn namespaced_len(text: &str, first: usize) -> usize {
    let mut len = first;
    while let Some(rest) = text.get(len..).and_then(|rest| rest.strip_prefix("::")) {
        match word_len(rest) {
            0 => break,
            more => len += "::".len() + more,
        }
    }
    len
}

/// Whether a name can hold this character in DSL. JSON allows more.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}
