use actix_web::HttpResponse;
use askama::Template;

use super::{
    error::PageError,
    page::{self, Here, Page},
    visitor::Visitor,
};

#[derive(Template)]
#[template(path = "home.html", config = "src/pages/askama.toml")]
struct Home<'a> {
    page: Page<'a>,
    ways: [Way; 6],
}

/// Where one kind of user goes.
struct Way {
    who: &'static str,
    text: &'static str,
    link: &'static str,
    to: &'static str,
}

/// `GET /`
pub(super) async fn show(visitor: Visitor) -> Result<HttpResponse, PageError> {
    let t = visitor.lang().texts();
    let way = |who, text, link, to| Way { who, text, link, to };
    page::show(&Home {
        page: Page::new(&visitor, t.home_title, Here::Elsewhere),
        ways: [
            way(t.applicant, t.applicant_text, t.applicant_link, "/verify"),
            way(t.notary, t.notary_text, t.notary_link, "/verify"),
            way(t.clerk, t.clerk_text, t.clerk_link, "/catalogue"),
            way(t.developer, t.developer_text, t.developer_link, "/catalogue"),
            way(t.security, t.security_text, t.security_link, "/audit"),
            way(t.operator, t.operator_text, t.operator_link, "/docs"),
        ],
    })
}
