use jiff::Timestamp;

use super::{SesError, Version, time, tlv, tlv::Tlv};

/// The largest seal that is read, in bytes.
pub const MAX_SEAL_BYTES: usize = 8 * 1024 * 1024;

/// The largest picture of a seal, in bytes.
pub const MAX_PICTURE_BYTES: usize = 4 * 1024 * 1024;

/// The most signers that a seal lists.
pub const MAX_LISTED_SIGNERS: usize = 1_000;

/// An electronic seal (SESeal): a picture and who may use it, signed by a seal maker.
#[derive(Clone, Debug)]
pub struct Seal<'a> {
    /// By its structure.
    pub version: Version,
    /// Its version number, or a part of it, is another version's.
    pub mixed: bool,
    /// As it is stored.
    pub raw: &'a [u8],
    /// What the maker signed.
    pub signed: Vec<u8>,
    pub id: String,
    /// Who made the software.
    pub vendor: String,
    pub name: String,
    pub signers: Signers<'a>,
    pub created: Timestamp,
    pub valid_from: Timestamp,
    pub valid_until: Timestamp,
    pub picture: Picture<'a>,
    /// DER of the maker's X.509 certificate.
    pub maker: &'a [u8],
    pub algorithm: String,
    pub value: &'a [u8],
    /// Version 5: a timestamp over the value.
    pub timestamp: Option<&'a [u8]>,
    /// An extension that must be understood (none is).
    pub critical: Option<String>,
}

/// Who may sign with a seal.
#[derive(Clone, Debug)]
pub enum Signers<'a> {
    /// DER of their X.509 certificates.
    Certificates(Vec<&'a [u8]>),
    /// Their digests, each with the name of its algorithm.
    Digests(Vec<(String, &'a [u8])>),
}

/// What a seal looks like.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// `PNG`, `SVG`, `OFD`, …: what it says, to be looked at as bytes.
    pub kind: &'a [u8],
    pub data: &'a [u8],
    pub width_mm: u64,
    pub height_mm: u64,
}

impl<'a> Seal<'a> {
    /// Reads an SESeal, as in a `Seal.esl`.
    pub fn read(bytes: &'a [u8]) -> Result<Self, SesError> {
        if bytes.len() > MAX_SEAL_BYTES {
            return Err(SesError::Limit("MAX_SEAL_BYTES"));
        }
        let seal = tlv::only(bytes, tlv::SEQUENCE)?;
        let fields = seal.fields()?;
        let info = Info::read(fields.first().ok_or(SesError::Field("eSealInfo"))?)?;
        if fields.len() == 2 {
            Self::early(seal.raw, &fields, info)
        } else {
            Self::late(seal.raw, &fields, info)
        }
    }

    /// GM/T 0031-2014: the maker signs what is sealed with its own certificate and the algorithm.
    fn early(raw: &'a [u8], fields: &[Tlv<'a>], info: Info<'a>) -> Result<Self, SesError> {
        let [sealed, signed] = fields else {
            return Err(SesError::Field("SESeal"));
        };
        let signed = signed.fields()?;
        let [maker, algorithm, value] = signed.as_slice() else {
            return Err(SesError::Field("signInfo"));
        };
        let content = [sealed.raw, maker.raw, algorithm.raw].concat();
        let signed = der::asn1::AnyRef::new(der::Tag::Sequence, &content)
            .and_then(|any| der::Encode::to_der(&any))
            .map_err(|_| SesError::NotDer)?;
        let mixed = !(1..4).contains(&info.number) || !info.list_untyped;
        info.seal((raw, Version::V1, mixed), signed, [maker, algorithm, value], None)
    }

    fn late(raw: &'a [u8], fields: &[Tlv<'a>], info: Info<'a>) -> Result<Self, SesError> {
        let (fields, timestamp) = match fields {
            [fields @ .., last] if last.tag == tlv::CONTEXT_0 => (fields, Some(last)),
            fields => (fields, None),
        };
        let [sealed, maker, algorithm, value] = fields else {
            return Err(SesError::Field("SESeal"));
        };
        let timestamp = timestamp
            .map(|field| tlv::only(field.value, tlv::BIT_STRING))
            .transpose()?;
        let timestamp = timestamp.map(|field| field.bits().ok_or(SesError::Field("timeStamp")));
        let version = if info.number == 5 { Version::V5 } else { Version::V4 };
        // Version 4 has no timestamp in its seal.
        let late = matches!(info.number, 4 | 5) && (version == Version::V5 || timestamp.is_none());
        let mixed = !late || info.list_untyped;
        info.seal(
            (raw, version, mixed),
            sealed.raw.to_vec(),
            [maker, algorithm, value],
            timestamp.transpose()?,
        )
    }
}

/// SES_SealInfo.
struct Info<'a> {
    /// As its header says.
    number: u64,
    /// The signers stand without the kind of their list, as in version 1.
    list_untyped: bool,
    id: String,
    vendor: String,
    name: String,
    signers: Signers<'a>,
    times: [Timestamp; 3],
    picture: Picture<'a>,
    critical: Option<String>,
}

