//! `behest dev` and `behest test --watch`: what an author sees while editing a bundle.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use support::place::{PATIENCE, Place, program};

/// A program that runs until it is stopped, and the lines that it prints.
struct Session {
    child: Child,
    lines: Receiver<String>,
}

impl Session {
    /// Starts a command; its two outputs are one.
    fn start(place: &Place, arguments: &[&str]) -> Self {
        let mut command = place.command(&[]);
        command
            .env("BEHEST", program())
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        Self::of(
            command,
            &format!("exec \"$BEHEST\" {} 2>&1", arguments.join(" ")),
        )
    }

    fn of(command: Command, script: &str) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        shell.current_dir(command.get_current_dir().unwrap());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let mut child = shell.spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in output.lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Returns the next line that contains the words.
    fn wait_for(&self, words: &str) -> String {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) if line.contains(words) => return line,
                Ok(line) => seen.push(line),
                Err(ended) => panic!("no line with `{words}`, {ended}: {seen:#?}"),
            }
        }
    }

    /// Stops the program as ^C does; its exit code, and what it still said.
    fn stop(mut self, signal: &str) -> (Option<i32>, Vec<String>) {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(
            Command::new("sh")
                .args(["-c", &kill])
                .status()
                .unwrap()
                .success()
        );
        let code = self.child.wait().unwrap().code();
        (code, self.lines.iter().collect())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The test may already have stopped it.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// Runs a command for a shell, as it was shown.
fn shell(place: &Place, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{} -s", command.trim())])
        .current_dir(place.0.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

const DEV: [&str; 4] = ["dev", "--no-open", "--port", "0"];

#[test]
fn an_author_sees_what_each_edit_does() {
    let place = Place::new();
    let session = Session::start(&place, &[&DEV[..], &["bundle"]].concat());
    let url = session.wait_for("listening  ");
    let url = url.split_whitespace().last().unwrap().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    assert!(session.wait_for("try it     ").contains(&url));
    assert_eq!(session.wait_for("bundle     "), "  bundle     bundle");
    session.wait_for("2 cases pass (");
    let (_, curl) = session
        .wait_for("ask it     ")
        .split_once("curl")
        .map(|(before, rest)| (before.to_owned(), format!("curl{rest}")))
        .unwrap();
    assert!(
        curl.contains("copilot") && shell(&place, &curl).starts_with("{\"decision\":true"),
        "{curl}"
    );

    place.write_policies("3");
    let line = session.wait_for("failed ");
    assert!(
        line.starts_with(
            "failed policies/tools.cedar: 1 of 2 cases fails: `an agent refunds little`; it would \
             deny: `an agent refunds little`; the bundle before still decides ("
        ) && line.ends_with(" ms)"),
        "{line}"
    );
    session.wait_for("expected permit, found deny");
    assert!(shell(&place, &curl).starts_with("{\"decision\":true"));

    let agents = "@id(\"agents\")\npermit (principal is agent, action == \
                  Action::\"tools/call\", resource);\n";
    place.write("bundle/policies/tools.cedar", agents);
    let line = session.wait_for("policies/tools.cedar: ");
    assert!(
        line.contains("2 of 2 cases fail: `a user refunds`, `an agent refunds little`; "),
        "{line}"
    );
    assert!(
        line.contains(
            "; it would permit: agent:copilot tools/call tool:refund; it would deny: user:alice \
             tools/call tool:refund, user:alice > agent:copilot tools/call tool:refund, `an agent \
             refunds little`; "
        ),
        "{line}"
    );

    place.write("bundle/policies/tools.cedar", "permit (");
    let line = session.wait_for("broken ");
    assert!(
        line.starts_with(
            "broken policies/tools.cedar: 1 problem; the bundle before still decides ("
        ),
        "{line}"
    );
    session.wait_for("unexpected end of input");
    assert!(shell(&place, &curl).starts_with("{\"decision\":true"));

    place.write_policies("100");
    session.wait_for("ok policies/tools.cedar: the bundle is the same as before (");
    place.write_policies("200");
    session.wait_for("ok policies/tools.cedar: 2 cases pass; no decision changed (");
    let (code, rest) = session.stop("INT");
    assert_eq!((code, rest.last().unwrap().as_str()), (Some(0), "stopped"));
}

/// A condition counts for questions with a context, which cases alone have.
#[test]
fn an_edit_of_a_condition_is_told_with_the_cases_that_it_changes() {
    let place = Place::new();
    let write = |most: u32, expected: &str| {
        place.write(
            "bundle/schemas/tools.fga",
            "model\n  schema 1.1\ntype user\ntype tool\n  relations\n    \
             define caller: [user with small]\ncondition small(amount: int, most: int) {\n  \
             amount <= most\n}\n",
        );
        place.write(
            "bundle/policies/tools.cedar",
            "@id(\"callers\") permit (principal, action == Action::\"tools/call\", resource)\n\
             when { principal in resource.caller };\n",
        );
        place.write(
            "bundle/policies/cases.yaml",
            &format!(
                "cases:\n  - name: ann refunds some\n    who: user:ann\n    does: tools/call\n    \
                 to: tool:refund\n    context: {{ amount: 50 }}\n    expect: {expected}\n"
            ),
        );
        place.write(
            "bundle/policies/tuples.yaml",
            &format!(
                "- {{ user: \"user:ann\", relation: caller, object: \"tool:refund\", \
                 condition: {{ name: small, context: {{ most: {most} }} }} }}\n"
            ),
        );
    };
    write(100, "permit");
    let session = Session::start(&place, &[&DEV[..], &["bundle"]].concat());
    session.wait_for("its case passes (");
    session.wait_for("each change");
    write(10, "permit");
    let line = session.wait_for("failed ");
    assert!(
        line.contains(
            "1 of 1 case fails: `ann refunds some`; it would deny: `ann refunds some`; the bundle"
        ),
        "{line}"
    );
    write(10, "deny");
    let line = session.wait_for("ok ");
    assert!(
        line.contains("its case passes; now denied: `ann refunds some` ("),
        "{line}"
    );
    session.stop("INT");
}

#[test]
fn warnings_are_told_of_a_bundle_whose_cases_fail_too() {
    let place = Place::new();
    let session = Session::start(&place, &[&DEV[..], &["bundle"]].concat());
    session.wait_for("each change");
    place.write(
        "bundle/policies/tools.cedar",
        "@id(\"users\") permit (principal is user, action == Action::\"tools/call\", \
         resource == tool::\"refnud\");\n",
    );
    session.wait_for("2 of 2 cases fail: ");
    session.wait_for("misspelt-id: the policy `users` names `tool:refnud`, which is neither");
    session.wait_for("did you mean `tool:refund`?");
    place.write(
        "bundle/policies/cases.yaml",
        "cases:\n  - name: a user refunds\n    who: user:alice\n    does: tools/call\n    \
         to: tool:refund\n    expect: deny\n",
    );
    let line = session.wait_for("ok ");
    assert!(
        line.contains("; 1 warning (`behest validate bundle` shows it) ("),
        "{line}"
    );
    session.stop("INT");
}

/// Editors rename a second file over the first, or move the first away before.
#[test]
fn a_save_in_several_steps_is_one_edit() {
    let place = Place::new();
    let session = Session::start(&place, &[&DEV[..], &["bundle"]].concat());
    session.wait_for("each change");
    place.write("bundle/policies/new", "");
    place.write_policies("150");
    let policies = place.path("bundle/policies");
    std::fs::rename(policies.join("tools.cedar"), policies.join("new")).unwrap();
    std::fs::rename(policies.join("new"), policies.join("tools.cedar")).unwrap();
    let line = session.lines.recv_timeout(PATIENCE).unwrap();
    assert!(line.is_empty() || line.contains("in memory"), "{line}");
    let line = session.wait_for("policies/");
    assert!(
        line.starts_with("ok policies/tools.cedar: 2 cases pass; no decision changed ("),
        "{line}"
    );
    assert_eq!(session.stop("HUP").0, Some(0), "a terminal that is closed");
}

#[test]
fn a_session_begins_with_what_is_there() {
    let place = Place::new();
    place.write("empty/x", "");
    std::fs::remove_file(place.path("empty/x")).unwrap();
    place.write("other/x", "");
    for (dir, told) in [
        ("empty", "`empty` is empty"),
        (
            "other",
            "`other` holds no bundle: neither `schemas/` nor `policies/`",
        ),
        ("none", "`none` cannot be read: No such file or directory"),
    ] {
        let refused = place.run(&["dev", "--no-open", dir]);
        assert_eq!(refused.code, 4, "{refused:?}");
        assert!(
            refused.err.starts_with(&format!("error: {told}")),
            "{refused:?}"
        );
        assert!(
            refused
                .err
                .contains(&format!("help: `behest init {dir}` writes a bundle")),
            "{refused:?}"
        );
    }
    let default = Session::start(&place, &DEV);
    let line = default.wait_for("bundle     ");
    assert!(
        line.contains("the default one: ") && line.contains("`behest init`"),
        "{line}"
    );
    assert_eq!(default.stop("TERM").0, Some(0));

    let mut command = place.command(&[]);
    command
        .env("BEHEST", program())
        .current_dir(place.path("bundle"));
    let here = Session::of(command, "exec \"$BEHEST\" dev --no-open --port 0 2>&1");
    here.wait_for("bundle     the one in this directory");
    assert_eq!(here.stop("INT").0, Some(0));
}

#[test]
fn a_session_that_begins_with_a_broken_bundle_waits_for_a_better_one() {
    let place = Place::new();
    place.write("bundle/policies/tools.cedar", "permit (");
    let session = Session::start(&place, &[&DEV[..], &["bundle"]].concat());
    let url = session.wait_for("listening  ");
    let url = url.split_whitespace().last().unwrap();
    session.wait_for("broken the bundle: 1 problem; nothing decides yet (");
    session.wait_for("each change");
    let ready = format!("curl -o ready -w %{{http_code}} {url}/readyz");
    assert_eq!(shell(&place, &ready), "503");
    place.write_policies("100");
    session.wait_for("ok policies/tools.cedar: 2 cases pass (");
    assert_eq!(shell(&place, &ready), "200");
    assert_eq!(session.stop("INT").0, Some(0));
}

/// Settings of a service could open it to others, or let its data come to harm.
#[test]
fn a_session_takes_nothing_from_the_settings_of_a_service() {
    let place = Place::new();
    place.write(
        "behest.toml",
        "data = \"precious\"\nlisten = \"unix:service\"\n[record]\nsink = \"record.jsonl\"\n",
    );
    for more in [&[] as &[&str], &["--config", "behest.toml"]] {
        let session = Session::start(&place, &[&DEV[..], more, &["bundle"]].concat());
        session.wait_for("listening  http://127.0.0.1:");
        session.wait_for("relations are in memory only; `--data DIR` keeps them");
        assert_eq!(session.stop("INT").0, Some(0));
    }
    for file in ["precious", "service", "record.jsonl"] {
        assert!(!place.path(file).exists(), "{file}");
    }
    let kept = Session::start(&place, &[&DEV[..], &["--data", "kept", "bundle"]].concat());
    kept.wait_for("relations are kept in `kept`");
    assert_eq!(kept.stop("INT").0, Some(0));
    assert!(place.path("kept").is_dir());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = place.run(&["dev", "--no-open", "--port", &port, "bundle"]);
    assert!(
        refused.code == 1
            && refused
                .err
                .contains("help: choose another port with `--port`"),
        "{refused:?}"
    );
}

/// On a terminal the page is opened, and lines have colours unless `NO_COLOR` is set.
#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_the_browser_is_opened() {
    let place = Place::new();
    place.write("bin/xdg-open", "#!/bin/sh\necho \"$1\" > opened\n");
    let executable = "chmod +x bin/xdg-open";
    assert!(
        Command::new("sh")
            .args(["-c", executable])
            .current_dir(place.0.path())
            .status()
            .unwrap()
            .success()
    );
    let terminal = |variables: &[(&str, &str)], more: &str| {
        let mut command = place.command(&[]);
        let path = std::env::var("PATH").unwrap();
        command
            .env("PATH", format!("{}:{path}", place.path("bin").display()))
            .env("BEHEST", program())
            .env("DISPLAY", ":0")
            .env("TERM", "xterm")
            .envs(variables.iter().copied());
        Session::of(
            command,
            &format!("exec script -qec \"exec '$BEHEST' dev --port 0 {more} bundle\" /dev/null"),
        )
    };
    let opened = place.path("opened");
    let session = terminal(&[("NO_COLOR", "1")], "--no-open");
    session.wait_for("  listening  http://127.0.0.1:");
    session.wait_for("  admin key  behest_");
    session.wait_for("in memory only");
    drop(session);
    assert!(!opened.exists());

    let session = terminal(&[("NO_COLOR", "")], "");
    let line = session.wait_for("http://127.0.0.1:");
    assert!(line.contains("\u{1b}[2mlistening"), "{line:?}");
    let (_, url) = line.trim().split_once("http://").unwrap();
    let begun = std::time::Instant::now();
    let page = loop {
        match std::fs::read_to_string(&opened) {
            Ok(page) if !page.is_empty() => break page,
            _ => assert!(begun.elapsed() < PATIENCE, "no browser was opened"),
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(page.starts_with(&format!("http://{url}/")), "{page}");
}

#[test]
fn cases_are_run_again_at_each_change() {
    let place = Place::new();
    let session = Session::start(&place, &["test", "bundle", "--watch"]);
    session.wait_for("ok: 2 passed of 2 cases");
    session.wait_for("waiting for a change; ^C ends it");
    place.write_policies("3");
    session.wait_for("policies/tools.cedar");
    session.wait_for("1 failed: 1 passed of 2 cases");
    session.wait_for("waiting for a change");
    place.write("bundle/policies/tools.cedar", "permit (");
    session.wait_for("unexpected end of input");
    session.wait_for("waiting for a change");
    place.write_policies("100");
    session.wait_for("ok: 2 passed of 2 cases");
    session.wait_for("waiting for a change");
    assert_eq!(session.stop("INT").0, Some(0));

    let refused = place.run(&["test", "--watch"]);
    assert!(
        refused.code == 2
            && refused
                .err
                .contains("the default bundle is part of the program")
            && refused.err.contains("`behest test DIR --watch`"),
        "{refused:?}"
    );
}
