use actix_web::{HttpResponse, web};
use utoipa::OpenApi;

/// The API, as its handlers describe it. `paths` grows with the handlers.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Yinxin 印信",
        description = "Data sharing, e-certificates and access audit of one node. Routes tagged `exchange` need a client \
                       certificate on the exchange listener; routes tagged `portal` are public or need a sign-in.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "exchange", description = "Departments' systems, mutual TLS"),
        (name = "portal", description = "Browsers and the public")
    ),
    paths(
        super::token::issue,
        super::cases::open,
        super::cases::read,
        super::cases::add_event,
        super::grants::list,
        super::grants::withdraw,
        super::resources::list,
        super::resources::read,
        super::publishing::create,
        super::publishing::change,
        super::publishing::publish,
        super::publishing::suspend,
        super::publishing::retire,
        super::publishing::upload,
        super::disclosures::query,
        super::disclosures::verify,
        super::certificates::issue,
        super::certificates::show,
        super::certificates::document,
        super::certificates::ofd,
        super::certificates::revoke,
        super::audit::entries,
        super::log::checkpoint,
        super::timestamps::answer,
        super::verifications::verify,
        super::verifications::read,
        super::verifications::print
    ),
    components(schemas(super::problem::Problem))
)]
struct Document;

/// The OpenAPI 3.1 document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// `GET /openapi.json`
pub async fn serve() -> HttpResponse {
    static JSON: std::sync::OnceLock<web::Bytes> = std::sync::OnceLock::new();
    let json = JSON.get_or_init(|| document().to_json().unwrap_or_default().into());
    HttpResponse::Ok().content_type("application/json").body(json.clone())
}
