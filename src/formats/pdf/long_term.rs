//! The revisions that make a seal last: validation data (a document security store) and a document timestamp. Neither
//! changes the document, so both may follow a certification that permits no change (ISO 32000-2 12.8.2.2.2, EN 319
//! 142-1 5.4 and 5.5).

use super::{
    Document,
    object::{Dictionary, Object, Reference},
    seal::{SealError, page_with},
    update::{Prepared, Update, dictionary, text},
};

/// What a verifier needs that stands in no signature: DER, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidationData {
    pub certificates: Vec<Vec<u8>>,
    pub crls: Vec<Vec<u8>>,
    pub ocsp_responses: Vec<Vec<u8>>,
}

/// Appends a revision with a document security store that holds the data, all of them for each of the signatures, whose
/// `/Contents` are given whole, zeros at the end included.
pub fn add_validation_data(pdf: &[u8], data: &ValidationData, signatures: &[&[u8]]) -> Result<Vec<u8>, SealError> {
    let mut update = Update::of(pdf)?;
    let (root, mut catalog) = update.document().catalog()?;
    let mut store = dictionary([("Type", Object::name_of("DSS"))]);
    let mut related = dictionary([("Type", Object::name_of("VRI"))]);
    for (of_store, of_signature, values) in [
        ("Certs", "Cert", &data.certificates),
        ("CRLs", "CRL", &data.crls),
        ("OCSPs", "OCSP", &data.ocsp_responses),
    ] {
        if values.is_empty() {
            continue;
        }
        let mut references = Vec::with_capacity(values.len());
        for value in values {
            let reference = update.reserve();
            update.put_stream(reference, Dictionary::default(), value);
            references.push(Object::Reference(reference));
        }
        store.set(of_store.as_bytes(), Object::Array(references.clone()));
        related.set(of_signature.as_bytes(), Object::Array(references));
    }
    let related_to = update.reserve();
    update.put(related_to, &Object::Dictionary(related));
    let mut by_signature = Dictionary::default();
    for contents in signatures {
        by_signature.set(key_of(contents).as_bytes(), Object::Reference(related_to));
    }
    store.set(b"VRI", Object::Dictionary(by_signature));
    let place = update.reserve();
    update.put(place, &Object::Dictionary(store));
    catalog.set(b"DSS", Object::Reference(place));
    update.put(root, &Object::Dictionary(catalog));
    update.finish()
}

/// The name of a signature in a document security store: SHA-1 of its whole `/Contents`, in capital digits (ISO 32000-2
/// 12.8.4.4). It finds, it does not protect.
pub fn key_of(contents: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, contents);
    data_encoding::HEXUPPER.encode(digest.as_ref())
}

/// Appends a revision with a document timestamp over everything before it: what is missing is its token.
///
/// Its field has a widget without extent on the first page (ISO 32000-2 12.7.5.5).
pub fn prepare_timestamp(pdf: &[u8], field: &str, contents_bytes: usize) -> Result<Prepared, SealError> {
    let mut update = Update::of(pdf)?;
    let (root, mut catalog) = update.document().catalog()?;
    let (signature, widget) = (update.reserve(), update.reserve());
    let (place, mut form) = form_of(update.document(), &catalog)?;
    let mut fields = update.document().array(&form, b"Fields")?;
    fields.push(Object::Reference(widget));
    form.set(b"Fields", Object::Array(fields));
    match place {
        Some(place) => update.put(place, &Object::Dictionary(form)),
        None => {
            catalog.set(b"AcroForm", Object::Dictionary(form));
            update.put(root, &Object::Dictionary(catalog));
        }
    }
    let (page, page_dictionary) = page_with(&update, 0, widget)?;
    update.put(page, &page_dictionary);
    let nowhere = Object::Array([0, 0, 0, 0].map(Object::Integer).to_vec());
    let widget_entries = dictionary([
        ("Type", Object::name_of("Annot")),
        ("Subtype", Object::name_of("Widget")),
        ("FT", Object::name_of("Sig")),
        ("T", text(field)),
        ("Rect", nowhere),
        // Print and Locked, as the seal's.
        ("F", Object::Integer(132)),
        ("P", Object::Reference(page)),
        ("V", Object::Reference(signature)),
    ]);
    update.put(widget, &Object::Dictionary(widget_entries));
    let entries = dictionary([
        ("Type", Object::name_of("DocTimeStamp")),
        ("Filter", Object::name_of("Adobe.PPKLite")),
        ("SubFilter", Object::name_of("ETSI.RFC3161")),
    ]);
    let room = update.put_signature(signature, &Object::Dictionary(entries), contents_bytes);
    update.finish_around(room)
}

/// The form, and its place where it is an object of its own.
fn form_of(document: &Document<'_>, catalog: &Dictionary) -> Result<(Option<Reference>, Dictionary), SealError> {
    let entry = catalog.get(b"AcroForm").ok_or(SealError::NoForm)?;
    let form = document.dictionary(catalog, b"AcroForm")?.ok_or(SealError::NoForm)?;
    Ok((entry.as_reference(), form))
}
