//! The seed of a generator.

/// Returns `usual`, or what the variable `BEHEST_TEST_SEED` says. A failure is the same for
/// everybody, and whoever looks further says from where.
pub fn seed(usual: u64) -> u64 {
    let chosen = std::env::var("BEHEST_TEST_SEED").ok();
    chosen.map_or(usual, |seed| {
        seed.parse().expect("`BEHEST_TEST_SEED` is a number")
    })
}
