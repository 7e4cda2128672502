//! The map of `src/lib.rs`, kept true: which module may use which, what must not be named where, how long a file may
//! be, what the lock file must not hold. There are no lists of exceptions: what breaks a rule is moved or rewritten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Modules that import nothing of ours.
const GROUND: [&str; 4] = ["formats", "ids", "kept", "clock"];
/// Domain modules, each with the peers that it may use beside the ground.
const DOMAIN: [(&str, &[&str]); 9] = [
    ("audit", &[]),
    ("case", &[]),
    ("catalogue", &[]),
    ("department", &[]),
    ("keys", &[]),
    ("policy", &["catalogue", "department", "case"]),
    ("exchange", &["catalogue", "policy", "case", "audit"]),
    ("certificate", &["exchange", "case", "department", "keys", "audit"]),
    ("verification", &["certificate"]),
];
/// Storage and caches implement the traits that stand beside their consumers.
const HOLDERS: [&str; 2] = ["storage", "cache"];
/// Modules that put everything together: they may use all.
const WIRING: [&str; 3] = ["server", "cli", "main"];
const LONGEST_FILE_LINES: usize = 600;
const NO_NAMES: [&str; 8] = [
    "utils", "util", "common", "manager", "managers", "helper", "helpers", "misc",
];
const NO_PACKAGES: [&str; 7] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "h2",
    "native-tls",
    "openssl",
    "openssl-sys",
    "rsa",
];

/// Whether `from` may name `to`.
fn may_use(from: &str, to: &str) -> bool {
    if from == to || WIRING.contains(&from) {
        return true;
    }
    if GROUND.contains(&from) {
        return false;
    }
    if GROUND.contains(&to) {
        return true;
    }
    if let Some((_, peers)) = DOMAIN.iter().find(|(name, _)| *name == from) {
        return peers.contains(&to);
    }
    let to_domain = DOMAIN.iter().any(|(name, _)| *name == to);
    match from {
        "api" | "config" => to_domain || (from == "api" && to == "config"),
        "pages" => to_domain || to == "config" || to == "api",
        _ => HOLDERS.contains(&from) && to_domain,
    }
}

/// Whether a module lies below `api`: there is no HTTP in it.
fn is_below_api(module: &str) -> bool {
    GROUND.contains(&module)
        || HOLDERS.contains(&module)
        || module == "config"
        || DOMAIN.iter().any(|(name, _)| *name == module)
}

/// One source file, cut into tokens.
struct Source {
    /// Path from `src/`, with `/`.
    path: String,
    text: String,
    tokens: Vec<Token>,
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    /// `::` or one other character.
    Mark(&'static str, char),
    Text(String),
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: cut(text),
        }
    }

    /// The modules that it lies in: `exchange/source/http.rs` → `exchange`, `source`, `http`.
    fn modules(&self) -> Vec<String> {
        let mut parts: Vec<String> = self
            .path
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
            parts.pop();
        }
        parts
    }

    fn module(&self) -> String {
        self.modules().first().cloned().unwrap_or_else(|| "lib".to_owned())
    }
}

/// Cuts Rust into words, marks and string literals; comments, characters and lifetimes fall away.
fn cut(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if let Some((content, hashes)) = raw_string_start(&chars, i) {
            let close: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
            let rest: String = chars[content..].iter().collect();
            let end = rest.find(&close).unwrap_or(rest.len());
            tokens.push(Token::Text(rest[..end].to_owned()));
            i = content + rest[..end].chars().count() + close.len();
        } else if c == '"' {
            let mut literal = String::new();
            i += 1;
            while i < chars.len() && at(i) != '"' {
                if at(i) == '\\' {
                    i += 1;
                    literal.push(if at(i).is_whitespace() || at(i) == 'n' {
                        ' '
                    } else {
                        at(i)
                    });
                } else {
                    literal.push(at(i));
                }
                i += 1;
            }
            i += 1;
            tokens.push(Token::Text(literal));
        } else if c == '\'' {
            // A character ends with a quote after one (escaped) character; anything else is a lifetime.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            } else if at(i + 2) == '\'' {
                i += 3;
            } else {
                i += 1;
            }
        } else if c == '_' || c.is_alphanumeric() {
            let start = i;
            while at(i) == '_' || at(i).is_alphanumeric() {
                i += 1;
            }
            tokens.push(Token::Word(chars[start..i].iter().collect()));
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push(Token::Mark("::", ':'));
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push(Token::Mark("", c));
            }
            i += 1;
        }
    }
    tokens
}

