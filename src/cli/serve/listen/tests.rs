//! Tests of what the service listens on.

use super::*;

#[test]
fn a_socket_that_nobody_answers_is_taken_over_and_one_in_use_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listen = Listen::Unix(path.clone());
    let bound = BoundListener::bind(&listen, &SocketSettings::default()).unwrap();
    assert_eq!(bound.url(), None);
    let problem = BoundListener::bind(&listen, &SocketSettings::default())
        .err()
        .unwrap();
    assert_eq!(
        problem.message,
        format!("`unix:{}` is in use", path.display())
    );
    drop(bound);
    assert!(!path.exists());
}

#[test]
fn what_is_no_socket_is_never_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("precious");
    std::fs::write(&path, "x").unwrap();
    let problem = BoundListener::bind(&Listen::Unix(path.clone()), &SocketSettings::default())
        .err()
        .unwrap();
    assert!(problem.message.ends_with("is in use"), "{problem}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "x");
}

#[test]
fn a_socket_has_the_mode_and_the_group_that_are_set() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let dir = tempfile::tempdir().unwrap();
    let own = std::fs::metadata(dir.path()).unwrap().gid();
    let path = dir.path().join("b.sock");
    let listen = Listen::Unix(path.clone());
    let settings = |mode: Option<&str>, group: Option<String>| SocketSettings {
        mode: mode.map(|mode| mode.parse().unwrap()),
        group,
    };
    for (mode, group, expected) in [
        (Some("0660"), None, 0o660),
        (Some("600"), Some(own.to_string()), 0o600),
        (Some("0o777"), None, 0o777),
        (None, Some(own.to_string()), 0o660),
    ] {
        let bound = BoundListener::bind(&listen, &settings(mode, group)).unwrap();
        let metadata = std::fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, expected);
        assert_eq!(metadata.gid(), own);
        drop(bound);
    }
    // The process's mask is as it was.
    let made = dir.path().join("file");
    std::fs::write(&made, "x").unwrap();
    assert_ne!(std::fs::metadata(&made).unwrap().mode() & 0o066, 0);
    let unknown = settings(None, Some("no-such-group-here".to_owned()));
    let problem = BoundListener::bind(&listen, &unknown).err().unwrap();
    assert_eq!(problem.message, "there is no group `no-such-group-here`");
    assert!(!path.exists());
}
