//! Pure wire formats: bytes in, structs out; no I/O, no domain types.

pub mod checkpoint;
pub mod cms;
pub mod crl;
pub mod der;
pub mod merkle;
pub mod ocsp;
pub mod ofd;
pub mod pdf;
pub mod ses;
pub mod timestamp;
pub mod trust_list;
pub mod x509;
