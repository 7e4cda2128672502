//! The one map from errors to RFC 9457 problem documents. Codes are stable; sentences say what to do; nothing internal
//! and nothing of a person is in them.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    audit::AuditError,
    case::CaseError,
    catalogue::CatalogueError,
    certificate::{CertificateError, LongTermError},
    department::{DirectoryError, OverRate, TokenError},
    exchange::{
        ExchangeError,
        source::{DatasetError, SourceError},
    },
    ids::IdError,
    policy::Refusal,
    verification::Bilingual,
};

/// A problem, answered as an RFC 9457 document.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct Problem(#[schema(inline)] Box<Document>);

/// A problem document, `application/problem+json`.
#[derive(Debug, Serialize, ToSchema)]
struct Document {
    /// `urn:yinxin:problem:<code>`
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    #[serde(serialize_with = "status_number")]
    #[schema(value_type = u16)]
    status: StatusCode,
    /// Stable: programs may go by it.
    #[schema(value_type = String, example = "case_closed")]
    code: &'static str,
    /// What happened and what to do, in English (`message` has both languages).
    detail: String,
    message: Bilingual,
    /// The part of the request that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

fn status_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        let en = en.into();
        Self(Box::new(Document {
            kind: format!("urn:yinxin:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Problem"),
            status,
            code,
            detail: en.clone(),
            message: Bilingual { zh: zh.into(), en },
            field: None,
            retry_after_s: None,
        }))
    }

    /// Names the part of the request that it is about.
    #[must_use]
    pub fn about(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds.max(1));
        self
    }

    pub fn code(&self) -> &'static str {
        self.0.code
    }

    pub fn message(&self) -> &Bilingual {
        &self.0.message
    }

    /// Something of ours broke: the cause goes to the log, not outside.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Chain(cause), "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "本节点出现内部错误，已记录。请稍后重试；如仍失败，请把请求编号告知管理员。",
            "This node had an internal error, which was logged. Try again later; if it persists, give the administrator \
             the request id.",
        )
    }

    /// The store does not answer: nothing was done.
    pub fn unavailable(cause: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error = %Chain(cause), "store unavailable");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "本节点的数据库暂时不可用，未执行任何操作。请稍后重试。",
            "This node's database is unavailable; nothing was done. Try again later.",
        )
        .retry_after(2)
    }

    pub fn not_found(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, zh, en)
    }

    pub fn forbidden(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, zh, en)
    }

    pub fn bad_request(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, zh, en)
    }

    pub fn conflict(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, zh, en)
    }

    /// The form is right, a value in it is not.
    pub fn unprocessable(code: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, zh, en)
    }

    /// The caller's system has not the permission that the route asks for.
    pub fn permission_missing(permission: &str) -> Self {
        Self::forbidden(
            "permission_missing",
            format!("本系统没有“{permission}”权限。请联系本部门管理员或节点管理员。"),
            format!("This system has no `{permission}` permission. Ask your department's or the node's administrator."),
        )
    }

    /// An identifier in the request is not one.
    pub fn invalid_id(field: &str, error: IdError) -> Self {
        let zh = match error {
            IdError::Length { max } => format!("{field} 为空或超过 {max} 个字符。"),
            IdError::Character => format!("{field} 含有不允许的字符。"),
            IdError::CheckCharacter => format!("{field} 的校验码不正确，请核对号码。"),
            IdError::Date => format!("{field} 中的出生日期不存在。"),
            IdError::Form => format!("{field} 的格式不正确。"),
        };
        let code = match error {
            IdError::CheckCharacter => "check_character_wrong",
            _ => "identifier_invalid",
        };
        Self::unprocessable(code, zh, format!("`{field}` {error}.")).about(field)
    }
}

