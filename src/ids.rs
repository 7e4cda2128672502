//! Typed identifiers. A value that exists is a value that holds: parsing is the only way in.

mod certificate_identifier;
mod citizen_id;
mod credit_code;
#[cfg(test)]
mod properties;
mod pseudonym;
mod subject;
mod verification;

use std::fmt;

pub use self::{
    certificate_identifier::CertificateIdentifier,
    citizen_id::CitizenId,
    credit_code::CreditCode,
    pseudonym::{Pseudonym, PseudonymKey},
    subject::{PersonName, Subject, SubjectId},
    verification::VerificationId,
};

/// Why a text is not the identifier that it should be. It never carries the text: it may be a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    #[error("is empty or longer than {max} characters")]
    Length { max: usize },
    #[error("holds a character that is not allowed")]
    Character,
    #[error("has a wrong check character")]
    CheckCharacter,
    #[error("holds a date that does not exist")]
    Date,
    #[error("is not of the expected form")]
    Form,
}

/// An identifier is a text in JSON: written from where it stands, and parsed from where it stands.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}
use serde_as_text;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        serde_as_text!($name);

        impl $name {
            /// The longest that it may be, in bytes.
            pub const MAX: usize = $max;

            /// Parses an identifier: 1 to `MAX` of `A-Z a-z 0-9 . _ : -`. It must not hold what could be a person's
            /// number: identifiers stand in URLs, logs and audit entries.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                if text.is_empty() || text.len() > Self::MAX {
                    return Err(IdError::Length { max: Self::MAX });
                }
                if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b)) {
                    return Err(IdError::Character);
                }
                if CitizenId::is_within(text) {
                    return Err(IdError::Form);
                }
                Ok(Self(text.into()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_id!(/// A department (部门), such as `shache-hr`.
    DepartmentId, 64);
text_id!(/// A department's system (系统), such as `window`.
    SystemId, 64);
text_id!(/// The code of a shared resource (共享数据资源), such as `653125-hr-social-insurance`.
    ResourceCode, 64);
text_id!(/// The name of a data item (数据项) of a resource.
    FieldName, 64);
text_id!(/// The code of a service item (事项).
    ItemCode, 64);
text_id!(/// A case (办件): a UUID v7 of this node's.
    CaseId, 64);
text_id!(/// A grant (授权).
    GrantId, 64);
text_id!(/// A type of e-certificate, the name of its folder in `config/certificates`.
    CertificateType, 64);
text_id!(/// The operator (经办人) behind a call: a staff number, never a name.
    OperatorId, 64);
text_id!(/// One request, from its first byte to its last entry.
    RequestId, 64);

impl CaseId {
    /// A new one.
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7().to_string().into())
    }
}

/// SHA-256 of a credential's SubjectPublicKeyInfo: what a system is known by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpkiThumbprint(pub [u8; 32]);

impl SpkiThumbprint {
    /// Parses 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .map_err(|_| IdError::Form)?;
        Ok(Self(bytes.try_into().map_err(|_| IdError::Length { max: 64 })?))
    }
}

impl fmt::Display for SpkiThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for SpkiThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
