//! Takes the socket on which systemd listens for the service (`sd_listen_fds(3)`).
//!
//! **Problem.** The settings say whom an address lets in: one that others reach needs callers and
//! TLS. A socket that comes from elsewhere could be any address, and its descriptor anything.
//! **Decision.** One socket is taken, if it is a listening stream socket at the very address that
//! `listen` names, so that everything that was checked of that address holds for it.
//! **Trade-off.** The address stands in two places, and a difference refuses to start.

use super::{BoundListener, ListenerAddress};
use crate::config::{Config, EnvironmentVariables, Listen, SocketSettings};
use crate::http::Listener;
use crate::model::Problem;
use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

const REMEDY: &str = "see `behest.socket` beside the unit, or start the service without it";

/// Returns the socket that was passed to this process; `None` if none was.
pub(super) fn take(
    config: &Config,
    environment: &EnvironmentVariables,
) -> Result<Option<BoundListener>, Problem> {
    // The variables of another process are not for this one, which they may have come down to.
    let is_ours = environment.get("LISTEN_PID") == Some(&std::process::id().to_string());
    let (true, Some(count)) = (is_ours, environment.get("LISTEN_FDS")) else {
        return Ok(None);
    };
    if count != "1" {
        let shown: String = count.chars().take(8).collect();
        return Err(Problem::new(format!(
            "systemd passes {shown} sockets, and the service listens on one"
        ))
        .help("leave one `ListenStream=` in `behest.socket`, and no other unit in `Sockets=`"));
    }
    if config.socket != SocketSettings::default() {
        return Err(Problem::new(
            "`socket` is set, and the socket is systemd's, which made its file",
        )
        .help("leave `socket` out, and set `SocketMode=` and `SocketGroup=` in `behest.socket`"));
    }
    let mut passed = ListenFd::from_env();
    let listener = match &config.listen {
        Listen::Tcp(_) => passed
            .take_tcp_listener(0)
            .map(|taken| taken.map(Listener::Tcp)),
        Listen::Unix(_) => passed
            .take_unix_listener(0)
            .map(|taken| taken.map(Listener::Unix)),
    };
    let listener = match listener {
        Ok(Some(listener)) => listener,
        Ok(None) => return Err(misfit(config, "is no socket")),
        Err(_) => return Err(misfit(config, "is of another kind")),
    };
    check(config, &listener)?;
    Ok(Some(BoundListener {
        listener,
        at: ListenerAddress::Passed(config.listen.clone()),
    }))
}

fn check(config: &Config, listener: &Listener) -> Result<(), Problem> {
    let unread = |_| misfit(config, "cannot be read");
    let listens = match listener {
        Listener::Tcp(listener) => socket_acceptconn(listener.as_fd()),
        Listener::Unix(listener) => socket_acceptconn(listener.as_fd()),
    };
    if !listens.map_err(|error| unread(io::Error::from(error)))? {
        return Err(misfit(config, "does not listen (`Accept=yes`?)"));
    }
    let is_at = match (listener, &config.listen) {
        (Listener::Tcp(listener), Listen::Tcp(address)) => {
            let found = listener.local_addr().map_err(unread)?;
            (found == *address).then_some(()).ok_or(found.to_string())
        }
        (Listener::Unix(listener), Listen::Unix(path)) => {
            let found = listener.local_addr().map_err(unread)?;
            let found = found.as_pathname().unwrap_or(Path::new("(no path)"));
            is_same(found, path)
                .then_some(())
                .ok_or(format!("unix:{}", found.display()))
        }
        (Listener::Tcp(_), Listen::Unix(_)) | (Listener::Unix(_), Listen::Tcp(_)) => {
            return Err(misfit(config, "is of another kind"));
        }
    };
    is_at.map_err(|found| {
        Problem::new(format!(
            "systemd passes a socket at `{found}`, and `listen` is `{}`",
            config.listen
        ))
        .help("write one address in both: the checks of `listen` are of what it names")
    })
}

fn is_same(found: &Path, path: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole(found) == whole(path)
}

fn misfit(config: &Config, what: &str) -> Problem {
    Problem::new(format!(
        "systemd passes a socket for `{}`, which {what}",
        config.listen
    ))
    .help(REMEDY)
}
