//! The signed version: taken out of the file, and its pages beside those that are shown now.

use std::{cmp::Ordering, fs, time::Instant};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::json;
use yinxin::{formats::pdf::prepare, keys::Identity};

use super::{
    base,
    browser::{Browser, ENTER},
    headers::form_of,
    sample::seal_of,
    support::{Answer, County, send},
    writer::{Writer, last},
};

const PAGE: &str = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R \
                    /Resources << /Font << /F1 5 0 R >> >> >>";
const TRAILER: &str = "/Root 1 0 R /ID [<00112233445566778899AABBCCDDEEFF> <00112233445566778899AABBCCDDEEFF>]";

fn words(text: &str) -> String {
    format!("BT /F1 24 Tf 72 700 Td ({text}) Tj ET")
}

/// Two pages, sealed by a department of the county; the seal stands on the first.
fn sealed(county: &County) -> Vec<u8> {
    let pdf = Writer::new()
        .trailer(TRAILER)
        .object(1, "<< /Type /Catalog /Pages 2 0 R /Lang (zh-CN) >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>")
        .object(3, PAGE)
        .object(4, &PAGE.replace("6 0 R", "7 0 R"))
        .object(5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        .stream(6, "", &words("first page"))
        .stream(7, "", &words("pay 100 yuan"))
        .finish();
    let folder = county.site.folder.path();
    let password = fs::read_to_string(folder.join("seal.password")).unwrap();
    let (chain, key) = (folder.join("seal-shache-hr.pem"), folder.join("seal-shache-hr.key"));
    let identity = Identity::load(&chain, &key, Some(&password)).unwrap();
    let mut seal = seal_of();
    seal.time = Timestamp::now();
    let prepared = prepare(&pdf, &seal).unwrap();
    let cms = identity.sign_detached(&prepared.bytes_to_sign()).unwrap();
    prepared.finish(&cms).unwrap()
}

/// A later revision in which the second page says something else, and there is a third.
fn altered(sealed: &[u8]) -> Vec<u8> {
    let trailer = last(sealed, b"trailer");
    let text = String::from_utf8_lossy(&sealed[trailer..]).into_owned();
    let root = text.split("/Root ").nth(1).unwrap().split(" R").next().unwrap();
    Writer::update(sealed)
        .trailer(&TRAILER.replace("1 0", root))
        .object(2, "<< /Type /Pages /Kids [3 0 R 4 0 R 40 0 R] /Count 3 >>")
        .stream(7, "", &words("pay 900 yuan"))
        .object(40, &PAGE.replace("6 0 R", "41 0 R"))
        .stream(41, "", &words("a page of its own"))
        .finish()
}

/// Opens the page and brings it the altered file.
async fn bring(county: &County, width: u32, lang: &str) -> (Browser, Vec<u8>) {
    let signed = sealed(county);
    let file = county.site.folder.write("contract.pdf", altered(&signed));
    let browser = Browser::start(&base(county), width, lang).await;
    browser.open("/verify").await;
    browser.type_into("#file", file.to_str().unwrap()).await;
    browser.wait_for("document.querySelector('.verdict')").await;
    (browser, signed)
}

const SAID: &str = "document.querySelector('.compare [role=status]').textContent";

/// Turns to a page of an open comparison (in English) and gives what is said of it.
async fn turn_to(browser: &Browser, page: u64) -> String {
    loop {
        browser
            .wait_for(&format!(
                "document.querySelector('.where').textContent && !{SAID}.startsWith('Drawing')"
            ))
            .await;
        let shown = browser
            .run("return Number(document.querySelector('.where').textContent.split(' ')[1])")
            .await;
        match shown.as_u64().unwrap().cmp(&page) {
            Ordering::Equal => return browser.text(".compare [role=status]").await,
            Ordering::Less => browser.click(".compare-nav button:last-child").await,
            Ordering::Greater => browser.click(".compare-nav button:first-child").await,
        }
    }
}

#[tokio::test]
async fn the_pages_of_the_signed_version_stand_beside_those_shown_now_with_the_difference_framed() {
    let county = County::start().await;
    let (browser, _) = bring(&county, 1280, "en").await;
    assert_eq!(browser.text(".verdict h3").await, "Changed after it was sealed");
    browser.click("[data-compare]").await;
    assert_eq!(turn_to(&browser, 1).await, "The page looks the same.");
    assert_eq!(
        turn_to(&browser, 2).await,
        "The page looks different. Dashed frames show where."
    );
    // Red where the numbers differ (72 to 250 points from the left), nowhere else; on both sheets.
    let red = "return [...document.querySelectorAll('.sheet canvas')].map((canvas) => {
        const { width, height } = canvas;
        const data = canvas.getContext('2d').getImageData(0, 0, width, height).data;
        const red = (at) => data[at] > 150 && data[at + 1] < 80 && data[at + 2] < 80;
        let inside = 0, outside = 0;
        for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) {
          if (!red(4 * (y * width + x))) continue;
          const near = x / width > 0.1 && x / width < 0.5 && y / height > 0.1 && y / height < 0.25;
          if (near) inside += 1; else outside += 1;
        }
        return inside > 50 && outside === 0;
    })";
    assert_eq!(browser.run(red).await, json!([true, true]));
    assert_eq!(turn_to(&browser, 3).await, "This version has no such page.");
    assert_eq!(
        browser
            .run("return document.querySelectorAll('.sheet canvas').length")
            .await,
        1
    );
    browser.finish().await;
}

