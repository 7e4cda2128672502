//! OFD packages: their files, what they lead to, what they say of themselves, and their lists of signatures.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yinxin::formats::ofd::{Package, first_page, is_package, parts, signature_file, signatures, stated};

fuzz_target!(|bytes: &[u8]| {
    if !is_package(bytes) {
        return;
    }
    let _ = first_page(bytes);
    let Ok(package) = Package::read(bytes) else { return };
    if let Ok(parts) = parts(&package) {
        let _ = stated(&package, &parts);
    }
    for path in package.paths() {
        let _ = signatures(&package, path);
        let _ = signature_file(&package, path);
    }
});
