//! Sealed formats, from our own API to the judgement of others' tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod algorithms;
mod archive;
mod attacks;
mod bounds;
mod command;
mod costs;
mod county;
mod fuzz_seeds;
mod hostile;
mod issuing;
mod judges;
mod levels;
mod mutations;
mod ofd;
mod pdfa;
mod pki;
mod proofs;
mod sample;
mod sealing;
mod signers;
mod timestamps;
