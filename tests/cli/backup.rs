//! Backups and restores by the command line, and whether a bundle would go live somewhere.

use super::bulk::{DATA, TupleCommands, held, line, place};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use support::place::{KEY, Output, Place};

/// A place whose data directory holds some tuples, and was served once.
fn filled() -> Place {
    let place = place();
    let lines: String = (0..500)
        .map(|number| line(&format!("d{number}"), &format!("user:u{}", number % 7)))
        .collect();
    place.write("tuples.jsonl", &lines);
    let service = place.serve(&["--data", "data"]);
    let imported = place.with_service(&service, &["import", "tuples.jsonl"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    assert_eq!(service.stop().code(), Some(0));
    place
}

fn restore(place: &Place, file: &str, dir: &str) -> Output {
    place.run(&["restore", file, "--data", dir])
}

#[test]
fn what_is_backed_up_is_restored_whole() {
    let place = filled();
    let before = held(&place.path("data"));
    let made = place.run(&["backup", "b1", "--data", "data"]);
    assert!(
        made.code == 0 && made.err.starts_with("backed up 500 tuples of revision 7; "),
        "{made:?}"
    );
    let piped = place.command(&["backup", "-", "--data", "data"]).output();
    let whole = std::fs::read(place.path("b1")).unwrap();
    assert_eq!(piped.unwrap().stdout, whole);

    let restored = restore(&place, "b1", "new");
    assert!(
        restored.code == 0
            && restored
                .err
                .starts_with("restored 500 tuples of revision 7 into `new`; ")
            && restored.err.contains("the signing key is in no backup"),
        "{restored:?}"
    );
    assert_eq!(held(&place.path("new")), before);
    let names = |dir: &str| {
        let mut names: Vec<String> = std::fs::read_dir(place.path(dir))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names("new"),
        ["behest.bundle", "behest.lock", "behest.redb"]
    );
    // The kept bundle comes with it: a service starts although its bundle is gone.
    std::fs::remove_dir_all(place.path("bundle")).unwrap();
    let service = place.serve(&["--data", "new"]);
    assert_eq!(service.stop().code(), Some(0));

    // A service gives the same, and is stopped by nothing.
    let again = restore(&place, "b1", "data");
    assert!(
        again.code == 1
            && again
                .err
                .starts_with("error: `data` holds `behest.bundle` already: restore into"),
        "{again:?}"
    );
}

#[test]
fn a_service_is_backed_up_by_whoever_may() {
    let place = filled();
    let service = place.serve(&["--data", "data"]);
    let made = place.with_service(&service, &["backup", "b1"]);
    assert!(
        made.code == 0 && made.err.starts_with("backed up 500 tuples of revision "),
        "{made:?}"
    );
    let url = service.url();
    let nobody = place.run(&["backup", "b2", "--url", &url]);
    assert!(
        nobody.code == 1
            && nobody.err.contains("status 403")
            && !place.path("b2").exists()
            && !place.path("b2.part").exists(),
        "{nobody:?}"
    );
    let locked = place.run(&["backup", "b2", "--data", "data"]);
    assert!(
        locked.code == 1 && locked.err.contains("is in use by another process"),
        "{locked:?}"
    );
    assert_eq!(service.stop().code(), Some(0));
    assert_eq!(restore(&place, "b1", "new").code, 0);
    assert_eq!(held(&place.path("new")), held(&place.path("data")));
    let gone = place.run(&["backup", "b2", "--url", &url]);
    assert_eq!(gone.code, 5, "{gone:?}");
}

/// A service that ends in the middle of its answer, and one that forgets the end of a backup.
#[test]
fn a_backup_that_breaks_off_leaves_no_file() {
    let place = filled();
    assert_eq!(place.run(&["backup", "b1", "--data", "data"]).code, 0);
    let whole = std::fs::read(place.path("b1")).unwrap();
    let half = &whole[..whole.len() / 2];
    for (head, body) in [
        (format!("Content-Length: {}\r\n", whole.len()), half),
        (format!("Content-Length: {}\r\n", half.len()), half),
        (String::new(), half),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let broken = std::thread::scope(|scope| {
            scope.spawn(|| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = [0; 4_096];
                let _read = stream.read(&mut asked).unwrap();
                let head = format!("HTTP/1.1 200 OK\r\n{head}Connection: close\r\n\r\n");
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(body).unwrap();
            });
            place.run(&["backup", "b2", "--url", &url])
        });
        assert!(
            broken.code == 1 && broken.err.starts_with("error: the backup broke off: "),
            "{broken:?}"
        );
        assert!(!place.path("b2").exists() && !place.path("b2.part").exists());
    }
}

#[test]
fn a_restore_that_does_not_end_leaves_nothing_that_serves() {
    let place = filled();
    assert_eq!(place.run(&["backup", "b1", "--data", "data"]).code, 0);
    let whole = std::fs::read(place.path("b1")).unwrap();
    let refused = |dir: &str| {
        let arguments = [
            "--bundle",
            "bundle",
            "--listen",
            "127.0.0.1:0",
            "--data",
            dir,
        ];
        let served = place.run(&arguments);
        assert!(
            served.code == 1
                && served
                    .err
                    .contains("did not end: run `behest restore` again"),
            "{served:?}"
        );
        let exported = place.run(&["export", "--data", dir]);
        assert!(
            exported.code == 1 && exported.out.is_empty(),
            "{exported:?}"
        );
    };

    // Killed in the middle, with all but its end read.
    for (at, given) in [64, whole.len() / 2, whole.len() - 1]
        .into_iter()
        .enumerate()
    {
        let dir = format!("killed-{at}");
        let mut child = place
            .command(&["restore", "-", "--data", &dir])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(&whole[..given]).unwrap();
        let restoring = place.path(&dir).join("behest.restoring");
        while given > 200
            && !restoring.join("behest.redb").exists()
            && child.try_wait().unwrap().is_none()
        {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if restoring.exists() {
            refused(&dir);
        } else {
            assert!(given < 200, "{given}");
        }
        let again = restore(&place, "b1", &dir);
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(held(&place.path(&dir)), held(&place.path("data")));
    }

    // Cut, changed, of another program: told, and closed until a whole one comes.
    for (at, (bytes, told)) in [
        (
            whole[..whole.len() - 3].to_vec(),
            "the backup is cut off after ",
        ),
        ([&whole[..], b"\n"].concat(), "something follows its end"),
        (
            String::from_utf8_lossy(&whole)
                .replacen("\"rows\":2", "\"rows\":3", 1)
                .into_bytes(),
            "the backup holds rows of format 3, and this version of behest reads format 2",
        ),
        (b"SQLite format 3".to_vec(), "this is no backup of behest"),
    ]
    .into_iter()
    .enumerate()
    {
        std::fs::write(place.path("bad"), bytes).unwrap();
        let dir = format!("bad-{at}");
        let failed = restore(&place, "bad", &dir);
        assert!(failed.code == 1 && failed.err.contains(told), "{failed:?}");
        if place.path(&dir).exists() {
            refused(&dir);
        }
    }
}

#[test]
fn a_bundle_is_tried_against_the_tuples_of_a_directory_and_of_a_service() {
    let place = filled();
    let data = [&["validate"], &DATA[..]].concat();
    let fits = place.run(&data);
    assert!(
        fits.code == 0
            && fits.out.ends_with(
                "ok: it would go live over 500 stored tuples; it is the one that decides there\n"
            ),
        "{fits:?}"
    );
    let service = place.serve(&["--data", "data"]);
    let url = ["validate", "bundle"];
    assert_eq!(place.with_service(&service, &url).out, fits.out);

    // A model without a relation that tuples have, and a tuple that is stored.
    let model = std::fs::read_to_string(place.path("bundle/schemas/documents.fga")).unwrap();
    place.write(
        "next/schemas/documents.fga",
        &model.replace("viewer", "reader"),
    );
    place.write(
        "next/schemas/tools.cedarschema",
        &std::fs::read_to_string(place.path("bundle/schemas/tools.cedarschema")).unwrap(),
    );
    place.write("next/policies/bundle.toml", "");
    let refused = place.with_service(&service, &["validate", "next"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    let told = "the bundle's model does not allow the tuple `document:d";
    assert_eq!(refused.err.matches(told).count(), 100, "{}", refused.err);
    assert!(refused.err.contains("… and so it is with 400 more tuples"));
    place.write("next/policies/bundle.toml", "allow_orphans = true\n");
    let allowed = place.with_service(&service, &["validate", "next"]);
    assert!(
        allowed.code == 0
            && allowed.out.contains(
                "over 500 stored tuples, of which 500 tuples would stay without meaning \
                 (`allow_orphans`); it would replace "
            ),
        "{allowed:?}"
    );
    place.write("next/schemas/documents.fga", &model);
    place.write(
        "next/policies/own.tuples.yaml",
        "- { user: \"user:u3\", relation: viewer, object: \"document:d3\" }\n",
    );
    let colliding = place.with_service(&service, &["validate", "next"]);
    assert!(
        colliding.code == 4
            && colliding.err.contains(
                "the tuple `document:d3#viewer@user:u3` of the bundle is stored in `main` too"
            ),
        "{colliding:?}"
    );
    // What a service would refuse for a case of its own is refused here too.
    place.write_policies("3");
    let failing = place.with_service(&service, &["validate", "bundle"]);
    assert!(
        failing.code == 4 && failing.err.contains("an agent refunds little"),
        "{failing:?}"
    );
    let url = service.url();
    let nobody = place.run(&["validate", "next", "--url", &url]);
    assert!(nobody.code != 0, "{nobody:?}");
    // The variable names a service for other commands, and is not asked for all of its tuples.
    let variables = [("BEHEST_URL", url.as_str()), ("BEHEST_KEY", KEY)];
    let alone = place.run_with(&["validate", "next"], &variables, "");
    assert!(
        alone.code == 0 && !alone.out.contains("go live"),
        "{alone:?}"
    );
    assert_eq!(service.stop().code(), Some(0));
}
