//! The message in the gap, which no signature covers: whatever is done to it, another message is not the one that was
//! made.

use cms::{
    cert::CertificateChoices,
    content_info::{CmsVersion, ContentInfo},
    signed_data::{EncapsulatedContentInfo, SignedData, SignerInfo, SignerInfos},
};
use const_oid::ObjectIdentifier;
use der::{
    Any, Decode, Encode,
    asn1::{OctetString, SetOfVec},
};
use x509_cert::{Certificate, attr::Attribute};
use yinxin::verification::Indication;

use super::{
    cases::{Case, Modified, case},
    scene::{Permits, ROOM, Stage, ranged, signed_with, unsigned},
};
use crate::pki::Root;

/// The order of the group of P-256 (SEC 2, 2.4.2).
const P256_ORDER: [u8; 32] = [
    0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xBC, 0xE6, 0xFA,
    0xAD, 0xA7, 0x17, 0x9E, 0x84, 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51,
];

/// The other signature value that the same key and bytes have: `s` becomes the group's order less `s`.
pub fn other_value(value: &[u8]) -> Vec<u8> {
    let (r, s) = {
        let body = &value[2..];
        let (r, rest) = body[2..].split_at(usize::from(body[1]));
        (r.to_vec(), rest[2..].to_vec())
    };
    let padded = {
        let digits: Vec<u8> = s.iter().copied().skip_while(|byte| *byte == 0).collect();
        [vec![0; 32 - digits.len()], digits].concat()
    };
    let (mut other, mut borrow) = ([0_u8; 32], 0_i16);
    for place in (0..32).rev() {
        let less = i16::from(P256_ORDER[place]) - i16::from(padded[place]) - borrow;
        borrow = i16::from(less < 0);
        other[place] = u8::try_from(less.rem_euclid(256)).unwrap();
    }
    let integer = |bytes: &[u8]| {
        let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if digits[0] >= 0x80 { vec![0] } else { Vec::new() };
        [vec![2, u8::try_from(digits.len() + sign.len()).unwrap()], sign, digits].concat()
    };
    let body = [integer(&r), integer(&other)].concat();
    [vec![0x30, u8::try_from(body.len()).unwrap()], body].concat()
}

pub fn taken_apart(message: &[u8]) -> SignedData {
    ContentInfo::from_der(message).unwrap().content.decode_as().unwrap()
}

pub fn put_together(data: &SignedData) -> Vec<u8> {
    let info = ContentInfo {
        content_type: "1.2.840.113549.1.7.2".parse().unwrap(),
        content: Any::encode_from(data).unwrap(),
    };
    info.to_der().unwrap()
}

pub fn change_signer(data: &mut SignedData, change: impl Fn(&mut SignerInfo)) {
    let mut signer = data.signer_infos.0.as_slice()[0].clone();
    change(&mut signer);
    data.signer_infos = SignerInfos::try_from(vec![signer]).unwrap();
}

/// Signs, then changes the message before it goes into its gap.
fn with_message(stage: &Stage, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    signed_with(&unsigned(Permits::Unsaid).finish(), |pieces| {
        change(stage.identity.sign_detached(pieces).unwrap())
    })
}

fn with_data(stage: &Stage, change: impl FnOnce(&mut SignedData)) -> Vec<u8> {
    with_message(stage, |message| {
        let mut data = taken_apart(&message);
        change(&mut data);
        put_together(&data)
    })
}

fn attribute(oid: &str, value: Any) -> Attribute {
    Attribute {
        oid: oid.parse().unwrap(),
        values: SetOfVec::try_from(vec![value]).unwrap(),
    }
}

const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";

pub fn cases(stage: &Stage) -> Vec<Case> {
    let mut cases = written_otherwise(stage);
    cases.extend(tampered(stage));
    cases.extend(signers(stage));
    cases
}

