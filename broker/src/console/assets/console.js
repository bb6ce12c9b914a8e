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
      const typing = main.contains(document.activeElement) && document.activeElement.matches("input, textarea, select");
      const touched = [...main.querySelectorAll("input, textarea")].some((field) => field.type !== "hidden" && field.value !== field.defaultValue);
      if (typing || touched) { main.dataset.stale = "yes"; return; }
      const answer = await fetch(live, { headers: { accept: "text/html" }, redirect: "manual" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!fresh || fresh.innerHTML === main.innerHTML) return;
      const at = document.activeElement && document.activeElement.id;
      main.replaceChildren(...fresh.childNodes);
      document.title = page.title;
      if (at) { const kept = document.getElementById(at); if (kept) kept.focus(); }
    } finally {
      busy = false;
      if (again) { again = false; setTimeout(refresh, 250); }
    }
  }

  if (live && "EventSource" in window) {
    const events = new EventSource("/console/live");
    events.addEventListener("changed", refresh);
    // What happened while nobody listened: between the page and the stream, or between two streams.
    events.addEventListener("open", refresh);
    setInterval(refresh, 30000);
  }

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
    else if (event.key === "a") go(document.querySelector("[data-approve]"));
    else if (event.key === "d") go(document.querySelector("[data-deny]"));
  });
})();
