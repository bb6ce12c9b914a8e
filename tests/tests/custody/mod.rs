//! What is kept from leaving and from coming in: credentials of others in requests, new secrets in answers.

mod capture;
mod known;
mod ordinary;
mod protected;
