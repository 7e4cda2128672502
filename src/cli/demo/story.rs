//! The story, played by real HTTPS clients against the node's real listeners. Every step checks what it shows.

use std::{collections::BTreeSet, path::PathBuf};

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{client::Client, ledger, setup::Place, tamper, tell::Teller};
use crate::{cli::CommandError, formats::ofd::is_package};

/// The worker far from home: made up, in a division that is not assigned.
const APPLICANT_ID: &str = "653199199003070015";
const APPLICANT_NAME: &str = "阿示例·甲";

const OPERATOR: &str = "gz-0021";
const ITEM: &str = "shebao-canbao-dayin";
const RESOURCE: &str = "653125-hr-social-insurance";
const CERTIFICATE: &str = "shebao-canbao";
const FUND_ITEM: &str = "gongjijin-jiaocun-dayin";
const FUND_RESOURCE: &str = "653125-gjj-housing-fund";

/// What the window's grant opens of the resource.
const GRANTED: [&str; 7] = [
    "id_number",
    "name",
    "employer",
    "insurance_kind",
    "status",
    "month",
    "base_amount",
];

/// A step whose check fails ends the story.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unproved(String);

/// What the reader can go on with.
pub struct Played {
    pub certificate: PathBuf,
    pub pseudonym: String,
}

pub async fn play(place: &Place, tell: &mut Teller) -> Result<Played, CommandError> {
    let window = Client::system(place, "window")?;
    let notary = Client::system(place, "notary")?;
    let portal = Client::portal(place)?;

    let begun = Timestamp::now();
    let case = open_case(tell, &window, ITEM).await?;
    let token = token(tell, &window, &case.id).await?;
    let purposeful = window.with_token(&token);
    query(tell, &purposeful).await?;
    service(tell, &window).await?;
    refusals(tell, &window, &purposeful, &notary.with_token(&token)).await?;
    let Issued { identifier, pdf, ofd } = issue(tell, &purposeful, &case.id).await?;
    let path = place.dir.join("certificates").join(format!("{identifier}.pdf"));
    for (path, document) in [
        (path.clone(), &pdf),
        (path.with_file_name(format!("{identifier}.ofd")), &ofd),
    ] {
        std::fs::write(&path, document)?;
        tell.shows(&path.display().to_string());
    }
    close(tell, &window, &purposeful, &case.id).await?;
    verify(tell, &portal, &pdf, &identifier).await?;
    forgeries(tell, &portal, &pdf).await?;
    verify_ofd(tell, &portal, &ofd, &identifier).await?;
    audit(tell, place, &case.applicant, begun).await?;
    ledger::whole(tell, place).await?;
    ledger::with_a_hole(tell, place).await?;
    Ok(Played {
        certificate: path,
        pseudonym: case.applicant,
    })
}

struct OpenCase {
    id: String,
    applicant: String,
}

fn subject() -> Value {
    json!({"id_type": "citizen_id", "id": APPLICANT_ID, "name": APPLICANT_NAME})
}

async fn open_case(tell: &mut Teller, window: &Client, item: &str) -> Result<OpenCase, CommandError> {
    tell.step(
        "广州的专窗为办事人开立办件：社会保险参保证明跨省打印",
        "A window in Guangzhou opens a case: proof of social insurance, printed in another province",
    );
    let case = start_case(window, item).await?;
    tell.proved(
        "办件已开立；办事人在系统内只以假名出现",
        "the case is open; inside, the applicant is known by a pseudonym only",
    );
    tell.shows(&format!("case {}  applicant {}", case.id, case.applicant));
    Ok(case)
}

async fn start_case(window: &Client, item: &str) -> Result<OpenCase, CommandError> {
    let body = json!({"item": item, "operator": OPERATOR, "applicant": subject()});
    let answer = window.post("/v1/cases", &body).await?;
    expect(answer.status == StatusCode::CREATED, || {
        format!("POST /v1/cases: {}", answer.summary())
    })?;
    let case = OpenCase {
        id: answer.text("id"),
        applicant: answer.text("applicant"),
    };
    expect(!case.id.is_empty() && case.applicant.len() == 32, || {
        "the case has no pseudonym".to_owned()
    })?;
    expect(!contains(&answer.body, APPLICANT_ID), || {
        "the case shows the ID number".to_owned()
    })?;
    Ok(case)
}

async fn token(tell: &mut Teller, window: &Client, case: &str) -> Result<String, CommandError> {
    tell.step(
        "专窗系统申请与办件和客户端证书绑定的令牌",
        "The window's system gets a token bound to the case and to its client certificate",
    );
    let token = fetch_token(window, case).await?;
    tell.proved(
        "令牌写明系统、经办人、办件、事项和授权，至多 15 分钟有效",
        "the token names system, operator, case, item and grants, for 15 minutes at most",
    );
    Ok(token)
}

