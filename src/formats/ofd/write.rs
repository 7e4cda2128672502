//! A document to be written: pages of texts, paths and images, its metadata, its data.

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use jiff::civil::Date;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

/// The namespace of OFD (GB/T 33190-2016 7.2).
const NAMESPACE: &str = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A document. Lengths in millimetres from the upper left corner of a page.
pub struct NewDocument<'a> {
    /// 32 hexadecimal digits.
    pub id: &'a str,
    pub title: &'a str,
    pub creator: &'a str,
    pub created: Date,
    pub pages: &'a [NewPage],
    pub fonts: &'a [NewFont],
    /// Names and values; those whose value stands on a page are tagged there.
    pub metadata: &'a [(String, String)],
    /// Name of a file and its bytes.
    pub attachment: (&'a str, &'a [u8]),
}

pub struct NewPage {
    pub width: f64,
    pub height: f64,
    pub objects: Vec<Object>,
}

/// A font that is embedded, with the glyphs that are used and no others.
pub struct NewFont {
    pub name: String,
    pub bytes: Vec<u8>,
}

pub enum Object {
    Text(TextRun),
    Path(Outline),
}

/// Characters on one line.
pub struct TextRun {
    /// By its place in [`NewDocument::fonts`].
    pub font: usize,
    pub size: f64,
    /// Where the first glyph's baseline begins.
    pub at: [f64; 2],
    pub fill: [u8; 3],
    pub glyphs: Vec<PlacedGlyph>,
}

pub struct PlacedGlyph {
    /// In the embedded font.
    pub id: u16,
    /// What it stands for.
    pub text: String,
    /// From the start of the run.
    pub x: f64,
}

pub struct Outline {
    /// In the letters of OFD (GB/T 33190-2016 9.2), in millimetres of the page.
    pub data: String,
    pub fill: Option<[u8; 3]>,
    /// Colour and width.
    pub stroke: Option<([u8; 3], f64)>,
    pub even_odd: bool,
}

/// The files of a document that has no signature yet, and the IDs of its pages.
pub struct Written {
    pub files: Vec<(String, Vec<u8>)>,
    pub pages: Vec<u32>,
}

