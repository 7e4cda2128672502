use std::{f64::consts::TAU, fmt::Write as _};

use tiny_skia::{Pixmap, Transform};
use ttf_parser::Face;
use typst::text::Font;

use super::{
    CertificateError,
    fonts::{RARE, SONG, Shelf},
    layout::SEAL_MM,
};

/// The red of a seal.
const RED: [f64; 3] = [0.87, 0.09, 0.1];
/// The longest name that can stand on a seal, in characters.
pub const MAX_NAME: usize = 40;

// In millimetres, as 国发〔1999〕25号 has it for a seal of 42 mm: a ring, a five-pointed star of 14 mm, the name of the
// body from left to right along the upper arc, in Song.
const RING_WIDTH: f64 = 1.2;
const RING_RADIUS: f64 = SEAL_MM / 2.0 - 0.2 - RING_WIDTH / 2.0;
const STAR_RADIUS: f64 = 7.0;
const NAME: Arc = Arc {
    radius: 16.2,
    size: 5.2,
    span: 250.0,
    slot: 21.0,
    outward: true,
};
const LEGEND: Arc = Arc {
    radius: 16.9,
    size: 3.5,
    span: 70.0,
    slot: 13.5,
    outward: false,
};
/// Song is thin in print: its letters are outlined by this much to read as on a cut seal.
const LETTER_STROKE: f64 = 0.16;

/// How wide and high the seal's PNG is: twelve pixels a millimetre, some 300 an inch.
const PNG_PIXELS: u32 = 504;

/// A round seal as vector paths: nothing of a font needs to be embedded where it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct SealPicture {
    ring: Vec<Step>,
    star: Vec<Step>,
    letters: Vec<Step>,
}

/// Text along a circle. Angles in degrees.
struct Arc {
    radius: f64,
    size: f64,
    /// The most that the text may span.
    span: f64,
    /// What one letter takes where there is room.
    slot: f64,
    /// Whether letters stand with their heads outward (the upper arc) or inward (the lower).
    outward: bool,
}

/// A step of a path, in millimetres from the middle of the seal, y upward.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Move([f64; 2]),
    Line([f64; 2]),
    Cubic([f64; 2], [f64; 2], [f64; 2]),
    Close,
}

impl SealPicture {
    /// The seal of a body: its name above, a star in the middle, a legend (such as 电子印章) below.
    pub fn draw(name: &str, legend: &str, shelf: &Shelf) -> Result<Self, CertificateError> {
        if name.chars().count() > MAX_NAME || legend.chars().count() > MAX_NAME {
            return Err(CertificateError::Seal(format!(
                "a name on a seal has at most {MAX_NAME} characters"
            )));
        }
        let fonts: Vec<Font> = [SONG, RARE].iter().filter_map(|family| shelf.family(family)).collect();
        let faces: Vec<Face<'_>> = fonts
            .iter()
            .filter_map(|font| Face::parse(font.data(), font.index()).ok())
            .collect();
        let mut letters = Vec::new();
        NAME.write(name, &faces, &mut letters)?;
        LEGEND.write(legend, &faces, &mut letters)?;
        Ok(Self {
            ring: circle(RING_RADIUS),
            star: star(STAR_RADIUS),
            letters,
        })
    }

    /// Operators of a PDF content stream that fill a square of `side` points.
    pub fn pdf_operators(&self, side: f64) -> String {
        let scale = side / SEAL_MM;
        let [red, green, blue] = RED;
        // Writing to a String cannot fail, here and below.
        let mut out = format!("q {red} {green} {blue} RG {red} {green} {blue} rg {scale:.5} 0 0 {scale:.5} ");
        let middle = side / 2.0;
        let _ = writeln!(out, "{middle:.3} {middle:.3} cm 1 j");
        let _ = writeln!(out, "{RING_WIDTH} w");
        pdf_path(&self.ring, &mut out);
        out.push_str("S\n");
        pdf_path(&self.star, &mut out);
        let _ = writeln!(out, "f\n{LETTER_STROKE} w");
        pdf_path(&self.letters, &mut out);
        out.push_str("B\nQ\n");
        out
    }

