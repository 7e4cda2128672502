//! Bad input by the dozen: a report for each, within the limits, and never an error, a panic or a hang.

use std::{io::Write, process::Command};

use der::Encode;
use flate2::{Compression, write::ZlibEncoder};
use yinxin::{
    formats::{cms::Digest, pdf::MAX_SIGNATURES},
    verification::{Indication, Limits, MAX_DOCUMENT_BYTES},
};

use crate::{
    attacks::{
        Scene, noon,
        scene::{Permits, Stage, signature, unsigned},
        writer::Writer,
    },
    command::Folder,
    pki::{Leaf, Root},
};

/// What `yinxin verify` may take beside its documents' 256 MB: itself, its stacks, its buffers, in kilobytes.
const OWN_KILOBYTES: u32 = 64 * 1024;

fn repeated(what: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = what.repeat(length.div_ceil(what.len()));
    bytes.truncate(length);
    bytes
}

/// A megabyte of zeros, so often, compressed so many times over.
fn deflated(megabytes: usize, times: usize) -> Vec<u8> {
    let mut data = Vec::new();
    for time in 0..times {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        if time == 0 {
            (0..megabytes).for_each(|_| encoder.write_all(&vec![b' '; 1 << 20]).unwrap());
        } else {
            encoder.write_all(&data).unwrap();
        }
        data = encoder.finish().unwrap();
    }
    data
}

/// A document whose catalog is this, and whose other objects `write` adds.
fn document(catalog: &str, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut pdf = Writer::new();
    pdf.trailer("/Root 1 0 R");
    pdf.object(1, &format!("<< /Type /Catalog {catalog} >>"));
    write(&mut pdf);
    pdf.finish()
}

fn raw_stream(pdf: &mut Writer, number: u32, entries: &str, data: &[u8]) {
    pdf.object(number, "");
    let end = pdf.bytes.len() - b"\nendobj\n".len();
    pdf.bytes.truncate(end);
    pdf.raw(&format!("<< {entries} /Length {} >>\nstream\n", data.len()));
    pdf.bytes.extend_from_slice(data);
    pdf.raw("\nendstream\nendobj\n");
}

/// A document whose catalog stands in an object stream of this data.
fn packed(entries: &str, data: &[u8]) -> Vec<u8> {
    let mut pdf = Writer::new();
    raw_stream(&mut pdf, 2, &format!("/Type /ObjStm /N 1 /First 4 {entries}"), data);
    let at = pdf.bytes.len();
    let stream = super::attacks::find(&pdf.bytes, b"2 0 obj");
    let rows = format!("020000000200 01{stream:08x}00 01{at:08x}00>").replace(' ', "");
    pdf.raw(&format!(
        "3 0 obj\n<< /Type /XRef /Size 4 /Root 1 0 R /W [1 4 1] /Index [1 3] /Filter /ASCIIHexDecode /Length {} >>\n\
         stream\n{rows}\nendstream\nendobj\nstartxref\n{at}\n%%EOF\n",
        rows.len()
    ));
    pdf.bytes
}

fn table(count: &str) -> Vec<u8> {
    format!("%PDF-1.7\nxref\n0 {count}\n0000000000 65535 f \ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n")
        .into_bytes()
}

fn cross_reference_stream(entries: &str) -> Vec<u8> {
    format!(
        "%PDF-1.7\n1 0 obj\n<< /Type /XRef /Root 1 0 R {entries} /Length 3 >>\nstream\nabc\nendstream\nendobj\n\
         startxref\n9\n%%EOF\n"
    )
    .into_bytes()
}

/// A signed document whose message is this.
fn with_message(message: &[u8]) -> Vec<u8> {
    let digits = data_encoding::HEXLOWER.encode(message);
    let mut pdf = unsigned(Permits::Unsaid);
    let dictionary = signature("");
    let start = dictionary.find("/Contents <").unwrap() + 11;
    let end = start + dictionary[start..].find('>').unwrap();
    pdf.object(20, &format!("{}{digits}{}", &dictionary[..start], &dictionary[end..]));
    super::attacks::scene::ranged(&pdf.finish()).0
}

