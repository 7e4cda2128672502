//! What reading one document may cost. Objects can overlap, and sections can share their parts: each costs again each
//! time it is read, so that a file's size bounds the time it takes.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{
    ReadError,
    lexer::Lexer,
    object::{MAX_VALUES, Object},
};

/// What all streams that are decoded to read a document may come to, in bytes.
pub const MAX_DECODED_BYTES: usize = 64 * 1024 * 1024;

/// What may be read in all to look at a document's structure, in bytes: each byte of the largest document and of all
/// that is decoded, once, and some to spare.
pub const MAX_READ_BYTES: usize = 128 * 1024 * 1024;

/// What may be read in all, in values.
pub const MAX_READ_VALUES: usize = 8_000_000;

/// What one document may cost whoever reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Its size, in bytes. Default 50 MB.
    pub document_bytes: usize,
    /// How long it is worked on. Default 2 s.
    pub time: Duration,
    /// What is kept of it in memory at a time, itself included, in bytes. Default 256 MB.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: super::MAX_DOCUMENT_BYTES,
            time: Duration::from_secs(2),
            memory_bytes: 256 * 1024 * 1024,
        }
    }
}

/// What is left of the limits.
pub struct Work {
    bytes: Cell<usize>,
    values: Cell<usize>,
    decoded: Cell<usize>,
    memory: Cell<usize>,
    end: Option<Instant>,
}

impl Work {
    /// Begins at a time, with a document of so many bytes in memory.
    pub fn new(limits: &Limits, started: Instant, document_bytes: usize) -> Self {
        Self {
            bytes: Cell::new(MAX_READ_BYTES),
            values: Cell::new(MAX_READ_VALUES),
            decoded: Cell::new(MAX_DECODED_BYTES),
            memory: Cell::new(limits.memory_bytes.saturating_sub(document_bytes)),
            end: started.checked_add(limits.time),
        }
    }

    /// Gives up once time is over.
    pub fn check_time(&self) -> Result<(), ReadError> {
        match self.end {
            Some(end) if Instant::now() >= end => Err(ReadError::Limit("time_ms")),
            _ => Ok(()),
        }
    }

    /// Enters bytes that were read.
    pub fn spend(&self, bytes: usize) -> Result<(), ReadError> {
        self.check_time()?;
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(ReadError::Limit("MAX_READ_BYTES"))
    }

    /// Enters memory that is kept until the end.
    pub fn keep(&self, bytes: usize) -> Result<(), ReadError> {
        let left = self.memory.get().checked_sub(bytes);
        self.memory.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(ReadError::Limit("memory_bytes"))
    }

    /// How many bytes may still be decoded.
    pub fn left_to_decode(&self) -> usize {
        self.decoded.get().min(self.memory.get())
    }

    /// Enters bytes that were decoded, be they of use or not.
    pub fn spend_decoded(&self, bytes: usize) {
        self.decoded.set(self.decoded.get().saturating_sub(bytes));
    }

    /// Reads the value that comes next. The bytes are entered by the caller, who knows where it began.
    pub fn object(&self, lexer: &mut Lexer<'_>) -> Result<Object, ReadError> {
        let allowed = self.values.get().min(MAX_VALUES);
        let mut left = allowed;
        let object = Object::read_within(lexer, &mut left);
        self.values.set(self.values.get().saturating_sub(allowed - left));
        if self.values.get() == 0 {
            return Err(ReadError::Limit("MAX_READ_VALUES"));
        }
        Ok(object?)
    }
}
