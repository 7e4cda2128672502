use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;

use super::CommandError;
use crate::{
    clock::SystemClock,
    config::Config,
    server::{self, telemetry},
};

#[derive(Args)]
pub struct Arguments {
    /// The configuration; every option is explained in config/node.toml
    #[arg(long, value_name = "FILE", default_value = "node.toml")]
    config: PathBuf,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let config = Config::load(&arguments.config)?;
    telemetry::init_logging(&config.log.level)?;
    actix_web::rt::System::new().block_on(async {
        let node = server::start(&config, Arc::new(SystemClock)).await?;
        // For people, and for programs that start a node on port 0.
        println!("exchange https://{}", node.exchange);
        println!("portal https://{}", node.portal);
        println!("monitoring http://{}", node.monitoring);
        println!("ready");
        node.run_until_signal().await;
        Ok(ExitCode::SUCCESS)
    })
}
