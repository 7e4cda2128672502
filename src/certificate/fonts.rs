use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use typst::{
    foundations::Bytes,
    text::{Font, FontBook, FontInfo},
    utils::LazyHash,
};

use super::CertificateError;

/// Song: body text, and the letters of a seal.
pub const SONG: &str = "Noto Serif CJK SC";
/// Hei: titles and labels.
pub const HEI: &str = "Noto Sans CJK SC";
/// Backs the other two for characters of rare names.
pub const RARE: &str = "LXGW WenKai";

/// The files, of all that Debian's packages bring, that a certificate needs: one weight of each family, so that a node
/// holds 60 MB of fonts and not 180.
const FILES: [&str; 3] = [
    "NotoSerifCJK-Regular.ttc",
    "NotoSansCJK-Bold.ttc",
    "LXGWWenKai-Regular.ttf",
];

/// How deep font folders are searched.
const MAX_DEPTH: usize = 6;
/// How many entries of one folder are looked at.
const MAX_ENTRIES: usize = 4_096;

/// The fonts that certificates are set in: found and indexed when first needed, each read when its first glyph is.
pub struct Fonts {
    folders: Vec<PathBuf>,
    shelf: OnceLock<Arc<Shelf>>,
}

/// What was found.
pub struct Shelf {
    pub book: LazyHash<FontBook>,
    faces: Vec<Face>,
}

struct Face {
    file: PathBuf,
    index: u32,
    font: OnceLock<Option<Font>>,
}

impl Fonts {
    /// Looks in these folders, and in theirs, in this order.
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self {
            folders,
            shelf: OnceLock::new(),
        }
    }

    /// The index of all faces; reads the font files once and lets go of them. Fonts that are missing are looked for
    /// again the next time: once they are installed, nothing has to be restarted.
    pub fn shelf(&self) -> Result<Arc<Shelf>, CertificateError> {
        if let Some(shelf) = self.shelf.get() {
            return Ok(shelf.clone());
        }
        let shelf = Shelf::fill(&self.folders).ok_or(CertificateError::Fonts)?;
        Ok(self.shelf.get_or_init(|| shelf).clone())
    }
}

/// The file with the Song face of these folders: for those who draw documents that bring no font of their own.
pub fn song_file(folders: &[PathBuf]) -> Option<PathBuf> {
    let [name, ..] = FILES;
    folders.iter().find_map(|folder| find(folder, name, MAX_DEPTH))
}

/// Which face of that file has the forms of mainland China.
pub fn song_face(data: &[u8]) -> Option<u32> {
    let count = ttf_parser::fonts_in_collection(data).unwrap_or(1);
    (0..count).find(|index| is_ours(data, *index))
}

impl Shelf {
    fn fill(folders: &[PathBuf]) -> Option<Arc<Self>> {
        let mut book = FontBook::new();
        let mut faces = Vec::new();
        for name in FILES {
            let file = folders.iter().find_map(|folder| find(folder, name, MAX_DEPTH))?;
            let data = fs::read(&file).ok()?;
            let count = ttf_parser::fonts_in_collection(&data).unwrap_or(1);
            for index in 0..count {
                // A collection holds the same outlines for five regions: only the forms of mainland China are for us.
                if !is_ours(&data, index) {
                    continue;
                }
                book.push(FontInfo::new(&data, index)?);
                faces.push(Face {
                    file: file.clone(),
                    index,
                    font: OnceLock::new(),
                });
            }
        }
        let complete = [SONG, HEI, RARE]
            .iter()
            .all(|family| book.contains_family(&family.to_lowercase()));
        complete.then(|| {
            Arc::new(Self {
                book: LazyHash::new(book),
                faces,
            })
        })
    }

    /// The face at this place of the book.
    pub fn font(&self, index: usize) -> Option<Font> {
        let face = self.faces.get(index)?;
        face.font
            .get_or_init(|| Font::new(Bytes::new(fs::read(&face.file).ok()?), face.index))
            .clone()
    }

    /// The first face of a family.
    pub fn family(&self, family: &str) -> Option<Font> {
        let index = self.book.select_family(&family.to_lowercase()).next()?;
        self.font(index)
    }

    /// Whether some face has a glyph for the character.
    pub fn covers(&self, character: char) -> bool {
        (0..self.faces.len())
            .filter_map(|index| self.book.info(index))
            .any(|info| info.coverage.contains(u32::from(character)))
    }
}

fn is_ours(data: &[u8], index: u32) -> bool {
    let Ok(face) = ttf_parser::Face::parse(data, index) else {
        return false;
    };
    face.names()
        .into_iter()
        .filter(|name| {
            name.name_id == ttf_parser::name_id::FAMILY || name.name_id == ttf_parser::name_id::TYPOGRAPHIC_FAMILY
        })
        .filter_map(|name| name.to_string())
        .any(|name| [SONG, HEI, RARE].contains(&name.as_str()))
}

fn find(folder: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    let direct = folder.join(name);
    if direct.is_file() {
        return Some(direct);
    }
    if depth == 0 {
        return None;
    }
    let mut folders: Vec<PathBuf> = fs::read_dir(folder)
        .ok()?
        .take(MAX_ENTRIES)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders.iter().find_map(|folder| find(folder, name, depth - 1))
}

#[cfg(test)]
#[allow(clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn the_three_families_are_found_and_a_rare_name_is_covered() {
        let fonts = Fonts::new(vec!["/usr/share/fonts".into()]);
        let shelf = fonts
            .shelf()
            .expect("Debian packages fonts-noto-cjk and fonts-lxgw-wenkai");
        for family in [SONG, HEI, RARE] {
            assert!(shelf.family(family).is_some(), "{family}");
        }
        for character in "示例𠮷㼆·甲".chars() {
            assert!(shelf.covers(character), "{character}");
        }
        assert!(!shelf.covers('\u{10FFFD}'));
    }

    #[test]
    fn missing_fonts_are_one_clear_sentence() {
        let fonts = Fonts::new(vec![std::env::temp_dir().join("yinxin-no-fonts-here")]);
        let error = fonts.shelf().err().expect("no fonts there").to_string();
        assert!(error.contains("fonts-noto-cjk"), "{error}");
    }
}
