use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use ring::rand::SecureRandom;

use super::{DeskError, Report, paper};
use crate::{
    certificate::{CertificateError, Issuer, StoreFault},
    ids::{DepartmentId, RequestId, VerificationId},
};

/// The longest report that is kept, in bytes of its JSON. A longer one is given and not kept.
pub const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// Keeps reports, never documents. What it acknowledges is durable.
pub trait ReportStore: Send + Sync {
    fn keep_report<'a>(
        &'a self,
        id: &'a VerificationId,
        verified_at: Timestamp,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<(), StoreFault>>;
    /// The report of this id, unless it is older than that.
    fn kept<'a>(
        &'a self,
        id: &'a VerificationId,
        since: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>>;
    /// Keeps the sealed report of a report that is kept; false when there is one already or the report is gone.
    fn keep_sealed<'a>(
        &'a self,
        id: &'a VerificationId,
        lang: Language,
        pdf: &'a [u8],
    ) -> BoxFuture<'a, Result<bool, StoreFault>>;
    fn sealed<'a>(
        &'a self,
        id: &'a VerificationId,
        lang: Language,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreFault>>;
    /// Removes the reports that are older than this, and of the others the oldest that are beyond so many bytes.
    fn forget(&self, before: Timestamp, max_bytes: u64) -> BoxFuture<'_, Result<u64, StoreFault>>;
}

/// The languages of a printable report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Chinese,
    English,
}

impl Language {
    /// By its tag, such as `zh-CN` or `en`.
    pub fn parse(tag: &str) -> Option<Self> {
        match tag.split('-').next()? {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    pub fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }
}

/// How long reports are kept, and how much room they may take.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub days: u32,
    pub max_bytes: u64,
}

impl Retention {
    fn age(self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.days))
    }

    fn since(self, now: Timestamp) -> Timestamp {
        now.checked_sub(self.age()).unwrap_or(Timestamp::MIN)
    }
}

/// Why there is no printable report.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error("no report of this id is kept")]
    NoSuchReport,
    #[error("no department seals the reports of this node")]
    NoSeal,
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error("the report cannot be laid out or sealed")]
    Paper(#[from] CertificateError),
}

/// The reports of the last days, for those who have their ids: as they were given, and sealed, to be printed.
pub struct Archive {
    pub store: Arc<dyn ReportStore>,
    pub random: Arc<dyn SecureRandom + Send + Sync>,
    pub issuer: Arc<Issuer>,
    /// In whose name reports are sealed.
    pub department: Option<DepartmentId>,
    pub retention: Retention,
}

impl Archive {
    /// Keeps a report without the name of its file and what the document says of itself, and gives it the id that it is kept under; the same report without
    /// an id where it cannot be kept: a verdict does not wait for room on a disk.
    pub(super) async fn keep(&self, mut report: Report) -> Report {
        let mut random = [0; VerificationId::RANDOM_BYTES];
        if self.random.fill(&mut random).is_err() {
            return report;
        }
        let id = VerificationId::from_random(&random);
        report.id = Some(id.clone());
        report.kept_until = report.verified_at.checked_add(self.retention.age()).ok();
        // Names of persons may stand in either.
        let (file, stated) = (report.file.take(), std::mem::take(&mut report.stated));
        let body = deflate(&report);
        (report.file, report.stated) = (file, stated);
        let kept = match &body {
            Some(body) => self.store.keep_report(&id, report.verified_at, body).await,
            None => Err("the report is too long".into()),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "a report is not kept");
            (report.id, report.kept_until) = (None, None);
        }
        report
    }

    /// A report that is kept.
    pub async fn report(&self, id: &VerificationId, now: Timestamp) -> Result<Option<Report>, DeskError> {
        let body = self.store.kept(id, self.retention.since(now)).await;
        let body = body.map_err(DeskError::Store)?;
        body.map(|body| inflate(&body).ok_or_else(|| DeskError::Store("a report cannot be read".into())))
            .transpose()
    }

    /// Whether reports can be had sealed.
    pub fn can_seal(&self) -> bool {
        self.department
            .as_ref()
            .is_some_and(|department| self.issuer.can_seal(department))
    }

    /// A report that is kept, as a sealed document: laid out and sealed when it is first asked for, and the same bytes
    /// from then on.
    pub async fn sealed(
        &self,
        request: &RequestId,
        id: &VerificationId,
        lang: Language,
        now: Timestamp,
    ) -> Result<Vec<u8>, PaperError> {
        let report = self.report(id, now).await?.ok_or(PaperError::NoSuchReport)?;
        let sealed = || async { self.store.sealed(id, lang).await.map_err(DeskError::Store) };
        if let Some(pdf) = sealed().await? {
            return Ok(pdf);
        }
        let department = self
            .department
            .as_ref()
            .filter(|_| self.can_seal())
            .ok_or(PaperError::NoSeal)?;
        let by = self.issuer.name_of(department).unwrap_or_default();
        let sheet = paper::sheet(
            &report,
            lang,
            &paper::Origin::Node {
                by: &by,
                portal: self.issuer.portal(),
            },
            now,
        )?;
        let pdf = self
            .issuer
            .seal_paper(request, department, paper::title(lang), sheet)
            .await?;
        if self.store.keep_sealed(id, lang, &pdf).await.map_err(DeskError::Store)? {
            return Ok(pdf);
        }
        // Somebody else asked at the same time, and that one counts.
        Ok(sealed().await?.unwrap_or(pdf))
    }

    /// Removes what is past its time, or beyond the room there is: to be called now and then.
    pub async fn forget(&self, now: Timestamp) -> Result<u64, StoreFault> {
        let since = self.retention.since(now);
        self.store.forget(since, self.retention.max_bytes).await
    }
}

fn deflate(report: &Report) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(report)
        .ok()
        .filter(|json| json.len() <= MAX_KEPT_BYTES)?;
    let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
    deflated.write_all(&json).ok()?;
    deflated.finish().ok()
}

fn inflate(body: &[u8]) -> Option<Report> {
    let mut json = Vec::new();
    let limit = u64::try_from(MAX_KEPT_BYTES).ok()?;
    DeflateDecoder::new(body).take(limit).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}
