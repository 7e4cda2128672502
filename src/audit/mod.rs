//! The access audit: entries are durable before anything is released, chained into an RFC 6962 Merkle tree with signed
//! checkpoints, and hold no identifier in clear.

mod filing;
mod log;
mod sequencer;
mod tree;
mod verify;

use std::{borrow::Cow, collections::BTreeMap};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::{
    filing::{Filing, Key},
    log::{Log, MAX_BATCH, MAX_ENTRY_BYTES, QUEUE_CAPACITY},
    verify::{Fault, LogReport, Wrong, verify},
};
use crate::{
    formats::merkle::Hash,
    ids::{
        CaseId, CertificateIdentifier, DepartmentId, FieldName, GrantId, ItemCode, OperatorId, Pseudonym, RequestId,
        ResourceCode, SystemId,
    },
};

/// Entries as they were written, each with its sequence number.
pub type RawEntries = Vec<(u64, Vec<u8>)>;

/// What the store says when it cannot answer.
pub type StoreFault = Box<dyn std::error::Error + Send + Sync>;

/// One entry. Its JSON, as first written, is what the tree is built over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    #[schema(value_type = String)]
    pub request: RequestId,
    pub action: Action,
    pub outcome: Outcome,
    /// `permitted`, or the code of the refusal or failure. Made from literals only, so that no value can slip in.
    #[schema(value_type = String)]
    pub code: Cow<'static, str>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub department: Option<DepartmentId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub system: Option<SystemId>,
    /// The staff number of the operator, or the portal account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub operator: Option<OperatorId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub case: Option<CaseId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub item: Option<ItemCode>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub resource: Option<ResourceCode>,
    /// The subject's keyed pseudonym.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub subject: Option<Pseudonym>,
    /// The fields released (or asked for, when refused), each with the mask that was applied.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub fields: BTreeMap<FieldName, Cow<'static, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schema(value_type = Vec<String>)]
    pub grants: Vec<GrantId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub certificate: Option<CertificateIdentifier>,
    /// The portal account that an administrator opened or disabled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub account: Option<OperatorId>,
    /// SHA-256 of what is about to be sealed, for `seal`; the thumbprint of a credential, for `administer`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
}

impl Entry {
    /// An entry for something that is permitted; everything else is set by field:
    /// `Entry { system: Some(id), ..Entry::new(now, request, Action::Query) }`.
    pub fn new(at: Timestamp, request: RequestId, action: Action) -> Self {
        Self {
            at,
            request,
            action,
            outcome: Outcome::Permitted,
            code: Cow::Borrowed("permitted"),
            department: None,
            system: None,
            operator: None,
            case: None,
            item: None,
            resource: None,
            subject: None,
            fields: BTreeMap::new(),
            grants: Vec::new(),
            certificate: None,
            account: None,
            digest: None,
        }
    }

    /// The same, refused with this code.
    #[must_use]
    pub fn refused(self, code: &'static str) -> Self {
        Self {
            outcome: Outcome::Refused,
            code: Cow::Borrowed(code),
            ..self
        }
    }

    /// The same, permitted but failed with this code.
    #[must_use]
    pub fn failed(self, code: &'static str) -> Self {
        Self {
            outcome: Outcome::Failed,
            code: Cow::Borrowed(code),
            ..self
        }
    }
}

/// What was done or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Token,
    Query,
    Verify,
    /// Data drawn for an e-certificate.
    Issue,
    /// The intent to seal, before the key signs.
    Seal,
    /// An issued document handed out again.
    Fetch,
    Revoke,
    OpenCase,
    CaseEvent,
    Publish,
    WithdrawGrant,
    SignIn,
    /// An auditor read entries.
    ReadAudit,
    /// An administrator changed departments, systems, credentials, grants or accounts.
    Administer,
}

