//! Bringing files: by dropping them, with the keyboard, many at once, large ones on a slow line.

use serde_json::json;

use super::{
    base, browse,
    browser::{Browser, ENTER},
    support::County,
};

const VERDICTS: &str = "document.querySelectorAll('.verdict').length";

/// Drops made-up text files on the page.
async fn drop_files(browser: &Browser, names: &[&str]) {
    let script = format!(
        "const transfer = new DataTransfer();
         for (const name of {}) transfer.items.add(new File(['no seal in ' + name], name));
         const event = (type) => new DragEvent(type, {{ dataTransfer: transfer, bubbles: true, cancelable: true }});
         document.body.dispatchEvent(event('dragenter'));
         const over = document.getElementById('files').classList.contains('over');
         document.body.dispatchEvent(event('drop'));
         return over && !document.getElementById('files').classList.contains('over');",
        json!(names)
    );
    assert_eq!(
        browser.run(&script).await,
        true,
        "the place to drop shows that it is one, until the drop"
    );
}

#[tokio::test]
async fn many_files_that_are_dropped_are_checked_one_after_another_and_their_results_stay() {
    let county = County::start().await;
    let browser = browse(&county, "en").await;
    browser.open("/verify").await;
    drop_files(&browser, &["a.txt", "b.txt", "c.txt"]).await;
    browser.wait_for(&format!("{VERDICTS} === 3")).await;
    drop_files(&browser, &["d.txt"]).await;
    browser.wait_for(&format!("{VERDICTS} === 4")).await;
    let names = "return [...document.querySelectorAll('.verdict .file')].map((e) => e.textContent)";
    assert_eq!(browser.run(names).await, json!(["d.txt", "a.txt", "b.txt", "c.txt"]));
    assert_eq!(
        browser.text("#summary").await,
        "4 in all: 0 unchanged, 0 not to be relied on, 4 cannot be proven"
    );
    assert_eq!(browser.text("#announce").await, "d.txt: Cannot be proven");
    browser.finish().await;
}

#[tokio::test]
async fn files_are_chosen_and_results_opened_with_the_keyboard_alone() {
    let county = County::start().await;
    let file = county.site.folder.write("说明.txt", "no seal at all");
    let browser = browse(&county, "zh-CN").await;
    browser.open("/verify").await;
    browser.tab_to("#file").await;
    let outlined = "return getComputedStyle(document.querySelector('.choose')).outlineStyle";
    assert_eq!(browser.run(outlined).await, "solid", "what has the focus shows it");
    // The chooser is the system's: what it gives back is a file.
    browser.type_into("#file", file.to_str().unwrap()).await;
    browser.wait_for(&format!("{VERDICTS} === 1")).await;
    browser.tab_to(".verdict summary").await;
    browser.press(ENTER).await;
    browser
        .wait_for("document.querySelector('.verdict details').open")
        .await;
    assert!(browser.text(".verdict details").await.contains("SHA-256"));
    browser.tab_to(".verdict a[href^='/verify/reports/']").await;
    browser.finish().await;
}

#[tokio::test]
async fn a_large_file_on_a_slow_line_shows_how_far_it_is_and_can_be_cancelled_and_sent_again() {
    let county = County::start().await;
    let file = county.site.folder.write("large.bin", vec![b'x'; 3_000_000]);
    let browser = Browser::start(&base(&county), 360, "en").await;
    browser.open("/verify").await;
    browser.slow_down(400_000).await;
    browser.type_into("#file", file.to_str().unwrap()).await;
    browser.wait_for("document.querySelector('progress')?.value > 0").await;
    let state = browser.text(".pending .hint").await;
    assert!(
        state.starts_with("Uploading · ") && state.ends_with(" / 2.9 MiB"),
        "{state}"
    );
    assert_eq!(browser.run("return document.documentElement.scrollWidth").await, 360);
    browser.run("document.querySelector('.pending button').click()").await;
    browser.wait_for("document.querySelector('.notice.bad')").await;
    assert!(browser.text(".notice.bad").await.contains("Cancelled; not checked."));
    browser.slow_down(50_000_000).await;
    browser
        .run("document.querySelector('.notice.bad button').click()")
        .await;
    browser.wait_for(&format!("{VERDICTS} === 1")).await;
    assert_eq!(browser.text(".verdict h3").await, "Cannot be proven");
    browser.finish().await;
}

#[tokio::test]
async fn a_file_over_the_limit_is_not_sent_and_says_so() {
    let county = County::start_with(|config| config.limits.document_bytes = 1_000).await;
    let file = county.site.folder.write("large.bin", vec![b'x'; 1_001]);
    let browser = browse(&county, "zh-CN").await;
    browser.open("/verify").await;
    browser.type_into("#file", file.to_str().unwrap()).await;
    browser.wait_for("document.querySelector('.notice.bad')").await;
    assert!(
        browser
            .text(".notice.bad")
            .await
            .contains("文件超过大小限制，未予查验。")
    );
    browser.finish().await;
}

#[tokio::test]
async fn a_report_is_seen_again_at_its_address_until_its_time_is_over() {
    let county = County::start().await;
    let browser = browse(&county, "en").await;
    browser.open("/verify").await;
    drop_files(&browser, &["王某某.txt"]).await;
    browser.wait_for(&format!("{VERDICTS} === 1")).await;
    let paper = browser
        .run("return new URL(document.querySelector('a[href^=\"/verify/reports/\"]').href).pathname")
        .await;
    let report = paper.as_str().unwrap().trim_end_matches(".pdf").to_owned();
    browser.open(&report).await;
    assert_eq!(browser.text("h1").await, "Report on a verification");
    assert_eq!(browser.text(".verdict h3").await, "Cannot be proven");
    assert!(
        !browser.text("body").await.contains("王某某"),
        "the name of the file is not kept"
    );
    let sealed = county.portal().get(paper.as_str().unwrap()).await;
    assert_eq!(
        (sealed.status.as_u16(), sealed.header("content-type")),
        (200, "application/pdf")
    );
    assert_eq!(county.portal().get("/verify/reports/0123").await.status, 404);
    browser.finish().await;
}
