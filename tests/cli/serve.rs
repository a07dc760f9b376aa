//! The service: why it does not start, what it says when it does, reloads, its record and its end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};
use support::place::{KEY, PATIENCE, Place, Service, refund};

#[test]
fn explain_asks_a_running_service_and_shows_the_same() {
    let place = Place::new();
    let service = place.serve(&[]);
    let context = r#"{"arguments":{"amount":500}}"#;
    let url = service.url();
    let mut remote = place.run_with(
        &refund(context, &["--url", &url]),
        &[("BEHEST_KEY", KEY)],
        "",
    );
    // A service counts its changes: the store `main` was made, and a bundle loaded.
    assert!(remote.out.ends_with("revision 2\n"), "{remote:?}");
    remote.out = remote.out.replace("revision 2", "revision 0");
    assert_eq!(remote, place.run(&refund(context, &["--bundle", "bundle"])));

    let anonymous = place.run(&refund(context, &["--url", &url]));
    assert!(
        anonymous.code == 1 && anonymous.err.contains("refuses with status 403: "),
        "{anonymous:?}"
    );
    let wrong = place.run_with(
        &refund(context, &["--url", &url]),
        &[("BEHEST_KEY", "wrong")],
        "",
    );
    assert!(
        wrong.err.contains("status 401") && wrong.err.contains("help: set BEHEST_KEY"),
        "{wrong:?}"
    );
    assert_eq!(service.stop().code(), Some(0));

    let gone = place.run(&refund(context, &["--url", &url]));
    assert!(
        gone.code == 5
            && gone
                .err
                .starts_with(&format!("error: `{url}` does not answer: ")),
        "{gone:?}"
    );
}

#[test]
fn a_service_that_cannot_start_says_why_and_what_to_do() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    place.write("broken.toml", "listen = \n");
    place.write("unknown.toml", "[limits]\nbdoy = 1\n");
    place.write("sink.toml", "[record]\nsink = \"no/where.jsonl\"\n");
    place.write("filter.toml", "[log]\nfilter = \"behest=loud\"\n");
    place.write("file", "");
    for (arguments, sentence, help) in [
        (
            &["--listen", &port] as &[&str],
            format!("`{port}` is in use"),
            "stop what listens there, or choose another address with `--listen`",
        ),
        (
            &["--listen", "192.0.2.1:8181"],
            "`192.0.2.1:8181` can be reached from other machines, and no caller is configured"
                .to_owned(),
            "add `[[callers]]` to behest.toml",
        ),
        (
            &["--listen", "8181"],
            "`--listen`: `8181` is not an address".to_owned(),
            "write for example `127.0.0.1:8181`",
        ),
        (
            &["--config", "broken.toml"],
            "broken.toml: line 1 is not TOML: ".to_owned(),
            "see behest.example.toml",
        ),
        (
            &["--config", "unknown.toml"],
            "`limits.bdoy` in `unknown.toml` is not a setting".to_owned(),
            "here there are `body`, ",
        ),
        (
            &["--config", "missing.toml"],
            "the settings file `missing.toml` cannot be read: No such file or directory".to_owned(),
            "check the path after `--config`",
        ),
        (
            &["--config", "sink.toml", "--listen", "127.0.0.1:0"],
            "decisions cannot be recorded in `no/where.jsonl`: No such file or directory"
                .to_owned(),
            "`record.sink` takes a file",
        ),
        (
            &["--config", "filter.toml"],
            "`behest=loud` is not a log filter: ".to_owned(),
            "write for example `info`",
        ),
        (
            &["--data", "file", "--listen", "127.0.0.1:0"],
            "the data directory `file` cannot be made: ".to_owned(),
            "`--data` takes a directory that this user may write to",
        ),
        (
            &["--public-url", "http://a"],
            "`--public-url`: `http://a` does not begin".to_owned(),
            "write for example",
        ),
    ] {
        let refused = place.run(&[&["serve", "--bundle", "bundle"], arguments].concat());
        assert!(
            refused.code == 1 && refused.out.is_empty(),
            "{arguments:?}: {refused:?}"
        );
        assert!(
            refused.err.starts_with(&format!("error: {sentence}")),
            "{arguments:?}: {}",
            refused.err
        );
        assert!(refused.err.contains(help), "{arguments:?}: {}", refused.err);
    }
    let short = place.run_with(
        &["--bundle", "bundle"],
        &[("BEHEST_ADMIN_KEY", "hunter2")],
        "",
    );
    assert!(
        short
            .err
            .starts_with("error: `BEHEST_ADMIN_KEY` is shorter than 32 bytes"),
        "{short:?}"
    );
    assert!(!short.err.contains("hunter2"));
}

