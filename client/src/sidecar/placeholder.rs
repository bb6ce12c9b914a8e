use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderName};
use http::{HeaderMap, HeaderValue};
use stint_api::{Code, HEADER_DOWNSTREAM_AUTHORIZATION, Problem, SessionCredential};

/// Finds the credential that a request asks for, and takes its placeholder out of the headers.
///
/// Only a value that is exactly the placeholder of a credential for this very host is taken out. Whatever else looks
/// like a credential stays, for the gateway to judge and record: an `Authorization` value moves to
/// `stint-downstream-authorization`, since the session's own token takes its place. `None` where the session has no
/// credential for the host: the gateway refuses that too, and records it with what was found in the request.
pub(super) fn choose<'a>(
    headers: &mut HeaderMap,
    host: &str,
    credentials: &'a [SessionCredential],
) -> Result<Option<&'a SessionCredential>, Box<Problem>> {
    let mut candidates =
        credentials.iter().filter(|credential| credential.hosts.iter().any(|known| known == host));
    let carried: Vec<(HeaderName, HeaderValue, &SessionCredential)> = headers
        .iter()
        .filter_map(|(name, value)| {
            let carried =
                candidates.clone().find(|credential| carries(name, value, &credential.placeholder))?;
            Some((name.clone(), value.clone(), carried))
        })
        .collect();
    let chosen = match carried.first() {
        Some((_, _, chosen)) => Some(*chosen),
        None => only(host, candidates.next(), candidates.count(), headers)?,
    };
    if carried.iter().any(|(_, _, other)| chosen.is_some_and(|chosen| other.name != chosen.name)) {
        let detail = format!("the request carries the placeholders of several credentials for {host}");
        return Err(Problem::new(Code::AmbiguousRequest, detail).into());
    }
    for (name, value, _) in &carried {
        remove(headers, name, value);
    }
    hand_on_authorization(headers);
    Ok(chosen)
}

/// The credential of a request that names none. Several are a choice that is not ours, unless the request carries a
/// credential of its own: then any door will do, for the gateway refuses it there and records it.
fn only<'a>(
    host: &str,
    first: Option<&'a SessionCredential>,
    others: usize,
    headers: &HeaderMap,
) -> Result<Option<&'a SessionCredential>, Box<Problem>> {
    match first {
        Some(credential) if others == 0 || headers.contains_key(AUTHORIZATION) => Ok(Some(credential)),
        Some(_) => {
            let detail = format!("the session has several credentials for {host} and the request names none");
            Err(Problem::new(Code::AmbiguousRequest, detail)
                .hint("send the placeholder of the one that is meant, as the provider's own tools do")
                .into())
        }
        // The gateway refuses it, with what it carries, and records it.
        None => Ok(None),
    }
}

/// Whether a header value is the placeholder: as it is, after a scheme, or as user or password of Basic.
fn carries(name: &HeaderName, value: &HeaderValue, placeholder: &str) -> bool {
    let Ok(text) = value.to_str() else { return false };
    if text.trim() == placeholder {
        return true;
    }
    if name != AUTHORIZATION {
        return false;
    }
    let Some((scheme, rest)) = text.trim().split_once(' ') else { return false };
    let rest = rest.trim();
    if !scheme.eq_ignore_ascii_case("basic") {
        return rest == placeholder;
    }
    let Some(pair) = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return false;
    };
    pair.split_once(':').is_some_and(|(user, password)| user == placeholder || password == placeholder)
}

/// Takes one value out of a header that may have several.
fn remove(headers: &mut HeaderMap, name: &HeaderName, value: &HeaderValue) {
    let rest: Vec<HeaderValue> =
        headers.get_all(name).iter().filter(|other| *other != value).cloned().collect();
    headers.remove(name);
    for other in rest {
        headers.append(name, other);
    }
}