    /// A PNG of the seal, clear where there is no ink: viewers of OFD draw that, and few of them SVG.
    pub fn png(&self) -> Result<Vec<u8>, CertificateError> {
        let failed = |error: &dyn std::fmt::Display| CertificateError::Seal(format!("its picture: {error}"));
        let tree = usvg::Tree::from_str(&self.svg(), &usvg::Options::default()).map_err(|error| failed(&error))?;
        let mut pixels = Pixmap::new(PNG_PIXELS, PNG_PIXELS).ok_or_else(|| failed(&"no room"))?;
        let side = PNG_PIXELS as f32;
        let scale = Transform::from_scale(side / tree.size().width(), side / tree.size().height());
        resvg::render(&tree, scale, &mut pixels.as_mut());
        // One ink, and how much of it: a third of what four channels take.
        let ink: Vec<u8> = pixels.pixels().iter().map(|pixel| pixel.alpha()).collect();
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, PNG_PIXELS, PNG_PIXELS);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(RED.map(|part| (part * 255.0).round() as u8).repeat(256));
        encoder.set_trns((0..=u8::MAX).collect::<Vec<u8>>());
        encoder.set_compression(png::Compression::High);
        let mut writer = encoder.write_header().map_err(|error| failed(&error))?;
        writer.write_image_data(&ink).map_err(|error| failed(&error))?;
        writer.finish().map_err(|error| failed(&error))?;
        Ok(out)
    }

    fn svg(&self) -> String {
        let half = SEAL_MM / 2.0;
        let [red, green, blue] = RED.map(|part| (part * 255.0).round());
        let mut out = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="-{half} -{half} {SEAL_MM} {SEAL_MM}" width="{SEAL_MM}mm" height="{SEAL_MM}mm"><g fill="rgb({red},{green},{blue})" stroke="rgb({red},{green},{blue})" stroke-linejoin="round"><path fill="none" stroke-width="{RING_WIDTH}" d=""#
        );
        svg_path(&self.ring, &mut out);
        out.push_str(r#""/><path stroke="none" d=""#);
        svg_path(&self.star, &mut out);
        let _ = write!(out, r#""/><path stroke-width="{LETTER_STROKE}" d=""#);
        svg_path(&self.letters, &mut out);
        out.push_str(r#""/></g></svg>"#);
        out
    }
}

impl Arc {
    /// Writes the outlines of a text along this arc.
    fn write(&self, text: &str, faces: &[Face<'_>], path: &mut Vec<Step>) -> Result<(), CertificateError> {
        let count = text.chars().count();
        if count == 0 {
            return Ok(());
        }
        // A count of at most MAX_NAME is exact in f64.
        #[allow(clippy::cast_precision_loss)]
        let count = count as f64;
        let slot = self.slot.min(self.span / count);
        let room = slot.to_radians() * self.radius;
        // Letters are narrowed rather than made smaller, as seal cutters do.
        let width = (room * 0.92 / self.size).min(0.95);
        let mut angle = -slot * (count - 1.0) / 2.0;
        for character in text.chars() {
            let (ttf, glyph) = faces
                .iter()
                .find_map(|face| Some((face, face.glyph_index(character)?)))
                .ok_or(CertificateError::Glyph(u32::from(character)))?;
            let em = self.size / f64::from(ttf.units_per_em());
            let advance = f64::from(ttf.glyph_hor_advance(glyph).unwrap_or_default());
            let (sin, cos) = angle.to_radians().sin_cos();
            let mut pen = Pen {
                path,
                at: [0.0, 0.0],
                // The middle of a CJK letter stands 0.38 em above its baseline.
                place: |[x, y]: [f64; 2]| {
                    let x = (x - advance / 2.0) * em * width;
                    let y = y * em - 0.38 * self.size;
                    if self.outward {
                        let y = y + self.radius;
                        [x * cos + y * sin, y * cos - x * sin]
                    } else {
                        let y = y - self.radius;
                        [x * cos - y * sin, y * cos + x * sin]
                    }
                },
            };
            ttf.outline_glyph(glyph, &mut pen);
            angle += slot;
        }
        Ok(())
    }
}

/// Takes outlines from a font and puts them in their place on the seal.
struct Pen<'a, P: Fn([f64; 2]) -> [f64; 2]> {
    path: &'a mut Vec<Step>,
    at: [f64; 2],
    place: P,
}

impl<P: Fn([f64; 2]) -> [f64; 2]> ttf_parser::OutlineBuilder for Pen<'_, P> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = [f64::from(x), f64::from(y)];
        self.path.push(Step::Move((self.place)(self.at)));
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = [f64::from(x), f64::from(y)];
        self.path.push(Step::Line((self.place)(self.at)));
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let control = [f64::from(x1), f64::from(y1)];
        let end = [f64::from(x), f64::from(y)];
        let toward = |[x, y]: [f64; 2]| {
            let [cx, cy] = control;
            (self.place)([x + (cx - x) * 2.0 / 3.0, y + (cy - y) * 2.0 / 3.0])
        };
        let step = Step::Cubic(toward(self.at), toward(end), (self.place)(end));
        self.path.push(step);
        self.at = end;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let [first, second, end] = [[x1, y1], [x2, y2], [x, y]].map(|point| point.map(f64::from));
        let step = Step::Cubic((self.place)(first), (self.place)(second), (self.place)(end));
        self.path.push(step);
        self.at = end;
    }

    fn close(&mut self) {
        self.path.push(Step::Close);
    }
}