/// Why a package is not written.
#[derive(Debug, thiserror::Error)]
#[error("the package cannot be written")]
pub struct WriteError(#[from] zip::result::ZipError);

impl NewDocument<'_> {
    /// Writes the files: the same document gives the same bytes.
    pub fn write(&self) -> Written {
        let mut ids = Ids(0);
        let fonts: Vec<u32> = self.fonts.iter().map(|_| ids.next()).collect();
        let mut files = Vec::new();
        let (mut pages, mut page_list, mut texts) = (Vec::new(), String::new(), Vec::new());
        for (place, page) in self.pages.iter().enumerate() {
            let id = ids.next();
            let path = format!("Pages/Page_{place}/Content.xml");
            let _ = write!(page_list, "<ofd:Page ID=\"{id}\" BaseLoc=\"{path}\"/>");
            let content = page.write(id, &fonts, &mut ids, &mut texts);
            files.push((format!("Doc_0/{path}"), content.into_bytes()));
            pages.push(id);
        }
        let mut add = |path: &str, content: String| files.push((path.to_owned(), content.into_bytes()));
        add("OFD.xml", self.root());
        let area = self
            .pages
            .first()
            .map_or_else(|| "0 0 210 297".to_owned(), NewPage::area);
        let attachment = ids.next();
        add(
            "Doc_0/Document.xml",
            format!(
                "{DECLARATION}<ofd:Document {NAMESPACE}><ofd:CommonData><ofd:MaxUnitID>{}</ofd:MaxUnitID><ofd:PageArea>\
                 <ofd:PhysicalBox>{area}</ofd:PhysicalBox></ofd:PageArea><ofd:PublicRes>PublicRes.xml</ofd:PublicRes>\
                 </ofd:CommonData><ofd:Pages>{page_list}</ofd:Pages><ofd:Attachments>Attachs/Attachments.xml\
                 </ofd:Attachments><ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags></ofd:Document>",
                ids.0
            ),
        );
        add("Doc_0/PublicRes.xml", self.resources(&fonts));
        add(
            "Doc_0/Tags/CustomTags.xml",
            format!(
                "{DECLARATION}<ofd:CustomTags {NAMESPACE}><ofd:CustomTag NameSpace=\"{METADATA}\"><ofd:FileLoc>CustomTag.xml\
             </ofd:FileLoc></ofd:CustomTag></ofd:CustomTags>"
            ),
        );
        add("Doc_0/Tags/CustomTag.xml", self.tags(&texts));
        let (name, data) = self.attachment;
        add(
            "Doc_0/Attachs/Attachments.xml",
            format!(
                "{DECLARATION}<ofd:Attachments {NAMESPACE}><ofd:Attachment ID=\"{attachment}\" Name=\"{}\" \
                 CreationDate=\"{}\" Visible=\"false\"><ofd:FileLoc>{}</ofd:FileLoc></ofd:Attachment></ofd:Attachments>",
                escape(name),
                self.created,
                escape(name)
            ),
        );
        files.push((format!("Doc_0/Attachs/{name}"), data.to_vec()));
        for (place, font) in self.fonts.iter().enumerate() {
            files.push((format!("Doc_0/Res/font_{place}.otf"), font.bytes.clone()));
        }
        Written { files, pages }
    }

    fn root(&self) -> String {
        let mut custom = String::new();
        for (name, value) in self.metadata {
            let _ = write!(
                custom,
                "<ofd:CustomData Name=\"{}\">{}</ofd:CustomData>",
                escape(name),
                escape(value)
            );
        }
        format!(
            "{DECLARATION}<ofd:OFD {NAMESPACE} Version=\"1.0\" DocType=\"OFD\"><ofd:DocBody><ofd:DocInfo><ofd:DocID>{}\
             </ofd:DocID><ofd:Title>{}</ofd:Title><ofd:CreationDate>{}</ofd:CreationDate><ofd:Creator>{}</ofd:Creator>\
             <ofd:CustomDatas>{custom}</ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>\
             <ofd:Signatures>/{LIST}</ofd:Signatures></ofd:DocBody></ofd:OFD>",
            escape(self.id),
            escape(self.title),
            self.created,
            escape(self.creator),
        )
    }

    fn resources(&self, ids: &[u32]) -> String {
        let mut fonts = String::new();
        for (place, (font, id)) in self.fonts.iter().zip(ids).enumerate() {
            let name = escape(&font.name);
            let _ = write!(
                fonts,
                "<ofd:Font ID=\"{id}\" FontName=\"{name}\" FamilyName=\"{name}\"><ofd:FontFile>font_{place}.otf\
                 </ofd:FontFile></ofd:Font>"
            );
        }
        format!("{DECLARATION}<ofd:Res {NAMESPACE} BaseLoc=\"Res\"><ofd:Fonts>{fonts}</ofd:Fonts></ofd:Res>")
    }

    /// Each value that stands on a page as one run, by the objects that show it.
    fn tags(&self, texts: &[Shown]) -> String {
        let mut tags = String::new();
        for (name, value) in self.metadata {
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let shown = texts.iter().find(|shown| !value.is_empty() && shown.text == *value);
            if let Some(shown) = shown.filter(|_| is_name) {
                let _ = write!(
                    tags,
                    "<{name}><ofd:ObjectRef PageRef=\"{}\">{}</ofd:ObjectRef></{name}>",
                    shown.page, shown.object
                );
            }
        }
        format!("{DECLARATION}<License xmlns=\"{METADATA}\" {NAMESPACE}>{tags}</License>")
    }
}

/// The path of the list of signatures.
pub(super) const LIST: &str = "Doc_0/Signs/Signatures.xml";
/// What names of tags are from.
const METADATA: &str = "urn:gbt:36903";

/// A text as it stands on a page.
struct Shown {
    page: u32,
    object: u32,
    text: String,
}

struct Ids(u32);

impl Ids {
    fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }
}

impl NewPage {
    fn area(&self) -> String {
        format!("0 0 {:.3} {:.3}", self.width, self.height)
    }

    fn write(&self, id: u32, fonts: &[u32], ids: &mut Ids, texts: &mut Vec<Shown>) -> String {
        let area = self.area();
        let mut out = format!(
            "{DECLARATION}<ofd:Page {NAMESPACE}><ofd:Area><ofd:PhysicalBox>{area}</ofd:PhysicalBox></ofd:Area>\
             <ofd:Content><ofd:Layer ID=\"{}\">",
            ids.next()
        );
        for object in &self.objects {
            let own = ids.next();
            match object {
                Object::Text(run) => {
                    let text: String = run.glyphs.iter().map(|glyph| glyph.text.as_str()).collect();
                    run.write(own, fonts.get(run.font).copied().unwrap_or_default(), &mut out);
                    texts.push(Shown {
                        page: id,
                        object: own,
                        text: text.trim().to_owned(),
                    });
                }
                Object::Path(path) => path.write(own, &area, &mut out),
            }
        }
        out.push_str("</ofd:Layer></ofd:Content></ofd:Page>");
        out
    }
}

