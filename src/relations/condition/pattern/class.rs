//! Rewrites character classes (brackets, `\d`, `\pL`) and escapes of single characters.

use super::read::write_char;

/// The names of classes within brackets; each may be negated, as in `[:^alpha:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Unicode's general categories, as Go names them.
const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd",
    "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z",
    "Zl", "Zp", "Zs", "Any",
];

/// Scripts whose full names have at most four letters. Abbreviations of other scripts are as short,
/// and Go does not know those.
const SHORT_SCRIPTS: [&str; 13] = [
    "Ahom", "Cham", "Kawi", "Lao", "Lisu", "Modi", "Mro", "Newa", "Nko", "Thai", "Toto", "Vai",
    "Yi",
];

/// Writes a class whose `[` was read, and returns the text after the class.
pub(super) fn rewrite<'p>(text: &'p str, out: &mut String) -> Option<&'p str> {
    out.push('[');
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    // A closing bracket that comes first is a member.
    let mut is_first = true;
    loop {
        if !is_first && let Some(after) = rest.strip_prefix(']') {
            out.push(']');
            return Some(after);
        }
        is_first = false;
        if let Some((name, after)) = rest
            .strip_prefix("[:")
            .and_then(|inside| inside.split_once(":]"))
        {
            let plain = name.strip_prefix('^').unwrap_or(name);
            if !POSIX.contains(&plain) {
                return None;
            }
            out.push_str("[:");
            out.push_str(name);
            out.push_str(":]");
            rest = after;
            continue;
        }
        if let Some(escape) = rest.strip_prefix('\\')
            && let Some((members, after)) = named(escape)?
        {
            out.push_str(&members);
            rest = after;
            continue;
        }
        let (low, after) = member(rest)?;
        rest = after;
        write_char(out, low);
        // A hyphen before the closing bracket is a member.
        if let Some(after) = rest
            .strip_prefix('-')
            .filter(|after| !after.starts_with(']'))
        {
            let (high, after) = member(after)?;
            if high < low {
                return None;
            }
            out.push('-');
            write_char(out, high);
            rest = after;
        }
    }
}

fn member(text: &str) -> Option<(char, &str)> {
    match text.strip_prefix('\\') {
        Some(escape) => escaped(escape),
        None => split_first(text),
    }
}

fn split_first(text: &str) -> Option<(char, &str)> {
    let first = text.chars().next()?;
    Some((first, text.get(first.len_utf8()..)?))
}

/// Reads the name of a class after a `\`, and returns the members of the class for use in brackets.
/// Returns `Some(None)` for an escape that names no class, and `None` for a class that does not
/// exist.
#[expect(
    clippy::option_option,
    reason = "refused, another, and found are three things"
)]
pub(super) fn named(text: &str) -> Option<Option<(String, &str)>> {
    let Some((first, rest)) = split_first(text) else {
        return Some(None);
    };
    let ascii = match first {
        'd' => "0-9",
        'D' => "[^0-9]",
        'w' => "0-9A-Za-z_",
        'W' => "[^0-9A-Za-z_]",
        's' => r"\t\n\f\r\x20",
        'S' => r"[^\t\n\f\r\x20]",
        'p' | 'P' => return unicode(first == 'P', rest).map(Some),
        _ => return Some(None),
    };
    Some(Some((ascii.to_owned(), rest)))
}

/// Reads `N`, `{Greek}` or `{^Greek}` after `\p` or `\P`.
fn unicode(is_negated: bool, text: &str) -> Option<(String, &str)> {
    let (name, rest) = match text.strip_prefix('{') {
        Some(inside) => inside.split_once('}')?,
        None => {
            let (first, rest) = split_first(text)?;
            (text.get(..first.len_utf8())?, rest)
        }
    };
    let plain = name.strip_prefix('^').filter(|_| text.starts_with('{'));
    let is_negated = is_negated != plain.is_some();
    let name = plain.unwrap_or(name);
    let is_script = || {
        let begins = name
            .split('_')
            .all(|part| part.starts_with(|c: char| c.is_ascii_uppercase()));
        let letters = name
            .bytes()
            .all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        begins && letters && (name.len() > 4 || SHORT_SCRIPTS.contains(&name))
    };
    let letter = if is_negated { 'P' } else { 'p' };
    if CATEGORIES.contains(&name) {
        Some((format!(r"\{letter}{{{name}}}"), rest))
    } else if is_script() {
        Some((format!(r"\{letter}{{Script={name}}}"), rest))
    } else {
        None
    }
}

/// Reads the character after a `\`, and returns the one that the escape stands for.
pub(super) fn escaped(text: &str) -> Option<(char, &str)> {
    let (first, rest) = split_first(text)?;
    let c = match first {
        'a' => '\x07',
        'f' => '\x0C',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0B',
        'x' => return hexadecimal(rest),
        '0' => return octal(text),
        // A single digit would be a back-reference.
        '1'..='7' if rest.starts_with(|c: char| c.is_digit(8)) => return octal(text),
        // To Go these are plain characters, elsewhere word boundaries: an author may mean either.
        '<' | '>' => return None,
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return None,
    };
    Some((c, rest))
}

fn hexadecimal(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(inside) => inside.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_number)?;
    Some((char::from_u32(number)?, rest))
}

/// Reads up to three octal digits.
fn octal(text: &str) -> Option<(char, &str)> {
    let count = text
        .bytes()
        .take(3)
        .take_while(|byte| (b'0'..=b'7').contains(byte))
        .count();
    let (digits, rest) = text.split_at_checked(count)?;
    Some((char::from_u32(u32::from_str_radix(digits, 8).ok()?)?, rest))
}
