use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::{Credential, Department, DirectoryError, DirectoryStore, Permission, System};
use crate::{
    clock::SharedClock,
    ids::{DepartmentId, SpkiThumbprint, SystemId},
};

/// Who is who: read without a lock on every request, replaced whole on every change, so that a revocation counts at
/// once on connections that are open.
pub struct Directory {
    store: Arc<dyn DirectoryStore>,
    clock: SharedClock,
    snapshot: ArcSwap<Snapshot>,
    /// One reading at a time: an older one never takes the place of a newer one.
    reading: Mutex<()>,
}

#[derive(Default)]
struct Snapshot {
    departments: HashMap<DepartmentId, Arc<Department>>,
    systems: HashMap<SystemId, Arc<System>>,
    credentials: HashMap<SpkiThumbprint, Arc<Credential>>,
}

/// The system behind a request, looked up on that request.
#[derive(Clone, Debug)]
pub struct Caller {
    pub system: Arc<System>,
    pub department: Arc<Department>,
    pub thumbprint: SpkiThumbprint,
}

impl Caller {
    pub fn may(&self, permission: Permission) -> bool {
        self.system.permissions.contains(&permission)
    }
}

impl Directory {
    pub async fn open(store: Arc<dyn DirectoryStore>, clock: SharedClock) -> Result<Self, DirectoryError> {
        let directory = Self {
            store,
            clock,
            snapshot: ArcSwap::default(),
            reading: Mutex::default(),
        };
        directory.reload().await?;
        Ok(directory)
    }

    /// Reads the store again: after a change of this node's or of another process.
    pub async fn reload(&self) -> Result<(), DirectoryError> {
        let _reading = self.reading.lock().await;
        let (departments, systems, credentials) = self.store.load().await.map_err(DirectoryError::Store)?;
        self.snapshot.store(Arc::new(Snapshot {
            departments: departments.into_iter().map(|d| (d.id.clone(), Arc::new(d))).collect(),
            systems: systems.into_iter().map(|s| (s.id.clone(), Arc::new(s))).collect(),
            credentials: credentials.into_iter().map(|c| (c.thumbprint, Arc::new(c))).collect(),
        }));
        Ok(())
    }

    /// Who presents this certificate, and whether it still counts.
    pub fn caller(&self, thumbprint: &SpkiThumbprint) -> Result<Caller, DirectoryError> {
        let snapshot = self.snapshot.load();
        let credential = snapshot
            .credentials
            .get(thumbprint)
            .ok_or(DirectoryError::UnknownCredential)?;
        let now = self.clock.now();
        if credential.revoked_at.is_some_and(|at| at <= now) {
            return Err(DirectoryError::CredentialRevoked);
        }
        if credential.not_after < now {
            return Err(DirectoryError::CredentialExpired);
        }
        let system = snapshot
            .systems
            .get(&credential.system)
            .ok_or(DirectoryError::UnknownCredential)?;
        if system.disabled {
            return Err(DirectoryError::SystemDisabled(system.id.clone()));
        }
        let department = snapshot
            .departments
            .get(&system.department)
            .ok_or(DirectoryError::UnknownCredential)?;
        Ok(Caller {
            system: system.clone(),
            department: department.clone(),
            thumbprint: *thumbprint,
        })
    }

    /// The credential with this thumbprint, revoked and expired ones included.
    pub fn credential(&self, thumbprint: &SpkiThumbprint) -> Option<Arc<Credential>> {
        self.snapshot.load().credentials.get(thumbprint).cloned()
    }

    pub fn department(&self, id: &DepartmentId) -> Option<Arc<Department>> {
        self.snapshot.load().departments.get(id).cloned()
    }

    pub fn departments(&self) -> Vec<Arc<Department>> {
        let mut all: Vec<_> = self.snapshot.load().departments.values().cloned().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    pub fn system(&self, id: &SystemId) -> Option<Arc<System>> {
        self.snapshot.load().systems.get(id).cloned()
    }

    pub fn systems(&self) -> Vec<Arc<System>> {
        let mut all: Vec<_> = self.snapshot.load().systems.values().cloned().collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    pub async fn put_department(&self, department: &Department) -> Result<(), DirectoryError> {
        self.store
            .put_department(department)
            .await
            .map_err(DirectoryError::Store)?;
        self.reload().await
    }

    pub async fn put_system(&self, system: &System) -> Result<(), DirectoryError> {
        if system.permissions.contains(&Permission::Audit) && system.permissions.len() > 1 {
            return Err(DirectoryError::MixedPermissions);
        }
        self.store.put_system(system).await.map_err(DirectoryError::Store)?;
        self.reload().await
    }

    pub async fn put_credential(&self, credential: &Credential) -> Result<(), DirectoryError> {
        if !self.snapshot.load().systems.contains_key(&credential.system) {
            return Err(DirectoryError::NoSuchSystem(credential.system.clone()));
        }
        self.store
            .put_credential(credential)
            .await
            .map_err(DirectoryError::Store)?;
        self.reload().await
    }

    /// Revokes a credential: from this moment no request with it is answered, on open connections neither.
    pub async fn revoke(&self, thumbprint: &SpkiThumbprint) -> Result<(), DirectoryError> {
        let mut credential = {
            let snapshot = self.snapshot.load();
            let credential = snapshot
                .credentials
                .get(thumbprint)
                .ok_or(DirectoryError::UnknownCredential)?;
            (**credential).clone()
        };
        credential.revoked_at.get_or_insert(self.clock.now());
        self.put_credential(&credential).await
    }
}
