// What a page can do. Nothing here is needed to read it.
"use strict";
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const button = (text, name) => Object.assign(document.createElement("button"), { type: "button", textContent: text, className: name });

// On a narrow screen the pages of the study are folded away.
const fold = document.querySelector(".fold");
fold.hidden = false;
fold.addEventListener("click", () => fold.setAttribute("aria-expanded", fold.getAttribute("aria-expanded") === "false"));

// The code switch, remembered from page to page where the browser lets a page remember.
const code = document.getElementById("show-code");
if (code) {
  let memory = {};
  try { memory = localStorage; } catch { /* storage is switched off */ }
  const show = () => all("details.code").forEach(cell => { cell.open = code.checked; });
  code.checked = memory["fer_nb code"] === "shown";
  if (code.checked) show();
  code.addEventListener("change", () => { memory["fer_nb code"] = code.checked ? "shown" : "hidden"; show(); });
}
if (navigator.clipboard) all(".highlight").forEach(block => {
  const copy = button("Copy", "copy");
  copy.addEventListener("click", () =>
    navigator.clipboard.writeText(block.querySelector("pre").innerText).then(() => { copy.textContent = "Copied"; }));
  block.append(copy);
});

// A link to a cell opens its code.
const open = () => {
  const part = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  all(":scope > details.code", part ?? document.body).forEach(cell => { cell.open = true; });
};
addEventListener("hashchange", open);
open();

// The contents show which part is read.
const links = new Map(all(".contents a").map(link => [decodeURIComponent(link.hash.slice(1)), link]));
const read = new IntersectionObserver(parts => parts.filter(part => part.isIntersecting).forEach(part => {
  links.forEach(link => link.removeAttribute("aria-current"));
  links.get(part.target.id).setAttribute("aria-current", "true");
}), { rootMargin: "0px 0px -70%" });
links.forEach((_, id) => { const part = document.getElementById(id); if (part) read.observe(part); });

// A figure is enlarged by a tap, the enter key or the space bar, as SVG where there is one.
const viewer = document.querySelector("dialog");
all("figure.report img").forEach(image => {
  const enlarge = () => {
    const svg = image.closest("figure").querySelector('.files a[href$=".svg"]');
    Object.assign(viewer.querySelector("img"), { src: svg ? svg.href : image.src, alt: image.alt });
    viewer.showModal();
  };
  image.tabIndex = 0;
  image.setAttribute("role", "button");
  image.addEventListener("click", enlarge);
  image.addEventListener("keydown", event => {
    if (!["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    enlarge();
  });
});
viewer.addEventListener("click", () => viewer.close());

// The index's tables and figures by words.
const filter = document.getElementById("filter");
if (filter) {
  filter.hidden = false;
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/);
    all(".list li, .gallery li").forEach(item => {
      item.hidden = !words.every(word => item.textContent.toLowerCase().includes(word));
    });
  });
}

// Long tables are sorted by a click on a column's title; what is no number comes last.
const number = text => parseFloat(text.replaceAll(",", "").replace("−", "-"));
all("table.sortable").forEach(table => all("thead th", table).forEach((head, column) => {
  const sort = button(head.textContent, "sort");
  head.replaceChildren(sort);
  sort.addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    all("thead th", table).forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const compare = (a, b) => {
      const [first, second] = [a, b].map(row => row.cells[column].textContent);
      const [x, y] = [number(first), number(second)];
      if (isNaN(x) && isNaN(y)) return sign * first.localeCompare(second);
      return isNaN(x) - isNaN(y) || sign * (x - y);
    };
    [...table.tBodies].forEach(body => {
      const shown = body.querySelectorAll("tr:not(.rest)").length;
      body.append(...[...body.rows].sort(compare));
      [...body.rows].forEach((row, place) => row.classList.toggle("rest", place >= shown));
    });
  });
}));
