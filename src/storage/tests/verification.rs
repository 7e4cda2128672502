use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    ids::VerificationId,
    verification::{Language, ReportStore},
};

fn id(number: u8) -> VerificationId {
    VerificationId::from_random(&[number; VerificationId::RANDOM_BYTES])
}

#[tokio::test]
async fn a_report_is_kept_for_its_time_and_sealed_once_a_language() {
    let folder = Folder::new();
    let db = folder.open().await;
    let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
    let (day, hour) = (SignedDuration::from_hours(24), SignedDuration::from_hours(1));
    db.keep_report(&id(1), now, b"first").await.unwrap();
    assert!(
        db.keep_report(&id(1), now, b"second").await.is_err(),
        "an id is given once"
    );
    assert_eq!(db.kept(&id(1), now - hour).await.unwrap().unwrap(), b"first");
    assert_eq!(db.kept(&id(1), now + hour).await.unwrap(), None, "past its time");
    assert_eq!(db.kept(&id(2), now - hour).await.unwrap(), None);

    assert!(
        !db.keep_sealed(&id(2), Language::Chinese, b"x").await.unwrap(),
        "of no report"
    );
    assert!(db.keep_sealed(&id(1), Language::Chinese, b"sealed").await.unwrap());
    assert!(!db.keep_sealed(&id(1), Language::Chinese, b"again").await.unwrap());
    assert_eq!(db.sealed(&id(1), Language::Chinese).await.unwrap().unwrap(), b"sealed");
    assert_eq!(db.sealed(&id(1), Language::English).await.unwrap(), None);

    db.keep_report(&id(3), now + day, b"younger").await.unwrap();
    assert_eq!(db.forget(now + hour, 1_000).await.unwrap(), 1);
    assert_eq!(
        db.sealed(&id(1), Language::Chinese).await.unwrap(),
        None,
        "goes with its report"
    );
    assert!(db.kept(&id(3), now).await.unwrap().is_some());
}

#[tokio::test]
async fn beyond_the_room_there_is_the_oldest_reports_go() {
    let folder = Folder::new();
    let db = folder.open().await;
    let now: Timestamp = "2026-11-22T08:00:00Z".parse().unwrap();
    for number in 1..=4 {
        let at = now + SignedDuration::from_secs(i64::from(number));
        db.keep_report(&id(number), at, &[0; 10]).await.unwrap();
    }
    // What is sealed counts too: the youngest takes 10 + 5, the next 10.
    assert!(db.keep_sealed(&id(4), Language::English, &[0; 5]).await.unwrap());
    assert_eq!(db.forget(now, 25).await.unwrap(), 2);
    for number in 1..=4 {
        assert_eq!(
            db.kept(&id(number), now).await.unwrap().is_some(),
            number > 2,
            "{number}"
        );
    }
}
