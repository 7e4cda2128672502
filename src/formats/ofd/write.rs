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
    pub images: &'a [NewImage],
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

/// A raster image that stands on pages.
pub struct NewImage {
    pub kind: ImageKind,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    Png,
    Jpeg,
}

impl ImageKind {
    /// Its name in resources (GB/T 33190-2016 7.9), and the end of its file's name.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Png => ("PNG", "png"),
            Self::Jpeg => ("JPEG", "jpg"),
        }
    }
}

pub enum Object {
    Text(TextRun),
    Path(Outline),
    Image(PlacedImage),
}

/// Red, green, blue, and how opaque it is.
pub type Color = [u8; 4];

/// What a path is filled with.
#[derive(PartialEq)]
pub enum Fill {
    Color(Color),
    Shading(Shading),
}

/// Colours that run into each other between two points or circles, and go on beyond.
#[derive(PartialEq)]
pub struct Shading {
    pub from: [f64; 2],
    pub to: [f64; 2],
    /// Of circles around the points; none for a shading along the line.
    pub radii: Option<[f64; 2]>,
    /// From 0 to 1, in order.
    pub stops: Vec<(f64, Color)>,
}

/// An image on a page.
pub struct PlacedImage {
    /// By its place in [`NewDocument::images`].
    pub image: usize,
    /// Where its upper left, upper right and lower left corners are.
    pub corners: [[f64; 2]; 3],
}

/// Characters on one line.
pub struct TextRun {
    /// By its place in [`NewDocument::fonts`].
    pub font: usize,
    pub size: f64,
    /// Where the first glyph's baseline begins.
    pub at: [f64; 2],
    pub fill: Color,
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
    pub fill: Option<Fill>,
    pub stroke: Option<Pencil>,
    pub even_odd: bool,
}

