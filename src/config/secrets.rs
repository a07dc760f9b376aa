//! Secrets that are none: published in documentation, too short, or what everybody tries first.
//!
//! A caller's key is known here by its hash alone. A hash cannot tell how long its key is, but those of short and of common
//! keys can be listed; whoever reads the settings can do the same, and has the key.

use super::Config;
use crate::model::Problem;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashSet;

/// What makes a key, and its hash.
const REMEDY: &str = "make a key with `openssl rand -hex 32`, and its hash with `printf %s \"$KEY\" | sha256sum`";

/// LIMIT: characters of keys that are tried whole: all of ASCII's printable ones, and then letters and digits alone. Some
/// 60,000 hashes, 20 ms at a start with callers.
const PRINTABLE_CHARS: u32 = 2;
const PLAIN_CHARS: u32 = 3;

/// Keys that everybody tries first, in lower case.
const COMMON: &str = "0000 00000 000000 1111 11111 111111 1234 12345 123456 1234567 12345678 123456789 1234567890 123123 \
    abcd abcdef abc123 access admin admin123 administrator agent alice anonymous api apikey api-key api_key authzen bearer \
    behest behest123 bob caller change changeme change-me change_me client default demo dev development dummy example \
    foobar gateway guest hello hunter2 insecure key letmein local localhost login master mypassword mysecret \
    my-secret my_secret none null opensesame p@ssw0rd pass passw0rd password password1 password123 payments placeholder \
    private prod production public qwerty qwerty123 replace replaceme replace-me root s3cr3t sample secret secret123 \
    secretkey secret-key secret_key service staging super supersecret super-secret swordfish sysadmin temp test test123 \
    test1234 test-key test_key testkey testing todo token undefined user username welcome xxxx your-key your-key-here \
    your-secret your_key yourkey";

/// Seals of page tokens that this project's documentation has shown.
const PUBLISHED_TOKEN_KEYS: [&str; 1] = ["0c2ee2d1a7fd2f9a4b6f7c0d6b2a3fbb5a5f2f7a94d1a1e9e7b3f3a2c4d5e6f7"];

/// LIMIT: different bytes that a seal of page tokens has at least. One of 32 random bytes has fewer than this never: the
/// chance is below 2^-100.
const LEAST_BYTES: usize = 8;

/// Refuses secrets that others have.
pub(super) fn check(config: &Config, problems: &mut Vec<Problem>) {
    let known: Vec<_> = config.callers.iter().filter_map(|caller| Some((&caller.name, caller.key_sha256?))).collect();
    if !known.is_empty() {
        let guessable = guessable();
        for (name, hash) in known {
            if guessable.contains(&hash.bytes()) {
                problems.push(
                    Problem::new(format!(
                        "the key of the caller `{name}` is short, common, or published in an example"
                    ))
                    .help(REMEDY),
                );
            }
        }
    }
    if let Some(key) = &config.search.token_key {
        let is_published =
            PUBLISHED_TOKEN_KEYS.iter().any(|text| text.parse().is_ok_and(|one: super::TokenKey| one == *key));
        let different: HashSet<u8> = key.bytes().iter().copied().collect();
        if is_published || different.len() < LEAST_BYTES {
            problems.push(
                Problem::new("`search.token_key` was published in an example, or is no random value")
                    .help("make one of your own with `openssl rand -hex 32`"),
            );
        }
    }
}

/// The hashes of keys that anybody could try.
fn guessable() -> HashSet<[u8; 32]> {
    let mut hashes: HashSet<[u8; 32]> = HashSet::new();
    let mut add = |key: &[u8]| {
        let hash = <[u8; 32]>::try_from(digest(&SHA256, key).as_ref());
        hashes.extend(hash);
    };
    let printable: Vec<u8> = (b' '..=b'~').collect();
    let plain: Vec<u8> =
        printable.iter().copied().filter(u8::is_ascii_alphanumeric).filter(|b| !b.is_ascii_uppercase()).collect();
    words(&printable, PRINTABLE_CHARS, &mut add);
    words(&plain, PLAIN_CHARS, &mut add);
    for word in COMMON.split_whitespace() {
        let mut capital = word.to_owned();
        if let Some(first) = capital.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        for spelled in [word, &capital, &word.to_ascii_uppercase()] {
            // With the line's end that `echo KEY | sha256sum` hashes, too.
            for end in ["", "\n", "1", "123", "!"] {
                add(format!("{spelled}{end}").as_bytes());
            }
        }
    }
    hashes
}

/// Each word of up to `longest` of these letters, the empty one too.
fn words(letters: &[u8], longest: u32, add: &mut impl FnMut(&[u8])) {
    let mut before: Vec<Vec<u8>> = vec![Vec::new()];
    add(&[]);
    for _ in 0..longest {
        let longer =
            |word: &Vec<u8>| letters.iter().map(|letter| [word.as_slice(), &[*letter]].concat()).collect::<Vec<_>>();
        before = before.iter().flat_map(longer).collect();
        before.iter().for_each(|word| add(word));
    }
}
