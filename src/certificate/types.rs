use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;

use super::long_term::Level;
use crate::{
    exchange::Mask,
    ids::{CertificateType, CreditCode, DepartmentId, FieldName, ResourceCode},
};

/// The most types that one node loads.
pub const MAX_TYPES: usize = 200;
/// The most bytes of a `type.toml` or a template.
pub const MAX_FILE_BYTES: u64 = 256 * 1024;
/// The most records that a certificate can show: some 20 pages.
pub const MAX_ROWS: usize = 600;

/// The names that GB/T 36903 asks every e-certificate for.
const REQUIRED_METADATA: [&str; 12] = [
    "ZZMC",
    "ZZLXDM",
    "ZZBH",
    "ZZBS",
    "ZZBFJG",
    "ZZBFJGDM",
    "ZZBFRQ",
    "CZZT",
    "CZZTDM",
    "CZZTDMLX",
    "ZZYXQQSRQ",
    "ZZYXQJZRQ",
];

/// Every type of e-certificate that this node can issue, from `config/certificates/<type>/`.
#[derive(Debug, Default)]
pub struct Types(BTreeMap<CertificateType, Arc<TypeDefinition>>);

/// A type of e-certificate: what `type.toml` says, and the template beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeDefinition {
    pub name: CertificateType,
    pub form: Form,
    /// `template.typ`, as an operator wrote it.
    pub template: String,
    /// `frame.typ`, beside the types' folders: what all templates have in common.
    pub frame: Arc<str>,
}

/// `type.toml`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// 证照名称, as it stands on the document.
    pub title: String,
    pub title_en: String,
    /// 证照类型代码: the credit code of the body that defines the type, and three digits (GB/T 36904).
    pub code: String,
    /// The department in whose name it is sealed.
    pub issuer: DepartmentId,
    /// The resource that it is drawn from.
    pub resource: ResourceCode,
    /// How many days it counts, the day of issue included: 1 to 3,650.
    pub validity_days: u16,
    /// The most records on one certificate: 1 to 600; default 600.
    #[serde(default = "default_max_rows")]
    pub max_rows: usize,
    /// The field that orders the records; as they come from the provider when none is named.
    #[serde(default)]
    pub order_by: Option<FieldName>,
    /// The level of its seal: `B-B` (default), `B-T`, `B-LT`, `B-LTA`. What the node is not set up for, it does not
    /// issue: it says so when it starts.
    #[serde(default)]
    pub level: Level,
    pub holder: HolderFields,
    /// The fields of the resource that it draws on.
    pub fields: Vec<PrintedField>,
    /// GB/T 36903 names, each with the text or the `{source}` that it takes its value from.
    pub metadata: BTreeMap<String, Value>,
}

fn default_max_rows() -> usize {
    MAX_ROWS
}

/// Which fields say who the holder is; both are compared with the subject of the request.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HolderFields {
    pub id: FieldName,
    pub name: FieldName,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintedField {
    pub name: FieldName,
    pub title: String,
    #[serde(default)]
    pub title_en: String,
    /// How it is shown on the document; as it is when none is named.
    #[serde(default)]
    pub mask: Mask,
}

/// Where the value of a metadata element comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Value {
    Text(String),
    Title,
    TypeCode,
    Number,
    Identifier,
    IssuerName,
    IssuerCode,
    IssuedOn,
    ValidFrom,
    ValidUntil,
    HolderName,
    HolderId,
    HolderIdType,
    /// A field of the newest record.
    Field(FieldName),
}

impl TryFrom<String> for Value {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Some(source) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return Ok(Self::Text(text));
        };
        Ok(match source {
            "title" => Self::Title,
            "type_code" => Self::TypeCode,
            "number" => Self::Number,
            "identifier" => Self::Identifier,
            "issuer.name" => Self::IssuerName,
            "issuer.code" => Self::IssuerCode,
            "issued_on" => Self::IssuedOn,
            "valid_from" => Self::ValidFrom,
            "valid_until" => Self::ValidUntil,
            "holder.name" => Self::HolderName,
            "holder.id" => Self::HolderId,
            "holder.id_type" => Self::HolderIdType,
            _ => match source.strip_prefix("record.").map(FieldName::parse) {
                Some(Ok(field)) => Self::Field(field),
                _ => return Err(format!("`{{{source}}}` is no source of metadata")),
            },
        })
    }
}

