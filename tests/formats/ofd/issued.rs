//! Certificates as OFD: the same text at the same places as in the PDF, sealed so that everybody finds it right.

use std::{fs, path::Path, process::Command, sync::Arc};

use data_encoding::BASE64;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use roxmltree::Document;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Map, Value, json};
use yinxin::{
    certificate::{Content, ElectronicSeal, ElectronicSealError, Fonts, Press, SealOrder, Sheet, Types, seal_ofd},
    department::Department,
    formats::ofd::Package,
    ids::{CertificateIdentifier, CertificateType, CreditCode, DepartmentId, PersonName, Subject, SubjectId},
    keys::{
        Algorithm, Identity,
        authority::{Validity, write_private},
        x509::Sm2Authority,
    },
    verification::{Indication, Trust, Verifier},
};

use super::{
    at,
    book::Book,
    seals::{Cast, MakeSeal, Sign},
};
use crate::command::Folder;

const ID: &str = "653199199003070015";
pub const ISSUED: &str = "2026-11-22T04:00:00Z";
pub const KINDS: [&str; 2] = ["shebao-canbao", "gongjijin-jiaocun"];

pub fn press() -> Press {
    Press::new(Arc::new(Fonts::new(vec!["/usr/share/fonts".into()])), 1)
}

fn records(kind: &str, count: usize) -> Vec<Map<String, Value>> {
    (0..count)
        .map(|place| {
            let status = if kind == "gongjijin-jiaocun" {
                "正常"
            } else {
                "参保缴费"
            };
            let record = json!({
                "id_number": ID, "name": "示例人甲", "employer": "莎车县示例（新疆）有限公司",
                "month": format!("{}-{:02}", 2009 + place / 12, place % 12 + 1),
                "base_amount": format!("{}.00", 3_204 + 37 * (place / 12)),
                "personal_amount": "256.32", "employer_amount": "512.64",
                "insurance_number": ID, "insurance_kind": "企业职工基本养老保险", "status": status,
                "account_number": "0006531990013", "balance": format!("{}.50", 1_230 + 512 * place),
            });
            record.as_object().unwrap().clone()
        })
        .collect()
}

pub fn sheet(kind: &str, count: usize) -> (Sheet, String) {
    let types = Types::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/certificates")).unwrap();
    let definition = types.definition(&CertificateType::parse(kind).unwrap()).unwrap();
    let issuer = Department {
        id: DepartmentId::parse("shache-hr").unwrap(),
        name: "莎车县人力资源和社会保障局".to_owned(),
        name_en: String::new(),
        credit_code: CreditCode::parse("11653125MB99990018").unwrap(),
        division: "653125".to_owned(),
    };
    let identifier =
        CertificateIdentifier::new(&definition.form.code, &issuer.credit_code, "20261122000017", 1).unwrap();
    let sheet = Content {
        definition: &definition,
        issuer: &issuer,
        holder: &Subject {
            id: SubjectId::parse("citizen_id", ID).unwrap(),
            name: PersonName::parse("示例人甲").unwrap(),
        },
        records: &records(kind, count),
        identifier: &identifier,
        number: "20261122000017",
        verification_code: "7K3MPQ9XATB2C8RWZH05",
        portal: "https://localhost:8444",
        issued_at: at(ISSUED),
        valid_from: "2026-11-22".parse().unwrap(),
        valid_until: "2027-02-19".parse().unwrap(),
    }
    .sheet()
    .unwrap();
    (sheet, definition.form.title.clone())
}

fn order<'a>(signer: &'a Identity, picture: &'a [u8], validity: Validity) -> SealOrder<'a> {
    SealOrder {
        id: "65312500000001",
        name: "示例县人社局",
        signers: &signer.chain,
        picture,
        valid_from: validity.not_before,
        valid_until: validity.not_after,
    }
}

/// A root, and a seal with one who may sign with it.
pub struct County {
    root: Vec<u8>,
    pub seal: ElectronicSeal,
}

impl County {
    pub fn new() -> Self {
        Self::with_picture(&BASE64.decode(super::seals::PNG.as_bytes()).unwrap())
    }