#[tokio::test]
async fn a_phone_and_a_keyboard_are_enough_to_compare() {
    let county = County::start().await;
    let (browser, _) = bring(&county, 360, "zh-CN").await;
    assert_eq!(browser.text(".verdict h3").await, "盖章之后被更改过");
    browser.tab_to("[data-compare]").await;
    browser.press(ENTER).await;
    browser
        .wait_for("document.querySelector('[data-compare]').getAttribute('aria-expanded') === 'true'")
        .await;
    browser
        .wait_for("document.querySelectorAll('.sheet canvas').length === 2")
        .await;
    assert_eq!(browser.run("return document.documentElement.scrollWidth").await, 360);
    let stacked = "const [a, b] = [...document.querySelectorAll('figure')].map((f) => f.getBoundingClientRect());
                   return a.bottom <= b.top && a.width > 250";
    assert_eq!(
        browser.run(stacked).await,
        true,
        "one above the other, each as wide as the phone"
    );
    let labels = "return [...document.querySelectorAll('.sheet canvas')].map((c) => c.getAttribute('aria-label'))";
    assert_eq!(browser.run(labels).await, json!(["签署时", "现在"]));
    browser.press(ENTER).await;
    browser.wait_for("document.querySelector('.compare').hidden").await;
    browser.finish().await;
}

#[tokio::test]
async fn the_signed_version_is_cut_in_the_browser_and_is_the_file_that_was_sealed() {
    let county = County::start().await;
    let (browser, signed) = bring(&county, 1280, "en").await;
    browser
        .run("const made = URL.createObjectURL; URL.createObjectURL = (blob) => { window.saved = blob; return made.call(URL, blob); };
              HTMLAnchorElement.prototype.click = function () { window.savedAs = this.download; };")
        .await;
    browser.click("[data-signed]").await;
    browser.wait_for("window.saved && window.savedAs").await;
    assert_eq!(browser.run("return window.savedAs").await, "contract.signed.pdf");
    browser
        .run(
            "window.saved.arrayBuffer().then((bytes) => crypto.subtle.digest('SHA-256', bytes)).then((digest) => {
              window.digest = [...new Uint8Array(digest)].map((b) => b.toString(16).padStart(2, '0')).join(''); })",
        )
        .await;
    browser.wait_for("window.digest").await;
    let digest = ring::digest::digest(&ring::digest::SHA256, &signed);
    let digest = data_encoding::HEXLOWER.encode(digest.as_ref());
    assert_eq!(browser.run("return window.digest").await, digest);
    browser.finish().await;
}

#[tokio::test]
async fn a_version_that_is_no_longer_as_it_was_sealed_is_not_offered_as_the_signed_one() {
    let county = County::start().await;
    let mut changed = sealed(&county);
    let amount = last(&changed, b"pay 100 yuan");
    changed[amount + 4] = b'8';
    let file = county.site.folder.write("contract.pdf", altered(&changed));
    let browser = Browser::start(&base(&county), 390, "zh-CN").await;
    browser.open("/verify").await;
    browser.type_into("#file", file.to_str().unwrap()).await;
    browser.wait_for("document.querySelector('.verdict.bad')").await;
    let offered = browser
        .run("return document.querySelectorAll('[data-compare], [data-signed]:not(#compare-words)').length")
        .await;
    assert_eq!(offered, 0);
    browser.finish().await;
}