impl TextRun {
    fn write(&self, id: u32, font: u32, out: &mut String) {
        let [x, y] = self.at;
        let size = self.size;
        let width = self.glyphs.last().map_or(size, |last| last.x + 2.0 * size);
        let _ = write!(
            out,
            "<ofd:TextObject ID=\"{id}\" Boundary=\"{x:.3} {:.3} {width:.3} {:.3}\" Font=\"{font}\" Size=\"{size:.4}\">{}",
            y - size,
            size * 1.5,
            color("FillColor", self.fill)
        );
        let text: String = self.glyphs.iter().map(|glyph| glyph.text.as_str()).collect();
        let single = self.glyphs.iter().all(|glyph| glyph.text.chars().count() == 1);
        if single {
            let ids: Vec<String> = self.glyphs.iter().map(|glyph| glyph.id.to_string()).collect();
            let count = ids.len();
            let _ = write!(
                out,
                "<ofd:CGTransform CodePosition=\"0\" CodeCount=\"{count}\" GlyphCount=\"{count}\"><ofd:Glyphs>{}\
                 </ofd:Glyphs></ofd:CGTransform>",
                ids.join(" ")
            );
            let deltas: Vec<String> = self
                .glyphs
                .iter()
                .zip(self.glyphs.iter().skip(1))
                .map(|(one, next)| format!("{:.4}", next.x - one.x))
                .collect();
            let start = self.glyphs.first().map_or(0.0, |glyph| glyph.x);
            let _ = write!(
                out,
                "<ofd:TextCode X=\"{start:.4}\" Y=\"{size:.4}\" DeltaX=\"{}\">{}</ofd:TextCode>",
                deltas.join(" "),
                escape(&text)
            );
        } else {
            // A glyph for several characters, as in a ligature: each glyph has its place.
            let mut position = 0;
            for glyph in &self.glyphs {
                let count = glyph.text.chars().count();
                let _ = write!(
                    out,
                    "<ofd:CGTransform CodePosition=\"{position}\" CodeCount=\"{count}\" GlyphCount=\"1\"><ofd:Glyphs>{}\
                     </ofd:Glyphs></ofd:CGTransform>",
                    glyph.id
                );
                position += count;
            }
            for glyph in &self.glyphs {
                let _ = write!(
                    out,
                    "<ofd:TextCode X=\"{:.4}\" Y=\"{size:.4}\">{}</ofd:TextCode>",
                    glyph.x,
                    escape(&glyph.text)
                );
            }
        }
        out.push_str("</ofd:TextObject>");
    }
}

impl Outline {
    fn write(&self, id: u32, area: &str, out: &mut String) {
        let width = self.stroke.map_or(0.0, |(_, width)| width);
        let _ = write!(
            out,
            "<ofd:PathObject ID=\"{id}\" Boundary=\"{area}\" Stroke=\"{}\" Fill=\"{}\" Rule=\"{}\" LineWidth=\"{width:.4}\">",
            self.stroke.is_some(),
            self.fill.is_some(),
            if self.even_odd { "Even-Odd" } else { "NonZero" },
        );
        if let Some(fill) = self.fill {
            out.push_str(&color("FillColor", fill));
        }
        if let Some((stroke, _)) = self.stroke {
            out.push_str(&color("StrokeColor", stroke));
        }
        let _ = write!(
            out,
            "<ofd:AbbreviatedData>{}</ofd:AbbreviatedData></ofd:PathObject>",
            self.data
        );
    }
}

fn color(name: &str, [red, green, blue]: [u8; 3]) -> String {
    format!("<ofd:{name} Value=\"{red} {green} {blue}\"/>")
}

pub(super) fn escape(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .fold(String::new(), |mut out, c| {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                c => out.push(c),
            }
            out
        })
}

/// Packs files, in their order, with no time of packing.
pub fn pack(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, WriteError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for (path, content) in files {
        writer.start_file(path.as_str(), options)?;
        writer.write_all(content).map_err(zip::result::ZipError::from)?;
    }
    Ok(writer.finish()?.into_inner())
}
