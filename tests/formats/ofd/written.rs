//! What the files of an issued OFD hold: images, gradients, lines, tags.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use roxmltree::Document;
use yinxin::{
    certificate::{Sheet, seal_ofd},
    formats::ofd::Package,
    verification::Indication,
};

use super::{
    at,
    issued::{County, ISSUED, KINDS, LocalName as _, press, sheet},
};

/// A picture of ten units a side, with a blue line in it from 4, 3 to 4, 9, which is one and a half wide.
fn picture(attributes: &str, size: &str) -> String {
    let line = format!(
        "<defs><path id='line' stroke='#00f' stroke-width='.75' stroke-linecap='round' {attributes} d='M1 0h3'/></defs>\
         <use href='#line' transform='translate(4 1) scale(2) rotate(90)'/>"
    );
    svg(&format!("<rect width='10' height='10' fill='#efe'/>{line}"), size)
}

fn svg(content: &str, size: &str) -> String {
    format!(
        "#image(bytes(\"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'>{content}</svg>\"), \
         format: \"svg\", {size})"
    )
}

/// A sheet with something more at its end.
fn with(more: &str) -> (Sheet, String) {
    let (mut sheet, title) = sheet(KINDS[0], 1);
    sheet.template = format!("{}\n{more}", sheet.template).into();
    (sheet, title)
}

