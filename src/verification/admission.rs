use std::{collections::hash_map::RandomState, hash::BuildHasher as _, net::IpAddr, num::NonZeroU32, sync::Arc};

use bytes::{Bytes, BytesMut};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many rates are kept. Addresses are hashed to them with a key of this process: however many come, memory is
/// bounded, and nobody can choose whose rate to share.
const RATES: u64 = 65_536;

/// How many documents of the largest size may be in memory at once, received in part or being verified.
const DOCUMENTS_IN_MEMORY: usize = 4;

/// When to come back after the node was full, in seconds.
const FULL_RETRY_S: u64 = 5;

/// Who may bring documents and codes, and how much of them is in memory: anybody may come, and nobody may keep others
/// out.
pub struct Admission {
    rates: DefaultKeyedRateLimiter<u64>,
    hashing: RandomState,
    document_bytes: usize,
    memory: Arc<Semaphore>,
}

/// Why a document is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    #[error("too many verifications from one address")]
    TooMany { retry_after_s: u64 },
    #[error("too many documents are being received")]
    Full { retry_after_s: u64 },
    #[error("the documents are larger than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
}

impl Admission {
    /// `per_minute` verifications from one address; requests of at most `document_bytes`.
    pub fn new(per_minute: u32, document_bytes: usize) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        let memory = document_bytes.saturating_mul(DOCUMENTS_IN_MEMORY);
        Self {
            rates: RateLimiter::keyed(Quota::per_minute(per_minute)),
            hashing: RandomState::new(),
            document_bytes,
            memory: Arc::new(Semaphore::new(memory.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Lets one verification through; `None` where the address is not known.
    pub fn admit(&self, address: Option<IpAddr>) -> Result<(), NotAdmitted> {
        let rate = self.hashing.hash_one(address.map(network)) % RATES;
        self.rates.check_key(&rate).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            NotAdmitted::TooMany {
                retry_after_s: wait.as_secs() + 1,
            }
        })
    }

    /// Room for the documents of one request, which is held until this is dropped.
    pub fn receive(&self) -> Receipt<'_> {
        Receipt {
            admission: self,
            left: self.document_bytes,
            held: None,
        }
    }

    /// Forgets rates that are full again: to be called now and then.
    pub fn forget(&self) {
        self.rates.retain_recent();
        self.rates.shrink_to_fit();
    }
}

/// What one request may bring into memory, and has brought. Keep it as long as its documents.
pub struct Receipt<'a> {
    admission: &'a Admission,
    left: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Receipt<'_> {
    /// Takes a part of a document.
    pub fn take(&mut self, document: &mut BytesMut, part: &Bytes) -> Result<(), NotAdmitted> {
        self.left = self.left.checked_sub(part.len()).ok_or(NotAdmitted::TooLarge {
            max_bytes: self.admission.document_bytes,
        })?;
        let full = NotAdmitted::Full {
            retry_after_s: FULL_RETRY_S,
        };
        // Never waits for room: two requests that each held a part would wait for one another.
        let room = u32::try_from(part.len()).map_err(|_| full)?;
        let room = self.admission.memory.clone().try_acquire_many_owned(room);
        let room = room.map_err(|_| full)?;
        match &mut self.held {
            Some(held) => held.merge(room),
            None => self.held = Some(room),
        }
        document.extend_from_slice(part);
        Ok(())
    }
}

/// One customer: an IPv4 address, or the /64 that IPv6 hands out as one (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn an_address_over_its_rate_waits_and_others_do_not() {
        let admission = Admission::new(3, 1_000);
        for _ in 0..3 {
            admission.admit(address("192.0.2.1")).unwrap();
        }
        // 3 a minute: the next in 20 seconds.
        let refused = admission.admit(address("::ffff:192.0.2.1")).unwrap_err();
        assert!(matches!(refused, NotAdmitted::TooMany { retry_after_s: 19..=21 }));
        admission.forget();
        assert!(admission.admit(address("192.0.2.1")).is_err());
        admission.admit(address("192.0.2.2")).unwrap();
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_share_its_rate() {
        let admission = Admission::new(1, 1_000);
        admission.admit(address("2001:db8::1")).unwrap();
        assert!(admission.admit(address("2001:db8::ffff:2")).is_err());
        admission.admit(address("2001:db8:0:1::1")).unwrap();
    }

    #[test]
    fn one_request_brings_no_more_than_its_limit_and_all_together_no_more_than_there_is_room_for() {
        let admission = Admission::new(1, 10);
        let part = Bytes::from_static(&[0; 10]);
        let mut document = BytesMut::new();
        let mut receipts: Vec<_> = (0..DOCUMENTS_IN_MEMORY).map(|_| admission.receive()).collect();
        for receipt in &mut receipts {
            receipt.take(&mut document, &part).unwrap();
        }
        let more = receipts.first_mut().unwrap().take(&mut document, &part.slice(..1));
        assert_eq!(more, Err(NotAdmitted::TooLarge { max_bytes: 10 }));
        let full = admission.receive().take(&mut document, &part.slice(..1));
        assert!(matches!(full, Err(NotAdmitted::Full { .. })));
        drop(receipts);
        admission.receive().take(&mut document, &part).unwrap();
    }
}
