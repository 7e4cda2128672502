use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use jiff::{ToSpan, civil::Date};
use ring::{
    digest::{self, SHA256},
    rand::SecureRandom,
};
use serde_json::{Map, Value};

use super::{
    Certificate, CertificateError, CertificateStore, Revocation, RevocationReason, Status,
    code::{self, CODE_LENGTH},
    content::Content,
    electronic_seal::ElectronicSeal,
    layout::{Press, Sheet},
    long_term::LongTerm,
    ofd,
    seal_picture::SealPicture,
    sealing::{LEGEND, Sealable, sign},
    types::{TypeDefinition, Types},
};
use crate::{
    audit::{Action, Entry},
    clock::{SharedClock, china_date},
    department::{Caller, Department, Directory},
    exchange::{self, Ask, Exchange, Recorder},
    formats::pdf::Prepared,
    ids::{
        CaseId, CertificateIdentifier, CertificateType, DepartmentId, FieldName, OperatorId, Pseudonym, PseudonymKey,
        RequestId, Subject, SubjectId,
    },
    keys::Identity,
};

/// What an [`Issuer`] works with.
pub struct Parts {
    pub store: Arc<dyn CertificateStore>,
    pub exchange: Arc<Exchange>,
    pub directory: Arc<Directory>,
    pub log: Arc<dyn Recorder>,
    pub pseudonyms: Arc<PseudonymKey>,
    pub clock: SharedClock,
    pub random: Arc<dyn SecureRandom + Send + Sync>,
    pub types: Types,
    pub press: Arc<Press>,
    /// The seal of each department that issues.
    pub seals: HashMap<DepartmentId, Arc<Identity>>,
    /// What seals above level B-B need.
    pub long_term: LongTerm,
    /// The electronic seal of each department that issues OFD too.
    pub electronic_seals: HashMap<DepartmentId, Arc<ElectronicSeal>>,
    /// The public portal, such as `https://localhost:8444`: where a certificate sends those who verify it.
    pub portal: String,
}

/// Issues e-certificates, hands them out again, revokes them.
pub struct Issuer {
    pub(super) parts: Parts,
    /// Each department's seal as it was drawn the first time, with the name that it was drawn for.
    pictures: HashMap<DepartmentId, OnceLock<(String, Arc<SealPicture>)>>,
}

/// A request to issue.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub id: &'a RequestId,
    pub caller: &'a Caller,
    pub operator: &'a OperatorId,
    pub case: &'a CaseId,
    pub certificate_type: &'a CertificateType,
    pub subject: &'a Subject,
    /// The caller's own name for this request: the same certificate comes out however often it is repeated.
    pub idempotency_key: &'a str,
}

impl Issuer {
    pub fn new(parts: Parts) -> Self {
        let pictures = parts
            .seals
            .keys()
            .map(|department| (department.clone(), OnceLock::new()))
            .collect();
        Self { parts, pictures }
    }

    pub fn types(&self) -> &Types {
        &self.parts.types
    }

