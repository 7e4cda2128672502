//! Listeners, TLS, limits, shutdown, telemetry, wiring.

mod body;
mod fetcher;
mod health;
mod listeners;
mod long_term;
pub mod seals;
pub mod secrets;
mod services;
pub mod telemetry;
pub mod tls;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use actix_web::{dev::ServerHandle, rt};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::{Instant, MissedTickBehavior, interval, interval_at},
};

use self::tls::ListenerTls;
pub use self::{fetcher::Fetcher, services::Services};
use crate::{
    clock::SharedClock,
    config::Config,
    ids::{CertificateType, DepartmentId},
    verification::{Admission, Desk},
};

/// How often a node looks whether another process (the administrator's command line) changed departments, systems,
/// credentials, resources, grants or service items.
const REGISTRY_POLL: Duration = Duration::from_millis(100);

/// How often a node looks whether its TLS files changed.
const TLS_POLL: Duration = Duration::from_secs(1);

/// How often a node reads again whom documents may be trusted by.
const TRUST_POLL: Duration = Duration::from_secs(60);

/// How often the rates of addresses that have gone are forgotten: as long as a rate takes to be full again.
const ADMISSION_UPKEEP: Duration = Duration::from_secs(60);

/// How often the reports whose time is over are forgotten.
const REPORTS_UPKEEP: Duration = Duration::from_secs(60);

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the {listener} listener cannot have {address}: {source}")]
    Bind {
        listener: &'static str,
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error("a listener cannot be set up")]
    Listen(#[source] std::io::Error),
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error(transparent)]
    Secrets(#[from] secrets::SecretError),
    #[error("the folder `{path}` cannot be made: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the database `{path}` cannot be opened")]
    Store {
        path: PathBuf,
        source: crate::storage::StorageError,
    },
    #[error("the seal of `{department}` cannot be used")]
    Seal {
        department: DepartmentId,
        source: seals::SealError,
    },
    #[error(
        "the certificate type `{certificate_type}` asks for level {level}, and the node gives {highest} at most: see \
         [timestamps] and [revocation]"
    )]
    Level {
        certificate_type: CertificateType,
        level: &'static str,
        highest: &'static str,
    },
    #[error("{what} cannot be set up")]
    Service {
        what: &'static str,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StartError {
    /// For `map_err`: names what could not be set up.
    fn service<E: std::error::Error + Send + Sync + 'static>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::Service {
            what,
            source: Box::new(error),
        }
    }
}

/// A node that serves.
pub struct Node {
    pub exchange: SocketAddr,
    pub portal: SocketAddr,
    pub monitoring: SocketAddr,
    services: Services,
    handles: Vec<ServerHandle>,
    served: Vec<rt::task::JoinHandle<std::io::Result<()>>>,
    background: Vec<rt::task::JoinHandle<()>>,
}

/// Starts a node; it serves when this returns. Must be called in an actix [`rt::System`].
pub async fn start(config: &Config, clock: SharedClock) -> Result<Node, StartError> {
    telemetry::metrics();
    let exchange_tls = Arc::new(ListenerTls::load(
        &config.exchange.certificate,
        &config.exchange.key,
        Some(&config.exchange.client_roots),
    )?);
    let portal_tls = Arc::new(ListenerTls::load(&config.portal.certificate, &config.portal.key, None)?);
    let services = Services::open(config, clock).await?;

    let exchange = listeners::exchange(config, &exchange_tls, &services)?;
    let portal = listeners::portal(config, &portal_tls, &services)?;
    let monitoring = listeners::monitoring(config, &services)?;
    let node = Node {
        exchange: exchange.address,
        portal: portal.address,
        monitoring: monitoring.address,
        background: vec![
            rt::spawn(follow_registry(services.clone())),
            rt::spawn(follow_tls(vec![exchange_tls, portal_tls])),
            rt::spawn(follow_trust(services.clone())),
            rt::spawn(keep_metrics()),
            rt::spawn(keep_admission(services.admission.clone())),
            rt::spawn(keep_reports(services.desk.clone())),
        ],
        services,
        handles: vec![
            exchange.server.handle(),
            portal.server.handle(),
            monitoring.server.handle(),
        ],
        served: vec![
            rt::spawn(exchange.server),
            rt::spawn(portal.server),
            rt::spawn(monitoring.server),
        ],
    };
    tracing::info!(exchange = %node.exchange, portal = %node.portal, monitoring = %node.monitoring, "serving");
    Ok(node)
}

impl Node {
    /// The services behind the listeners: for set-up in the same process.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Serves until SIGINT or SIGTERM, then finishes what was begun.
    pub async fn run_until_signal(self) {
        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            (Err(error), _) | (_, Err(error)) => tracing::error!(%error, "signals cannot be heard"),
        }
        self.stop().await;
    }

    /// Takes no new requests, finishes those that were begun (at most `limits.shutdown_s`), closes the store.
    pub async fn stop(self) {
        tracing::info!("stopping");
        futures_util::future::join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
        for served in self.served {
            if let Ok(Err(error)) = served.await {
                tracing::error!(%error, "listener");
            }
        }
        // Awaited, so that what they hold of the store is given back while the runtime is still there to take it.
        for task in self.background {
            task.abort();
            let _ = task.await;
        }
        self.services.close().await;
        tracing::info!("stopped");
    }
}

async fn follow_registry(services: Services) {
    let mut ticks = interval(REGISTRY_POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        services.follow_registry().await;
    }
}

async fn follow_tls(listeners: Vec<Arc<ListenerTls>>) {
    let mut ticks = interval(TLS_POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        for tls in &listeners {
            match tls.reload_if_changed() {
                Ok(true) => tracing::info!("TLS files read again"),
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "TLS files cannot be read; the old ones stay in force"),
            }
        }
    }
}

async fn follow_trust(services: Services) {
    // It was read when the node started.
    let mut ticks = interval_at(Instant::now() + TRUST_POLL, TRUST_POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        services.follow_trust().await;
    }
}

async fn keep_metrics() {
    let mut ticks = interval(telemetry::METRICS_UPKEEP);
    loop {
        ticks.tick().await;
        if let Some(handle) = telemetry::metrics() {
            handle.run_upkeep();
        }
    }
}

async fn keep_admission(admission: Arc<Admission>) {
    let mut ticks = interval(ADMISSION_UPKEEP);
    loop {
        ticks.tick().await;
        admission.forget();
    }
}

async fn keep_reports(desk: Arc<Desk>) {
    let mut ticks = interval(REPORTS_UPKEEP);
    loop {
        ticks.tick().await;
        desk.forget().await;
    }
}
