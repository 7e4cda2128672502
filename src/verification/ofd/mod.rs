//! The verdict on an OFD: every layer by itself, in the order of GB/T 38540-2020 7.3, as each catches what the others
//! do not.

mod coverage;
mod picture;
mod seal;
mod stamps;
mod value;

use std::time::Instant;

use jiff::Timestamp;
use sm3::{Digest as _, Sm3};

use self::coverage::{Covered, Digests};
use super::{
    Draft, Limits, SignatureKind, SignatureReport, Statement, Trust,
    findings::{Code, Outcome},
};
use crate::formats::{
    ofd::{self, Doubt, Listed, ListedKind, Package, Parts, ReadError, SignatureFile, SignatureFileError, stated},
    ses::{self, Value},
};

/// Against what everything in a document is judged.
#[derive(Clone, Copy)]
struct Scope<'a> {
    trust: &'a Trust,
    at: Timestamp,
}

/// Judges an OFD into an empty draft, within limits, from a time on.
pub fn judge(draft: &mut Draft, bytes: &[u8], trust: &Trust, at: Timestamp, (limits, started): (&Limits, Instant)) {
    let end = started.checked_add(limits.time);
    if let Err(error) = judge_package(draft, bytes, Scope { trust, at }, end) {
        match error {
            ReadError::Limit(limit) => draft.find(Code::LimitExceeded, None, limit),
            error => draft.find(Code::Unreadable, None, &error.to_string()),
        }
    }
}

fn judge_package(draft: &mut Draft, bytes: &[u8], scope: Scope<'_>, end: Option<Instant>) -> Result<(), ReadError> {
    let package = Package::read_until(bytes, end)?;
    let parts = ofd::parts(&package)?;
    for doubt in package.doubts().chain(&parts.doubts) {
        if !matches!(doubt, Doubt::Missing(_)) {
            doubtful(draft, doubt);
        }
    }
    let sound = draft.outcome == Outcome::PASSED;
    // What is not there is not shown: it takes nothing from what can be told of the files that were signed.
    for doubt in &parts.doubts {
        if matches!(doubt, Doubt::Missing(_)) {
            doubtful(draft, doubt);
        }
    }
    let said = stated(&package, &parts).into_iter();
    draft.report.stated = said
        .map(|said| Statement {
            name: said.name,
            value: said.value,
        })
        .collect();
    let mut modified = Vec::new();
    let mut listed = Vec::new();
    for list in &parts.signature_lists {
        match ofd::signatures(&package, list) {
            Ok(found) => listed.extend(found.list.into_iter().map(|entry| (list.as_str(), entry))),
            Err(error) => draft.find(Code::SignatureListUnreadable, None, &error.to_string()),
        }
    }
    if listed.len() > ofd::MAX_SIGNATURES {
        return Err(ReadError::Limit("MAX_SIGNATURES"));
    }
    find_strays(draft, &package, &parts, &listed);
    let context = Context {
        package: &package,
        digests: Digests::new(&package),
        covered: Covered::new(&package, &parts, &listed),
        scope,
    };
    for (list, entry) in &listed {
        modified.push(context.judge(draft, list, entry)?);
    }
    if listed.is_empty() {
        draft.find(Code::NoSignature, None, "");
    }
    draft.report.modified_after_signing = match modified.as_slice() {
        _ if modified.contains(&Some(true)) => Some(true),
        [] => None,
        all if sound && all.iter().all(|one| *one == Some(false)) => Some(false),
        _ => None,
    };
    Ok(())
}

fn doubtful(draft: &mut Draft, doubt: &Doubt) {
    let (code, detail) = match doubt {
        Doubt::NameTwice => (Code::PackageAmbiguous, "ZIP: names twice".to_owned()),
        Doubt::NameCase(name) => (Code::PackageAmbiguous, format!("Aa: {name}")),
        Doubt::Name(name) => (Code::PackageAmbiguous, format!("path: {name}")),
        Doubt::Headers => (Code::PackageAmbiguous, "ZIP: headers".to_owned()),
        Doubt::Entry(name) => (Code::PackageAmbiguous, format!("ZIP: {name}")),
        Doubt::Xml(name) => (Code::PackageAmbiguous, format!("XML: {name}")),
        Doubt::Missing(location) => (Code::PartMissing, location.clone()),
    };
    draft.find(code, None, &detail);
}

/// A signature that no list names: it was taken off, or put there to be found by others.
fn find_strays(draft: &mut Draft, package: &Package, parts: &Parts<'_>, listed: &[(&str, Listed)]) {
    let known = |path: &str| listed.iter().any(|(_, entry)| entry.path.as_deref() == Some(path));
    let is_description = |path: &str| {
        path.rsplit('/')
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case("Signature.xml"))
    };
    let stray = |path: &&str| is_description(path) && !known(path) && !parts.reached.contains_key(*path);
    if package.paths().any(|path| stray(&path)) {
        draft.find(Code::StraySignature, None, "");
    }
}

