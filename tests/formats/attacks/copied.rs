//! Timestamps taken from one place to another: they are of what they were made for, and prove nothing elsewhere.

use std::ops::Range;

use yinxin::{
    certificate::Level,
    formats::{cms, pdf::prepare_timestamp},
};

use super::{
    cases::{Case, Modified, case},
    scene::Stage,
};
use crate::{
    levels::{signature_timestamp, signatures},
    proofs::with_timestamps,
};

/// Where a signature of a document has its `/Contents`, the oldest being the first.
pub fn gap(document: &[u8], place: usize) -> Range<usize> {
    let marker = b"/Contents <";
    let found = document.windows(marker.len()).enumerate();
    let mut starts = found.filter_map(|(at, window)| (window == marker).then_some(at + marker.len() - 1));
    let start = starts.nth(place).unwrap();
    start..start + super::find(&document[start..], b">") + 1
}

/// The document with another message, or token, as one of its signatures.
fn with_message(document: &[u8], place: usize, message: &[u8]) -> Vec<u8> {
    let gap = gap(document, place);
    let digits = data_encoding::HEXLOWER.encode(message);
    let room = gap.len() - 2;
    assert!(digits.len() <= room);
    let mut out = document.to_vec();
    out[gap.start + 1..gap.end - 1].copy_from_slice(format!("{digits:0<room$}").as_bytes());
    out
}

/// The message, or token, of one of a document's signatures.
fn message(document: &[u8], place: usize) -> Vec<u8> {
    let (_, contents) = &signatures(document)[place];
    cms::split(contents).unwrap().0.to_vec()
}

pub fn cases(stage: &Stage) -> Vec<Case> {
    let class = "timestamp copied";
    let elevated = stage.elevated();
    let of = |level: Level| {
        let (_, pair) = elevated.iter().find(|(of, _)| *of == level).unwrap();
        pair
    };
    let [stamped, others] = of(Level::T);
    let [archived, other_archived] = of(Level::Lta);
    let (copied, _) = signature_timestamp(&signatures(others)[0].1);
    let document_token = message(archived, 1);
    let mut cases = Vec::new();
    for (level, [document, _]) in &elevated {
        let own = (*level > Level::B).then(|| signature_timestamp(&signatures(document)[0].1).0);
        let tokens = [
            ("of another signature", vec![copied.clone()]),
            ("of a document", vec![document_token.clone()]),
            (
                "of another signature beside its own",
                own.into_iter().chain([copied.clone()]).collect(),
            ),
        ];
        for (name, tokens) in tokens {
            let changed = with_timestamps(&message(document, 0), |_| tokens);
            let changed = with_message(document, 0, &changed);
            // A document timestamp is over the message too.
            let (headline, codes): (_, &[_]) = match level {
                Level::Lta => (Modified::Yes, &["digest_differs"]),
                _ => (Modified::MessageOnly, &["timestamp_of_another_signature"]),
            };
            let name = format!("{name}, {}", level.as_str());
            cases.push(case(class, name, changed, codes).headline(headline));
        }
        let [_, other] = of(*level);
        let token = message(other_archived, 1);
        for (name, token) in [("another document's", token), ("a signature's", copied.clone())] {
            // On a document that has none, and in the place of the one that a document has.
            let moved = match level {
                Level::Lta => with_message(document, 1, &token),
                _ => {
                    let prepared = prepare_timestamp(document, "Timestamp", 16 * 1024).unwrap();
                    prepared.finish(&token).unwrap()
                }
            };
            assert_ne!(&moved, other);
            let name = format!("{name} timestamp over a document, {}", level.as_str());
            cases.push(case(class, name, moved, &["digest_differs"]));
        }
    }
    // The other way round: the whole last revision of one document after another.
    let [_, shorter] = of(Level::Lt);
    let revision = &other_archived[shorter.len().min(other_archived.len())..];
    let moved = [of(Level::Lt)[0].as_slice(), revision].concat();
    let codes: &[&str] = &[
        "digest_differs",
        "byte_range_malformed",
        "byte_range_gap",
        "document_truncated",
    ];
    cases.push(
        case(class, "the revision of another document's timestamp", moved, codes).headline(Modified::NotUnchanged),
    );
    assert_ne!(stamped, others);
    cases
}

#[test]
fn no_copied_timestamp_proves_anything() {
    let stage = Stage::new();
    for case in cases(&stage) {
        let report = stage.verify(&case.bytes);
        let copied = case.name.starts_with("of ") && !case.name.contains("beside");
        for signature in report.signatures.iter().filter(|_| copied) {
            assert_eq!(signature.best_signature_time, None, "{}", case.name);
            assert_ne!(
                signature.signing_time_proof.as_deref(),
                Some("timestamp"),
                "{}",
                case.name
            );
        }
    }
}
