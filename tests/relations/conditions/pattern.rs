//! Patterns as the oracle matches them: by the set of all places at which a part can end.

use std::collections::BTreeSet;

/// A part that is not repeated. What says `{1,}` or the like says another thing, and `{1}` has an
/// end.
const ONCE: (usize, Option<usize>) = (1, Some(usize::MAX));

/// A part of a pattern.
#[derive(Clone, Debug)]
enum Part {
    /// One character of these ranges, or of none of them.
    One(bool, Vec<(char, char)>),
    Start,
    End,
    /// Where a word begins or ends, or anywhere else.
    Edge(bool),
    /// Parts one after another.
    Row(Vec<Part>),
    Either(Vec<Part>),
    Repeat(Box<Part>, usize, Option<usize>),
}

/// Whether the oracle can read a pattern. It knows what the generator makes: no names of classes,
/// no flags but those at the very beginning.
pub(super) fn is_known(source: &str) -> bool {
    read(source).is_some()
}

/// Whether a pattern is somewhere in a text; none if it is no pattern.
pub(super) fn matches(source: &str, text: &str) -> Option<bool> {
    let (part, any_case) = read(source)?;
    let fold = |c: char| if any_case { c.to_ascii_lowercase() } else { c };
    let text: Vec<char> = text.chars().map(fold).collect();
    Some((0..=text.len()).any(|from| !ends(&part, &text, from).is_empty()))
}

fn is_word(c: Option<&char>) -> bool {
    c.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_')
}

/// Every place at which a part that begins at a place can end.
fn ends(part: &Part, text: &[char], from: usize) -> BTreeSet<usize> {
    let only = |holds: bool| holds.then_some(from).into_iter().collect();
    match part {
        Part::One(among, ranges) => {
            let fits = |c: &char| ranges.iter().any(|(a, b)| (a..=b).contains(&c)) == *among;
            text.get(from)
                .filter(|c| fits(c))
                .map(|_| from + 1)
                .into_iter()
                .collect()
        }
        Part::Start => only(from == 0),
        Part::End => only(from == text.len()),
        Part::Edge(wanted) => {
            let before = from.checked_sub(1).and_then(|at| text.get(at));
            only((is_word(before) != is_word(text.get(from))) == *wanted)
        }
        Part::Row(parts) => parts.iter().fold(BTreeSet::from([from]), |places, part| {
            places
                .into_iter()
                .flat_map(|at| ends(part, text, at))
                .collect()
        }),
        Part::Either(parts) => parts
            .iter()
            .flat_map(|part| ends(part, text, from))
            .collect(),
        Part::Repeat(part, least, most) => {
            let mut places = BTreeSet::from([from]);
            let mut all = BTreeSet::new();
            for times in 0..=most.unwrap_or(least + text.len() + 1) {
                if times >= *least {
                    // From places that are known, nothing new is reached.
                    if places.is_subset(&all) {
                        break;
                    }
                    all.extend(&places);
                }
                places = places
                    .into_iter()
                    .flat_map(|at| ends(part, text, at))
                    .collect();
            }
            all
        }
    }
}

fn read(source: &str) -> Option<(Part, bool)> {
    let (body, any_case) = match source.strip_prefix("(?i)") {
        Some(body) => (body, true),
        None => (source, false),
    };
    let mut reader = Reader {
        rest: body.chars().collect(),
        at: 0,
        any_case,
    };
    let part = reader.either()?;
    (reader.at == reader.rest.len()).then_some((part, any_case))
}

struct Reader {
    rest: Vec<char>,
    at: usize,
    any_case: bool,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Option<Part> {
        let mut rows = vec![self.row()?];
        while self.take('|') {
            rows.push(self.row()?);
        }
        Some(Part::Either(rows))
    }

    fn row(&mut self) -> Option<Part> {
        let mut parts = Vec::new();
        while self.peek().is_some_and(|c| c != '|' && c != ')') {
            let part = self.one()?;
            let part = match self.repeat()? {
                ONCE => part,
                (least, most) => {
                    // The shortest match is a match too, and nothing is repeated twice.
                    self.take('?');
                    if self.repeat()? != ONCE {
                        return None;
                    }
                    Part::Repeat(Box::new(part), least, most)
                }
            };
            parts.push(part);
        }
        Some(Part::Row(parts))
    }

    /// A repetition that stands here; [`ONCE`] if there is none.
    fn repeat(&mut self) -> Option<(usize, Option<usize>)> {
        let found = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                let rest: String = self.rest[self.at + 1..].iter().collect();
                let Some((inside, _)) = rest.split_once('}') else {
                    return Some(ONCE);
                };
                let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
                let (Ok(least), most) = (least.parse(), most.parse::<usize>().ok()) else {
                    return Some(ONCE);
                };
                if most.is_some_and(|most| most < least || most > 1_000) || least > 1_000 {
                    return None;
                }
                self.at += inside.chars().count() + 1;
                (least, most)
            }
            _ => return Some(ONCE),
        };
        self.at += 1;
        Some(found)
    }

    fn one(&mut self) -> Option<Part> {
        match self.next()? {
            '(' => {
                if self.take('?') && !self.take(':') {
                    return None;
                }
                let inside = self.either()?;
                self.take(')').then_some(inside)
            }
            '[' => self.class(),
            '*' | '+' | '?' => None,
            '.' => Some(Part::One(false, vec![('\n', '\n')])),
            '^' => Some(Part::Start),
            '$' => Some(Part::End),
            '\\' => match self.next()? {
                'b' => Some(Part::Edge(true)),
                'B' => Some(Part::Edge(false)),
                'A' => Some(Part::Start),
                'z' => Some(Part::End),
                c => {
                    let (among, ranges) = escaped(c)?;
                    Some(Part::One(among, ranges))
                }
            },
            c => Some(Part::One(true, vec![self.folded(c)])),
        }
    }

    fn folded(&self, c: char) -> (char, char) {
        let c = if self.any_case {
            c.to_ascii_lowercase()
        } else {
            c
        };
        (c, c)
    }

    fn class(&mut self) -> Option<Part> {
        let among = !self.take('^');
        let mut ranges = Vec::new();
        loop {
            let first = match self.next()? {
                ']' if !ranges.is_empty() => return Some(Part::One(among, ranges)),
                '\\' => match escaped(self.next()?)? {
                    (true, of) if of.len() == 1 && of[0].0 == of[0].1 => of[0].0,
                    (true, of) => {
                        ranges.extend(of);
                        continue;
                    }
                    (false, _) => return None,
                },
                c => c,
            };
            let ranged = self.peek() == Some('-') && self.rest.get(self.at + 1) != Some(&']');
            if !ranged {
                ranges.push(self.folded(first));
                continue;
            }
            self.at += 1;
            let last = self.next().filter(|last| *last >= first)?;
            ranges.push((self.folded(first).0, self.folded(last).0));
        }
    }
}

/// A backslash and a character: the characters that they are, or are not.
fn escaped(c: char) -> Option<(bool, Vec<(char, char)>)> {
    Some(match c {
        'd' | 'D' => (c == 'd', vec![('0', '9')]),
        'w' | 'W' => (
            c == 'w',
            vec![('0', '9'), ('a', 'z'), ('A', 'Z'), ('_', '_')],
        ),
        's' | 'S' => (c == 's', "\t\n\u{c}\r ".chars().map(|c| (c, c)).collect()),
        'n' => (true, vec![('\n', '\n')]),
        't' => (true, vec![('\t', '\t')]),
        c if c.is_ascii_punctuation() => (true, vec![(c, c)]),
        _ => return None,
    })
}
