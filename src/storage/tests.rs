#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod log;
mod verification;

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use super::*;
use crate::{
    audit::{Action, Entry, Filing, Filter, Growth, LogStore, Outcome, Tile},
    case::{Case, CaseStatus, CaseStore, Event, EventKind, ServiceItem},
    catalogue::CatalogueStore,
    certificate::{Certificate, CertificateStore, Revocation, RevocationReason},
    department::{
        Account, AccountStore, Claimed, Credential, Department, DirectoryStore, Permission, Reply, ReplyStore, Role,
        System,
    },
    ids::{CertificateIdentifier, CreditCode, Pseudonym, SpkiThumbprint, SystemId},
};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("yinxin-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join(FILE_NAME)
    }

    async fn open(&self) -> Db {
        Db::open(&self.file()).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CREDIT_CODE: &str = "11430000006122244L";

fn department() -> Department {
    Department {
        id: "hr".parse().unwrap(),
        name: "人社局（示例）".to_owned(),
        name_en: "HR (example)".to_owned(),
        credit_code: CreditCode::parse(CREDIT_CODE).unwrap(),
        division: "653125".to_owned(),
    }
}

fn system() -> System {
    System {
        id: "window".parse().unwrap(),
        department: "hr".parse().unwrap(),
        name: "专窗".to_owned(),
        permissions: vec![Permission::Case, Permission::Query],
        requests_per_second: 7,
        disabled: false,
    }
}

fn credential() -> Credential {
    Credential {
        thumbprint: SpkiThumbprint([7; 32]),
        system: "window".parse().unwrap(),
        subject: "CN=window".to_owned(),
        not_after: "2030-01-02T03:04:05.000000006Z".parse().unwrap(),
        revoked_at: None,
    }
}

fn pseudonym(digit: char) -> Pseudonym {
    Pseudonym::parse(&digit.to_string().repeat(32)).unwrap()
}

fn item() -> ServiceItem {
    ServiceItem {
        code: "item".parse().unwrap(),
        name: "参保证明打印".to_owned(),
        name_en: String::new(),
        needs: Vec::new(),
        certificates: Vec::new(),
    }
}

fn case() -> Case {
    Case {
        id: "case-1".parse().unwrap(),
        item: "item".parse().unwrap(),
        department: "hr".parse().unwrap(),
        opened_by: "window".parse().unwrap(),
        operator: "1001".parse().unwrap(),
        applicant: pseudonym('a'),
        status: CaseStatus::Open,
        opened_at: "2026-11-01T08:00:00.123456789Z".parse().unwrap(),
        closed_at: None,
        events: Vec::new(),
    }
}

fn event(kind: EventKind) -> Event {
    Event {
        at: "2026-11-01T09:00:00.5Z".parse().unwrap(),
        kind,
        operator: "1001".parse().unwrap(),
        note: "材料齐全".to_owned(),
    }
}

fn certificate(serial: &str) -> Certificate {
    let issuer = CreditCode::parse(CREDIT_CODE).unwrap();
    Certificate {
        identifier: CertificateIdentifier::new("11100000000013338W011", &issuer, serial, 1).unwrap(),
        certificate_type: "social-insurance".parse().unwrap(),
        issuer: "hr".parse().unwrap(),
        holder: pseudonym('b'),
        case: "case-1".parse().unwrap(),
        requested_by: "window".parse().unwrap(),
        issued_at: "2026-11-01T08:00:00.123456789Z".parse().unwrap(),
        valid_from: "2026-11-01".parse().unwrap(),
        valid_until: "2027-01-31".parse().unwrap(),
        revoked: None,
        verification_code: format!("0123456789ABCDEFGH{serial}"),
        document_sha256: None,
    }
}

#[tokio::test]
async fn the_database_is_readable_by_its_owner_only_and_durable_by_its_settings() {
    let folder = Folder::new();
    let db = folder.open().await;
    db.put_department(&department()).await.unwrap();
    for file in fs::read_dir(&folder.0).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.file_name());
    }
    let mut writer = db.writer().await;
    for (pragma, expected) in [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")] {
        let row: String = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"
        )))
        .fetch_one(&mut writer.connection)
        .await
        .unwrap();
        assert_eq!(row, expected, "{pragma}");
    }
}

#[tokio::test]
async fn what_was_put_is_there_after_opening_again() {
    let folder = Folder::new();
    let db = folder.open().await;
    db.put_department(&department()).await.unwrap();
    db.put_system(&system()).await.unwrap();
    db.put_credential(&credential()).await.unwrap();
    let revoked = Credential {
        revoked_at: Some("2026-11-01T00:00:00.25Z".parse().unwrap()),
        ..credential()
    };
    db.put_credential(&revoked).await.unwrap();
    drop(db);
    let loaded = DirectoryStore::load(&folder.open().await).await.unwrap();
    assert_eq!(loaded, (vec![department()], vec![system()], vec![revoked]));
}

