//! Reads a pattern as Go's `regexp/syntax` does, and writes it for the `regex` crate.
//!
//! INVARIANT: only ASCII letters and digits and characters outside of ASCII are copied from the
//! pattern. Every other character is written as its number, and every operator by this reader.

use super::class;
use std::fmt::Write as _;

/// Maximum repetitions, alone and multiplied through nested groups; the same limit as RE2's.
const MAX_REPEATS: u32 = 1_000;

/// Maximum nesting of groups. The crate's own limit is 250 levels of syntax, and a group takes two.
const MAX_GROUPS: usize = 100;

/// Returns the same pattern for the `regex` crate, or `None` if it is refused.
pub(super) fn rewrite(pattern: &str) -> Option<String> {
    let mut reader = PatternReader {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        groups: vec![PatternGroup::default()],
    };
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    (reader.groups.len() == 1).then_some(reader.out)
}

/// The last item of a group, which a repetition would repeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LastPiece {
    /// Nothing that can be repeated.
    #[default]
    Nothing,
    /// An item whose own repetitions multiply to this number.
    Piece(u32),
    /// A repetition, which can be repeated only within a group.
    Repeated(u32),
}

impl LastPiece {
    fn repeats(self) -> u32 {
        match self {
            Self::Nothing => 1,
            Self::Piece(repeats) | Self::Repeated(repeats) => repeats,
        }
    }
}

#[derive(Debug, Default)]
struct PatternGroup {
    last: LastPiece,
    /// The highest number of repetitions among the group's items, each multiplied through nesting.
    repeats: u32,
}

struct PatternReader<'p> {
    rest: &'p str,
    out: String,
    /// The open groups; the first is the pattern itself.
    groups: Vec<PatternGroup>,
}

