use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::SourceError;

/// How many failures in a row open the circuit.
const FAILURES: u32 = 5;

/// How long an open circuit rests before one call may try again, in seconds.
const REST_S: i64 = 10;

/// A circuit breaker: closed until [`FAILURES`] in a row, then open for [`REST_S`], then one probe decides.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Clone, Copy, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Timestamp },
    Probing,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

/// One call that was let through. A call that is dropped before it is done (its caller went away) counts for nothing,
/// but makes room for another probe.
pub struct Attempt<'a> {
    breaker: &'a Breaker,
    at: Timestamp,
    probe: bool,
    settled: bool,
}

impl Breaker {
    /// Lets a call through, or says how long to wait.
    pub fn admit(&self, now: Timestamp) -> Result<Attempt<'_>, SourceError> {
        let mut state = self.state();
        let probe = match *state {
            State::Closed { .. } => false,
            State::Open { until } if until <= now => {
                *state = State::Probing;
                true
            }
            State::Open { until } => {
                let left = until.as_second() - now.as_second();
                return Err(SourceError::CircuitOpen {
                    retry_after_s: u64::try_from(left).unwrap_or_default().max(1),
                });
            }
            State::Probing => return Err(SourceError::CircuitOpen { retry_after_s: 1 }),
        };
        Ok(Attempt {
            breaker: self,
            at: now,
            probe,
            settled: false,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A state is written whole: what a panicking thread left behind holds.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Tells how the call went.
    pub fn done(mut self, succeeded: bool) {
        self.settled = true;
        let mut state = self.breaker.state();
        let open = State::Open {
            until: self.at + jiff::SignedDuration::from_secs(REST_S),
        };
        *state = match *state {
            _ if succeeded && self.probe => State::default(),
            _ if self.probe => open,
            State::Closed { .. } if succeeded => State::default(),
            State::Closed { failures } if failures + 1 >= FAILURES => open,
            State::Closed { failures } => State::Closed { failures: failures + 1 },
            // A call that began while the circuit was closed says nothing of how it stands now.
            other => other,
        };
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.probe && !self.settled {
            *self.breaker.state() = State::Open { until: self.at };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn fail(breaker: &Breaker, second: i64) {
        breaker.admit(at(second)).unwrap_or_else(|e| panic!("{e}")).done(false);
    }

    fn rest(breaker: &Breaker, second: i64) -> Option<u64> {
        match breaker.admit(at(second)) {
            Err(SourceError::CircuitOpen { retry_after_s }) => Some(retry_after_s),
            _ => None,
        }
    }

    #[test]
    fn failures_in_a_row_open_the_circuit_and_a_success_between_them_does_not() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            fail(&breaker, 100);
        }
        breaker.admit(at(100)).unwrap_or_else(|e| panic!("{e}")).done(true);
        for _ in 0..4 {
            fail(&breaker, 100);
        }
        assert_eq!(rest(&breaker, 100), None);
        fail(&breaker, 100);
        assert_eq!(rest(&breaker, 103), Some(7));
    }

    #[test]
    fn after_its_rest_one_probe_decides() {
        let breaker = Breaker::default();
        for _ in 0..5 {
            fail(&breaker, 100);
        }
        let probe = breaker.admit(at(110)).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(rest(&breaker, 110), Some(1));
        probe.done(false);
        assert_eq!(rest(&breaker, 111), Some(9));
        breaker.admit(at(120)).unwrap_or_else(|e| panic!("{e}")).done(true);
        assert_eq!(rest(&breaker, 120), None);
    }

    #[test]
    fn a_probe_whose_caller_went_away_makes_room_for_another() {
        let breaker = Breaker::default();
        for _ in 0..5 {
            fail(&breaker, 100);
        }
        drop(breaker.admit(at(110)));
        assert_eq!(rest(&breaker, 110), None);
    }
}
