use std::{io, time::Duration};

use actix_web::{
    HttpMessage as _,
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    web,
};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use crate::config::Limits;

/// Gives the body of a request `limits.body_ms` to arrive, whoever reads it: the HTTP library limits the header only,
/// and a body that trickles in holds a connection and memory.
pub fn limit_time(request: &mut ServiceRequest) {
    let Some(limits) = request.app_data::<web::Data<Limits>>() else {
        return;
    };
    let deadline = Instant::now() + Duration::from_millis(limits.body_ms);
    let payload = match request.take_payload() {
        Payload::None => return,
        payload => payload,
    };
    let timed = stream::unfold(Some(payload), move |payload| async move {
        let mut payload = payload?;
        match timeout_at(deadline, payload.next()).await {
            Ok(Some(Ok(part))) => Some((Ok(part), Some(payload))),
            Ok(Some(Err(error))) => Some((Err(error), None)),
            Ok(None) => None,
            Err(_) => Some((Err(PayloadError::Io(io::ErrorKind::TimedOut.into())), None)),
        }
    });
    // Fused: a multipart form is read past its end.
    request.set_payload(Payload::Stream {
        payload: Box::pin(timed.fuse()),
    });
}
