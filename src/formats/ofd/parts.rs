//! What a document shows: every file that can be reached from `OFD.xml`, the signatures apart.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    ops::Deref,
};

use roxmltree::{Document, Node};

use super::{
    Doubt, Package, ROOT, ReadError,
    plain::{self, Event, Go},
    resolve, xml,
};

/// The most files that are followed.
pub const MAX_PARTS: usize = super::MAX_ENTRIES;

/// The most nodes and texts of all files that are kept as they were read, for whoever looks at them again.
const MAX_KEPT_NODES: usize = 200_000;

/// The longest text that is taken for a location, in bytes.
const MAX_LOCATION_BYTES: usize = super::MAX_PATH_BYTES;

/// What a file is for, by the way that leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `OFD.xml`, `Document.xml`: what leads to everything else.
    Document,
    Page,
    Template,
    Resource,
    Annotation,
    Attachment,
    /// `CustomTags`: what the parts of the document mean.
    Tag,
    /// `Extensions`, `Versions` and whatever else is led to.
    Other,
}

/// The files that can be reached, each with what it is for first.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    pub reached: BTreeMap<String, Part>,
    /// Each page by its ID, in order.
    pub pages: Vec<(String, String)>,
    pub tags: Vec<String>,
    /// Each list of signatures that a document names.
    pub signature_lists: Vec<String>,
    pub documents: usize,
    pub doubts: BTreeSet<Doubt>,
    parsed: BTreeMap<String, Document<'a>>,
    /// Of pages that lead nowhere: each text by the ID of its object, as it is written.
    texts: BTreeMap<String, Vec<(&'a str, &'a str)>>,
}

/// A file as it was parsed.
pub(super) enum Parsed<'p, 'a> {
    Kept(&'p Document<'a>),
    Anew(Document<'a>),
}

impl<'a> Deref for Parsed<'_, 'a> {
    type Target = Document<'a>;

    fn deref(&self) -> &Document<'a> {
        match self {
            Self::Kept(document) => document,
            Self::Anew(document) => document,
        }
    }
}

impl<'a> Parts<'a> {
    /// The texts of a page, each by the ID of its object, as they are written; none where the page has to be looked at.
    pub(super) fn texts(&self, path: &str) -> Option<impl Iterator<Item = (&'a str, &'a str)>> {
        Some(self.texts.get(path)?.iter().copied())
    }

    /// A file that is XML.
    pub(super) fn document(&self, package: &'a Package, path: &str) -> Option<Parsed<'_, 'a>> {
        match self.parsed.get(path) {
            Some(document) => Some(Parsed::Kept(document)),
            None => xml::parse(path, package.file(path)?).ok().map(Parsed::Anew),
        }
    }
}

/// Whether an element or attribute (beside `BaseLoc`) holds a location (ST_Loc) by GB/T 33190.
fn holds_location(name: &str) -> bool {
    matches!(
        name,
        "DocRoot"
            | "PublicRes"
            | "DocumentRes"
            | "PageRes"
            | "Annotations"
            | "Attachments"
            | "CustomTags"
            | "Extensions"
            | "FileLoc"
            | "MediaFile"
            | "FontFile"
            | "SchemaLoc"
            | "ExtendData"
    )
}

/// Follows every location from `OFD.xml` on. It follows too much rather than too little: any text or attribute that
/// is the path of a file counts, as readers differ in what they load.
pub fn parts(package: &Package) -> Result<Parts<'_>, ReadError> {
    let mut parts = Parts::default();
    let mut room = MAX_KEPT_NODES;
    let names = Names::new(package);
    if !package.has(ROOT) {
        return Err(ReadError::Missing(ROOT.to_owned()));
    }
    let mut queue = VecDeque::from([ROOT.to_owned()]);
    parts.reached.insert(ROOT.to_owned(), Part::Document);
    while let Some(path) = queue.pop_front() {
        package.check_time()?;
        let Some(content) = package.file(&path) else { continue };
        let kind = parts.reached.get(&path).copied().unwrap_or(Part::Other);
        if !is_xml(&path, content) {
            continue;
        }
        // The root leads to everything, and to signatures that are not there.
        let nowhere = (path != ROOT).then(|| leads_nowhere(content, &names)).flatten();
        if let Some(texts) = nowhere {
            if kind == Part::Page
                && let Some(left) = room.checked_sub(texts.len())
            {
                room = left;
                parts.texts.insert(path, texts);
            }
            continue;
        }
        let document = match xml::parse(&path, content) {
            Ok(document) => document,
            Err(error @ ReadError::Limit(_)) => return Err(error),
            Err(error) if path == ROOT => return Err(error),
            Err(_) => {
                parts.doubts.insert(Doubt::Xml(path));
                continue;
            }
        };
        let mut found = Found {
            package,
            names: &names,
            path: &path,
            base: document.root_element().attribute("BaseLoc").map(str::to_owned),
            parts: &mut parts,
            queue: &mut queue,
        };
        let mut nodes = 0_usize;
        for node in document.root_element().descendants() {
            found.follow_node(node, kind);
            nodes += 1;
        }
        if let Some(left) = room.checked_sub(nodes) {
            room = left;
            parts.parsed.insert(path, document);
        }
        if parts.reached.len() > MAX_PARTS {
            return Err(ReadError::Limit("MAX_PARTS"));
        }
    }
    Ok(parts)
}

