//! OFD and its seals (GB/T 38540): each layer broken alone, attacks, bounds, and the judgement of others' tools.

mod attacks;
pub mod book;
mod bounds;
mod der;
mod drawn;
mod issued;
mod judges;
mod layers;
mod people;
mod seals;
mod stamps;
mod written;

use std::collections::BTreeSet;

use jiff::Timestamp;
use yinxin::verification::{Indication, Report, Severity};

use self::{
    book::Book,
    seals::{Cast, MakeSeal, Sign, sealed},
};

/// What the fuzzer begins with.
pub struct Seeds {
    /// Each passes, but for those whose signature says no time.
    pub packages: Vec<Book>,
    pub roots: Vec<Vec<u8>>,
}

/// Packages of every kind of signature.
pub fn seeds() -> Seeds {
    let cast = Cast::new();
    let mut packages = vec![sealed(&cast)];
    for version in [1, 5] {
        let mut book = Book::new();
        let seal = MakeSeal::new(version, &cast.signer).make(&cast.maker);
        let sign = Sign {
            version,
            ..Sign::default()
        };
        sign.seal(&mut book, &seal, &cast.signer);
        packages.push(book);
    }
    for attributes in [true, false] {
        let mut book = Book::new();
        Sign::default().message(&mut book, &cast.signer, &cast.root, attributes);
        packages.push(book);
    }
    let mut book = Book::new();
    Sign::default().bare(&mut book, &cast.signer);
    packages.push(book);
    let (issued, issuer) = issued::seed();
    packages.push(issued);
    Seeds {
        packages,
        roots: vec![cast.root.certificate, issuer],
    }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// The report of one who trusts the cast's root, ten minutes after noon.
fn report(cast: &Cast, bytes: &[u8]) -> Report {
    cast.root.verifier().verify(bytes, None, at("2026-11-02T04:10:00Z"))
}

/// The errors of a report.
fn errors(report: &Report) -> BTreeSet<&str> {
    let errors = report
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error);
    errors.map(|finding| finding.code.as_str()).collect()
}

/// That the sealed book with one thing done to it has exactly these errors, and does not pass.
#[track_caller]
fn found(change: impl FnOnce(&mut Book), expected: &[&str]) -> Report {
    let cast = Cast::new();
    let mut book = sealed(&cast);
    change(&mut book);
    refused(&cast, &book.zip(), expected)
}

#[track_caller]
fn refused(cast: &Cast, bytes: &[u8], expected: &[&str]) -> Report {
    let report = report(cast, bytes);
    assert_eq!(
        errors(&report),
        expected.iter().copied().collect(),
        "{:#?}",
        report.findings
    );
    assert_ne!(report.indication, Indication::TotalPassed);
    report
}