fn hand_on_authorization(headers: &mut HeaderMap) {
    let own: Vec<HeaderValue> = headers.get_all(AUTHORIZATION).iter().cloned().collect();
    headers.remove(AUTHORIZATION);
    for value in own {
        headers.append(HeaderName::from_static(HEADER_DOWNSTREAM_AUTHORIZATION), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAILWAY: &str = "backboard.railway.app";

    fn credential(name: &str, host: &str, placeholder: &str) -> SessionCredential {
        SessionCredential {
            name: name.into(),
            provider: "p".into(),
            hosts: vec![host.into()],
            git_hosts: Vec::new(),
            placeholder: placeholder.into(),
            variables: Vec::new(),
        }
    }

    fn session() -> Vec<SessionCredential> {
        vec![
            credential("railway", RAILWAY, "1111"),
            credential("github", "api.github.com", "ghp_1"),
            credential("github-admin", "api.github.com", "ghp_2"),
        ]
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn code(result: Result<Option<&SessionCredential>, Box<Problem>>) -> String {
        result.unwrap_err().code
    }

    #[test]
    fn a_placeholder_is_taken_out_wherever_tools_put_it() {
        let session = session();
        let basic = format!("Basic {}", STANDARD.encode("x-access-token:1111"));
        for (name, value) in [
            ("authorization", "Bearer 1111"),
            ("authorization", "token 1111"),
            ("authorization", basic.as_str()),
            ("project-access-token", "1111"),
        ] {
            let mut map = headers(&[(name, value), ("accept", "*/*")]);
            assert_eq!(
                choose(&mut map, RAILWAY, &session).unwrap().unwrap().name,
                "railway",
                "{name}: {value}"
            );
            assert_eq!(map, headers(&[("accept", "*/*")]), "{name}: {value}");
        }
    }

    #[test]
    fn the_placeholder_says_which_of_several_is_meant() {
        let session = session();
        let mut map = headers(&[("authorization", "Bearer ghp_2")]);
        assert_eq!(choose(&mut map, "api.github.com", &session).unwrap().unwrap().name, "github-admin");
        assert!(map.is_empty());
        assert_eq!(code(choose(&mut headers(&[]), "api.github.com", &session)), "ambiguous_request");
        let mut both = headers(&[("authorization", "Bearer ghp_1"), ("x-token", "ghp_2")]);
        assert_eq!(code(choose(&mut both, "api.github.com", &session)), "ambiguous_request");
    }

    #[test]
    fn a_foreign_credential_goes_to_the_gateway_to_be_judged() {
        let session = session();
        let mut map = headers(&[("authorization", "Bearer found-in-a-file")]);
        assert_eq!(choose(&mut map, RAILWAY, &session).unwrap().unwrap().name, "railway");
        assert_eq!(map, headers(&[(HEADER_DOWNSTREAM_AUTHORIZATION, "Bearer found-in-a-file")]));
        // Beside the right placeholder, and in another header, it still is seen.
        let mut beside = headers(&[("authorization", "Bearer 1111"), ("project-access-token", "found")]);
        choose(&mut beside, RAILWAY, &session).unwrap();
        assert_eq!(beside, headers(&[("project-access-token", "found")]));
        // The placeholder of another credential is foreign on this host.
        let mut other = headers(&[("authorization", "Bearer ghp_1")]);
        choose(&mut other, RAILWAY, &session).unwrap();
        assert_eq!(other, headers(&[(HEADER_DOWNSTREAM_AUTHORIZATION, "Bearer ghp_1")]));
    }

    #[test]
    fn what_only_contains_the_placeholder_is_not_it() {
        let session = session();
        for value in ["Bearer 11112", "Bearer 1111 1111", "Bearer x1111"] {
            let mut map = headers(&[("authorization", value)]);
            choose(&mut map, RAILWAY, &session).unwrap();
            assert_eq!(map, headers(&[(HEADER_DOWNSTREAM_AUTHORIZATION, value)]));
        }
    }

    #[test]
    fn a_host_without_a_credential_is_left_to_the_gateway() {
        let session = session();
        assert!(choose(&mut headers(&[]), "api.stripe.com", &session).unwrap().is_none());
        let mut foreign = headers(&[("authorization", "Bearer sk_live_1")]);
        assert!(choose(&mut foreign, "api.stripe.com", &session).unwrap().is_none());
        assert_eq!(foreign, headers(&[(HEADER_DOWNSTREAM_AUTHORIZATION, "Bearer sk_live_1")]));
    }
}
