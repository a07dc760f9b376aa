//! A YAML list of tuples, read as a stream of events: each item is built, returned and dropped.
//!
//! A plain scalar has the value that it would have in JSON (`true`, `null`, `-1.50` with its
//! digits), or else is text. Other spellings of numbers are refused: YAML reads `0x1F` as 31, but a
//! condition that compares texts would see another value.

use super::entry::tuple_of;
use super::error::EntryError;
use super::source::{ReadMeter, TupleSource};
use super::{FileEntry, MAX_ENTRY_BYTES, WriteTuples, WrongEntry, json};
use crate::http;
use crate::model::{Number, Record, Tuple, Value};
use granit_parser::{
    ErrorKind, Event, FallibleBufferedInput, InputIoError, Parser, ScalarStyle, ScanError, options,
};
use smol_str::SmolStr;
use std::io::{self, BufRead, Read, Write};

/// Reads the entries of a source.
pub(super) struct YamlEntries<'a> {
    parser: Parser<'static, FallibleBufferedInput<SourceChars<'a>>>,
    meter: ReadMeter,
    state: YamlState,
    /// The line of the last event.
    line: u64,
    /// The first error in the item that is being built.
    wrong: Option<EntryError>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum YamlState {
    Before,
    InList,
    Ended,
}

impl<'a> YamlEntries<'a> {
    pub(super) fn new(source: TupleSource<'a>) -> Self {
        let meter = source.meter.clone();
        let chars = SourceChars {
            source,
            text: String::new(),
            at: 0,
        };
        // A quoted member name may be longer than YAML's limit of 1,024 characters.
        let mut options =
            options! { simple_key_max_lookahead: MAX_ENTRY_BYTES, disallow_directives: true };
        options.set_emit_comments(false);
        let parser = Parser::new_from_fallible_iter_with_options(chars, options);
        Self {
            parser,
            meter,
            state: YamlState::Before,
            line: 1,
            wrong: None,
        }
    }

    fn event(&mut self) -> Result<Event<'static>, WrongEntry> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.line = line_of(span.start.line());
                Ok(event)
            }
            Some(Err(error)) => Err(syntax(&error)),
            None => Err(WrongEntry::file(self.line, "the list ends too early")),
        }
    }

    /// Advances to the first item; returns `false` if the file is empty.
    fn begin(&mut self) -> Result<bool, WrongEntry> {
        loop {
            match self.event()? {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::SequenceStart(..) => return Ok(true),
                Event::Scalar(text, ScalarStyle::Plain, ..)
                    if matches!(text.as_ref(), "" | "~" | "null") => {}
                Event::StreamEnd => return Ok(false),
                _ => {
                    return Err(WrongEntry::file(
                        self.line,
                        "it is no list: write `- user: …` for each tuple",
                    ));
                }
            }
        }
    }

    fn entry(&mut self) -> Result<Option<FileEntry>, WrongEntry> {
        self.meter.begin_entry();
        if self.state == YamlState::Before && !self.begin()? {
            return Ok(None);
        }
        self.state = YamlState::InList;
        let event = self.event()?;
        let line = self.line;
        if event == Event::SequenceEnd {
            return self.end().map(|()| None);
        }
        let value = self.value(event, 0)?;
        let read = match (self.wrong.take(), value) {
            (Some(error), _) => Err(error),
            (None, Value::Record(members)) => tuple_of(members),
            (None, other) => Err(EntryError::NotMapping(other.kind())),
        };
        read.map(|tuple| Some(FileEntry { line, tuple }))
            .map_err(|error| WrongEntry::entry(line, error))
    }

    fn end(&mut self) -> Result<(), WrongEntry> {
        loop {
            match self.event()? {
                Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(()),
                _ => {
                    return Err(WrongEntry::file(
                        self.line,
                        "behind the list stands something else: write one list",
                    ));
                }
            }
        }
    }

    /// Builds the value that an event begins. Errors in it are recorded, and the rest of the value
    /// is read nevertheless.
    fn value(&mut self, event: Event<'static>, depth: usize) -> Result<Value, WrongEntry> {
        if event.anchor_id().is_some_and(|id| id != 0) {
            self.note(EntryError::Anchor);
        }
        if event.tag().is_some() {
            self.note(EntryError::Tag);
        }
        if depth > json::MAX_DEPTH {
            self.note(EntryError::TooDeep);
        }
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => Ok(self.plain(&text)),
            Event::Scalar(text, ..) => Ok(Value::text(text.as_ref())),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.event()? {
                        Event::SequenceEnd => return Ok(Value::List(items)),
                        event => items.push(self.value(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => self.mapping(depth),
            _ => {
                self.note(EntryError::Alias);
                Ok(Value::Null)
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, WrongEntry> {
        let mut members: Vec<(SmolStr, Value)> = Vec::new();
        loop {
            let name = match self.event()? {
                Event::MappingEnd => break,
                Event::Scalar(text, ..) => SmolStr::new(text),
                event => {
                    self.note(EntryError::Name);
                    self.value(event, depth + 1)?;
                    SmolStr::default()
                }
            };
            let event = self.event()?;
            members.push((name, self.value(event, depth + 1)?));
        }
        let built = Record::from_members(members);
        Ok(Value::Record(built.unwrap_or_else(|name| {
            self.note(EntryError::Twice(name));
            Record::new()
        })))
    }

    fn plain(&mut self, text: &str) -> Value {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Value::Null,
            "true" | "True" | "TRUE" => Value::Bool(true),
            "false" | "False" | "FALSE" => Value::Bool(false),
            _ => match Number::parse(text) {
                Some(number) => Value::Number(number),
                None => {
                    if is_other_number(text) {
                        self.note(EntryError::Ambiguous(text.to_owned()));
                    }
                    Value::text(text)
                }
            },
        }
    }

    fn note(&mut self, error: EntryError) {
        self.wrong.get_or_insert(error);
    }
}

impl Iterator for YamlEntries<'_> {
    type Item = Result<FileEntry, WrongEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.state == YamlState::Ended {
            return None;
        }
        let next = self.entry().transpose();
        if next
            .as_ref()
            .is_none_or(|read| read.as_ref().is_err_and(|wrong| wrong.is_last))
        {
            self.state = YamlState::Ended;
        }
        next
    }
}

/// Whether `text` is a number in YAML (1.2, section 10.3.2) but not in JSON.
fn is_other_number(text: &str) -> bool {
    let bare = text.trim_start_matches(['+', '-']);
    let is_named = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&bare);
    let is_based = bare.starts_with("0x") || bare.starts_with("0o");
    let begins = bare.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    is_named || is_based || (begins && bare.parse::<f64>().is_ok())
}

