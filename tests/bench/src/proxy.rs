//! The floor of a gateway: a reverse proxy of the same HTTP library that sets one header and judges nothing.

use std::io::Write as _;
use std::net::SocketAddr;

use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use crate::Result;

/// Forward to `upstream` for ever; the address goes to standard output.
pub(crate) fn serve(upstream: SocketAddr) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async move {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let client = client.clone();
            let service = service_fn(move |request| {
                let client = client.clone();
                async move { forward(&client, upstream, request).await.map_err(|error| error.to_string()) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    })
}

async fn forward(
    client: &Client<hyper_util::client::legacy::connect::HttpConnector, Incoming>,
    upstream: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response<Incoming>> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    *request.uri_mut() = Uri::try_from(format!("http://{upstream}{target}"))?;
    request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static("Bearer a-token-of-the-provider"));
    Ok(client.request(request).await?)
}
