//! OFD packages, and seals and signatures by GB/T 38540, GM/T 0031 and GB/T 35275.
#![no_main]

use libfuzzer_sys::fuzz_target;
use yinxin::formats::{
    ofd::{Package, first_page, is_package, parts, signature_file, signatures, stated},
    ses::{Seal, read},
};

fuzz_target!(|bytes: &[u8]| {
    let _ = read(bytes);
    let _ = Seal::read(bytes);
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
        let _ = package.file(path).map(read);
    }
});
