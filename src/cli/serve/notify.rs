//! Tells the supervisor how the service is (`sd_notify(3)`): that it serves, that it reads its
//! settings again, that it is about to end.
//!
//! A supervisor that wants to know names a socket in `NOTIFY_SOCKET`; others are told nothing. One
//! that does not listen does not keep the service from serving.

use crate::config::EnvironmentVariables;
use std::io;
use std::os::unix::net::UnixDatagram;

/// The supervisor.
#[derive(Clone, Debug, Default)]
pub(super) struct Supervisor {
    socket: Option<String>,
}

impl Supervisor {
    /// Returns the supervisor that the environment names.
    pub(super) fn of(environment: &EnvironmentVariables) -> Self {
        Self {
            socket: environment.get("NOTIFY_SOCKET").map(str::to_owned),
        }
    }

    /// Tells that requests are answered.
    pub(super) fn ready(&self) {
        self.tell("READY=1");
    }

    /// Tells that the service is about to end.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = send(socket, state) {
            tracing::warn!(%error, state, "the supervisor cannot be told");
        }
    }
}

fn send(socket: &str, state: &str) -> io::Result<()> {
    let from = UnixDatagram::unbound()?;
    // Nobody waits for a supervisor that does not read.
    from.set_nonblocking(true)?;
    match socket.strip_prefix('@') {
        Some(name) => send_abstract(&from, name, state),
        None => from.send_to(state.as_bytes(), socket).map(drop),
    }
}

#[cfg(target_os = "linux")]
fn send_abstract(from: &UnixDatagram, name: &str, state: &str) -> io::Result<()> {
    use std::os::linux::net::SocketAddrExt as _;
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
    from.send_to_addr(state.as_bytes(), &address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send_abstract(_: &UnixDatagram, _: &str, _: &str) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}
