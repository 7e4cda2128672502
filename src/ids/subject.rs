use std::fmt;

use zeroize::Zeroizing;

use super::{CitizenId, CreditCode, IdError};

/// Whom data is about: a person or an organisation, with the name given beside the number.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    pub id: SubjectId,
    pub name: PersonName,
}

/// The number of a subject. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum SubjectId {
    Citizen(CitizenId),
    Organisation(CreditCode),
}

impl SubjectId {
    /// Parses `citizen_id` or `credit_code` and the number that belongs to it.
    pub fn parse(id_type: &str, id: &str) -> Result<Self, IdError> {
        match id_type {
            "citizen_id" => Ok(Self::Citizen(CitizenId::parse(id)?)),
            "credit_code" => Ok(Self::Organisation(CreditCode::parse(id)?)),
            _ => Err(IdError::Form),
        }
    }

    /// `citizen_id` or `credit_code`, as in the API.
    pub fn id_type(&self) -> &'static str {
        match self {
            Self::Citizen(_) => "citizen_id",
            Self::Organisation(_) => "credit_code",
        }
    }

    /// The number in clear: for a provider or a certificate, never for a log.
    pub fn expose(&self) -> &str {
        match self {
            Self::Citizen(id) => id.expose(),
            Self::Organisation(code) => code.as_str(),
        }
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectId({}, …)", self.id_type())
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subject({}, …)", self.id.id_type())
    }
}

/// A name of a person or an organisation: 1 to 100 characters, no control characters. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonName(Zeroizing<String>);

impl PersonName {
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > 100 {
            return Err(IdError::Length { max: 100 });
        }
        if text.chars().any(char::is_control) {
            return Err(IdError::Character);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The name in clear: for a provider or a certificate, never for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonName(…)")
    }
}