impl PatternReader<'_> {
    fn step(&mut self) -> Option<()> {
        match self.next()? {
            '(' if self.rest.starts_with('?') => self.flags(),
            '(' => self.open("("),
            ')' => self.close(),
            '|' => {
                self.settle(LastPiece::Nothing)?;
                self.out.push('|');
                Some(())
            }
            '[' => {
                self.rest = class::rewrite(self.rest, &mut self.out)?;
                self.settle(LastPiece::Piece(1))
            }
            at @ ('^' | '$' | '.') => {
                self.out.push(at);
                self.settle(LastPiece::Piece(1))
            }
            '*' => self.repeat("*", 1),
            '+' => self.repeat("+", 1),
            '?' => self.repeat("?", 1),
            '{' => match read_counts(self.rest) {
                Some((counts, rest)) => {
                    self.rest = rest;
                    self.repeat_counted(counts?)
                }
                // A brace that begins no count is a plain character.
                None => self.literal('{'),
            },
            '\\' => self.escape(),
            c => self.literal(c),
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..)?;
        Some(c)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Replaces the last item of the group.
    fn settle(&mut self, last: LastPiece) -> Option<()> {
        let group = self.groups.last_mut()?;
        group.repeats = group.repeats.max(group.last.repeats());
        group.last = last;
        Some(())
    }

    fn literal(&mut self, c: char) -> Option<()> {
        write_char(&mut self.out, c);
        self.settle(LastPiece::Piece(1))
    }

    fn open(&mut self, with: &str) -> Option<()> {
        if self.groups.len() > MAX_GROUPS {
            return None;
        }
        self.settle(LastPiece::Nothing)?;
        self.out.push_str(with);
        self.groups.push(PatternGroup::default());
        Some(())
    }

    fn close(&mut self) -> Option<()> {
        self.settle(LastPiece::Nothing)?;
        let group = self.groups.pop()?;
        self.out.push(')');
        // The first entry is the pattern itself, which no parenthesis closes.
        self.groups.last_mut()?;
        self.settle(LastPiece::Piece(group.repeats.max(1)))
    }

    /// Reads `(?flags)`, `(?flags:`, `(?P<name>` and `(?<name>`.
    fn flags(&mut self) -> Option<()> {
        self.take("?");
        if self.take("P<") || self.take("<") {
            let (name, rest) = self.rest.split_once('>')?;
            let is_name = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !is_name {
                return None;
            }
            // The name is dropped: matches of groups are never read, and Go accepts a name twice.
            self.rest = rest;
            return self.open("(");
        }
        let mut flags = String::new();
        let mut negated = None;
        loop {
            match self.next()? {
                flag @ ('i' | 'm' | 's' | 'U') => {
                    negated = negated.map(|_| true);
                    // A flag may be repeated, but not after a `-`.
                    if !flags.contains(flag) {
                        flags.push(flag);
                    } else if negated.is_some() {
                        return None;
                    }
                }
                '-' if negated.is_none() => {
                    negated = Some(false);
                    flags.push('-');
                }
                end @ (':' | ')') => {
                    if negated == Some(false) {
                        return None;
                    }
                    return self.set(&flags, end == ':');
                }
                _ => return None,
            }
        }
    }

    fn set(&mut self, flags: &str, opens: bool) -> Option<()> {
        if opens {
            return self.open(&format!("(?{flags}:"));
        }
        if !flags.is_empty() {
            self.out.push_str("(?");
            self.out.push_str(flags);
            self.out.push(')');
        }
        self.settle(LastPiece::Nothing)
    }

    fn repeat(&mut self, operator: &str, times: u32) -> Option<()> {
        let LastPiece::Piece(inner) = self.groups.last()?.last else {
            return None;
        };
        let repeats = if times >= 2 {
            inner.checked_mul(times).filter(|all| *all <= MAX_REPEATS)?
        } else {
            inner
        };
        self.out.push_str(operator);
        if self.take("?") {
            self.out.push('?');
        }
        // RE2 refuses the repetition of a repetition.
        self.groups.last_mut()?.last = LastPiece::Repeated(repeats);
        Some(())
    }

    fn repeat_counted(&mut self, (least, most): (u32, Option<u32>)) -> Option<()> {
        let most_or_least = most.unwrap_or(least);
        if least > MAX_REPEATS || most_or_least > MAX_REPEATS || most_or_least < least {
            return None;
        }
        let operator = match most {
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        };
        self.repeat(&operator, most_or_least)
    }

    fn escape(&mut self) -> Option<()> {
        let boundary = match self.rest.chars().next()? {
            'A' => Some(r"\A"),
            'z' => Some(r"\z"),
            'b' => Some(r"(?-u:\b)"),
            'B' => Some(r"(?-u:\B)"),
            _ => None,
        };
        if let Some(boundary) = boundary {
            self.next()?;
            self.out.push_str(boundary);
            return self.settle(LastPiece::Piece(1));
        }
        if self.take("Q") {
            return self.quoted();
        }
        if let Some((members, rest)) = class::named(self.rest)? {
            self.rest = rest;
            self.out.push('[');
            self.out.push_str(&members);
            self.out.push(']');
            return self.settle(LastPiece::Piece(1));
        }
        let (c, rest) = class::escaped(self.rest)?;
        self.rest = rest;
        self.literal(c)
    }

    /// Reads the text after `\Q`, up to `\E` or the end.
    fn quoted(&mut self) -> Option<()> {
        let (text, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
        self.rest = rest;
        if text.is_empty() {
            return self.settle(LastPiece::Nothing);
        }
        text.chars().try_for_each(|c| self.literal(c))
    }
}

/// Writes a plain character.
pub(super) fn write_char(out: &mut String, c: char) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        out.push(c);
    } else {
        // Writing to a string cannot fail.
        let _written = write!(out, r"\x{{{:X}}}", u32::from(c));
    }
}

/// The lowest and the highest number of repetitions, the latter if there is one; `None` if the
/// numbers are too large.
type RepeatCounts = Option<(u32, Option<u32>)>;

/// Reads `n}`, `n,}` or `n,m}`; returns `None` for anything else.
fn read_counts(text: &str) -> Option<(RepeatCounts, &str)> {
    let (inside, rest) = text.split_once('}')?;
    let (least, most) = match inside.split_once(',') {
        None => (inside, Some(inside)),
        Some((least, "")) => (least, None),
        Some((least, most)) => (least, Some(most)),
    };
    let is_number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits && (text.len() == 1 || !text.starts_with('0'))
    };
    if !is_number(least) || !most.is_none_or(is_number) {
        return None;
    }
    let number = |text: &str| text.parse::<u32>().ok();
    let counts = match most {
        None => number(least).map(|least| (least, None)),
        Some(most) => number(least)
            .zip(number(most))
            .map(|(least, most)| (least, Some(most))),
    };
    Some((counts, rest))
}
