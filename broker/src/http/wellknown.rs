//! Metadata: RFC 8414, RFC 9728, RFC 7517. Says what works now, nothing that is to come.

use axum::extract::State;
use serde_json::{Value, json};

use super::caller::Failed;
use super::json::Answer;
use crate::app::App;

pub(super) async fn authorization_server(State(app): State<App>) -> Answer<Value> {
    let issuer = app.issuer();
    Answer(json!({
        "issuer": issuer,
        "token_endpoint": app.token_endpoint(),
        "jwks_uri": format!("{issuer}/oauth/jwks"),
        "device_authorization_endpoint": format!("{issuer}/oauth/device_authorization"),
        "grant_types_supported": ["client_credentials", stint_api::DEVICE_GRANT_TYPE],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported": ["EdDSA", "ES256"],
        "dpop_signing_alg_values_supported": ["EdDSA", "ES256"],
        "authorization_details_types_supported": ["stint"],
        "protected_resources": [app.gateway_url()],
    }))
}

pub(super) async fn protected_resource(State(app): State<App>) -> Answer<Value> {
    Answer(json!({
        "resource": app.gateway_url(),
        "authorization_servers": [app.issuer()],
        "dpop_bound_access_tokens_required": true,
        "dpop_signing_alg_values_supported": ["EdDSA", "ES256"],
        "authorization_details_types_supported": ["stint"],
    }))
}

pub(super) async fn jwks(State(app): State<App>) -> Result<Answer<Value>, Failed> {
    Ok(Answer(app.jwks()?))
}
