//! The revision that seals a document: a signature field with its appearance, and a certification signature that
//! permits no later change (ISO 32000-2 12.8, EN 319 142-1 for what stands in it).

use jiff::{Timestamp, tz::Offset};

use super::{
    ReadError,
    object::{Dictionary, Object, Reference},
    signatures::PROGRAM,
    update::{Prepared, Update, dictionary, text},
};

/// Room for the signature by default, in bytes of CMS.
pub const DEFAULT_CONTENTS_BYTES: usize = 16 * 1024;

/// What is sealed, and how it looks.
pub struct Seal<'a> {
    /// The page it stands on, from 0.
    pub page: usize,
    /// Left, bottom, right, top, in points from the page's lower left corner.
    pub rectangle: [f32; 4],
    pub appearance: Appearance<'a>,
    /// The field's name, unique in the document.
    pub field: &'a str,
    /// What a screen reader says of it.
    pub description: &'a str,
    /// Who seals (`/Name`).
    pub name: &'a str,
    pub reason: Option<&'a str>,
    pub location: Option<&'a str>,
    /// When it is sealed, as the dictionary claims it (`/M`).
    pub time: Timestamp,
    /// Room for the signature, in bytes of CMS: [`DEFAULT_CONTENTS_BYTES`] unless the chain is long.
    pub contents_bytes: usize,
}

/// The picture of the seal: a content stream in its own coordinates. It has one graphics state to use, `/Multiply gs`,
/// so that the paper's text stays readable under the ink; colours are DeviceRGB, as the document's output intent.
pub struct Appearance<'a> {
    pub content: &'a [u8],
    /// Left, bottom, right, top.
    pub bbox: [f32; 4],
}

/// Why a document cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("the document cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error("the document has no page {0}")]
    NoPage(usize),
    #[error("the document has a form or a signature already")]
    HasForm,
    #[error("the document has no form for the field of a timestamp")]
    NoForm,
    #[error("the document is not sound: another reader could see it differently")]
    Doubtful,
    #[error("the document is too large")]
    TooLarge,
    #[error("the signature takes {needed} bytes where {reserved} were reserved")]
    TooLong { needed: usize, reserved: usize },
}

/// Appends the one revision that seals a finished document.
pub fn prepare(pdf: &[u8], seal: &Seal<'_>) -> Result<Prepared, SealError> {
    let mut update = Update::of(pdf)?;
    let (root, mut catalog) = update.document().catalog()?;
    if catalog.get(b"AcroForm").is_some() || catalog.get(b"Perms").is_some() {
        return Err(SealError::HasForm);
    }
    let (signature, widget, form) = (update.reserve(), update.reserve(), update.reserve());
    let (page, page_dictionary) = page_with(&update, seal.page, widget)?;
    catalog.set(
        b"AcroForm",
        Object::Dictionary(dictionary([
            ("Fields", Object::Array(vec![Object::Reference(widget)])),
            ("SigFlags", Object::Integer(3)),
        ])),
    );
    catalog.set(
        b"Perms",
        Object::Dictionary(dictionary([("DocMDP", Object::Reference(signature))])),
    );
    update.put(root, &Object::Dictionary(catalog));
    update.put(page, &page_dictionary);
    let (entries, content) = appearance(&seal.appearance);
    update.put_stream(form, entries, content);
    update.put(widget, &widget_of(seal, page, signature, form));
    let room = update.put_signature(signature, &signature_of(seal), seal.contents_bytes);
    update.finish_around(room)
}

/// A page with one more annotation.
pub(super) fn page_with(
    update: &Update<'_>,
    number: usize,
    annotation: Reference,
) -> Result<(Reference, Object), SealError> {
    let document = update.document();
    let page = *document.pages()?.get(number).ok_or(SealError::NoPage(number))?;
    let Object::Dictionary(mut dictionary) = document.object(page)?.value else {
        return Err(SealError::NoPage(number));
    };
    let mut annotations = document.array(&dictionary, b"Annots")?;
    annotations.push(Object::Reference(annotation));
    dictionary.set(b"Annots", Object::Array(annotations));
    Ok((page, Object::Dictionary(dictionary)))
}

fn numbers(values: [f32; 4]) -> Object {
    Object::Array(
        values
            .iter()
            .map(|value| Object::Real(format!("{value:.2}").into_bytes()))
            .collect(),
    )
}

fn appearance<'a>(appearance: &Appearance<'a>) -> (Dictionary, &'a [u8]) {
    let multiply = dictionary([
        ("Type", Object::name_of("ExtGState")),
        ("BM", Object::name_of("Multiply")),
    ]);
    let states = dictionary([("Multiply", Object::Dictionary(multiply))]);
    let resources = dictionary([("ExtGState", Object::Dictionary(states))]);
    let entries = dictionary([
        ("Type", Object::name_of("XObject")),
        ("Subtype", Object::name_of("Form")),
        ("BBox", numbers(appearance.bbox)),
        ("Resources", Object::Dictionary(resources)),
    ]);
    (entries, appearance.content)
}

fn widget_of(seal: &Seal<'_>, page: Reference, signature: Reference, form: Reference) -> Object {
    Object::Dictionary(dictionary([
        ("Type", Object::name_of("Annot")),
        ("Subtype", Object::name_of("Widget")),
        ("FT", Object::name_of("Sig")),
        ("T", text(seal.field)),
        ("TU", text(seal.description)),
        ("Rect", numbers(seal.rectangle)),
        // Print and Locked: PDF/A asks for the first (ISO 19005-3 6.3.2), and nobody shall move a seal.
        ("F", Object::Integer(132)),
        ("P", Object::Reference(page)),
        ("V", Object::Reference(signature)),
        ("AP", Object::Dictionary(dictionary([("N", Object::Reference(form))]))),
    ]))
}

/// The signature dictionary without `/ByteRange` and `/Contents`.
fn signature_of(seal: &Seal<'_>) -> Object {
    let time = Offset::constant(8).to_datetime(seal.time);
    let time = format!("D:{}+08'00'", time.strftime("%Y%m%d%H%M%S"));
    let parameters = dictionary([
        ("Type", Object::name_of("TransformParams")),
        ("P", Object::Integer(1)),
        ("V", Object::name_of("1.2")),
    ]);
    let certification = dictionary([
        ("Type", Object::name_of("SigRef")),
        ("TransformMethod", Object::name_of("DocMDP")),
        ("TransformParams", Object::Dictionary(parameters)),
    ]);
    let mut entries = dictionary([
        ("Type", Object::name_of("Sig")),
        ("Filter", Object::name_of("Adobe.PPKLite")),
        ("SubFilter", Object::name_of("ETSI.CAdES.detached")),
        ("Name", text(seal.name)),
        ("M", text(&time)),
    ]);
    if let Some(reason) = seal.reason {
        entries.set(b"Reason", text(reason));
    }
    if let Some(location) = seal.location {
        entries.set(b"Location", text(location));
    }
    let certification = Object::Array(vec![Object::Dictionary(certification)]);
    entries.set(b"Reference", certification);
    let program = Object::Dictionary(dictionary([("Name", Object::name_of(PROGRAM))]));
    let build = dictionary([("App", program)]);
    entries.set(b"Prop_Build", Object::Dictionary(build));
    Object::Dictionary(entries)
}
