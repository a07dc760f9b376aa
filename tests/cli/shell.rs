//! What shells and scripts see: settings and their sources, colours, completions, manual pages.

use support::place::{Output, Place};

const TOKEN_KEY: &str = "00f1e2d3c4b5a69788796a5b4c3d2e1f0f1e2d3c4b5a69788796a5b4c3d2e1f7";

fn setting(output: &Output, key: &str) -> (String, String) {
    let json: serde_json::Value = serde_json::from_str(&output.out).unwrap();
    let settings = json["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["key"] == key);
    let found = found.unwrap_or_else(|| panic!("{key}: {}", output.out));
    let source = match found["at"].as_str() {
        Some(at) => format!("{} {at}", found["source"].as_str().unwrap()),
        None => found["source"].as_str().unwrap().to_owned(),
    };
    (found["value"].to_string(), source)
}

#[test]
fn every_setting_is_shown_with_its_source() {
    let place = Place::new();
    place.write(
        "behest.toml",
        "listen = \"127.0.0.1:1\"\ncache = \"1MiB\"\n\n[limits]\nbody = \"2MiB\"\ndepth = 32\n\n\
         [record]\nsink = \"r.jsonl\"\n\n[[callers]]\nname = \"gateway\"\nkey_sha256 = \
         \"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865\"\n\
         permissions = [\"decide\"]\n\n[[callers]]\nname = \"app\"\nkeys = [{ sha256 = \
         \"9d417fd0dde17e7fd63e3b75e03eda30d4a261713a14568c3e749a73571ecb8c\" }]\n\
         permissions = [\"decide\"]\n",
    );
    let variables = [
        ("BEHEST_LIMITS__DEPTH", "48"),
        ("BEHEST_SEARCH__TOKEN_KEY", TOKEN_KEY),
        ("RUST_LOG", "warn"),
    ];
    let arguments = [
        "config",
        "check",
        "--format",
        "json",
        "--listen",
        "127.0.0.1:2",
    ];
    let told = place.run_with(&arguments, &variables, "");
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    for (key, value, source) in [
        ("listen", "\"127.0.0.1:2\"", "flag --listen"),
        ("cache", "\"1MiB\"", "file behest.toml:2"),
        ("limits.body", "\"2MiB\"", "file behest.toml:5"),
        ("limits.depth", "48", "environment BEHEST_LIMITS__DEPTH"),
        ("limits.evaluations", "1000", "default"),
        ("limits.workers", "null", "default"),
        ("record.queue", "16384", "default"),
        ("callers[0].name", "\"gateway\"", "file behest.toml:12"),
        (
            "callers[0].key_sha256",
            "\"(secret)\"",
            "file behest.toml:13",
        ),
        (
            "callers[1].keys[0].sha256",
            "\"(secret)\"",
            "file behest.toml:18",
        ),
        (
            "search.token_key",
            "\"(secret)\"",
            "environment BEHEST_SEARCH__TOKEN_KEY",
        ),
        ("log.filter", "\"warn\"", "environment RUST_LOG"),
    ] {
        assert_eq!(
            setting(&told, key),
            (value.to_owned(), source.to_owned()),
            "{key}"
        );
    }
    let text = place.run_with(&["config", "check"], &variables, "");
    assert!(
        !text.out.contains("4355a46b")
            && !text.out.contains("9d417fd0dde1")
            && !text.out.contains(TOKEN_KEY),
        "{text:?}"
    );
    let row = text
        .out
        .lines()
        .find(|line| line.starts_with("limits.depth "));
    assert!(row.unwrap().ends_with("  BEHEST_LIMITS__DEPTH"), "{text:?}");
}

#[test]
fn a_list_in_a_variable_takes_the_place_of_the_file() {
    let place = Place::new();
    place.write(
        "behest.toml",
        "[[trust_domains]]\nname = \"a.example\"\nbundle = \"https://a.example/b\"\n\
         audiences = [\"behest\"]\nentity_type = \"agent\"\n\n[[trust_domains]]\nname = \"b.example\"\n\
         bundle = \"https://b.example/b\"\naudiences = [\"behest\"]\nentity_type = \"agent\"\n",
    );
    let list = r#"[{name="c.example",bundle="https://c.example/b",audiences=["behest"],
        entity_type="agent"}]"#;
    let told = place.run_with(
        &["config", "check", "--format", "json"],
        &[("BEHEST_TRUST_DOMAINS", list)],
        "",
    );
    assert_eq!(told.code, 0, "{told:?}");
    let name = setting(&told, "trust_domains[0].name");
    let expected = ("\"c.example\"", "environment BEHEST_TRUST_DOMAINS");
    assert_eq!((name.0.as_str(), name.1.as_str()), expected);
    assert!(!told.out.contains("b.example"), "{told:?}");
}

