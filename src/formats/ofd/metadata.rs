//! What a document says of itself: `CustomData` of its `DocInfo`, and the objects that a `CustomTag` names
//! (GB/T 33190 7.4, 16; e-certificates use the names of GB/T 36903).

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Node;

use super::{Package, Parts, ROOT, plain, xml};

/// The most statements that are taken from a document.
pub const MAX_STATED: usize = 100;

/// The longest name or value of a statement, in characters.
pub const MAX_STATED_CHARS: usize = 500;

/// The most files that are read for them.
const MAX_TAG_FILES: usize = 50;

/// The most objects that show one value.
const MAX_TAG_OBJECTS: usize = 1_000;

/// One statement of a document about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    pub name: String,
    pub value: String,
}

/// What the document says of itself, in its order, bounded.
pub fn stated<'a>(package: &'a Package, parts: &Parts<'a>) -> Vec<Stated> {
    let mut all = Vec::new();
    if let Some(root) = parts.document(package, ROOT) {
        for data in root.descendants().filter(|node| xml::is(node, "CustomData")) {
            push(&mut all, data.attribute("Name").unwrap_or_default(), &xml::text(data));
        }
    }
    let tagged = tagged(package, parts);
    let shown = shown(package, parts, &tagged);
    for tag in &tagged {
        let texts = tag.objects.iter().filter_map(|object| shown.get(object));
        push(&mut all, &tag.name, &texts.map(String::as_str).collect::<String>());
    }
    all.truncate(MAX_STATED);
    all
}

/// A name, and the objects that show its value, each by the IDs of its page and its own.
struct Tagged {
    name: String,
    objects: Vec<(String, String)>,
}

fn tagged<'a>(package: &'a Package, parts: &Parts<'a>) -> Vec<Tagged> {
    let mut all = Vec::new();
    for path in parts.tags.iter().take(MAX_TAG_FILES) {
        let Some(tags) = parts.document(package, path) else {
            continue;
        };
        // The list of tag files has none of its own.
        if tags.root_element().tag_name().name() == "CustomTags" {
            continue;
        }
        for tag in tags.root_element().descendants() {
            if all.len() >= MAX_STATED {
                return all;
            }
            let object = |reference: Node<'_, '_>| {
                let page = reference.attribute("PageRef").unwrap_or_default();
                (page.to_owned(), xml::text(reference))
            };
            let objects: Vec<_> = xml::children(tag, "ObjectRef")
                .take(MAX_TAG_OBJECTS)
                .map(object)
                .collect();
            if !objects.is_empty() {
                let name = tag.tag_name().name().to_owned();
                all.push(Tagged { name, objects });
            }
        }
    }
    all
}

/// The texts of the objects that are tagged.
fn shown<'a>(package: &'a Package, parts: &Parts<'a>, tagged: &[Tagged]) -> BTreeMap<(String, String), String> {
    let wanted: BTreeSet<_> = tagged.iter().flat_map(|tag| &tag.objects).collect();
    let pages: BTreeSet<_> = wanted.iter().map(|(page, _)| page.as_str()).collect();
    let mut shown = BTreeMap::new();
    for id in pages {
        let own: BTreeSet<&str> = wanted
            .iter()
            .filter(|(page, _)| page == id)
            .map(|(_, object)| object.as_str())
            .collect();
        let Some((_, path)) = parts.pages.iter().find(|(own, _)| own == id) else {
            continue;
        };
        let texts: Vec<_> = match parts.texts(path) {
            Some(texts) => texts
                .filter(|(object, _)| own.contains(object))
                .map(|(object, text)| (object.to_owned(), plain::meant(text).trim().to_owned()))
                .collect(),
            None => texts(package, parts, path, &own),
        };
        for (object, text) in texts {
            let whole: &mut String = shown.entry((id.to_owned(), object)).or_default();
            whole.push_str(&text);
        }
    }
    shown
}

/// The texts of text objects of a page, each by the ID of its object.
fn texts<'a>(package: &'a Package, parts: &Parts<'a>, path: &str, wanted: &BTreeSet<&str>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some(page) = parts.document(package, path) else {
        return found;
    };
    for object in page.descendants().filter(|node| xml::is(node, "TextObject")) {
        let id = object.attribute("ID").unwrap_or_default();
        if wanted.contains(id) {
            let codes = object.descendants().filter(|node| xml::is(node, "TextCode"));
            found.extend(codes.map(|code| (id.to_owned(), xml::text(code))));
        }
    }
    found
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
