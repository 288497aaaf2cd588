// The inbox page: polls the sink for new messages and shows the chosen one. Everything from a message is put in as text.
"use strict";

const POLL_MS = 2000;
const MOST_SHOWN = 500;
const element = (id) => document.getElementById(id);
const language = document.documentElement.lang;
const words = document.body.dataset;
const dayAndTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const time = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });

let messages = [];
let chosen = null;
let view = "html";

function shortDate(instant) {
  return instant.toDateString() === new Date().toDateString() ? time.format(instant) : day.format(instant);
}

function labelled(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  made.textContent = text;
  return made;
}

function entry(message) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-current", String(chosen !== null && chosen.id === message.id));
  button.append(
    labelled("span", "who", message.to),
    labelled("time", "when", shortDate(new Date(message.received_at))),
    labelled("span", "what", message.subject || words.noSubject),
  );
  button.addEventListener("click", () => { location.hash = String(message.id); });
  item.append(button);
  return item;
}

function drawList() {
  const wanted = element("filter").value.trim().toLowerCase();
  const fits = (message) => `${message.to} ${message.subject}`.toLowerCase().includes(wanted);
  const shown = messages.filter(fits).slice(0, MOST_SHOWN);
  element("list").replaceChildren(...shown.map(entry));
  element("empty").hidden = shown.length > 0;
}

async function drawView() {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.setAttribute("aria-selected", String(tab.dataset.view === view));
    tab.disabled = tab.dataset.view === "html" && !chosen.has_html;
  }
  element("html").hidden = view !== "html";
  element("plain").hidden = view === "html";
  if (view === "html") {
    element("html").src = `/messages/${chosen.id}/html`;
  } else if (view === "text") {
    element("plain").textContent = chosen.text ?? words.noText;
  } else {
    const number = chosen.id;
    const source = await (await fetch(`/messages/${number}/raw`)).text();
    if (chosen.id === number && view === "source") element("plain").textContent = source;
  }
}

function outcomeOf(answer) {
  const said = element("outcome").dataset;
  if (answer.status !== 0) return `${said.refused} ${answer.output}`;
  const told = JSON.parse(answer.output);
  if (told.repeated) return said.repeated;
  if (told.kind === "unsubscribed") return said.withdrawn;
  return told.suppressed ? said.givenUp : said.goesOn;
}

async function giveBack(act) {
  const number = chosen.id;
  const buttons = document.querySelectorAll("[data-act]");
  const outcome = element("outcome");
  for (const button of buttons) button.disabled = true;
  outcome.textContent = outcome.dataset.busy;
  outcome.hidden = false;
  let text;
  try {
    const response = await fetch(`/messages/${number}/${act}`, { method: "POST" });
    text = response.ok ? outcomeOf(await response.json()) : `${outcome.dataset.refused} ${await response.text()}`;
  } catch (error) {
    text = `${outcome.dataset.refused} ${error.message}`;
  }
  for (const button of buttons) button.disabled = false;
  if (chosen.id === number) outcome.textContent = text;
}

async function open() {
  const number = location.hash.slice(1);
  if (!/^\d+$/.test(number)) return;
  const answer = await fetch(`/messages/${number}`);
  if (!answer.ok) return;
  chosen = await answer.json();
  element("outcome").hidden = true;
  element("subject").textContent = chosen.subject || words.noSubject;
  element("from").textContent = chosen.from;
  element("to").textContent = chosen.to;
  element("received").textContent = dayAndTime.format(new Date(chosen.received_at));
  element("choose").hidden = true;
  element("message").hidden = false;
  if (view === "html" && !chosen.has_html) view = "text";
  drawList();
  await drawView();
}

async function poll() {
  const since = messages.length > 0 ? messages[0].id : 0;
  try {
    const answer = await fetch(`/messages?raw=0&limit=${MOST_SHOWN}&since_id=${since}`);
    const fresh = await answer.json();
    if (fresh.length > 0) {
      messages = [...fresh, ...messages].slice(0, MOST_SHOWN);
      drawList();
    }
    element("lost").hidden = true;
  } catch {
    element("lost").hidden = false;
  }
  setTimeout(poll, POLL_MS);
}

element("filter").addEventListener("input", drawList);
window.addEventListener("hashchange", open);
for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => { view = tab.dataset.view; drawView(); });
}
for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => giveBack(button.dataset.act));
}
poll();
open();
