// A handheld in a store loses its connection: what was scanned or pressed waits, and is sent once.
"use strict";

(() => {
  const RETRY_MS = 1500;
  const QUEUE = "aljibe.scans";
  const away = document.getElementById("away");
  const said = document.getElementById("scan-said");
  const words = document.getElementById("store-words")?.dataset ?? {};
  const say = (sentence) => {
    if (!away) return;
    away.hidden = !sentence;
    if (away.textContent !== sentence) away.textContent = sentence;
  };
  const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
  const pause = (ms) => new Promise((then) => { setTimeout(then, ms); addEventListener("online", then, { once: true }); });

  // The same body, with the same request_id, until somebody answers: the services do it once.
  const send = async (address, body) => {
    for (;;) {
      try {
        const answer = await fetch(address, { method: "POST", body, headers: { "x-aljibe-page": "store", accept: "application/json" } });
        if (answer.status !== 503) {
          say("");
          return answer.headers.get("content-type")?.startsWith("application/json") ? await answer.json() : { to: location.href };
        }
        say((await answer.json()).sentence);
      } catch {
        say(words.offline ?? "");
      }
      await pause(RETRY_MS);
    }
  };

  // --- scans --------------------------------------------------------------------------------------------
  const form = document.querySelector("form[data-scan]");
  const field = form?.querySelector("[data-barcode]");
  const key = form ? QUEUE + new URL(form.action).pathname : "";
  const kept = () => JSON.parse(sessionStorage.getItem(key) ?? "[]");
  const keep = (scans) => sessionStorage.setItem(key, JSON.stringify(scans));
  let sending = false;

  const tell = (kind, sentence) => {
    if (!said) return;
    said.className = `scan-said ${kind}`;
    said.textContent = sentence;
  };

  const drain = async () => {
    if (sending) return;
    sending = true;
    for (let scans = kept(); scans.length; scans = kept()) {
      const answer = await send(form.action, new URLSearchParams([...new FormData(form), ["barcode", scans[0].barcode], ["request_id", scans[0].id]].reduce(
        (fields, [name, value]) => fields.set(name, value), new Map())));
      keep(kept().slice(1));
      if (answer.to && !answer.kind) { location.assign(answer.to); break; }
      tell(answer.kind, answer.sentence);
      if (answer.kind === "refused") navigator.vibrate?.([120, 60, 120]);
      document.dispatchEvent(new CustomEvent("aljibe:put", { detail: answer.regions ?? {} }));
    }
    sending = false;
  };

  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const barcode = field.value.trim();
    field.value = "";
    field.focus({ preventScroll: true });
    if (!barcode) return;
    keep([...kept(), { id: newId(), barcode }]);
    tell("waiting", `${barcode} …`);
    drain();
  });
  if (form && kept().length) drain();

  // A scanner types wherever the focus is: letters that nobody asked for go to the field.
  document.addEventListener("keydown", (event) => {
    if (!field || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
    if (event.target.closest?.("input, select, textarea, dialog, summary") || (event.key === " " && event.target.closest?.("button, a"))) return;
    field.focus({ preventScroll: true });
  });

  // --- everything else that is pressed -------------------------------------------------------------------
  document.addEventListener("submit", async (event) => {
    const pressed = event.target;
    if (event.defaultPrevented || pressed.method !== "post" || !pressed.closest("main")) return;
    event.preventDefault();
    const fields = new FormData(pressed);
    if (event.submitter?.name) fields.set(event.submitter.name, event.submitter.value);
    const answer = await send(pressed.action, new URLSearchParams(fields));
    location.assign(answer.to ?? location.href);
  });
})();
