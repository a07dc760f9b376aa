//! Fuzzes certificates of workloads: [`behest_fuzz::certificates`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| behest_fuzz::certificates(input));