    /// One whose seal has a picture (PNG).
    pub fn with_picture(picture: &[u8]) -> Self {
        let (folder, random) = (Folder::new(), SystemRandom::new());
        let validity = Validity::days(at("2026-11-01T00:00:00Z"), 365);
        let authority = Sm2Authority::create("示例根", validity, &random).unwrap();
        let identity = |name: &str| {
            let issued = authority.seal(name, "示例县", validity, &random).unwrap();
            let (certificate, key) = (folder.0.join("own.pem"), folder.0.join("own.key"));
            issued.save(&certificate, &key).unwrap();
            Identity::load_plain(&certificate, &key).unwrap()
        };
        let (maker, signer) = (identity("示例制章单位"), identity("示例县人社局"));
        let seal = order(&signer, picture, validity).make(&maker).unwrap();
        let root = CertificateDer::from_pem_slice(authority.root_pem().unwrap().as_bytes()).unwrap();
        Self {
            root: root.to_vec(),
            seal: ElectronicSeal::new(seal, signer).unwrap(),
        }
    }

    pub fn issue(&self, press: &Press, kind: &str, count: usize) -> Vec<u8> {
        let (sheet, title) = sheet(kind, count);
        let time: Timestamp = at(ISSUED);
        let sealing = press
            .draw_now(&sheet)
            .unwrap()
            .prepare(&sheet, &title, &self.seal, time)
            .unwrap();
        seal_ofd(sealing, &self.seal, time).unwrap()
    }

    pub fn verifier(&self) -> Verifier {
        Verifier::new(Trust::new(vec![self.root.clone().into()], at(ISSUED)).unwrap())
    }
}

/// A small one, and the root of who issued it.
pub fn seed() -> (Book, Vec<u8>) {
    let county = County::new();
    let ofd = county.issue(&press(), KINDS[0], 1);
    (Book::of(&Package::read(&ofd).unwrap()), county.root)
}

#[test]
fn every_type_as_ofd_passes_and_says_of_itself_what_it_certifies() {
    let (county, press) = (County::new(), press());
    for kind in KINDS {
        let ofd = county.issue(&press, kind, 30);
        let report = county.verifier().verify(&ofd, None, at("2026-11-22T05:00:00Z"));
        assert_eq!(
            report.indication,
            Indication::TotalPassed,
            "{kind}: {:#?}",
            report.findings
        );
        assert_eq!(report.modified_after_signing, Some(false));
        assert!(report.signatures[0].covers_whole_document);
        assert!(report.signatures[0].seal_picture.is_some());
        let stated = |name: &str| {
            report
                .stated
                .iter()
                .find(|said| said.name == name)
                .map(|said| said.value.clone())
        };
        assert_eq!(stated("CZZT").as_deref(), Some("示例人甲"));
        assert!(stated("ZZBS").unwrap().starts_with("1.2.156.3005.2."));
    }
}

#[test]
fn the_same_certificate_is_the_same_file_again() {
    let (county, press) = (County::new(), press());
    assert_eq!(county.issue(&press, KINDS[0], 5), county.issue(&press, KINDS[0], 5));
}

