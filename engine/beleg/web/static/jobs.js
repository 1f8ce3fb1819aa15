// Follows work that goes on in the background, and shows its result when it is there.
"use strict";
for (const shown of document.querySelectorAll("[data-job]")) {
  const bar = shown.querySelector("progress");
  const look = async () => {
    const answer = await fetch(`/jobs/${shown.dataset.job}`, { headers: { accept: "application/json" } }).catch(() => null);
    const job = answer && answer.ok && (answer.headers.get("content-type") || "").includes("json") ? await answer.json() : null;
    if (answer && (!job || !job.under_way)) {
      location.reload();
      return;
    }
    if (job && job.total) {
      bar.max = job.total;
      bar.value = job.done;
    }
    setTimeout(look, 700);
  };
  setTimeout(look, 500);
}
