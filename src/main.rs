//! The `behest` program.

fn main() {}
