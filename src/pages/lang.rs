use std::fmt;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    http::header::ACCEPT_LANGUAGE,
};

/// The cookie that remembers the language.
const COOKIE: &str = "lang";
/// How long it is remembered, in days.
const COOKIE_DAYS: i64 = 365;

/// The languages of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lang {
    Zh,
    En,
}

impl Lang {
    /// By `?lang=`, else the cookie, else `Accept-Language`, else Chinese.
    pub(super) fn of(request: &HttpRequest) -> Self {
        Self::asked_for(request.query_string())
            .or_else(|| request.cookie(COOKIE).and_then(|cookie| Self::parse(cookie.value())))
            .or_else(|| {
                let header = request.headers().get(ACCEPT_LANGUAGE)?.to_str().ok()?;
                Self::accepted(header)
            })
            .unwrap_or(Self::Zh)
    }

    /// The language that `?lang=` names.
    pub(super) fn asked_for(query: &str) -> Option<Self> {
        query
            .split('&')
            .find_map(|pair| Self::parse(pair.strip_prefix("lang=")?))
    }

    pub(super) fn cookie(self) -> Cookie<'static> {
        Cookie::build(COOKIE, self.tag())
            .path("/")
            .secure(true)
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(Duration::days(COOKIE_DAYS))
            .finish()
    }

    /// The language tag, for `<html lang>` and `?lang=`.
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::Zh => "zh-CN",
            Self::En => "en",
        }
    }

    pub(super) fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }

    /// The one of two texts that is in this language.
    pub(super) fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En if en.is_empty() => zh,
            Self::En => en,
        }
    }

    fn parse(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        if primary.eq_ignore_ascii_case("zh") {
            Some(Self::Zh)
        } else if primary.eq_ignore_ascii_case("en") {
            Some(Self::En)
        } else {
            None
        }
    }

    /// RFC 9110 12.5.4: the known language of the greatest weight, the first of equals.
    fn accepted(header: &str) -> Option<Self> {
        let mut best = None;
        for range in header.split(',').take(32) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let weight: f32 = match parameters.trim().strip_prefix("q=") {
                Some(text) => text.trim().parse().unwrap_or(0.0),
                None => 1.0,
            };
            if let Some(lang) = Self::parse(tag)
                && weight > best.map_or(0.0, |(_, best)| best)
            {
                best = Some((lang, weight));
            }
        }
        best.map(|(lang, _)| lang)
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_language_of_the_greatest_weight_is_taken() {
        for (header, lang) in [
            ("en-GB,en;q=0.9,zh-CN;q=0.8", Some(Lang::En)),
            ("fr, en;q=0.4, zh;q=0.7", Some(Lang::Zh)),
            ("ug;q=0.9, en;q=0", None),
            ("", None),
            ("en;q=nonsense", None),
        ] {
            assert_eq!(Lang::accepted(header), lang, "{header}");
        }
    }

    #[test]
    fn the_address_names_the_language_only_by_its_own_parameter() {
        assert_eq!(Lang::asked_for("q=lang%3Den&lang=en"), Some(Lang::En));
        assert_eq!(Lang::asked_for("slang=en&lang=xx"), None);
    }
}
