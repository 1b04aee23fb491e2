// What pages need of a browser beyond links and forms: live news, confirmation, keys. All of it may be missing.
"use strict";

(() => {
  const main = () => document.getElementById("main");
  const csrf = () => document.querySelector('meta[name="csrf"]')?.content ?? "";
  const HIDDEN_POLL_MS = 30000;
  // A page grows while its services are asked: questions before an action are put at once, the rest when it is whole.
  const ready = (act) => { if (document.readyState === "loading") addEventListener("DOMContentLoaded", act, { once: true }); else act(); };

  // --- forms -------------------------------------------------------------------------------------------
  const newId = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };

  // Forms that came as live news are the same for everybody; here they become this page's own.
  const own = (root) => {
    for (const field of root.querySelectorAll('input[type="hidden"][name="csrf"][value=""]')) field.setAttribute("value", csrf());
    for (const field of root.querySelectorAll('input[type="hidden"][name="request_id"][value=""]')) field.setAttribute("value", newId());
  };

  const ask = (question, then) => {
    const dialog = document.createElement("dialog");
    const text = document.createElement("p");
    text.id = "confirm-text";
    text.textContent = question || main().dataset.saidConfirm;
    dialog.setAttribute("aria-labelledby", text.id);
    const row = document.createElement("div");
    row.className = "row";
    const button = (label, tone, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.textContent = label;
      made.className = tone;
      made.addEventListener("click", () => { dialog.close(); act(); });
      row.append(made);
      return made;
    };
    const no = button(main().dataset.saidNo, "", () => {});
    button(main().dataset.saidYes, "primary", then);
    dialog.append(text, row);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    const question = event.submitter?.dataset.confirm ?? form.dataset.confirm;
    if (question && !form.dataset.confirmed) {
      event.preventDefault();
      const by = event.submitter;
      ask(question, () => {
        form.dataset.confirmed = "yes";
        form.requestSubmit(by?.isConnected && by.form === form ? by : undefined);
      });
      return;
    }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    // After this turn, as a disabled button would not send its own value.
    setTimeout(() => { for (const one of form.querySelectorAll("button")) one.setAttribute("aria-busy", "true"); });
  });

  // --- without a connection ------------------------------------------------------------------------------
  // The page stays as it is, with all that was typed: going on would lead to the browser's own empty page.
  const banner = (sentence) => {
    const away = document.getElementById("away");
    if (!away) return;
    away.hidden = !sentence;
    away.textContent = sentence;
  };
  addEventListener("offline", () => banner(main().dataset.saidOffline));
  addEventListener("online", () => banner(""));
  const stay = (event) => {
    if (navigator.onLine || event.defaultPrevented) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    banner(main().dataset.saidOffline);
    document.getElementById("away")?.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (link && !link.getAttribute("href").startsWith("#")) stay(event);
  });
  // Pages of a store keep what is pressed and send it later by themselves (store.js).
  document.addEventListener("submit", (event) => { if (!document.getElementById("store-words") || !event.target.closest("main")) stay(event); }, true);

  // Back and forward may show this very page again, with its buttons still busy.
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent], form[data-confirmed]")) {
      delete form.dataset.sent;
      delete form.dataset.confirmed;
      for (const one of form.querySelectorAll("[aria-busy]")) one.removeAttribute("aria-busy");
    }
  });

  // Choices that send their form at once: <select data-send>.
  document.addEventListener("change", (event) => {
    if (event.target.matches?.("[data-send]")) event.target.form.requestSubmit();
  });

  ready(() => {
    for (const field of document.querySelectorAll("[data-zone]")) {
      field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
    }
  });

  // On a phone the menu is a strip: the page that one is on stands in it, after the first paint.
  ready(() => requestAnimationFrame(() => setTimeout(() => {
    const strip = document.querySelector(".menu"), here = strip?.querySelector("[aria-current]");
    if (here && strip.scrollWidth > strip.clientWidth) strip.scrollLeft = here.offsetLeft - (strip.clientWidth - here.offsetWidth) / 2;
  })));

  // --- keys --------------------------------------------------------------------------------------------
  const typing = (element) => element instanceof Element && element.closest("input, select, textarea, [contenteditable]") !== null;

  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select?.(); }
  });

  document.addEventListener("click", (event) => { if (event.target.closest?.("[data-print]")) print(); });

  // A scanner types like a keyboard: its field is in focus unless a person is somewhere else.
  ready(() => document.querySelector("[data-barcode]")?.focus({ preventScroll: true }));

  // --- live news ---------------------------------------------------------------------------------------
  const editing = (region) => {
    const at = document.activeElement;
    return at !== null && region.contains(at) && at.matches('input:not([type="hidden"], [type="checkbox"], [type="radio"]), select, textarea, [contenteditable]');
  };

  const sameKind = (a, b) =>
    a.nodeType === b.nodeType && a.nodeName === b.nodeName && (a.id || "") === (b.id || "") && (a.dataset?.key ?? "") === (b.dataset?.key ?? "");

  // Only what differs is touched, so that focus, scroll, selection and open details stay as they are.
  const morph = (from, to) => {
    if (from.nodeType !== Node.ELEMENT_NODE) {
      if (from.data !== to.data) from.data = to.data;
      return;
    }
    if (from.isEqualNode(to)) return;
    if (from.matches('input[type="hidden"][name="csrf"], input[type="hidden"][name="request_id"]')) return;
    for (const { name, value } of to.attributes) {
      if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    }
    for (const { name } of [...from.attributes]) {
      const kept = (name === "open" && from.matches("details, dialog")) || name === "data-sent" || name === "data-confirmed" || name === "aria-busy";
      if (!to.hasAttribute(name) && !kept) from.removeAttribute(name);
    }
    morphChildren(from, to);
  };

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset?.key || "" : "");

  const morphChildren = (from, to) => {
    const keyed = new Map();
    for (const child of from.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const key = keyOf(wanted);
      const known = key ? keyed.get(key) : undefined;
      if (known && sameKind(known, wanted)) {
        if (known === at) at = at.nextSibling;
        else from.insertBefore(known, at);
        keyed.delete(key);
        morph(known, wanted);
      } else if (!key && at && !keyOf(at) && sameKind(at, wanted)) {
        const next = at.nextSibling;
        morph(at, wanted);
        at = next;
      } else {
        from.insertBefore(wanted, at);
      }
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };

  const show = (region, html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    own(template.content);
    morphChildren(region, template.content);
    region.dispatchEvent(new CustomEvent("aljibe:news", { bubbles: true }));
  };

  const waiting = new Map();
  const put = (id, html) => {
    const region = document.getElementById(id);
    if (!region) return false;
    if (editing(region)) { waiting.set(id, html); return false; }
    waiting.delete(id);
    const before = region.innerHTML;
    show(region, html);
    return region.innerHTML !== before;
  };
  document.addEventListener("focusout", () => setTimeout(() => { for (const [id, html] of [...waiting]) put(id, html); }));
  // A page's own script that got news with an answer: {element id: inner HTML} in `detail`.
  document.addEventListener("aljibe:put", (event) => { for (const [id, html] of Object.entries(event.detail)) put(id, html); });

  const watch = (address) => {
    const mark = document.getElementById("live-mark");
    const away = document.getElementById("away");
    const ending = document.title.includes(" – ") ? document.title.slice(document.title.lastIndexOf(" – ")) : "";
    let source = null;
    let timer = 0;
    let title = document.title;
    let news = false;

    const titled = () => { document.title = (news ? "● " : "") + title; };
    const sign = (live) => {
      if (!mark) return;
      mark.hidden = false;
      mark.classList.toggle("on", live);
      const word = live ? mark.dataset.liveWord : mark.dataset.quietWord;
      if (mark.textContent !== word) mark.textContent = word;
    };
    const say = (sentence) => {
      away.hidden = !sentence;
      if (away.textContent !== sentence) away.textContent = sentence;
    };
    const close = () => { source?.close(); source = null; clearTimeout(timer); };

    const open = () => {
      close();
      let first = true;
      source = new EventSource(address);
      source.addEventListener("regions", (event) => {
        say("");
        sign(true);
        let changed = false;
        for (const [id, html] of Object.entries(JSON.parse(event.data))) {
          if (id === "title") { changed = changed || title !== html + ending; title = html + ending; } else changed = put(id, html) || changed;
        }
        if (document.hidden && changed) news = true;
        titled();
        // A browser opens few connections to one place: a page that nobody sees looks now and then instead.
        if (document.hidden && first) { close(); timer = setTimeout(open, HIDDEN_POLL_MS); }
        first = false;
      });
      source.addEventListener("away", (event) => { sign(false); say(JSON.parse(event.data).sentence); });
      source.addEventListener("over", (event) => {
        close();
        sign(false);
        const why = JSON.parse(event.data).why;
        if (mark) mark.textContent = main().dataset.saidQuiet;
        say(why === "signed-out" ? main().dataset.saidSignedOut : main().dataset.saidFull);
      });
      source.addEventListener("error", () => {
        sign(false);
        // After an answer that is no stream (a proxy's error page) browsers give up; we do not.
        if (source?.readyState === EventSource.CLOSED) { close(); timer = setTimeout(open, 3000); }
      });
    };

    document.addEventListener("visibilitychange", () => {
      if (document.hidden) {
        close();
        timer = setTimeout(open, HIDDEN_POLL_MS);
      } else {
        news = false;
        titled();
        open();
      }
    });
    addEventListener("pagehide", close);
    addEventListener("pageshow", (event) => { if (event.persisted) open(); });
    sign(false);
    open();
  };

  ready(() => { if (main()?.dataset.live) watch(main().dataset.live); });

  // --- a page that waits for a service ------------------------------------------------------------------
  ready(() => {
    const retry = document.querySelector("[data-retry]");
    if (!retry) return;
    const again = async () => {
      try {
        const answer = await fetch(location.href, { headers: { accept: "text/html" } });
        if (answer.status !== 503) { location.reload(); return; }
      } catch {
        // The console itself is away: just ask later.
      }
      setTimeout(again, Number(retry.dataset.retry) * 1000);
    };
    setTimeout(again, Number(retry.dataset.retry) * 1000);
  });
})();
