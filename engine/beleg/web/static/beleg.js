// What makes the pages handier; all of them work without it.
"use strict";

// --- dialogs: a link that leads to a page of its own opens the dialog of the same form instead ---
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.dialog);
    if (dialog && dialog.showModal) { event.preventDefault(); dialog.showModal(); }
    return;
  }
  const closer = event.target.closest("dialog [data-close]");
  if (closer) { event.preventDefault(); closer.closest("dialog").close(); }
});

// --- answers in place: a form or link with data-into takes that element out of the page that it leads to ---
async function into(address, selector) {
  const place = document.querySelector(selector);
  place.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.querySelector(selector);
    if (answer.redirected || !found) { location.assign(address); return; }
    place.replaceChildren(...found.childNodes);
  } catch {
    location.assign(address);
  } finally {
    place.removeAttribute("aria-busy");
  }
}
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-into]");
  if (!form) return;
  event.preventDefault();
  into(`${form.action}?${new URLSearchParams(new FormData(form))}`, form.dataset.into);
});
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-into]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  into(link.href, link.dataset.into);
});
for (const each of document.querySelectorAll("[data-load]")) into(each.dataset.load, `#${each.id}`);

// --- all mails of the page at once: a box that is of use only with a script ---
const all = document.getElementById("pick-all");
if (all) {
  const boxes = document.querySelectorAll("[data-list] input[name=row]");
  all.closest("label").hidden = false;
  all.addEventListener("change", () => { for (const each of boxes) each.checked = all.checked; });
}
