//! Binds the address that the service listens on, before anything else is built.
//!
//! **Decision.** The socket is bound and starts to listen at once: the system lets clients connect,
//! and their connections wait until the first bundle is loaded and [`crate::http::Server`] accepts
//! them. No request is answered before that.
//! **Trade-off.** A probe that only connects considers the service ready a moment early, so probes
//! request `/readyz`. If the bundle is refused, the waiting connections are reset. Binding without
//! listening would be worse. Two services could bind the same TCP port and notice only after
//! loading; and a second service would take a Unix socket without a listener for abandoned
//! ([`is_abandoned`]) and remove it.

mod access;
#[cfg(target_os = "linux")]
mod activation;

use crate::config::{Config, EnvironmentVariables, Listen, SocketSettings};
use crate::http::Listener;
use crate::model::Problem;
use access::SocketAccess;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A listener with its address.
pub(super) struct BoundListener {
    listener: Listener,
    at: ListenerAddress,
}

/// The address of a listener. The file of a Unix socket is removed when the service ends.
pub(super) enum ListenerAddress {
    Tcp(SocketAddr),
    Unix(PathBuf),
    /// One that systemd listens on, and whose file is systemd's.
    Passed(Listen),
}

impl BoundListener {
    /// Takes the socket that systemd passes, or binds the address and listens on it.
    pub(super) fn open(
        config: &Config,
        environment: &EnvironmentVariables,
    ) -> Result<Self, Problem> {
        match passed(config, environment)? {
            Some(bound) => Ok(bound),
            None => Self::bind(&config.listen, &config.socket),
        }
    }

    /// Binds the address and listens on it.
    pub(super) fn bind(listen: &Listen, socket: &SocketSettings) -> Result<Self, Problem> {
        match listen {
            Listen::Tcp(address) => {
                let listener =
                    TcpListener::bind(address).map_err(|error| cannot_bind(listen, &error))?;
                // If the configured port is 0, this is the port that the system chose.
                let at = ListenerAddress::Tcp(listener.local_addr().unwrap_or(*address));
                Ok(Self {
                    listener: Listener::Tcp(listener),
                    at,
                })
            }
            Listen::Unix(path) => {
                let access = SocketAccess::of(socket)?;
                let bound = match access {
                    Some(_) => SocketAccess::bind(|| bind_unix(path)),
                    None => bind_unix(path),
                };
                let listener = bound.map_err(|error| cannot_bind(listen, &error))?;
                // From here on the file is removed, whatever happens.
                let at = ListenerAddress::Unix(path.clone());
                access.map_or(Ok(()), |access| access.open(path))?;
                Ok(Self {
                    listener: Listener::Unix(listener),
                    at,
                })
            }
        }
    }

    /// Binds the address on which a gateway asks, and listens on it.
    pub(super) fn bind_for_gateway(listen: &Listen) -> Result<Self, Problem> {
        let help = "choose another address in `gateway.listen`, or stop what listens there";
        Self::bind(listen, &SocketSettings::default()).map_err(|problem| problem.help(help))
    }

    /// Returns the address for a browser; `None` for a Unix socket.
    pub(super) fn url(&self) -> Option<String> {
        match &self.at {
            ListenerAddress::Tcp(address) | ListenerAddress::Passed(Listen::Tcp(address)) => {
                Some(format!("http://{address}"))
            }
            ListenerAddress::Unix(_) | ListenerAddress::Passed(Listen::Unix(_)) => None,
        }
    }

    /// Returns the file of a Unix socket that is removed at the end.
    pub(super) fn socket(&self) -> Option<&Path> {
        match &self.at {
            ListenerAddress::Tcp(_) | ListenerAddress::Passed(_) => None,
            ListenerAddress::Unix(path) => Some(path),
        }
    }

    pub(super) fn into_parts(self) -> (Listener, ListenerAddress) {
        (self.listener, self.at)
    }
}

impl fmt::Display for BoundListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.fmt(f)
    }
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Passed(listen) => listen.fmt(f),
        }
    }
}

impl Drop for ListenerAddress {
    fn drop(&mut self) {
        if let Self::Unix(path) = self {
            // A failure is harmless: the next start replaces a socket file on which nobody listens.
            let _gone = std::fs::remove_file(path);
        }
    }
}

#[cfg(target_os = "linux")]
fn passed(
    config: &Config,
    environment: &EnvironmentVariables,
) -> Result<Option<BoundListener>, Problem> {
    activation::take(config, environment)
}

#[cfg(not(target_os = "linux"))]
fn passed(_: &Config, _: &EnvironmentVariables) -> Result<Option<BoundListener>, Problem> {
    Ok(None)
}

/// Binds a Unix socket. A killed process leaves its socket file behind, so a file on which nobody
/// listens is removed and bound again.
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_abandoned(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
    }
}

/// Returns `true` if nobody listens on the socket at `path`. INVARIANT: true for sockets only.
/// Connecting to a plain file is refused as well, and such a file must not be removed, since it may
/// be somebody's data.
fn is_abandoned(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

fn cannot_bind(listen: &Listen, error: &io::Error) -> Problem {
    let (problem, help) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "is in use".to_owned(),
            "stop what listens there, or choose another address with `--listen`",
        ),
        io::ErrorKind::AddrNotAvailable => (
            "is not an address of this machine".to_owned(),
            "choose one that is with `--listen`",
        ),
        io::ErrorKind::PermissionDenied => (
            "may not be used by this user".to_owned(),
            "choose a port above 1023, or a directory of your own, with `--listen`",
        ),
        _ => (
            format!("cannot be listened on: {error}"),
            "choose another address with `--listen`",
        ),
    };
    Problem::new(format!("`{listen}` {problem}")).help(help)
}

#[cfg(test)]
mod tests;
