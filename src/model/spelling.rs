//! Decides whether a name was meant for another name.
//!
//! There are two measures. A member whose name is *alike* a known one is refused wherever it would
//! be overlooked, since nobody means two things by `delegation_chain` and `delegationChain`. A name
//! that is merely *near* a known one is suggested in messages. What is one slip away is decided in
//! `slip.rs`.

use smallvec::SmallVec;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Returns `true` if two names differ only in case and separators: `onBehalfOf`, `on-behalf-of`,
/// `on_behalf_of`. Characters other than letters and digits are ignored. Full-width, mathematical
/// and other forms of a letter equal that letter, with or without marks, in the casing of any
/// language (`I`, `ı` and `İ`). Letters of other scripts that look the same are different.
#[must_use]
#[inline]
pub fn alike(one: &str, other: &str) -> bool {
    !begin_differently(one, other) && Letters::of(one).are_of(other)
}

/// LIMIT: letters of a name that are compared: a longer name is alike no other.
const MAX_LETTERS: usize = 256;

/// LIMIT: bytes of a name that is read again for each comparison: nearly all names are as short,
/// and most differ in the first letter.
const SHORT_BYTES: usize = 64;

/// LIMIT: unknown members of one object that are compared with the known ones: no client sends so
/// many. For a body full of them, the comparisons would occupy a thread that also serves other
/// requests for seconds.
pub const MAX_OTHERS: usize = 100;

/// The error for an object with too many such names.
pub(super) const TOO_MANY_OTHERS: &str =
    "has more members than are compared that are not read and have long or unusual names";

/// LIMIT: bytes of such names together. Each item of a batch has a default context compared anew.
const MAX_OTHER_BYTES: usize = 8 * 1024;

/// The names of an object that were compared, of those that take long.
#[derive(Debug, Default)]
pub(super) struct UnusualNames {
    names: usize,
    bytes: usize,
}

impl UnusualNames {
    /// Counts a name; returns `true` if there are too many to be compared.
    pub(super) fn are_too_many(&mut self, name: &str) -> bool {
        if is_converted(name) {
            self.names += 1;
            self.bytes = self.bytes.saturating_add(name.len());
        }
        self.names > MAX_OTHERS || self.bytes > MAX_OTHER_BYTES
    }
}

/// Returns `true` for a name whose comparison with others takes long: it is converted letter by
/// letter.
pub(super) fn is_converted(name: &str) -> bool {
    name.len() > SHORT_BYTES || !name.is_ascii()
}

/// A name that is compared with many others. A long name, and a name with letters other than
/// ASCII's, is converted once for all comparisons.
///
/// INVARIANT: ignored characters cannot hide a letter, however many of them a name contains: they
/// are skipped to the end.
#[derive(Debug)]
pub struct Letters<'a>(LetterForm<'a>);

#[derive(Debug)]
enum LetterForm<'a> {
    /// A short ASCII name, as it is.
    Plain(&'a str),
    /// The letters of the name; `None` if there are too many.
    Folded(Option<String>),
}

impl<'a> Letters<'a> {
    /// Reads a name.
    #[must_use]
    #[inline]
    pub fn of(name: &'a str) -> Self {
        if name.len() <= SHORT_BYTES && name.is_ascii() {
            return Self(LetterForm::Plain(name));
        }
        Self(LetterForm::Folded(fold(name)))
    }

    /// Returns `true` if this name and another differ only in case and separators, as [`alike`]
    /// says.
    #[must_use]
    #[inline]
    pub fn are_of(&self, other: &str) -> bool {
        match &self.0 {
            LetterForm::Plain(name) => {
                !begin_differently(name, other) && spelled_alike(name, other)
            }
            LetterForm::Folded(name) => name.as_ref().is_some_and(|name| is_folded(name, other)),
        }
    }

    /// Returns `true` if the name has at most `most` letters.
    pub(super) fn are_few(&self, most: usize) -> bool {
        match &self.0 {
            LetterForm::Plain(name) => ascii_letters(name).nth(most).is_none(),
            LetterForm::Folded(name) => name
                .as_ref()
                .is_some_and(|name| name.chars().nth(most).is_none()),
        }
    }
}

