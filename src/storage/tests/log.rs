use super::*;

fn entry(n: u64) -> Entry {
    let at = jiff::Timestamp::from_second(1_000 + n.cast_signed()).unwrap();
    Entry {
        department: Some("hr".parse().unwrap()),
        system: n.is_multiple_of(3).then(|| "window".parse().unwrap()),
        resource: n.is_multiple_of(4).then(|| "653125-hr".parse().unwrap()),
        case: n.is_multiple_of(5).then(|| "c-5".parse().unwrap()),
        subject: Some(pseudonym(if n.is_multiple_of(2) { 'a' } else { 'b' })),
        ..Entry::new(at, "request".parse().unwrap(), Action::Query)
    }
}

fn filing(n: u64) -> Filing {
    Filing::of(n, &entry(n))
}

#[tokio::test]
async fn entries_come_back_as_the_bytes_that_were_written_in_the_order_that_was_given() {
    let folder = Folder::new();
    let db = folder.open().await;
    // Neither JSON nor text: nothing on the way may read or rewrite them.
    let odd: Vec<Vec<u8>> = vec![vec![0, 255, 1], b"{\"a\" :  1.0}".to_vec(), Vec::new(), "印信".into()];
    assert_eq!(db.append(&odd).await.unwrap(), 1);
    assert_eq!(db.append(&odd[..1]).await.unwrap(), 5);
    let bodies: Vec<_> = db
        .entries(1, 4)
        .await
        .unwrap()
        .into_iter()
        .map(|(_, body)| body)
        .collect();
    assert_eq!(bodies, odd);
    assert_eq!(db.entries(5, 10).await.unwrap(), [(5, vec![0, 255, 1])]);
    // Longer than the number that says where it begins has room for.
    assert!(db.append(&[vec![1; 1 << 24]]).await.is_err());
    assert_eq!(db.append(&odd[..1]).await.unwrap(), 6);
}

#[tokio::test]
async fn a_place_in_the_tree_is_not_given_again_when_its_entry_is_gone() {
    let folder = Folder::new();
    let db = folder.open().await;
    db.append(&[b"1".to_vec(), b"2".to_vec()]).await.unwrap();
    let growth = Growth {
        from_size: 0,
        tree_size: 2,
        checkpoint: "note".to_owned(),
        tiles: Vec::new(),
    };
    assert!(db.grow(&growth).await.unwrap());
    db.write(sqlx::query("DELETE FROM entries")).await.unwrap();
    assert_eq!(db.append(&[b"3".to_vec()]).await.unwrap(), 3);
}

#[tokio::test]
async fn a_tree_grows_from_the_size_that_it_has_only() {
    let folder = Folder::new();
    let db = folder.open().await;
    let tile = |hashes| Tile {
        level: 0,
        index: 3,
        hashes,
    };
    let mut growth = Growth {
        from_size: 0,
        tree_size: 1,
        checkpoint: "one".to_owned(),
        tiles: vec![tile(vec![[1; 32]])],
    };
    assert!(db.grow(&growth).await.unwrap());
    assert!(!db.grow(&growth).await.unwrap());
    growth = Growth {
        from_size: 1,
        tree_size: 2,
        checkpoint: "two".to_owned(),
        tiles: vec![tile(vec![[1; 32], [2; 32]])],
    };
    assert!(db.grow(&growth).await.unwrap());
    assert_eq!(db.checkpoint().await.unwrap().unwrap(), "two");
    assert_eq!(db.tile(0, 3).await.unwrap().unwrap(), [[1; 32], [2; 32]]);
    assert_eq!(db.tile(1, 3).await.unwrap(), None);
}

