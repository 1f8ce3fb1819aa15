// What makes the settings handier; all of them work without it.
"use strict";

// --- a page's part, taken out of another answer ---
async function part(answer, selector) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector(selector);
}

// --- check settings: the form stays as it is, the steps appear below it as they come ---
for (const form of document.querySelectorAll("form[data-check]")) {
  const button = form.querySelector("button[data-check]");
  const place = document.getElementById("check");
  const wait = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));
  const follow = async (answer) => {
    for (;;) {
      const found = await part(answer, answer.ok ? "#check" : ".fault");
      if (!found) { location.assign(answer.url); return; }
      if (answer.ok) place.replaceChildren(...found.childNodes);
      else place.replaceChildren(found);
      if (!answer.ok || !found.hasAttribute("data-checking")) return;
      await wait(0.7);
      answer = await fetch(answer.url);
    }
  };
  const check = async () => {
    button.disabled = true;
    place.replaceChildren(Object.assign(document.createElement("progress"), { ariaLabel: button.textContent }));
    try {
      const typed = new URLSearchParams(new FormData(form));
      typed.set("act", "check");
      await follow(await fetch(form.action, { method: "POST", body: typed }));
    } catch {
      button.disabled = false;
      plain = true;
      form.requestSubmit(button);
    } finally {
      button.disabled = false;
    }
  };
  let plain = false;
  form.addEventListener("submit", (event) => {
    if (event.submitter !== button || plain) return;
    event.preventDefault();
    check();
  });
  if (place.hasAttribute("data-checking")) {
    wait(0.7).then(() => fetch(location.href)).then(follow).catch(() => location.reload());
  }
}

// --- presets: what is known of a provider is filled in, what was typed besides stays ---
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-fill]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(link.href).catch(() => null);
  const page = answer && answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  if (!page || !page.querySelector("form[data-check]")) { location.assign(link.href); return; }
  for (const name of ["host", "port", "security", "auth", "provider", "sends_host", "sends_port", "sends_security"]) {
    const [here, there] = [document.getElementById(name), page.getElementById(name)];
    if (here && there) here.value = there.value;
  }
  document.getElementById("tips").replaceChildren(...page.getElementById("tips").childNodes);
});

// --- the group's address is asked for where the user name is none ---
const address = document.querySelector("#group-address input");
if (address) {
  const user = document.getElementById("user");
  const ask = () => {
    const needed = user.value.trim() !== "" && !user.value.includes("@");
    address.required = needed;
    address.closest("#group-address").hidden = !needed && !address.value;
  };
  user.addEventListener("input", ask);
  ask();
}

// --- several accounts: whoever edits a field means to change it ---
for (const each of document.querySelectorAll("[data-choose]")) {
  const chosen = each.querySelector("input[name=change]");
  each.addEventListener("input", (event) => { if (event.target !== chosen) chosen.checked = true; });
}

// --- the context menu of a row: what its buttons do, by right click, the menu key or Shift+F10 ---
{
  let menu = null;
  let back = null;
  const close = (focus) => {
    if (!menu) return;
    menu.remove();
    menu = null;
    if (focus && back) back.focus();
  };
  const open = (row, x, y) => {
    close(false);
    back = row.contains(document.activeElement) ? document.activeElement : row.querySelector("a");
    menu = document.createElement("div");
    menu.className = "menu";
    menu.setAttribute("role", "menu");
    menu.setAttribute("aria-label", row.dataset.menu);
    for (const act of row.querySelectorAll("[data-act]")) {
      const item = document.createElement("button");
      item.type = "button";
      item.tabIndex = -1;
      item.setAttribute("role", "menuitem");
      item.textContent = act.dataset.label;
      item.addEventListener("click", () => { close(true); act.click(); });
      menu.append(item);
    }
    document.getElementById("main").append(menu);
    menu.style.left = `${Math.max(0, Math.min(x, innerWidth - menu.offsetWidth - 8))}px`;
    menu.style.top = `${Math.max(0, Math.min(y, innerHeight - menu.offsetHeight - 8))}px`;
    menu.firstElementChild.focus();
  };
  const move = (to) => {
    const items = [...menu.children];
    const here = items.indexOf(document.activeElement);
    const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: items.length - 1 }[to];
    items[(next + items.length) % items.length].focus();
  };
  document.addEventListener("contextmenu", (event) => {
    const row = event.target.closest("[data-menus] [data-menu]");
    if (!row) { close(false); return; }
    event.preventDefault();
    const at = event.target.getBoundingClientRect();
    const byKey = event.clientX === 0 && event.clientY === 0;
    open(row, byKey ? at.left : event.clientX, byKey ? at.bottom : event.clientY);
  });
  document.addEventListener("keydown", (event) => {
    if (!menu) return;
    if (["ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) move(event.key);
    else if (event.key === "Escape" || event.key === "Tab") close(true);
    else return;
    event.preventDefault();
  });
  document.addEventListener("pointerdown", (event) => { if (menu && !menu.contains(event.target)) close(false); });
  addEventListener("resize", () => close(false));
  document.addEventListener("scroll", () => close(false), { passive: true });
}
