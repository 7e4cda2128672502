//! What reading one document may cost. Objects can overlap, and sections can share their parts: each costs again each
//! time it is read, so that a file's size bounds the time it takes.

use std::cell::Cell;

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

/// What is left of the limits.
pub struct Work {
    bytes: Cell<usize>,
    values: Cell<usize>,
    decoded: Cell<usize>,
}

impl Work {
    pub fn new() -> Self {
        Self {
            bytes: Cell::new(MAX_READ_BYTES),
            values: Cell::new(MAX_READ_VALUES),
            decoded: Cell::new(MAX_DECODED_BYTES),
        }
    }

    /// Enters bytes that were read.
    pub fn spend(&self, bytes: usize) -> Result<(), ReadError> {
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(ReadError::Limit("MAX_READ_BYTES"))
    }

    /// How many bytes may still be decoded.
    pub fn left_to_decode(&self) -> usize {
        self.decoded.get()
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
