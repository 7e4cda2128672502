//! A node that cannot start says why in one sentence; one that stops leaves everything in its place.

use std::{fs, process::Command};

use yinxin::{audit::LogStore as _, formats::checkpoint::VerifierKey, storage::Db};

use crate::support::{County, HOUSING_FUND_ITEM, Site, worker};

/// What `yinxin serve` says when it does not start.
fn complaint(site: &Site) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_yinxin"))
        .args(["serve", "--config"])
        .arg(site.config_file())
        .output()
        .unwrap();
    assert!(!ended.status.success());
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a_node_whose_keys_are_broken_names_the_key() {
    for (name, content) in [("token.key", "x"), ("log.key", ""), ("data.key", "short")] {
        let site = Site::new();
        let key = site.folder.write(&format!("keys/{name}"), content);
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(key, owner_only).unwrap();
        let said = complaint(&site);
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn a_node_whose_data_folder_cannot_be_written_names_it() {
    let site = Site::new();
    // A file where the folder should be: nobody can write into it, root neither.
    site.folder.write("data", "");
    let said = complaint(&site);
    assert!(said.contains("data`"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_leaves_every_entry_in_its_place_and_the_write_ahead_log_empty() {
    let mut county = County::start().await;
    let data = county.config.node.data.clone();
    let vkey = fs::read_to_string(county.config.keys.folder.join("log.vkey")).unwrap();
    county.client("window").open_case(HOUSING_FUND_ITEM, &worker()).await;
    county.node.stop_and_wait();

    let wal = fs::metadata(data.join("yinxin.db-wal"));
    assert!(wal.is_err() || wal.unwrap().len() == 0);
    let store = Db::open_read_only(&data.join("yinxin.db")).await.unwrap();
    let note = store.checkpoint().await.unwrap().unwrap();
    let signed = VerifierKey::parse(vkey.trim()).unwrap().open(&note).unwrap();
    let last = store.entries(1, 1_000).await.unwrap().last().unwrap().0;
    assert_eq!(signed.size, last);
}
