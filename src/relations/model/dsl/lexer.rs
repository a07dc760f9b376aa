//! Splits text into tokens and drops comments. A comment begins with `#` at the start of a line or
//! after white space.

/// A token and its position in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DslToken<'a> {
    pub(super) kind: DslTokenKind<'a>,
    pub(super) offset: usize,
    pub(super) len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DslTokenKind<'a> {
    /// A name or a keyword; the context decides which, since `type` may be the name of a relation.
    Word(&'a str),
    /// One of `[ ] ( ) < > { } : , # *`.
    Mark(char),
    /// The end of one or more lines.
    Line,
    /// Any other character.
    Stray(char),
    End,
}

impl DslTokenKind<'_> {
    /// Describes the token for a message.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Mark(mark) | Self::Stray(mark) => format!("`{}`", mark.escape_debug()),
            Self::Line => "the end of the line".to_owned(),
            Self::End => "the end of the text".to_owned(),
        }
    }
}

/// Reads tokens one by one. The body of a condition does not consist of these tokens: the parser
/// reads it as text.
#[derive(Debug)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// The first word that is written like a Cedar type in a namespace, and its position. It is
    /// read as one word, so an author who writes `Notes::User` throughout gets one problem.
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

    /// Returns the first word with `::` in it, as a token.
    pub(super) fn namespaced(&self) -> Option<DslToken<'a>> {
        self.namespaced.map(|(word, offset)| DslToken {
            kind: DslTokenKind::Word(word),
            offset,
            len: word.len(),
        })
    }

    /// Returns the text that is not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips `bytes` bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.text.len());
    }

    /// Reads the next token.
    pub(super) fn next(&mut self) -> DslToken<'a> {
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
            return DslToken {
                kind: DslTokenKind::Line,
                offset,
                len: 0,
            };
        }
        let rest = self.rest();
        let offset = self.at;
        let Some(c) = rest.chars().next() else {
            return DslToken {
                kind: DslTokenKind::End,
                offset,
                len: 0,
            };
        };
        let (kind, len) = match c {
            '[' | ']' | '(' | ')' | '<' | '>' | '{' | '}' | ':' | ',' | '#' | '*' => {
                (DslTokenKind::Mark(c), 1)
            }
            c if is_word(c) => {
                let len = word_len(rest);
                let whole = namespaced_len(rest, len);
                let word = rest.get(..whole).unwrap_or_default();
                if whole > len {
                    self.namespaced.get_or_insert((word, offset));
                }
                (DslTokenKind::Word(word), whole)
            }
            c => (DslTokenKind::Stray(c), c.len_utf8()),
        };
        self.skip(len);
        DslToken { kind, offset, len }
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

/// Returns the length of the names joined by `::` at the start of the text; `first` is the length
/// of the first name.
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

/// Returns `true` if a name in DSL may have this character. JSON allows more.
pub(super) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')
}
