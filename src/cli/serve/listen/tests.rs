//! Tests of what the service listens on.

use super::*;

#[test]
fn a_socket_that_nobody_answers_is_taken_over_and_one_in_use_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("b.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let listen = Listen::Unix(path.clone());
    let bound = BoundListener::open(&listen).unwrap();
    assert_eq!(bound.url(), None);
    let problem = BoundListener::open(&listen).err().unwrap();
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
    let problem = BoundListener::open(&Listen::Unix(path.clone()))
        .err()
        .unwrap();
    assert!(problem.message.ends_with("is in use"), "{problem}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "x");
}
