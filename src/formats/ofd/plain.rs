//! XML of the plain kind that pages are: elements, attributes and text, and nothing behind which a character could hide.
//!
//! Pages are most of a document's XML, and nearly all of them lead nowhere; a tree of each would cost as much as all
//! digests. What is plain is well-formed; what is not plain may be so too, and is for the parser to say.

/// The most attributes of an element here.
const MAX_ATTRIBUTES: usize = 16;

/// The most prefixes that the root declares here.
const MAX_PREFIXES: usize = 8;

/// The declarations (XML 1.0, 2.8) that are known here.
const DECLARATIONS: [&str; 4] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>",
];

/// What stands in a file, in its order.
pub(super) enum Event<'e, 'a> {
    /// An element by its local name, with its attributes as they are written.
    Open(&'a str, &'e [(&'a str, &'a str)]),
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

/// Reads a file to its end. False where it is not plain, or where reading was stopped.
pub(super) fn read<'a>(content: &'a [u8], mut each: impl FnMut(Event<'_, 'a>) -> Go) -> bool {
    if content.len() > super::MAX_XML_BYTES {
        return false;
    }
    let Ok(text) = std::str::from_utf8(content) else {
        return false;
    };
    has_plain_characters(text) && elements(text, &mut each).is_some()
}

/// Whether every character is one of XML's, none is a tab or a carriage return, and every `&` begins an entity of XML's own.
fn has_plain_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_odd = |byte: &u8| *byte < b' ' && *byte != b'\n';
    // In pieces without an end in between, the compiler takes many at once.
    let odd = |piece: &[u8]| piece.iter().fold(false, |odd, byte| odd | is_odd(byte));
    let is_entity = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        [&b"&amp;"[..], b"&lt;", b"&gt;", b"&quot;", b"&apos;"]
            .iter()
            .any(|entity| rest.starts_with(entity))
    };
    !bytes.chunks(1024).any(odd)
        && memchr::memmem::find(bytes, b"]]>").is_none()
        && memchr::memmem::find_iter(bytes, b"\xEF\xBF").all(|at| !matches!(bytes.get(at + 2), Some(0xBE | 0xBF)))
        && memchr::memchr_iter(b'&', bytes).all(is_entity)
}

fn elements<'a>(text: &'a str, each: &mut impl FnMut(Event<'_, 'a>) -> Go) -> Option<()> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let known = DECLARATIONS.iter().find_map(|known| text.strip_prefix(known));
    let mut rest = skip_blanks(known.unwrap_or(text));
    let mut prefixes: Vec<&str> = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut attributes: Vec<(&str, &str)> = Vec::with_capacity(MAX_ATTRIBUTES);
    // Each is an element or its end, with a text before it perhaps.
    for _ in 0..super::MAX_XML_NODES / 2 {
        rest = after(rest, b'<')?;
        if let Some(end) = after(rest, b'/') {
            rest = after(skip_blanks(end.strip_prefix(open.pop()?)?), b'>')?;
            go(each(Event::Close))?;
        } else {
            let (name, colon, mut tag) = name(rest)?;
            attributes.clear();
            let empty = loop {
                let next = skip_blanks(tag);
                if let Some(end) = after(next, b'>') {
                    tag = end;
                    break false;
                }
                if let Some(end) = after(next, b'/').and_then(|end| after(end, b'>')) {
                    tag = end;
                    break true;
                }
                if next.len() == tag.len() || attributes.len() >= MAX_ATTRIBUTES {
                    return None;
                }
                let (own, colon, value, end) = attribute(next)?;
                tag = end;
                match colon.and_then(|at| Some((own.get(..at)?, own.get(at + 1..)?))) {
                    Some(("xmlns", prefix)) => declare(value, Some(prefix), open.is_empty(), &mut prefixes)?,
                    Some(_) => return None,
                    None if own == "xmlns" => declare(value, None, open.is_empty(), &mut prefixes)?,
                    None => {}
                }
                if attributes.iter().any(|(known, _)| *known == own) {
                    return None;
                }
                attributes.push((own, value));
            };
            let local = match colon.and_then(|at| Some((name.get(..at)?, name.get(at + 1..)?))) {
                Some((prefix, local)) if prefixes.contains(&prefix) => local,
                Some(_) => return None,
                None => name,
            };
            rest = tag;
            go(each(Event::Open(local, &attributes)))?;
            if empty {
                go(each(Event::Close))?;
            } else if open.len() < super::MAX_XML_DEPTH {
                open.push(name);
            } else {
                return None;
            }
        }
        if open.is_empty() {
            return skip_blanks(rest).is_empty().then_some(());
        }
        if !rest.starts_with('<') {
            let (before, after) = rest.split_at_checked(memchr::memchr(b'<', rest.as_bytes())?)?;
            go(each(Event::Text(before)))?;
            rest = after;
        }
    }
    None
}

