use super::{plain, said, shown_time};
use crate::verification::{
    Bilingual, RecordedField, RevocationReport, Severity, SignatureKind, TimestampReport, TrustSnapshot,
};

/// What is known of the revocation of an X.509 certificate, in words where it is one of our own.
pub fn revocation(known: &str) -> Bilingual {
    match known {
        "not_checked" => said("未查询", "not checked"),
        "good" => said("未被吊销", "not revoked"),
        "revoked" => said("已被吊销", "revoked"),
        "on_hold" => said("被暂停使用", "on hold"),
        "unknown" => said("未知", "unknown"),
        other => said(plain(other), plain(other)),
    }
}

/// What an annotation is, by the name of its subtype (ISO 32000-2 table 171), or what is said instead of one.
pub fn annotation(subtype: &str) -> Bilingual {
    let (zh, en) = match subtype {
        "/Text" => ("便笺", "note"),
        "/Link" => ("链接", "link"),
        "/FreeText" => ("文本框", "text box"),
        "/Line" => ("线条", "line"),
        "/Square" => ("矩形", "rectangle"),
        "/Circle" => ("圆形", "circle"),
        "/Polygon" => ("多边形", "polygon"),
        "/PolyLine" => ("折线", "polyline"),
        "/Highlight" => ("高亮", "highlight"),
        "/Underline" => ("下划线", "underline"),
        "/Squiggly" => ("波浪线", "squiggly underline"),
        "/StrikeOut" => ("删除线", "strikeout"),
        "/Caret" => ("插入标记", "caret"),
        "/Stamp" => ("图章", "rubber stamp"),
        "/Ink" => ("手写笔迹", "ink"),
        "/Popup" => ("弹出窗口", "pop-up"),
        "/FileAttachment" => ("附件", "file attachment"),
        "/Watermark" => ("水印", "watermark"),
        "/Redact" => ("涂黑标记", "redaction"),
        other => (other, other),
    };
    said(zh, en)
}

/// What proves a signing time, in words where it is one of our own.
pub fn time_proof(proof: &str) -> Bilingual {
    match proof {
        "claimed" => said("签署人自述", "as claimed by the signer"),
        "timestamp" => said("时间戳", "a timestamp"),
        "document_timestamp" => said("文档时间戳", "a document timestamp"),
        other => said(plain(other), plain(other)),
    }
}

impl RevocationReport {
    /// What is known, from where, and as of when: the words that stand after the certificate's name.
    pub fn words(&self) -> Bilingual {
        let known = revocation(self.status.name());
        let kind = match self.kind.as_deref() {
            Some("crl") => "CRL",
            Some("ocsp") => "OCSP",
            _ => "",
        };
        let (zh, en) = match self.source.as_deref() {
            Some("signature") => ("签名数据", "the signature"),
            Some("document") => ("文件", "the document"),
            Some("configured") => ("本平台", "this node"),
            _ => ("", ""),
        };
        let mut words = known;
        if !kind.is_empty() {
            words.zh += &format!("（{kind}，取自{zh}");
            words.en += &format!(" ({kind} from {en}");
            if let Some(at) = self.this_update {
                words.zh += &format!("，截至 {}", shown_time(at));
                words.en += &format!(", as of {}", shown_time(at));
            }
            words.zh.push('）');
            words.en.push(')');
        }
        if let Some(at) = self.revoked_at {
            let reason = self.reason.as_deref().map(plain).unwrap_or_default();
            words.zh += &format!("，自 {} 起 {reason}", shown_time(at));
            words.en += &format!(", since {} {reason}", shown_time(at));
        }
        words
    }
}

impl TimestampReport {
    /// Whose timestamp, when, and whether it proves its time.
    pub fn words(&self) -> Bilingual {
        let authority = self.authority.as_deref().map_or_else(|| "?".to_owned(), plain);
        let time = shown_time(self.time);
        let (zh, en) = match (self.intact, self.trusted) {
            (true, true) => ("证明了签名时间", "proves the time"),
            (true, false) => (
                "时间戳机构未被信任，不能作为证明",
                "its authority is not trusted: it proves nothing",
            ),
            (false, _) => (
                "时间戳与签名不符，不能作为证明",
                "it is not of this signature, or was changed: it proves nothing",
            ),
        };
        said(
            format!("{time}，{authority}：{zh}"),
            format!("{time}, {authority}: {en}"),
        )
    }
}

impl TrustSnapshot {
    /// Which list was used, and of when it is.
    pub fn words(&self) -> Bilingual {
        let date = shown_time(self.date);
        match (&self.name, self.sequence) {
            (Some(name), Some(sequence)) => {
                let name = plain(name);
                said(
                    format!("{name}，第 {sequence} 期，{date}（{}）", self.id),
                    format!("{name}, no. {sequence}, {date} ({})", self.id),
                )
            }
            _ => said(format!("{}，{date}", self.id), format!("{}, {date}", self.id)),
        }
    }
}

impl RecordedField {
    pub fn words(&self) -> Bilingual {
        if self.equal {
            return said("与出具记录一致", "as the issuer recorded it");
        }
        let value = plain(&self.value);
        said(format!("出具记录为：{value}"), format!("the issuer recorded: {value}"))
    }
}

/// What people call an element of metadata (GB/T 36903); none where it is not one of the standard's.
pub fn metadata(name: &str) -> Option<(&'static str, &'static str)> {
    Some(match name {
        "ZZMC" => ("证照名称", "Certificate"),
        "ZZLXDM" => ("证照类型代码", "Type code"),
        "ZZBH" => ("证照编号", "Number"),
        "ZZBS" => ("证照标识", "Identifier"),
        "ZZBFJG" => ("颁发机构", "Issuer"),
        "ZZBFJGDM" => ("颁发机构代码", "Issuer's code"),
        "ZZBFRQ" => ("颁发日期", "Issued on"),
        "CZZT" => ("持证主体", "Holder"),
        "CZZTDM" => ("持证主体代码", "Holder's code"),
        "CZZTDMLX" | "CZZTDMLXDM" => ("持证主体代码类型", "Kind of the holder's code"),
        "ZZYXQQSRQ" => ("有效期起始日期", "Valid from"),
        "ZZYXQJZRQ" => ("有效期截止日期", "Valid until"),
        _ => return None,
    })
}

impl SignatureKind {
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Seal => ("电子印章", "Electronic seal"),
            Self::Signature => ("电子签名", "Electronic signature"),
            Self::DocumentTimestamp => ("文档时间戳", "Document timestamp"),
        }
    }
}

impl Severity {
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Info => ("说明", "Note"),
            Self::Warning => ("注意", "Warning"),
            Self::Error => ("问题", "Problem"),
        }
    }
}