    /// Draws the data, prepares, lays out, seals, delivers.
    ///
    /// The order against a crash: the access is recorded before the data come, the certificate is kept as prepared
    /// before anything is laid out, the intent to seal is durable before the key signs, and the document is durable
    /// before its identifier is told. A repeat with the same key goes on with what was prepared: same identifier, same
    /// code, same date. Whatever was signed and lost on the way had its entry and left nobody's hands.
    pub async fn issue(&self, request: Request<'_>) -> Result<Certificate, CertificateError> {
        let definition = self
            .parts
            .types
            .definition(request.certificate_type)
            .ok_or_else(|| CertificateError::NoSuchType(request.certificate_type.clone()))?;
        let holder = self.parts.pseudonyms.pseudonym(&request.subject.id);
        let request_sha256 = request_digest(&request, &holder);
        let system = &request.caller.system.id;
        let earlier = self
            .parts
            .store
            .by_idempotency_key(system, request.idempotency_key)
            .await;
        let begun = match earlier.map_err(CertificateError::Store)? {
            Some((_, sha256)) if sha256 != request_sha256 => return Err(CertificateError::KeyReused),
            Some((identifier, _)) => Some(self.known(&identifier).await?),
            None => None,
        };
        if let Some(certificate) = begun.as_ref().filter(|known| known.document_sha256.is_some()) {
            return Ok(certificate.clone());
        }

        // No data are drawn for what could not be issued.
        let issuer = self
            .parts
            .directory
            .department(&definition.form.issuer)
            .ok_or(CertificateError::NoSeal)?;
        let seal = self
            .parts
            .seals
            .get(&definition.form.issuer)
            .ok_or(CertificateError::NoSeal)?;
        self.parts.press.ready().await?;

        let records = self.draw(&request, &definition).await?;
        let certificate = match begun {
            Some(certificate) => certificate,
            None => {
                self.prepare(&request, &definition, &issuer, holder, &request_sha256)
                    .await?
            }
        };
        if certificate.document_sha256.is_some() {
            return Ok(certificate);
        }
        let sealable = self
            .lay_out(&request, &definition, &issuer, &certificate, &records)
            .await?;
        let document = self.seal(&request, &definition, &certificate, sealable, seal).await?;
        if let Some(electronic) = self.parts.electronic_seals.get(&definition.form.issuer) {
            let ofd = self
                .seal_ofd(&request, &definition, &issuer, &certificate, (&records, electronic))
                .await?;
            let kept = self
                .parts
                .store
                .deliver_ofd(&certificate.identifier, &ofd, &sha256(&ofd))
                .await;
            kept.map_err(CertificateError::Store)?;
        }
        self.deliver(certificate, &document).await
    }

    /// A certificate, for the department in whose name it was sealed or the one whose system asked for it.
    pub async fn certificate(
        &self,
        caller: &Caller,
        identifier: &CertificateIdentifier,
    ) -> Result<Certificate, CertificateError> {
        let certificate = self.issued(identifier).await?;
        if self.may_see(caller, &certificate) {
            Ok(certificate)
        } else {
            Err(CertificateError::OtherDepartment)
        }
    }

    /// Whether certificates of a department are issued as OFD too.
    pub fn issues_ofd(&self, department: &DepartmentId) -> bool {
        self.parts.electronic_seals.contains_key(department)
    }

    /// The sealed document again, recorded before it leaves.
    pub async fn document(
        &self,
        id: &RequestId,
        caller: &Caller,
        identifier: &CertificateIdentifier,
    ) -> Result<Vec<u8>, CertificateError> {
        self.may_fetch(id, caller, identifier).await?;
        let document = self
            .parts
            .store
            .document(identifier)
            .await
            .map_err(CertificateError::Store)?;
        document.ok_or_else(|| CertificateError::NoSuchCertificate(identifier.clone()))
    }

    /// The same as OFD.
    pub async fn ofd(
        &self,
        id: &RequestId,
        caller: &Caller,
        identifier: &CertificateIdentifier,
    ) -> Result<Vec<u8>, CertificateError> {
        self.may_fetch(id, caller, identifier).await?;
        let ofd = self
            .parts
            .store
            .ofd(identifier)
            .await
            .map_err(CertificateError::Store)?;
        ofd.ok_or(CertificateError::NoOfd)
    }

    async fn may_fetch(
        &self,
        id: &RequestId,
        caller: &Caller,
        identifier: &CertificateIdentifier,
    ) -> Result<(), CertificateError> {
        let certificate = self.issued(identifier).await?;
        let entry = self.entry(id, caller, &certificate, Action::Fetch);
        if !self.may_see(caller, &certificate) {
            self.parts
                .log
                .append(entry.refused("certificate_of_other_department"))
                .await?;
            return Err(CertificateError::OtherDepartment);
        }
        self.parts.log.append(entry).await?;
        Ok(())
    }

