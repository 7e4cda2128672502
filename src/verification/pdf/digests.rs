//! Digests of all signatures' bytes at once. Signatures cover prefixes of one file: a digest of its own for each would
//! read the file as often as it has signatures.

use std::cell::RefCell;

use ring::digest::{Context, SHA256, SHA384, SHA512};

use super::super::signer::Content;
use super::coverage::Covered;
use crate::formats::{cms::Digest, pdf::Work};

/// How much is read between two looks at the clock, in bytes.
const PART_BYTES: usize = 1024 * 1024;

/// The digests over what each signature covers, made once for each algorithm that is asked for.
pub(super) struct Digests<'a> {
    bytes: &'a [u8],
    /// By the place of the signature; none where it is not known what it covers.
    covered: &'a [Option<Covered>],
    work: &'a Work,
    made: RefCell<Vec<(Digest, Made)>>,
}

struct Made {
    /// By the place of the signature; empty where it is not known what it covers.
    signed: Vec<Vec<u8>>,
    whole: Vec<u8>,
}

impl<'a> Digests<'a> {
    pub(super) fn new(bytes: &'a [u8], covered: &'a [Option<Covered>], work: &'a Work) -> Self {
        Self {
            bytes,
            covered,
            work,
            made: RefCell::default(),
        }
    }

    /// The digest over what a signature covers; none where time is over.
    pub(super) fn of(&self, digest: Digest, signature: usize) -> Option<Vec<u8>> {
        if let Some((_, made)) = self.made.borrow().iter().find(|(of, _)| *of == digest) {
            return Some(made.signed.get(signature).cloned().unwrap_or_default());
        }
        self.work.check_time().ok()?;
        let algorithm = match digest {
            Digest::Sha256 => &SHA256,
            Digest::Sha384 => &SHA384,
            Digest::Sha512 => &SHA512,
            // Others have no state that can be copied: each signature reads its own prefix.
            _ => {
                let covered = self.covered.get(signature).and_then(Option::as_ref);
                let made = covered.map(|covered| digest.of(&covered.pieces(self.bytes)));
                return Some(made.unwrap_or_default());
            }
        };
        let made = self.run(Context::new(algorithm))?;
        let own = made.signed.get(signature).cloned().unwrap_or_default();
        self.made.borrow_mut().push((digest, made));
        Some(own)
    }

    /// SHA-256 over the whole file, if signatures asked for the same over what they cover.
    pub(super) fn whole_sha256(&self) -> Option<Vec<u8>> {
        let made = self.made.borrow();
        let (_, made) = made.iter().find(|(of, _)| *of == Digest::Sha256)?;
        Some(made.whole.clone())
    }

    /// Reads the file once, and what follows each gap up to the end of its revision once more.
    fn run(&self, mut running: Context) -> Option<Made> {
        let mut signed = vec![Vec::new(); self.covered.len()];
        let mut order: Vec<_> = (0..)
            .zip(self.covered.iter())
            .filter_map(|(place, covered)| covered.as_ref().map(|covered| (place, covered)))
            .collect();
        order.sort_by_key(|(_, covered)| covered.gap.start);
        let mut at = 0;
        for (place, covered) in order {
            self.feed(&mut running, at, covered.gap.start)?;
            at = covered.gap.start.max(at);
            let mut own = running.clone();
            self.feed(&mut own, covered.gap.end, covered.end)?;
            if let Some(made) = signed.get_mut::<usize>(place) {
                *made = own.finish().as_ref().to_vec();
            }
        }
        self.feed(&mut running, at, self.bytes.len())?;
        let whole = running.finish().as_ref().to_vec();
        Some(Made { signed, whole })
    }

    /// Signatures may all cover the same long end of a file: the clock is looked at between its parts.
    fn feed(&self, context: &mut Context, from: usize, to: usize) -> Option<()> {
        for part in self.bytes.get(from..to).unwrap_or_default().chunks(PART_BYTES) {
            self.work.check_time().ok()?;
            context.update(part);
        }
        Some(())
    }
}

/// What one of the signatures is over.
pub(super) struct Signed<'a> {
    pub(super) digests: &'a Digests<'a>,
    pub(super) signature: usize,
}

impl Content for Signed<'_> {
    fn digest(&self, digest: Digest) -> Option<Vec<u8>> {
        self.digests.of(digest, self.signature)
    }

    fn bytes(&self) -> Vec<u8> {
        let covered = self.digests.covered.get(self.signature).and_then(Option::as_ref);
        covered
            .map(|covered| covered.pieces(self.digests.bytes).concat())
            .unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::formats::pdf::Limits;

    #[test]
    fn each_signature_has_the_digest_of_its_own_two_pieces() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5_000_000).collect();
        let covered: Vec<_> = [
            (3_000_000, 3_000_100, 4_000_000),
            (10, 20, 30),
            (1_000_000, 1_000_001, 5_000_000),
        ]
        .map(|(start, end, to)| {
            Some(Covered {
                gap: start..end,
                end: to,
            })
        })
        .into_iter()
        .chain([None])
        .collect();
        let work = |time| {
            let limits = Limits {
                time,
                ..Limits::default()
            };
            Work::new(&limits, Instant::now(), bytes.len())
        };
        let (hour, over) = (work(Duration::from_secs(3_600)), work(Duration::ZERO));
        let late = Digests::new(&bytes, &covered, &over);
        let digests = Digests::new(&bytes, &covered, &hour);
        assert_eq!(digests.whole_sha256(), None);
        for digest in [Digest::Sha256, Digest::Sha512, Digest::Sm3] {
            for (place, covered) in covered.iter().enumerate() {
                let expected = covered.as_ref().map(|covered| digest.of(&covered.pieces(&bytes)));
                assert_eq!(digests.of(digest, place), Some(expected.unwrap_or_default()));
                assert_eq!(late.of(digest, place), None);
            }
        }
        assert_eq!(digests.whole_sha256(), Some(Digest::Sha256.of(&[&bytes])));
    }
}