async fn fetch_token(window: &Client, case: &str) -> Result<String, CommandError> {
    let form = format!("grant_type=client_credentials&case={case}&operator={OPERATOR}");
    let answer = window.post_form("/v1/token", form).await?;
    let token = answer.text("access_token");
    expect(answer.status == StatusCode::OK && !token.is_empty(), || {
        format!("POST /v1/token: {}", answer.summary())
    })?;
    Ok(token)
}

async fn query(tell: &mut Teller, window: &Client) -> Result<(), CommandError> {
    tell.step(
        "专窗查询人社局的参保信息",
        "The window queries the HR department's social-insurance records",
    );
    let answer = window
        .post(
            &format!("/v1/resources/{RESOURCE}/query"),
            &json!({"subject": subject(), "fields": []}),
        )
        .await?;
    expect(answer.status == StatusCode::OK, || {
        format!("query: {}", answer.summary())
    })?;
    let body = answer.json();
    let records = body
        .get("records")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    expect(records.len() == 24, || {
        format!("{} records in place of 24", records.len())
    })?;
    let granted: BTreeSet<&str> = GRANTED.into_iter().collect();
    for record in &records {
        let fields: BTreeSet<&str> = record
            .as_object()
            .map(|record| record.keys().map(String::as_str).collect())
            .unwrap_or_default();
        expect(fields == granted, || {
            format!("fields {fields:?} in place of those granted")
        })?;
    }
    tell.proved(
        "24 个月的记录，恰好是获授权的 7 个数据项，一个不多",
        "24 months of records with exactly the 7 granted fields, and none more",
    );
    let first = records.last().cloned().unwrap_or_default();
    let shown = |field: &str| first.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    expect(shown("id_number") == "653199********0015", || {
        "the ID number is not masked".to_owned()
    })?;
    expect(
        !contains(&answer.body, APPLICANT_ID) && !contains(&answer.body, APPLICANT_NAME),
        || "the answer shows the ID number or the name".to_owned(),
    )?;
    tell.proved(
        "身份证号、姓名和缴费基数已脱敏",
        "ID number, name and contribution base are masked",
    );
    let line = GRANTED.map(|field| format!("{field}={}", shown(field))).join("  ");
    tell.shows(&line);
    Ok(())
}

async fn service(tell: &mut Teller, window: &Client) -> Result<(), CommandError> {
    tell.step(
        "另一办件：公积金中心自己的服务，经双向 TLS 调用",
        "Another case: the housing fund's own service, called over mutual TLS",
    );
    let case = start_case(window, FUND_ITEM).await?;
    let purposeful = window.with_token(&fetch_token(window, &case.id).await?);
    let answer = purposeful
        .post(
            &format!("/v1/resources/{FUND_RESOURCE}/query"),
            &json!({"subject": subject(), "fields": ["month", "balance"]}),
        )
        .await?;
    let body = answer.json();
    let records = body.get("records").and_then(Value::as_array).map_or(0, Vec::len);
    expect(answer.status == StatusCode::OK && records == 12, || {
        format!("query: {}", answer.summary())
    })?;
    tell.proved(
        "12 个月的缴存记录，余额只显示区间",
        "12 months of contributions, the balance as a band",
    );
    Ok(())
}

async fn refusals(
    tell: &mut Teller,
    window: &Client,
    purposeful: &Client,
    notary: &Client,
) -> Result<(), CommandError> {
    tell.step("三次不该成功的查询", "Three queries that must not succeed");
    let path = format!("/v1/resources/{RESOURCE}/query");
    let plain = json!({"subject": subject(), "fields": ["status"]});
    let ungranted = json!({"subject": subject(), "fields": ["personal_amount"]});
    let tries = [
        (window, &plain, "没有办件令牌", "without a purpose"),
        (
            purposeful,
            &ungranted,
            "未获授权的数据项（个人缴费额）",
            "a field that is not granted (personal_amount)",
        ),
        (
            notary,
            &plain,
            "专窗的令牌配公证处的证书",
            "the window's token with the notary's certificate",
        ),
    ];
    let expected = [
        "purpose_missing",
        "field_not_granted",
        "token_bound_to_other_certificate",
    ];
    for ((client, body, zh, en), code) in tries.into_iter().zip(expected) {
        let answer = client.post(&path, body).await?;
        refused(&answer, code)?;
        tell.proved(
            &format!("{zh}：{}", answer.summary()),
            &format!("{en}: {}", answer.summary()),
        );
    }
    Ok(())
}

