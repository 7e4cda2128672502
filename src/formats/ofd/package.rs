use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Read},
    time::Instant,
};

use zip::{
    ZipArchive,
    read::{ArchiveOffset, Config},
};

use super::{Doubt, ROOT, ReadError, path::is_plain};

/// The most entries of a package, folders included.
pub const MAX_ENTRIES: usize = 10_000;

/// The largest file of a package, unpacked, in bytes.
pub const MAX_ENTRY_BYTES: usize = 64 * 1024 * 1024;

/// The most that all files of a package take unpacked, in bytes.
pub const MAX_PACKAGE_BYTES: usize = 128 * 1024 * 1024;

/// How many times larger than the package its files may be, unpacked; the first mebibyte is free.
pub const MAX_RATIO: usize = 200;

const FREE_BYTES: usize = 1024 * 1024;
/// How many times larger DEFLATE can make something at the most.
const MAX_DEFLATE_RATIO: usize = 1032;
/// The record at the end of a ZIP file (APPNOTE 4.3.16) without a comment, in bytes.
const END_BYTES: usize = 22;

/// The files of a package, unpacked.
#[derive(Debug)]
pub struct Package {
    files: BTreeMap<String, Vec<u8>>,
    doubts: BTreeSet<Doubt>,
    /// When the work on it ends, done or not.
    end: Option<Instant>,
}

/// Whether the bytes are a ZIP file with an entry `OFD.xml`: by content, not by name.
pub fn is_package(bytes: &[u8]) -> bool {
    // A local header has the name of its entry 30 bytes after its start; so has each entry of the directory after 46.
    bytes.starts_with(b"PK\x03\x04")
        && memchr::memmem::find_iter(bytes, ROOT).any(|at| {
            let starts = |back: usize, mark: &[u8]| {
                at.checked_sub(back)
                    .and_then(|start| bytes.get(start..))
                    .is_some_and(|header| header.starts_with(mark))
            };
            starts(30, b"PK\x03\x04") || starts(46, b"PK\x01\x02")
        })
}

