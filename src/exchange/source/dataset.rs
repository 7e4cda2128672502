use std::{fmt, sync::Arc};

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::SecureRandom,
};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};
use zeroize::Zeroizing;

use super::{MAX_RECORDS, Record, SourceError};
use crate::{
    catalogue::{CatalogueStore, DataItem, DataType, Resource, StoreFault},
    exchange::filter::is_of_type,
    ids::{Pseudonym, PseudonymKey, SubjectId},
};

/// The column of a dataset that holds the subject's number: a citizen ID number or a credit code.
pub const SUBJECT_COLUMN: &str = "subject_id";

/// The most rows of a dataset.
pub const MAX_ROWS: usize = 200_000;

/// How many uploads are in memory at once; more wait.
const UPLOADS_AT_ONCE: usize = 2;

/// Why a dataset is not taken. It names places, never values.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("line {line} cannot be read as CSV in UTF-8")]
    Csv { line: u64 },
    #[error("the column `{column}` is missing")]
    ColumnMissing { column: String },
    #[error("the column `{column}` is no data item of the resource, or there twice")]
    ColumnUnknown { column: String },
    #[error("line {line}: `{column}` is not of its data item's type")]
    Value { line: u64, column: String },
    #[error("a dataset can hold at most {max} rows")]
    TooManyRows { max: usize },
    #[error("line {line}: a subject can have at most {max} rows")]
    TooManyRowsOfSubject { line: u64, max: usize },
    #[error("the rows cannot be sealed")]
    Seal,
    #[error("the store cannot answer")]
    Store(#[source] StoreFault),
}

/// Uploaded datasets: rows at rest are sealed and found by the subject's pseudonym.
pub struct Datasets {
    store: Arc<dyn CatalogueStore>,
    sealer: Arc<Sealer>,
    uploads: Semaphore,
}

struct Sealer {
    key: LessSafeKey,
    pseudonyms: Arc<PseudonymKey>,
    random: Arc<dyn SecureRandom + Send + Sync>,
}

impl Datasets {
    /// `key` is the AES-256-GCM key of this node's datasets.
    pub fn new(
        store: Arc<dyn CatalogueStore>,
        key: &[u8; 32],
        pseudonyms: Arc<PseudonymKey>,
        random: Arc<dyn SecureRandom + Send + Sync>,
    ) -> Result<Self, DatasetError> {
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| DatasetError::Seal)?;
        Ok(Self {
            store,
            sealer: Arc::new(Sealer {
                key: LessSafeKey::new(key),
                pseudonyms,
                random,
            }),
            uploads: Semaphore::new(UPLOADS_AT_ONCE),
        })
    }

    /// Waits for a turn to upload: to be had before the file is read, and kept until it is stored.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.uploads.acquire().await.ok()
    }

    /// Reads, checks and seals a CSV file: a header with [`SUBJECT_COLUMN`] and every data item by name, in any order.
    /// Nothing is stored yet, so that a wrong file changes nothing.
    pub async fn prepare(&self, resource: &Resource, csv: Vec<u8>) -> Result<Prepared, DatasetError> {
        let (sealer, resource) = (self.sealer.clone(), resource.clone());
        tokio::task::spawn_blocking(move || {
            let csv = Zeroizing::new(csv);
            sealer.read(&resource, &csv).map(|rows| Prepared { resource, rows })
        })
        .await
        .map_err(|_| DatasetError::Seal)?
    }

    /// Puts a prepared dataset in the place of the one before. Returns how many rows it has.
    pub async fn replace(&self, prepared: Prepared) -> Result<usize, DatasetError> {
        let count = prepared.rows.len();
        self.store
            .replace_dataset(&prepared.resource.code, prepared.rows)
            .await
            .map_err(DatasetError::Store)?;
        Ok(count)
    }

    pub(super) async fn rows(&self, resource: &Resource, subject: &Pseudonym) -> Result<Vec<Record>, SourceError> {
        let sealed = self
            .store
            .dataset_rows(&resource.code, subject)
            .await
            .map_err(SourceError::Failed)?;
        sealed
            .into_iter()
            .map(|row| self.sealer.open(resource, subject, row).ok_or(SourceError::Garbage))
            .collect()
    }
}

/// A dataset that was checked and sealed.
pub struct Prepared {
    resource: Resource,
    rows: Vec<(Pseudonym, Vec<u8>)>,
}

