//! What a signature covers, and what can still change what is shown.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use sm3::{Digest as _, Sm3};

use super::Draft;
use crate::{
    formats::ofd::{CheckMethod, Listed, Package, Part, Parts, ReadError, SignatureFile},
    verification::findings::Code,
};

/// How many paths a finding names.
const MAX_NAMED: usize = 5;

/// Digests of the files of a package: each is made once, however many signatures list it.
pub struct Digests<'a> {
    package: &'a Package,
    made: RefCell<BTreeMap<(bool, String), Vec<u8>>>,
}

/// What is digested before time is looked at again, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;

impl<'a> Digests<'a> {
    pub fn new(package: &'a Package) -> Self {
        Self {
            package,
            made: RefCell::default(),
        }
    }

    /// Whether a file has the digest, by SM3 or else by SHA-256.
    fn is(&self, path: &str, by_sm3: bool, expected: &[u8]) -> Result<bool, ReadError> {
        let key = (by_sm3, path.to_owned());
        if let Some(known) = self.made.borrow().get(&key) {
            return Ok(known == expected);
        }
        let content = self.package.file(path).unwrap_or_default();
        let digest = if by_sm3 {
            let mut state = Sm3::new();
            for chunk in content.chunks(CHUNK_BYTES) {
                self.package.check_time()?;
                state.update(chunk);
            }
            state.finalize().to_vec()
        } else {
            let mut state = ring::digest::Context::new(&ring::digest::SHA256);
            for chunk in content.chunks(CHUNK_BYTES) {
                self.package.check_time()?;
                state.update(chunk);
            }
            state.finish().as_ref().to_vec()
        };
        let same = digest == expected;
        self.made.borrow_mut().insert(key, digest);
        Ok(same)
    }
}

/// Checks every digest that a signature lists. Returns whether anything was changed; none where a digest cannot be
/// told.
pub fn judge_references(
    draft: &mut Draft,
    place: usize,
    digests: &Digests<'_>,
    file: &SignatureFile,
) -> Result<Option<bool>, ReadError> {
    let package = digests.package;
    let by_sm3 = match &file.check_method {
        CheckMethod::Sm3 => true,
        CheckMethod::Sha256 => false,
        CheckMethod::Weak(name) => {
            draft.find(Code::AlgorithmWeak, Some(place), name);
            return Ok(None);
        }
        CheckMethod::Unknown(name) => {
            draft.find(Code::AlgorithmUnknown, Some(place), name);
            return Ok(None);
        }
    };
    let (mut changed, mut removed, mut told) = (Vec::new(), Vec::new(), true);
    for reference in &file.references {
        let mut found = reference.paths.iter().filter(|path| package.has(path));
        let (first, second) = (found.next(), found.next());
        let Some(expected) = &reference.check_value else {
            draft.find(Code::PartDigestMissing, Some(place), &named(&[&reference.location]));
            told = false;
            continue;
        };
        let Some(path) = first else {
            removed.push(reference.location.as_str());
            continue;
        };
        if second.is_some() {
            draft.find(Code::PartAmbiguous, Some(place), &named(&[&reference.location]));
            told = false;
        }
        if !digests.is(path, by_sm3, expected)? {
            changed.push(reference.location.as_str());
        }
    }
    if !changed.is_empty() {
        draft.find(Code::PartChanged, Some(place), &named(&changed));
    }
    if !removed.is_empty() {
        draft.find(Code::PartRemoved, Some(place), &named(&removed));
    }
    Ok(match changed.is_empty() && removed.is_empty() {
        false => Some(true),
        true => told.then_some(false),
    })
}

/// What signatures can cover: everything but themselves.
pub struct Covered<'a> {
    parts: &'a Parts<'a>,
    /// Files that nothing leads to, and that are no signature's own.
    unused: Vec<&'a str>,
}

impl<'a> Covered<'a> {
    pub fn new(package: &'a Package, parts: &'a Parts<'a>, listed: &[(&str, Listed)]) -> Self {
        let folders: BTreeSet<&str> = listed
            .iter()
            .filter_map(|(_, entry)| entry.path.as_deref()?.rsplit_once('/').map(|(folder, _)| folder))
            .collect();
        let of_signature = |path: &str| {
            let in_folder = path
                .rsplit_once('/')
                .is_some_and(|(folder, _)| folders.contains(folder));
            in_folder || parts.signature_lists.iter().any(|list| list == path)
        };
        let unused = package
            .paths()
            .filter(|path| !parts.reached.contains_key(*path) && !of_signature(path))
            .collect();
        Self { parts, unused }
    }

    /// Finds what a signature leaves open, by kind. Returns whether it covers all that is shown.
    pub fn judge(&self, draft: &mut Draft, place: usize, file: &SignatureFile, list: &str) -> bool {
        let listed: BTreeSet<&str> = file
            .references
            .iter()
            .filter(|reference| reference.check_value.is_some())
            .flat_map(|reference| reference.paths.iter().map(String::as_str))
            .collect();
        let mut open: BTreeMap<Part, Vec<&str>> = BTreeMap::new();
        for (path, part) in &self.parts.reached {
            if !listed.contains(path.as_str()) {
                open.entry(*part).or_default().push(path);
            }
        }
        for (part, paths) in &open {
            draft.find(code_of(*part), Some(place), &named(paths));
        }
        let unused: Vec<_> = self
            .unused
            .iter()
            .copied()
            .filter(|path| !listed.contains(path))
            .collect();
        if !unused.is_empty() {
            draft.find(Code::UnusedUncovered, Some(place), &named(&unused));
        }
        if !listed.contains(list) {
            draft.find(Code::ListUncovered, Some(place), "");
        }
        open.is_empty()
    }
}

fn code_of(part: Part) -> Code {
    match part {
        Part::Document => Code::DocumentUncovered,
        Part::Page => Code::PageUncovered,
        Part::Template => Code::TemplateUncovered,
        Part::Resource => Code::ResourceUncovered,
        Part::Annotation => Code::AnnotationUncovered,
        Part::Attachment => Code::AttachmentUncovered,
        Part::Tag => Code::TagUncovered,
        Part::Other => Code::OtherUncovered,
    }
}

/// The first of the paths, and how many more there are.
fn named(paths: &[&str]) -> String {
    let mut text = paths
        .iter()
        .take(MAX_NAMED)
        .map(|path| path.chars().take(120).collect::<String>())
        .collect::<Vec<_>>()
        .join(", ");
    if paths.len() > MAX_NAMED {
        text.push_str(&format!(" … +{}", paths.len() - MAX_NAMED));
    }
    text
}
