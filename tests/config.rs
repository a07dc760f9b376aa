//! Settings: their sources, what is refused, and how it is said.

#![expect(clippy::unwrap_used, reason = "what helpers of tests unwrap is part of the assertion")]

use behest::config::{ByteSize, CacheSize, Config, Environment, Flags, Listen, Permission, is_guessable, load};
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStringExt;

/// Loads a file's text with variables and flags; `Err` has each problem as `message | help`.
fn load_text(text: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("behest.toml");
    std::fs::write(&path, text).unwrap();
    let environment: Environment =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let flags = Flags {
        config: Some(path.clone()),
        settings: flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect(),
    };
    load(&flags, &environment).map_err(|problems| {
        let shown = path.display().to_string();
        let line = |problem: &behest::model::Problem| {
            format!("{problem} | {}", problem.help.as_deref().unwrap()).replace(&shown, "FILE")
        };
        problems.0.iter().map(line).collect()
    })
}

fn refused(text: &str, variables: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Vec<String> {
    load_text(text, variables, flags).unwrap_err()
}

fn caller(name: &str, digit: char) -> String {
    format!(
        "[[callers]]\nname = \"{name}\"\nkey_sha256 = \"{}\"\npermissions = [\"decide\"]\n",
        digit.to_string().repeat(64)
    )
}

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let text = "listen = \"127.0.0.1:1\"\ncache = \"1MiB\"\ndata = \"file\"\n[limits]\ndepth = 10\nevaluations = 11\n";
    let variables = [("BEHEST_LISTEN", "127.0.0.1:2"), ("BEHEST_DATA", "2026"), ("BEHEST_LIMITS__DEPTH", "20")];
    let config = load_text(text, &variables, &[("listen", "unix:/run/b.sock")]).unwrap();
    assert_eq!(config.listen, Listen::Unix("/run/b.sock".into()));
    assert_eq!(config.data.unwrap().to_str(), Some("2026"));
    assert!(matches!(config.cache, CacheSize::Bytes(size) if size.0 == 1 << 20));
    assert_eq!((config.limits.depth, config.limits.evaluations), (20, 11));
}

#[test]
fn nothing_set_is_a_loopback_service_on_the_default_bundle() {
    let config = load_text("", &[], &[]).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8181");
    assert_eq!(config.cache, CacheSize::Bytes(ByteSize(64 << 20)));
    assert!(config.bundle.is_none() && config.data.is_none() && config.record.is_none());
}

#[test]
fn an_unknown_key_is_refused_with_its_source() {
    for (found, name) in [
        (refused("lisen = 1", &[], &[]), "`lisen` in `FILE` is not a setting"),
        (refused("[limits]\nbdoy = 1", &[], &[]), "`limits.bdoy` in `FILE` is not a setting"),
        (
            refused("[log]\nlevel = 1", &[("BEHEST_LISTEN", "127.0.0.1:1")], &[]),
            "`log.level` in `FILE` is not a setting",
        ),
        (refused("", &[("BEHEST_LIMITS__BDOY", "1")], &[]), "`BEHEST_LIMITS__BDOY` is not a setting"),
        (refused("[limits]\nbody = 2000", &[("BEHEST_LISEN", "1")], &[]), "`BEHEST_LISEN` is not a setting"),
    ] {
        assert_eq!(found.len(), 1, "{found:?}");
        let help = found[0].strip_prefix(&format!("{name} | ")).unwrap_or_else(|| panic!("{found:?}"));
        assert!(help.contains("here there are `"), "{found:?}");
    }
}

#[test]
fn an_unknown_key_is_told_what_it_was_meant_for() {
    for (found, meant) in [
        (refused("lisen = 1", &[], &[]), "`listen` in `FILE`"),
        (refused("[limits]\nbdoy = 1", &[], &[]), "`limits.body` in `FILE`"),
        (refused("", &[("BEHEST_LISEN", "1")], &[]), "`BEHEST_LISTEN`"),
        (refused("", &[("BEHEST_LIMITS__BDOY", "1")], &[]), "`BEHEST_LIMITS__BODY`"),
        (refused("", &[("BEHEST_LIMITS_BODY", "1MiB")], &[]), "`BEHEST_LIMITS__BODY`"),
        (refused("", &[("BEHEST_PUBLICURL", "1")], &[]), "`BEHEST_PUBLIC_URL`"),
    ] {
        assert!(found[0].contains(&format!(" | did you mean {meant}? here there are `")), "{found:?}");
    }
    let far = refused("", &[("BEHEST_PORT", "8181")], &[]);
    assert!(far[0].starts_with("`BEHEST_PORT` is not a setting | here there are `"), "{far:?}");
}