#[test]
fn settings_that_would_not_start_are_refused() {
    let place = Place::new();
    place.write("behest.toml", "lisen = \"127.0.0.1:1\"\n");
    let told = place.run(&["config", "check"]);
    assert_eq!((told.code, told.out.as_str()), (1, ""), "{told:?}");
    assert!(told.err.contains("did you mean `listen`"), "{told:?}");
    place.write("behest.toml", "listen = \"0.0.0.0:1\"\n");
    assert_eq!(place.run(&["config", "check"]).code, 1);
}

/// What is given in place of a secret's path may be the secret.
#[test]
fn what_stands_for_the_path_of_a_secret_is_shown_only_where_a_file_is() {
    let place = Place::new();
    place.write("there.secret", "x");
    let issuer = |path: &str| {
        format!(
            "[[issuers]]\nissuer = \"https://a.example\"\npreset = \"shared-secret\"\n\
             keys = \"secret:{path}\"\naudiences = [\"https://mcp.example\"]\n"
        )
    };
    place.write("behest.toml", &issuer("hunter2hunter2hunter2"));
    let told = place.run(&["config", "check"]);
    assert!(!told.out.contains("hunter2"), "{told:?}");
    assert!(told.out.contains("(secret)"), "{told:?}");
    place.write("behest.toml", &issuer("there.secret"));
    let told = place.run(&["config", "check"]);
    assert!(told.out.contains("secret:there.secret"), "{told:?}");
}

#[test]
fn colours_are_as_the_flag_says() {
    let place = Place::new();
    let coloured = |more: &[&str], variables: &[(&str, &str)]| {
        let arguments = [&["validate", "bundle"], more].concat();
        place
            .run_with(&arguments, variables, "")
            .out
            .contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]), "standard output is no terminal here");
    assert!(coloured(&["--color", "always"], &[]));
    assert!(
        coloured(&["--color=always"], &[("NO_COLOR", "1")]),
        "the flag wins"
    );
    assert!(!coloured(&["--color", "never"], &[]));
    let before = place.run(&["--color", "always", "validate", "bundle"]);
    assert!(before.out.contains('\u{1b}'), "{before:?}");
    assert_eq!(place.run(&["--color", "sometimes", "validate"]).code, 2);
}

#[test]
fn shells_and_man_know_every_command() {
    let place = Place::new();
    for (shell, begins) in [
        ("bash", "_behest()"),
        ("zsh", "#compdef behest"),
        ("fish", "# Print"),
    ] {
        let script = place.run(&["completions", shell]);
        assert_eq!((script.code, script.err.as_str()), (0, ""), "{shell}");
        assert!(
            script.out.starts_with(begins),
            "{shell}: {}",
            &script.out[..80]
        );
        for word in ["suspend", "explain", "given", "no_such_word"] {
            let is_known = script.out.contains(word);
            assert_eq!(is_known, word != "no_such_word", "{shell}: {word}");
        }
    }
    let parsed = std::process::Command::new("bash")
        .args(["-n", "-c", &place.run(&["completions", "bash"]).out])
        .status();
    assert!(parsed.unwrap().success());
    assert_eq!(place.run(&["completions", "tcsh"]).code, 2);

    assert!(place.run(&["man"]).out.contains(".TH behest 1"));
    let written = place.run(&["man", "pages"]);
    assert_eq!((written.code, written.out.as_str()), (0, ""), "{written:?}");
    let page = std::fs::read_to_string(place.path("pages/behest-explain.1")).unwrap();
    assert!(
        page.contains("Exit codes") && page.contains("given"),
        "{page}"
    );
}
