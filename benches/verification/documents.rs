//! What is verified: documents of a certificate's size that one signer sealed, and one that many signed by turns.

use std::{path::Path, process::Command};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SignatureAlgorithm, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use yinxin::{
    formats::pdf::{Appearance, Seal, prepare},
    keys::{Identity, SoftwareKey},
};

/// About what an e-certificate with its fonts comes to, in bytes.
const PAGE_BYTES: usize = 100_000;

/// Room for each of many signatures, in bytes.
const ROOM: usize = 2_048;

pub struct Signed {
    pub bytes: Vec<u8>,
    pub root: CertificateDer<'static>,
}

/// Keys of RSA are made by OpenSSL: ring makes none.
fn key(algorithm: &'static SignatureAlgorithm, folder: &Path) -> KeyPair {
    if algorithm != &PKCS_RSA_SHA256 {
        return KeyPair::generate_for(algorithm).unwrap();
    }
    let path = folder.join("rsa.pem");
    let mut command = Command::new("openssl");
    command.args([
        "genpkey",
        "-quiet",
        "-algorithm",
        "RSA",
        "-pkeyopt",
        "rsa_keygen_bits:2048",
        "-out",
    ]);
    assert!(command.arg(&path).status().unwrap().success(), "openssl makes no key");
    let key = PrivateKeyDer::from_pem_file(&path).unwrap();
    KeyPair::from_der_and_sign_algo(&key, algorithm).unwrap()
}

fn parameters(name: &str, usages: Vec<KeyUsagePurpose>) -> CertificateParams {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, "CN");
    subject.push(DnType::CommonName, name);
    let mut params = CertificateParams::default();
    params.distinguished_name = subject;
    params.key_usages = usages;
    params.use_authority_key_identifier_extension = true;
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2045, 1, 1));
    params
}

/// A signer under a root, both with keys of one kind.
fn signer(algorithm: &'static SignatureAlgorithm, folder: &Path) -> (Identity, CertificateDer<'static>) {
    let root_key = key(algorithm, folder);
    let mut root = parameters("示例根", vec![KeyUsagePurpose::KeyCertSign]);
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_certificate = root.self_signed(&root_key).unwrap();
    let issuer = Issuer::new(root, root_key);

    let own = key(algorithm, folder);
    let usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::ContentCommitment];
    let leaf = parameters("示例县人社局 电子印章", usages);
    let leaf = leaf.signed_by(&own, &issuer).unwrap();
    let own = SoftwareKey::from_pkcs8(&own.serialize_der()).unwrap();
    let identity = Identity::new(Box::new(own), vec![leaf.der().clone()]).unwrap();
    (identity, root_certificate.der().clone())
}

fn page() -> Vec<u8> {
    let content = "0 0 m 9 9 l S\n".repeat(PAGE_BYTES / 14);
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
    ];
    let mut out = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec();
    append(&mut out, &objects.map(Some), None);
    out
}

/// Appends a section with these objects, numbered from 1 on, and leaves out those that are none.
fn append(out: &mut Vec<u8>, objects: &[Option<String>], previous: Option<usize>) {
    let mut table = if previous.is_none() {
        "xref\n0 1\n0000000000 65535 f \n"
    } else {
        "xref\n"
    }
    .to_owned();
    for (place, object) in objects.iter().enumerate() {
        let Some(object) = object else { continue };
        table.push_str(&format!("{} 1\n{:010} 00000 n \n", place + 1, out.len()));
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", place + 1).bytes());
    }
    let at = out.len();
    let previous = previous.map(|at| format!("/Prev {at} ")).unwrap_or_default();
    let size = objects.len() + 1;
    out.extend(format!("{table}trailer\n<< /Size {size} /Root 1 0 R {previous}>>\nstartxref\n{at}\n%%EOF\n").bytes());
}

pub fn sealed(rsa: bool, folder: &Path) -> Signed {
    let (identity, root) = signer(if rsa { &PKCS_RSA_SHA256 } else { &PKCS_ECDSA_P256_SHA256 }, folder);
    let seal = Seal {
        page: 0,
        rectangle: [400.0, 100.0, 520.0, 220.0],
        appearance: Appearance {
            content: b"4 w 0 0 120 120 re S",
            bbox: [0.0, 0.0, 120.0, 120.0],
        },
        field: "Seal",
        description: "电子印章",
        name: "示例县人社局",
        reason: None,
        location: None,
        time: super::at(),
        contents_bytes: 4_096,
    };
    let prepared = prepare(&page(), &seal).unwrap();
    let message = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    Signed {
        bytes: prepared.finish(&message).unwrap(),
        root,
    }
}

/// One document that is signed so many times, each signature in a revision of its own.
pub fn signed_by_turns(signatures: usize, folder: &Path) -> Signed {
    let (identity, root) = signer(&PKCS_ECDSA_P256_SHA256, folder);
    let mut out = page();
    let mut previous = None;
    for place in 0..signatures {
        // Objects 1 to 4 are the page's, then for each signature its field and its dictionary.
        let field = |place: usize| 5 + 2 * place;
        let fields: String = (0..=place).map(|place| format!("{} 0 R ", field(place))).collect();
        let mut objects: Vec<Option<String>> = vec![None; field(place) + 1];
        let form = format!("/AcroForm << /Fields [{fields}] /SigFlags 3 >>");
        objects[0] = Some(format!("<< /Type /Catalog /Pages 2 0 R {form} >>"));
        objects[2] = Some(format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> /Annots [{fields}] >>"
        ));
        objects[field(place) - 1] = Some(format!(
            "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature{place}) /Rect [0 0 0 0] /F 132 /P 3 0 R /V {} 0 R >>",
            field(place) + 1
        ));
        objects[field(place)] = Some(format!(
            "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M (D:20261102120000+08'00') \
             /ByteRange [0 ********** ********** **********] /Contents <{}> >>",
            "0".repeat(2 * ROOM)
        ));
        let before = previous.unwrap_or_else(|| start_xref(&out));
        let start = out.len();
        append(&mut out, &objects, Some(before));
        previous = Some(start_xref(&out));
        sign(&mut out, start, &identity);
    }
    Signed { bytes: out, root }
}

fn start_xref(file: &[u8]) -> usize {
    let at = memchr::memmem::rfind(file, b"startxref\n").unwrap() + 10;
    let digits: String = file[at..]
        .iter()
        .map_while(|byte| byte.is_ascii_digit().then(|| char::from(*byte)))
        .collect();
    digits.parse().unwrap()
}

/// Signs the whole file with the empty signature that stands behind `from`.
fn sign(file: &mut [u8], from: usize, identity: &Identity) {
    let find = |file: &[u8], what: &[u8], from: usize| from + memchr::memmem::find(&file[from..], what).unwrap();
    let range_at = find(file, b"[0 *", from);
    let gap = find(file, b"/Contents <", from) + 10;
    let end = find(file, b">", gap) + 1;
    let width = find(file, b"]", range_at) - range_at;
    let range = format!("[0 {gap} {end} {}", file.len() - end);
    file[range_at..range_at + width].copy_from_slice(format!("{range:<width$}").as_bytes());
    let message = identity.sign_detached(&[&file[..gap], &file[end..]]).unwrap();
    let digits = data_encoding::HEXLOWER.encode(&message);
    file[gap + 1..gap + 1 + digits.len()].copy_from_slice(digits.as_bytes());
}
