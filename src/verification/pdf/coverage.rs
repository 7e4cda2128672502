//! Which bytes a signature is over: all from the first one on, but its own `/Contents`.

use std::ops::Range;

use super::super::findings::Code;
use crate::formats::pdf::{Document, SignatureDictionary};

/// The bytes that a signature is over.
#[derive(Clone, Debug)]
pub(super) struct Covered {
    /// The `/Contents` string with its `<` and `>`, which alone is left out.
    pub(super) gap: Range<usize>,
    /// The length of the prefix of the file that is signed, the gap included.
    pub(super) end: usize,
}

impl Covered {
    pub(super) fn pieces<'a>(&self, bytes: &'a [u8]) -> [&'a [u8]; 2] {
        [
            bytes.get(..self.gap.start).unwrap_or_default(),
            bytes.get(self.gap.end..self.end).unwrap_or_default(),
        ]
    }

    /// The digits between `<` and `>`.
    pub(super) fn contents<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let gap = bytes.get(self.gap.clone()).unwrap_or_default();
        gap.get(1..gap.len().saturating_sub(1)).unwrap_or_default()
    }
}

/// Checks `/ByteRange`. Where it is sound but for what stands in its gap, the range comes with the fault: digests over
/// it still tell whether something was put between.
pub(super) fn cover(bytes: &[u8], signature: &SignatureDictionary) -> Result<Covered, (Code, Option<Covered>)> {
    let range = signature.byte_range.ok_or((Code::ByteRangeForm, None))?;
    let [0, first, second, length] = range else {
        return Err((Code::ByteRangeForm, None));
    };
    let end = second.checked_add(length).ok_or((Code::ByteRangeForm, None))?;
    if end > bytes.len() || first > bytes.len() {
        return Err((Code::ByteRangePastEnd, None));
    }
    let covered = Covered {
        gap: first..second,
        end,
    };
    let Some(gap) = bytes.get(first..second) else {
        return Err((Code::ByteRangeForm, None));
    };
    let exact = gap.starts_with(b"<") && gap.ends_with(b">") && gap.len() >= 2;
    if exact && signature.contents == Some(first..second) {
        Ok(covered)
    } else {
        Err((Code::ByteRangeGap, Some(covered)))
    }
}

/// The revision whose end is the end of what is signed; none where it ends elsewhere.
pub(super) fn revision_of(document: &Document<'_>, covered: &Covered) -> Option<u32> {
    let found = document.revisions().iter().position(|revision| {
        revision
            .end
            .as_ref()
            .is_some_and(|end| (end.range.start..=end.range.end).contains(&covered.end))
    })?;
    document.newest().checked_sub(u32::try_from(found).ok()?)
}
