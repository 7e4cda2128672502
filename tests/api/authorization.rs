//! Who may call what: every route of the document, without a client certificate, with one that is unknown, without a
//! token, with another's, without the permission, and rightly.

use std::collections::BTreeSet;

use crate::{
    routes::{Access, PERMISSIONS, Prepared, Route, documented, routes},
    support::{send, try_send},
};

#[tokio::test]
async fn every_route_of_the_document_is_in_the_table_and_every_row_is_in_the_document() {
    let county = crate::support::County::start().await;
    let rows: BTreeSet<String> = routes()
        .iter()
        .map(|route| format!("{} {}", route.method, route.path))
        .collect();
    assert_eq!(rows, documented(&county).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_refuses_whom_it_should_and_answers_whom_it_should() {
    let prepared = Prepared::new().await;
    for route in routes() {
        let name = format!("{} {}", route.method, route.path);
        if route.access != Access::Public {
            refuses_strangers(&prepared, &route, &name).await;
            refuses_the_portal(&prepared, &route, &name).await;
        }
        match route.access {
            Access::Permission(any) => refuses_systems_without(&prepared, &route, any, &name).await,
            Access::Purpose(permission) => refuses_other_purposes(&prepared, &route, permission, &name).await,
            Access::Public | Access::System => {}
        }
        let answer = send(prepared.right_call(&route)).await;
        assert_eq!(answer.status.as_u16(), route.status, "{name}: {}", answer.text());
    }
}

async fn refuses_strangers(prepared: &Prepared, route: &Route, name: &str) {
    let county = &prepared.county;
    let without = county.client_with(None);
    let refused = try_send(prepared.call(route, &without).bearer_auth(&prepared.token)).await;
    assert!(refused.is_err(), "{name} without a client certificate: {refused:?}");

    let unbound = county.client_with(Some(&county.site.authority.client("window")));
    let answer = send(prepared.call(route, &unbound).bearer_auth(&prepared.token)).await;
    assert_eq!(answer.problem(403), "credential_unknown", "{name}");
}

/// What needs a client certificate is not on the listener that asks for none.
async fn refuses_the_portal(prepared: &Prepared, route: &Route, name: &str) {
    let call = prepared.call(route, &prepared.county.portal());
    let answer = send(call.bearer_auth(&prepared.token)).await;
    assert!(
        [401, 404, 405].contains(&answer.status.as_u16()),
        "{name} on the portal: {}",
        answer.text()
    );
}

async fn refuses_systems_without(prepared: &Prepared, route: &Route, any: &[&str], name: &str) {
    for (system, permissions) in PERMISSIONS {
        if !permissions.iter().any(|permission| any.contains(permission)) {
            let answer = send(prepared.call(route, &prepared.county.client(system))).await;
            assert_eq!(answer.problem(403), "permission_missing", "{name} by {system}");
        }
    }
}

async fn refuses_other_purposes(prepared: &Prepared, route: &Route, permission: &str, name: &str) {
    let county = &prepared.county;
    let right = county.client(route.by);
    let answer = send(prepared.call(route, &right)).await;
    assert_eq!(answer.problem(401), "purpose_missing", "{name} without a token");

    for broken in ["x", "a.b.c", &prepared.token[..prepared.token.len() - 2]] {
        let answer = send(prepared.call(route, &right).bearer_auth(broken)).await;
        assert_eq!(answer.problem(401), "token_invalid", "{name} with `{broken}`");
    }
    // A system of the same department, with a token that is not its own.
    let answer = send(
        prepared
            .call(route, &county.client("window-2"))
            .bearer_auth(&prepared.token),
    )
    .await;
    assert_eq!(answer.problem(401), "token_bound_to_other_certificate", "{name}");

    // A system of the same department with a token of its own for the same case, but without the permission.
    let lacking = if permission == "query" {
        "window-issue"
    } else {
        "window-2"
    };
    let client = county.client(lacking);
    let token = client.token(&prepared.case).await;
    let answer = send(prepared.call(route, &client).bearer_auth(&token)).await;
    assert_eq!(answer.problem(403), "permission_missing", "{name} by {lacking}");
}

#[tokio::test]
async fn a_department_cannot_change_what_another_provides_nor_see_its_cases_and_certificates() {
    let prepared = Prepared::new().await;
    let (county, others) = (&prepared.county, ["hr", "notary"]);
    let path = |path: &str| {
        path.replace("{id}", &prepared.case)
            .replace("{identifier}", &prepared.identifier)
    };
    for (method, path, by, status, code) in [
        (
            "PATCH",
            "/v1/resources/653125-gjj-housing-fund",
            others[0],
            403,
            "not_the_provider",
        ),
        (
            "POST",
            "/v1/resources/653125-gjj-housing-fund/retire",
            others[0],
            403,
            "not_the_provider",
        ),
        ("GET", &path("/v1/cases/{id}"), others[1], 404, "case_not_found"),
        (
            "GET",
            &path("/v1/certificates/{identifier}"),
            others[0],
            404,
            "certificate_not_found",
        ),
        (
            "GET",
            &path("/v1/certificates/{identifier}/document.pdf"),
            others[0],
            404,
            "certificate_not_found",
        ),
        (
            "GET",
            &path("/v1/certificates/{identifier}/document.ofd"),
            others[0],
            404,
            "certificate_not_found",
        ),
        (
            "POST",
            &path("/v1/certificates/{identifier}/revoke"),
            others[0],
            404,
            "certificate_not_found",
        ),
    ] {
        let client = county.client(by);
        let request = client.request(method.parse().unwrap(), path);
        let body = if method == "PATCH" {
            "{}"
        } else {
            "{\"reason\": \"superseded\"}"
        };
        let answer = send(request.header("content-type", "application/json").body(body)).await;
        assert_eq!(answer.problem(status), code, "{method} {path} by {by}");
    }
    let answer = county.client("notary").ask_token(&prepared.case).await;
    assert_eq!(answer.problem(404), "case_not_found");
}
