//! Writes a plan: each change is recorded in the audit log before it is made. What is as planned already is left alone,
//! and what somebody revoked, withdrew or suspended stays so: an import never brings it back.

use super::{
    password,
    plan::{Plan, PlannedAccount, PlannedResource, Rows},
};
use crate::{
    audit::{Action, Entry, Log},
    case::ServiceItem,
    catalogue::{Grant, Resource, ResourceStatus},
    cli::CommandError,
    department::{Credential, Department, System},
    ids::{OperatorId, RequestId},
    server::Services,
};

/// What became of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Added,
    Changed,
    Unchanged,
    /// Revoked, withdrawn or disabled before, and left so.
    LeftOut,
}

/// What an import did.
#[derive(Default)]
pub struct Summary(pub Vec<(String, Done)>);

impl Summary {
    pub fn count(&self, done: Done) -> usize {
        self.0.iter().filter(|(_, one)| *one == done).count()
    }
}

/// An administrator at the command line, for one run.
pub struct Administrator<'a> {
    services: &'a Services,
    operator: OperatorId,
    request: RequestId,
}

impl<'a> Administrator<'a> {
    pub fn new(services: &'a Services) -> Result<Self, CommandError> {
        use std::os::unix::fs::MetadataExt;

        let uid = std::fs::metadata("/proc/self")?.uid();
        Ok(Self {
            services,
            operator: OperatorId::parse(&format!("uid:{uid}"))?,
            request: RequestId::parse(&uuid::Uuid::now_v7().to_string())?,
        })
    }

    /// An entry of this run, to be completed by what it is about.
    pub fn entry(&self) -> Entry {
        Entry {
            operator: Some(self.operator.clone()),
            ..Entry::new(self.services.clock.now(), self.request.clone(), Action::Administer)
        }
    }

    pub async fn record(&self, entry: Entry) -> Result<(), CommandError> {
        let log: &Log = &self.services.log;
        log.append(entry).await?;
        Ok(())
    }

    /// Writes everything that is not as planned.
    pub async fn apply(&self, plan: Plan, reset_passwords: bool) -> Result<Summary, CommandError> {
        let mut summary = Summary::default();
        for department in &plan.departments {
            let done = self.department(department).await?;
            summary.0.push((format!("department {}", department.id), done));
        }
        for system in &plan.systems {
            summary
                .0
                .push((format!("system {}", system.id), self.system(system).await?));
        }
        for credential in &plan.credentials {
            let done = self.credential(credential).await?;
            summary.0.push((format!("credential of {}", credential.system), done));
        }
        for planned in plan.resources {
            let name = format!("resource {}", planned.resource.code);
            summary.0.push((name, self.resource(planned).await?));
        }
        for item in &plan.items {
            summary
                .0
                .push((format!("service item {}", item.code), self.item(item).await?));
        }
        for grant in &plan.grants {
            summary
                .0
                .push((format!("grant {}", grant.id), self.grant(grant).await?));
        }
        for planned in plan.accounts {
            let name = format!("account {}", planned.account.id);
            summary.0.push((name, self.account(planned, reset_passwords).await?));
        }
        Ok(summary)
    }

    async fn department(&self, department: &Department) -> Result<Done, CommandError> {
        let directory = &self.services.directory;
        let done = compare(directory.department(&department.id).as_deref(), department);
        if done != Done::Unchanged {
            let entry = Entry {
                department: Some(department.id.clone()),
                ..self.entry()
            };
            self.record(entry).await?;
            directory.put_department(department).await?;
        }
        Ok(done)
    }

    async fn system(&self, system: &System) -> Result<Done, CommandError> {
        let directory = &self.services.directory;
        let there = directory.systems().into_iter().find(|one| one.id == system.id);
        let done = compare(there.as_deref(), system);
        if done != Done::Unchanged {
            self.record(self.about(system)).await?;
            directory.put_system(system).await?;
        }
        Ok(done)
    }

    fn about(&self, system: &System) -> Entry {
        Entry {
            department: Some(system.department.clone()),
            system: Some(system.id.clone()),
            ..self.entry()
        }
    }

