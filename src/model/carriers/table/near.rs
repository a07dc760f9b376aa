//! Finds names that are one slip away from a name that is read, and so would be overlooked.
//!
//! **Problem.** `context.agnt` and `subject.propertys` are members that nobody defines, and the
//! standard has them ignored (AuthZEN 1.0 section 10.1.1): the agent that they name would not
//! count. **Decision.** A slip of a name is refused where the name itself would be read or refused,
//! whatever its value is: the table of places says where. An object that is nearly called like one
//! that contains carriers is searched for them like that one. **Trade-off.** A request with a
//! member such as `agents` that nobody declares is denied. A name that the schema declares for the
//! action or the type that is asked about is data, and so is a common word of its own.

use super::{CONTAINERS, Carrier, letter};
use crate::model::spelling::is_converted;
use crate::model::{Letters, PossibleSlip, Record, Value, alike};
use smol_str::SmolStr;
use std::sync::LazyLock;

/// A name that is read somewhere.
pub(super) struct KnownName {
    name: &'static str,
    /// What is read: another name for those that are written for it.
    pub(super) meant: &'static str,
    /// The carrier that has this name, if one has.
    pub(super) carrier: Option<Carrier>,
    /// How many letters a name has at least that is a slip of this one.
    fewest: usize,
    /// Names of something else, though they are one slip away.
    words: &'static [&'static str],
    /// Names that may be something else, as all names of three letters may: the value decides.
    doubtful: &'static [&'static str],
    /// Returns `true` if a value could be read as what has this name.
    fits: fn(&Value) -> bool,
}

/// The names.
const KNOWN: [KnownName; 24] = [
    KnownName {
        fewest: 3,
        doubtful: &["fact", "pact", "tact", "acct"],
        fits: |value| some(value, |value| has_text(value, &["sub", "id", "client_id"])),
        ..of(Carrier::Act)
    },
    of(Carrier::OnBehalfOf),
    of(Carrier::Delegation),
    of(Carrier::DelegationChain),
    KnownName {
        fewest: 3,
        words: &["use", "used", "uses"],
        ..of(Carrier::User)
    },
    KnownName {
        fewest: 4,
        ..of(Carrier::Agent)
    },
    of(Carrier::Credentials),
    KnownName {
        fewest: 3,
        words: &["miss", "issn"],
        // An issuer is a URL, or at least the name of a host.
        fits: |value| some(value, |value| value.as_text().is_some_and(is_of_host)),
        ..of(Carrier::Iss)
    },
    of(Carrier::SubProfile),
    KnownName {
        words: &["issue", "issued", "issues"],
        ..of(Carrier::Issuer)
    },
    KnownName {
        words: &["client_ip", "client_pid"],
        ..of(Carrier::ClientId)
    },
    known("arguments"),
    known("properties"),
    KnownName {
        meant: "properties",
        ..known("property")
    },
    KnownName {
        fewest: 3,
        ..known("type")
    },
    KnownName {
        fewest: 3,
        ..known("name")
    },
    known("subject"),
    KnownName {
        words: &["content", "contest"],
        ..known("context")
    },
    known("action"),
    known("resource"),
    known("options"),
    KnownName {
        fewest: 4,
        ..known("page")
    },
    known("evaluations"),
    KnownName {
        fewest: 4,
        ..known("token")
    },
];

const fn known(name: &'static str) -> KnownName {
    KnownName {
        name,
        meant: name,
        carrier: None,
        fewest: 5,
        words: &[],
        doubtful: &[],
        fits: |_| true,
    }
}

const fn of(carrier: Carrier) -> KnownName {
    KnownName {
        carrier: Some(carrier),
        ..known(carrier.name())
    }
}

impl KnownName {
    /// Returns `true` if the member was not meant to have this name, though it is one slip away.
    fn is_another(&self, letters: &Letters<'_>, value: &Value) -> bool {
        let is_one_of = |names: &[&str]| names.iter().any(|name| letters.are_of(name));
        let is_doubtful = || letters.are_few(SHORT) || is_one_of(self.doubtful);
        is_one_of(self.words) || (!(self.fits)(value) && is_doubtful())
    }
}

/// The letters of a name that may be many things.
const SHORT: usize = 3;

/// Returns the known names that a member was meant to have, which are one slip away from its name.
pub(super) fn meant<'a>(
    name: &'a str,
    letters: &'a Letters<'_>,
    value: &'a Value,
) -> impl Iterator<Item = &'static KnownName> + 'a {
    near(name).filter(|known| !known.is_another(letters, value))
}

/// Returns `true` if a name is one slip away from a name that is read somewhere, or is that of an
/// object that contains carriers, in which such names are searched for.
pub(in crate::model) fn is_near_any(name: &str) -> bool {
    near(name).next().is_some()
        || CONTAINERS
            .iter()
            .any(|(container, _)| alike(name, container))
}

