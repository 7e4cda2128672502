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
        let mut value = String::new();
        for (page, object) in &tag.objects {
            let of_page = shown.get(page.as_str());
            if let Some(text) = of_page.and_then(|of_page| of_page.get(object.as_str())) {
                add(&mut value, text);
            }
        }
        push(&mut all, &tag.name, &value);
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

/// The texts of the objects that are tagged, by the IDs of their pages and their own. Of several objects of one ID, all.
fn shown<'a, 't>(
    package: &'a Package,
    parts: &Parts<'a>,
    tagged: &'t [Tagged],
) -> BTreeMap<&'t str, BTreeMap<&'t str, String>> {
    let mut shown: BTreeMap<&str, BTreeMap<&str, String>> = BTreeMap::new();
    for (page, object) in tagged.iter().flat_map(|tag| &tag.objects) {
        shown.entry(page).or_default().entry(object).or_default();
    }
    let mut seen = BTreeSet::new();
    for (id, path) in &parts.pages {
        // The first page of an ID counts.
        let Some(wanted) = shown.get_mut(id.as_str()).filter(|_| seen.insert(id)) else {
            continue;
        };
        match parts.texts(path) {
            Some(texts) => {
                for (object, text) in texts {
                    if let Some(whole) = wanted.get_mut(object) {
                        add(whole, &plain::meant(beginning(text)));
                    }
                }
            }
            None => texts(package, parts, path, |object, text| {
                if let Some(whole) = wanted.get_mut(object) {
                    add(whole, text);
                }
            }),
        }
    }
    shown
}

/// As much of a text as is written as can become a value: no character takes more than `&quot;`.
fn beginning(text: &str) -> &str {
    let text = text.trim();
    let end = text.char_indices().nth(MAX_STATED_CHARS * "&quot;".len());
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Adds to a value, until it is as long as one can be.
fn add(value: &mut String, text: &str) {
    let room = MAX_STATED_CHARS.saturating_sub(value.chars().count());
    value.extend(text.chars().take(room));
}

/// The texts of text objects of a page, each with the ID of its object.
fn texts<'a>(package: &'a Package, parts: &Parts<'a>, path: &str, mut each: impl FnMut(&str, &str)) {
    let Some(page) = parts.document(package, path) else {
        return;
    };
    for object in page.descendants().filter(|node| xml::is(node, "TextObject")) {
        let id = object.attribute("ID").unwrap_or_default();
        for code in object.descendants().filter(|node| xml::is(node, "TextCode")) {
            each(id, &xml::text(code));
        }
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::formats::ofd::{pack, parts};

    fn package(page: &str, tag: &str) -> Package {
        let root = "<OFD><DocBody><DocRoot>Document.xml</DocRoot></DocBody></OFD>";
        let document =
            "<Document><Pages><Page ID=\"1\" BaseLoc=\"Page.xml\"/></Pages><CustomTags>Tag.xml</CustomTags></Document>";
        let files = [
            (ROOT, root),
            ("Document.xml", document),
            ("Page.xml", page),
            ("Tag.xml", tag),
        ];
        let files = files.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()));
        Package::read(&pack(&files).unwrap()).unwrap()
    }

    #[test]
    fn a_value_is_what_its_objects_show_whether_a_page_is_plain_or_not() {
        let tag = "<T><x><ObjectRef PageRef=\"1\">5</ObjectRef><ObjectRef PageRef=\"1\">6</ObjectRef>\
            <ObjectRef PageRef=\"2\">5</ObjectRef></x></T>";
        for odd in ["", "<!-- not plain -->"] {
            let page = format!(
                "<Page>{odd}<TextObject ID=\"5\"><TextCode> 一 </TextCode><TextCode>&amp;</TextCode></TextObject>\
                 <TextObject ID=\"6\"><TextCode>二</TextCode></TextObject><TextObject ID=\"7\"><TextCode>三</TextCode></TextObject></Page>"
            );
            let package = package(&page, tag);
            let parts = parts(&package).unwrap();
            let [only] = &stated(&package, &parts)[..] else {
                panic!()
            };
            assert_eq!((only.name.as_str(), only.value.as_str()), ("x", "一&二"));
        }
    }

    #[test]
    fn a_long_text_that_is_named_a_thousand_times_is_not_put_together_a_thousand_times() {
        let references = "<ObjectRef PageRef=\"1\">1</ObjectRef>".repeat(1_000);
        for odd in ["", "<!-- not plain -->"] {
            // Nothing to unpack: MAX_RATIO is not what bounds it.
            let text: String = (0..200_000).map(|at| format!("{at:x}")).collect();
            let page = format!("<Page>{odd}<TextObject ID=\"1\"><TextCode>{text}</TextCode></TextObject></Page>");
            let package = package(&page, &format!("<T><x>{references}</x></T>"));
            let parts = parts(&package).unwrap();
            let tagged = tagged(&package, &parts);
            assert_eq!(tagged[0].objects.len(), 1_000);
            // What is kept of each object is as long as a value at most, and so is what is put together.
            assert_eq!(shown(&package, &parts, &tagged)["1"]["1"].len(), MAX_STATED_CHARS);
            let mut value = "x".to_owned();
            add(&mut value, &text);
            add(&mut value, &text);
            assert_eq!(value.len(), MAX_STATED_CHARS);
        }
    }
}
