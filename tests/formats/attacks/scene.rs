//! A form that somebody signed, for others to attack: two pages, a field that is filled in, an annotation, a layer.

use yinxin::{
    certificate::{Level, LongTerm, Place},
    clock::ManualClock,
    formats::pdf::{ValidationData, add_validation_data, prepare_timestamp},
    keys::Identity,
    verification::{Report, Verifier},
};

use super::{noon, writer::Writer};
use crate::{
    command::Folder,
    levels::{LEVELS, everything, own_authority, seal_word_at, signatures, timestamps},
    pki::{Leaf, Root},
};

/// What the signature permits later (ISO 32000-2 12.8.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permits {
    /// Certified: nothing, P 1.
    Nothing,
    /// Certified: filling in forms and signing, P 2.
    Filling,
    /// Certified: annotations as well, P 3.
    Annotations,
    /// Not certified.
    Unsaid,
}

pub const ALL: [Permits; 4] = [
    Permits::Nothing,
    Permits::Filling,
    Permits::Annotations,
    Permits::Unsaid,
];

/// Room for the signature, in bytes.
pub const ROOM: usize = 4096;

pub const FIRST_PAGE: &str = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R \
    /Resources << /Font << /F1 8 0 R >> /XObject << /X1 14 0 R >> /Properties << /L1 16 0 R >> >> \
    /Annots [10 0 R 11 0 R 12 0 R] >>";
pub const SECOND_PAGE: &str = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 7 0 R \
    /Resources << /Font << /F1 8 0 R >> >> >>";
pub const CONTENT: &str = "BT /F1 24 Tf 72 700 Td (Pay 100 yuan) Tj ET /OC /L1 BDC /X1 Do EMC";
pub const FORGED_CONTENT: &str = "BT /F1 24 Tf 72 700 Td (Pay 900 yuan) Tj ET";
pub const FORM: &str = "<< /Fields [10 0 R 11 0 R] /DR << /Font << /F1 8 0 R /F2 25 0 R >> >> \
    /DA (/F1 12 Tf 0 g) /SigFlags 3 >>";
pub const FONT: &str = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>";

/// The field `amount`: what it holds and which object shows it.
pub fn field(value: &str, appearance: u32) -> String {
    format!(
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (amount) /V ({value}) /Rect [72 600 272 620] /F 4 /P 3 0 R \
         /DA (/F1 12 Tf 0 g) /AP << /N {appearance} 0 R >> >>"
    )
}

pub const APPEARANCE: &str = "/Type /XObject /Subtype /Form /BBox [0 0 200 20] /Resources << /Font << /F1 8 0 R >> >>";

/// A composite font.
pub fn composite(encoding: &str, descendant: u32) -> String {
    format!(
        "<< /Type /Font /Subtype /Type0 /BaseFont /Song /Encoding {encoding} /DescendantFonts [{descendant} 0 R] >>"
    )
}

/// What a composite font stands on.
pub fn descendant(ordering: &str, rest: &str) -> String {
    format!(
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Song \
         /CIDSystemInfo << /Registry (Adobe) /Ordering ({ordering}) /Supplement 0 >> {rest} >>"
    )
}

/// A CMap in which code 1 stands for the letter of this hexadecimal number, and 2 to 4 for those from U+4E07 on.
pub fn to_unicode(first: &str) -> String {
    format!(
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap \
         /CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def /CMapName /Song def /CMapType 2 def \
         1 begincodespacerange <0000> <FFFF> endcodespacerange \
         1 beginbfchar <0001> <{first}> endbfchar 1 beginbfrange <0002> <0004> <4E07> endbfrange \
         endcmap CMapName currentdict /CMap defineresource pop end end"
    )
}

/// How a text field shows the codes of its picture's font `/F2`.
pub fn shown_codes(codes: &str) -> String {
    format!("/Tx BMC q 0.9 g 0 0 200 20 re f BT 0 g /F2 12 Tf 2 5 Td <{codes}> Tj ET Q EMC")
}

/// The picture of a text field, with a font of this object as `/F2`.
pub fn appearance_in(font: u32) -> String {
    APPEARANCE.replace("/F1 8 0 R", &format!("/F2 {font} 0 R"))
}

