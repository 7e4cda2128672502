//! Tools that know nothing of our code: OpenSSL for SM3 and SM2, and a script of its own for the whole chain.

use std::{env, process::Command};

use sm3::{Digest as _, Sm3};

use super::{
    book::{Book, page},
    people::{IDENTITY, Person},
    seals::{Cast, sealed},
};
use crate::command::Folder;

fn ask(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn openssl_makes_the_same_sm3_digests() {
    let folder = Folder::new();
    for length in [0, 1, 55, 56, 63, 64, 65, 1_000, 100_000] {
        let content: Vec<u8> = (0..length).map(|at: u32| (at.wrapping_mul(31) >> 3) as u8).collect();
        let path = folder.write("content", &content);
        let (done, text) = ask(Command::new("openssl").args(["dgst", "-sm3", "-r"]).arg(path));
        let ours = data_encoding::HEXLOWER.encode(&Sm3::digest(&content));
        assert!(done && text.starts_with(&ours), "{length}: {text}");
    }
}

#[test]
fn openssl_verifies_our_sm2_values_and_chains_and_refuses_changed_ones() {
    let folder = Folder::new();
    let cast = Cast::new();
    let spki = {
        let (_, parsed) = x509_parser::parse_x509_certificate(&cast.signer.certificate).unwrap();
        parsed.public_key().raw.to_vec()
    };
    folder.write("key.der", &spki);
    folder.write("message", b"what was signed");
    folder.write("value", &cast.signer.sign(b"what was signed"));
    folder.write("other", &cast.signer.sign(b"what was not"));
    let verify = |value: &str| {
        let path = |name: &str| folder.0.join(name);
        ask(Command::new("openssl")
            .args([
                "pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pubin", "-keyform", "DER",
            ])
            .args(["-pkeyopt", &format!("distid:{IDENTITY}"), "-inkey"])
            .arg(path("key.der"))
            .arg("-in")
            .arg(path("message"))
            .arg("-sigfile")
            .arg(path(value)))
    };
    let (right, text) = verify("value");
    assert!(right, "{text}");
    assert!(!verify("other").0);

    let pem = |person: &Person| {
        let text = data_encoding::BASE64.encode(&person.certificate);
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    };
    let root = folder.write("root.pem", pem(&cast.root).as_bytes());
    let signer = folder.write("signer.pem", pem(&cast.signer).as_bytes());
    let (right, text) = ask(Command::new("openssl")
        .args(["verify", "-vfyopt", &format!("distid:{IDENTITY}"), "-CAfile"])
        .arg(root)
        .arg(signer));
    assert!(right, "{text}");
}

#[test]
fn a_value_that_openssl_made_is_right_here() {
    let folder = Folder::new();
    let path = |name: &str| folder.0.join(name);
    let (made, text) = ask(Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:SM2",
            "-out",
        ])
        .arg(path("key.pem")));
    assert!(made, "{text}");
    let (made, text) = ask(Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-new",
            "-sm3",
            "-sigopt",
            &format!("distid:{IDENTITY}"),
            "-days",
            "3650",
        ])
        .args([
            "-subj",
            "/C=CN/CN=OpenSSL",
            "-addext",
            "keyUsage=critical,digitalSignature,keyCertSign",
        ])
        .args([
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-outform",
            "DER",
            "-key",
        ])
        .arg(path("key.pem"))
        .arg("-out")
        .arg(path("own.der")));
    assert!(made, "{text}");
    let own = std::fs::read(path("own.der")).unwrap();
    let certificate = x509_parser::parse_x509_certificate(&own).unwrap().1;
    let point = certificate.public_key().subject_public_key.data.to_vec();
    folder.write("message", b"what was signed");
    let (made, text) = ask(Command::new("openssl")
        .args([
            "pkeyutl",
            "-sign",
            "-rawin",
            "-digest",
            "sm3",
            "-pkeyopt",
            &format!("distid:{IDENTITY}"),
            "-inkey",
        ])
        .arg(path("key.pem"))
        .arg("-in")
        .arg(path("message"))
        .arg("-out")
        .arg(path("value")));
    assert!(made, "{text}");
    use sm2::dsa::{Signature, VerifyingKey, signature::Verifier as _};
    let value = yinxin::formats::ses::sm2_value(&std::fs::read(path("value")).unwrap()).unwrap();
    let key = VerifyingKey::from_sec1_bytes(IDENTITY, &point).unwrap();
    let value = Signature::from_bytes(&value.into()).unwrap();
    assert!(key.verify(b"what was signed", &value).is_ok());
    assert!(key.verify(b"what was not", &value).is_err());
}

#[test]
fn a_script_of_its_own_finds_the_whole_chain_right_and_changes_wrong() {
    let cast = Cast::new();
    let book = sealed(&cast);
    assert_eq!(recheck(&book, &cast), (true, String::new()));
    let mut changed = book.clone();
    changed.put("Doc_0/Pages/Page_0/Content.xml", page("示例人乙"));
    let (right, text) = recheck(&changed, &cast);
    assert!(
        !right && text.contains("digest of Doc_0/Pages/Page_0/Content.xml"),
        "{text}"
    );
    let mut changed = book;
    let mut value = changed.take("Doc_0/Signs/Sign_0/SignedValue.dat");
    *value.last_mut().unwrap() ^= 1;
    changed.put("Doc_0/Signs/Sign_0/SignedValue.dat", value);
    let (right, text) = recheck(&changed, &cast);
    assert!(!right && text.contains("value of the signature"), "{text}");
}

/// What the script says of a book.
pub fn recheck(book: &Book, cast: &Cast) -> (bool, String) {
    let folder = Folder::new();
    let file = folder.write("sealed.ofd", &book.zip());
    let root = folder.write("root.der", &cast.root.certificate);
    let python = env::var("YINXIN_TEST_PYTHON").expect("tests/run sets YINXIN_TEST_PYTHON");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/ofd/recheck.py");
    let (right, text) = ask(Command::new(python).arg(script).arg(file).arg(root));
    (right, text.trim().to_owned())
}
