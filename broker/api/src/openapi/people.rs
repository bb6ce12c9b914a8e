//! Calls about people, their accounts, and where they are told of things.

use super::calls::{call, get, post};
use super::{Call, Who};
use crate::*;

pub(super) fn people() -> Vec<Call> {
    const GROUP: &str = "People";
    let own = |path, summary| post(GROUP, path, summary, Who::AnyLogin).nothing().gives::<Account>();
    let of = |path, summary| post(GROUP, path, summary, Who::Administrators);
    let mine = |method, path, summary| {
        call(method, GROUP, path, summary, Who::Readers).fails(&[Code::StepUpRequired, Code::Conflict])
    };
    vec![
        get(GROUP, "/v1/account", "One's own ways in, browsers and logins", Who::AnyLogin).gives::<Account>(),
        own("/v1/account/sign-ins/{id}/end", "Sign one's own browser out"),
        own("/v1/account/logins/{id}/end", "End one's own login of a machine"),
        mine("POST", "/v1/account/password", "Set or change one's own password")
            .takes::<SetPassword>()
            .gives::<Account>(),
        mine("DELETE", "/v1/account/password", "Remove it, where there is a passkey").gives::<Account>(),
        mine("PATCH", "/v1/account/passkeys/{id}", "Rename one's own passkey")
            .takes::<RenamePasskey>()
            .gives::<Account>(),
        mine("DELETE", "/v1/account/passkeys/{id}", "Remove one's own passkey, but for the last way in")
            .gives::<Account>(),
        mine("POST", "/v1/account/one-time-codes", "Set up codes from an app")
            .nothing()
            .gives::<OfferedCodes>(),
        mine(
            "POST",
            "/v1/account/one-time-codes/confirm",
            "The first code: from now on the password is not enough",
        )
        .takes::<ConfirmCode>()
        .gives::<Account>(),
        mine("DELETE", "/v1/account/one-time-codes", "Remove the codes").gives::<Account>(),
        mine("POST", "/v1/account/recovery-codes", "Ten new recovery codes")
            .nothing()
            .gives::<RecoveryCodes>(),
        mine("DELETE", "/v1/account/single-sign-on", "Untie oneself from who one is at the OpenID provider")
            .gives::<Account>(),
        get(GROUP, "/v1/people", "Who may sign in", Who::Readers).gives::<PersonList>(),
        of("/v1/people", "Invite somebody: a link that is good once").takes::<Invite>().gives::<Invited>(),
        get(
            GROUP,
            "/v1/people/{name}/account",
            "Somebody's ways in, browsers and logins",
            Who::Administrators,
        )
        .gives::<Account>(),
        of("/v1/people/{name}/enrol", "A new link for somebody who lost every way in")
            .nothing()
            .gives::<Invited>(),
        of("/v1/people/{name}/withdraw", "Take an invitation back").nothing().gives::<PersonList>(),
        of("/v1/people/{name}/role", "Change what somebody may do").takes::<ChangeRole>().gives::<Account>(),
        of("/v1/people/{name}/remove", "Let somebody in no more").nothing().gives::<PersonList>(),
        of("/v1/people/{name}/sign-ins/{id}/end", "Sign somebody's browser out").nothing().gives::<Account>(),
        of("/v1/people/{name}/logins/{id}/end", "End somebody's login of a machine")
            .nothing()
            .gives::<Account>(),
    ]
}

pub(super) fn channels() -> Vec<Call> {
    const GROUP: &str = "Notifications";
    let who = Who::Administrators;
    vec![
        get(GROUP, "/v1/channels", "Channels, and what became of the newest notices", who)
            .gives::<ChannelList>(),
        post(GROUP, "/v1/channels", "Add a channel", who)
            .takes::<AddChannel>()
            .gives::<AddedChannel>()
            .fails(&[Code::Conflict]),
        call("DELETE", GROUP, "/v1/channels/{name}", "Tell a channel nothing any more", who)
            .gives::<ChannelList>(),
        post(GROUP, "/v1/channels/{name}/try", "Send a notice that says that it is a trial", who)
            .nothing()
            .gives::<Channel>(),
    ]
}