#[tokio::test]
async fn entries_are_found_by_each_part_of_a_filter_newest_first() {
    let folder = Folder::new();
    let db = folder.open().await;
    let filings: Vec<Filing> = (1..=6).map(filing).collect();
    let bytes: Vec<_> = (1..=6).map(|n| serde_json::to_vec(&entry(n)).unwrap()).collect();
    db.append(&bytes).await.unwrap();
    let growth = Growth {
        from_size: 0,
        tree_size: 6,
        checkpoint: "six".to_owned(),
        tiles: Vec::new(),
    };
    assert!(db.grow(&growth).await.unwrap());
    db.file(&filings).await.unwrap();
    db.file(&filings).await.unwrap();
    let all = Filter {
        limit: 50,
        ..Filter::default()
    };
    let find =
        async |filter: Filter| -> Vec<u64> { db.search(&filter).await.unwrap().iter().map(|p| p.sequence).collect() };
    let at = |second| Some(jiff::Timestamp::from_second(second).unwrap());
    assert_eq!(find(all.clone()).await, [6, 5, 4, 3, 2, 1]);
    assert_eq!(
        find(Filter {
            limit: 2,
            before: Some(5),
            ..all.clone()
        })
        .await,
        [4, 3]
    );
    assert_eq!(
        find(Filter {
            subject: Some(pseudonym('a')),
            ..all.clone()
        })
        .await,
        [6, 4, 2]
    );
    let of_system = Filter {
        system: Some("window".parse().unwrap()),
        ..all.clone()
    };
    assert_eq!(find(of_system).await, [6, 3]);
    let of_resource = Filter {
        resource: Some("653125-hr".parse().unwrap()),
        ..all.clone()
    };
    assert_eq!(find(of_resource).await, [4]);
    let of_case = Filter {
        case: Some("c-5".parse().unwrap()),
        ..all.clone()
    };
    assert_eq!(find(of_case).await, [5]);
    // What is before a moment and what is not are all, whatever fraction of a microsecond it is.
    let moment = Some(jiff::Timestamp::new(1_003, 500).unwrap());
    let (before, after) = (
        Filter {
            to: moment,
            ..all.clone()
        },
        Filter {
            from: moment,
            ..all.clone()
        },
    );
    assert_eq!((find(before).await, find(after).await), (vec![3, 2, 1], vec![6, 5, 4]));
    assert_eq!(
        find(Filter {
            from: at(1_002),
            to: at(1_004),
            ..all.clone()
        })
        .await,
        [3, 2]
    );
    assert_eq!(
        find(Filter {
            action: Some(Action::Query),
            outcome: Some(Outcome::Permitted),
            ..all.clone()
        })
        .await
        .len(),
        6
    );
    assert!(
        find(Filter {
            action: Some(Action::Seal),
            ..all.clone()
        })
        .await
        .is_empty()
    );
    assert!(
        find(Filter {
            outcome: Some(Outcome::Refused),
            ..all.clone()
        })
        .await
        .is_empty()
    );
    assert!(
        find(Filter {
            department: Some("gjj".parse().unwrap()),
            ..all.clone()
        })
        .await
        .is_empty()
    );
    assert!(
        find(Filter {
            system: Some("s".parse().unwrap()),
            ..all.clone()
        })
        .await
        .is_empty()
    );
    assert!(
        find(Filter {
            resource: Some("r".parse().unwrap()),
            ..all.clone()
        })
        .await
        .is_empty()
    );
    assert!(
        find(Filter {
            case: Some("c".parse().unwrap()),
            ..all
        })
        .await
        .is_empty()
    );
}

#[tokio::test]
async fn what_was_filed_of_a_later_state_is_forgotten_when_an_earlier_one_is_restored() {
    let folder = Folder::new();
    let db = folder.open().await;
    let body = serde_json::to_vec(&entry(1)).unwrap();
    db.append(&[body]).await.unwrap();
    db.file(&[filing(1), filing(2), filing(3)]).await.unwrap();
    db.close().await.unwrap();
    drop(db);
    assert_eq!(folder.open().await.filed().await.unwrap(), 1);
}

#[tokio::test]
async fn a_full_database_takes_no_entry_and_goes_on_when_there_is_room() {
    let folder = Folder::new();
    let db = folder.open().await;
    db.append(&[b"first".to_vec()]).await.unwrap();
    let limit = async |pages: &'static str| {
        let mut writer = db.writer().await;
        sqlx::raw_sql(pages).execute(&mut writer.connection).await.unwrap();
    };
    limit("VACUUM").await; // without what the steps of the schema left free
    limit("PRAGMA max_page_count = 1").await; // no smaller than the file is
    let large = vec![vec![7; 20_000]];
    for _ in 0..3 {
        assert!(db.append(&large).await.is_err());
        assert!(db.probe().await.is_err());
        assert!(
            db.insert_case(&Case {
                id: "case-9".parse().unwrap(),
                events: vec![event(EventKind::Noted); 100],
                ..case()
            })
            .await
            .is_err()
        );
    }
    limit("PRAGMA max_page_count = 1000000").await;
    db.probe().await.unwrap();
    assert_eq!(db.append(&large).await.unwrap(), 2);
    db.put_department(&department()).await.unwrap();
    assert_eq!(db.entries(1, 9).await.unwrap().len(), 2);
}
