//! `/v1/grants`: who may read what.

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    act::Act,
    extract::{Peer, Query, parse_id},
    page::{Paging, page},
    problem::Problem,
};
use crate::{
    audit::Action,
    catalogue::{Catalogue, CatalogueError, Grant},
    department::Permission,
    ids::GrantId,
};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// 1 to 200; default 50.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(max_length = 64)]
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct GrantPage {
    grants: Vec<Grant>,
    /// Give it as `cursor` to get the page after; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// The grants that the caller's department holds or has given
#[utoipa::path(
    get, path = "/v1/grants", tag = "exchange", params(Search),
    responses((status = 200, body = GrantPage), (status = 400, description = "`query_invalid`", body = Problem))
)]
pub async fn list(
    peer: Peer,
    Query(search): Query<Search>,
    catalogue: web::Data<Catalogue>,
) -> Result<web::Json<GrantPage>, Problem> {
    let paging = Paging::new(search.limit, search.cursor)?;
    let all = catalogue.grants_of(&peer.caller.department.id);
    let (grants, next_cursor) = page(all, &paging, |grant| grant.id.as_str());
    Ok(web::Json(GrantPage {
        grants: grants.iter().map(|grant| (**grant).clone()).collect(),
        next_cursor,
    }))
}

/// Withdraw a grant of one of the caller's resources: in force no more from this moment
#[utoipa::path(
    delete, path = "/v1/grants/{id}", tag = "exchange", params(("id" = String, Path, description = "The grant")),
    responses(
        (status = 200, description = "The grant as it stands; withdrawing twice changes nothing", body = Grant),
        (status = 403, description = "`permission_missing`, `not_the_provider`", body = Problem),
        (status = 404, description = "`grant_not_found`: no such grant held or given by this department", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn withdraw(
    act: Act,
    id: web::Path<String>,
    catalogue: web::Data<Catalogue>,
) -> Result<HttpResponse, Problem> {
    let mut entry = act.entry(Action::WithdrawGrant);
    act.must_have_one(&[Permission::Publish], &entry).await?;
    let id: GrantId = parse_id("id", &id)?;
    let department = &act.caller.department.id;
    let Some(grant) = catalogue.grants_of(department).into_iter().find(|grant| grant.id == id) else {
        return Err(act.refuse(entry, CatalogueError::NoSuchGrant(id).into()).await);
    };
    entry.resource = Some(grant.resource.clone());
    entry.grants = vec![id.clone()];
    let provides = catalogue
        .resource(&grant.resource)
        .is_some_and(|r| r.provider == *department);
    if !provides {
        return Err(act.refuse(entry, CatalogueError::NotTheProvider.into()).await);
    }
    let grant = act.carry_out(entry, catalogue.withdraw_grant(department, &id)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(&*grant))
}
