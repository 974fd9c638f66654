"use strict";
// What is quicker with a script; every page and every form works without it.
(function () {
  // ---- keys, while the focus is in the list and not in a field
  function itemOf(element) {
    return element.closest ? element.closest(".item") : null;
  }

  function move(item, by) {
    const all = Array.from(document.querySelectorAll(".item"));
    const next = all[all.indexOf(item) + by];
    if (next) next.focus();
  }

  function open(item, name) {
    const details = item.querySelector(name);
    if (!details) return;
    details.open = true;
    const field = details.querySelector("input[name=why]");
    if (field) field.focus();
  }

  const KEYS = {
    j: (item) => move(item, 1),
    k: (item) => move(item, -1),
    d: (item) => { const button = item.querySelector(".act-done button"); if (button) button.click(); },
    s: (item) => open(item, ".act-snooze"),
    x: (item) => open(item, ".act-dismiss"),
    h: (item) => open(item, ".act-hand"),
    o: (item) => { const link = item.querySelector("h3 a"); if (link) link.click(); },
    v: (item) => { const box = item.querySelector("input[type=checkbox]"); if (box) box.checked = !box.checked; },
    u: () => { const button = document.querySelector("button.undo"); if (button) button.click(); },
  };

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const item = itemOf(event.target);
    if (!item) return;
    if (event.key === "Escape") {
      for (const details of item.querySelectorAll(".actions details[open]")) details.open = false;
      item.focus();
      return;
    }
    if (event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(item);
  });

  // ---- of several forms of an item one is open
  document.addEventListener("toggle", function (event) {
    const details = event.target;
    if (!details.open || !details.closest(".actions")) return;
    for (const other of details.closest(".actions").querySelectorAll("details[open]")) {
      if (other !== details) other.open = false;
    }
  }, true);

  // ---- a form is sent once
  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.sent = "yes";
  }, true);

  // ---- what the server did not answer
  function unanswered() {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    const notice = document.getElementById("unanswered");
    if (!notice) return;
    notice.hidden = false;
    notice.scrollIntoView();
  }
  document.addEventListener("htmx:sendError", unanswered);
  document.addEventListener("htmx:timeout", unanswered);
  window.addEventListener("pageshow", function () {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
