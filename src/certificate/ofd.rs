//! A certificate as OFD (GB/T 33190), from the same laid-out frames as its PDF, with a seal by GB/T 38540.

use std::fmt::Write as _;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use subsetter::GlyphRemapper;
use typst::{
    layout::{Abs, Frame, FrameItem, Point, Transform},
    text::{Font, TextItem},
    visualize::{CurveItem, FillRule, Geometry, Image, ImageKind, Paint, Shape},
};
use typst_layout::PagedDocument;
use usvg::tiny_skia_path::PathSegment;

use super::{
    CertificateError,
    electronic_seal::ElectronicSeal,
    layout::{ATTACHMENT, SealPlace, Sheet},
};
use crate::{
    clock::china_date,
    formats::{
        ofd::{self, NewDocument, NewFont, NewPage, NewStamp, Object, Outline, PlacedGlyph, TextRun},
        ses,
    },
};

const MM_PER_POINT: f64 = 25.4 / 72.0;
const PRODUCT: &str = "Yinxin";

/// The pages of a certificate as OFD has them, and where the seal goes.
pub struct Drawn {
    pages: Vec<NewPage>,
    fonts: Vec<NewFont>,
    seal: SealPlace,
}

impl Drawn {
    /// Draws the pages of a document.
    pub(super) fn new(document: &PagedDocument, seal: SealPlace) -> Result<Self, CertificateError> {
        let mut pen = Pen { fonts: Vec::new() };
        let mut pages = Vec::new();
        for page in document.pages() {
            let mut objects = Vec::new();
            pen.frame(&page.frame, Transform::identity(), &mut objects)?;
            pages.push(NewPage {
                width: millimetres(page.frame.width()),
                height: millimetres(page.frame.height()),
                objects,
            });
        }
        let fonts = pen.fonts.iter().map(|(font, used)| {
            let bytes = subsetter::subset(font.data(), font.index(), used)
                .map_err(|error| CertificateError::Template(format!("a font cannot be embedded: {error}")))?;
            Ok(NewFont {
                name: font.info().family.clone(),
                bytes,
            })
        });
        Ok(Self {
            fonts: fonts.collect::<Result<_, CertificateError>>()?,
            pages,
            seal,
        })
    }

    /// The document with everything but the value of its seal.
    pub fn prepare(
        self,
        sheet: &Sheet,
        title: &str,
        seal: &ElectronicSeal,
        at: Timestamp,
    ) -> Result<ofd::Sealing, CertificateError> {
        let id = digest(&SHA256, sheet.identifier.as_bytes());
        let id = data_encoding::HEXLOWER.encode(id.as_ref().get(..16).unwrap_or_default());
        let metadata = metadata(&sheet.attachment);
        let written = NewDocument {
            id: &id,
            title,
            creator: PRODUCT,
            created: china_date(sheet.issued_at),
            pages: &self.pages,
            fonts: &self.fonts,
            metadata: &metadata,
            attachment: (ATTACHMENT, &sheet.attachment),
        }
        .write();
        let [left, bottom, right, top] = self.seal.rect;
        let height = self.pages.get(self.seal.page).map_or(0.0, |page| page.height);
        let stamp = NewStamp {
            page: self.seal.page,
            x: left * MM_PER_POINT,
            y: height - top * MM_PER_POINT,
            width: (right - left) * MM_PER_POINT,
            height: (top - bottom) * MM_PER_POINT,
        };
        Ok(ofd::prepare(written, seal.der(), &stamp, PRODUCT, at))
    }
}

/// Signs what was prepared with the seal. To be called when the intent is recorded.
pub fn seal(sealing: ofd::Sealing, seal: &ElectronicSeal, at: Timestamp) -> Result<Vec<u8>, CertificateError> {
    let failed = |error: &dyn std::fmt::Display| CertificateError::Seal(error.to_string());
    let to_sign = ses::to_sign(seal.der(), at, &sealing.digest(), &sealing.path()).map_err(|error| failed(&error))?;
    let (value, certificate) = seal.sign(&to_sign)?;
    let value = ses::signature(&to_sign, certificate, &value).map_err(|error| failed(&error))?;
    sealing.finish(value).map_err(|error| failed(&error))
}

