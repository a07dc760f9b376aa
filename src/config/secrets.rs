//! Refuses secrets that are not secret: published in documentation, too short, or commonly tried
//! first.
//!
//! Only the hash of a caller's key is known here. A hash does not show how long its key is, but the
//! hashes of short and of common keys can be listed; anyone who reads the settings can do the same
//! and find the key. If the key itself is given, its form shows more: a key that repeats or counts
//! is not random, however long it is.

use super::Config;
use crate::model::Problem;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashSet;
use std::sync::LazyLock;

/// How to make a key and its hash.
const REMEDY: &str =
    "make a key with `openssl rand -hex 32`, and its hash with `printf %s \"$KEY\" | sha256sum`";

/// LIMIT: the length in characters up to which all keys are listed: first of all printable ASCII
/// characters, then of lower-case letters and digits alone. These are some 60,000 hashes, which
/// take 20 ms at a start with callers.
const PRINTABLE_CHARS: u32 = 2;
const PLAIN_CHARS: u32 = 3;

/// Keys that are commonly tried first, in lower case.
const COMMON: &str = "0000 00000 000000 1111 11111 111111 1234 12345 123456 1234567 12345678 \
    123456789 1234567890 123123 abcd abcdef abc123 access admin admin123 administrator agent \
    alice anonymous api apikey api-key api_key authzen bearer behest behest123 bob caller change \
    changeme change-me change_me client default demo dev development dummy example foobar gateway \
    guest hello hunter2 insecure key letmein local localhost login master mypassword mysecret \
    my-secret my_secret none null opensesame p@ssw0rd pass passw0rd password password1 password123 \
    payments placeholder private prod production public qwerty qwerty123 replace replaceme \
    replace-me root s3cr3t sample secret secret123 secretkey secret-key secret_key service staging \
    super supersecret super-secret swordfish sysadmin temp test test123 test1234 test-key test_key \
    testkey testing todo token undefined user username welcome xxxx your-key your-key-here \
    your-secret your_key yourkey";

/// Keys of page tokens that this project's documentation has shown.
const PUBLISHED_TOKEN_KEYS: [&str; 1] =
    ["0c2ee2d1a7fd2f9a4b6f7c0d6b2a3fbb5a5f2f7a94d1a1e9e7b3f3a2c4d5e6f7"];

/// Phrases that are used as placeholders for a key, in lower case.
const PHRASES: [&str; 11] = [
    "correct horse battery staple",
    "correct-horse-battery-staple",
    "correcthorsebatterystaple",
    "my-secret-key",
    "api-key-123",
    "this-is-a-secret",
    "please-change-me",
    "the-admin-key",
    // Examples that token debuggers show.
    "your-256-bit-secret",
    "a-string-secret-at-least-256-bits-long",
    "a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
];

/// LIMIT: the length up to which repetitions and sequences are listed. Nobody types longer ones.
const LONGEST_ROW: usize = 64;

/// LIMIT: the minimum number of different bytes in a key. A key of 32 random bytes, such as that of
/// page tokens, practically never has fewer: the chance is below 2^-100.
const LEAST_BYTES: usize = 8;

/// Refuses secrets that others may know.
pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    for (name, hash) in config
        .callers
        .iter()
        .flat_map(|caller| caller.all_keys().map(|key| (&caller.name, key.sha256)))
    {
        if GUESSABLE.contains(&hash.bytes()) {
            problems.push(
                Problem::new(format!(
                    "the key of the caller `{name}` is short, common, or published in an example"
                ))
                .help(REMEDY),
            );
        }
    }
    if let Some(key) = &config.search.token_key {
        let is_published = PUBLISHED_TOKEN_KEYS
            .iter()
            .any(|text| text.parse().is_ok_and(|one: super::TokenKey| one == *key));
        let different: HashSet<u8> = key.bytes().iter().copied().collect();
        if is_published || different.len() < LEAST_BYTES {
            problems.push(
                Problem::new(
                    "`search.token_key` was published in an example, or is no random value",
                )
                .help("make one of your own with `openssl rand -hex 32`"),
            );
        }
    }
}

