use super::{
    add_accounts, browse,
    browser::{Browser, ENTER, TAB},
    sign_in,
    support::{BUSINESS, County, HOUSING_FUND, SOCIAL_INSURANCE},
};

const RESOURCES: [&str; 3] = [SOCIAL_INSURANCE, HOUSING_FUND, BUSINESS];

#[tokio::test]
async fn the_home_page_leads_every_kind_of_user_to_a_page_that_is_there() {
    let county = County::start().await;
    let browser = browse(&county, "zh-CN").await;
    browser.open("/").await;
    assert_eq!(browser.run("return document.documentElement.lang").await, "zh-CN");
    assert_eq!(
        browser.run("return document.querySelectorAll('.ways li').length").await,
        6
    );
    for way in 1..=6 {
        browser.open("/").await;
        let link = format!(".ways li:nth-child({way}) a");
        browser.click(&link).await;
        browser.wait_for("location.pathname !== '/'").await;
        let heading = browser.text("h1").await;
        assert!(
            !heading.is_empty() && browser.text(".eyebrow").await.is_empty(),
            "way {way}: {heading}"
        );
    }
    browser.finish().await;
}

#[tokio::test]
async fn the_language_is_the_browsers_until_it_is_switched_and_then_stays() {
    let county = County::start().await;
    let browser = browse(&county, "en").await;
    browser.open("/catalogue?q=%E5%85%AC%E7%A7%AF%E9%87%91").await;
    assert_eq!(browser.text("h1").await, "Catalogue");
    browser.click(".me a[hreflang]").await;
    browser.wait_for("document.documentElement.lang === 'zh-CN'").await;
    assert_eq!(browser.text("h1").await, "共享目录");
    assert_eq!(browser.run("return document.getElementById('q').value").await, "公积金");
    browser.open("/verify").await;
    assert_eq!(browser.text("h1").await, "证明查验");
    browser.finish().await;
}

#[tokio::test]
async fn the_catalogue_is_searched_and_a_call_is_copied_with_the_keyboard_alone() {
    let county = County::start().await;
    let browser = browse(&county, "zh-CN").await;
    browser.allow_clipboard().await;
    browser.open("/catalogue").await;
    browser.press(TAB).await;
    let first = browser.run("return document.activeElement.className").await;
    assert_eq!(first, "skip", "the first stop skips the navigation");
    browser.tab_to("#q").await;
    browser.press("公积金").await;
    browser.press(ENTER).await;
    browser.wait_for("location.search.includes('q=')").await;
    assert_eq!(
        browser
            .run("return document.querySelectorAll('.resources li').length")
            .await,
        1
    );
    browser.tab_to(".resources a").await;
    browser.press(ENTER).await;
    browser.wait_for("document.querySelector('[data-copy]')").await;
    let fields = browser.text("table").await;
    for word in ["id_number", "敏感个人信息", "金额区间"] {
        assert!(fields.contains(word), "{word} is missing: {fields}");
    }
    browser.tab_to("[data-copy]").await;
    browser.press(ENTER).await;
    browser
        .wait_for("document.querySelector('[data-copy]').textContent === '已复制'")
        .await;
    let copied = browser.clipboard().await;
    let exchange = format!("https://{}", county.node.addresses.exchange.ip());
    assert!(
        copied.contains(&exchange) && copied.contains(HOUSING_FUND) && copied.contains("/v1/token"),
        "{copied}"
    );
    browser.finish().await;
}

#[tokio::test]
async fn the_documentation_of_the_api_is_browsed_without_a_script() {
    let county = County::start().await;
    let browser = browse(&county, "en").await;
    browser.open("/docs").await;
    let operations = browser
        .run("return document.querySelectorAll('.operation').length")
        .await;
    assert!(operations.as_u64().unwrap() > 0);
    assert_eq!(browser.run("return document.scripts.length").await, 0);
    let dead = "return [...document.querySelectorAll('main a[href^=\"#\"]')]\
                .filter((a) => !document.getElementById(a.hash.slice(1))).map((a) => a.hash)";
    assert_eq!(browser.run(dead).await, serde_json::json!([]));
    browser.finish().await;
}

#[tokio::test]
async fn no_page_scrolls_sideways_on_a_phone_and_every_input_has_a_label() {
    let county = County::start().await;
    add_accounts(&county).await;
    let browser = Browser::start(&super::base(&county), 360, "zh-CN").await;
    sign_in(&browser, "auditor").await;
    let resources = RESOURCES.map(|code| format!("/catalogue/{code}"));
    let mut pages: Vec<&str> = vec!["/", "/catalogue", "/verify", "/audit", "/account", "/docs", "/nowhere"];
    pages.extend(resources.iter().map(String::as_str));
    for lang in ["zh-CN", "en"] {
        for page in &pages {
            browser.open(&format!("{page}?lang={lang}")).await;
            assert_eq!(browser.run("return innerWidth").await, 360);
            let wide = "return [...document.querySelectorAll('body *')].filter((e) => !e.closest('.scroll, pre, .skip') \
                        && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80))";
            assert_eq!(browser.run(wide).await, serde_json::json!([]), "{page} in {lang}");
            assert_eq!(
                browser.run("return document.documentElement.scrollWidth").await,
                360,
                "{page} in {lang}"
            );
            let bare = "return [...document.querySelectorAll('input:not([type=hidden]), select')]\
                        .filter((e) => e.labels.length === 0).map((e) => e.name)";
            assert_eq!(browser.run(bare).await, serde_json::json!([]), "{page} in {lang}");
        }
    }
    browser.finish().await;
}
