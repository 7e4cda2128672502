//! What is verified and issued: certificates of the types that are delivered, each with other data.

use std::{fs, path::Path, sync::Arc};

use jiff::Timestamp;
use ring::rand::SystemRandom;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Map, Value, json};
use yinxin::{
    certificate::{Content, Drawn, ElectronicSeal, Fonts, Press, SealOrder, Sheet, Types, seal_ofd},
    department::Department,
    ids::{CertificateIdentifier, CertificateType, CreditCode, DepartmentId, PersonName, Subject, SubjectId},
    keys::{Identity, authority::Validity, x509::Sm2Authority},
};

pub const KINDS: [&str; 2] = ["shebao-canbao", "gongjijin-jiaocun"];

/// A picture of a size that is usual, in bytes.
const PICTURE_BYTES: usize = 12_000;

const ID: &str = "653199199003070015";

/// A root, and one who may use a seal.
pub struct County {
    pub root: Vec<u8>,
    seal: ElectronicSeal,
    types: Types,
    press: Press,
}

/// A certificate that waits to be written and sealed.
pub struct LaidOut {
    drawn: Drawn,
    sheet: Sheet,
    title: String,
}

impl County {
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("yinxin-ofd-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let random = SystemRandom::new();
        let validity = Validity::days("2026-11-01T00:00:00Z".parse().unwrap(), 365);
        let authority = Sm2Authority::create("示例根", validity, &random).unwrap();
        let identity = |name: &str| {
            let issued = authority.seal(name, "示例县", validity, &random).unwrap();
            let (certificate, key) = (folder.join("own.pem"), folder.join("own.key"));
            issued.save(&certificate, &key).unwrap();
            Identity::load_plain(&certificate, &key).unwrap()
        };
        let (maker, signer) = (identity("示例制章单位"), identity("示例县人社局"));
        fs::remove_dir_all(&folder).unwrap();
        let mut picture = b"\x89PNG\r\n\x1A\n".to_vec();
        picture.resize(PICTURE_BYTES, 7);
        let order = SealOrder {
            id: "65312500000001",
            name: "示例县人社局",
            signers: &signer.chain,
            picture: &picture,
            valid_from: validity.not_before,
            valid_until: validity.not_after,
        };
        let seal = order.make(&maker).unwrap();
        let root = CertificateDer::from_pem_slice(authority.root_pem().unwrap().as_bytes()).unwrap();
        let types = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/certificates");
        Self {
            root: root.to_vec(),
            seal: ElectronicSeal::new(seal, signer).unwrap(),
            types: Types::load(&types).unwrap(),
            press: Press::new(Arc::new(Fonts::new(vec!["/usr/share/fonts".into()])), 1),
        }
    }

    /// Another one for each place.
    pub fn lay_out(&self, kind: &str, count: usize, place: usize) -> LaidOut {
        let definition = self.types.definition(&CertificateType::parse(kind).unwrap()).unwrap();
        let issuer = Department {
            id: DepartmentId::parse("shache-hr").unwrap(),
            name: "莎车县人力资源和社会保障局".to_owned(),
            name_en: String::new(),
            credit_code: CreditCode::parse("11653125MB99990018").unwrap(),
            division: "653125".to_owned(),
        };
        let number = format!("2026{place:010}");
        let identifier = CertificateIdentifier::new(&definition.form.code, &issuer.credit_code, &number, 1);
        let sheet = Content {
            definition: &definition,
            issuer: &issuer,
            holder: &Subject {
                id: SubjectId::parse("citizen_id", ID).unwrap(),
                name: PersonName::parse("示例人甲").unwrap(),
            },
            records: &records(kind, count, place),
            identifier: &identifier.unwrap(),
            number: &number,
            verification_code: "7K3MPQ9XATB2C8RWZH05",
            portal: "https://localhost:8444",
            issued_at: time(),
            valid_from: "2026-11-05".parse().unwrap(),
            valid_until: "2027-02-02".parse().unwrap(),
        };
        let sheet = sheet.sheet().unwrap();
        LaidOut {
            drawn: self.press.draw_now(&sheet).unwrap(),
            sheet,
            title: definition.form.title.clone(),
        }
    }

    /// Writes and seals it. What it was laid out from is given back.
    pub fn seal(&self, laid_out: LaidOut) -> (Vec<u8>, Sheet) {
        let LaidOut { drawn, sheet, title } = laid_out;
        let sealing = drawn.prepare(&sheet, &title, &self.seal, time()).unwrap();
        (seal_ofd(sealing, &self.seal, time()).unwrap(), sheet)
    }

    pub fn issue(&self, kind: &str, count: usize, place: usize) -> Vec<u8> {
        self.seal(self.lay_out(kind, count, place)).0
    }
}

fn time() -> Timestamp {
    "2026-11-05T03:00:00Z".parse().unwrap()
}

fn records(kind: &str, count: usize, number: usize) -> Vec<Map<String, Value>> {
    let status = if kind == "gongjijin-jiaocun" {
        "正常"
    } else {
        "参保缴费"
    };
    (0..count)
        .map(|place| {
            let record = json!({
                "id_number": ID, "name": "示例人甲", "employer": "莎车县示例纺织有限责任公司",
                "month": format!("{}-{:02}", 2009 + place / 12, place % 12 + 1),
                "base_amount": format!("{}.00", 3_204 + 37 * (place / 12) + number % 1_000),
                "personal_amount": "256.32", "employer_amount": "512.64",
                "insurance_number": ID, "insurance_kind": "企业职工基本养老保险", "status": status,
                "account_number": "0006531990013", "balance": format!("{}.50", 1_230 + 512 * place),
            });
            record.as_object().unwrap().clone()
        })
        .collect()
}