#[test]
fn images_gradients_and_lines_are_written_as_they_are_laid_out() {
    let (county, press) = (County::new(), press());
    let image = BASE64.decode(super::seals::PNG.as_bytes()).unwrap();
    let bytes: Vec<String> = image.iter().map(u8::to_string).collect();
    let image_source = format!("#image(bytes(({})), width: 20mm)", bytes.join(", "));
    let (sheet, title) = with(&format!(
        "{image_source}\n{image_source}\n#rect(width: 40mm, height: 20mm, fill: gradient.linear(rgb(255, 0, 0), rgb(0, 0, 255)))\n\
         #circle(radius: 8mm, fill: gradient.radial(rgb(255, 255, 255), rgb(0, 0, 0)))\n\
         #line(length: 30mm, stroke: (dash: \"dashed\", paint: rgb(0, 0, 0, 50%), thickness: 1mm))\n{}",
        picture("fill='none'", "width: 20mm")
    ));
    let time = at(ISSUED);
    let sealing = press
        .draw_now(&sheet)
        .unwrap()
        .prepare(&sheet, &title, &county.seal, time);
    let ofd = seal_ofd(sealing.unwrap(), &county.seal, time).unwrap();
    let report = county.verifier().verify(&ofd, None, at("2026-11-22T05:00:00Z"));
    assert_eq!(report.indication, Indication::TotalPassed, "{:#?}", report.findings);

    let package = Package::read(&ofd).unwrap();
    assert_eq!(package.file("Doc_0/Res/image_0.png"), Some(image.as_slice()));
    assert!(!package.has("Doc_0/Res/image_1.png"));
    let text = |path: &str| String::from_utf8(package.file(path).unwrap().to_vec()).unwrap();
    let resources = text("Doc_0/DocumentRes.xml");
    let resources = Document::parse(&resources).unwrap();
    let media = resources
        .descendants()
        .find(|node| node.has_tag_name_local("MultiMedia"));
    let pages: Vec<String> = (0..)
        .map(|page| format!("Doc_0/Pages/Page_{page}/Content.xml"))
        .take_while(|path| package.has(path))
        .map(|path| text(&path))
        .collect();
    let pages: Vec<_> = pages.iter().map(|page| Document::parse(page).unwrap()).collect();
    let all = |name: &str| -> Vec<_> {
        let nodes = pages.iter().flat_map(|page| page.descendants());
        nodes.filter(|node| node.has_tag_name_local(name)).collect()
    };
    let numbers = |text: &str| -> Vec<f64> { text.split(' ').map(|part| part.parse().unwrap()).collect() };
    let near = |one: f64, other: f64| (one - other).abs() < 0.001;
    let images = all("ImageObject");
    assert_eq!(images.len(), 2);
    for image in images {
        assert_eq!(image.attribute("ResourceID"), media.unwrap().attribute("ID"));
        let boundary = numbers(image.attribute("Boundary").unwrap());
        assert!(near(boundary[2], 20.0) && near(boundary[3], 20.0), "{boundary:?}");
        assert_eq!(image.attribute("CTM"), Some("20 0 0 20 0 0"));
    }
    let [axial] = all("AxialShd")[..] else { panic!() };
    let point = |node: &roxmltree::Node<'_, '_>, name: &str| numbers(node.attribute(name).unwrap());
    let (from, to) = (point(&axial, "StartPoint"), point(&axial, "EndPoint"));
    assert!(near(to[0] - from[0], 40.0) && near(to[1], from[1]), "{from:?} {to:?}");
    let colors: Vec<_> = axial
        .descendants()
        .filter(|node| node.has_tag_name_local("Color"))
        .map(|color| color.attribute("Value").unwrap())
        .collect();
    assert_eq!((colors[0], *colors.last().unwrap()), ("255 0 0", "0 0 255"));
    assert!(colors.len() > 4);
    let [radial] = all("RadialShd")[..] else { panic!() };
    assert_eq!(point(&radial, "StartPoint"), point(&radial, "EndPoint"));
    assert!(near(point(&radial, "EndRadius")[0], 8.0));
    let paths = all("PathObject");
    let dashed = paths
        .iter()
        .find(|path| path.attribute("DashPattern").is_some())
        .unwrap();
    assert_eq!(dashed.attribute("LineWidth"), Some("1"));
    let color = dashed.descendants().find(|node| node.has_tag_name_local("StrokeColor"));
    assert_eq!(color.unwrap().attribute("Alpha"), Some("128"));

    let of_picture = |path: &&roxmltree::Node<'_, '_>| path.attribute("Cap") == Some("Round");
    let [line] = paths.iter().filter(of_picture).collect::<Vec<_>>()[..] else {
        panic!()
    };
    assert_eq!((line.attribute("LineWidth"), line.attribute("Fill")), (Some("3"), None));
    let part = |path: &roxmltree::Node<'_, '_>, name: &str| {
        let found = path.children().find(|node| node.has_tag_name_local(name));
        found.map(|node| {
            (
                node.attribute("Value").map(str::to_owned),
                node.text().map(str::to_owned),
            )
        })
    };
    let value = |path: &roxmltree::Node<'_, '_>, name: &str| part(path, name).and_then(|(value, _)| value);
    assert_eq!(value(line, "StrokeColor").as_deref(), Some("0 0 255"));
    let ground = paths
        .iter()
        .find(|path| value(path, "FillColor").as_deref() == Some("238 255 238"))
        .unwrap();
    let points = |path: &roxmltree::Node<'_, '_>| -> Vec<f64> {
        let (_, data) = part(path, "AbbreviatedData").unwrap();
        data.unwrap().split(' ').filter_map(|part| part.parse().ok()).collect()
    };
    let corner = points(ground);
    let [x, y, end, below] = points(line)[..] else { panic!() };
    let from_corner = [x - corner[0], y - corner[1], end - corner[0], below - corner[1]];
    for (found, expected) in from_corner.into_iter().zip([8.0, 6.0, 8.0, 18.0]) {
        assert!((found - expected).abs() < 0.002, "{from_corner:?}");
    }
}

#[test]
fn what_cannot_be_written_as_it_is_laid_out_is_refused_and_never_left_out() {
    let press = press();
    let gif = data_encoding::BASE64.decode(b"R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7");
    let gif: Vec<String> = gif.unwrap().iter().map(u8::to_string).collect();
    let cases = [
        "#rect(width: 9mm, height: 9mm, fill: gradient.conic(red, blue))".to_owned(),
        "#rect(width: 9mm, height: 4mm, fill: gradient.radial(red, blue))".to_owned(),
        "#rect(width: 9mm, height: 9mm, fill: tiling(size: (2mm, 2mm))[#square(size: 1mm)])".to_owned(),
        "#text(fill: gradient.linear(red, blue))[文字]".to_owned(),
        "#rotate(30deg)[文字]".to_owned(),
        "#box(width: 5mm, height: 5mm, clip: true)[#rect(width: 9mm, height: 9mm)]".to_owned(),
        format!("#image(bytes(({})), width: 9mm)", gif.join(", ")),
        picture("fill='none'", "width: 20mm, height: 10mm, fit: \"stretch\""),
        picture("fill='#f00' paint-order='stroke'", "width: 20mm"),
        svg(
            "<rect width='10' height='10' fill='none' stroke='#000'/>",
            "width: 20mm",
        ),
        svg(
            "<rect width='5' height='5' style='mix-blend-mode:multiply'/>",
            "width: 20mm",
        ),
        "#scale(x: 200%)[#line(length: 20mm)]".to_owned(),
        "#line(length: 20mm, stroke: (dash: \"dash-dotted\"))".to_owned(),
    ];
    for more in cases {
        let (sheet, _) = with(&more);
        let Err(error) = press.draw_now(&sheet) else {
            panic!("{more} is drawn")
        };
        assert!(error.to_string().contains("OFD"), "{more}: {error}");
    }
}

