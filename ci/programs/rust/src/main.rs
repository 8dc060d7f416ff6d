//! The application around the code of the page, which the test writes into page.rs. Its environment is the Secret.
mod page;

use std::collections::HashMap;
use std::env;
use std::error::Error;

use openidconnect::{Nonce, OAuth2TokenResponse, PkceCodeVerifier, url::Url};
use tiny_http::{Header, Request, Response, Server};

/// A sign-in that has begun, or a person who is here.
enum Session {
    Begun(Nonce, PkceCodeVerifier),
    Here(page::Tokens, serde_json::Value),
}

/// By the state, which is the cookie too.
type Sessions = HashMap<String, Session>;

type Answer = Result<(u16, String, Vec<(&'static str, String)>), Box<dyn Error>>;

fn answer(request: &Request, sessions: &mut Sessions) -> Answer {
    let http = page::http()?;
    let asked = Url::parse("http://here")?.join(request.url())?;
    let cookie = request.headers().iter().find(|header| header.field.equiv("Cookie"));
    let key = cookie.and_then(|header| header.value.as_str().strip_prefix("session=")).unwrap_or("").to_string();
    let to = |place: String| (302, String::new(), vec![("Location", place)]);
    match (asked.path(), sessions.remove(&key)) {
        ("/login", _) => {
            let (url, state, nonce, verifier) = page::begin(&page::client(&http)?)?;
            sessions.insert(state.secret().clone(), Session::Begun(nonce, verifier));
            let (status, body, mut headers) = to(url.to_string());
            headers.push(("Set-Cookie", format!("session={}; Path=/", state.secret())));
            Ok((status, body, headers))
        }
        ("/callback", Some(Session::Begun(nonce, verifier))) => {
            let given: HashMap<_, _> = asked.query_pairs().into_owned().collect();
            if given.get("state") != Some(&key) {
                return Err("another sign-in".into());
            }
            let code = given.get("code").ok_or("no code")?.clone();
            let client = page::client(&http)?;
            let tokens = page::finish(&client, &http, code, verifier)?;
            let claims = serde_json::to_value(page::who(&client, &tokens, &nonce)?)?;
            sessions.insert(key, Session::Here(tokens, claims));
            Ok(to("/".to_string()))
        }
        ("/", Some(Session::Here(tokens, claims))) => {
            let body = claims.to_string();
            sessions.insert(key, Session::Here(tokens, claims));
            Ok((200, body, vec![]))
        }
        ("/refresh", Some(Session::Here(tokens, claims))) => {
            let old = tokens.refresh_token().ok_or("no refresh token")?;
            let new = page::refresh(&page::client(&http)?, &http, old)?;
            sessions.insert(key, Session::Here(new, claims));
            Ok((200, String::new(), vec![]))
        }
        ("/logout", Some(Session::Here(tokens, _))) => {
            let home = format!("http://{}/", env::var("LISTEN")?);
            Ok(to(page::leave(&tokens, home)?.to_string()))
        }
        _ => Ok((401, "nobody is signed in".to_string(), vec![])),
    }
}

/// What went wrong, with what caused it.
fn told(error: &dyn Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", told(cause)),
        None => error.to_string(),
    }
}

fn main() {
    let server = Server::http(env::var("LISTEN").expect("LISTEN")).expect("a port");
    let mut sessions = Sessions::new();
    for request in server.incoming_requests() {
        let (status, body, headers) =
            answer(&request, &mut sessions).unwrap_or_else(|error| (500, told(error.as_ref()), vec![]));
        let headers = headers.iter().map(|(name, value)| {
            Header::from_bytes(name.as_bytes(), value.as_bytes()).expect("a header")
        });
        let response = headers.fold(Response::from_string(body).with_status_code(status), Response::with_header);
        request.respond(response).ok();
    }
}
