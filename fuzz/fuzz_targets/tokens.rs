//! Fuzzes tokens and their claims: [`behest_fuzz::tokens`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| behest_fuzz::tokens(input));