/// Why a type cannot be loaded: always with the file, and the key where there is one.
#[derive(Debug, thiserror::Error)]
pub enum TypesError {
    #[error("`{}` cannot be read", file.display())]
    Io {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is larger than {MAX_FILE_BYTES} bytes", file.display())]
    TooLarge { file: PathBuf },
    #[error("`{}`: {message}", file.display())]
    Form { file: PathBuf, message: String },
    #[error("`{}`: `{key}` {reason}", file.display())]
    Key { file: PathBuf, key: String, reason: String },
    #[error("`{}` holds more than {MAX_TYPES} types", folder.display())]
    TooMany { folder: PathBuf },
}

/// The types that come with this program: name, form, template.
const BUILT_IN: [(&str, &str, &str); 2] = [
    (
        "shebao-canbao",
        include_str!("../../config/certificates/shebao-canbao/type.toml"),
        include_str!("../../config/certificates/shebao-canbao/template.typ"),
    ),
    (
        "gongjijin-jiaocun",
        include_str!("../../config/certificates/gongjijin-jiaocun/type.toml"),
        include_str!("../../config/certificates/gongjijin-jiaocun/template.typ"),
    ),
];
const BUILT_IN_FRAME: &str = include_str!("../../config/certificates/frame.typ");

impl Types {
    /// The types that come with this program.
    pub fn built_in() -> Result<Self, TypesError> {
        let frame: Arc<str> = BUILT_IN_FRAME.into();
        let definitions = BUILT_IN.iter().map(|(name, form, template)| {
            let file = Path::new(name).join("type.toml");
            let definition = TypeDefinition {
                name: type_name(name, &file)?,
                form: Form::parse(form).map_err(|problem| problem.at(&file))?,
                template: (*template).to_owned(),
                frame: Arc::clone(&frame),
            };
            Ok((definition.name.clone(), Arc::new(definition)))
        });
        definitions.collect::<Result<_, _>>().map(Self)
    }

    /// Loads every folder in `folder` that holds a `type.toml`.
    pub fn load(folder: &Path) -> Result<Self, TypesError> {
        let io = |source| TypesError::Io {
            file: folder.to_owned(),
            source,
        };
        let frame: Arc<str> = read(&folder.join("frame.typ"))?.into();
        let mut types = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if !path.join("type.toml").is_file() {
                continue;
            }
            let definition = TypeDefinition::load(&path, Arc::clone(&frame))?;
            types.insert(definition.name.clone(), Arc::new(definition));
            if types.len() > MAX_TYPES {
                return Err(TypesError::TooMany {
                    folder: folder.to_owned(),
                });
            }
        }
        Ok(Self(types))
    }

    pub fn definition(&self, name: &CertificateType) -> Option<Arc<TypeDefinition>> {
        self.0.get(name).cloned()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<TypeDefinition>> {
        self.0.values()
    }
}

impl TypeDefinition {
    fn load(folder: &Path, frame: Arc<str>) -> Result<Self, TypesError> {
        let file = folder.join("type.toml");
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = type_name(name, folder)?;
        let form = Form::parse(&read(&file)?).map_err(|problem| problem.at(&file))?;
        let template = read(&folder.join("template.typ"))?;
        Ok(Self {
            name,
            form,
            template,
            frame,
        })
    }

    /// The names of the fields that it draws on.
    pub fn field_names(&self) -> Vec<FieldName> {
        self.form.fields.iter().map(|field| field.name.clone()).collect()
    }
}

/// What is wrong with a form, before it is known in which file.
enum Problem {
    Form(String),
    Key(&'static str, String),
}

impl Problem {
    fn at(self, file: &Path) -> TypesError {
        let file = file.to_owned();
        match self {
            Self::Form(message) => TypesError::Form { file, message },
            Self::Key(key, reason) => TypesError::Key {
                file,
                key: key.to_owned(),
                reason,
            },
        }
    }
}

impl Form {
    fn parse(text: &str) -> Result<Self, Problem> {
        let form: Self = toml::from_str(text).map_err(|error| Problem::Form(error.to_string().trim().to_owned()))?;
        form.check()?;
        Ok(form)
    }

