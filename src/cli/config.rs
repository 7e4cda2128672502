use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand};

use super::CommandError;
use crate::config::Config;

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether a configuration holds
    Check {
        #[arg(long, value_name = "FILE", default_value = "node.toml")]
        config: PathBuf,
    },
    /// Print every option with its default
    Defaults,
}

pub fn run(arguments: &Arguments) -> Result<ExitCode, CommandError> {
    match &arguments.command {
        Command::Check { config } => {
            Config::load(config)?;
            println!("{}: holds", config.display());
        }
        Command::Defaults => print!("{}", include_str!("../../config/node.toml")),
    }
    Ok(ExitCode::SUCCESS)
}