/// A secret in the place of its path, and a password in an address.
#[test]
fn complaints_about_settings_repeat_no_secret() {
    const SECRET: &str = "b7e23ec29af22b0b4e41da31e868d57226121c84";
    let place = Place::new();
    let asked = |url: &str, more: &str| {
        format!(
            "keys = \"introspection\"\n[issuers.introspection]\nurl = \"{url}\"\nclient_id = \"pdp\"\n{more}\n"
        )
    };
    let good = "https://login.example/introspect";
    for (at, (settings, told)) in [
        (
            format!("preset = \"shared-secret\"\nkeys = \"secret:{SECRET}\""),
            "the file of its secret cannot be read",
        ),
        (format!("keys = \"{SECRET}\""), "is no place of keys"),
        (
            asked(good, &format!("client_secret_file = \"{SECRET}\"")),
            "the file of its secret cannot be read",
        ),
        (
            asked(&format!("https://u:{SECRET}@login.example/i"), ""),
            "`https://…@login.example/i` is not an address",
        ),
        (
            asked(&format!("http://login.example/i?api_key={SECRET}"), ""),
            "`http://login.example/i?…` is not `https`",
        ),
        (asked(SECRET, ""), "`(hidden)` is not an address"),
        (
            format!("keys = \"https://u:{SECRET}@login.example/i\""),
            "`https://…@login.example/i` is not an address",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("{at}.toml");
        let issuer = "[[issuers]]\nissuer = \"https://login.example\"\naudiences = [\"a\"]\nalgorithms = [\"ES256\"]";
        let issuer = if at == 0 {
            "[[issuers]]\nissuer = \"local\""
        } else {
            issuer
        };
        place.write(&file, &format!("{issuer}\n{settings}\n"));
        let refused = place.run(&[
            "--bundle",
            "bundle",
            "--listen",
            "127.0.0.1:0",
            "--config",
            &file,
        ]);
        assert!(
            refused.code == 1 && refused.err.contains(told),
            "{settings}: {}",
            refused.err
        );
        assert!(
            !refused.err.contains(SECRET) && !refused.out.contains(SECRET),
            "{}",
            refused.err
        );
    }
}

/// The same of settings that no issuer has.
#[test]
fn complaints_repeat_no_secret_wherever_it_stands() {
    const SECRET: &str = "b7e23ec29af22b0b4e41da31e868d57226121c84";
    let place = Place::new();
    let address = format!("https://u:{SECRET}@host.example");
    let hash = "0f".repeat(32);
    let domain =
        "[[trust_domains]]\nname = \"prod.example\"\naudiences = [\"b\"]\nentity_type = \"agent\"";
    let caller = format!("[[callers]]\nname = \"x\"\nkey_sha256 = \"{hash}\"");
    for (at, (settings, told)) in [
        (
            format!("public_url = \"{address}\""),
            "`https://…@host.example`",
        ),
        (
            format!("{domain}\nbundle = \"ftp://u:{SECRET}@host.example/b\""),
            "is no place of a bundle",
        ),
        (
            format!("{domain}\nbundle = \"{SECRET}\""),
            "is no place of a bundle",
        ),
        (
            format!("[[issuers]]\nissuer = \"{address}\"\naudiences = [\"a\"]\nkeys = \"nowhere\""),
            "`https://…@host.example`",
        ),
        (
            format!("{caller}\npermissions = \"{SECRET}\""),
            "is not a permission",
        ),
        (
            format!("{caller}\npermissions = [\"behest_{SECRET}\"]"),
            "is not a permission",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("{at}.toml");
        place.write(&file, &format!("{settings}\n"));
        let refused = place.run(&["--listen", "127.0.0.1:0", "--config", &file]);
        assert!(
            refused.code != 0 && refused.err.contains(told),
            "{settings}: {}",
            refused.err
        );
        assert!(
            !refused.err.contains(SECRET) && !refused.out.contains(SECRET),
            "{settings}: {}",
            refused.err
        );
    }
}

#[test]
fn a_bundle_with_a_failing_case_is_refused_at_start() {
    let place = Place::new();
    place.write_policies("3");
    let refused = place.run(&["--bundle", "bundle", "--listen", "127.0.0.1:0"]);
    assert!(
        refused.code == 4 && refused.err.contains("an agent refunds little"),
        "{refused:?}"
    );
}

#[test]
fn a_changed_bundle_is_taken_and_a_bad_one_refused() {
    let place = Place::new();
    let service = place.serve(&[]);
    let url = service.url();
    let decision = || {
        let asked = refund(r#"{"arguments":{"amount":500}}"#, &["--url", &url]);
        let output = place.run_with(&asked, &[("BEHEST_KEY", KEY)], "");
        output.out.split([':', '\n']).next().unwrap().to_owned()
    };
    assert_eq!(decision(), "deny");
    place.write_policies("1000");
    service.wait_for("the bundle changed: 2 policies");
    assert_eq!(decision(), "permit");

    place.write_policies("3");
    let refused =
        service.wait_for("the changed bundle is refused, and the one before still decides");
    assert_eq!(refused["level"], "ERROR");
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("an agent refunds little"),
        "{refused}"
    );
    assert_eq!(decision(), "permit");

    service.signal("HUP");
    service.wait_for("the changed bundle is refused");
    place.write_policies("100");
    service.wait_for("the bundle changed");
    service.signal("HUP");
    service.wait_for("the bundle was read again and is the same");
    assert_eq!(decision(), "deny");
    assert_eq!(service.stop().code(), Some(0));
}

/// `khugepaged`, which merges small pages, makes whoever touches them wait.
#[cfg(target_os = "linux")]
#[test]
fn a_service_that_serves_gets_no_new_huge_pages() {
    let place = Place::new();
    let service = place.serve(&[]);
    let status = format!("/proc/{}/status", service.child.id());
    let huge = || {
        std::fs::read_to_string(&status)
            .unwrap()
            .lines()
            .find(|line| line.starts_with("THP"))
            .map(String::from)
    };
    assert_eq!(huge().as_deref(), Some("THP_enabled:\t0"));
    service.signal("HUP");
    service.wait_for("the bundle was read again and is the same");
    assert_eq!(huge().as_deref(), Some("THP_enabled:\t0"));
}

#[test]
fn an_admin_key_that_is_made_lies_in_a_file_of_its_owner_until_the_end() {
    let place = Place::new();
    let mut command = place.command(&[
        "--bundle",
        "bundle",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "data",
    ]);
    command.env("BEHEST_LOG__FILTER", "debug");
    let service = Service::start(command);
    let path = place.path("data/admin-key");
    let key = std::fs::read_to_string(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        std::fs::metadata(place.path("data"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    let url = service.url();
    let asked = refund(r#"{"arguments":{"amount":5}}"#, &["--url", &url]);
    let answer = place.run_with(&asked, &[("BEHEST_KEY", key.trim())], "");
    assert!(answer.out.starts_with("permit"), "{answer:?}");
    service.signal("TERM");
    let mut log = Vec::new();
    while let Ok(line) = service.lines.recv_timeout(PATIENCE) {
        log.push(line.to_string());
    }
    assert!(log.iter().any(|line| line.contains("stopped")), "{log:?}");
    assert!(
        !log.iter().any(|line| line.contains(key.trim())),
        "the key is in the log"
    );
    assert!(!path.exists());
}

#[test]
fn without_a_data_directory_the_log_says_what_is_not_kept_and_where_the_key_is() {
    let place = Place::new();
    let command = place.command(&[
        "--bundle",
        "bundle",
        "--listen",
        "127.0.0.1:0",
        "--cache",
        "64MiB",
    ]);
    let mut child = Service::start(command);
    let notes: Vec<String> = (0..1)
        .map(|_| {
            child.lines.recv_timeout(PATIENCE).unwrap()["message"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        notes,
        ["state is in memory only; `--data DIR` keeps relations and the signing key",]
    );
    let keys: Vec<_> = std::fs::read_dir(place.0.path())
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("behest-admin-key-")
        })
        .collect();
    assert_eq!(keys.len(), 1);
    child.signal("INT");
    child.wait_for("stopped");
    assert_eq!(child.child.wait().unwrap().code(), Some(0));
}

#[test]
fn decisions_are_recorded_and_written_out_at_the_end() {
    let place = Place::new();
    place.write(
        "behest.toml",
        "[record]\nsink = \"decisions.jsonl\"\nwhen_full = \"deny\"\n",
    );
    let service = place.serve(&[]);
    let url = service.url();
    for amount in [
        r#"{"arguments":{"amount":5}}"#,
        r#"{"arguments":{"amount":500}}"#,
    ] {
        assert_eq!(
            place
                .run_with(
                    &refund(amount, &["--url", &url]),
                    &[("BEHEST_KEY", KEY)],
                    ""
                )
                .code,
            0
        );
    }
    assert_eq!(service.stop().code(), Some(0));
    let text = std::fs::read_to_string(place.path("decisions.jsonl")).unwrap();
    let records: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told = |record: &serde_json::Value| {
        (
            record["caller"].clone(),
            record["decision"].clone(),
            record["inputs"]["legs[1].context.arguments.amount"].clone(),
        )
    };
    assert_eq!(records.len(), 2, "{text}");
    assert_eq!(
        told(&records[0]),
        ("admin".into(), "permit".into(), "5".into())
    );
    assert_eq!(
        told(&records[1]),
        ("admin".into(), "deny".into(), "500".into())
    );
}

#[test]
fn a_unix_socket_is_served_and_goes_with_the_service() {
    let place = Place::new();
    let mut command = place.command(&["--bundle", "bundle", "--listen", "unix:behest.sock"]);
    command.env("BEHEST_ADMIN_KEY", KEY);
    let service = Service::start(command);
    assert_eq!(service.address, "unix:behest.sock");
    let answer = ask_socket(&place.path("behest.sock"));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(service.stop().code(), Some(0));
    assert!(!place.path("behest.sock").exists());
}

fn ask_socket(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).unwrap();
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The address is taken before the bundle is read: who comes early waits for it, and is not turned
/// away.
#[test]
fn a_client_that_comes_before_the_bundle_waits_for_it() {
    let place = Place::new();
    let mut command = place.command(&["--bundle", "bundle", "--listen", "unix:behest.sock"]);
    command
        .env("BEHEST_ADMIN_KEY", KEY)
        .env("BEHEST_RELOAD__QUIET_MS", "1500");
    let path = place.path("behest.sock");
    let early = std::thread::spawn(move || {
        let end = Instant::now() + PATIENCE;
        while !path.exists() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        let begun = Instant::now();
        (ask_socket(&path), begun.elapsed())
    });
    let service = Service::start(command);
    let (answer, waited) = early.join().unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"ready\":true"),
        "{answer}"
    );
    assert!(
        waited > Duration::from_secs(1),
        "it was not early: {waited:?}"
    );
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn what_is_no_http_does_not_fill_the_log() {
    let place = Place::new();
    let service = place.serve(&[]);
    for garbage in [
        &b"GET / HTTP/9.9\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(&service.address).unwrap();
        stream.write_all(garbage).unwrap();
        let mut answer = Vec::new();
        let _reset_is_an_answer = stream.read_to_end(&mut answer);
    }
    service.signal("TERM");
    let log: Vec<serde_json::Value> = service.lines.iter().collect();
    assert!(
        log.iter().any(|line| line["message"] == "stopped"),
        "{log:?}"
    );
    let of_the_parser =
        |line: &&serde_json::Value| line["target"].as_str().unwrap().starts_with("actix");
    assert_eq!(log.iter().find(of_the_parser), None);
}

fn readiness(place: &Place, service: &Service) -> serde_json::Value {
    let mut stream = TcpStream::connect(&service.address).unwrap();
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    let health = place.run(&["health", "--url", &service.url()]);
    assert_eq!(health.code, 0, "{health:?}");
    let mut body: serde_json::Value =
        serde_json::from_str(reply.split_once("\r\n\r\n").unwrap().1).unwrap();
    body["health"] = health.out.into();
    body
}

#[test]
fn a_restart_in_front_of_a_refused_bundle_goes_on_with_the_kept_one_and_says_so() {
    let place = Place::new();
    let data = ["--data", "data"];
    let service = place.serve(&data);
    let good = readiness(&place, &service);
    assert_eq!(good.get("kept_bundle"), None, "{good}");
    assert_eq!(service.stop().code(), Some(0));
    let kept = place.path("data/behest.bundle");
    let mode = std::fs::metadata(&kept).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    place.write_policies("3");
    let service = {
        let mut command = place.command(&["--bundle", "bundle", "--listen", "127.0.0.1:0"]);
        command
            .args(data)
            .env("BEHEST_ADMIN_KEY", KEY)
            .env("BEHEST_RELOAD__POLL_MS", "20")
            .env("BEHEST_RELOAD__QUIET_MS", "20");
        Service::start(command)
    };
    let ready = readiness(&place, &service);
    assert_eq!(ready["kept_bundle"], true);
    assert_eq!(ready["last_load_failed"], true);
    assert_eq!(ready["bundle"], good["bundle"]);
    let health = ready["health"].as_str().unwrap();
    assert!(
        health.ends_with("; it is the kept one, since the bundle itself is refused\n"),
        "{health}"
    );
    let metric = |expected: &str| {
        let mut stream = TcpStream::connect(&service.address).unwrap();
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.contains(expected), "{reply}");
    };
    metric("\nbehest_bundle_kept 1\n");
    service.signal("HUP");
    let refused = service.wait_for("the bundle `bundle` is refused, and the kept bundle of ");
    assert_eq!(refused["level"], "ERROR");
    let told = refused["message"].as_str().unwrap();
    assert!(told.contains("an agent refunds little"), "{told}");

    place.write_policies("1000");
    service.wait_for("the bundle is mended, and decides in place of the kept one");
    let ready = readiness(&place, &service);
    assert_eq!(ready.get("kept_bundle"), None, "{ready}");
    metric("\nbehest_bundle_kept 0\n");
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn a_kept_bundle_that_is_damaged_or_unwanted_does_not_decide() {
    let place = Place::new();
    assert_eq!(place.serve(&["--data", "data"]).stop().code(), Some(0));
    let kept = place.path("data/behest.bundle");
    let whole = std::fs::read_to_string(&kept).unwrap();
    std::fs::remove_dir_all(place.path("bundle")).unwrap();
    let start = |variables: &[(&str, &str)]| {
        let arguments = [
            "--bundle",
            "bundle",
            "--data",
            "data",
            "--listen",
            "127.0.0.1:0",
        ];
        place.run_with(&arguments, variables, "")
    };
    std::fs::write(&kept, whole.replacen("permit", "Permit", 1)).unwrap();
    let damaged = start(&[]);
    assert_eq!(damaged.code, 4, "{damaged:?}");
    let told = "the kept bundle cannot decide in its place:\n";
    let (own, kept_too) = damaged.err.split_once(told).unwrap();
    assert!(own.contains("cannot read the bundle `bundle`"), "{own}");
    assert!(
        kept_too.contains("is damaged, or is no kept bundle: its checksum does not fit"),
        "{kept_too}"
    );

    std::fs::write(&kept, whole).unwrap();
    let unwanted = start(&[("BEHEST_KEEP_BUNDLE", "false")]);
    assert!(unwanted.code == 4 && !kept.exists(), "{unwanted:?}");
    assert!(!unwanted.err.contains("kept"), "{unwanted:?}");
    let nothing = start(&[]);
    assert!(
        nothing.code == 4 && !nothing.err.contains("kept"),
        "{nothing:?}"
    );
}
