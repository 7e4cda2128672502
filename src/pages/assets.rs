use std::sync::LazyLock;

use actix_web::{HttpResponse, http::header, web};
use ring::digest;

/// A file that the pages load. Its address holds the digest of its bytes, so that it can be kept for ever.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

static ASSETS: [Asset; 5] = [
    Asset {
        name: "portal.css",
        content_type: "text/css; charset=utf-8",
        body: include_bytes!("assets/portal.css"),
    },
    Asset {
        name: "copy.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_bytes!("assets/copy.js"),
    },
    Asset {
        name: "compare.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_bytes!("assets/compare.js"),
    },
    Asset {
        name: "verify.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_bytes!("assets/verify.js"),
    },
    Asset {
        name: "seal.svg",
        content_type: "image/svg+xml",
        body: include_bytes!("assets/seal.svg"),
    },
];

/// The addresses of the assets, for the templates.
pub(super) struct Urls {
    pub(super) css: String,
    pub(super) copy_js: String,
    pub(super) compare_js: String,
    pub(super) verify_js: String,
    pub(super) seal: String,
}

pub(super) static URLS: LazyLock<Urls> = LazyLock::new(|| {
    let [css, copy_js, compare_js, verify_js, seal] = &ASSETS;
    Urls {
        css: css.url(),
        copy_js: copy_js.url(),
        compare_js: compare_js.url(),
        verify_js: verify_js.url(),
        seal: seal.url(),
    }
});

impl Asset {
    fn url(&self) -> String {
        format!("/assets/{}/{}", self.hash(), self.name)
    }

    fn hash(&self) -> String {
        let digest = digest::digest(&digest::SHA256, self.body);
        let (head, _) = digest.as_ref().split_at(8);
        data_encoding::HEXLOWER.encode(head)
    }
}

/// `GET /assets/{hash}/{name}`
pub(super) async fn show(path: web::Path<(String, String)>) -> HttpResponse {
    let (hash, name) = path.into_inner();
    match ASSETS.iter().find(|asset| asset.name == name && asset.hash() == hash) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, asset.content_type))
            .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .body(asset.body),
        None => HttpResponse::NotFound()
            .content_type("text/plain; charset=utf-8")
            .body("not found\n"),
    }
}
