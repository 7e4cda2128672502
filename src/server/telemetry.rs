//! Logs (JSON lines on stderr, no personal data: routes by their pattern, never by their path) and metrics.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::OnceLock,
    time::{Duration, Instant},
};

use actix_web::{
    Error, HttpMessage as _, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use super::body;
use crate::{api, ids::RequestId};

/// Starts logging; the first call counts.
pub fn init_logging(level: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(level).map_err(|error| format!("`log.level`: {error}"))?;
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_target(true)
        .with_writer(std::io::stderr)
        .with_env_filter(filter)
        .finish();
    // A second node in one process (tests) goes on with the first one's logging.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// The metrics of this process.
pub fn metrics() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            PrometheusBuilder::new()
                .set_buckets(&[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0])
                .ok()?
                .install_recorder()
                .ok()
        })
        .as_ref()
}

/// How often the metrics' histograms are folded.
pub const METRICS_UPKEEP: Duration = Duration::from_secs(5);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The requests of one listener, as one of its threads counts them: looking a metric up by its labels costs more than
/// counting.
pub struct Meter {
    listener: &'static str,
    routes: RefCell<HashMap<String, Route>>,
}

/// The metrics of one route.
struct Route {
    seconds: Histogram,
    answers: Vec<(StatusCode, Counter)>,
}

impl Meter {
    pub fn new(listener: &'static str) -> Rc<Self> {
        Rc::new(Self {
            listener,
            routes: RefCell::default(),
        })
    }

    fn count(&self, pattern: &str, status: StatusCode, elapsed: Duration) {
        let mut routes = self.routes.borrow_mut();
        if !routes.contains_key(pattern) {
            routes.insert(pattern.to_owned(), self.route(pattern));
        }
        let Some(route) = routes.get_mut(pattern) else { return };
        route.seconds.record(elapsed.as_secs_f64());
        match route.answers.iter().find(|(known, _)| *known == status) {
            Some((_, answers)) => answers.increment(1),
            None => {
                let answers = metrics::counter!(
                    "yinxin_requests_total",
                    "listener" => self.listener, "route" => pattern.to_owned(), "status" => status.as_str().to_owned()
                );
                answers.increment(1);
                route.answers.push((status, answers));
            }
        }
    }

    fn route(&self, pattern: &str) -> Route {
        Route {
            seconds: metrics::histogram!(
                "yinxin_request_seconds", "listener" => self.listener, "route" => pattern.to_owned()
            ),
            answers: Vec::new(),
        }
    }
}

/// Gives each request its id, answers in problem documents where the framework did not, counts and logs.
pub async fn observe(
    meter: Rc<Meter>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = uuid::Uuid::now_v7().to_string();
    if let Ok(id) = RequestId::parse(&id) {
        request.extensions_mut().insert(id);
    }
    body::limit_time(&mut request);
    let mut response = next.call(request).await?.map_into_boxed_body();
    let status = response.status();
    if (status.is_client_error() || status.is_server_error()) && !response.headers().contains_key(CONTENT_TYPE) {
        let problem = api::problem_for(status, response.request());
        let (request, _) = response.into_parts();
        response = ServiceResponse::new(request, problem.error_response());
    }
    let status = response.status();
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }

    let route = response.request().match_pattern();
    let route = route.as_deref().unwrap_or("none");
    let method = response.request().method().as_str();
    let elapsed = started.elapsed();
    meter.count(route, status, elapsed);
    let listener = meter.listener;
    if status.is_success() {
        tracing::debug!(
            listener,
            request = id,
            method,
            route,
            status = status.as_u16(),
            ms = elapsed.as_millis(),
            "request"
        );
    } else {
        tracing::info!(
            listener,
            request = id,
            method,
            route,
            status = status.as_u16(),
            ms = elapsed.as_millis(),
            "request"
        );
    }
    Ok(response)
}
