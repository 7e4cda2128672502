//! `yinxin verify` as a process: no configuration, no node.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    pki::{Leaf, Root},
    sample::{sealed, tiny},
};

/// A folder that is gone when the test is.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("yinxin-formats-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_exit_code_is_the_worst_and_each_file_has_its_line() {
    let folder = Folder::new();
    let root = Root::new("示例根");
    let good = sealed(&tiny("one"), &root.seal(&Leaf::default()));
    let mut bad = good.clone();
    bad[200] ^= 1;
    folder.write("trust/root.pem", root.pem.as_bytes());
    folder.write("good.pdf", &good);
    folder.write("bad.pdf", &bad);
    folder.write("plain.pdf", &tiny("one"));
    let run = |files: &[&str], at: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_yinxin"))
            .current_dir(&folder.0)
            .args(["verify", "--json", "--trust", "trust", "--at", at])
            .args(files)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code(), lines)
    };
    let day = "2026-11-05T12:00:00+08:00";
    let (code, lines) = run(&["good.pdf"], day);
    assert_eq!((code, lines[0]["indication"].as_str()), (Some(0), Some("TOTAL_PASSED")));
    assert_eq!(lines[0]["file"], "good.pdf");
    assert_eq!(run(&["good.pdf"], "2041-01-01").0, Some(2));
    assert_eq!(run(&["good.pdf", "plain.pdf"], day).0, Some(2));
    assert_eq!(run(&["good.pdf", "none.pdf"], day).0, Some(3));
    let (code, lines) = run(&["good.pdf", "none.pdf", "plain.pdf", "bad.pdf"], day);
    assert_eq!((code, lines.len()), (Some(1), 4));
    assert_eq!(lines[3]["modified_after_signing"], true);
}