impl Action {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Query => "query",
            Self::Verify => "verify",
            Self::Issue => "issue",
            Self::Seal => "seal",
            Self::Fetch => "fetch",
            Self::Revoke => "revoke",
            Self::OpenCase => "open_case",
            Self::CaseEvent => "case_event",
            Self::Publish => "publish",
            Self::WithdrawGrant => "withdraw_grant",
            Self::SignIn => "sign_in",
            Self::ReadAudit => "read_audit",
            Self::Administer => "administer",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Permitted,
    Refused,
    /// Permitted and recorded, but then nothing was released: the provider failed.
    Failed,
}

impl Outcome {
    /// Its name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permitted => "permitted",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// An entry with its place.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Placed {
    /// From 1, without gaps.
    pub sequence: u64,
    #[serde(flatten)]
    pub entry: Entry,
}

/// What an auditor looks for. Everything is optional; all that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub subject: Option<Pseudonym>,
    pub department: Option<DepartmentId>,
    pub system: Option<SystemId>,
    pub resource: Option<ResourceCode>,
    pub case: Option<CaseId>,
    pub action: Option<Action>,
    pub outcome: Option<Outcome>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Entries before this sequence number only (paging backwards in time).
    pub before: Option<u64>,
    /// 1 to 200; default 50, which 0 stands for too.
    pub limit: u32,
}

impl Filter {
    /// The most entries that one search returns.
    pub const MAX_LIMIT: u32 = 200;
    pub const DEFAULT_LIMIT: u32 = 50;

    /// Whether all that is asked for holds of an entry.
    pub fn admits(&self, placed: &Placed) -> bool {
        fn same<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        let entry = &placed.entry;
        same(self.subject.as_ref(), entry.subject.as_ref())
            && same(self.department.as_ref(), entry.department.as_ref())
            && same(self.system.as_ref(), entry.system.as_ref())
            && same(self.resource.as_ref(), entry.resource.as_ref())
            && same(self.case.as_ref(), entry.case.as_ref())
            && self.action.is_none_or(|action| action == entry.action)
            && self.outcome.is_none_or(|outcome| outcome == entry.outcome)
            && self.from.is_none_or(|from| from <= entry.at)
            && self.to.is_none_or(|to| entry.at < to)
            && self.before.is_none_or(|before| placed.sequence < before)
    }
}

/// Why nothing could be recorded or read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the log cannot be written")]
    NotWritten,
    #[error("the log is full of waiting entries")]
    Overloaded,
    #[error("an audit entry may hold at most {max} bytes")]
    TooLarge { max: usize },
    #[error("the log cannot be read")]
    Store(#[source] StoreFault),
    #[error("the log does not hold together: {0}")]
    Inconsistent(String),
}

/// Keeps entries, the tree over them, the newest checkpoint and the search index.
pub trait LogStore: Send + Sync {
    /// Appends in one transaction; durable when it returns. Returns the first sequence number: the one after the last
    /// entry or the last leaf, whichever is later, so that no place in the tree is ever given twice.
    fn append<'a>(&'a self, entries: &'a [Vec<u8>]) -> BoxFuture<'a, Result<u64, StoreFault>>;
    /// Writes something that needs room, durably, and takes it back: whether an append would succeed.
    fn probe(&self) -> BoxFuture<'_, Result<(), StoreFault>>;
    /// Raw entries from `first` on, in order, at most `limit`, with their sequence numbers.
    fn entries(&self, first: u64, limit: u32) -> BoxFuture<'_, Result<RawEntries, StoreFault>>;
    /// The newest checkpoint (a C2SP signed note).
    fn checkpoint(&self) -> BoxFuture<'_, Result<Option<String>, StoreFault>>;
    /// The hashes of a tile; more of them than at the time of an older checkpoint, never fewer.
    fn tile(&self, level: u8, index: u64) -> BoxFuture<'_, Result<Option<Vec<Hash>>, StoreFault>>;
    /// Files entries so that a search finds them; those filed before are filed again.
    fn file<'a>(&'a self, entries: &'a [Filing]) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// The number of the last entry that was filed; 0 where one before it is not filed.
    fn filed(&self) -> BoxFuture<'_, Result<u64, StoreFault>>;
    /// Stores new tiles and the checkpoint over them, in one transaction; false, and nothing stored, when the tree no
    /// longer has the size that the growth starts from.
    fn grow<'a>(&'a self, growth: &'a Growth) -> BoxFuture<'a, Result<bool, StoreFault>>;
    /// Entries that pass the filter, newest first.
    fn search<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Placed>, StoreFault>>;
    /// Whether searches find every entry of the tree by what it holds.
    fn compare_filed(&self, tree_size: u64) -> BoxFuture<'_, Result<Filed, StoreFault>>;
}

