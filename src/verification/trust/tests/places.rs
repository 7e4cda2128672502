//! What is read from this machine.

use std::{fs, path::PathBuf};

use super::*;
use crate::formats::{
    checkpoint::Signer,
    trust_list::{Change, Entry, FORMAT},
};

/// A folder that is gone when the test is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("yinxin-places-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn list(root: &Holder, sequence: u64) -> TrustList {
    TrustList {
        format: FORMAT.to_owned(),
        name: "示例信任列表".to_owned(),
        sequence,
        issued: time("2026-06-01"),
        next_update: time("2026-12-01"),
        services: vec![Entry {
            name: "示例根".to_owned(),
            service: Service::Seal,
            certificate: data_encoding::BASE64.encode(&root.der),
            history: vec![Change {
                status: State::Granted,
                since: time("2021-01-01"),
            }],
        }],
    }
}

#[test]
fn a_node_that_has_used_a_list_refuses_an_older_one() {
    let folder = Folder::new();
    let root = Holder::root(authority_params("示例根"));
    let key = ring::signature::Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
    let signer = Signer::from_pkcs8("county.example", key.as_ref()).unwrap();
    let places = TrustPlaces {
        list: Some((
            folder.0.join("trust.list"),
            folder.write("list.vkey", signer.verifier_key().to_string()),
        )),
        seen: Some(folder.0.join("trust-list.seen")),
        ..TrustPlaces::default()
    };
    let open = |sequence| {
        folder.write("trust.list", list(&root, sequence).sign(&signer).unwrap());
        places.open(time("2026-07-01"))
    };
    let sequence = |trust: Result<Trust, TrustError>| trust.unwrap().snapshot().sequence;
    assert_eq!(sequence(open(2)), Some(2));
    assert_eq!(sequence(open(2)), Some(2));
    assert_eq!(sequence(open(3)), Some(3));
    assert!(matches!(open(2), Err(TrustError::List(..))));
    let mut other = list(&root, 3);
    other.services.clear();
    folder.write("trust.list", other.sign(&signer).unwrap());
    assert!(matches!(places.open(time("2026-07-01")), Err(TrustError::List(..))));
}

#[test]
fn a_list_that_is_not_in_its_form_is_refused() {
    let root = Holder::root(authority_params("示例根"));
    let good = list(&root, 1);
    let parsed = |change: &dyn Fn(&mut TrustList)| {
        let mut list = good.clone();
        change(&mut list);
        TrustList::parse(&list.text().unwrap()).is_ok()
    };
    assert!(parsed(&|_| {}));
    assert!(!parsed(&|list| list.format = "yinxin-trust-list/2".to_owned()));
    assert!(!parsed(&|list| list.next_update = list.issued));
    assert!(!parsed(&|list| list.services[0].certificate.clear()));
    assert!(!parsed(&|list| list.services[0].history.clear()));
    assert!(!parsed(&|list| {
        let again = list.services[0].history[0].clone();
        list.services[0].history.push(again);
    }));
    let text = good.text().unwrap().replace("\"sequence\"", "\"number\"");
    assert!(TrustList::parse(&text).is_err());
}

#[test]
fn a_folder_of_revocation_data_holds_nothing_else() {
    let folder = Folder::new();
    let root = Holder::root(authority_params("示例根"));
    folder.write("a.crl", root.crl(List::empty()));
    folder.write("b.crl", pem("X509 CRL", &root.crl(List::empty())));
    folder.write("readme.txt", "nothing");
    let open = || trusting(&[&root]).with_revocation(&folder.0);
    assert_eq!(open().unwrap().evidence().crls.len(), 2);
    folder.write("c.crl", &root.der);
    assert!(matches!(open(), Err(TrustError::NotRevocation(_))));
}
