use std::process::ExitCode;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::CommandError;

#[derive(Args)]
pub struct Arguments {
    shell: Shell,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    let mut command = super::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "yinxin", &mut std::io::stdout());
    Ok(ExitCode::SUCCESS)
}
