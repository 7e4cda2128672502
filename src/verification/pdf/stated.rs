//! What a PDF says of itself: the metadata of GB/T 36903 in the data that are attached to it, as our own certificates have
//! them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    certificate::ATTACHMENT,
    formats::{
        ofd::{MAX_STATED, MAX_STATED_CHARS},
        pdf::{Object, View, text_string},
    },
    verification::Statement,
};

/// The largest attachment that is looked at, in bytes.
const MAX_ATTACHMENT_BYTES: usize = 4 * 1024 * 1024;

/// The most attachments among which it is looked for.
const MAX_ATTACHMENTS: usize = 100;

#[derive(Deserialize)]
struct Data {
    metadata: BTreeMap<String, String>,
}

/// What the document says of itself, bounded; nothing where it has no such data.
pub(super) fn stated(view: View<'_, '_>) -> Vec<Statement> {
    let Some(data) = attached(view) else { return Vec::new() };
    let cut = |text: &str| text.trim().chars().take(MAX_STATED_CHARS).collect::<String>();
    let statements = data.metadata.iter().map(|(name, value)| Statement {
        name: cut(name),
        value: cut(value),
    });
    statements
        .filter(|said| !said.name.is_empty() && !said.value.is_empty())
        .take(MAX_STATED)
        .collect()
}

fn attached(view: View<'_, '_>) -> Option<Data> {
    let (_, catalog) = view.catalog().ok()?;
    let files = view.array(&catalog, b"AF").ok()?;
    files.iter().take(MAX_ATTACHMENTS).find_map(|file| {
        let Object::Dictionary(file) = view.resolve(file).ok()? else {
            return None;
        };
        let name = file.get(b"UF").or(file.get(b"F")).and_then(Object::as_string)?;
        if text_string(name) != ATTACHMENT {
            return None;
        }
        let stream = view.dictionary(&file, b"EF").ok()??.reference(b"F")?;
        let content = view.decoded(&view.object(stream).ok()?).ok()?;
        let content = (content.len() <= MAX_ATTACHMENT_BYTES).then_some(content)?;
        serde_json::from_slice(&content).ok()
    })
}
