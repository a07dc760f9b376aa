//! Names that are written otherwise than they are read.

use behest::model::alike;
use support::dice::Dice;

/// A way to write a name that is still the same to whoever looks at it.
type Miswriting = fn(&str, &mut Dice) -> String;

pub(super) const MISWRITINGS: [(&str, Miswriting); 15] = [
    ("in capitals", |name, _| name.to_uppercase()),
    ("with a capital", |name, _| {
        let (first, rest) = name.split_at(1);
        format!("{}{rest}", first.to_uppercase())
    }),
    ("in camel case", |name, _| {
        let mut words = name.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |all, word| {
            let (letter, rest) = word.split_at(1);
            format!("{all}{}{rest}", letter.to_uppercase())
        })
    }),
    ("with hyphens", |name, _| name.replace('_', "-")),
    ("with points", |name, _| name.replace('_', ".")),
    ("in one word", |name, _| name.replace('_', "")),
    ("in more words", |name, dice| {
        within(name, dice, &["_", "-", " ", "__", "/"])
    }),
    ("between spaces", |name, dice| {
        dice.one(&[format!(" {name}"), format!("{name}\t"), format!("{name} ")])
            .clone()
    }),
    ("with what is not seen", |name, dice| {
        let unseen = [
            "\u{200b}",
            "\u{ad}",
            "\u{feff}",
            "\u{2060}",
            "\u{200d}",
            "\u{3164}",
            "\u{115f}",
            "\u{180e}",
            "\u{e0001}",
            "\u{202e}",
        ];
        within(name, dice, &unseen)
    }),
    ("with much that is not seen", |name, dice| {
        within(name, dice, &[&"\u{200b}".repeat(300)])
    }),
    ("with a mark", |name, dice| {
        within(name, dice, &["\u{301}", "\u{345}", "\u{308}", "\u{20dd}"])
    }),
    ("in wide letters", |name, dice| {
        letters(name, dice, |c| shifted(c, 0xff41))
    }),
    ("in mathematical letters", |name, dice| {
        let first = *dice.one(&[0x1d41a, 0x1d5ba, 0x1d68a]);
        letters(name, dice, |c| shifted(c, first))
    }),
    ("in another language's case", |name, dice| {
        let to = *dice.one(&['\u{131}', '\u{130}']);
        name.chars()
            .map(|c| match c {
                'i' => to,
                's' => '\u{17f}',
                'k' => '\u{212a}',
                c => c,
            })
            .collect()
    }),
    (SLIP, |name, dice| {
        slip(name, dice).unwrap_or_else(|| name.to_owned())
    }),
];

/// A name with a slip is another one, and is refused where it would be overlooked all the same.
const SLIP: &str = "with a slip";

/// The names that are recognised with a slip in them.
pub(super) const SLIPPERY: [&str; 18] = [
    "act",
    "on_behalf_of",
    "delegation",
    "delegation_chain",
    "user",
    "agent",
    "credentials",
    "sub_profile",
    "issuer",
    "client_id",
    "arguments",
    "subject",
    "action",
    "resource",
    "context",
    "properties",
    "options",
    "token",
];

/// The slip that another action and another type declare for every name.
pub(super) fn declared_slip(name: &str) -> String {
    name.strip_suffix('s')
        .map_or_else(|| format!("{name}s"), str::to_owned)
}

/// A name in which a letter is missing, added, replaced, or swapped with its neighbour.
fn slip(name: &str, dice: &mut Dice) -> Option<String> {
    if !SLIPPERY.contains(&name) {
        return None;
    }
    if dice.chance(30) {
        return Some(declared_slip(name));
    }
    let mut letters: Vec<char> = name.chars().collect();
    let at = dice.below(letters.len());
    // What is shorter than this may be many things.
    let is_short = name.len() < 5;
    match dice.below(4) {
        0 => letters.insert(at, 'q'),
        1 if !is_short => drop(letters.remove(at)),
        2 if !is_short => letters[at] = 'q',
        3 if !is_short => letters.swap(at, at.saturating_sub(1)),
        _ => letters.push('q'),
    }
    let written: String = letters.into_iter().collect();
    let is_slip = !alike(&written, name) && written != "issue";
    is_slip.then_some(written)
}

/// A name, written otherwise, with the way; some names cannot be written in some ways.
pub(super) fn miswritten(name: &str, dice: &mut Dice) -> (String, &'static str) {
    loop {
        let (way, write) = *dice.one(&MISWRITINGS);
        let written = write(name, dice);
        if written != name {
            return (written, way);
        }
    }
}

fn within(name: &str, dice: &mut Dice, all: &[&str]) -> String {
    let (start, end) = name.split_at(dice.below(name.len() + 1));
    format!("{start}{}{end}", dice.one(all))
}

/// All letters in another form, or one of them.
fn letters(name: &str, dice: &mut Dice, form: impl Fn(char) -> Option<char>) -> String {
    let only = dice.chance(50).then(|| dice.below(name.len()));
    name.chars()
        .enumerate()
        .map(|(at, c)| match only {
            Some(only) if only != at => c,
            _ => form(c).unwrap_or(c),
        })
        .collect()
}

/// A small letter in the alphabet that begins at `first`.
fn shifted(c: char, first: u32) -> Option<char> {
    c.is_ascii_lowercase()
        .then(|| char::from_u32(u32::from(c) - u32::from('a') + first))?
}
