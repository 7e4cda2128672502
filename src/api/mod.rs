//! JSON handlers: a file a resource. They parse, call one domain function, and answer.

mod act;
mod audit;
mod cases;
mod certificates;
mod disclosures;
pub mod extract;
mod grants;
mod idempotency;
mod log;
pub mod openapi;
mod page;
pub mod problem;
mod publishing;
mod resources;
mod subject;
mod timestamps;
mod token;
mod verifications;

use actix_web::{HttpRequest, http::StatusCode, web};

use self::problem::Problem;
pub use self::{subject::SubjectBody, timestamps::Served};

/// Routes of the exchange listener.
pub fn exchange_routes(config: &mut web::ServiceConfig) {
    // Routes are tried in this order: what is called most comes first.
    config
        .route("/v1/resources/{code}/query", web::post().to(disclosures::query))
        .route("/v1/resources/{code}/verify", web::post().to(disclosures::verify))
        .route("/openapi.json", web::get().to(openapi::serve))
        .configure(certificates::routes)
        .route("/v1/token", web::post().to(token::issue))
        .route("/v1/cases", web::post().to(cases::open))
        .route("/v1/cases/{id}", web::get().to(cases::read))
        .route("/v1/cases/{id}/events", web::post().to(cases::add_event))
        .route("/v1/grants", web::get().to(grants::list))
        .route("/v1/grants/{id}", web::delete().to(grants::withdraw))
        .service(
            web::resource("/v1/resources")
                .get(resources::list)
                .post(publishing::create),
        )
        .service(
            web::resource("/v1/resources/{code}")
                .get(resources::read)
                .patch(publishing::change),
        )
        .route("/v1/resources/{code}/publish", web::post().to(publishing::publish))
        .route("/v1/resources/{code}/suspend", web::post().to(publishing::suspend))
        .route("/v1/resources/{code}/retire", web::post().to(publishing::retire))
        .route("/v1/resources/{code}/dataset", web::put().to(publishing::upload))
        .route("/v1/audit/entries", web::get().to(audit::entries))
        .default_service(web::to(no_such_route));
}

/// Routes of the portal listener, beside its pages.
pub fn portal_routes(config: &mut web::ServiceConfig) {
    // Resources, not routes: a route that does not take the method would fall through to the pages.
    config
        .service(web::resource("/openapi.json").get(openapi::serve))
        .service(web::resource("/v1/log/checkpoint").get(log::checkpoint))
        .service(web::resource("/v1/timestamps").post(timestamps::answer))
        .service(web::resource("/v1/verifications").post(verifications::verify))
        .service(web::resource("/v1/verifications/{id}.pdf").get(verifications::print))
        .service(web::resource("/v1/verifications/{id}").get(verifications::read));
}

/// The answer to an unknown path, and to a method that a known one does not take.
pub async fn no_such_route(request: HttpRequest) -> Result<&'static str, Problem> {
    Err(problem_for(StatusCode::NOT_FOUND, &request))
}

pub fn route_not_found() -> Problem {
    Problem::not_found(
        "route_not_found",
        "没有此地址。接口说明见 /openapi.json。",
        "There is nothing at this address. The API is described at /openapi.json.",
    )
}

/// A problem for an answer that the framework gave without one (a wrong method, a bad request line).
pub fn problem_for(status: StatusCode, request: &HttpRequest) -> Problem {
    match status {
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND if request.match_pattern().is_some() => Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "此地址不接受该方法。接口说明见 /openapi.json。",
            "This address does not take that method. The API is described at /openapi.json.",
        ),
        StatusCode::NOT_FOUND => route_not_found(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            status,
            "body_too_large",
            "请求体超过上限。",
            "The body is larger than the limit.",
        ),
        _ if status.is_client_error() => Problem::new(
            status,
            "request_invalid",
            "请求不符合接口约定，见 /openapi.json。",
            "The request is not of the agreed form: see /openapi.json.",
        ),
        _ => Problem::internal(&std::io::Error::other(status.to_string())),
    }
}
