use std::{
    collections::HashMap,
    sync::{Arc, Mutex as Lock, MutexGuard, PoisonError},
};

use arc_swap::ArcSwap;
use moka::sync::Cache;
use tokio::sync::Mutex;

use super::{Case, CaseError, CaseStatus, CaseStore, Event, EventKind, ServiceItem};
use crate::{
    clock::SharedClock,
    ids::{CaseId, CitizenId, DepartmentId, ItemCode, OperatorId, Pseudonym, SystemId},
};

/// The most events that one case can hold.
pub const MAX_EVENTS: usize = 200;

/// How many open cases are kept in memory.
const CACHED_CASES: u64 = 50_000;

/// Service items, all in memory; cases, the recent ones in memory.
pub struct Cases {
    store: Arc<dyn CaseStore>,
    clock: SharedClock,
    items: ArcSwap<HashMap<ItemCode, Arc<ServiceItem>>>,
    recent: Arc<Recent>,
    /// One reading of the items at a time: an older one never takes the place of a newer one.
    reading: Mutex<()>,
}

impl Cases {
    pub async fn open(store: Arc<dyn CaseStore>, clock: SharedClock) -> Result<Self, CaseError> {
        let cases = Self {
            store,
            clock,
            items: ArcSwap::default(),
            recent: Arc::new(Recent::new()),
            reading: Mutex::default(),
        };
        cases.reload().await?;
        Ok(cases)
    }

    /// Reads the store again: after a change of another process.
    pub async fn reload(&self) -> Result<(), CaseError> {
        let _reading = self.reading.lock().await;
        let items = self.store.items().await.map_err(CaseError::Store)?;
        self.items.store(Arc::new(
            items.into_iter().map(|i| (i.code.clone(), Arc::new(i))).collect(),
        ));
        self.recent.forget_all();
        Ok(())
    }

    pub fn item(&self, code: &ItemCode) -> Option<Arc<ServiceItem>> {
        self.items.load().get(code).cloned()
    }

    pub fn items(&self) -> Vec<Arc<ServiceItem>> {
        let mut all: Vec<_> = self.items.load().values().cloned().collect();
        all.sort_by(|a, b| a.code.cmp(&b.code));
        all
    }

    pub async fn put_item(&self, item: &ServiceItem) -> Result<(), CaseError> {
        self.store.put_item(item).await.map_err(CaseError::Store)?;
        self.reload().await
    }

    /// Opens a case for a service item, under a new id.
    pub async fn start(
        &self,
        id: CaseId,
        item: &ItemCode,
        department: &DepartmentId,
        system: &SystemId,
        operator: &OperatorId,
        applicant: Pseudonym,
    ) -> Result<Arc<Case>, CaseError> {
        if self.item(item).is_none() {
            return Err(CaseError::NoSuchItem(item.clone()));
        }
        let now = self.clock.now();
        let case = Arc::new(Case {
            id,
            item: item.clone(),
            department: department.clone(),
            opened_by: system.clone(),
            operator: operator.clone(),
            applicant,
            status: CaseStatus::Open,
            opened_at: now,
            closed_at: None,
            events: Vec::new(),
        });
        self.store.insert_case(&case).await.map_err(CaseError::Store)?;
        // Nobody else knows of it yet: there is no change that it could have missed.
        self.recent.cases.insert(case.id.clone(), case.clone());
        Ok(case)
    }

    /// The case with this id.
    pub async fn case(&self, id: &CaseId) -> Result<Arc<Case>, CaseError> {
        if let Some(case) = self.recent.cases.get(id) {
            return Ok(case);
        }
        let changes = self.recent.changes();
        let case = self
            .store
            .case(id)
            .await
            .map_err(CaseError::Store)?
            .map(Arc::new)
            .ok_or_else(|| CaseError::NoSuchCase(id.clone()))?;
        self.recent.keep(&case, changes);
        Ok(case)
    }

    /// Adds an event; a `closed` event closes the case, from this moment, for every token of it.
    pub async fn add_event(
        &self,
        id: &CaseId,
        kind: EventKind,
        operator: &OperatorId,
        note: &str,
    ) -> Result<Arc<Case>, CaseError> {
        if note.chars().count() > 500 || note.chars().any(char::is_control) || CitizenId::is_within(note) {
            return Err(CaseError::Note);
        }
        let case = self.case(id).await?;
        if case.status == CaseStatus::Closed {
            return Err(CaseError::Closed);
        }
        if case.events.len() >= MAX_EVENTS {
            return Err(CaseError::TooManyEvents { max: MAX_EVENTS });
        }
        let event = Event {
            at: self.clock.now(),
            kind,
            operator: operator.clone(),
            note: note.to_owned(),
        };
        // In a task of its own: a caller that goes away must not leave a case closed in the store and open in memory.
        let (store, recent, of) = (self.store.clone(), self.recent.clone(), id.clone());
        let adding = tokio::spawn(async move {
            let added = store.add_event(&of, &event).await;
            recent.forget(&of);
            added
        });
        let added = adding.await.map_err(|error| CaseError::Store(error.into()))?;
        if !added.map_err(CaseError::Store)? {
            return Err(CaseError::Closed);
        }
        self.case(id).await
    }
}

