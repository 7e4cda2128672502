//! What can be found out about a document: stable codes, what each does to the verdict, and sentences for people.

use super::{Bilingual, Finding, Indication, Severity, SubIndication, words};

/// The verdict so far; it only gets worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub indication: Indication,
    pub sub_indication: Option<SubIndication>,
}

impl Outcome {
    pub const PASSED: Self = Self {
        indication: Indication::TotalPassed,
        sub_indication: None,
    };

    /// Keeps the worse of the two, and of equals the one that was there first.
    pub fn worsen(&mut self, other: Self) {
        if other.indication > self.indication {
            *self = other;
        }
    }
}

macro_rules! findings {
    ($($name:ident = $code:literal, $severity:ident, $outcome:expr, $zh:literal, $en:literal;)*) => {
        /// A kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::enum_variant_names)] // `CodeUnknown` is about a verification code
        pub enum Code { $($name),* }

        impl Code {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// The kind with this stable name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|code| code.as_str() == name)
            }

            /// Its stable name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity),* }
            }

            /// What it makes of the verdict; none where it only informs.
            pub fn outcome(self) -> Option<Outcome> {
                let (indication, sub_indication) = match self { $(Self::$name => $outcome?),* };
                Some(Outcome { indication, sub_indication: Some(sub_indication) })
            }

            fn sentences(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($zh, $en)),* }
            }
        }
    };
}

impl Code {
    /// The finding, with `{}` in its sentences filled in.
    pub fn finding(self, signature: Option<usize>, detail: &str) -> Finding {
        let (zh, en) = self.sentences();
        let detail = self.detail(detail);
        Finding {
            code: self.as_str().to_owned(),
            severity: self.severity(),
            signature,
            message: Bilingual {
                zh: zh.replace("{}", &detail.zh),
                en: en.replace("{}", &detail.en),
            },
        }
    }

    /// What fills its sentences, in words where they are ours.
    fn detail(self, detail: &str) -> Bilingual {
        match self {
            Self::ChangeCovers | Self::ChangeCoversAnnotation => words::annotation(detail),
            Self::TimestampUntrusted => match Self::named(detail) {
                Some(Self::Untrusted) => words::said(
                    "不在所用信任列表之下",
                    "it does not lead to the trust list that was used",
                ),
                Some(Self::SignerRevoked | Self::AuthorityRevoked) => {
                    words::said("其 X.509 证书已被吊销", "its X.509 certificate was revoked")
                }
                Some(Self::SignerExpired) => words::said("其 X.509 证书已过期", "its X.509 certificate has expired"),
                _ => words::said(detail, detail),
            },
            _ => words::said(detail, detail),
        }
    }
}

const fn failed(sub: SubIndication) -> Option<(Indication, SubIndication)> {
    Some((Indication::TotalFailed, sub))
}

const fn unproven(sub: SubIndication) -> Option<(Indication, SubIndication)> {
    Some((Indication::Indeterminate, sub))
}

use SubIndication as Sub;

