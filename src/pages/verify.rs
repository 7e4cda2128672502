use actix_multipart::Multipart;
use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{ContentDisposition, DispositionParam, DispositionType},
    web,
};
use askama::Template;
use futures_util::StreamExt;
use serde::Deserialize;

use super::{
    error::PageError,
    page::{self, Here, Page},
    texts::fill,
    verdict::{self, Verdict},
    visitor::Visitor,
};
use crate::{
    api::extract::Id,
    config::Limits,
    ids::VerificationId,
    verification::{
        Admission, Desk, Language, Receipt,
        drawing::{Easel, NotDrawn},
        words,
    },
};

/// Documents that one form without scripts may carry; scripts send one at a time.
const FILES_OF_A_FORM: usize = 10;
/// The longest value of a form beside its files, in bytes.
const FIELD_BYTES: usize = 128;
/// The header that says how many pages a document has.
const PAGES: &str = "x-pages";
/// When to come back after too many pages were being drawn, in seconds.
const DRAW_RETRY_S: u64 = 5;
/// With this header the answer is the verdict alone, for the page's script to put in its place.
const FRAGMENT: &str = "x-fragment";

#[derive(Template)]
#[template(path = "verify.html", config = "src/pages/askama.toml")]
struct VerifyPage<'a> {
    page: Page<'a>,
    limit: String,
    max_bytes: usize,
    verdicts: Vec<Verdict>,
}

#[derive(Template)]
#[template(path = "verdict.html", config = "src/pages/askama.toml")]
struct Fragment<'a> {
    page: Page<'a>,
    verdict: Verdict,
}

/// `GET /verify`
pub(super) async fn show(visitor: Visitor, limits: web::Data<Limits>) -> Result<HttpResponse, PageError> {
    answer(&visitor, &limits, None, Vec::new())
}

