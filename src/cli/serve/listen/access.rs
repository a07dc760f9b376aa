//! Makes the file of a unix socket for those who may connect.
//!
//! INVARIANT: nobody beside the owner can connect before the mode and the group are as they are
//! set: the file is made for its owner alone.

use crate::config::{SocketMode, SocketSettings};
use crate::model::Problem;
use nix::sys::stat::{Mode, umask};
use nix::unistd::Group;
use std::io;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

/// The mode where a group is set and no mode.
const OF_GROUP: SocketMode = SocketMode(0o660);

/// What is set for a socket's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SocketAccess {
    mode: SocketMode,
    group: Option<u32>,
}

impl SocketAccess {
    /// Looks up what the settings name; `None` if they leave it to the process's mask.
    pub(super) fn of(settings: &SocketSettings) -> Result<Option<Self>, Problem> {
        let group = settings.group.as_deref().map(group_id).transpose()?;
        let mode = settings.mode.or(group.map(|_| OF_GROUP));
        Ok(mode.map(|mode| Self { mode, group }))
    }

    /// Binds a socket whose file is its owner's alone.
    pub(super) fn bind<T>(bind: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        // Nothing else of the process makes files yet.
        let before = umask(Mode::from_bits_truncate(0o177));
        let bound = bind();
        umask(before);
        bound
    }

    /// Opens the file of a bound socket to those who may connect.
    pub(super) fn open(self, path: &Path) -> Result<(), Problem> {
        let shown = path.display();
        if let Some(group) = self.group {
            chown(path, None, Some(group)).map_err(|error| {
                Problem::new(format!(
                    "the socket `{shown}` cannot be given to the group {group}: {error}"
                ))
                .help(
                    "run the service as a user who is in that group, or set another `socket.group`",
                )
            })?;
        }
        let mode = std::fs::Permissions::from_mode(self.mode.0);
        std::fs::set_permissions(path, mode).map_err(|error| {
            Problem::new(format!(
                "the socket `{shown}` cannot have the mode {}: {error}",
                self.mode
            ))
        })
    }
}

fn group_id(name: &str) -> Result<u32, Problem> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    match Group::from_name(name) {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(Problem::new(format!("there is no group `{name}`"))
            .help("make it, or set `socket.group` to another, by its name or number")),
        Err(error) => Err(
            Problem::new(format!("the group `{name}` cannot be looked up: {error}"))
                .help("set `socket.group` to its number"),
        ),
    }
}