/// An error with its causes, on one line.
struct Chain<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.0.status);
        response.content_type("application/problem+json");
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.0.retry_after_s {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.0.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        response.body(serde_json::to_string(self).unwrap_or_else(|_| format!(r#"{{"code":"{}"}}"#, self.0.code)))
    }
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        match &error {
            DirectoryError::UnknownCredential => Self::forbidden(
                "credential_unknown",
                "此客户端证书未绑定任何系统。请把证书指纹交给节点管理员登记。",
                "This client certificate is not bound to a system. Give its thumbprint to the node's administrator.",
            ),
            DirectoryError::CredentialRevoked => Self::forbidden(
                "credential_revoked",
                "此客户端证书已被吊销。请换用新证书。",
                "This client certificate was revoked. Use a new one.",
            ),
            DirectoryError::CredentialExpired => Self::forbidden(
                "credential_expired",
                "此客户端证书已过期。请换用新证书。",
                "This client certificate has expired. Use a new one.",
            ),
            DirectoryError::SystemDisabled(_) => Self::forbidden(
                "system_disabled",
                "此系统已被停用。请联系节点管理员。",
                "This system is disabled. Ask the node's administrator.",
            ),
            DirectoryError::NoSuchSystem(_) => Self::not_found("system_not_found", "没有此系统。", "No such system."),
            DirectoryError::MixedPermissions => Self::unprocessable(
                "permissions_mixed",
                "审计系统不得具有其他权限。",
                "A system that audits can have no other permission.",
            ),
            DirectoryError::Store(_) => Self::unavailable(&error),
        }
    }
}

impl From<OverRate> for Problem {
    fn from(OverRate { retry_after_s }: OverRate) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "本系统请求过于频繁。请按 Retry-After 稍候再试。",
            "This system asks too often. Wait as Retry-After says.",
        )
        .retry_after(retry_after_s)
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let (code, zh, en) = match error {
            TokenError::Key => return Self::internal(&error),
            TokenError::Invalid => (
                "token_invalid",
                "访问令牌无效。请用本系统的证书重新申请：POST /v1/token。",
                "The access token is not valid. Ask for a new one with this system's certificate: POST /v1/token.",
            ),
            TokenError::Expired => (
                "token_expired",
                "访问令牌已过期。请重新申请：POST /v1/token。",
                "The access token has expired. Ask for a new one: POST /v1/token.",
            ),
            TokenError::OtherCertificate => (
                "token_bound_to_other_certificate",
                "访问令牌绑定的是另一张客户端证书，不能由本系统使用。",
                "The access token is bound to another client certificate; this system cannot use it.",
            ),
        };
        Self::new(StatusCode::UNAUTHORIZED, code, zh, en)
    }
}

impl From<CatalogueError> for Problem {
    fn from(error: CatalogueError) -> Self {
        match &error {
            CatalogueError::NoSuchResource(_) => no_such_resource(),
            CatalogueError::NoSuchGrant(_) => Self::not_found("grant_not_found", "没有此授权。", "No such grant."),
            CatalogueError::Exists(_) => Self::conflict(
                "resource_exists",
                "此代码的资源已存在。请用 PATCH 修改，或换一个代码。",
                "A resource with this code exists. Change it with PATCH, or choose another code.",
            ),
            CatalogueError::Transition { from, to } => Self::conflict(
                "status_transition",
                format!("状态为 {from} 的资源不能变为 {to}。"),
                format!("A resource that is {from} cannot become {to}."),
            ),
            CatalogueError::NotTheProvider => Self::forbidden(
                "not_the_provider",
                "只有资源提供部门可以修改它。",
                "Only the department that provides a resource may change it.",
            ),
            CatalogueError::Invalid { field, reason } => Self::unprocessable(
                "resource_invalid",
                format!("{field} 不符合要求（{reason}）。"),
                format!("`{field}` {reason}."),
            )
            .about(field.clone()),
            CatalogueError::Store(_) => Self::unavailable(&error),
        }
    }
}

