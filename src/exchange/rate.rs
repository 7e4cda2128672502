use std::{num::NonZeroU32, sync::Arc};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use moka::sync::Cache;

use super::ExchangeError;
use crate::{ids::SystemId, policy::Caller};

/// How many systems' rates are kept.
const KEPT_SYSTEMS: u64 = 10_000;

/// Each system's rate: `requests_per_second` sustained, and as many at once.
pub(super) struct Rates(Cache<SystemId, Arc<Rate>>);

struct Rate {
    per_second: u32,
    limiter: DefaultDirectRateLimiter,
}

impl Rates {
    pub fn new() -> Self {
        Self(Cache::new(KEPT_SYSTEMS))
    }

    /// Lets one request of the system through.
    pub fn admit(&self, caller: &Caller) -> Result<(), ExchangeError> {
        let system = &caller.system;
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
                self.0.insert(system.id.clone(), rate.clone());
                rate
            }
        };
        rate.limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            ExchangeError::RateLimited {
                retry_after_s: wait.as_secs() + 1,
            }
        })
    }
}
