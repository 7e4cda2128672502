//! What an import will write: every reference of a folder followed, every rule looked at, before anything is written.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{
    check::Check,
    folder::{AccountFile, Fault, Folder},
};
use crate::{
    case::ServiceItem,
    catalogue::{Grant, Resource},
    department::{Credential, Department, System},
    exchange::source::{Datasets, Prepared},
    ids::{CertificateType, DepartmentId, FieldName, ItemCode, ResourceCode},
    server::Services,
};

/// What is there already, to refer to.
#[derive(Default)]
pub struct Known {
    pub departments: HashMap<DepartmentId, Department>,
    pub fields: HashMap<ResourceCode, HashSet<FieldName>>,
    pub items: HashSet<ItemCode>,
    pub certificates: HashSet<CertificateType>,
}

impl Known {
    pub fn of(services: &Services) -> Self {
        let departments = services.directory.departments();
        Self {
            departments: departments.iter().map(|d| (d.id.clone(), (**d).clone())).collect(),
            fields: services
                .catalogue
                .snapshot()
                .resources
                .values()
                .map(|r| (r.code.clone(), r.items.iter().map(|item| item.name.clone()).collect()))
                .collect(),
            items: services.cases.items().iter().map(|i| i.code.clone()).collect(),
            certificates: services.issuer.types().iter().map(|kind| kind.name.clone()).collect(),
        }
    }
}

/// An account to open, and the password that its file held.
pub struct PlannedAccount {
    pub account: AccountFile,
    pub password: Option<Zeroizing<String>>,
}

/// A resource to write, with the file that declares it, and the rows to upload.
pub struct PlannedResource {
    pub file: String,
    pub resource: Resource,
    pub rows: Option<Rows>,
}

/// The rows of a dataset: as they stand in the file, then checked and sealed.
pub enum Rows {
    Csv(Vec<u8>),
    Prepared(Box<Prepared>),
}

/// What will be written, in this order.
#[derive(Default)]
pub struct Plan {
    pub departments: Vec<Department>,
    pub systems: Vec<System>,
    pub credentials: Vec<Credential>,
    pub resources: Vec<PlannedResource>,
    pub items: Vec<ServiceItem>,
    pub grants: Vec<Grant>,
    pub accounts: Vec<PlannedAccount>,
}

impl Plan {
    /// Follows every reference of the folder; all that is wrong is found, not just the first.
    pub fn make(folder: Folder, mut known: Known, now: Timestamp) -> Result<Self, Vec<Fault>> {
        let mut check = Check::default();
        let mut plan = Self::default();
        check.departments(&folder.departments, &mut known);
        check.systems(&folder.systems, &known, now, &mut plan);
        plan.departments = folder.departments;
        for (file, resource) in &folder.resources {
            let fields = resource.items.iter().map(|item| item.name.clone()).collect();
            if known.fields.insert(resource.code.clone(), fields).is_some()
                && folder.resources.iter().filter(|(_, r)| r.code == resource.code).count() > 1
            {
                check.fault(file, "code", "is declared twice");
            }
        }
        for (file, resource) in folder.resources {
            plan.resources.extend(check.resource(&file, resource, &known, now));
        }
        for (file, item) in &folder.items {
            check.item(file, item, &known);
            known.items.insert(item.code.clone());
        }
        check.unique("items", folder.items.iter().map(|(_, item)| item.code.as_str()));
        plan.items = folder.items.into_iter().map(|(_, item)| item).collect();
        for (index, grant) in folder.grants.iter().enumerate() {
            check.grant(index, grant, &known);
        }
        check.unique("grants.toml", folder.grants.iter().map(|grant| grant.id.as_str()));
        plan.grants = folder.grants;
        check.unique(
            "accounts.toml",
            folder.accounts.iter().map(|account| account.id.as_str()),
        );
        for (index, account) in folder.accounts.into_iter().enumerate() {
            plan.accounts.extend(check.account(index, account, &known));
        }
        if check.faults.is_empty() {
            Ok(plan)
        } else {
            Err(check.faults)
        }
    }
}

