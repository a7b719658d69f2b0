/**
 * Baton beside a FreshChat conversation: whom the agent speaks with, what the bot knew, and the way back to the bot.
 *
 * All that is shown came from a visitor at some point, so it goes in as text only, and as a link only when it is one of the
 * web's. Nothing is asked on a timer: Freshworks allows an app few requests a minute.
 */
(async function () {
  const client = await app.initialized();
  /* Agents switch conversations faster than answers come: only the latest question may draw. */
  let asked = 0;
  let shown = null;
  let isReturning = false;

  client.events.on("app.activated", look);
  on("again", look);
  on("refresh", look);
  on("give-back", () => confirming(true));
  on("confirm-no", () => confirming(false));
  on("confirm-yes", giveBack);
  element("confirm").addEventListener("keydown", (event) => event.key === "Escape" && confirming(false));

  async function look() {
    const mine = ++asked;
    shown = null;
    notice("");
    showState("loading");
    const id = await conversationId();
    const found =
      id === null ? { state: "foreign" } : await ask("readConversation", { context: { conversation_id: id } });
    if (mine !== asked) {
      return;
    }
    if (found.state === "answered" && found.body.handoff) {
      shown = id;
      showDetails(found.body);
    } else {
      showState(found.state === "answered" ? "unreachable" : found.state);
    }
  }

  async function giveBack() {
    if (isReturning) {
      return;
    }
    const mine = asked;
    returning(true);
    const done = await askForReturn(shown);
    returning(false);
    /* The agent has gone on to another conversation: what happened to the last one is not for this page. */
    if (mine === asked) {
      await tellReturn(done);
    }
  }

  function returning(isNow) {
    isReturning = isNow;
    element("confirm-yes").loading = isNow;
    element("confirm-yes").disabled = isNow;
  }

  async function askForReturn(id) {
    const [url, agent] = await Promise.all([freshchatUrl(), currentAgent()]);
    const body = JSON.stringify({ freshchatUrl: url, agent });
    return ask("returnToBot", { context: { conversation_id: id }, body });
  }

  async function tellReturn(done) {
    if (done.state === "answered" || done.state === "over") {
      await look();
      focusOn(["give-back", "refresh", "again"].find(isVisible));
      notice(done.state === "over" ? "This handoff had ended already." : "The bot has the conversation again.");
    } else {
      confirming(false);
      notice(`Not given back. ${STATES[done.state].text}`, true);
    }
  }

  /* Only ids that mean the same in a path as here; null stands for none. */
  async function conversationId() {
    const conversation = await data("conversation");
    const id = String(conversation.conversation_id || conversation.id || "");
    return /^[\w-]{1,128}$/.test(id) ? id : null;
  }

  async function freshchatUrl() {
    try {
      const settings = await client.iparams.get("freshchat_url");
      return text(settings.freshchat_url);
    } catch {
      return "";
    }
  }

  async function currentAgent() {
    const agent = await data("loggedInAgent");
    const name = [agent.first_name, agent.last_name].filter(Boolean).join(" ");
    return agent.id ? { id: String(agent.id), name: name || null } : null;
  }

  async function data(name) {
    try {
      const got = await client.data.get(name);
      return got[name] || {};
    } catch {
      return {};
    }
  }

  async function ask(template, options) {
    try {
      const answer = await client.request.invokeTemplate(template, options);
      return { state: "answered", body: JSON.parse(answer.response) };
    } catch (error) {
      return { state: stateOf(error) };
    }
  }
})();

/* A 404 is Baton's own only when it says so the way Baton does: else some other server answers at that host. */
function stateOf(error) {
  const byStatus = { 401: "locked", 403: "locked", 409: "over", 429: "crowded" };
  const status = error.status;
  if (status === 404) {
    return isProblem(error.response) ? "foreign" : "unreachable";
  }
  return byStatus[status] || "unreachable";
}

function isProblem(response) {
  try {
    return typeof JSON.parse(response).code === "string";
  } catch {
    return false;
  }
}

const STATES = {
  loading: { title: "Looking up the conversation…", text: "" },
  foreign: {
    title: "Not a conversation from your bot",
    text: "When a bot hands a conversation over through Baton, what it knows appears here.",
  },
  unreachable: {
    title: "Baton can't be reached right now",
    text: "Your conversation is not affected. Try again in a moment; if it stays like this, tell your admin.",
    again: true,
  },
  crowded: {
    title: "Too many requests at once",
    text: "Freshworks allows this app a number of requests a minute. Try again in a minute.",
    again: true,
  },
  locked: {
    title: "Baton no longer accepts this app's key",
    text: "Ask your admin to install the app again with a new workspace key from Baton.",
  },
};

const CONTROL = { human: "With a person", bot: "With the bot" };
const STATUS = {
  pending: "waiting for an agent",
  acknowledged: "accepted",
  resolved: "resolved",
  cancelled: "cancelled",
};

