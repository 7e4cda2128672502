//! What is brought to keep the verifier busy or fill its memory: named limits, and never a pass.

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use flate2::{Compression, write::DeflateEncoder};
use yinxin::{
    formats::ofd::{
        MAX_ENTRIES, MAX_REFERENCES, MAX_SIGNATURES, Package, ReadError, SignatureFileError, parts, signature_file,
        signatures,
    },
    verification::{Indication, Limits, Report},
};

use super::{
    at,
    book::{Book, Entry, zip},
    report,
    seals::{Cast, MakeSeal, NOON, Sign, sealed},
};

#[track_caller]
fn limited(bytes: &[u8], limit: &str) {
    let report = report(&Cast::new(), bytes);
    assert_eq!(report.indication, Indication::Indeterminate);
    let named = |report: &Report| {
        report
            .findings
            .iter()
            .any(|finding| finding.code == "limit_exceeded" && finding.message.en.contains(limit))
    };
    assert!(named(&report), "{limit}: {:#?}", report.findings);
}

fn deflated(path: &str, content: impl Iterator<Item = Vec<u8>>) -> Entry {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    let (mut crc, mut size) = (flate2::Crc::new(), 0);
    for part in content {
        crc.update(&part);
        size += part.len();
        encoder.write_all(&part).unwrap();
    }
    let mut entry = Entry::plain(path, b"");
    (entry.method, entry.stored, entry.size, entry.crc) = (8, encoder.finish().unwrap(), size as u32, crc.sum());
    entry
}

#[test]
fn packages_that_unpack_without_end_are_bounded() {
    let mebibyte = || vec![0; 1024 * 1024];
    let root = Entry::plain("OFD.xml", b"<OFD/>");
    let bomb = deflated("Doc_0/bomb", (0..65).map(|_| mebibyte()));
    limited(&zip(&[root, bomb]), "MAX_RATIO");
    // With ballast, so that the ratio is kept.
    let noise: Vec<u8> = (0..1_500_000_u32)
        .flat_map(|at| at.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let root = Entry::plain("OFD.xml", b"<OFD/>");
    let bomb = deflated("Doc_0/bomb", (0..65).map(|_| mebibyte()));
    limited(
        &zip(&[root, Entry::plain("Doc_0/noise", &noise), bomb]),
        "MAX_ENTRY_BYTES",
    );
    let root = Entry::plain("OFD.xml", b"<OFD/>");
    let mut entries = vec![root, Entry::plain("Doc_0/noise", &noise)];
    entries.extend((0..5).map(|at| deflated(&format!("Doc_0/{at}"), (0..30).map(|_| mebibyte()))));
    limited(&zip(&entries), "MAX_PACKAGE_BYTES");
}

#[test]
fn a_size_that_the_headers_deny_is_bounded_by_what_comes_out() {
    let mut bomb = deflated("Doc_0/bomb", (0..65).map(|_| vec![0; 1024 * 1024]));
    bomb.size = 10;
    let report = report(&Cast::new(), &zip(&[Entry::plain("OFD.xml", b"<OFD/>"), bomb]));
    assert_ne!(report.indication, Indication::TotalPassed);
}

#[test]
fn too_many_entries_signatures_and_references_are_named() {
    let entries: Vec<_> = (0..=MAX_ENTRIES)
        .map(|at| Entry::plain(&if at == 0 { "OFD.xml".to_owned() } else { format!("{at}") }, b""))
        .collect();
    limited(&zip(&entries), "MAX_ENTRIES");
    let mut book = sealed(&Cast::new());
    let entry = "<ofd:Signature ID=\"1\" BaseLoc=\"Sign_0/Signature.xml\"/>";
    let list = format!("{}</ofd:Signatures>", entry.repeat(MAX_SIGNATURES));
    book.replace("Doc_0/Signs/Signatures.xml", "</ofd:Signatures>", &list);
    let bytes = book.zip();
    let report = report(&Cast::new(), &bytes);
    assert_ne!(report.indication, Indication::TotalPassed);
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.en.contains("MAX_SIGNATURES"))
    );
    let mut book = sealed(&Cast::new());
    let reference = "<ofd:Reference FileRef=\"/OFD.xml\"><ofd:CheckValue>AA==</ofd:CheckValue></ofd:Reference>";
    let many = format!("{}</ofd:References>", reference.repeat(MAX_REFERENCES));
    book.replace("Doc_0/Signs/Sign_0/Signature.xml", "</ofd:References>", &many);
    limited(&book.zip(), "MAX_REFERENCES");
}

