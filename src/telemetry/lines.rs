//! Writes log lines so that each stays one line, and a terminal shows what was written.
//!
//! Messages contain texts of libraries and requests. The layer that formats them escapes the
//! control characters that it knows; line ends and direction marks remain, and are escaped here.

use super::printable::{is_printable, write_json_escape, write_printable};
use std::io::{self, Write};

/// The beginning of each continued line, so that nothing in a message looks like a line of its own.
const CONTINUED: &str = "\n  | ";

/// The form in which lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineForm {
    /// Text for people; with colours, it contains escape sequences of the formatter.
    Text {
        /// Whether colours are used.
        colour: bool,
    },
    /// JSON.
    Json,
}

/// A writer that passes on each line as a whole.
#[derive(Debug)]
pub(super) struct LineWriter<W> {
    to: W,
    form: LineForm,
}

impl<W> LineWriter<W> {
    pub(super) fn new(to: W, form: LineForm) -> Self {
        Self { to, form }
    }
}

impl<W: Write> Write for LineWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (&*text, ""),
        };
        if text.chars().all(is_printable) {
            self.to.write_all(line)?;
            return Ok(line.len());
        }
        let mut out = String::with_capacity(text.len() + 64);
        for c in text.chars() {
            // Writing to a string cannot fail.
            let _written = match (self.form, c) {
                (_, c) if is_printable(c) => {
                    out.push(c);
                    Ok(())
                }
                (LineForm::Text { .. }, '\n') => {
                    out.push_str(CONTINUED);
                    Ok(())
                }
                (LineForm::Text { colour: true }, '\u{1b}') => {
                    out.push(c);
                    Ok(())
                }
                (LineForm::Text { .. }, c) => write_printable(&mut out, c.encode_utf8(&mut [0; 4])),
                (LineForm::Json, c) => write_json_escape(&mut out, c),
            };
        }
        out.push_str(end);
        self.to.write_all(out.as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: LineForm, line: &str) -> String {
        let mut out = Vec::new();
        LineWriter::new(&mut out, form)
            .write_all(line.as_bytes())
            .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn one_line_stays_one_line() {
        let text = LineForm::Text { colour: false };
        assert_eq!(written(text, "all is well\n"), "all is well\n");
        let forged = "refused: a\u{2028}b\u{85}c\rd\n2026-10-01 ERROR forged\n";
        let expected = "refused: a\\u{2028}b\\u{85}c\\rd\n  | 2026-10-01 ERROR forged\n";
        assert_eq!(written(text, forged), expected);
        assert_eq!(
            written(text, "\u{1b}[31m\u{202e}x\n"),
            "\\u{1b}[31m\\u{202e}x\n"
        );
        assert_eq!(
            written(LineForm::Text { colour: true }, "\u{1b}[31mx\u{9b}\n"),
            "\u{1b}[31mx\\u{9b}\n"
        );
        let json = "{\"message\":\"a\u{2028}b\u{85}\u{202e}\u{E0041}\"}\n";
        let line = written(LineForm::Json, json);
        assert_eq!(
            line,
            "{\"message\":\"a\\u2028b\\u0085\\u202e\\udb40\\udc41\"}\n"
        );
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&line), read(json));
    }
}