/// Returns `true` if two names begin with different letters, as nearly all do: each member of a
/// request is compared with a dozen known names. Without this check these comparisons took 5,000
/// instructions of a decision's 82,000.
#[inline]
pub(super) fn begin_differently(one: &str, other: &str) -> bool {
    let lower = |byte: &u8| byte.is_ascii_alphabetic().then_some(byte | 0x20);
    let differ = |one: Option<&u8>, other: Option<&u8>| {
        one.and_then(lower)
            .zip(other.and_then(lower))
            .map(|(one, other)| one != other)
    };
    let one = one.as_bytes();
    let other = other.as_bytes();
    // The second characters are compared only if the first ones are letters.
    differ(one.first(), other.first())
        .is_some_and(|first| first || differ(one.get(1), other.get(1)).unwrap_or_default())
}

/// Returns `true` if an ASCII name is spelled like another.
fn spelled_alike(name: &str, other: &str) -> bool {
    if other.is_ascii() {
        ascii_letters(name).eq(ascii_letters(other))
    } else {
        letters(other).eq(letters(name))
    }
}

/// Returns `true` if these are the letters of a name.
fn is_folded(folded: &str, name: &str) -> bool {
    if name.is_ascii() {
        ascii_letters(name).eq(folded.bytes())
    } else {
        letters(name).eq(folded.chars())
    }
}

fn fold(name: &str) -> Option<String> {
    let folded: String = if name.is_ascii() {
        let letters = ascii_letters(name).map(char::from);
        letters.take(MAX_LETTERS + 1).collect()
    } else {
        letters(name).take(MAX_LETTERS + 1).collect()
    };
    (folded.chars().nth(MAX_LETTERS).is_none()).then_some(folded)
}

pub(super) fn ascii_letters(name: &str) -> impl DoubleEndedIterator<Item = u8> {
    name.bytes()
        .filter(u8::is_ascii_alphanumeric)
        .map(|byte| byte.to_ascii_lowercase())
}

/// Iterates over the letters of a name without case, marks, forms and separators.
pub(super) fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .filter(|c| !is_unseen(*c))
        .flat_map(decomposed)
        .flat_map(case_folded)
}

/// Returns the letters and digits of which a character is composed (Unicode's NFKD), without its
/// marks.
fn decomposed(c: char) -> SmallVec<[char; 4]> {
    let mut parts = SmallVec::new();
    decompose_compatible(c, |part| {
        if part.is_alphanumeric() && !is_combining_mark(part) && !is_filler(part) {
            parts.push(part);
        }
    });
    parts
}

/// Folds the case of a letter. All forms that any language has for a case of the letter become
/// equal: the upper case of `ı` is `I`, that of `ß` is `SS`.
fn case_folded(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

/// Returns `true` for the most common invisible characters. Others are found by their properties,
/// which takes longer.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
    )
}

