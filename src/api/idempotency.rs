use std::{future::Future, sync::Arc};

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};
use jiff::Timestamp;
use ring::digest;

use super::problem::Problem;
use crate::{
    department::{Claimed, Reply, ReplyStore},
    ids::SystemId,
};

/// A request under an idempotency key: the same key and request get the first one's answer, however often it comes.
pub struct Once<'a> {
    pub replies: Arc<dyn ReplyStore>,
    pub system: &'a SystemId,
    pub key: &'a str,
    /// What was asked for, without anything of a person in clear: its digest is kept.
    pub request: &'a [&'a str],
    pub now: Timestamp,
}

impl Once<'_> {
    /// Makes the answer, or repeats it. An answer that is a problem is not kept: the request may be tried again.
    pub async fn answer(&self, make: impl Future<Output = Result<Reply, Problem>>) -> Result<HttpResponse, Problem> {
        let request = digest::digest(&digest::SHA256, self.request.join("\0").as_bytes());
        let request: [u8; 32] = request.as_ref().try_into().map_err(|error| Problem::internal(&error))?;
        let claimed = self.replies.claim(self.system, self.key, &request, self.now).await;
        match claimed.map_err(|error| Problem::unavailable(&*error))? {
            Claimed::First => {}
            Claimed::Again(reply) => return Ok(response(reply)),
            Claimed::InProgress => {
                return Err(Problem::conflict(
                    "request_in_progress",
                    "同一 Idempotency-Key 的请求正在处理。请稍后重试。",
                    "A request with this Idempotency-Key is being answered. Try again later.",
                )
                .retry_after(1));
            }
            Claimed::OtherRequest => {
                return Err(Problem::unprocessable(
                    "idempotency_key_reused",
                    "同一 Idempotency-Key 曾用于另一个请求。请换一个。",
                    "The same Idempotency-Key came with another request. Use a new one.",
                ));
            }
        }
        match make.await {
            Ok(reply) => {
                if let Err(error) = self.replies.keep(self.system, self.key, &reply).await {
                    // It was done: to answer with a failure would have it done twice.
                    tracing::error!(%error, "the reply to an idempotency key was not kept");
                }
                Ok(response(reply))
            }
            Err(problem) => {
                if let Err(error) = self.replies.release(self.system, self.key).await {
                    tracing::error!(%error, "an idempotency key was not released");
                }
                Err(problem)
            }
        }
    }
}

fn response(reply: Reply) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(reply.status).unwrap_or(StatusCode::OK))
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(reply.body)
}
