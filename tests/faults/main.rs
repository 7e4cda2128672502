//! What must hold when things break: processes that are killed, disks that are full, databases that are locked, logs
//! that somebody has altered.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/mod.rs"]
mod support;

mod kill;
mod log;
mod log_unwritable;
mod process;
mod start;
mod tampering;
