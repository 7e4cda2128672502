//! A signed, dated list of whom to trust, after ETSI TS 119 612: services with their X.509 certificates, and since when
//! each is granted or withdrawn. It is JSON in a signed note with Ed25519 (C2SP signed-note), so that it can be read,
//! kept under version control and checked with one key.

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    checkpoint::{CheckpointError, Signer, VerifierKey},
    x509::Certificate,
};

/// What `format` must be.
pub const FORMAT: &str = "yinxin-trust-list/1";

/// The largest list that is read, in bytes.
pub const MAX_LIST_BYTES: usize = 4 * 1024 * 1024;

/// The most services of one list, and changes of state of one service.
pub const MAX_SERVICES: usize = 1_000;
pub const MAX_CHANGES: usize = 100;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 200;

/// Why a list does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustListError {
    #[error("the trust list is not of the form `{FORMAT}`: {0}")]
    Form(String),
    #[error("the trust list is not signed as it should be")]
    Signature(#[from] CheckpointError),
    #[error("the trust list would go back: its sequence is {offered}, the one in use has {current}")]
    RollBack { offered: u64, current: u64 },
    #[error("the trust list has the sequence {0} of the one in use, and says something else")]
    SameSequence(u64),
    #[error("the trust list was issued before the one in use")]
    Older,
    #[error("the trust list is of `{offered}`, the one in use of `{current}`")]
    OtherName { offered: String, current: String },
}

/// The list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustList {
    /// [`FORMAT`].
    pub format: String,
    /// Whose list it is.
    pub name: String,
    /// Grows with each list of this name.
    pub sequence: u64,
    pub issued: Timestamp,
    /// When the next one comes at the latest.
    pub next_update: Timestamp,
    pub services: Vec<Entry>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    pub service: Service,
    /// Base64 of its X.509 certificate in DER.
    pub certificate: String,
    /// From the oldest on.
    pub history: Vec<Change>,
}

/// What a service's certificate is trusted for; in brackets the service type of TS 119 612 5.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Seals and signatures (`CA/QC`, `CA/PKC`).
    Seal,
    /// Timestamps (`TSA/QTST`, `TSA`).
    Timestamp,
    /// OCSP responses (`Certstatus/OCSP`).
    Ocsp,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub status: State,
    pub since: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Granted,
    Withdrawn,
}

impl Entry {
    pub fn certificate_der(&self) -> Result<Vec<u8>, TrustListError> {
        let wrong = || TrustListError::Form(format!("`{}` has no X.509 certificate", self.name));
        let der = BASE64.decode(self.certificate.as_bytes()).map_err(|_| wrong())?;
        Certificate::parse(&der).map_err(|_| wrong())?;
        Ok(der)
    }
}

impl TrustList {
    /// Reads the JSON alone, signed by nobody.
    pub fn parse(text: &str) -> Result<Self, TrustListError> {
        let form = |what: &str| Err(TrustListError::Form(what.to_owned()));
        if text.len() > MAX_LIST_BYTES {
            return form("it is longer than MAX_LIST_BYTES");
        }
        let list: Self = serde_json::from_str(text).map_err(|error| TrustListError::Form(error.to_string()))?;
        if list.format != FORMAT {
            return form("`format` is another");
        }
        if list.issued >= list.next_update {
            return form("`next_update` is not after `issued`");
        }
        if list.services.len() > MAX_SERVICES {
            return form("it has more than MAX_SERVICES services");
        }
        let fits = |name: &str| !name.trim().is_empty() && name.len() <= MAX_NAME_BYTES;
        if !fits(&list.name) || list.services.iter().any(|entry| !fits(&entry.name)) {
            return form("a name is empty or longer than MAX_NAME_BYTES");
        }
        for entry in &list.services {
            entry.certificate_der()?;
            let changes = &entry.history;
            let in_order = changes.is_sorted_by(|one, other| one.since < other.since && one.status != other.status);
            if changes.is_empty() || changes.len() > MAX_CHANGES || !in_order {
                return form("a history is empty, longer than MAX_CHANGES, out of order, or changes nothing");
            }
        }
        Ok(list)
    }

    /// The JSON, as it is signed.
    pub fn text(&self) -> Result<String, TrustListError> {
        let text = serde_json::to_string_pretty(self).map_err(|error| TrustListError::Form(error.to_string()))?;
        Ok(format!("{text}\n"))
    }

    /// The list as a signed note.
    pub fn sign(&self, signer: &Signer) -> Result<String, TrustListError> {
        let text = self.text()?;
        Self::parse(&text)?;
        Ok(signer.sign_text(&text))
    }

    /// Opens a signed note: the list in it, when this key has signed it.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, TrustListError> {
        Self::parse(key.open_text(note, MAX_LIST_BYTES)?)
    }

    /// SHA-256 of what is signed, hexadecimal.
    pub fn digest(&self) -> String {
        let text = self.text().unwrap_or_default();
        HEXLOWER.encode(ring::digest::digest(&ring::digest::SHA256, text.as_bytes()).as_ref())
    }

    /// Whether it may take the place of another: a list never goes back.
    pub fn check_follows(&self, current: &Self) -> Result<(), TrustListError> {
        if self == current {
            return Ok(());
        }
        if self.name != current.name {
            return Err(TrustListError::OtherName {
                offered: self.name.clone(),
                current: current.name.clone(),
            });
        }
        if self.sequence < current.sequence {
            return Err(TrustListError::RollBack {
                offered: self.sequence,
                current: current.sequence,
            });
        }
        if self.sequence == current.sequence {
            return Err(TrustListError::SameSequence(self.sequence));
        }
        if self.issued < current.issued {
            return Err(TrustListError::Older);
        }
        Ok(())
    }
}
