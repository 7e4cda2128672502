//! The first page of a small OFD as SVG: seals are drawn so (GB/T 38540 allows a picture of type `ofd`).
//!
//! Paths, images and texts with their places and colours; no effects, no fonts. Nothing of the OFD gets into the SVG as
//! it is: numbers are read and written anew, texts are escaped, images stand in it as data.

use std::fmt::Write as _;

use data_encoding::BASE64;
use roxmltree::Node;

use super::{Package, ReadError, parts, resolve, xml};

/// The largest OFD that is drawn, in bytes.
pub const MAX_DRAWN_BYTES: usize = 1024 * 1024;

/// The largest SVG that comes out, in bytes.
pub const MAX_SVG_BYTES: usize = 1024 * 1024;

/// The deepest that groups of objects nest.
const MAX_GROUPS: usize = 16;

/// Draws the first page. None where there is nothing to draw, or too much.
pub fn first_page(bytes: &[u8]) -> Option<String> {
    if bytes.len() > MAX_DRAWN_BYTES {
        return None;
    }
    draw(bytes).ok().flatten()
}

fn draw(bytes: &[u8]) -> Result<Option<String>, ReadError> {
    let package = Package::read(bytes)?;
    let parts = parts(&package)?;
    let Some((_, path)) = parts.pages.first() else {
        return Ok(None);
    };
    let page = xml::parse(path, package.file(path).unwrap_or_default())?;
    let own = page
        .descendants()
        .find(|node| xml::is(node, "PhysicalBox"))
        .map(xml::text);
    let size = match own {
        Some(size) => Some(size),
        None => of_document(&package, &parts)?,
    };
    let Some([_, _, width, height]) = size.as_deref().and_then(numbers::<4>) else {
        return Ok(None);
    };
    let mut drawing = Drawing {
        package: &package,
        images: images(&package, &parts)?,
        out: format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}mm\" \
             height=\"{height}mm\">"
        ),
    };
    for layer in page.descendants().filter(|node| xml::is(node, "Layer")) {
        drawing.objects(layer, 0);
    }
    drawing.out.push_str("</svg>");
    Ok((drawing.out.len() <= MAX_SVG_BYTES).then_some(drawing.out))
}

