//! XML as OFD needs it: no document type, so no entities of its own, and bounds on bytes, nodes and depth.

use std::collections::BTreeSet;

use roxmltree::{Document, Node, ParsingOptions};

use super::ReadError;

/// The largest XML file that is read, in bytes.
pub const MAX_XML_BYTES: usize = 16 * 1024 * 1024;

/// The most nodes of one XML file.
pub const MAX_XML_NODES: u32 = 500_000;

/// The deepest that elements may nest.
pub const MAX_XML_DEPTH: usize = 64;

/// The most attributes of one element; the parser compares each with all others.
pub const MAX_XML_ATTRIBUTES: usize = 256;

/// The most names of namespaces in one XML file; the parser compares each with all others.
pub const MAX_XML_NAMESPACES: usize = 16;

/// Parses one file of a package.
pub(super) fn parse<'a>(path: &str, bytes: &'a [u8]) -> Result<Document<'a>, ReadError> {
    let wrong = || ReadError::Xml(path.to_owned());
    if bytes.len() > MAX_XML_BYTES {
        return Err(ReadError::Limit("MAX_XML_BYTES"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| wrong())?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    check_tags(text)?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_XML_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => ReadError::Limit("MAX_XML_NODES"),
        _ => wrong(),
    })?;
    check_depth(&document)?;
    Ok(document)
}

/// The shortest that a tag with more than [`MAX_XML_ATTRIBUTES`] can be, in bytes: each is a blank, a name, `=` and two
/// quotes.
const LONG_TAG_BYTES: usize = 5 * MAX_XML_ATTRIBUTES;

/// Bounds what the parser compares with one another: the attributes of a tag, and all namespaces.
fn check_tags(text: &str) -> Result<(), ReadError> {
    let bytes = text.as_bytes();
    let mut start = 0;
    // Neither a tag nor an attribute's value has a second `<`.
    for end in memchr::memchr_iter(b'<', bytes).chain([bytes.len()]) {
        let tag = bytes.get(start..end).unwrap_or_default();
        start = end + 1;
        let is_tag = !tag.starts_with(b"!") && !tag.starts_with(b"?");
        if is_tag && tag.len() > LONG_TAG_BYTES && attributes(tag) > MAX_XML_ATTRIBUTES {
            return Err(ReadError::Limit("MAX_XML_ATTRIBUTES"));
        }
    }
    let mut namespaces = BTreeSet::new();
    for at in memchr::memmem::find_iter(bytes, b"xmlns") {
        let declaration = bytes.get(at..).unwrap_or_default();
        let end = memchr::memchr2(b'=', b'<', declaration).unwrap_or(declaration.len());
        namespaces.insert(declaration.get(..end).unwrap_or_default());
        if namespaces.len() > MAX_XML_NAMESPACES {
            return Err(ReadError::Limit("MAX_XML_NAMESPACES"));
        }
    }
    Ok(())
}

/// How many quoted values stand in a tag, before the `>` that ends it.
fn attributes(tag: &[u8]) -> usize {
    let (mut count, mut at) = (0, 0);
    while let Some(found) = tag.get(at..).and_then(|rest| memchr::memchr3(b'>', b'"', b'\'', rest)) {
        let quote = tag.get(at + found).copied().unwrap_or(b'>');
        let rest = tag.get(at + found + 1..).unwrap_or_default();
        let Some(end) = (quote != b'>').then(|| memchr::memchr(quote, rest)).flatten() else {
            break;
        };
        count += 1;
        at += found + end + 2;
    }
    count
}

fn check_depth(document: &Document<'_>) -> Result<(), ReadError> {
    // In the order of the document: each node stands in its parent, which is the last but some that are over.
    let mut open: Vec<Node<'_, '_>> = Vec::with_capacity(MAX_XML_DEPTH);
    for node in document.descendants() {
        while open.last().is_some_and(|last| Some(*last) != node.parent()) {
            open.pop();
        }
        if node.has_children() {
            open.push(node);
        }
        if open.len() > MAX_XML_DEPTH + 1 {
            return Err(ReadError::Limit("MAX_XML_DEPTH"));
        }
    }
    Ok(())
}

/// Goes by the local name: files use the namespace of OFD, a variant of it, or none.
pub(super) fn is(node: &Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

pub(super) fn children<'a, 'input: 'a>(
    node: Node<'a, 'input>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| is(child, name))
}

/// All text in an element, in order.
pub(super) fn text(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter(Node::is_text)
        .filter_map(|text| text.text())
        .collect::<String>()
        .trim()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_types_entities_and_depth_without_end_are_refused() {
        let laughs = r#"<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>"#;
        assert_eq!(
            parse("a", laughs.as_bytes()).err(),
            Some(ReadError::Xml("a".to_owned()))
        );
        let outside = r#"<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>"#;
        assert!(parse("a", outside.as_bytes()).is_err());
        let deep = format!("{}{}", "<a>".repeat(200_000), "</a>".repeat(200_000));
        assert_eq!(
            parse("a", deep.as_bytes()).err(),
            Some(ReadError::Limit("MAX_XML_DEPTH"))
        );
        let many: String = (0..1_000).map(|at| format!(" a{at}='>'")).collect();
        assert_eq!(
            parse("a", format!("<a{many}/>").as_bytes()).err(),
            Some(ReadError::Limit("MAX_XML_ATTRIBUTES"))
        );
        let wide = format!("<a>{}</a>", "<b/>".repeat(600_000));
        assert_eq!(
            parse("a", wide.as_bytes()).err(),
            Some(ReadError::Limit("MAX_XML_NODES"))
        );
        assert!(parse("a", b"\xEF\xBB\xBF<a x='>'><b/></a>").is_ok());
    }
}
