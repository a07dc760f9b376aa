//! Fuzzes conditions on tuples: [`behest_fuzz::conditions`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| behest_fuzz::conditions(input));
