//! The log's tree, checked as anybody with the public key can, and what a deleted row does to it.

use std::{fs, path::Path};

use super::{setup::Place, story::expect, tell::Teller};
use crate::{
    audit::{self, LogReport},
    cli::CommandError,
    formats::checkpoint::VerifierKey,
    storage::{Db, FILE_NAME, demonstration},
};

/// Checks the whole log of the node that is serving.
pub async fn whole(tell: &mut Teller, place: &Place) -> Result<(), CommandError> {
    tell.step(
        "用公钥核对日志的默克尔树",
        "The log's Merkle tree is checked with its public key",
    );
    let report = check(&place.dir.join("data").join(FILE_NAME), place).await?;
    expect(report.holds, || {
        format!("the log does not hold: {:?}", report.first_fault)
    })?;
    let size = report.tree_size.unwrap_or(0);
    tell.proved(
        &format!("{size} 条记录与签名的检查点一致"),
        &format!("{size} entries agree with the signed checkpoint"),
    );
    Ok(())
}

/// Deletes a row of a copy of the database, and checks the copy.
pub async fn with_a_hole(tell: &mut Teller, place: &Place) -> Result<(), CommandError> {
    tell.step(
        "有人在数据库副本里删掉一条访问记录",
        "Somebody deletes an entry in a copy of the database",
    );
    let copy = place.dir.join("tampered.db");
    remove(&copy)?;
    demonstration::copy_database(&place.dir.join("data").join(FILE_NAME), &copy).await?;
    let before = check(&copy, place).await?;
    expect(before.holds, || {
        format!("the copy does not hold: {:?}", before.first_fault)
    })?;
    let sequence = before.tree_size.unwrap_or(0) / 2;
    let deleted = demonstration::delete_entry(&copy, sequence).await?;
    let after = check(&copy, place).await?;
    remove(&copy)?;
    expect(deleted, || format!("entry {sequence} is not there to delete"))?;
    let found = after.first_fault.as_ref().and_then(|fault| fault.sequence);
    expect(!after.holds && found == Some(sequence), || {
        format!("not caught: {:?}", after.first_fault)
    })?;
    tell.proved(
        &format!("被发现：第 {sequence} 条缺失，根哈希与签名的检查点不符"),
        &format!("caught: entry {sequence} is missing and the root is not the one that was signed"),
    );
    Ok(())
}

async fn check(database: &Path, place: &Place) -> Result<LogReport, CommandError> {
    let key = fs::read_to_string(place.dir.join("keys/log.vkey"))?;
    let key = VerifierKey::parse(key.trim())?;
    let db = Db::open_read_only(database).await?;
    Ok(audit::verify(&db, &key).await?)
}

fn remove(copy: &Path) -> Result<(), CommandError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = copy.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
