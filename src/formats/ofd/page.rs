//! Pages of a document to be written, and what stands on them. Lengths in millimetres from the upper left corner of the page.

use std::{fmt::Write as _, ops::Range};

use super::{
    out::{Out, number},
    write::{DECLARATION, Ids, NAMESPACE, Resources},
};

/// How long an object is, about: room to begin with.
const OBJECT_BYTES: usize = 512;

/// A page. What its texts show stands together, in their order: there are hundreds of them, and what lies in one piece of
/// memory is read in one go.
#[derive(Default)]
pub struct NewPage {
    pub width: f64,
    pub height: f64,
    pub objects: Vec<Object>,
    pub text: String,
    pub glyphs: Vec<PlacedGlyph>,
}

pub enum Object {
    Text(TextRun),
    /// In a box: it is three times as large as what most objects are.
    Path(Box<Outline>),
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
    /// By its place in [`super::NewDocument::images`].
    pub image: usize,
    /// Where its upper left, upper right and lower left corners are.
    pub corners: [[f64; 2]; 3],
}

/// Characters on one line.
pub struct TextRun {
    /// By its place in [`super::NewDocument::fonts`].
    pub font: usize,
    pub size: f64,
    /// Where the first glyph's baseline begins.
    pub at: [f64; 2],
    pub fill: Color,
    /// Where it stands in [`NewPage::text`], in bytes.
    pub text: Range<usize>,
    /// Where they stand in [`NewPage::glyphs`], in the order of the text.
    pub glyphs: Range<usize>,
}

pub struct PlacedGlyph {
    /// In the embedded font.
    pub id: u16,
    /// For how many characters of the text it stands.
    pub characters: u16,
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

/// Texts that are looked for on pages.
pub(super) struct Sought<'a> {
    texts: Vec<&'a str>,
    /// A bit for each of their lengths, modulo 64: most of what stands on a page is of another.
    lengths: u64,
}

impl<'a> Sought<'a> {
    /// No place is looked for of an empty text, or of a short number: rows have them too, and mean something else.
    pub fn new(texts: impl Iterator<Item = &'a str>) -> Self {
        let is_told = |text: &&str| text.len() >= 8 || text.bytes().any(|byte| !byte.is_ascii_digit());
        let texts: Vec<&str> = texts.filter(is_told).collect();
        let lengths = texts.iter().fold(0, |all, text| all | Self::bit(text));
        Self { texts, lengths }
    }

    fn bit(text: &str) -> u64 {
        1 << (text.len() % 64)
    }

    fn contains(&self, text: &str) -> bool {
        self.lengths & Self::bit(text) != 0 && self.texts.contains(&text)
    }
}

/// One of them as it stands on a page.
pub(super) struct Shown<'a> {
    pub page: u32,
    /// The text objects that show it.
    pub objects: Range<u32>,
    pub text: &'a str,
}

impl NewPage {
    pub(super) fn area(&self) -> String {
        format!("0 0 {} {}", number(self.width), number(self.height))
    }

    pub(super) fn write<'a>(
        &'a self,
        id: u32,
        resources: &Resources<'_>,
        sought: &Sought<'_>,
        ids: &mut Ids,
        texts: &mut Vec<Shown<'a>>,
    ) -> Vec<u8> {
        let area = self.area();
        let mut out = Out::with_capacity(self.objects.len() * OBJECT_BYTES);
        let _ = write!(
            out,
            "{DECLARATION}<ofd:Page {NAMESPACE}><ofd:Area><ofd:PhysicalBox>{area}</ofd:PhysicalBox></ofd:Area>\
             <ofd:Content><ofd:Layer ID=\"{}\"",
            ids.next()
        );
        if let Some(ink) = &resources.ink {
            let _ = write!(out, " DrawParam=\"{}\"", ink.id);
        }
        out.push(">");
        let ink = resources.ink.as_ref().map(|ink| ink.color);
        for object in &self.objects {
            match object {
                Object::Text(run) => {
                    let text = self.text.get(run.text.clone()).unwrap_or_default();
                    let glyphs = self.glyphs.get(run.glyphs.clone()).unwrap_or_default();
                    let font = resources.fonts.get(run.font).copied().unwrap_or_default();
                    let objects = run.write((glyphs, text), font, ink, ids, &mut out);
                    let text = text.trim();
                    if sought.contains(text) {
                        texts.push(Shown {
                            page: id,
                            objects,
                            text,
                        });
                    }
                }
                Object::Path(path) => path.write(ids.next(), &area, &mut out),
                Object::Image(image) => {
                    let resource = resources.images.get(image.image).copied().unwrap_or_default();
                    image.write(ids.next(), resource, &mut out);
                }
            }
        }
        out.push("</ofd:Layer></ofd:Content></ofd:Page>");
        out.into_bytes()
    }
}

