// What every page loads: htmx without eval, keys, and the islands, each fetched only where a page has one.
import htmx from "htmx.org";
import "./app.css";

htmx.config.allowEval = false;
htmx.config.includeIndicatorStyles = false;
htmx.config.selfRequestsOnly = true;
htmx.config.historyCacheSize = 0;
// A refused form (422) shows its errors beside the fields; other failures keep the page as it is.
htmx.config.responseHandling = [
  { code: "204", swap: false },
  { code: "[23]..", swap: true },
  { code: "422", swap: true },
  { code: "[45]..", swap: false, error: true },
];

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

document.addEventListener("keydown", (event) => {
  const wanted = (event.key === "/" && !isTyping(event.target)) || (event.key === "k" && (event.ctrlKey || event.metaKey));
  if (!wanted) return;
  const search = [...document.querySelectorAll<HTMLInputElement>("input[data-search]")].find((each) => each.offsetParent);
  if (!search) return;
  event.preventDefault();
  search.focus();
  search.select();
});

// Menus made of <details> close on Escape and when one clicks elsewhere.
function closeMenus(except: Element | null): void {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details[data-menu][open]")) {
    if (!except || !menu.contains(except)) menu.open = false;
  }
}
document.addEventListener("click", (event) => closeMenus(event.target as Element));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenus(null);
});

// Selects that act at once (filters, languages) submit their form; without JavaScript a button does.
document.addEventListener("change", (event) => {
  const field = event.target as HTMLElement;
  if (field.matches("[data-submit]")) field.closest("form")?.requestSubmit();
});

// Copying a secret that is shown once. On a page without TLS a browser has no clipboard to offer: the text is selected, and copied
// in the old way where that still works; otherwise it stands there selected, for the reader's own keys.
async function copied(place: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText((place.textContent ?? "").trim());
    return true;
  } catch {
    document.getSelection()?.selectAllChildren(place);
    return document.execCommand("copy");
  }
}
document.addEventListener("click", (event) => {
  const button = (event.target as Element).closest<HTMLButtonElement>("button[data-copy]");
  const place = button && document.getElementById(button.dataset.copy ?? "");
  if (!button || !place) return;
  void copied(place).then((isDone) => {
    if (isDone) button.textContent = button.dataset.copied ?? "✓";
  });
});

const islands: Record<string, () => Promise<{ mount(element: HTMLElement): void }>> = {
  chart: () => import("./chart"),
  "journey-canvas": () => import("./journey-canvas"),
};

function mountIslands(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-island]:not([data-mounted])")) {
    const load = islands[element.dataset.island ?? ""];
    if (!load) continue;
    element.dataset.mounted = "";
    void load().then((island) => island.mount(element));
  }
}

mountIslands(document);
document.addEventListener("htmx:load", (event) => mountIslands((event as CustomEvent<{ elt: HTMLElement }>).detail.elt));

// The template editor shows what is being written: the form goes to the preview's frame, a moment after the last key.
let waiting: number | undefined;
document.addEventListener("input", (event) => {
  const button = document.querySelector<HTMLButtonElement>("#preview-button");
  const field = event.target as HTMLInputElement;
  if (!button || field.form !== button.form || field.name === "name") return;
  window.clearTimeout(waiting);
  waiting = window.setTimeout(() => button.form?.requestSubmit(button), 700);
});