fn circle(radius: f64) -> Vec<Step> {
    // Four cubic arcs: off by less than a thirtieth of a percent.
    let r = radius;
    let c = radius * 0.552_284_75;
    vec![
        Step::Move([r, 0.0]),
        Step::Cubic([r, c], [c, r], [0.0, r]),
        Step::Cubic([-c, r], [-r, c], [-r, 0.0]),
        Step::Cubic([-r, -c], [-c, -r], [0.0, -r]),
        Step::Cubic([c, -r], [r, -c], [r, 0.0]),
        Step::Close,
    ]
}

fn star(radius: f64) -> Vec<Step> {
    // The inner corners of a pentagram lie at sin 18° / sin 126° of its radius.
    let inner = radius * 0.381_966;
    let mut steps: Vec<Step> = (0..10u8)
        .map(|corner| {
            let reach = if corner % 2 == 0 { radius } else { inner };
            let (sin, cos) = (TAU * f64::from(corner) / 10.0).sin_cos();
            let point = [reach * sin, reach * cos];
            if corner == 0 {
                Step::Move(point)
            } else {
                Step::Line(point)
            }
        })
        .collect();
    steps.push(Step::Close);
    steps
}

fn pdf_path(steps: &[Step], out: &mut String) {
    for step in steps {
        let _ = match step {
            Step::Move([x, y]) => writeln!(out, "{x:.3} {y:.3} m"),
            Step::Line([x, y]) => writeln!(out, "{x:.3} {y:.3} l"),
            Step::Cubic([a, b], [c, d], [x, y]) => {
                writeln!(out, "{a:.3} {b:.3} {c:.3} {d:.3} {x:.3} {y:.3} c")
            }
            Step::Close => writeln!(out, "h"),
        };
    }
}

fn svg_path(steps: &[Step], out: &mut String) {
    for step in steps {
        let _ = match step {
            Step::Move([x, y]) => write!(out, "M{x:.2} {:.2}", -y),
            Step::Line([x, y]) => write!(out, "L{x:.2} {:.2}", -y),
            Step::Cubic([a, b], [c, d], [x, y]) => {
                write!(out, "C{a:.2} {:.2} {c:.2} {:.2} {x:.2} {:.2}", -b, -d, -y)
            }
            Step::Close => write!(out, "Z"),
        };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::certificate::fonts::Fonts;

    fn points(steps: &[Step]) -> impl Iterator<Item = [f64; 2]> + '_ {
        steps.iter().filter_map(|step| match step {
            Step::Move(point) | Step::Line(point) | Step::Cubic(_, _, point) => Some(*point),
            Step::Close => None,
        })
    }

    #[test]
    fn letters_stand_between_star_and_ring_however_long_the_name() {
        let shelf = Fonts::new(vec!["/usr/share/fonts".into()]).shelf().unwrap();
        for name in [
            "示例局",
            "莎车县人力资源和社会保障局",
            "喀什地区住房公积金管理中心莎车县管理部",
            &"示".repeat(MAX_NAME),
        ] {
            let seal = SealPicture::draw(name, "电子印章", &shelf).unwrap();
            for [x, y] in points(&seal.letters) {
                let distance = x.hypot(y);
                assert!(distance > STAR_RADIUS + 1.0, "{name}: {distance}");
                assert!(distance < RING_RADIUS - RING_WIDTH / 2.0, "{name}: {distance}");
            }
        }
    }

    #[test]
    fn its_picture_is_red_on_nothing() {
        let shelf = Fonts::new(vec!["/usr/share/fonts".into()]).shelf().unwrap();
        let picture = SealPicture::draw("示例县人民政府", "电子印章", &shelf).unwrap();
        let png = picture.png().unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(&png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let side = usize::try_from(PNG_PIXELS).unwrap();
        let at = |x: usize, y: usize| pixels.chunks(4).nth(y * side + x).unwrap();
        assert_eq!(at(side / 2, side / 2), [222, 23, 26, 255]);
        assert_eq!(at(0, 0).last(), Some(&0));
        assert_eq!(at(side / 2, 9), [222, 23, 26, 255]);
        assert!(png.len() < 40_000, "{}", png.len());
    }

    #[test]
    fn the_name_stands_above_and_the_legend_below() {
        let shelf = Fonts::new(vec!["/usr/share/fonts".into()]).shelf().unwrap();
        let name_only = SealPicture::draw("示例局", "", &shelf).unwrap();
        let legend_only = SealPicture::draw("", "电子印章", &shelf).unwrap();
        assert!(points(&name_only.letters).all(|[_, y]| y > 0.0));
        assert!(points(&legend_only.letters).all(|[_, y]| y < 0.0));
    }

    #[test]
    fn a_name_that_is_too_long_is_refused() {
        let shelf = Fonts::new(vec!["/usr/share/fonts".into()]).shelf().unwrap();
        assert!(SealPicture::draw(&"示".repeat(MAX_NAME + 1), "", &shelf).is_err());
    }
}
