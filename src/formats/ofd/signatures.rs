//! `Signatures.xml` and `Signature.xml` (GB/T 33190-2016, 18).

use data_encoding::BASE64;
use roxmltree::Node;

use super::{Package, ReadError, resolve, xml};

/// The most signatures of a document.
pub const MAX_SIGNATURES: usize = 100;

/// The most files that one signature refers to.
pub const MAX_REFERENCES: usize = 20_000;

/// The most places at which one seal is stamped.
pub const MAX_STAMPS: usize = 10_000;

/// What the list says a signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedKind {
    /// An electronic seal: the default.
    Seal,
    Sign,
    Other,
}

/// One entry of a list of signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub kind: ListedKind,
    /// The path of its `Signature.xml`; none where its location leads nowhere.
    pub path: Option<String>,
    /// Another signature that this one countersigns.
    pub relative: Option<String>,
}

/// A list of signatures.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    pub list: Vec<Listed>,
}

/// Reads a list of signatures.
pub fn signatures(package: &Package, path: &str) -> Result<Signatures, ReadError> {
    package.check_time()?;
    let content = package.file(path).ok_or_else(|| ReadError::Missing(path.to_owned()))?;
    let document = xml::parse(path, content)?;
    let mut list = Vec::new();
    for entry in xml::children(document.root_element(), "Signature") {
        if list.len() >= MAX_SIGNATURES {
            return Err(ReadError::Limit("MAX_SIGNATURES"));
        }
        list.push(Listed {
            id: attribute(entry, "ID"),
            kind: match entry.attribute("Type") {
                None | Some("Seal") => ListedKind::Seal,
                Some("Sign") => ListedKind::Sign,
                Some(_) => ListedKind::Other,
            },
            path: entry.attribute("BaseLoc").and_then(|location| resolve(path, location)),
            relative: entry.attribute("Relative").map(str::to_owned),
        });
    }
    Ok(Signatures { list })
}

/// How the digests of the files were made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckMethod {
    Sm3,
    Sha256,
    /// MD5, also where nothing is said (GB/T 33190 18.2.3), and SHA-1.
    Weak(&'static str),
    Unknown(String),
}

/// One file that a signature refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceOfFile {
    /// As it is written.
    pub location: String,
    /// The paths it may mean, the likelier first: relative to its own file, or to the package.
    pub paths: Vec<String>,
    pub check_value: Option<Vec<u8>>,
}

/// Where a seal is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    pub page: String,
    /// x, y, width, height in millimetres.
    pub boundary: String,
}

/// A `Signature.xml`.
#[derive(Clone, Debug)]
pub struct SignatureFile {
    pub provider: Option<String>,
    pub method: Option<String>,
    pub time: Option<String>,
    pub check_method: CheckMethod,
    pub references: Vec<ReferenceOfFile>,
    pub stamps: Vec<Stamp>,
    /// The path of the seal's own file.
    pub seal: Option<String>,
    /// The path of the signature value.
    pub value: Option<String>,
}

/// Why a `Signature.xml` says nothing that can be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFileError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("`{0}` does not stand exactly once")]
    Count(&'static str),
    #[error("a digest is not Base64")]
    CheckValue,
}

/// Reads a `Signature.xml`.
pub fn signature_file(package: &Package, path: &str) -> Result<SignatureFile, SignatureFileError> {
    package.check_time()?;
    let content = package.file(path).ok_or_else(|| ReadError::Missing(path.to_owned()))?;
    let document = xml::parse(path, content)?;
    let root = document.root_element();
    let info = one(root, "SignedInfo")?.ok_or(SignatureFileError::Count("SignedInfo"))?;
    let list = one(info, "References")?.ok_or(SignatureFileError::Count("References"))?;
    let mut references = Vec::new();
    for entry in xml::children(list, "Reference") {
        if references.len() >= MAX_REFERENCES {
            return Err(ReadError::Limit("MAX_REFERENCES").into());
        }
        references.push(reference(path, entry)?);
    }
    let mut stamps = Vec::new();
    for stamp in xml::children(info, "StampAnnot") {
        if stamps.len() >= MAX_STAMPS {
            return Err(ReadError::Limit("MAX_STAMPS").into());
        }
        stamps.push(Stamp {
            page: attribute(stamp, "PageRef"),
            boundary: attribute(stamp, "Boundary"),
        });
    }
    let seal = one(info, "Seal")?.map(|seal| one(seal, "BaseLoc").map(|location| location.map(xml::text)));
    let provider = one(info, "Provider")?.map(|provider| {
        let child = xml::children(provider, "ProviderName").next().map(xml::text);
        child.unwrap_or_else(|| attribute(provider, "ProviderName"))
    });
    Ok(SignatureFile {
        provider: provider.filter(|name| !name.is_empty()),
        method: one(info, "SignatureMethod")?.map(xml::text),
        time: one(info, "SignatureDateTime")?.map(xml::text),
        check_method: check_method(list.attribute("CheckMethod")),
        references,
        stamps,
        seal: seal
            .transpose()?
            .flatten()
            .and_then(|location| resolve(path, &location)),
        value: one(root, "SignedValue")?.and_then(|location| resolve(path, &xml::text(location))),
    })
}

fn reference(path: &str, entry: Node<'_, '_>) -> Result<ReferenceOfFile, SignatureFileError> {
    let location = attribute(entry, "FileRef");
    let mut paths = Vec::new();
    for from in [path, super::ROOT] {
        if let Some(found) = resolve(from, &location)
            && !paths.contains(&found)
        {
            paths.push(found);
        }
    }
    let check_value = match one(entry, "CheckValue")? {
        None => None,
        Some(value) => {
            let text: String = xml::text(value).split_ascii_whitespace().collect();
            let value = BASE64.decode(text.as_bytes());
            Some(value.map_err(|_| SignatureFileError::CheckValue)?)
        }
    };
    Ok(ReferenceOfFile {
        location,
        paths,
        check_value,
    })
}

fn check_method(name: Option<&str>) -> CheckMethod {
    let Some(name) = name.map(str::trim) else {
        return CheckMethod::Weak("MD5");
    };
    match name.to_ascii_uppercase().as_str() {
        // The digest, and the digest without a key: both are written.
        "SM3" | "1.2.156.10197.1.401" | "1.2.156.10197.1.401.1" | "1.2.156.10197.1.401.2" => CheckMethod::Sm3,
        "SHA256" | "SHA-256" | "2.16.840.1.101.3.4.2.1" => CheckMethod::Sha256,
        "" | "MD5" | "1.2.840.113549.2.5" => CheckMethod::Weak("MD5"),
        "SHA1" | "SHA-1" | "1.3.14.3.2.26" => CheckMethod::Weak("SHA-1"),
        _ => CheckMethod::Unknown(name.chars().take(60).collect()),
    }
}

/// The only child of a name; two would be two readings.
fn one<'a, 'input>(node: Node<'a, 'input>, name: &'static str) -> Result<Option<Node<'a, 'input>>, SignatureFileError> {
    let mut found = xml::children(node, name);
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        _ => Err(SignatureFileError::Count(name)),
    }
}

fn attribute(node: Node<'_, '_>, name: &str) -> String {
    node.attribute(name).unwrap_or_default().trim().to_owned()
}