fn no_such_resource() -> Problem {
    Problem::not_found(
        "resource_not_found",
        "目录中没有此资源。请在 GET /v1/resources 中查找代码。",
        "No such resource in the catalogue. Look its code up in GET /v1/resources.",
    )
}

impl From<CaseError> for Problem {
    fn from(error: CaseError) -> Self {
        match &error {
            CaseError::NoSuchItem(_) => {
                Self::unprocessable("item_not_found", "没有此事项。", "No such service item.").about("item")
            }
            CaseError::NoSuchCase(_) => Self::not_found("case_not_found", "没有此办件。", "No such case."),
            CaseError::Closed => Self::conflict(
                "case_closed",
                "办件已办结。如需继续，请另开办件。",
                "The case is closed. Open a new one to go on.",
            ),
            CaseError::TooManyEvents { max } => Self::conflict(
                "case_events_limit",
                format!("一个办件最多 {max} 条记录。"),
                format!("A case can hold at most {max} events."),
            ),
            CaseError::Note => Self::unprocessable(
                "note_invalid",
                "备注最多 500 个字符，不得含控制字符或身份证号码。",
                "A note holds at most 500 characters, no control characters and no ID number.",
            )
            .about("note"),
            CaseError::Store(_) => Self::unavailable(&error),
        }
    }
}

