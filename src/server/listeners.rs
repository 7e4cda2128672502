//! The three listeners, with their limits.

use std::{
    any::Any,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::{
    App, HttpServer,
    dev::{Extensions, Server},
    middleware::{DefaultHeaders, from_fn},
    rt::net::TcpStream,
    web,
};
use ring::digest::{SHA256, digest};

use super::{
    StartError, health,
    services::Services,
    telemetry::{self, Meter},
    tls::ListenerTls,
};
use crate::{
    api::{self, extract::PeerCertificate},
    config::{Config, Limits},
    ids::SpkiThumbprint,
    pages,
};

/// Applies the limits; the HTTP library counts connections and handshakes a worker.
macro_rules! limited {
    ($server:expr, $limits:expr, $workers:expr) => {{
        let (limits, workers): (&Limits, usize) = ($limits, $workers);
        $server
            .workers(workers)
            .max_connections(limits.connections.div_ceil(workers))
            .max_connection_rate(limits.handshakes.div_ceil(workers))
            .tls_handshake_timeout(Duration::from_millis(limits.handshake_ms))
            .client_request_timeout(Duration::from_millis(limits.header_ms))
            .keep_alive(Duration::from_secs(limits.idle_s))
            .shutdown_timeout(limits.shutdown_s)
            .tcp_nodelay(true)
            .disable_signals()
    }};
}

/// A listener that is bound and not yet served.
pub struct Bound {
    pub address: SocketAddr,
    pub server: Server,
}

/// Departments' systems: a client certificate is required.
pub fn exchange(config: &Config, tls: &ListenerTls, services: &Services) -> Result<Bound, StartError> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let workers = config.exchange.workers.unwrap_or(cores).max(1);
    let services = services.clone();
    let server = HttpServer::new(move || {
        let meter = Meter::new("exchange");
        App::new()
            .configure(|app| services.provide(app))
            .wrap(from_fn(move |request, next| {
                telemetry::observe(meter.clone(), request, next)
            }))
            .wrap(api_headers())
            .configure(api::exchange_routes)
    })
    .on_connect(remember_certificate);
    let (socket, address) = bind("exchange", config.exchange.listen)?;
    let server = limited!(server, &config.limits, workers)
        .listen_rustls_0_23(socket, tls.server_config(config.exchange.tls_1_2)?)
        .map_err(StartError::Listen)?
        .run();
    Ok(Bound { address, server })
}

/// Browsers and the public.
pub fn portal(config: &Config, tls: &ListenerTls, services: &Services) -> Result<Bound, StartError> {
    let services = services.clone();
    let server = HttpServer::new(move || {
        let meter = Meter::new("portal");
        App::new()
            .configure(|app| services.provide(app))
            .wrap(from_fn(move |request, next| {
                telemetry::observe(meter.clone(), request, next)
            }))
            .wrap(api_headers())
            .configure(api::portal_routes)
            .configure(pages::routes)
    });
    let (socket, address) = bind("portal", config.portal.listen)?;
    let server = limited!(server, &config.limits, 2)
        .listen_rustls_0_23(socket, tls.server_config(config.portal.tls_1_2)?)
        .map_err(StartError::Listen)?
        .run();
    Ok(Bound { address, server })
}

/// `/healthz`, `/readyz`, `/metrics`: plain, loopback only (the configuration sees to that).
pub fn monitoring(config: &Config, services: &Services) -> Result<Bound, StartError> {
    let services = services.clone();
    let server = HttpServer::new(move || {
        App::new()
            .configure(|app| services.provide(app))
            .configure(health::routes)
            .default_service(web::to(api::no_such_route))
    });
    let (socket, address) = bind("monitoring", config.monitoring.listen)?;
    let server = limited!(server, &config.limits, 1)
        .listen(socket)
        .map_err(StartError::Listen)?
        .run();
    Ok(Bound { address, server })
}

/// Binds first, so that a taken port is named before anything starts.
fn bind(listener: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let bind = || {
        let socket = TcpListener::bind(address)?;
        socket.set_nonblocking(true)?;
        let bound = socket.local_addr()?;
        Ok((socket, bound))
    };
    bind().map_err(|source| StartError::Bind {
        listener,
        address,
        source,
    })
}

fn api_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add(("X-Content-Type-Options", "nosniff"))
        .add(("Cache-Control", "no-store"))
}

/// Reads the client certificate of a new connection; the extractors look it up on each request.
fn remember_certificate(connection: &dyn Any, extensions: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else {
        return;
    };
    let (_, session) = stream.get_ref();
    let Some(certificate) = session.peer_certificates().and_then(|chain| chain.first()) else {
        return;
    };
    // rustls parsed and checked it in the handshake: this fails for no certificate that got here.
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return;
    };
    let sha256 = |bytes: &[u8]| {
        let mut out = [0; 32];
        out.copy_from_slice(digest(&SHA256, bytes).as_ref());
        out
    };
    extensions.insert(PeerCertificate {
        thumbprint: SpkiThumbprint(sha256(parsed.tbs_certificate.subject_pki.raw)),
        sha256: sha256(certificate),
    });
}