/// How a text field shows a value.
pub fn shown(value: &str) -> String {
    format!("/Tx BMC q 0.9 g 0 0 200 20 re f BT 0 g /F1 12 Tf 2 5 Td ({value}) Tj ET Q EMC")
}

/// A picture that covers the page with white and writes on it.
pub const COVER: &str = "1 g 0 0 595 842 re f 0 g BT /F1 24 Tf 72 700 Td (Pay 900 yuan) Tj ET";
pub const COVER_FORM: &str = "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /Font << /F1 8 0 R >> >>";

/// The signature's own field.
pub fn seal_field(rest: &str) -> String {
    format!("<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signed) /Rect [400 100 500 150] /F 132 /P 3 0 R {rest} >>")
}

pub const NOTE: &str = "<< /Type /Annot /Subtype /FreeText /Contents (note) /DA (/F1 12 Tf 0 g) \
    /Rect [300 600 400 620] /F 4 /P 3 0 R /AP << /N 18 0 R >> >>";

/// The catalog, with something added.
pub fn catalog(permits: Permits, rest: &str) -> String {
    let certified = match permits {
        Permits::Unsaid => "",
        _ => "/Perms << /DocMDP 20 0 R >>",
    };
    format!(
        "<< /Type /Catalog /Pages 2 0 R /AcroForm 6 0 R {certified} \
         /OCProperties << /OCGs [16 0 R] /D << /ON [16 0 R] /Order [16 0 R] >> >> {rest} >>"
    )
}

/// A signature dictionary that lacks its range and value.
pub fn signature(reference: &str) -> String {
    format!(
        "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /M (D:20261102120000+08'00') \
         {reference} /ByteRange [0 ********** ********** **********] /Contents <{}> >>",
        "0".repeat(2 * ROOM)
    )
}

pub fn reference(permits: Permits) -> String {
    let level = match permits {
        Permits::Nothing => 1,
        Permits::Filling => 2,
        Permits::Annotations => 3,
        Permits::Unsaid => return String::new(),
    };
    format!(
        "/Reference [<< /Type /SigRef /TransformMethod /DocMDP \
         /TransformParams << /Type /TransformParams /P {level} /V /1.2 >> >>]"
    )
}

/// The document before anybody signed it, with an empty signature in it.
pub fn unsigned(permits: Permits) -> Writer {
    let mut pdf = Writer::new();
    pdf.object(1, &catalog(permits, ""))
        .object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>")
        .object(3, FIRST_PAGE)
        .object(4, SECOND_PAGE)
        .stream(5, "", CONTENT)
        .object(6, FORM)
        .stream(7, "", "BT /F1 24 Tf 72 700 Td (Second page) Tj ET")
        .object(8, FONT)
        .stream(9, APPEARANCE, &shown("100"))
        .object(10, &field("100", 9))
        .object(11, &seal_field("/V 20 0 R /AP << /N 17 0 R >>"))
        .object(12, NOTE)
        .object(13, "<< /Title (Agreement) >>")
        .stream(14, COVER_FORM, "0.9 g 72 400 100 50 re f")
        // What a shadow attack needs: nothing shows it yet.
        .stream(15, "", FORGED_CONTENT)
        .object(16, "<< /Type /OCG /Name (Layer) >>")
        .stream(17, APPEARANCE, "1 0 0 RG 1 1 98 48 re S")
        .stream(18, APPEARANCE, &shown("note"))
        .object(
            19,
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 15 0 R \
             /Resources << /Font << /F1 8 0 R >> >> >>",
        )
        .object(20, &signature(&reference(permits)))
        .object(25, &composite("/Identity-H /ToUnicode 27 0 R", 26))
        .object(
            26,
            &descendant(
                "Identity",
                "/FontDescriptor << /Type /FontDescriptor /FontFile2 28 0 R >>",
            ),
        )
        .stream(27, "", &to_unicode("5F20"))
        .stream(28, "", "as if it were a font");
    pdf
}