/// Where the content of a raw string starts, and how many `#` close it.
fn raw_string_start(chars: &[char], i: usize) -> Option<(usize, usize)> {
    if i > 0 && (chars[i - 1] == '_' || chars[i - 1].is_alphanumeric()) {
        return None;
    }
    let after = match (chars.get(i)?, chars.get(i + 1)?) {
        ('r', _) => i + 1,
        ('b', 'r') => i + 2,
        _ => return None,
    };
    let hashes = chars[after..].iter().take_while(|c| **c == '#').count();
    (chars.get(after + hashes) == Some(&'"')).then_some((after + hashes + 1, hashes))
}

/// The top-level modules of ours that a file names, by `crate::`, by `yinxin::`, or by climbing with `super::`.
fn used_modules(source: &Source) -> BTreeSet<String> {
    let tokens = &source.tokens;
    let word = |i: usize| match tokens.get(i) {
        Some(Token::Word(w)) => w.as_str(),
        _ => "",
    };
    let joined = |i: usize| tokens.get(i) == Some(&Token::Mark("::", ':'));
    let own = source.modules();
    let mut used = BTreeSet::new();
    // Inline modules that are open, by the depth of braces they stand at.
    let (mut depth, mut inline) = (0_usize, Vec::<(usize, String)>::new());
    let mut i = 0;
    while i < tokens.len() {
        match &tokens[i] {
            Token::Mark(_, '{') => depth += 1,
            Token::Mark(_, '}') => {
                depth = depth.saturating_sub(1);
                inline.retain(|(at, _)| *at < depth + 1);
            }
            Token::Word(w) if w == "mod" && tokens.get(i + 2) == Some(&Token::Mark("", '{')) => {
                inline.push((depth + 1, word(i + 1).to_owned()));
            }
            Token::Word(w) if (w == "crate" || w == "yinxin") && joined(i + 1) => {
                used.extend(first_names(tokens, i + 2));
            }
            // `use crate as other` and the like would hide what is used.
            Token::Word(w) if w == "crate" && word(i + 1) == "as" => {
                used.insert("*".to_owned());
            }
            Token::Word(w) if w == "super" && joined(i + 1) && !joined(i.wrapping_sub(1)) => {
                let mut climbs = 1;
                let mut next = i + 2;
                while word(next) == "super" && joined(next + 1) {
                    (climbs, next) = (climbs + 1, next + 2);
                }
                let here: Vec<&str> = own
                    .iter()
                    .map(String::as_str)
                    .chain(inline.iter().map(|(_, m)| m.as_str()))
                    .collect();
                if climbs >= here.len() {
                    used.extend(first_names(tokens, next));
                }
                i = next;
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    used.remove("self");
    used
}

/// The first names of a path or of a group of paths: `{a::b, c}` → `a`, `c`. A glob is `*`.
fn first_names(tokens: &[Token], i: usize) -> Vec<String> {
    match tokens.get(i) {
        Some(Token::Word(w)) => vec![w.clone()],
        Some(Token::Mark(_, '*')) => vec!["*".to_owned()],
        Some(Token::Mark(_, '{')) => {
            let (mut depth, mut names, mut fresh) = (1, Vec::new(), true);
            for token in &tokens[i + 1..] {
                match token {
                    Token::Mark(_, '{') => depth += 1,
                    Token::Mark(_, '}') => depth -= 1,
                    Token::Mark(_, ',') if depth == 1 => fresh = true,
                    Token::Word(w) if depth == 1 && fresh => {
                        names.push(w.clone());
                        fresh = false;
                    }
                    Token::Mark(_, '*') if depth == 1 && fresh => names.push("*".to_owned()),
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
            names
        }
        _ => Vec::new(),
    }
}

/// Whether a text is a statement of SQL.
fn is_sql(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().take(40).map(str::to_uppercase).collect();
    let has = |word: &str| words.iter().any(|w| w == word);
    match (words.first().map(String::as_str), words.get(1).map(String::as_str)) {
        (Some("SELECT"), _) => text.trim_start().starts_with("SELECT") || has("FROM"),
        (Some("INSERT" | "REPLACE"), next) => next == Some("INTO") || next == Some("OR"),
        (Some("DELETE"), next) => next == Some("FROM"),
        (Some("UPDATE"), _) => has("SET"),
        (Some("CREATE" | "DROP" | "ALTER"), next) => {
            matches!(next, Some("TABLE" | "INDEX" | "VIEW" | "TRIGGER" | "UNIQUE"))
        }
        (Some("PRAGMA" | "WITH"), next) => next.is_some() && text.trim_start().starts_with(|c: char| c.is_uppercase()),
        _ => false,
    }
}

/// Every rule about one source file that it breaks, in words.
fn broken_rules(source: &Source) -> Vec<String> {
    let module = source.module();
    let mut broken = Vec::new();
    let mut say = |what: String| broken.push(format!("src/{}: {what}", source.path));

    for used in used_modules(source) {
        if module != "lib" && !may_use(&module, &used) {
            say(format!("`{module}` may not use `{used}`"));
        }
    }
    for token in &source.tokens {
        match token {
            Token::Word(word) if is_below_api(&module) && (word.starts_with("actix") || word == "StatusCode") => {
                say(format!("`{word}` is named below `api`"));
            }
            Token::Word(word)
                if ["reqwest", "hyper"].contains(&word.as_str())
                    && !WIRING.contains(&module.as_str())
                    && module != "exchange" =>
            {
                say("only `exchange` calls other services".to_owned());
            }
            Token::Word(word) if word == "unsafe" => say("`unsafe` is forbidden".to_owned()),
            // The SQL source reads tables that providers keep: its statements are not about our store.
            Token::Text(text) if module != "storage" && source.path != "exchange/source/sql.rs" && is_sql(text) => {
                say(format!(
                    "SQL outside `storage`: `{}`",
                    text.chars().take(40).collect::<String>()
                ));
            }
            _ => {}
        }
    }
    for name in source.modules() {
        if NO_NAMES.contains(&name.as_str()) {
            say(format!("a module called `{name}` says nothing of what it holds"));
        }
    }
    if let Some(lines) = too_long(&source.text) {
        say(format!(
            "{lines} lines are more than {LONGEST_FILE_LINES}, and the first line gives no reason"
        ));
    }
    broken
}

/// How many lines a file has when they are too many: one that passes the limit says why in its first line, after
/// `// long:` or `//! long:`.
fn too_long(text: &str) -> Option<usize> {
    let lines = text.lines().count();
    let first = text.lines().next().unwrap_or_default();
    let reason = first.trim_start_matches(['/', '!']).trim().strip_prefix("long:");
    (lines > LONGEST_FILE_LINES && reason.is_none_or(|r| r.trim().len() < 10)).then_some(lines)
}

/// Modules of `src/` that `lib.rs` does not list with a line of what they are, and those it lists that are not there.
fn missing_from_map(lib: &str, present: &BTreeSet<String>) -> Vec<String> {
    let listed: BTreeSet<String> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.split_once("; // "))
        .filter(|(_, what)| !what.trim().is_empty())
        .map(|(name, _)| name.to_owned())
        .collect();
    listed.symmetric_difference(present).cloned().collect()
}

/// Packages of a lock file that must not enter.
fn forbidden_packages(lock: &str) -> Vec<&str> {
    lock.lines()
        .filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'))
        .filter(|name| NO_PACKAGES.contains(name))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

#[test]
fn every_file_of_src_keeps_the_directions_and_the_house_rules() {
    let src = root().join("src");
    let mut broken = Vec::new();
    for path in rust_files(&src) {
        let name = path.strip_prefix(&src).unwrap().to_str().unwrap().replace('\\', "/");
        broken.extend(broken_rules(&Source::new(&name, &fs::read_to_string(&path).unwrap())));
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_map_in_lib_rs_names_every_module_and_no_other() {
    let src = root().join("src");
    let present: BTreeSet<String> = fs::read_dir(&src)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "lib" && name != "main")
        .collect();
    let lib = fs::read_to_string(src.join("lib.rs")).unwrap();
    assert_eq!(missing_from_map(&lib, &present), Vec::<String>::new());
}

#[test]
fn no_test_or_benchmark_is_too_long() {
    for folder in ["tests", "benches"]
        .map(|f| root().join(f))
        .iter()
        .filter(|f| f.is_dir())
    {
        for path in rust_files(folder) {
            let lines = too_long(&fs::read_to_string(&path).unwrap());
            assert_eq!(lines, None, "{}", path.display());
        }
    }
}

#[test]
fn the_lock_file_holds_no_second_tls_stack_and_no_known_weak_crate() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    assert_eq!(forbidden_packages(&lock), Vec::<&str>::new());
}

mod the_checker_itself {
    use super::*;

    fn broken(path: &str, text: &str) -> usize {
        broken_rules(&Source::new(path, text)).len()
    }

    #[test]
    fn finds_every_way_of_naming_a_forbidden_peer() {
        for text in [
            "use crate::audit::Entry;",
            "use crate::{ids::CaseId, audit::{Entry, Log}};",
            "use crate::{\n    ids::{CaseId, GrantId},\n    audit,\n};",
            "fn f(e: &crate::audit::Entry) {}",
            "use super::super::audit::Entry;",
            "mod inner { use super::super::super::audit::Entry; }",
            "use yinxin::audit::Entry;",
            "use crate::*;",
            "use crate as ours;",
        ] {
            assert_eq!(broken("policy/engine.rs", text), 1, "{text}");
        }
        assert_eq!(broken("policy.rs", "use super::audit;"), 1);
        assert_eq!(broken("policy/mod.rs", "use super::{case, audit};"), 1);
    }

    #[test]
    fn lets_pass_what_the_map_allows_and_what_is_no_path() {
        for text in [
            "use crate::{case::Case, catalogue::{Mask, Resource}, ids::CaseId};",
            "use super::{Decision, audit};",
            "// use crate::audit::Entry;",
            "/* crate::audit /* nested */ crate::audit */",
            "const A: &str = \"crate::audit::Entry\"; const B: &str = r#\"crate::\"audit\"#;",
            "fn f<'a>(x: &'a str) -> char { '\"' }",
            "mod tests { use super::*; }",
        ] {
            assert_eq!(broken("policy/engine.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn knows_the_directions_of_the_design() {
        for (from, to) in [
            ("ids", "clock"),
            ("audit", "case"),
            ("catalogue", "department"),
            ("exchange", "department"),
            ("exchange", "storage"),
            ("verification", "keys"),
            ("keys", "audit"),
            ("storage", "api"),
            ("api", "storage"),
            ("api", "server"),
            ("api", "pages"),
            ("pages", "storage"),
            ("config", "server"),
        ] {
            assert!(!may_use(from, to), "{from} → {to}");
        }
        for (from, to) in [
            ("policy", "case"),
            ("certificate", "exchange"),
            ("storage", "audit"),
            ("pages", "verification"),
            ("server", "storage"),
            ("cli", "server"),
        ] {
            assert!(may_use(from, to), "{from} → {to}");
        }
    }

    #[test]
    fn finds_http_below_api_calls_from_pages_sql_outside_storage_and_unsafe() {
        assert_eq!(broken("case/mod.rs", "use actix_web::web;"), 1);
        assert_eq!(
            broken("exchange/mod.rs", "fn f() -> reqwest::StatusCode { todo!() }"),
            1
        );
        assert_eq!(broken("api/problem.rs", "use actix_web::http::StatusCode;"), 0);
        assert_eq!(broken("pages/home.rs", "use reqwest::Client;"), 1);
        assert_eq!(broken("exchange/source/http.rs", "use reqwest::Client;"), 0);
        assert_eq!(broken("ids.rs", "unsafe { f() }"), 1);
        for sql in [
            "SELECT 1",
            "\n  INSERT INTO entries VALUES ($1)",
            "select a from b",
            "UPDATE cases SET status = $1",
            "DELETE FROM cases",
            "CREATE TABLE t (x)",
            "PRAGMA journal_mode",
            "INSERT OR IGNORE INTO t VALUES (1)",
        ] {
            assert_eq!(
                broken("pages/home.rs", &format!("const Q: &str = r#\"{sql}\"#;")),
                1,
                "{sql}"
            );
            assert_eq!(
                broken("storage/cases.rs", &format!("const Q: &str = r#\"{sql}\"#;")),
                0,
                "{sql}"
            );
        }
        for prose in ["Select a file", "Update your browser", "delete", "with two pages"] {
            assert_eq!(
                broken("pages/home.rs", &format!("const Q: &str = \"{prose}\";")),
                0,
                "{prose}"
            );
        }
    }

    #[test]
    fn finds_empty_names_and_long_files() {
        assert_eq!(broken("api/utils.rs", ""), 1);
        assert_eq!(broken("api/helper/mod.rs", ""), 1);
        let long = "// x\n".repeat(601);
        assert_eq!(broken("ids.rs", &long), 1);
        assert_eq!(broken("ids.rs", &"// x\n".repeat(600)), 0);
        assert_eq!(
            broken("ids.rs", &format!("//! long: one table of the standard\n{long}")),
            0
        );
        assert_eq!(broken("ids.rs", &format!("//! long: \n{long}")), 1);
    }

    #[test]
    fn finds_modules_that_the_map_does_not_describe() {
        let present: BTreeSet<String> = ["ids", "audit", "hidden"].map(str::to_owned).into();
        let lib = "pub mod ids; // typed\npub mod audit;\npub mod gone; // was here\nmod hidden; // private\n";
        assert_eq!(missing_from_map(lib, &present), ["audit", "gone", "hidden"]);
    }

    #[test]
    fn finds_packages_that_must_not_enter() {
        let lock = "[[package]]\nname = \"h2\"\nversion = \"0.3.1\"\n\n[[package]]\nname = \"ring\"\n";
        assert_eq!(forbidden_packages(lock), ["h2"]);
    }
}