/// Returns `true` if a name is surely no slip of any: it is not converted to find that out.
pub(super) fn is_far(name: &str) -> bool {
    with_an_end_of(name) == 0 || (!is_converted(name) && near(name).next().is_none())
}

/// Returns the known names from which a name is one slip away.
///
/// Nearly every name ends here by four look-ups: neither its first two letters nor its last two are
/// those of a known one.
fn near(name: &str) -> impl Iterator<Item = &'static KnownName> + '_ {
    let ends = with_an_end_of(name);
    let slip = (ends != 0).then(|| PossibleSlip::of(name));
    let is_near = move |known: &KnownName| {
        // A carrier's own name is no slip of it.
        let slip = slip.as_ref().filter(|_| name != known.name);
        slip.is_some_and(|slip| slip.is_of(known.name, known.fewest))
            || (known.meant != known.name && alike(name, known.name))
    };
    let mut rest = ends;
    let names = std::iter::from_fn(move || {
        let at = rest.trailing_zeros();
        rest &= rest.wrapping_sub(1);
        KNOWN.get(usize::try_from(at).ok()?)
    });
    names.filter(move |known| is_near(known))
}

/// Returns a bit for each known name that has the first two letters of a name or its last two, or
/// all bits if one of these four characters is no ASCII letter. A slip in a name of five letters
/// changes letters at one end alone. One in a name of four may change the two in the middle, and a
/// name of three is compared with the short names that have its first or its last letter.
fn with_an_end_of(name: &str) -> u32 {
    const ALL: u32 = (1 << KNOWN.len()) - 1;
    let ends = match name.as_bytes() {
        [] | [_] | [_, _] => return 0,
        [one, two, .., before, last] => letters_of([*one, *two, *before, *last]),
        [one, .., last] => name.is_ascii().then(|| short_of(*one, *last)),
    };
    ends.unwrap_or(ALL)
}

/// Returns a bit for each short known name that has the first or the last letter of a name of three
/// characters.
fn short_of(one: u8, last: u8) -> u32 {
    let first = letter(one).and_then(|at| ENDS.first.get(at));
    let last = letter(last).and_then(|at| ENDS.last.get(at));
    match (first, last) {
        (Some(first), Some(last)) => (first | last) & ENDS.short,
        _ => ENDS.short,
    }
}

fn letters_of(ends: [u8; 4]) -> Option<u32> {
    let [one, two, before, last] = ends;
    let one = ENDS.first.get(letter(one)?)?;
    let two = ENDS.second.get(letter(two)?)?;
    let before = ENDS.before.get(letter(before)?)?;
    let last = ENDS.last.get(letter(last)?)?;
    Some((one & two) | (before & last) | (one & last & ENDS.of_four))
}

/// For each letter, a bit for each known name that has it in this place.
struct EndLetters {
    first: [u32; 26],
    second: [u32; 26],
    before: [u32; 26],
    last: [u32; 26],
    /// A bit for each known name of which a name of three letters may be a slip.
    short: u32,
    /// A bit for each known name of four letters.
    of_four: u32,
}

static ENDS: LazyLock<EndLetters> = LazyLock::new(|| {
    let of = |place: fn(&[usize]) -> Option<&usize>| {
        let mut bits = [0; 26];
        for (at, known) in KNOWN.iter().enumerate() {
            let letters: Vec<usize> = known.name.bytes().filter_map(letter).collect();
            if let Some(bit) = place(&letters).and_then(|letter| bits.get_mut(*letter)) {
                *bit |= 1 << at;
            }
        }
        bits
    };
    let all = |is_one: fn(&KnownName) -> bool| {
        let bits = KNOWN.iter().map(|known| u32::from(is_one(known)));
        bits.rev().fold(0, |bits, is_one| bits << 1 | is_one)
    };
    EndLetters {
        short: all(|known| known.fewest <= SHORT),
        of_four: all(|known| known.name.len() == 4),
        first: of(<[usize]>::first),
        second: of(|letters| letters.get(1)),
        before: of(|letters| letters.iter().rev().nth(1)),
        last: of(<[usize]>::last),
    }
});

/// Returns `true` if a value, or one of several in a list, fits.
fn some(value: &Value, fits: impl Fn(&Value) -> bool) -> bool {
    match value {
        Value::List(items) => items.iter().any(fits),
        one => fits(one),
    }
}

fn has_text(value: &Value, names: &[&str]) -> bool {
    let has = |record: &Record| {
        let mut texts = names.iter().filter_map(|name| record.get(name)?.as_text());
        texts.next().is_some()
    };
    value.as_record().is_some_and(has)
}

fn is_of_host(text: &SmolStr) -> bool {
    text.contains(['.', ':'])
}

#[cfg(test)]
mod tests;
