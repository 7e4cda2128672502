//! The press, with the types that are shipped, judged by poppler.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{fs, path::Path, process::Command};

use serde_json::{Map, Value, json};

use super::*;
use crate::{
    certificate::{
        content::Content,
        types::{TypeDefinition, Types},
    },
    department::Department,
    ids::{CertificateIdentifier, CertificateType, CreditCode, DepartmentId, PersonName, Subject, SubjectId},
};

const ID: &str = "653199199003070015";

fn press() -> Press {
    Press::new(Arc::new(Fonts::new(vec!["/usr/share/fonts".into()])), 1)
}

fn records(kind: &str, name: &str, count: usize) -> Vec<Map<String, Value>> {
    (0..count)
        .map(|place| {
            let month = format!("{}-{:02}", 2009 + place / 12, place % 12 + 1);
            let base = 3_204 + 37 * (place / 12);
            let record = json!({
                "id_number": ID, "name": name, "employer": "莎车县示例纺织有限责任公司", "month": month,
                "base_amount": format!("{base}.00"),
                "personal_amount": format!("{}.{:02}", base * 8 / 100, base * 8 % 100),
                "employer_amount": format!("{}.{:02}", base * 16 / 100, base * 16 % 100),
                "insurance_number": ID, "insurance_kind": "企业职工基本养老保险", "status": "参保缴费",
                "account_number": "0006531990013", "balance": format!("{}.50", 1_230 + 512 * place),
            });
            let mut record = record.as_object().unwrap().clone();
            if kind == "gongjijin-jiaocun" {
                record.insert("status".to_owned(), json!("正常"));
            }
            record
        })
        .collect()
}

fn sheet_of(kind: &str, name: &str, count: usize, change: impl Fn(&mut TypeDefinition)) -> Sheet {
    let types = Types::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/certificates")).unwrap();
    let mut definition = (*types.definition(&CertificateType::parse(kind).unwrap()).unwrap()).clone();
    change(&mut definition);
    let definition = Arc::new(definition);
    let issuer = Department {
        id: DepartmentId::parse("shache-hr").unwrap(),
        name: if kind == "shebao-canbao" {
            "莎车县人力资源和社会保障局"
        } else {
            "喀什地区住房公积金管理中心莎车县管理部"
        }
        .to_owned(),
        name_en: String::new(),
        credit_code: CreditCode::parse("11653125MB99990018").unwrap(),
        division: "653125".to_owned(),
    };
    let identifier =
        CertificateIdentifier::new(&definition.form.code, &issuer.credit_code, "20261122000017", 1).unwrap();
    Content {
        definition: &definition,
        issuer: &issuer,
        holder: &Subject {
            id: SubjectId::parse("citizen_id", ID).unwrap(),
            name: PersonName::parse(name).unwrap(),
        },
        records: &records(kind, name, count),
        identifier: &identifier,
        number: "20261122000017",
        verification_code: "7K3MPQ9XATB2C8RWZH05",
        portal: "https://localhost:8444",
        issued_at: "2026-11-22T04:00:00Z".parse().unwrap(),
        valid_from: "2026-11-22".parse().unwrap(),
        valid_until: "2027-02-19".parse().unwrap(),
    }
    .sheet()
    .unwrap()
}

fn sheet(name: &str, count: usize) -> Sheet {
    sheet_of("shebao-canbao", name, count, |_| {})
}

