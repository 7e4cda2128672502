//! What somebody might do to a sealed OFD. None passes, and each is called what it is.

use yinxin::verification::Indication;

use super::{
    book::{Book, Entry, page, zip},
    errors, found, refused, report,
    seals::{Cast, MakeSeal, Sign, sealed},
};

const PAGE: &str = "Doc_0/Pages/Page_0/Content.xml";

#[test]
fn a_page_edited_or_removed() {
    found(|book| book.put(PAGE, page("示例人乙")), &["part_changed"]);
    let report = found(|book| drop(book.take(PAGE)), &["part_missing", "part_removed"]);
    assert_eq!(report.modified_after_signing, Some(true));
}

#[test]
fn a_page_added() {
    found(
        |book| {
            book.put("Doc_0/Pages/Page_1/Content.xml", page("示例人乙"));
            let second = "<ofd:Page ID=\"13\" BaseLoc=\"Pages/Page_1/Content.xml\"/></ofd:Pages>";
            book.replace("Doc_0/Document.xml", "</ofd:Pages>", second);
        },
        &["part_changed", "page_not_covered"],
    );
}

#[test]
fn another_document_root_or_a_second_document() {
    found(
        |book| {
            let other = book.file("Doc_0/Document.xml").to_vec();
            book.put("Doc_1/Document.xml", other);
            book.replace("OFD.xml", "Doc_0/Document.xml", "Doc_1/Document.xml");
        },
        &["part_changed", "part_missing", "document_not_covered"],
    );
    found(
        |book| {
            book.put("Doc_1/Document.xml", "<Document/>");
            let second = "<ofd:DocBody><ofd:DocRoot>Doc_1/Document.xml</ofd:DocRoot></ofd:DocBody></ofd:OFD>";
            book.replace("OFD.xml", "</ofd:OFD>", second);
        },
        &["part_changed", "document_not_covered"],
    );
}

#[test]
fn a_resource_a_template_or_an_attachment_swapped() {
    found(|book| book.put("Doc_0/Res/image.png", "another"), &["part_changed"]);
    found(
        |book| book.put("Doc_0/Tpls/Tpl_0/Content.xml", page("示例人乙")),
        &["part_changed"],
    );
    found(|book| book.put("Doc_0/Attachs/data.json", "{}"), &["part_changed"]);
    found(
        |book| {
            book.put("Doc_0/Res/other.png", "another");
            book.replace("Doc_0/DocumentRes.xml", "image.png", "other.png");
        },
        &["part_changed", "resource_not_covered"],
    );
}

#[test]
fn an_annotation_over_the_text() {
    found(
        |book| {
            book.put(
                "Doc_0/Annots/Page_0/Annotation.xml",
                "<PageAnnot><Annot ID=\"30\" Type=\"Stamp\"/></PageAnnot>",
            )
        },
        &["part_changed"],
    );
    found(
        |book| {
            book.put(
                "Doc_0/Annots/Page_0/More.xml",
                "<PageAnnot><Annot ID=\"30\" Type=\"Stamp\"/></PageAnnot>",
            );
            let more = "<ofd:Page PageID=\"1\"><ofd:FileLoc>Page_0/More.xml</ofd:FileLoc></ofd:Page></ofd:Annotations>";
            book.replace("Doc_0/Annots/Annotations.xml", "</ofd:Annotations>", more);
        },
        &["part_changed", "annotation_not_covered"],
    );
}

#[test]
fn an_annotation_file_that_the_signed_document_left_missing() {
    let cast = Cast::new();
    let mut book = Book::new();
    let annotation = book.take("Doc_0/Annots/Page_0/Annotation.xml");
    Sign::default().seal(
        &mut book,
        &MakeSeal::new(4, &cast.signer).make(&cast.maker),
        &cast.signer,
    );
    refused(&cast, &book.zip(), &["part_missing"]);
    book.put("Doc_0/Annots/Page_0/Annotation.xml", annotation);
    let report = refused(&cast, &book.zip(), &["annotation_not_covered"]);
    assert_eq!(report.modified_after_signing, None);
}

