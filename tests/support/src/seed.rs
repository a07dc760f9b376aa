//! The seed of a generator.

/// Returns the seed in the variable `BEHEST_TEST_SEED`, or `usual` without it. So a failure repeats
/// for everybody, and other seeds can be tried.
pub fn seed(usual: u64) -> u64 {
    let chosen = std::env::var("BEHEST_TEST_SEED").ok();
    chosen.map_or(usual, |seed| {
        seed.parse().expect("`BEHEST_TEST_SEED` is a number")
    })
}