fn sequences(depth: usize) -> Vec<u8> {
    let mut der = vec![5, 0];
    for _ in 0..depth {
        let length = u32::try_from(der.len()).unwrap().to_be_bytes();
        der = [&[0x30, 0x84], length.as_slice(), &der].concat();
    }
    der
}

fn signatures(count: u32) -> Vec<u8> {
    let fields: String = (0..count).map(|place| format!("{} 0 R ", 10 + 2 * place)).collect();
    document(&format!("/AcroForm << /Fields [{fields}] >>"), |pdf| {
        for place in 0..count {
            pdf.object(
                10 + 2 * place,
                &format!("<< /FT /Sig /T (s{place}) /V {} 0 R >>", 11 + 2 * place),
            );
            let range = format!("/ByteRange [0 {place} {} 100]", place + 100);
            pdf.object(
                11 + 2 * place,
                &format!("<< /Type /Sig /SubFilter /ETSI.CAdES.detached {range} /Contents <3080> >>"),
            );
        }
    })
}

fn revisions(base: &[u8], count: usize) -> Vec<u8> {
    let mut pdf = base.to_vec();
    for place in 0..count {
        let mut update = Writer::update(&pdf);
        update.object(13, &format!("<< /Title ({place}) >>"));
        pdf = update.finish();
    }
    pdf
}

fn documents() -> Vec<(&'static str, Vec<u8>)> {
    let stage = Stage::new();
    let chain = |key: &str, last: u32| -> String { format!("<< /Type /Pages {key} [{last} 0 R] /Count 1 >>") };
    vec![
        ("nothing", Vec::new()),
        ("one byte", vec![b'%']),
        ("50 MB of zeros", vec![0; MAX_DOCUMENT_BYTES]),
        (
            "a header and 50 MB of zeros",
            [b"%PDF-1.7\n".as_slice(), &vec![0; MAX_DOCUMENT_BYTES - 9]].concat(),
        ),
        ("nothing but headers", repeated(b"%PDF-1.7\n", 8 << 20)),
        (
            "nothing but ends",
            repeated(b"%PDF-1.7\nstartxref\n9\n%%EOF\n", 8 << 20),
        ),
        (
            "nothing but beginnings of objects",
            repeated(b"%PDF-1.7\n1 0 obj<<", 8 << 20),
        ),
        (
            "nothing but ranges",
            repeated(b"%PDF-1.7\n1 0 obj<</ByteRange[0 1 2 3]/Contents<00>>>endobj ", 8 << 20),
        ),
        (
            "nothing but sections",
            repeated(b"%PDF-1.7\nxref\n0 0\ntrailer\n<<>>\nstartxref\n9\n%%EOF\n", 8 << 20),
        ),
        (
            "arrays in arrays",
            document(&format!("/A {}", "[".repeat(5 << 20)), |_| {}),
        ),
        (
            "dictionaries in dictionaries",
            document(&format!("/A {}", "<</A".repeat(1 << 20)), |_| {}),
        ),
        (
            "strings in strings",
            document(&format!("/A {}", "(".repeat(5 << 20)), |_| {}),
        ),
        (
            "pages under pages",
            document("/Pages 2 0 R", |pdf| {
                (2..20_000).for_each(|number| {
                    pdf.object(number, &chain("/Kids", number + 1));
                });
            }),
        ),
        (
            "pages under themselves",
            document("/Pages 2 0 R", |pdf| {
                pdf.object(2, &chain("/Kids", 2));
            }),
        ),
        (
            "fields under fields",
            document("/AcroForm << /Fields [2 0 R] >>", |pdf| {
                (2..20_000).for_each(|number| {
                    pdf.object(number, &format!("<< /FT /Sig /Kids [{} 0 R] >>", number + 1));
                });
            }),
        ),
        (
            "references to references",
            document("/AcroForm 2 0 R", |pdf| {
                (2..20_000).for_each(|number| {
                    pdf.object(number, &format!("{} 0 R", number + 1));
                });
            }),
        ),
        (
            "a stream as long as itself",
            document("/AcroForm 2 0 R", |pdf| {
                pdf.object(2, "<< /Length 2 0 R >>\nstream\n\nendstream");
            }),
        ),
        (
            "a bomb of an object stream",
            packed("/Filter /FlateDecode", &deflated(600, 1)),
        ),
        (
            "a bomb in a bomb",
            packed("/Filter [/FlateDecode /FlateDecode /FlateDecode]", &deflated(600, 3)),
        ),
        (
            "a thousand filters",
            packed(
                &format!("/Filter [{}]", "/ASCIIHexDecode ".repeat(1000)),
                &vec![b'0'; 1 << 20],
            ),
        ),
        (
            "an end-less run of one byte",
            packed("/Filter /RunLengthDecode", &repeated(&[129, b' '], 4 << 20)),
        ),
        ("a filter that is not there", packed("/Filter /None", b"1 0 <<>>")),
        (
            "columns without end",
            packed(
                "/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 2147483647 /Colors 32 >>",
                &deflated(1, 1),
            ),
        ),
        ("an object stream in itself", packed("/Extends 2 0 R", b"2 0 <<>>")),
        (
            "more objects than numbers",
            packed("/N 4294967295 /First 4294967295", b"1 0 <<>>"),
        ),
        ("a table of a billion entries", table("1000000000")),
        ("a table of more entries than numbers", table("99999999999999999999")),
        (
            "a cross-reference stream of endless rows",
            cross_reference_stream("/Size 2147483647 /W [0 0 0] /Index [0 2147483647]"),
        ),
        (
            "a cross-reference stream of wide rows",
            cross_reference_stream("/Size 1 /W [9223372036854775807 9223372036854775807 2]"),
        ),
        (
            "a message of an absurd length",
            with_message(&[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3]),
        ),
        (
            "a message of more than all bytes",
            with_message(&[0x30, 0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0]),
        ),
        (
            "a message that never ends",
            with_message(&repeated(&[0x30, 0x80], 60_000)),
        ),
        (
            "a message of ten megabytes",
            with_message(&sequences(0).repeat(5 << 20)),
        ),
        ("a message of sequences in sequences", with_message(&sequences(4_000))),
        ("five thousand signatures", signatures(5_000)),
        (
            "five hundred later revisions",
            revisions(stage.base(Permits::Unsaid), 500),
        ),
        ("an unfinished signature as long as the file", with_message(&[])),
    ]
}

