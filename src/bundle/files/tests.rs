//! How long a reader waits for a directory.

use super::*;

/// Settles over readings that a directory gives one after the other; what was read in the end,
/// and the pauses.
fn settled(quiet: Duration, readings: &[u32]) -> (Option<u32>, Vec<Duration>) {
    let mut readings = readings.iter().copied();
    let mut pauses = Vec::new();
    let read = || readings.next().unwrap();
    let found = settle(quiet, read, |pause| pauses.push(pause));
    (found, pauses)
}

#[test]
fn a_directory_that_does_not_change_is_not_waited_for_by_who_reads_at_once() {
    assert_eq!(settled(AT_ONCE, &[1, 1]), (Some(1), vec![AT_ONCE]));
    assert_eq!(settled(QUIET, &[1, 1]), (Some(1), vec![QUIET]));
}

#[test]
fn a_directory_that_changes_is_read_when_it_has_been_quiet() {
    assert_eq!(
        settled(AT_ONCE, &[1, 2, 3, 3]),
        (Some(3), vec![AT_ONCE, QUIET, QUIET])
    );
    let quiet = Duration::from_millis(20);
    assert_eq!(
        settled(quiet, &[1, 2, 1, 1]),
        (Some(1), vec![quiet, quiet, quiet])
    );
}

#[test]
fn a_directory_that_never_stops_changing_is_given_up() {
    let mut count = 0;
    let read = || {
        count += 1;
        count
    };
    let found = settle(Duration::from_millis(1), read, std::thread::sleep);
    assert_eq!(found, None);
}
