//! Fuzzes bodies of decisions: [`behest_fuzz::body`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| behest_fuzz::body(input));
