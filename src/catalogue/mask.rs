use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How a value is shown. Masks are applied by this node, whatever the provider sent, and are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// As it is.
    #[default]
    None,
    /// First 6 and last 4 characters of an ID number: `653199********0013`.
    IdNumber,
    /// The last character of a name: `**提`.
    Name,
    /// First 3 and last 4 digits: `138****0000`.
    Phone,
    /// Last 4 digits.
    BankAccount,
    /// A band in place of an amount: `5000-10000`.
    AmountBand,
    /// Nothing: `***`.
    Full,
}

impl Mask {
    /// Its name in the API and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::IdNumber => "id_number",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::BankAccount => "bank_account",
            Self::AmountBand => "amount_band",
            Self::Full => "full",
        }
    }
}
