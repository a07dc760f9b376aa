//! Fuzzes models of relations: [`behest_fuzz::model`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| behest_fuzz::model(input));
