//! Shared code of the suites below `tests/` and of the benchmarks.
//!
//! | Modules | What they hold |
//! |---|---|
//! | [`dice`], [`random`], [`seed`] | numbers that repeat, and the seed that `BEHEST_TEST_SEED` overrides |
//! | [`values`], [`engines`], [`store`] | requests, engines and stores in the process |
//! | [`service`], [`two`] | the service in the process, asked over its routes |
//! | [`place`] | the program in a directory of its own, run or serving |
//! | [`web`], [`tokens`] | an issuer: a server that says what a test wants, keys, and what they sign |
//! | [`spellings`], [`worlds`], [`lab`] | generated questions and bundles |
//! | [`bundles`], [`cases`], [`golden`] | bundles in one text, tables of cases, and committed output |
//! | [`bench`] | worlds and figures of benchmarks |
//!
//! This crate depends on `behest` as any user does, so its types are those of the suites. Unit
//! tests of `behest` itself cannot use it, since theirs is another build of the same crate.

pub mod bench;
pub mod bundles;
pub mod cases;
pub mod dice;
pub mod engines;
pub mod golden;
pub mod lab;
pub mod place;
pub mod random;
pub mod seed;
pub mod service;
pub mod spellings;
pub mod store;
pub mod tokens;
pub mod two;
pub mod values;
pub mod web;
pub mod worlds;
