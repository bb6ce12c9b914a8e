//! Who looks at a page: a signed-in person, by the cookie of their browser.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Redirect, Response};
use http::request::Parts;
use http::{HeaderValue, Method, header};
use stint_api::Code;

use super::answer::Failure;
use crate::app::{App, Attention, Browser, PersonCaller, SignedIn};
use crate::listen::Client;

/// A person who is signed in; whoever is not is sent to the sign-in page.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) caller: PersonCaller,
    /// Path and query of the page; empty for a form, whose address shows nothing by itself.
    pub(super) at: String,
    /// What waits for them.
    pub(super) attention: Attention,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let is_page = matches!(parts.method, Method::GET | Method::HEAD);
        let at = parts.uri.path_and_query().filter(|_| is_page).map(ToString::to_string).unwrap_or_default();
        let away = || {
            let next: String = form_urlencoded::byte_serialize(at.as_bytes()).collect();
            Redirect::to(&format!("/console/sign-in?next={next}")).into_response()
        };
        let Some(cookie) = cookie(parts, app.issuer()) else { return Err(away()) };
        match app.identify_sign_in(cookie).await {
            Ok(caller) => {
                let attention = app.attention(&caller).await.unwrap_or_default();
                Ok(Visitor { caller, at, attention })
            }
            Err(error) if error.code == Code::NotAuthenticated => Err(away()),
            Err(error) => Err(Failure(error).into_response()),
        }
    }
}

/// `__Host-` where there is TLS (RFC 6265bis s4.1.3.2). Plain HTTP, which is loopback only, has no such names.
fn cookie_name(origin: &str) -> &'static str {
    if origin.starts_with("https:") { "__Host-stint" } else { "stint-console" }
}

/// The value of our cookie. Two of them are none: one was planted.
fn cookie<'a>(parts: &'a Parts, origin: &str) -> Option<&'a str> {
    named(parts, cookie_name(origin))
}

fn named<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    let pairs = parts.headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut values = pairs
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(own, _)| *own == name);
    match (values.next(), values.next()) {
        (Some((_, value)), None) => Some(value),
        _ => None,
    }
}

/// The header that signs a browser in.
pub(super) fn set_cookie(signed_in: &SignedIn, origin: &str) -> Option<HeaderValue> {
    let (name, value, age) = (cookie_name(origin), &signed_in.cookie, signed_in.lasts.num_seconds());
    let secure = if origin.starts_with("https:") { "; Secure; Path=/" } else { "; Path=/console" };
    HeaderValue::from_str(&format!("{name}={value}; HttpOnly; SameSite=Strict; Max-Age={age}{secure}")).ok()
}

/// The cookie that ties the challenge for a passkey to the browser that asked for it.
fn ceremony_name(origin: &str) -> &'static str {
    if origin.starts_with("https:") { "__Host-stint-passkey" } else { "stint-passkey" }
}

/// The header that sets it, for as long as a challenge lasts.
pub(super) fn set_ceremony(value: &str, origin: &str) -> Option<HeaderValue> {
    let name = ceremony_name(origin);
    let secure = if origin.starts_with("https:") { "; Secure; Path=/" } else { "; Path=/console" };
    HeaderValue::from_str(&format!("{name}={value}; HttpOnly; SameSite=Strict; Max-Age=300{secure}")).ok()
}

/// Its value; empty where there is none, which no challenge was made for.
#[derive(Debug)]
pub(super) struct CeremonyCookie(pub(super) String);

impl FromRequestParts<App> for CeremonyCookie {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(CeremonyCookie(named(parts, ceremony_name(app.issuer())).unwrap_or_default().to_owned()))
    }
}

/// The cookie of a browser that is at the OpenID provider. `Lax`: it comes back from there with the browser, which a strict
/// one would not, and with nothing but a navigation.
fn provider_name(origin: &str) -> &'static str {
    if origin.starts_with("https:") { "__Host-stint-sso" } else { "stint-sso" }
}

/// The header that sets it for so many seconds; for none it is forgotten.
pub(super) fn set_provider(value: &str, seconds: i64, origin: &str) -> Option<HeaderValue> {
    let name = provider_name(origin);
    let secure = if origin.starts_with("https:") { "; Secure; Path=/" } else { "; Path=/console/sso" };
    HeaderValue::from_str(&format!("{name}={value}; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}")).ok()
}

/// Its value; empty where there is none, which no answer of a provider fits.
#[derive(Debug)]
pub(super) struct ProviderCookie(pub(super) String);

impl FromRequestParts<App> for ProviderCookie {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(ProviderCookie(named(parts, provider_name(app.issuer())).unwrap_or_default().to_owned()))
    }
}

/// The header that forgets it.
pub(super) fn forget_cookie(origin: &str) -> Option<HeaderValue> {
    let secure = if origin.starts_with("https:") { "; Secure; Path=/" } else { "; Path=/console" };
    HeaderValue::from_str(&format!("{}=; HttpOnly; SameSite=Strict; Max-Age=0{secure}", cookie_name(origin)))
        .ok()
}

/// A browser that is about to be signed in.
#[derive(Debug)]
pub(super) struct Stranger(pub(super) Browser);

impl<S: Send + Sync> FromRequestParts<S> for Stranger {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let device = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let address = parts.extensions.get::<Client>().map(|client| client.0.to_string());
        Ok(Stranger(Browser {
            device: device.unwrap_or("a browser that does not say what it is").to_owned(),
            address: address.unwrap_or_default(),
        }))
    }
}
