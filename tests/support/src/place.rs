//! Runs the program in a directory with a small bundle, and starts services in it.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

pub const KEY: &str = "a-key-that-nobody-would-guess-0001";

/// The time that the slowest machine needs; a test that waits in vain fails after it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A directory with a bundle, in which the program is started and puts its session's files.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write(
            "bundle/schemas/tools.cedarschema",
            "entity user;\nentity agent;\nentity tool;\n\
             action \"tools/call\" appliesTo {\n  principal: [user, agent],\n  resource: tool,\n  \
             context: { arguments?: { amount?: Long } },\n};\n",
        );
        place.write("bundle/policies/bundle.toml", "packs = []\n");
        place.write_policies("100");
        place.write(
            "bundle/policies/cases.yaml",
            "cases:\n  - name: a user refunds\n    who: user:alice\n    does: tools/call\n    to: tool:refund\n    \
             expect: permit\n  - name: an agent refunds little\n    who: user:alice > agent:copilot\n    \
             does: tools/call\n    to: tool:refund\n    context: { arguments: { amount: 5 } }\n    expect: permit\n",
        );
        place
    }

    pub fn write_policies(&self, cap: &str) {
        self.write(
            "bundle/policies/tools.cedar",
            &format!(
                "@id(\"users\")\npermit (principal is user, action == Action::\"tools/call\", resource);\n\n\
                 @id(\"agents-small\")\npermit (principal is agent, action == Action::\"tools/call\", resource)\n\
                 when {{ context has arguments.amount && context.arguments.amount < {cap} }};\n"
            ),
        );
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("XDG_RUNTIME_DIR", self.0.path());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("BEHEST_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, &[], "")
    }

    pub fn run_with(&self, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Output {
        let mut command = self.command(arguments);
        command
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        Output {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts a service with the bundle, on a free port, with [`KEY`] as its admin key.
    pub fn serve(&self, arguments: &[&str]) -> Service {
        Service::start(self.serving(arguments))
    }

    /// Returns the command that starts such a service.
    pub fn serving(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(&["--bundle", "bundle", "--listen", "127.0.0.1:0"]);
        command
            .args(arguments)
            .env("BEHEST_ADMIN_KEY", KEY)
            .env("BEHEST_RELOAD__POLL_MS", "20");
        command.env("BEHEST_RELOAD__QUIET_MS", "20");
        command
    }
}

#[derive(Debug, PartialEq)]
pub struct Output {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn failed(err: &str) -> Output {
    Output {
        code: 1,
        out: String::new(),
        err: err.to_owned(),
    }
}

pub fn done(out: &str) -> Output {
    Output {
        code: 0,
        out: out.to_owned(),
        err: String::new(),
    }
}

/// A running service, and its log.
pub struct Service {
    pub child: Child,
    pub lines: Receiver<serde_json::Value>,
    pub address: String,
}

impl Service {
    pub fn start(command: Command) -> Self {
        Self::start_with(command, Stdio::null())
    }

    /// Starts a service with this as its standard input.
    pub fn start_with(mut command: Command, stdin: Stdio) -> Self {
        let mut child = command
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let log = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in log.lines() {
                let line = line.unwrap();
                let parsed = serde_json::from_str(&line)
                    .unwrap_or_else(|_| panic!("not a log line: {line}"));
                if sender.send(parsed).is_err() {
                    return;
                }
            }
        });
        let mut service = Self {
            child,
            lines,
            address: String::new(),
        };
        let started = service.wait_for("serving");
        service
            .address
            .push_str(started["address"].as_str().unwrap());
        service
    }

    /// Returns the next line of the log whose message begins so.
    pub fn wait_for(&self, message: &str) -> serde_json::Value {
        loop {
            let line = self
                .lines
                .recv_timeout(PATIENCE)
                .unwrap_or_else(|_| panic!("no line `{message}` in the log"));
            if line["message"].as_str().unwrap().starts_with(message) {
                return line;
            }
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.child.id())])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_for("stopped");
        self.child.wait().unwrap()
    }
}

/// Returns the path of the program that cargo built for the suite, beside the folder of the suite
/// itself.
pub fn program() -> PathBuf {
    let suite = std::env::current_exe().unwrap();
    suite.ancestors().nth(2).unwrap().join("behest")
}

impl Drop for Service {
    fn drop(&mut self) {
        // The test may already have stopped it.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

pub const REFUND: [&str; 3] = ["user:alice > agent:copilot", "tools/call", "tool:refund"];

pub fn refund<'a>(amount: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["explain"], more, &REFUND, &["--context", amount]].concat()
}
