use std::sync::Arc;

use futures_util::future::join_all;
use sqlx::SqliteConnection;
use yinxin::audit::{AuditError, Fault, Filter, Log, Wrong};

use crate::log::{Folder, entry};

/// A log of 600 entries (three tiles, the last not full), sequenced, its node stopped.
async fn written() -> Folder {
    let folder = Folder::new();
    let log = folder.log().await;
    join_all((1..=600).map(|n| log.append(entry(&format!("r{n}"))))).await;
    log.search(&Filter::default()).await.unwrap();
    folder
}

/// What searches go by has a file of its own.
async fn tamper(folder: &Folder, sql: &'static str) {
    let of_search = sql.contains(" search_2 ");
    let file = if of_search { folder.search_file() } else { folder.file() };
    let mut intruder: SqliteConnection = folder.intruder_to(&file).await;
    let done = sqlx::raw_sql(sql).execute(&mut intruder).await.unwrap();
    assert!(done.rows_affected() > 0, "the test has altered nothing");
}

async fn assert_caught(sql: &'static str, wrong: Wrong, sequence: impl Into<Option<u64>>) {
    let folder = written().await;
    tamper(&folder, sql).await;
    let report = folder.verify().await;
    assert!(!report.holds);
    let sequence = sequence.into();
    assert_eq!(report.first_fault, Some(Fault { wrong, sequence }), "{sql}");
}

#[tokio::test]
async fn a_log_that_nobody_has_altered_holds() {
    let folder = written().await;
    let report = folder.verify().await;
    assert!(report.holds && report.root_matches, "{report:?}");
    assert_eq!((report.tree_size, report.first_fault), (Some(600), None));
}

#[tokio::test]
async fn a_deleted_entry_is_missed() {
    assert_caught("DELETE FROM entries WHERE sequence = 300", Wrong::Missing, 300).await;
    assert_caught("DELETE FROM entries WHERE sequence = 1", Wrong::Missing, 1).await;
    assert_caught("DELETE FROM entries", Wrong::Missing, 1).await;
}

#[tokio::test]
async fn the_last_entries_are_missed_too_with_their_search_rows_and_tiles() {
    assert_caught("DELETE FROM entries WHERE sequence = 600", Wrong::Missing, 600).await;
    let folder = written().await;
    tamper(&folder, "DELETE FROM search_2 WHERE sequence > 590").await;
    let rest = "DELETE FROM tiles WHERE position = 2; DELETE FROM entries WHERE sequence > 590";
    tamper(&folder, rest).await;
    let fault = folder.verify().await.first_fault;
    let (wrong, sequence) = (Wrong::Missing, Some(591));
    assert_eq!(fault, Some(Fault { wrong, sequence }));
}

#[tokio::test]
async fn a_deleted_entry_is_missed_when_those_after_it_move_up() {
    let renumbered = "DELETE FROM entries WHERE sequence = 300; UPDATE entries SET sequence = -sequence \
                      WHERE sequence > 300; UPDATE entries SET sequence = -sequence - 1 WHERE sequence < 0";
    assert_caught(renumbered, Wrong::Altered, 300).await;
}

#[tokio::test]
async fn an_altered_entry_is_named() {
    let altered = "UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), 'notary', 'others') AS BLOB) \
                   WHERE sequence = 555";
    assert_caught(altered, Wrong::Altered, 555).await;
    let swapped = "UPDATE entries SET sequence = -7 WHERE sequence = 7; UPDATE entries SET sequence = 7 \
                   WHERE sequence = 8; UPDATE entries SET sequence = 8 WHERE sequence = -7";
    assert_caught(swapped, Wrong::Altered, 7).await;
}

#[tokio::test]
async fn an_altered_entry_is_caught_when_the_stored_tree_is_gone_as_well() {
    let altered = "DELETE FROM tiles; UPDATE entries SET body = CAST('{}' AS BLOB) WHERE sequence = 555";
    assert_caught(altered, Wrong::RootDiffers, None).await;
}