/// Cases in memory. One that was read before a change is not kept after it: keeping and forgetting go one at a time.
struct Recent {
    cases: Cache<CaseId, Arc<Case>>,
    /// Counts what was forgotten.
    changes: Lock<u64>,
}

impl Recent {
    fn new() -> Self {
        Self {
            cases: Cache::new(CACHED_CASES),
            changes: Lock::new(0),
        }
    }

    fn changes(&self) -> u64 {
        *self.lock()
    }

    /// Keeps a case that was read when there had been this many changes.
    fn keep(&self, case: &Arc<Case>, at_changes: u64) {
        let changes = self.lock();
        if *changes == at_changes {
            self.cases.insert(case.id.clone(), case.clone());
        }
    }

    fn forget(&self, id: &CaseId) {
        let mut changes = self.lock();
        *changes += 1;
        self.cases.invalidate(id);
    }

    fn forget_all(&self) {
        let mut changes = self.lock();
        *changes += 1;
        self.cases.invalidate_all();
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        // A number is written whole: what a panicking thread left behind holds.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures_util::future::BoxFuture;
    use tokio::sync::Notify;

    use super::*;
    use crate::{
        case::{ServiceItem, StoreFault},
        clock::ManualClock,
    };

    /// One case, which closes when it is told to.
    struct Slow {
        closed: AtomicBool,
        asked: Notify,
        go_on: Notify,
    }

    impl CaseStore for Slow {
        fn items(&self) -> BoxFuture<'_, Result<Vec<ServiceItem>, StoreFault>> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn put_item<'a>(&'a self, _: &'a ServiceItem) -> BoxFuture<'a, Result<(), StoreFault>> {
            Box::pin(async { Ok(()) })
        }
        fn case<'a>(&'a self, id: &'a CaseId) -> BoxFuture<'a, Result<Option<Case>, StoreFault>> {
            Box::pin(async move {
                let closed = self.closed.load(Ordering::SeqCst);
                Ok(Some(Case {
                    id: id.clone(),
                    item: ItemCode::parse("proof").unwrap(),
                    department: DepartmentId::parse("window").unwrap(),
                    opened_by: SystemId::parse("window").unwrap(),
                    operator: OperatorId::parse("w-001").unwrap(),
                    applicant: Pseudonym::parse(&"0".repeat(32)).unwrap(),
                    status: if closed { CaseStatus::Closed } else { CaseStatus::Open },
                    opened_at: jiff::Timestamp::UNIX_EPOCH,
                    closed_at: None,
                    events: Vec::new(),
                }))
            })
        }
        fn insert_case<'a>(&'a self, _: &'a Case) -> BoxFuture<'a, Result<(), StoreFault>> {
            Box::pin(async { Ok(()) })
        }
        fn add_event<'a>(&'a self, _: &'a CaseId, _: &'a Event) -> BoxFuture<'a, Result<bool, StoreFault>> {
            Box::pin(async {
                self.closed.store(true, Ordering::SeqCst);
                self.asked.notify_one();
                self.go_on.notified().await;
                Ok(true)
            })
        }
    }

    #[tokio::test]
    async fn a_case_whose_closing_caller_went_away_is_closed_for_everybody() {
        let store = Arc::new(Slow {
            closed: AtomicBool::new(false),
            asked: Notify::new(),
            go_on: Notify::new(),
        });
        let clock = ManualClock::at(jiff::Timestamp::UNIX_EPOCH);
        let cases = Arc::new(Cases::open(store.clone(), clock).await.unwrap());
        let id = CaseId::parse("c1").unwrap();
        assert_eq!(cases.case(&id).await.unwrap().status, CaseStatus::Open);

        let operator = OperatorId::parse("w-001").unwrap();
        {
            let closing = cases.add_event(&id, EventKind::Closed, &operator, "");
            tokio::select! {
                _ = closing => unreachable!("the store has not answered"),
                () = store.asked.notified() => {}
            }
        }
        store.go_on.notify_one();
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(cases.case(&id).await.unwrap().status, CaseStatus::Closed);
    }
}