#[tokio::test]
async fn an_account_is_kept_whole_and_replaced_whole() {
    let folder = Folder::new();
    let account = Account {
        id: "auditor-1".parse().unwrap(),
        department: None,
        role: Role::Auditor,
        password_hash: "$argon2id$made-up".to_owned(),
        disabled: false,
    };
    let other = Account {
        id: "clerk-1".parse().unwrap(),
        department: Some("hr".parse().unwrap()),
        role: Role::Clerk,
        ..account.clone()
    };
    let db = folder.open().await;
    db.put_account(&other).await.unwrap();
    db.put_account(&account).await.unwrap();
    let disabled = Account {
        disabled: true,
        ..other
    };
    db.put_account(&disabled).await.unwrap();
    drop(db);
    let db = folder.open().await;
    assert_eq!(db.accounts().await.unwrap(), [account.clone(), disabled]);
    assert_eq!(db.account(&account.id).await.unwrap(), Some(account));
    assert_eq!(db.account(&"nobody".parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn a_credential_of_no_system_is_not_kept() {
    let folder = Folder::new();
    let db = folder.open().await;
    assert!(db.put_credential(&credential()).await.is_err());
    // What failed holds no lock: another process can write at once.
    let other = folder.open().await;
    other.put_department(&department()).await.unwrap();
}

#[tokio::test]
async fn the_generation_changes_with_the_registry_and_with_nothing_else() {
    let folder = Folder::new();
    let (node, admin) = (folder.open().await, folder.open().await);
    let before = node.generation().await.unwrap();
    admin.put_department(&department()).await.unwrap();
    let after = node.generation().await.unwrap();
    assert_ne!(before, after);
    node.insert_case(&case()).await.unwrap();
    node.append(&[b"{}".to_vec()]).await.unwrap();
    assert_eq!(admin.generation().await.unwrap(), after);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let folder = Folder::new();
    let db = folder.open().await;
    db.write(sqlx::query("PRAGMA user_version = 9999")).await.unwrap();
    assert!(matches!(
        Db::open(&folder.file()).await,
        Err(StorageError::Newer { found: 9999, .. })
    ));
}

#[tokio::test]
async fn two_that_start_together_on_a_new_database_both_open_it() {
    for _ in 0..20 {
        let folder = Folder::new();
        let file = folder.file();
        let (one, other) = tokio::join!(Db::open(&file), Db::open(&file));
        assert!(one.is_ok() && other.is_ok(), "{:?} {:?}", one.err(), other.err());
    }
}

#[tokio::test]
async fn a_read_only_database_answers_and_takes_nothing() {
    let folder = Folder::new();
    let db = folder.open().await;
    db.append(&[b"{}".to_vec()]).await.unwrap();
    let reader = Db::open_read_only(&folder.file()).await.unwrap();
    assert_eq!(reader.entries(1, 10).await.unwrap(), [(1, b"{}".to_vec())]);
    assert!(reader.append(&[b"{}".to_vec()]).await.is_err());
    assert!(reader.probe().await.is_err());
    assert!(Db::open_read_only(&folder.0.join("none.db")).await.is_err());
}

#[tokio::test]
async fn a_case_keeps_its_events_and_takes_none_once_closed() {
    let folder = Folder::new();
    let db = folder.open().await;
    db.put_item(&item()).await.unwrap();
    assert_eq!(db.items().await.unwrap(), [item()]);
    db.insert_case(&case()).await.unwrap();
    assert!(db.insert_case(&case()).await.is_err());
    assert!(db.add_event(&case().id, &event(EventKind::Accepted)).await.unwrap());
    assert!(db.add_event(&case().id, &event(EventKind::Closed)).await.unwrap());
    assert!(!db.add_event(&case().id, &event(EventKind::Noted)).await.unwrap());
    let kept = db.case(&case().id).await.unwrap().unwrap();
    let expected = Case {
        status: CaseStatus::Closed,
        closed_at: Some(event(EventKind::Closed).at),
        events: vec![event(EventKind::Accepted), event(EventKind::Closed)],
        ..case()
    };
    assert_eq!(kept, expected);
    let unknown = "case-2".parse().unwrap();
    assert_eq!(db.case(&unknown).await.unwrap(), None);
    assert!(!db.add_event(&unknown, &event(EventKind::Noted)).await.unwrap());
}

#[tokio::test]
async fn a_dataset_is_replaced_whole_and_keeps_the_order_of_its_rows() {
    let folder = Folder::new();
    let db = folder.open().await;
    let resource = "r".parse().unwrap();
    let upload = |count: u32| -> Vec<_> {
        (0..count)
            .map(|n| (pseudonym(if n % 2 == 0 { 'a' } else { 'b' }), n.to_be_bytes().to_vec()))
            .collect()
    };
    assert!(
        db.replace_dataset(&resource, upload(1)).await.is_err(),
        "of no resource"
    );
    sqlx::query("INSERT INTO resources VALUES ('r', '{}')")
        .execute(&mut db.writer().await.connection)
        .await
        .unwrap();
    db.replace_dataset(&resource, upload(1_201)).await.unwrap();
    let rows = db.dataset_rows(&resource, &pseudonym('b')).await.unwrap();
    let odd: Vec<_> = (1..1_201_u32).step_by(2).map(|n| n.to_be_bytes().to_vec()).collect();
    assert_eq!(rows, odd);
    db.replace_dataset(&resource, upload(1)).await.unwrap();
    assert!(db.dataset_rows(&resource, &pseudonym('b')).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_certificate_is_prepared_once_a_key_and_delivered_once() {
    let folder = Folder::new();
    let db = folder.open().await;
    let (first, second) = (certificate("1"), certificate("2"));
    assert_eq!(db.prepare(&first, "key", &[1; 32]).await.unwrap(), None);
    let held = Some((first.identifier.clone(), [1; 32]));
    assert_eq!(db.prepare(&second, "key", &[2; 32]).await.unwrap(), held);
    assert_eq!(db.by_idempotency_key(&first.requested_by, "key").await.unwrap(), held);
    assert_eq!(db.certificate(&second.identifier).await.unwrap(), None);
    assert_eq!(db.certificate(&first.identifier).await.unwrap(), Some(first.clone()));
    assert_eq!(db.document(&first.identifier).await.unwrap(), None);

    db.deliver(&first.identifier, b"%PDF", &[9; 32]).await.unwrap();
    assert!(db.deliver(&first.identifier, b"other", &[8; 32]).await.is_err());
    assert!(db.deliver(&second.identifier, b"none", &[7; 32]).await.is_err());
    assert_eq!(db.document(&first.identifier).await.unwrap().unwrap(), b"%PDF");
    let revocation = Revocation {
        at: "2026-11-02T00:00:00Z".parse().unwrap(),
        reason: RevocationReason::Incorrect,
    };
    assert!(db.revoke(&first.identifier, &revocation).await.unwrap());
    assert!(!db.revoke(&first.identifier, &revocation).await.unwrap());
    let delivered = Certificate {
        document_sha256: Some([9; 32]),
        revoked: Some(revocation),
        ..first
    };
    assert_eq!(db.by_document(&[9; 32]).await.unwrap(), Some(delivered.clone()));
    assert_eq!(db.by_code(&delivered.verification_code).await.unwrap(), Some(delivered));
}

#[tokio::test]
async fn serials_of_an_issuer_and_type_never_come_twice() {
    let folder = Folder::new();
    let db = folder.open().await;
    let (hr, kind) = ("hr".parse().unwrap(), "a".parse().unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (db, hr, kind) = (db.clone(), department().id, "a".parse().unwrap());
        tasks.spawn(async move { db.next_serial(&hr, &kind).await.unwrap() });
    }
    let mut serials = tasks.join_all().await;
    serials.sort_unstable();
    assert_eq!(serials, (1..=20).collect::<Vec<_>>());
    drop(db);
    let db = folder.open().await;
    assert_eq!(db.next_serial(&hr, &kind).await.unwrap(), 21);
    assert_eq!(db.next_serial(&hr, &"b".parse().unwrap()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_repeated_request_finds_the_reply_of_the_first_for_a_day() {
    let folder = Folder::new();
    let db = folder.open().await;
    let system: SystemId = "window".parse().unwrap();
    let now = "2026-11-01T08:00:00Z".parse::<jiff::Timestamp>().unwrap();
    let later = |seconds| now + jiff::SignedDuration::from_secs(seconds);
    let claim = async |digest: u8, at| db.claim(&system, "key", &[digest; 32], at).await.unwrap();

    assert_eq!(claim(1, now).await, Claimed::First);
    assert_eq!(claim(1, later(1)).await, Claimed::InProgress);
    assert_eq!(claim(2, later(1)).await, Claimed::OtherRequest);
    assert_eq!(claim(1, later(61)).await, Claimed::First, "its node died with it");
    db.release(&system, "key").await.unwrap();
    assert_eq!(claim(2, later(62)).await, Claimed::First);
    let reply = Reply {
        status: 201,
        body: b"{}".to_vec(),
    };
    db.keep(&system, "key", &reply).await.unwrap();
    db.release(&system, "key").await.unwrap();
    assert_eq!(claim(2, later(86_000)).await, Claimed::Again(reply));
    assert_eq!(claim(1, later(86_000)).await, Claimed::OtherRequest);
    assert_eq!(claim(1, later(62 + 86_401)).await, Claimed::First);
}