fn syntax(error: &ScanError) -> WrongEntry {
    let message = match error.kind() {
        ErrorKind::InputIo { error } => error.to_string(),
        ErrorKind::InputDecoding { message } => message.clone(),
        _ => format!(
            "it is not valid YAML: {}",
            error.info().lines().next().unwrap_or_default()
        ),
    };
    WrongEntry::file(line_of(error.marker().line()), message)
}

fn line_of(line: usize) -> u64 {
    u64::try_from(line).unwrap_or(u64::MAX)
}

/// Decodes the characters of a source.
struct SourceChars<'a> {
    source: TupleSource<'a>,
    /// The characters that were last decoded; those before `at` have been returned.
    text: String,
    at: usize,
}

impl SourceChars<'_> {
    fn read(&mut self) -> io::Result<()> {
        self.text.clear();
        self.at = 0;
        let bytes = self.source.fill_buf()?;
        let valid = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        self.text.push_str(valid);
        let used = valid.len();
        if used > 0 || bytes.is_empty() {
            self.source.consume(used);
            return Ok(());
        }
        // Either a character is split by the end of the buffer, or the bytes are not UTF-8.
        let mut one = Vec::new();
        while str::from_utf8(&one).is_err_and(|error| error.error_len().is_none()) || one.is_empty()
        {
            let mut byte = [0];
            self.source.read_exact(&mut byte)?;
            one.extend(byte);
        }
        let read = str::from_utf8(&one)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.text.push_str(read);
        Ok(())
    }
}

impl Iterator for SourceChars<'_> {
    type Item = Result<char, ErrorKind>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() {
            match self.read() {
                Ok(()) => {}
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                    ) =>
                {
                    return Some(Err(ErrorKind::InputDecoding {
                        message: "it is not UTF-8".to_owned(),
                    }));
                }
                Err(error) => {
                    return Some(Err(ErrorKind::InputIo {
                        error: InputIoError::from_io(error),
                    }));
                }
            }
        }
        let c = self.text.get(self.at..)?.chars().next()?;
        self.at += c.len_utf8();
        Some(Ok(c))
    }
}

/// Writes one item for each tuple, with texts quoted as in JSON and the condition as JSON, which
/// YAML is a superset of.
pub(super) struct YamlWriter<W> {
    out: W,
    is_empty: bool,
}

impl<W> YamlWriter<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            is_empty: true,
        }
    }
}

impl<W: Write> WriteTuples for YamlWriter<W> {
    fn tuple(&mut self, tuple: &Tuple) -> io::Result<()> {
        self.is_empty = false;
        let key = &tuple.key;
        let mut item = String::new();
        let user = key.user.to_string();
        let object = key.object.to_string();
        for (name, text) in [
            ("- user", &*user),
            ("  relation", &key.relation),
            ("  object", &object),
        ] {
            item.push_str(name);
            item.push_str(": ");
            http::write_text(&mut item, text);
            item.push('\n');
        }
        if let Some(condition) = &tuple.condition {
            item.push_str("  condition: ");
            http::write_condition(&mut item, condition);
            item.push('\n');
        }
        self.out.write_all(item.as_bytes())
    }

    fn end(&mut self) -> io::Result<()> {
        if self.is_empty {
            self.out.write_all(b"[]\n")?;
        }
        self.out.flush()
    }
}
