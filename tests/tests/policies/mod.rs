//! Policies that people manage: judged before they are used, versions, two owners for what ships, rules from requests.

mod ground;
mod managed;
mod pages;
mod reach;
mod rules;
