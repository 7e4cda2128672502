//! OFD certificates verified and issued in a second on one core, beside the least that it can cost.
//!
//! `cargo bench --bench ofd -- --seconds 3 --rounds 3 --documents 20`; `--only written` leaves out all rows whose names
//! begin otherwise. What counts as the least: SM3 of every file of the package, of `Signature.xml` and of what is signed, and the SM2
//! operations that are needed. Of a verification by one who has seen the
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

/// That of the node.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Records of a certificate: one page, and several.
const RECORDS: [usize; 2] = [12, 200];

/// How many are laid out before they are written and sealed, one after the other.
const LAID_OUT: usize = 16;

/// Noon in China of 5 November 2026.
pub fn at() -> Timestamp {
    Timestamp::from_second(1_793_851_200).unwrap()
}

struct Options {
    /// How long each is measured, in seconds of its own; default 3.
    seconds: u64,
    /// Rounds; the median of their ratios counts; default 3.
    rounds: usize,
    /// How many documents there are of each kind; default 20.
    documents: usize,
    /// Only the rows whose names begin so.
    only: String,
}

impl Options {
    fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self {
            seconds: 3,
            rounds: 3,
            documents: 20,
            only: String::new(),
        };
        // Cargo adds `--bench`.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().expect("an option needs a number");
            match name.as_str() {
                "--seconds" => options.seconds = value.parse().expect("seconds are a number"),
                "--rounds" => options.rounds = value.parse().expect("rounds are a number"),
                "--only" => options.only = value,
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

/// How long one goes on before the other's turn.
const TURN: Duration = Duration::from_millis(20);

/// How often a second two things are done, by one thread and by short turns, so that what else the machine does falls on
/// both. Each is done with each place in turn, and says how long it took.
fn beside(
    options: &Options,
    mut ours: impl FnMut(usize) -> Duration,
    mut least: impl FnMut(usize) -> Duration,
) -> (f64, f64) {
    let span = 2 * Duration::from_secs(options.seconds);
    let mut place = 0;
    let mut turn = |work: &mut dyn FnMut(usize) -> Duration, (count, took): &mut (f64, Duration)| {
        let until = *took + TURN;
        while *took < until {
            place += 1;
            *count += 1.0;
            *took += work(place);
        }
    };
    turn(&mut ours, &mut Default::default());
    turn(&mut least, &mut Default::default());
    let rounds = (0..options.rounds).map(|_| {
        let (mut own, mut bare) = Default::default();
        let start = Instant::now();
        while start.elapsed() < span {
            turn(&mut ours, &mut own);
            turn(&mut least, &mut bare);
        }
        (own.0 / own.1.as_secs_f64(), bare.0 / bare.1.as_secs_f64())
    });
    // The round whose ratio is the median.
    let mut rounds: Vec<(f64, f64)> = rounds.collect();
    rounds.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    rounds[rounds.len() / 2]
}

fn timed(mut work: impl FnMut(usize)) -> impl FnMut(usize) -> Duration {
    move |place| {
        let start = Instant::now();
        work(place);
        start.elapsed()
    }
}

fn measure(name: &str, options: &Options, ours: impl FnMut(usize) -> Duration, least: impl FnMut(usize) -> Duration) {
    if !name.starts_with(&options.only) {
        return;
    }
    let (ours, least) = beside(options, ours, least);
    println!("  {name:<34} {ours:>10.0} {least:>10.0} {:>8.2}", least / ours);
}

fn main() {
    let options = Options::read(std::env::args().skip(1));
    let count = options.documents;
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
        let warm = timed(|place| verify(&known, place));
        let least = timed(|place| assert!(bares[of(place)].verify()));
        measure("verified, the seal known", &options, warm, least);
        let cold = |place| {
            let verifier = Verifier::new(trust());
            let start = Instant::now();
            verify(&verifier, place);
            start.elapsed()
        };
        let least = timed(|place| assert!(bares[of(place)].verify_all()));
        measure("verified, the seal not known", &options, cold, least);

        let sign = || timed(|place| bares[of(place)].sign());
        // No place a second time: each document has a number of its own. Some at a time are laid out, not timed.
        let mut next = count;
        let mut laid_out = Vec::new();
        let seal = |_| {
            if laid_out.is_empty() {
                laid_out.extend((next..next + LAID_OUT).map(|place| county.lay_out(kind, records, place)));
                next += LAID_OUT;
            }
            let one = laid_out.pop().unwrap();
            let start = Instant::now();
            let _made = county.seal(one);
            start.elapsed()
        };
        measure("written and sealed, laid out before", &options, seal, sign());
        let mut next = 1_000_000;
        let issue = timed(|_| {
            next += 1;
            county.issue(kind, records, next);
        });
        measure("issued, with layout", &options, issue, sign());
    }
}
