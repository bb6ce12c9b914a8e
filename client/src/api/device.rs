use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde::Deserialize;
use stint_api::{DEVICE_CLIENT, DEVICE_GRANT_TYPE, DeviceAuthorization, TokenResponse};

use super::{Error, Holder, Identity, SigningKey, Transport, holder};
use crate::clock::Clock;

/// A machine that asks to be let in (RFC 8628).
#[derive(Debug)]
pub struct Device {
    holder: Holder,
    asked: DeviceAuthorization,
}

/// What the broker says of itself (RFC 8414).
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) token_endpoint: String,
    #[serde(default)]
    device_authorization_endpoint: Option<String>,
}

/// What became of it so far.
#[derive(Debug)]
pub enum Decision {
    Waiting,
    /// Ask less often from now on.
    SlowDown,
    /// `client_id` of the login, and whose it is.
    LetIn {
        client_id: String,
        person: String,
    },
}

pub(super) async fn metadata(transport: &Transport, base: &str) -> Result<Metadata, Error> {
    let url = format!("{base}/.well-known/oauth-authorization-server");
    let request =
        Request::get(&url).body(Bytes::new()).map_err(|error| Error::protocol(format!("{url}: {error}")))?;
    holder::read(&transport.exchange(request, Duration::ZERO).await?)
}

impl Device {
    /// Asks the broker at `base` for a code. The login will be bound to `key`.
    pub async fn ask(
        transport: Transport,
        base: &str,
        key: SigningKey,
        device: &str,
        clock: Clock,
    ) -> Result<Self, Error> {
        let metadata = metadata(&transport, base).await?;
        let endpoint = metadata
            .device_authorization_endpoint
            .ok_or_else(|| Error::protocol("this broker is too old for a login by a code"))?;
        let identity = Identity {
            client_id: DEVICE_CLIENT.to_owned(),
            issuer: metadata.issuer,
            token_endpoint: metadata.token_endpoint,
        };
        let holder = Holder::new(identity, key, transport, clock);
        let asked = holder.ask(&endpoint, &[("client_id", DEVICE_CLIENT), ("device", device)]).await?;
        Ok(Device { holder, asked })
    }

    pub fn asked(&self) -> &DeviceAuthorization {
        &self.asked
    }

    pub fn identity(&self) -> &Identity {
        self.holder.identity()
    }

    /// Whether a person has decided by now (RFC 8628 s3.5).
    pub async fn decision(&self) -> Result<Decision, Error> {
        let form = [
            ("grant_type", DEVICE_GRANT_TYPE),
            ("client_id", DEVICE_CLIENT),
            ("device_code", &self.asked.device_code),
        ];
        match self.holder.ask::<TokenResponse>(&self.identity().token_endpoint, &form).await {
            Ok(TokenResponse { client_id: Some(client_id), person: Some(person), .. }) => {
                Ok(Decision::LetIn { client_id, person })
            }
            Ok(_) => Err(Error::protocol("the broker let this machine in without saying as whom")),
            Err(Error::OAuth { error, .. }) if error == "authorization_pending" => Ok(Decision::Waiting),
            Err(Error::OAuth { error, .. }) if error == "slow_down" => Ok(Decision::SlowDown),
            Err(other) => Err(other),
        }
    }
}
