use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
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
    recent: Cache<CaseId, Arc<Case>>,
    /// Counts changes of cases, so that one read before a change is not kept after it.
    changes: AtomicU64,
    /// One reading of the items at a time: an older one never takes the place of a newer one.
    reading: Mutex<()>,
}

impl Cases {
    pub async fn open(store: Arc<dyn CaseStore>, clock: SharedClock) -> Result<Self, CaseError> {
        let cases = Self {
            store,
            clock,
            items: ArcSwap::default(),
            recent: Cache::new(CACHED_CASES),
            changes: AtomicU64::new(0),
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
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.recent.invalidate_all();
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

    /// Opens a case for a service item.
    pub async fn start(
        &self,
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
        let id = uuid::Uuid::now_v7().to_string();
        let case = Arc::new(Case {
            id: CaseId::parse(&id).map_err(|_| CaseError::Note)?,
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
        self.recent.insert(case.id.clone(), case.clone());
        Ok(case)
    }

    /// The case with this id.
    pub async fn case(&self, id: &CaseId) -> Result<Arc<Case>, CaseError> {
        if let Some(case) = self.recent.get(id) {
            return Ok(case);
        }
        let changes = self.changes.load(Ordering::SeqCst);
        let case = self
            .store
            .case(id)
            .await
            .map_err(CaseError::Store)?
            .map(Arc::new)
            .ok_or_else(|| CaseError::NoSuchCase(id.clone()))?;
        self.recent.insert(id.clone(), case.clone());
        if self.changes.load(Ordering::SeqCst) != changes {
            self.recent.invalidate(id);
        }
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
        let added = self.store.add_event(id, &event).await.map_err(CaseError::Store)?;
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.recent.invalidate(id);
        if !added {
            return Err(CaseError::Closed);
        }
        self.case(id).await
    }
}
