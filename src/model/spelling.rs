//! Whether a name was meant for another.
//!
//! Two readers in one request: a member that is *alike* a known one is refused wherever it would be overlooked, since
//! nobody means two things by `delegation_chain` and `delegationChain`; a name that is merely *near* is refused only where
//! the names are a closed list, and suggested in messages.

/// Returns `true` if two names differ in case and separators alone: `onBehalfOf`, `on-behalf-of`, `on_behalf_of`. What is
/// no letter or digit parts words or is not seen, and full-width forms of ASCII are its characters; letters of other
/// scripts that look the same are others.
#[must_use]
#[inline]
pub fn alike(one: &str, other: &str) -> bool {
    !begin_differently(one, other) && spelled_alike(one, other)
}

/// Whether two names begin with different letters, as nearly all do: each member of a request is compared to a dozen known
/// ones. Without this look they took 5,000 instructions of a decision's 82,000.
#[inline]
fn begin_differently(one: &str, other: &str) -> bool {
    let first = |name: &str| name.bytes().next().filter(u8::is_ascii_alphabetic).map(|byte| byte | 0x20);
    first(one).zip(first(other)).is_some_and(|(one, other)| one != other)
}

fn spelled_alike(one: &str, other: &str) -> bool {
    if one.is_ascii() && other.is_ascii() {
        return ascii_letters(one).eq(ascii_letters(other));
    }
    letters(one).eq(letters(other))
}

fn ascii_letters(name: &str) -> impl Iterator<Item = u8> {
    name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
}

/// The letters of a name, without case and separators.
fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().map(narrow).filter(|c| c.is_alphanumeric() && !is_filler(*c)).flat_map(char::to_lowercase)
}

/// The ASCII character whose full-width form this is.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// Returns `true` for letters that are not seen: the fillers of Hangul.
fn is_filler(c: char) -> bool {
    matches!(c, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

/// Returns the known name that `name` was meant for: one that is alike, or differs in a letter, or in two where it is long.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // LIMIT: what is much longer than every known name is meant for none, and would cost the product of both lengths.
    const MAX_BYTES: usize = 64;
    // LIMIT: names of a bundle are as many as its author likes, and whoever asks by a wrong one waits for this.
    const MAX_NAMES: usize = 200;
    const MAX_DIFFERENCE: usize = 6;
    if name.len() > MAX_BYTES {
        return None;
    }
    let about_as_long = |known: &&str| known.len().abs_diff(name.len()) <= MAX_DIFFERENCE;
    let known = known.into_iter().filter(about_as_long).take(MAX_NAMES);
    let spelled = |name: &str| letters(name).collect::<String>();
    let sought = spelled(name);
    let distances = known.map(|known| {
        let letters = spelled(known);
        let most = if letters.len() < 8 { 1 } else { 2 };
        (strsim::osa_distance(&sought, &letters), most, known)
    });
    let near = distances.filter(|(distance, most, _)| distance <= most);
    near.min_by_key(|(distance, ..)| *distance).map(|(_, _, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_make_no_other_name() {
        for name in ["delegation_chain", "delegationChain", "Delegation-Chain", "DELEGATIONCHAIN"] {
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
        ] {
            assert!(alike(name, "agent"), "{name:?}");
        }
        assert!(!alike("\u{430}gent", "agent"), "another script");
        for (one, other) in [("_agent", "agent"), ("agent", "-AGENT"), ("0agent", "0Agent"), ("ａgent", "Agent")] {
            assert!(alike(one, other), "{one} {other}");
        }
        for name in ["delegation", "delegation_chains", "", "elegation_chain"] {
            assert!(!alike(name, "delegation_chain"), "{name}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_near_and_another_word_is_not() {
        let known = ["reason", "explain", "at_least", "evaluations_semantic", "unknown"];
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
