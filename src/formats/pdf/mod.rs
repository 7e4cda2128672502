//! PDF (ISO 32000-2), over the bytes as stored: a strict reader, bounded in time, memory and recursion, and the one
//! revision that a seal appends.
//!
//! The reader repairs nothing. What it does not understand is a [`ReadError`] or, where reading can go on but another
//! reader might see something else, a [`Doubt`]; neither is ever a sound document.

mod content;
mod document;
mod dss;
mod filter;
mod fonts;
mod ground;
mod lexer;
mod long_term;
mod object;
mod seal;
mod signatures;
mod update;
mod view;
mod work;
mod xref;

pub use self::{
    content::{Area, Fonts, drawn, number, plain_text},
    document::{Document, Indirect},
    dss::{MAX_STORE_ITEMS, SecurityStore, StoreItem},
    ground::differ_in_ground_alone,
    long_term::{ValidationData, add_validation_data, key_of, prepare_timestamp},
    object::{Dictionary, Entry, MAX_DEPTH, MAX_VALUES, Object, Reference},
    seal::{Appearance, DEFAULT_CONTENTS_BYTES, Seal, SealError, prepare},
    signatures::{FieldLock, MAX_SIGNATURES, Permission, SignatureDictionary, byte_range_places, salvage, text_string},
    update::Prepared,
    view::{MAX_PAGES, View},
    work::{Limits, MAX_DECODED_BYTES, MAX_READ_BYTES, MAX_READ_VALUES, Work},
    xref::{End, Location, MAX_OBJECTS, MAX_REVISIONS, Revision},
};

/// The largest document that is read, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 50 * 1024 * 1024;

/// Bytes that are not what the syntax asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct SyntaxError {
    pub offset: usize,
    pub what: &'static str,
}

/// Why a document, or an object of it, is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("a stream does not decode")]
    Stream,
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    #[error("no `startxref` at the end")]
    NoStartXref,
    #[error("the cross-references go in a circle or forward")]
    XrefOrder,
    #[error("object {0} is missing")]
    Missing(u32),
    #[error("object {0} is not what its place asks for")]
    Kind(u32),
}

/// What two readers could take differently though this one could go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Doubt {
    /// Bytes before `%PDF-`.
    Header,
    /// The file does not end with `startxref`, a number, `%%EOF` and at most one end of line.
    End,
    /// Cross-reference tables with a stream beside them (ISO 32000-2 7.5.8.4).
    Hybrid,
    /// A section of the cross-references names an object twice, or has another place for it than the one beside it.
    EntryTwice,
    /// A revision whose cross-references name no object.
    Empty,
    /// A revision does not end with `startxref`, a number and `%%EOF`, or not before the next begins.
    RevisionEnd,
    Encrypted,
}
