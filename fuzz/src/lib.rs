//! What is fuzzed: each function takes any bytes, and panics where behest does what it must not.
//!
//! The targets in `fuzz_targets` hand these functions to libFuzzer; the test below hands them what
//! `fuzz/seed` has made, so that a target that is out of step with behest is found without a
//! fuzzer.

mod body;
mod certificates;
mod conditions;
mod credential;
mod model;
mod tokens;

pub use body::body;
pub use certificates::certificates;
pub use conditions::conditions;
pub use model::model;
pub use tokens::tokens;

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Replays every seed of a target, as it is and cut short.
    fn replay(target: &str, run: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        let mut seeds = 0;
        for entry in std::fs::read_dir(folder).expect("`fuzz/seed` makes the seeds") {
            let seed = std::fs::read(entry.expect("an entry").path()).expect("a file");
            run(&seed);
            run(seed.get(..seed.len() / 2).unwrap_or_default());
            seeds += 1;
        }
        assert!(seeds > 3, "{target} has {seeds} seeds");
    }

    #[test]
    fn body() {
        replay("body", super::body);
    }

    #[test]
    fn model() {
        replay("model", super::model);
    }

    #[test]
    fn conditions() {
        replay("conditions", super::conditions);
    }

    #[test]
    fn tokens() {
        replay("tokens", super::tokens);
    }

    #[test]
    fn certificates() {
        replay("certificates", super::certificates);
    }
}
