use std::{future::Future, ops::Deref, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev};
use jiff::Timestamp;

use super::{
    extract::{Id, Peer, service},
    problem::Problem,
};
use crate::{
    audit::{Action, Entry, Log},
    clock::Clock,
    department::{Permission, Rates},
    ids::RequestId,
};

/// Something that a system is about to do: it is recorded before it takes effect, and so is its refusal. What comes
/// over the system's rate is neither decided nor recorded: it would fill the log.
pub struct Act {
    pub peer: Peer,
    pub request: RequestId,
    log: Arc<Log>,
    clock: Arc<dyn Clock>,
}

impl FromRequest for Act {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        std::future::ready((|| {
            let peer = Peer::from_request(request, payload).into_inner()?;
            service::<Rates>(request)?.admit(&peer.caller.system)?;
            Ok(Self {
                peer,
                request: Id::from_request(request, payload).into_inner()?.0,
                log: service(request)?,
                clock: service(request)?,
            })
        })())
    }
}

impl Deref for Act {
    type Target = Peer;

    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl Act {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An entry in the name of the system that calls.
    pub fn entry(&self, action: Action) -> Entry {
        Entry {
            department: Some(self.caller.department.id.clone()),
            system: Some(self.caller.system.id.clone()),
            ..Entry::new(self.now(), self.request.clone(), action)
        }
    }

    /// Refuses, and records it, unless the system has one of the permissions.
    pub async fn must_have_one(&self, permissions: &[Permission], entry: &Entry) -> Result<(), Problem> {
        let mut missing = Ok(());
        for permission in permissions {
            missing = self.must(*permission);
            if missing.is_ok() {
                return Ok(());
            }
        }
        match missing {
            Ok(()) => Ok(()),
            Err(problem) => Err(self.refuse(entry.clone(), problem).await),
        }
    }

    /// Records a refusal and returns it; where it cannot be recorded, returns that.
    pub async fn refuse(&self, entry: Entry, problem: Problem) -> Problem {
        match self.log.append(entry.refused(problem.code())).await {
            Ok(_) => problem,
            Err(error) => error.into(),
        }
    }

    /// Records, then does; what then fails is recorded as failed.
    pub async fn carry_out<T, E>(&self, entry: Entry, change: impl Future<Output = Result<T, E>>) -> Result<T, Problem>
    where
        Problem: From<E>,
    {
        self.log.append(entry.clone()).await?;
        match change.await {
            Ok(done) => Ok(done),
            Err(error) => {
                let problem = Problem::from(error);
                if let Err(error) = self.log.append(entry.failed(problem.code())).await {
                    tracing::error!(%error, "a failed change has no entry of its own");
                }
                Err(problem)
            }
        }
    }
}
