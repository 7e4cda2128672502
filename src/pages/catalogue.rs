use std::sync::Arc;

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::json;

use super::{
    Settings,
    error::PageError,
    lang::Lang,
    page::{self, Here, Page},
    texts::fill,
    visitor::Visitor,
};
use crate::{
    catalogue::{Catalogue, DataType, Resource, ResourceStatus, SharingKind, SharingMode},
    clock::china_date,
    ids::ResourceCode,
};

/// The longest text to search for, in characters.
const SEARCH_CHARS: usize = 100;
/// The kinds of sharing, as the address has them.
const KINDS: [(&str, SharingKind); 3] = [
    ("unconditional", SharingKind::Unconditional),
    ("conditional", SharingKind::Conditional),
    ("prohibited", SharingKind::Prohibited),
];
/// A number that is right in form and nobody's: 653199 is not an assigned division.
const MADE_UP_CITIZEN_ID: &str = "653199199003070013";
/// Likewise.
const MADE_UP_CREDIT_CODE: &str = "11653199MADEUP0000";

#[derive(Deserialize)]
pub(super) struct Search {
    #[serde(default)]
    q: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    sharing: String,
}

#[derive(Template)]
#[template(path = "catalogue.html", config = "src/pages/askama.toml")]
struct List<'a> {
    page: Page<'a>,
    q: &'a str,
    /// Id, name, whether it is chosen.
    providers: Vec<(String, String, bool)>,
    kinds: Vec<(&'static str, &'static str, bool)>,
    filtered: bool,
    found: String,
    resources: Vec<Arc<Resource>>,
}

/// `GET /catalogue?q=&provider=&sharing=`
pub(super) async fn list(
    visitor: Visitor,
    query: web::Query<Search>,
    catalogue: web::Data<Catalogue>,
) -> Result<HttpResponse, PageError> {
    let lang = visitor.lang();
    let t = lang.texts();
    let q: String = query.q.trim().chars().take(SEARCH_CHARS).collect();
    let kind = KINDS
        .iter()
        .find(|(name, _)| *name == query.sharing)
        .map(|(_, kind)| *kind);
    let listed = catalogue.listed();
    let mut providers: Vec<_> = listed
        .iter()
        .map(|resource| {
            let id = resource.provider.to_string();
            let chosen = id == query.provider;
            (id, resource.provider_name.clone(), chosen)
        })
        .collect();
    providers.sort();
    providers.dedup();
    let resources: Vec<_> = listed
        .into_iter()
        .filter(|resource| {
            (query.provider.is_empty() || resource.provider.as_str() == query.provider)
                && kind.is_none_or(|kind| resource.sharing.kind == kind)
                && holds(resource, &q)
        })
        .collect();
    let found = match resources.len() {
        0 => t.found_none.to_owned(),
        1 => t.found_one.to_owned(),
        many => fill(t.found_many, many),
    };
    page::show(&List {
        page: Page::new(&visitor, t.catalogue, Here::Catalogue),
        q: &q,
        providers,
        kinds: KINDS
            .iter()
            .map(|(name, each)| (*name, lang.sharing(each), kind == Some(*each)))
            .collect(),
        filtered: !q.is_empty() || kind.is_some() || !query.provider.is_empty(),
        found,
        resources,
    })
}

/// Whether every word of the search stands in what the resource says of itself.
fn holds(resource: &Resource, q: &str) -> bool {
    let mut text = [
        resource.code.as_str(),
        &resource.name,
        &resource.name_en,
        &resource.summary,
        &resource.summary_en,
        &resource.provider_name,
    ]
    .join("\n");
    for item in &resource.items {
        for part in [item.name.as_str(), &item.title, &item.title_en] {
            text.push('\n');
            text.push_str(part);
        }
    }
    let text = text.to_lowercase();
    q.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

#[derive(Template)]
#[template(path = "resource.html", config = "src/pages/askama.toml")]
struct Show<'a> {
    page: Page<'a>,
    resource: &'a Resource,
    updated_on: String,
    related: Vec<Relation>,
    call: Option<String>,
}