impl Sealer {
    fn read(&self, resource: &Resource, csv: &[u8]) -> Result<Vec<(Pseudonym, Vec<u8>)>, DatasetError> {
        // Spreadsheets put a byte order mark before UTF-8.
        let csv = csv.strip_prefix(b"\xef\xbb\xbf").unwrap_or(csv);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
        let columns = columns(resource, reader.headers().map_err(|_| DatasetError::Csv { line: 1 })?)?;
        let mut rows = Vec::new();
        let mut of_subject = std::collections::HashMap::<Pseudonym, usize>::new();
        for row in reader.records() {
            let row = row.map_err(|error| DatasetError::Csv {
                line: error.position().map_or(0, csv::Position::line),
            })?;
            let line = row.position().map_or(0, csv::Position::line);
            if rows.len() >= MAX_ROWS {
                return Err(DatasetError::TooManyRows { max: MAX_ROWS });
            }
            let mut subject = None;
            let mut record = Record::new();
            for (column, text) in columns.iter().zip(&row) {
                let wrong = |column: &str| DatasetError::Value {
                    line,
                    column: column.to_owned(),
                };
                if column.is_subject {
                    let id = SubjectId::parse("citizen_id", text).or_else(|_| SubjectId::parse("credit_code", text));
                    subject = Some(id.map_err(|_| wrong(SUBJECT_COLUMN))?);
                }
                if let Some(item) = column.item {
                    let value = value(item, text).ok_or_else(|| wrong(item.name.as_str()))?;
                    record.insert(item.name.to_string(), value);
                }
            }
            let subject = subject.ok_or(DatasetError::Csv { line })?;
            let pseudonym = self.pseudonyms.pseudonym(&subject);
            let count = of_subject.entry(pseudonym.clone()).or_default();
            *count += 1;
            if *count > MAX_RECORDS {
                return Err(DatasetError::TooManyRowsOfSubject { line, max: MAX_RECORDS });
            }
            let sealed = self.seal(resource, &pseudonym, &record)?;
            rows.push((pseudonym, sealed));
        }
        Ok(rows)
    }

    /// Nonce, ciphertext, tag. The resource and the subject are bound to it: a row moved elsewhere does not open.
    fn seal(&self, resource: &Resource, subject: &Pseudonym, record: &Record) -> Result<Vec<u8>, DatasetError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| DatasetError::Seal)?;
        let mut row = serde_json::to_vec(record).map_err(|_| DatasetError::Seal)?;
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(resource, subject), &mut row)
            .map_err(|_| DatasetError::Seal)?;
        row.splice(0..0, nonce);
        Ok(row)
    }

    fn open(&self, resource: &Resource, subject: &Pseudonym, mut row: Vec<u8>) -> Option<Record> {
        let (nonce, sealed) = row.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let plain = self.key.open_in_place(nonce, aad(resource, subject), sealed).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

fn aad(resource: &Resource, subject: &Pseudonym) -> Aad<Vec<u8>> {
    Aad::from([resource.code.as_str(), subject.as_str()].join("\0").into_bytes())
}

struct Column<'a> {
    is_subject: bool,
    item: Option<&'a DataItem>,
}

fn columns<'a>(resource: &'a Resource, header: &csv::StringRecord) -> Result<Vec<Column<'a>>, DatasetError> {
    let mut columns = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for name in header {
        let column = Column {
            is_subject: name == SUBJECT_COLUMN,
            item: resource.items.iter().find(|item| item.name.as_str() == name),
        };
        if !seen.insert(name) || !(column.is_subject || column.item.is_some()) {
            return Err(DatasetError::ColumnUnknown {
                column: name.chars().take(64).collect(),
            });
        }
        columns.push(column);
    }
    let names = resource.items.iter().map(|item| item.name.as_str());
    match names.chain([SUBJECT_COLUMN]).find(|name| !seen.contains(name)) {
        Some(missing) => Err(DatasetError::ColumnMissing {
            column: missing.to_owned(),
        }),
        None => Ok(columns),
    }
}

/// A cell as a value of its data item's type; an empty cell is null.
fn value(item: &DataItem, text: &str) -> Option<Value> {
    if text.is_empty() {
        return Some(Value::Null);
    }
    let value = match item.data_type {
        DataType::Integer => text.parse::<i64>().ok()?.into(),
        DataType::Boolean => text.parse::<bool>().ok()?.into(),
        DataType::Text | DataType::Amount | DataType::Date | DataType::Month => Value::from(text),
    };
    is_of_type(&value, item.data_type).then_some(value)
}

impl fmt::Debug for Datasets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Datasets(…)")
    }
}