    /// Revokes; only the department in whose name it was sealed may. Recorded, with the reason, before it counts.
    pub async fn revoke(
        &self,
        id: &RequestId,
        caller: &Caller,
        identifier: &CertificateIdentifier,
        reason: RevocationReason,
    ) -> Result<Certificate, CertificateError> {
        let certificate = self.issued(identifier).await?;
        let mut entry = self.entry(id, caller, &certificate, Action::Revoke);
        entry.fields = FieldName::parse("revocation_reason")
            .map(|name| (name, Cow::Borrowed(reason.as_str())))
            .into_iter()
            .collect();
        if caller.department.id != certificate.issuer {
            self.parts
                .log
                .append(entry.refused("certificate_of_other_department"))
                .await?;
            return Err(CertificateError::OtherDepartment);
        }
        if certificate.revoked.is_some() {
            return Err(CertificateError::Revoked);
        }
        self.parts.log.append(entry).await?;
        let revocation = Revocation {
            at: self.parts.clock.now(),
            reason,
        };
        let revoked = self
            .parts
            .store
            .revoke(identifier, &revocation)
            .await
            .map_err(CertificateError::Store)?;
        if revoked {
            self.known(identifier).await
        } else {
            Err(CertificateError::Revoked)
        }
    }

    /// Its status today, in China.
    pub fn status(&self, certificate: &Certificate) -> Status {
        certificate.status(china_date(self.parts.clock.now()))
    }

    /// The seal of a department as it stands on its certificates, for pages.
    pub fn seal_picture(&self, department: &Department) -> Result<Arc<SealPicture>, CertificateError> {
        let slot = self.pictures.get(&department.id).ok_or(CertificateError::NoSeal)?;
        if let Some((_, picture)) = slot.get().filter(|(name, _)| *name == department.name) {
            return Ok(Arc::clone(picture));
        }
        let picture = Arc::new(self.parts.press.draw_seal(&department.name, LEGEND)?);
        // A department that was renamed has its seal drawn anew each time until the node starts again.
        let _ = slot.set((department.name.clone(), Arc::clone(&picture)));
        Ok(picture)
    }

    async fn draw(
        &self,
        request: &Request<'_>,
        definition: &TypeDefinition,
    ) -> Result<Vec<Map<String, Value>>, CertificateError> {
        let fields = definition.field_names();
        let released = self
            .parts
            .exchange
            .disclose(exchange::Request {
                id: request.id,
                caller: request.caller,
                operator: request.operator,
                case: request.case,
                resource: &definition.form.resource,
                subject: request.subject,
                ask: Ask::Issue(request.certificate_type, &fields),
            })
            .await?;
        let mut records = released.records;
        let form = &definition.form;
        if records.is_empty() || !records.iter().all(|record| is_of(record, definition, request.subject)) {
            return Err(CertificateError::NothingToCertify);
        }
        if records.len() > form.max_rows {
            return Err(CertificateError::TooLong {
                max_rows: form.max_rows,
            });
        }
        if let Some(field) = &form.order_by {
            let key = |record: &Map<String, Value>| match record.get(field.as_str()) {
                Some(Value::String(text)) => text.clone(),
                other => other.map(ToString::to_string).unwrap_or_default(),
            };
            records.sort_by_cached_key(key);
        }
        Ok(records)
    }

    /// Keeps the certificate as prepared: from here on its identifier is taken.
    async fn prepare(
        &self,
        request: &Request<'_>,
        definition: &TypeDefinition,
        issuer: &Department,
        holder: Pseudonym,
        request_sha256: &[u8; 32],
    ) -> Result<Certificate, CertificateError> {
        let form = &definition.form;
        let issued_at = self.parts.clock.now();
        let valid_from = china_date(issued_at);
        let serial = self
            .parts
            .store
            .next_serial(&issuer.id, &definition.name)
            .await
            .map_err(CertificateError::Store)?;
        let number = format!("{}{serial:06}", valid_from.strftime("%Y%m%d"));
        let mut random = [0; CODE_LENGTH];
        self.parts
            .random
            .fill(&mut random)
            .map_err(|_| CertificateError::Seal("no randomness".to_owned()))?;
        let certificate = Certificate {
            identifier: CertificateIdentifier::new(&form.code, &issuer.credit_code, &number, 1)
                .map_err(|error| CertificateError::Seal(format!("the identifier {error}")))?,
            certificate_type: definition.name.clone(),
            issuer: issuer.id.clone(),
            holder,
            case: request.case.clone(),
            requested_by: request.caller.system.id.clone(),
            issued_at,
            valid_from,
            valid_until: last_day(valid_from, form.validity_days)?,
            revoked: None,
            verification_code: code::from_random(&random),
            document_sha256: None,
        };
        let taken = self
            .parts
            .store
            .prepare(&certificate, request.idempotency_key, request_sha256)
            .await;
        match taken.map_err(CertificateError::Store)? {
            None => Ok(certificate),
            // Another request with the same key came first.
            Some((_, sha256)) if sha256 != *request_sha256 => Err(CertificateError::KeyReused),
            Some((identifier, _)) => self.known(&identifier).await,
        }
    }

