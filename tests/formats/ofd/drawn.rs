//! What an issued OFD shows, as pictures: drawn by a script that has nothing of ours (`draw.py`: fontTools, then
//! Chromium), beside the PDF of the same sheet as poppler draws it, both with their seal.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use yinxin::{
    certificate::{Fonts, LaidOut, SealPicture},
    formats::{
        ofd::Package,
        pdf::{self, Appearance, Seal},
    },
};

use super::issued::{County, KINDS, press, sheet};
use crate::{command::Folder, judges::ask, sample::seal_of};

/// Pixels to the inch: twice those of CSS, in which Chromium counts.
const DPI: &str = "192";
/// How far a channel may be from what lies between those of the pixels around, of 255: edges fall between pixels
/// differently, and poppler moves lines to where they begin.
const TOLERANCE: u8 = 96;
/// The side of the squares in which pixels are counted: four millimetres, a character of text.
const SQUARE: usize = 32;
/// How many pixels of a square may be further.
const MOST: usize = 60;

struct Picture {
    width: usize,
    height: usize,
    /// Red, green, blue of each pixel.
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(path: &Path) -> Self {
        let file = std::io::BufReader::new(fs::File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        assert_eq!(
            (info.color_type, info.bit_depth),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        Self {
            width: info.width as usize,
            height: info.height as usize,
            pixels: bytes.chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect(),
        }
    }

    /// The most pixels of a square that are like none of those around the same place of the other.
    fn unlike(&self, other: &Self) -> usize {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let alike = |x: usize, y: usize| {
            let own = self.pixels[y * self.width + x];
            if own == other.pixels[y * self.width + x] {
                return true;
            }
            let (mut darkest, mut lightest) = ([u8::MAX; 3], [0; 3]);
            for y in y.saturating_sub(1)..=(y + 1).min(self.height - 1) {
                for x in x.saturating_sub(1)..=(x + 1).min(self.width - 1) {
                    let near = other.pixels[y * self.width + x];
                    darkest = std::array::from_fn(|channel| near[channel].min(darkest[channel]));
                    lightest = std::array::from_fn(|channel| near[channel].max(lightest[channel]));
                }
            }
            (0..3).all(|channel| {
                let between = darkest[channel].saturating_sub(TOLERANCE)..=lightest[channel].saturating_add(TOLERANCE);
                between.contains(&own[channel])
            })
        };
        let places = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        let mut squares = BTreeMap::new();
        for (x, y) in places.filter(|(x, y)| !alike(*x, *y)) {
            *squares.entry((x / SQUARE, y / SQUARE)).or_insert(0) += 1;
        }
        squares.into_values().max().unwrap_or_default()
    }

    /// The same without what stands in one square, about a character.
    fn without_a_character(&self) -> Self {
        let inside = |left: usize, top: usize| {
            (top..top + SQUARE).flat_map(move |y| (left..left + SQUARE).map(move |x| y * self.width + x))
        };
        let is_ink = |place: &usize| self.pixels[*place].iter().all(|channel| *channel < 128);
        let mut squares =
            (0..self.height / SQUARE).flat_map(|y| (0..self.width / SQUARE).map(move |x| (x * SQUARE, y * SQUARE)));
        let (left, top) = squares
            .find(|(left, top)| (120..200).contains(&inside(*left, *top).filter(is_ink).count()))
            .unwrap();
        let mut pixels = self.pixels.clone();
        inside(left, top).for_each(|place| pixels[place] = [255; 3]);
        Self { pixels, ..*self }
    }

    /// The same, four pixels further to the right: half a millimetre.
    fn moved(&self) -> Self {
        let mut pixels = self.pixels.clone();
        for row in pixels.chunks_exact_mut(self.width) {
            row.rotate_right(4);
        }
        Self { pixels, ..*self }
    }

    fn inked(&self) -> usize {
        self.pixels
            .iter()
            .filter(|pixel| pixel.iter().any(|channel| *channel < 128))
            .count()
    }
}

/// Every page of an OFD.
fn drawn(folder: &Folder, ofd: &[u8], pages: usize) -> Vec<Picture> {
    let python = env::var("YINXIN_TEST_PYTHON").expect("tests/run sets YINXIN_TEST_PYTHON");
    let file = folder.write("issued.ofd", ofd);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/formats/ofd/draw.py");
    let page = |number: usize| {
        let svg = folder.0.join(format!("{number}.svg"));
        let mut draw = Command::new(&python);
        draw.arg(script).arg(&file).arg(number.to_string()).arg(&svg);
        let (done, text) = ask(&mut draw);
        assert!(done, "{text}");
        let png = folder.0.join(format!("{number}.png"));
        let mut browser = Command::new("timeout");
        browser.args([
            "60",
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ]);
        browser.args([
            "--force-color-profile=srgb",
            "--force-device-scale-factor=2",
            "--window-size=794,1123",
        ]);
        browser.arg(format!("--screenshot={}", png.display()));
        browser.arg(format!("--user-data-dir={}", folder.0.join("profile").display()));
        let (done, text) = ask(browser.arg(format!("file://{}", svg.display())));
        assert!(done, "{text}");
        Picture::read(&png)
    };
    (0..pages).map(page).collect()
}

/// The PDF with the picture of its seal, so many points beside its place; nobody has signed it.
fn sealed(laid_out: &LaidOut, picture: &SealPicture, beside: f64) -> Vec<u8> {
    let [left, bottom, right, top] = laid_out.seal.rect;
    #[allow(clippy::cast_possible_truncation)]
    let rectangle = [left + beside, bottom, right + beside, top].map(|value| value as f32);
    let content = format!("/Multiply gs\n{}", picture.pdf_operators(right - left));
    let seal = Seal {
        page: laid_out.seal.page,
        rectangle,
        appearance: Appearance {
            content: content.as_bytes(),
            bbox: [0.0, 0.0, rectangle[2] - rectangle[0], rectangle[3] - rectangle[1]],
        },
        ..seal_of()
    };
    let prepared = pdf::prepare(&laid_out.pdf, &seal).unwrap();
    prepared.finish(&[0x30, 0]).unwrap()
}

/// Every page of a PDF.
fn printed(folder: &Folder, name: &str, pdf: &[u8], pages: usize) -> Vec<Picture> {
    let file = folder.write(&format!("{name}.pdf"), pdf);
    let begins = format!("{name}-");
    let to = folder.0.join(name);
    let (done, text) = ask(Command::new("pdftoppm").args(["-r", DPI, "-png"]).arg(file).arg(&to));
    assert!(done, "{text}");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder.0)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(&begins));
    files.sort();
    assert_eq!(files.len(), pages);
    files.iter().map(|file| Picture::read(file)).collect()
}

