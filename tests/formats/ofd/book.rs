//! An OFD made by hand, with a page, a template, an image, an annotation, an attachment and tags; and ZIP files with
//! nothing done right by a library.

use data_encoding::BASE64;
use flate2::Crc;
use sm3::{Digest as _, Sm3};
use yinxin::formats::ofd::Package;

/// The files of a package, in their order.
#[derive(Clone)]
pub struct Book {
    pub files: Vec<(String, Vec<u8>)>,
}

const NAMESPACE: &str = "xmlns:ofd=\"http://www.ofdspec.org/2016\"";

impl Book {
    pub fn new() -> Self {
        let mut book = Self { files: Vec::new() };
        let root = |signatures: &str| {
            format!(
                "<ofd:OFD {NAMESPACE} Version=\"1.0\" DocType=\"OFD\"><ofd:DocBody><ofd:DocInfo><ofd:DocID>0123456789abcdef\
                 </ofd:DocID><ofd:CustomDatas><ofd:CustomData Name=\"ZZMC\">示例证明</ofd:CustomData></ofd:CustomDatas>\
                 </ofd:DocInfo><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot>{signatures}</ofd:DocBody></ofd:OFD>"
            )
        };
        book.put(
            "OFD.xml",
            root("<ofd:Signatures>/Doc_0/Signs/Signatures.xml</ofd:Signatures>"),
        );
        book.put(
            "Doc_0/Document.xml",
            format!(
                "<ofd:Document {NAMESPACE}><ofd:CommonData><ofd:MaxUnitID>20</ofd:MaxUnitID>\
                 <ofd:DocumentRes>DocumentRes.xml</ofd:DocumentRes>\
                 <ofd:TemplatePage ID=\"2\" BaseLoc=\"Tpls/Tpl_0/Content.xml\"/></ofd:CommonData>\
                 <ofd:Pages><ofd:Page ID=\"1\" BaseLoc=\"Pages/Page_0/Content.xml\"/></ofd:Pages>\
                 <ofd:Annotations>Annots/Annotations.xml</ofd:Annotations>\
                 <ofd:Attachments>Attachs/Attachments.xml</ofd:Attachments>\
                 <ofd:CustomTags>Tags/CustomTags.xml</ofd:CustomTags></ofd:Document>"
            ),
        );
        book.put(
            "Doc_0/DocumentRes.xml",
            format!(
                "<ofd:Res {NAMESPACE} BaseLoc=\"Res\"><ofd:MultiMedias><ofd:MultiMedia ID=\"5\" Type=\"Image\">\
                 <ofd:MediaFile>image.png</ofd:MediaFile></ofd:MultiMedia></ofd:MultiMedias></ofd:Res>"
            ),
        );
        book.put("Doc_0/Res/image.png", "\u{89}PNG made up");
        book.put(
            "Doc_0/Tpls/Tpl_0/Content.xml",
            format!("<ofd:Page {NAMESPACE}><ofd:Content/></ofd:Page>"),
        );
        book.put("Doc_0/Pages/Page_0/Content.xml", page("示例人甲"));
        book.put(
            "Doc_0/Annots/Annotations.xml",
            format!(
                "<ofd:Annotations {NAMESPACE}><ofd:Page PageID=\"1\"><ofd:FileLoc>Page_0/Annotation.xml</ofd:FileLoc>\
                 </ofd:Page></ofd:Annotations>"
            ),
        );
        book.put(
            "Doc_0/Annots/Page_0/Annotation.xml",
            format!("<ofd:PageAnnot {NAMESPACE}/>"),
        );
        book.put(
            "Doc_0/Attachs/Attachments.xml",
            format!(
                "<ofd:Attachments {NAMESPACE}><ofd:Attachment ID=\"7\" Name=\"data\"><ofd:FileLoc>data.json</ofd:FileLoc>\
                 </ofd:Attachment></ofd:Attachments>"
            ),
        );
        book.put("Doc_0/Attachs/data.json", "{\"CZZT\": \"示例人甲\"}");
        book.put(
            "Doc_0/Tags/CustomTags.xml",
            format!(
                "<ofd:CustomTags {NAMESPACE}><ofd:CustomTag NameSpace=\"urn:example\"><ofd:FileLoc>CustomTag.xml\
                 </ofd:FileLoc></ofd:CustomTag></ofd:CustomTags>"
            ),
        );
        book.put(
            "Doc_0/Tags/CustomTag.xml",
            format!("<License {NAMESPACE}><CZZT><ofd:ObjectRef PageRef=\"1\">11</ofd:ObjectRef></CZZT></License>"),
        );
        book
    }