fn refused(answer: &super::client::Answer, code: &str) -> Result<(), CommandError> {
    let status = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&answer.status);
    expect(status && answer.code() == code, || {
        format!("answered `{}` where `{code}` was to be", answer.summary())
    })?;
    expect(answer.json().get("records").is_none(), || {
        "a refusal holds records".to_owned()
    })
}

/// A certificate with both of its documents.
struct Issued {
    identifier: String,
    pdf: Vec<u8>,
    ofd: Vec<u8>,
}

async fn issue(tell: &mut Teller, window: &Client, case: &str) -> Result<Issued, CommandError> {
    tell.step(
        "节点签发《社会保险参保证明》并加盖人社局电子印章",
        "The node issues the proof of social insurance under the HR department's seal",
    );
    let body = json!({"type": CERTIFICATE, "case": case, "subject": subject()});
    let answer = window.post("/v1/certificates", &body).await?;
    expect(answer.status == StatusCode::CREATED, || {
        format!("POST /v1/certificates: {}", answer.summary())
    })?;
    let identifier = answer.text("identifier");
    let path = |format: &str| format!("/v1/certificates/{identifier}/document.{format}");
    let (pdf, ofd) = (window.read(&path("pdf")).await?, window.read(&path("ofd")).await?);
    expect(pdf.status == StatusCode::OK && pdf.body.starts_with(b"%PDF-"), || {
        format!("document.pdf: {}", pdf.summary())
    })?;
    expect(ofd.status == StatusCode::OK && is_package(&ofd.body), || {
        format!("document.ofd: {}", ofd.summary())
    })?;
    tell.proved(
        &format!("电子证照标识 {identifier}"),
        &format!("certificate identifier {identifier}"),
    );
    tell.proved(
        "同一份证明有 PDF 和 OFD 两种文件，OFD 加盖国密（SM2）电子印章",
        "the same proof as PDF and as OFD, the OFD under an electronic seal with SM2 (GB/T 38540)",
    );
    Ok(Issued {
        identifier,
        pdf: pdf.body,
        ofd: ofd.body,
    })
}

async fn close(tell: &mut Teller, window: &Client, purposeful: &Client, case: &str) -> Result<(), CommandError> {
    tell.step(
        "办结后，同一令牌不再有用",
        "Once the case is closed, its token is worth nothing",
    );
    let event = json!({"kind": "closed", "operator": OPERATOR});
    let answer = window.post(&format!("/v1/cases/{case}/events"), &event).await?;
    expect(answer.status.is_success(), || {
        format!("closing the case: {}", answer.summary())
    })?;
    let body = json!({"subject": subject(), "fields": ["status"]});
    let answer = purposeful
        .post(&format!("/v1/resources/{RESOURCE}/query"), &body)
        .await?;
    refused(&answer, "case_closed")?;
    tell.proved(
        &format!("办件已办结，查询被拒：{}", answer.summary()),
        &format!("the case is closed and the query refused: {}", answer.summary()),
    );
    Ok(())
}

async fn verify(tell: &mut Teller, portal: &Client, document: &[u8], identifier: &str) -> Result<(), CommandError> {
    tell.step(
        "公证员在门户上验证这份证明",
        "A notary verifies the proof on the portal",
    );
    let report = report(portal, document).await?;
    passes(&report, identifier)?;
    tell.proved(
        "TOTAL_PASSED：印章完好、可信，盖章后未改动，证照有效，与签发时一致",
        "TOTAL_PASSED: seal intact and trusted, not modified since, certificate valid, equal to what was issued",
    );
    Ok(())
}

fn passes(report: &Value, identifier: &str) -> Result<(), CommandError> {
    expect(text(report, "indication") == "TOTAL_PASSED", || {
        format!("the report says {}", verdict(report))
    })?;
    expect(
        report.get("modified_after_signing") == Some(&Value::Bool(false)),
        || "the report does not say that it is unmodified".to_owned(),
    )?;
    let ours = report.get("certificate").cloned().unwrap_or_default();
    expect(
        text(&ours, "identifier") == identifier
            && text(&ours, "status") == "valid"
            && ours.get("equals_issued") == Some(&Value::Bool(true)),
        || "the report does not know the certificate as valid and issued here".to_owned(),
    )
}

