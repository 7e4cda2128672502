use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use super::{Archive, Language, Names, PaperError, Report, Verifier, judge_own, named_in, report_of_code};
use crate::{
    certificate::{Certificate, CertificateStore, StoreFault, code},
    clock::SharedClock,
    ids::{RequestId, VerificationId},
};

/// What people call a certificate's type and issuer: asked for when it is shown.
pub type NamesOf = Arc<dyn Fn(&Certificate) -> Names + Send + Sync>;

/// Where documents and codes are brought: verifies, and adds what this node knows of certificates of its own.
pub struct Desk {
    verifier: Verifier,
    certificates: Arc<dyn CertificateStore>,
    names: NamesOf,
    archive: Archive,
    clock: SharedClock,
    at_once: Arc<Semaphore>,
}

/// Why there is no report. Never for anything in the document: without the store a revoked certificate would pass.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error("the store cannot answer")]
    Store(#[source] StoreFault),
    #[error("the verification was cut off")]
    CutOff,
    #[error("nothing can be verified as of a time that is still to come")]
    Future,
}

impl Desk {
    /// `at_once` documents are verified at a time; more wait.
    pub fn new(
        verifier: Verifier,
        certificates: Arc<dyn CertificateStore>,
        names: NamesOf,
        archive: Archive,
        clock: SharedClock,
        at_once: usize,
    ) -> Self {
        Self {
            verifier,
            certificates,
            names,
            archive,
            clock,
            at_once: Arc::new(Semaphore::new(at_once)),
        }
    }

    /// Verifies a document as of now.
    pub async fn document(&self, bytes: Bytes, name: Option<String>) -> Result<Report, DeskError> {
        self.document_at(bytes, name, None).await
    }

    /// Verifies a document as of a moment that has passed; of what is known today, what was so then counts.
    pub async fn document_at(
        &self,
        bytes: Bytes,
        name: Option<String>,
        at: Option<Timestamp>,
    ) -> Result<Report, DeskError> {
        let now = self.clock.now();
        let past = at.filter(|at| *at != now);
        let at = at.unwrap_or(now);
        if at > now {
            return Err(DeskError::Future);
        }
        let permit = self.at_once.clone().acquire_owned().await;
        let permit = permit.map_err(|_| DeskError::CutOff)?;
        let verifier = self.verifier.clone();
        let work = move || {
            let _permit = permit;
            verifier.verify(&bytes, name.as_deref(), at)
        };
        let report = tokio::task::spawn_blocking(work).await.map_err(|_| DeskError::CutOff)?;
        let report = match past {
            Some(moment) => report.as_of(moment, now),
            None => report,
        };
        let report = match self.own(&report).await? {
            Some((certificate, equal)) => judge_own(report, &certificate, (self.names)(&certificate), equal),
            None => report,
        };
        Ok(self.archive.keep(report).await)
    }

    /// The certificate of ours that a document is, byte for byte, or else names.
    async fn own(&self, report: &Report) -> Result<Option<(Certificate, bool)>, DeskError> {
        let sha256 = data_encoding::HEXLOWER.decode(report.document_sha256.as_bytes());
        let sha256 = sha256.ok().and_then(|sha256| sha256.try_into().ok());
        let sha256 = sha256.ok_or(DeskError::CutOff)?;
        let own = self.certificates.by_document(&sha256).await;
        if let Some(certificate) = own.map_err(DeskError::Store)? {
            return Ok(Some((certificate, true)));
        }
        let Some(identifier) = named_in(report) else {
            return Ok(None);
        };
        let named = self.certificates.certificate(&identifier).await;
        let named = named.map_err(DeskError::Store)?;
        let issued = named.filter(|certificate| certificate.document_sha256.is_some());
        Ok(issued.map(|certificate| (certificate, false)))
    }

    /// What a verification code stands for, as it was typed.
    pub async fn code(&self, typed: &str) -> Result<Report, DeskError> {
        let found = match code::normalize(typed) {
            Some(code) => self.certificates.by_code(&code).await.map_err(DeskError::Store)?,
            None => None,
        };
        let found = found
            .as_ref()
            .map(|certificate| (certificate, (self.names)(certificate)));
        let is_known = found.is_some();
        let report = report_of_code(&self.verifier, found, self.clock.now());
        // Guesses are not kept.
        Ok(if is_known {
            self.archive.keep(report).await
        } else {
            report
        })
    }

    /// A report that is kept.
    pub async fn report(&self, id: &VerificationId) -> Result<Option<Report>, DeskError> {
        self.archive.report(id, self.clock.now()).await
    }

    /// A report that is kept, sealed, to be printed; recorded before it is sealed the first time.
    pub async fn paper(&self, request: &RequestId, id: &VerificationId, lang: Language) -> Result<Vec<u8>, PaperError> {
        self.archive.sealed(request, id, lang, self.clock.now()).await
    }

    /// Whether reports can be had sealed.
    pub fn can_seal(&self) -> bool {
        self.archive.can_seal()
    }

    /// Forgets the reports whose time is over: to be called now and then.
    pub async fn forget(&self) {
        match self.archive.forget(self.clock.now()).await {
            Ok(0) => {}
            Ok(reports) => tracing::info!(reports, "reports on verifications were forgotten"),
            Err(error) => tracing::warn!(%error, "reports on verifications cannot be forgotten"),
        }
    }
}