#[test]
fn a_value_of_another_kind_is_refused_in_words() {
    for (text, expected) in [
        ("[limits]\ndepth = \"x\"", "`limits.depth` in `FILE` is a text | it takes a whole number"),
        ("behind_proxy = 1", "`behind_proxy` in `FILE` is `1` | it takes `true` or `false`"),
        ("limits = 1", "`limits` in `FILE` is `1` | it takes a table"),
        ("callers = 1", "`callers` in `FILE` is `1` | it takes a list"),
        ("[log]\nformat = \"xml\"", "`log.format` in `FILE` is `xml` | it takes one of `auto`, `text`, `json`"),
        (
            "listen = \"8181\"",
            "`listen` in `FILE`: `8181` is not an address | write for example `127.0.0.1:8181` or `unix:/run/behest.sock`",
        ),
        (
            "public_url = \"http://pdp.example\"",
            "`public_url` in `FILE`: `http://pdp.example` does not begin with `https://` | write for example `https://pdp.example`",
        ),
        (
            "public_url = \"https://pdp.example?x\"",
            "`public_url` in `FILE`: `https://pdp.example?x` has a query or a fragment | write for example `https://pdp.example`",
        ),
        (
            "cache = \"big\"",
            "`cache` in `FILE`: `big` is not a size | write for example `64MiB`, `512KiB` or `4096`, or `off`",
        ),
        ("cache = \"63KiB\"", "`cache` is too small to keep anything | set at least `64KiB`, or `off`"),
        ("[record]\nqueue = 3", "`record.sink` in `FILE` is missing | see behest.example.toml"),
        (
            "[record]\nsink = \"-\"\nwhen_full = \"wait\"",
            "`record.when_full` in `FILE`: `wait` is not one of `drop` and `deny` | see behest.example.toml",
        ),
        ("[limits]\ndepth = 257", "`limits.depth` is 257 | it takes a number from 1 to 256"),
        ("[limits]\nevaluations = 0", "`limits.evaluations` is 0 | it takes a number from 1 to 100000"),
    ] {
        assert_eq!(refused(text, &[], &[]), [expected], "{text}");
    }
    assert_eq!(
        refused("", &[], &[("cache", "big")]),
        ["`--cache`: `big` is not a size | write for example `64MiB`, `512KiB` or `4096`, or `off`"]
    );
    assert_eq!(
        refused("", &[("BEHEST_LIMITS__BODY", "1MB")], &[]),
        ["`BEHEST_LIMITS__BODY`: `1MB` is not a size | write for example `64MiB`, `512KiB` or `4096`"]
    );
    assert_eq!(
        refused("", &[("BEHEST_ANONYMOUS", "")], &[]),
        ["`BEHEST_ANONYMOUS` is empty | unset it, or give it a value"]
    );
}

/// Each was passed over in silence, and the service started as if it were not there.
#[test]
fn what_is_named_like_a_setting_is_not_passed_over() {
    for (name, problem) in [
        ("BEHEST_", "`BEHEST_` is not a setting | see behest.example.toml"),
        ("BEHEST_LIMITS__", "`BEHEST_LIMITS__` is not a setting | see behest.example.toml"),
        ("BEHEST___LISTEN", "`BEHEST___LISTEN` is not a setting | see behest.example.toml"),
    ] {
        assert_eq!(refused("", &[(name, "x")], &[]), [problem]);
    }
    for (name, value) in [
        ("BEHEST_LIMITS", "{}"),
        ("BEHEST_CALLERS", "[]"),
        ("BEHEST_ISSUERS", "[]"),
        ("BEHEST_ADMIN_KEY", ""),
        ("BEHEST_CONFIG", ""),
    ] {
        let expected = format!("`{name}` is empty | unset it, or give it a value");
        assert_eq!(refused("", &[(name, value)], &[]), [expected]);
    }
    assert_eq!(load_text("", &[("BEHEST_ANONYMOUS", "[]")], &[]).unwrap().anonymous_permissions(), None);
    for key in ["data", "bundle"] {
        let expected = format!("`{key}` is empty | leave it out, or name a path");
        assert_eq!(refused(&format!("{key} = \"\""), &[], &[]), [expected]);
    }
}

