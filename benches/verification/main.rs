//! Documents verified in a second on one core, beside pyHanko and beside the least that it can cost.
//!
//! `cargo bench --bench verification -- --seconds 3 --rounds 3`. pyHanko is that of `YINXIN_TEST_PYTHON`, or of
//! `target/test-venv`, where `tests/run` puts it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod bare;
mod documents;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use yinxin::verification::{Indication, Trust, Verifier};

use self::{bare::Bare, documents::Signed};

/// Signatures of the document that many signed by turns.
const MANY: [usize; 4] = [1, 25, 50, 100];

/// Noon in China of 5 November 2026.
pub fn at() -> Timestamp {
    Timestamp::from_second(1_793_851_200).unwrap()
}

struct Options {
    /// How long each is measured, in seconds; default 3.
    seconds: u64,
    /// Rounds, each with all by turns; the median counts; default 3.
    rounds: usize,
}

impl Options {
    fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self { seconds: 3, rounds: 3 };
        // Cargo adds `--bench`.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().expect("an option needs a number");
            match name.as_str() {
                "--seconds" => options.seconds = value.parse().expect("seconds are a number"),
                "--rounds" => options.rounds = value.parse().expect("rounds are a number"),
                _ => panic!("no option is called `{name}`"),
            }
        }
        assert!(
            options.seconds > 0 && options.rounds > 0,
            "seconds and rounds must be more than 0"
        );
        options
    }
}

/// How often a second something is done, by one thread.
fn rate(seconds: u64, mut work: impl FnMut()) -> f64 {
    work();
    let (start, span, mut count) = (Instant::now(), Duration::from_secs(seconds), 0_u32);
    while start.elapsed() < span {
        work();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

fn verifier(signed: &Signed) -> Verifier {
    Verifier::new(Trust::new(vec![signed.root.clone()], at()).unwrap())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

fn python() -> PathBuf {
    let venv = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/test-venv/bin/python");
    std::env::var_os("YINXIN_TEST_PYTHON").map_or_else(venv, PathBuf::from)
}

fn pyhanko(folder: &Path, signed: &Signed, seconds: u64) -> f64 {
    let (root, file) = (folder.join("root.der"), folder.join("document.pdf"));
    fs::write(&root, &signed.root).unwrap();
    fs::write(&file, &signed.bytes).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/verification/peer.py");
    let output = Command::new(python())
        .arg(script)
        .arg(root)
        .arg(seconds.to_string())
        .arg(file)
        .output();
    let output = output.expect("pyHanko is there: run tests/run once, or set YINXIN_TEST_PYTHON");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    text.trim().parse().unwrap()
}

fn beside_others(options: &Options, folder: &Path) {
    println!(
        "{:<10} {:>9} {:>12} {:>12} {:>12} {:>10} {:>10}",
        "", "bytes", "yinxin/s", "pyHanko/s", "bare/s", "÷ pyHanko", "bare ÷"
    );
    for (name, rsa) in [("RSA-2048", true), ("P-256", false)] {
        let signed = documents::sealed(rsa, folder);
        let (verifier, bare) = (verifier(&signed), Bare::new(&signed, rsa));
        let verify = || {
            let report = verifier.verify(&signed.bytes, None, at());
            assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
        };
        let (mut ours, mut theirs, mut least) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            ours.push(rate(options.seconds, verify));
            theirs.push(pyhanko(folder, &signed, options.seconds));
            least.push(rate(options.seconds, || assert!(bare.verify())));
        }
        let (ours, theirs, least) = (median(ours), median(theirs), median(least));
        println!(
            "{name:<10} {:>9} {ours:>12.0} {theirs:>12.1} {least:>12.0} {:>10.1} {:>10.2}",
            signed.bytes.len(),
            ours / theirs,
            least / ours
        );
    }
}

fn by_signatures(options: &Options, folder: &Path) {
    println!(
        "\n{:<10} {:>9} {:>12} {:>16}",
        "signatures", "bytes", "ms", "ms a signature"
    );
    for signatures in MANY {
        let signed = documents::signed_by_turns(signatures, folder);
        let verifier = verifier(&signed);
        let verify = || {
            let report = verifier.verify(&signed.bytes, None, at());
            assert_eq!(report.signatures.len(), signatures);
            assert_eq!(report.indication, Indication::TotalPassed, "{:?}", report.findings);
        };
        let rates = (0..options.rounds).map(|_| rate(options.seconds, verify)).collect();
        let milliseconds = 1000.0 / median(rates);
        println!(
            "{signatures:<10} {:>9} {milliseconds:>12.2} {:>16.3}",
            signed.bytes.len(),
            milliseconds / signatures as f64
        );
    }
}

fn main() {
    let options = Options::read(std::env::args().skip(1));
    let folder = std::env::temp_dir().join(format!("yinxin-verification-{}", std::process::id()));
    fs::create_dir(&folder).unwrap();
    beside_others(&options, &folder);
    by_signatures(&options, &folder);
    fs::remove_dir_all(&folder).unwrap();
}
