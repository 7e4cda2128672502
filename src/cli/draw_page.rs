//! `yinxin draw-page`: what the node starts for each page that it draws. Not for people.

use std::{
    io::{self, Read as _, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::Args;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::CommandError;
use crate::verification::{MAX_DOCUMENT_BYTES, drawing};

#[derive(Args)]
pub struct Arguments {
    /// The page, from 1
    page: u32,
    /// A font for documents that bring none
    font: Option<PathBuf>,
}

/// Reads a document from standard input and writes one page of it as a picture, under limits that it cannot lift: with
/// no new file, socket or process, and so much time and memory.
pub fn run(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let font = drawing::open_font(arguments.font.as_deref());
    // What is open stays open: standard input and output, and the font.
    for (resource, limit) in [
        (Resource::Cpu, drawing::CPU_S),
        (Resource::As, drawing::ADDRESS_SPACE_BYTES),
        (Resource::Nofile, 0),
        (Resource::Nproc, 0),
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ] {
        let limit = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        setrlimit(resource, limit).map_err(|error| io::Error::from_raw_os_error(error.raw_os_error()))?;
    }
    let mut document = Vec::new();
    let limit = u64::try_from(MAX_DOCUMENT_BYTES).unwrap_or(u64::MAX);
    io::stdin().lock().take(limit).read_to_end(&mut document)?;
    match drawing::answer(document, arguments.page, font) {
        Some(answer) => {
            io::stdout().lock().write_all(&answer)?;
            Ok(ExitCode::SUCCESS)
        }
        None => Ok(ExitCode::FAILURE),
    }
}