    fn sheet(
        &self,
        request: &Request<'_>,
        definition: &Arc<TypeDefinition>,
        issuer: &Arc<Department>,
        certificate: &Certificate,
        records: &[Map<String, Value>],
    ) -> Result<Sheet, CertificateError> {
        Content {
            definition,
            issuer,
            holder: request.subject,
            records,
            identifier: &certificate.identifier,
            number: certificate.identifier.serial(),
            verification_code: &certificate.verification_code,
            portal: &self.parts.portal,
            issued_at: certificate.issued_at,
            valid_from: certificate.valid_from,
            valid_until: certificate.valid_until,
        }
        .sheet()
    }

    async fn lay_out(
        &self,
        request: &Request<'_>,
        definition: &Arc<TypeDefinition>,
        issuer: &Arc<Department>,
        certificate: &Certificate,
        records: &[Map<String, Value>],
    ) -> Result<Sealable, CertificateError> {
        let sheet = self.sheet(request, definition, issuer, certificate, records)?;
        Ok(Sealable {
            laid_out: self.parts.press.lay_out(sheet).await?,
            picture: self.seal_picture(issuer)?,
            issuer: Arc::clone(issuer),
        })
    }

    /// The same pages as OFD, sealed: again the intent is durable before the key is touched. The same certificate gives
    /// the same bytes, however often it is tried.
    async fn seal_ofd(
        &self,
        request: &Request<'_>,
        definition: &Arc<TypeDefinition>,
        issuer: &Arc<Department>,
        certificate: &Certificate,
        (records, seal): (&[Map<String, Value>], &Arc<ElectronicSeal>),
    ) -> Result<Vec<u8>, CertificateError> {
        let sheet = self.sheet(request, definition, issuer, certificate, records)?;
        let title = definition.form.title.clone();
        let sealing = self.parts.press.draw(sheet, title, Arc::clone(seal)).await?;
        let mut entry = self.seal_entry(request, definition, certificate);
        entry.digest = Some(data_encoding::HEXLOWER.encode(&sealing.digest()));
        self.parts.log.append(entry).await?;
        ofd::seal(sealing, seal, certificate.issued_at)
    }

    fn seal_entry(&self, request: &Request<'_>, definition: &TypeDefinition, certificate: &Certificate) -> Entry {
        let mut entry = self.entry(request.id, request.caller, certificate, Action::Seal);
        entry.operator = Some(request.operator.clone());
        entry.resource = Some(definition.form.resource.clone());
        entry.fields = definition
            .form
            .fields
            .iter()
            .map(|field| (field.name.clone(), Cow::Borrowed(field.mask.as_str())))
            .collect();
        entry
    }

    /// Seals: the intent, with the digest of what will be signed, is durable before the key is touched. What can be
    /// found missing before that is; a timestamp can only be missing after it.
    async fn seal(
        &self,
        request: &Request<'_>,
        definition: &TypeDefinition,
        certificate: &Certificate,
        sealable: Sealable,
        seal: &Arc<Identity>,
    ) -> Result<Vec<u8>, CertificateError> {
        let (long_term, level) = (&self.parts.long_term, definition.form.level);
        let ready = long_term.ready(seal, level).await?;
        let room = long_term.contents_bytes(seal, level);
        let prepared = sealable.prepare(&definition.form.title, certificate.issued_at, room)?;
        let mut entry = self.seal_entry(request, definition, certificate);
        entry.digest = Some(digest_of(&prepared));
        self.parts.log.append(entry).await?;
        let signed = sign(seal, &prepared).await?;
        long_term.complete(prepared, signed, level, ready).await
    }