impl Package {
    /// Unpacks a package within the limits.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        Self::read_until(bytes, None)
    }

    /// Likewise; whoever reads in it after the end is told so.
    pub fn read_until(bytes: &[u8], until: Option<Instant>) -> Result<Self, ReadError> {
        let broken = |what: &str| ReadError::Package(what.to_owned());
        let end = bytes.len().checked_sub(END_BYTES).and_then(|end| bytes.get(end..));
        let end = end
            .filter(|end| end.starts_with(b"PK\x05\x06") && end.ends_with(&[0, 0]))
            .ok_or_else(|| broken("it does not end with its directory"))?;
        // 0xFFFF leads to ZIP64, which holds more than the limit.
        let count = end.get(10..12).and_then(|two| <[u8; 2]>::try_from(two).ok());
        let count = usize::from(u16::from_le_bytes(count.unwrap_or_default()));
        if count > MAX_ENTRIES {
            return Err(ReadError::Limit("MAX_ENTRIES"));
        }
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut archive = ZipArchive::with_config(config, Cursor::new(bytes))
            .map_err(|error| ReadError::Package(error.to_string()))?;
        if archive.len() > MAX_ENTRIES {
            return Err(ReadError::Limit("MAX_ENTRIES"));
        }
        let mut package = Self {
            files: BTreeMap::new(),
            doubts: BTreeSet::new(),
            end: until,
        };
        if archive.has_duplicate_names() {
            package.doubts.insert(Doubt::NameTwice);
        } else if archive.len() != count || archive.validate_header_consistency().is_err() {
            package.doubts.insert(Doubt::Headers);
        }
        package.unpack(&mut archive, bytes.len())?;
        Ok(package)
    }

    /// Gives up once time is over.
    pub fn check_time(&self) -> Result<(), ReadError> {
        match self.end {
            Some(end) if Instant::now() >= end => Err(ReadError::Limit("time_ms")),
            _ => Ok(()),
        }
    }

    /// A file by its path in the package.
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// All paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub fn doubts(&self) -> impl Iterator<Item = &Doubt> {
        self.doubts.iter()
    }

    fn unpack(&mut self, archive: &mut ZipArchive<Cursor<&[u8]>>, packed: usize) -> Result<(), ReadError> {
        let by_ratio = packed.saturating_mul(MAX_RATIO).saturating_add(FREE_BYTES);
        let mut left = MAX_PACKAGE_BYTES.min(by_ratio);
        let mut folded = BTreeSet::new();
        for place in 0..archive.len() {
            self.check_time()?;
            let mut entry = match archive.by_index(place) {
                Ok(entry) => entry,
                Err(error) => {
                    self.doubts.insert(Doubt::Entry(error.to_string()));
                    continue;
                }
            };
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            let file_name = name.strip_suffix('/').unwrap_or(&name);
            if !is_plain(file_name) || entry.is_symlink() {
                self.doubts.insert(Doubt::Name(shorten(&name)));
                continue;
            }
            if !folded.insert(file_name.to_lowercase()) {
                self.doubts.insert(Doubt::NameCase(name.clone()));
            }
            let limit = MAX_ENTRY_BYTES.min(left);
            // What it says of its size is room to begin with, and not believed.
            let stated = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
            let possible = stated(entry.compressed_size()).saturating_mul(MAX_DEFLATE_RATIO);
            let room = stated(entry.size()).min(possible).min(limit).min(FREE_BYTES);
            let (mut content, read) = read_up_to(&mut entry, room, limit);
            if content.len() > limit {
                let limit = match limit {
                    MAX_ENTRY_BYTES => "MAX_ENTRY_BYTES",
                    _ if by_ratio < MAX_PACKAGE_BYTES => "MAX_RATIO",
                    _ => "MAX_PACKAGE_BYTES",
                };
                return Err(ReadError::Limit(limit));
            }
            left -= content.len();
            content.shrink_to_fit();
            if read.is_err() {
                self.doubts.insert(Doubt::Entry(name));
            } else if name.ends_with('/') {
                if !content.is_empty() {
                    self.doubts.insert(Doubt::Name(name));
                }
            } else {
                self.files.insert(name, content);
            }
        }
        Ok(())
    }
}

/// Reads to the end, or to one byte beyond a limit. In one go where the room to begin with is enough: what unpacks keeps a copy of the
/// last it gave between two.
fn read_up_to(file: &mut impl Read, room: usize, limit: usize) -> (Vec<u8>, io::Result<()>) {
    let mut content = vec![0; room + 1];
    let mut filled = 0;
    let outcome = loop {
        if filled == content.len() {
            if filled > limit {
                break Ok(());
            }
            content.resize(filled.saturating_mul(2).min(limit.saturating_add(1)), 0);
        }
        match file.read(content.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break Ok(()),
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    content.truncate(filled);
    (content, outcome)
}

fn shorten(name: &str) -> String {
    name.chars().take(100).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time, after it was interrupted once.
    struct Slow(usize, bool);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            assert!(!into.is_empty());
            if std::mem::take(&mut self.1) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = into.len().min(self.0).min(7);
            into.iter_mut().take(count).for_each(|byte| *byte = b'x');
            self.0 -= count;
            Ok(count)
        }
    }

    #[test]
    fn a_file_is_read_to_its_end_or_to_one_byte_beyond_the_limit() {
        for length in [0, 1, 6, 7, 8, 99, 100, 101, 102, 5_000] {
            for limit in [0, 1, 7, 100, 4_999, 5_000] {
                for room in [0, 1, 99, 100, limit] {
                    let (content, read) = read_up_to(&mut Slow(length, true), room.min(limit), limit);
                    let expected = length.min(limit + 1);
                    assert_eq!(
                        (content.len(), read.is_ok()),
                        (expected, true),
                        "{length} {limit} {room}"
                    );
                    assert!(content.iter().all(|byte| *byte == b'x'));
                }
            }
        }
        let (content, read) = read_up_to(&mut "abc".as_bytes().chain(Broken), 2, 10);
        assert_eq!((content.as_slice(), read.is_err()), (&b"abc"[..], true));
    }

    struct Broken;

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::InvalidData.into())
        }
    }
}
