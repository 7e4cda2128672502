//! What the codes of a font stand for (ISO 32000-2 9.6, 9.7, 9.10), as far as it can be told without drawing it.

use std::collections::HashMap;

use super::{
    ReadError, View,
    content::each,
    document::Indirect,
    object::{Dictionary, Object},
    work::Work,
};

/// The most letters that one code stands for.
const MAX_LETTERS_BYTES: usize = 32;

/// How the names of fonts begin that have pictures for letters, and that readers have or put others in place of.
const SYMBOLS: [&[u8]; 6] = [
    b"Symbol",
    b"ZapfDingbats",
    b"Dingbats",
    b"Wingdings",
    b"Webdings",
    b"MT Extra",
];

/// Predefined CMaps whose codes are UTF-16 (ISO 32000-2 9.7.5.2), and the collection of characters that each is for.
const UNICODE: [(&[u8], &[u8]); 4] = [
    (b"UniGB", b"GB1"),
    (b"UniCNS", b"CNS1"),
    (b"UniJIS", b"Japan1"),
    (b"UniKS", b"Korea1"),
];

fn is_of_symbols(name: &[u8]) -> bool {
    SYMBOLS.iter().any(|symbols| {
        let begin = name.get(..symbols.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(symbols))
    })
}

/// How the bytes of a string become letters.
pub enum Codes {
    /// A byte a letter, of Latin-1, but for those that are something else.
    Latin {
        others: Vec<u8>,
    },
    Utf16,
    Mapped(HashMap<u16, String>),
}

impl Codes {
    /// Of the standard fonts.
    pub(super) const PLAIN: Self = Self::Latin { others: Vec::new() };

