// What pages gain from a script: they follow what happens, and the keyboard moves through lists.
"use strict";

(() => {
  const main = document.getElementById("main");
  const live = main && main.dataset.live;

  // The same page again, without the rest of it; what a person is typing in is left alone.
  let busy = false;
  let again = false;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      if (inUse()) { await sayStale(); return; }
      const answer = await fetch(live, { headers: { accept: "text/html" }, redirect: "manual" });
      if (!answer.ok) { sayGone(answer); return; }
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // Somebody may have begun to type meanwhile; nothing waits from here on.
      if (inUse()) return;
      const fresh = page.getElementById("main");
      follow(page);
      if (!fresh || fresh.innerHTML === main.innerHTML) return;
      const { id, href } = document.activeElement || {};
      const open = [...main.querySelectorAll("details[open][id]")].map((part) => part.id);
      main.replaceChildren(...fresh.childNodes);
      offer();
      for (const id of open) { const part = document.getElementById(id); if (part) part.open = true; }
      document.title = page.title;
      const kept = id ? document.getElementById(id) : href && items().find((item) => item.href === href);
      if (kept) kept.focus({ preventScroll: true });
    } finally {
      busy = false;
      if (again) { again = false; setTimeout(refresh, 250); }
    }
  }

  // Whether somebody types here, or is told what was wrong with what they typed: that is not taken from under them.
  function inUse() {
    const typing = main.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
    const touched = [...main.querySelectorAll("input, textarea")].some((field) => field.type !== "hidden" && field.value !== field.defaultValue)
      || [...main.querySelectorAll("select")].some((field) => field.value !== first(field));
    return typing || touched || main.querySelector("form .field-error:not(:empty)") !== null;
  }

  // What a choice was when the page came.
  const first = (field) => ([...field.options].find((option) => option.defaultSelected) || field.options[0] || field).value;

  // The counts in the navigation (a menu that is open stays so), and a word on the desktop when there is more to decide than before.
  function follow(page) {
    const [old, now] = [document.getElementById("nav"), page.getElementById("nav")];
    if (!old || !now) return;
    if (Number(now.dataset.waiting) > Number(old.dataset.waiting)) tell();
    const counts = now.querySelectorAll("[data-count]");
    old.querySelectorAll("[data-count]").forEach((count, at) => {
      if (counts[at] && count.innerHTML !== counts[at].innerHTML) count.replaceChildren(...counts[at].childNodes);
    });
    old.dataset.waiting = now.dataset.waiting;
  }

  // What somebody types stays; that the page is old is said beside it.
  async function sayStale() {
    const answer = await fetch(live, { headers: { accept: "text/html" }, redirect: "manual" });
    if (!answer.ok) { sayGone(answer); return; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    follow(page);
    const [old, now] = [state(document), state(page)];
    if (old !== now) say("This page changed since you opened it. ", live, "Show it as it is now");
  }

  // Somebody removed what the page is about.
  function sayGone(answer) {
    if (answer.status === 404) say("What this page is about is not there any more. ", "/console/", "Go to the approvals");
  }

  function say(text, href, label) {
    if (document.getElementById("stale")) return;
    const note = document.createElement("p");
    note.id = "stale";
    note.className = "notice warn";
    note.setAttribute("role", "status");
    note.append(text);
    const link = document.createElement("a");
    link.href = href;
    link.textContent = label;
    note.append(link);
    main.prepend(note);
  }
  const state = (page) => [...page.querySelectorAll("#main [class*=state-], #main [data-item]")].map((one) => one.textContent).join("\n");

  // Notifications say that something waits, never what: other people may see the screen.
  const WANTED = "stint-notify";
  const able = "Notification" in window;
  const wanted = () => able && Notification.permission === "granted" && localStorage.getItem(WANTED) === "yes";
  function tell() {
    if (!wanted() || document.visibilityState === "visible") return;
    const note = new Notification("Stint", { body: "Something waits for your decision", tag: "stint" });
    note.onclick = () => { window.focus(); note.close(); };
  }
  function offer() {
    const button = document.querySelector("[data-notify]");
    if (button) button.hidden = !able || Notification.permission === "denied" || wanted();
  }
  document.addEventListener("click", async (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-notify]")) return;
    if (await Notification.requestPermission() === "granted") localStorage.setItem(WANTED, "yes");
    offer();
  });
  offer();

  if (live && "EventSource" in window) {
    const events = new EventSource("/console/live");
    events.addEventListener("changed", refresh);
    // What happened while nobody listened: between the page and the stream, or between two streams.
    events.addEventListener("open", refresh);
    setInterval(refresh, 30000);
  }

  // A form that is checked while it is typed in: what the server says stands beside its fields.
  let asked = 0;
  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-check]");
    if (!form) return;
    const own = ++asked;
    setTimeout(async () => {
      if (own !== asked) return;
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.dataset.check, { method: "POST", body, redirect: "manual" }).catch(() => null);
      if (!answer || !answer.ok || own !== asked) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const said of page.querySelectorAll("[id$=-check]")) {
        const place = document.getElementById(said.id);
        if (place) place.replaceChildren(...said.childNodes);
        const field = document.getElementById(said.id.slice(0, -"-check".length));
        if (field && place) field.setAttribute("aria-invalid", String(place.querySelector(".field-error") !== null));
      }
    }, 250);
  });

  // j and k move through a list, Enter opens, / searches, a and d go to the two answers of a decision.
  const items = () => [...document.querySelectorAll("[data-item]")];
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, textarea, select")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const list = items();
    const at = list.indexOf(document.activeElement);
    const go = (element) => { if (element) { element.focus(); event.preventDefault(); } };
    if (event.key === "j") go(list[Math.min(at + 1, list.length - 1)]);
    else if (event.key === "k") go(list[Math.max(at - 1, 0)]);
    else if (event.key === "/") go(document.querySelector("[data-search]"));
    else if (event.key === "a") answer("[data-approve]", "#approve");
    else if (event.key === "d") answer("[data-deny]", "#deny");

    // On a page of a decision its own field; in a list the one that the focus is on.
    function answer(field, part) {
      const own = document.querySelector(field);
      if (own) return go(own);
      const item = list[at];
      if (item && new URL(item.href).pathname.startsWith("/console/approvals/")) location.href = item.href + part;
    }
  });
  // No element has these names: a browser takes the focus away again for one that has.
  const field = { "#approve": "[data-approve]", "#deny": "[data-deny]" }[location.hash];
  const wantedField = field && document.querySelector(field);
  if (wantedField) wantedField.focus();
})();
