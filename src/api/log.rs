//! `/v1/log`: what witnesses need.

use actix_web::{HttpResponse, web};

use super::problem::Problem;
use crate::audit::Log;

/// The newest signed checkpoint of the audit log
///
/// A C2SP `tlog-checkpoint`: origin, tree size, root hash, signature by the key in `log.vkey`. Keep it: with it anybody
/// can later prove that an entry was removed or changed.
#[utoipa::path(
    get, path = "/v1/log/checkpoint", tag = "portal",
    responses(
        (status = 200, description = "A signed note", body = String, content_type = "text/plain"),
        (status = 503, description = "`store_unavailable`", body = Problem)
    )
)]
pub async fn checkpoint(log: web::Data<Log>) -> Result<HttpResponse, Problem> {
    let note = log.checkpoint().await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(note))
}