#[test]
fn tags_lead_to_where_the_metadata_stand() {
    // The kind of the holder's identifier is 111, as is the number of a row.
    let ofd = County::new().issue(&press(), KINDS[0], 120);
    let package = Package::read(&ofd).unwrap();
    let text = |path: &str| String::from_utf8(package.file(path).unwrap().to_vec()).unwrap();
    let shown: BTreeMap<String, String> = (0..)
        .map(|page| format!("Doc_0/Pages/Page_{page}/Content.xml"))
        .take_while(|path| package.has(path))
        .flat_map(|path| objects_of(&text(&path)))
        .collect();
    let tags = text("Doc_0/Tags/CustomTag.xml");
    let tags = Document::parse(&tags).unwrap();
    let led_to = tags.root_element().children().map(|tag| {
        let objects = tag.children().map(|object| shown[object.text().unwrap()].as_str());
        (tag.tag_name().name(), objects.collect::<String>())
    });
    let led_to: BTreeMap<_, _> = led_to.collect();
    assert_eq!(led_to["CZZT"], "示例人甲");
    assert_eq!(led_to["ZZMC"], "社会保险参保证明");
    assert!(led_to.contains_key("CZZTDM"));
    assert!(!led_to.contains_key("CZZTDMLX"), "{led_to:?}");
    for (name, value) in sheet(KINDS[0], 120).0.metadata {
        if let Some(shown) = led_to.get(name.as_str()) {
            assert_eq!(shown, &value, "{name}");
        }
    }
}

#[test]
fn figures_of_rows_are_as_wide_as_each_other_and_all_else_keeps_its_width() {
    for kind in KINDS {
        let ofd = County::new().issue(&press(), kind, 20);
        let package = Package::read(&ofd).unwrap();
        let page = String::from_utf8(package.file("Doc_0/Pages/Page_0/Content.xml").unwrap().to_vec()).unwrap();
        let page = Document::parse(&page).unwrap();
        let codes = page.descendants().filter(|node| node.has_tag_name_local("TextCode"));
        let (mut amounts, mut employers) = (0, 0);
        for code in codes {
            let (text, gaps) = (code.text().unwrap(), code.attribute("DeltaX").unwrap_or_default());
            // Rows are set in 9.5 points, 3.351 mm.
            if code.attribute("Y") != Some("3.351") {
                continue;
            }
            let repeated = |gap: &str| format!("g {} {gap}", text.chars().count() - 1);
            if text.ends_with(".00") {
                amounts += 1;
                assert_eq!(gaps, repeated("1.676"), "{kind}: {text}");
            } else if text.contains('（') {
                employers += 1;
                assert_eq!(gaps, repeated("3.351"), "{kind}: {text}");
            }
        }
        // The last three go with the end, to the next page.
        assert!(amounts >= 17 && employers == 17, "{kind}: {amounts}, {employers}");
    }
}

/// The text objects of a page, by ID.
fn objects_of(page: &str) -> Vec<(String, String)> {
    let page = Document::parse(page).unwrap();
    let objects = page.descendants().filter(|node| node.has_tag_name_local("TextObject"));
    let text = |object: roxmltree::Node<'_, '_>| {
        let code = object.children().find(|node| node.has_tag_name_local("TextCode"));
        code.unwrap().text().unwrap_or_default().to_owned()
    };
    objects
        .map(|object| (object.attribute("ID").unwrap().to_owned(), text(object)))
        .collect()
}
