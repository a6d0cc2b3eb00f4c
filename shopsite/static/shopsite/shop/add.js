// Put something into the cart without leaving the page. Where anything fails, the form is sent as ever.
const toast = document.getElementById("toast");
const tally = document.getElementById("tally");
const cart = document.getElementById("add")?.dataset.cart;
let timer = 0;

function say(level, words) {
  const link = Object.assign(document.createElement("a"), { href: cart, textContent: "See the cart" });
  toast.replaceChildren(`${words} `, link);
  toast.dataset.level = level;
  toast.classList.add("is-up");
  clearTimeout(timer);
  timer = setTimeout(() => toast.classList.remove("is-up"), 6000);
}

async function add(form, button) {
  const body = new FormData(form, button);
  button.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(answer.statusText);
    const { level, said, tally: count } = await answer.json();
    tally.textContent = count;
    tally.hidden = !count;
    say(level, said);
  } catch {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value }));
    form.submit();
  } finally {
    button.removeAttribute("aria-busy");
  }
}

document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (!submitter || !cart || (form.id !== "add" && !("add" in form.dataset))) return;
  event.preventDefault();
  add(form, submitter);
});