#[test]
fn what_is_overridden_is_read_too() {
    let listen = [("listen", "127.0.0.1:1")];
    let found = refused("listen = 3", &[], &listen);
    assert!(found[0].starts_with("`listen` in `FILE`: `3` is not an address"), "{found:?}");
    assert_eq!(
        refused("limits = {depth = \"x\"}", &[("BEHEST_LIMITS__DEPTH", "3")], &[]),
        ["`limits.depth` in `FILE` is a text | it takes a whole number"]
    );
    let found = refused("", &[("BEHEST_LISTEN", "3")], &listen);
    assert!(found[0].starts_with("`BEHEST_LISTEN`: `3` is not an address"), "{found:?}");
    // What one source lacks may stand in another.
    assert!(load_text("[record]\nqueue = 3", &[("BEHEST_RECORD__SINK", "-")], &[]).is_ok());
}

/// `BEHEST_ANONYMOUS` with a byte too many let anonymous callers decide.
#[test]
fn a_variable_that_is_not_text_refuses_to_start() {
    let bytes = |text: &[u8]| std::ffi::OsString::from_vec(text.to_vec());
    let start = |name: &[u8], value: &[u8]| {
        let environment: Environment = [(bytes(name), bytes(value))].into_iter().collect();
        load(&Flags::default(), &environment).map_err(|problems| problems.to_string())
    };
    let end = "is not UTF-8 text, in its name or its value";
    for (name, shown) in [
        (&b"BEHEST_ANONYMOUS"[..], "BEHEST_ANONYMOUS".to_owned()),
        (b"BEHEST_ADMIN_KEY", "BEHEST_ADMIN_KEY".to_owned()),
        (b"BEHEST_ANONYMOUS\xff", "BEHEST_ANONYMOUS\u{fffd}".to_owned()),
        (&[b"BEHEST_".to_vec(), vec![b'X'; 500]].concat(), format!("BEHEST_{}", "X".repeat(57))),
    ] {
        assert_eq!(start(name, b"none\xff").unwrap_err(), format!("`{shown}` {end}"));
    }
    assert!(start(b"BEHEST_LISTEN\xff", b"127.0.0.1:1").is_err());
    assert!(start(b"OTHER", b"none\xff").is_ok() && start(b"OTHER\xff", b"x").is_ok());
}

#[test]
fn broken_toml_is_refused_with_its_line() {
    let found = refused("listen = \"127.0.0.1:1\"\ndata = [\n", &[], &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("FILE: line 2 is not TOML: "), "{found:?}");
}

#[test]
fn a_caller_with_an_unknown_permission_or_a_bad_hash_is_refused_and_its_key_not_repeated() {
    let unknown = caller("gateway", 'a').replace("decide", "decode");
    assert_eq!(
        refused(&unknown, &[], &[]),
        [
            "`callers.0.permissions` in `FILE`: `decode` is not a permission | there are `decide`, `search`, `explain`, `relations.read`, `relations.write`, `admin`"
        ]
    );
    let key = caller("gateway", 'a').replace(&"a".repeat(64), "hunter2");
    let found = refused(&key, &[], &[]);
    assert_eq!(
        found,
        [
            "`callers.0.key_sha256` in `FILE`: the value is not 64 hexadecimal digits | make one with `printf %s \"$KEY\" | sha256sum`"
        ]
    );
}

#[test]
fn secrets_are_redacted() {
    let config = load_text(&caller("gateway", 'a'), &[], &[]).unwrap();
    let shown = format!("{config:?}");
    assert!(shown.contains("gateway") && !shown.contains("aaaa") && !shown.contains("170"), "{shown}");
    assert_eq!(config.callers[0].key_sha256.unwrap().bytes(), [0xaa; 32]);
    let line = caller("gateway", 'a').replace("\"\npermissions", "  -\"\npermissions");
    let config = load_text(&line, &[], &[]).unwrap();
    assert_eq!(config.callers[0].key_sha256.unwrap().bytes(), [0xaa; 32], "the whole line of `sha256sum`");
}