/// How long a text object is, about.
const OBJECT_BYTES: usize = 512;

/// What a tag is where texts are looked for.
#[derive(Clone, Copy)]
struct Tag {
    is_object: bool,
    is_code: bool,
    /// Which attribute is its ID.
    id: Option<usize>,
    /// It leads somewhere, or should.
    leads: bool,
}

impl Tag {
    fn new(name: &str, attributes: &[&str]) -> Self {
        let leads = |name: &str| name == "BaseLoc" || holds_location(name);
        Self {
            is_object: name == "TextObject",
            is_code: name == "TextCode",
            id: attributes.iter().position(|name| *name == "ID"),
            leads: leads(name) || attributes.iter().any(|name| leads(name)),
        }
    }
}

/// The texts of the text objects of a file, each by the ID of its object, as they are written, in their order. None
/// where the file is not plain, or where something in it can be the path of a file or should be.
fn leads_nowhere<'a>(content: &'a [u8], names: &Names<'_>) -> Option<Vec<(&'a str, &'a str)>> {
    if !names.are_plain {
        return None;
    }
    let mut texts = Vec::with_capacity(content.len() / OBJECT_BYTES);
    let mut depth = 0_usize;
    // The text object that is open and how deep it stands, and whether its text is.
    let mut object: Option<(usize, &str)> = None;
    let mut in_code = false;
    let read = plain::read(content, Tag::new, |event| {
        let odd = match event {
            // What stands in a text, or one object in another, is the tree's to tell.
            Event::Open(tag, _) if in_code || tag.leads || (tag.is_object && object.is_some()) => true,
            Event::Open(tag, attributes) => {
                depth += 1;
                in_code = tag.is_code;
                let mut is_written = false;
                if tag.is_object {
                    let id = tag.id.and_then(|place| attributes.get(place));
                    let id = id.map_or("", |(_, id)| id);
                    // An ID is compared as it is meant.
                    is_written = id.contains('&');
                    object = Some((depth, id));
                }
                is_written || attributes.iter().any(|(_, value)| names.may_end(value))
            }
            Event::Text(text) => {
                if let (true, Some((_, id))) = (in_code, object) {
                    texts.push((id, text));
                }
                names.may_end(text)
            }
            Event::Close => {
                in_code = false;
                object = object.filter(|(own, _)| *own != depth);
                depth = depth.saturating_sub(1);
                false
            }
        };
        if odd { Go::Stop } else { Go::On }
    });
    read.then_some(texts)
}

/// The last parts of all paths: what ends otherwise leads to no file.
struct Names<'a> {
    all: HashSet<&'a str>,
    /// None of them is written otherwise in XML, where entities stand for characters and blanks for each other.
    are_plain: bool,
    /// Whether one ends with a byte.
    ends: [bool; 256],
}

impl<'a> Names<'a> {
    fn new(package: &'a Package) -> Self {
        let all: HashSet<&str> = package.paths().filter_map(|path| path.rsplit('/').next()).collect();
        let mut ends = [false; 256];
        // What ends so takes more than a look.
        let special = [b'/', b'.'];
        for byte in all.iter().filter_map(|name| name.bytes().last()).chain(special) {
            if let Some(end) = ends.get_mut(usize::from(byte)) {
                *end = true;
            }
        }
        let is_odd = |c: char| c.is_whitespace() || matches!(c, '&' | '<' | '>' | '"' | '\'');
        let are_plain = !all.iter().any(|name| name.contains(is_odd));
        Self { all, are_plain, ends }
    }

