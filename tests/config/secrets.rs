//! Secrets that others have or guess are refused, and none is shown.

use crate::callers::caller;
use crate::{load_text, refused};
use behest::config::is_guessable;

#[test]
fn secrets_are_redacted() {
    let config = load_text(&caller("gateway", 'a'), &[], &[]).unwrap();
    let shown = format!("{config:?}");
    assert!(
        shown.contains("gateway") && !shown.contains("aaaa") && !shown.contains("170"),
        "{shown}"
    );
    assert_eq!(config.callers[0].key_sha256.unwrap().bytes(), [0xaa; 32]);
    let line = caller("gateway", 'a').replace("\"\npermissions", "  -\"\npermissions");
    let config = load_text(&line, &[], &[]).unwrap();
    assert_eq!(
        config.callers[0].key_sha256.unwrap().bytes(),
        [0xaa; 32],
        "the whole line of `sha256sum`"
    );
}

/// The hash of `test` stood in the README.
#[test]
fn a_key_that_others_have_refuses_to_start() {
    let sha256 = |key: &str| -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
        digest
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    assert_eq!(
        sha256("test"),
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    );
    let with = |key: &str| caller("gateway", 'a').replace(&"a".repeat(64), &sha256(key));
    for key in [
        "test",
        "test\n",
        "",
        "x",
        "~~",
        "zz9",
        "changeme",
        "Secret123",
        "PASSWORD",
        "admin!",
        "your-key-here",
    ] {
        assert_eq!(
            refused(&with(key), &[], &[]),
            [
                "the key of the caller `gateway` is short, common, or published in an example | make a key with \
                 `openssl rand -hex 32`, and its hash with `printf %s \"$KEY\" | sha256sum`"
            ],
            "{key}"
        );
    }
    for key in [
        "aaaaaaaaaaaaaaaa",
        "0123456789012345",
        "abcdefghij",
        "correct horse battery staple",
        "my-secret-key",
    ] {
        assert_eq!(refused(&with(key), &[], &[]).len(), 1, "{key}");
    }
    assert!(load_text(&with("c9c1f0a7b2d84f5e8a0e7f7d8c6b5a49"), &[], &[]).is_ok());
}

/// Where the key itself is given, its form tells more than its length.
#[test]
fn a_key_that_repeats_or_counts_is_guessable() {
    let counting: String = (0..32).map(|byte| format!("{byte:02x}")).collect();
    for key in [
        &"0".repeat(64),
        &"deadbeef".repeat(8),
        &"changeme".repeat(4),
        &"s3cr3t-of-ours!".repeat(3),
        &"0123456789".repeat(4),
        &"abab1212cdcd".repeat(3),
        &"9876543210fedcba".repeat(2),
        &counting,
        &"zyxwvutsrqponmlkjihgfedcba987654321".to_owned(),
        &"a-string-secret-at-least-256-bits-long".to_owned(),
        &String::new(),
    ] {
        assert!(is_guessable(key.as_bytes()), "{key}");
    }
    // What `openssl rand -hex 16`, `-base64 24`, `uuidgen` and `pwgen 32` make.
    for key in [
        "3f0c5c9a9d1b4a77e2f86d0b5c1e8a94",
        "qK2n0y3mUO9rXl6JXx7iTq5yq0cVd1Zs",
        "0b9be6a0-58d6-4be2-9fca-3c1f0b1b7e54",
        "ahng4Aeshai9eeSh0ahYoo3ohz6Ith7o",
    ] {
        assert!(!is_guessable(key.as_bytes()), "{key}");
    }
}

#[test]
fn a_token_key_that_others_have_refuses_to_start() {
    let refuse = |key: &str| refused(&format!("[search]\ntoken_key = \"{key}\""), &[], &[]);
    let published = "0c2ee2d1a7fd2f9a4b6f7c0d6b2a3fbb5a5f2f7a94d1a1e9e7b3f3a2c4d5e6f7";
    for key in [
        published,
        &published.to_uppercase(),
        &"0".repeat(64),
        &"deadbeef".repeat(8),
    ] {
        let expected = "`search.token_key` was published in an example, or is no random value | make one of your own with \
                        `openssl rand -hex 32`";
        assert_eq!(refuse(key), [expected]);
    }
    let own = published.replace("0c2e", "1c2e");
    assert!(load_text(&format!("[search]\ntoken_key = \"{own}\""), &[], &[]).is_ok());
}

/// A collector's token would be anybody's who is on the way.
#[test]
fn headers_for_a_collector_do_not_leave_the_machine_in_the_clear() {
    let load = |otlp: &str, has_headers| {
        let file = if has_headers {
            "headers_file = \"/run/headers\"\n"
        } else {
            ""
        };
        load_text(&format!("[telemetry]\notlp = \"{otlp}\"\n{file}"), &[], &[])
    };
    for otlp in [
        "http://127.0.0.1:4318",
        "http://localhost/otlp",
        "http://[::1]:4318",
        "http://[::1]",
        "https://collector:4318",
    ] {
        assert!(load(otlp, true).is_ok(), "{otlp}");
    }
    for otlp in [
        "http://collector:4318",
        "http://127.0.0.1.example",
        "http://10.0.0.1",
    ] {
        assert!(load(otlp, false).is_ok(), "{otlp}");
        let refused = load(otlp, true).unwrap_err();
        assert!(
            refused[0].contains("would be sent in the clear"),
            "{refused:?}"
        );
    }
}
