use actix_web::{HttpResponse, web};
use utoipa::{OpenApi, ToSchema};

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

/// A file: bytes, not text, and not a list of numbers.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)] // described, never made
pub struct Binary(Vec<u8>);

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_is_neither_json_nor_text_nor_a_form_is_binary() {
        let document = serde_json::to_value(document()).unwrap();
        let operations = document["paths"].as_object().unwrap().values();
        let operations = operations.flat_map(|path| path.as_object().unwrap().values());
        let contents = operations.flat_map(|operation| {
            let answers = operation["responses"].as_object().unwrap().values();
            std::iter::once(&operation["requestBody"])
                .chain(answers)
                .filter_map(|body| body["content"].as_object())
                .flatten()
        });
        let binary: Vec<(&String, &Value)> = contents
            .filter(|(media_type, _)| !["json", "text/", "form"].iter().any(|kind| media_type.contains(kind)))
            .collect();
        assert_eq!(binary.len(), 5, "{binary:?}");
        for (media_type, content) in binary {
            let schema = &content["schema"];
            assert_eq!(
                (&schema["type"], &schema["format"]),
                (&json!("string"), &json!("binary")),
                "{media_type}"
            );
        }
    }
}
