//! A certificate as OFD (GB/T 33190), from the same laid-out frames as its PDF, with a seal by GB/T 38540.

use std::fmt::Write as _;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use subsetter::GlyphRemapper;
use typst::{
    layout::{Abs, Frame, FrameItem, Point, Quadrant, Ratio, Transform},
    text::{Font, TextItem},
    visualize::{
        Color, CurveItem, ExchangeFormat, FillRule, FixedStroke, Geometry, Gradient, Image, ImageKind, LineCap,
        LineJoin, Paint, RasterFormat, RasterImage, RatioOrAngle, RelativeTo, Shape,
    },
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
        ofd::{
            self, Fill, NewDocument, NewFont, NewImage, NewPage, NewStamp, Object, Outline, Pencil, PlacedGlyph,
            PlacedImage, Shading, TextRun, number,
        },
        ses,
    },
};

const MM_PER_POINT: f64 = 25.4 / 72.0;
const PRODUCT: &str = "Yinxin";

/// The pages of a certificate as OFD has them, and where the seal goes.
pub struct Drawn {
    pages: Vec<NewPage>,
    fonts: Vec<NewFont>,
    images: Vec<NewImage>,
    seal: SealPlace,
}

impl Drawn {
    /// Draws the pages of a document.
    pub(super) fn new(document: &PagedDocument, seal: SealPlace) -> Result<Self, CertificateError> {
        let mut pen = Pen::default();
        let mut pages = Vec::new();
        for page in document.pages() {
            let mut drawn = NewPage {
                width: millimetres(page.frame.width()),
                height: millimetres(page.frame.height()),
                ..NewPage::default()
            };
            pen.frame(&page.frame, Transform::identity(), &mut drawn)?;
            pages.push(drawn);
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
            images: pen.images,
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
        let written = NewDocument {
            id: &id,
            title,
            creator: PRODUCT,
            created: china_date(sheet.issued_at),
            pages: &self.pages,
            fonts: self.fonts,
            images: self.images,
            metadata: &sheet.metadata,
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

fn millimetres(length: Abs) -> f64 {
    length.to_pt() * MM_PER_POINT
}

/// Takes what stands in frames onto pages, and remembers which glyphs of which fonts and which images it took.
#[derive(Default)]
struct Pen {
    fonts: Vec<(Font, GlyphRemapper)>,
    images: Vec<NewImage>,
}

impl Pen {
    fn frame(&mut self, frame: &Frame, at: Transform, page: &mut NewPage) -> Result<(), CertificateError> {
        for (point, item) in frame.items() {
            let here = at.pre_concat(Transform::translate(point.x, point.y));
            match item {
                FrameItem::Group(group) if group.clip.is_some() => return Err(not_in_ofd("what is clipped")),
                FrameItem::Group(group) => self.frame(&group.frame, here.pre_concat(group.transform), page)?,
                FrameItem::Text(text) => self.text(text, here, page)?,
                FrameItem::Shape(shape, _) => {
                    if let Some(outline) = outline(shape, here)? {
                        draw(outline, &mut page.objects);
                    }
                }
                FrameItem::Image(image, size, _) => match image.kind() {
                    ImageKind::Raster(raster) => {
                        let corners = [Point::zero(), Point::with_x(size.x), Point::with_y(size.y)];
                        page.objects.push(Object::Image(PlacedImage {
                            image: self.image(raster)?,
                            corners: corners.map(|corner| place(here, corner)),
                        }));
                    }
                    _ => picture(image, [size.x.to_pt(), size.y.to_pt()], here, &mut page.objects)?,
                },
                FrameItem::Link(..) | FrameItem::Tag(_) => {}
            }
        }
        Ok(())
    }

    /// The image by its place among those that are embedded, as it is.
    fn image(&mut self, raster: &RasterImage) -> Result<usize, CertificateError> {
        let kind = match raster.format() {
            RasterFormat::Exchange(ExchangeFormat::Png) => ofd::ImageKind::Png,
            RasterFormat::Exchange(ExchangeFormat::Jpg) => ofd::ImageKind::Jpeg,
            _ => return Err(not_in_ofd("an image that is neither PNG nor JPEG")),
        };
        // Viewers do not look for it.
        if raster.exif_rotation().is_some_and(|rotation| rotation != 1) {
            return Err(not_in_ofd("a photograph that is to be turned"));
        }
        let bytes = raster.data().as_slice();
        if let Some(known) = self.images.iter().position(|image| image.bytes == bytes) {
            return Ok(known);
        }
        self.images.push(NewImage {
            kind,
            bytes: bytes.to_vec(),
        });
        Ok(self.images.len() - 1)
    }

    fn text(&mut self, text: &TextItem, here: Transform, page: &mut NewPage) -> Result<(), CertificateError> {
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
        let is_upright = here.kx.is_zero() && here.ky.is_zero() && here.sx == here.sy && scale > 0.0;
        if !is_upright || text.stroke.is_some() {
            return Err(not_in_ofd("text that is turned, stretched or outlined"));
        }
        let Paint::Solid(fill) = &text.fill else {
            return Err(not_in_ofd("text in a gradient or a tiling"));
        };
        let (first, start) = (page.glyphs.len(), page.text.len());
        let (mut pen, mut last) = (Abs::zero(), None);
        for glyph in &text.glyphs {
            let range = glyph.range();
            // Several glyphs of one cluster: the characters stand with the first.
            let own = if last.as_ref() == Some(&range) {
                ""
            } else {
                text.text.get(range.clone()).unwrap_or_default()
            };
            page.text.push_str(own);
            page.glyphs.push(PlacedGlyph {
                id: used.remap(glyph.id),
                characters: u16::try_from(own.chars().count())
                    .map_err(|_| not_in_ofd("a letter of so many characters"))?,
                x: millimetres(pen + glyph.x_offset.at(text.size)) * scale,
            });
            last = Some(range);
            pen += glyph.x_advance.at(text.size);
        }
        page.objects.push(Object::Text(TextRun {
            font,
            size: millimetres(text.size) * scale,
            at: place(here, Point::zero()),
            fill: color(fill),
            text: start..page.text.len(),
            glyphs: first..page.glyphs.len(),
        }));
        Ok(())
    }
}

/// Draws a path: lines in one stroke with those right before it where nobody can tell them apart, as in the grid of a table.
fn draw(outline: Outline, objects: &mut Vec<Object>) {
    let is_line = |outline: &Outline| {
        let stroke = outline.stroke.as_ref();
        // Where lines cross that let light through, two are darker than one.
        outline.fill.is_none() && stroke.is_some_and(|stroke| stroke.color[3] == u8::MAX && stroke.dashes.is_empty())
    };
    match objects.last_mut() {
        Some(Object::Path(last)) if is_line(last) && is_line(&outline) && last.stroke == outline.stroke => {
            last.data.push(' ');
            last.data.push_str(&outline.data);
        }
        _ => objects.push(Object::Path(Box::new(outline))),
    }
}

/// A point of a frame on the page, in millimetres.
fn place(here: Transform, point: Point) -> [f64; 2] {
    let point = point.transform(here);
    [millimetres(point.x), millimetres(point.y)]
}

fn color(color: &Color) -> ofd::Color {
    let rgb = color.to_rgb();
    [rgb.color.red, rgb.color.green, rgb.color.blue, rgb.alpha]
        .map(|part| (part * 255.0).round().clamp(0.0, 255.0) as u8)
}

/// How much longer lengths are on the page than in a frame.
fn scale_of(here: Transform) -> f64 {
    let determinant = here.sx.get() * here.sy.get() - here.kx.get() * here.ky.get();
    determinant.abs().sqrt()
}

/// The same for lines, whose ends and sides keep their shape.
fn line_scale(here: Transform) -> Result<f64, CertificateError> {
    let [a, b, c, d] = [here.sx, here.ky, here.kx, here.sy].map(Ratio::get);
    let (across, down, skew) = (a.hypot(b), c.hypot(d), a * c + b * d);
    if (across - down).abs() > 1e-3 * across || skew.abs() > 1e-3 * across * down {
        return Err(not_in_ofd("a line that is stretched"));
    }
    Ok(scale_of(here))
}

/// Between two stops there are so many more: the colours run through another space than OFD's.
const STEPS: usize = 8;

/// A gradient over the box of a shape.
fn shading(gradient: &Gradient, shape: &Shape, here: Transform) -> Result<Shading, CertificateError> {
    let area = shape.geometry.bbox(None);
    let (offset, size) = (area.min, area.size());
    if gradient.unwrap_relative(false) != RelativeTo::Self_ || size.x <= Abs::zero() || size.y <= Abs::zero() {
        return Err(not_in_ofd("a gradient over more than its shape"));
    }
    let at = |x: f64, y: f64| place(here, offset + Point::new(size.x * x, size.y * y));
    let (from, to, radii) = match gradient {
        Gradient::Linear(linear) => {
            let angle = Gradient::correct_aspect_ratio(linear.angle, size.aspect_ratio());
            let (sin, cos) = (angle.sin(), angle.cos());
            let (x, y) = match angle.quadrant() {
                Quadrant::First => (0.0, 0.0),
                Quadrant::Second => (1.0, 0.0),
                Quadrant::Third => (1.0, 1.0),
                Quadrant::Fourth => (0.0, 1.0),
            };
            // The lines of one colour are square to the axis in the unit square; in OFD they are so on the page.
            let length = cos.abs() + sin.abs();
            let (width, height) = (size.x.to_pt(), size.y.to_pt());
            let (across, down) = (cos / (width * length), sin / (height * length));
            let square = across * across + down * down;
            let end = (x + across / square / width, y + down / square / height);
            (at(x, y), at(end.0, end.1), None)
        }
        Gradient::Radial(radial) if (size.x / size.y - 1.0).abs() < 1e-3 => {
            let radius = |ratio: Ratio| millimetres(size.x * ratio.get()) * scale_of(here);
            (
                at(radial.focal_center.x.get(), radial.focal_center.y.get()),
                at(radial.center.x.get(), radial.center.y.get()),
                Some([radius(radial.focal_radius), radius(radial.radius)]),
            )
        }
        Gradient::Radial(_) | Gradient::Conic(_) => return Err(not_in_ofd("a conic or oval gradient")),
    };
    let mut stops: Vec<(f64, ofd::Color)> = Vec::new();
    for (own, offset) in gradient.stops_ref() {
        let position = offset.get();
        if let Some(last) = stops.last().map(|(last, _)| *last).filter(|last| *last < position) {
            for step in 1..STEPS {
                let between = last + (position - last) * step as f64 / STEPS as f64;
                let sample = gradient.sample(RatioOrAngle::Ratio(Ratio::new(between)));
                stops.push((between, color(&sample)));
            }
        }
        stops.push((position, color(own)));
    }
    Ok(Shading { from, to, radii, stops })
}

fn pencil(stroke: &FixedStroke, here: Transform) -> Result<Pencil, CertificateError> {
    let Paint::Solid(paint) = &stroke.paint else {
        return Err(not_in_ofd("a line in a gradient or a tiling"));
    };
    let scale = line_scale(here)?;
    let length = |length: Abs| millimetres(length) * scale;
    let dash = stroke.dash.as_ref();
    Ok(Pencil {
        color: color(paint),
        width: length(stroke.thickness),
        cap: match stroke.cap {
            LineCap::Butt => "Butt",
            LineCap::Round => "Round",
            LineCap::Square => "Square",
        },
        join: match stroke.join {
            LineJoin::Miter => "Miter",
            LineJoin::Round => "Round",
            LineJoin::Bevel => "Bevel",
        },
        dashes: dashes(dash.iter().flat_map(|dash| &dash.array).map(|own| length(*own)))?,
        dash_offset: dash.map_or(0.0, |dash| length(dash.phase)),
    })
}

/// A dash and a gap: the `DashPattern` of OFD has no more.
fn dashes(all: impl Iterator<Item = f64>) -> Result<Vec<f64>, CertificateError> {
    let all: Vec<f64> = all.collect();
    match all[..] {
        [] | [_, _] => Ok(all),
        [both] => Ok(vec![both, both]),
        _ => Err(not_in_ofd("a line with dashes of several lengths")),
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
            let _ = write!(data, " {} {}", number(x), number(y));
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
    let stroke = shape.stroke.as_ref().map(|stroke| pencil(stroke, here)).transpose()?;
    let fill = match &shape.fill {
        None => None,
        Some(Paint::Solid(fill)) => Some(Fill::Color(color(fill))),
        Some(Paint::Gradient(gradient)) => Some(Fill::Shading(shading(gradient, shape, here)?)),
        Some(Paint::Tiling(_)) => return Err(not_in_ofd("a tiling")),
    };
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
        return Err(not_in_ofd("a PDF in the page"));
    };
    let tree = svg.tree();
    let scale = |own: f64, drawn: f32| Ratio::new(own / f64::from(drawn));
    let here = here.pre_concat(Transform::scale(
        scale(width, tree.size().width()),
        scale(height, tree.size().height()),
    ));
    paths(tree.root(), usvg::Transform::identity(), tree.size(), here, objects)
}

/// `own` takes what is in the group to the picture, and `here` a unit of the picture, as if it were a point, to the page.
fn paths(
    group: &usvg::Group,
    own: usvg::Transform,
    size: usvg::Size,
    here: Transform,
    objects: &mut Vec<Object>,
) -> Result<(), CertificateError> {
    let is_plain = group.opacity().get() >= 1.0
        && group.blend_mode() == usvg::BlendMode::Normal
        && group.clip_path().is_none()
        && group.mask().is_none()
        && group.filters().is_empty();
    if !is_plain {
        return Err(not_in_ofd("an effect in a picture"));
    }
    // One after the other: the absolute ones of usvg 0.47 have those of `use` twice.
    let own = own.pre_concat(group.transform());
    for node in group.children() {
        match node {
            usvg::Node::Group(inner) => paths(inner, own, size, here, objects)?,
            usvg::Node::Path(path) if path.is_visible() => {
                if !is_within(path, own, size) {
                    return Err(not_in_ofd("what reaches over the edge of its picture"));
                }
                objects.push(Object::Path(Box::new(drawing(path, here.pre_concat(transform(own)))?)));
            }
            usvg::Node::Path(_) => {}
            usvg::Node::Image(_) | usvg::Node::Text(_) => return Err(not_in_ofd("a picture in a picture")),
        }
    }
    Ok(())
}

/// The PDF ends a picture at its edge.
fn is_within(path: &usvg::Path, own: usvg::Transform, size: usvg::Size) -> bool {
    let line = path
        .stroke()
        .map(|stroke| path.data().stroke(&stroke.to_tiny_skia(), 1.0));
    let parts = path.fill().map(|_| Some(path.data().clone())).into_iter().chain(line);
    parts.flatten().all(|part| {
        let bounds = part.transform(own).and_then(|part| part.compute_tight_bounds());
        bounds.is_some_and(|bounds| {
            let over = 1e-3 * size.width().max(size.height());
            bounds.left() >= -over
                && bounds.top() >= -over
                && bounds.right() <= size.width() + over
                && bounds.bottom() <= size.height() + over
        })
    })
}

fn drawing(path: &usvg::Path, here: Transform) -> Result<Outline, CertificateError> {
    let solid = |paint: &usvg::Paint, opacity: f32| match paint {
        usvg::Paint::Color(color) => Ok([color.red, color.green, color.blue, (opacity * 255.0).round() as u8]),
        _ => Err(not_in_ofd("a gradient or a pattern in a picture")),
    };
    let (fill, stroke) = (path.fill(), path.stroke());
    if fill.is_some() && stroke.is_some() && path.paint_order() == usvg::PaintOrder::StrokeAndFill {
        return Err(not_in_ofd("a line under what it is around, in a picture"));
    }
    let color = fill.map(|fill| solid(fill.paint(), fill.opacity().get()));
    let stroke = stroke.map(|stroke| picture_pencil(stroke, solid(stroke.paint(), stroke.opacity().get())?, here));
    Ok(Outline {
        data: path_data(path.data(), here),
        fill: color.transpose()?.map(Fill::Color),
        stroke: stroke.transpose()?,
        even_odd: fill.is_some_and(|fill| fill.rule() == usvg::FillRule::EvenOdd),
    })
}

fn transform(own: usvg::Transform) -> Transform {
    let [sx, ky, kx, sy] = [own.sx, own.ky, own.kx, own.sy].map(|part| Ratio::new(f64::from(part)));
    let [tx, ty] = [own.tx, own.ty].map(|part| Abs::pt(f64::from(part)));
    Transform { sx, ky, kx, sy, tx, ty }
}

fn picture_pencil(stroke: &usvg::Stroke, color: ofd::Color, here: Transform) -> Result<Pencil, CertificateError> {
    let scale = line_scale(here)?;
    let length = |length: f32| millimetres(Abs::pt(f64::from(length))) * scale;
    Ok(Pencil {
        color,
        width: length(stroke.width().get()),
        cap: match stroke.linecap() {
            usvg::LineCap::Butt => "Butt",
            usvg::LineCap::Round => "Round",
            usvg::LineCap::Square => "Square",
        },
        join: match stroke.linejoin() {
            usvg::LineJoin::Miter => "Miter",
            usvg::LineJoin::Round => "Round",
            usvg::LineJoin::Bevel => "Bevel",
            usvg::LineJoin::MiterClip => return Err(not_in_ofd("a line with clipped corners")),
        },
        dashes: dashes(stroke.dasharray().unwrap_or_default().iter().map(|own| length(*own)))?,
        dash_offset: length(stroke.dashoffset()),
    })
}

fn path_data(path: &usvg::tiny_skia_path::Path, here: Transform) -> String {
    let mut data = String::new();
    let mut step = |letter: char, points: &[usvg::tiny_skia_path::Point]| {
        let _ = write!(data, "{letter}");
        for point in points {
            let [x, y] = place(
                here,
                Point::new(Abs::pt(f64::from(point.x)), Abs::pt(f64::from(point.y))),
            );
            let _ = write!(data, " {} {}", number(x), number(y));
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
