//! The whole verifier, from PDFs on.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = yinxin_fuzz::verify(bytes);
});
