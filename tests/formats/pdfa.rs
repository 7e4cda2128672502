//! Sealed certificates as PDF/A-3b: what sealing adds must keep to it.

use std::{path::Path, process::Command};

use crate::{
    command::Folder,
    county::{County, request_id},
    judges::ask,
    levels::everything,
    pki::{Leaf, Root},
};

/// A real certificate, sealed at a level.
async fn certificate(name: &str, level: &str, folder: &Folder) -> Vec<u8> {
    let root = Root::new("示例根");
    let list = folder.write("root.crl", &root.list(&[], (2026, 12, 1)));
    let seal = root.seal(&Leaf::default());
    let places = vec![yinxin::certificate::Place::File(list)];
    let county = County::sealing(name, level, seal, |clock| everything(&root, clock, places)).await;
    let certificate = county.issue("key-00000001").await.unwrap();
    let document = county
        .issuer
        .document(&request_id(), &county.hr, &certificate.identifier)
        .await;
    document.unwrap()
}

fn judge(folder: &Folder, document: &[u8]) -> String {
    let file = folder.write("judged.pdf", document);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("YINXIN_TEST_PYTHON").expect("tests/run sets YINXIN_TEST_PYTHON");
    let mut command = Command::new(python);
    let (_, text) = ask(command.arg(manifest.join("tests/formats/judges/pdfa.py")).arg(file));
    text
}

fn violations(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("6.")).collect()
}

#[tokio::test]
async fn a_sealed_certificate_of_every_level_keeps_to_pdf_a_3b_and_carries_its_data() {
    let folder = Folder::new();
    for level in ["B-B", "B-T", "B-LT", "B-LTA"] {
        let document = certificate(&format!("pdfa-{level}"), level, &folder).await;
        let text = judge(&folder, &document);
        assert!(text.contains("checked "), "{level}: {text}");
        assert!(violations(&text).is_empty(), "{level}: {text}");
        assert!(
            text.contains("attached data.json /Data /application/json"),
            "{level}: {text}"
        );
    }
}

#[tokio::test]
async fn the_judge_of_pdf_a_finds_what_sealing_could_break() {
    let folder = Folder::new();
    let document = certificate("pdfa-broken", "B-LTA", &folder).await;
    for (from, to, clause) in [
        ("/F 132", "/F 134", "6.3.2"),
        ("/BM /Multiply", "/BM /Multiple", "6.2.10"),
        ("/AP <<", "/AX <<", "6.3.3"),
        ("/Perms <<\n/DocMDP", "/Perms <<\n/DocMXP", "6.1.12"),
        ("/GTS_PDFA1", "/GTS_PDFX1", "6.2.3"),
        ("/AFRelationship/Data", "/AFRelationship/Dato", "6.8"),
    ] {
        let found = document
            .windows(from.len())
            .filter(|window| *window == from.as_bytes())
            .count();
        assert!(found > 0, "`{from}` is not in the document");
        let mut changed = document.clone();
        let mut at = 0;
        while let Some(place) = changed[at..]
            .windows(from.len())
            .position(|window| window == from.as_bytes())
        {
            changed[at + place..at + place + from.len()].copy_from_slice(to.as_bytes());
            at += place + from.len();
        }
        let text = judge(&folder, &changed);
        assert!(
            violations(&text).iter().any(|violation| violation.starts_with(clause)),
            "{clause}: {text}"
        );
    }
    let longer = [document.as_slice(), b"more"].concat();
    assert!(
        violations(&judge(&folder, &longer))
            .iter()
            .any(|violation| violation.starts_with("6.1.3"))
    );
}
