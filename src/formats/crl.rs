//! Certificate revocation lists (RFC 5280 5), as stored.

use std::sync::Arc;

use const_oid::ObjectIdentifier;
use jiff::Timestamp;
use x509_parser::{
    extensions::{ParsedExtension, SubjectAlternativeName, X509Extension},
    prelude::FromDer,
    revocation_list::{CertificateRevocationList, RevokedCertificate},
    time::ASN1Time,
};

use super::x509::{GeneralName, Name, Signed, name_of, names, point_names, serial, timestamp};

/// The largest CRL that is read, in bytes.
pub const MAX_CRL_BYTES: usize = 16 * 1024 * 1024;

/// Why a CRL is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrlError {
    #[error("the limit {0} is exceeded")]
    Limit(&'static str),
    #[error("the bytes are not a CRL")]
    Form,
}

/// What a CRL says.
#[derive(Clone, Debug)]
pub struct Crl {
    pub signed: Signed,
    pub issuer: Name,
    pub authority_key: Option<Vec<u8>>,
    pub this_update: Timestamp,
    pub next_update: Option<Timestamp>,
    /// It only says what changed since another one.
    pub is_delta: bool,
    /// An extension of it or of an entry is critical and not understood: it cannot be relied on (RFC 5280 5.2).
    pub unknown_critical: bool,
    pub scope: Scope,
    /// It keeps X.509 certificates that expired since then (`expiredCertsOnCRL`, X.509 9.5.2.8).
    pub keeps_expired_since: Option<Timestamp>,
    /// Sorted by serial number.
    entries: Vec<Entry>,
}

/// What the CRL is about (`issuingDistributionPoint`).
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// It is about X.509 certificates that name one of these distribution points.
    pub points: Vec<GeneralName>,
    pub only_users: bool,
    pub only_authorities: bool,
    pub only_attributes: bool,
    pub some_reasons: bool,
    /// It has entries of other issuers.
    pub indirect: bool,
}

/// An X.509 certificate that is revoked.
#[derive(Clone, Debug)]
pub struct Entry {
    serial: Vec<u8>,
    /// Whose it is, where that is not the CRL's issuer.
    issuer: Option<Arc<Name>>,
    pub revoked_at: Timestamp,
    pub reason: Option<Reason>,
    /// Since when it is known or suspected not to be valid (RFC 5280 5.3.2).
    pub invalid_since: Option<Timestamp>,
}

/// CRLReason (RFC 5280 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    KeyCompromise,
    AuthorityCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    Hold,
    RemoveFromCrl,
    PrivilegeWithdrawn,
    AttributeCompromise,
    Other(u8),
}

impl Reason {
    pub fn new(code: u8) -> Self {
        match code {
            1 => Self::KeyCompromise,
            2 => Self::AuthorityCompromise,
            3 => Self::AffiliationChanged,
            4 => Self::Superseded,
            5 => Self::CessationOfOperation,
            6 => Self::Hold,
            8 => Self::RemoveFromCrl,
            9 => Self::PrivilegeWithdrawn,
            10 => Self::AttributeCompromise,
            other => Self::Other(other),
        }
    }

    /// Its name in RFC 5280.
    pub fn name(self) -> &'static str {
        match self {
            Self::KeyCompromise => "keyCompromise",
            Self::AuthorityCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::Hold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AttributeCompromise => "aACompromise",
            Self::Other(_) => "unspecified",
        }
    }
}

/// `expiredCertsOnCRL`, `certificateIssuer`, `freshestCRL`, `deltaCRLIndicator`.
const EXPIRED_CERTIFICATES: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.60");
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");
const DELTA_INDICATOR: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

impl Crl {
    /// Reads DER; nothing may follow it.
    pub fn parse(der: &[u8]) -> Result<Self, CrlError> {
        if der.len() > MAX_CRL_BYTES {
            return Err(CrlError::Limit("MAX_CRL_BYTES"));
        }
        let (rest, parsed) = CertificateRevocationList::from_der(der).map_err(|_| CrlError::Form)?;
        let signed = Signed::split(der).ok_or(CrlError::Form)?;
        let list = &parsed.tbs_cert_list;
        if !rest.is_empty() || parsed.signature_algorithm != list.signature {
            return Err(CrlError::Form);
        }
        let mut crl = Self {
            signed,
            issuer: name_of(&list.issuer),
            authority_key: None,
            this_update: timestamp(list.this_update),
            next_update: list.next_update.map(timestamp),
            is_delta: false,
            unknown_critical: false,
            scope: Scope::default(),
            keeps_expired_since: None,
            entries: Vec::with_capacity(list.revoked_certificates.len()),
        };
        for extension in list.extensions() {
            crl.take(extension)?;
        }
        let mut issuer: Option<Arc<Name>> = None;
        for revoked in &list.revoked_certificates {
            let entry = crl.entry(revoked, &mut issuer)?;
            crl.entries.push(entry);
        }
        crl.entries.sort_by(|one, other| one.serial.cmp(&other.serial));
        Ok(crl)
    }

