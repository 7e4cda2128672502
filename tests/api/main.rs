//! The API, over real TLS, of a real node.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../support/mod.rs"]
mod support;

mod audit_coverage;
mod authorization;
mod cases;
mod grants;
mod listeners;
mod problems;
mod query;
mod reports;
mod resources;
mod routes;
mod rules;
mod seal_keys;
mod timestamps;
mod token;
mod trust;
mod verify;