impl Plan {
    /// Checks and seals the rows of every dataset: nothing is stored yet.
    pub async fn prepare_rows(&mut self, datasets: &Datasets) -> Result<(), Vec<Fault>> {
        let mut faults = Vec::new();
        for planned in &mut self.resources {
            let Some(Rows::Csv(csv)) = &mut planned.rows else {
                continue;
            };
            match datasets.prepare(&planned.resource, std::mem::take(csv)).await {
                Ok(prepared) => planned.rows = Some(Rows::Prepared(Box::new(prepared))),
                Err(error) => faults.push(Fault {
                    file: planned.file.clone(),
                    key: "dataset".to_owned(),
                    reason: error.to_string(),
                }),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

    use std::{fs, path::PathBuf};

    use super::*;
    use crate::{
        catalogue::Source,
        cli::demo::county,
        department::Role,
        keys::authority::{Authority, Validity},
    };

    /// The demo's county with everything that its files name, in a folder of its own.
    struct County(PathBuf);

    impl County {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("yinxin-county-{}", uuid::Uuid::now_v7()));
            for folder in [
                "county/resources",
                "county/items",
                "county/data",
                "pki",
                "providers",
                "accounts",
            ] {
                fs::create_dir_all(path.join(folder)).unwrap();
            }
            let county = Self(path);
            for (name, content) in county::DECLARED {
                fs::write(county.0.join("county").join(name), content).unwrap();
            }
            for (name, ..) in county::DATABASES {
                fs::write(county.0.join("providers").join(name), "").unwrap();
            }
            for account in county::ACCOUNTS {
                fs::write(county.0.join(format!("accounts/{account}.password")), "made up 示例\n").unwrap();
            }
            let year = Validity::days(now(), 365);
            let authority = Authority::create("测试根", year).unwrap();
            authority.save(&county.0.join("pki")).unwrap();
            for (name, department) in county::SYSTEMS.iter().chain([&("node-client", "节点")]) {
                let issued = authority.client(name, department, year).unwrap();
                let file = |suffix: &str| county.0.join(format!("pki/{name}.{suffix}"));
                issued.save(&file("pem"), &file("key")).unwrap();
            }
            county
        }

        fn plan(&self) -> Result<Plan, Vec<Fault>> {
            let known = Known {
                certificates: ["shebao-canbao", "gongjijin-jiaocun"]
                    .map(|name| CertificateType::parse(name).unwrap())
                    .into(),
                ..Known::default()
            };
            Plan::make(Folder::read(&self.0.join("county"))?, known, now())
        }

        /// Replaces a text of a file, once, and says what the plan then finds wrong.
        fn faults_with(&self, file: &str, from: &str, to: &str) -> Vec<String> {
            let path = self.0.join("county").join(file);
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{file} holds no `{from}`");
            fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let faults = self.plan().err().unwrap_or_default();
            fs::write(&path, text).unwrap();
            faults.iter().map(Fault::to_string).collect()
        }
    }

    impl Drop for County {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn now() -> Timestamp {
        "2026-11-22T04:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_demo_county_holds_and_its_paths_are_absolute() {
        let county = County::new();
        let plan = county.plan().unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(plan.resources.len(), 5);
        assert_eq!(plan.credentials.len(), county::SYSTEMS.len());
        assert_eq!(plan.accounts.len(), Role::ALL.len());
        let password = plan.accounts[0].password.as_ref().unwrap();
        assert_eq!(password.as_str(), "made up 示例");
        for planned in &plan.resources {
            if let Some(Source::Sql(sql)) = &planned.resource.source {
                assert!(
                    sql.database.is_absolute() && sql.database.is_file(),
                    "{:?}",
                    sql.database
                );
            }
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_file_and_key() {
        let county = County::new();
        let wrong = [
            (
                "grants.toml",
                "resource = \"653125-hr",
                "resource = \"653125-xx",
                "grants.toml: `grant[0].resource`",
            ),
            (
                "grants.toml",
                "name = \"employer\"",
                "name = \"salary\"",
                "grants.toml: `grant[0].fields[2]`",
            ),
            (
                "grants.toml",
                "valid_until = \"2036",
                "valid_until = \"2016",
                "grants.toml: `grant[0].valid_until`",
            ),
            (
                "grants.toml",
                "[\"shebao-canbao\"]",
                "[\"hukou\"]",
                "grants.toml: `grant[0].certificates`",
            ),
            (
                "grants.toml",
                "[\"shebao-canbao-dayin\"]",
                "[]",
                "grants.toml: `grant[0].service_items`",
            ),
            (
                "systems.toml",
                "pki/hr.pem",
                "pki/nobody.pem",
                "systems.toml: `system[0].certificate`",
            ),
            (
                "systems.toml",
                "pki/housing-fund.pem",
                "pki/hr.pem",
                "systems.toml: `system[1].certificate`",
            ),
            (
                "systems.toml",
                "[\"audit\"]",
                "[\"audit\", \"query\"]",
                "systems.toml: `system[7].permissions`",
            ),
            (
                "systems.toml",
                "department = \"shache-hr\"",
                "department = \"x\"",
                "systems.toml: `system[0].department`",
            ),
            (
                "departments.toml",
                "\"653125\"",
                "\"65312\"",
                "departments.toml: `department[0].division`",
            ),
            (
                "resources/hr-social-insurance.toml",
                "social-insurance.sqlite",
                "x",
                "`source.database`",
            ),
            ("resources/ga-household.toml", "https://", "http://", "`source.url`"),
            (
                "resources/mz-marriage.toml",
                "marriage.csv",
                "divorce.csv",
                "resources/mz-marriage.toml: `dataset`",
            ),
            (
                "items/huji-xinxi-heyan.toml",
                "\"sex\"",
                "\"height\"",
                "items/huji-xinxi-heyan.toml: `needs[0].fields[1]`",
            ),
            (
                "accounts.toml",
                "clerk.password",
                "x.password",
                "accounts.toml: `account[0].password_file`",
            ),
            // What toml itself finds: it names line and column.
            (
                "departments.toml",
                "11653199000000019D",
                "116531990000000190",
                "departments.toml: TOML parse error",
            ),
            (
                "accounts.toml",
                "role = \"clerk\"",
                "role = \"king\"",
                "accounts.toml: TOML parse error",
            ),
            ("grants.toml", "basis", "bases", "grants.toml: TOML parse error"),
        ];
        for (file, from, to, expected) in wrong {
            let faults = county.faults_with(file, from, to);
            assert!(
                faults.iter().any(|fault| fault.contains(expected)),
                "{file} {from} → {to}: {faults:#?}"
            );
        }
    }

    #[test]
    fn all_that_is_wrong_is_found_at_once() {
        let county = County::new();
        fs::remove_file(county.0.join("pki/window.pem")).unwrap();
        let faults = county.faults_with("grants.toml", "name = \"employer\"", "name = \"salary\"");
        assert_eq!(faults.len(), 2, "{faults:#?}");
    }

    #[test]
    fn an_expired_client_certificate_is_not_bound() {
        let county = County::new();
        let authority = Authority::open(&county.0.join("pki")).unwrap();
        let past = Validity {
            not_before: "2020-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2021-01-01T00:00:00Z".parse().unwrap(),
        };
        let expired = authority.client("hr", "示例局", past).unwrap();
        expired
            .save(&county.0.join("pki/hr.pem"), &county.0.join("pki/hr.key"))
            .unwrap();
        let faults = county.plan().err().unwrap();
        assert_eq!(faults.len(), 1);
        assert!(
            faults[0].to_string().contains("`system[0].certificate` has expired"),
            "{}",
            faults[0]
        );
    }
}
