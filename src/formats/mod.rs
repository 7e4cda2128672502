//! Pure wire formats: bytes in, structs out; no I/O, no domain types.

pub mod checkpoint;
pub mod cms;
pub mod merkle;
pub mod pdf;
pub mod timestamp;
