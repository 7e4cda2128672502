//! Timestamps beside messages by GB/T 35275, in their unsigned attributes.

use std::{cell::RefCell, rc::Rc};

use yinxin::verification::Report;

use super::{
    super::{
        at,
        book::Book,
        der::{octets, oid, sequence, set, tlv},
        people::{Person, Says},
        seals::{Cast, SIGNATURE_TIMESTAMP, Sign},
    },
    AFTER, BEFORE, SIGNED_DATA, cast, expiring, has, passes_with, refused_by, revoking_of, stamping, stamping_other,
    stranger, token_with,
};
use crate::proofs::assert_hides_nothing;

/// The report of a message by GB/T 35275, with signed attributes or without, which holds a timestamp.
fn message(cast: &Cast, has_attributes: bool, sign: &Sign<'_>) -> Report {
    let mut book = Book::new();
    sign.message(&mut book, &cast.signer, &cast.root, has_attributes);
    super::super::report(cast, &book.zip())
}

fn beside(beside: impl Fn(&[u8]) -> Vec<u8> + 'static) -> Sign<'static> {
    Sign {
        beside: Some(Rc::new(beside)),
        ..Sign::default()
    }
}

/// The unsigned attribute that holds tokens, in the field of such attributes.
fn unsigned(tokens: &[Vec<u8>]) -> Vec<u8> {
    tlv(
        0xA1,
        &sequence(&[&oid(SIGNATURE_TIMESTAMP), &tlv(0x31, &tokens.concat())]),
    )
}

#[test]
fn a_timestamp_beside_a_message_proves_when_that_was_signed() {
    let cast = cast(expiring(), Says::default());
    let with = |stamp| Sign {
        stamp: Some(stamp),
        ..Sign::default()
    };
    let report = message(&cast, true, &with(stamping(BEFORE)));
    passes_with(&report, "signing_time_proven");
    assert!(has(&report, "signer_expired_since"));
    assert_eq!(report.signatures[0].best_signature_time, Some(at(BEFORE)));
    assert_eq!(report.signatures[0].timestamps.len(), 1);
    let report = message(&cast, true, &with(stamping_other(BEFORE)));
    refused_by(&report, &["signer_expired", "timestamp_of_another_signature"]);
    refused_by(&message(&cast, true, &with(stamping(AFTER))), &["signer_expired"]);
    let report = message(&cast, true, &with(stranger(BEFORE)));
    refused_by(&report, &["signer_expired"]);
    assert!(has(&report, "timestamp_untrusted"));
    // The earliest that proves counts.
    let (late, early, strange) = (stamping(AFTER), stamping(BEFORE), stranger("2026-11-02T03:59:30Z"));
    let several = beside(move |value| unsigned(&[late(value), early(value), strange(value)]));
    let report = message(&cast, true, &several);
    passes_with(&report, "signer_expired_since");
    assert_eq!(report.signatures[0].best_signature_time, Some(at(BEFORE)));
    assert_eq!(report.signatures[0].timestamps.len(), 3);
    // What has no signed attributes may have been signed as anything, at whatever time.
    let report = message(&cast, false, &with(stamping(BEFORE)));
    refused_by(&report, &["signed_attributes_missing"]);
    assert!(has(&report, "signing_time_proven"));
}

#[test]
fn what_was_revoked_since_a_timestamp_beside_a_message_does_no_harm() {
    let cast = Cast::new();
    let report = |stamp| {
        let sign = Sign {
            stamp,
            ..Sign::default()
        };
        let mut book = Book::new();
        sign.message(&mut book, &cast.signer, &cast.root, true);
        revoking_of(&cast, &cast.signer, &book)
    };
    refused_by(&report(None), &["signer_revoked"]);
    refused_by(&report(Some(stamping(AFTER))), &["signer_revoked"]);
    refused_by(&report(Some(stranger(BEFORE))), &["signer_revoked"]);
    passes_with(&report(Some(stamping(BEFORE))), "signer_revoked_since");
}

#[test]
fn what_stands_unsigned_beside_a_message_and_is_no_timestamp_is_found() {
    let cast = Cast::new();
    let empty = |_: &[u8]| tlv(0xA1, &[]);
    let no_token = |_: &[u8]| unsigned(&[]);
    let other = |value: &[u8]| tlv(0xA1, &sequence(&[&oid("1.2.3.4"), &set(&[&octets(value)])]));
    let no_set = |value: &[u8]| tlv(0xA1, &sequence(&[&oid(SIGNATURE_TIMESTAMP), &octets(value)]));
    let no_attribute = |value: &[u8]| tlv(0xA1, &octets(value));
    let torn = |_: &[u8]| tlv(0xA1, &[0x30, 0x50, 0x06]);
    let other_field = |value: &[u8]| tlv(0xA2, &octets(value));
    let twice = |_: &[u8]| [unsigned(&[]), unsigned(&[])].concat();
    let all: [&dyn Fn(&[u8]) -> Vec<u8>; 8] = [
        &empty,
        &no_token,
        &other,
        &no_set,
        &no_attribute,
        &torn,
        &other_field,
        &twice,
    ];
    for make in all {
        let bytes = make(b"value");
        let report = message(&cast, true, &beside(move |_| bytes.clone()));
        refused_by(&report, &["cms_unsigned_parts"]);
        assert!(report.signatures[0].intact);
    }
    // A token in BER, of indefinite length, is one all the same.
    let right = stamping(BEFORE);
    let indefinite = beside(move |value| {
        let token = right(value);
        let inside = &token[4..];
        assert_eq!(token[1], 0x82);
        unsigned(&[[&[0x30, 0x80], inside, &[0, 0]].concat()])
    });
    passes_with(&message(&cast, true, &indefinite), "signing_time_proven");
    // One that cannot be read, and more than are looked at.
    refused_by(
        &message(&cast, true, &beside(|_| unsigned(&[sequence(&[])]))),
        &["timestamp_wrong"],
    );
    let right = stamping(BEFORE);
    let many = beside(move |value| unsigned(&vec![right(value); 9]));
    refused_by(&message(&cast, true, &many), &["limit_exceeded"]);
}

#[test]
fn strangers_whose_signatures_use_up_what_may_be_computed_hide_no_revocation() {
    let cast = Cast::new();
    // Nobody of this name has signed for who stamps, and each has to be tried.
    let crowd = |name: &'static str, count: u8| (60..60 + count).map(move |seed| Person::root(seed, name).certificate);
    let first: Vec<_> = crowd("示例甲", 64).collect();
    let report = |last: u8| {
        let second: Vec<_> = crowd("示例乙", last).collect();
        let tokens = |value: &[u8]| {
            let stamp = |seed: u8, name: &'static str, crowd: &[Vec<u8>]| {
                let issuer = Person::root(50, name);
                let says = Says {
                    name: "示例时间戳",
                    stamps: true,
                    ..Says::default()
                };
                let authority = Person::new(seed, &says, Some(&issuer));
                token_with((SIGNED_DATA, 3), &authority, &issuer, crowd, (BEFORE, value))
            };
            let mut all: Vec<_> = (30..37).map(|seed| stamp(seed, "示例甲", &first)).collect();
            all.push(stamp(37, "示例乙", &second));
            unsigned(&all)
        };
        let mut book = Book::new();
        let value = Rc::new(RefCell::new(Vec::new()));
        let asked = Rc::clone(&value);
        // Once to know the value, which is always the same.
        beside(move |value| {
            asked.replace(value.to_vec());
            Vec::new()
        })
        .message(&mut book, &cast.signer, &cast.root, true);
        let made = tokens(&value.borrow());
        let mut book = Book::new();
        beside(move |_| made.clone()).message(&mut book, &cast.signer, &cast.root, true);
        revoking_of(&cast, &cast.signer, &book)
    };
    for last in 58..=64 {
        assert_hides_nothing(&report(last), last.into());
    }
}
