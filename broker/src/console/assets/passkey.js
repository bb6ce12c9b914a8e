// Passkeys: the one thing on these pages that needs a script. Buttons for them are hidden where browsers have none.
"use strict";

(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join(""))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const named = (ids) => ids.map((id) => ({ type: "public-key", id: bytes(id) }));

  async function options(button) {
    const token = button.form.elements.namedItem("token");
    const answer = await fetch(button.dataset.options, {
      method: "POST",
      body: new URLSearchParams(token ? { token: token.value } : {}),
      redirect: "error",
    });
    if (!answer.ok) throw new Error("The broker gave no challenge. Load this page again.");
    return answer.json();
  }

  async function get(given) {
    const { id, response } = await navigator.credentials.get({
      publicKey: {
        challenge: bytes(given.challenge),
        rpId: given.rp_id,
        timeout: given.timeout,
        allowCredentials: named(given.allow),
        userVerification: "required",
      },
    });
    return {
      id,
      client_data: text(response.clientDataJSON),
      authenticator_data: text(response.authenticatorData),
      signature: text(response.signature),
      user: response.userHandle ? text(response.userHandle) : "",
    };
  }

  async function create(given) {
    const { response } = await navigator.credentials.create({
      publicKey: {
        challenge: bytes(given.challenge),
        rp: { id: given.rp_id, name: "Stint" },
        user: { id: bytes(given.user), name: given.person, displayName: given.person },
        pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
        timeout: given.timeout,
        excludeCredentials: named(given.exclude),
        authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
        attestation: "none",
      },
    });
    return { client_data: text(response.clientDataJSON), attestation: text(response.attestationObject) };
  }

  const why = (error) => {
    if (error.name === "NotAllowedError") return "No passkey was used. Try again, or choose another way.";
    if (error.name === "InvalidStateError") return "This device has a passkey of yours already.";
    return error.message;
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-passkey]");
    if (!button || !button.form) return;
    const form = button.form;
    const field = form.elements.namedItem("passkey");
    const said = form.querySelector("[data-passkey-said]");
    // What is shown instead of a passkey is not asked for with one.
    const instead = [...form.querySelectorAll("[data-instead]")];
    const wanted = instead.filter((other) => other.required);
    wanted.forEach((other) => { other.required = false; });
    const give_up = (message) => {
      field.value = "";
      wanted.forEach((other) => { other.required = true; });
      if (said) said.textContent = message;
    };
    if (!form.reportValidity()) { give_up(""); return; }
    // A field that was touched keeps the page from being replaced meanwhile.
    field.value = "…";
    try {
      const given = await options(button);
      field.value = JSON.stringify(await (button.dataset.passkey === "create" ? create(given) : get(given)));
      instead.forEach((other) => { other.value = ""; });
      form.requestSubmit();
    } catch (error) {
      give_up(why(error));
    }
  });

  const show = () => document.querySelectorAll("button[data-passkey][hidden]").forEach((button) => { button.hidden = false; });
  show();
  new MutationObserver(show).observe(document.body, { childList: true, subtree: true });
})();
