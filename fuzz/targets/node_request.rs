//! Fuzzes `countersign_tests::fuzz::node_request`.
#![no_main]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| countersign_tests::fuzz::node_request(bytes));
