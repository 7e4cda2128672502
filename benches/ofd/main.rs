//! OFD certificates verified and issued in a second on one core, beside the least that it can cost.
//!
//! `cargo bench --bench ofd -- --seconds 3 --rounds 3 --documents 20`. What counts as the least: SM3 of every file of the package, of
//! `Signature.xml` and of what is signed, and the SM2 operations that are needed. Of a verification by one who has seen the
//! seal before, that is one: the signer's value. By one who has not, four: the value, the seal, and the X.509 certificates of
//! signer and maker. Of issuing it is one: the signer's. Each document is another, all with one seal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod bare;
mod documents;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use yinxin::verification::{Indication, Trust, Verifier};

use self::{
    bare::Bare,
    documents::{County, KINDS},
};

/// Records of a certificate: one page, and several.
const RECORDS: [usize; 2] = [12, 200];

/// Noon in China of 5 November 2026.
pub fn at() -> Timestamp {
    Timestamp::from_second(1_793_851_200).unwrap()
}

struct Options {
    /// How long each is measured, in seconds; default 3.
    seconds: u64,
    /// Rounds, each with all by turns; the median counts; default 3.
    rounds: usize,
    /// How many documents there are of each kind; default 20.
    documents: usize,
}

impl Options {
    fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            seconds: 3,
            rounds: 3,
            documents: 20,
        };
        // Cargo adds `--bench`.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().expect("an option needs a number");
            match name.as_str() {
                "--seconds" => options.seconds = value.parse().expect("seconds are a number"),
                "--rounds" => options.rounds = value.parse().expect("rounds are a number"),
                "--documents" => options.documents = value.parse().expect("documents are a number"),
                _ => panic!("no option is called `{name}`"),
            }
        }
        assert!(
            options.seconds > 0 && options.rounds > 0 && options.documents > 0,
            "every option must be more than 0"
        );
        options
    }
}

/// How often a second something is done, by one thread: with each place in turn, and as long as it says that it took.
fn rate_of(seconds: u64, mut work: impl FnMut(usize) -> Duration) -> f64 {
    work(0);
    let (start, span, mut count, mut took) = (Instant::now(), Duration::from_secs(seconds), 0, Duration::ZERO);
    while start.elapsed() < span {
        count += 1;
        took += work(count);
    }
    count as f64 / took.as_secs_f64()
}

fn rate(seconds: u64, mut work: impl FnMut(usize)) -> f64 {
    rate_of(seconds, |place| {
        let start = Instant::now();
        work(place);
        start.elapsed()
    })
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// Two by turns.
fn beside(rounds: usize, mut ours: impl FnMut() -> f64, mut least: impl FnMut() -> f64) -> (f64, f64) {
    let (own, bare): (Vec<f64>, Vec<f64>) = (0..rounds).map(|_| (ours(), least())).unzip();
    (median(own), median(bare))
}

fn print(name: &str, (ours, least): (f64, f64)) {
    println!("  {name:<34} {ours:>10.0} {least:>10.0} {:>8.2}", least / ours);
}

fn main() {
    let options = Options::read(std::env::args().skip(1));
    let (seconds, rounds, count) = (options.seconds, options.rounds, options.documents);
    let county = County::new();
    let trust = || Trust::new(vec![county.root.clone().into()], at()).unwrap();
    println!("{:<36} {:>10} {:>10} {:>8}", "", "yinxin/s", "bare/s", "bare ÷");
    for (kind, records) in KINDS
        .into_iter()
        .flat_map(|kind| RECORDS.map(|records| (kind, records)))
    {
        let documents: Vec<_> = (0..count).map(|place| county.issue(kind, records, place)).collect();
        let bares: Vec<_> = documents
            .iter()
            .map(|document| Bare::new(document, &county.root))
            .collect();
        let of = |place: usize| place % count;
        let verify = |verifier: &Verifier, place: usize| {
            let report = verifier.verify(&documents[of(place)], None, at());
            assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
        };
        println!(
            "{kind}, {records} records: {} bytes, {} unpacked",
            documents[0].len(),
            bares[0].unpacked()
        );
        let known = Verifier::new(trust());
        let warm = || rate(seconds, |place| verify(&known, place));
        let least = || rate(seconds, |place| assert!(bares[of(place)].verify()));
        print("verified, the seal known", beside(rounds, warm, least));
        let cold = || {
            rate_of(seconds, |place| {
                let verifier = Verifier::new(trust());
                let start = Instant::now();
                verify(&verifier, place);
                start.elapsed()
            })
        };
        let least = || rate(seconds, |place| assert!(bares[of(place)].verify_all()));
        print("verified, the seal not known", beside(rounds, cold, least));

        let sign = || rate(seconds, |place| bares[of(place)].sign());
        let mut next = count;
        let seal = || {
            rate_of(seconds, |_| {
                next += 1;
                let laid_out = county.lay_out(kind, records, next);
                let start = Instant::now();
                county.seal(laid_out);
                start.elapsed()
            })
        };
        print("written and sealed, laid out before", beside(rounds, seal, sign));
        let mut next = 1_000_000;
        let issue = || {
            rate(seconds, |_| {
                next += 1;
                county.issue(kind, records, next);
            })
        };
        print("issued, with layout", beside(rounds, issue, sign));
    }
}