/// Returns `true` for invisible letters: the fillers of Hangul.
fn is_filler(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// Returns the known name that `name` was meant for: one that is alike, or that differs in one
/// letter, or in two if it is long.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // LIMIT: a name that is much longer than every known one is not a misspelling of any, and
    // comparing it would cost the product of both lengths.
    const MAX_BYTES: usize = 64;
    // LIMIT: a bundle may have any number of names, and a caller with a wrong name waits for these
    // comparisons.
    const MAX_NAMES: usize = 200;
    const MAX_DIFFERENCE: usize = 6;
    if name.len() > MAX_BYTES {
        return None;
    }
    let about_as_long = |known: &&str| known.len().abs_diff(name.len()) <= MAX_DIFFERENCE;
    let known = known.into_iter().filter(about_as_long).take(MAX_NAMES);
    let sought = spelled(name);
    let chars = sought.chars().count();
    let distances = known.filter_map(|known| {
        let letters = spelled(known);
        let most = if letters.len() < 8 { 1 } else { 2 };
        // Each additional letter is a difference, so the lengths alone rule out most names.
        let is_near = letters.chars().count().abs_diff(chars) <= most;
        let distance = is_near.then(|| strsim::osa_distance(&sought, &letters));
        distance
            .filter(|distance| *distance <= most)
            .map(|distance| (distance, known))
    });
    distances
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns the letters and digits of a name, without case.
pub(super) fn spelled(name: &str) -> String {
    if name.is_ascii() {
        ascii_letters(name).map(char::from).collect()
    } else {
        letters(name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_make_no_other_name() {
        for name in [
            "delegation_chain",
            "delegationChain",
            "Delegation-Chain",
            "DELEGATIONCHAIN",
        ] {
            assert!(alike(name, "delegation_chain"), "{name}");
        }
        for name in [
            "agent\u{200b}",
            "\u{feff}agent",
            "a\u{ad}gent",
            "agent\u{a0}",
            "agent\t",
            "ａｇｅｎＴ",
            "agent.",
            "/agent",
            "a\u{3164}gent",
            "age\u{301}nt",
            "\u{e0}gent",
            "agent\u{345}",
            "\u{1d400}gent",
            "\u{1d586}\u{1d58c}ent",
            "\u{24d0}gent",
            "agen\u{1d42d}",
        ] {
            assert!(alike(name, "agent"), "{name:?}");
        }
        assert!(!alike("\u{430}gent", "agent"), "another script");
        for (name, meant) in [
            ("CREDENT\u{130}ALS", "credentials"),
            ("DELEGAT\u{130}ON_CHA\u{130}N", "delegation_chain"),
            ("delegat\u{131}on", "delegation"),
            ("credential\u{17f}", "credentials"),
            ("PROPERT\u{130}ES", "properties"),
            ("cl\u{130}ent_id", "client_id"),
            ("\u{1d6a4}\u{df}", "iss"),
            ("i\u{1e9e}", "iss"),
            ("\u{212a}ey", "key"),
            ("of\u{fb01}ce", "office"),
        ] {
            assert!(alike(name, meant) && alike(meant, name), "{name}");
            assert!(Letters::of(name).are_of(meant), "{name}");
        }
        for (one, other) in [
            ("_agent", "agent"),
            ("agent", "-AGENT"),
            ("0agent", "0Agent"),
            ("ａgent", "Agent"),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
        for name in ["delegation", "delegation_chains", "", "elegation_chain"] {
            assert!(!alike(name, "delegation_chain"), "{name}");
        }
    }

    #[test]
    fn what_is_not_seen_hides_nothing_however_much_of_it_there_is() {
        for filler in [
            "_",
            "\u{200b}",
            "\u{3000}",
            "\u{301}",
            "\u{1160}",
            "\u{1f600}",
        ] {
            let hidden = format!("{}agent", filler.repeat(20_000));
            assert!(
                alike(&hidden, "agent") && Letters::of(&hidden).are_of("Agent"),
                "{filler:?}"
            );
            let other = format!("{}z", filler.repeat(20_000));
            assert!(
                !Letters::of(&other).are_of("agent") && Letters::of(&other).are_of("z"),
                "{filler:?}"
            );
        }
        assert!(alike(&"a".repeat(MAX_LETTERS), &"A".repeat(MAX_LETTERS)));
        assert!(!alike(
            &"a".repeat(MAX_LETTERS + 1),
            &"A".repeat(MAX_LETTERS + 1)
        ));
    }

    /// A name is converted once, and not again for each comparison.
    #[test]
    fn a_long_name_is_read_once() {
        for long in [
            "\u{200b}".repeat(1_000) + "z",
            "_".repeat(1_000) + "z",
            "\u{e9}".to_owned(),
        ] {
            let letters = Letters::of(&long);
            assert!(
                matches!(&letters.0, LetterForm::Folded(Some(folded)) if folded.len() == 1),
                "{letters:?}"
            );
        }
        assert!(matches!(
            Letters::of("delegation_chain").0,
            LetterForm::Plain(_)
        ));
    }

    #[test]
    fn a_slip_of_the_pen_is_near_and_another_word_is_not() {
        let known = [
            "reason",
            "explain",
            "at_least",
            "evaluations_semantic",
            "unknown",
        ];
        for (name, meant) in [
            ("reasn", Some("reason")),
            ("reasons", Some("reason")),
            ("raeson", Some("reason")),
            ("Explain", Some("explain")),
            ("atLeast", Some("at_least")),
            ("evaluation_semantics", Some("evaluations_semantic")),
            ("region", None),
            ("another_option", None),
            ("x", None),
        ] {
            assert_eq!(nearest(name, known), meant, "{name}");
        }
        assert_eq!(nearest(&"r".repeat(1_000_000), known), None);
    }
}
