//! Random changes to sealed documents: none passes that is not the document itself.
//!
//! `YINXIN_MUTATION_SEED` chooses other random numbers; a failure names the seed and the round.

use yinxin::verification::{Indication, Verifier};

use crate::attacks::noon;

/// How many in all, over all documents.
const ROUNDS: usize = 10_000;

/// Numbers that look random (xorshift64*), the same for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap() % end.max(1)
    }

    /// A piece of a file, short ones more often than long ones.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let longest = 1 << self.below(13);
        let start = self.below(length);
        start..(start + 1 + self.below(longest)).min(length)
    }
}

const WORDS: [&str; 24] = [
    "endobj",
    "endstream",
    "stream\n",
    "obj",
    "xref\n",
    "trailer\n",
    "startxref\n",
    "%%EOF\n",
    "/Contents",
    "/ByteRange",
    "/Prev",
    "/Root",
    "/Size",
    "/V",
    "/AP",
    "/Kids",
    "0 R",
    "<<",
    ">>",
    "[",
    "]",
    "null",
    "1 0 obj\n<<>>\nendobj\n",
    "\0",
];

fn mutated(file: &[u8], random: &mut Random) -> Vec<u8> {
    let mut out = file.to_vec();
    let length = file.len();
    match random.below(12) {
        0..=3 => out[random.below(length)] ^= 1 << random.below(8),
        4 => out[random.below(length)] = u8::try_from(random.below(256)).unwrap(),
        5 => {
            out.drain(random.piece(length));
        }
        6 => {
            let piece = out[random.piece(length)].to_vec();
            let at = random.below(length);
            out.splice(at..at, piece);
        }
        7 => {
            let piece = out[random.piece(length)].to_vec();
            let at = random.below(length - piece.len());
            out[at..at + piece.len()].copy_from_slice(&piece);
        }
        8 => {
            let word = WORDS[random.below(WORDS.len())];
            let at = random.below(length);
            if random.below(2) == 0 {
                out.splice(at..at, word.bytes());
            } else {
                let end = (at + word.len()).min(length);
                out[at..end].copy_from_slice(&word.as_bytes()[..end - at]);
            }
        }
        9 => {
            // Another digit where there is one: offsets, lengths, numbers of objects, the signature's own digits.
            let digits: Vec<_> = (0..length).filter(|at| file[*at].is_ascii_hexdigit()).collect();
            out[digits[random.below(digits.len())]] = b"0123456789abcdefABCDEF"[random.below(22)];
        }
        10 => out.truncate(random.below(length)),
        _ => {
            let piece = out[random.piece(length)].to_vec();
            out.extend(piece);
        }
    }
    out
}

/// Mutates a document that passes, so often that all documents together make [`ROUNDS`]. Signatures cover all of it.
pub fn survive(name: &str, document: &[u8], verifier: &Verifier, documents: usize) {
    survive_from((name, document), document.len(), verifier, documents);
}

/// Likewise, but no signature covers what follows the first so many bytes: validation data, which come from anybody and
/// speak for themselves.
pub fn survive_from((name, document): (&str, &[u8]), covered: usize, verifier: &Verifier, documents: usize) {
    let seed = std::env::var("YINXIN_MUTATION_SEED")
        .ok()
        .map(|seed| seed.parse().unwrap());
    let seed: u64 = seed.unwrap_or(20_261_122);
    println!("{name}: seed {seed}");
    let mut random = Random(seed | 1);
    let verify = |bytes: &[u8]| verifier.verify(bytes, None, noon());
    let sound = verify(document);
    assert_eq!(
        sound.indication,
        Indication::TotalPassed,
        "{name}: {:?}",
        sound.findings
    );
    for round in 0..ROUNDS.div_ceil(documents) {
        let changed = mutated(document, &mut random);
        let report = verify(&changed);
        let slow = report
            .findings
            .iter()
            .find(|finding| finding.message.en.contains("seconds"));
        assert!(slow.is_none(), "{name}: seed {seed}, round {round}: {slow:?}");
        let same = report.indication == Indication::TotalPassed;
        assert!(same || changed != document, "{name}: {:?}", report.findings);
        assert!(
            changed == document || !same || (covered < document.len() && changed.starts_with(&document[..covered])),
            "{name}: seed {seed}, round {round}: {:?}",
            difference(document, &changed)
        );
    }
}

/// Where two files begin to differ, and what stands there.
fn difference(one: &[u8], other: &[u8]) -> (usize, String, String) {
    let at = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let show = |bytes: &[u8]| String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 40)]).into_owned();
    (at, show(one), show(other))
}

mod documents {
    use yinxin::certificate::Level;

    use super::{survive, survive_from};
    use crate::{
        attacks::{
            Scene,
            scene::{Permits, Stage},
        },
        levels::signatures,
    };

    const DOCUMENTS: usize = 6;

    #[test]
    fn no_mutation_of_our_own_seal_passes() {
        let scene = Scene::new();
        survive("sealed", &scene.sealed, &scene.verifier, DOCUMENTS);
    }

    #[test]
    fn no_mutation_of_a_seal_of_a_higher_level_passes() {
        let stage = Stage::new();
        for (level, [document, _]) in stage.elevated() {
            match level {
                // Above.
                Level::B => {}
                Level::T | Level::Lta => survive(level.as_str(), &document, &stage.verifier, DOCUMENTS),
                Level::Lt => {
                    let (before, contents) = &signatures(&document)[0];
                    let covered = before.len() + 2 * contents.len() + 2;
                    survive_from((level.as_str(), &document), covered, &stage.verifier, DOCUMENTS);
                }
            }
        }
    }

    #[test]
    fn no_mutation_of_an_approved_document_passes() {
        let stage = Stage::new();
        survive("approved", stage.base(Permits::Unsaid), &stage.verifier, DOCUMENTS);
    }

    #[test]
    fn no_mutation_of_a_certified_document_that_permits_changes_passes() {
        let stage = Stage::new();
        survive(
            "certified",
            stage.base(Permits::Annotations),
            &stage.verifier,
            DOCUMENTS,
        );
    }
}