/// The same message, written otherwise.
fn written_otherwise(stage: &Stage) -> Vec<Case> {
    let class = "the message written otherwise";
    let base = stage.base(Permits::Unsaid);
    let start = super::writer::last(base, b"/Contents <") + 11;
    let end = start + 2 * ROOM;
    let letter = (start..end).find(|at| base[*at].is_ascii_alphabetic()).unwrap();
    let in_place = |change: &dyn Fn(&mut [u8])| {
        let mut pdf = base.to_vec();
        change(&mut pdf[start..end]);
        pdf
    };
    let mixed = in_place(&|digits| digits[letter - start].make_ascii_uppercase());
    let padded = in_place(&|digits| *digits.last_mut().unwrap() = b'1');
    let indefinite = with_message(stage, |message| {
        // The outermost length: 30 82 xx xx becomes 30 80 … 00 00.
        assert_eq!(message[..2], [0x30, 0x82]);
        [&[0x30, 0x80], &message[4..], &[0, 0]].concat()
    });
    let long_length = with_message(stage, |message| [&[0x30, 0x83, 0x00], &message[2..]].concat());
    let form: &[&str] = &[
        "contents_malformed",
        "contents_padding",
        "cms_not_der",
        "cms_unreadable",
    ];
    let add = |name: &str, pdf| case(class, name, pdf, form).headline(Modified::MessageOnly);
    vec![
        add("one digit in upper case", mixed),
        add("padding that is no zero", padded),
        add("an indefinite length", indefinite),
        add("a length longer than needed", long_length),
    ]
}

fn tampered(stage: &Stage) -> Vec<Case> {
    let class = "the message tampered with";
    let add = |name: &str, codes: &'static [&'static str], change: &dyn Fn(&mut SignedData)| {
        case(class, name, with_data(stage, change), codes).headline(Modified::MessageOnly)
    };
    let stranger = Certificate::from_der(&stage.stranger.chain[0]).unwrap();
    let signed_attribute = |signer: &mut SignerInfo, oid: &str, by: Option<Any>| {
        let mut all = signer.signed_attrs.as_ref().unwrap().as_slice().to_vec();
        all.retain(|attribute| attribute.oid != oid.parse::<ObjectIdentifier>().unwrap());
        all.extend(by.map(|value| attribute(oid, value)));
        signer.signed_attrs = Some(SetOfVec::try_from(all).unwrap());
    };
    let digest = |byte: u8| Any::encode_from(&OctetString::new(vec![byte; 32]).unwrap()).unwrap();
    let unsigned: &[&str] = &["cms_unsigned_parts"];
    vec![
        add(
            "a stranger's certificate put in",
            &["cms_unused_certificate"],
            &|data| {
                let mut all = data.certificates.as_ref().unwrap().0.as_slice().to_vec();
                all.push(CertificateChoices::Certificate(stranger.clone()));
                data.certificates = Some(all.try_into().unwrap());
            },
        ),
        add("another root put in", &["cms_unused_certificate"], &|data| {
            let root = Certificate::from_der(&Root::new("路人示例根").der).unwrap();
            let mut all = data.certificates.as_ref().unwrap().0.as_slice().to_vec();
            all.push(CertificateChoices::Certificate(root));
            data.certificates = Some(all.try_into().unwrap());
        }),
        add(
            "a stranger's certificate instead",
            &["signer_certificate_missing", "signing_certificate_differs"],
            &|data| {
                let all = vec![CertificateChoices::Certificate(stranger.clone())];
                data.certificates = Some(all.try_into().unwrap());
            },
        ),
        add("no certificate", &["signer_certificate_missing"], &|data| {
            data.certificates = None
        }),
        add("an unsigned attribute", unsigned, &|data| {
            change_signer(data, |signer| {
                let junk = attribute("1.2.3.4", digest(1));
                signer.unsigned_attrs = Some(SetOfVec::try_from(vec![junk]).unwrap());
            });
        }),
        add("the signed attributes as unsigned ones", unsigned, &|data| {
            change_signer(data, |signer| signer.unsigned_attrs = signer.signed_attrs.clone());
        }),
        add("no digest of the document", &["message_digest_missing"], &|data| {
            change_signer(data, |signer| signed_attribute(signer, MESSAGE_DIGEST, None));
        }),
        add("another digest of the document", &["digest_differs"], &|data| {
            change_signer(data, |signer| signed_attribute(signer, MESSAGE_DIGEST, Some(digest(7))));
        }),
        add(
            "two digests of the document",
            &["cms_malformed", "digest_differs", "cms_not_der"],
            &|data| {
                change_signer(data, |signer| {
                    let mut all = signer.signed_attrs.as_ref().unwrap().as_slice().to_vec();
                    all.push(attribute(MESSAGE_DIGEST, digest(7)));
                    signer.signed_attrs = Some(SetOfVec::try_from(all).unwrap());
                });
            },
        ),
        add("no signed attributes", &["signed_attributes_missing"], &|data| {
            change_signer(data, |signer| signer.signed_attrs = None);
        }),
        add(
            "another kind of content",
            &["cms_malformed", "signature_wrong"],
            &|data| {
                let tst = Any::from(&"1.2.840.113549.1.9.16.1.4".parse::<ObjectIdentifier>().unwrap());
                change_signer(data, |signer| {
                    signed_attribute(signer, "1.2.840.113549.1.9.3", Some(tst.clone()))
                });
            },
        ),
        add(
            "content inside the message",
            &["cms_malformed", "cms_versions"],
            &|data| {
                data.encap_content_info = EncapsulatedContentInfo {
                    econtent_type: data.encap_content_info.econtent_type,
                    econtent: Some(Any::encode_from(&OctetString::new(b"words".to_vec()).unwrap()).unwrap()),
                };
            },
        ),
        add("another version", &["cms_malformed", "cms_versions"], &|data| {
            data.version = CmsVersion::V5
        }),
        add(
            "a weak digest is named",
            &["algorithm_weak", "cms_malformed", "digest_differs"],
            &|data| {
                change_signer(data, |signer| signer.digest_alg.oid = "1.3.14.3.2.26".parse().unwrap());
            },
        ),
        add(
            "an unknown signature algorithm is named",
            &["algorithm_unknown"],
            &|data| {
                change_signer(data, |signer| {
                    signer.signature_algorithm.oid = "1.2.3.4".parse().unwrap()
                });
            },
        ),
        add("a value of zeros", &["signature_wrong"], &|data| {
            change_signer(data, |signer| {
                // 30 06 02 01 00 02 01 00: r and s are zero.
                signer.signature = OctetString::new(vec![0x30, 6, 2, 1, 0, 2, 1, 0]).unwrap();
            });
        }),
        add("no value", &["signature_wrong"], &|data| {
            change_signer(data, |signer| signer.signature = OctetString::new(Vec::new()).unwrap());
        }),
    ]
}

