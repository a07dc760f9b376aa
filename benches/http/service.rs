//! Runs the program under measurement in a process of its own.

use super::connection::Connection;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The key of the caller that writes.
pub(crate) const KEY: &str = "a-key-for-benchmarks-on-loopback-only";

/// Ticks per second in `/proc`: the same on every Linux that Rust runs on.
const TICKS: u32 = 100;

pub(crate) struct Service {
    child: Child,
    address: SocketAddr,
    /// The time from its start until it serves.
    pub(crate) ready: Duration,
}

impl Service {
    /// Starts the service in a directory with `bundle` and `data`, and waits until it serves.
    pub(crate) fn start(dir: &Path, cache: &str) -> Self {
        let begun = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_behest"));
        command.args([
            "serve",
            "--bundle",
            "bundle",
            "--data",
            "data",
            "--listen",
            "127.0.0.1:0",
            "--cache",
            cache,
        ]);
        // The settings of the benchmark are not for the service.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("BEHEST_"))
        {
            command.env_remove(name);
        }
        command.current_dir(dir).env("BEHEST_ADMIN_KEY", KEY);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = String::new();
        let address = loop {
            let line = log
                .next()
                .unwrap_or_else(|| panic!("the service does not start: {told}"))
                .unwrap();
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = parsed["address"].as_str() {
                break address.parse().unwrap();
            }
            told.push_str(&line);
        };
        let ready = begun.elapsed();
        // The service goes on logging, and somebody must read the log.
        std::thread::spawn(move || log.for_each(drop));
        Self {
            child,
            address,
            ready,
        }
    }

    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Returns the processor time used so far.
    pub(crate) fn cpu(&self) -> Duration {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace();
        let ticks: u32 = fields
            .skip(11)
            .take(2)
            .map(|field| field.parse::<u32>().unwrap_or(0))
            .sum();
        Duration::from_secs(1) * ticks / TICKS
    }

    /// Returns the resident memory.
    pub(crate) fn resident_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .unwrap_or_default();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .unwrap_or_default();
        line.split_whitespace()
            .next()
            .and_then(|kib| kib.parse::<u64>().ok())
            .unwrap_or(0)
            >> 10
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
