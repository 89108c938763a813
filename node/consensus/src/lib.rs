//! Validators and followers.
