//! The API, over real TLS, of a real node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod grants;
mod query;
mod resources;
mod token;
mod verify;
