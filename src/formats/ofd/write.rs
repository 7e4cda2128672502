//! A document to be written: its pages, fonts and images, its metadata, its data.

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use jiff::civil::Date;
use zip::{CompressionMethod, DateTime, ZipWriter, write::SimpleFileOptions};

use super::{
    out::{Out, escaped},
    page::{Color, NewPage, Object, Shown, Sought, color},
};

/// The namespace of OFD (GB/T 33190-2016 7.2).
pub(super) const NAMESPACE: &str = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";
pub(super) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A document. Lengths in millimetres from the upper left corner of a page.
pub struct NewDocument<'a> {
    /// 32 hexadecimal digits.
    pub id: &'a str,
    pub title: &'a str,
    pub creator: &'a str,
    pub created: Date,
    pub pages: &'a [NewPage],
    pub fonts: Vec<NewFont>,
    pub images: Vec<NewImage>,
    /// Names and values; those whose value stands on a page are tagged there.
    pub metadata: &'a [(String, String)],
    /// Name of a file and its bytes.
    pub attachment: (&'a str, &'a [u8]),
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
    pub fn write(self) -> Written {
        let mut ids = Ids::new();
        let fonts: Vec<u32> = self.fonts.iter().map(|_| ids.next()).collect();
        let images: Vec<u32> = self.images.iter().map(|_| ids.next()).collect();
        let ink = ink(self.pages).map(|color| Ink { id: ids.next(), color });
        let resources = Resources {
            fonts: &fonts,
            images: &images,
            ink,
        };
        let sought = Sought::new(self.metadata.iter().map(|(_, value)| value.as_str()));
        let mut files = Vec::new();
        let (mut pages, mut page_list, mut texts) = (Vec::new(), String::new(), Vec::new());
        for (place, page) in self.pages.iter().enumerate() {
            let id = ids.next();
            let path = format!("Pages/Page_{place}/Content.xml");
            let _ = write!(page_list, "<ofd:Page ID=\"{id}\" BaseLoc=\"{path}\"/>");
            let content = page.write(id, &resources, &sought, &mut ids, &mut texts);
            files.push((format!("Doc_0/{path}"), content));
            pages.push(id);
        }
        let mut add = |path: &str, content: Vec<u8>| files.push((path.to_owned(), content));
        add("OFD.xml", self.root().into_bytes());
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
            )
            .into_bytes(),
        );
        add("Doc_0/PublicRes.xml", self.resources(&resources));
        if !images.is_empty() {
            add("Doc_0/DocumentRes.xml", self.pictures(&images).into_bytes());
        }
        add(
            "Doc_0/Tags/CustomTags.xml",
            format!(
                "{DECLARATION}<ofd:CustomTags {NAMESPACE}><ofd:CustomTag NameSpace=\"{METADATA}\"><ofd:FileLoc>CustomTag.xml\
             </ofd:FileLoc></ofd:CustomTag></ofd:CustomTags>"
            )
            .into_bytes(),
        );
        add("Doc_0/Tags/CustomTag.xml", self.tags(&texts).into_bytes());
        let (name, data) = self.attachment;
        add(
            "Doc_0/Attachs/Attachments.xml",
            format!(
                "{DECLARATION}<ofd:Attachments {NAMESPACE}><ofd:Attachment ID=\"{attachment}\" Name=\"{}\" \
                 CreationDate=\"{}\" Visible=\"false\"><ofd:FileLoc>{}</ofd:FileLoc></ofd:Attachment></ofd:Attachments>",
                escaped(name),
                self.created,
                escaped(name)
            )
            .into_bytes(),
        );
        files.push((format!("Doc_0/Attachs/{name}"), data.to_vec()));
        for (place, font) in self.fonts.into_iter().enumerate() {
            files.push((format!("Doc_0/Res/font_{place}.otf"), font.bytes));
        }
        for (place, image) in self.images.into_iter().enumerate() {
            let (_, end) = image.kind.names();
            files.push((format!("Doc_0/Res/image_{place}.{end}"), image.bytes));
        }
        Written { files, pages }
    }

    fn root(&self) -> String {
        let mut custom = String::new();
        for (name, value) in self.metadata {
            let _ = write!(
                custom,
                "<ofd:CustomData Name=\"{}\">{}</ofd:CustomData>",
                escaped(name),
                escaped(value)
            );
        }
        format!(
            "{DECLARATION}<ofd:OFD {NAMESPACE} Version=\"1.0\" DocType=\"OFD\"><ofd:DocBody><ofd:DocInfo><ofd:DocID>{}\
             </ofd:DocID><ofd:Title>{}</ofd:Title><ofd:CreationDate>{}</ofd:CreationDate><ofd:Creator>{}</ofd:Creator>\
             <ofd:CustomDatas>{custom}</ofd:CustomDatas></ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>\
             <ofd:Signatures>/{LIST}</ofd:Signatures></ofd:DocBody></ofd:OFD>",
            escaped(self.id),
            escaped(self.title),
            self.created,
            escaped(self.creator),
        )
    }

    fn resources(&self, resources: &Resources<'_>) -> Vec<u8> {
        let mut out = Out::with_capacity(1_024);
        let _ = write!(out, "{DECLARATION}<ofd:Res {NAMESPACE} BaseLoc=\"Res\">");
        if let Some(Ink { id, color: own }) = &resources.ink {
            let _ = write!(out, "<ofd:DrawParams><ofd:DrawParam ID=\"{id}\">");
            color("FillColor", *own, &mut out);
            out.push("</ofd:DrawParam></ofd:DrawParams>");
        }
        out.push("<ofd:Fonts>");
        for (place, (font, id)) in self.fonts.iter().zip(resources.fonts).enumerate() {
            let name = escaped(&font.name);
            let _ = write!(
                out,
                "<ofd:Font ID=\"{id}\" FontName=\"{name}\" FamilyName=\"{name}\"><ofd:FontFile>font_{place}.otf\
                 </ofd:FontFile></ofd:Font>"
            );
        }
        out.push("</ofd:Fonts></ofd:Res>");
        out.into_bytes()
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
    fn tags(&self, texts: &[Shown<'_>]) -> String {
        let mut tags = String::new();
        for (name, value) in self.metadata {
            let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let shown = texts.iter().find(|shown| shown.text == *value);
            if let Some(shown) = shown.filter(|_| is_name) {
                let _ = write!(tags, "<{name}>");
                for object in shown.objects.clone() {
                    let _ = write!(
                        tags,
                        "<ofd:ObjectRef PageRef=\"{}\">{object}</ofd:ObjectRef>",
                        shown.page
                    );
                }
                let _ = write!(tags, "</{name}>");
            }
        }
        format!("{DECLARATION}<License xmlns=\"{METADATA}\" {NAMESPACE}>{tags}</License>")
    }
}

/// What pages name by ID.
pub(super) struct Resources<'a> {
    pub fonts: &'a [u32],
    pub images: &'a [u32],
    pub ink: Option<Ink>,
}

