//! The whole verifier, from OFDs on. What begins as a ZIP file is one. Anything else changes a package of fuzz/packages:
//! two bytes choose the package and the file, the rest is the file's new content. It is packed with right headers, as
//! few changes of a packed file get past its checksums.
#![no_main]

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use flate2::Crc;
use libfuzzer_sys::fuzz_target;
use yinxin::{
    formats::ofd::{Package, is_package},
    verification::Indication,
};

type Files = Vec<(String, Vec<u8>)>;

/// By name; each with its files sorted by theirs.
static PACKAGES: LazyLock<Vec<Files>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packages");
    let mut packages = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("fuzz/packages can be read").path();
        let bytes = fs::read(&path).expect("a package can be read");
        let package = Package::read(&bytes).expect("fuzz/packages are packages");
        let files = package
            .paths()
            .map(|path| (path.to_owned(), package.file(path).unwrap_or_default().to_vec()));
        packages.insert(path, files.collect());
    }
    packages.into_values().collect()
});

/// Stored, with right checksums.
fn pack<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0_u16);
    for (path, content) in files {
        let at = (out.len() as u32).to_le_bytes();
        let mut crc = Crc::new();
        crc.update(content);
        let size = (content.len() as u32).to_le_bytes();
        // Names in UTF-8, no method, a day of 2025.
        let mut header = vec![20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0x5B];
        header.extend(crc.sum().to_le_bytes());
        header.extend([size, size].concat());
        header.extend((path.len() as u16).to_le_bytes());
        header.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&header);
        out.extend(path.as_bytes());
        out.extend(content);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&header);
        directory.extend([0; 10]);
        directory.extend(at);
        directory.extend(path.as_bytes());
        count += 1;
    }
    let start = (out.len() as u32).to_le_bytes();
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start);
    out.extend([0, 0]);
    out
}

fuzz_target!(|bytes: &[u8]| {
    if is_package(bytes) {
        yinxin_fuzz::verify(bytes);
        return;
    }
    let [package, file, content @ ..] = bytes else { return };
    let choose = |number: &u8, of: usize| usize::from(*number).checked_rem(of);
    let Some(files) = choose(package, PACKAGES.len()).map(|place| &PACKAGES[place]) else {
        return;
    };
    let Some((path, old)) = choose(file, files.len()).map(|place| &files[place]) else {
        return;
    };
    let changed = files.iter().map(|(other, own)| {
        let content = if other == path { content } else { own };
        (other.as_str(), content)
    });
    let report = yinxin_fuzz::verify(&pack(changed));
    // The list of signatures is open for those who sign later, and nothing signs the value itself.
    let is_covered = !path.ends_with("/Signatures.xml") && !path.ends_with("/SignedValue.dat");
    if is_covered && content != old {
        assert_ne!(
            report.indication,
            Indication::TotalPassed,
            "{path} was changed and it passes"
        );
    }
});
