//! Fuzzes `countersign_tests::fuzz::record`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_tests::fuzz::record(bytes));