#[test]
fn xml_that_grows_nests_or_names_without_end_is_refused() {
    let cases = [
        (
            "<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;\">]><OFD>&b;</OFD>".to_owned(),
            "document_unreadable",
        ),
        (
            "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/hostname\">]><OFD>&x;</OFD>".to_owned(),
            "document_unreadable",
        ),
        (
            format!("{}{}", "<OFD>".repeat(100_000), "</OFD>".repeat(100_000)),
            "limit_exceeded",
        ),
        (format!("<OFD>{}</OFD>", "<a/>".repeat(600_000)), "limit_exceeded"),
        (
            format!(
                "<OFD {}/>",
                (0..100_000).map(|at| format!("a{at}=\"\" ")).collect::<String>()
            ),
            "limit_exceeded",
        ),
    ];
    for (xml, expected) in cases {
        let mut book = Book::new();
        book.put("OFD.xml", xml);
        let report = report(&Cast::new(), &book.zip());
        assert_eq!(report.indication, Indication::Indeterminate);
        assert!(
            report.findings.iter().any(|finding| finding.code == expected),
            "{:?}",
            report.findings
        );
    }
}

#[test]
fn every_prefix_and_every_broken_length_gives_a_report() {
    let cast = Cast::new();
    let bytes = sealed(&cast).zip();
    for end in (0..bytes.len()).step_by(1_013) {
        assert_ne!(
            report(&cast, &bytes[..end]).indication,
            Indication::TotalPassed,
            "{end}"
        );
    }
    let book = sealed(&cast);
    let value = book.file("Doc_0/Signs/Sign_0/SignedValue.dat").to_vec();
    for at in (0..value.len()).step_by(9) {
        for byte in [0x00, 0x7F, 0x80, 0xFF] {
            let mut changed = book.clone();
            let mut value = value.clone();
            if value[at] == byte {
                continue;
            }
            value[at] = byte;
            changed.put("Doc_0/Signs/Sign_0/SignedValue.dat", value);
            assert_ne!(
                report(&cast, &changed.zip()).indication,
                Indication::TotalPassed,
                "{at}"
            );
        }
    }
}

/// So many pages that hold so many elements each.
fn pages(count: usize, elements: usize) -> Vec<u8> {
    let cast = Cast::new();
    let mut book = Book::new();
    let page = format!("<Page><Content>{}</Content></Page>", "<a b='1'/>".repeat(elements));
    let mut list = String::new();
    for place in 0..count {
        let path = format!("Pages/Page_x{place}/Content.xml");
        list += &format!("<ofd:Page ID=\"x{place}\" BaseLoc=\"{path}\"/>");
        book.put(&format!("Doc_0/{path}"), &page);
    }
    book.replace("Doc_0/Document.xml", "</ofd:Pages>", &format!("{list}</ofd:Pages>"));
    let seal = MakeSeal::new(4, &cast.signer).make(&cast.maker);
    Sign::default().seal(&mut book, &seal, &cast.signer);
    book.zip()
}

#[test]
fn time_ends_the_work_wherever_it_is() {
    let cast = Cast::new();
    let bytes = pages(200, 5_000);
    let within = |time| {
        let limits = Limits {
            time,
            ..Limits::default()
        };
        let start = Instant::now();
        let report = cast.root.verifier().within(limits).verify(&bytes, None, at(NOON));
        (report, start.elapsed())
    };
    for time in [Duration::ZERO, Duration::from_millis(20)] {
        let (report, took) = within(time);
        assert_eq!(report.indication, Indication::Indeterminate);
        assert_eq!(report.modified_after_signing, None);
        let limit = report.findings.iter().find(|finding| finding.code == "limit_exceeded");
        assert!(limit.unwrap().message.en.contains("time_ms"), "{:#?}", report.findings);
        assert!(took < Duration::from_secs(2), "{took:?}");
    }
    let (report, _) = within(Duration::from_secs(120));
    assert_eq!(report.indication, Indication::TotalPassed, "{:#?}", report.findings);

    // Each step by itself, of a package that was unpacked in time.
    let soon = Instant::now() + Duration::from_secs(5);
    let package = Package::read_until(&sealed(&cast).zip(), Some(soon)).unwrap();
    assert!(parts(&package).is_ok());
    thread::sleep(soon.saturating_duration_since(Instant::now()));
    let over = ReadError::Limit("time_ms");
    assert_eq!(parts(&package).err(), Some(over.clone()));
    assert_eq!(
        signatures(&package, "Doc_0/Signs/Signatures.xml").err(),
        Some(over.clone())
    );
    assert_eq!(
        signature_file(&package, "Doc_0/Signs/Sign_0/Signature.xml").err(),
        Some(SignatureFileError::Read(over))
    );
}
