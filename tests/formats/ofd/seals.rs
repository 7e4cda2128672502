//! Seals and signatures of every version, made by hand, and put into a book.

use std::rc::Rc;

use data_encoding::BASE64;
use sm3::{Digest as _, Sm3};

use super::{
    book::Book,
    der::{bits, generalized, ia5, integer, octets, oid, sequence, set, tlv, utc, utf8},
    people::{Person, SM2_SM3, Says},
};

pub const NOON: &str = "2026-11-02T04:00:00Z";
const NAMESPACE: &str = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";

/// One pixel.
pub const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// Who takes part.
#[derive(Clone)]
pub struct Cast {
    pub root: Person,
    pub maker: Person,
    pub signer: Person,
}

impl Cast {
    pub fn new() -> Self {
        let root = Person::root(1, "示例根");
        let maker = Says {
            name: "示例制章单位",
            ..Says::default()
        };
        let maker = Person::new(2, &maker, Some(&root));
        let signer = Person::new(3, &Says::default(), Some(&root));
        Self { root, maker, signer }
    }
}

/// How a seal is made.
#[derive(Clone)]
pub struct MakeSeal {
    pub version: u8,
    /// What its header says, and whether the signers stand as in version 1.
    pub number: u8,
    pub early_list: bool,
    pub digests: bool,
    pub listed: Vec<Vec<u8>>,
    pub picture: Vec<u8>,
    pub created: &'static str,
    pub from: &'static str,
    pub until: &'static str,
    pub flip_value: bool,
    /// Makes the timestamp of its value (version 5).
    pub stamp: Option<Stamping>,
}

/// The attribute that holds the timestamp of a message's value (RFC 3161 appendix A).
pub const SIGNATURE_TIMESTAMP: &str = "1.2.840.113549.1.9.16.2.14";

/// Makes a timestamp of some bytes.
pub type Stamping = Rc<dyn Fn(&[u8]) -> Vec<u8>>;

fn stamp_field(stamp: &Option<Stamping>, value: &[u8]) -> Vec<u8> {
    let field = |stamp: &Stamping| tlv(0xA0, &bits(&stamp(value)));
    stamp.as_ref().map(field).unwrap_or_default()
}

impl MakeSeal {
    pub fn new(version: u8, signer: &Person) -> Self {
        Self {
            version,
            number: version,
            early_list: version == 1,
            digests: false,
            listed: vec![signer.certificate.clone()],
            picture: BASE64.decode(PNG.as_bytes()).unwrap(),
            created: "2025-01-01T00:00:00Z",
            from: "2025-01-01T00:00:00Z",
            until: "2030-01-01T00:00:00Z",
            flip_value: false,
            stamp: None,
        }
    }

    pub fn make(&self, maker: &Person) -> Vec<u8> {
        let time: fn(&str) -> Vec<u8> = if self.early_list { utc } else { generalized };
        let entries: Vec<Vec<u8>> = match self.digests {
            true => self
                .listed
                .iter()
                .map(|certificate| sequence(&[&tlv(0x13, b"SM3"), &octets(&Sm3::digest(certificate))]))
                .collect(),
            false => self.listed.iter().map(|certificate| octets(certificate)).collect(),
        };
        let entries = sequence(&entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let kind = match (self.early_list, self.digests) {
            (true, _) => Vec::new(),
            (false, false) => integer(1),
            (false, true) => integer(2),
        };
        let property = sequence(&[
            &integer(1),
            &utf8("示例县人社局"),
            &kind,
            &entries,
            &time(self.created),
            &time(self.from),
            &time(self.until),
        ]);
        let picture = sequence(&[&ia5("png"), &octets(&self.picture), &integer(40), &integer(40)]);
        let info = sequence(&[
            &sequence(&[&ia5("ES"), &integer(self.number), &ia5("Example")]),
            &ia5("65312500000001"),
            &property,
            &picture,
        ]);
        let (certificate, algorithm) = (octets(&maker.certificate), oid(SM2_SM3));
        let early = self.version == 1;
        let signed = if early {
            sequence(&[&info, &certificate, &algorithm])
        } else {
            info.clone()
        };
        let mut value = maker.sign(&signed);
        if self.flip_value {
            *value.last_mut().unwrap() ^= 1;
        }
        if early {
            return sequence(&[&info, &sequence(&[&certificate, &algorithm, &bits(&value)])]);
        }
        let stamp = stamp_field(&self.stamp, &value);
        sequence(&[&info, &certificate, &algorithm, &bits(&value), &stamp])
    }
}

/// How a book is signed.
#[derive(Clone)]
pub struct Sign<'a> {
    pub version: u8,
    pub folder: &'a str,
    pub time: &'a str,
    pub raw_value: bool,
    pub flip_value: bool,
    pub other_hash: bool,
    pub check_method: &'a str,
    pub leaves_open: &'a [&'a str],
    pub page: &'a str,
    /// Makes the timestamp of the value.
    pub stamp: Option<Stamping>,
    /// Makes what else stands beside a message's value, in place of that.
    pub beside: Option<Stamping>,
    /// Makes a timestamp of the description that stands for the time (version 1).
    pub stamped_time: Option<Stamping>,
}