    async fn deliver(&self, certificate: Certificate, document: &[u8]) -> Result<Certificate, CertificateError> {
        let sha256 = sha256(document);
        match self
            .parts
            .store
            .deliver(&certificate.identifier, document, &sha256)
            .await
        {
            Ok(()) => Ok(Certificate {
                document_sha256: Some(sha256),
                ..certificate
            }),
            Err(fault) => {
                // Where a repeat of the request was quicker, its document is the one that counts.
                let known = self.known(&certificate.identifier).await?;
                match known.document_sha256 {
                    Some(_) => Ok(known),
                    None => Err(CertificateError::Store(fault)),
                }
            }
        }
    }

    async fn known(&self, identifier: &CertificateIdentifier) -> Result<Certificate, CertificateError> {
        let known = self
            .parts
            .store
            .certificate(identifier)
            .await
            .map_err(CertificateError::Store)?;
        known.ok_or_else(|| CertificateError::NoSuchCertificate(identifier.clone()))
    }

    /// One that has its document: what is only prepared is nobody's yet.
    async fn issued(&self, identifier: &CertificateIdentifier) -> Result<Certificate, CertificateError> {
        let known = self.known(identifier).await?;
        match known.document_sha256 {
            Some(_) => Ok(known),
            None => Err(CertificateError::NoSuchCertificate(identifier.clone())),
        }
    }

    fn may_see(&self, caller: &Caller, certificate: &Certificate) -> bool {
        let department = &caller.department.id;
        let requester = || self.parts.directory.system(&certificate.requested_by);
        certificate.issuer == *department || requester().is_some_and(|system| system.department == *department)
    }

    fn entry(&self, id: &RequestId, caller: &Caller, certificate: &Certificate, action: Action) -> Entry {
        Entry {
            department: Some(caller.department.id.clone()),
            system: Some(caller.system.id.clone()),
            case: Some(certificate.case.clone()),
            subject: Some(certificate.holder.clone()),
            certificate: Some(certificate.identifier.clone()),
            ..Entry::new(self.parts.clock.now(), id.clone(), action)
        }
    }
}

/// The digest of what will be signed, for the entry that comes before.
pub(super) fn digest_of(prepared: &Prepared) -> String {
    let mut to_sign = digest::Context::new(&SHA256);
    prepared.bytes_to_sign().iter().for_each(|piece| to_sign.update(piece));
    data_encoding::HEXLOWER.encode(to_sign.finish().as_ref())
}

/// Whether a record is about the subject, by number and by name: a provider that finds by number alone must not put
/// one person's number and another's name on a certificate.
fn is_of(record: &Map<String, Value>, definition: &TypeDefinition, subject: &Subject) -> bool {
    let text = |field: &FieldName| {
        record
            .get(field.as_str())
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim()
    };
    let holder = &definition.form.holder;
    let id = match &subject.id {
        SubjectId::Citizen(id) => id.expose(),
        SubjectId::Organisation(code) => code.as_str(),
    };
    text(&holder.id).eq_ignore_ascii_case(id) && text(&holder.name) == subject.name.expose()
}

/// What an idempotency key stands for. The subject is in it by pseudonym: a plain digest of a number could be guessed.
fn request_digest(request: &Request<'_>, holder: &Pseudonym) -> [u8; 32] {
    let parts = [
        request.certificate_type.as_str(),
        request.case.as_str(),
        holder.as_str(),
    ];
    sha256(parts.join("\0").as_bytes())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&SHA256, bytes).as_ref());
    out
}

fn last_day(first: Date, days: u16) -> Result<Date, CertificateError> {
    first
        .checked_add((i64::from(days) - 1).days())
        .map_err(|_| CertificateError::Seal("the validity ends after the calendar".to_owned()))
}
