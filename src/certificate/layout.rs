use std::{
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use jiff::Timestamp;
use tokio::sync::Semaphore;
use typst::{
    Library, LibraryExt, World, WorldExt,
    diag::{FileError, FileResult, SourceDiagnostic},
    foundations::{Bytes, Datetime, Duration, Label, NativeElement, Smart},
    introspection::Introspector,
    pdf::AttachElem,
    syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot},
    text::{Font, FontBook},
    utils::{LazyHash, PicoStr},
};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

use super::{
    CertificateError,
    electronic_seal::ElectronicSeal,
    fonts::{Fonts, Shelf},
    ofd::Drawn,
    seal_picture::SealPicture,
    types::MAX_ROWS,
};
use crate::{formats::ofd::Sealing, kept::Kept};

/// How many generations of memoized layout are kept: enough that fonts and templates stay warm, few enough that memory
/// does not grow with the certificates that were issued.
const KEPT_GENERATIONS: usize = 3;
/// The most templates that are kept parsed.
const MAX_SOURCES: usize = 256;
/// The side of a seal, in millimetres: the diameter of a county department's round seal (国发〔1999〕25号).
pub const SEAL_MM: f64 = 42.0;
/// The most text that one certificate can hold, in bytes of its JSON.
pub const MAX_DATA_BYTES: usize = 2 * 1024 * 1024;
/// The most pages.
pub const MAX_PAGES: usize = 60;

/// The label that marks, in a template, where the middle of the seal goes.
const SEAL_LABEL: &str = "seal";
/// The name under which the machine-readable data are attached.
pub const ATTACHMENT: &str = "data.json";

const POINTS_PER_MM: f64 = 72.0 / 25.4;

/// What a template is laid out with. All else is refused: other files, packages, the network, today's date.
pub struct Sheet {
    pub template: Arc<str>,
    /// What the template imports as `frame.typ`.
    pub frame: Arc<str>,
    /// What the template reads, as [`Sheet::content_name`].
    pub content: serde_json::Value,
    /// `certificate.json`, or what else it is.
    pub content_name: &'static str,
    /// What is attached, as `data.json`.
    pub attachment: Vec<u8>,
    /// Names and values of GB/T 36903, as the attachment has them.
    pub metadata: Vec<(String, String)>,
    /// The SVG of the QR code, `qr.svg`.
    pub qr: String,
    /// What makes the document's identifier: the same for the same certificate.
    pub identifier: String,
    pub issued_at: Timestamp,
}

/// A certificate as PDF/A-3b, not yet sealed.
#[derive(Debug)]
pub struct LaidOut {
    pub pdf: Vec<u8>,
    pub pages: usize,
    pub seal: SealPlace,
}

/// Where the seal goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SealPlace {
    /// From 0.
    pub page: usize,
    /// Left, bottom, right, top in points, from the lower left corner of the page.
    pub rect: [f64; 4],
}

/// Lays out certificates, a few at a time, on threads that may block.
pub struct Press {
    fonts: Arc<Fonts>,
    /// Made with the first certificate, as fonts are found: 15 MB that a node which issues none never needs.
    library: LazyLock<LazyHash<Library>>,
    /// Templates, parsed.
    sources: Kept<(FileId, Arc<str>), Source>,
    at_once: Semaphore,
}

impl Press {
    /// `at_once`: how many layouts run at the same time, at least 1.
    pub fn new(fonts: Arc<Fonts>, at_once: usize) -> Self {
        Self {
            fonts,
            library: LazyLock::new(|| LazyHash::new(Library::default())),
            sources: Kept::new(MAX_SOURCES),
            at_once: Semaphore::new(at_once.max(1)),
        }
    }

    fn source(&self, name: &str, text: &Arc<str>) -> Result<Source, CertificateError> {
        let id = file(name)?;
        let key = (id, Arc::clone(text));
        if let Some(known) = self.sources.get(&key) {
            return Ok(known);
        }
        let source = Source::new(id, text.to_string());
        self.sources.put(key, source.clone());
        Ok(source)
    }

