use yinxin::formats::pdf::{SealError, prepare};

use crate::{
    pki::{Leaf, Root},
    sample::{seal_of, sealed, tiny},
};

#[test]
fn a_seal_is_appended_and_nothing_before_it_moves() {
    let identity = Root::new("示例根").seal(&Leaf::default());
    let pdf = tiny("one");
    let sealed = sealed(&pdf, &identity);
    assert!(sealed.starts_with(&pdf));
    assert!(sealed.ends_with(b"%%EOF\n"));
}

#[test]
fn a_signature_longer_than_its_room_is_refused_and_never_cut() {
    let identity = Root::new("示例根").seal(&Leaf::default());
    let mut seal = seal_of();
    seal.contents_bytes = 100;
    let prepared = prepare(&tiny("one"), &seal).unwrap();
    let cms = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    assert!(matches!(
        prepared.finish(&cms),
        Err(SealError::TooLong { reserved: 100, .. })
    ));
}

#[test]
fn a_document_that_is_sealed_already_is_not_sealed_again() {
    let identity = Root::new("示例根").seal(&Leaf::default());
    let sealed = sealed(&tiny("one"), &identity);
    assert!(matches!(prepare(&sealed, &seal_of()), Err(SealError::HasForm)));
}
