//! `/v1/resources`: what a provider does with resources of its own.

use std::sync::Arc;

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    act::Act,
    extract::{IdempotencyKey, Json, parse_id, read_body, service, unsupported_media_type},
    idempotency::Once,
    problem::Problem,
};
use crate::{
    audit::Action,
    catalogue::{
        Catalogue, CatalogueError, Classification, DataItem, Opening, Related, Resource, ResourceStatus, Sharing,
        Source, UpdateCycle,
    },
    config::Limits,
    department::{Permission, Reply, ReplyStore},
    exchange::source::Datasets,
    ids::ResourceCode,
};

/// A resource as its provider describes it. Who provides it is known by the client certificate; its data are uploaded,
/// or come from where the node's administrator says.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResource {
    #[schema(value_type = String, max_length = 64, example = "653125-hr-unemployment")]
    code: ResourceCode,
    #[schema(max_length = 200)]
    name: String,
    #[serde(default)]
    #[schema(max_length = 200)]
    name_en: String,
    classification: Classification,
    #[schema(max_length = 2000)]
    summary: String,
    #[serde(default)]
    #[schema(max_length = 2000)]
    summary_en: String,
    #[schema(max_length = 64, example = "csv")]
    format: String,
    #[schema(min_items = 1, max_items = 200)]
    items: Vec<DataItem>,
    sharing: Sharing,
    opening: Opening,
    update_cycle: UpdateCycle,
    #[serde(default)]
    #[schema(max_items = 50)]
    related: Vec<Related>,
}

/// What to change; what is not named stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    #[schema(max_length = 200)]
    name: Option<String>,
    #[schema(max_length = 200)]
    name_en: Option<String>,
    classification: Option<Classification>,
    #[schema(max_length = 2000)]
    summary: Option<String>,
    #[schema(max_length = 2000)]
    summary_en: Option<String>,
    #[schema(max_length = 64)]
    format: Option<String>,
    #[schema(min_items = 1, max_items = 200)]
    items: Option<Vec<DataItem>>,
    sharing: Option<Sharing>,
    opening: Option<Opening>,
    update_cycle: Option<UpdateCycle>,
    #[schema(max_items = 50)]
    related: Option<Vec<Related>>,
}

#[derive(Serialize, ToSchema)]
pub struct Uploaded {
    #[schema(value_type = String)]
    resource: ResourceCode,
    rows: usize,
}