#[tokio::test]
async fn an_entry_that_search_no_longer_finds_is_named() {
    assert_caught("DELETE FROM search_2 WHERE sequence = 42", Wrong::Misfiled, 42).await;
    assert_caught(
        "UPDATE search_2 SET department = 7 WHERE sequence = 43",
        Wrong::Misfiled,
        43,
    )
    .await;
    assert_caught(
        "UPDATE search_2 SET at_us = 9e15 WHERE sequence = 44",
        Wrong::Misfiled,
        44,
    )
    .await;
}

#[tokio::test]
async fn an_entry_that_is_filed_as_what_it_is_not_is_not_found_as_that() {
    let folder = written().await;
    tamper(&folder, "UPDATE search_2 SET system = department WHERE sequence > 500").await;
    let log = folder.log().await;
    let of_system = Filter {
        system: Some("notary".parse().unwrap()),
        ..Filter::default()
    };
    assert_eq!(log.search(&of_system).await.unwrap().len(), 0);
    assert_eq!(folder.verify().await.first_fault.unwrap().sequence, Some(501));
}

#[tokio::test]
async fn entries_that_are_not_what_they_are_filed_as_leave_no_gap_in_a_page() {
    let folder = written().await;
    let altered = "UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), 'notary', 'others') AS BLOB) \
                   WHERE sequence % 3 = 0";
    tamper(&folder, altered).await;
    let log = folder.log().await;
    for limit in [1, 50, 200] {
        let of_department = Filter {
            department: Some("notary".parse().unwrap()),
            limit,
            ..Filter::default()
        };
        let found = log.search(&of_department).await.unwrap();
        let expected = (1..=600_u64).rev().filter(|n| n % 3 > 0).take(limit as usize);
        assert!(found.iter().map(|entry| entry.sequence).eq(expected), "{limit}");
    }
}

#[tokio::test]
async fn what_searches_go_by_is_made_again_from_the_log_where_it_is_missing() {
    let folder = written().await;
    let filter = || Filter {
        department: Some("notary".parse().unwrap()),
        limit: 200,
        ..Filter::default()
    };
    tamper(&folder, "DELETE FROM search_2 WHERE sequence > 100 OR sequence = 42").await;
    assert_eq!(folder.verify().await.first_fault.unwrap().sequence, Some(42));
    let log = folder.log().await;
    assert!(folder.verify().await.holds);
    assert_eq!(log.search(&filter()).await.unwrap().len(), 200);

    let copy = folder.copy_of_the_database_alone().await;
    let report = copy.verify().await;
    assert!(report.holds && !report.search_compared, "{report:?}");
    std::fs::write(copy.search_file(), "").unwrap();
    let report = copy.verify().await;
    assert!(report.holds && !report.search_compared, "{report:?}");
    let log = copy.log().await;
    let newest = log.search(&filter()).await.unwrap();
    assert_eq!((newest.len(), newest[0].sequence), (200, 600));
    let report = copy.verify().await;
    assert!(report.holds && report.search_compared, "{report:?}");

    drop(log);
    let mut another_version = copy.intruder_to(&copy.search_file()).await;
    sqlx::raw_sql("DROP TABLE search_2; CREATE TABLE search (sequence INTEGER PRIMARY KEY, subject TEXT) STRICT")
        .execute(&mut another_version)
        .await
        .unwrap();
    drop(another_version);
    let report = copy.verify().await;
    assert!(report.holds && !report.search_compared, "{report:?}");
    let log = copy.log().await;
    assert_eq!(log.search(&filter()).await.unwrap().len(), 200);
    assert!(copy.verify().await.search_compared);
}

#[tokio::test]
async fn an_entry_that_is_gone_or_altered_hides_none_before_it_and_stops_no_start() {
    let folder = written().await;
    tamper(&folder, "DELETE FROM entries WHERE sequence = 590").await;
    let log = folder.log().await;
    let page = log.search(&Filter::default()).await.unwrap();
    assert_eq!((page.len(), page.last().unwrap().sequence), (50, 550));
    drop(log);
    tamper(
        &folder,
        "UPDATE entries SET body = CAST('{}' AS BLOB) WHERE sequence = 42",
    )
    .await;
    let copy = folder.copy_of_the_database_alone().await;
    copy.log().await;
}