    /// Finds the fonts, so that a node without them says so before anything else is done.
    pub async fn ready(self: &Arc<Self>) -> Result<(), CertificateError> {
        let press = Arc::clone(self);
        tokio::task::spawn_blocking(move || press.fonts.shelf().map(drop))
            .await
            .map_err(interrupted)?
    }

    /// Draws a seal with the fonts of this press.
    pub fn draw_seal(&self, name: &str, legend: &str) -> Result<SealPicture, CertificateError> {
        SealPicture::draw(name, legend, &*self.fonts.shelf()?)
    }

    /// Puts a mark in the place of every character that no font has: for words that others chose, which must not keep
    /// a paper from being laid out.
    pub fn mark_missing(&self, content: &mut serde_json::Value) -> Result<(), CertificateError> {
        mark_missing(content, &*self.fonts.shelf()?);
        Ok(())
    }

    /// Lays out when it is this sheet's turn.
    pub async fn lay_out(self: &Arc<Self>, sheet: Sheet) -> Result<LaidOut, CertificateError> {
        let _turn = self
            .at_once
            .acquire()
            .await
            .map_err(|_| CertificateError::Template("the press is closed".to_owned()))?;
        let press = Arc::clone(self);
        tokio::task::spawn_blocking(move || press.lay_out_now(&sheet))
            .await
            .map_err(interrupted)?
    }

    /// Draws when it is this sheet's turn, and prepares the seal.
    pub async fn draw(
        self: &Arc<Self>,
        sheet: Sheet,
        title: String,
        seal: Arc<ElectronicSeal>,
    ) -> Result<Sealing, CertificateError> {
        let _turn = self
            .at_once
            .acquire()
            .await
            .map_err(|_| CertificateError::Template("the press is closed".to_owned()))?;
        let press = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let drawn = press.draw_now(&sheet)?;
            drawn.prepare(&sheet, &title, &seal, sheet.issued_at)
        })
        .await
        .map_err(interrupted)?
    }

    /// The pages as OFD has them, from the same layout as the PDF: on this thread.
    pub fn draw_now(&self, sheet: &Sheet) -> Result<Drawn, CertificateError> {
        let shelf = self.fonts.shelf()?;
        let content =
            serde_json::to_vec(&sheet.content).map_err(|error| CertificateError::Template(error.to_string()))?;
        let desk = Desk::new(self, &shelf, sheet, content)?;
        let drawn = desk
            .compile(sheet)
            .and_then(|document| Drawn::new(&document, seal_place(&document)?));
        comemo::evict(KEPT_GENERATIONS);
        drawn
    }

    /// Lays out on this thread: the same sheet gives the same bytes.
    pub fn lay_out_now(&self, sheet: &Sheet) -> Result<LaidOut, CertificateError> {
        let shelf = self.fonts.shelf()?;
        let content =
            serde_json::to_vec(&sheet.content).map_err(|error| CertificateError::Template(error.to_string()))?;
        if content.len() > MAX_DATA_BYTES {
            return Err(CertificateError::TooLong { max_rows: MAX_ROWS });
        }
        every_character_has_a_glyph(&sheet.content, &shelf)?;
        let desk = Desk::new(self, &shelf, sheet, content)?;
        let result = desk.lay_out(sheet);
        comemo::evict(KEPT_GENERATIONS);
        result
    }
}

fn interrupted(_: tokio::task::JoinError) -> CertificateError {
    CertificateError::Template("the layout was interrupted".to_owned())
}

