//! Seals and signatures by GB/T 38540 and GM/T 0031, messages by GB/T 35275, bare SM2 values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yinxin::formats::ses::{Seal, Value, read, sm2_value};

fuzz_target!(|bytes: &[u8]| {
    let _ = sm2_value(bytes);
    // What was signed is a piece of what is stored.
    if let Ok(Value::Seal(signature)) = read(bytes) {
        assert!(
            bytes
                .windows(signature.to_sign.len())
                .any(|piece| piece == signature.to_sign)
        );
        assert_eq!(
            Seal::read(signature.seal.raw).map(|seal| seal.signed),
            Ok(signature.seal.signed)
        );
    }
    let _ = Seal::read(bytes);
});
