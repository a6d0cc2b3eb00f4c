// What the server says about this page: addresses, zone, currency, who is looking.
const given = JSON.parse(document.body.dataset.page);
export const page = { ...given, locale: navigator.languages?.length ? [...navigator.languages] : undefined };