#[test]
fn each_hostile_document_has_a_report_that_says_why_it_does_not_pass() {
    let verifier = Root::new("示例根").verifier();
    for (name, bytes) in documents() {
        let report = verifier.verify(&bytes, None, noon());
        assert_ne!(report.indication, Indication::TotalPassed, "{name}");
        assert_eq!(report.size_bytes, bytes.len() as u64, "{name}");
        assert!(!report.findings.is_empty(), "{name}");
    }
}

/// In a process that may have no more memory than the limit and what the program itself takes: one that asked for more
/// would abort, and have no report.
#[test]
fn no_hostile_document_takes_more_memory_than_the_limit() {
    let folder = Folder::new();
    let documents = documents();
    let names: Vec<_> = (0..documents.len()).map(|place| format!("{place:02}.pdf")).collect();
    for (name, (_, bytes)) in names.iter().zip(&documents) {
        folder.write(name, bytes);
    }
    let limit = u32::try_from(Limits::default().memory_bytes / 1024).unwrap() + OWN_KILOBYTES;
    let output = Command::new("sh")
        .current_dir(&folder.0)
        .args(["-c", "ulimit -d \"$1\"; shift; exec \"$@\"", "sh", &limit.to_string()])
        .arg(env!("CARGO_BIN_EXE_yinxin"))
        .args(["verify", "--json"])
        .args(&names)
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap().lines().count();
    let next = documents.get(lines).map(|(name, _)| name);
    assert!(
        matches!(output.status.code(), Some(1 | 2)),
        "{next:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(lines, documents.len(), "{next:?}");
}

/// Signatures that all cover the same large file, each but for its own value, with a message that asks for a digest.
fn signatures_over_a_large_file(count: u32, digest: Digest) -> Vec<u8> {
    let message = {
        let identity = Root::new("示例根").seal(&Leaf::default());
        let message = identity.sign_detached(&[b"something else"]).unwrap();
        // The same length: the last byte of SHA-256, SHA-384, SHA-512, SHA3-256, … is what differs.
        let (sha256, other) = (Digest::Sha256.oid().to_der().unwrap(), digest.oid().to_der().unwrap());
        let mut out = message.clone();
        for at in 0..message.len() - sha256.len() {
            if message[at..].starts_with(&sha256) {
                out[at..at + other.len()].copy_from_slice(&other);
            }
        }
        data_encoding::HEXLOWER.encode(&out)
    };
    let fields: String = (0..count).map(|place| format!("{} 0 R ", 10 + 2 * place)).collect();
    let mut pdf = document(&format!("/AcroForm << /Fields [{fields}] >>"), |pdf| {
        for place in 0..count {
            let number = 10 + 2 * place;
            pdf.object(number, &format!("<< /FT /Sig /T (s{place}) /V {} 0 R >>", number + 1));
            pdf.object(
                number + 1,
                &format!(
                    "<< /Type /Sig /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] \
                     /Contents <{message}> >>"
                ),
            );
        }
        raw_stream(pdf, 5, "", &vec![b' '; MAX_DOCUMENT_BYTES - (16 << 20)]);
    });
    let (empty, contents) = (b"[0 ********** ********** **********]", b"/Contents <");
    let length = pdf.len();
    let mut at = 0;
    while let Some(found) = pdf[at..(at + (4 << 20)).min(length)]
        .windows(empty.len())
        .position(|window| window == empty)
    {
        let place = at + found;
        let start = place + super::attacks::find(&pdf[place..], contents) + contents.len() - 1;
        let end = start + message.len() + 2;
        let range = format!("[0 {start} {end} {}", length - end);
        let range = format!("{range:<width$}]", width = empty.len() - 1);
        pdf[place..place + empty.len()].copy_from_slice(range.as_bytes());
        at = end;
    }
    pdf
}

#[test]
fn many_signatures_over_one_large_file_end_in_a_report_that_names_the_limit() {
    let verifier = Root::new("示例根").verifier();
    for digest in [Digest::Sha256, Digest::Sha512, Digest::Sha3_512] {
        let document = signatures_over_a_large_file(2_000, digest);
        assert!(document.len() <= MAX_DOCUMENT_BYTES, "{}", document.len());
        let report = verifier.verify(&document, None, noon());
        let named = |limit: &str| {
            let mut findings = report.findings.iter();
            findings.any(|finding| finding.code == "limit_exceeded" && finding.message.en.contains(limit))
        };
        assert!(named("time_ms"), "{digest:?}: {:?}", report.findings.first());
        assert_eq!(report.signatures.len(), MAX_SIGNATURES, "{digest:?}");
        assert!(!report.signatures.iter().any(|signature| signature.intact));
        assert_ne!(report.indication, Indication::TotalPassed);
    }
}

#[test]
fn each_limit_is_named_where_it_is_exceeded() {
    let scene = Scene::new();
    let cases = [
        (
            "document_bytes",
            Limits {
                document_bytes: scene.sealed.len() - 1,
                ..Limits::default()
            },
        ),
        (
            "memory_bytes",
            Limits {
                memory_bytes: scene.sealed.len(),
                ..Limits::default()
            },
        ),
        (
            "time_ms",
            Limits {
                time: std::time::Duration::ZERO,
                ..Limits::default()
            },
        ),
    ];
    for (limit, limits) in cases {
        let report = scene
            .verifier
            .clone()
            .within(limits)
            .verify(&scene.sealed, None, noon());
        assert_eq!(report.indication, Indication::Indeterminate, "{limit}");
        let named = report.findings.iter().any(|finding| {
            finding.code == "limit_exceeded" && finding.message.en.contains(limit) && finding.message.zh.contains(limit)
        });
        assert!(named, "{limit}: {:?}", report.findings);
    }
    let enough = Limits {
        document_bytes: scene.sealed.len(),
        ..Limits::default()
    };
    let report = scene
        .verifier
        .clone()
        .within(enough)
        .verify(&scene.sealed, None, noon());
    assert_eq!(report.indication, Indication::TotalPassed);
}
