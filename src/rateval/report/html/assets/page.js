"use strict";
// The parts of the page that move: theme, doors to the gallery, charts, sorting.
(() => {
  const read = (id) => JSON.parse(document.getElementById(id)?.textContent || "null");
  const root = document.documentElement;

  // Theme: the system's, until somebody asks for the other one.
  const dark = matchMedia("(prefers-color-scheme: dark)");
  document.getElementById("theme").addEventListener("click", () => {
    const now = root.dataset.theme || (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });

  // Doors: every count shows its images.
  document.addEventListener("click", (event) => {
    const door = event.target.closest("[data-filter]");
    if (!door) return;
    const detail = JSON.parse(door.dataset.filter);
    history.replaceState(null, "", "#filter=" + encodeURIComponent(JSON.stringify(detail)));
    document.dispatchEvent(new CustomEvent("rateval:filter", { detail }));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const gallery = document.getElementById("gallery");
    gallery.scrollIntoView({ behavior: still ? "auto" : "smooth", block: "start" });
  });
})();
