//! Reads the body of a condition: an expression between braces, taken as text.
//!
//! The body ends at the brace that closes the first one; braces in strings do not count. Comments
//! of the DSL are removed, because `#` means nothing in an expression.

/// Returns the expression up to the closing brace, and how many bytes were read, that brace
/// included. Returns `None` if no brace closes it.
pub(super) fn read(rest: &str) -> Option<(String, usize)> {
    let mut scan = BodyScan {
        rest,
        at: 0,
        kept: String::new(),
    };
    let mut open = 1_usize;
    while let Some(c) = scan.peek() {
        match c {
            '{' => open += 1,
            '}' => {
                open -= 1;
                if open == 0 {
                    return Some((trim(&scan.kept), scan.at + 1));
                }
            }
            '\'' | '"' => {
                scan.string(c);
                continue;
            }
            '#' if scan.begins_comment() => {
                scan.drop_line();
                continue;
            }
            '/' if scan.rest_now().starts_with("//") => {
                scan.keep_line();
                continue;
            }
            _ => {}
        }
        scan.keep();
    }
    None
}

struct BodyScan<'a> {
    rest: &'a str,
    at: usize,
    kept: String,
}

impl<'a> BodyScan<'a> {
    fn rest_now(&self) -> &'a str {
        self.rest.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest_now().chars().next()
    }

    fn keep(&mut self) {
        if let Some(c) = self.peek() {
            self.kept.push(c);
            self.at += c.len_utf8();
        }
    }

    fn begins_comment(&self) -> bool {
        self.kept
            .chars()
            .next_back()
            .is_none_or(char::is_whitespace)
    }

    fn drop_line(&mut self) {
        self.at += self.rest_now().find('\n').unwrap_or(self.rest_now().len());
    }

    /// Copies a `//` comment of the expression: an apostrophe in it begins no string.
    fn keep_line(&mut self) {
        while self.peek().is_some_and(|c| c != '\n') {
            self.keep();
        }
    }

    /// Copies a string, with one quote or three, raw or not; in a raw string, a backslash escapes
    /// nothing.
    fn string(&mut self, quote: char) {
        let mut before = self.kept.chars().rev();
        let raw = match before.next() {
            Some('r' | 'R') => before
                .next()
                .is_none_or(|c| !is_name(c) || matches!(c, 'b' | 'B')),
            Some('b' | 'B') => matches!(before.next(), Some('r' | 'R')),
            _ => false,
        };
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let end = if self.rest_now().starts_with(&triple) {
            triple
        } else {
            quote.to_string()
        };
        (0..end.len()).for_each(|_| self.keep());
        while self.peek().is_some() && !self.rest_now().starts_with(&end) {
            if self.peek() == Some('\\') && !raw {
                self.keep();
            }
            self.keep();
        }
        (0..end.len()).for_each(|_| self.keep());
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Removes the white space around the text and at the ends of lines, where removed comments leave
/// it.
fn trim(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}
