//! Yinxin 印信: a node for sharing government data, issuing e-certificates and proving who looked at what.
//!
//! The map, one line a module. Directions: `formats`, `ids`, `kept` and `clock` import nothing of ours; a domain module
//! imports those, and of its peers only what is named beside it; storage traits stand beside their consumers;
//! `server` and `cli` wire everything. `tests/architecture.rs` reads the `use crate::` lines and keeps this true.

// The lints against panics are for what runs in service; unit tests say more by panicking.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing))]

pub mod clock; // injected time
pub mod formats; // pure wire formats: bytes in, structs out
pub mod ids; // typed identifiers, check characters, pseudonyms
pub mod kept; // a small map that many threads read

pub mod audit; // append, sequence, prove, search
pub mod case; // service items and cases: the registry of purposes
pub mod catalogue; // shared resources, their sources, grants
pub mod certificate; // e-certificates: prepare, seal, deliver, revoke  (→ exchange, case, department, keys, audit)
pub mod department; // departments, systems, credentials, bound tokens
pub mod exchange; // one disclosure: decide, record, fetch, filter, release  (→ catalogue, policy, case, audit)
pub mod keys; // signing keys behind one trait
pub mod policy; // one question, one Decision  (→ catalogue, department, case)
pub mod verification; // any document in, one Report out  (→ certificate)

pub mod storage; // one Db: implements the traits that stand beside their consumers

pub mod api; // JSON handlers, extractors, problem documents
pub mod pages; // server-rendered HTML

pub mod cli; // one file a command
pub mod config; // one small struct a concern
pub mod server; // listeners, TLS, limits, shutdown, telemetry, wiring
