//! Writes PDFs byte by byte, and knows nothing of the product's own writer.

use std::collections::BTreeMap;

/// Where an object stands in the section that is being written.
#[derive(Clone, Copy)]
pub enum Entry {
    At(usize, u16),
    Free(u16),
}

/// One section of a file: its objects, and then their cross-references.
pub struct Writer {
    pub bytes: Vec<u8>,
    pub entries: BTreeMap<u32, Entry>,
    pub size: u32,
    /// Where the section before this one has its cross-references.
    pub previous: Option<usize>,
    /// What the trailer says beside `/Size` and `/Prev`.
    pub trailer: String,
}

pub const TRAILER: &str = "/Root 1 0 R /Info 13 0 R \
    /ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]";

impl Writer {
    pub fn new() -> Self {
        Self {
            bytes: b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec(),
            entries: BTreeMap::from([(0, Entry::Free(u16::MAX))]),
            size: 0,
            previous: None,
            trailer: TRAILER.to_owned(),
        }
    }

    /// Goes on after the end of a file, as a later revision of it.
    pub fn update(file: &[u8]) -> Self {
        Self {
            bytes: file.to_vec(),
            entries: BTreeMap::new(),
            size: number_after(file, b"/Size "),
            previous: Some(start_xref(file)),
            trailer: TRAILER.to_owned(),
        }
    }

    pub fn object(&mut self, number: u32, value: &str) -> &mut Self {
        self.generation(number, 0, value)
    }

    pub fn generation(&mut self, number: u32, generation: u16, value: &str) -> &mut Self {
        self.entries.insert(number, Entry::At(self.bytes.len(), generation));
        self.raw(&format!("{number} {generation} obj\n{value}\nendobj\n"))
    }

    pub fn stream(&mut self, number: u32, entries: &str, data: &str) -> &mut Self {
        self.object(number, &stream(entries, data))
    }

    pub fn free(&mut self, number: u32) -> &mut Self {
        self.entries.insert(number, Entry::Free(1));
        self
    }

    /// Bytes that the cross-references do not name.
    pub fn raw(&mut self, text: &str) -> &mut Self {
        self.bytes.extend_from_slice(text.as_bytes());
        self
    }

    pub fn trailer(&mut self, text: &str) -> &mut Self {
        self.trailer = text.to_owned();
        self
    }

    pub fn size(&self) -> u32 {
        let highest = self.entries.keys().next_back().map_or(0, |number| number + 1);
        self.size.max(highest)
    }

    fn dictionary(&self) -> String {
        let previous = self.previous.map(|at| format!(" /Prev {at}")).unwrap_or_default();
        format!("/Size {} {}{previous}", self.size(), self.trailer)
    }

    /// Ends the section with a table.
    pub fn finish(&mut self) -> Vec<u8> {
        let at = self.bytes.len();
        let table = self.table();
        let dictionary = self.dictionary();
        self.raw(&format!("{table}trailer\n<< {dictionary} >>\n"));
        self.raw(&format!("startxref\n{at}\n%%EOF\n"));
        self.bytes.clone()
    }

    pub fn table(&self) -> String {
        let mut table = "xref\n".to_owned();
        for (number, entry) in &self.entries {
            table.push_str(&match entry {
                Entry::At(at, generation) => format!("{number} 1\n{at:010} {generation:05} n \n"),
                Entry::Free(generation) => format!("{number} 1\n0000000000 {generation:05} f \n"),
            });
        }
        table
    }

    /// Ends the section with a cross-reference stream, which is object `number`.
    pub fn finish_as_stream(&mut self, number: u32) -> Vec<u8> {
        let at = self.bytes.len();
        self.entries.insert(number, Entry::At(at, 0));
        let (mut index, mut rows) = (String::new(), Vec::new());
        for (number, entry) in &self.entries {
            index.push_str(&format!("{number} 1 "));
            let (kind, place, generation) = match entry {
                Entry::At(at, generation) => (1_u8, u32::try_from(*at).unwrap(), *generation),
                Entry::Free(generation) => (0, 0, *generation),
            };
            rows.push(kind);
            rows.extend(place.to_be_bytes());
            rows.extend(generation.to_be_bytes());
        }
        let dictionary = self.dictionary();
        let length = rows.len();
        self.raw(&format!(
            "{number} 0 obj\n<< /Type /XRef {dictionary} /W [1 4 2] /Index [{index}] /Length {length} >>\nstream\n"
        ));
        self.bytes.extend(rows);
        self.raw(&format!("\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n"));
        self.bytes.clone()
    }
}

pub fn stream(entries: &str, data: &str) -> String {
    format!("<< {entries} /Length {} >>\nstream\n{data}\nendstream", data.len())
}

/// The number that follows the last of these words.
pub fn number_after<T: std::str::FromStr>(file: &[u8], word: &[u8]) -> T
where
    T::Err: std::fmt::Debug,
{
    let at = last(file, word) + word.len();
    let digits: String = file[at..].iter().map(|byte| char::from(*byte)).collect::<String>();
    let digits = digits.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap()
}

pub fn start_xref(file: &[u8]) -> usize {
    number_after(file, b"startxref")
}

pub fn last(file: &[u8], word: &[u8]) -> usize {
    file.windows(word.len()).rposition(|window| window == word).unwrap()
}

/// Replaces the last of these words, whatever the lengths.
pub fn exchange(file: &[u8], word: &str, by: &str) -> Vec<u8> {
    let at = last(file, word.as_bytes());
    [&file[..at], by.as_bytes(), &file[at + word.len()..]].concat()
}
