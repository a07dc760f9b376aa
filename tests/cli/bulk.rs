//! Files of tuples, in and out: what is wrong, and what is done all the same.

use behest::model::Tuple;
use behest::storage::{Event, StoreId, open_redb};
use std::collections::BTreeMap;
use std::path::Path;
use support::place::{KEY, Output, Place, Service};

const MODEL: &str = "model
  schema 1.1
type user
type team
  relations
    define member: [user]
type document
  relations
    define viewer: [user, user:*, team#member, user with anything]
condition anything(x: any) {
  true
}
";

/// A place whose bundle has relations, and one tuple of its own.
pub(super) fn place() -> Place {
    let place = Place::new();
    place.write("bundle/schemas/documents.fga", MODEL);
    place.write(
        "bundle/policies/own.tuples.yaml",
        "- { user: \"user:ann\", relation: viewer, object: \"document:handbook\" }\n",
    );
    place
}

pub(super) const DATA: [&str; 4] = ["--data", "data", "--bundle", "bundle"];

/// The commands of tuples, on a place with its bundle and its data directory.
pub(super) trait TupleCommands {
    fn import(&self, file: &str, more: &[&str]) -> Output;
    fn with_service(&self, service: &Service, arguments: &[&str]) -> Output;
}

impl TupleCommands for Place {
    fn import(&self, file: &str, more: &[&str]) -> Output {
        self.run(&[&["import", file], &DATA[..], more].concat())
    }

    fn with_service(&self, service: &Service, arguments: &[&str]) -> Output {
        self.run_with(
            &[arguments, &["--url", &service.url()]].concat(),
            &[("BEHEST_KEY", KEY)],
            "",
        )
    }
}

/// A summary without what depends on the machine: `ok: imported 3 tuples, revision 2`.
pub(super) fn done(output: &Output) -> String {
    let (summary, timing) = output
        .out
        .trim_end()
        .rsplit_once("; ")
        .unwrap_or_else(|| panic!("{output:?}"));
    assert!(timing.ends_with(" a second"), "{timing}");
    summary.to_owned()
}

pub(super) fn line(object: &str, user: &str) -> String {
    format!("{{\"user\":\"{user}\",\"relation\":\"viewer\",\"object\":\"document:{object}\"}}\n")
}

/// What a data directory holds: its tuples, and how often each was written.
pub(super) fn held(dir: &Path) -> (BTreeMap<String, Tuple>, BTreeMap<String, usize>) {
    let store = open_redb(dir, 4 << 20).unwrap();
    let mut tuples = BTreeMap::new();
    store
        .read_tuples(StoreId::MAIN, &mut |tuple| {
            drop(tuples.insert(tuple.key.to_string(), tuple));
        })
        .unwrap();
    let mut writes: BTreeMap<String, usize> = BTreeMap::new();
    for change in store
        .changes(None, behest::model::Revision(0), usize::MAX)
        .unwrap()
    {
        if let Event::TuplesChanged { written, .. } = change.event {
            written
                .iter()
                .for_each(|tuple| *writes.entry(tuple.key.to_string()).or_default() += 1);
        }
    }
    (tuples, writes)
}

#[test]
fn a_wrong_line_is_named_and_all_before_it_is_in() {
    let place = place();
    let header = "user_type,user_id,relation,object_type,object_id,condition_name\n";
    let rows = "user,ann,viewer,document,a,\nuser,bob,viewer,document,b,\nuser,bob,reader,document,b,\n\
                user,bob,viewer,document,c,\nuser,ann,viewer,document,handbook,\nuser,b:b,viewer,document,d,\n\
                user,bob,viewer,document,e%41,\nuser,bob,viewer,document,e,\n";
    place.write("tuples.csv", &format!("{header}{rows}"));

    let dry = place.import("tuples.csv", &["--dry-run", "--max-errors", "9"]);
    assert_eq!(
        done(&dry),
        "not all: 4 tuples could be imported, nothing was written, 4 lines were wrong"
    );
    assert!(dry.code == 1 && !place.path("data").exists(), "{dry:?}");

    let stopped = place.import("tuples.csv", &[]);
    assert_eq!(
        done(&stopped),
        "not all: imported 2 tuples, 1 line was wrong, stopped at line 4, revision 2"
    );
    let reader = "error: tuples.csv:4: the tuple `document:b#reader@user:bob` cannot be written: type `document` has no \
                  relation `reader`: correct the relation, or define it\n";
    assert_eq!((stopped.code, stopped.err.as_str()), (1, reader));

    let all = place.import("tuples.csv", &["--max-errors", "4"]);
    assert_eq!(
        done(&all),
        "not all: imported 2 tuples, 2 were there already, 4 lines were wrong, revision 3"
    );
    let told: Vec<&str> = all
        .err
        .lines()
        .map(|line| line.split(": ").nth(1).unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "tuples.csv:4",
            "tuples.csv:6",
            "tuples.csv:7",
            "tuples.csv:8"
        ]
    );
    assert!(all.err.contains(
        "`document:handbook#viewer@user:ann` is one of the bundle's tuples: change it there"
    ));
    assert!(
        all.err.contains(
            "`document:e%41#viewer@user:bob` has an id that is not in canonical encoding"
        )
    );

    let again = place.import("tuples.csv", &["--on-duplicate", "error"]);
    assert_eq!(
        done(&again),
        "not all: imported 0 tuples, 1 line was wrong, stopped at line 2"
    );
    assert!(
        again
            .err
            .starts_with("error: tuples.csv:2: `document:a#viewer@user:ann` exists already"),
        "{again:?}"
    );

    place.write(
        "other.yaml",
        "- {user: user:ann, relation: viewer, object: document:a, condition: {name: anything, context: {x: 1}}}\n",
    );
    let other = place.import("other.yaml", &[]);
    assert!(other.err.starts_with(
        "error: other.yaml:1: `document:a#viewer@user:ann` exists with another condition"
    ));

    // The bundle's tuple is no more deleted than it is written.
    let gone = place.import("tuples.csv", &["--delete", "--max-errors", "9"]);
    assert_eq!(
        done(&gone),
        "not all: deleted 4 tuples, 1 was not there, 3 lines were wrong, revision 4"
    );
    assert_eq!(held(&place.path("data")).0.len(), 0);
}

