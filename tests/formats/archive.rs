//! Archived documents, years later: each document timestamp keeps what is before it beyond the end of its authority (EN
//! 319 102-1 5.6).

use std::sync::Arc;

use ring::rand::SystemRandom;
use yinxin::{
    certificate::{Level, LongTerm, Place, TimestampSource},
    clock::ManualClock,
    formats::pdf::{ValidationData, add_validation_data, prepare_timestamp},
    keys::{Identity, TimestampAuthority},
    verification::{Indication, Report, SignatureKind, SubIndication},
};

use crate::{
    attacks::{assert_finds, noon},
    command::Folder,
    levels::{lists, nothing, seal_at, signatures, timestamps},
    pki::{Leaf, Root},
};

/// Long after the seal's certificate and the first authority's have expired.
const LATER: &str = "2035-01-01T00:00:00Z";

/// A document that was sealed at B-LTA in 2026, by a key of until 2028 and an authority of until 2030.
struct Archived {
    root: Root,
    document: Vec<u8>,
    first: Identity,
}

fn authority(identity: Identity, clock: &Arc<ManualClock>) -> TimestampSource {
    let authority = TimestampAuthority::new(identity, clock.clone(), Arc::new(SystemRandom::new()));
    TimestampSource::Own(Arc::new(authority.unwrap()))
}

impl Archived {
    async fn new() -> Self {
        let root = Root::new("示例根");
        let (folder, clock) = (Folder::new(), ManualClock::at(noon()));
        let list = folder.write("root.crl", &root.list(&[], (2026, 12, 1)));
        let leaf = Leaf {
            years: (2020, 2028),
            ..Leaf::default()
        };
        let first = root.timestamps_of(true, (2020, 2030));
        let chain = first.chain.clone();
        let long_term = LongTerm {
            timestamps: Some(timestamps(&root, &clock, authority(first, &clock))),
            lists: Some(lists(vec![Place::File(list)])),
            ..nothing(&root, &clock)
        };
        let document = seal_at(Level::Lta, &root.seal(&leaf), &long_term).await;
        // Its certificate is all that is needed of it from here on.
        let mut first = root.timestamps_of(true, (2020, 2030));
        first.chain = chain;
        Self { root, document, first }
    }

    /// With a second document timestamp, of a later authority, over fresh validation data of the first.
    async fn renewed(&self, at: &str, list: ((i32, u8, u8), (i32, u8, u8))) -> Vec<u8> {
        let clock = ManualClock::at(at.parse().unwrap());
        let second = self.root.timestamps_of(true, (2028, 2044));
        let data = ValidationData {
            certificates: [&self.root.der, &self.first.chain[0], &second.chain[0]]
                .map(|certificate| certificate.to_vec())
                .to_vec(),
            crls: vec![
                self.root.list(&[], (2026, 12, 1)),
                self.root.list_of(&[], list.0, list.1),
            ],
            ocsp_responses: Vec::new(),
        };
        let contents: Vec<_> = signatures(&self.document).into_iter().map(|(_, of)| of).collect();
        let contents: Vec<_> = contents.iter().map(Vec::as_slice).collect();
        let document = add_validation_data(&self.document, &data, &contents).unwrap();
        let timestamps = timestamps(&self.root, &clock, authority(second, &clock));
        let prepared = prepare_timestamp(&document, "Timestamp 2", timestamps.token_bytes()).unwrap();
        let stamped = timestamps.stamp(&prepared.bytes_to_sign()).await.unwrap();
        prepared.finish(&stamped.token).unwrap()
    }

    fn judge(&self, document: &[u8], at: &str) -> Report {
        self.root.verifier().verify(document, None, at.parse().unwrap())
    }
}

#[tokio::test]
async fn a_second_document_timestamp_keeps_a_seal_beyond_the_end_of_the_first_authority() {
    let archived = Archived::new().await;
    let document = archived
        .renewed("2029-06-01T00:00:00Z", ((2029, 5, 1), (2029, 7, 1)))
        .await;
    assert!(document.starts_with(&archived.document));
    for at in ["2029-06-02T00:00:00Z", LATER] {
        let report = archived.judge(&document, at);
        assert_eq!(
            (report.indication, report.modified_after_signing),
            (Indication::TotalPassed, Some(false)),
            "{at}: {:?}",
            report.findings
        );
        let [seal, first, second] = report.signatures.as_slice() else {
            panic!("{:?}", report.signatures.len());
        };
        assert_eq!(
            [seal.kind, first.kind, second.kind],
            [
                SignatureKind::Seal,
                SignatureKind::DocumentTimestamp,
                SignatureKind::DocumentTimestamp
            ]
        );
        for signature in [seal, first, second] {
            assert!(signature.intact && signature.trusted, "{at}: {}", signature.name);
            assert_eq!(
                signature.indication,
                Indication::TotalPassed,
                "{at}: {}",
                signature.name
            );
        }
        assert_eq!(seal.best_signature_time, Some(noon()), "{at}");
        assert_eq!(seal.signing_time_proof.as_deref(), Some("timestamp"));
        assert_eq!(first.best_signature_time, Some("2029-06-01T00:00:00Z".parse().unwrap()));
        let expired = report
            .findings
            .iter()
            .any(|finding| finding.code == "signer_expired_since");
        assert!(expired, "{at}: {:?}", report.findings);
    }
}

#[tokio::test]
async fn without_a_second_document_timestamp_nothing_holds_once_the_first_authority_has_expired() {
    let archived = Archived::new().await;
    let report = archived.judge(&archived.document, "2029-06-02T00:00:00Z");
    assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
    let report = archived.judge(&archived.document, LATER);
    assert_finds(
        &report,
        "signer_expired",
        Indication::Indeterminate,
        SubIndication::OutOfBoundsNoPoe,
    );
    assert!(
        report
            .signatures
            .iter()
            .all(|signature| signature.intact && !signature.trusted)
    );
    assert_eq!(report.modified_after_signing, Some(false));
    assert_eq!(report.signatures[0].best_signature_time, None);
}

#[tokio::test]
async fn a_second_document_timestamp_that_came_too_late_keeps_nothing() {
    let archived = Archived::new().await;
    let document = archived
        .renewed("2031-06-01T00:00:00Z", ((2031, 5, 1), (2031, 7, 1)))
        .await;
    let report = archived.judge(&document, LATER);
    assert_finds(
        &report,
        "signer_expired",
        Indication::Indeterminate,
        SubIndication::OutOfBoundsNoPoe,
    );
    assert!(report.signatures[2].trusted && !report.signatures[1].trusted);
}