impl<'a> Info<'a> {
    fn read(info: &Tlv<'a>) -> Result<Self, SesError> {
        let fields = info.fields()?;
        let (fields, extensions) = match fields.as_slice() {
            [fields @ .., last] if fields.len() == 4 => (fields, Some(last)),
            fields => (fields, None),
        };
        let [header, id, property, picture] = fields else {
            return Err(SesError::Field("SES_SealInfo"));
        };
        let (number, vendor) = Self::header(header)?;
        let (name, list_untyped, signers, times) = Self::property(property)?;
        Ok(Self {
            number,
            list_untyped,
            id: id.text().ok_or(SesError::Field("esID"))?,
            vendor,
            name,
            signers,
            times,
            picture: Self::picture(picture)?,
            critical: extensions.map(critical_extension).transpose()?.flatten(),
        })
    }

    fn header(header: &Tlv<'a>) -> Result<(u64, String), SesError> {
        let fields = header.fields()?;
        let [id, version, vendor] = fields.as_slice() else {
            return Err(SesError::Field("SES_Header"));
        };
        if id.value != b"ES" {
            return Err(SesError::Field("SES_Header"));
        }
        let number = version.number().ok_or(SesError::Field("version"))?;
        Ok((number, vendor.text().ok_or(SesError::Field("Vid"))?))
    }

    fn property(property: &Tlv<'a>) -> Result<(String, bool, Signers<'a>, [Timestamp; 3]), SesError> {
        let fields = property.fields()?;
        let (name, list_kind, list, times) = match fields.as_slice() {
            [_, name, list, times @ ..] if list.tag == tlv::SEQUENCE => (name, None, list, times),
            [_, name, kind, list, times @ ..] => (name, Some(kind), list, times),
            _ => return Err(SesError::Field("SES_ESPropertyInfo")),
        };
        let entries = list.fields()?;
        if entries.len() > MAX_LISTED_SIGNERS {
            return Err(SesError::Limit("MAX_LISTED_SIGNERS"));
        }
        let signers = match list_kind.map(Tlv::number) {
            None | Some(Some(1)) => Signers::Certificates(
                entries
                    .iter()
                    .map(|entry| entry.certificate().ok_or(SesError::Field("certList")))
                    .collect::<Result<_, _>>()?,
            ),
            Some(Some(2)) => Signers::Digests(entries.iter().map(digest).collect::<Result<_, _>>()?),
            _ => return Err(SesError::Field("certListType")),
        };
        let times: Vec<_> = times.iter().filter_map(time).collect();
        let times = <[Timestamp; 3]>::try_from(times).map_err(|_| SesError::Field("validity"))?;
        let name = name.text().ok_or(SesError::Field("name"))?;
        Ok((name, list_kind.is_none(), signers, times))
    }

    fn picture(picture: &Tlv<'a>) -> Result<Picture<'a>, SesError> {
        let fields = picture.fields()?;
        let [kind, data, width, height] = fields.as_slice() else {
            return Err(SesError::Field("picture"));
        };
        let data = data.octets().ok_or(SesError::Field("picture"))?;
        if data.len() > MAX_PICTURE_BYTES {
            return Err(SesError::Limit("MAX_PICTURE_BYTES"));
        }
        Ok(Picture {
            kind: kind.value,
            data,
            width_mm: width.number().ok_or(SesError::Field("picture"))?,
            height_mm: height.number().ok_or(SesError::Field("picture"))?,
        })
    }

    fn seal(
        self,
        (raw, version, mixed): (&'a [u8], Version, bool),
        signed: Vec<u8>,
        [maker, algorithm, value]: [&Tlv<'a>; 3],
        timestamp: Option<&'a [u8]>,
    ) -> Result<Seal<'a>, SesError> {
        let [created, valid_from, valid_until] = self.times;
        Ok(Seal {
            version,
            mixed,
            raw,
            signed,
            id: self.id,
            vendor: self.vendor,
            name: self.name,
            signers: self.signers,
            created,
            valid_from,
            valid_until,
            picture: self.picture,
            maker: maker.certificate().ok_or(SesError::Field("cert"))?,
            algorithm: algorithm.oid().ok_or(SesError::Field("signAlgID"))?,
            value: value.bits().ok_or(SesError::Field("signedValue"))?,
            timestamp,
            critical: self.critical,
        })
    }
}

/// CertDigestObj.
fn digest<'a>(entry: &Tlv<'a>) -> Result<(String, &'a [u8]), SesError> {
    let wrong = SesError::Field("certList");
    let fields = entry.fields()?;
    let [kind, value] = fields.as_slice() else {
        return Err(wrong);
    };
    Ok((kind.text().ok_or(wrong)?, value.octets().ok_or(wrong)?))
}

/// The first extension that is critical. None is understood here.
pub(super) fn critical_extension(extensions: &Tlv<'_>) -> Result<Option<String>, SesError> {
    let inside = match extensions.tag {
        tlv::CONTEXT_0 => tlv::only(extensions.value, tlv::SEQUENCE)?.fields()?,
        _ => extensions.fields()?,
    };
    for extension in &inside {
        let fields = extension.fields()?;
        if let [id, critical, _] = fields.as_slice()
            && critical.value != [0]
        {
            return Ok(Some(id.oid().unwrap_or_default()));
        }
    }
    Ok(None)
}
