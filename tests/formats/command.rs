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

/// Runs a command in a folder; returns its exit code and what it printed.
fn yinxin(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_yinxin"))
        .current_dir(&folder.0)
        .args(arguments)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

fn done(folder: &Folder, arguments: &[&str]) -> String {
    let (code, text) = yinxin(folder, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {text}");
    text
}

#[test]
fn a_trust_list_is_built_signed_updated_and_never_goes_back() {
    let folder = Folder::new();
    let root = Root::new("示例根");
    folder.write("root.pem", root.pem.as_bytes());
    folder.write("good.pdf", &sealed(&tiny("one"), &root.seal(&Leaf::default())));
    done(
        &folder,
        &["trust", "key", "--name", "county.example", "--out", "list.key"],
    );
    let since = "2026-01-01T00:00:00Z";
    let first = [
        "--name",
        "示例县",
        "--seal",
        "root.pem",
        "--since",
        since,
        "--out",
        "1.json",
    ];
    done(&folder, &[&["trust", "build"], &first[..]].concat());
    let sign = |number: &str| {
        let (json, list) = (format!("{number}.json"), format!("{number}.list"));
        let arguments = [
            "trust",
            "sign",
            &json,
            "--key",
            "list.key",
            "--name",
            "county.example",
            "--out",
            &list,
        ];
        done(&folder, &arguments)
    };
    sign("1");
    let shown = done(&folder, &["trust", "show", "1.list", "--key", "list.key.vkey"]);
    assert!(
        shown.contains("示例县  #1") && shown.contains("seal: 示例根"),
        "{shown}"
    );

    let verify = |list: &str, at: &str| {
        let arguments = [
            "verify",
            "--json",
            "--trust",
            list,
            "--trust-key",
            "list.key.vkey",
            "--at",
            at,
            "good.pdf",
        ];
        let (_, text) = yinxin(&folder, &arguments);
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|_| panic!("{text}"))
    };
    let report = verify("1.list", "2026-11-05");
    assert_eq!(report["indication"], "TOTAL_PASSED", "{report}");
    let snapshot = &report["trust_snapshot"];
    assert_eq!(
        (snapshot["name"].as_str(), snapshot["sequence"].as_u64()),
        (Some("示例县"), Some(1))
    );
    assert_eq!(report["validation_time"], "2026-11-05T15:59:59Z");
    assert_ne!(report["verified_at"], report["validation_time"]);
    assert_eq!(verify("1.list", "2025-11-05")["signatures"][0]["trusted"], false);

    // The authority is withdrawn by a second list.
    let withdrawn = "2026-06-01T00:00:00Z";
    let second = [
        "--from",
        "1.list",
        "--withdraw",
        "root.pem",
        "--since",
        withdrawn,
        "--out",
        "2.json",
    ];
    done(&folder, &[&["trust", "build"], &second[..]].concat());
    sign("2");
    assert_eq!(
        verify("2.list", "2026-11-05")["sub_indication"],
        "NO_CERTIFICATE_CHAIN_FOUND_NO_POE"
    );
    // Before that it was trusted; the seal claims to be from later still, and does not pass.
    let before = verify("2.list", "2026-05-05");
    assert_eq!(before["signatures"][0]["trusted"], true);
    assert_eq!(before["sub_indication"], "SIG_CONSTRAINTS_FAILURE", "{before}");

    let update = |list: &str| {
        yinxin(
            &folder,
            &["trust", "update", list, "--key", "list.key.vkey", "--to", "used.list"],
        )
    };
    assert_eq!(update("1.list").0, Some(0));
    assert_eq!(update("2.list").0, Some(0));
    let (code, text) = update("1.list");
    assert!(code == Some(1) && text.contains("go back"), "{text}");
    assert_eq!(
        fs::read(folder.0.join("used.list")).unwrap(),
        fs::read(folder.0.join("2.list")).unwrap()
    );

    // Nobody else's list, and no byte changed.
    let mut changed = fs::read_to_string(folder.0.join("2.list")).unwrap();
    changed = changed.replace("withdrawn", "granted");
    folder.write("3.list", changed.as_bytes());
    assert_eq!(update("3.list").0, Some(1));
    done(
        &folder,
        &["trust", "key", "--name", "county.example", "--out", "other.key"],
    );
    let other = [
        "trust",
        "sign",
        "2.json",
        "--key",
        "other.key",
        "--name",
        "county.example",
        "--out",
        "4.list",
    ];
    done(&folder, &other);
    assert_eq!(update("4.list").0, Some(1));
    let arguments = [
        "verify",
        "--trust",
        "4.list",
        "--trust-key",
        "list.key.vkey",
        "good.pdf",
    ];
    assert_eq!(yinxin(&folder, &arguments).0, Some(3));
}

#[test]
fn a_list_that_should_have_been_updated_is_said_to_be_old() {
    let folder = Folder::new();
    let root = Root::new("示例根");
    folder.write("root.pem", root.pem.as_bytes());
    folder.write("good.pdf", &sealed(&tiny("one"), &root.seal(&Leaf::default())));
    done(
        &folder,
        &["trust", "key", "--name", "county.example", "--out", "list.key"],
    );
    let build = [
        "--name",
        "示例县",
        "--seal",
        "root.pem",
        "--since",
        "2026-01-01T00:00:00Z",
        "--days",
        "1",
    ];
    done(
        &folder,
        &[&["trust", "build"], &build[..], &["--out", "1.json"]].concat(),
    );
    let sign = ["--key", "list.key", "--name", "county.example", "--out", "1.list"];
    done(&folder, &[&["trust", "sign", "1.json"], &sign[..]].concat());
    let verify = [
        "verify",
        "--json",
        "--trust",
        "1.list",
        "--trust-key",
        "list.key.vkey",
        "--at",
        "2030-01-01",
    ];
    let text = done(&folder, &[&verify[..], &["good.pdf"]].concat());
    assert!(text.contains("trust_list_expired"), "{text}");
}

#[test]
fn a_configured_crl_revokes_and_what_is_required_must_be_at_hand() {
    let folder = Folder::new();
    let root = Root::new("示例根");
    let seal = root.seal(&Leaf::default());
    let serial = x509_parser::parse_x509_certificate(&seal.chain[0])
        .unwrap()
        .1
        .raw_serial()
        .to_vec();
    folder.write("trust/root.pem", root.pem.as_bytes());
    folder.write("good.pdf", &sealed(&tiny("one"), &seal));
    let run = |more: &[&str]| {
        let verify = ["verify", "--json", "--trust", "trust", "--at", "2026-11-05", "good.pdf"];
        let (_, text) = yinxin(&folder, &[&verify[..], more].concat());
        serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|_| panic!("{text}"))
    };
    let passed = run(&[]);
    assert_eq!(passed["indication"], "TOTAL_PASSED");
    assert_eq!(passed["signatures"][0]["revocation"], "not_checked");
    assert_eq!(run(&["--require-revocation"])["sub_indication"], "TRY_LATER");

    folder.write("good/root.crl", &root.crl(&[]));
    let passed = run(&["--require-revocation", "--revocations", "good"]);
    assert_eq!(passed["indication"], "TOTAL_PASSED", "{passed}");
    let revocation = &passed["signatures"][0]["revocations"][0];
    assert_eq!(
        (revocation["status"].as_str(), revocation["source"].as_str()),
        (Some("good"), Some("configured"))
    );

    folder.write("bad/root.crl", &root.crl(&[&serial]));
    let revoked = run(&["--revocations", "bad"]);
    assert_eq!(revoked["sub_indication"], "REVOKED_NO_POE", "{revoked}");
    assert_eq!(revoked["signatures"][0]["intact"], true);
    assert_eq!(revoked["signatures"][0]["trusted"], false);
}

