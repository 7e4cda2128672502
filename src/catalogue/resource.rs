use std::{fmt, path::PathBuf};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CatalogueError, Mask};
use crate::ids::{CreditCode, DepartmentId, FieldName, ResourceCode};

/// A shared data resource (共享数据资源) as its provider describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Code (信息资源代码), unique on this node.
    #[schema(value_type = String, max_length = 64, example = "653125-hr-social-insurance")]
    pub code: ResourceCode,
    /// Name (信息资源名称), at most 200 characters.
    #[schema(max_length = 200)]
    pub name: String,
    /// Name in English, at most 200 characters.
    #[serde(default)]
    #[schema(max_length = 200)]
    pub name_en: String,
    pub classification: Classification,
    /// The department that provides it (信息资源提供方).
    #[schema(value_type = String)]
    pub provider: DepartmentId,
    /// The provider's name.
    pub provider_name: String,
    /// The provider's unified social credit code (GB 32100).
    #[schema(value_type = String)]
    pub provider_credit_code: CreditCode,
    /// Summary (信息资源摘要), at most 2,000 characters.
    #[schema(max_length = 2000)]
    pub summary: String,
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub summary_en: String,
    /// Format (信息资源格式), such as `database`, `csv`, `api`.
    pub format: String,
    /// Data items (信息项), 1 to 200.
    pub items: Vec<DataItem>,
    pub sharing: Sharing,
    pub opening: Opening,
    pub update_cycle: UpdateCycle,
    /// The day it was published (发布日期); none while it is a draft.
    #[schema(value_type = Option<String>, format = Date)]
    pub published_on: Option<Date>,
    /// Related resources (关联资源).
    #[serde(default)]
    pub related: Vec<Related>,
    pub status: ResourceStatus,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
    /// Where the data come from: never shown outside.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(ignore)]
    pub source: Option<Source>,
}

/// Classification (信息资源分类): 类, 项, 目, 细目.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Classification {
    /// 类
    pub class: String,
    /// 项
    pub category: String,
    /// 目
    pub section: String,
    /// 细目; may be empty
    #[serde(default)]
    pub subsection: String,
}

/// A data item (信息项).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DataItem {
    #[schema(value_type = String, max_length = 64)]
    pub name: FieldName,
    pub title: String,
    #[serde(default)]
    pub title_en: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    pub sensitivity: Sensitivity,
    /// The mask that is applied unless a grant names another.
    #[serde(default)]
    pub mask: Mask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DataType {
    Text,
    Integer,
    /// A decimal number as text with two places, such as `"1234.50"`: yuan.
    Amount,
    /// `YYYY-MM-DD`
    Date,
    /// `YYYY-MM`
    Month,
    Boolean,
}

/// How much harm a leak would do (GB/T 35273: general, personal, sensitive personal).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    General,
    Personal,
    SensitivePersonal,
}

/// Sharing attributes (共享属性).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sharing {
    pub kind: SharingKind,
    /// Conditions (共享条件): what an applicant must show; required when conditional, the legal basis when prohibited.
    #[serde(default)]
    pub conditions: String,
    pub mode: SharingMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharingKind {
    /// 无条件共享
    Unconditional,
    /// 有条件共享
    Conditional,
    /// 不予共享
    Prohibited,
}

/// 共享方式
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharingMode {
    /// `query` and `verify`
    QueryAndVerify,
    /// `verify` only: yes or no
    VerifyOnly,
}

/// Opening to the public (社会开放属性).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    pub open: bool,
    #[serde(default)]
    pub conditions: String,
}

/// 更新周期
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateCycle {
    RealTime,
    Daily,
    Weekly,
    Monthly,
    Quarterly,
    Yearly,
}

/// A related resource, by code, with what relates them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Related {
    #[schema(value_type = String)]
    pub code: ResourceCode,
    #[serde(default)]
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ResourceStatus {
    Draft,
    Published,
    Suspended,
    Retired,
}