function showState(name) {
  const state = STATES[name] || STATES.unreachable;
  element("panel").setAttribute("aria-busy", String(name === "loading"));
  element("spinner").hidden = name !== "loading";
  element("again").hidden = !state.again;
  write("state-title", state.title);
  write("state-text", state.text);
  element("state").hidden = false;
  element("details").hidden = true;
  element("confirm").hidden = true;
  element("actions").hidden = false;
}

function showDetails(view) {
  const visitor = view.visitor || {};
  write("visitor", text(visitor.name) || "Unnamed visitor");
  write("control", CONTROL[view.control] || text(view.control));
  element("control").classList.toggle("bot", view.control === "bot");
  write("status", STATUS[view.handoff.status] || text(view.handoff.status));
  write("reason", view.handoff.reason);
  block("summary", () => write("summary", view.summary));
  block("contact", () => list("contact", contactRows(visitor)));
  block("products", () => listProducts(view.products || []));
  block("page", () => replace("page", view.pageUrl ? [linked(view.pageUrl, view.pageUrl)] : []));
  block("lead", () => showLead(view.lead));
  block("handoff", () => list("handoff", handoffRows(view.handoff)));
  replace("baton-link", isWeb(view.url) ? [linked(view.url, "Open in Baton")] : []);
  element("give-back").hidden = view.canReturn !== true;
  element("state").hidden = true;
  element("details").hidden = false;
  element("panel").setAttribute("aria-busy", "false");
}

function contactRows(visitor) {
  const attributes = Object.entries(visitor.attributes || {});
  return [["Email", visitor.email], ["Phone", visitor.phone], ...attributes];
}

function handoffRows(handoff) {
  return [
    ["Priority", handoff.priority],
    ["Asked for", time(handoff.createdAt)],
    ["Accepted", time(handoff.acceptedAt)],
  ];
}

function showLead(lead) {
  const contact = (lead && lead.contact) || {};
  list("lead", [
    ["Name", contact.name],
    ["Email", contact.email],
    ["Phone", contact.phone],
    ["Issue", contact.issue],
  ]);
  const consent = lead && lead.consent;
  replace("consent", consent ? consentWords(consent) : []);
  return Boolean(lead);
}

function consentWords(consent) {
  const when = time(consent.agreedAt);
  const terms = isWeb(consent.url) ? [linked(consent.url, "Terms")] : [];
  return [`Agreed${when ? ` on ${when}` : ""}: ${text(consent.text)} `, ...terms];
}

function listProducts(products) {
  const named = products.filter((product) => text(product.name) || text(product.url));
  const items = named.map((product) => {
    const item = document.createElement("li");
    const price = document.createElement("span");
    price.className = "price";
    price.textContent = text(product.price);
    item.append(linked(product.url, text(product.name) || text(product.url)), price);
    return item;
  });
  replace("products", items);
}

/* Rows without a value are left out. */
function list(id, rows) {
  const filled = rows.filter(([, value]) => text(value) !== "");
  const nodes = filled.flatMap(([name, value]) => [cell("dt", name), cell("dd", value)]);
  replace(id, nodes);
}

function cell(kind, value) {
  const node = document.createElement(kind);
  node.dir = "auto";
  node.textContent = text(value);
  return node;
}

/* A section with nothing in it is not shown. */
function block(id, fill) {
  fill();
  element(`${id}-block`).hidden = element(id).childNodes.length === 0;
}

/* A link where the address is one of the web's; its words alone where it is anything else. */
function linked(address, label) {
  const node = document.createElement(isWeb(address) ? "a" : "span");
  if (isWeb(address)) {
    node.href = address;
    node.target = "_blank";
    node.rel = "noopener noreferrer";
  }
  node.dir = "auto";
  node.textContent = text(label);
  return node;
}

function isWeb(address) {
  try {
    return ["https:", "http:"].includes(new URL(address).protocol);
  } catch {
    return false;
  }
}

function time(value) {
  const at = new Date(value || NaN);
  return Number.isNaN(at.getTime()) ? "" : at.toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function confirming(isAsking) {
  const wasAsking = !element("confirm").hidden;
  element("confirm").hidden = !isAsking;
  element("actions").hidden = isAsking;
  if (isAsking) {
    focusOn("confirm-yes");
  } else if (wasAsking) {
    focusOn("give-back");
  }
}

function isVisible(id) {
  return element(id).offsetParent !== null;
}

/* The component's own button takes the focus, not the element around it. */
function focusOn(id) {
  const button = element(id || "panel");
  if (typeof button.setFocus === "function") {
    button.setFocus();
  } else {
    button.focus();
  }
}

function notice(words, isBad) {
  write("notice", words);
  element("notice").classList.toggle("bad", isBad === true);
}

function on(id, act) {
  element(id).addEventListener("click", () => act());
}

function element(id) {
  return document.getElementById(id);
}

function write(id, words) {
  element(id).textContent = text(words);
}

function replace(id, nodes) {
  element(id).replaceChildren(...nodes);
}

function text(value) {
  return value === undefined || value === null ? "" : String(value).trim();
}