impl Default for Sign<'_> {
    fn default() -> Self {
        Self {
            version: 4,
            folder: "Doc_0/Signs/Sign_0",
            time: NOON,
            raw_value: false,
            flip_value: false,
            other_hash: false,
            check_method: " CheckMethod=\"SM3\"",
            leaves_open: &[],
            page: "1",
            stamp: None,
            beside: None,
            stamped_time: None,
        }
    }
}

impl Sign<'_> {
    fn description(&self, book: &Book, seal: bool) -> String {
        let covers = |path: &str| {
            !path.ends_with("Signatures.xml")
                && !path.contains("/Signature.xml")
                && !path.ends_with("SignedValue.dat")
                && !self.leaves_open.iter().any(|open| path.contains(open))
        };
        let folder = self.folder;
        let seal = match seal {
            true => format!(
                "<ofd:StampAnnot ID=\"s1\" PageRef=\"{}\" Boundary=\"120 200 40 40\"/><ofd:Seal><ofd:BaseLoc>/{folder}/Seal.esl\
                 </ofd:BaseLoc></ofd:Seal>",
                self.page
            ),
            false => String::new(),
        };
        format!(
            "<ofd:Signature {NAMESPACE}><ofd:SignedInfo><ofd:Provider ProviderName=\"Example\"/>\
             <ofd:SignatureMethod>{SM2_SM3}</ofd:SignatureMethod><ofd:SignatureDateTime>2026-11-02 12:00:00\
             </ofd:SignatureDateTime><ofd:References{}>{}</ofd:References>{seal}</ofd:SignedInfo>\
             <ofd:SignedValue>/{folder}/SignedValue.dat</ofd:SignedValue></ofd:Signature>",
            self.check_method,
            book.references(covers),
        )
    }

    fn list(&self, book: &mut Book, kind: &str) {
        let path = "Doc_0/Signs/Signatures.xml";
        let entry = format!(
            "<ofd:Signature ID=\"{0}\"{kind} BaseLoc=\"/{0}/Signature.xml\"/>",
            self.folder
        );
        if book.files.iter().any(|(name, _)| name == path) {
            book.replace(path, "</ofd:Signatures>", &format!("{entry}</ofd:Signatures>"));
        } else {
            book.put(path, format!("<ofd:Signatures {NAMESPACE}>{entry}</ofd:Signatures>"));
        }
    }

    /// With a seal.
    pub fn seal(&self, book: &mut Book, seal: &[u8], signer: &Person) {
        let folder = self.folder;
        book.put(&format!("{folder}/Seal.esl"), seal);
        let description = self.description(book, true);
        let mut hash = Sm3::digest(&description).to_vec();
        if self.other_hash {
            hash[0] ^= 1;
        }
        let (certificate, algorithm) = (octets(&signer.certificate), oid(SM2_SM3));
        let property = ia5(&format!("/{folder}/Signature.xml"));
        let early = self.version == 1;
        let signed = match early {
            true => {
                let stamped = self.stamped_time.as_ref();
                let time = stamped.map_or_else(|| generalized(self.time), |stamp| stamp(description.as_bytes()));
                let time = bits(&time);
                sequence(&[
                    &integer(1),
                    seal,
                    &time,
                    &bits(&hash),
                    &property,
                    &certificate,
                    &algorithm,
                ])
            }
            false => sequence(&[
                &integer(self.version),
                seal,
                &generalized(self.time),
                &bits(&hash),
                &property,
            ]),
        };
        let mut value = if self.raw_value {
            signer.sign_raw(&signed)
        } else {
            signer.sign(&signed)
        };
        if self.flip_value {
            *value.last_mut().unwrap() ^= 1;
        }
        let timestamp = stamp_field(&self.stamp, &value);
        let value = bits(&value);
        let stored = match early {
            true => sequence(&[&signed, &value]),
            false => sequence(&[&signed, &certificate, &algorithm, &value, &timestamp]),
        };
        book.put(&format!("{folder}/Signature.xml"), description);
        book.put(&format!("{folder}/SignedValue.dat"), stored);
        self.list(book, " Type=\"Seal\"");
    }

    /// With a GB/T 35275 message, with signed attributes or over the digest itself.
    pub fn message(&self, book: &mut Book, signer: &Person, issuer: &Person, attributes: bool) {
        let description = self.description(book, false);
        let digest = Sm3::digest(&description);
        let signed_data = "1.2.156.10197.6.1.4.2.2";
        let data = "1.2.156.10197.6.1.4.2.1";
        let attribute = |kind: &str, value: &[u8]| sequence(&[&oid(kind), &set(&[value])]);
        let inside = [
            attribute("1.2.840.113549.1.9.3", &oid(data)),
            attribute("1.2.840.113549.1.9.4", &octets(&digest)),
            attribute("1.2.840.113549.1.9.5", &utc(self.time)),
        ]
        .concat();
        let (signed, field, content) = match attributes {
            true => (tlv(0x31, &inside), tlv(0xA0, &inside), sequence(&[&oid(data)])),
            false => {
                let content = sequence(&[&oid(data), &tlv(0xA0, &octets(&digest))]);
                (digest.to_vec(), Vec::new(), content)
            }
        };
        let sm3 = sequence(&[&oid("1.2.156.10197.1.401")]);
        let value = signer.sign(&signed);
        let beside = match (&self.beside, &self.stamp) {
            (Some(beside), _) => beside(&value),
            (None, Some(stamp)) => tlv(0xA1, &attribute(SIGNATURE_TIMESTAMP, &stamp(&value))),
            (None, None) => Vec::new(),
        };
        let info = sequence(&[
            &integer(1),
            &sequence(&[&issuer.name, &integer(signer.serial)]),
            &sm3,
            &field,
            &sequence(&[&oid("1.2.156.10197.1.301.1")]),
            &octets(&value),
            &beside,
        ]);
        let body = sequence(&[
            &integer(1),
            &set(&[&sm3]),
            &content,
            &tlv(0xA0, &signer.certificate),
            &set(&[&info]),
        ]);
        let folder = self.folder;
        book.put(&format!("{folder}/Signature.xml"), description);
        book.put(
            &format!("{folder}/SignedValue.dat"),
            sequence(&[&oid(signed_data), &tlv(0xA0, &body)]),
        );
        self.list(book, " Type=\"Sign\"");
    }

    /// With a value alone.
    pub fn bare(&self, book: &mut Book, signer: &Person) {
        let description = self.description(book, false);
        let folder = self.folder;
        book.put(
            &format!("{folder}/SignedValue.dat"),
            signer.sign(description.as_bytes()),
        );
        book.put(&format!("{folder}/Signature.xml"), description);
        self.list(book, " Type=\"Sign\"");
    }
}

/// The book, sealed by the rules.
pub fn sealed(cast: &Cast) -> Book {
    let mut book = Book::new();
    let seal = MakeSeal::new(4, &cast.signer).make(&cast.maker);
    Sign::default().seal(&mut book, &seal, &cast.signer);
    book
}
