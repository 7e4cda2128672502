use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::StoreFault;
use crate::ids::SystemId;

/// How long the answer to an idempotency key is kept: 24 hours.
pub const REPLY_RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a request is taken to be in progress before its node is taken to have died with it: 60 seconds.
pub const CLAIM_LIFETIME: Duration = Duration::from_secs(60);

/// What was answered to a request that came with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

/// What a request under an idempotency key finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// Nothing: it is the first, and its answer must be kept or its claim released.
    First,
    /// The same request was answered before.
    Again(Reply),
    /// The same request is being answered.
    InProgress,
    /// The key came with another request.
    OtherRequest,
}

/// Keeps the replies to requests under a system's idempotency keys. What it acknowledges is durable.
pub trait ReplyStore: Send + Sync {
    /// Claims a key for a request; forgets what is past its retention.
    fn claim<'a>(
        &'a self,
        system: &'a SystemId,
        key: &'a str,
        request_sha256: &'a [u8; 32],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Claimed, StoreFault>>;
    /// Keeps the reply under a claimed key.
    fn keep<'a>(
        &'a self,
        system: &'a SystemId,
        key: &'a str,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// Gives a claim back: the request failed, and may be tried again with the same key.
    fn release<'a>(&'a self, system: &'a SystemId, key: &'a str) -> BoxFuture<'a, Result<(), StoreFault>>;
}
