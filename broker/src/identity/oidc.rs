//! OpenID Connect as its client sees it: what a provider says of itself, the URL that a browser is sent to, the exchange
//! of a code, and what of a verified identity token counts here.
//!
//! Code flow with PKCE only (OpenID Connect Core 1.0 s3.1, RFC 7636, RFC 9700 s2.1.1).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use form_urlencoded::{Serializer, byte_serialize};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};
use stint_jose::strict_json;

use crate::secret::Secret;

/// Groups of one person that are looked at.
const MAX_GROUPS: usize = 2000;
/// From the strongest on.
const STRENGTH: [&str; 4] = ["owner", "approver", "operator", "auditor"];

/// What a provider said that cannot be used. The text is for people and holds nothing secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OidcError(pub String);

/// A provider's own description (Discovery 1.0 s3), as far as it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    /// Whether every answer names its issuer (RFC 9207 s3).
    pub names_issuer: bool,
    /// The client's secret goes into the body and not into a header.
    secret_in_body: bool,
    /// Whether it says that it checks PKCE (RFC 8414 s2).
    pub says_pkce: bool,
}

/// What a browser is sent to the provider with.
#[derive(Debug, Clone, Copy)]
pub struct AuthorizationRequest<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub scopes: &'a [String],
    pub state: &'a str,
    pub nonce: &'a str,
    /// The PKCE verifier, which stays here; its digest is sent.
    pub verifier: &'a str,
    /// The provider is to ask the person anew, however long they have been signed in there (Core 1.0 s3.1.2.1).
    pub again: bool,
}

/// The exchange of a code (Core 1.0 s3.1.3.1): a form, and a header where the secret is not in it. Holds the secret.
pub struct CodeExchange {
    pub authorization: Option<String>,
    pub body: String,
}

impl fmt::Debug for CodeExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Where a provider describes itself (Discovery 1.0 s4).
pub fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

impl Discovered {
    /// `issuer` is the configured one: another one's description is not taken, whoever sent it (RFC 9700 s4.4).
    pub fn parse(json: &[u8], issuer: &str) -> Result<Self, OidcError> {
        let wrong = |text: String| OidcError(format!("the provider's description {text}"));
        let value = strict_json::parse(json, strict_json::MAX_DEPTH)
            .map_err(|_| wrong("is not strict JSON".to_owned()))?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        if text("issuer") != Some(issuer) {
            return Err(wrong("names another issuer than sso.issuer".to_owned()));
        }
        let url = |name: &str| {
            let url = text(name).ok_or_else(|| wrong(format!("has no {name}")))?;
            let secure =
                url.starts_with("https://") || issuer.starts_with("http://") && url.starts_with("http://");
            let plain =
                url.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '#' | '\\' | '"' | '<' | '>'));
            if secure && plain && url.len() <= 2048 {
                return Ok(url.to_owned());
            }
            Err(wrong(format!("has a {name} that is no https URL")))
        };
        let lists = |name: &str, word: &str| -> Option<bool> {
            let list = value.get(name)?.as_array()?;
            Some(list.iter().any(|one| one.as_str() == Some(word)))
        };
        let methods = "token_endpoint_auth_methods_supported";
        Ok(Discovered {
            authorization_endpoint: url("authorization_endpoint")?,
            token_endpoint: url("token_endpoint")?,
            jwks_uri: url("jwks_uri")?,
            names_issuer: value.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
            // Without a list it is the header (Discovery 1.0 s3).
            secret_in_body: lists(methods, "client_secret_basic") == Some(false)
                && lists(methods, "client_secret_post") == Some(true),
            says_pkce: lists("code_challenge_methods_supported", "S256") == Some(true),
        })
    }

    /// The URL that begins a sign-in.
    pub fn authorization_url(&self, request: &AuthorizationRequest<'_>) -> String {
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", request.client_id)
            .append_pair("redirect_uri", request.redirect_uri)
            .append_pair("scope", &request.scopes.join(" "))
            .append_pair("state", request.state)
            .append_pair("nonce", request.nonce)
            .append_pair("code_challenge", &challenge(request.verifier))
            .append_pair("code_challenge_method", "S256");
        if request.again {
            query.append_pair("prompt", "login").append_pair("max_age", "0");
        }
        let join = if self.authorization_endpoint.contains('?') { '&' } else { '?' };
        format!("{}{join}{}", self.authorization_endpoint, query.finish())
    }

    pub fn exchange(
        &self,
        client_id: &str,
        secret: Option<&Secret>,
        redirect_uri: &str,
        code: &str,
        verifier: &str,
    ) -> Result<CodeExchange, OidcError> {
        let secret = secret.map(|secret| std::str::from_utf8(secret.expose())).transpose();
        let secret = secret.map_err(|_| OidcError("the client's secret is not text".to_owned()))?;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("code_verifier", verifier);
        let mut authorization = None;
        match secret {
            // RFC 6749 s2.3.1: both are encoded as in a form before they are joined.
            Some(secret) if !self.secret_in_body => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encoded(client_id), encoded(secret));
                authorization = Some(format!("Basic {}", STANDARD.encode(pair)));
            }
            Some(secret) => {
                form.append_pair("client_id", client_id).append_pair("client_secret", secret);
            }
            None => {
                form.append_pair("client_id", client_id);
            }
        }
        Ok(CodeExchange { authorization, body: form.finish() })
    }
}