/// The colour that most texts have: their layers' (GB/T 33190-2016 7.7, 8.2), so that each need not say it again.
pub(super) struct Ink {
    pub id: u32,
    pub color: Color,
}

fn ink(pages: &[NewPage]) -> Option<Color> {
    // Few: what is sought stands near the front.
    let mut counts: Vec<(Color, usize)> = Vec::new();
    for object in pages.iter().flat_map(|page| &page.objects) {
        if let Object::Text(run) = object {
            match counts.iter_mut().find(|(color, _)| *color == run.fill) {
                Some((_, count)) => *count += 1,
                None => counts.push((run.fill, 1)),
            }
        }
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(color, _)| color)
}

/// The path of the list of signatures.
pub(super) const LIST: &str = "Doc_0/Signs/Signatures.xml";
/// What names of tags are from.
const METADATA: &str = "urn:gbt:36903";

pub(super) struct Ids(u32);

impl Ids {
    pub fn new() -> Self {
        Self(0)
    }

    pub fn next(&mut self) -> u32 {
        self.0 += 1;
        self.0
    }

    /// What comes next.
    pub fn peek(&self) -> u32 {
        self.0 + 1
    }
}

/// Files up to this size are stored as they are: what packs them, and what unpacks them, takes longer to begin than to do it.
const STORED_BYTES: usize = 4096;

/// How much smaller XML gets at the least, about: room to begin with.
const PACKED: usize = 4;

/// What a file takes beside its content, with its path twice, about.
const HEADER_BYTES: usize = 200;

/// Packs files, in their order, with no time of packing.
pub fn pack(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, WriteError> {
    let stored = SimpleFileOptions::default()
        .last_modified_time(DateTime::default())
        .compression_method(CompressionMethod::Stored);
    // XML packs well with little work: at the usual level pages are a third smaller, and take four times as long.
    let deflated = stored
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(1));
    // Fonts and images are packed in themselves, and so is most of a seal, which is its picture.
    let packed = [".otf", ".png", ".jpg", ".esl", ".dat"];
    let is_stored =
        |path: &str, content: &[u8]| content.len() <= STORED_BYTES || packed.iter().any(|end| path.ends_with(end));
    let room = files.iter().map(|(path, content)| match is_stored(path, content) {
        true => HEADER_BYTES + content.len(),
        false => HEADER_BYTES + content.len() / PACKED,
    });
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(room.sum())));
    for (path, content) in files {
        writer.start_file(path.as_str(), if is_stored(path, content) { stored } else { deflated })?;
        writer.write_all(content).map_err(zip::result::ZipError::from)?;
    }
    Ok(writer.finish()?.into_inner())
}