#[test]
fn callers_that_cannot_be_told_apart_are_refused() {
    let text = caller("a", 'a') + &caller("a", 'b') + &caller("b", 'a') + &caller("anonymous", 'c') + &caller("", 'd');
    assert_eq!(
        refused(&text, &[], &[]),
        [
            "two callers are named `a` | rename one of them",
            "the callers `a` and `b` have the same key | give each its own, so that records say who asked",
            "a caller is named `anonymous` | records use this name for callers that are not configured; choose another",
            "the name of caller 5 is empty, too long or has control characters | give it a name of 1 to 64 bytes",
        ]
    );
}

#[test]
fn an_address_that_others_reach_needs_callers_and_a_proxy() {
    let no_callers = "`0.0.0.0:8181` can be reached from other machines, and no caller is configured | add `[[callers]]` to behest.toml, or listen on `127.0.0.1:8181` or `unix:PATH`";
    let no_proxy = "`0.0.0.0:8181` can be reached from other machines, and keys would travel in the clear | set `tls`, or put a proxy that ends TLS before the service and set `behind_proxy = true`, or listen on `127.0.0.1:8181`";
    let open = [("listen", "0.0.0.0:8181")];
    assert_eq!(refused("", &[], &open), [no_callers, no_proxy]);
    assert_eq!(refused("behind_proxy = true", &[], &open), [no_callers]);
    assert_eq!(refused(&caller("a", 'a'), &[], &open), [no_proxy]);
    assert!(load_text(&format!("behind_proxy = true\n{}", caller("a", 'a')), &[], &open).is_ok());
    for local in ["127.9.9.9:1", "[::1]:8181", "[::ffff:127.0.0.1]:8181", "localhost:8181", "unix:x.sock"] {
        assert!(load_text("", &[], &[("listen", local)]).is_ok(), "{local}");
    }
    assert!(load_text("", &[], &[("listen", "[::ffff:192.0.2.1]:8181")]).is_err());
}