findings! {
    UnknownFormat = "format_unknown", Error, unproven(Sub::SignedDataNotFound),
        "无法识别的文件格式：可以查验 PDF 和 OFD。", "The format of the file is not known: PDF and OFD can be verified.";
    TooLarge = "document_too_large", Error, unproven(Sub::Generic),
        "文件超过可查验的大小（{}）。", "The file is larger than what is verified ({}).";
    Unreadable = "document_unreadable", Error, unproven(Sub::Generic),
        "无法按标准读取该文件：{}。", "The file cannot be read as the standard asks: {}.";
    LimitExceeded = "limit_exceeded", Error, unproven(Sub::Generic),
        "文件超过查验限度 {}。", "The file exceeds the limit {}.";
    HeaderNotFirst = "header_not_first", Error, unproven(Sub::Generic),
        "文件头之前有多余的字节。", "There are bytes before the header of the file.";
    EndNotExact = "end_not_exact", Error, unproven(Sub::Generic),
        "文件没有在最后一个结束标记处结束。", "The file does not end at its last end-of-file marker.";
    HybridXref = "xref_hybrid", Info, None,
        "文件有两套互不矛盾的交叉引用（供旧软件使用）。",
        "The file has two sets of cross-references, for older programs; they do not contradict each other.";
    XrefEmpty = "xref_empty", Error, unproven(Sub::Generic),
        "文件的一个修订没有任何交叉引用，不同软件可能看到不同的内容。",
        "A revision of the file has empty cross-references: programs may show different things.";
    RevisionEnd = "revision_end_malformed", Error, unproven(Sub::Generic),
        "文件的一个修订没有按规范结束，或与下一修订重叠。",
        "A revision of the file does not end as it should, or overlaps the next.";
    XrefContradicts = "xref_contradicts", Error, unproven(Sub::Generic),
        "交叉引用自相矛盾，不同软件可能看到不同的内容。",
        "The cross-references contradict themselves: programs may show different things.";
    XrefDangling = "xref_dangling", Error, unproven(Sub::Generic),
        "交叉引用指向不存在或损坏的对象（{} 处）。", "Cross-references lead to missing or broken objects ({}).";
    Encrypted = "document_encrypted", Error, unproven(Sub::Generic),
        "文件已加密，无法查验。", "The file is encrypted and cannot be verified.";

    NoSignature = "signature_missing", Error, unproven(Sub::SignedDataNotFound),
        "文件中没有电子印章或数字签名。", "The file has no electronic seal or digital signature.";
    OnlyTimestamps = "timestamps_only", Error, unproven(Sub::SignedDataNotFound),
        "文件中只有时间戳，没有电子印章或数字签名：时间戳证明文件当时已存在，不证明由谁出具。",
        "The file has timestamps but no electronic seal or digital signature: they prove that it existed, not who issued it.";
    StraySignature = "signature_stray", Error, unproven(Sub::Generic),
        "签名不在文件的签名域中。", "The signature is not in a signature field of the file.";
    ByteRangeElsewhere = "byte_range_elsewhere", Error, unproven(Sub::Generic),
        "文件其他位置出现签名范围（/ByteRange），无法断定哪一个有效。",
        "Another /ByteRange stands in the file: it cannot be told which one counts.";
    SubFilterUnknown = "signature_kind_unknown", Error, unproven(Sub::Generic),
        "尚不能查验此类签名（{}）。", "Signatures of this kind are not verified yet ({}).";

    ByteRangeForm = "byte_range_malformed", Error, failed(Sub::FormatFailure),
        "签名范围（/ByteRange）不合规范。", "The range that is signed (/ByteRange) is malformed.";
    ByteRangeGap = "byte_range_gap", Error, failed(Sub::FormatFailure),
        "签名范围之外的部分不只是签名值本身。", "The signed range leaves out more, or other bytes, than the signature itself.";
    ByteRangePastEnd = "document_truncated", Error, failed(Sub::FormatFailure),
        "文件不完整：签名覆盖的字节已被截去。", "The file was cut short: signed bytes are missing at its end.";
    ByteRangeNotRevision = "byte_range_not_revision", Error, failed(Sub::FormatFailure),
        "签名范围没有在文件一个修订的结尾处结束：同一修订中还有未签名的内容。",
        "The signed range does not end where a revision of the file ends: the same revision goes on unsigned.";
    AppendedUnreadable = "appended_not_a_revision", Error, failed(Sub::FormatFailure),
        "签名之后文件被追加了 {} 字节，追加的内容不是合规的修订。",
        "After it was signed, {} bytes were appended that are no well-formed revision.";
    ChangedAfterSigning = "changed_after_signing", Error, failed(Sub::FormatFailure),
        "签名之后文件被作了不允许的更改（{} 处）。",
        "After it was signed, the document was changed in ways that the signature does not permit ({}).";
    ChangeCovers = "change_covers_content", Error, unproven(Sub::Generic),
        "签名之后添加或更改的批注、签名外观（{}）可能遮盖原有内容。",
        "An annotation or a signature's picture that came after the signature ({}) may cover what was there.";
    ChangeCoversAnnotation = "change_covers_annotation", Error, unproven(Sub::Generic),
        "签名之后添加或更改的批注、签名外观（{}）盖在原有的批注或签名外观之上，页面内容未被遮盖。",
        "An annotation or a signature's picture that came after the signature ({}) lies over an annotation or a signature's \
         picture that was there, not over the page's content.";
    AppearanceUnproven = "appearance_not_proven", Error, unproven(Sub::Generic),
        "签名之后填写的表单域，其显示内容是否与填写的值一致无法证明：{}。",
        "It cannot be proven that a form field that was filled in after the signature shows its value: {}.";
    ContentsForm = "contents_malformed", Error, failed(Sub::FormatFailure),
        "签名值（/Contents）的写法不合规范。", "The signature value (/Contents) is not written as it should be.";
    ContentsPadding = "contents_padding", Error, failed(Sub::FormatFailure),
        "签名值之后的填充不全为零。", "The padding after the signature value is not all zeros.";

    CmsUnreadable = "cms_unreadable", Error, failed(Sub::FormatFailure),
        "无法读取签名数据：{}。", "The signature data cannot be read: {}.";
    CmsNotDer = "cms_not_der", Error, unproven(Sub::Generic),
        "签名数据不是 DER 编码，而 PAdES 要求 DER：未受签名保护的字节可能被改动过。",
        "The signature data are not DER, which PAdES asks for: bytes that nothing protects may have been changed.";
    CmsBer = "cms_ber", Warning, None,
        "签名数据为 BER 而非标准所要求的 DER 编码。", "The signature data are BER, where the standard asks for DER.";
    CmsVersions = "cms_versions", Error, failed(Sub::FormatFailure),
        "签名数据的版本号或摘要算法清单与其内容不一致（RFC 5652）。",
        "The version numbers or the list of digest algorithms in the signature data do not fit the rest (RFC 5652).";
    AttributesAsStored = "signed_attributes_not_sorted", Warning, None,
        "签名属性未按 DER 排序，签名值是对其存储形式作出的。",
        "The signed attributes are not in the order of DER; the signature value is over them as they are stored.";
    DigestAlgorithms = "digest_algorithms_mixed", Warning, None,
        "文件摘要与签名使用了不相配的算法（{}）。", "The digest and the signature were made with algorithms that do not go together ({}).";
    AlgorithmsDiffer = "algorithm_protection_differs", Error, failed(Sub::SigCryptoFailure),
        "签名所用的算法与签名属性中指明的不同（RFC 6211）。",
        "The algorithms of the signature are not those that its signed attributes name (RFC 6211).";
    CmsForm = "cms_malformed", Error, failed(Sub::FormatFailure),
        "签名数据不合规范（RFC 5652）。", "The signature data are not as RFC 5652 asks.";
    SignerCount = "signer_count", Error, failed(Sub::FormatFailure),
        "签名数据中应当恰有一个签名者，实有 {} 个。", "The signature data must have exactly one signer; there are {}.";
    AttributesMissing = "signed_attributes_missing", Error, unproven(Sub::SigConstraintsFailure),
        "签名缺少签名属性。", "The signature has no signed attributes.";
    DigestMissing = "message_digest_missing", Error, failed(Sub::FormatFailure),
        "签名属性中缺少文件摘要。", "The signed attributes lack the digest of the document.";
    DigestDiffers = "digest_differs", Error, failed(Sub::HashFailure),
        "文件内容在签名之后被修改：摘要不符。", "The file was changed after it was signed: its digest differs.";
    SignatureWrong = "signature_wrong", Error, failed(Sub::SigCryptoFailure),
        "签名值不正确。", "The signature value is wrong.";
    AlgorithmWeak = "algorithm_weak", Error, unproven(Sub::CryptoConstraintsFailure),
        "签名使用的算法强度不足（{}）。", "The signature was made with an algorithm that is too weak ({}).";
    AlgorithmSm2 = "algorithm_sm2", Info, None,
        "签名采用国密算法 SM2/SM3：本节点已查验，常见的 PDF 阅读器不认识该算法。",
        "It is signed with SM2 and SM3: verified here, and not known to common PDF viewers.";
    AlgorithmUnknown = "algorithm_unknown", Error, unproven(Sub::Generic),
        "尚不能查验此签名算法（{}）。", "This signature algorithm is not verified yet ({}).";
    UnsignedParts = "cms_unsigned_parts", Error, unproven(Sub::Generic),
        "签名数据中附有未受签名保护的内容（如时间戳或吊销信息），尚不能查验。",
        "The signature data hold parts that it does not cover, such as timestamps or revocation data: not verified yet.";
    UnusedCertificate = "cms_unused_certificate", Error, unproven(Sub::Generic),
        "签名数据中附有与证书链无关的 X.509 证书。",
        "The signature data hold an X.509 certificate that is no part of the chain.";
    SigningTimeInCms = "signing_time_in_cms", Warning, None,
        "签名属性中有签名时间，PAdES 不允许。", "A signing time stands in the signed attributes, which PAdES does not allow.";

    SignerMissing = "signer_certificate_missing", Error, unproven(Sub::NoSigningCertificateFound),
        "签名数据中没有签名者的 X.509 证书。", "The signer's X.509 certificate is not in the signature data.";
    SignerNamedOtherwise = "signer_named_otherwise", Error, unproven(Sub::NoSigningCertificateFound),
        "签名数据中的签发者名称与签名者 X.509 证书中的写法不完全一致。",
        "The signature data write the issuer's name otherwise than the signer's X.509 certificate does.";
    SigningCertificateMissing = "signing_certificate_missing", Error, unproven(Sub::SigConstraintsFailure),
        "签名属性没有指明签名者的 X.509 证书。", "The signed attributes do not name the signer's X.509 certificate.";
    SigningCertificateOther = "signing_certificate_differs", Error, unproven(Sub::NoSigningCertificateFound),
        "签名属性指明的是另一张 X.509 证书。", "The signed attributes name another X.509 certificate.";
    Untrusted = "signer_untrusted", Error, unproven(Sub::NoCertificateChainFound),
        "签名者的 X.509 证书不在所用信任列表之下。",
        "The signer's X.509 certificate does not lead to a root of the trust list that was used.";
    ChainWrong = "chain_invalid", Error, unproven(Sub::CertificateChainGeneralFailure),
        "签名者的证书链不成立：{}。", "The signer's chain of X.509 certificates does not hold: {}.";
    SignerExpired = "signer_expired", Error, unproven(Sub::OutOfBoundsNoPoe),
        "签名者的 X.509 证书在查验时已过期，且没有可信时间证明签名在其有效期内作出。",
        "The signer's X.509 certificate had expired at the time of verification, and no trusted time proves that it signed before.";
    SignerNotYetValid = "signer_not_yet_valid", Error, unproven(Sub::OutOfBoundsNoPoe),
        "签名者的 X.509 证书在查验时尚未生效。", "The signer's X.509 certificate was not yet valid at the time of verification.";
    TimeOutsideValidity = "claimed_time_outside_validity", Error, unproven(Sub::SigConstraintsFailure),
        "所称的签名时间不在签名者 X.509 证书的有效期内。",
        "The time at which it claims to be signed lies outside the validity of the signer's X.509 certificate.";
    KeyUsage = "key_usage", Error, unproven(Sub::ChainConstraintsFailure),
        "签名者的 X.509 证书不得用于签名（密钥用途）。", "The signer's X.509 certificate may not sign (key usage).";
    KeyPurpose = "key_purpose", Error, unproven(Sub::ChainConstraintsFailure),
        "签名者的 X.509 证书不得用于签署文件（扩展密钥用途）。",
        "The signer's X.509 certificate may not sign documents (extended key usage).";
    SignerExpiredSince = "signer_expired_since", Info, None,
        "签名者证书链中有 X.509 证书此后过期（{}），但签名已证明在此之前作出。",
        "An X.509 certificate of the signer's chain has since expired ({}); the signature is proven to be from before.";
    SignerExpiredNotRevoked = "signer_expired_not_revoked", Error, unproven(Sub::OutOfBoundsNotRevoked),
        "签名者的 X.509 证书在查验时已过期（未被吊销），且没有可信时间证明签名在其有效期内作出。",
        "The signer's X.509 certificate had expired at the time of verification; it was not revoked, but no trusted time proves that it signed before.";
    SignedAfterExpiry = "signed_after_expiry", Error, failed(Sub::Expired),
        "签名在签名者的 X.509 证书过期（{}）之后作出。", "It was signed after the signer's X.509 certificate had expired ({}).";
    SignedBeforeValidity = "signed_before_validity", Error, failed(Sub::NotYetValid),
        "签名在签名者的 X.509 证书生效（{}）之前作出。", "It was signed before the signer's X.509 certificate became valid ({}).";
    SignerRevoked = "signer_revoked", Error, unproven(Sub::RevokedNoPoe),
        "签名者的 X.509 证书已于 {} 被吊销，且没有可信时间证明签名在此之前作出。",
        "The signer's X.509 certificate was revoked at {}, and no trusted time proves that it signed before.";
    SignedAfterRevocation = "signed_after_revocation", Error, failed(Sub::Revoked),
        "签名在签名者的 X.509 证书被吊销（{}）之后作出。", "It was signed after the signer's X.509 certificate was revoked ({}).";
    SignerRevokedSince = "signer_revoked_since", Info, None,
        "签名者证书链中有 X.509 证书此后被吊销（{}），但签名已证明在此之前作出。",
        "An X.509 certificate of the signer's chain has since been revoked ({}); the signature is proven to be from before.";
    AuthorityRevoked = "authority_revoked", Error, unproven(Sub::RevokedCaNoPoe),
        "签发机构的 X.509 证书已于 {} 被吊销，且没有可信时间证明签名在此之前作出。",
        "An authority of the signer's chain was revoked at {}, and no trusted time proves that it was signed before.";
    SignerOnHold = "signer_on_hold", Error, unproven(Sub::TryLater),
        "签名者证书链中有 X.509 证书被暂停使用，请稍后再查验。",
        "An X.509 certificate of the signer's chain is on hold: try again later.";
    AuthorityWithdrawn = "authority_withdrawn", Error, unproven(Sub::NoCertificateChainFoundNoPoe),
        "信任列表自 {} 起不再信任该机构，且没有可信时间证明签名在此之前作出。",
        "The trust list no longer trusts the authority since {}, and no trusted time proves that it was signed before.";
    AlgorithmNoLongerStrong = "algorithm_no_longer_strong", Error, unproven(Sub::CryptoConstraintsFailureNoPoe),
        "所用算法（{}）强度已不足，且没有可信时间证明签名在此之前作出。",
        "An algorithm ({}) is no longer strong, and no trusted time proves that it was signed when it was.";
    RevocationUnchecked = "revocation_not_checked", Info, None,
        "没有可用的吊销信息，未能查明 X.509 证书（{}）是否已被吊销。",
        "No revocation data are at hand: whether the X.509 certificate ({}) was revoked is not known.";
    RevocationStale = "revocation_stale", Warning, None,
        "X.509 证书（{}）的吊销信息早于签名或已不可信，不能说明其吊销状态。",
        "The revocation data on the X.509 certificate ({}) are older than the signature or can no longer be believed.";
    RevocationMissing = "revocation_missing", Error, unproven(Sub::TryLater),
        "没有 X.509 证书（{}）的有效吊销信息，而本节点要求查明吊销状态。",
        "No current revocation data are at hand on the X.509 certificate ({}), and they are required here.";
    RevocationUnproven = "revocation_unproven", Error, unproven(Sub::RevocationOutOfBoundsNoPoe),
        "X.509 证书（{}）的吊销信息的签发者已过期，且没有可信时间证明该信息在此之前作出。",
        "Whoever signed the revocation data on the X.509 certificate ({}) has expired, and no trusted time proves that they were made before.";
    PastRevocationMissing = "past_revocation_missing", Error, unproven(Sub::NoPoe),
        "没有可信时间证明 X.509 证书（{}）的吊销信息在当时已经存在。",
        "No revocation data on the X.509 certificate ({}) are proven to have existed when they count.";
    RevocationUnreadable = "revocation_unreadable", Error, unproven(Sub::Generic),
        "文件中有无法读取的吊销信息（{} 处）。", "The file holds revocation data that cannot be read ({}).";
    TimestampWrong = "timestamp_wrong", Error, unproven(Sub::Generic),
        "签名所附的时间戳不成立（{}）。", "The timestamp of the signature does not hold ({}).";
    TimestampOther = "timestamp_of_another_signature", Error, unproven(Sub::SigConstraintsFailure),
        "签名所附的时间戳不是对此签名作出的。", "The timestamp that the signature carries is of another signature.";
    TimestampUntrusted = "timestamp_untrusted", Warning, None,
        "时间戳的签发机构不受信任（{}），不能证明时间。", "The authority of a timestamp is not trusted ({}): it proves no time.";
    TimestampOrder = "timestamp_order", Error, unproven(Sub::TimestampOrderFailure),
        "时间戳（{}）的先后与其在文件中的顺序矛盾。", "The time of a timestamp ({}) contradicts its place among the others.";
    TimeAfterTimestamp = "claimed_time_after_timestamp", Warning, None,
        "所称的签名时间晚于证明该签名已存在的时间戳。",
        "The time at which it claims to be signed is later than the timestamp that proves it.";
    TimeProven = "signing_time_proven", Info, None,
        "可信时间戳证明签名在 {} 之前已经作出。", "A trusted timestamp proves that it was signed by {}.";
    AlgorithmWeakSince = "algorithm_weak_since", Info, None,
        "签名所用算法（{}）如今强度不足，但已证明签名在其尚可靠时作出。",
        "The signature was made with an algorithm ({}) that is weak now; it is proven to be from when that was strong.";
    TrustListExpired = "trust_list_expired", Warning, None,
        "所用信任列表已过更新期限（{}）。", "The trust list that was used should have been updated by {}.";
    TimeInFuture = "claimed_time_in_future", Error, unproven(Sub::SigConstraintsFailure),
        "所称的签名时间晚于查验时间。", "It claims to have been signed later than the time of verification.";
    TimeClaimed = "signing_time_claimed", Info, None,
        "签名时间由签名者自述，没有时间戳证明。", "The signing time is the signer's own claim; no timestamp proves it.";

    PackageAmbiguous = "package_ambiguous", Error, unproven(Sub::Generic),
        "文件包有不止一种读法，不同软件可能看到不同的内容：{}。",
        "The package can be read in more than one way, and programs may show different things: {}.";
    PartMissing = "part_missing", Error, unproven(Sub::Generic),
        "文件引用了包中没有的部分（{}），补上它就会改变所显示的内容。",
        "The document leads to a part that is not in the package ({}): adding it would change what is shown.";
    SignatureListUnreadable = "signature_list_unreadable", Error, failed(Sub::FormatFailure),
        "无法读取签名列表（Signatures.xml）：{}。", "The list of signatures (Signatures.xml) cannot be read: {}.";
    SignatureFileUnreadable = "signature_file_unreadable", Error, failed(Sub::FormatFailure),
        "无法读取签名描述（Signature.xml）：{}。", "The description of the signature (Signature.xml) cannot be read: {}.";
    SignatureValueMissing = "signature_value_missing", Error, failed(Sub::FormatFailure),
        "包中没有签名值文件。", "The file with the signature value is not in the package.";
    SealUnreadable = "seal_unreadable", Error, failed(Sub::FormatFailure),
        "无法读取印章或签名数据：{}。", "The data of the seal or signature cannot be read: {}.";
    SealVersionMixed = "seal_version_mixed", Error, failed(Sub::FormatFailure),
        "印章和签名混用了不同版本标准的结构。", "Seal and signature mix structures of different versions of the standard.";
    SealExtension = "seal_extension_unknown", Error, unproven(Sub::Generic),
        "印章或签名带有必须理解而尚不能理解的扩展（{}）。",
        "The seal or signature has an extension that must be understood and is not ({}).";
    SignatureTypeDiffers = "signature_type_differs", Error, unproven(Sub::Generic),
        "签名列表所称的类型与签名数据不符。", "The list of signatures calls it another type than its data are.";
    SignatureFileChanged = "signature_file_changed", Error, failed(Sub::HashFailure),
        "签名描述（Signature.xml）在签名之后被修改：摘要不符。",
        "The description of the signature (Signature.xml) was changed after signing: its digest differs.";
    PartChanged = "part_changed", Error, failed(Sub::HashFailure),
        "{} 在签名之后被修改：摘要不符。", "{} was changed after it was signed: its digest differs.";
    PartRemoved = "part_removed", Error, failed(Sub::HashFailure),
        "签名所保护的 {} 已不在包中。", "{}, which was signed, is no longer in the package.";
    PartDigestMissing = "part_digest_missing", Error, failed(Sub::FormatFailure),
        "签名列出了 {}，却没有它的摘要。", "The signature lists {} without a digest.";
    PartAmbiguous = "part_ambiguous", Error, unproven(Sub::Generic),
        "签名所列的 {} 可以指包中的两个文件。", "{}, which the signature lists, may mean either of two files.";
    DocumentUncovered = "document_not_covered", Error, unproven(Sub::Generic),
        "文档结构未受签名保护，可被更改（{}）。", "The structure of the document is not covered by the signature and may be changed ({}).";
    PageUncovered = "page_not_covered", Error, unproven(Sub::Generic),
        "页面未受签名保护，可被更改（{}）。", "A page is not covered by the signature and may be changed ({}).";
    TemplateUncovered = "template_not_covered", Error, unproven(Sub::Generic),
        "页面模板未受签名保护，可被更改（{}）。", "A page template is not covered by the signature and may be changed ({}).";
    ResourceUncovered = "resource_not_covered", Error, unproven(Sub::Generic),
        "字体、图像等资源未受签名保护，可被更改（{}）。",
        "A resource such as a font or an image is not covered by the signature and may be changed ({}).";
    AnnotationUncovered = "annotation_not_covered", Error, unproven(Sub::Generic),
        "注释未受签名保护，可被更改或遮盖正文（{}）。",
        "An annotation is not covered by the signature; it may be changed and hide what is under it ({}).";
    AttachmentUncovered = "attachment_not_covered", Error, unproven(Sub::Generic),
        "附件未受签名保护，可被更改（{}）。", "An attachment is not covered by the signature and may be changed ({}).";
    TagUncovered = "tag_not_covered", Error, unproven(Sub::Generic),
        "标引数据未受签名保护，可被更改（{}）。", "Tags are not covered by the signature and may be changed ({}).";
    OtherUncovered = "part_not_covered", Error, unproven(Sub::Generic),
        "文档的一部分未受签名保护，可被更改（{}）。", "A part of the document is not covered by the signature and may be changed ({}).";
    UnusedUncovered = "unused_file_not_covered", Warning, None,
        "包中有未被文档使用、也未受签名保护的文件（{}）。", "The package has files that the document does not use and no signature covers ({}).";
    ListUncovered = "signature_list_not_covered", Info, None,
        "签名列表未受签名保护：可以加签，也可以移除其他签名。",
        "The list of signatures is not covered: further ones can be added, and others removed.";
    SealFileDiffers = "seal_file_differs", Error, failed(Sub::HashFailure),
        "包中的印章文件（Seal.esl）与签名时所用的印章不同。",
        "The seal's file in the package (Seal.esl) is not the seal that was signed with.";
    SealSignatureWrong = "seal_signature_wrong", Error, failed(Sub::SigCryptoFailure),
        "印章本身的签名不正确，印章不是其制章者所制。", "The signature of the seal itself is wrong: its maker did not make it so.";
    SignerNotListed = "signer_not_in_seal", Error, failed(Sub::SigConstraintsFailure),
        "签名者不在印章的签章人列表中。", "The signer is not among those who may use the seal.";
    SealMakerUntrusted = "seal_maker_untrusted", Error, unproven(Sub::NoCertificateChainFound),
        "制章者的 X.509 证书不在所用信任列表之下。",
        "The seal maker's X.509 certificate does not lead to a root of the trust list that was used.";
    SealMakerChain = "seal_maker_chain_invalid", Error, unproven(Sub::CertificateChainGeneralFailure),
        "制章者的证书链不成立：{}。", "The seal maker's chain of X.509 certificates does not hold: {}.";
    SealMakerExpired = "seal_maker_expired", Error, unproven(Sub::OutOfBoundsNoPoe),
        "制章者的 X.509 证书在查验时已不在有效期内。", "The seal maker's X.509 certificate is not valid at the time of verification.";
    SealMakerExpiredSince = "seal_maker_expired_since", Warning, None,
        "制章者的 X.509 证书现已过期，制章时有效。", "The seal maker's X.509 certificate has expired since it made the seal.";
    SealMakerTime = "seal_maker_not_valid_then", Error, unproven(Sub::ChainConstraintsFailure),
        "制章时间不在制章者 X.509 证书的有效期内。", "The seal was made outside the validity of its maker's X.509 certificate.";
    SealMakerRevoked = "seal_maker_revoked", Error, unproven(Sub::RevokedNoPoe),
        "制章者的 X.509 证书已被吊销（{}）。", "The seal maker's X.509 certificate was revoked ({}).";
    SealMakerUsage = "seal_maker_key_usage", Error, unproven(Sub::ChainConstraintsFailure),
        "制章者的 X.509 证书不得用于签名（密钥用途）。", "The seal maker's X.509 certificate may not sign (key usage).";
    SealOutsideValidity = "seal_not_valid_when_signed", Error, unproven(Sub::SigConstraintsFailure),
        "签名时印章不在有效期内（{}）。", "The seal was not valid when it was signed with ({}).";
    SealExpired = "seal_expired", Error, unproven(Sub::OutOfBoundsNoPoe),
        "印章已过有效期（{}），且没有可信时间证明签名在其有效期内作出。",
        "The seal is past its validity ({}), and no trusted time proves that it was signed with before.";
    SigningTimeMissing = "signing_time_missing", Error, unproven(Sub::SigConstraintsFailure),
        "签名数据中没有可读的签名时间。", "The signature data have no signing time that can be read.";
    SealTimestampWrong = "seal_timestamp_wrong", Error, unproven(Sub::Generic),
        "印章所附的时间戳不成立（{}）。", "The timestamp of the seal does not hold ({}).";
    MadeAfter = "signed_after_timestamp", Info, None,
        "可信时间戳证明签名在 {} 之后作出；它不能证明签名在何时之前已经作出。",
        "A trusted timestamp proves that it was signed after {}; it does not prove by when.";
    SealExpiredSince = "seal_expired_since", Info, None,
        "印章此后已过有效期（{}），但签名已证明在其有效期内作出。",
        "The seal has since passed its validity ({}); the signature is proven to be from before.";
    SealMakerRevokedSince = "seal_maker_revoked_since", Info, None,
        "制章者的 X.509 证书此后被吊销（{}），但印章已证明在此之前制成。",
        "The seal maker's X.509 certificate has since been revoked ({}); the seal is proven to be from before.";
    NamesOtherFile = "signature_names_other_file", Warning, None,
        "签名数据所称的签名描述路径（{}）与实际不同。",
        "The signature data name another path of its description ({}) than it has.";

    CertificateRevoked = "certificate_revoked", Error, failed(Sub::Revoked),
        "该电子证照已被签发机关撤销。", "The issuer has revoked this e-certificate.";
    CertificateExpired = "certificate_expired", Error, unproven(Sub::Expired),
        "该电子证照已过有效期（{}）。", "This e-certificate is past its validity ({}).";
    CertificateNotYetValid = "certificate_not_yet_valid", Error, unproven(Sub::NotYetValid),
        "该电子证照尚未生效（{}）。", "This e-certificate does not count yet ({}).";
    RecordDiffers = "issuer_record_differs", Error, unproven(Sub::Generic),
        "文件自述与签发机关的记录不一致（{}）。", "What the document says of itself is not what its issuer recorded ({}).";
    RecordNameDiffers = "issuer_record_name_differs", Warning, None,
        "文件自述的名称与签发机关现用的名称不一致（{}）。", "The document uses another name than its issuer does now ({}).";
    CodeUnknown = "code_unknown", Error, unproven(Sub::SignedDataNotFound),
        "没有与此查验码对应的电子证照。", "No e-certificate has this verification code.";
    CodeOnly = "code_only", Info, unproven(Sub::SignedDataNotFound),
        "仅按查验码查询了状态；文件本身未经查验，请上传文件。",
        "Only the status was looked up by its code; the document itself was not verified: upload the file.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_its_own_and_speaks_both_languages() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            let (zh, en) = code.sentences();
            assert!(zh.ends_with('。') && en.ends_with('.'), "{}", code.as_str());
            assert_eq!(zh.contains("{}"), en.contains("{}"), "{}", code.as_str());
        }
    }

    #[test]
    fn an_error_never_leaves_a_document_passed() {
        for code in Code::ALL.iter().filter(|code| code.severity() == Severity::Error) {
            assert!(code.outcome().is_some(), "{}", code.as_str());
        }
    }
}