/// `POST /verify`: documents as `file` of a form, each with a verdict. They are checked and not kept.
pub(super) async fn check_files(
    request: HttpRequest,
    visitor: Visitor,
    form: Multipart,
    desk: web::Data<Desk>,
    admission: web::Data<Admission>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, PageError> {
    admit(&admission, &request)?;
    let mut receipt = admission.receive();
    let form = read(&visitor, form, &mut receipt).await?;
    let mut verdicts = Vec::new();
    for (at, (name, bytes)) in form.files.into_iter().enumerate() {
        if at > 0 {
            admit(&admission, &request)?;
        }
        let report = desk.document(bytes, name).await?;
        verdicts.push(Verdict::new(report, visitor.lang(), desk.can_seal()));
    }
    answer(&visitor, &limits, Some(&request), verdicts)
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    csrf: String,
    code: String,
}

/// `POST /verify/code`: what the code on a certificate stands for.
pub(super) async fn look_up(
    request: HttpRequest,
    visitor: Visitor,
    form: web::Form<CodeForm>,
    desk: web::Data<Desk>,
    admission: web::Data<Admission>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, PageError> {
    admit(&admission, &request)?;
    visitor.check_form(&form.csrf)?;
    let report = desk.code(&form.code).await?;
    let verdict = Verdict::new(report, visitor.lang(), desk.can_seal());
    answer(&visitor, &limits, Some(&request), vec![verdict])
}

#[derive(Template)]
#[template(path = "report.html", config = "src/pages/askama.toml")]
struct ReportPage<'a> {
    page: Page<'a>,
    verdict: Verdict,
}

/// `GET /verify/reports/{id}`: a report that is kept, where the QR code of a printed one leads.
pub(super) async fn report(
    visitor: Visitor,
    path: web::Path<String>,
    desk: web::Data<Desk>,
) -> Result<HttpResponse, PageError> {
    let id = VerificationId::parse(&path).map_err(|_| PageError::NotFound)?;
    let report = desk.report(&id).await?.ok_or(PageError::NotFound)?;
    page::show(&ReportPage {
        page: Page::new(&visitor, visitor.lang().texts().report_title, Here::Verify),
        verdict: Verdict::new(report, visitor.lang(), desk.can_seal()),
    })
}

/// `GET /verify/reports/{id}.pdf`: the same, sealed.
pub(super) async fn paper(
    request: HttpRequest,
    id: Id,
    visitor: Visitor,
    path: web::Path<String>,
    desk: web::Data<Desk>,
    admission: web::Data<Admission>,
) -> Result<HttpResponse, PageError> {
    let verification = VerificationId::parse(&path).map_err(|_| PageError::NotFound)?;
    admit(&admission, &request)?;
    let lang = Language::parse(visitor.lang().tag()).unwrap_or_default();
    let pdf = desk.paper(&id.0, &verification, lang).await?;
    let short = verification.as_str().get(..8).unwrap_or_default();
    Ok(HttpResponse::Ok()
        .content_type("application/pdf")
        .insert_header(ContentDisposition {
            disposition: DispositionType::Attachment,
            parameters: vec![DispositionParam::Filename(format!("yinxin-report-{short}.pdf"))],
        })
        .body(pdf))
}

fn admit(admission: &Admission, request: &HttpRequest) -> Result<(), PageError> {
    Ok(admission.admit(request.peer_addr().map(|address| address.ip()))?)
}

fn answer(
    visitor: &Visitor,
    limits: &Limits,
    request: Option<&HttpRequest>,
    verdicts: Vec<Verdict>,
) -> Result<HttpResponse, PageError> {
    let page = Page::new(visitor, visitor.lang().texts().verify, Here::Verify);
    if request.is_some_and(|request| request.headers().contains_key(FRAGMENT)) {
        let verdict = verdicts.into_iter().next().ok_or(PageError::BadRequest)?;
        return page::show(&Fragment { page, verdict });
    }
    page::show(&VerifyPage {
        limit: fill(page.t.verify_limit, limits.document_bytes / 1_048_576),
        max_bytes: limits.document_bytes,
        verdicts,
        page,
    })
}

/// `POST /verify/page`: one page of a document, drawn. The document is drawn and not kept; the number of its pages stands
/// in `X-Pages`.
pub(super) async fn draw(
    request: HttpRequest,
    visitor: Visitor,
    form: Multipart,
    easel: web::Data<Easel>,
    admission: web::Data<Admission>,
) -> Result<HttpResponse, PageError> {
    admit(&admission, &request)?;
    let mut receipt = admission.receive();
    let form = read(&visitor, form, &mut receipt).await?;
    let page = form.page.ok_or(PageError::BadRequest)?;
    let (_, document) = form.files.into_iter().next().ok_or(PageError::BadRequest)?;
    match easel.draw(document, page).await {
        Ok(drawn) => Ok(HttpResponse::Ok()
            .content_type("image/png")
            .insert_header((PAGES, drawn.pages))
            .body(drawn.picture)),
        Err(NotDrawn::NoSuchPage { pages }) => Ok(HttpResponse::NotFound()
            .content_type("application/octet-stream")
            .insert_header((PAGES, pages))
            .finish()),
        Err(NotDrawn::Impossible) => Ok(HttpResponse::UnprocessableEntity()
            .content_type("application/octet-stream")
            .finish()),
        Err(NotDrawn::Busy) => Err(PageError::Full {
            retry_after_s: DRAW_RETRY_S,
        }),
        Err(error @ NotDrawn::NoProcess(_)) => Err(PageError::Unavailable(Box::new(error))),
    }
}

#[derive(Default)]
struct Form {
    files: Vec<(Option<String>, web::Bytes)>,
    /// The page that is asked for, from 1.
    page: Option<u32>,
}

/// Reads the form: `csrf` first, so that nothing large is read for a form that is not ours, then `page` and `file`s.
async fn read(visitor: &Visitor, mut form: Multipart, receipt: &mut Receipt<'_>) -> Result<Form, PageError> {
    let mut read = Form::default();
    let mut checked = false;
    while let Some(part) = form.next().await {
        let mut part = part.map_err(|_| PageError::BadRequest)?;
        let field = part.name().unwrap_or_default().to_owned();
        let is_file = match field.as_str() {
            "csrf" if !checked => false,
            "page" | "file" if !checked => return Err(PageError::Form),
            "page" if read.page.is_none() => false,
            "file" if read.files.len() < FILES_OF_A_FORM => true,
            _ => return Err(PageError::BadRequest),
        };
        let name = part
            .content_disposition()
            .and_then(|disposition| disposition.get_filename())
            .filter(|name| !name.is_empty())
            .map(|name| name.chars().filter(|c| !c.is_control()).take(200).collect::<String>());
        let mut bytes = web::BytesMut::new();
        while let Some(chunk) = part.next().await {
            let chunk = chunk.map_err(|_| PageError::BadRequest)?;
            if !is_file && bytes.len() + chunk.len() > FIELD_BYTES {
                return Err(PageError::TooLarge);
            }
            receipt.take(&mut bytes, &chunk)?;
        }
        let text = || std::str::from_utf8(&bytes).unwrap_or_default();
        match field.as_str() {
            "csrf" => {
                visitor.check_form(text())?;
                checked = true;
            }
            "page" => read.page = Some(text().parse().map_err(|_| PageError::BadRequest)?),
            // A browser sends an empty part for an input without a file.
            _ if name.is_some() || !bytes.is_empty() => read.files.push((name, bytes.freeze())),
            _ => {}
        }
    }
    if read.files.is_empty() {
        return Err(if checked {
            PageError::BadRequest
        } else {
            PageError::Form
        });
    }
    Ok(read)
}
