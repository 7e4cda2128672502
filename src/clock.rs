//! Injected time: everything that asks what time it is asks a [`Clock`], so that every rule about time can be tested.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// A clock that is handed around.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved: for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(time: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(time.as_second())))
    }

    /// Moves the clock forward by whole seconds.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(by.as_secs().cast_signed(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// The day in China (UTC+8, no daylight saving since 1991): what stands on documents.
pub fn china_date(time: Timestamp) -> jiff::civil::Date {
    jiff::tz::Offset::constant(8).to_datetime(time).date()
}