#[test]
fn anonymous_callers_exist_only_where_nobody_else_can_be() {
    use Permission::{Decide, Explain, Search};
    let allowed = |text: &str, flags: &[(&'static str, &str)]| {
        load_text(text, &[], flags).unwrap().anonymous_permissions().map(|set| set.iter().collect::<Vec<_>>())
    };
    assert_eq!(allowed("", &[]), Some(vec![Decide, Search, Explain]));
    assert_eq!(allowed("", &[("bundle", "b")]), Some(vec![Decide]));
    assert_eq!(allowed("", &[("data", "d")]), Some(vec![Decide]));
    assert_eq!(allowed("", &[("bundle", "b"), ("anonymous", "decide,explain")]), Some(vec![Decide, Explain]));
    assert_eq!(allowed("anonymous = [\"search\"]", &[]), Some(vec![Search]));
    assert_eq!(allowed("", &[("anonymous", "none")]), None);
    assert_eq!(allowed("anonymous = []", &[]), None);
    assert_eq!(allowed(&caller("a", 'a'), &[]), None);
    assert_eq!(allowed("behind_proxy = true", &[]), None);

    let nobody = "`anonymous` lets callers without a key in, and there can be none here | leave `anonymous` out: it counts only on a loopback or unix address, without `[[callers]]` and without `behind_proxy`";
    let listed = [("anonymous", "decide")];
    assert_eq!(refused(&caller("a", 'a'), &[], &listed), [nobody]);
    assert_eq!(refused("behind_proxy = true", &[], &listed), [nobody]);
    assert_eq!(
        refused("", &[], &[("anonymous", "admin")]),
        ["`anonymous` lists `admin` | it takes `decide`, `search` and `explain`; everything else needs a key"]
    );
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let variables = [
        ("BEHEST_SERVICE_HOST", "10.0.0.1"),
        ("BEHEST_PORT_8181_TCP", "tcp://10.0.0.1:8181"),
        ("BEHEST_METRICS_SERVICE_HOST", "10.0.0.2"),
        ("BEHEST_METRICS_SERVICE_PORT", "9090"),
        ("BEHEST_METRICS_SERVICE_PORT_HTTP_METRICS", "9090"),
        ("BEHEST_METRICS_PORT", "tcp://10.0.0.2:9090"),
        ("BEHEST_METRICS_PORT_9090_TCP", "tcp://10.0.0.2:9090"),
        ("BEHEST_METRICS_PORT_9090_TCP_ADDR", "10.0.0.2"),
        ("BEHEST_METRICS_PORT_9090_TCP_PORT", "9090"),
        ("BEHEST_METRICS_PORT_9090_TCP_PROTO", "tcp"),
        ("BEHEST_DNS_PORT_53_UDP", "udp://10.0.0.3:53"),
        ("BEHEST_PORT", "tcp://172.17.0.2:8181"),
        ("BEHEST_NAME", "/web/behest"),
        ("BEHEST_DB_NAME", "/web/behest-db"),
        ("BEHEST_ENV_PATH", "/usr/bin"),
        ("BEHEST_ENV_EMPTY", ""),
        ("BEHEST_DB_ENV_POSTGRES_VERSION", "18"),
        ("BEHEST_ADMIN_KEY", "k"),
        ("BEHEST_KEY", "k"),
        ("RUST_LOG", "debug"),
        ("HOME", "/root"),
    ];
    let config = load_text("", &variables, &[]).unwrap();
    assert_eq!(config.log.filter.as_deref(), Some("debug"));
    assert_eq!((config.links.len(), config.links[0].as_str()), (17, "BEHEST_SERVICE_HOST"));
    let config = load_text("[log]\nfilter = \"warn\"", &variables, &[]).unwrap();
    assert_eq!(config.log.filter.as_deref(), Some("warn"));
}

#[test]
fn a_named_file_must_be_there() {
    let flags = Flags { config: Some("/nonexistent/behest.toml".into()), settings: Vec::new() };
    let problems = load(&flags, &Environment::default()).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "the settings file `/nonexistent/behest.toml` cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_variable_that_is_no_link_is_still_a_mistake() {
    for (name, value) in [
        ("BEHEST_PORT", "8181"),
        ("BEHEST_METRICS", "on"),
        ("BEHEST_DB_NAME", "behest"),
        ("BEHEST_PORT_HTTP_TCP", "1"),
        ("BEHEST_LIMITS__ENV_X", "1"),
        ("BEHEST_SERVICE", "x"),
        ("BEHEST_ENVIRONMENT", "production"),
    ] {
        let found = refused("", &[(name, value)], &[]);
        assert!(found[0].starts_with(&format!("`{name}` is not a setting")), "{found:?}");
    }
}

/// The hash of `test` stood in the README.
#[test]
fn a_key_that_others_have_refuses_to_start() {
    let sha256 = |key: &str| -> String {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(sha256("test"), "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    let with = |key: &str| caller("gateway", 'a').replace(&"a".repeat(64), &sha256(key));
    for key in ["test", "test\n", "", "x", "~~", "zz9", "changeme", "Secret123", "PASSWORD", "admin!", "your-key-here"]
    {
        assert_eq!(
            refused(&with(key), &[], &[]),
            ["the key of the caller `gateway` is short, common, or published in an example | make a key with \
                 `openssl rand -hex 32`, and its hash with `printf %s \"$KEY\" | sha256sum`"],
            "{key}"
        );
    }
    for key in ["aaaaaaaaaaaaaaaa", "0123456789012345", "abcdefghij", "correct horse battery staple", "my-secret-key"] {
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
    for key in [published, &published.to_uppercase(), &"0".repeat(64), &"deadbeef".repeat(8)] {
        let expected = "`search.token_key` was published in an example, or is no random value | make one of your own with \
                        `openssl rand -hex 32`";
        assert_eq!(refuse(key), [expected]);
    }
    let own = published.replace("0c2e", "1c2e");
    assert!(load_text(&format!("[search]\ntoken_key = \"{own}\""), &[], &[]).is_ok());
}

const EXAMPLE: &str = include_str!("../behest.example.toml");

/// What stands in the examples for a secret: it is refused as it is.
const PLACEHOLDERS: [&str; 2] = ["<the SHA-256 of its key>", "<64 hexadecimal digits>"];

/// The example with the settings that are commented out.
fn whole_example() -> String {
    let uncomment = |line: &'static str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest,
        _ => line,
    };
    EXAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n")
}

/// The same with secrets in the places of the placeholders.
fn filled_example() -> String {
    let secret = "0123456789abcdef".repeat(4);
    PLACEHOLDERS.iter().fold(whole_example(), |text, placeholder| {
        assert!(text.contains(placeholder), "{placeholder}");
        text.replace(placeholder, &secret)
    })
}

#[test]
fn the_example_cannot_be_pasted_with_its_secrets() {
    for text in [whole_example(), std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()] {
        assert!(!text.contains("9f86d081") && !text.contains("0c2ee2d1"), "a secret that was published");
    }
    let found = refused(&whole_example(), &[], &[]);
    assert!(found[0].contains("the value is not 64 hexadecimal digits"), "{found:?}");
}

#[test]
fn the_example_is_valid_and_shows_the_defaults() {
    let defaults = format!("{:?}", load_text("", &[], &[]).unwrap());
    assert_eq!(format!("{:?}", load_text(EXAMPLE, &[], &[]).unwrap()), defaults);
    load_text(&filled_example(), &[], &[]).unwrap();
}

#[test]
fn the_example_has_every_setting() {
    let known = |table: &str| -> BTreeSet<String> {
        let found = refused(&format!("{table}\nno_such_key = 1"), &[], &[]);
        found[0]
            .split('`')
            .skip_while(|part| !part.contains("here there are"))
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let example: toml::Table = toml::from_str(&filled_example()).unwrap();
    let keys = |table: &toml::Table| table.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(&example), known(""));
    for name in ["record", "log", "limits", "search", "reload", "tls"] {
        assert_eq!(keys(example[name].as_table().unwrap()), known(&format!("[{name}]")), "{name}");
    }
    for name in ["callers", "issuers", "trust_domains"] {
        let shown = example[name].as_array().unwrap().iter().flat_map(|one| keys(one.as_table().unwrap()));
        assert_eq!(shown.collect::<BTreeSet<_>>(), known(&format!("[[{name}]]")), "{name}");
    }
}

#[test]
fn a_caller_is_known_in_exactly_one_way() {
    let key = "a".repeat(64);
    let refused = |caller: &str, more: &str| {
        let text = format!("[[callers]]\nname = \"x\"\npermissions = [\"decide\"]\n{caller}\n{more}");
        load_text(&text, &[], &[]).map_err(|problems| problems[0].clone())
    };
    let issuer = "[[issuers]]\nissuer = \"https://i.example\"\ncaller_audiences = [\"pdp\"]\n";
    let tls = "[tls]\ncertificate = \"c\"\nkey = \"k\"\nclient_authorities = \"a\"\n";
    let token = "token = { issuer = \"https://i.example\", principal = \"agent:x\" }";
    let certificate = "certificate = { uri = \"spiffe://a/x\" }";
    assert!(refused(&format!("key_sha256 = \"{key}\""), "").is_ok());
    assert!(refused(token, issuer).is_ok());
    assert!(refused(certificate, tls).is_ok());
    for (caller, more, expected) in [
        ("", "", "is known by none or by several"),
        (&format!("key_sha256 = \"{key}\"\n{token}"), issuer, "is known by none or by several"),
        (token, "", "which no caller can"),
        (token, "[[issuers]]\nissuer = \"https://i.example\"\n", "which no caller can"),
        ("token = { issuer = \"https://i.example\", principal = \"x\" }", issuer, "which is nobody"),
        (certificate, "", "nobody is asked for one"),
        (certificate, "[tls]\ncertificate = \"c\"\nkey = \"k\"\n", "nobody is asked for one"),
        ("certificate = {}", tls, "has no name, or two"),
        (&format!("key_sha256 = \"{key}\"\nrate = {{ per_second = 0 }}"), "", "lets nothing through"),
    ] {
        let found = refused(caller, more).map(|_| ()).unwrap_err();
        assert!(found.contains(expected), "{expected}: {found}");
    }
}
