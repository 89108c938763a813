//! Fuzzes `countersign_tests::fuzz::peer_certificate`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_tests::fuzz::peer_certificate(bytes));
