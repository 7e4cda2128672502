//! The gateway beside nginx, in one run: each stands in front of the same HTTP provider and is driven by the same load.
//!
//! Ours: a node of its own process (SQLite), every query decided, recorded durably, fetched over mutual TLS, filtered
//! and masked. Theirs: Debian's nginx as a plain mutual-TLS proxy with its access log on. The load generator runs in
//! threads of this process; node, nginx and provider are processes of their own. All of it shares this machine's cores,
//! on the loopback interface.
//!
//! `cargo bench --bench gateway -- [--connections 64] [--seconds 10] [--warm-up 2] [--rounds 3]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod load;
mod nginx;
mod options;
mod peers;
mod process;

use std::{sync::Arc, time::Duration};

use self::{load::Round, options::Options, peers::Peers};

fn main() -> Result<(), String> {
    let options = Options::read(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(run(&options))
}

async fn run(options: &Options) -> Result<(), String> {
    println!(
        "{} connections, {} rounds of {} s each after {} s of warm-up; load, node, nginx and provider share {} cores",
        options.connections,
        options.rounds,
        options.seconds,
        options.warm_up,
        std::thread::available_parallelism().map_or(0, usize::from),
    );
    let peers = Peers::start(options.connections).await?;
    let tls = Arc::new(peers.tls());
    let (warm_up, measure) = (
        Duration::from_secs(options.warm_up),
        Duration::from_secs(options.seconds),
    );

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 1..=options.rounds {
        for (name, address, scripts, process, rounds) in [
            (
                "yinxin",
                peers.node.addresses.exchange,
                &peers.queries,
                peers.node.id(),
                &mut ours,
            ),
            (
                "nginx",
                peers.nginx.address,
                &peers.proxied,
                peers.nginx.process(),
                &mut theirs,
            ),
        ] {
            let used = process::processor_seconds(process);
            let round = load::run(address, tls.clone(), scripts, warm_up, measure)
                .await
                .map_err(|e| format!("{name}: {e}"))?;
            let used = process::processor_seconds(process) - used;
            #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            let each_us = used * 1_000_000.0 / round.answers.max(1) as f64;
            println!(
                "round {number}  {name:<7} {}  {each_us:6.0} µs of processor each",
                line(&round)
            );
            rounds.push(round);
        }
    }

    let answered: u64 = ours.iter().map(|round| round.answers).sum();
    let entries = peers.audit_entries().await?;
    if entries < answered {
        return Err(format!("{answered} answers, but only {entries} audit entries"));
    }
    println!("\n{answered} answers of yinxin, every one with the fields granted and no other; {entries} audit entries");
    let proxied: u64 = theirs.iter().map(|round| round.answers).sum();
    println!(
        "{proxied} answers of nginx; {} lines in its access log",
        peers.nginx.logged()
    );
    println!(
        "\npeak memory  yinxin {:.0} MiB",
        process::peak_memory_mib(peers.node.id())
    );
    println!(
        "             nginx  {:.0} MiB (all its processes)",
        process::peak_memory_mib(peers.nginx.process())
    );
    let (ours, theirs) = (merge(ours), merge(theirs));
    println!("\nyinxin  {}\nnginx   {}", line(&ours), line(&theirs));
    println!("ratio yinxin/nginx  {:.2}", ours.per_second() / theirs.per_second());
    Ok(())
}

/// All rounds as one.
fn merge(rounds: Vec<Round>) -> Round {
    let mut all = Round::default();
    for round in rounds {
        all.seconds += round.seconds;
        all.answers += round.answers;
        all.latencies_us.extend(round.latencies_us);
    }
    all.latencies_us.sort_unstable();
    all
}

fn line(round: &Round) -> String {
    format!(
        "{:8.0} requests/s  p50 {:6.2} ms  p99 {:6.2} ms",
        round.per_second(),
        round.percentile_ms(50),
        round.percentile_ms(99)
    )
}