/// Fills in the range of the last empty signature.
pub fn ranged(pdf: &[u8]) -> (Vec<u8>, std::ops::Range<usize>) {
    let empty = b"[0 ********** ********** **********]";
    let at = pdf.windows(empty.len()).rposition(|window| window == empty).unwrap();
    let contents = b"/Contents <";
    let start = at + super::find(&pdf[at..], contents) + contents.len() - 1;
    let end = start + super::find(&pdf[start..], b">") + 1;
    let range = format!("[0 {start} {end} {}", pdf.len() - end);
    let mut pdf = pdf.to_vec();
    pdf[at..at + empty.len()].copy_from_slice(format!("{range:<width$}]", width = empty.len() - 1).as_bytes());
    (pdf, start..end)
}

/// Signs what is ranged, with the message that `make` gives for the bytes to sign.
pub fn signed_with(pdf: &[u8], make: impl FnOnce(&[&[u8]]) -> Vec<u8>) -> Vec<u8> {
    let (mut pdf, gap) = ranged(pdf);
    let message = make(&[&pdf[..gap.start], &pdf[gap.end..]]);
    let digits = data_encoding::HEXLOWER.encode(&message);
    pdf[gap.start + 1..gap.start + 1 + digits.len()].copy_from_slice(digits.as_bytes());
    pdf
}

pub fn signed(pdf: &[u8], identity: &Identity) -> Vec<u8> {
    signed_with(pdf, |pieces| identity.sign_detached(pieces).unwrap())
}

fn wait_for<T>(made: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(made)
}

/// Who signed, who trusts whom, and a stranger whom nobody trusts.
pub struct Stage {
    pub identity: Identity,
    pub stranger: Identity,
    pub verifier: Verifier,
    root: Root,
    bases: Vec<(Permits, Vec<u8>)>,
}

impl Stage {
    pub fn new() -> Self {
        let root = Root::new("示例根");
        let identity = root.seal(&Leaf::default());
        let base = |permits| (permits, signed(&unsigned(permits).finish(), &identity));
        Self {
            bases: ALL.map(base).to_vec(),
            stranger: Root::new("路人示例根").seal(&Leaf::default()),
            verifier: root.verifier(),
            root,
            identity,
        }
    }

    /// Likewise, but validation data and a document timestamp follow each signature.
    pub fn archived() -> Self {
        let mut stage = Self::new();
        let clock = ManualClock::at(noon());
        let timestamps = timestamps(&stage.root, &clock, own_authority(&stage.root, &clock));
        let data = ValidationData {
            certificates: vec![stage.root.der.to_vec()],
            crls: vec![stage.root.list(&[], (2026, 12, 1))],
            ocsp_responses: Vec::new(),
        };
        for (_, base) in &mut stage.bases {
            let (_, contents) = signatures(base).remove(0);
            let document = add_validation_data(base, &data, &[&contents]).unwrap();
            let prepared = prepare_timestamp(&document, "Timestamp", timestamps.token_bytes()).unwrap();
            let stamped = wait_for(timestamps.stamp(&prepared.bytes_to_sign()));
            *base = prepared.finish(&stamped.unwrap().token).unwrap();
        }
        stage
    }

    /// Two documents of each level, sealed with one key.
    pub fn elevated(&self) -> Vec<(Level, [Vec<u8>; 2])> {
        let (folder, clock) = (Folder::new(), ManualClock::at(noon()));
        let list = folder.write("root.crl", &self.root.list(&[], (2026, 12, 1)));
        let long_term: LongTerm = everything(&self.root, &clock, vec![Place::File(list)]);
        let seal = |level, word| wait_for(seal_word_at(level, &self.identity, &long_term, word));
        LEVELS
            .map(|level| (level, ["one", "two"].map(|word| seal(level, word))))
            .to_vec()
    }

    /// The root that is trusted.
    pub fn root(&self) -> &[u8] {
        &self.root.der
    }

    /// The signed document.
    pub fn base(&self, permits: Permits) -> &[u8] {
        let base = self.bases.iter().find(|(of, _)| *of == permits);
        &base.unwrap().1
    }

    pub fn verify(&self, bytes: &[u8]) -> Report {
        self.verifier.verify(bytes, None, noon())
    }

    /// A later revision of it.
    pub fn update(&self, permits: Permits, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::update(self.base(permits));
        write(&mut writer);
        writer.finish()
    }
}
