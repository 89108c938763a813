//! Fuzzes `countersign_tests::fuzz::commit_certificate`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_tests::fuzz::commit_certificate(bytes));
