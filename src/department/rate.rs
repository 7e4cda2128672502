use std::{num::NonZeroU32, sync::Arc};

use super::System;
use crate::{ids::SystemId, kept::Kept};
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

/// How many systems' rates are kept.
const KEPT_SYSTEMS: usize = 10_000;

/// A system asks more often than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests of this system")]
pub struct OverRate {
    pub retry_after_s: u64,
}

/// Each system's rate: `requests_per_second` sustained, and as many at once.
pub struct Rates(Kept<SystemId, Arc<Rate>>);

struct Rate {
    per_second: u32,
    limiter: DefaultDirectRateLimiter,
}

impl Rates {
    #[must_use]
    pub fn new() -> Self {
        Self(Kept::new(KEPT_SYSTEMS))
    }

    /// Lets one request of the system through.
    pub fn admit(&self, system: &System) -> Result<(), OverRate> {
        let kept = self
            .0
            .get(&system.id)
            .filter(|rate| rate.per_second == system.requests_per_second);
        let rate = match kept {
            Some(rate) => rate,
            None => {
                let rate = Arc::new(Rate {
                    per_second: system.requests_per_second,
                    limiter: RateLimiter::direct(Quota::per_second(
                        NonZeroU32::new(system.requests_per_second).unwrap_or(NonZeroU32::MIN),
                    )),
                });
                self.0.put(system.id.clone(), rate.clone());
                rate
            }
        };
        rate.limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            OverRate {
                retry_after_s: wait.as_secs() + 1,
            }
        })
    }
}

impl Default for Rates {
    fn default() -> Self {
        Self::new()
    }
}