async fn verify_ofd(tell: &mut Teller, portal: &Client, document: &[u8], identifier: &str) -> Result<(), CommandError> {
    tell.step(
        "同一份证明的 OFD 文件，以及删去一行字的副本",
        "The same proof as OFD, and a copy with a line of text taken off",
    );
    let genuine = report(portal, document).await?;
    passes(&genuine, identifier)?;
    expect(text(&genuine, "format") == "ofd", || "it is not told as OFD".to_owned())?;
    tell.proved(
        "TOTAL_PASSED：国密印章、签章人和制章单位均已核实，覆盖全部内容",
        "TOTAL_PASSED: seal, signer and seal maker established, and everything shown is covered",
    );
    let copy = tamper::take_a_line_off(document)?;
    let altered = report(portal, &copy).await?;
    expect(text(&altered, "indication") == "TOTAL_FAILED", || {
        format!("a line taken off: the report says {}", verdict(&altered))
    })?;
    tell.proved(
        &format!("删去一行字：{}", verdict(&altered)),
        &format!("a line taken off: {}", verdict(&altered)),
    );
    for message in errors(&altered, tell) {
        tell.shows(&message);
    }
    Ok(())
}

async fn forgeries(tell: &mut Teller, portal: &Client, document: &[u8]) -> Result<(), CommandError> {
    tell.step("两份改动过的副本", "Two copies that were tampered with");
    let forged = [
        (tamper::flip_a_byte(document), "改了一个字节", "one byte changed"),
        (tamper::append_a_page(document)?, "后面加了一页", "a page appended"),
    ];
    for (copy, zh, en) in forged {
        let report = report(portal, &copy).await?;
        expect(text(&report, "indication") == "TOTAL_FAILED", || {
            format!("{en}: the report says {}", verdict(&report))
        })?;
        tell.proved(
            &format!("{zh}：{}", verdict(&report)),
            &format!("{en}: {}", verdict(&report)),
        );
        for message in errors(&report, tell) {
            tell.shows(&message);
        }
    }
    Ok(())
}

async fn report(portal: &Client, document: &[u8]) -> Result<Value, CommandError> {
    // What it is shows from its bytes.
    let answer = portal.upload("/v1/verifications", "proof", document).await?;
    expect(answer.status.is_success(), || {
        format!("POST /v1/verifications: {}", answer.summary())
    })?;
    Ok(answer.json())
}

fn verdict(report: &Value) -> String {
    format!("{} {}", text(report, "indication"), text(report, "sub_indication"))
        .trim_end()
        .to_owned()
}

/// What the report says is wrong, in the reader's language.
fn errors(report: &Value, tell: &Teller) -> Vec<String> {
    let findings = report.get("findings").and_then(Value::as_array);
    findings
        .into_iter()
        .flatten()
        .filter(|finding| text(finding, "severity") == "error")
        .map(|finding| {
            let message = finding.get("message").cloned().unwrap_or_default();
            text(&message, tell.lang.text("zh", "en"))
        })
        .collect()
}

async fn audit(tell: &mut Teller, place: &Place, applicant: &str, begun: Timestamp) -> Result<(), CommandError> {
    tell.step(
        "审计员按办事人的假名查出全部访问",
        "The auditor finds every access to the person by the pseudonym",
    );
    let auditor = Client::system(place, "auditor")?;
    let path = format!("/v1/audit/entries?subject={applicant}&from={begun}&limit=200");
    let answer = auditor.read(&path).await?;
    expect(answer.status == StatusCode::OK, || {
        format!("audit: {}", answer.summary())
    })?;
    let body = answer.json();
    let entries = body
        .get("entries")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let seen = |action: &str, code: &str| {
        entries
            .iter()
            .any(|entry| text(entry, "action") == action && text(entry, "code") == code)
    };
    for (action, code) in [
        ("open_case", "permitted"),
        ("query", "permitted"),
        ("query", "field_not_granted"),
        ("query", "case_closed"),
        ("issue", "permitted"),
    ] {
        expect(seen(action, code), || format!("no entry `{action}` with `{code}`"))?;
    }
    expect(
        !contains(&answer.body, APPLICANT_ID) && !contains(&answer.body, APPLICANT_NAME),
        || "the log shows the ID number or the name".to_owned(),
    )?;
    tell.proved(
        &format!("{} 条记录，放行的和拒绝的都在，其中没有明文身份信息", entries.len()),
        &format!(
            "{} entries, permitted and refused, and no identifier in clear",
            entries.len()
        ),
    );
    for entry in entries.iter().rev() {
        tell.shows(&format!(
            "{:>5}  {:<11} {:<10} {}",
            entry.get("sequence").and_then(Value::as_u64).unwrap_or(0),
            text(entry, "action"),
            text(entry, "system"),
            text(entry, "code"),
        ));
    }
    Ok(())
}

/// A string of a JSON object; empty when it is not there.
fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Goes on only where this holds.
pub fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), CommandError> {
    if holds {
        Ok(())
    } else {
        Err(Unproved(otherwise()).into())
    }
}
