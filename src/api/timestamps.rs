//! `/v1/timestamps`: the node's own timestamp authority, for others, where it is set up to answer them.

use std::sync::Arc;

use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};

use super::{
    extract::{read_body, unsupported_media_type},
    openapi::Binary,
    problem::Problem,
};
use crate::{formats::timestamp::MAX_REQUEST_BYTES, keys::TimestampAuthority, verification::Admission};

const QUERY: &str = "application/timestamp-query";
const REPLY: &str = "application/timestamp-reply";

/// The authority that answers on the portal; none where the node has none or keeps it for itself.
pub struct Served(pub Option<Arc<TimestampAuthority>>);

/// A timestamp (RFC 3161)
///
/// By the node's own small authority. The body is DER of a TimeStampReq, the answer DER of a TimeStampResp, which may be a
/// refusal. It says that a digest was there at a time; whose it is, and of what, nobody is told.
#[utoipa::path(
    post, path = "/v1/timestamps", tag = "portal",
    request_body(content = inline(Binary), content_type = "application/timestamp-query"),
    responses(
        (status = 200, description = "TimeStampResp", body = inline(Binary), content_type = "application/timestamp-reply"),
        (status = 404, description = "`timestamps_not_served`", body = Problem),
        (status = 413, description = "`body_too_large`", body = Problem),
        (status = 415, description = "`media_type_unsupported`", body = Problem),
        (status = 429, description = "`rate_limited`", body = Problem)
    )
)]
pub async fn answer(
    request: HttpRequest,
    payload: web::Payload,
    served: web::Data<Served>,
    admission: web::Data<Admission>,
) -> Result<HttpResponse, Problem> {
    let Some(authority) = &served.0 else {
        return Err(Problem::not_found(
            "timestamps_not_served",
            "本节点不对外提供时间戳服务。",
            "This node makes no timestamps for others.",
        ));
    };
    admission.admit(request.peer_addr().map(|address| address.ip()))?;
    if request.content_type() != QUERY {
        return Err(unsupported_media_type(QUERY));
    }
    let query = read_body(payload.into_inner(), MAX_REQUEST_BYTES).await?;
    let reply = authority.respond(&query).map_err(|error| Problem::internal(&error))?;
    Ok(HttpResponse::Ok().content_type(REPLY).body(reply))
}
