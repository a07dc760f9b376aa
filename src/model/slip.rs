//! Names that are one slip of the pen away from a known one.
//!
//! A slip is a letter that is missing, added, replaced, or swapped with its neighbour. Where names
//! are looked for in this way is decided by [`super::carriers`] and by the readers of bodies.

use super::spelling::{ascii_letters, is_converted, letters};
use smallvec::SmallVec;
use std::cell::OnceCell;

/// Returns the known name that differs in one slip from a name of five letters or more: a letter is
/// missing, added, replaced or swapped with its neighbour. A letter of another script counts as a
/// different one, even if it looks the same.
///
/// Each member of a request is compared with the known ones, so names with other ends are told
/// apart by these alone: without that, the comparison took a seventh of a decision's time.
#[must_use]
pub fn one_slip_off(name: &str, known: &[&'static str]) -> Option<&'static str> {
    const FEWEST: usize = 5;
    let mut near = known.iter().copied();
    near.find(|known| !end_differently(name, known) && PossibleSlip::of(name).is_of(known, FEWEST))
}

/// A name that may be one slip away from known names. It is converted once for all comparisons, if
/// a comparison needs its letters at all.
pub(super) struct PossibleSlip<'a> {
    name: &'a str,
    /// Whether the name is short, and in ASCII: it is compared without being converted.
    is_plain: bool,
    letters: OnceCell<FirstLetters>,
}

impl<'a> PossibleSlip<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        Self {
            name,
            is_plain: !is_converted(name),
            letters: OnceCell::new(),
        }
    }

    /// Returns `true` if the name has at least `fewest` letters and differs in one slip from a
    /// known name in ASCII, as [`one_slip_off`] says.
    pub(super) fn is_of(&self, known: &str, fewest: usize) -> bool {
        if self.is_plain && !share_most(self.name, known) {
            return false;
        }
        let letters = self.letters.get_or_init(|| first_letters(self.name));
        letters.len() >= fewest && is_one_slip(letters, &first_letters(known))
    }
}

/// Returns `true` if two ASCII names share so many letters at their ends that one slip may be all
/// that is between them: nearly all names end here, after a few letters.
fn share_most(name: &str, known: &str) -> bool {
    let same = |pair: &(u8, u8)| pair.0 == pair.1;
    let count = ascii_letters(known).count();
    let front = ascii_letters(name).zip(ascii_letters(known));
    let front = front.take_while(same).count();
    let back = ascii_letters(name).rev().zip(ascii_letters(known).rev());
    let back = back.take_while(same).count();
    front + back + 2 >= count
}

/// Returns `true` if two names differ in the first and in the last letter, as no slip in five
/// letters does. Names with other characters at an end are left to a closer look.
fn end_differently(one: &str, other: &str) -> bool {
    let differ = |one: Option<&u8>, other: Option<&u8>| {
        let letters = one.zip(other);
        letters.is_some_and(|(one, other)| {
            one.is_ascii_alphabetic()
                && other.is_ascii_alphabetic()
                && !one.eq_ignore_ascii_case(other)
        })
    };
    let one = one.as_bytes();
    let other = other.as_bytes();
    differ(one.first(), other.first()) && differ(one.last(), other.last())
}

/// LIMIT: letters of a name that are compared for a slip: no known name has more than eighteen.
const SLIP_LETTERS: usize = 20;

type FirstLetters = SmallVec<[char; SLIP_LETTERS]>;

/// Returns the letters with which a name begins.
fn first_letters(name: &str) -> FirstLetters {
    if name.is_ascii() {
        let letters = ascii_letters(name).map(char::from);
        letters.take(SLIP_LETTERS).collect()
    } else {
        letters(name).take(SLIP_LETTERS).collect()
    }
}

fn is_one_slip(one: &[char], other: &[char]) -> bool {
    if one.len().abs_diff(other.len()) > 1 {
        return false;
    }
    let mut pairs = one.iter().zip(other);
    let start = pairs.position(|(a, b)| a != b);
    let start = start.unwrap_or(one.len().min(other.len()));
    let one = one.get(start..).unwrap_or_default();
    let other = other.get(start..).unwrap_or_default();
    let pairs = one.iter().rev().zip(other.iter().rev());
    let end = pairs.take_while(|(a, b)| a == b).count();
    let one = one.get(..one.len() - end).unwrap_or_default();
    let other = other.get(..other.len() - end).unwrap_or_default();
    match (one, other) {
        ([_], [] | [_]) | ([], [_]) => true,
        ([a, b], [c, d]) => a == d && b == c,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_slip_off_by_one_letter_or_by_two_that_changed_places() {
        const KNOWN: [&str; 3] = ["context", "evaluations", "page"];
        for (name, expected) in [
            ("contxt", Some("context")),
            ("contextt", Some("context")),
            ("contexts", Some("context")),
            ("xontext", Some("context")),
            ("cnotext", Some("context")),
            ("ontext", Some("context")),
            ("ocntext", Some("context")),
            ("contetx", Some("context")),
            ("xcontext", Some("context")),
            ("_contexs-", Some("context")),
            ("evaluationzz", None),
            ("xontexs", None),
            ("CONTEXS", Some("context")),
            ("con-texd", Some("context")),
            // A letter of another script that looks the same.
            ("c\u{43e}ntext", Some("context")),
            ("evaluation", Some("evaluations")),
            ("evalautions", Some("evaluations")),
            ("pages", Some("page")),
            ("pagge", Some("page")),
            ("pag", None),
            ("sage", None),
            ("contx", None),
            ("cotnxet", None),
            ("text", None),
            ("evaluationsxx", None),
            ("context", None),
            ("futureField", None),
            ("", None),
        ] {
            assert_eq!(one_slip_off(name, &KNOWN), expected, "{name}");
        }
    }
}