/// What all signatures of a document are judged against.
struct Context<'a> {
    package: &'a Package,
    digests: Digests<'a>,
    covered: Covered<'a>,
    scope: Scope<'a>,
}

impl Context<'_> {
    /// Judges one signature, and returns whether the document was modified after it, as far as that can be told.
    fn judge(&self, draft: &mut Draft, list: &str, entry: &Listed) -> Result<Option<bool>, ReadError> {
        self.package.check_time()?;
        let place = draft.report.signatures.len();
        draft.report.signatures.push(blank(entry));
        let path = entry.path.as_deref().unwrap_or_default();
        let file = match ofd::signature_file(self.package, path) {
            Ok(file) => file,
            Err(SignatureFileError::Read(ReadError::Limit(limit))) => {
                draft.find(Code::LimitExceeded, Some(place), limit);
                return Ok(None);
            }
            Err(error) => {
                draft.find(Code::SignatureFileUnreadable, Some(place), &error.to_string());
                return Ok(None);
            }
        };
        let changed = coverage::judge_references(draft, place, &self.digests, &file)?;
        let whole = self.covered.judge(draft, place, &file, list);
        let value = self.judge_value(draft, place, path, &file, entry);
        let sound_so_far = changed == Some(false);
        if let Some(own) = draft.report.signatures.get_mut(place) {
            own.covers_whole_document = whole;
            own.intact = sound_so_far && value == Some(false);
        }
        Ok(match (changed, value) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) if whole => Some(false),
            _ => None,
        })
    }

    /// The signature value over `Signature.xml`, and the seal. Returns whether either of them shows a change; false only
    /// where both are right.
    fn judge_value(
        &self,
        draft: &mut Draft,
        place: usize,
        path: &str,
        file: &SignatureFile,
        entry: &Listed,
    ) -> Option<bool> {
        let description = self.package.file(path)?;
        let Some(stored) = self.value_file(path, file) else {
            draft.find(Code::SignatureValueMissing, Some(place), "");
            return None;
        };
        let value = match ses::read(stored) {
            Ok(value) => value,
            Err(ses::SesError::Limit(limit)) => {
                draft.find(Code::LimitExceeded, Some(place), limit);
                return None;
            }
            Err(error) => {
                draft.find(Code::SealUnreadable, Some(place), &error.to_string());
                return None;
            }
        };
        let is_seal = matches!(value, Value::Seal(_));
        if is_seal != (entry.kind == ListedKind::Seal) {
            draft.find(Code::SignatureTypeDiffers, Some(place), "");
        }
        if let Some(own) = draft.report.signatures.get_mut(place) {
            own.kind = if is_seal {
                SignatureKind::Seal
            } else {
                SignatureKind::Signature
            };
        }
        match value {
            Value::Seal(signature) => {
                let own_file = self.seal_file(path, file);
                seal::judge(draft, place, &signature, (path, description), own_file, self.scope)
            }
            Value::Message(message) => value::judge_message(draft, place, &message, description, self.scope),
            Value::Bare(_) => {
                // Whose key it is stands nowhere in the file.
                draft.find(Code::SignerMissing, Some(place), "");
                None
            }
        }
    }

    /// The signature value by its location, or where it usually stands.
    fn value_file(&self, path: &str, file: &SignatureFile) -> Option<&[u8]> {
        let usual = ["SignedValue.dat", "SignValue.dat"].map(|name| ofd::resolve(path, name));
        let named = match &file.value {
            Some(named) => Some(named.clone()),
            None => usual.into_iter().flatten().find(|path| self.package.has(path)),
        };
        named.and_then(|path| self.package.file(&path))
    }

    fn seal_file(&self, path: &str, file: &SignatureFile) -> Option<&[u8]> {
        let usual = ofd::resolve(path, "Seal.esl");
        let named = file.seal.as_ref().or(usual.as_ref())?;
        self.package.file(named)
    }
}

fn sm3(bytes: &[u8]) -> [u8; 32] {
    Sm3::digest(bytes).into()
}

fn blank(entry: &Listed) -> SignatureReport {
    SignatureReport {
        name: entry.id.chars().take(100).collect(),
        kind: match entry.kind {
            ListedKind::Seal => SignatureKind::Seal,
            _ => SignatureKind::Signature,
        },
        intact: false,
        trusted: false,
        indication: Outcome::PASSED.indication,
        sub_indication: None,
        signer: None,
        seal_name: None,
        seal_picture: None,
        signing_time: None,
        signing_time_proof: None,
        algorithm: None,
        covers_whole_document: false,
        signed_bytes: None,
        revision: 0,
        changes: Vec::new(),
        chain: Vec::new(),
        revocation: None,
        best_signature_time: None,
        timestamps: Vec::new(),
        revocations: Vec::new(),
    }
}