/// Names and values of GB/T 36903, as the attached data have them.
fn metadata(attachment: &[u8]) -> Vec<(String, String)> {
    let data: serde_json::Value = serde_json::from_slice(attachment).unwrap_or_default();
    let all = data.get("metadata").and_then(serde_json::Value::as_object);
    all.into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn millimetres(length: Abs) -> f64 {
    length.to_pt() * MM_PER_POINT
}

/// Takes what stands in frames onto pages, and remembers which glyphs of which fonts it took.
struct Pen {
    fonts: Vec<(Font, GlyphRemapper)>,
}

impl Pen {
    fn frame(&mut self, frame: &Frame, at: Transform, objects: &mut Vec<Object>) -> Result<(), CertificateError> {
        for (point, item) in frame.items() {
            let here = at.pre_concat(Transform::translate(point.x, point.y));
            match item {
                FrameItem::Group(group) => self.frame(&group.frame, here.pre_concat(group.transform), objects)?,
                FrameItem::Text(text) => objects.push(Object::Text(self.text(text, here)?)),
                FrameItem::Shape(shape, _) => objects.extend(outline(shape, here)?.map(Object::Path)),
                FrameItem::Image(image, size, _) => {
                    let (width, height) = (size.x.to_pt(), size.y.to_pt());
                    picture(image, [width, height], here, objects)?;
                }
                FrameItem::Link(..) | FrameItem::Tag(_) => {}
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &TextItem, here: Transform) -> Result<TextRun, CertificateError> {
        let own = text.font.font();
        let font = match self.fonts.iter().position(|(font, _)| font == own) {
            Some(place) => place,
            None => {
                self.fonts.push((own.clone(), GlyphRemapper::new()));
                self.fonts.len() - 1
            }
        };
        let Some((_, used)) = self.fonts.get_mut(font) else {
            return Err(CertificateError::Template("a font is lost".to_owned()));
        };
        let scale = here.sx.get();
        let mut pen = Abs::zero();
        let mut glyphs: Vec<PlacedGlyph> = Vec::new();
        let mut last = None;
        for glyph in &text.glyphs {
            let range = glyph.range();
            // Several glyphs of one cluster: the characters stand with the first.
            let own = if last.as_ref() == Some(&range) {
                ""
            } else {
                text.text.get(range.clone()).unwrap_or_default()
            };
            glyphs.push(PlacedGlyph {
                id: used.remap(glyph.id),
                text: own.to_owned(),
                x: millimetres(pen + glyph.x_offset.at(text.size)) * scale,
            });
            last = Some(range);
            pen += glyph.x_advance.at(text.size);
        }
        Ok(TextRun {
            font,
            size: millimetres(text.size) * scale,
            at: place(here, Point::zero()),
            fill: color(&text.fill)?,
            glyphs,
        })
    }
}

/// A point of a frame on the page, in millimetres.
fn place(here: Transform, point: Point) -> [f64; 2] {
    let point = point.transform(here);
    [millimetres(point.x), millimetres(point.y)]
}

fn color(paint: &Paint) -> Result<[u8; 3], CertificateError> {
    match paint {
        Paint::Solid(color) => {
            let [red, green, blue, _] = color.to_vec4_u8();
            Ok([red, green, blue])
        }
        Paint::Gradient(_) | Paint::Tiling(_) => Err(not_in_ofd("a gradient or a tiling")),
    }
}

fn not_in_ofd(what: &str) -> CertificateError {
    CertificateError::Template(format!("{what} cannot be written as OFD"))
}

fn outline(shape: &Shape, here: Transform) -> Result<Option<Outline>, CertificateError> {
    let mut data = String::new();
    let mut step = |letter: char, points: &[Point]| {
        let _ = write!(data, "{letter}");
        for point in points {
            let [x, y] = place(here, *point);
            let _ = write!(data, " {x:.4} {y:.4}");
        }
        data.push(' ');
    };
    match &shape.geometry {
        Geometry::Line(end) => {
            step('M', &[Point::zero()]);
            step('L', &[*end]);
        }
        Geometry::Rect(size) => {
            step('M', &[Point::zero()]);
            step('L', &[Point::with_x(size.x)]);
            step('L', &[size.to_point()]);
            step('L', &[Point::with_y(size.y)]);
            step('C', &[]);
        }
        Geometry::Curve(curve) => {
            for item in &curve.0 {
                match item {
                    CurveItem::Move(point) => step('M', &[*point]),
                    CurveItem::Line(point) => step('L', &[*point]),
                    CurveItem::Cubic(one, two, end) => step('B', &[*one, *two, *end]),
                    CurveItem::Close => step('C', &[]),
                }
            }
        }
    }
    let stroke = shape.stroke.as_ref().map(|stroke| {
        let width = millimetres(stroke.thickness) * here.sx.get();
        color(&stroke.paint).map(|color| (color, width))
    });
    let fill = shape.fill.as_ref().map(color).transpose()?;
    let stroke = stroke.transpose()?;
    Ok((fill.is_some() || stroke.is_some()).then(|| Outline {
        data: data.trim_end().to_owned(),
        fill,
        stroke,
        even_odd: shape.fill_rule == FillRule::EvenOdd,
    }))
}

/// The paths of an SVG, such as the QR code.
fn picture(
    image: &Image,
    [width, height]: [f64; 2],
    here: Transform,
    objects: &mut Vec<Object>,
) -> Result<(), CertificateError> {
    let ImageKind::Svg(svg) = image.kind() else {
        return Err(not_in_ofd("a raster image"));
    };
    let tree = svg.tree();
    let scale = [
        width / f64::from(tree.size().width()),
        height / f64::from(tree.size().height()),
    ];
    paths(tree.root(), scale, here, objects)
}

fn paths(
    group: &usvg::Group,
    scale: [f64; 2],
    here: Transform,
    objects: &mut Vec<Object>,
) -> Result<(), CertificateError> {
    for node in group.children() {
        match node {
            usvg::Node::Group(inner) => paths(inner, scale, here, objects)?,
            usvg::Node::Path(path) if path.is_visible() => {
                let Some(fill) = path.fill() else { continue };
                let usvg::Paint::Color(color) = fill.paint() else {
                    return Err(not_in_ofd("a pattern"));
                };
                let Some(placed) = path.data().clone().transform(path.abs_transform()) else {
                    continue;
                };
                objects.push(Object::Path(Outline {
                    data: path_data(&placed, scale, here),
                    fill: Some([color.red, color.green, color.blue]),
                    stroke: None,
                    even_odd: fill.rule() == usvg::FillRule::EvenOdd,
                }));
            }
            usvg::Node::Path(_) => {}
            usvg::Node::Image(_) | usvg::Node::Text(_) => return Err(not_in_ofd("a picture in a picture")),
        }
    }
    Ok(())
}

fn path_data(path: &usvg::tiny_skia_path::Path, [across, down]: [f64; 2], here: Transform) -> String {
    let mut data = String::new();
    let mut step = |letter: char, points: &[usvg::tiny_skia_path::Point]| {
        let _ = write!(data, "{letter}");
        for point in points {
            let point = Point::new(Abs::pt(f64::from(point.x) * across), Abs::pt(f64::from(point.y) * down));
            let [x, y] = place(here, point);
            let _ = write!(data, " {x:.4} {y:.4}");
        }
        data.push(' ');
    };
    for segment in path.segments() {
        match segment {
            PathSegment::MoveTo(point) => step('M', &[point]),
            PathSegment::LineTo(point) => step('L', &[point]),
            PathSegment::QuadTo(control, point) => step('Q', &[control, point]),
            PathSegment::CubicTo(one, two, point) => step('B', &[one, two, point]),
            PathSegment::Close => step('C', &[]),
        }
    }
    data.trim_end().to_owned()
}