#[test]
fn a_service_takes_the_same_files_and_refuses_the_same_lines() {
    let place = place();
    let service = place.serve(&["--data", "data"]);
    // The wrong lines stand in the middle of batches, so the batches are taken apart.
    let mut lines: Vec<String> = (0..250)
        .map(|number| line(&format!("d{number}"), "user:ann"))
        .collect();
    lines[120] = line("handbook", "user:ann");
    lines[130] = line("d0", "user:ann");
    lines[140] = lines[140].replace("viewer", "reader");
    place.write("tuples.jsonl", &lines.concat());

    let dry = place.with_service(&service, &["import", "tuples.jsonl", "--dry-run"]);
    assert_eq!(
        done(&dry),
        "not all: 140 tuples could be imported, nothing was written, 1 line was wrong, stopped at line 141"
    );
    let stopped = place.with_service(&service, &["import", "tuples.jsonl"]);
    assert!(done(&stopped).starts_with(
        "not all: imported 120 tuples, 1 line was wrong, stopped at line 121, revision "
    ));
    assert!(stopped.err.starts_with(
        "error: tuples.jsonl:121: `document:handbook#viewer@user:ann` is one of the bundle's"
    ));
    let all = place.with_service(&service, &["import", "tuples.jsonl", "--max-errors", "2"]);
    assert!(
        done(&all).starts_with(
            "not all: imported 127 tuples, 121 were there already, 2 lines were wrong, revision "
        ),
        "{all:?}"
    );
    assert!(all.err.contains(
        "error: tuples.jsonl:141: the tuple `document:d140#reader@user:ann` cannot be written"
    ));

    let gone = place.with_service(
        &service,
        &["import", "tuples.jsonl", "--delete", "--max-errors", "1"],
    );
    assert!(
        done(&gone).starts_with(
            "not all: deleted 247 tuples, 2 were not there, 1 line was wrong, revision "
        ),
        "{gone:?}"
    );
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn while_a_service_runs_nobody_else_gets_at_its_data_directory() {
    let place = place();
    let service = place.serve(&["--data", "data"]);
    place.write("tuples.jsonl", &line("a", "user:ann"));
    let locked = place.import("tuples.jsonl", &[]);
    assert_eq!(
        (locked.code, locked.err.as_str()),
        (
            1,
            "error: the data directory `data` is in use by another process: stop that one, or choose another directory\n  \
             help: where a service runs on it, name that with `--url`, and a key in `BEHEST_KEY`\n"
        )
    );
    assert_eq!(place.run(&["export", "--data", "data"]).err, locked.err);

    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn a_service_exports_what_is_asked_for() {
    let place = place();
    let service = place.serve(&["--data", "data"]);
    let lines: String = (0..9)
        .map(|number| line(&format!("d{number}"), "user:ann"))
        .collect();
    place.write("tuples.jsonl", &lines);
    assert_eq!(
        place
            .with_service(&service, &["import", "tuples.jsonl"])
            .code,
        0
    );
    let exported = place.with_service(&service, &["export", "--object", "document:d7"]);
    assert_eq!(exported.out, line("d7", "user:ann"));
    assert!(
        exported.err.starts_with("exported 1 tuple of revision "),
        "{exported:?}"
    );
    let own = place.with_service(
        &service,
        &[
            "export",
            "--with-bundle",
            "--format",
            "csv",
            "--type",
            "document",
        ],
    );
    assert!(
        own.out.contains("\nuser,ann,,viewer,document,handbook,,\n")
            && own.out.lines().count() == 11
    );
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn a_service_refuses_strangers_and_stores_that_there_are_not() {
    let place = place();
    let service = place.serve(&["--data", "data"]);
    place.write("tuples.jsonl", &line("a", "user:ann"));
    let url = service.url();
    let anonymous = place.run(&["import", "tuples.jsonl", "--url", &url]);
    assert!(
        anonymous.code == 1 && anonymous.err.contains("refuses with status 401: "),
        "{anonymous:?}"
    );
    let unknown = place.with_service(
        &service,
        &[
            "import",
            "tuples.jsonl",
            "--store",
            "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        ],
    );
    assert!(
        unknown.code == 1
            && unknown
                .err
                .contains("refuses with status 404: there is no store"),
        "{unknown:?}"
    );
    let unknown = place.with_service(
        &service,
        &["export", "--store", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
    );
    assert!(
        unknown.code == 1 && unknown.out.is_empty() && unknown.err.contains("there is no store"),
        "{unknown:?}"
    );
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn a_command_line_that_cannot_be_meant_is_refused() {
    let place = place();
    for arguments in [
        &["import", "a.csv"] as &[&str],
        &[
            "import",
            "a.csv",
            "--data",
            "data",
            "--url",
            "http://127.0.0.1:1",
        ],
        &["import", "-", "--data", "data"],
        &["import", "a.json", "--data", "data"],
        &["import", "a.csv", "--data", "data", "--store", "documents"],
        &["import", "a.csv", "--data", "data", "--batch", "50001"],
        &[
            "import",
            "a.csv",
            "--url",
            "http://127.0.0.1:1",
            "--batch",
            "101",
        ],
        &["import", "a.csv", "--data", "data", "--on-missing", "error"],
        &[
            "import",
            "a.csv",
            "--data",
            "data",
            "--delete",
            "--on-duplicate",
            "error",
        ],
        &["export"],
    ] {
        let refused = place.run(arguments);
        assert!(
            refused.code == 2 && refused.out.is_empty() && refused.err.starts_with("error: "),
            "{refused:?}"
        );
    }
    for (arguments, message) in [
        (
            &["import", "a.csv", "--data", "data"] as &[&str],
            "`a.csv` cannot be read: No such file",
        ),
        (
            &["export", "--data", "data"],
            "there is no data directory with relations at `data`",
        ),
        (
            &["export", "--data", "data", "--type", "a:b"],
            "`a:b` is not a type",
        ),
        (
            &["export", "--data", "data", "--output", "a.txt"],
            "the ending of `a.txt` does not tell its format",
        ),
    ] {
        let refused = place.run(arguments);
        assert!(
            refused.code == 1 && refused.err.starts_with(&format!("error: {message}")),
            "{refused:?}"
        );
    }
    assert!(!place.path("data").exists());
}

#[test]
fn what_is_no_tuple_of_the_bundles_model_stops_an_import() {
    // A bundle without relations, and a file that cannot be read on.
    let place = place();
    let plain = Place::new();
    plain.write("t.jsonl", &line("a", "user:ann"));
    let refused = plain.import("t.jsonl", &[]);
    assert_eq!(
        (refused.code, refused.err.as_str()),
        (
            1,
            "error: the bundle has no relation model, so `main` takes no tuples\n  help: name the bundle that decides \
             with it: `--bundle DIR`\n"
        )
    );
    place.write(
        "t.yaml",
        "- {user: user:ann, relation: viewer, object: document:a}\n- {user: [\n",
    );
    let broken = place.import("t.yaml", &["--max-errors", "5"]);
    assert!(
        broken.code == 1
            && broken
                .err
                .starts_with("error: t.yaml:2: it is not valid YAML: "),
        "{broken:?}"
    );
    assert_eq!(
        done(&broken),
        "not all: imported 1 tuple, 1 line was wrong, stopped at line 2, revision 2"
    );
}

#[test]
fn each_command_shows_examples() {
    let place = Place::new();
    for command in ["import", "export"] {
        let help = place.run(&[command, "--help"]);
        assert!(
            help.code == 0 && help.out.contains("Examples:\n  behest "),
            "{help:?}"
        );
    }
}

/// Whatever a store holds: exported in any format, by either way, and imported elsewhere, it is the
/// same.
#[test]
fn what_is_exported_and_imported_is_the_same() {
    let place = place();
    let mut lines = String::new();
    let strange = ["ç%3A/a", "\\\"'", "{a,b;c}", "-", "\u{1f600}|>&", "a@b"];
    for (number, id) in strange.iter().enumerate() {
        let user = serde_json::to_string(&format!("user:{id}")).unwrap();
        lines.push_str(&line(&number.to_string(), "user:x").replace("\"user:x\"", &user));
    }
    lines.push_str(&line("all", "user:*"));
    lines.push_str(&line("team", "team:sre#member"));
    for (number, x) in [
        "1.50",
        "1e-7",
        "12345678901234567890123",
        "\"0x1F\"",
        "[null,true,{\"a\":[],\"\":\"\\u2028é\"}]",
        "\"\"",
    ]
    .iter()
    .enumerate()
    {
        let condition =
            format!(",\"condition\":{{\"name\":\"anything\",\"context\":{{\"x\":{x}}}}}}}\n");
        lines.push_str(&line(&format!("c{number}"), "user:ann").replace("}\n", &condition));
    }
    lines.push_str(
        &line("empty", "user:ann").replace("}\n", ",\"condition\":{\"name\":\"anything\"}}\n"),
    );
    place.write("all.jsonl", &lines);
    let first = place.import("all.jsonl", &[]);
    assert_eq!(first.code, 0, "{first:?}");
    let (expected, _) = held(&place.path("data"));
    assert_eq!(expected.len(), lines.lines().count());

    let service = place.serve(&["--data", "served"]);
    assert_eq!(
        place.with_service(&service, &["import", "all.jsonl"]).code,
        0
    );
    for (number, file) in ["t.jsonl", "t.yaml", "t.csv"].iter().enumerate() {
        for (way, exported) in [
            (
                "data",
                place.run(&["export", "--data", "data", "--output", file]),
            ),
            (
                "url",
                place.with_service(&service, &["export", "--output", file]),
            ),
        ] {
            assert!(
                exported.code == 0 && exported.err.starts_with("exported 15 tuples of revision "),
                "{exported:?}"
            );
            let dir = format!("{way}-{number}");
            let imported = place.run(&["import", file, "--data", &dir, "--bundle", "bundle"]);
            assert_eq!(imported.code, 0, "{file}: {imported:?}");
            assert_eq!(held(&place.path(&dir)).0, expected, "{file} from {way}");
        }
    }
    assert!(!place.path("t.csv.part").exists());
}