#[test]
fn an_issued_ofd_looks_as_the_pdf_does() {
    let shelf = Fonts::new(vec!["/usr/share/fonts".into()]).shelf().unwrap();
    let picture = SealPicture::draw("示例县人社局", "电子印章", &shelf).unwrap();
    let (county, press) = (County::with_picture(&picture.png().unwrap()), press());
    for kind in KINDS {
        let (sheet, _) = sheet(kind, 30);
        let laid_out = press.lay_out_now(&sheet).unwrap();
        let folder = Folder::new();
        let issued = county.issue(&press, kind, 30);
        let beyond = format!("Doc_0/Pages/Page_{}/Content.xml", laid_out.pages);
        assert!(!Package::read(&issued).unwrap().has(&beyond), "{kind}");
        let ofd = drawn(&folder, &issued, laid_out.pages);
        let print = |name: &str, pdf: &[u8]| printed(&folder, name, pdf, laid_out.pages);
        let pdf = print("sealed", &sealed(&laid_out, &picture, 0.0));
        for (number, (ofd, pdf)) in ofd.iter().zip(&pdf).enumerate() {
            let (more, fewer) = (ofd.unlike(pdf), pdf.unlike(ofd));
            assert!(
                more <= MOST && fewer <= MOST,
                "{kind}, page {number}: {more} and {fewer} pixels"
            );
            assert!(
                ofd.inked() > 5_000,
                "{kind}, page {number}: {} pixels of ink",
                ofd.inked()
            );
        }
        // What stands half a millimetre beside its place, or is not there, is told by the same measure. So is the seal alone.
        assert!(ofd[0].moved().unlike(&pdf[0]) > MOST);
        assert!(pdf[0].unlike(&ofd[0].without_a_character()) > MOST);
        // Another reader finds in both codes what leads to this certificate.
        for file in [
            format!("{}.png", laid_out.pages - 1),
            format!("sealed-{}.png", laid_out.pages),
        ] {
            let (done, read) = ask(Command::new("zbarimg")
                .args(["--nodbus", "--quiet", "--raw"])
                .arg(folder.0.join(&file)));
            assert!(done, "{kind}, {file}: {read}");
            assert_eq!(
                read.trim(),
                "https://localhost:8444/verify#c=7K3MPQ9XATB2C8RWZH05",
                "{kind}, {file}"
            );
        }
        // Once for all types.
        if kind != KINDS[0] {
            continue;
        }
        let of_seal = laid_out.seal.page;
        for (name, other) in [
            ("bare", laid_out.pdf.clone()),
            ("beside", sealed(&laid_out, &picture, 1.5)),
            (
                "named",
                sealed(
                    &laid_out,
                    &SealPicture::draw("示例县人社厅", "电子印章", &shelf).unwrap(),
                    0.0,
                ),
            ),
        ] {
            let unlike = ofd[of_seal].unlike(&print(name, &other)[of_seal]);
            assert!(unlike > MOST, "{kind}, {name}: {unlike} pixels");
        }
    }
}