/// The identity token in an answer of the token endpoint; or the error's code, which is OAuth's own word.
pub fn id_token(status: u16, json: &[u8]) -> Result<String, OidcError> {
    let value = strict_json::parse(json, strict_json::MAX_DEPTH).map_err(|_| {
        OidcError(format!("the provider's token endpoint answered {status} without strict JSON"))
    })?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    match text("id_token") {
        Some(token) if status == 200 => Ok(token.to_owned()),
        None if status == 200 => Err(OidcError("the provider gave no identity token".to_owned())),
        _ => Err(OidcError(format!(
            "the provider's token endpoint answered {status}: {}",
            word(text("error").unwrap_or("no reason given"))
        ))),
    }
}

/// A code that another party chose, short and without anything but plain letters.
pub fn word(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.'))
        .take(80)
        .collect()
}

/// The groups that a token lists under `claim`: the member of that name or, where it has dots and there is none, the
/// member that they lead to (`realm_access.roles`). A single string is one group.
pub fn groups(claims: &Map<String, Value>, claim: &str) -> Vec<String> {
    let nested = || {
        let mut names = claim.split('.');
        let first = claims.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match claims.get(claim).or_else(nested) {
        Some(Value::Array(list)) => list.iter().take(MAX_GROUPS).filter_map(text).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

/// The strongest role that the groups are mapped to.
pub fn role(groups: &[String], roles: &BTreeMap<String, String>) -> Option<&'static str> {
    let given: Vec<&String> = groups.iter().filter_map(|group| roles.get(group)).collect();
    STRENGTH.into_iter().find(|role| given.iter().any(|own| own == role))
}

/// What a person who was never here is to be called: what they call themselves at the provider, before any `@`, in the
/// letters that names have. Only a wish: who they are is the issuer and the subject.
pub fn wished_name(claims: &Map<String, Value>) -> String {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let given = text("preferred_username").or_else(|| text("nickname")).or_else(|| text("email"));
    let given = given.or_else(|| text("name")).or_else(|| text("sub")).unwrap_or_default().trim();
    let local = given.split('@').next().unwrap_or_default().to_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let mut name = String::new();
    for c in local.chars().map(|c| if fits(c) { c } else { '-' }) {
        let doubled = !c.is_ascii_alphanumeric() && name.ends_with(['-', '_', '.']);
        if name.len() < 64 && !doubled && (c.is_ascii_alphanumeric() || !name.is_empty()) {
            name.push(c);
        }
    }
    name.trim_end_matches(['-', '_', '.']).to_owned()
}

/// RFC 7636 s4.2.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example/r/1/";

    fn description() -> Value {
        json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/authorize?tenant=1",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://keys.example/jwks",
        })
    }

    fn parsed(value: &Value) -> Result<Discovered, OidcError> {
        Discovered::parse(value.to_string().as_bytes(), ISSUER)
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn the_challenge_is_the_one_of_the_standard() {
        // RFC 7636 appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert_eq!(discovery_url(ISSUER), "https://id.example/r/1/.well-known/openid-configuration");
    }

    #[test]
    fn a_description_of_another_issuer_or_without_tls_is_not_taken() {
        assert!(parsed(&description()).is_ok());
        for (name, value) in [
            ("issuer", json!("https://id.example/r/1")),
            ("issuer", Value::Null),
            ("token_endpoint", json!("http://id.example/token")),
            ("token_endpoint", json!("https://id.example/to ken")),
            ("jwks_uri", Value::Null),
            ("authorization_endpoint", json!("javascript:alert(1)")),
        ] {
            let mut other = description();
            other[name] = value;
            assert!(parsed(&other).is_err(), "{name}");
        }
    }

    #[test]
    fn a_browser_is_sent_with_everything_and_never_with_the_verifier() {
        let scopes = ["openid".to_owned(), "a b".to_owned()];
        let request = AuthorizationRequest {
            client_id: "stint&x",
            redirect_uri: "https://b/cb",
            scopes: &scopes,
            state: "s",
            nonce: "n",
            verifier: "v",
            again: true,
        };
        let url = parsed(&description()).unwrap().authorization_url(&request);
        assert!(
            url.starts_with("https://id.example/authorize?tenant=1&response_type=code&client_id=stint%26x&")
        );
        assert!(url.ends_with("&code_challenge_method=S256&prompt=login&max_age=0"), "{url}");
        assert!(!url.contains("=v&"));
    }

    #[test]
    fn the_secret_goes_where_the_provider_takes_it() {
        let secret = Secret::from("a:b %".to_owned());
        let basic = parsed(&description()).unwrap();
        let exchange = basic.exchange("id", Some(&secret), "https://b/cb", "c", "v").unwrap();
        assert_eq!(exchange.authorization, Some(format!("Basic {}", STANDARD.encode("id:a%3Ab+%25"))));
        assert!(!exchange.body.contains("secret") && format!("{exchange:?}") == "[redacted]");
        let mut other = description();
        other["token_endpoint_auth_methods_supported"] = json!(["client_secret_post"]);
        let exchange = parsed(&other).unwrap().exchange("id", Some(&secret), "r", "c", "v").unwrap();
        assert!(exchange.authorization.is_none() && exchange.body.ends_with("client_secret=a%3Ab+%25"));
    }

    #[test]
    fn the_strongest_role_counts_and_an_unmapped_group_none() {
        let roles = [("a", "auditor"), ("o", "owner"), ("p", "operator")];
        let roles = roles.into_iter().map(|(group, role)| (group.to_owned(), role.to_owned())).collect();
        let of = |claim: Value| {
            let claims = object(json!({ "groups": claim, "realm": { "roles": ["p"] } }));
            (role(&groups(&claims, "groups"), &roles), role(&groups(&claims, "realm.roles"), &roles))
        };
        assert_eq!(of(json!(["a", "o", "x", 7])), (Some("owner"), Some("operator")));
        assert_eq!(of(json!("a")).0, Some("auditor"));
        for none in [json!(["x"]), json!([]), Value::Null, json!({ "o": true }), json!([["o"]]), json!("o,a")]
        {
            assert_eq!(of(none.clone()).0, None, "{none}");
        }
    }

    #[test]
    fn a_wished_name_is_one_that_names_can_be() {
        for (given, name) in [
            ("Alice@example.com", "alice"),
            ("..Zo\u{eb} van Dam", "zo-van-dam"),
            ("a\u{202e}b", "a-b"),
            ("\u{4e2d}", ""),
            ("x..y", "x.y"),
        ] {
            assert_eq!(
                wished_name(&object(json!({ "preferred_username": given, "sub": "s" }))),
                name,
                "{given}"
            );
        }
        assert_eq!(wished_name(&object(json!({ "sub": "00u1", "email": "bob@x" }))), "bob");
    }
}
