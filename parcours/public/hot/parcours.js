// Parcours: tells what a visitor does, once they consent. Silent before. See docs/api/events.md.
(() => {
  "use strict";
  const script = document.currentScript;
  const { key, category = "analytics" } = script.dataset;
  const objects = navigator.globalPrivacyControl || navigator.doNotTrack === "1";
  const id = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
  let visitor = null; // who consented: { anonymousId, userId }

  const remember = (who) => {
    visitor = who;
    try {
      if (who) localStorage.parcours = JSON.stringify(who);
      else delete localStorage.parcours;
    } catch {} // no storage: known until the page is left
  };

  const post = (kind, call, tries) =>
    fetch(new URL("v1/" + kind, script.src), {
      method: "POST",
      body: JSON.stringify({ ...call, sentAt: new Date() }), // text/plain: no preflight
      keepalive: true,
      credentials: "omit",
    })
      .then((answer) => {
        if (answer.status > 499) throw answer;
      })
      .catch(() => tries < 3 && setTimeout(() => visitor && post(kind, call, tries + 1), 2000 * 4 ** tries));

  const send = (kind, members) => {
    if (!visitor) return false;
    const context = {
      locale: navigator.language,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      consent: { categoryPreferences: { [category]: true } },
    };
    post(kind, { ...visitor, ...members, messageId: id(), timestamp: new Date(), writeKey: key, context }, 0);
    return true;
  };

  const page = (name, properties) => {
    const seen = {
      url: location.origin + location.pathname, // without the query, which may hold secrets
      path: location.pathname,
      title: document.title,
      referrer: document.referrer.split(/[?#]/)[0],
    };
    for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith("utm_")) seen[name] = value;
    return send("page", { name, properties: { ...seen, ...properties } });
  };

  const identify = (userId, traits) => {
    if (!visitor) return false;
    if (userId === undefined || typeof userId === "object") return send("identify", { traits: userId || traits });
    const isAnother = visitor.userId && visitor.userId !== String(userId);
    remember({ anonymousId: isAnother ? id() : visitor.anonymousId, userId: String(userId) });
    return send("identify", { traits });
  };

  const consent = (yes) => {
    if (yes === undefined) return Boolean(visitor);
    if (!yes || objects) remember(null);
    else if (!visitor) {
      remember({ anonymousId: id() });
      page();
    }
    return Boolean(visitor);
  };

  window.parcours = {
    consent,
    page,
    identify,
    track: (event, properties) => send("track", { event, properties }),
    reset: () => visitor && remember({ anonymousId: id() }),
  };
  try {
    visitor = JSON.parse(localStorage.parcours);
  } catch {} // nothing is remembered
  if (visitor && objects) remember(null);
  if (visitor) page();
})();