#[test]
fn a_script_of_its_own_finds_the_seal_right() {
    let county = County::new();
    let ofd = county.issue(&press(), KINDS[0], 5);
    let folder = Folder::new();
    let (file, root) = (folder.write("issued.ofd", &ofd), folder.write("root.der", &county.root));
    let python = std::env::var("YINXIN_TEST_PYTHON").expect("tests/run sets YINXIN_TEST_PYTHON");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/ofd/recheck.py");
    let output = Command::new(python).arg(script).arg(file).arg(root).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn whoever_signs_later_leaves_the_seal_as_it_is_and_changes_break_it() {
    let county = County::new();
    let ofd = county.issue(&press(), KINDS[0], 5);
    let mut book = Book::of(&Package::read(&ofd).unwrap());
    let cast = Cast::new();
    let second = Sign {
        folder: "Doc_0/Signs/Sign_1",
        ..Sign::default()
    };
    second.seal(
        &mut book,
        &MakeSeal::new(4, &cast.signer).make(&cast.maker),
        &cast.signer,
    );
    let roots = vec![county.root.clone().into(), cast.root.certificate.clone().into()];
    let verifier = Verifier::new(Trust::new(roots, at(ISSUED)).unwrap());
    let report = verifier.verify(&book.zip(), None, at("2026-11-22T05:00:00Z"));
    assert_eq!(report.indication, Indication::TotalPassed, "{:#?}", report.findings);
    assert_eq!(report.signatures.len(), 2);
    for (place, (path, _)) in book.files.clone().iter().enumerate() {
        if path.starts_with("Doc_0/Signs/") {
            continue;
        }
        let mut changed = book.clone();
        changed.files[place].1.push(b' ');
        let report = verifier.verify(&changed.zip(), None, at("2026-11-22T05:00:00Z"));
        assert_eq!(report.indication, Indication::TotalFailed, "{path}");
        assert_eq!(report.modified_after_signing, Some(true), "{path}");
    }
}

/// A text and where it stands on a page, in millimetres.
struct Word {
    page: usize,
    text: String,
    x: f64,
    baseline: f64,
}

#[test]
fn text_stands_where_it_stands_in_the_pdf_and_nothing_is_missing() {
    let (county, press) = (County::new(), press());
    for kind in KINDS {
        let package = Package::read(&county.issue(&press, kind, 40)).unwrap();
        let ofd = words_of_ofd(&package);
        let (sheet, _) = sheet(kind, 40);
        let pdf = words_of_pdf(&press.lay_out_now(&sheet).unwrap().pdf);
        let letters = |words: &[Word], page: usize| {
            let own = words.iter().filter(|word| word.page == page);
            let mut letters: Vec<char> = own
                .flat_map(|word| word.text.chars())
                .filter(|c| !c.is_whitespace())
                .collect();
            letters.sort_unstable();
            letters
        };
        let pages = pdf.iter().map(|word| word.page).max().unwrap() + 1;
        assert!(pages > 1, "{kind}");
        for page in 0..pages {
            assert_eq!(letters(&ofd, page), letters(&pdf, page), "{kind}, page {page}");
        }
        let mut compared = 0;
        for word in &ofd {
            // A box of poppler ends with the descent of the font: 3 mm are less than a line.
            let near = |other: &&Word| {
                let apart = [other.x - word.x, (other.baseline - word.baseline) / 10.0];
                other.page == word.page && other.text == word.text && apart.iter().all(|apart| apart.abs() < 0.3)
            };
            compared += usize::from(pdf.iter().any(|other| near(&other)));
        }
        assert!(compared > 100, "{kind}: {compared} of {}", ofd.len());
    }
}

#[test]
fn every_font_is_embedded_with_the_glyphs_that_are_used() {
    let package = Package::read(&County::new().issue(&press(), KINDS[0], 5)).unwrap();
    let resources = String::from_utf8(package.file("Doc_0/PublicRes.xml").unwrap().to_vec()).unwrap();
    let resources = Document::parse(&resources).unwrap();
    let fonts: Vec<_> = resources
        .descendants()
        .filter(|node| node.has_tag_name_local("Font"))
        .collect();
    assert!(fonts.len() >= 2);
    for font in fonts {
        let file = font
            .descendants()
            .find(|node| node.has_tag_name_local("FontFile"))
            .unwrap()
            .text()
            .unwrap();
        let bytes = package.file(&format!("Doc_0/Res/{file}")).unwrap();
        let face = ttf_parser::Face::parse(bytes, 0).unwrap();
        let page = String::from_utf8(package.file("Doc_0/Pages/Page_0/Content.xml").unwrap().to_vec()).unwrap();
        let page = Document::parse(&page).unwrap();
        let own = page
            .descendants()
            .filter(|node| node.has_tag_name_local("TextObject") && node.attribute("Font") == font.attribute("ID"));
        for glyphs in own.flat_map(|text| text.descendants().filter(|node| node.has_tag_name_local("Glyphs"))) {
            for glyph in glyphs.text().unwrap().split(' ') {
                assert!(glyph.parse::<u16>().unwrap() < face.number_of_glyphs());
            }
        }
    }
}

pub trait LocalName {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl LocalName for roxmltree::Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn words_of_ofd(package: &Package) -> Vec<Word> {
    let mut words = Vec::new();
    for page in 0.. {
        let Some(content) = package.file(&format!("Doc_0/Pages/Page_{page}/Content.xml")) else {
            break;
        };
        let text = String::from_utf8(content.to_vec()).unwrap();
        let document = Document::parse(&text).unwrap();
        for object in document
            .descendants()
            .filter(|node| node.has_tag_name_local("TextObject"))
        {
            let numbers = |value: &str| -> Vec<f64> { value.split(' ').map(|part| part.parse().unwrap()).collect() };
            let boundary = numbers(object.attribute("Boundary").unwrap());
            let codes = object.descendants().filter(|node| node.has_tag_name_local("TextCode"));
            let all: String = codes.clone().filter_map(|code| code.text()).collect();
            let first = codes.clone().next().unwrap();
            words.push(Word {
                page,
                text: all.trim().to_owned(),
                x: boundary[0] + numbers(first.attribute("X").unwrap())[0],
                baseline: boundary[1] + numbers(first.attribute("Y").unwrap())[0],
            });
        }
    }
    words
}

fn words_of_pdf(pdf: &[u8]) -> Vec<Word> {
    let folder = Folder::new();
    let file = folder.write("issued.pdf", pdf);
    let out = folder.0.join("words.html");
    assert!(
        Command::new("pdftotext")
            .arg("-bbox")
            .arg(file)
            .arg(&out)
            .status()
            .unwrap()
            .success()
    );
    let text = fs::read_to_string(out).unwrap();
    let text = text.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0;
    let document = Document::parse(text).unwrap();
    let mut words = Vec::new();
    let pages = document.descendants().filter(|node| node.has_tag_name_local("page"));
    for (page, node) in pages.enumerate() {
        for word in node.descendants().filter(|node| node.has_tag_name_local("word")) {
            let number = |name: &str| word.attribute(name).unwrap().parse::<f64>().unwrap() * 25.4 / 72.0;
            words.push(Word {
                page,
                text: word.text().unwrap_or_default().to_owned(),
                x: number("xMin"),
                baseline: number("yMax"),
            });
        }
    }
    words
}

#[test]
fn the_command_makes_what_openssl_and_the_verifier_accept() {
    let folder = Folder::new();
    let run = |arguments: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_yinxin"))
            .arg("keys")
            .args(arguments.split(' '))
            .current_dir(&folder.0)
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let keys = |arguments: &str| assert_eq!(run(arguments), (true, String::new()), "{arguments}");
    write_private(&folder.0.join("password"), b"of the keys of seals").unwrap();
    let password = "--password file:password";
    keys("authority --algorithm sm2 --dir root --name 示例根");
    for name in ["maker", "signer"] {
        keys(&format!(
            "seal --authority root --out {name} --name 示例县人社局 --department 示例县 {password}"
        ));
        let verified = Command::new("openssl")
            .args("verify -x509_strict -vfyopt distid:1234567812345678 -CAfile root/root.pem".split(' '))
            .arg(format!("{name}.pem"))
            .current_dir(&folder.0)
            .output()
            .unwrap();
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
    }
    let make = |out: &str, maker: &str| {
        format!(
            "seal-make --maker {maker} --signer signer.pem --name 示例县人社局 --id 65312500000001 --out {out} {password}"
        )
    };
    keys(&make("seal.esl", "maker"));
    let load = |name: &str| {
        let file = |suffix: &str| folder.0.join(format!("{name}.{suffix}"));
        Identity::load(&file("pem"), &file("key"), Some("of the keys of seals")).unwrap()
    };
    let seal = fs::read(folder.0.join("seal.esl")).unwrap();
    assert!(matches!(
        ElectronicSeal::new(seal.clone(), load("maker")),
        Err(ElectronicSealError::NotListed)
    ));
    assert!(ElectronicSeal::new(seal.clone(), load("signer")).is_ok());
    assert!(matches!(
        ElectronicSeal::new(seal[1..].to_vec(), load("signer")),
        Err(ElectronicSealError::Form)
    ));

    // Neither a maker nor a signer may have a key of another algorithm, and no key is used that is not under a password.
    keys("authority --dir other --name 示例根");
    keys(&format!(
        "seal --authority other --out p256 --name 示例县人社局 --department 示例县 {password}"
    ));
    let (made, said) = run(&make("other.esl", "p256"));
    assert!(
        !made && said.contains("SM2") && said.contains("EcdsaP256Sha256"),
        "{said}"
    );
    assert!(matches!(
        ElectronicSeal::new(seal, load("p256")),
        Err(ElectronicSealError::Algorithm(Algorithm::EcdsaP256Sha256))
    ));
    let issued = Sm2Authority::open(&folder.0.join("root")).unwrap();
    let issued = issued
        .seal(
            "明文",
            "示例县",
            Validity::days(Timestamp::now(), 2),
            &SystemRandom::new(),
        )
        .unwrap();
    issued
        .save(&folder.0.join("plain.pem"), &folder.0.join("plain.key"))
        .unwrap();
    let (made, said) = run(&make("plain.esl", "plain"));
    assert!(!made && said.contains("yinxin keys encrypt --key plain.key"), "{said}");
    assert!(!folder.0.join("other.esl").exists() && !folder.0.join("plain.esl").exists());

    // What is for TLS and timestamps is of the other kind of authority, which says so.
    let (made, said) = run("client --authority root --out client --name hr --department 示例县");
    assert!(!made && said.contains("SM2"), "{said}");
}