    /// The files of a package that others made.
    pub fn of(package: &Package) -> Self {
        let files = package
            .paths()
            .map(|path| (path.to_owned(), package.file(path).unwrap().to_vec()));
        Self { files: files.collect() }
    }

    /// Adds a file, or changes it.
    pub fn put(&mut self, path: &str, content: impl AsRef<[u8]>) {
        let content = content.as_ref().to_vec();
        match self.files.iter_mut().find(|(name, _)| name == path) {
            Some((_, old)) => *old = content,
            None => self.files.push((path.to_owned(), content)),
        }
    }

    pub fn take(&mut self, path: &str) -> Vec<u8> {
        let place = self.files.iter().position(|(name, _)| name == path).unwrap();
        self.files.remove(place).1
    }

    pub fn file(&self, path: &str) -> &[u8] {
        &self.files.iter().find(|(name, _)| name == path).unwrap().1
    }

    pub fn replace(&mut self, path: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.file(path).to_vec()).unwrap();
        assert!(text.contains(from), "{path} has no {from}");
        self.put(path, text.replace(from, to));
    }

    /// The references that cover these files, by SM3.
    pub fn references(&self, covers: impl Fn(&str) -> bool) -> String {
        self.files
            .iter()
            .filter(|(path, _)| covers(path))
            .map(|(path, content)| {
                let digest = BASE64.encode(&Sm3::digest(content));
                format!("<ofd:Reference FileRef=\"/{path}\"><ofd:CheckValue>{digest}</ofd:CheckValue></ofd:Reference>")
            })
            .collect()
    }

    pub fn zip(&self) -> Vec<u8> {
        zip(&self
            .files
            .iter()
            .map(|(path, content)| Entry::plain(path, content))
            .collect::<Vec<_>>())
    }
}

pub fn page(holder: &str) -> String {
    format!(
        "<ofd:Page {NAMESPACE}><ofd:Template TemplateID=\"2\"/><ofd:Content><ofd:Layer ID=\"10\"><ofd:TextObject ID=\"11\" \
         Boundary=\"20 20 60 6\" Font=\"4\" Size=\"4\"><ofd:TextCode X=\"0\" Y=\"4\">{holder}</ofd:TextCode>\
         </ofd:TextObject><ofd:ImageObject ID=\"12\" Boundary=\"0 0 9 9\" ResourceID=\"5\"/></ofd:Layer></ofd:Content>\
         </ofd:Page>"
    )
}

/// An entry of a ZIP file, stored; its two headers may tell different things.
pub struct Entry {
    pub local_name: Vec<u8>,
    pub name: Vec<u8>,
    pub method: u16,
    pub stored: Vec<u8>,
    pub size: u32,
    pub crc: u32,
}

impl Entry {
    pub fn plain(path: &str, content: &[u8]) -> Self {
        let mut crc = Crc::new();
        crc.update(content);
        Self {
            local_name: path.as_bytes().to_vec(),
            name: path.as_bytes().to_vec(),
            method: 0,
            stored: content.to_vec(),
            size: content.len() as u32,
            crc: crc.sum(),
        }
    }
}

pub fn zip(entries: &[Entry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let at = out.len() as u32;
        let mut common = Vec::new();
        common.extend([20, 0, 0, 8]);
        common.extend(entry.method.to_le_bytes());
        common.extend([0, 0, 0x21, 0x5B]);
        common.extend(entry.crc.to_le_bytes());
        common.extend((entry.stored.len() as u32).to_le_bytes());
        common.extend(entry.size.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend((entry.local_name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out.extend(&entry.local_name);
        out.extend(&entry.stored);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend((entry.name.len() as u16).to_le_bytes());
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(&entry.name);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((entries.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}
