//! What a document says of itself: `CustomData` of its `DocInfo`, and the objects that a `CustomTag` names
//! (GB/T 33190 7.4, 16; e-certificates use the names of GB/T 36903).

use std::collections::BTreeMap;

use roxmltree::{Document, Node};

use super::{Package, Parts, ROOT, xml};

/// The most statements that are taken from a document.
pub const MAX_STATED: usize = 100;

/// The longest name or value of a statement, in characters.
pub const MAX_STATED_CHARS: usize = 500;

/// The most files that are read for them.
const MAX_TAG_FILES: usize = 50;

/// One statement of a document about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    pub name: String,
    pub value: String,
}

/// What the document says of itself, in its order, bounded.
pub fn stated(package: &Package, parts: &Parts) -> Vec<Stated> {
    let mut all = Vec::new();
    if let Some(root) = document(package, ROOT) {
        for data in root.descendants().filter(|node| xml::is(node, "CustomData")) {
            push(&mut all, data.attribute("Name").unwrap_or_default(), &xml::text(data));
        }
    }
    let mut objects = Objects {
        package,
        parts,
        pages: BTreeMap::new(),
    };
    for path in parts.tags.iter().take(MAX_TAG_FILES) {
        let Some(tags) = document(package, path) else { continue };
        // The list of tag files has none of its own.
        if tags.root_element().tag_name().name() == "CustomTags" {
            continue;
        }
        for tag in tags.root_element().descendants() {
            let mut references = xml::children(tag, "ObjectRef").peekable();
            if references.peek().is_some() {
                let value: String = references.map(|reference| objects.text(reference)).collect();
                push(&mut all, tag.tag_name().name(), &value);
            }
            if all.len() >= MAX_STATED {
                break;
            }
        }
    }
    all.truncate(MAX_STATED);
    all
}

fn document<'a>(package: &'a Package, path: &str) -> Option<Document<'a>> {
    package.file(path).and_then(|content| xml::parse(path, content).ok())
}

fn push(all: &mut Vec<Stated>, name: &str, value: &str) {
    let cut = |text: &str| text.trim().chars().take(MAX_STATED_CHARS).collect::<String>();
    let stated = Stated {
        name: cut(name),
        value: cut(value),
    };
    if !stated.name.is_empty() && !stated.value.is_empty() && !all.contains(&stated) {
        all.push(stated);
    }
}

/// The texts of pages' objects, by ID.
struct Objects<'a> {
    package: &'a Package,
    parts: &'a Parts,
    pages: BTreeMap<String, BTreeMap<String, String>>,
}

impl Objects<'_> {
    fn text(&mut self, reference: Node<'_, '_>) -> String {
        let page = reference.attribute("PageRef").unwrap_or_default();
        let id = xml::text(reference);
        if !self.pages.contains_key(page) {
            let path = self.parts.pages.iter().find(|(id, _)| id == page);
            let texts = path.and_then(|(_, path)| document(self.package, path));
            let texts = texts.as_ref().map(texts_of).unwrap_or_default();
            self.pages.insert(page.to_owned(), texts);
        }
        let texts = self.pages.get(page);
        texts.and_then(|texts| texts.get(&id)).cloned().unwrap_or_default()
    }
}

fn texts_of(page: &Document<'_>) -> BTreeMap<String, String> {
    let objects = page.descendants().filter(|node| xml::is(node, "TextObject"));
    objects
        .filter_map(|object| {
            let codes = object.descendants().filter(|node| xml::is(node, "TextCode"));
            Some((object.attribute("ID")?.to_owned(), codes.map(xml::text).collect()))
        })
        .collect()
}