    /// What a font's codes stand for; none where that cannot be told. A font that came after the signature may draw
    /// anything: it must bring neither glyphs nor names of its own. One that was signed is believed.
    pub(super) fn of(view: View<'_, '_>, font: &Dictionary, is_signed: bool) -> Result<Option<Self>, ReadError> {
        if font.name(b"Subtype") == Some(b"Type0") {
            return Self::of_composite(view, font, is_signed);
        }
        if is_signed {
            return Ok(Some(Self::PLAIN));
        }
        let is_plain = matches!(font.name(b"Subtype"), Some(b"Type1" | b"TrueType" | b"MMType1"))
            && !font.name(b"BaseFont").is_some_and(is_of_symbols)
            && !has_glyphs(view, font)?;
        if !is_plain {
            return Ok(None);
        }
        let encoding = font
            .get(b"Encoding")
            .map(|encoding| view.resolve(encoding))
            .transpose()?;
        let (base, differences) = match &encoding {
            None => (None, Vec::new()),
            Some(Object::Name(name)) => (Some(name.clone()), Vec::new()),
            Some(Object::Dictionary(encoding)) => (
                encoding.name(b"BaseEncoding").map(<[u8]>::to_vec),
                view.array(encoding, b"Differences")?,
            ),
            Some(_) => return Ok(None),
        };
        let mut others = Vec::new();
        match base.as_deref() {
            Some(b"WinAnsiEncoding") => {}
            None | Some(b"StandardEncoding" | b"MacRomanEncoding") => {
                others.extend(128..=u8::MAX);
            }
            Some(_) => return Ok(None),
        }
        let mut code = 0;
        for item in &differences {
            match item {
                Object::Integer(first) => match usize::try_from(*first) {
                    Ok(first) => code = first,
                    Err(_) => return Ok(None),
                },
                Object::Name(_) => {
                    others.extend(u8::try_from(code).ok().filter(|code| !others.contains(code)));
                    code = code.saturating_add(1);
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(Self::Latin { others }))
    }

    fn of_composite(view: View<'_, '_>, font: &Dictionary, is_signed: bool) -> Result<Option<Self>, ReadError> {
        let descendants = view.array(font, b"DescendantFonts")?;
        let [descendant] = descendants.as_slice() else {
            return Ok(None);
        };
        let Object::Dictionary(descendant) = view.resolve(descendant)? else {
            return Ok(None);
        };
        match font.get(b"Encoding") {
            Some(Object::Name(name)) if name == b"Identity-H" && is_signed => {
                let Some(map) = font.reference(b"ToUnicode") else {
                    return Ok(None);
                };
                Ok(to_unicode(view, &view.object(map)?)?.map(Self::Mapped))
            }
            Some(Object::Name(name)) => {
                let collection = view.dictionary(&descendant, b"CIDSystemInfo")?.unwrap_or_default();
                let ordering = collection.get(b"Ordering").and_then(Object::as_string);
                let is_unicode = UNICODE.iter().any(|(prefix, of)| {
                    let rest = name.strip_prefix(*prefix);
                    matches!(rest, Some(b"-UCS2-H" | b"-UTF16-H")) && ordering == Some(of)
                });
                let draws_its_own = has_glyphs(view, &descendant)?;
                Ok((is_unicode && (is_signed || !draws_its_own)).then_some(Self::Utf16))
            }
            _ => Ok(None),
        }
    }

    /// The letters of a string; none where a code stands for none that is known.
    pub(super) fn letters(&self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Latin { others } => {
                let known = !bytes.iter().any(|byte| others.contains(byte));
                known.then(|| bytes.iter().map(|byte| char::from(*byte)).collect())
            }
            Self::Utf16 => char::decode_utf16(units(bytes)?).collect::<Result<_, _>>().ok(),
            Self::Mapped(map) => units(bytes)?.into_iter().map(|code| map.get(&code).cloned()).collect(),
        }
    }
}

/// Codes of two bytes.
fn units(bytes: &[u8]) -> Option<Vec<u16>> {
    let (pairs, []) = bytes.as_chunks::<2>() else {
        return None;
    };
    Some(pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect())
}

/// Whether a font brings glyphs of its own.
fn has_glyphs(view: View<'_, '_>, font: &Dictionary) -> Result<bool, ReadError> {
    let descriptor = view.dictionary(font, b"FontDescriptor")?.unwrap_or_default();
    let files: [&[u8]; 3] = [b"FontFile", b"FontFile2", b"FontFile3"];
    Ok(files.iter().any(|file| descriptor.get(file).is_some()))
}

/// A `/ToUnicode` CMap (ISO 32000-2 9.10.3) of codes of two bytes; none where it is of another kind.
fn to_unicode(view: View<'_, '_>, stream: &Indirect) -> Result<Option<HashMap<u16, String>>, ReadError> {
    let mut map = HashMap::new();
    let mut sound = true;
    let work = view.document().work();
    each(&view.decoded(stream)?, work, |operator, operands| {
        sound &= match operator {
            b"endcodespacerange" => operands
                .iter()
                .all(|end| end.as_string().is_some_and(|end| end.len() == 2)),
            b"endbfchar" => chars(&mut map, operands).is_some(),
            b"endbfrange" => ranges(&mut map, operands, work)?.is_some(),
            b"usecmap" => false,
            _ => true,
        };
        Ok(())
    })?;
    Ok(sound.then_some(map))
}

fn code(object: &Object) -> Option<u16> {
    <[u8; 2]>::try_from(object.as_string()?).ok().map(u16::from_be_bytes)
}

fn target(object: &Object) -> Option<Vec<u16>> {
    let bytes = object
        .as_string()
        .filter(|bytes| (2..=MAX_LETTERS_BYTES).contains(&bytes.len()))?;
    units(bytes)
}

/// Enters what a code stands for; of two, none is known.
fn enter(map: &mut HashMap<u16, String>, code: u16, letters: &[u16]) -> Option<()> {
    let letters = String::from_utf16(letters).ok()?;
    let known = map.insert(code, letters.clone());
    known.is_none_or(|known| known == letters).then_some(())
}

fn chars(map: &mut HashMap<u16, String>, operands: &[Object]) -> Option<()> {
    let (pairs, []) = operands.as_chunks::<2>() else {
        return None;
    };
    pairs
        .iter()
        .try_for_each(|[from, to]| enter(map, code(from)?, &target(to)?))
}

/// One range may hold all codes, and each costs again.
fn ranges(map: &mut HashMap<u16, String>, operands: &[Object], work: &Work) -> Result<Option<()>, ReadError> {
    let (triples, []) = operands.as_chunks::<3>() else {
        return Ok(None);
    };
    for [first, last, to] in triples {
        work.check_time()?;
        if range(map, first, last, to).is_none() {
            return Ok(None);
        }
    }
    Ok(Some(()))
}

fn range(map: &mut HashMap<u16, String>, first: &Object, last: &Object, to: &Object) -> Option<()> {
    let codes = code(first)?..=code(last)?;
    match to {
        Object::Array(each) if each.len() == codes.len() => codes
            .zip(each)
            .try_for_each(|(code, to)| enter(map, code, &target(to)?)),
        Object::String(_) => {
            let mut letters = target(to)?;
            for code in codes {
                enter(map, code, &letters)?;
                let last = letters.last_mut()?;
                *last = last.wrapping_add(1);
            }
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{super::Limits, *};

    fn string(bytes: &[u8]) -> Object {
        Object::String(bytes.to_vec())
    }

    #[test]
    fn codes_stand_for_what_the_map_says_or_for_nothing() {
        let mut map = HashMap::new();
        chars(&mut map, &[string(&[0, 1]), string(&[0x5F, 0x20])]).unwrap();
        let enter = |map: &mut _, [first, last, to]: [Object; 3]| range(map, &first, &last, &to);
        enter(&mut map, [string(&[0, 2]), string(&[0, 4]), string(&[0x4E, 0x00])]).unwrap();
        let listed = Object::Array(vec![string(&[0x4E, 0x09]), string(&[0, b'f', 0, b'i'])]);
        enter(&mut map, [string(&[0, 5]), string(&[0, 6]), listed]).unwrap();
        let codes = Codes::Mapped(map.clone());
        assert_eq!(codes.letters(&[0, 1, 0, 3, 0, 5, 0, 6]).as_deref(), Some("张丁三fi"));
        assert_eq!(codes.letters(&[0, 7]), None);
        assert_eq!(codes.letters(&[0, 1, 0]), None);
        for wrong in [
            [string(&[1]), string(&[0, b'a'])],
            [string(&[0, 9]), string(&[])],
            [string(&[0, 9]), string(&[0xD8, 0x00])],
            // The same code again, for something else.
            [string(&[0, 1]), string(&[0, b'a'])],
        ] {
            assert_eq!(chars(&mut map.clone(), &wrong), None, "{wrong:?}");
        }
        let too_few = Object::Array(vec![string(&[0, b'a'])]);
        assert_eq!(enter(&mut map, [string(&[0, 8]), string(&[0, 9]), too_few]), None);
        assert_eq!(
            Codes::Utf16
                .letters(
                    "张三"
                        .encode_utf16()
                        .flat_map(u16::to_be_bytes)
                        .collect::<Vec<_>>()
                        .as_slice()
                )
                .as_deref(),
            Some("张三")
        );
        assert_eq!(Codes::Utf16.letters(&[0xD8, 0x00]), None);
    }

    #[test]
    fn ranges_end_when_time_is_over() {
        let over = Limits {
            time: Duration::ZERO,
            ..Limits::default()
        };
        let work = Work::new(&over, Instant::now(), 0);
        let all = [string(&[0, 0]), string(&[0xD7, 0xFF]), string(&[0, 0])];
        let entered = ranges(&mut HashMap::new(), &all, &work);
        assert!(matches!(entered, Err(ReadError::Limit("time_ms"))), "{entered:?}");
    }
}
