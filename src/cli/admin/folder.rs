//! What a folder declares, as it stands in its files: form only, no reference is looked at yet.

use std::{
    collections::BTreeSet,
    fmt, fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    case::ServiceItem,
    catalogue::{Classification, DataItem, Grant, Opening, Related, Sharing, Source, UpdateCycle},
    department::{Department, Permission, Role},
    ids::{DepartmentId, OperatorId, ResourceCode, SystemId},
};

/// The largest file that is read, in bytes; datasets apart.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub file: String,
    /// Such as `grant[2].fields[1].name`; empty for the whole file.
    pub key: String,
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if !self.key.is_empty() {
            write!(f, "`{}` ", self.key)?;
        }
        f.write_str(&self.reason)
    }
}

/// Everything that a folder declares; resources and items with the file that each came from.
#[derive(Default)]
pub struct Folder {
    pub path: PathBuf,
    pub departments: Vec<Department>,
    pub systems: Vec<SystemFile>,
    pub resources: Vec<(String, ResourceFile)>,
    pub items: Vec<(String, ServiceItem)>,
    pub grants: Vec<Grant>,
    pub accounts: Vec<AccountFile>,
}

/// A system of `systems.toml`, with the client certificate that it is known by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemFile {
    pub id: SystemId,
    pub department: DepartmentId,
    pub name: String,
    pub permissions: Vec<Permission>,
    pub requests_per_second: Option<u32>,
    #[serde(default)]
    pub disabled: bool,
    /// PEM; none leaves the credentials as they are.
    pub certificate: Option<PathBuf>,
}

/// A resource of `resources/`: what its provider describes, without what the node knows by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceFile {
    pub code: ResourceCode,
    pub name: String,
    #[serde(default)]
    pub name_en: String,
    pub provider: DepartmentId,
    pub summary: String,
    #[serde(default)]
    pub summary_en: String,
    pub format: String,
    pub update_cycle: UpdateCycle,
    /// CSV that is uploaded; for a source of the kind `dataset` only, and optional there.
    pub dataset: Option<PathBuf>,
    pub classification: Classification,
    pub sharing: Sharing,
    pub opening: Opening,
    pub source: Source,
    #[serde(default)]
    pub related: Vec<Related>,
    pub items: Vec<DataItem>,
}

/// An account of `accounts.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountFile {
    pub id: OperatorId,
    pub department: Option<DepartmentId>,
    pub role: Role,
    /// A file that holds the first password and nothing else; none asks for it on the terminal.
    pub password_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Departments {
    department: Vec<Department>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Systems {
    system: Vec<SystemFile>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Grants {
    grant: Vec<Grant>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Accounts {
    account: Vec<AccountFile>,
}

impl Folder {
    /// Reads every file of the folder; a file that is not there declares nothing.
    pub fn read(path: &Path) -> Result<Self, Vec<Fault>> {
        let mut reader = Reader {
            folder: path,
            faults: Vec::new(),
        };
        if !path.is_dir() {
            return Err(vec![reader.fault(&path.display().to_string(), "is no folder")]);
        }
        let mut folder = Self {
            path: path.to_owned(),
            departments: reader.one::<Departments>("departments.toml").department,
            systems: reader.one::<Systems>("systems.toml").system,
            resources: reader.all("resources"),
            items: reader.all("items"),
            grants: reader.one::<Grants>("grants.toml").grant,
            accounts: reader.one::<Accounts>("accounts.toml").account,
        };
        folder.resolve();
        if reader.faults.is_empty() {
            Ok(folder)
        } else {
            Err(reader.faults)
        }
    }

    /// Makes every path absolute to the folder, and the folder's own path absolute: the node that reads a source later
    /// has another working directory.
    fn resolve(&mut self) {
        let base = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let systems = self.systems.iter_mut().filter_map(|system| system.certificate.as_mut());
        let accounts = self
            .accounts
            .iter_mut()
            .filter_map(|account| account.password_file.as_mut());
        let resources = self.resources.iter_mut().flat_map(|(_, resource)| {
            let source: Vec<&mut PathBuf> = match &mut resource.source {
                Source::Sql(sql) => vec![&mut sql.database],
                Source::Http(http) => vec![&mut http.roots, &mut http.certificate, &mut http.key],
                Source::Dataset => Vec::new(),
            };
            source.into_iter().chain(resource.dataset.as_mut())
        });
        for path in systems.chain(accounts).chain(resources) {
            *path = clean(&base.join(&*path));
        }
    }
}

struct Reader<'a> {
    folder: &'a Path,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&self, file: &str, reason: impl Into<String>) -> Fault {
        Fault {
            file: file.to_owned(),
            key: String::new(),
            reason: reason.into(),
        }
    }

    fn one<T: DeserializeOwned + Default>(&mut self, file: &str) -> T {
        if !self.folder.join(file).exists() {
            return T::default();
        }
        self.parse(file).unwrap_or_default()
    }

    fn all<T: DeserializeOwned>(&mut self, folder: &str) -> Vec<(String, T)> {
        let names: BTreeSet<String> = match fs::read_dir(self.folder.join(folder)) {
            Ok(entries) => entries
                .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
                .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "toml"))
                .collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeSet::new(),
            Err(error) => {
                self.faults.push(self.fault(folder, error.to_string()));
                BTreeSet::new()
            }
        };
        names
            .into_iter()
            .filter_map(|name| {
                let file = format!("{folder}/{name}");
                let parsed = self.parse(&file)?;
                Some((file, parsed))
            })
            .collect()
    }

    fn parse<T: DeserializeOwned>(&mut self, file: &str) -> Option<T> {
        let path = self.folder.join(file);
        let read = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() > MAX_FILE_BYTES => Err(format!("is larger than {MAX_FILE_BYTES} bytes")),
            Ok(_) => fs::read_to_string(&path).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        // toml's message names the line, the column and the key.
        match read.and_then(|text| toml::from_str(&text).map_err(|error| error.to_string().trim_end().to_owned())) {
            Ok(parsed) => Some(parsed),
            Err(reason) => {
                self.faults.push(self.fault(file, reason));
                None
            }
        }
    }
}

/// Takes `..` out of a path that begins at the root, by its text: the file need not be there yet.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                cleaned.pop();
            }
            part => cleaned.push(part),
        }
    }
    cleaned
}