    /// The entries about a serial number of an issuer.
    pub fn entries_of<'a>(&'a self, serial: &'a [u8], issuer: &'a Name) -> impl Iterator<Item = &'a Entry> {
        let from = self.entries.partition_point(|entry| entry.serial.as_slice() < serial);
        let same = self.entries.get(from..).unwrap_or_default().iter();
        same.take_while(move |entry| entry.serial == serial)
            .filter(move |entry| entry.issuer.as_deref().unwrap_or(&self.issuer) == issuer)
    }

    fn take(&mut self, extension: &X509Extension<'_>) -> Result<(), CrlError> {
        match extension.parsed_extension() {
            ParsedExtension::ParseError { .. } => return Err(CrlError::Form),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                self.authority_key = id.key_identifier.as_ref().map(|id| id.0.to_vec());
            }
            ParsedExtension::CRLNumber(_) | ParsedExtension::IssuerAlternativeName(_) => {}
            ParsedExtension::IssuingDistributionPoint(point) => {
                self.scope = Scope {
                    points: point_names(point.distribution_point.as_ref()).map_err(|_| CrlError::Form)?,
                    only_users: point.only_contains_user_certs,
                    only_authorities: point.only_contains_ca_certs,
                    only_attributes: point.only_contains_attribute_certs,
                    some_reasons: point.only_some_reasons.is_some(),
                    indirect: point.indirect_crl,
                };
            }
            _ if extension.oid.as_bytes() == DELTA_INDICATOR.as_bytes() => self.is_delta = true,
            _ if extension.oid.as_bytes() == EXPIRED_CERTIFICATES.as_bytes() => {
                let (_, since) = ASN1Time::from_der(extension.value).map_err(|_| CrlError::Form)?;
                self.keeps_expired_since = Some(timestamp(since));
            }
            _ => self.unknown_critical |= extension.critical,
        }
        Ok(())
    }

    /// `issuer` is the one that holds for this entry and those after it (RFC 5280 5.3.3).
    fn entry(&mut self, revoked: &RevokedCertificate<'_>, issuer: &mut Option<Arc<Name>>) -> Result<Entry, CrlError> {
        let mut entry = Entry {
            serial: serial(revoked.raw_serial()),
            issuer: None,
            revoked_at: timestamp(revoked.revocation_date),
            reason: None,
            invalid_since: None,
        };
        for extension in revoked.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::ParseError { .. } => return Err(CrlError::Form),
                ParsedExtension::ReasonCode(code) => entry.reason = Some(Reason::new(code.0)),
                ParsedExtension::InvalidityDate(date) => entry.invalid_since = Some(timestamp(*date)),
                _ if extension.oid.as_bytes() == CERTIFICATE_ISSUER.as_bytes() => {
                    let (_, all) = SubjectAlternativeName::from_der(extension.value).map_err(|_| CrlError::Form)?;
                    let all = names(&all.general_names).map_err(|_| CrlError::Form)?;
                    let directory = all.into_iter().find_map(|name| match name {
                        GeneralName::Directory(name) => Some(name),
                        _ => None,
                    });
                    *issuer = Some(Arc::new(directory.ok_or(CrlError::Form)?));
                }
                _ => self.unknown_critical |= extension.critical,
            }
        }
        entry.issuer.clone_from(issuer);
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer, KeyIdMethod, KeyPair,
        KeyUsagePurpose, RevocationReason, RevokedCertParams, SerialNumber, date_time_ymd,
    };

    use super::*;

    fn sample() -> Vec<u8> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let issuer = Issuer::new(params, key);
        let revoked = |serial: u64| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2025, 1, 1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: Some(date_time_ymd(2024, 1, 1)),
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 2, 1),
            next_update: date_time_ymd(2025, 3, 1),
            crl_number: SerialNumber::from(7),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked(77), revoked(5), revoked(300)],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&issuer).unwrap().der().to_vec()
    }

    #[test]
    fn an_entry_is_found_by_its_serial_number_and_issuer() {
        let crl = Crl::parse(&sample()).unwrap();
        let entry = crl.entries_of(&[77], &crl.issuer).next().unwrap();
        assert_eq!(entry.reason, Some(Reason::KeyCompromise));
        assert_eq!(entry.invalid_since, Some("2024-01-01T00:00:00Z".parse().unwrap()));
        assert!(crl.entries_of(&[78], &crl.issuer).next().is_none());
        assert!(crl.entries_of(&[1, 44], &crl.issuer).next().is_some());
    }

    #[test]
    fn what_is_cut_short_or_followed_by_more_is_no_crl() {
        let der = sample();
        for end in 0..der.len() {
            assert!(Crl::parse(&der[..end]).is_err());
        }
        assert!(Crl::parse(&[der.as_slice(), &[0]].concat()).is_err());
    }
}
