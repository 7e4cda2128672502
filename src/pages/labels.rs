//! Names of the domain's values in both languages.

use jiff::Timestamp;

use super::lang::Lang;
use crate::{
    audit::{Action, Outcome},
    catalogue::{DataType, Mask, ResourceStatus, Sensitivity, SharingKind, SharingMode, UpdateCycle},
    certificate::Status,
    department::Role,
    verification::{Bilingual, Format, Severity, SignatureKind, words},
};

impl Lang {
    fn either(self, (zh, en): (&'static str, &'static str)) -> &'static str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }

    pub(super) fn sharing(self, kind: &SharingKind) -> &'static str {
        self.either(match kind {
            SharingKind::Unconditional => ("无条件共享", "Unconditional"),
            SharingKind::Conditional => ("有条件共享", "Conditional"),
            SharingKind::Prohibited => ("不予共享", "Not shared"),
        })
    }

    pub(super) fn sharing_mode(self, mode: &SharingMode) -> &'static str {
        self.either(match mode {
            SharingMode::QueryAndVerify => ("查询与核验", "Query and verify"),
            SharingMode::VerifyOnly => ("仅核验（是或否）", "Verify only (yes or no)"),
        })
    }

    pub(super) fn status(self, status: &ResourceStatus) -> &'static str {
        self.either(match status {
            ResourceStatus::Draft => ("草稿", "Draft"),
            ResourceStatus::Published => ("已发布", "Published"),
            ResourceStatus::Suspended => ("暂停共享", "Suspended"),
            ResourceStatus::Retired => ("已停用", "Retired"),
        })
    }

    pub(super) fn update_cycle(self, cycle: &UpdateCycle) -> &'static str {
        self.either(match cycle {
            UpdateCycle::RealTime => ("实时", "Real time"),
            UpdateCycle::Daily => ("每日", "Daily"),
            UpdateCycle::Weekly => ("每周", "Weekly"),
            UpdateCycle::Monthly => ("每月", "Monthly"),
            UpdateCycle::Quarterly => ("每季度", "Quarterly"),
            UpdateCycle::Yearly => ("每年", "Yearly"),
        })
    }

    pub(super) fn data_type(self, data_type: &DataType) -> &'static str {
        self.either(match data_type {
            DataType::Text => ("文本", "Text"),
            DataType::Integer => ("整数", "Integer"),
            DataType::Amount => ("金额（元）", "Amount (yuan)"),
            DataType::Date => ("日期", "Date"),
            DataType::Month => ("年月", "Month"),
            DataType::Boolean => ("是或否", "Yes or no"),
        })
    }

    pub(super) fn sensitivity(self, sensitivity: &Sensitivity) -> &'static str {
        self.either(match sensitivity {
            Sensitivity::General => ("一般信息", "General"),
            Sensitivity::Personal => ("个人信息", "Personal"),
            Sensitivity::SensitivePersonal => ("敏感个人信息", "Sensitive personal"),
        })
    }

    pub(super) fn mask(self, mask: &Mask) -> &'static str {
        self.either(match mask {
            Mask::None => ("不脱敏", "None"),
            Mask::IdNumber => ("证件号码：保留前 6 位和后 4 位", "ID number: first 6 and last 4"),
            Mask::Name => ("姓名：保留末字", "Name: last character"),
            Mask::Phone => ("电话：保留前 3 位和后 4 位", "Phone: first 3 and last 4"),
            Mask::BankAccount => ("银行账号：保留后 4 位", "Bank account: last 4"),
            Mask::AmountBand => ("金额区间", "Amount band"),
            Mask::Full => ("全部遮盖", "Hidden"),
        })
    }

    pub(super) fn role(self, role: &Role) -> &'static str {
        self.either(match role {
            Role::Clerk => ("窗口人员", "Window clerk"),
            Role::Notary => ("公证人员", "Notary"),
            Role::Auditor => ("审计人员", "Auditor"),
            Role::Publisher => ("目录发布人员", "Publisher"),
            Role::Approver => ("共享审批人员", "Approver"),
            Role::Admin => ("系统管理员", "Administrator"),
        })
    }

    pub(super) fn action(self, action: &Action) -> &'static str {
        self.either(match action {
            Action::Token => ("换取令牌", "Token"),
            Action::Query => ("查询", "Query"),
            Action::Verify => ("核验", "Verify"),
            Action::Issue => ("为开具证明取数", "Data for a certificate"),
            Action::Seal => ("签章", "Seal"),
            Action::Fetch => ("再次领取证明", "Certificate fetched"),
            Action::Revoke => ("撤销证明", "Revoke"),
            Action::OpenCase => ("开立办件", "Open case"),
            Action::CaseEvent => ("办件进展", "Case event"),
            Action::Publish => ("目录变更", "Catalogue change"),
            Action::WithdrawGrant => ("收回授权", "Withdraw grant"),
            Action::SignIn => ("登录", "Sign-in"),
            Action::ReadAudit => ("查看审计", "Read audit"),
            Action::Administer => ("系统管理", "Administration"),
        })
    }

    pub(super) fn outcome(self, outcome: &Outcome) -> &'static str {
        self.either(match outcome {
            Outcome::Permitted => ("允许", "Permitted"),
            Outcome::Refused => ("拒绝", "Refused"),
            Outcome::Failed => ("失败", "Failed"),
        })
    }

    pub(super) fn certificate_status(self, status: &Status) -> &'static str {
        self.either(match status {
            Status::Valid => ("有效", "Valid"),
            Status::NotYetValid => ("尚未生效", "Not valid yet"),
            Status::Expired => ("已过期", "Expired"),
            Status::Revoked => ("已撤销", "Revoked"),
        })
    }

    pub(super) fn signature_kind(self, kind: &SignatureKind) -> &'static str {
        self.either(kind.words())
    }

    pub(super) fn severity(self, severity: &Severity) -> &'static str {
        self.either(severity.words())
    }

    pub(super) fn time(self, at: &Timestamp) -> String {
        words::shown_time(*at)
    }

    /// Words that were made for this place.
    pub(super) fn said(self, said: Bilingual) -> String {
        self.words(&said).to_owned()
    }

    pub(super) fn time_proof(self, proof: &str) -> String {
        self.said(words::time_proof(proof))
    }

    pub(super) fn revocation(self, known: &str) -> String {
        self.words(&words::revocation(known)).to_owned()
    }

    /// A mask by its name in the log, or the name.
    pub(super) fn mask_named(self, name: &str) -> String {
        let mask = serde_json::from_value::<Mask>(name.into());
        mask.map_or_else(|_| name.to_owned(), |mask| self.mask(&mask).to_owned())
    }

    /// What a name of a document's metadata means (GB/T 36903), or the name.
    pub(super) fn metadata(self, name: &str) -> String {
        if name.starts_with("KZ_") {
            return words::plain(&format!("{} {name}", self.pick("扩展项", "Extension")));
        }
        let (zh, en) = words::metadata(name).unwrap_or((name, name));
        words::plain(self.pick(zh, en))
    }

    /// A value of a document's metadata, with what it means where it is a code (GB/T 36903).
    pub(super) fn metadata_value(self, name: &str, value: &str) -> String {
        match (name, value) {
            ("CZZTDMLX" | "CZZTDMLXDM", "111") => {
                self.pick("111（公民身份号码）", "111 (citizen ID number)").to_owned()
            }
            _ => words::plain(value),
        }
    }

    pub(super) fn format(self, format: &Format) -> &'static str {
        self.either(match format {
            Format::Pdf => ("PDF", "PDF"),
            Format::Ofd => ("OFD", "OFD"),
            Format::SdJwt => ("SD-JWT", "SD-JWT"),
            Format::Cms => ("CMS", "CMS"),
            Format::Unknown => ("无法识别", "Not recognised"),
        })
    }
}

