use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::problem::Problem;
use crate::ids::{PersonName, Subject, SubjectId};

/// Whom a request is about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectBody {
    /// `citizen_id` (GB 11643) or `credit_code` (GB 32100).
    #[schema(example = "citizen_id")]
    id_type: String,
    /// 18 characters with a right check character.
    #[serde(deserialize_with = "zeroizing")]
    #[schema(value_type = String, min_length = 18, max_length = 18, example = "653199199003070015")]
    id: Zeroizing<String>,
    /// The name that belongs to the number, 1 to 100 characters.
    #[serde(deserialize_with = "zeroizing")]
    #[schema(value_type = String, max_length = 100, example = "甲·示例")]
    name: Zeroizing<String>,
}

fn zeroizing<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(deserializer).map(Zeroizing::new)
}

impl SubjectBody {
    pub fn parse(&self) -> Result<Subject, Problem> {
        if !["citizen_id", "credit_code"].contains(&self.id_type.as_str()) {
            return Err(Problem::unprocessable(
                "identifier_invalid",
                "subject.id_type 应为 citizen_id 或 credit_code。",
                "`subject.id_type` must be `citizen_id` or `credit_code`.",
            )
            .about("subject.id_type"));
        }
        Ok(Subject {
            id: SubjectId::parse(&self.id_type, &self.id).map_err(|error| Problem::invalid_id("subject.id", error))?,
            name: PersonName::parse(&self.name).map_err(|error| Problem::invalid_id("subject.name", error))?,
        })
    }
}