impl TextRun {
    /// Writes it as text objects, and returns their IDs. Characters with one glyph each stand together; any other cluster,
    /// as a ligature or a letter with its marks, has an object of its own: viewers read one `CGTransform` and one `TextCode`
    /// of an object.
    fn write(
        &self,
        (mut glyphs, mut text): (&[PlacedGlyph], &str),
        font: u32,
        ink: Option<Color>,
        ids: &mut Ids,
        out: &mut Out,
    ) -> Range<u32> {
        let first = ids.peek();
        if !glyphs.is_empty() && glyphs.iter().all(|glyph| glyph.characters == 1) {
            self.write_object((glyphs, text, glyphs.len()), (ids.next(), font), ink, out);
            return first..ids.peek();
        }
        let clusters: Vec<&[PlacedGlyph]> = glyphs.chunk_by(|_, next| next.characters == 0).collect();
        let is_single = |cluster: &[PlacedGlyph]| matches!(cluster, [glyph] if glyph.characters == 1);
        for together in clusters.chunk_by(|one, next| is_single(one) && is_single(next)) {
            let (own, after) = glyphs
                .split_at_checked(together.iter().map(|cluster| cluster.len()).sum())
                .unwrap_or((glyphs, &[]));
            glyphs = after;
            let count = own.iter().map(|glyph| usize::from(glyph.characters)).sum();
            let end = text.char_indices().nth(count).map_or(text.len(), |(end, _)| end);
            let (shown, after) = text.split_at_checked(end).unwrap_or((text, ""));
            text = after;
            self.write_object((own, shown, count), (ids.next(), font), ink, out);
        }
        first..ids.peek()
    }

    fn write_object(
        &self,
        (glyphs, text, count): (&[PlacedGlyph], &str, usize),
        (id, font): (u32, u32),
        ink: Option<Color>,
        out: &mut Out,
    ) {
        let [x, y] = self.at;
        let size = self.size;
        let start = glyphs.first().map_or(0.0, |glyph| glyph.x);
        let width = glyphs.last().map_or(0.0, |last| last.x - start) + 2.0 * size;
        // Most of a document is this: put together without the detours of formatting.
        out.push("<ofd:TextObject ID=\"");
        out.integer(id);
        out.push("\" Boundary=\"");
        out.numbers(&[x + start, y - size, width, size * 1.5]);
        out.push("\" Font=\"");
        out.integer(font);
        out.push("\" Size=\"");
        out.number(number(size));
        out.push("\">");
        if ink != Some(self.fill) {
            color("FillColor", self.fill, out);
        }
        out.push("<ofd:CGTransform CodePosition=\"0\" CodeCount=\"");
        out.integer(count);
        out.push("\" GlyphCount=\"");
        out.integer(glyphs.len());
        out.push("\"><ofd:Glyphs>");
        for (place, glyph) in glyphs.iter().enumerate() {
            if place > 0 {
                out.push(" ");
            }
            out.integer(glyph.id);
        }
        out.push("</ofd:Glyphs></ofd:CGTransform><ofd:TextCode X=\"0\" Y=\"");
        out.number(number(size));
        out.push("\"");
        if glyphs.len() > 1 {
            out.push(" DeltaX=\"");
            distances(glyphs, out);
            out.push("\"");
        }
        out.push(">");
        out.escape(text);
        out.push("</ofd:TextCode></ofd:TextObject>");
    }
}

/// From each glyph to the next; where one stands more than twice in a row as `g`, its number and itself (GB/T 33190-2016
/// 11.3).
fn distances(glyphs: &[PlacedGlyph], out: &mut Out) {
    let mut all = glyphs.windows(2).map(|two| match two {
        [one, next] => number(next.x - one.x),
        _ => number(0.0),
    });
    let mut current = all.next();
    let mut is_first = true;
    while let Some(one) = current {
        let mut count = 1;
        current = all.find(|next| {
            *next != one || {
                count += 1;
                false
            }
        });
        let (repeated, written) = if count > 2 { (true, 1) } else { (false, count) };
        for _ in 0..written {
            if !std::mem::replace(&mut is_first, false) {
                out.push(" ");
            }
            if repeated {
                out.push("g ");
                out.integer(count);
                out.push(" ");
            }
            out.number(one);
        }
    }
}

impl PlacedImage {
    fn write(&self, id: u32, resource: u32, out: &mut Out) {
        let [[x, y], right, below] = self.corners;
        let [a, b] = [right[0] - x, right[1] - y];
        let [c, d] = [below[0] - x, below[1] - y];
        // The box around all four corners, and the matrix that takes the unit square to them, from its corner on.
        let [left, top] = [a.min(0.0) + c.min(0.0), b.min(0.0) + d.min(0.0)];
        let [width, height] = [a.abs() + c.abs(), b.abs() + d.abs()];
        let _ = write!(out, "<ofd:ImageObject ID=\"{id}\" Boundary=\"");
        out.numbers(&[x + left, y + top, width, height]);
        out.push("\" CTM=\"");
        out.numbers(&[a, b, c, d, -left, -top]);
        let _ = write!(out, "\" ResourceID=\"{resource}\"/>");
    }
}