    fn check(&self) -> Result<(), Problem> {
        let wrong = |key, reason: &str| Err(Problem::Key(key, reason.to_owned()));
        if self.title.trim().is_empty() || self.title.chars().count() > 60 {
            return wrong("title", "must hold 1 to 60 characters");
        }
        let (definer, number) = self.code.split_at_checked(18).unwrap_or((&self.code, ""));
        if CreditCode::parse(definer).is_err() || number.len() != 3 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return wrong("code", "must be a credit code (18 characters) and three digits");
        }
        if !(1..=3_650).contains(&self.validity_days) {
            return wrong("validity_days", "must be 1 to 3650");
        }
        if !(1..=MAX_ROWS).contains(&self.max_rows) {
            return wrong("max_rows", "must be 1 to 600");
        }
        let mut names = HashSet::new();
        if let Some(twice) = self.fields.iter().find(|field| !names.insert(&field.name)) {
            return wrong("fields", &format!("names `{}` twice", twice.name));
        }
        let missing =
            |name: &FieldName| (!names.contains(name)).then(|| format!("names `{name}`, which is not one of `fields`"));
        for (key, name) in [("holder.id", &self.holder.id), ("holder.name", &self.holder.name)] {
            if let Some(reason) = missing(name) {
                return Err(Problem::Key(key, reason));
            }
        }
        if let Some(reason) = self.order_by.as_ref().and_then(missing) {
            return Err(Problem::Key("order_by", reason));
        }
        for value in self.metadata.values() {
            if let Value::Field(name) = value
                && let Some(reason) = missing(name)
            {
                return Err(Problem::Key("metadata", reason));
            }
        }
        if let Some(absent) = REQUIRED_METADATA
            .iter()
            .find(|name| !self.metadata.contains_key(**name))
        {
            return wrong("metadata", &format!("must hold `{absent}` (GB/T 36903)"));
        }
        let known = |name: &str| REQUIRED_METADATA.contains(&name) || name.starts_with("KZ_");
        if let Some(name) = self.metadata.keys().find(|name| !known(name)) {
            return wrong("metadata", &format!("holds `{name}`: extensions begin with `KZ_`"));
        }
        Ok(())
    }
}

fn type_name(name: &str, file: &Path) -> Result<CertificateType, TypesError> {
    CertificateType::parse(name).map_err(|error| TypesError::Form {
        file: file.to_owned(),
        message: format!("the folder's name {error}"),
    })
}

fn read(file: &Path) -> Result<String, TypesError> {
    let io = |source| TypesError::Io {
        file: file.to_owned(),
        source,
    };
    if fs::metadata(file).map_err(io)?.len() > MAX_FILE_BYTES {
        return Err(TypesError::TooLarge { file: file.to_owned() });
    }
    fs::read_to_string(file).map_err(io)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config/certificates")
    }

    fn problem(change: impl Fn(&str) -> String) -> String {
        let text = fs::read_to_string(shipped().join("shebao-canbao/type.toml")).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "the change must change something");
        match Form::parse(&changed) {
            Ok(_) => String::new(),
            Err(problem) => problem.at(Path::new("type.toml")).to_string(),
        }
    }

    #[test]
    fn the_types_that_are_shipped_load() {
        let types = Types::load(&shipped()).unwrap();
        let names: Vec<&str> = types.iter().map(|definition| definition.name.as_str()).collect();
        assert_eq!(names, ["gongjijin-jiaocun", "shebao-canbao"]);
        let built_in = Types::built_in().unwrap();
        assert!(types.iter().eq(built_in.iter()), "what is built in is what is shipped");
    }

    #[test]
    fn an_error_in_a_type_names_the_key() {
        for (key, from, to) in [
            ("validity_days", "validity_days = ", "validity_days = 1000"),
            ("code", "code = \"1", "code = \"2"),
            ("validity_day", "validity_days", "validity_day"),
            ("holder.name", "name = \"name\"\nid", "name = \"nickname\"\nid"),
            ("order_by", "order_by = \"month\"", "order_by = \"year\""),
            ("ZZBS", "ZZBS = ", "KZ_ZZBS = "),
            ("XX_CBDW", "KZ_CBDW", "XX_CBDW"),
            ("{holder.nickname}", "{holder.name}", "{holder.nickname}"),
            ("mask", "mask = \"none\"", "mask = \"fog\""),
        ] {
            let message = problem(|text| text.replacen(from, to, 1));
            assert!(message.contains(key), "{key}: {message}");
        }
    }

    #[test]
    fn a_field_that_is_named_twice_is_refused() {
        let message = problem(|text| {
            text.replacen(
                "[metadata]",
                "[[fields]]\nname = \"name\"\ntitle = \"姓名\"\n\n[metadata]",
                1,
            )
        });
        assert!(message.contains("`name` twice"), "{message}");
    }
}