struct Relation {
    code: String,
    name: String,
    note: String,
    listed: bool,
}

/// `GET /catalogue/{code}`
pub(super) async fn show(
    visitor: Visitor,
    code: web::Path<String>,
    catalogue: web::Data<Catalogue>,
    settings: web::Data<Settings>,
) -> Result<HttpResponse, PageError> {
    let lang = visitor.lang();
    let code = ResourceCode::parse(&code).map_err(|_| PageError::NotFound)?;
    let resource = catalogue
        .resource(&code)
        .filter(|resource| is_listed(resource))
        .ok_or(PageError::NotFound)?;
    let related = resource
        .related
        .iter()
        .map(|related| {
            let other = catalogue.resource(&related.code).filter(|other| is_listed(other));
            Relation {
                code: related.code.to_string(),
                name: other.as_ref().map_or_else(
                    || related.code.to_string(),
                    |other| lang.pick(&other.name, &other.name_en).to_owned(),
                ),
                note: related.note.clone(),
                listed: other.is_some(),
            }
        })
        .collect();
    page::show(&Show {
        page: Page::new(&visitor, lang.pick(&resource.name, &resource.name_en), Here::Catalogue),
        resource: &resource,
        updated_on: china_date(resource.updated_at).to_string(),
        related,
        call: first_call(&resource, &settings.exchange_url, lang),
    })
}

fn is_listed(resource: &Resource) -> bool {
    matches!(resource.status, ResourceStatus::Published | ResourceStatus::Suspended)
}

/// The commands of a first call: a token for a case, then the query (or the yes-or-no question).
fn first_call(resource: &Resource, exchange_url: &str, lang: Lang) -> Option<String> {
    if resource.sharing.kind == SharingKind::Prohibited {
        return None;
    }
    let about_organisations = !resource
        .items
        .iter()
        .any(|item| item.mask == crate::catalogue::Mask::IdNumber)
        && resource.items.iter().any(|item| item.name.as_str() == "credit_code");
    let subject = if about_organisations {
        json!({"id_type": "credit_code", "id": MADE_UP_CREDIT_CODE, "name": "示例有限公司"})
    } else {
        json!({"id_type": "citizen_id", "id": MADE_UP_CITIZEN_ID, "name": "示例某"})
    };
    let (route, body) = match resource.sharing.mode {
        SharingMode::QueryAndVerify => {
            let fields: Vec<&str> = resource.items.iter().map(|item| item.name.as_str()).take(6).collect();
            ("query", json!({"subject": subject, "fields": fields}))
        }
        SharingMode::VerifyOnly => {
            let claims: serde_json::Map<_, _> = resource
                .items
                .iter()
                .take(1)
                .map(|item| (item.name.to_string(), example(item.data_type)))
                .collect();
            ("verify", json!({"subject": subject, "claims": claims}))
        }
    };
    let code = &resource.code;
    let case = lang.pick("办件编号", "YOUR-CASE");
    Some(format!(
        "TOKEN=$(curl -sS --cert system.pem --key system.key --cacert ca.pem \\\n  \
         {exchange_url}/v1/token \\\n  \
         -d grant_type=client_credentials -d case='{case}' -d operator=OP-1 \\\n  \
         | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n\n\
         curl -sS --cert system.pem --key system.key --cacert ca.pem \\\n  \
         {exchange_url}/v1/resources/{code}/{route} \\\n  \
         -H \"Authorization: Bearer $TOKEN\" -H 'Content-Type: application/json' \\\n  \
         -d '{body}'"
    ))
}

fn example(data_type: DataType) -> serde_json::Value {
    match data_type {
        DataType::Text => json!("示例"),
        DataType::Integer => json!(1),
        DataType::Amount => json!("1234.50"),
        DataType::Date => json!("2026-01-01"),
        DataType::Month => json!("2026-01"),
        DataType::Boolean => json!(true),
    }
}