    /// Whether a location may lead to a file.
    fn may_end(&self, location: &str) -> bool {
        let ends = |byte: u8| self.ends.get(usize::from(byte)).copied().unwrap_or_default();
        // A character that is no blank ends most: that one look is enough.
        if let Some(last) = location.bytes().last()
            && last.is_ascii_graphic()
            && !ends(last)
        {
            return false;
        }
        let location = location.trim();
        if !location.bytes().last().is_some_and(ends) {
            return false;
        }
        let last = location.rsplit('/').next().unwrap_or_default();
        matches!(last, "" | "." | "..") || self.all.contains(last)
    }
}

fn is_xml(path: &str, content: &[u8]) -> bool {
    let content = content.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(content);
    let ends = path.len().checked_sub(4).and_then(|at| path.get(at..));
    ends.is_some_and(|end| end.eq_ignore_ascii_case(".xml")) || content.trim_ascii_start().starts_with(b"<?xml")
}

struct Found<'a, 'p> {
    package: &'a Package,
    names: &'a Names<'a>,
    path: &'a str,
    /// The folder of a resource file's media (GB/T 33190 7.9).
    base: Option<String>,
    parts: &'a mut Parts<'p>,
    queue: &'a mut VecDeque<String>,
}

impl Found<'_, '_> {
    fn follow_node(&mut self, node: Node<'_, '_>, inherited: Part) {
        let (element, text, attributes) = if node.is_element() {
            (node, None, true)
        } else if let (true, Some(parent)) = (node.is_text(), node.parent_element()) {
            (parent, node.text(), false)
        } else {
            return;
        };
        let name = element.tag_name().name();
        let within = |name: &'static str| element.ancestors().any(|ancestor| xml::is(&ancestor, name));
        let in_root = self.path == ROOT;
        if in_root && text.is_some() && name == "DocRoot" {
            self.parts.documents += 1;
        }
        if in_root && name == "Signatures" {
            if let Some(list) = text.and_then(|text| resolve(self.path, text))
                && !self.parts.signature_lists.contains(&list)
            {
                self.parts.signature_lists.push(list);
            }
            return;
        }
        let kind = match name {
            "DocRoot" if in_root => Part::Document,
            _ if in_root => Part::Other,
            "PageRes" | "PublicRes" | "DocumentRes" => Part::Resource,
            "Annotations" => Part::Annotation,
            "Attachments" => Part::Attachment,
            "CustomTags" => Part::Tag,
            "Extensions" => Part::Other,
            "TemplatePage" => Part::Template,
            "Page" if inherited == Part::Document && within("Pages") => Part::Page,
            _ if inherited == Part::Document => Part::Other,
            _ => inherited,
        };
        let page = (kind == Part::Page && name == "Page")
            .then(|| element.attribute("ID"))
            .flatten();
        if attributes {
            for attribute in element.attributes() {
                let required = attribute.name() == "BaseLoc" && name != "Res";
                self.follow(
                    attribute.value(),
                    kind,
                    required || holds_location(attribute.name()),
                    page,
                );
            }
        } else if let Some(text) = text {
            self.follow(text, kind, holds_location(name), None);
        }
    }

