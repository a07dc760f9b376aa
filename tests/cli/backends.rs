//! Where state is kept: the setting `data` and the flag `--data` choose a store backend, and what
//! chooses none is refused without what it may hold.

use crate::bulk::{TupleCommands, held, line, place};
use behest::storage::Backend;
use support::place::{Output, Place};

const PASSWORD: &str = "b7e23ec29af22b0b";

/// Starts a service that must refuse to.
fn refused(place: &Place, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let serve = ["--bundle", "bundle", "--listen", "127.0.0.1:0"];
    let output = place.run_with(&[&serve, arguments].concat(), variables, "");
    assert!(output.code == 1 && output.out.is_empty(), "{output:?}");
    output.err
}

#[test]
fn an_address_of_another_database_is_refused_and_its_password_is_not_shown() {
    let place = place();
    let address = format!("postgres://behest:{PASSWORD}@db.example/behest");
    place.write("address.toml", &format!("data = \"{address}\"\n"));
    place.write("tuples.jsonl", &line("a", "user:ann"));
    let told =
        "`postgres` is no store backend\n  help: it takes `DIR` or one of `memory`, `redb:DIR`";
    let data = ["--data", &address];
    for (key, found) in [
        ("--data", refused(&place, &data, &[])),
        (
            "BEHEST_DATA",
            refused(&place, &[], &[("BEHEST_DATA", &address)]),
        ),
        (
            "data` in `address.toml",
            refused(&place, &["--config", "address.toml"], &[]),
        ),
        ("--data", place.run(&["export", "--data", &address]).err),
    ] {
        assert!(
            found.starts_with(&format!("error: `{key}`: {told}")),
            "{found}"
        );
        assert!(!found.contains(PASSWORD), "{found}");
    }
    let import = place.run(&[
        "import",
        "tuples.jsonl",
        "--bundle",
        "bundle",
        "--data",
        &address,
    ]);
    assert!(import.code == 2 && import.err.starts_with(&format!("error: `--data`: {told}")));
    assert!(!import.err.contains(PASSWORD), "{import:?}");
    assert!(!place.path("postgres:").exists());
}

#[test]
fn a_directory_is_the_same_with_its_backends_name() {
    let place = place();
    place.write("tuples.jsonl", &line("a", "user:ann"));
    let import = |data: &str| {
        place.run(&[
            "import",
            "tuples.jsonl",
            "--bundle",
            "bundle",
            "--data",
            data,
        ])
    };
    assert_eq!(import("redb:data").code, 0);
    assert_eq!(held(&place.path("data")).0.len(), 1);
    let service = place.serve(&["--data", "redb:data"]);
    assert!(
        import("data")
            .err
            .starts_with("error: the data directory `data` is in use")
    );
    assert_eq!(service.stop().code(), Some(0));
    let exported = place.run(&["export", "--data", "data"]);
    assert_eq!(
        place.run(&["export", "--data", "redb:data"]).out,
        exported.out
    );
    assert!(exported.out.contains("user:ann"), "{exported:?}");
    // A directory whose name has a colon.
    assert_eq!(import("./a:b").code, 0);
    assert_eq!(
        place.run(&["export", "--data", "redb:a:b"]).out,
        exported.out
    );
}

#[test]
fn a_directory_with_the_data_of_another_backend_is_left_to_it() {
    let place = place();
    place.write("tuples.jsonl", &line("a", "user:ann"));
    std::fs::create_dir_all(place.path("data/behest.sled")).unwrap();
    let told = "error: the data directory `data` already holds `behest.sled` of the store backend `sled`: open it as \
                `sled:data`, or choose another directory\n";
    assert_eq!(refused(&place, &["--data", "data"], &[]), told);
    for found in [
        place.import("tuples.jsonl", &[]),
        place.import("tuples.jsonl", &["--dry-run"]),
        place.run(&["export", "--data", "data"]),
    ] {
        assert_eq!((found.code, found.err.as_str()), (1, told));
    }
    assert!(!place.path("data/behest.redb").exists());
}

#[test]
fn memory_is_chosen_by_its_name_unless_a_directory_is_meant() {
    let place = place();
    place.write("tuples.jsonl", &line("a", "user:ann"));
    assert_eq!(place.serve(&["--data", "memory"]).stop().code(), Some(0));
    assert!(!place.path("memory").exists());
    let told = "error: `--data`: `memory` keeps nothing beyond one command\n  help: name a data directory; one of this \
                name is written `./memory`\n";
    let import = ["import", "tuples.jsonl", "--bundle", "bundle", "--data"];
    let nothing = |code: i32| Output {
        code,
        out: String::new(),
        err: told.to_owned(),
    };
    assert_eq!(
        place.run(&[&import, &["memory"] as &[&str]].concat()),
        nothing(2)
    );
    assert_eq!(place.run(&["export", "--data", "memory"]), nothing(2));

    assert_eq!(
        place
            .run(&[&import, &["./memory"] as &[&str]].concat())
            .code,
        0
    );
    assert_eq!(
        refused(&place, &["--data", "memory"], &[]),
        "error: `memory` keeps nothing, and the directory `memory` holds `behest.redb`: write `./memory` to open it, or \
         move it away\n"
    );
    assert_eq!(place.serve(&["--data", "./memory"]).stop().code(), Some(0));
}

#[test]
fn what_a_program_lacks_is_named_with_its_feature() {
    let place = place();
    for backend in Backend::all().filter(|backend| backend.is_durable()) {
        let data = format!("{}:other", backend.name());
        if backend.is_built() {
            assert_eq!(place.serve(&["--data", &data]).stop().code(), Some(0));
            assert!(place.path("other").join(backend.entry().unwrap()).exists());
            std::fs::remove_dir_all(place.path("other")).unwrap();
        } else {
            let told = format!(
                "error: `--data`: this program lacks the store backend `{}`\n  help: build it with the Cargo feature \
                 `{}`; it takes `DIR` or one of ",
                backend.name(),
                backend.feature().unwrap()
            );
            let found = refused(&place, &["--data", &data], &[]);
            assert!(found.starts_with(&told), "{found}");
            assert!(!place.path("other").exists());
        }
    }
}

#[test]
fn help_and_the_page_have_every_backend() {
    const PAGE: &str = include_str!("../../docs/running-it.md");
    let help = Place::new().run(&["serve", "--help"]).out;
    let help: Vec<&str> = help.split_whitespace().collect();
    for backend in Backend::all() {
        let line = format!("{} {}", backend.form(), backend.summary());
        let words: Vec<&str> = line.split_whitespace().collect();
        assert!(
            help.windows(words.len()).any(|found| found == words),
            "{line}"
        );
        let feature = backend.feature().map_or_else(
            || "in every program".to_owned(),
            |feature| format!("with the Cargo feature `{feature}`"),
        );
        let row = format!(
            "| `{}` | {} | {feature} |",
            backend.form(),
            backend.summary()
        );
        assert!(
            PAGE.contains(&row),
            "docs/running-it.md lacks this row:\n{row}"
        );
    }
}
