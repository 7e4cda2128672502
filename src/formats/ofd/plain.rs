//! XML of the plain kind that pages are: elements, attributes and text, and nothing behind which a character could hide.
//!
//! Pages are most of a document's XML, and nearly all of them lead nowhere; a tree of each would cost as much as all
//! digests. What is plain is well-formed; what is not plain may be so too, and is for the parser to say.

/// The most attributes of an element here.
const MAX_ATTRIBUTES: usize = 16;

/// The most prefixes that the root declares here.
const MAX_PREFIXES: usize = 8;

/// The most shapes of tags that are kept.
const MAX_SHAPES: usize = 16;

/// The declarations (XML 1.0, 2.8) that are known here.
const DECLARATIONS: [&str; 4] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
];

/// What stands in a file, in its order.
pub(super) enum Event<'e, 'a, T> {
    /// An element: what its tag is to whoever reads, and its attributes as they are written.
    Open(T, &'e [(&'a str, &'a str)]),
    /// Text as it is written: `&amp;`, `&lt;`, `&gt;`, `&quot;` and `&apos;` stand for themselves.
    Text(&'a str),
    Close,
}

/// Whoever reads on says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Stop,
}

/// Reads a file to its end. False where it is not plain, or where reading was stopped. What a tag is, by its local name and
/// the names of its attributes and nothing else, is kept with its shape.
pub(super) fn read<'a, T: Copy>(
    content: &'a [u8],
    what: impl Fn(&'a str, &[&'a str]) -> T,
    mut each: impl FnMut(Event<'_, 'a, T>) -> Go,
) -> bool {
    if content.len() > super::MAX_XML_BYTES {
        return false;
    }
    let Ok(text) = std::str::from_utf8(content) else {
        return false;
    };
    has_plain_characters(text) && elements(text, what, &mut each).is_some()
}

/// Whether every character is one of XML's, none is a tab or a carriage return, and every `&` begins an entity of XML's own.
fn has_plain_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_odd = |byte: &u8| *byte < b' ' && *byte != b'\n';
    // In pieces without an end in between, the compiler takes many at once.
    let odd = |piece: &[u8]| piece.iter().fold(false, |odd, byte| odd | is_odd(byte));
    // `]]>` ends CDATA, and stands nowhere else.
    let is_plain = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        let starts = |start: &&[u8]| rest.starts_with(start);
        match rest {
            [b']', ..] => !rest.starts_with(b"]]>"),
            _ => [&b"&amp;"[..], b"&lt;", b"&gt;", b"&quot;", b"&apos;"]
                .iter()
                .any(starts),
        }
    };
    !bytes.chunks(1024).any(odd)
        && memchr::memmem::find_iter(bytes, b"\xEF\xBF").all(|at| !matches!(bytes.get(at + 2), Some(0xBE | 0xBF)))
        && memchr::memchr2_iter(b'&', b']', bytes).all(is_plain)
}

fn elements<'a, T: Copy>(
    text: &'a str,
    what: impl Fn(&'a str, &[&'a str]) -> T,
    each: &mut impl FnMut(Event<'_, 'a, T>) -> Go,
) -> Option<()> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let known = DECLARATIONS.iter().find_map(|known| text.strip_prefix(known));
    let mut reader = Reader {
        text: known.unwrap_or(text),
        what,
        at: 0,
        attributes: Vec::with_capacity(MAX_ATTRIBUTES),
        prefixes: Vec::new(),
        shapes: Vec::with_capacity(MAX_SHAPES),
        last: 0,
    };
    reader.skip_blanks();
    let mut open: Vec<&str> = Vec::new();
    // Each is an element or its end, with a text before it perhaps.
    for _ in 0..super::MAX_XML_NODES / 2 {
        if reader.text.as_bytes().get(reader.at..)?.starts_with(b"</") {
            reader.at += 2;
            reader.take_all(open.pop()?)?;
            reader.skip_blanks();
            reader.take(b'>')?;
            go(each(Event::Close))?;
        } else {
            let tag = match reader.known_tag() {
                Some(known) => known,
                None => reader.tag(open.is_empty())?,
            };
            go(each(Event::Open(tag.what, &reader.attributes)))?;
            if tag.is_empty {
                go(each(Event::Close))?;
            } else if open.len() < super::MAX_XML_DEPTH {
                open.push(tag.name);
            } else {
                return None;
            }
        }
        if open.is_empty() {
            reader.skip_blanks();
            return (reader.at == reader.text.len()).then_some(());
        }
        if reader.next() != b'<' {
            go(each(Event::Text(reader.text()?)))?;
        }
    }
    None
}

