//! Fuzzes `countersign_tests::fuzz::frame`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_tests::fuzz::frame(bytes));
