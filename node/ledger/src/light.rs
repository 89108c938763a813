//! Light client.
