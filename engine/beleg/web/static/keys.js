// Keys for a list of mails: j and k move from one to the next, Enter opens (it is a link that has the focus), / goes to
// the search, ? tells of them; on a message what a button names as its key presses it. They can be turned off, for people
// who dictate (WCAG 2.1.4).
"use strict";
(() => {
  const help = document.getElementById("keys");
  const opener = document.getElementById("keys-open");
  const said = document.getElementById("keys-said");
  const search = document.getElementById("q");
  const OFF = "beleg-keys-off";
  const buttons = [...document.querySelectorAll("button[aria-keyshortcuts]")];
  let off = false;
  try { off = localStorage.getItem(OFF) === "1"; } catch { /* a browser that keeps nothing */ }

  function move(by) {
    const links = [...document.querySelectorAll("[data-list] [data-item] :is(h2, h3) a")];
    const here = document.activeElement.closest("[data-item]");
    const index = links.findIndex((link) => here && here.contains(link));
    const next = links[index < 0 ? 0 : index + by];
    said.textContent = "";
    if (next) next.focus();
    else if (links.length) said.textContent = by > 0 ? opener.dataset.last : opener.dataset.first;
  }

  document.addEventListener("keydown", (event) => {
    if (off || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, dialog[open]")) {
      if (event.key === "Escape" && event.target === search && !search.value) search.blur();
      return;
    }
    const pressed = buttons.find((each) => each.getAttribute("aria-keyshortcuts") === event.key);
    if (pressed) pressed.click();
    else if (event.key === "/" && search) search.focus();
    else if (!help) return;
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "?") help.showModal();
    else return;
    event.preventDefault();
  });

  if (!help) return;
  const on = document.getElementById("keys-on");
  on.checked = !off;
  on.addEventListener("change", () => {
    off = !on.checked;
    try { localStorage.setItem(OFF, off ? "1" : "0"); } catch { /* for this page alone, then */ }
  });
  opener.hidden = false;
  opener.addEventListener("click", () => help.showModal());
})();