fn go(go: Go) -> Option<()> {
    (go == Go::On).then_some(())
}

/// A tag that opens an element.
#[derive(Clone, Copy)]
struct Tag<'a, T> {
    /// As it is written.
    name: &'a str,
    what: T,
    is_empty: bool,
}

/// A tag without the values in it. Pages repeat a few: where the same bytes stand around values again, they mean the same, and
/// need not be looked at one by one.
struct Shape<'a, T> {
    tag: Tag<'a, T>,
    attributes: Vec<&'a str>,
    /// What stands before the first value, between two, and after the last.
    pieces: Vec<&'a str>,
    /// Which shape came after it the last time.
    next: usize,
}

/// A text up to where it was read.
struct Reader<'a, T, W> {
    text: &'a str,
    what: W,
    at: usize,
    /// Those of the last tag.
    attributes: Vec<(&'a str, &'a str)>,
    /// Those that the root declares.
    prefixes: Vec<&'a str>,
    shapes: Vec<Shape<'a, T>>,
    /// The shape of the last tag.
    last: usize,
}

impl<'a, T: Copy, W: Fn(&'a str, &[&'a str]) -> T> Reader<'a, T, W> {
    /// The next byte; 0, which no plain text has, after the end.
    fn next(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.next(), b' ' | b'\n') {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let is_next = self.next() == byte;
        self.at += 1;
        is_next.then_some(())
    }

    fn take_all(&mut self, expected: &str) -> Option<()> {
        let end = self.at + expected.len();
        let is_next = self.text.as_bytes().get(self.at..end) == Some(expected.as_bytes());
        self.at = end;
        is_next.then_some(())
    }

    /// What stands before the next tag.
    fn text(&mut self) -> Option<&'a str> {
        let rest = self.text.get(self.at..)?;
        let length = memchr::memchr(b'<', rest.as_bytes())?;
        self.at += length;
        rest.get(..length)
    }

    /// A tag of the shape that is expected here; stays where it is where it has another.
    fn known_tag(&mut self) -> Option<Tag<'a, T>> {
        let expected = self.shapes.get(self.last)?.next;
        let shape = self.shapes.get(expected)?;
        self.attributes.clear();
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        let mut names = shape.attributes.iter();
        for piece in &shape.pieces {
            let end = at + piece.len();
            if bytes.get(at..end)? != piece.as_bytes() {
                return None;
            }
            at = end;
            // A value follows, but after the last piece.
            if let Some(name) = names.next() {
                let value = value(self.text.get(at..)?, *piece.as_bytes().last()?)?;
                self.attributes.push((name, value));
                at += value.len();
            }
        }
        self.at = at;
        self.last = expected;
        Some(shape.tag)
    }

    /// A tag of any shape.
    fn tag(&mut self, is_root: bool) -> Option<Tag<'a, T>> {
        let mut cut = self.at;
        let mut pieces = Vec::new();
        self.attributes.clear();
        self.take(b'<')?;
        let (name, prefix, local) = self.name()?;
        while matches!(self.next(), b' ' | b'\n') {
            self.skip_blanks();
            if matches!(self.next(), b'>' | b'/') {
                break;
            }
            let (own, prefix, local) = self.name()?;
            self.take(b'=')?;
            let quote = self.next();
            self.at += 1;
            if !matches!(quote, b'"' | b'\'') || self.attributes.len() >= MAX_ATTRIBUTES {
                return None;
            }
            let value = value(self.text.get(self.at..)?, quote)?;
            match prefix {
                Some("xmlns") => self.declare(value, Some(local), is_root)?,
                Some(_) => return None,
                None if own == "xmlns" => self.declare(value, None, is_root)?,
                None => {}
            }
            if self.attributes.iter().any(|(known, _)| *known == own) {
                return None;
            }
            self.attributes.push((own, value));
            pieces.push(self.text.get(cut..self.at)?);
            cut = self.at + value.len();
            self.at = cut + 1;
        }
        let is_empty = self.next() == b'/';
        self.at += usize::from(is_empty);
        self.take(b'>')?;
        pieces.push(self.text.get(cut..self.at)?);
        if prefix.is_some_and(|prefix| !self.prefixes.contains(&prefix)) {
            return None;
        }
        let attributes: Vec<_> = self.attributes.iter().map(|(name, _)| *name).collect();
        let what = (self.what)(local, &attributes);
        let tag = Tag { name, what, is_empty };
        // The root's declares prefixes, and comes once.
        if !is_root {
            self.keep(Shape {
                tag,
                attributes,
                pieces,
                next: 0,
            });
        }
        Some(tag)
    }

    /// Expects a shape where it stood now.
    fn keep(&mut self, shape: Shape<'a, T>) {
        let known = self.shapes.iter().position(|known| known.pieces == shape.pieces);
        let place = known.unwrap_or(self.shapes.len());
        if known.is_none() && place < MAX_SHAPES {
            self.shapes.push(shape);
        }
        if place < self.shapes.len() {
            if let Some(before) = self.shapes.get_mut(self.last) {
                before.next = place;
            }
            self.last = place;
        }
    }

    /// A namespace, which only the root declares here, and none that XML itself has names for.
    fn declare(&mut self, value: &str, prefix: Option<&'a str>, is_root: bool) -> Option<()> {
        if !is_root || self.prefixes.len() >= MAX_PREFIXES || value.is_empty() || value.contains("www.w3.org") {
            return None;
        }
        if let Some(prefix) = prefix {
            if prefix.starts_with("xml") {
                return None;
            }
            self.prefixes.push(prefix);
        }
        Some(())
    }

    /// A name of ASCII, whole, its prefix if it has one, and without that.
    fn name(&mut self) -> Option<(&'a str, Option<&'a str>, &'a str)> {
        let start = self.at;
        let first = self.part_of_name()?;
        if self.next() != b':' {
            return Some((first, None, first));
        }
        self.at += 1;
        let local = self.part_of_name()?;
        let whole = self.text.get(start..self.at)?;
        (self.next() != b':').then_some((whole, Some(first), local))
    }

    fn part_of_name(&mut self) -> Option<&'a str> {
        let start = self.at;
        let begins = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        if !begins(self.next()) {
            return None;
        }
        while begins(self.next()) || matches!(self.next(), b'0'..=b'9' | b'-' | b'.') {
            self.at += 1;
        }
        self.text.get(start..self.at)
    }
}

