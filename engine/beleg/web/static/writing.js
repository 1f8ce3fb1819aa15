// The editor of a mail, and the page of one that is on its way; both work without it.
"use strict";

// --- the editor: what is typed is saved every half minute, and files that are too large are told of at once ---
for (const form of document.querySelectorAll("form[data-write]")) {
  const said = document.getElementById("write-said");
  const version = form.elements.version;
  const files = form.elements.files;
  const content = () => {
    const data = new FormData(form);
    for (const name of ["files", "version", "signature"]) data.delete(name);
    return new URLSearchParams(data).toString();
  };
  let saved = content();
  let leaving = false;
  let saving = false;
  let waiting = null;

  const large = () => files && [...files.files].reduce((sum, file) => sum + file.size, 0) > Number(form.dataset.largest);
  if (files) files.addEventListener("change", () => { said.textContent = large() ? form.dataset.tooLarge : ""; });

  form.addEventListener("submit", (event) => {
    if (large()) {
      event.preventDefault();
      said.textContent = form.dataset.tooLarge;
      files.focus();
      return;
    }
    // Two saves at the same time would find the draft changed meanwhile.
    if (saving) { event.preventDefault(); waiting = event.submitter; return; }
    leaving = true;
  });

  async function save() {
    const now = content();
    if (leaving || now === saved || !form.querySelector('button[name="do"][value="save"]')) return;
    saving = true;
    try {
      const body = new FormData(form);
      body.delete("files");
      body.set("do", "save");
      const answer = await fetch(form.getAttribute("action"), { method: "POST", body });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const there = page.querySelector('form[data-write] input[name="version"]');
      if (answer.ok && there && answer.url.endsWith("done=saved")) {
        version.value = there.value;
        saved = now;
      }
    } catch { /* the next one may work */ } finally {
      saving = false;
      if (waiting) form.requestSubmit(waiting);
      waiting = null;
    }
  }
  setInterval(save, 30000);
  document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
  addEventListener("beforeunload", (event) => { if (!leaving && content() !== saved) event.preventDefault(); });
}

// --- a mail on its way: its state is looked at until it is settled ---
function watch(shown) {
  const look = async () => {
    const answer = await fetch(location.pathname).catch(() => null);
    const page = answer && answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
    const now = page && page.getElementById(shown.id);
    if (now && now.textContent !== shown.textContent) {
      shown.replaceChildren(...now.childNodes);
      if (!now.hasAttribute("data-watch")) return;
    }
    setTimeout(look, 1000);
  };
  setTimeout(look, 500);
}
for (const shown of document.querySelectorAll("[data-watch]")) watch(shown);
