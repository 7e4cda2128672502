use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Mask;
use crate::ids::{CertificateType, DepartmentId, FieldName, GrantId, ItemCode, ResourceCode};

/// A grant (授权): who may read which fields of which resource, for which service items, until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    #[schema(value_type = String)]
    pub id: GrantId,
    /// The department that may read.
    #[schema(value_type = String)]
    pub grantee: DepartmentId,
    #[schema(value_type = String)]
    pub resource: ResourceCode,
    pub fields: Vec<GrantedField>,
    /// The service items (事项) that it is for; never empty.
    #[schema(value_type = Vec<String>)]
    pub service_items: Vec<ItemCode>,
    /// The e-certificates that the grantee may have issued from this resource. The document shows what its type draws
    /// on; the caller sees no field more than `fields`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub certificates: Vec<CertificateType>,
    /// The legal basis (依据), as approved.
    pub basis: String,
    #[schema(value_type = String, format = DateTime)]
    pub valid_from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub valid_until: Timestamp,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub withdrawn_at: Option<Timestamp>,
}

/// A field that a grant opens, and the mask it is shown with (the data item's own when none is named).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantedField {
    #[schema(value_type = String)]
    pub name: FieldName,
    #[serde(default)]
    pub mask: Option<Mask>,
}

impl Grant {
    /// Whether it counts at this moment.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.withdrawn_at.is_none_or(|at| at > now) && self.valid_from <= now && now < self.valid_until
    }
}