impl Outline {
    /// What GB/T 33190-2016 takes where nothing is said is not said: stroked, not filled, `NonZero`, `Butt`, `Miter`.
    fn write(&self, id: u32, area: &str, out: &mut Out) {
        let _ = write!(out, "<ofd:PathObject ID=\"{id}\" Boundary=\"{area}\"");
        if self.stroke.is_none() {
            out.push(" Stroke=\"false\"");
        }
        if self.fill.is_some() {
            out.push(" Fill=\"true\"");
        }
        if self.even_odd {
            out.push(" Rule=\"Even-Odd\"");
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
                out.push(" DashPattern=\"");
                out.numbers(&stroke.dashes);
                let _ = write!(out, "\" DashOffset=\"{}\"", number(stroke.dash_offset));
            }
        }
        out.push(">");
        match &self.fill {
            Some(Fill::Color(fill)) => color("FillColor", *fill, out),
            Some(Fill::Shading(shading)) => shading.write(out),
            None => {}
        }
        if let Some(stroke) = &self.stroke {
            color("StrokeColor", stroke.color, out);
        }
        out.push("<ofd:AbbreviatedData>");
        out.push(&self.data);
        out.push("</ofd:AbbreviatedData></ofd:PathObject>");
    }
}

impl Shading {
    fn write(&self, out: &mut Out) {
        let name = if self.radii.is_some() { "RadialShd" } else { "AxialShd" };
        let _ = write!(
            out,
            "<ofd:FillColor><ofd:{name} MapType=\"Direct\" Extend=\"3\" StartPoint=\""
        );
        out.numbers(&self.from);
        out.push("\" EndPoint=\"");
        out.numbers(&self.to);
        out.push("\"");
        if let Some([start, end]) = self.radii {
            let _ = write!(out, " StartRadius=\"{}\" EndRadius=\"{}\"", number(start), number(end));
        }
        out.push(">");
        for (position, stop) in &self.stops {
            let _ = write!(out, "<ofd:Segment Position=\"{}\">", number(*position));
            color("Color", *stop, out);
            out.push("</ofd:Segment>");
        }
        let _ = write!(out, "</ofd:{name}></ofd:FillColor>");
    }
}

pub(super) fn color(name: &str, [red, green, blue, opaque]: Color, out: &mut Out) {
    out.push("<ofd:");
    out.push(name);
    for (before, part) in [(" Value=\"", red), (" ", green), (" ", blue)] {
        out.push(before);
        out.integer(part);
    }
    out.push("\"");
    if opaque != u8::MAX {
        out.push(" Alpha=\"");
        out.integer(opaque);
        out.push("\"");
    }
    out.push("/>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_with_its_marks_has_an_object_of_its_own() {
        let glyph = |id: u16, characters: u16| PlacedGlyph {
            id,
            characters,
            x: f64::from(id),
        };
        let run = TextRun {
            font: 0,
            size: 4.0,
            at: [0.0, 4.0],
            fill: [0, 0, 0, 255],
            text: 0..6,
            glyphs: 0..6,
        };
        let glyphs = [(1, 1), (2, 1), (3, 1), (4, 0), (5, 2), (6, 1)].map(|(id, characters)| glyph(id, characters));
        let (mut ids, mut out) = (Ids::new(), Out::with_capacity(0));
        assert_eq!(run.write((&glyphs, "abcfid"), 9, None, &mut ids, &mut out), 1..5);
        let document = roxmltree::Document::parse_with_options(
            &format!(
                "<a xmlns:ofd=\"x\">{}</a>",
                String::from_utf8(out.into_bytes()).unwrap()
            ),
            roxmltree::ParsingOptions::default(),
        )
        .map(|document| {
            let transforms = document
                .descendants()
                .filter(|node| node.tag_name().name() == "CGTransform");
            let texts = document
                .descendants()
                .filter(|node| node.tag_name().name() == "TextCode");
            transforms
                .zip(texts)
                .map(|(transform, text)| {
                    let count = |name: &str| transform.attribute(name).unwrap_or_default().to_owned();
                    let glyphs = transform.first_element_child().and_then(|glyphs| glyphs.text());
                    format!(
                        "{} {} {} {}",
                        text.text().unwrap_or_default(),
                        count("CodeCount"),
                        count("GlyphCount"),
                        glyphs.unwrap_or_default()
                    )
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(
            document,
            Ok(vec![
                "ab 2 2 1 2".into(),
                "c 1 2 3 4".into(),
                "fi 2 1 5".into(),
                "d 1 1 6".into()
            ])
        );
    }
}