/// A missing glyph is an error under PDF/A: find it before the layout does, and name it.
fn every_character_has_a_glyph(content: &serde_json::Value, shelf: &Shelf) -> Result<(), CertificateError> {
    match content {
        serde_json::Value::String(text) => match text.chars().find(|c| !is_shown(*c, shelf)) {
            Some(character) => Err(CertificateError::Glyph(u32::from(character))),
            None => Ok(()),
        },
        serde_json::Value::Array(items) => items
            .iter()
            .try_for_each(|item| every_character_has_a_glyph(item, shelf)),
        serde_json::Value::Object(map) => map
            .values()
            .try_for_each(|item| every_character_has_a_glyph(item, shelf)),
        _ => Ok(()),
    }
}

/// What stands for a character that cannot be shown: U+25A1, a white square.
const MISSING: char = '□';

fn mark_missing(content: &mut serde_json::Value, shelf: &Shelf) {
    match content {
        serde_json::Value::String(text) if text.chars().any(|c| !is_shown(c, shelf)) => {
            *text = text
                .chars()
                .map(|c| if is_shown(c, shelf) { c } else { MISSING })
                .collect();
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| mark_missing(item, shelf)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|item| mark_missing(item, shelf)),
        _ => {}
    }
}

fn is_shown(character: char, shelf: &Shelf) -> bool {
    character == ' ' || !character.is_control() && shelf.covers(character)
}

/// The world of one layout: five virtual files and the fonts.
struct Desk<'a> {
    press: &'a Press,
    shelf: &'a Shelf,
    template: Source,
    frame: Source,
    files: [(FileId, Bytes); 3],
}

impl<'a> Desk<'a> {
    fn new(press: &'a Press, shelf: &'a Shelf, sheet: &Sheet, content: Vec<u8>) -> Result<Self, CertificateError> {
        let attachment = Bytes::new(sheet.attachment.clone());
        Ok(Self {
            press,
            shelf,
            template: press.source("template.typ", &sheet.template)?,
            frame: press.source("frame.typ", &sheet.frame)?,
            files: [
                (file(sheet.content_name)?, Bytes::new(content)),
                (file(ATTACHMENT)?, attachment),
                (file("qr.svg")?, Bytes::from_string(sheet.qr.clone())),
            ],
        })
    }

    fn compile(&self, sheet: &Sheet) -> Result<PagedDocument, CertificateError> {
        let document: PagedDocument = typst::compile(self)
            .output
            .map_err(|errors| self.template_error(&errors, &sheet.content))?;
        if document.pages().len() > MAX_PAGES {
            return Err(CertificateError::TooLong { max_rows: MAX_ROWS });
        }
        Ok(document)
    }

    fn lay_out(&self, sheet: &Sheet) -> Result<LaidOut, CertificateError> {
        let document = self.compile(sheet)?;
        let pages = document.pages().len();
        let seal = seal_place(&document)?;
        check_attachment(&document, &sheet.attachment)?;
        let options = PdfOptions {
            ident: Smart::Custom(sheet.identifier.clone()),
            creator: Smart::Custom(Some("Yinxin".to_owned())),
            timestamp: Some(pdf_time(sheet.issued_at)?),
            page_ranges: None,
            standards: PdfStandards::new(&[PdfStandard::A_3b])
                .map_err(|error| CertificateError::Template(error.message().to_string()))?,
            tagged: true,
            pretty: false,
        };
        let pdf = typst_pdf::pdf(&document, &options).map_err(|errors| self.template_error(&errors, &sheet.content))?;
        Ok(LaidOut { pdf, pages, seal })
    }

    /// What is wrong, with file and line, and without any text of the certificate: the message may be logged.
    fn template_error(&self, errors: &[SourceDiagnostic], content: &serde_json::Value) -> CertificateError {
        let mut message = String::new();
        for error in errors.iter().take(3) {
            if !message.is_empty() {
                message.push_str("; ");
            }
            if let Some((name, line)) = self.line_of(error) {
                // Writing to a String cannot fail.
                let _ = write!(message, "{name}:{line}: ");
            }
            message.push_str(&error.message);
        }
        CertificateError::Template(without_texts_of(content, message))
    }