fn of_document(package: &Package, parts: &super::Parts<'_>) -> Result<Option<String>, ReadError> {
    for (path, part) in &parts.reached {
        if *part == super::Part::Document && path != super::ROOT {
            let document = xml::parse(path, package.file(path).unwrap_or_default())?;
            let found = document
                .descendants()
                .find(|node| xml::is(node, "PhysicalBox"))
                .map(xml::text);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

/// The files of images, by ID.
fn images(package: &Package, parts: &super::Parts<'_>) -> Result<Vec<(String, String)>, ReadError> {
    let mut images = Vec::new();
    for (path, part) in &parts.reached {
        if *part != super::Part::Resource || !path.to_ascii_lowercase().ends_with(".xml") {
            continue;
        }
        let resources = xml::parse(path, package.file(path).unwrap_or_default())?;
        let base = resources.root_element().attribute("BaseLoc").unwrap_or(".").to_owned();
        for media in resources.descendants().filter(|node| xml::is(node, "MultiMedia")) {
            let file = xml::children(media, "MediaFile")
                .next()
                .map(xml::text)
                .unwrap_or_default();
            let ways = [resolve(path, &format!("{base}/{file}")), resolve(path, &file)];
            if let (Some(id), Some(file)) = (
                media.attribute("ID"),
                ways.into_iter().flatten().find(|way| package.has(way)),
            ) {
                images.push((id.to_owned(), file));
            }
        }
    }
    Ok(images)
}

struct Drawing<'a> {
    package: &'a Package,
    images: Vec<(String, String)>,
    out: String,
}

impl Drawing<'_> {
    fn objects(&mut self, parent: Node<'_, '_>, depth: usize) {
        for node in parent.children().filter(Node::is_element) {
            if self.out.len() > MAX_SVG_BYTES || depth > MAX_GROUPS {
                return;
            }
            match node.tag_name().name() {
                "PageBlock" => self.objects(node, depth + 1),
                "PathObject" => self.path(node),
                "ImageObject" => self.image(node),
                "TextObject" => self.text(node),
                _ => {}
            }
        }
    }

    fn path(&mut self, node: Node<'_, '_>) {
        let data = xml::children(node, "AbbreviatedData").next().map(xml::text);
        let Some(data) = data.as_deref().and_then(path_data) else {
            return;
        };
        let filled = node.attribute("Fill") == Some("true");
        let stroked = node.attribute("Stroke") != Some("false");
        let fill = if filled {
            color(node, "FillColor")
        } else {
            "none".to_owned()
        };
        let stroke = if stroked {
            color(node, "StrokeColor")
        } else {
            "none".to_owned()
        };
        let width = node
            .attribute("LineWidth")
            .and_then(numbers::<1>)
            .map_or(0.353, |[width]| width);
        let rule = if node.attribute("Rule") == Some("Even-Odd") {
            "evenodd"
        } else {
            "nonzero"
        };
        let _ = write!(
            self.out,
            "<path transform=\"{}\" fill=\"{fill}\" fill-rule=\"{rule}\" stroke=\"{stroke}\" stroke-width=\"{width}\" \
             d=\"{data}\"/>",
            transform(node)
        );
    }

    fn image(&mut self, node: Node<'_, '_>) {
        let id = node.attribute("ResourceID");
        let found = self.images.iter().find(|(known, _)| Some(known.as_str()) == id);
        let Some(data) = found.and_then(|(_, path)| self.package.file(path)) else {
            return;
        };
        let kind = match data {
            _ if data.starts_with(b"\x89PNG") => "png",
            _ if data.starts_with(b"\xFF\xD8\xFF") => "jpeg",
            _ if data.starts_with(b"GIF8") => "gif",
            _ if data.starts_with(b"BM") => "bmp",
            _ => return,
        };
        if data.len() > MAX_SVG_BYTES {
            return;
        }
        // The matrix takes the unit square to the image's place.
        let _ = write!(
            self.out,
            "<image transform=\"{}\" width=\"1\" height=\"1\" preserveAspectRatio=\"none\" \
             href=\"data:image/{kind};base64,{}\"/>",
            transform(node),
            BASE64.encode(data)
        );
    }

    fn text(&mut self, node: Node<'_, '_>) {
        let size = node.attribute("Size").and_then(numbers::<1>).map_or(4.0, |[size]| size);
        let fill = color(node, "FillColor");
        let place = transform(node);
        for code in xml::children(node, "TextCode") {
            let x = code.attribute("X").and_then(numbers::<1>).map_or(0.0, |[x]| x);
            let y = code.attribute("Y").and_then(numbers::<1>).map_or(size, |[y]| y);
            let _ = write!(
                self.out,
                "<text transform=\"{place}\" font-size=\"{size}\" fill=\"{fill}\" x=\"{}\" y=\"{y}\">{}</text>",
                places(x, code.attribute("DeltaX")),
                escape(&xml::text(code))
            );
        }
    }
}

/// Boundary and matrix of an object.
fn transform(node: Node<'_, '_>) -> String {
    let boundary = node.attribute("Boundary").and_then(numbers::<4>);
    let [x, y, ..] = boundary.unwrap_or([0.0; 4]);
    let matrix = node.attribute("CTM").and_then(numbers::<6>);
    let [a, b, c, d, e, f] = matrix.unwrap_or([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    format!("translate({x} {y}) matrix({a} {b} {c} {d} {e} {f})")
}

/// Where each character stands: the start, and what is added for each next one (`g 3 4.2` is 4.2 three times).
fn places(start: f64, deltas: Option<&str>) -> String {
    const MAX_PLACES: usize = 500;
    let mut words = deltas.unwrap_or_default().split_ascii_whitespace();
    let (mut at, mut out, mut count) = (start, format!("{start}"), 1);
    while let Some(word) = words.next() {
        let (times, delta) = match word {
            "g" => (
                words.next().and_then(|times| times.parse().ok()).unwrap_or(0),
                words.next(),
            ),
            delta => (1, Some(delta)),
        };
        let Some(delta) = delta
            .and_then(|delta| delta.parse::<f64>().ok())
            .filter(|delta| delta.is_finite())
        else {
            break;
        };
        for _ in 0..times {
            if count >= MAX_PLACES {
                return out;
            }
            (at, count) = (at + delta, count + 1);
            let _ = write!(out, " {at}");
        }
    }
    out
}

/// The colour as SVG writes it: grey, RGB or CMYK by how many numbers there are; black without any.
fn color(node: Node<'_, '_>, name: &'static str) -> String {
    let value = xml::children(node, name)
        .next()
        .and_then(|color| color.attribute("Value"));
    let parts: Vec<f64> = value
        .unwrap_or_default()
        .split_ascii_whitespace()
        .take(4)
        .filter_map(|part| match part.strip_prefix('#') {
            Some(digits) => u8::from_str_radix(digits, 16).ok().map(f64::from),
            None => part.parse().ok(),
        })
        .map(|part: f64| part.clamp(0.0, 255.0))
        .collect();
    let [red, green, blue] = match *parts.as_slice() {
        [grey] => [grey; 3],
        [red, green, blue] => [red, green, blue],
        [cyan, magenta, yellow, key] => [cyan, magenta, yellow].map(|ink| (255.0 - ink) * (255.0 - key) / 255.0),
        _ => [0.0; 3],
    };
    format!("rgb({red:.0},{green:.0},{blue:.0})")
}

/// The path in SVG's letters (GB/T 33190 9.2: S and M begin, L Q B A go on, C closes).
fn path_data(data: &str) -> Option<String> {
    let mut words = data.split_ascii_whitespace();
    let mut out = String::new();
    while let Some(word) = words.next() {
        let (letter, count) = match word {
            "S" | "M" => ('M', 2),
            "L" => ('L', 2),
            "Q" => ('Q', 4),
            "B" => ('C', 6),
            "A" => ('A', 7),
            "C" => ('Z', 0),
            _ => return None,
        };
        out.push(letter);
        for _ in 0..count {
            let number: f64 = words.next()?.parse().ok()?;
            if !number.is_finite() {
                return None;
            }
            let _ = write!(out, " {number}");
        }
        if out.len() > MAX_SVG_BYTES {
            return None;
        }
    }
    Some(out)
}

fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let all: Vec<f64> = text
        .split_ascii_whitespace()
        .take(N + 1)
        .filter_map(|word| word.parse().ok())
        .collect();
    <[f64; N]>::try_from(all)
        .ok()
        .filter(|all| all.iter().all(|number| number.is_finite()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_anew_and_nothing_else_gets_through() {
        assert_eq!(
            path_data("M 0 0 L 1 2 B 1 2 3 4 5 6 C").as_deref(),
            Some("M 0 0L 1 2C 1 2 3 4 5 6Z")
        );
        for wrong in ["M 0", "L 1 \"/><script>", "X 1 2", "M NaN 0", "M inf 0"] {
            assert_eq!(path_data(wrong), None, "{wrong}");
        }
        assert_eq!(escape("<a&b>"), "&lt;a&amp;b&gt;");
        assert_eq!(places(1.0, Some("g 2 3 1")), "1 4 7 8");
    }
}