/// The value at the start of a text, up to its quote, in which no blank stands for another.
fn value(text: &str, quote: u8) -> Option<&str> {
    // Eight bytes at a time: a byte is 0 where it was the one looked for, and the lowest such is marked rightly.
    let all = |byte: u8| u64::from_le_bytes([byte; 8]);
    let marks = |word: u64| word.wrapping_sub(all(1)) & !word & all(0x80);
    let bytes = text.as_bytes();
    let ends = [quote, b'<', b'\n'];
    let mut at = 0;
    while let Some(eight) = bytes.get(at..)?.first_chunk() {
        let word = u64::from_le_bytes(*eight);
        let found = ends.iter().fold(0, |found, end| found | marks(word ^ all(*end)));
        if found != 0 {
            at += usize::try_from(found.trailing_zeros() / 8).ok()?;
            break;
        }
        at += 8;
    }
    let end = at + bytes.get(at..)?.iter().position(|byte| ends.contains(byte))?;
    (bytes.get(end) == Some(&quote)).then(|| text.get(..end))?
}

/// Text as it is meant.
pub(super) fn meant(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // The ampersand last: what it gives is no entity.
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (entity, character)| {
        text.replace(entity, character)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is read, in the form in which the tree of the parser is written down too.
    fn seen(text: &str) -> Option<Vec<String>> {
        let mut seen = Vec::new();
        let what = |name, attributes: &[&str]| (name, attributes.len());
        read(text.as_bytes(), what, |event| {
            seen.push(match event {
                Event::Open((name, count), attributes) => {
                    assert_eq!(count, attributes.len());
                    let all = attributes
                        .iter()
                        .filter(|(name, _)| *name != "xmlns" && !name.starts_with("xmlns:"));
                    let all: String = all.map(|(name, value)| format!(" {name}={}", meant(value))).collect();
                    format!("<{name}{all}")
                }
                Event::Text(text) => meant(text),
                Event::Close => ">".to_owned(),
            });
            Go::On
        })
        .then_some(seen)
    }

    fn parsed(text: &str) -> Option<Vec<String>> {
        fn walk(node: roxmltree::Node<'_, '_>, seen: &mut Vec<String>) {
            if let Some(text) = node.text().filter(|_| node.is_text()) {
                seen.push(text.to_owned());
            } else if node.is_element() {
                let attributes = node.attributes();
                let all: String = attributes
                    .map(|attribute| format!(" {}={}", attribute.name(), attribute.value()))
                    .collect();
                seen.push(format!("<{}{all}", node.tag_name().name()));
                node.children().for_each(|child| walk(child, seen));
                seen.push(">".to_owned());
            }
        }
        let document = super::super::xml::parse("page", text.as_bytes()).ok()?;
        let mut seen = Vec::new();
        walk(document.root_element(), &mut seen);
        Some(seen)
    }

    /// With tags of the same shapes, next to each other and with others between.
    const PAGE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:Page xmlns:ofd=\"http://www.ofdspec.org/2016\">\
        <ofd:Layer ID='4'><ofd:TextObject ID=\"5\"  Size=\"8.1\"\n><ofd:TextCode X=\"0\">社会 &amp;amp; 保险</ofd:TextCode >\
        </ofd:TextObject><ofd:TextObject ID=\"6\"  Size=\"8.123456789\"\n><ofd:TextCode X=\"\">一</ofd:TextCode></ofd:TextObject>\
        <ofd:Path Fill=\"true\"/>\n<ofd:Path Fill=\"险false\"/><ofd:TextObject ID=\"7\"  Size=\"8\"\n><ofd:TextCode X=\"0]]\">\
        ]二</ofd:TextCode></ofd:TextObject><b/><b/></ofd:Layer></ofd:Page>\n";

    #[test]
    fn a_page_is_read_as_the_parser_reads_it() {
        assert!(seen(PAGE).is_some());
        assert_eq!(seen(PAGE), parsed(PAGE));
    }

    #[test]
    fn what_is_not_plain_is_left_to_the_parser() {
        for odd in [
            "",
            " ",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "<a><!-- --></a>",
            "<a><![CDATA[x]]></a>",
            "<a><?x y?></a>",
            "<!DOCTYPE a><a/>",
            "<a b=1/>",
            "<a b=\"1\" b=\"2\"/>",
            "<a b=\"1\"c=\"2\"/>",
            "<a b=\"<\"/>",
            "<a>&#65;</a>",
            "<a>&x;</a>",
            "<a>& </a>",
            "<a>]]></a>",
            "<a><b c=\"1\"/><b c=\"1<\"/></a>",
            "<a><b c=\"1\"/><b c=\"1\n\"/></a>",
            "<a><b c=\"1\"/><b c=\"1",
            "<a><b c=\"1\"/><b c=\"1\"",
            "<a><b c=\"1\"/><b c='1'/><b c='1\"/></a>",
            "<p:a/>",
            "<a p:b=\"1\"/>",
            "<a xml:space=\"preserve\"/>",
            "<a><b xmlns=\"x\"/></a>",
            "<a xmlns:p=\"\"/>",
            "<1a/>",
            "<a>\u{1}</a>",
            "<a>\u{FFFE}</a>",
            "<a>\r</a>",
            "<a b/>",
            "<a b=\"1\n2\"/>",
            "<a b=\"1\t2\"/>",
            "<a>\t</a>",
            "< a/>",
            "<a:b:c xmlns:a=\"x\"/>",
            "<a xmlnsx:b=\"x\"/>",
            "<?xml version=\"1.1\"?><a/>",
        ] {
            assert_eq!(seen(odd), None, "{odd}");
        }
        let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
        assert_eq!(seen(&deep), None);
        let long = |bytes: usize| seen(&format!("<a>{}</a>", "x".repeat(bytes))).is_some();
        assert!(long(1_000_000) && !long(super::super::MAX_XML_BYTES));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// Whatever is read here the parser reads likewise.
        #[test]
        fn what_is_plain_is_read_as_the_parser_reads_it(
            edits in prop::collection::vec((0..PAGE.len(), prop::sample::select(vec![
                "", "<", ">", "/", "\"", "'", "=", "&", "&amp;", ";", "a", "1", ":", " ", "\n", "<b>", "</b>", "<b/>", "xmlns", "]]>",
                "<!--", "-->", "xmlns:ofd=\"x\"", "ofd:", "\u{FFFF}", "\u{FEFF}", "\t", "\r",
            ]), 0..3_usize), 1..4),
        ) {
            let mut bytes = PAGE.as_bytes().to_vec();
            for (at, new, cut) in edits {
                let at = at.min(bytes.len());
                let end = (at + cut).min(bytes.len());
                bytes.splice(at..end, new.bytes());
            }
            if let Ok(text) = String::from_utf8(bytes)
                && let Some(seen) = seen(&text)
            {
                prop_assert_eq!(Some(seen), parsed(&text), "{}", text);
            }
        }
    }
}
