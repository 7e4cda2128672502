//! `/v1/resources`: reading the catalogue.

use std::sync::Arc;

use actix_web::web;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    extract::{Peer, Query, parse_id},
    page::{Paging, page},
    problem::Problem,
};
use crate::{
    catalogue::{Catalogue, CatalogueError, Resource, ResourceStatus, SharingKind},
    ids::{DepartmentId, ResourceCode},
};

/// What to look for in the catalogue; all that is given must hold.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// A part of code, name or summary, in either language.
    #[param(max_length = 100)]
    q: Option<String>,
    /// The department that provides it.
    #[param(max_length = 64)]
    provider: Option<String>,
    sharing: Option<SharingKind>,
    /// 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(max_length = 64)]
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ResourcePage {
    resources: Vec<Resource>,
    /// Give it as `cursor` to get the page after; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// List the catalogue, by code
///
/// Resources that are published or suspended, and those of the caller's own department in any state.
#[utoipa::path(
    get, path = "/v1/resources", tag = "exchange", params(Search),
    responses((status = 200, body = ResourcePage), (status = 400, description = "`query_invalid`", body = Problem))
)]
pub async fn list(
    peer: Peer,
    Query(search): Query<Search>,
    catalogue: web::Data<Catalogue>,
) -> Result<web::Json<ResourcePage>, Problem> {
    let provider: Option<DepartmentId> = search
        .provider
        .as_deref()
        .map(|p| parse_id("provider", p))
        .transpose()?;
    let wanted = search.q.unwrap_or_default().trim().to_lowercase();
    let paging = Paging::new(search.limit, search.cursor)?;
    let mut found: Vec<Arc<Resource>> = catalogue
        .snapshot()
        .resources
        .values()
        .filter(|resource| is_shown(resource, &peer.caller.department.id))
        .filter(|resource| provider.as_ref().is_none_or(|id| resource.provider == *id))
        .filter(|resource| search.sharing.is_none_or(|kind| resource.sharing.kind == kind))
        .filter(|resource| speaks_of(resource, &wanted))
        .cloned()
        .collect();
    found.sort_by(|a, b| a.code.cmp(&b.code));
    let (found, next_cursor) = page(found, &paging, |resource| resource.code.as_str());
    Ok(web::Json(ResourcePage {
        resources: found.iter().map(|resource| resource.public()).collect(),
        next_cursor,
    }))
}

/// One resource with its data items
#[utoipa::path(
    get, path = "/v1/resources/{code}", tag = "exchange",
    params(("code" = String, Path, description = "The resource", example = "653125-hr-social-insurance")),
    responses((status = 200, body = Resource), (status = 404, description = "`resource_not_found`", body = Problem))
)]
pub async fn read(
    peer: Peer,
    code: web::Path<String>,
    catalogue: web::Data<Catalogue>,
) -> Result<web::Json<Resource>, Problem> {
    let code: ResourceCode = parse_id("code", &code)?;
    catalogue
        .resource(&code)
        .filter(|resource| is_shown(resource, &peer.caller.department.id))
        .map(|resource| web::Json(resource.public()))
        .ok_or_else(|| CatalogueError::NoSuchResource(code).into())
}

fn is_shown(resource: &Resource, to: &DepartmentId) -> bool {
    matches!(resource.status, ResourceStatus::Published | ResourceStatus::Suspended) || resource.provider == *to
}

fn speaks_of(resource: &Resource, wanted: &str) -> bool {
    let texts = [
        resource.code.as_str(),
        &resource.name,
        &resource.name_en,
        &resource.summary,
        &resource.summary_en,
    ];
    wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(wanted))
}