/// Asks for a page of a document, as the page's script does.
async fn draw(county: &County, page: &str, document: &[u8]) -> Answer {
    let portal = county.portal();
    let (csrf, cookie) = form_of(&portal.get("/verify").await);
    let mut body = Vec::new();
    for (name, value) in [("csrf", csrf.as_bytes()), ("page", page.as_bytes())] {
        body.extend(format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n").bytes());
        body.extend([value, b"\r\n"].concat());
    }
    body.extend(b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n");
    body.extend([document, b"\r\n--b--\r\n"].concat());
    let request = portal.request(Method::POST, "/verify/page").header("cookie", cookie);
    send(
        request
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body),
    )
    .await
}

/// Forms that each draw the next ten times over: more than any machine draws.
fn endless() -> Vec<u8> {
    let mut writer = Writer::new();
    writer
        .trailer(TRAILER)
        .object(1, "<< /Type /Catalog /Pages 2 0 R >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
        .object(3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /XObject << /X 10 0 R >> >> >>")
        .stream(4, "", "/X Do");
    for number in 10..30 {
        let form = format!(
            "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources << /XObject << /X {} 0 R >> >>",
            number + 1
        );
        writer.stream(number, &form, &"/X Do 1 0 0 rg 0 0 500 500 re f ".repeat(10));
    }
    writer.stream(
        30,
        "/Type /XObject /Subtype /Form /BBox [0 0 595 842]",
        "0 0 500 500 re f",
    );
    writer.finish()
}

#[tokio::test]
async fn a_page_that_cannot_be_drawn_within_its_limits_hurts_nobody() {
    let county = County::start().await;
    for (what, document) in [
        ("nothing", Vec::new()),
        ("no PDF", b"not a document".to_vec()),
        ("zeros", vec![0; 5_000_000]),
        (
            "a document without pages",
            b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<< /Root 1 0 R >>".to_vec(),
        ),
        ("forms without end", endless()),
    ] {
        let begun = Instant::now();
        let answer = draw(&county, "1", &document).await;
        let status = answer.status.as_u16();
        assert!([400, 404, 422].contains(&status), "{what}: {status} {}", answer.text());
        assert!(begun.elapsed().as_secs() < 60, "{what}");
        county.portal().get("/verify").await;
    }
    // A sheet of many kilometres is drawn as small as any other.
    let huge = Writer::new()
        .trailer(TRAILER)
        .object(1, "<< /Type /Catalog /Pages 2 0 R >>")
        .object(2, "<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
        .object(3, &PAGE.replace("[0 0 595 842]", "[0 0 1000000000 1000000000]"))
        .object(5, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
        .stream(6, "", &words("far away"))
        .finish();
    let answer = draw(&county, "1", &huge).await;
    assert!(
        answer.status == 200 && answer.body.len() < 1_000_000,
        "{}",
        answer.status
    );
}

#[tokio::test]
async fn a_page_is_drawn_for_a_form_of_ours_only_and_only_a_page_that_is_there() {
    let county = County::start().await;
    let document = sealed(&county);
    let answer = draw(&county, "2", &document).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        (answer.header("content-type"), answer.header("x-pages")),
        ("image/png", "2")
    );
    assert!(answer.body.starts_with(b"\x89PNG"));
    assert!(answer.header("content-security-policy").contains("default-src 'none'"));
    for page in ["0", "3", "4294967295"] {
        let answer = draw(&county, page, &document).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-pages")), (404, "2"), "{page}");
    }
    for page in ["", "-1", "x", "99999999999"] {
        assert_eq!(draw(&county, page, &document).await.status, 400, "{page}");
    }
    let body = "--b\r\ncontent-disposition: form-data; name=\"page\"\r\n\r\n1\r\n--b--\r\n";
    let request = county.portal().request(Method::POST, "/verify/page");
    let answer = send(
        request
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body),
    )
    .await;
    assert_eq!(answer.status, 403);
}

#[tokio::test]
async fn without_a_program_to_draw_with_everything_else_goes_on() {
    let county = County::start_with(|config| config.verification.program = Some("/nonexistent/yinxin".into())).await;
    let (browser, _) = bring(&county, 1280, "en").await;
    browser.click("[data-compare]").await;
    browser
        .wait_for("document.querySelector('.compare [role=status]').textContent.startsWith('Too many pages')")
        .await;
    assert_eq!(browser.text(".verdict h3").await, "Changed after it was sealed");
    browser.wait_for("!document.querySelector('.sheet canvas')").await;
}
