//! Tools that know nothing of our code judge our seal.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    attacks::gap,
    command::Folder,
    pki::{Leaf, Root},
    sample::{sealed, tiny},
};

struct Judged {
    folder: Folder,
    bytes: Vec<u8>,
}

impl Judged {
    fn new() -> Self {
        let root = Root::new("示例根");
        let bytes = sealed(&tiny("one"), &root.seal(&Leaf::default()));
        let folder = Folder::new();
        folder.write("sealed.pdf", &bytes);
        folder.write("root.pem", root.pem.as_bytes());
        Self { folder, bytes }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.0.join(name)
    }
}

/// What a tool prints, on either stream, and whether it was content.
#[track_caller]
pub fn ask(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn qpdf_finds_nothing_wrong() {
    let judged = Judged::new();
    let (content, text) = ask(Command::new("qpdf").arg("--check").arg(judged.path("sealed.pdf")));
    assert!(content && !text.contains("WARNING"), "{text}");
}

#[test]
fn openssl_verifies_the_message_over_the_signed_bytes() {
    let judged = Judged::new();
    let (start, end) = gap(&judged.bytes);
    let digits = &judged.bytes[start + 1..end - 1];
    let message = data_encoding::HEXLOWER.decode(digits).unwrap();
    let (message, _) = yinxin::formats::cms::split(&message).unwrap();
    judged.folder.write("seal.der", message);
    judged
        .folder
        .write("content", &[&judged.bytes[..start], &judged.bytes[end..]].concat());
    let mut command = Command::new("openssl");
    command.args([
        "cms",
        "-verify",
        "-binary",
        "-cades",
        "-purpose",
        "any",
        "-inform",
        "DER",
        "-out",
        "/dev/null",
    ]);
    command
        .arg("-in")
        .arg(judged.path("seal.der"))
        .arg("-content")
        .arg(judged.path("content"));
    command.arg("-CAfile").arg(judged.path("root.pem"));
    let (content, text) = ask(&mut command);
    assert!(content, "{text}");
}

#[test]
fn poppler_finds_the_seal_valid_trusted_and_over_the_whole_document() {
    let judged = Judged::new();
    let store = judged.path("nss");
    std::fs::create_dir(&store).unwrap();
    let database = format!("sql:{}", store.display());
    let (made, text) = ask(Command::new("certutil").args(["-N", "--empty-password", "-d", &database]));
    assert!(made, "{text}");
    let mut add = Command::new("certutil");
    add.args(["-A", "-n", "root", "-t", "C,C,C", "-d", &database, "-i"])
        .arg(judged.path("root.pem"));
    let (added, text) = ask(&mut add);
    assert!(added, "{text}");
    let mut command = Command::new("pdfsig");
    let (_, text) = ask(command.arg("-nssdir").arg(&store).arg(judged.path("sealed.pdf")));
    for fact in [
        "Signature is Valid.",
        "Certificate is Trusted.",
        "Total document signed",
    ] {
        assert!(text.contains(fact), "{fact} is not in: {text}");
    }
}

#[test]
fn pyhanko_finds_the_seal_valid_trusted_and_over_the_whole_document() {
    let judged = Judged::new();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = std::env::var_os("YINXIN_TEST_PYTHON").expect("tests/run sets YINXIN_TEST_PYTHON");
    let mut command = Command::new(python);
    command.arg(manifest.join("tests/formats/judges/pyhanko_seal.py"));
    let (_, text) = ask(command.arg(judged.path("sealed.pdf")).arg(judged.path("root.pem")));
    for fact in [
        "subfilter /ETSI.CAdES.detached",
        "coverage ENTIRE_FILE",
        "docmdp True",
        "valid True intact True trusted True",
        "bottom_line True",
    ] {
        assert!(text.contains(fact), "{fact} is not in: {text}");
    }
}