/// A folder that is gone when the test ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("yinxin-layout-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, pdf: &[u8]) -> String {
        let path = self.0.join("certificate.pdf");
        fs::write(&path, pdf).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn output(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().expect(program);
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

fn text_of(pdf: &[u8], name: &str) -> String {
    let folder = Folder::new(name);
    String::from_utf8(output("pdftotext", &["-layout", &folder.write(pdf), "-"])).unwrap()
}

#[test]
fn the_same_sheet_gives_the_same_bytes_and_another_time_gives_others() {
    let press = press();
    let first = press.lay_out_now(&sheet("甲·示例", 3)).unwrap();
    comemo::evict(0);
    let second = press.lay_out_now(&sheet("甲·示例", 3)).unwrap();
    assert!(first.pdf == second.pdf, "the bytes differ");
    let mut later = sheet("甲·示例", 3);
    later.issued_at = "2026-11-22T04:00:01Z".parse().unwrap();
    assert!(press.lay_out_now(&later).unwrap().pdf != first.pdf);
}

#[test]
fn rows_run_over_pages_and_the_seal_stands_on_the_last() {
    let press = press();
    for (rows, pages) in [(1, 1..=1), (12, 1..=2), (200, 5..=8)] {
        let laid = press.lay_out_now(&sheet("甲·示例", rows)).unwrap();
        assert!(pages.contains(&laid.pages), "{rows} rows: {} pages", laid.pages);
        assert_eq!(laid.seal.page, laid.pages - 1);
        let text = text_of(&laid.pdf, &format!("rows{rows}"));
        let of_pages = format!("第 {0} 页，共 {0} 页", laid.pages);
        assert!(text.contains(&of_pages), "{text}");
        assert_eq!(text.matches("缴费基数").count(), text.matches("单位缴费").count());
        assert!(
            text.matches("缴费基数").count() >= laid.pages - 1,
            "the header repeats on every page with rows"
        );
        let months = text
            .lines()
            .filter(|line| line.contains("莎车县示例纺织有限责任公司") && line.contains(".00"))
            .count();
        assert_eq!(months, rows, "{text}");
    }
}

#[test]
fn rare_names_are_drawn_and_can_be_read_back() {
    for (place, name) in ["𠮷㼆某", "买买提·示例", "䶮示例"].iter().enumerate() {
        let laid = press().lay_out_now(&sheet(name, 1)).unwrap();
        let text = text_of(&laid.pdf, &format!("rare{place}"));
        assert!(text.contains(name), "{name}: {text}");
    }
}

#[test]
fn a_character_that_no_font_has_is_named_and_nothing_is_laid_out() {
    let error = press().lay_out_now(&sheet("示\u{10FFFD}", 1)).unwrap_err();
    assert!(matches!(error, CertificateError::Glyph(0x10_FFFD)), "{error}");
}

#[test]
fn the_machine_readable_data_are_attached_as_they_are() {
    let sheet = sheet("甲·示例", 2);
    let laid = press().lay_out_now(&sheet).unwrap();
    let folder = Folder::new("attachment");
    let pdf = folder.write(&laid.pdf);
    let out = folder.0.join("out.json");
    output("pdfdetach", &["-save", "1", "-o", out.to_str().unwrap(), &pdf]);
    let attached = fs::read(&out).unwrap();
    assert_eq!(attached, sheet.attachment);
    let data: Value = serde_json::from_slice(&attached).unwrap();
    assert_eq!(data["metadata"]["ZZMC"], "社会保险参保证明");
    assert_eq!(data["metadata"]["CZZTDM"], ID);
    assert_eq!(data["metadata"]["CZZTDMLX"], "111");
    assert_eq!(data["records"].as_array().unwrap().len(), 2);
    assert_eq!(data["records"][1]["base_amount"], "3204.00");
}

#[test]
fn a_masked_field_shows_neither_on_the_page_nor_in_the_data() {
    let sheet = sheet_of("shebao-canbao", "甲·示例", 1, |definition| {
        for field in &mut definition.form.fields {
            if ["id_number", "insurance_number"].contains(&field.name.as_str()) {
                field.mask = crate::exchange::Mask::IdNumber;
            }
        }
    });
    assert!(!String::from_utf8_lossy(&sheet.attachment).contains(ID));
    let text = text_of(&press().lay_out_now(&sheet).unwrap().pdf, "mask");
    assert!(text.contains("653199********0015") && !text.contains(ID), "{text}");
}

#[test]
fn a_template_reads_nothing_but_its_own_files() {
    for source in [
        "#read(\"/etc/passwd\")",
        "#read(\"../type.toml\")",
        "#import \"@preview/cetz:0.3.0\"",
        "#image(\"https://example.invalid/a.png\")",
    ] {
        let sheet = sheet_of("shebao-canbao", "甲·示例", 1, |definition| {
            definition.template = source.to_owned()
        });
        let error = press().lay_out_now(&sheet).unwrap_err();
        assert!(matches!(error, CertificateError::Template(_)), "{source}: {error}");
    }
}

#[test]
fn a_template_error_names_file_and_line_and_no_data() {
    let sheet = sheet_of("shebao-canbao", "甲·示例", 1, |definition| {
        definition.template = "#let c = json(\"certificate.json\")\n\n#decimal(c.holder.name)".to_owned();
    });
    let message = press().lay_out_now(&sheet).unwrap_err().to_string();
    assert!(message.contains("template.typ:3"), "{message}");
    assert!(!message.contains("示例"), "{message}");
}

#[test]
fn a_template_without_a_place_for_the_seal_or_without_the_data_issues_nothing() {
    let attach = "#pdf.attach(\"data.json\")";
    for (body, why) in [
        ("没有印章位置", "seal"),
        (attach, "seal"),
        ("#place(center + horizon, [#metadata(\"seal\") <seal>])", "data.json"),
        (
            "#pdf.attach(\"qr.svg\")#place(center + horizon, [#metadata(\"seal\") <seal>])",
            "data.json",
        ),
        (
            "#place(top + left, [#metadata(\"seal\") <seal>])#pdf.attach(\"data.json\")",
            "within the page",
        ),
    ] {
        let sheet = sheet_of("shebao-canbao", "甲·示例", 1, |definition| {
            definition.template = format!("#set page(margin: 10mm)\n{body}");
        });
        let error = press().lay_out_now(&sheet).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn characters_that_no_font_has_are_marked_and_then_lay_out() {
    let mut sheet = sheet("示例甲", 1);
    let name = sheet.content["holder"]["employer"].as_str().unwrap().to_owned();
    sheet.content["holder"]["employer"] = json!(format!("{name}\u{10FFFD}\u{7}"));
    assert!(matches!(press().lay_out_now(&sheet), Err(CertificateError::Glyph(_))));
    press().mark_missing(&mut sheet.content).unwrap();
    assert_eq!(sheet.content["holder"]["employer"], json!(format!("{name}□□")));
    press().lay_out_now(&sheet).unwrap();
}
