use std::time::Duration;

use jiff::Timestamp;
use moka::{ops::compute::Op, sync::Cache};
use ring::digest;

use crate::clock::SharedClock;

/// Attempts for one account before the next has to wait.
const FREE_OF_ACCOUNT: u32 = 4;
/// The longest wait for one account, in seconds: short, so that nobody can lock somebody else out for long.
const WAIT_OF_ACCOUNT_S: u64 = 30;
/// Attempts from one address before the next has to wait: several people may sit behind it.
const FREE_OF_ADDRESS: u32 = 20;
/// The longest wait for one address, in seconds.
const WAIT_OF_ADDRESS_S: u64 = 900;
/// How long attempts are remembered, in seconds.
const MEMORY_S: u64 = 3_600;
/// Accounts and addresses that are remembered, at most.
const ENTRIES: u64 = 100_000;

/// Counts attempts to sign in. An attempt counts when it begins, so that many at once do not slip through together.
pub(super) struct Throttle {
    clock: SharedClock,
    attempts: Cache<[u8; 32], Attempts>,
}

#[derive(Clone, Copy)]
struct Attempts {
    count: u32,
    last: Timestamp,
}

impl Throttle {
    pub(super) fn new(clock: SharedClock) -> Self {
        let attempts = Cache::builder()
            .max_capacity(ENTRIES)
            .time_to_idle(Duration::from_secs(MEMORY_S))
            .build();
        Self { clock, attempts }
    }

    /// Lets an attempt begin, or says in how many seconds the next may.
    pub(super) fn admit(&self, account: &str, address: &str) -> Result<(), u64> {
        self.count(key(b"address", address), FREE_OF_ADDRESS, WAIT_OF_ADDRESS_S)?;
        self.count(key(b"account", account), FREE_OF_ACCOUNT, WAIT_OF_ACCOUNT_S)
    }

    /// Forgets the failures of an account: its owner is in.
    pub(super) fn clear(&self, account: &str) {
        self.attempts.invalidate(&key(b"account", account));
    }

    fn count(&self, key: [u8; 32], free: u32, longest_s: u64) -> Result<(), u64> {
        let now = self.clock.now();
        let mut wait = 0;
        self.attempts.entry(key).and_compute_with(|entry| {
            let before = entry.map_or(Attempts { count: 0, last: now }, |entry| entry.into_value());
            let passed = u64::try_from(now.duration_since(before.last).as_secs()).unwrap_or(0);
            wait = delay_s(before.count, free, longest_s).saturating_sub(passed);
            if wait > 0 {
                return Op::Nop;
            }
            let count = if passed >= MEMORY_S {
                1
            } else {
                before.count.saturating_add(1)
            };
            Op::Put(Attempts { count, last: now })
        });
        if wait == 0 { Ok(()) } else { Err(wait) }
    }
}

/// Nothing for the first few, then 2, 4, 8 … seconds up to the longest.
fn delay_s(count: u32, free: u32, longest_s: u64) -> u64 {
    match count.checked_sub(free) {
        None => 0,
        Some(over) => 2_u64.saturating_pow(over.saturating_add(1)).min(longest_s),
    }
}

/// Names are kept as digests: somebody may have typed a password into the wrong box.
fn key(kind: &[u8], name: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(kind);
    context.update(b"\0");
    context.update(name.as_bytes());
    let mut key = [0; 32];
    key.copy_from_slice(context.finish().as_ref());
    key
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn the_wait_doubles_up_to_its_limit() {
        let waits: Vec<u64> = (0..12).map(|count| delay_s(count, 4, 30)).collect();
        assert_eq!(waits, [0, 0, 0, 0, 2, 4, 8, 16, 30, 30, 30, 30]);
    }

    #[test]
    fn one_address_that_tries_many_accounts_has_to_wait_and_others_do_not() {
        let throttle = Throttle::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        for attempt in 0..FREE_OF_ADDRESS {
            throttle.admit(&format!("account-{attempt}"), "192.0.2.1").unwrap();
        }
        assert_eq!(throttle.admit("account-x", "192.0.2.1"), Err(2));
        assert_eq!(throttle.admit("account-x", "192.0.2.2"), Ok(()));
    }
}
