//! What the tests share: a small county on a real node, clients over real TLS, and a provider that can misbehave. Tests
//! and benchmarks take it in by path, each the parts that it needs.
#![allow(dead_code, unused_imports)]

mod authority;
mod client;
mod county;
mod folder;
mod node;
mod people;
mod provider;
mod raw;
mod site;

pub use self::{
    authority::{Authority, Credential},
    client::{Answer, Client, send, try_send, with_json},
    county::*,
    folder::Folder,
    node::{Addresses, Node, NodeProcess},
    people::{Person, person, worker},
    provider::{Behaviour, Provider},
    raw::Connection,
    site::Site,
};
