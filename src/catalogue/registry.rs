use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::{CatalogueError, CatalogueStore, Grant, Resource, ResourceStatus};
use crate::{
    clock::SharedClock,
    ids::{DepartmentId, GrantId, ResourceCode},
};

/// The catalogue as it stands: read without a lock, replaced whole on every change.
pub struct Catalogue {
    store: Arc<dyn CatalogueStore>,
    clock: SharedClock,
    snapshot: ArcSwap<Snapshot>,
    /// One reading at a time: an older one never takes the place of a newer one, and no two have the same generation.
    reading: Mutex<()>,
    /// One change at a time, from looking to writing: a description that is changed while a resource is suspended does
    /// not publish it again, and no department writes over the draft of another.
    changing: Mutex<()>,
}

/// One state of the catalogue. `generation` differs between any two states of one process.
#[derive(Default)]
pub struct Snapshot {
    pub generation: u64,
    pub resources: HashMap<ResourceCode, Arc<Resource>>,
    pub grants: HashMap<GrantId, Arc<Grant>>,
    /// The grants of each grantee.
    pub by_grantee: HashMap<DepartmentId, Vec<Arc<Grant>>>,
}

impl Catalogue {
    /// Loads the catalogue from its store.
    pub async fn open(store: Arc<dyn CatalogueStore>, clock: SharedClock) -> Result<Self, CatalogueError> {
        let catalogue = Self {
            store,
            clock,
            snapshot: ArcSwap::default(),
            reading: Mutex::default(),
            changing: Mutex::default(),
        };
        catalogue.reload().await?;
        Ok(catalogue)
    }

    /// Reads the store again: after a change of this node's or of another process.
    pub async fn reload(&self) -> Result<(), CatalogueError> {
        let _reading = self.reading.lock().await;
        let (resources, grants) = self.store.load().await.map_err(CatalogueError::Store)?;
        let mut next = Snapshot {
            generation: self.snapshot.load().generation + 1,
            ..Snapshot::default()
        };
        next.resources = resources.into_iter().map(|r| (r.code.clone(), Arc::new(r))).collect();
        for grant in grants.into_iter().map(Arc::new) {
            next.by_grantee
                .entry(grant.grantee.clone())
                .or_default()
                .push(grant.clone());
            next.grants.insert(grant.id.clone(), grant);
        }
        self.snapshot.store(Arc::new(next));
        Ok(())
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    pub fn resource(&self, code: &ResourceCode) -> Option<Arc<Resource>> {
        self.snapshot.load().resources.get(code).cloned()
    }

    /// Resources that are in the catalogue for everybody (published or suspended), by code.
    pub fn listed(&self) -> Vec<Arc<Resource>> {
        let mut listed: Vec<_> = self
            .snapshot
            .load()
            .resources
            .values()
            .filter(|r| matches!(r.status, ResourceStatus::Published | ResourceStatus::Suspended))
            .cloned()
            .collect();
        listed.sort_by(|a, b| a.code.cmp(&b.code));
        listed
    }

    /// Adds a draft of the caller's department.
    pub async fn create(&self, by: &DepartmentId, mut resource: Resource) -> Result<Arc<Resource>, CatalogueError> {
        if resource.provider != *by {
            return Err(CatalogueError::NotTheProvider);
        }
        let _changing = self.changing.lock().await;
        if self.resource(&resource.code).is_some() {
            return Err(CatalogueError::Exists(resource.code));
        }
        resource.status = ResourceStatus::Draft;
        resource.published_on = None;
        self.write(resource).await
    }

    /// Replaces what the provider may change: everything but code, provider, status and publication date.
    pub async fn update(&self, by: &DepartmentId, mut resource: Resource) -> Result<Arc<Resource>, CatalogueError> {
        let _changing = self.changing.lock().await;
        let current = self.owned(by, &resource.code)?;
        resource.provider = current.provider.clone();
        resource.status = current.status;
        resource.published_on = current.published_on;
        if resource.source.is_none() {
            resource.source.clone_from(&current.source);
        }
        self.write(resource).await
    }

    /// Publishes, suspends or retires.
    pub async fn change_status(
        &self,
        by: &DepartmentId,
        code: &ResourceCode,
        to: ResourceStatus,
    ) -> Result<Arc<Resource>, CatalogueError> {
        let _changing = self.changing.lock().await;
        let mut resource = (*self.owned(by, code)?).clone();
        if !resource.status.may_become(to) {
            return Err(CatalogueError::Transition {
                from: resource.status,
                to,
            });
        }
        resource.status = to;
        if to == ResourceStatus::Published && resource.published_on.is_none() {
            resource.published_on = Some(crate::clock::china_date(self.clock.now()));
        }
        self.write(resource).await
    }

    /// Writes a grant, new or not.
    pub async fn put_grant(&self, grant: &Grant) -> Result<(), CatalogueError> {
        self.store.put_grant(grant).await.map_err(CatalogueError::Store)?;
        self.reload().await
    }

    /// Withdraws a grant of one of the caller's resources: in force no more from this moment.
    pub async fn withdraw_grant(&self, by: &DepartmentId, id: &GrantId) -> Result<Arc<Grant>, CatalogueError> {
        let mut grant = {
            let snapshot = self.snapshot.load();
            let grant = snapshot
                .grants
                .get(id)
                .ok_or_else(|| CatalogueError::NoSuchGrant(id.clone()))?;
            (**grant).clone()
        };
        self.owned(by, &grant.resource)?;
        grant.withdrawn_at.get_or_insert(self.clock.now());
        self.put_grant(&grant).await?;
        Ok(Arc::new(grant))
    }

    /// The grants that a department holds or has given, by id.
    pub fn grants_of(&self, department: &DepartmentId) -> Vec<Arc<Grant>> {
        let snapshot = self.snapshot.load();
        let provides = |code: &ResourceCode| snapshot.resources.get(code).is_some_and(|r| r.provider == *department);
        let mut grants: Vec<_> = snapshot
            .grants
            .values()
            .filter(|g| g.grantee == *department || provides(&g.resource))
            .cloned()
            .collect();
        grants.sort_by(|a, b| a.id.cmp(&b.id));
        grants
    }

    fn owned(&self, by: &DepartmentId, code: &ResourceCode) -> Result<Arc<Resource>, CatalogueError> {
        let resource = self
            .resource(code)
            .ok_or_else(|| CatalogueError::NoSuchResource(code.clone()))?;
        if resource.provider == *by {
            Ok(resource)
        } else {
            Err(CatalogueError::NotTheProvider)
        }
    }

    async fn write(&self, mut resource: Resource) -> Result<Arc<Resource>, CatalogueError> {
        resource.validate()?;
        resource.updated_at = self.clock.now();
        self.store
            .put_resource(&resource)
            .await
            .map_err(CatalogueError::Store)?;
        self.reload().await?;
        Ok(Arc::new(resource))
    }

    /// The time that this catalogue goes by.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
