//! `yinxin audit`: the access audit, offline.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Subcommand};

use super::CommandError;
use crate::{
    audit::{LogReport, Wrong, verify},
    formats::checkpoint::VerifierKey,
    storage::{Db, FILE_NAME},
};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Re-check every entry of the log against its newest signed checkpoint; exit 0 if all of it holds, else 1
    Verify {
        /// The node's data folder, which holds yinxin.db; it is only read, and the node may be running
        #[arg(long)]
        dir: PathBuf,
        /// The log's verifier key, or a file that holds it
        #[arg(long)]
        key: String,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
}

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let Command::Verify { dir, key, json } = arguments.command;
    let key = verifier_key(&key)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let db = Db::open_read_only(&dir.join(FILE_NAME)).await?;
        Ok::<_, CommandError>(verify(&db, &key).await?)
    })?;
    if json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        println!("{}", sentence(&report));
    }
    Ok(if report.holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A verifier key never names a file by chance: it holds two plus signs and a hash of the rest.
fn verifier_key(text: &str) -> Result<VerifierKey, CommandError> {
    if let Ok(key) = VerifierKey::parse(text) {
        return Ok(key);
    }
    if Path::new(text).exists() {
        return Ok(VerifierKey::parse(&fs::read_to_string(text)?)?);
    }
    Err("--key is neither a verifier key nor a file".into())
}

fn sentence(report: &LogReport) -> String {
    let size = report.tree_size.unwrap_or_default();
    let Some(fault) = &report.first_fault else {
        let later = report.uncovered;
        let (english, chinese) = if report.search_compared {
            ("", "")
        } else {
            (
                " There is no search file of this version beside it that could be compared.",
                "旁边没有此版本可供比对的检索文件。",
            )
        };
        return format!(
            "The log holds: {size} entries, all as they were recorded; {later} more are not covered yet.{english}\n\
             日志完整：{size} 条记录均与写入时一致，另有 {later} 条尚未纳入检查点。{chinese}"
        );
    };
    let number = fault.sequence.unwrap_or_default();
    let (english, chinese) = match fault.wrong {
        Wrong::NoCheckpoint => ("there is no checkpoint".to_owned(), "没有检查点".to_owned()),
        Wrong::CheckpointNotSigned => (
            "the checkpoint was altered, or signed with another key".to_owned(),
            "检查点被改动，或由其他密钥签名".to_owned(),
        ),
        Wrong::Missing => (format!("entry {number} is missing"), format!("第 {number} 条记录缺失")),
        Wrong::Altered => (
            format!("entry {number} is not the one that was recorded"),
            format!("第 {number} 条记录与写入时不一致"),
        ),
        Wrong::Misfiled => (
            format!("entry {number} is there, but searches do not find it by what it holds"),
            format!("第 {number} 条记录存在，但按其内容检索不到"),
        ),
        Wrong::RootDiffers => (
            "entries were altered, and the stored tree with them: it cannot be told which".to_owned(),
            "记录被改动，存储的哈希树也被改动，无法确定是哪一条".to_owned(),
        ),
    };
    format!("The log does not hold: {english}.\n日志不完整：{chinese}。")
}