/// The order in which a document's metadata are shown: what it is, whose, by whom, for how long, and its codes last.
/// Extensions stand before the codes.
pub(super) fn metadata_rank(name: &str) -> usize {
    const FIRST: [&str; 11] = [
        "ZZMC",
        "ZZBH",
        "CZZT",
        "CZZTDMLX",
        "CZZTDMLXDM",
        "CZZTDM",
        "ZZBFJG",
        "ZZBFRQ",
        "ZZYXQQSRQ",
        "ZZYXQJZRQ",
        "KZ_",
    ];
    let place = FIRST
        .iter()
        .position(|known| *known == name || (*known == "KZ_" && name.starts_with("KZ_")));
    place.unwrap_or(FIRST.len())
}

/// All actions and outcomes, for the filters.
pub(super) const ACTIONS: [Action; 14] = [
    Action::Token,
    Action::Query,
    Action::Verify,
    Action::Issue,
    Action::Seal,
    Action::Fetch,
    Action::Revoke,
    Action::OpenCase,
    Action::CaseEvent,
    Action::Publish,
    Action::WithdrawGrant,
    Action::SignIn,
    Action::ReadAudit,
    Action::Administer,
];
pub(super) const OUTCOMES: [Outcome; 3] = [Outcome::Permitted, Outcome::Refused, Outcome::Failed];