/// Describe a new resource: a draft that only its department sees
#[utoipa::path(
    post, path = "/v1/resources", tag = "exchange", request_body = NewResource,
    params(("Idempotency-Key" = String, Header, description = "8 to 128 visible ASCII characters, the same on a retry")),
    responses(
        (status = 201, body = Resource),
        (status = 400, description = "`idempotency_key_missing`, `body_malformed`", body = Problem),
        (status = 403, description = "`permission_missing`", body = Problem),
        (status = 409, description = "`resource_exists`, `request_in_progress`", body = Problem),
        (status = 422, description = "`resource_invalid`, `body_invalid`, `idempotency_key_reused`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn create(
    act: Act,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<NewResource>,
    catalogue: web::Data<Catalogue>,
    replies: web::Data<dyn ReplyStore>,
) -> Result<HttpResponse, Problem> {
    let mut entry = act.entry(Action::Publish);
    act.must_have_one(&[Permission::Publish], &entry).await?;
    entry.resource = Some(body.code.clone());
    let asked = serde_json::to_string(&body).map_err(|error| Problem::internal(&error))?;
    let once = Once {
        replies: replies.into_inner(),
        system: &act.caller.system.id,
        key: &key,
        request: &["POST /v1/resources", &asked],
        now: act.now(),
    };
    let department = &act.caller.department;
    once.answer(async {
        if catalogue.resource(&body.code).is_some() {
            return Err(act.refuse(entry, CatalogueError::Exists(body.code).into()).await);
        }
        let resource = Resource {
            code: body.code,
            name: body.name,
            name_en: body.name_en,
            classification: body.classification,
            provider: department.id.clone(),
            provider_name: department.name.clone(),
            provider_credit_code: department.credit_code.clone(),
            summary: body.summary,
            summary_en: body.summary_en,
            format: body.format,
            items: body.items,
            sharing: body.sharing,
            opening: body.opening,
            update_cycle: body.update_cycle,
            published_on: None,
            related: body.related,
            status: ResourceStatus::Draft,
            updated_at: act.now(),
            source: None,
        };
        resource.validate()?;
        let created = act.carry_out(entry, catalogue.create(&department.id, resource)).await?;
        Ok(Reply {
            status: 201,
            body: serde_json::to_vec(&created.public()).map_err(|error| Problem::internal(&error))?,
        })
    })
    .await
}

/// Change a resource of the caller's department
#[utoipa::path(
    patch, path = "/v1/resources/{code}", tag = "exchange", request_body = Changes,
    params(("code" = String, Path, description = "The resource")),
    responses(
        (status = 200, body = Resource),
        (status = 403, description = "`permission_missing`, `not_the_provider`", body = Problem),
        (status = 404, description = "`resource_not_found`", body = Problem),
        (status = 422, description = "`resource_invalid`, `body_invalid`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn change(
    act: Act,
    code: web::Path<String>,
    Json(changes): Json<Changes>,
    catalogue: web::Data<Catalogue>,
) -> Result<web::Json<Resource>, Problem> {
    fn set<T>(place: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *place = value;
        }
    }
    let resource = own(&act, &catalogue, &code).await?;
    let mut changed = (*resource).clone();
    set(&mut changed.name, changes.name);
    set(&mut changed.name_en, changes.name_en);
    set(&mut changed.classification, changes.classification);
    set(&mut changed.summary, changes.summary);
    set(&mut changed.summary_en, changes.summary_en);
    set(&mut changed.format, changes.format);
    set(&mut changed.items, changes.items);
    set(&mut changed.sharing, changes.sharing);
    set(&mut changed.opening, changes.opening);
    set(&mut changed.update_cycle, changes.update_cycle);
    set(&mut changed.related, changes.related);
    changed.validate()?;
    let mut entry = act.entry(Action::Publish);
    entry.resource = Some(resource.code.clone());
    let department = &act.caller.department.id;
    let written = act.carry_out(entry, catalogue.update(department, changed)).await?;
    Ok(web::Json(written.public()))
}

/// Publish a resource, or publish it again after it was suspended
#[utoipa::path(
    post, path = "/v1/resources/{code}/publish", tag = "exchange",
    params(("code" = String, Path, description = "The resource")),
    responses(
        (status = 200, body = Resource),
        (status = 403, description = "`permission_missing`, `not_the_provider`", body = Problem),
        (status = 404, description = "`resource_not_found`", body = Problem),
        (status = 409, description = "`status_transition`, `resource_without_data`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn publish(
    act: Act,
    code: web::Path<String>,
    catalogue: web::Data<Catalogue>,
) -> Result<web::Json<Resource>, Problem> {
    let resource = own(&act, &catalogue, &code).await?;
    if resource.source.is_none() {
        return Err(Problem::conflict(
            "resource_without_data",
            "资源尚无数据。请先上传数据集（PUT …/dataset），或请节点管理员配置数据来源。",
            "The resource has no data yet. Upload a dataset (PUT …/dataset), or have the node's administrator set its source.",
        ));
    }
    become_(&act, &catalogue, &resource, ResourceStatus::Published).await
}

/// Suspend a resource: nothing of it is disclosed until it is published again
#[utoipa::path(
    post, path = "/v1/resources/{code}/suspend", tag = "exchange",
    params(("code" = String, Path, description = "The resource")),
    responses(
        (status = 200, body = Resource),
        (status = 403, description = "`permission_missing`, `not_the_provider`", body = Problem),
        (status = 404, description = "`resource_not_found`", body = Problem),
        (status = 409, description = "`status_transition`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn suspend(
    act: Act,
    code: web::Path<String>,
    catalogue: web::Data<Catalogue>,
) -> Result<web::Json<Resource>, Problem> {
    let resource = own(&act, &catalogue, &code).await?;
    become_(&act, &catalogue, &resource, ResourceStatus::Suspended).await
}

/// Retire a resource: for good
#[utoipa::path(
    post, path = "/v1/resources/{code}/retire", tag = "exchange",
    params(("code" = String, Path, description = "The resource")),
    responses(
        (status = 200, body = Resource),
        (status = 403, description = "`permission_missing`, `not_the_provider`", body = Problem),
        (status = 404, description = "`resource_not_found`", body = Problem),
        (status = 409, description = "`status_transition`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn retire(
    act: Act,
    code: web::Path<String>,
    catalogue: web::Data<Catalogue>,
) -> Result<web::Json<Resource>, Problem> {
    let resource = own(&act, &catalogue, &code).await?;
    become_(&act, &catalogue, &resource, ResourceStatus::Retired).await
}

/// Upload the data of a resource: they take the place of those before
///
/// CSV in UTF-8. The header names `subject_id` (the citizen ID number or credit code of the subject) and every data
/// item, in any order. A file with anything wrong in it changes nothing.
#[utoipa::path(
    put, path = "/v1/resources/{code}/dataset", tag = "exchange",
    request_body(content = String, content_type = "text/csv"),
    params(("code" = String, Path, description = "The resource")),
    responses(
        (status = 200, body = Uploaded),
        (status = 403, description = "`permission_missing`, `not_the_provider`", body = Problem),
        (status = 404, description = "`resource_not_found`", body = Problem),
        (status = 409, description = "`resource_has_other_source`", body = Problem),
        (status = 413, description = "`body_too_large`", body = Problem),
        (status = 415, description = "`media_type_unsupported`", body = Problem),
        (status = 422, description = "`dataset_invalid`", body = Problem),
        (status = 503, description = "`audit_unavailable`, `store_unavailable`", body = Problem)
    )
)]
pub async fn upload(
    act: Act,
    code: web::Path<String>,
    request: HttpRequest,
    payload: web::Payload,
    catalogue: web::Data<Catalogue>,
    datasets: web::Data<Datasets>,
) -> Result<web::Json<Uploaded>, Problem> {
    let resource = own(&act, &catalogue, &code).await?;
    if !request.content_type().eq_ignore_ascii_case("text/csv") {
        return Err(unsupported_media_type("text/csv"));
    }
    if !matches!(resource.source, None | Some(Source::Dataset)) {
        return Err(Problem::conflict(
            "resource_has_other_source",
            "此资源的数据来自提供部门的系统，不接受上传。",
            "The data of this resource come from a system of the provider's: nothing can be uploaded.",
        ));
    }
    let _turn = datasets.turn().await;
    let csv = read_body(payload.into_inner(), service::<Limits>(&request)?.dataset_bytes).await?;
    let prepared = datasets.prepare(&resource, csv.into()).await?;
    let mut entry = act.entry(Action::Publish);
    entry.resource = Some(resource.code.clone());
    let rows = act.carry_out(entry, datasets.replace(prepared)).await?;
    if resource.source.is_none() {
        let mut changed = (*resource).clone();
        changed.source = Some(Source::Dataset);
        catalogue.update(&act.caller.department.id, changed).await?;
    }
    Ok(web::Json(Uploaded {
        resource: resource.code.clone(),
        rows,
    }))
}

/// A resource that the caller's department provides, for a system that may publish; anything else is refused, with an
/// entry.
async fn own(act: &Act, catalogue: &Catalogue, code: &str) -> Result<Arc<Resource>, Problem> {
    let mut entry = act.entry(Action::Publish);
    act.must_have_one(&[Permission::Publish], &entry).await?;
    let code: ResourceCode = parse_id("code", code)?;
    match catalogue.resource(&code) {
        Some(resource) if resource.provider == act.caller.department.id => Ok(resource),
        Some(resource) => {
            entry.resource = Some(resource.code.clone());
            Err(act.refuse(entry, CatalogueError::NotTheProvider.into()).await)
        }
        None => Err(act.refuse(entry, CatalogueError::NoSuchResource(code).into()).await),
    }
}

async fn become_(
    act: &Act,
    catalogue: &Catalogue,
    resource: &Resource,
    to: ResourceStatus,
) -> Result<web::Json<Resource>, Problem> {
    let mut entry = act.entry(Action::Publish);
    entry.resource = Some(resource.code.clone());
    let department = &act.caller.department.id;
    let changed = act
        .carry_out(entry, catalogue.change_status(department, &resource.code, to))
        .await?;
    Ok(web::Json(changed.public()))
}