#[tokio::test]
async fn a_checkpoint_that_is_gone_or_altered_is_caught() {
    assert_caught("DELETE FROM checkpoint", Wrong::NoCheckpoint, None).await;
    let smaller = "UPDATE checkpoint SET note = replace(note, char(10) || '600' || char(10), char(10) || '599' || char(10)); \
                   DELETE FROM entries WHERE sequence = 600";
    assert_caught(smaller, Wrong::CheckpointNotSigned, None).await;
}

#[tokio::test]
async fn a_log_does_not_hold_by_the_key_of_another() {
    let folder = written().await;
    let db = folder.db().await;
    let report = yinxin::audit::verify(&db, &Folder::new().verifier_key()).await.unwrap();
    assert_eq!(report.first_fault.unwrap().wrong, Wrong::CheckpointNotSigned);
}

#[tokio::test]
async fn a_node_does_not_go_on_with_a_tree_that_was_altered_or_a_key_that_is_not_its_own() {
    let folder = written().await;
    let other = Folder::new().signer();
    let opened = Log::open(Arc::new(folder.db().await), other).await;
    assert!(matches!(opened, Err(AuditError::Inconsistent(_))));
    tamper(
        &folder,
        "UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND position = 2",
    )
    .await;
    let opened = Log::open(Arc::new(folder.db().await), folder.signer()).await;
    assert!(matches!(opened, Err(AuditError::Inconsistent(_))));
}

#[tokio::test]
async fn new_entries_never_take_the_place_of_deleted_ones() {
    let folder = written().await;
    tamper(&folder, "DELETE FROM entries WHERE sequence > 500").await;
    let log = folder.log().await;
    assert_eq!(log.append(entry("new")).await.unwrap(), 601);
    log.search(&Filter::default()).await.unwrap();
    let report = folder.verify().await;
    let (wrong, sequence) = (Wrong::Missing, Some(501));
    assert_eq!(report.first_fault, Some(Fault { wrong, sequence }));
    assert_eq!(report.tree_size, Some(601));
}

#[tokio::test]
async fn an_entry_deleted_before_it_had_its_place_stops_the_tree_and_every_search() {
    let folder = written().await;
    let db = folder.db().await;
    use yinxin::audit::LogStore;
    db.append(&[b"{}".to_vec(), b"{}".to_vec()]).await.unwrap();
    tamper(&folder, "DELETE FROM entries WHERE sequence = 601").await;
    let opened = Log::open(Arc::new(db), folder.signer()).await;
    assert!(matches!(opened, Err(AuditError::Inconsistent(what)) if what.contains("601")));
}

/// What `yinxin audit verify` says, and its exit code.
fn command(folder: &Folder, key: &str, json: bool) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_yinxin"));
    command
        .args(["audit", "verify", "--key", key, "--dir"])
        .arg(folder.path());
    let output = command.args(json.then_some("--json")).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn the_command_says_whether_a_log_holds_and_which_entry_is_missing() {
    let folder = written().await;
    let key = folder.verifier_key().to_string();
    let file = folder.path().join("log.vkey");
    std::fs::write(&file, format!("{key}\n")).unwrap();

    let (code, text) = command(&folder, &key, false);
    assert_eq!(code, Some(0));
    assert!(text.contains("600") && !text.contains("search"), "{text}");
    let (code, json) = command(&folder, file.to_str().unwrap(), true);
    assert_eq!(code, Some(0));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&report["holds"], &report["tree_size"]), (&true.into(), &600.into()));
    assert_eq!(report["search_compared"], true);
    let (code, text) = command(&folder.copy_of_the_database_alone().await, &key, false);
    assert!(code == Some(0) && text.contains("no search file"), "{text}");

    tamper(&folder, "DELETE FROM entries WHERE sequence = 77").await;
    let (code, text) = command(&folder, &key, false);
    assert_eq!(code, Some(1));
    assert!(text.contains("77"), "{text}");
    let (code, json) = command(&folder, &key, true);
    assert_eq!(code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        report["first_fault"],
        serde_json::json!({"wrong": "missing", "sequence": 77})
    );

    assert_eq!(command(&folder, "no key", false).0, Some(1));
}
