//! `yinxin demo` and `yinxin admin`, as a newcomer runs them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

use der::pem::LineEnding;
use yinxin::keys::{authority::write_private, encrypted};

/// What departments seal with.
const SEAL_KEYS: [&str; 4] = [
    "seal-hr.key",
    "seal-hr-sm2.key",
    "seal-housing-fund-sm2.key",
    "seal-maker.key",
];

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("yinxin-demo-test-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The first of five ports that nobody has, and that no other test of this run is given. Below those that the kernel
/// gives to clients.
fn port_base() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 1_000).unwrap();
    loop {
        let range = (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 1_200;
        let base = 20_000 + 10 * range;
        if (0..5).all(|offset| TcpListener::bind(("127.0.0.1", base + offset)).is_ok()) {
            return base;
        }
    }
}

fn yinxin(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yinxin"));
    command.args(arguments);
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn demo(dir: &Path, base: u16, arguments: &[&str]) -> Command {
    let mut command = yinxin(&["demo", "--dir", dir.to_str().unwrap(), "--port-base", &base.to_string()]);
    command.args(arguments);
    command
}

fn admin(dir: &Path, arguments: &[&str]) -> Output {
    let config = dir.join("node.toml");
    let mut command = yinxin(&["admin", "--config", config.to_str().unwrap()]);
    command.args(arguments).output().unwrap()
}

#[test]
fn the_story_passes_twice_over_one_folder_and_an_import_brings_nothing_back() {
    let folder = Folder::new();
    let dir = folder.0.join("demo");
    let base = port_base();

    for (lang, last) in [("en", "Every step was proved"), ("zh", "全部步骤通过")] {
        let played = demo(&dir, base, &["--once", "--lang", lang]).output().unwrap();
        assert!(
            played.status.success() && text(&played).contains(last),
            "{}",
            text(&played)
        );
        for key in SEAL_KEYS {
            let path = dir.join("pki").join(key);
            let pem = fs::read(&path).unwrap();
            assert!(encrypted::is_encrypted(&pem), "{key}");
            // As a folder of an earlier release has it, for the next run.
            if lang == "en" {
                let password = fs::read_to_string(dir.join("pki/seal.password")).unwrap();
                let opened = encrypted::open(&pem, Some(&password)).unwrap();
                let plain = der::pem::encode_string("PRIVATE KEY", LineEnding::LF, &opened).unwrap();
                write_private(&path, plain.as_bytes()).unwrap();
            }
        }
    }
    assert_eq!(fs::read_dir(dir.join("certificates")).unwrap().count(), 4);
    for secret in [
        "credentials.txt",
        "pki/root.key",
        "pki/window.key",
        "pki/seal-hr.key",
        "keys/data.key",
    ] {
        let mode = fs::metadata(dir.join(secret)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{secret}");
    }
    let log = yinxin(&["audit", "verify", "--dir"])
        .arg(dir.join("data"))
        .arg("--key")
        .arg(dir.join("keys/log.vkey"))
        .output()
        .unwrap();
    assert!(log.status.success(), "{}", text(&log));

    let county = dir.join("county");
    let import = ["import", county.to_str().unwrap()];
    let again = admin(&dir, &import);
    assert!(
        again.status.success() && text(&again).starts_with("unchanged"),
        "{}",
        text(&again)
    );

    // A certificate renewed over the same key counts as long as the new one does.
    let renewed = dir.join("renewed.pem");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-new", "-days", "5", "-subj", "/CN=notary", "-key"])
        .arg(dir.join("pki/notary.key"))
        .arg("-out")
        .arg(&renewed)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", text(&made));
    let add = [
        "credential",
        "add",
        "--system",
        "notary",
        "--cert",
        renewed.to_str().unwrap(),
    ];
    let added = admin(&dir, &add);
    assert!(added.status.success(), "{}", text(&added));
    let again = text(&admin(&dir, &import));
    assert!(again.starts_with("changed    credential of notary"), "{again}");

    let window = dir.join("pki/window.pem");
    let revoked = admin(&dir, &["credential", "revoke", "--cert", window.to_str().unwrap()]);
    assert!(revoked.status.success(), "{}", text(&revoked));
    assert!(admin(&dir, &["grant", "withdraw", "window-business"]).status.success());
    assert!(admin(&dir, &["account", "disable", "clerk"]).status.success());
    let again = text(&admin(&dir, &import));
    for left_out in ["credential of window", "grant window-business", "account clerk"] {
        assert!(again.contains(&format!("left out   {left_out}")), "{again}");
    }

    let grants = county.join("grants.toml");
    let right = fs::read_to_string(&grants).unwrap();
    fs::write(&grants, right.replacen("name = \"employer\"", "name = \"salary\"", 1)).unwrap();
    let wrong = admin(&dir, &import);
    assert!(!wrong.status.success());
    assert!(
        text(&wrong).contains("grants.toml: `grant[0].fields[2]` names `salary`"),
        "{}",
        text(&wrong)
    );
}

#[test]
fn a_port_that_is_taken_is_named_with_the_way_out() {
    let folder = Folder::new();
    let base = port_base();
    let _taken = TcpListener::bind(("127.0.0.1", base + 1)).unwrap();
    let refused = demo(&folder.0, base, &["--once"]).output().unwrap();
    assert!(!refused.status.success());
    let said = text(&refused);
    assert!(
        said.contains(&format!("port {}", base + 1)) && said.contains("--port-base"),
        "{said}"
    );
}

#[test]
fn a_demo_that_is_killed_leaves_no_provider_behind() {
    let folder = Folder::new();
    let base = port_base();
    let mut child = demo(&folder.0, base, &["--lang", "en"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        said = format!("{said}{}\n", line.unwrap());
        if said.contains("Ctrl-C") {
            break;
        }
    }
    assert!(said.contains("Ctrl-C"), "{said}");
    child.kill().unwrap();
    child.wait().unwrap();
    let give_up = Instant::now() + Duration::from_secs(20);
    while (0..5).any(|offset| TcpListener::bind(("127.0.0.1", base + offset)).is_err()) {
        assert!(Instant::now() < give_up, "a port is still held");
        std::thread::sleep(Duration::from_millis(50));
    }
}