/// A namespace, which only the root declares here, and none that XML itself has names for.
fn declare<'a>(value: &str, prefix: Option<&'a str>, is_root: bool, prefixes: &mut Vec<&'a str>) -> Option<()> {
    if !is_root || prefixes.len() >= MAX_PREFIXES || value.is_empty() || value.contains("www.w3.org") {
        return None;
    }
    if let Some(prefix) = prefix {
        if prefix.starts_with("xml") {
            return None;
        }
        prefixes.push(prefix);
    }
    Some(())
}

fn go(go: Go) -> Option<()> {
    (go == Go::On).then_some(())
}

fn skip_blanks(mut text: &str) -> &str {
    while let Some(b' ' | b'\n') = text.as_bytes().first() {
        text = text.get(1..).unwrap_or_default();
    }
    text
}

/// What follows a character of ASCII.
fn after(text: &str, character: u8) -> Option<&str> {
    match text.as_bytes().first() {
        Some(first) if *first == character => text.get(1..),
        _ => None,
    }
}

/// What a byte can be of a name of ASCII.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InName {
    No,
    /// A letter or `_`.
    Begins,
    /// A digit, `-` or `.`.
    Follows,
    Colon,
}

const fn in_name(byte: u8) -> InName {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'_' => InName::Begins,
        b'0'..=b'9' | b'-' | b'.' => InName::Follows,
        b':' => InName::Colon,
        _ => InName::No,
    }
}

/// A name of ASCII, where its colon is if it has one, and what follows it.
fn name(text: &str) -> Option<(&str, Option<usize>, &str)> {
    let (mut begins, mut colon) = (true, None);
    for (at, byte) in text.bytes().enumerate() {
        match in_name(byte) {
            InName::Begins => begins = false,
            _ if begins => return None,
            InName::Follows => {}
            InName::Colon if colon.is_none() => (begins, colon) = (true, Some(at)),
            InName::Colon => return None,
            InName::No => {
                let (name, rest) = text.split_at_checked(at)?;
                return Some((name, colon, rest));
            }
        }
    }
    None
}

/// As many bytes are looked at one by one: most values are shorter, and begin no search for many bytes at once.
const SHORT_VALUE: usize = 24;

/// A name, where its colon is, a value in quotes in which no blank stands for another, and what follows.
fn attribute(text: &str) -> Option<(&str, Option<usize>, &str, &str)> {
    let (name, colon, rest) = name(text)?;
    let rest = after(rest, b'=')?;
    let quote = *rest.as_bytes().first()?;
    let rest = rest.get(1..).filter(|_| matches!(quote, b'"' | b'\''))?;
    let ends = |byte: u8| byte == quote || byte == b'<' || byte == b'\n';
    let end = match rest.bytes().take(SHORT_VALUE).position(ends) {
        Some(end) => end,
        None => memchr::memchr3(quote, b'<', b'\n', rest.as_bytes())?,
    };
    let (value, rest) = rest.split_at_checked(end)?;
    Some((name, colon, value, after(rest, quote)?))
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
        read(text.as_bytes(), |event| {
            seen.push(match event {
                Event::Open(name, attributes) => {
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

    const PAGE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:Page xmlns:ofd=\"http://www.ofdspec.org/2016\">\
        <ofd:Layer ID='4'><ofd:TextObject ID=\"5\"  Size=\"8.1\"\n><ofd:TextCode X=\"0\">社会 &amp;amp; 保险</ofd:TextCode >\
        </ofd:TextObject><ofd:Path Fill=\"true\"/>\n</ofd:Layer></ofd:Page>\n";

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