impl ResourceStatus {
    /// draft → published ⇄ suspended; anything but retired → retired.
    pub fn may_become(self, to: Self) -> bool {
        use ResourceStatus::{Draft, Published, Retired, Suspended};
        matches!(
            (self, to),
            (Draft | Suspended, Published) | (Published, Suspended) | (Draft | Published | Suspended, Retired)
        )
    }
}

impl fmt::Display for ResourceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Suspended => "suspended",
            Self::Retired => "retired",
        })
    }
}

/// Where a resource's data come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Source {
    /// A table (or view) of a database that the provider keeps.
    Sql(SqlSource),
    /// Rows that the provider uploaded to this node.
    Dataset,
    /// A service of the provider's own, reached with mutual TLS.
    Http(HttpSource),
}

/// A table read by the subject's number. Names are quoted, never spliced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SqlSource {
    /// An SQLite file, opened read-only.
    pub database: PathBuf,
    pub table: String,
    /// The column that holds the subject's number.
    pub subject_column: String,
    /// The column that orders several rows of one subject; optional.
    #[serde(default)]
    pub order_by: Option<String>,
}

/// `POST url {"subject": {"id_type","id","name"}, "fields": [...]}` → `{"records": [{...}]}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSource {
    /// `https://…`
    pub url: String,
    /// PEM file with the roots that the provider's server certificate must chain to.
    pub roots: PathBuf,
    /// PEM files of this node's own client certificate and key towards the provider.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// How long the whole call may take, in milliseconds; default 2,000.
    #[serde(default = "default_timeout_ms")]
    pub timeout_ms: u64,
}

fn default_timeout_ms() -> u64 {
    2_000
}

impl Resource {
    /// The data item with this name.
    pub fn item(&self, name: &FieldName) -> Option<&DataItem> {
        self.items.iter().find(|item| item.name == *name)
    }

    /// The resource as outsiders may see it: without its source.
    #[must_use]
    pub fn public(&self) -> Self {
        Self {
            source: None,
            ..self.clone()
        }
    }
}

impl Resource {
    /// Limits and rules that the form alone does not hold.
    pub fn validate(&self) -> Result<(), CatalogueError> {
        let invalid = |field: &str, reason| {
            Err(CatalogueError::Invalid {
                field: field.to_owned(),
                reason,
            })
        };
        let texts = [
            ("name", &self.name, 200, true),
            ("name_en", &self.name_en, 200, false),
            ("summary", &self.summary, 2_000, true),
            ("summary_en", &self.summary_en, 2_000, false),
            ("provider_name", &self.provider_name, 200, true),
            ("format", &self.format, 64, true),
            ("classification.class", &self.classification.class, 100, true),
            ("classification.category", &self.classification.category, 100, true),
            ("classification.section", &self.classification.section, 100, true),
            ("classification.subsection", &self.classification.subsection, 100, false),
            ("sharing.conditions", &self.sharing.conditions, 2_000, false),
            ("opening.conditions", &self.opening.conditions, 2_000, false),
        ];
        for (field, text, max, required) in texts {
            if required && text.trim().is_empty() {
                return invalid(field, "is required");
            }
            if text.chars().count() > max {
                return invalid(field, "is too long");
            }
        }
        if self.items.is_empty() || self.items.len() > 200 {
            return invalid("items", "must hold 1 to 200 data items");
        }
        if self.related.len() > 50 {
            return invalid("related", "must hold at most 50 resources");
        }
        let mut names = std::collections::HashSet::new();
        for item in &self.items {
            if !names.insert(&item.name) {
                return invalid("items", "names a data item twice");
            }
            if item.title.trim().is_empty() || item.title.chars().count() > 100 || item.title_en.chars().count() > 100 {
                return invalid("items.title", "must hold 1 to 100 characters");
            }
        }
        if self.sharing.kind != SharingKind::Unconditional && self.sharing.conditions.trim().is_empty() {
            return invalid("sharing.conditions", "is required unless sharing is unconditional");
        }
        Ok(())
    }
}