#[test]
fn the_list_of_signatures_edited() {
    let list = "Doc_0/Signs/Signatures.xml";
    // Taken off the list, its files are still there.
    found(
        |book| book.put(list, "<Signatures/>"),
        &["signature_missing", "signature_stray"],
    );
    found(
        |book| drop(book.take(list)),
        &["signature_list_unreadable", "signature_missing", "signature_stray"],
    );
    found(
        |book| book.replace(list, "Type=\"Seal\"", "Type=\"Sign\""),
        &["signature_type_differs"],
    );
    found(
        |book| book.replace(list, "Sign_0/Signature.xml", "Sign_9/Signature.xml"),
        &["signature_file_unreadable", "signature_stray"],
    );
    found(
        |book| {
            book.put(
                "Doc_0/Signs/Signatures.xml",
                "<!DOCTYPE a [<!ENTITY b \"c\">]><Signatures/>",
            )
        },
        &["signature_list_unreadable", "signature_missing", "signature_stray"],
    );
}

#[test]
fn a_seal_moved_to_another_place_or_page() {
    let description = "Doc_0/Signs/Sign_0/Signature.xml";
    found(
        |book| book.replace(description, "120 200 40 40", "20 20 40 40"),
        &["signature_file_changed"],
    );
    found(
        |book| book.replace(description, "PageRef=\"1\"", "PageRef=\"9\""),
        &["signature_file_changed"],
    );
}

#[test]
fn the_digests_written_anew_for_an_edited_page() {
    let cast = Cast::new();
    let mut book = sealed(&cast);
    let genuine = book.file("Doc_0/Signs/Sign_0/SignedValue.dat").to_vec();
    book.put(PAGE, page("示例人乙"));
    let seal = MakeSeal::new(4, &cast.signer).make(&cast.maker);
    let mut again = book.clone();
    again.take("Doc_0/Signs/Signatures.xml");
    Sign::default().seal(&mut again, &seal, &cast.signer);
    book.put(
        "Doc_0/Signs/Sign_0/Signature.xml",
        again.file("Doc_0/Signs/Sign_0/Signature.xml"),
    );
    book.put("Doc_0/Signs/Sign_0/SignedValue.dat", genuine);
    refused(&cast, &book.zip(), &["signature_file_changed"]);
}

#[test]
fn a_seal_taken_from_another_document() {
    let cast = Cast::new();
    let mut other = Book::new();
    other.put(PAGE, page("示例人丙"));
    Sign::default().seal(
        &mut other,
        &MakeSeal::new(4, &cast.signer).make(&cast.maker),
        &cast.signer,
    );
    let mut book = sealed(&cast);
    for name in ["Signature.xml", "SignedValue.dat", "Seal.esl"] {
        let path = format!("Doc_0/Signs/Sign_0/{name}");
        book.put(&path, other.file(&path));
    }
    refused(&cast, &book.zip(), &["part_changed"]);
    let mut book = sealed(&cast);
    book.put(
        "Doc_0/Signs/Sign_0/SignedValue.dat",
        other.file("Doc_0/Signs/Sign_0/SignedValue.dat"),
    );
    refused(&cast, &book.zip(), &["signature_file_changed"]);
}

#[test]
fn versions_confused() {
    let cast = Cast::new();
    // A seal of one version in a signature of the other, and version numbers that the structure is not.
    let cases = [
        (1, 4, 4, false),
        (4, 1, 1, true),
        (4, 4, 1, false),
        (4, 1, 4, true),
        (4, 4, 4, true),
        (4, 4, 7, false),
    ];
    for (signature, seal, number, early_list) in cases {
        let mut made = MakeSeal::new(seal, &cast.signer);
        (made.number, made.early_list) = (number, early_list);
        let mut book = Book::new();
        let sign = Sign {
            version: signature,
            ..Sign::default()
        };
        sign.seal(&mut book, &made.make(&cast.maker), &cast.signer);
        refused(&cast, &book.zip(), &["seal_version_mixed"]);
    }
}