    fn follow(&mut self, location: &str, kind: Part, required: bool, page: Option<&str>) {
        if location.len() > MAX_LOCATION_BYTES || location.trim().is_empty() {
            return;
        }
        if !required && !self.names.may_end(location) {
            return;
        }
        let based = self.base.as_ref().map(|base| format!("{base}/{location}"));
        let ways = [
            resolve(self.path, location),
            based.and_then(|based| resolve(self.path, &based)),
            resolve(ROOT, location),
        ];
        let mut reached = false;
        for path in ways.into_iter().flatten() {
            if !self.package.has(&path) {
                continue;
            }
            if let (false, Some(id)) = (reached, page) {
                self.parts.pages.push((id.to_owned(), path.clone()));
            }
            if !reached && kind == Part::Tag {
                self.parts.tags.push(path.clone());
            }
            reached = true;
            if !self.parts.reached.contains_key(&path) {
                self.parts.reached.insert(path.clone(), kind);
                self.queue.push_back(path);
            }
        }
        if required && !reached {
            let location = location.trim().chars().take(100).collect();
            self.parts.doubts.insert(Doubt::Missing(location));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::formats::ofd::pack;

    /// A package with one page, and another file.
    fn package(page: &str, other: &str) -> Package {
        let root = "<OFD><DocBody><DocRoot>Document.xml</DocRoot></DocBody></OFD>";
        let document = "<Document><Pages><Page ID=\"1\" BaseLoc=\"Page.xml\"/></Pages></Document>";
        let files = [
            (ROOT, root),
            ("Document.xml", document),
            ("Page.xml", page),
            (other, "data"),
        ];
        let files = files.map(|(path, content)| (path.to_owned(), content.as_bytes().to_vec()));
        Package::read(&pack(&files).unwrap()).unwrap()
    }

    fn reaches(page: &str, other: &str) -> bool {
        let package = package(page, other);
        let parts = parts(&package).unwrap();
        assert!(parts.reached.contains_key("Page.xml"));
        parts.reached.contains_key(other)
    }

    #[test]
    fn a_location_in_a_page_is_followed_however_it_is_written() {
        for page in [
            "<Page><Image>picture.png</Image></Page>",
            "<Page><Image> ./picture.png\n</Image></Page>",
            "<Page><Image Any=\"/picture.png\"/></Page>",
            "<Page><Image Any='a/../picture.png'/></Page>",
            "<Page><Image>&#112;icture.png</Image></Page>",
            "<Page><Image><![CDATA[pict]]>ure.png</Image></Page>",
            "<Page><Image Any=\"\tpicture.png\"/></Page>",
            "<Page><Group><TextObject ID=\"1\"><TextCode>picture.png</TextCode></TextObject></Group></Page>",
        ] {
            assert!(reaches(page, "picture.png"), "{page}");
        }
        assert!(!reaches("<Page><!-- picture.png --></Page>", "picture.png"));
        assert!(!reaches("<Page><Image>picture.jpg</Image></Page>", "picture.png"));
        // Names that XML writes otherwise than they are.
        assert!(reaches("<Page><Image>a&amp;b</Image></Page>", "a&b"));
        assert!(reaches("<Page><Image>a&#32;b</Image></Page>", "a b"));
        assert!(reaches("<Page><Image Any=\"a\nb\"/></Page>", "a b"));
    }

    #[test]
    fn a_page_that_leads_nowhere_keeps_its_texts_and_one_that_is_no_xml_is_doubted() {
        let of = |page: &str| {
            let package = package(page, "other");
            let parts = parts(&package).unwrap();
            let texts = parts.texts("Page.xml").map(|texts| {
                texts
                    .map(|(object, text)| format!("{object}:{text}"))
                    .collect::<Vec<_>>()
            });
            (texts, parts.doubts.contains(&Doubt::Xml("Page.xml".to_owned())))
        };
        let objects = "<Page><TextObject ID=\"5\"><TextCode X=\"0\">一</TextCode><TextCode>二</TextCode></TextObject>\
            <TextCode>outside</TextCode><TextObject ID=\"6\"><TextCode/></TextObject></Page>";
        assert_eq!(of(objects), (Some(vec!["5:一".to_owned(), "5:二".to_owned()]), false));
        // Tags known again by their shape.
        let object = |id: &str| format!("<TextObject ID=\"{id}\"><TextCode>n</TextCode></TextObject>");
        let page = |last: &str| {
            format!(
                "<Page>{}{}{}{}</Page>",
                object("1"),
                object("2"),
                object("3"),
                object(last)
            )
        };
        let all = ["1:n", "2:n", "3:n", "4:n"].map(str::to_owned).to_vec();
        assert_eq!(of(&page("4")), (Some(all), false));
        assert_eq!(of(&page("a&amp;b")), (None, false));
        assert_eq!(of("<Page><PageRes>missing.xml</PageRes></Page>"), (None, false));
        let attributes = "<Page><Any FileLoc=\"missing\"/><Any FileLoc=\"gone\"/></Page>";
        assert_eq!(of(attributes), (None, false));
        let package = package(attributes, "other");
        let missing = ["missing", "gone"].map(|name| Doubt::Missing(name.to_owned()));
        assert_eq!(parts(&package).unwrap().doubts, BTreeSet::from(missing));
        assert_eq!(of("<Page><TextObject ID=\"a&amp;b\"/></Page>"), (None, false));
        assert_eq!(of("<Page><Page></Page>"), (None, true));
    }
}