impl From<AuditError> for Problem {
    fn from(error: AuditError) -> Self {
        match &error {
            AuditError::NotWritten | AuditError::Overloaded => {
                tracing::error!(%error, "nothing is released while the log cannot be written");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "audit_unavailable",
                    "审计日志无法写入，因此未提供任何数据。请稍后重试；如持续出现，请通知节点管理员。",
                    "The audit log cannot be written, so nothing was released. Try again later; if it persists, tell the \
                     node's administrator.",
                )
                .retry_after(2)
            }
            AuditError::Store(_) => Self::unavailable(&error),
            AuditError::Inconsistent(_) | AuditError::TooLarge { .. } => Self::internal(&error),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (zh, en) = match &refusal {
            Refusal::CaseClosed => (
                "办件已办结，不能再查询。如需继续，请另开办件。".to_owned(),
                "The case is closed: nothing more can be read for it. Open a new one to go on.".to_owned(),
            ),
            Refusal::CaseOfAnotherDepartment => (
                "办件属于其他部门。".to_owned(),
                "The case belongs to another department.".to_owned(),
            ),
            Refusal::SubjectNotApplicant => (
                "查询对象不是本办件的申请人。".to_owned(),
                "The subject is not the applicant of the case.".to_owned(),
            ),
            Refusal::ResourceNotPublished => (
                "资源未发布或已暂停，请联系提供部门。".to_owned(),
                "The resource is not published, or suspended. Ask its provider.".to_owned(),
            ),
            Refusal::ResourceProhibited => (
                "此资源属于不予共享类。".to_owned(),
                "This resource is not shared.".to_owned(),
            ),
            Refusal::VerifyOnly => (
                "此资源只提供核验（verify），不提供查询。".to_owned(),
                "This resource answers `verify` only, not `query`.".to_owned(),
            ),
            Refusal::ItemDoesNotNeedResource => (
                "此事项不需要该资源的数据。".to_owned(),
                "The service item of the case does not need this resource.".to_owned(),
            ),
            Refusal::ItemDoesNotIssueCertificate => (
                "此事项不出具该类证照，或授权不包括该类证照。".to_owned(),
                "The service item of the case does not lead to this type of certificate, or no grant opens it."
                    .to_owned(),
            ),
            Refusal::Guardrail(name) => (
                format!("本节点的规则 {name} 不允许此次访问。"),
                format!("The guardrail `{name}` of this node forbids this access."),
            ),
            Refusal::GrantExpired => (
                "授权已过有效期。请重新申请共享。".to_owned(),
                "The grant has expired. Apply for sharing again.".to_owned(),
            ),
            Refusal::GrantWithdrawn => (
                "授权已被提供部门撤回。".to_owned(),
                "The grant was withdrawn by the provider.".to_owned(),
            ),
            Refusal::NoGrant => (
                "本部门没有为此事项使用该资源的授权。请先申请共享。".to_owned(),
                "Your department has no grant for this resource and service item. Apply for sharing first.".to_owned(),
            ),
            Refusal::UnknownField(field) => (
                format!("资源没有名为 {field} 的数据项。"),
                format!("The resource has no data item `{field}`."),
            ),
            Refusal::FieldNotGranted(field) => (
                format!("数据项 {field} 不在授权或事项所需范围内。请从 fields 中去掉它。"),
                format!(
                    "The field `{field}` is outside the grant or what the service item needs. Leave it out of `fields`."
                ),
            ),
        };
        let field = match &refusal {
            Refusal::UnknownField(field) | Refusal::FieldNotGranted(field) => Some(field.to_string()),
            _ => None,
        };
        let status = match refusal {
            Refusal::UnknownField(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::FORBIDDEN,
        };
        let mut problem = Self::new(status, refusal.code(), zh, en);
        problem.0.field = field;
        problem
    }
}

impl From<SourceError> for Problem {
    fn from(error: SourceError) -> Self {
        tracing::warn!(error = %Chain(&error), "provider");
        let bad_gateway = |code, zh: &str, en: &str| Self::new(StatusCode::BAD_GATEWAY, code, zh, en);
        match error {
            SourceError::Timeout => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                "provider_timeout",
                "数据提供部门的系统未及时应答。请稍后重试。",
                "The provider's system did not answer in time. Try again later.",
            )
            .retry_after(2),
            SourceError::CircuitOpen { retry_after_s } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "provider_resting",
                "数据提供部门的系统连续失败，暂停调用。请稍后重试。",
                "The provider's system has failed repeatedly and is not called for a while. Try again later.",
            )
            .retry_after(retry_after_s),
            SourceError::Garbage => bad_gateway(
                "provider_garbage",
                "数据提供部门的系统应答不符合约定，已丢弃。",
                "The provider's answer is not of the agreed form and was dropped.",
            ),
            SourceError::TooMuch { .. } => bad_gateway(
                "provider_too_much",
                "数据提供部门的系统应答过大，已丢弃。",
                "The provider's answer is too large and was dropped.",
            ),
            SourceError::Failed(_) | SourceError::Status(_) | SourceError::None => bad_gateway(
                "provider_failed",
                "数据提供部门的系统无法应答。请稍后重试或联系提供部门。",
                "The provider's system cannot answer. Try again later, or ask the provider.",
            ),
        }
    }
}

impl From<DatasetError> for Problem {
    fn from(error: DatasetError) -> Self {
        let zh = match &error {
            DatasetError::Seal => return Self::internal(&error),
            DatasetError::Store(_) => return Self::unavailable(&error),
            DatasetError::Csv { line } => format!("第 {line} 行不是 UTF-8 编码的 CSV。"),
            DatasetError::ColumnMissing { column } => format!("缺少列 {column}。"),
            DatasetError::ColumnUnknown { column } => format!("列 {column} 不是资源的数据项，或重复出现。"),
            DatasetError::Value { line, column } => format!("第 {line} 行的 {column} 不符合数据项的类型。"),
            DatasetError::TooManyRows { max } => format!("数据集最多 {max} 行。"),
            DatasetError::TooManyRowsOfSubject { line, max } => format!("第 {line} 行：同一主体最多 {max} 行。"),
        };
        Self::unprocessable("dataset_invalid", zh, format!("{error}."))
    }
}

