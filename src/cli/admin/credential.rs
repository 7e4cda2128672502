//! Client certificates on disk, and the credentials that they stand for.

use std::path::Path;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::certificate::X509Certificate;

use crate::{
    department::Credential,
    ids::{SpkiThumbprint, SystemId},
};

/// Why a file holds no credential.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    #[error("`{path}` holds no X.509 certificate in PEM: {reason}")]
    Read { path: String, reason: String },
    #[error("the X.509 certificate in `{0}` cannot be read")]
    Form(String),
}

/// What the holder of the first X.509 certificate of a PEM file is known by.
pub fn thumbprint(path: &Path) -> Result<SpkiThumbprint, CredentialError> {
    parse(path, |_, thumbprint| Some(thumbprint))
}

/// The credential of the first X.509 certificate of a PEM file, for a system.
pub fn read(path: &Path, system: &SystemId) -> Result<Credential, CredentialError> {
    parse(path, |certificate, thumbprint| {
        Some(Credential {
            thumbprint,
            system: system.clone(),
            subject: certificate.subject().to_string(),
            not_after: Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?,
            revoked_at: None,
        })
    })
}

fn parse<T>(
    path: &Path,
    take: impl FnOnce(&X509Certificate<'_>, SpkiThumbprint) -> Option<T>,
) -> Result<T, CredentialError> {
    let der = CertificateDer::from_pem_file(path).map_err(|error| CredentialError::Read {
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    let form = || CredentialError::Form(path.display().to_string());
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).map_err(|_| form())?;
    let spki = digest(&SHA256, certificate.tbs_certificate.subject_pki.raw);
    let thumbprint = SpkiThumbprint(spki.as_ref().try_into().map_err(|_| form())?);
    take(&certificate, thumbprint).ok_or_else(form)
}
