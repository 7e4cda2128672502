//! The portal's pages: server-rendered HTML in two languages, which work without scripts, without other hosts and under
//! a strict Content-Security-Policy.

mod account;
mod assets;
mod audit;
mod catalogue;
mod docs;
mod error;
mod home;
mod journal;
mod labels;
mod lang;
mod page;
mod session;
mod sign_in;
mod texts;
mod verdict;
mod verify;
mod visitor;

use actix_web::{
    Resource, Route, guard,
    middleware::from_fn,
    web::{self, ServiceConfig},
};

use self::error::PageError;
pub use self::session::Sessions;

/// The largest form, in bytes.
const FORM_BYTES: usize = 16_384;

/// What the pages are told by the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where departments' systems reach the exchange listener, for the calls to copy: `https://…`.
    pub exchange_url: String,
}

/// The pages of the portal listener, and its answer to every path that nothing else answers: to be added last. They
/// take from the application's data: `Accounts`, `Catalogue`, `dyn Clock`, `Desk`, `Limits`, `Log`,
/// `PseudonymKey`, `Sessions` and `Settings`.
pub fn routes(config: &mut ServiceConfig) {
    config.route("/assets/{hash}/{name}", get().to(assets::show));
    let mut add = |resource: Resource| {
        config.service(
            resource
                .app_data(
                    web::FormConfig::default()
                        .limit(FORM_BYTES)
                        .error_handler(|error, _| match error {
                            actix_web::error::UrlencodedError::Overflow { .. } => PageError::TooLarge.into(),
                            _ => PageError::BadRequest.into(),
                        }),
                )
                .app_data(web::QueryConfig::default().error_handler(|_, _| PageError::BadRequest.into()))
                .default_service(web::to(error::method_not_allowed))
                .wrap(from_fn(visitor::dress)),
        );
    };
    add(web::resource("/").route(get().to(home::show)));
    add(web::resource("/catalogue").route(get().to(catalogue::list)));
    add(web::resource("/catalogue/{code}").route(get().to(catalogue::show)));
    add(web::resource("/docs").route(get().to(docs::show)));
    add(web::resource("/sign-in")
        .route(get().to(sign_in::show))
        .route(web::post().to(sign_in::sign_in)));
    add(web::resource("/sign-out").route(web::post().to(sign_in::sign_out)));
    add(web::resource("/account").route(get().to(account::show)));
    add(web::resource("/audit")
        .route(get().to(audit::list))
        .route(web::post().to(audit::find_person)));
    add(web::resource("/verify")
        .route(get().to(verify::show))
        .route(web::post().to(verify::check_files)));
    add(web::resource("/verify/page").route(web::post().to(verify::draw)));
    add(web::resource("/verify/reports/{id}.pdf").route(get().to(verify::paper)));
    add(web::resource("/verify/reports/{id}").route(get().to(verify::report)));
    add(web::resource("/verify/code").route(web::post().to(verify::look_up)));
    add(web::resource("/{any:.*}").route(web::route().to(error::not_found)));
}

/// GET and, as HTTP asks for, HEAD.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}
