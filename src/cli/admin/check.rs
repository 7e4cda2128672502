//! The rules that a plan keeps: every reference leads somewhere, every limit holds.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use jiff::Timestamp;

use super::{
    credential,
    folder::{AccountFile, Fault, ResourceFile, SystemFile},
    password,
    plan::{Known, Plan, PlannedAccount, PlannedResource, Rows},
};
use crate::{
    case::ServiceItem,
    catalogue::{CatalogueError, Grant, Resource, ResourceStatus, Source},
    department::{Department, Permission, System},
    ids::{CertificateType, DepartmentId, FieldName, ResourceCode, SpkiThumbprint, SystemId},
};

/// Gathers everything that is wrong.
#[derive(Default)]
pub struct Check {
    pub faults: Vec<Fault>,
}

impl Check {
    pub fn fault(&mut self, file: &str, key: impl Into<String>, reason: impl Into<String>) {
        self.faults.push(Fault {
            file: file.to_owned(),
            key: key.into(),
            reason: reason.into(),
        });
    }

    pub fn unique<'a>(&mut self, file: &str, ids: impl Iterator<Item = &'a str>) {
        let mut seen = HashSet::new();
        for id in ids {
            if !seen.insert(id) {
                self.fault(file, id, "is declared twice");
            }
        }
    }

    fn department(&mut self, file: &str, key: String, id: &DepartmentId, known: &Known) {
        if !known.departments.contains_key(id) {
            self.fault(file, key, format!("names the department `{id}`, which is not declared"));
        }
    }

    pub fn departments(&mut self, departments: &[Department], known: &mut Known) {
        const FILE: &str = "departments.toml";
        self.unique(FILE, departments.iter().map(|department| department.id.as_str()));
        for (index, department) in departments.iter().enumerate() {
            if department.name.trim().is_empty() || department.name.chars().count() > 200 {
                self.fault(
                    FILE,
                    format!("department[{index}].name"),
                    "must hold 1 to 200 characters",
                );
            }
            if department.division.len() != 6 || !department.division.bytes().all(|b| b.is_ascii_digit()) {
                self.fault(
                    FILE,
                    format!("department[{index}].division"),
                    "must hold six digits (GB/T 2260)",
                );
            }
            known.departments.insert(department.id.clone(), department.clone());
        }
    }

    pub fn systems(&mut self, systems: &[SystemFile], known: &Known, now: Timestamp, plan: &mut Plan) {
        const FILE: &str = "systems.toml";
        self.unique(FILE, systems.iter().map(|system| system.id.as_str()));
        let mut bound: HashMap<SpkiThumbprint, SystemId> = HashMap::new();
        for (index, system) in systems.iter().enumerate() {
            let key = |name: &str| format!("system[{index}].{name}");
            self.department(FILE, key("department"), &system.department, known);
            if system.permissions.contains(&Permission::Audit) && system.permissions.len() > 1 {
                self.fault(
                    FILE,
                    key("permissions"),
                    "holds `audit` beside others: who audits does nothing else",
                );
            }
            if system.requests_per_second == Some(0) {
                self.fault(FILE, key("requests_per_second"), "must be more than 0");
            }
            if let Some(path) = &system.certificate {
                match credential::read(path, &system.id) {
                    Err(error) => self.fault(FILE, key("certificate"), error.to_string()),
                    Ok(credential) if credential.not_after <= now => {
                        self.fault(FILE, key("certificate"), "has expired");
                    }
                    Ok(credential) => {
                        if let Some(other) = bound.insert(credential.thumbprint, system.id.clone()) {
                            self.fault(FILE, key("certificate"), format!("is the certificate of `{other}` too"));
                        }
                        plan.credentials.push(credential);
                    }
                }
            }
            plan.systems.push(System {
                id: system.id.clone(),
                department: system.department.clone(),
                name: system.name.clone(),
                permissions: system.permissions.clone(),
                requests_per_second: system.requests_per_second.unwrap_or(System::DEFAULT_RATE),
                disabled: system.disabled,
            });
        }
    }

    pub fn resource(
        &mut self,
        file: &str,
        resource: ResourceFile,
        known: &Known,
        now: Timestamp,
    ) -> Option<PlannedResource> {
        let before = self.faults.len();
        for (index, related) in resource.related.iter().enumerate() {
            if !known.fields.contains_key(&related.code) {
                let reason = format!("names the resource `{}`, which is not declared", related.code);
                self.fault(file, format!("related[{index}].code"), reason);
            }
        }
        self.source(file, &resource.source);
        let rows = self.rows(file, &resource);
        let Some(provider) = known.departments.get(&resource.provider) else {
            self.department(file, "provider".to_owned(), &resource.provider, known);
            return None;
        };
        let resource = Resource {
            code: resource.code,
            name: resource.name,
            name_en: resource.name_en,
            classification: resource.classification,
            provider: resource.provider,
            provider_name: provider.name.clone(),
            provider_credit_code: provider.credit_code.clone(),
            summary: resource.summary,
            summary_en: resource.summary_en,
            format: resource.format,
            items: resource.items,
            sharing: resource.sharing,
            opening: resource.opening,
            update_cycle: resource.update_cycle,
            published_on: None,
            related: resource.related,
            status: ResourceStatus::Draft,
            updated_at: now,
            source: Some(resource.source),
        };
        match resource.validate() {
            Ok(()) => {}
            Err(CatalogueError::Invalid { field, reason }) => self.fault(file, field, reason),
            Err(error) => self.fault(file, "", error.to_string()),
        }
        (self.faults.len() == before).then(|| PlannedResource {
            file: file.to_owned(),
            resource,
            rows,
        })
    }

    fn source(&mut self, file: &str, source: &Source) {
        let files: &[(&str, &Path)] = match source {
            Source::Dataset => &[],
            Source::Sql(sql) => &[("source.database", &sql.database)],
            Source::Http(http) => {
                if !http.url.starts_with("https://") {
                    self.fault(file, "source.url", "must begin with https://");
                }
                &[
                    ("source.roots", &http.roots),
                    ("source.certificate", &http.certificate),
                    ("source.key", &http.key),
                ]
            }
        };
        for (key, path) in files {
            if !path.is_file() {
                self.fault(file, *key, format!("names `{}`, which is not there", path.display()));
            }
        }
    }

    fn rows(&mut self, file: &str, resource: &ResourceFile) -> Option<Rows> {
        let path = resource.dataset.as_ref()?;
        if resource.source != Source::Dataset {
            self.fault(file, "dataset", "is for a source of the kind `dataset` only");
        }
        match std::fs::read(path) {
            Ok(csv) => Some(Rows::Csv(csv)),
            Err(error) => {
                self.fault(file, "dataset", format!("`{}`: {error}", path.display()));
                None
            }
        }
    }

    pub fn item(&mut self, file: &str, item: &ServiceItem, known: &Known) {
        for (index, need) in item.needs.iter().enumerate() {
            self.fields(
                file,
                &format!("needs[{index}]"),
                &need.resource,
                need.fields.iter(),
                known,
            );
        }
        self.certificates(file, "certificates", &item.certificates, known);
    }

    pub fn grant(&mut self, index: usize, grant: &Grant, known: &Known) {
        const FILE: &str = "grants.toml";
        let key = |name: &str| format!("grant[{index}].{name}");
        self.department(FILE, key("grantee"), &grant.grantee, known);
        let names = grant.fields.iter().map(|field| &field.name);
        self.fields(FILE, &format!("grant[{index}]"), &grant.resource, names, known);
        if grant.service_items.is_empty() {
            self.fault(
                FILE,
                key("service_items"),
                "must name a service item: no grant without a purpose",
            );
        }
        for item in &grant.service_items {
            if !known.items.contains(item) {
                let reason = format!("names the service item `{item}`, which is not declared");
                self.fault(FILE, key("service_items"), reason);
            }
        }
        self.certificates(FILE, &key("certificates"), &grant.certificates, known);
        if grant.basis.trim().is_empty() {
            self.fault(FILE, key("basis"), "is required");
        }
        if grant.valid_until <= grant.valid_from {
            self.fault(FILE, key("valid_until"), "must be later than `valid_from`");
        }
    }

    fn fields<'a>(
        &mut self,
        file: &str,
        key: &str,
        resource: &ResourceCode,
        names: impl Iterator<Item = &'a FieldName>,
        known: &Known,
    ) {
        let Some(declared) = known.fields.get(resource) else {
            let reason = format!("names the resource `{resource}`, which is not declared");
            self.fault(file, format!("{key}.resource"), reason);
            return;
        };
        let mut any = false;
        for (index, name) in names.enumerate() {
            any = true;
            if !declared.contains(name) {
                let reason = format!("names `{name}`, which is no data item of `{resource}`");
                self.fault(file, format!("{key}.fields[{index}]"), reason);
            }
        }
        if !any {
            self.fault(file, format!("{key}.fields"), "must name a field");
        }
    }

    fn certificates(&mut self, file: &str, key: &str, types: &[CertificateType], known: &Known) {
        for name in types {
            if !known.certificates.contains(name) {
                self.fault(
                    file,
                    key,
                    format!("names the certificate type `{name}`, which this node does not have"),
                );
            }
        }
    }

    pub fn account(&mut self, index: usize, account: AccountFile, known: &Known) -> Option<PlannedAccount> {
        const FILE: &str = "accounts.toml";
        if let Some(department) = &account.department {
            self.department(FILE, format!("account[{index}].department"), department, known);
        }
        let password = match &account.password_file {
            None => None,
            Some(path) => match password::read(path) {
                Ok(password) => Some(password),
                Err(error) => {
                    let reason = format!("`{}`: {error}", path.display());
                    self.fault(FILE, format!("account[{index}].password_file"), reason);
                    return None;
                }
            },
        };
        Some(PlannedAccount { account, password })
    }
}