impl From<ExchangeError> for Problem {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::NoSuchResource(_) => no_such_resource(),
            ExchangeError::Refused(refusal) => refusal.into(),
            ExchangeError::Case(error) => error.into(),
            ExchangeError::Policy(error) => Self::internal(&error),
            ExchangeError::NotRecorded(error) => error.into(),
            ExchangeError::Source(error) => error.into(),
            ExchangeError::Claim(field) => Self::unprocessable(
                "claim_invalid",
                format!("待核验项 {field} 的类型不正确。"),
                format!("The claim `{field}` is not of the type of its data item."),
            )
            .about(field.to_string()),
        }
    }
}

impl From<CertificateError> for Problem {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::NoSuchType(_) => Self::unprocessable(
                "certificate_type_unknown",
                "没有此类证照。",
                "No such type of certificate.",
            )
            .about("type"),
            CertificateError::NoSuchCertificate(_) | CertificateError::OtherDepartment => Self::not_found(
                "certificate_not_found",
                "没有此证照，或它不属于本部门。",
                "No such certificate, or it is not your department's.",
            ),
            CertificateError::NoOfd => Self::not_found(
                "certificate_has_no_ofd",
                "此证照没有以 OFD 出具，请取 PDF。",
                "The certificate was not issued as OFD: fetch the PDF.",
            ),
            CertificateError::Revoked => Self::conflict(
                "certificate_revoked",
                "此证照已被撤销。",
                "The certificate is revoked already.",
            ),
            CertificateError::KeyReused => Self::unprocessable(
                "idempotency_key_reused",
                "同一 Idempotency-Key 曾用于另一个请求。请换一个。",
                "The same Idempotency-Key came with another request. Use a new one.",
            ),
            CertificateError::NothingToCertify => Self::unprocessable(
                "nothing_to_certify",
                "提供部门没有申请人的相关记录，无法出具证明。",
                "The provider has no record of the applicant: there is nothing to certify.",
            ),
            CertificateError::TooLong { max_rows } => Self::unprocessable(
                "certificate_too_long",
                format!("提供部门的相关记录超过一份证照可列的 {max_rows} 条，请到窗口办理。"),
                format!(
                    "The provider holds more than the {max_rows} records that one certificate can show: the matter \
                         has to be settled at a counter."
                ),
            ),
            CertificateError::Exchange(error) => error.into(),
            CertificateError::NotRecorded(error) => error.into(),
            CertificateError::LongTerm(LongTermError::Timestamp(_)) => {
                tracing::error!(error = %Chain(&error), "certificate not issued");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "timestamp_unavailable",
                    "时间戳服务暂时不可用，证照尚未签发。请稍后以同一 Idempotency-Key 重试，证照标识不变。",
                    "No timestamp can be had now, and nothing was issued. Try again later with the same \
                     Idempotency-Key: the certificate keeps its identifier.",
                )
                .retry_after(30)
            }
            CertificateError::LongTerm(LongTermError::List { .. } | LongTermError::Unvouched { .. }) => {
                tracing::error!(error = %Chain(&error), "certificate not issued");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "revocation_data_unavailable",
                    "印章或时间戳证书的有效吊销列表暂时无法取得，证照尚未签发。请稍后以同一 Idempotency-Key 重试。",
                    "No revocation list in force vouches for the seal or its timestamp, and nothing was issued. Try \
                     again later with the same Idempotency-Key.",
                )
                .retry_after(60)
            }
            CertificateError::NoSeal
            | CertificateError::LongTerm(_)
            | CertificateError::Template(_)
            | CertificateError::Glyph(_)
            | CertificateError::Fonts
            | CertificateError::Key(_)
            | CertificateError::Seal(_) => {
                tracing::error!(error = %Chain(&error), "certificate not issued");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "issuing_unavailable",
                    "暂时无法出具证照（印章、字体或模板有误）。请通知节点管理员。",
                    "Certificates of this type cannot be issued now (seal, fonts or template). Tell the node's \
                     administrator.",
                )
                .retry_after(60)
            }
            CertificateError::Store(_) => Self::unavailable(&error),
        }
    }
}
