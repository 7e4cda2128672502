//! One file a command. Each has `Arguments`, which clap reads, and `run`.

mod admin;
mod audit;
mod completions;
mod config;
mod demo;
mod demo_provider;
mod draw_page;
mod keys;
mod serve;
mod trust;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Why a command did not do its work: printed with its causes.
type CommandError = Box<dyn std::error::Error + Send + Sync>;

/// Yinxin 印信: a node for sharing government data, issuing e-certificates and proving who looked at what.
#[derive(Parser)]
#[command(name = "yinxin", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Verify documents, offline: 0 all passed, 1 one failed, 2 one cannot be proven, 3 one could not be opened
    Verify(verify::Arguments),
    /// Serve the node that a configuration describes
    Serve(serve::Arguments),
    /// Play the whole story on this machine with a made-up county, then keep serving
    Demo(demo::Arguments),
    /// Set up departments, systems, credentials, resources, grants and accounts
    Admin(admin::Arguments),
    /// Look at configurations
    Config(config::Arguments),
    /// Make keys and X.509 certificates: to set up a node where no authority is at hand
    Keys(keys::Arguments),
    /// Make, sign, show and update the list of whom to trust
    Trust(trust::Arguments),
    /// Re-check the audit log
    Audit(audit::Arguments),
    /// Print shell completions
    Completions(completions::Arguments),
    #[command(hide = true)]
    DemoProvider(demo_provider::Arguments),
    #[command(hide = true)]
    DrawPage(draw_page::Arguments),
}

/// What a command line that cannot be read exits with: `EX_USAGE`, apart from every verdict of `yinxin verify`.
const USAGE: u8 = 64;

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed terminal has nobody to tell.
            let _ = error.print();
            return if error.use_stderr() {
                USAGE.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    let done = match arguments.command {
        Command::Verify(arguments) => verify::run(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Demo(arguments) => demo::run(arguments),
        Command::Admin(arguments) => admin::run(arguments),
        Command::Config(arguments) => config::run(&arguments),
        Command::Audit(arguments) => audit::run(arguments),
        Command::Completions(arguments) => completions::run(&arguments),
        Command::Keys(arguments) => keys::run(arguments),
        Command::Trust(arguments) => trust::run(arguments),
        Command::DemoProvider(arguments) => demo_provider::run(arguments),
        Command::DrawPage(arguments) => draw_page::run(&arguments),
    };
    done.unwrap_or_else(|error| {
        let mut text = format!("yinxin: {error}");
        let mut cause = error.source();
        while let Some(next) = cause {
            text = format!("{text}: {next}");
            cause = next.source();
        }
        eprintln!("{text}");
        ExitCode::FAILURE
    })
}
