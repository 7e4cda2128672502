//! Every route of the OpenAPI document: who may call it, what a right call is, what it leaves in the audit log. The
//! coverage tests go by this table and by the document, and fail where the two differ.

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use yinxin::formats::timestamp::{Imprint, Request};

use crate::support::{Client, County, HOUSING_FUND, HOUSING_FUND_ITEM, OPERATOR, with_json, worker};

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Access {
    /// Anybody, on the portal listener.
    Public,
    /// Any system that is known.
    System,
    /// Systems with one of these permissions.
    Permission(&'static [&'static str]),
    /// Systems with this permission, with a token for a case.
    Purpose(&'static str),
}

pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// The system that makes the right call.
    pub by: &'static str,
    /// The status of the right call.
    pub status: u16,
    /// The actions that the right call leaves in the audit log.
    pub leaves: &'static [&'static str],
    /// The right call, but for its credentials.
    pub call: fn(&Prepared, RequestBuilder) -> RequestBuilder,
}

/// Permissions of the systems of the test county.
pub const PERMISSIONS: [(&str, &[&str]); 8] = [
    ("hr", &["publish", "issue"]),
    ("housing-fund", &["publish", "issue"]),
    ("marriage", &["publish"]),
    ("window", &["case", "query", "issue"]),
    ("window-2", &["case", "query"]),
    ("window-issue", &["issue"]),
    ("notary", &["case", "query"]),
    ("auditor", &["audit"]),
];

const DRAFT: &str = "653125-gjj-drafted";
const GRANT: &str = "window-housing-fund";

/// The table. Right calls are made in this order, on one county.
pub fn routes() -> Vec<Route> {
    use Access::{Permission, Public, Purpose, System};
    let get = |path, access, by, leaves, call| Route {
        method: Method::GET,
        path,
        access,
        by,
        status: 200,
        leaves,
        call,
    };
    let post = |path, access, by, status, leaves, call| Route {
        method: Method::POST,
        path,
        access,
        by,
        status,
        leaves,
        call,
    };
    let publisher = Permission(&["publish"]);
    let holder = Permission(&["issue", "publish"]);
    vec![
        // the catalogue
        get("/v1/resources", System, "window", &[], |_, r| r),
        get("/v1/resources/{code}", System, "window", &[], |_, r| r),
        post("/v1/resources", publisher, "housing-fund", 201, &["publish"], |_, r| {
            with_json(r, &draft())
        }),
        Route {
            method: Method::PATCH,
            ..post(
                "/v1/resources/{code}",
                publisher,
                "housing-fund",
                200,
                &["publish"],
                |_, r| with_json(r, &json!({"name_en": "A changed name"})),
            )
        },
        Route {
            method: Method::PUT,
            ..post(
                "/v1/resources/{code}/dataset",
                publisher,
                "housing-fund",
                200,
                &["publish"],
                |_, r| {
                    r.header("content-type", "text/csv")
                        .body(format!("subject_id,status\n{},正常\n", worker().number))
                },
            )
        },
        post(
            "/v1/resources/{code}/publish",
            publisher,
            "housing-fund",
            200,
            &["publish"],
            |_, r| r,
        ),
        post(
            "/v1/resources/{code}/suspend",
            publisher,
            "housing-fund",
            200,
            &["publish"],
            |_, r| r,
        ),
        post(
            "/v1/resources/{code}/retire",
            publisher,
            "housing-fund",
            200,
            &["publish"],
            |_, r| r,
        ),
        // purposes
        post(
            "/v1/cases",
            Permission(&["case"]),
            "window",
            201,
            &["open_case"],
            |_, r| {
                let body = json!({"item": HOUSING_FUND_ITEM, "operator": OPERATOR, "applicant": worker().subject()});
                with_json(r, &body)
            },
        ),
        get("/v1/cases/{id}", Permission(&["case"]), "window", &[], |_, r| r),
        post(
            "/v1/cases/{id}/events",
            Permission(&["case"]),
            "window",
            200,
            &["case_event"],
            |_, r| with_json(r, &json!({"kind": "noted", "operator": OPERATOR, "note": "材料齐全"})),
        ),
        post(
            "/v1/token",
            Permission(&["query", "issue"]),
            "window",
            200,
            &["token"],
            |p, r| {
                let form = format!("grant_type=client_credentials&case={}&operator={OPERATOR}", p.case);
                r.header("content-type", "application/x-www-form-urlencoded").body(form)
            },
        ),
        // disclosures
        post(
            "/v1/resources/{code}/query",
            Purpose("query"),
            "window",
            200,
            &["query"],
            |_, r| with_json(r, &json!({"subject": worker().subject(), "fields": ["month"]})),
        ),
        post(
            "/v1/resources/{code}/verify",
            Purpose("query"),
            "window",
            200,
            &["verify"],
            |_, r| with_json(r, &json!({"subject": worker().subject(), "claims": {"status": "正常"}})),
        ),
        // certificates
        post(
            "/v1/certificates",
            Purpose("issue"),
            "window",
            201,
            // As PDF and as OFD.
            &["issue", "seal", "seal"],
            |p, r| {
                let body = json!({"type": "gongjijin-jiaocun", "case": p.case, "subject": worker().subject()});
                with_json(r, &body)
            },
        ),
        get("/v1/certificates/{identifier}", holder, "window", &[], |_, r| r),
        get(
            "/v1/certificates/{identifier}/document.ofd",
            holder,
            "window",
            &["fetch"],
            |_, r| r,
        ),
        get(
            "/v1/certificates/{identifier}/document.pdf",
            holder,
            "window",
            &["fetch"],
            |_, r| r,
        ),
        post(
            "/v1/certificates/{identifier}/revoke",
            holder,
            "housing-fund",
            200,
            &["revoke"],
            |_, r| with_json(r, &json!({"reason": "superseded"})),
        ),
        // grants: after everything that needs one
        get("/v1/grants", System, "window", &[], |_, r| r),
        Route {
            method: Method::DELETE,
            ..get(
                "/v1/grants/{id}",
                publisher,
                "housing-fund",
                &["withdraw_grant"],
                |_, r| r,
            )
        },
        // the log
        get(
            "/v1/audit/entries",
            Permission(&["audit"]),
            "auditor",
            &["read_audit"],
            |_, r| r,
        ),
        get("/v1/log/checkpoint", Public, "", &[], |_, r| r),
        post("/v1/timestamps", Public, "", 200, &[], |_, r| {
            let request = Request::new(Imprint::sha256(&[b"abc"]), [1; 8]).to_der().unwrap();
            r.header("content-type", "application/timestamp-query").body(request)
        }),
        post("/v1/verifications", Public, "", 200, &[], |_, r| {
            let body =
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.7\r\n--b--\r\n";
            r.header("content-type", "multipart/form-data; boundary=b").body(body)
        }),
        get("/v1/verifications/{id}", Public, "", &[], |_, r| r),
        // sealed the first time it is asked for, which is recorded
        get("/v1/verifications/{id}.pdf", Public, "", &["seal"], |_, r| r),
    ]
}