#[test]
fn two_entries_of_one_name() {
    let cast = Cast::new();
    let book = sealed(&cast);
    for first in [true, false] {
        let mut entries: Vec<_> = book
            .files
            .iter()
            .map(|(path, content)| Entry::plain(path, content))
            .collect();
        let other = Entry::plain(PAGE, page("示例人乙").as_bytes());
        if first {
            entries.insert(0, other);
        } else {
            entries.push(other);
        }
        let report = report(&cast, &zip(&entries));
        assert!(errors(&report).contains("package_ambiguous"), "{:#?}", report.findings);
        assert_ne!(report.indication, Indication::TotalPassed);
        assert_ne!(report.modified_after_signing, Some(false));
    }
}

#[test]
fn names_that_differ_in_case_or_are_no_plain_paths() {
    for name in [
        "Doc_0/pages/Page_0/Content.xml",
        "doc_0/Document.xml",
        "../OFD.xml",
        "/OFD.xml",
        "Doc_0//Document.xml",
        "Doc_0/./Document.xml",
        "Doc_0\\Document.xml",
        "C:/OFD.xml",
    ] {
        let report = found(|book| book.put(name, page("示例人乙")), &["package_ambiguous"]);
        assert_eq!(report.modified_after_signing, None, "{name}");
    }
}

#[test]
fn headers_that_contradict_the_directory() {
    let cast = Cast::new();
    let book = sealed(&cast);
    let entries = || -> Vec<Entry> {
        book.files
            .iter()
            .map(|(path, content)| Entry::plain(path, content))
            .collect()
    };
    // A reader of local headers sees another page.
    let mut renamed = entries();
    let mut other = Entry::plain("Doc_0/unused", page("示例人乙").as_bytes());
    other.local_name = PAGE.into();
    renamed.insert(0, other);
    refused(&cast, &zip(&renamed), &["package_ambiguous"]);
    // An entry that the directory does not list.
    let mut bytes = zip(&[Entry::plain(PAGE, page("示例人乙").as_bytes())]);
    let end = memchr::memmem::find(&bytes, b"PK\x01\x02").unwrap();
    bytes.truncate(end);
    let hidden = zip(&entries());
    let shift = bytes.len() as u32;
    bytes.extend(shifted(&hidden, shift));
    refused(&cast, &bytes, &["package_ambiguous"]);
    // Bytes before and after the package.
    let whole = zip(&entries());
    let before = [b"MZ junk".as_slice(), &whole].concat();
    assert_ne!(report(&cast, &before).indication, Indication::TotalPassed);
    let after = [whole.as_slice(), b"junk"].concat();
    refused(&cast, &after, &["document_unreadable"]);
}

/// A package whose offsets count from `by` bytes before it.
fn shifted(bytes: &[u8], by: u32) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let add = |out: &mut Vec<u8>, at: usize| {
        let value = u32::from_le_bytes(out[at..at + 4].try_into().unwrap()) + by;
        out[at..at + 4].copy_from_slice(&value.to_le_bytes());
    };
    let places: Vec<_> = memchr::memmem::find_iter(bytes, b"PK\x01\x02").collect();
    for place in places {
        add(&mut out, place + 42);
    }
    let end = out.len() - 6;
    add(&mut out, end);
    out
}

#[test]
fn a_byte_flipped_in_any_file_of_the_package_never_passes() {
    let cast = Cast::new();
    let book = sealed(&cast);
    for (place, (path, content)) in book.files.iter().enumerate() {
        for at in (0..content.len()).step_by(content.len().div_ceil(12)) {
            let mut changed = book.clone();
            changed.files[place].1[at] ^= 1;
            let report = report(&cast, &changed.zip());
            // What no signature covers: the list, which is judged by what it leads to.
            if !path.ends_with("Signatures.xml") {
                assert_ne!(report.indication, Indication::TotalPassed, "{path} at {at}");
            }
        }
    }
}
