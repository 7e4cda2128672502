//! The seal of a document that is written: what it covers, where it stands.

use data_encoding::BASE64;
use jiff::{Timestamp, tz::TimeZone};
use sm3::{Digest as _, Sm3};

use super::{
    out::escaped,
    write::{LIST, WriteError, Written, pack},
};

const FOLDER: &str = "Doc_0/Signs/Sign_0";

/// Where a seal is shown, in millimetres from the upper left corner of a page.
pub struct NewStamp {
    /// From 0.
    pub page: usize,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

/// A document that waits for the value of its seal.
pub struct Sealing {
    files: Vec<(String, Vec<u8>)>,
    description: Vec<u8>,
}

/// Describes the seal (an SESeal) over all files but the list of signatures, which is left open for those who sign
/// later.
pub fn prepare(written: Written, seal: &[u8], stamp: &NewStamp, provider: &str, at: Timestamp) -> Sealing {
    let Written { mut files, pages } = written;
    files.push((format!("{FOLDER}/Seal.esl"), seal.to_vec()));
    let references: String = files
        .iter()
        .map(|(path, content)| {
            format!(
                "<ofd:Reference FileRef=\"/{}\"><ofd:CheckValue>{}</ofd:CheckValue></ofd:Reference>",
                escaped(path),
                BASE64.encode(&Sm3::digest(content))
            )
        })
        .collect();
    let page = pages.get(stamp.page).copied().unwrap_or_default();
    let provider = escaped(provider);
    let time = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%SZ").to_string();
    let method = "1.2.156.10197.1.501";
    let description = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:Signature xmlns:ofd=\"http://www.ofdspec.org/2016\">\
         <ofd:SignedInfo><ofd:Provider ProviderName=\"{provider}\" Company=\"{provider}\" Version=\"{}\"/>\
         <ofd:SignatureMethod>{method}</ofd:SignatureMethod><ofd:SignatureDateTime>{time}</ofd:SignatureDateTime>\
         <ofd:References CheckMethod=\"1.2.156.10197.1.401\">{references}</ofd:References>\
         <ofd:StampAnnot ID=\"s1\" PageRef=\"{page}\" Boundary=\"{:.3} {:.3} {:.3} {:.3}\"/>\
         <ofd:Seal><ofd:BaseLoc>/{FOLDER}/Seal.esl</ofd:BaseLoc></ofd:Seal></ofd:SignedInfo>\
         <ofd:SignedValue>/{FOLDER}/SignedValue.dat</ofd:SignedValue></ofd:Signature>",
        env!("CARGO_PKG_VERSION"),
        stamp.x,
        stamp.y,
        stamp.width,
        stamp.height,
    );
    Sealing {
        files,
        description: description.into_bytes(),
    }
}

impl Sealing {
    /// The digest that the seal's signature is over.
    pub fn digest(&self) -> [u8; 32] {
        Sm3::digest(&self.description).into()
    }

    /// The path of the description, as the signature names it.
    pub fn path(&self) -> String {
        format!("/{FOLDER}/Signature.xml")
    }

    /// The package, with the value (an SES_Signature).
    pub fn finish(self, value: Vec<u8>) -> Result<Vec<u8>, WriteError> {
        let mut files = self.files;
        let list = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ofd:Signatures xmlns:ofd=\"http://www.ofdspec.org/2016\">\
             <ofd:MaxSignId>1</ofd:MaxSignId><ofd:Signature ID=\"1\" Type=\"Seal\" BaseLoc=\"/{FOLDER}/Signature.xml\"/>\
             </ofd:Signatures>"
        );
        files.push((LIST.to_owned(), list.into_bytes()));
        files.push((format!("{FOLDER}/Signature.xml"), self.description));
        files.push((format!("{FOLDER}/SignedValue.dat"), value));
        // The root first: by it a package is known.
        files.sort_by_key(|(path, _)| path != super::ROOT);
        pack(&files)
    }
}