/// A resource that its department describes anew.
fn draft() -> serde_json::Value {
    json!({
        "code": DRAFT, "name": "示例资源", "summary": "示例", "format": "csv", "update_cycle": "monthly",
        "classification": {"class": "主题信息资源", "category": "社会保障", "section": "住房公积金"},
        "items": [{"name": "status", "title": "账户状态", "type": "text", "sensitivity": "personal"}],
        "sharing": {"kind": "unconditional", "mode": "query_and_verify"}, "opening": {"open": false}
    })
}

/// A county with a case, a token of the window's for it, and a certificate: what right calls refer to.
pub struct Prepared {
    pub county: County,
    pub case: String,
    pub token: String,
    pub identifier: String,
    /// The id of a report on a verification.
    pub verification: String,
}

impl Prepared {
    pub async fn new() -> Self {
        let county = County::start().await;
        let window = county.client("window");
        let case = window.open_case(HOUSING_FUND_ITEM, &worker()).await;
        let token = window.token(&case).await;
        let issued = window
            .issue(&token, "gongjijin-jiaocun", &case, &worker())
            .await
            .expect(201);
        let code = json!({"code": issued["verification_code"]});
        let report = county.portal().post("/v1/verifications", &code).await.expect(200);
        Self {
            verification: report["id"].as_str().unwrap().to_owned(),
            case,
            token,
            identifier: issued["identifier"].as_str().unwrap().to_owned(),
            county,
        }
    }

    /// The right call of a route, by this caller, without a token.
    pub fn call(&self, route: &Route, client: &Client) -> RequestBuilder {
        let drafted = ["/dataset", "/publish", "/suspend", "/retire"]
            .iter()
            .any(|end| route.path.ends_with(end));
        let path = route
            .path
            .replace("{code}", if drafted { DRAFT } else { HOUSING_FUND })
            .replace("{identifier}", &self.identifier)
            .replace(
                "{id}",
                match route.path {
                    path if path.contains("grants") => GRANT,
                    path if path.contains("verifications") => &self.verification,
                    _ => &self.case,
                },
            );
        let request = client
            .request(route.method.clone(), &path)
            .header("Idempotency-Key", uuid::Uuid::new_v4().to_string());
        (route.call)(self, request)
    }

    /// The right call of a route, whole.
    pub fn right_call(&self, route: &Route) -> RequestBuilder {
        if route.access == Access::Public {
            return self.call(route, &self.county.portal());
        }
        let request = self.call(route, &self.county.client(route.by));
        match route.access {
            Access::Purpose(_) => request.bearer_auth(&self.token),
            _ => request,
        }
    }
}

/// Method and path of every route that the node's own document describes, on both listeners.
pub async fn documented(county: &County) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for client in [county.client("window"), county.portal()] {
        let document = client.get("/openapi.json").await.expect(200);
        for (path, operations) in document["paths"].as_object().unwrap() {
            let operations = operations.as_object().unwrap().keys();
            found.extend(operations.map(|method| format!("{} {path}", method.to_uppercase())));
        }
    }
    found
}