#[test]
fn the_signed_version_and_a_report_are_written_beside_nothing_that_is_there_already() {
    let folder = Folder::new();
    let root = Root::new("示例根");
    let signed = sealed(&tiny("one"), &root.seal(&Leaf::default()));
    let altered = [&signed[..], b"\n% more\n"].concat();
    folder.write("trust/root.pem", root.pem.as_bytes());
    folder.write("good.pdf", &signed);
    folder.write("altered.pdf", &altered);
    fs::create_dir(folder.0.join("out")).unwrap();
    let run = || {
        Command::new(env!("CARGO_BIN_EXE_yinxin"))
            .current_dir(&folder.0)
            .env("LC_ALL", "zh_CN.UTF-8")
            .args([
                "verify",
                "--trust",
                "trust",
                "--at",
                "2026-11-05",
                "--signed",
                "out",
                "--report",
                "out",
            ])
            .args(["good.pdf", "altered.pdf"])
            .output()
            .unwrap()
    };
    let output = run();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_ne!(output.status.code(), Some(0), "{said}");
    assert!(
        said.starts_with("good.pdf: 通过: 自“") && said.contains("\naltered.pdf: "),
        "{said}"
    );
    assert_eq!(fs::read(folder.0.join("out/altered.signed.pdf")).unwrap(), signed);
    assert!(
        !folder.0.join("out/good.signed.pdf").exists(),
        "the whole file is what was signed"
    );
    for name in ["good", "altered"] {
        let report = folder.0.join(format!("out/{name}.report.pdf"));
        let text = Command::new("pdftotext").arg(report).arg("-").output().unwrap();
        let text = String::from_utf8(text.stdout).unwrap();
        assert!(
            text.contains("电子文件查验报告") && text.contains("离线查验，未加盖印章"),
            "{text}"
        );
    }
    let again = run();
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("cannot be written"));
}
