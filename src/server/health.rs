//! `/healthz` (alive), `/readyz` (can record and decide), `/metrics` (Prometheus).

use actix_web::{HttpResponse, web};

use super::telemetry;
use crate::audit::Log;

pub fn routes(app: &mut web::ServiceConfig) {
    app.route("/healthz", web::get().to(alive))
        .route("/readyz", web::get().to(ready))
        .route("/metrics", web::get().to(metrics));
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("alive\n")
}

/// The policies were read at the start, or the node would not run; recording is tried each time.
async fn ready(log: web::Data<Log>) -> HttpResponse {
    match log.can_record().await {
        Ok(()) => HttpResponse::Ok().content_type("text/plain").body("ready\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable()
                .content_type("text/plain")
                .body("not ready: the audit log cannot be written\n")
        }
    }
}

async fn metrics() -> HttpResponse {
    match telemetry::metrics() {
        Some(handle) => HttpResponse::Ok()
            .content_type("text/plain; version=0.0.4")
            .body(handle.render()),
        None => HttpResponse::ServiceUnavailable().finish(),
    }
}
