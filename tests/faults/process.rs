use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
};

use yinxin::{
    audit::{AuditError, Log},
    formats::checkpoint::Signer,
    storage::{Db, FILE_NAME},
};

use crate::log::{Folder, entry, stored};

/// The data folder of [`appends_until_killed`].
const FOLDER: &str = "YINXIN_TEST_FOLDER";

/// A process that appends as fast as it can from 32 clients, and says on its output what was acknowledged
/// (`ok NUMBER REQUEST`) and what was not (`refused`).
struct Appending {
    process: Child,
    output: BufReader<ChildStdout>,
    acknowledged: BTreeMap<u64, String>,
}

impl Appending {
    fn start(folder: &Folder) -> Self {
        let program = std::env::current_exe().unwrap();
        // A write past the limit of file sizes is then an error that the process sees, and not its end.
        let mut process = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(program)
            .args(["--ignored", "--exact", "--nocapture", "process::appends_until_killed"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self {
            process,
            output,
            acknowledged: BTreeMap::new(),
        }
    }

    /// Reads its next word; none when it has ended.
    fn heard(&mut self) -> Option<bool> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.output.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                // The last line before the end may be cut.
                ["ok", number, request] if line.ends_with('\n') => {
                    self.acknowledged.insert(number.parse().unwrap(), (*request).to_owned());
                    return Some(true);
                }
                ["refused"] => return Some(false),
                _ => {}
            }
        }
    }

    fn hear(&mut self, wanted: bool, times: usize) {
        let mut heard = 0;
        while heard < times {
            heard += usize::from(self.heard().expect("the process has ended") == wanted);
        }
    }

    fn limit_file_size(&self, bytes: &str) {
        let limit = format!("--fsize={bytes}:");
        let pid = self.process.id().to_string();
        let done = Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap();
        assert!(done.success());
    }

    /// Kills it and hears it out.
    fn kill(mut self) -> BTreeMap<u64, String> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        while self.heard().is_some() {}
        std::mem::take(&mut self.acknowledged)
    }
}

#[tokio::test]
#[ignore = "started by the tests below as a process of its own"]
async fn appends_until_killed() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("started by the tests below"));
    let key = std::fs::read(folder.join("log.key")).unwrap();
    let db = Db::open(&folder.join(FILE_NAME)).await.unwrap();
    let signer = Signer::from_pkcs8("county.example/log", &key).unwrap();
    let log = Arc::new(Log::open(Arc::new(db), signer).await.unwrap());
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..32 {
        let log = log.clone();
        clients.spawn(async move {
            for turn in 0_u64.. {
                let request = format!("{client}-{turn}");
                match log.append(entry(&request)).await {
                    Ok(number) => println!("ok {number} {request}"),
                    Err(AuditError::NotWritten) => println!("refused"),
                    Err(error) => panic!("{error}"),
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        });
    }
    clients.join_all().await;
}

/// Opens the log again as a restarted node would, and holds it against what was acknowledged.
async fn assert_whole(folder: &Folder, acknowledged: &BTreeMap<u64, String>) {
    folder.log().await;
    let stored = stored(&folder.db().await).await;
    for (number, request) in acknowledged {
        assert_eq!(stored.get(number), Some(request), "entry {number} was acknowledged");
    }
    assert!(
        stored.keys().copied().eq(1..=stored.len() as u64),
        "the numbers have a gap"
    );
    let report = folder.verify().await;
    assert!(report.holds, "{report:?}");
    assert_eq!(report.tree_size, Some(stored.len() as u64));
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_kill_9() {
    let folder = Folder::new();
    let mut acknowledged = BTreeMap::new();
    for round in 1..=4 {
        let mut appending = Appending::start(&folder);
        // Past a round of the sequencer, so that it too is killed at different moments.
        appending.hear(true, 400 * round);
        acknowledged.extend(appending.kill());
        assert_whole(&folder, &acknowledged).await;
        acknowledged = stored(&folder.db().await).await;
    }
}

#[tokio::test]
async fn a_full_disk_refuses_loses_nothing_and_is_recovered_from() {
    let folder = Folder::new();
    let mut appending = Appending::start(&folder);
    appending.hear(true, 200);
    for _ in 0..2 {
        appending.limit_file_size("4096");
        appending.hear(false, 50);
        appending.limit_file_size("unlimited");
        appending.hear(true, 500);
    }
    let acknowledged = appending.kill();
    assert_whole(&folder, &acknowledged).await;
}
