//! OFD (GB/T 33190-2016), over the bytes as stored: the package, what it shows, and its signatures.
//!
//! Like the reader of PDF it repairs nothing: what it cannot read is a [`ReadError`], and what another reader could take
//! differently is a [`Doubt`]; with neither is a document sound.

mod metadata;
mod out;
mod package;
mod page;
mod parts;
mod path;
mod plain;
mod sealing;
mod signatures;
mod svg;
mod write;
mod xml;

pub use self::{
    metadata::{MAX_STATED, MAX_STATED_CHARS, Stated, stated},
    out::number,
    package::{MAX_ENTRIES, MAX_ENTRY_BYTES, MAX_PACKAGE_BYTES, MAX_RATIO, Package, is_package},
    page::{Color, Fill, NewPage, Object, Outline, Pencil, PlacedGlyph, PlacedImage, Shading, TextRun},
    parts::{MAX_PARTS, Part, Parts, parts},
    path::{MAX_PATH_BYTES, resolve},
    sealing::{NewStamp, Sealing, prepare},
    signatures::{
        CheckMethod, Listed, ListedKind, MAX_REFERENCES, MAX_SIGNATURES, MAX_STAMPS, ReferenceOfFile, SignatureFile,
        SignatureFileError, Signatures, Stamp, signature_file, signatures,
    },
    svg::{MAX_DRAWN_BYTES, MAX_SVG_BYTES, first_page},
    write::{ImageKind, NewDocument, NewFont, NewImage, WriteError, Written, pack},
    xml::{MAX_XML_BYTES, MAX_XML_DEPTH, MAX_XML_NODES},
};

/// The name of the file that everything starts from (GB/T 33190 7.4).
pub const ROOT: &str = "OFD.xml";

/// Why a package, or a file in it, is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("the ZIP package is broken: {0}")]
    Package(String),
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("`{0}` is not well-formed XML without a document type")]
    Xml(String),
}

/// What two readers could take differently though this one could go on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Two entries of one name.
    NameTwice,
    /// Two names that differ in case only.
    NameCase(String),
    /// A name that is no plain relative path.
    Name(String),
    /// The headers of entries contradict the directory, or lie over one another.
    Headers,
    /// An entry that does not decode to what its header says.
    Entry(String),
    /// A part that is shown and is not XML as it should be.
    Xml(String),
    /// A location that leads to no file: whoever adds the file changes what is shown.
    Missing(String),
}
