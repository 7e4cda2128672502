//! Papers of this node's own that are no certificates, such as the report on a verification.

use std::sync::Arc;

use super::{
    CertificateError, Issuer,
    layout::Sheet,
    sealing::{Sealable, sign},
};
use crate::{
    audit::{Action, Entry},
    ids::{DepartmentId, RequestId},
};

impl Issuer {
    /// Whether this department has a seal here.
    pub fn can_seal(&self, department: &DepartmentId) -> bool {
        self.parts.seals.contains_key(department) && self.parts.directory.department(department).is_some()
    }

    /// What people call a department.
    pub fn name_of(&self, department: &DepartmentId) -> Option<String> {
        let department = self.parts.directory.department(department)?;
        Some(department.name.clone())
    }

    /// Where the public reaches this node.
    pub fn portal(&self) -> &str {
        &self.parts.portal
    }

    /// Lays out a paper and seals it in the name of a department. As with a certificate, the intent to seal, with the
    /// digest of what will be signed, is durable before the key is touched. `claimed` is the time that the seal claims.
    pub async fn seal_paper(
        &self,
        id: &RequestId,
        department: &DepartmentId,
        title: &str,
        mut sheet: Sheet,
    ) -> Result<Vec<u8>, CertificateError> {
        let issuer = self
            .parts
            .directory
            .department(department)
            .ok_or(CertificateError::NoSeal)?;
        let seal = self.parts.seals.get(department).ok_or(CertificateError::NoSeal)?;
        self.parts.press.ready().await?;
        self.parts.press.mark_missing(&mut sheet.content)?;
        let now = sheet.issued_at;
        let sealable = Sealable {
            laid_out: self.parts.press.lay_out(sheet).await?,
            picture: self.seal_picture(&issuer)?,
            issuer: Arc::clone(&issuer),
        };
        let (long_term, level) = (&self.parts.long_term, self.parts.long_term.highest());
        let ready = long_term.ready(seal, level).await?;
        let prepared = sealable.prepare(title, now, long_term.contents_bytes(seal, level))?;
        let entry = Entry {
            department: Some(department.clone()),
            digest: Some(super::issuer::digest_of(&prepared)),
            ..Entry::new(self.parts.clock.now(), id.clone(), Action::Seal)
        };
        self.parts.log.append(entry).await?;
        let signed = sign(seal, &prepared).await?;
        long_term.complete(prepared, signed, level, ready).await
    }
}
