//! The PDF reader: every object of every revision, the pages and the signatures.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yinxin::formats::pdf::{Document, salvage};

fuzz_target!(|bytes: &[u8]| {
    let _ = salvage(bytes);
    let Ok(document) = Document::read(bytes) else { return };
    let _ = document.pages();
    let _ = document.form_signatures();
    let _ = document.all_signatures();
});
