//! Settings that are read again while the service runs, keys that end, and the end of the service
//! itself.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::place::{KEY, PATIENCE, Place, Service, program};

/// The SHA-256 of the key `NAME-key-of-this-test`.
fn hash(name: &str) -> String {
    let key = behest::http::KeyHash::of(format!("{name}-key-of-this-test").as_bytes());
    key.bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn caller(name: &str, permissions: &str) -> String {
    let hash = hash(name);
    format!(
        "[[callers]]\nname = \"{name}\"\nkey_sha256 = \"{hash}\"\npermissions = {permissions}\n"
    )
}

/// Asks with the key of `name`, or without one; returns the status and the body.
fn ask(service: &Service, name: &str, line: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(&service.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let key = match name {
        "" => String::new(),
        "admin" => format!("Authorization: Bearer {KEY}\r\n"),
        name => format!("Authorization: Bearer {name}-key-of-this-test\r\n"),
    };
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\n{key}Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

fn decide(service: &Service, name: &str) -> u16 {
    let question = r#"{"subject":{"type":"user","id":"alice"},"action":{"name":"tools/call"},"resource":{"type":"tool","id":"refund"}}"#;
    ask(service, name, "POST /access/v1/evaluation", question).0
}

fn status(service: &Service) -> serde_json::Value {
    let (status, body) = ask(service, "admin", "GET /admin/v1/settings", "");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// A pipe waits for whoever writes into it, and a device has no end.
#[test]
fn what_is_no_file_holds_neither_settings_nor_the_end() {
    let place = Place::new();
    let callers = |names: &[&str]| -> String {
        names
            .iter()
            .map(|name| caller(name, "[\"decide\"]"))
            .collect()
    };
    place.write("behest.toml", &callers(&["one", "two"]));
    let service = place.serve(&[]);
    let settings = place.path("behest.toml");
    for spoil in ["mkfifo behest.toml", "ln -s /dev/zero behest.toml"] {
        std::fs::remove_file(&settings).unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", spoil]).current_dir(place.0.path());
        assert!(shell.status().unwrap().success());
        service.signal("HUP");
        let refused = service.wait_for("the settings are refused");
        assert!(
            refused.to_string().contains("it is no regular file"),
            "{refused}"
        );
    }
    assert_eq!(["one", "two"].map(|name| decide(&service, name)), [200; 2]);
    std::fs::remove_file(&settings).unwrap();
    place.write("behest.toml", &callers(&["two"]));
    service.signal("HUP");
    service.wait_for("settings: the caller `one` was removed");
    assert_eq!(
        ["one", "two"].map(|name| decide(&service, name)),
        [401, 200]
    );
    assert!(service.stop().success());
}

#[test]
fn callers_come_go_and_change_on_sighup_and_a_bad_file_changes_nothing() {
    let place = Place::new();
    let decide_alone = "[\"decide\"]";
    place.write(
        "behest.toml",
        &(caller("one", decide_alone) + &caller("two", decide_alone)),
    );
    let service = place.serve(&[]);
    let who = || ["one", "two", "three"].map(|name| decide(&service, name));
    assert_eq!(who(), [200, 200, 401]);

    let settings = caller("three", decide_alone)
        + &caller("two", "[\"search\"]")
        + "[limits]\nbody = 2048\nconnections = 77\n";
    place.write("behest.toml", &format!("docs = \"off\"\n{settings}"));
    service.signal("HUP");
    for change in [
        "the caller `one` was removed",
        "the caller `three` was added",
        "the caller `two` has changed: permissions",
        "`docs` is `off`, and was `open`",
        "`limits.body` is 2048, and was 1048576",
        "`limits.connections` has changed, and counts after a restart",
    ] {
        service.wait_for(&format!("settings: {change}"));
    }
    let read = service.wait_for("the settings were read again");
    assert_eq!(
        (&read["changes"], &read["restarts"]),
        (&5.into(), &1.into()),
        "{read}"
    );
    assert_eq!(who(), [401, 403, 200]);
    assert_eq!(ask(&service, "", "GET /docs/", "").0, 404);
    let large = "x".repeat(4_000);
    assert_eq!(
        ask(&service, "three", "POST /access/v1/evaluation", &large).0,
        413
    );
    let told = status(&service);
    assert_eq!(told["refused"], false);
    assert_eq!(
        told["restart_needed"],
        serde_json::json!(["limits.connections"])
    );
    assert_eq!(told["changes"].as_array().unwrap().len(), 5, "{told}");
    let admin_alone = ask(&service, "three", "GET /admin/v1/settings", "").0;
    assert_eq!(admin_alone, 403);

    // Whatever is wrong, nothing changes: a slip, no TOML, nobody left to ask, a file that is gone.
    for (text, said) in [
        (
            caller("one", decide_alone) + "kye_sha256 = 1\n",
            "`callers.0.kye_sha256` in",
        ),
        ("[[callers]\n".to_owned(), "is not TOML"),
        (caller("admin", decide_alone), "a caller is named `admin`"),
    ] {
        place.write("behest.toml", &text);
        service.signal("HUP");
        let refused = service.wait_for("the settings are refused, and those of before still count");
        let message = refused["message"].as_str().unwrap();
        assert!(message.contains(said), "{message}");
        assert_eq!(refused["level"], "ERROR");
        assert_eq!(who(), [401, 403, 200]);
    }
    std::fs::remove_file(place.path("behest.toml")).unwrap();
    service.signal("HUP");
    service.wait_for("the settings are refused");
    assert_eq!(who(), [401, 403, 200]);
    let told = status(&service);
    assert_eq!(told["refused"], true);
    assert_eq!(
        told["restart_needed"],
        serde_json::json!(["limits.connections"])
    );
    let problem = told["problems"][0]["message"].as_str().unwrap();
    assert!(problem.contains("cannot be read"), "{told}");
    let metrics = ask(&service, "", "GET /metrics", "").1;
    for line in [
        "behest_settings_reloads_total 1\n",
        "behest_settings_reload_failures_total 4\n",
        "behest_settings_restart_needed 1\n",
        "behest_settings_last_reload_successful 0.0\n",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }

    place.write("behest.toml", &settings);
    service.signal("HUP");
    service.wait_for("settings: `docs` is `open`");
    service.signal("HUP");
    service.wait_for("settings: `limits.connections` has changed");
    assert_eq!(ask(&service, "", "GET /docs/", "").0, 200);
    assert_eq!(service.stop().code(), Some(0));
}

/// Nobody is let in without a key by a reading; and a key that was made for a service without
/// callers ends when there are some.
#[test]
fn callers_without_a_key_are_withdrawn_and_never_let_in() {
    let place = Place::new();
    place.write("behest.toml", "anonymous = [\"decide\"]\n");
    let mut command = place.command(&[
        "--bundle",
        "bundle",
        "--listen",
        "127.0.0.1:0",
        "--data",
        "data",
    ]);
    command.env("BEHEST_RELOAD__QUIET_MS", "20");
    let service = Service::start(command);
    let made = std::fs::read_to_string(place.path("data/admin-key")).unwrap();
    let with_made = || {
        let mut stream = TcpStream::connect(&service.address).unwrap();
        let key = made.trim();
        write!(
            stream,
            "GET /admin/v1/settings HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!((decide(&service, ""), with_made().as_str()), (200, "200"));
    place.write("behest.toml", &caller("one", "[\"decide\"]"));
    service.signal("HUP");
    service.wait_for("settings: callers without a key are not let in any more");
    service.wait_for("the settings were read again");
    assert_eq!((decide(&service, ""), with_made().as_str()), (401, "401"));
    assert_eq!(decide(&service, "one"), 200);
    place.write("behest.toml", "anonymous = [\"decide\"]\n");
    service.signal("HUP");
    service.wait_for("settings: `anonymous` has changed, and counts after a restart");
    service.wait_for("the settings were read again");
    assert_eq!((decide(&service, ""), with_made().as_str()), (401, "200"));
    assert_eq!(decide(&service, "one"), 401);
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn keys_take_each_others_place_without_a_gap() {
    let place = Place::new();
    let (one, two) = (hash("one"), hash("two"));
    let settings = |keys: &str| {
        format!("[[callers]]\nname = \"gateway\"\nkeys = [{keys}]\npermissions = [\"decide\"]\n")
    };
    let old = format!("{{ sha256 = \"{one}\" }}");
    place.write("behest.toml", &settings(&old));
    let service = place.serve(&[]);
    let who = || ["one", "two"].map(|name| decide(&service, name));
    assert_eq!(who(), [200, 401]);
    // TOML's own times count as well as texts.
    for until in ["2099-12-31T00:00:00Z", "\"2099-12-31T00:00:00+01:00\""] {
        let both = format!("{{ sha256 = \"{one}\", until = {until} }}, {{ sha256 = \"{two}\" }}");
        place.write("behest.toml", &settings(&both));
        service.signal("HUP");
        service.wait_for("settings: the caller `gateway` has changed: ");
        service.wait_for("the settings were read again");
        assert_eq!(who(), [200, 200]);
    }
    let ended =
        format!("{{ sha256 = \"{one}\", until = 2020-01-01T00:00:00Z }}, {{ sha256 = \"{two}\" }}");
    place.write("behest.toml", &settings(&ended));
    service.signal("HUP");
    let warned =
        service.wait_for("key 1 of the caller `gateway` has ended at 2020-01-01T00:00:00Z");
    assert_eq!(warned["level"], "WARN");
    service.wait_for("settings: the caller `gateway` has changed: the end of a key");
    assert_eq!(who(), [401, 200]);
    let metrics = ask(&service, "", "GET /metrics", "").1;
    let line =
        "behest_caller_key_expiry_timestamp_seconds{caller=\"gateway\",key=\"1\"} 1577836800\n";
    assert!(metrics.contains(line), "{metrics}");
    assert_eq!(service.stop().code(), Some(0));
}

/// A supervisor's signal leaves time to take the service out of lists; a person's does not.
#[test]
fn a_service_drains_before_it_refuses_connections() {
    let place = Place::new();
    place.write("behest.toml", "[limits]\ndrain_ms = 1500\n");
    let service = place.serve(&[]);
    service.signal("TERM");
    service.wait_for("draining");
    let begun = Instant::now();
    let (status, body) = ask(&service, "", "GET /readyz", "");
    assert!(
        status == 503 && body.contains("\"draining\":true"),
        "{status} {body}"
    );
    assert_eq!(ask(&service, "", "GET /healthz", "").0, 200);
    assert_eq!(decide(&service, "admin"), 200);
    service.wait_for("stopped");
    assert!(
        begun.elapsed() > Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    let mut service = service;
    assert_eq!(service.child.wait().unwrap().code(), Some(0));

    let service = place.serve(&[]);
    let begun = Instant::now();
    service.signal("INT");
    service.wait_for("stopped");
    assert!(
        begun.elapsed() < Duration::from_millis(1_400),
        "{:?}",
        begun.elapsed()
    );
}

/// Whoever sees the socket may send a signal: the process ends as cleanly as later, and SIGHUP does
/// not end it.
#[test]
fn a_signal_before_the_bundle_is_loaded_is_handled() {
    for (signal, code) in [("TERM", 0), ("INT", 0), ("HUP", 0)] {
        let place = Place::new();
        let mut command = place.command(&["--bundle", "bundle", "--listen", "unix:behest.sock"]);
        command
            .env("BEHEST_ADMIN_KEY", KEY)
            .env("BEHEST_RELOAD__QUIET_MS", "1500")
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let path = place.path("behest.sock");
        let end = Instant::now() + PATIENCE;
        while !path.exists() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        let send = |name: &str| {
            let kill = format!("kill -{name} {}", child.id());
            let sent = Command::new("sh").args(["-c", &kill]).status();
            assert!(sent.unwrap().success());
        };
        send(signal);
        if signal == "HUP" {
            // It serves, reads everything again, and ends when it is told to.
            while UnixStream::connect(&path).is_err() {
                std::thread::sleep(Duration::from_millis(10));
            }
            std::thread::sleep(Duration::from_secs(3));
            send("TERM");
        }
        let output = child.wait_with_output().unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{signal}: {log}");
        assert!(!path.exists(), "{signal}");
        let has_read = log.contains("the settings were read again");
        assert_eq!(has_read, signal == "HUP", "{signal}: {log}");
    }
}

#[test]
fn a_socket_is_for_whom_its_settings_say() {
    let place = Place::new();
    place.write("behest.toml", "[socket]\nmode = \"0640\"\n");
    let mut command = place.command(&["--bundle", "bundle", "--listen", "unix:behest.sock"]);
    command.env("BEHEST_ADMIN_KEY", KEY);
    let service = Service::start(command);
    let mode = std::fs::metadata(place.path("behest.sock"));
    assert_eq!(mode.unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(service.stop().code(), Some(0));
    for (settings, listen, said) in [
        (
            "mode = \"0640\"",
            "127.0.0.1:0",
            "`socket` is set, and the service listens on `127.0.0.1:0`",
        ),
        (
            "mode = \"0999\"",
            "unix:behest.sock",
            "`0999` is not a mode",
        ),
        (
            "mode = 640",
            "unix:behest.sock",
            "`socket.mode` in `behest.toml`",
        ),
        (
            "group = \"no-such-group-here\"",
            "unix:behest.sock",
            "there is no group `no-such-group-here`",
        ),
    ] {
        place.write("behest.toml", &format!("[socket]\n{settings}\n"));
        let refused = place.run(&["--bundle", "bundle", "--listen", listen]);
        assert!(
            refused.code == 1 && refused.err.contains(said),
            "{settings}: {refused:?}"
        );
        assert!(!place.path("behest.sock").exists());
    }
}

/// A start by systemd, which passes its socket as the third descriptor.
fn activated(place: &Place, listen: &str, variables: &str) -> Command {
    let script = format!("exec 3<&0 0</dev/null; {variables} exec \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command
        .args(["-c", &script])
        .arg(program())
        .args(["--bundle", "bundle", "--listen", listen])
        .current_dir(place.0.path())
        .env("BEHEST_ADMIN_KEY", KEY)
        .env("BEHEST_RELOAD__QUIET_MS", "20");
    command
}

const PASSED: &str = "LISTEN_FDS=1 LISTEN_PID=$$";

#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_systemd_passes_is_served_and_stays() {
    let place = Place::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap().to_string();
    let stdin = Stdio::from(OwnedFd::from(tcp.try_clone().unwrap()));
    let service = Service::start_with(activated(&place, &address, PASSED), stdin);
    assert_eq!(service.address, address);
    assert_eq!(decide(&service, "admin"), 200);
    assert_eq!(service.stop().code(), Some(0));

    let path = place.path("behest.sock");
    let unix = UnixListener::bind(&path).unwrap();
    let stdin = Stdio::from(OwnedFd::from(unix));
    let service = Service::start_with(activated(&place, "unix:behest.sock", PASSED), stdin);
    let mut stream = UnixStream::connect(&path).unwrap();
    stream
        .write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(service.stop().code(), Some(0));
    assert!(path.exists(), "the file is systemd's");
}

/// What the settings say of an address must be of the one that is served.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_does_not_fit_is_refused() {
    let place = Place::new();
    let refused = |stdin: OwnedFd, listen: &str, variables: &str| {
        let mut command = activated(&place, listen, variables);
        let output = command.stdin(Stdio::from(stdin)).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let tcp = || OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap());
    let said = refused(tcp(), "127.0.0.1:22403", PASSED);
    assert!(said.contains("and `listen` is `127.0.0.1:22403`"), "{said}");
    // The same port of another address, which others may reach.
    let other = TcpListener::bind("127.0.0.2:0").unwrap();
    let found = other.local_addr().unwrap();
    let listen = format!("127.0.0.1:{}", found.port());
    let said = refused(OwnedFd::from(other), &listen, PASSED);
    assert!(
        said.contains(&format!("passes a socket at `{found}`")),
        "{said}"
    );
    let said = refused(tcp(), "unix:behest.sock", PASSED);
    assert!(said.contains("is of another kind"), "{said}");
    let said = refused(tcp(), "127.0.0.1:22403", "LISTEN_FDS=2 LISTEN_PID=$$");
    assert!(said.contains("systemd passes 2 sockets"), "{said}");
    let pair = || OwnedFd::from(UnixStream::pair().unwrap().0);
    let said = refused(pair(), "unix:behest.sock", PASSED);
    assert!(said.contains("does not listen"), "{said}");
    let file = std::fs::File::open(place.path("bundle/policies/bundle.toml")).unwrap();
    let said = refused(OwnedFd::from(file), "127.0.0.1:22403", PASSED);
    assert!(said.contains("is of another kind"), "{said}");
    place.write("behest.toml", "[socket]\nmode = \"0640\"\n");
    let said = refused(pair(), "unix:behest.sock", PASSED);
    assert!(said.contains("the socket is systemd's"), "{said}");
    std::fs::remove_file(place.path("behest.toml")).unwrap();
    // Variables that have come down from another process are not for this one.
    let stdin = Stdio::from(tcp());
    let variables = "LISTEN_FDS=1 LISTEN_PID=1";
    let service = Service::start_with(activated(&place, "127.0.0.1:0", variables), stdin);
    assert_eq!(decide(&service, "admin"), 200);
    assert_eq!(service.stop().code(), Some(0));
}

#[test]
fn a_supervisor_is_told_when_the_service_serves_and_when_it_ends() {
    let place = Place::new();
    let supervisor = UnixDatagram::bind(place.path("notify.sock")).unwrap();
    supervisor.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut text = [0; 64];
        let length = supervisor.recv(&mut text).unwrap();
        String::from_utf8(text[..length].to_vec()).unwrap()
    };
    let mut command = place.command(&["--bundle", "bundle", "--listen", "unix:behest.sock"]);
    command
        .env("BEHEST_ADMIN_KEY", KEY)
        .env("NOTIFY_SOCKET", place.path("notify.sock"));
    let service = Service::start(command);
    assert_eq!(told(), "READY=1");
    service.signal("TERM");
    assert_eq!(told(), "STOPPING=1");
    service.wait_for("stopped");
    // One that is gone keeps nobody from serving.
    drop(supervisor);
    let mut command = place.command(&["--bundle", "bundle", "--listen", "unix:behest.sock"]);
    command
        .env("BEHEST_ADMIN_KEY", KEY)
        .env("NOTIFY_SOCKET", place.path("notify.sock"));
    let service = Service::start(command);
    assert_eq!(service.stop().code(), Some(0));
}
