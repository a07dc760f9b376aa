//! A setting comes from a flag, a variable or the file, and what is none is refused.

use crate::{load_text, refused};
use behest::config::{ByteSize, CacheSize, EnvironmentVariables, Flags, Listen, load};
use std::os::unix::ffi::OsStringExt;

#[test]
fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
    let text = "listen = \"127.0.0.1:1\"\ncache = \"1MiB\"\ndata = \"file\"\n[limits]\ndepth = 10\nevaluations = 11\n";
    let variables = [
        ("BEHEST_LISTEN", "127.0.0.1:2"),
        ("BEHEST_DATA", "2026"),
        ("BEHEST_LIMITS__DEPTH", "20"),
    ];
    let config = load_text(text, &variables, &[("listen", "unix:/run/b.sock")]).unwrap();
    assert_eq!(config.listen, Listen::Unix("/run/b.sock".into()));
    assert_eq!(config.data.unwrap().to_string(), "2026");
    assert!(matches!(config.cache, CacheSize::Bytes(size) if size.0 == 1 << 20));
    let limits = &config.limits.http;
    assert_eq!((limits.json_depth, limits.evaluations), (20, 11));
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
        (
            refused("lisen = 1", &[], &[]),
            "`lisen` in `FILE` is not a setting",
        ),
        (
            refused("[limits]\nbdoy = 1", &[], &[]),
            "`limits.bdoy` in `FILE` is not a setting",
        ),
        (
            refused("[log]\nlevel = 1", &[("BEHEST_LISTEN", "127.0.0.1:1")], &[]),
            "`log.level` in `FILE` is not a setting",
        ),
        (
            refused("", &[("BEHEST_LIMITS__BDOY", "1")], &[]),
            "`BEHEST_LIMITS__BDOY` is not a setting",
        ),
        (
            refused("[limits]\nbody = 2000", &[("BEHEST_LISEN", "1")], &[]),
            "`BEHEST_LISEN` is not a setting",
        ),
    ] {
        assert_eq!(found.len(), 1, "{found:?}");
        let help = found[0]
            .strip_prefix(&format!("{name} | "))
            .unwrap_or_else(|| panic!("{found:?}"));
        assert!(help.contains("here there are `"), "{found:?}");
    }
}

#[test]
fn an_unknown_key_is_told_what_it_was_meant_for() {
    for (found, meant) in [
        (refused("lisen = 1", &[], &[]), "`listen` in `FILE`"),
        (
            refused("[limits]\nbdoy = 1", &[], &[]),
            "`limits.body` in `FILE`",
        ),
        (
            refused("", &[("BEHEST_LISEN", "1")], &[]),
            "`BEHEST_LISTEN`",
        ),
        (
            refused("", &[("BEHEST_LIMITS__BDOY", "1")], &[]),
            "`BEHEST_LIMITS__BODY`",
        ),
        (
            refused("", &[("BEHEST_LIMITS_BODY", "1MiB")], &[]),
            "`BEHEST_LIMITS__BODY`",
        ),
        (
            refused("", &[("BEHEST_PUBLICURL", "1")], &[]),
            "`BEHEST_PUBLIC_URL`",
        ),
    ] {
        assert!(
            found[0].contains(&format!(" | did you mean {meant}? here there are `")),
            "{found:?}"
        );
    }
    let far = refused("", &[("BEHEST_PORT", "8181")], &[]);
    assert!(
        far[0].starts_with("`BEHEST_PORT` is not a setting | here there are `"),
        "{far:?}"
    );
}

