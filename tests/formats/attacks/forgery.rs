//! Universal forgery: the signature is made such that a verifier finds nothing to verify.

use super::{
    cases::{Case, Modified, case},
    scene::{FORGED_CONTENT, Permits, Stage},
};

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "universal forgery";
    let permits = Permits::Unsaid;
    let base = stage.base(permits);
    let at = super::find(base, b"/ByteRange [");
    let range_end = at + super::find(&base[at..], b"]") + 1;
    let range = String::from_utf8(base[at..range_end].to_vec()).unwrap();
    let contents_at = super::find(base, b"/Contents <");
    let contents_end = contents_at + super::find(&base[contents_at..], b">") + 1;
    let contents = String::from_utf8(base[contents_at..contents_end].to_vec()).unwrap();
    let head = "/Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached";

    let broken: &[(&str, String)] = &[
        ("no value", format!("{head} {range}")),
        ("a null value", format!("{head} {range} /Contents null")),
        ("an empty value", format!("{head} {range} /Contents <>")),
        ("a value of one zero", format!("{head} {range} /Contents <00>")),
        ("a value by reference", format!("{head} {range} /Contents 40 0 R")),
        ("a number for a value", format!("{head} {range} /Contents 1")),
        ("no range", format!("{head} {contents}")),
        ("a null range", format!("{head} {contents} /ByteRange null")),
        ("an empty range", format!("{head} {contents} /ByteRange []")),
        ("a range of nothing", format!("{head} {contents} /ByteRange [0 0 0 0]")),
        ("a negative range", format!("{head} {contents} /ByteRange [0 -1 -1 -1]")),
        (
            "a range past the end",
            format!("{head} {contents} /ByteRange [0 99999999 99999999 99999999]"),
        ),
        ("neither range nor value", head.to_owned()),
        (
            "no kind of signature",
            format!("/Type /Sig /Filter /Adobe.PPKLite {range} {contents}"),
        ),
        (
            "another kind of signature",
            format!("/Type /Sig /Filter /Adobe.PPKLite /SubFilter /none {range} {contents}"),
        ),
    ];
    // The signed dictionary is replaced by one that nobody could have signed, and the content with it.
    let mut cases: Vec<_> = broken
        .iter()
        .map(|(name, dictionary)| {
            let pdf = stage.update(permits, |w| {
                w.object(20, &format!("<< {dictionary} >>"))
                    .stream(5, "", FORGED_CONTENT)
                    .stream(40, "", "00");
            });
            case(
                class,
                format!("{name}, in a later revision"),
                pdf,
                &[
                    "signature_changed",
                    "signature_stray",
                    "byte_range_gap",
                    "byte_range_malformed",
                    "document_truncated",
                ],
            )
        })
        .collect();
    let bytes = |name: &str, pdf: Vec<u8>, codes| case(class, name, pdf, codes).headline(Modified::NotUnchanged);
    let tricks: &[&str] = &[
        "byte_range_gap",
        "byte_range_malformed",
        "document_truncated",
        "contents_malformed",
        "signature_missing",
        "cms_unreadable",
        "digest_differs",
        "signature_stray",
        "signature_kind_unknown",
    ];
    let same_length = |key: &str, by: &str| {
        assert_eq!(key.len(), by.len());
        let at = super::find(base, key.as_bytes());
        [&base[..at], by.as_bytes(), &base[at + key.len()..]].concat()
    };
    cases.extend([
        bytes(
            "the range renamed in place",
            same_length("/ByteRange", "/BiteRange"),
            tricks,
        ),
        bytes(
            "the value renamed in place",
            same_length("/Contents <", "/Contentz <"),
            tricks,
        ),
        bytes(
            "all zeros for a value",
            same_length(&contents, &format!("/Contents <{}>", "0".repeat(contents.len() - 12))),
            tricks,
        ),
        bytes("no kind in place", same_length("/SubFilter", "/SobFilter"), tricks),
        bytes(
            "an old kind in place",
            same_length("/ETSI.CAdES.detached", "/adbe.pkcs7.sha1    "),
            tricks,
        ),
    ]);
    cases
}
