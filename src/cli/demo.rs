//! `yinxin demo`: a node with a made-up county, the story played through its real listeners, then a node that serves.

mod client;
pub(super) mod county;
mod ledger;
mod providers;
mod setup;
mod story;
mod tamper;
mod tell;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;
use jiff::Timestamp;

use self::{
    setup::{Place, Ports},
    story::Played,
    tell::{Lang, Teller},
};
use super::{CommandError, admin};
use crate::{
    clock::SystemClock,
    config::Config,
    server::{self, telemetry},
};

#[derive(Args)]
pub struct Arguments {
    /// The folder that keeps everything; a second run over it is the same node again
    #[arg(long, default_value = "yinxin-demo")]
    dir: PathBuf,
    /// The first of five ports: exchange, portal, monitoring, and two providers
    #[arg(long, value_name = "N", default_value_t = 8443)]
    port_base: u16,
    /// End after the story: 0 when every step was proved
    #[arg(long)]
    once: bool,
    /// The language of the story; default: as the locale says
    #[arg(long)]
    lang: Option<Lang>,
}

pub fn run(arguments: Arguments) -> Result<ExitCode, CommandError> {
    let mut tell = Teller::new(arguments.lang.unwrap_or_else(Lang::of_locale));
    telemetry::init_logging("error")?;
    actix_web::rt::System::new().block_on(async {
        let begun = Instant::now();
        let ports = Ports::from_base(arguments.port_base)?;
        providers::check_ports(ports)?;
        let place = setup::prepare(&arguments.dir, ports, Timestamp::now()).await?;
        let _providers = providers::start(&place)?;
        let config = Config::load(&place.node_toml())?;
        let node = server::start(&config, Arc::new(SystemClock)).await?;
        tell.heading(
            "印信演示：莎车示例县（人、号码、数据均为虚构）",
            "Yinxin demo: a made-up county (no person, number or record is real)",
        );
        let played = match prepare_and_play(&place, &node, &mut tell).await {
            Ok(played) => played,
            Err(error) => {
                tell.failed(&error.to_string());
                node.stop().await;
                return Ok(ExitCode::FAILURE);
            }
        };
        let seconds = begun.elapsed().as_secs_f32();
        tell.line("");
        tell.heading(
            &format!("全部步骤通过，用时 {seconds:.1} 秒"),
            &format!("Every step was proved, in {seconds:.1} seconds"),
        );
        if arguments.once {
            node.stop().await;
            return Ok(ExitCode::SUCCESS);
        }
        invite(&place, &played, &tell);
        actix_web::rt::spawn(keep_revocation_list(place.clone()));
        node.run_until_signal().await;
        Ok(ExitCode::SUCCESS)
    })
}

async fn keep_revocation_list(place: Place) {
    let mut days = tokio::time::interval(Duration::from_secs(24 * 3_600));
    // The first tick is now, and the list is new.
    days.tick().await;
    loop {
        days.tick().await;
        if let Err(error) = setup::renew_revocation_list(&place, Timestamp::now()) {
            tracing::error!(%error, "the revocation list cannot be renewed");
        }
    }
}

async fn prepare_and_play(place: &Place, node: &server::Node, tell: &mut Teller) -> Result<Played, CommandError> {
    let summary = admin::import(&place.dir.join("county"), node.services(), place.new_passwords).await?;
    let (new, kept) = (
        summary.count(admin::Done::Added) + summary.count(admin::Done::Changed),
        summary.count(admin::Done::Unchanged),
    );
    tell.line(&format!(
        "{}{}",
        tell.lang.text("县里的声明：", "The county as declared in "),
        shown(&place.dir.join("county"))
    ));
    tell.line(&match tell.lang {
        Lang::Zh => format!("新增或变更 {new} 项，沿用 {kept} 项"),
        Lang::En => format!("{new} things added or changed, {kept} as they were"),
    });
    story::play(place, tell).await
}

/// What to do next, with commands that work as they stand.
fn invite(place: &Place, played: &Played, tell: &Teller) {
    let dir = shown(&place.dir);
    let (portal, exchange) = (place.portal_url(), place.exchange_url());
    let curl = |system: &str| {
        format!("curl -sS --cacert {dir}/pki/root.pem --cert {dir}/pki/{system}.pem --key {dir}/pki/{system}.key")
    };
    tell.line("");
    tell.line(&format!("{}  {portal}/", tell.lang.text("门户", "portal")));
    tell.line(&format!(
        "{}  {dir}/credentials.txt",
        tell.lang.text("账户", "accounts")
    ));
    tell.line(&format!(
        "{}  {}",
        tell.lang.text("证明", "proof"),
        shown(&played.certificate)
    ));
    tell.line("");
    tell.line(tell.lang.text("目录里有什么：", "What is in the catalogue:"));
    tell.line(&format!("  {} {exchange}/v1/resources", curl("window")));
    tell.line(
        tell.lang
            .text("谁看过这个人的数据：", "Who looked at this person's data:"),
    );
    tell.line(&format!(
        "  {} '{exchange}/v1/audit/entries?subject={}'",
        curl("auditor"),
        played.pseudonym
    ));
    tell.line(tell.lang.text("离线验证这份证明：", "Verify the proof offline:"));
    let program = std::env::current_exe().map_or_else(|_| "yinxin".to_owned(), |path| shown(&path));
    tell.line(&format!(
        "  {program} verify --trust {dir}/trust {}",
        shown(&played.certificate)
    ));
    tell.line("");
    tell.line(tell.lang.text("按 Ctrl-C 结束。", "Press Ctrl-C to end."));
}

/// A path as one would type it here.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    relative.as_deref().unwrap_or(path).display().to_string()
}
