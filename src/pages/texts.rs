use super::lang::Lang;

/// Makes one struct of all texts, so that no page can show a text that one of the languages lacks.
macro_rules! texts {
    ($($name:ident: $zh:literal, $en:literal;)*) => {
        /// What the pages say, in one language.
        pub(super) struct Texts {
            $(pub(super) $name: &'static str,)*
        }

        static ZH: Texts = Texts { $($name: $zh,)* };
        static EN: Texts = Texts { $($name: $en,)* };
    };
}

impl Lang {
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::Zh => &ZH,
            Self::En => &EN,
        }
    }
}

texts! {
    // every page
    name: "印信", "Yinxin";
    skip: "跳到正文", "Skip to the content";
    nav: "主导航", "Main navigation";
    catalogue: "共享目录", "Catalogue";
    verify: "证明查验", "Check a proof";
    audit: "访问审计", "Access audit";
    docs: "接口文档", "API documentation";
    sign_in: "登录", "Sign in";
    sign_out: "退出", "Sign out";
    account: "账号", "Account";
    home: "首页", "Home";
    language: "English", "中文";
    language_label: "Switch to English", "切换到中文";
    footer: "印信是接入国家政务数据共享体系的一个节点，所有查询均留有审计记录。",
        "Yinxin is a node of the national system for sharing government data. Every query leaves an audit record.";

    // home
    home_title: "跨省通办，数据多跑路", "Government business, settled from anywhere";
    home_lead: "部门之间依授权共享数据，证明自动开具、任何人可查验，每一次查看都留下无法抹去的记录。",
        "Departments share data by grant, proofs are issued automatically and anybody can check them, and every look at a person's data leaves a record that cannot be removed.";
    home_who: "您是哪一位？", "Who are you?";
    applicant: "办事群众", "Applicant";
    applicant_text: "政府已有的材料不必再交。手里的电子证明是否真实有效，在这里一查便知。",
        "You need not bring what the government already has. See here whether a proof you hold is genuine and still counts.";
    applicant_link: "查验我的证明", "Check my proof";
    notary: "公证与受理人员", "Notary or recipient of a proof";
    notary_text: "把文件拖到页面上，即得一份可以归档的查验结论：盖章之后有没有改动、现在是否有效。",
        "Drop a file on a page and get a verdict to keep on file: whether it was changed after sealing and whether it counts today.";
    notary_link: "查验文件", "Check a file";
    clerk: "专窗工作人员", "Window clerk";
    clerk_text: "办件、取数和开证明在本单位的业务系统里完成。这里可以查到每项数据由谁提供、须具备什么条件。",
        "Cases, queries and proofs are handled in your own department's system. Look up here who provides which data, and on what conditions.";
    clerk_link: "查阅共享目录", "Look at the catalogue";
    developer: "部门开发人员", "Department developer";
    developer_text: "查目录、看字段，复制一条 curl 命令，用本系统的客户端证书完成第一次调用。",
        "Find a resource, read its fields, copy a curl call and make it with your system's client certificate.";
    developer_link: "选择数据资源", "Choose a resource";
    security: "安全与审计人员", "Security staff";
    security_text: "按人员、部门、数据资源或办件查出每一次访问，并可证明没有记录被删除。",
        "Find every access by person, department, resource or case, and prove that no record was removed.";
    security_link: "查看访问记录", "See the accesses";
    operator: "运维人员", "Operator";
    operator_text: "健康检查和指标只在本机的运维端口上提供。完整的日志检查用 yinxin audit verify 离线完成。",
        "Health and metrics are on the local operations port only. Check the whole log offline with yinxin audit verify.";
    operator_link: "阅读接口文档", "Read the API documentation";

    // catalogue
    catalogue_lead: "各部门可供共享的政务数据资源。查看目录不需要登录，取用数据须经授权并说明用途。",
        "Government data that departments share. Anybody may read the catalogue; using the data takes a grant and a purpose.";
    search: "查找", "Search";
    search_for: "名称、编码、摘要或数据项", "Name, code, summary or data item";
    provider: "提供部门", "Provider";
    sharing: "共享类型", "Sharing";
    all: "全部", "All";
    clear: "清除条件", "Clear";
    found_one: "共 1 项", "1 resource";
    found_many: "共 {} 项", "{} resources";
    found_none: "没有符合条件的数据资源。", "No resource matches.";
    suspended: "暂停共享", "Suspended";

    // resource
    back_to_catalogue: "返回目录", "Back to the catalogue";
    code: "资源编码", "Code";
    credit_code: "统一社会信用代码", "Unified social credit code";
    classification: "资源分类（类、项、目、细目）", "Classification (class, category, section, subsection)";
    format: "资源格式", "Format";
    sharing_conditions: "共享条件", "Sharing conditions";
    sharing_mode: "共享方式", "Sharing mode";
    opening: "社会开放", "Open to the public";
    colon: "：", ": ";
    bracket: "（", " (";
    bracket_end: "）", ")";
    yes: "是", "Yes";
    no: "否", "No";
    update_cycle: "更新周期", "Update cycle";
    published_on: "发布日期", "Published";
    updated_at: "目录更新时间", "Entry updated";
    related: "关联资源", "Related resources";
    none: "无", "None";
    status: "状态", "Status";
    metadata: "资源信息", "About this resource";
    fields: "数据项", "Data items";
    field_name: "字段名", "Field";
    field_title: "名称", "Title";
    field_type: "类型", "Type";
    field_sensitivity: "敏感级别", "Sensitivity";
    field_mask: "默认脱敏", "Default mask";
    first_call: "第一次调用", "A first call";
    first_call_text: "需要本系统的客户端证书、已批准的授权和一个在办的办件。先换取与证书及办件绑定的令牌，再查询：",
        "You need your system's client certificate, an approved grant and an open case. Get a token bound to certificate and case, then query:";
    first_call_none: "该资源不予共享，不能调用。", "This resource is not shared: it cannot be called.";
    verify_only_text: "该资源只回答是或否：", "This resource answers yes or no only:";
    made_up_number: "示例中的号码为虚构号码。", "The number in the example is made up.";
    copy: "复制", "Copy";
    copied: "已复制", "Copied";
    copy_failed: "请手动选择并复制", "Select the text and copy it by hand";

    // verify
    verify_lead: "选择一份或多份电子文件，逐一查验签署之后有没有改动、签署人是否可信、现在是否有效。文件只用于查验，不会保存。",
        "Choose one or more electronic documents. Each is checked for changes after signing, for who signed it, and for whether it counts now. Files are checked, not kept.";
    drop_here: "把文件拖到这里，或者", "Drop files here, or";
    choose_files: "选择文件", "Choose files";
    check: "开始查验", "Check";
    verify_limit: "PDF、OFD 文件，每份不超过 {} MiB，可一次选择多份。", "PDF and OFD files, up to {} MiB each; several at once.";
    by_code: "按查验码查询", "Look up a verification code";
    by_code_text: "没有电子文件时，可用证明上印的查验码查询其状态。查验码不能证明手中文件的内容未被改动。",
        "Without the file, the code printed on the proof tells its status. A code cannot show that the contents of a file or paper are unaltered.";
    verification_code: "查验码", "Verification code";
    look_up: "查询", "Look up";
    results: "查验结果", "Results";
    summary: "共 {n} 份：未被更改 {good}，不可采信 {bad}，无法证明 {unsure}", "{n} in all: {good} unchanged, {bad} not to be relied on, {unsure} cannot be proven";
    checking: "已上传，正在查验", "Uploaded; checking";
    uploading: "正在上传", "Uploading";
    waiting: "等待中", "Waiting";
    cancel: "取消", "Cancel";
    cancelled: "已取消，未予查验。", "Cancelled; not checked.";
    no_answer: "没有得到结论：与服务器的连接中断，请重试。", "There is no verdict: the connection to the server was lost. Please try again.";
    too_large: "文件超过大小限制，未予查验。", "The file is over the size limit and was not checked.";
    try_again: "再试一次", "Try again";
    print: "打印", "Print";
    changes_after: "第 ", "Changes after signature ";
    changes_after_end: " 个签章之后的更改", "";
    revision: "文件版本", "Revision";
    on_page: "第", "page";
    on_page_end: " 页", "";
    change_permitted: "允许", "permitted";
    change_forbidden: "不允许", "not permitted";
    signed_version: "下载签署时的版本", "Download the signed version";
    signed_version_text: "文件中仍保存着签署时的版本。可以取出来，也可以与现在显示的画面逐页对照。",
        "The file still holds the version that was signed. You can take it out, or compare it page by page with what is shown now.";
    signed_version_scripts: "取出签署时的版本、逐页对照需要启用浏览器脚本。", "Taking out the signed version and comparing pages need scripts in the browser.";
    compare: "逐页对照", "Compare page by page";
    compare_close: "收起对照", "Close the comparison";
    compare_signed: "签署时", "As signed";
    compare_now: "现在", "As shown now";
    compare_page: "第 {page} 页，共 {pages} 页", "Page {page} of {pages}";
    compare_previous: "上一页", "Previous page";
    compare_next: "下一页", "Next page";
    compare_changed: "有更改的页：", "Pages with changes:";
    compare_drawing: "正在绘制页面…", "Drawing the pages …";
    compare_differs: "这一页的画面不同，差异处已用虚线框标出。", "The page looks different. Dashed frames show where.";
    compare_same: "这一页的画面相同。", "The page looks the same.";
    compare_resized: "这一页的尺寸不同。", "The page has another size.";
    compare_absent: "此版本没有这一页。", "This version has no such page.";
    compare_failed: "这一页无法安全地绘制出来。请下载签署时的版本自行对照。", "This page could not be drawn safely. Download the signed version and compare them yourself.";
    compare_busy: "绘制请求过多，请稍候再试。", "Too many pages are being drawn. Please try again shortly.";
    findings: "查验发现", "Findings";
    details: "文件与查验信息", "The file and this verification";
    certificate: "本平台的开具记录", "This node's record";
    certificate_title: "名称", "Title";
    certificate_issuer: "出具单位", "Issued by";
    certificate_identifier: "证照标识", "Identifier";
    certificate_status: "当前状态", "Status now";
    certificate_validity: "有效期", "Valid";
    certificate_revoked_at: "撤销时间", "Revoked";
    certificate_equal: "与出具的文件逐字节一致", "Equal, byte for byte, to what was issued";
    signature: "签章", "Signature";
    signer: "签署人（X.509 证书）", "Signer (X.509 certificate)";
    seal_name: "印章名称（文件自述）", "Seal (as the file says)";
    seal_picture: "印章图案", "The seal's picture";
    stated: "文件自述", "What the document says of itself";
    stated_note: "以下内容取自文件自身的元数据；是否属实，以查验结论和出具单位的记录为准。",
        "From the document's own metadata; whether it is so shows from the verdict and from the issuer's record.";
    signed_revision: "签署的文件版本", "Revision that was signed";
    signing_time: "签署时间", "Signing time";
    best_signature_time: "已证明的最早时间", "Proven to exist since";
    timestamp: "时间戳", "Timestamp";
    intact: "密码学校验", "Cryptographic check";
    intact_yes: "摘要与签名值正确", "digest and value are right";
    intact_no: "摘要或签名值不符，或无法核对", "digest or value is wrong, or could not be checked";
    trusted: "信任", "Trust";
    trusted_yes: "可追溯到受信任的根证书", "chains to a trusted root";
    trusted_no: "不能追溯到受信任的根证书", "does not chain to a trusted root";
    coverage: "覆盖范围", "Coverage";
    coverage_whole: "整个文件", "the whole file";
    coverage_part: "文件的较早版本或一部分", "an earlier version, or a part, of the file";
    algorithm: "算法", "Algorithm";
    chain: "证书链", "Chain";
    revocation: "证书吊销状态", "Revocation of the X.509 certificate";
    indication: "结论代码（EN 319 102-1）", "Indication (EN 319 102-1)";
    file_size: "大小", "Size";
    file_format: "格式", "Format";
    file_digest: "文件摘要（SHA-256）", "Digest of the file (SHA-256)";
    verified_at: "查验时间", "Verified at";
    validation_time: "所查验的时刻", "As of";
    trust_list: "所用信任列表", "Trust list used";
    left_out: "内容过多，此处只列出一部分；完整内容见 JSON 报告。", "There is too much to show here; the JSON report holds all of it.";
    sealed_report: "下载盖章的查验报告（PDF）", "Download the sealed report (PDF)";
    download_report: "下载报告数据（JSON）", "Download the report data (JSON)";
    kept_until: "报告（不含文件本身）在线保存至", "The report, without the file, is kept online until";
    report_title: "查验报告", "Report on a verification";
    report_lead: "以下是当时出具的查验结论。文件本身没有保存；请核对手中文件的 SHA-256 摘要是否相同。",
        "This is the verdict as it was given. The document was not kept; compare the SHA-256 of the one you hold.";
    back_to_verify: "查验其他文件", "Check another file";
    bytes: "字节", "bytes";

    // audit
    audit_lead: "对个人和企业数据的每一次访问。本页的每次查看同样会被记录。",
        "Every access to data of persons and organisations. Looking at this page is recorded too.";
    log_state: "日志状态", "State of the log";
    log_size: "已入树记录", "Entries in the tree";
    log_root: "根散列", "Root hash";
    log_none: "尚无检查点", "No checkpoint yet";
    log_help: "完整性检查：yinxin audit verify", "To check the whole log: yinxin audit verify";
    by_person: "按证件号码查找", "Find by ID number";
    by_person_text: "号码在服务器上换成假名后即丢弃，不出现在网址、日志或审计记录中。",
        "The number is turned into its pseudonym on the server and dropped. It is in no address, log or audit record.";
    id_type: "证件类型", "Kind of number";
    citizen_id: "公民身份号码", "Citizen ID number";
    id_number: "号码", "Number";
    id_number_wrong: "号码有误，请核对校验位。", "The number is not right: see its check digit.";
    filters: "筛选条件", "Filters";
    subject: "数据主体（假名）", "Subject (pseudonym)";
    department: "部门", "Department";
    system: "系统", "System";
    resource: "数据资源", "Resource";
    case: "办件", "Case";
    action: "操作", "Action";
    outcome: "结果", "Outcome";
    from: "自（北京时间）", "From (Beijing time)";
    to: "至（北京时间）", "To (Beijing time)";
    apply: "应用", "Apply";
    filter_wrong: "筛选条件“{}”的格式不正确。", "The filter “{}” is not of the right form.";
    entries: "访问记录", "Entries";
    entries_none: "没有符合条件的记录。", "No entry matches.";
    sequence: "序号", "No.";
    reason_code: "代码", "Code";
    item: "事项", "Service item";
    grants: "授权", "Grants";
    request: "请求", "Request";
    digest: "摘要值", "Digest";
    released_fields: "字段与脱敏", "Fields and masks";
    account_or_operator: "经办人或账号", "Operator or account";
    more: "更早的记录", "Earlier entries";
    newest: "最新记录", "Newest entries";

    // sign-in
    sign_in_lead: "供本节点的工作人员使用。查看目录和查验证明不需要登录。",
        "For this node's staff. Reading the catalogue and checking proofs need no account.";
    account_name: "账号", "Account";
    password: "密码", "Password";
    sign_in_wrong: "账号或密码不正确。", "The account or the password is wrong.";
    sign_in_wait: "尝试次数过多，请在 {} 秒后再试。", "Too many attempts. Try again in {} seconds.";

    // account
    role: "角色", "Role";
    session_note: "连续 30 分钟无操作或登录满 8 小时后自动退出；服务重启后需要重新登录。",
        "You are signed out after 30 minutes without a request, after 8 hours, and when the service restarts.";

    // docs
    docs_lead: "本节点全部接口。机器可读的描述见", "Every operation of this node. For machines:";
    docs_operations: "接口", "Operations";
    docs_schemas: "数据结构", "Schemas";
    docs_parameters: "参数", "Parameters";
    docs_body: "请求体", "Request body";
    docs_responses: "响应", "Responses";
    docs_required: "必填", "required";

    // errors
    e400: "请求有误", "The request is not right";
    e400_text: "服务器不能理解这个请求。请返回上一页，核对后重新提交。", "The server cannot make sense of this request. Go back, look it over and send it again.";
    e403: "没有权限", "Not allowed";
    e403_text: "您的角色不能打开这个页面。一个账号不能既办理业务又进行审计。", "Your role cannot open this page. No account can both act and audit.";
    e403_form: "表单已失效", "This form is no longer valid";
    e403_form_text: "表单的安全校验未通过，可能是页面打开过久。请重新打开页面再提交。", "The form did not pass its security check, perhaps because the page was open too long. Open the page again and resubmit.";
    e404: "没有这个页面", "No such page";
    e404_text: "网址可能有误，或者内容已经撤下。", "The address may be wrong, or what was here has been withdrawn.";
    e405: "不支持这种请求方式", "This method is not supported";
    e405_text: "请从页面上的链接或表单进入。", "Use a link or a form on the pages.";
    e413: "内容过大", "Too large";
    e413_text: "提交的内容超过了大小限制。", "What was sent is over the size limit.";
    e429: "请求过于频繁", "Too many requests";
    e429_text: "请稍候再试。", "Please wait a little and try again.";
    e500: "服务出错", "Something went wrong";
    e500_text: "这是我们的问题，请稍后再试。", "The fault is ours. Please try again later.";
    e503: "暂时不可用", "Not available at the moment";
    e503_text: "服务暂时不能应答，没有任何数据被放出。请稍后再试。", "The service cannot answer just now, and no data was released. Please try again shortly.";
}

/// Puts a value in the place of the `{}` of a text.
pub(super) fn fill(text: &str, value: impl std::fmt::Display) -> String {
    text.replacen("{}", &value.to_string(), 1)
}