/// Returns `true` for a key that is easy to guess: a common one, or one whose bytes, or the bytes
/// that its hexadecimal digits stand for, are few, repeat or count. A random key of 16 bytes is
/// mistaken for one less than once in ten million times.
#[must_use]
pub fn is_guessable(key: &[u8]) -> bool {
    let hash = <[u8; 32]>::try_from(digest(&SHA256, key).as_ref());
    hash.is_ok_and(|hash| GUESSABLE.contains(&hash))
        || is_regular(key)
        || from_hex(key).is_some_and(|bytes| is_regular(&bytes))
}

/// Whether the bytes have few different values, repeat, or mostly count up or down.
fn is_regular(bytes: &[u8]) -> bool {
    let different: HashSet<u8> = bytes.iter().copied().collect();
    let repeats = (1..=bytes.len() / 2).any(|period| {
        bytes
            .iter()
            .zip(bytes.iter().skip(period))
            .all(|(a, b)| a == b)
    });
    let steps = bytes
        .iter()
        .zip(bytes.iter().skip(1))
        .filter(|(one, next)| one.abs_diff(**next) <= 1)
        .count();
    different.len() < LEAST_BYTES || repeats || 5 * steps > 4 * bytes.len()
}

fn from_hex(key: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (pairs, []) = key.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .map(|[high, low]| Some(digit(high)? << 4 | digit(low)?))
        .collect()
}

/// The hashes of keys that are easy to guess. They are computed once, when a key is first checked.
static GUESSABLE: LazyLock<HashSet<[u8; 32]>> = LazyLock::new(guessable);

fn guessable() -> HashSet<[u8; 32]> {
    let mut hashes: HashSet<[u8; 32]> = HashSet::new();
    let mut add = |key: &[u8]| {
        let hash = <[u8; 32]>::try_from(digest(&SHA256, key).as_ref());
        hashes.extend(hash);
    };
    let printable: Vec<u8> = (b' '..=b'~').collect();
    let plain: Vec<u8> = printable
        .iter()
        .copied()
        .filter(u8::is_ascii_alphanumeric)
        .filter(|b| !b.is_ascii_uppercase())
        .collect();
    words(&printable, PRINTABLE_CHARS, &mut add);
    words(&plain, PLAIN_CHARS, &mut add);
    for word in COMMON.split_whitespace() {
        let mut capital = word.to_owned();
        if let Some(first) = capital.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        for spelled in [word, &capital, &word.to_ascii_uppercase()] {
            // The line end is included because `echo KEY | sha256sum` hashes it too.
            for end in ["", "\n", "1", "123", "!"] {
                add(format!("{spelled}{end}").as_bytes());
            }
        }
    }
    for phrase in PHRASES {
        add(phrase.as_bytes());
        add(phrase.to_ascii_uppercase().as_bytes());
    }
    // Repetitions of one character, and sequences: `aaaaaaaa`, `01234567890123`, `abcdefghij`,
    // `0123456789abcdef0123`.
    let rows: [&[u8]; 6] = [
        b"0123456789",
        b"1234567890",
        b"9876543210",
        b"abcdefghijklmnopqrstuvwxyz",
        b"0123456789abcdef",
        b"qwertyuiop",
    ];
    for length in 3..=LONGEST_ROW {
        printable
            .iter()
            .for_each(|letter| add(&vec![*letter; length]));
        for row in rows {
            let row: Vec<u8> = row.iter().copied().cycle().take(length).collect();
            add(&row);
            add(&row.to_ascii_uppercase());
        }
    }
    hashes
}

/// Calls `add` with each word of up to `longest` of these letters, including the empty word.
fn words(letters: &[u8], longest: u32, add: &mut impl FnMut(&[u8])) {
    let mut before: Vec<Vec<u8>> = vec![Vec::new()];
    add(&[]);
    for _ in 0..longest {
        let longer = |word: &Vec<u8>| {
            letters
                .iter()
                .map(|letter| [word.as_slice(), &[*letter]].concat())
                .collect::<Vec<_>>()
        };
        before = before.iter().flat_map(longer).collect();
        before.iter().for_each(|word| add(word));
    }
}