#[test]
fn a_value_of_another_kind_is_refused_in_words() {
    for (text, expected) in [
        (
            "[limits]\ndepth = \"x\"",
            "`limits.depth` in `FILE` is a text | it takes a whole number",
        ),
        (
            "behind_proxy = 1",
            "`behind_proxy` in `FILE` is `1` | it takes `true` or `false`",
        ),
        ("limits = 1", "`limits` in `FILE` is `1` | it takes a table"),
        (
            "callers = 1",
            "`callers` in `FILE` is `1` | it takes a list",
        ),
        (
            "[log]\nformat = \"xml\"",
            "`log.format` in `FILE` is `xml` | it takes one of `auto`, `text`, `json`",
        ),
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
        (
            "data = 2026",
            "`data` in `FILE` is `2026` | it takes a text",
        ),
        (
            "data = \"redb://u:PW@h/db\"",
            "`data` in `FILE`: `redb:` stands before something else than a directory | write for example \
             `redb:/var/lib/behest`",
        ),
        (
            "cache = \"63KiB\"",
            "`cache` is too small to keep anything | set at least `64KiB`, or `off`",
        ),
        (
            "[record]\nqueue = 3",
            "`record.sink` in `FILE` is missing | see behest.example.toml",
        ),
        (
            "[record]\nsink = \"-\"\nwhen_full = \"wait\"",
            "`record.when_full` in `FILE`: `wait` is not one of `drop` and `deny` | see behest.example.toml",
        ),
        (
            "[limits]\ndepth = 257",
            "`limits.depth` is 257 | it takes a number from 1 to 256",
        ),
        (
            "[limits]\nevaluations = 0",
            "`limits.evaluations` is 0 | it takes a number from 1 to 100000",
        ),
    ] {
        assert_eq!(refused(text, &[], &[]), [expected], "{text}");
    }
    assert_eq!(
        refused("", &[], &[("cache", "big")]),
        [
            "`--cache`: `big` is not a size | write for example `64MiB`, `512KiB` or `4096`, or `off`"
        ]
    );
    assert_eq!(
        refused("", &[("BEHEST_LIMITS__BODY", "1MB")], &[]),
        [
            "`BEHEST_LIMITS__BODY`: `1MB` is not a size | write for example `64MiB`, `512KiB` or `4096`"
        ]
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
        (
            "BEHEST_",
            "`BEHEST_` is not a setting | see behest.example.toml",
        ),
        (
            "BEHEST_LIMITS__",
            "`BEHEST_LIMITS__` is not a setting | see behest.example.toml",
        ),
        (
            "BEHEST___LISTEN",
            "`BEHEST___LISTEN` is not a setting | see behest.example.toml",
        ),
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
    assert_eq!(
        load_text("", &[("BEHEST_ANONYMOUS", "[]")], &[])
            .unwrap()
            .anonymous_permissions(),
        None
    );
    for key in ["data", "bundle"] {
        let expected = format!("`{key}` is empty | leave it out, or name a path");
        assert_eq!(refused(&format!("{key} = \"\""), &[], &[]), [expected]);
    }
}

#[test]
fn what_is_overridden_is_read_too() {
    let listen = [("listen", "127.0.0.1:1")];
    let found = refused("listen = 3", &[], &listen);
    assert!(
        found[0].starts_with("`listen` in `FILE`: `3` is not an address"),
        "{found:?}"
    );
    assert_eq!(
        refused(
            "limits = {depth = \"x\"}",
            &[("BEHEST_LIMITS__DEPTH", "3")],
            &[]
        ),
        ["`limits.depth` in `FILE` is a text | it takes a whole number"]
    );
    let found = refused("", &[("BEHEST_LISTEN", "3")], &listen);
    assert!(
        found[0].starts_with("`BEHEST_LISTEN`: `3` is not an address"),
        "{found:?}"
    );
    // What one source lacks may stand in another.
    assert!(load_text("[record]\nqueue = 3", &[("BEHEST_RECORD__SINK", "-")], &[]).is_ok());
}

/// Of two variables for one setting the one that came last counted, and nobody said so.
#[test]
fn two_variables_for_one_setting_are_refused_in_whatever_order() {
    for (one, other, setting) in [
        (
            ("BEHEST_ANONYMOUS", "none"),
            ("BEHEST_anonymous", "decide"),
            "anonymous",
        ),
        (
            ("BEHEST_CALLERS", "[{name=\"a\"}]"),
            ("BEHEST_callers", "[{name=\"b\"}]"),
            "callers",
        ),
        (
            ("BEHEST_LIMITS", "{evaluations=5}"),
            ("BEHEST_LIMITS__EVALUATIONS", "7"),
            "limits.evaluations",
        ),
        (
            ("BEHEST_LIMITS__DEPTH", "5"),
            ("BEHEST_limits__Depth", "5"),
            "limits.depth",
        ),
        (
            ("BEHEST_LIMITS", "7"),
            ("BEHEST_LIMITS__DEPTH", "5"),
            "limits",
        ),
    ] {
        for [first, second] in [[one, other], [other, one]] {
            let expected = format!(
                "`{setting}` is given twice: by `{}` and by `{}` | unset one of them",
                first.0, second.0
            );
            let found = refused("", &[("BEHEST_LISTEN", "127.0.0.1:1"), first, second], &[]);
            assert!(found.contains(&expected), "{found:?}");
        }
    }
    let apart = [
        ("BEHEST_LIMITS", "{evaluations=5}"),
        ("BEHEST_limits__depth", "7"),
    ];
    let limits = load_text("", &apart, &[]).unwrap().limits.http;
    assert_eq!((limits.evaluations, limits.json_depth), (5, 7));
}

/// The admin's key in small letters was no key, and nobody said which name was meant; of two paths
/// of the settings' file one was taken.
#[test]
fn variables_that_are_no_settings_have_one_spelling_and_stand_once() {
    for (name, meant) in [
        ("BEHEST_admin_key", "BEHEST_ADMIN_KEY"),
        ("BEHEST_Admin_Key", "BEHEST_ADMIN_KEY"),
        ("BEHEST_ADMIN__KEY", "BEHEST_ADMIN_KEY"),
        ("BEHEST_ADMINKEY", "BEHEST_ADMIN_KEY"),
        ("BEHEST_config", "BEHEST_CONFIG"),
        ("BEHEST_key", "BEHEST_KEY"),
        ("BEHEST_url", "BEHEST_URL"),
    ] {
        let expected =
            format!("`{name}` is not read | did you mean `{meant}`? it must be spelled so");
        assert_eq!(refused("", &[(name, "x")], &[]), vec![expected.clone()]);
        for [one, other] in [[name, meant], [meant, name]] {
            let found = refused("", &[(one, "x"), (other, "x")], &[]);
            assert_eq!(found, vec![expected.clone()]);
        }
    }
    for (name, meant) in [
        ("BEHEST_ADMIN_KEYS", "BEHEST_ADMIN_KEY"),
        ("BEHEST_ADMNI_KEY", "BEHEST_ADMIN_KEY"),
        ("BEHEST_CONFIGS", "BEHEST_CONFIG"),
        ("BEHEST_ULR", "BEHEST_URL"),
    ] {
        let found = refused("", &[(name, "x")], &[]);
        assert!(
            found[0].starts_with(&format!(
                "`{name}` is not a setting | did you mean `{meant}`? here there are `"
            )),
            "{found:?}"
        );
    }
    for name in [
        "BEHEST_CONFIG",
        "BEHEST_ADMIN_KEY",
        "BEHEST_KEY",
        "BEHEST_URL",
    ] {
        let found = refused("", &[(name, "a"), (name, "b")], &[]);
        let expected = format!("`{name}` is given twice in the environment | unset one of them");
        assert_eq!(found, [expected]);
    }
}

#[test]
fn a_variable_that_begins_nearly_like_a_setting_is_refused() {
    for name in [
        "behest_anonymous",
        "Behest_ANONYMOUS",
        "BEHEST.ANONYMOUS",
        "behest-anonymous",
    ] {
        let found = refused("", &[(name, "decide")], &[]);
        assert!(
            found[0].starts_with(&format!(
                "`{name}` is not read: names of settings begin with `BEHEST_`"
            )),
            "{found:?}"
        );
    }
    assert!(
        load_text(
            "",
            &[
                ("BEHESTS_X", "1"),
                ("behested_x", "1"),
                ("BEHEST", "1"),
                ("behest", "")
            ],
            &[]
        )
        .is_ok()
    );
}

/// `BEHEST_ANONYMOUS` with a byte too many let anonymous callers decide.
#[test]
fn a_variable_that_is_not_text_refuses_to_start() {
    let bytes = |text: &[u8]| std::ffi::OsString::from_vec(text.to_vec());
    let start = |name: &[u8], value: &[u8]| {
        let environment: EnvironmentVariables = [(bytes(name), bytes(value))].into_iter().collect();
        load(&Flags::default(), &environment).map_err(|problems| problems.to_string())
    };
    let end = "is not UTF-8 text, in its name or its value";
    for (name, shown) in [
        (&b"BEHEST_ANONYMOUS"[..], "BEHEST_ANONYMOUS".to_owned()),
        (b"BEHEST_ADMIN_KEY", "BEHEST_ADMIN_KEY".to_owned()),
        (
            b"BEHEST_ANONYMOUS\xff",
            "BEHEST_ANONYMOUS\u{fffd}".to_owned(),
        ),
        (
            &[b"BEHEST_".to_vec(), vec![b'X'; 500]].concat(),
            format!("BEHEST_{}", "X".repeat(57)),
        ),
    ] {
        assert_eq!(
            start(name, b"none\xff").unwrap_err(),
            format!("`{shown}` {end}")
        );
    }
    assert!(start(b"BEHEST_LISTEN\xff", b"127.0.0.1:1").is_err());
    assert!(start(b"OTHER", b"none\xff").is_ok() && start(b"OTHER\xff", b"x").is_ok());
}

#[test]
fn broken_toml_is_refused_with_its_line() {
    let found = refused("listen = \"127.0.0.1:1\"\ndata = [\n", &[], &[]);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("FILE: line 2 is not TOML: "),
        "{found:?}"
    );
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let variables = [
        ("BEHEST_SERVICE_HOST", "10.0.0.1"),
        ("BEHEST_PORT_8181_TCP", "tcp://10.0.0.1:8181"),
        ("BEHEST_METRICS_SERVICE_HOST", "10.0.0.2"),
        ("BEHEST_GONE_SERVICE_HOST", ""),
        ("BEHEST_GONE_PORT", ""),
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
        ("BEHEST_URL", "https://pdp.example"),
        ("RUST_LOG", "debug"),
        ("HOME", "/root"),
    ];
    let config = load_text("", &variables, &[]).unwrap();
    assert_eq!(config.log.filter.as_deref(), Some("debug"));
    assert_eq!(
        (config.links.len(), config.links[0].as_str()),
        (19, "BEHEST_SERVICE_HOST")
    );
    let config = load_text("[log]\nfilter = \"warn\"", &variables, &[]).unwrap();
    assert_eq!(config.log.filter.as_deref(), Some("warn"));
}

#[test]
fn a_named_file_must_be_there() {
    let flags = Flags {
        config: Some("/nonexistent/behest.toml".into()),
        settings: Vec::new(),
    };
    let problems = load(&flags, &EnvironmentVariables::default()).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "the settings file `/nonexistent/behest.toml` cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_variable_that_is_no_link_is_still_a_mistake() {
    for (name, value) in [
        ("BEHEST_PORT", "8181"),
        ("BEHEST_METRIC", "on"),
        ("BEHEST_DB_NAME", "behest"),
        ("BEHEST_PORT_HTTP_TCP", "1"),
        ("BEHEST_LIMITS__ENV_X", "1"),
        ("BEHEST_SERVICE", "x"),
        ("BEHEST_ENVIRONMENT", "production"),
    ] {
        let found = refused("", &[(name, value)], &[]);
        assert!(
            found[0].starts_with(&format!("`{name}` is not a setting")),
            "{found:?}"
        );
    }
}
