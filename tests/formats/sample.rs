//! Small documents, made by hand, and sealed.

use yinxin::{
    formats::pdf::{Appearance, DEFAULT_CONTENTS_BYTES, Seal, prepare},
    keys::Identity,
};

/// One page that says a word, with classic cross-references.
pub fn tiny(word: &str) -> Vec<u8> {
    let content = format!("BT /F1 24 Tf 72 700 Td ({word}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R /Lang (zh-CN) >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{content}\nendstream", content.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut table = "xref\n0 6\n0000000000 65535 f \n".to_owned();
    for (place, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", place + 1).bytes());
    }
    let at = out.len();
    let id = "<00112233445566778899AABBCCDDEEFF>";
    out.extend(format!("{table}trailer\n<< /Size 6 /Root 1 0 R /ID [{id} {id}] >>\nstartxref\n{at}\n%%EOF").bytes());
    out
}

/// A seal as the tests put it: a red circle low on the first page, at noon in China of 2 November 2026.
pub fn seal_of<'a>() -> Seal<'a> {
    Seal {
        page: 0,
        rectangle: [400.0, 100.0, 520.0, 220.0],
        appearance: Appearance {
            content: b"/Multiply gs 0.86 0.08 0.08 RG 4 w 60 4 m 91 4 116 29 116 60 c 116 91 91 116 60 116 c \
                       29 116 4 91 4 60 c 4 29 29 4 60 4 c S",
            bbox: [0.0, 0.0, 120.0, 120.0],
        },
        field: "Seal",
        description: "示例县人社局的电子印章",
        name: "示例县人社局",
        reason: Some("社会保险参保证明"),
        location: None,
        time: "2026-11-02T04:00:00Z".parse().unwrap(),
        contents_bytes: DEFAULT_CONTENTS_BYTES,
    }
}

pub fn sealed(pdf: &[u8], identity: &Identity) -> Vec<u8> {
    let prepared = prepare(pdf, &seal_of()).unwrap();
    let cms = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    prepared.finish(&cms).unwrap()
}