fn signers(stage: &Stage) -> Vec<Case> {
    let class = "signers of the message";
    let pdf = unsigned(Permits::Unsaid).finish();
    let stranger = signed_with(&pdf, |pieces| stage.stranger.sign_detached(pieces).unwrap());
    let (other, gap) = ranged(&pdf);
    let theirs = taken_apart(
        &stage
            .stranger
            .sign_detached(&[&other[..gap.start], &other[gap.end..]])
            .unwrap(),
    );
    let add = |name: &str, codes: &'static [&'static str], change: &dyn Fn(&mut SignedData)| {
        case(class, name, with_data(stage, change), codes).headline(Modified::MessageOnly)
    };
    let their_signer = theirs.signer_infos.0.as_slice()[0].clone();
    vec![
        case(class, "a stranger signs", stranger, &["signer_untrusted"]).headline(Modified::MessageOnly),
        add("a second one", &["signer_count"], &|data| {
            let first = data.signer_infos.0.as_slice()[0].clone();
            data.signer_infos = SignerInfos::try_from(vec![first, their_signer.clone()]).unwrap();
        }),
        add("none", &["signer_count"], &|data| {
            data.signer_infos = SignerInfos::try_from(vec![]).unwrap()
        }),
        add(
            "a stranger under the signer's certificate",
            &[
                "signer_certificate_missing",
                "signature_wrong",
                "signing_certificate_differs",
            ],
            &|data| {
                data.signer_infos = SignerInfos::try_from(vec![their_signer.clone()]).unwrap();
            },
        ),
        add("the stranger's value", &["signature_wrong"], &|data| {
            change_signer(data, |signer| signer.signature = their_signer.signature.clone());
        }),
        add("the stranger's name", &["signer_certificate_missing"], &|data| {
            change_signer(data, |signer| signer.sid = their_signer.sid.clone());
        }),
    ]
}

/// Nothing signs the value itself, and nothing of the document depends on how it is written: RFC 5652 and ISO 32000-2 leave
/// two forms of it, and both are the signature that the signer made.
#[test]
fn the_same_value_in_capital_digits_or_as_the_other_one_of_ecdsa_is_the_same_signature() {
    let stage = Stage::new();
    let base = stage.base(Permits::Unsaid);
    let start = super::writer::last(base, b"/Contents <") + 11;
    let mut upper = base.to_vec();
    upper[start..start + 2 * ROOM].make_ascii_uppercase();
    let other = with_data(&stage, |data| {
        change_signer(data, |signer| {
            let value = other_value(signer.signature.as_bytes());
            signer.signature = OctetString::new(value).unwrap();
        });
    });
    for pdf in [upper, other] {
        let report = stage.verify(&pdf);
        assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
        assert_eq!(report.modified_after_signing, Some(false));
    }
}
