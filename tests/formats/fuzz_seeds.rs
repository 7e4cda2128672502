//! What the fuzzer begins with (`fuzz/seeds`): our own documents and the attacks on them, and with `YINXIN_SEEDS_FROM` the
//! documents of a folder too. Written where `YINXIN_SEEDS_TO` says.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use yinxin::formats::{cms, ofd::Package};

use crate::{
    attacks::{
        cases,
        scene::{ALL, Stage},
    },
    ofd::{self, book::Book},
};

/// The largest seed, in bytes.
const MAX_SEED_BYTES: usize = 200_000;

/// id-ct-TSTInfo and id-signedData, encoded.
const TST_INFO: [u8; 13] = [6, 11, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 16, 1, 4];
const SIGNED_DATA: [u8; 11] = [6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2];

#[derive(Default)]
struct Seeds {
    documents: BTreeSet<Vec<u8>>,
    messages: BTreeSet<Vec<u8>>,
    timestamps: BTreeSet<Vec<u8>>,
    /// OFDs as they are.
    packages: BTreeSet<Vec<u8>>,
    /// Their seals and signature values.
    values: BTreeSet<Vec<u8>>,
}

impl Seeds {
    fn add_ofd(&mut self, package: &[u8], book: &Book) {
        if package.len() <= MAX_SEED_BYTES {
            self.packages.insert(package.to_vec());
        }
        let values = book.files.iter().filter(|(path, _)| is_value(path));
        self.values.extend(values.map(|(_, content)| content.clone()));
    }

    fn add(&mut self, document: &[u8]) {
        if document.len() <= MAX_SEED_BYTES {
            self.documents.insert(document.to_vec());
        }
        for at in places(document, b"/Contents") {
            let rest = document[at + 9..].trim_ascii_start();
            let Some(digits) = rest.strip_prefix(b"<") else {
                continue;
            };
            let digits: Vec<u8> = digits.iter().copied().take_while(u8::is_ascii_hexdigit).collect();
            let even = digits.len() / 2 * 2;
            let Ok(message) = data_encoding::HEXLOWER_PERMISSIVE.decode(&digits[..even]) else {
                continue;
            };
            let message = cms::split(&message).map_or(message.as_slice(), |(message, _)| message);
            self.timestamps.extend(tokens(message));
            self.messages.insert(message.to_vec());
        }
    }
}

fn is_value(path: &str) -> bool {
    path.ends_with(".dat") || path.ends_with(".esl")
}

fn places(bytes: &[u8], word: &[u8]) -> Vec<usize> {
    memchr::memmem::find_iter(bytes, word).collect()
}

/// The timestamp tokens in a message, or the message itself where it is one.
fn tokens(message: &[u8]) -> Vec<Vec<u8>> {
    let starts = places(message, &SIGNED_DATA)
        .into_iter()
        .filter_map(|at| at.checked_sub(4));
    let values = starts.filter_map(|start| cms::split(&message[start..]).ok());
    values
        .map(|(value, _)| value.to_vec())
        .filter(|value| places(value, &TST_INFO).first().is_some_and(|at| *at < 100))
        .collect()
}

fn documents_in(folder: &Path, kind: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension() {
            _ if path.is_dir() => documents_in(&path, kind, found),
            Some(extension) if extension == kind => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn our_documents_and_the_attacks_on_them_are_seeds_for_the_fuzzer() {
    let stage = Stage::new();
    let mut seeds = Seeds::default();
    for permits in ALL {
        seeds.add(stage.base(permits));
    }
    for case in cases::all(&stage) {
        seeds.add(&case.bytes);
    }
    if let Some(folder) = std::env::var_os("YINXIN_SEEDS_FROM") {
        let (mut found, mut packages) = (Vec::new(), Vec::new());
        documents_in(Path::new(&folder), "pdf", &mut found);
        for path in found {
            seeds.add(&fs::read(path).unwrap());
        }
        documents_in(Path::new(&folder), "ofd", &mut packages);
        for path in packages {
            let bytes = fs::read(path).unwrap();
            if let Ok(package) = Package::read(&bytes) {
                seeds.add_ofd(&bytes, &Book::of(&package));
            }
        }
    }
    let own = ofd::seeds();
    for book in &own.packages {
        seeds.add_ofd(&book.zip(), book);
    }
    assert!(seeds.documents.len() > 60 && seeds.messages.len() > 20);
    let Some(folder) = std::env::var_os("YINXIN_SEEDS_TO") else {
        return;
    };
    let folder = PathBuf::from(folder);
    let write = |target: &str, seeds: &BTreeSet<Vec<u8>>| {
        let folder = folder.join("corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        for (place, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{place:04}")), seed).unwrap();
        }
        println!("{target}: {} seeds", seeds.len());
    };
    write("pdf", &seeds.documents);
    write("verify", &seeds.documents);
    write("cms", &seeds.messages);
    write("timestamp", &seeds.timestamps);
    write("ofd", &seeds.packages);
    write("ses", &seeds.values);
    // Each file of each package by itself, as the target puts it in again: both in the order of their names.
    let mut changes = seeds.packages.clone();
    fs::create_dir_all(folder.join("packages")).unwrap();
    for (place, book) in own.packages.iter().enumerate() {
        fs::write(folder.join(format!("packages/{place:02}.ofd")), book.zip()).unwrap();
        let mut files = book.files.clone();
        files.sort();
        for (file, (_, content)) in files.iter().enumerate() {
            let numbers = [place, file].map(|number| u8::try_from(number).unwrap());
            changes.insert([&numbers, content.as_slice()].concat());
        }
    }
    write("verify_ofd", &changes);
    fs::create_dir_all(folder.join("trust")).unwrap();
    let roots = own.roots.iter().map(Vec::as_slice).chain([stage.root()]);
    for (place, root) in roots.enumerate() {
        fs::write(folder.join(format!("trust/root-{place}.der")), root).unwrap();
    }
}