    fn line_of(&self, error: &SourceDiagnostic) -> Option<(&'static str, usize)> {
        let id = error.span.id()?;
        let source = self.source(id).ok()?;
        let start = WorldExt::range(self, error.span)?.start;
        let line = source.lines().byte_to_line(start)? + 1;
        Some((id.get().vpath().file_name()?, line))
    }
}

impl World for Desk<'_> {
    fn library(&self) -> &LazyHash<Library> {
        &self.press.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.shelf.book
    }

    fn main(&self) -> FileId {
        self.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        [&self.template, &self.frame]
            .into_iter()
            .find(|source| source.id() == id)
            .cloned()
            .ok_or(FileError::AccessDenied)
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files
            .iter()
            .find(|(known, _)| *known == id)
            .map(|(_, bytes)| bytes.clone())
            .ok_or(FileError::AccessDenied)
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.shelf.font(index)
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn file(name: &str) -> Result<FileId, CertificateError> {
    let path = VirtualPath::new(name).map_err(|_| CertificateError::Template(format!("bad file name `{name}`")))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

fn seal_place(document: &PagedDocument) -> Result<SealPlace, CertificateError> {
    let lost = |reason: &str| CertificateError::Template(reason.to_owned());
    let introspector = document.introspector();
    let element = Label::new(PicoStr::intern(SEAL_LABEL))
        .and_then(|label| introspector.query_label(label).ok())
        .ok_or_else(|| lost("no place, or more than one, is marked for the seal: put one label <seal>"))?;
    let position = element
        .location()
        .and_then(|location| introspector.position(location))
        .ok_or_else(|| lost("the label <seal> is on no page"))?;
    let page = position.page.get() - 1;
    let size = document
        .pages()
        .get(page)
        .map(|page| page.frame.size())
        .ok_or_else(|| lost("the label <seal> is on no page"))?;
    let (x, y) = (position.point.x.to_pt(), size.y.to_pt() - position.point.y.to_pt());
    let half = SEAL_MM * POINTS_PER_MM / 2.0;
    let rect = [x - half, y - half, x + half, y + half];
    let [left, bottom, right, top] = rect;
    if left < 0.0 || bottom < 0.0 || right > size.x.to_pt() || top > size.y.to_pt() {
        return Err(lost("the seal does not lie within the page"));
    }
    Ok(SealPlace { page, rect })
}

/// An operator may change everything but this: the machine-readable data travel with the document.
fn check_attachment(document: &PagedDocument, data: &[u8]) -> Result<(), CertificateError> {
    let attached = document.introspector().query(&AttachElem::ELEM.select());
    let ours = attached
        .iter()
        .filter_map(|element| element.to_packed::<AttachElem>())
        .any(|element| element.data.as_slice() == data);
    if ours {
        Ok(())
    } else {
        Err(CertificateError::Template(format!("`{ATTACHMENT}` is not attached")))
    }
}

fn pdf_time(time: Timestamp) -> Result<typst_pdf::Timestamp, CertificateError> {
    let local = jiff::tz::Offset::constant(8).to_datetime(time);
    let part = |value: i8| u8::try_from(value).unwrap_or_default();
    Datetime::from_ymd_hms(
        i32::from(local.year()),
        part(local.month()),
        part(local.day()),
        part(local.hour()),
        part(local.minute()),
        part(local.second()),
    )
    .and_then(|datetime| typst_pdf::Timestamp::new_local(datetime, 8 * 60))
    .ok_or_else(|| CertificateError::Template("the time of issue cannot be written".to_owned()))
}

fn without_texts_of(content: &serde_json::Value, message: String) -> String {
    match content {
        serde_json::Value::String(text) if text.chars().count() > 1 => message.replace(text.as_str(), "…"),
        serde_json::Value::Array(items) => items.iter().fold(message, |m, item| without_texts_of(item, m)),
        serde_json::Value::Object(map) => map.values().fold(message, |m, item| without_texts_of(item, m)),
        _ => message,
    }
}

#[cfg(test)]
mod tests;
