// Tells clicks of any site to /collect. <script src="https://shop/collect.js" async></script> tells the
// page; data-product="SKU" on the tag makes it a product's page; shopsite.track(type, more) tells more.
(() => {
  "use strict";
  const tag = document.currentScript;
  const target = new URL("collect", tag.src);
  const own = target.origin === location.origin; // there the visitor's cookie says who it is
  const waiting = [];
  let timer = 0;

  const id = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  const kept = (store, name) => {
    try {
      return store.getItem(name) || (store.setItem(name, id()), store.getItem(name));
    } catch {
      return undefined; // storage is off: the server knows each event alone
    }
  };

  // before the ids are made: whoever is known already came back, as far as this visit is concerned
  const returning = (() => {
    try {
      if (!sessionStorage.getItem("visit")) sessionStorage.setItem("back", localStorage.getItem("visitor") ? "yes" : "no");
      return sessionStorage.getItem("back") === "yes";
    } catch {
      return undefined;
    }
  })();

  const post = (body, batch, tries) => {
    target.searchParams.set("batch", batch);
    fetch(target, { method: "POST", body, keepalive: true, credentials: own ? "same-origin" : "omit" })
      .then((answer) => answer.status === 503 && Promise.reject())
      .catch(() => tries > 1 && setTimeout(post, 5000, body, batch, tries - 1)); // the same batch: counted once
  };

  const flush = () => {
    clearTimeout(timer);
    timer = 0;
    while (waiting.length) post(JSON.stringify(waiting.splice(0, 50)), id(), 5);
  };

  const track = (type, more) => {
    const said = { event_id: id(), type, path: location.pathname };
    if (!own) {
      said.user_id = kept(localStorage, "visitor");
      said.session_id = kept(sessionStorage, "visit");
      said.site = location.hostname;
      said.returning = returning;
    }
    if (document.referrer) said.referrer = document.referrer.split(/[?#]/)[0];
    const campaign = new URLSearchParams(location.search).get("utm_campaign");
    if (campaign) said.campaign = campaign;
    waiting.push(Object.assign(said, more));
    timer ||= setTimeout(flush, 500);
  };

  addEventListener("pagehide", flush);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
  window.shopsite = { track };
  const product = tag.dataset.product;
  track(product ? "view_item" : "page_view", product ? { product_id: product } : {});
})();
