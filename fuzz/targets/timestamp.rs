//! Timestamps: requests, responses, tokens and what a token says (RFC 3161).
#![no_main]

use libfuzzer_sys::fuzz_target;
use yinxin::formats::timestamp::{Request, Response, Token, TstInfo};

fuzz_target!(|bytes: &[u8]| {
    let _ = Response::parse(bytes);
    let _ = Token::parse(bytes);
    // What is read is what is written: our own authority answers with it.
    if let Ok(request) = Request::parse(bytes) {
        let again = request.to_der().expect("a request that was read can be written");
        assert_eq!(Request::parse(&again), Ok(request));
    }
    if let Ok(info) = TstInfo::parse(bytes) {
        let _ = info.to_der();
    }
});
