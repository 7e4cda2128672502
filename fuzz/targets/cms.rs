//! Signature data as they stand in `/Contents`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yinxin::formats::cms;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((message, _)) = cms::split(bytes) {
        let _ = cms::parse(message);
    }
});