/// How a path is stroked.
#[derive(PartialEq)]
pub struct Pencil {
    pub color: Color,
    pub width: f64,
    /// `Butt`, `Round` or `Square`.
    pub cap: &'static str,
    /// `Miter`, `Round` or `Bevel`.
    pub join: &'static str,
    /// Lengths of dashes and gaps by turns; none for a whole line.
    pub dashes: Vec<f64>,
    pub dash_offset: f64,
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
        let images: Vec<u32> = self.images.iter().map(|_| ids.next()).collect();
        let mut files = Vec::new();
        let (mut pages, mut page_list, mut texts) = (Vec::new(), String::new(), Vec::new());
        for (place, page) in self.pages.iter().enumerate() {
            let id = ids.next();
            let path = format!("Pages/Page_{place}/Content.xml");
            let _ = write!(page_list, "<ofd:Page ID=\"{id}\" BaseLoc=\"{path}\"/>");
            let content = page.write(id, (&fonts, &images), &mut ids, &mut texts);
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
        let pictures = if images.is_empty() {
            ""
        } else {
            "<ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes>"
        };
        add(
            "Doc_0/Document.xml",
            format!(
                "{DECLARATION}<ofd:Document {NAMESPACE}><ofd:CommonData><ofd:MaxUnitID>{}</ofd:MaxUnitID><ofd:PageArea>\
                 <ofd:PhysicalBox>{area}</ofd:PhysicalBox></ofd:PageArea><ofd:PublicRes>PublicRes.xml</ofd:PublicRes>\
                 {pictures}</ofd:CommonData><ofd:Pages>{page_list}</ofd:Pages><ofd:Attachments>Attachs/Attachments.xml\
                 </ofd:Attachments><ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags></ofd:Document>",
                ids.0
            ),
        );
        add("Doc_0/PublicRes.xml", self.resources(&fonts));
        if !images.is_empty() {
            add("Doc_0/DocumentRes.xml", self.pictures(&images));
        }
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
        for (place, image) in self.images.iter().enumerate() {
            let (_, end) = image.kind.names();
            files.push((format!("Doc_0/Res/image_{place}.{end}"), image.bytes.clone()));
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

    fn pictures(&self, ids: &[u32]) -> String {
        let mut images = String::new();
        for (place, (image, id)) in self.images.iter().zip(ids).enumerate() {
            let (kind, end) = image.kind.names();
            let _ = write!(
                images,
                "<ofd:MultiMedia ID=\"{id}\" Type=\"Image\" Format=\"{kind}\"><ofd:MediaFile>image_{place}.{end}\
                 </ofd:MediaFile></ofd:MultiMedia>"
            );
        }
        format!(
            "{DECLARATION}<ofd:Res {NAMESPACE} BaseLoc=\"Res\"><ofd:MultiMedias>{images}</ofd:MultiMedias></ofd:Res>"
        )
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
        format!("0 0 {} {}", number(self.width), number(self.height))
    }

    fn write(&self, id: u32, (fonts, images): (&[u32], &[u32]), ids: &mut Ids, texts: &mut Vec<Shown>) -> String {
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
                Object::Image(image) => {
                    let resource = images.get(image.image).copied().unwrap_or_default();
                    image.write(own, resource, &mut out);
                }
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
            "<ofd:TextObject ID=\"{id}\" Boundary=\"{} {} {} {}\" Font=\"{font}\" Size=\"{}\">{}",
            number(x),
            number(y - size),
            number(width),
            number(size * 1.5),
            number(size),
            color("FillColor", self.fill)
        );
        let mut codes = String::new();
        let mut position = 0;
        // A glyph for several characters, or for none, as in a ligature, has a place of its own; those of one character
        // each stand together.
        let is_single = |glyph: &PlacedGlyph| glyph.text.chars().count() == 1;
        for glyphs in self.glyphs.chunk_by(|one, next| is_single(one) && is_single(next)) {
            let text: String = glyphs.iter().map(|glyph| glyph.text.as_str()).collect();
            let ids: Vec<String> = glyphs.iter().map(|glyph| glyph.id.to_string()).collect();
            let count = text.chars().count();
            let _ = write!(
                out,
                "<ofd:CGTransform CodePosition=\"{position}\" CodeCount=\"{count}\" GlyphCount=\"{}\"><ofd:Glyphs>{}\
                 </ofd:Glyphs></ofd:CGTransform>",
                ids.len(),
                ids.join(" ")
            );
            let start = glyphs.first().map_or(0.0, |glyph| glyph.x);
            let _ = write!(codes, "<ofd:TextCode X=\"{}\" Y=\"{}\"", number(start), number(size));
            let deltas: Vec<String> = glyphs
                .windows(2)
                .filter_map(|two| match two {
                    [one, next] => Some(number(next.x - one.x)),
                    _ => None,
                })
                .collect();
            if !deltas.is_empty() {
                let _ = write!(codes, " DeltaX=\"{}\"", repeated(&deltas));
            }
            let _ = write!(codes, ">{}</ofd:TextCode>", escape(&text));
            position += count;
        }
        out.push_str(&codes);
        out.push_str("</ofd:TextObject>");
    }
}

impl PlacedImage {
    fn write(&self, id: u32, resource: u32, out: &mut String) {
        let [[x, y], right, below] = self.corners;
        let [a, b] = [right[0] - x, right[1] - y];
        let [c, d] = [below[0] - x, below[1] - y];
        // The box around all four corners, and the matrix that takes the unit square to them, from its corner on.
        let [left, top] = [a.min(0.0) + c.min(0.0), b.min(0.0) + d.min(0.0)];
        let [width, height] = [a.abs() + c.abs(), b.abs() + d.abs()];
        let numbers = |all: &[f64]| all.iter().map(|length| number(*length)).collect::<Vec<_>>().join(" ");
        let _ = write!(
            out,
            "<ofd:ImageObject ID=\"{id}\" Boundary=\"{}\" CTM=\"{}\" ResourceID=\"{resource}\"/>",
            numbers(&[x + left, y + top, width, height]),
            numbers(&[a, b, c, d, -left, -top])
        );
    }
}

impl Outline {
    /// What GB/T 33190-2016 takes where nothing is said is not said: stroked, not filled, `NonZero`, `Butt`, `Miter`.
    fn write(&self, id: u32, area: &str, out: &mut String) {
        let _ = write!(out, "<ofd:PathObject ID=\"{id}\" Boundary=\"{area}\"");
        if self.stroke.is_none() {
            out.push_str(" Stroke=\"false\"");
        }
        if self.fill.is_some() {
            out.push_str(" Fill=\"true\"");
        }
        if self.even_odd {
            out.push_str(" Rule=\"Even-Odd\"");
        }
        if let Some(stroke) = &self.stroke {
            let _ = write!(out, " LineWidth=\"{}\"", number(stroke.width));
            if stroke.cap != "Butt" {
                let _ = write!(out, " Cap=\"{}\"", stroke.cap);
            }
            if stroke.join != "Miter" {
                let _ = write!(out, " Join=\"{}\"", stroke.join);
            }
            if !stroke.dashes.is_empty() {
                let dashes: Vec<String> = stroke.dashes.iter().map(|length| number(*length)).collect();
                let _ = write!(
                    out,
                    " DashPattern=\"{}\" DashOffset=\"{}\"",
                    dashes.join(" "),
                    number(stroke.dash_offset)
                );
            }
        }
        out.push('>');
        match &self.fill {
            Some(Fill::Color(fill)) => out.push_str(&color("FillColor", *fill)),
            Some(Fill::Shading(shading)) => shading.write(out),
            None => {}
        }
        if let Some(stroke) = &self.stroke {
            out.push_str(&color("StrokeColor", stroke.color));
        }
        let _ = write!(
            out,
            "<ofd:AbbreviatedData>{}</ofd:AbbreviatedData></ofd:PathObject>",
            self.data
        );
    }
}

impl Shading {
    fn write(&self, out: &mut String) {
        let point = |[x, y]: [f64; 2]| format!("{} {}", number(x), number(y));
        let name = if self.radii.is_some() { "RadialShd" } else { "AxialShd" };
        let _ = write!(
            out,
            "<ofd:FillColor><ofd:{name} MapType=\"Direct\" Extend=\"3\" StartPoint=\"{}\" EndPoint=\"{}\"",
            point(self.from),
            point(self.to)
        );
        if let Some([start, end]) = self.radii {
            let _ = write!(out, " StartRadius=\"{}\" EndRadius=\"{}\"", number(start), number(end));
        }
        out.push('>');
        for (position, stop) in &self.stops {
            let _ = write!(
                out,
                "<ofd:Segment Position=\"{}\">{}</ofd:Segment>",
                number(*position),
                color("Color", *stop)
            );
        }
        let _ = write!(out, "</ofd:{name}></ofd:FillColor>");
    }
}

fn color(name: &str, [red, green, blue, opaque]: Color) -> String {
    let alpha = if opaque == u8::MAX {
        String::new()
    } else {
        format!(" Alpha=\"{opaque}\"")
    };
    format!("<ofd:{name} Value=\"{red} {green} {blue}\"{alpha}/>")
}

/// A length in millimetres, to a micrometre.
pub fn number(length: f64) -> String {
    let text = format!("{length:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Distances, those that stand more than twice in a row as `g`, their number and one of them (GB/T 33190-2016 11.3).
fn repeated(deltas: &[String]) -> String {
    let mut parts = Vec::new();
    for same in deltas.chunk_by(|one, next| one == next) {
        match same {
            [one, _, _, ..] => parts.push(format!("g {} {one}", same.len())),
            few => parts.extend(few.iter().cloned()),
        }
    }
    parts.join(" ")
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

/// Files up to this size are stored as they are: unpacking them takes longer than reading them.
const STORED_BYTES: usize = 1024;

/// Packs files, in their order, with no time of packing.
pub fn pack(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, WriteError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default()
        .last_modified_time(DateTime::default())
        .compression_method(CompressionMethod::Stored);
    // XML packs well with little work: at the usual level pages are a third smaller, and take four times as long.
    let deflated = stored
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1));
    for (path, content) in files {
        // A font is packed in itself.
        let is_stored = content.len() <= STORED_BYTES || path.ends_with(".otf");
        writer.start_file(path.as_str(), if is_stored { stored } else { deflated })?;
        writer.write_all(content).map_err(zip::result::ZipError::from)?;
    }
    Ok(writer.finish()?.into_inner())
}
