use std::{fs, path::Path, time::Duration};

use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem::PemObject};
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use super::{LongTermError, lists::RevocationList};

/// The largest file of roots, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The most files in a folder of roots.
const MAX_FILES: usize = 1_000;

/// `id-kp-documentSigning` (RFC 9336), `id-kp-emailProtection`, Microsoft's and Adobe's document signing.
const SEALING: [&[u8]; 4] = [
    &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24],
    &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x04],
    &[0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0A, 0x03, 0x0C],
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x2F, 0x01, 0x01, 0x05],
];

/// `id-kp-timeStamping`.
const TIME_STAMPING: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// What an X.509 certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Sealing,
    Timestamps,
}

/// Roots that the seals of this node, or its timestamp authority, must lead to.
pub struct Anchors {
    roots: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
}

impl Anchors {
    pub fn new(roots: Vec<CertificateDer<'static>>) -> Result<Self, LongTermError> {
        let anchors = roots
            .iter()
            .map(|root| Ok(anchor_from_trusted_cert(root)?.to_owned()))
            .collect::<Result<_, Error>>()
            .map_err(|_| LongTermError::Roots("an X.509 certificate that can be no root".to_owned()))?;
        Ok(Self { roots, anchors })
    }

    /// The roots in a folder: each `.pem`, `.crt`, `.cer` and `.der` in it.
    pub fn load(folder: &Path) -> Result<Self, LongTermError> {
        let fault = |path: &Path| LongTermError::Roots(path.display().to_string());
        let mut roots = Vec::new();
        for entry in fs::read_dir(folder).map_err(|_| fault(folder))?.take(MAX_FILES) {
            let path = entry.map_err(|_| fault(folder))?.path();
            let extension = path
                .extension()
                .map(|extension| extension.to_string_lossy().to_ascii_lowercase());
            if !extension.is_some_and(|extension| ["pem", "crt", "cer", "der"].contains(&extension.as_str())) {
                continue;
            }
            if fs::metadata(&path).map_err(|_| fault(&path))?.len() > MAX_FILE_BYTES {
                return Err(fault(&path));
            }
            let bytes = fs::read(&path).map_err(|_| fault(&path))?;
            if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
                let all = CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>();
                roots.extend(all.map_err(|_| fault(&path))?);
            } else {
                roots.push(CertificateDer::from(bytes));
            }
        }
        Self::new(roots)
    }

    /// The chain from a certificate to one of the roots, both included, as it holds at a time: for its purpose and,
    /// where lists are given, with none of it revoked by a list in force.
    pub fn chain(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        purpose: Purpose,
        lists: Option<&[&RevocationList]>,
        at: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, Error> {
        match purpose {
            Purpose::Timestamps => self.path(leaf, others, KeyUsage::required(TIME_STAMPING), lists, at),
            Purpose::Sealing => {
                let mut last = Error::UnknownIssuer;
                for purpose in SEALING {
                    match self.path(leaf, others, KeyUsage::required_if_present(purpose), lists, at) {
                        Err(error @ Error::RequiredEkuNotFoundContext(_)) => last = error,
                        other => return other,
                    }
                }
                Err(last)
            }
        }
    }

    fn path(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        usage: KeyUsage,
        lists: Option<&[&RevocationList]>,
        at: Timestamp,
    ) -> Result<Vec<CertificateDer<'static>>, Error> {
        let seconds = u64::try_from(at.as_second()).unwrap_or(0);
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let lists: Option<Vec<_>> = lists.map(|lists| lists.iter().map(|list| list.parsed()).collect());
        let revocation = match &lists {
            None => None,
            Some(lists) => Some(
                RevocationOptionsBuilder::new(lists)
                    .map_err(|_| Error::UnknownRevocationStatus)?
                    .with_depth(RevocationCheckDepth::Chain)
                    .with_status_policy(UnknownStatusPolicy::Deny)
                    .with_expiration_policy(ExpirationPolicy::Enforce)
                    .build(),
            ),
        };
        let end_entity = EndEntityCert::try_from(leaf)?;
        let path = end_entity.verify_for_usage(
            ALL_VERIFICATION_ALGS,
            &self.anchors,
            others,
            at,
            usage,
            revocation,
            None,
        )?;
        let mut chain = vec![leaf.clone().into_owned()];
        chain.extend(
            path.intermediate_certificates()
                .map(|between| between.der().into_owned()),
        );
        let root = self.anchors.iter().position(|anchor| anchor == path.anchor());
        let root = root.and_then(|root| self.roots.get(root)).ok_or(Error::UnknownIssuer)?;
        chain.push(root.clone());
        Ok(chain)
    }
}