/// What was filed for the search, beside the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filed {
    /// There is nothing by which anything is searched: a copy of the database alone.
    Nothing,
    All,
    /// The first entry that a search would not find by what it holds.
    AllBut(u64),
}

/// What one round of sequencing adds.
#[derive(Clone, Debug)]
pub struct Growth {
    pub from_size: u64,
    pub tree_size: u64,
    /// The signed note over the tree of `tree_size` entries.
    pub checkpoint: String,
    /// Every tile that is new or longer than before.
    pub tiles: Vec<Tile>,
}

/// A tile of C2SP tlog-tiles: at level 0 up to 256 leaf hashes, above up to 256 roots of full tiles below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    pub level: u8,
    pub index: u64,
    pub hashes: Vec<Hash>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::ids::{CitizenId, IdError, PseudonymKey, SubjectId};

    const NUMBER: &str = "653199199001010019";

    /// An entry with everything that an entry can have.
    fn full() -> Entry {
        let subject = SubjectId::Citizen(CitizenId::parse(NUMBER).unwrap());
        let key = PseudonymKey::new(&[7; 32]);
        Entry {
            department: Some("hr".parse().unwrap()),
            system: Some("window".parse().unwrap()),
            operator: Some("1001".parse().unwrap()),
            case: Some("0199d3a4-7d5e-7c3a-8a51-000000000001".parse().unwrap()),
            item: Some("item".parse().unwrap()),
            resource: Some("653125-hr-social-insurance".parse().unwrap()),
            subject: Some(key.pseudonym(&subject)),
            fields: BTreeMap::from([("id_number".parse().unwrap(), Cow::Borrowed("id_number"))]),
            grants: vec!["grant-1".parse().unwrap()],
            certificate: Some(
                CertificateIdentifier::parse(
                    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
                )
                .unwrap(),
            ),
            digest: Some("00".repeat(32)),
            ..Entry::new(
                "2026-11-01T08:00:00.5Z".parse().unwrap(),
                "request".parse().unwrap(),
                Action::Query,
            )
        }
        .refused("field_not_granted")
    }

    #[test]
    fn actions_and_outcomes_are_filed_by_their_names_in_json() {
        use Action::*;
        for action in [
            Token,
            Query,
            Verify,
            Issue,
            Seal,
            Fetch,
            Revoke,
            OpenCase,
            CaseEvent,
            Publish,
            WithdrawGrant,
            SignIn,
            ReadAudit,
            Administer,
        ] {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
        for outcome in [Outcome::Permitted, Outcome::Refused, Outcome::Failed] {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
        }
    }

    #[test]
    fn a_subject_stands_in_an_entry_as_a_pseudonym_only() {
        let json = serde_json::to_string(&full()).unwrap();
        assert!(!json.contains(NUMBER) && !json.contains("19900101"), "{json}");
        assert!(json.contains(full().subject.unwrap().as_str()));
        assert_eq!(serde_json::from_str::<Entry>(&json).unwrap(), full());
    }

    #[test]
    fn no_identifier_in_an_entry_can_be_the_number_of_a_person() {
        for text in [NUMBER, "op-653199199001010019", "653199199001010019:1"] {
            assert_eq!(OperatorId::parse(text), Err(IdError::Form), "{text}");
            assert_eq!(CaseId::parse(text), Err(IdError::Form), "{text}");
            assert_eq!(RequestId::parse(text), Err(IdError::Form), "{text}");
        }
        assert!(
            OperatorId::parse("653199199001010010").is_ok(),
            "its check digit is wrong: it is no one's"
        );
    }
}