    /// Binds a client certificate to its system. One that was revoked stays revoked.
    pub async fn credential(&self, credential: &Credential) -> Result<Done, CommandError> {
        let directory = &self.services.directory;
        let there = directory.credential(&credential.thumbprint);
        let done = match there.as_deref() {
            None => Done::Added,
            Some(there) if there.system != credential.system => {
                return Err(format!(
                    "the certificate of `{}` is bound to `{}` already",
                    credential.system, there.system
                )
                .into());
            }
            Some(there) if there.revoked_at.is_some() => return Ok(Done::LeftOut),
            Some(there) if there == credential => return Ok(Done::Unchanged),
            // Renewed over the same key: it counts as long as the new certificate does.
            Some(_) => Done::Changed,
        };
        let entry = Entry {
            system: Some(credential.system.clone()),
            digest: Some(credential.thumbprint.to_string()),
            ..self.entry()
        };
        self.record(entry).await?;
        directory.put_credential(credential).await?;
        Ok(done)
    }

    async fn resource(&self, planned: PlannedResource) -> Result<Done, CommandError> {
        let catalogue = &self.services.catalogue;
        let PlannedResource { resource, rows, .. } = planned;
        let (code, provider) = (resource.code.clone(), resource.provider.clone());
        let there = catalogue.resource(&code);
        let done = compare(
            there.as_deref().map(|there| described(there, &resource)).as_ref(),
            &resource,
        );
        let entry = Entry {
            department: Some(provider.clone()),
            resource: Some(code.clone()),
            ..self.entry()
        };
        if done != Done::Unchanged {
            self.record(entry.clone()).await?;
        }
        match done {
            Done::Added => {
                catalogue.create(&provider, resource.clone()).await?;
            }
            Done::Changed => {
                catalogue.update(&provider, resource.clone()).await?;
            }
            Done::Unchanged | Done::LeftOut => {}
        }
        if let Some(Rows::Prepared(rows)) = rows {
            self.record(entry).await?;
            self.services.datasets.replace(*rows).await?;
        }
        // Published once its data are there.
        if done == Done::Added {
            catalogue
                .change_status(&provider, &code, ResourceStatus::Published)
                .await?;
        }
        Ok(done)
    }

    async fn item(&self, item: &ServiceItem) -> Result<Done, CommandError> {
        let cases = &self.services.cases;
        let done = compare(cases.item(&item.code).as_deref(), item);
        if done != Done::Unchanged {
            let entry = Entry {
                item: Some(item.code.clone()),
                ..self.entry()
            };
            self.record(entry).await?;
            cases.put_item(item).await?;
        }
        Ok(done)
    }

    async fn grant(&self, grant: &Grant) -> Result<Done, CommandError> {
        let catalogue = &self.services.catalogue;
        let there = catalogue.snapshot().grants.get(&grant.id).cloned();
        if there.as_ref().is_some_and(|there| there.withdrawn_at.is_some()) {
            return Ok(Done::LeftOut);
        }
        let done = compare(there.as_deref(), grant);
        if done != Done::Unchanged {
            let entry = Entry {
                department: Some(grant.grantee.clone()),
                resource: Some(grant.resource.clone()),
                grants: vec![grant.id.clone()],
                ..self.entry()
            };
            self.record(entry).await?;
            catalogue.put_grant(grant).await?;
        }
        Ok(done)
    }

    /// Opens an account. One that is there keeps its password, unless passwords are to be set again.
    pub async fn account(&self, planned: PlannedAccount, reset_password: bool) -> Result<Done, CommandError> {
        let PlannedAccount { account, password } = planned;
        let all = self.services.accounts.all().await?;
        let there = all.iter().find(|one| one.id == account.id);
        let done = match there {
            None => Done::Added,
            Some(there) if there.disabled => return Ok(Done::LeftOut),
            Some(there)
                if !reset_password && (there.role, &there.department) == (account.role, &account.department) =>
            {
                return Ok(Done::Unchanged);
            }
            Some(_) => Done::Changed,
        };
        let password = match password {
            Some(password) => password,
            None => password::ask(&account.id)?,
        };
        let entry = Entry {
            department: account.department.clone(),
            account: Some(account.id.clone()),
            ..self.entry()
        };
        self.record(entry).await?;
        self.services
            .accounts
            .put(account.id, account.department, account.role, &password)
            .await?;
        Ok(done)
    }
}

fn compare<T: PartialEq>(there: Option<&T>, planned: &T) -> Done {
    match there {
        None => Done::Added,
        Some(there) if there == planned => Done::Unchanged,
        Some(_) => Done::Changed,
    }
}

/// What is there, with what the node keeps by itself set to what is planned: the two are then equal when the
/// description is.
fn described(there: &Resource, planned: &Resource) -> Resource {
    Resource {
        status: planned.status,
        published_on: planned.published_on,
        updated_at: planned.updated_at,
        ..there.clone()
    }
}
