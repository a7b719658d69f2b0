import { listOf, objectOf, textOf } from "./dom.js";

/** Everything that the page says of itself. */
export const STATES = {
  loading: { title: "Looking up the conversation…", text: "", isBusy: true },
  nowhere: {
    title: "There is nothing here",
    text: "If you came here from Chatwoot, ask your admin to install Baton's app there again.",
  },
  gone: {
    title: "This app is no longer connected",
    text: "The connection between this Chatwoot and Baton has been removed. Ask your admin to install the app again.",
  },
  unframed: {
    title: "This page belongs inside Chatwoot",
    text: "Open a conversation in Chatwoot and choose the tab of this app beside its messages.",
  },
  silent: {
    title: "Chatwoot has not said which conversation this is",
    text: "Try again, or open the conversation anew. Chatwoot's mobile app does not tell apps where they are: use a browser.",
    again: true,
  },
  "signed-out": {
    title: "Sign in to see what the bot knows",
    text: "Your admin gives you a sign-in link for Baton. It works once, within 15 minutes.",
    signIn: true,
  },
  expired: {
    title: "Your sign-in has ended",
    text: "It lasts twelve hours. Ask your admin for a new link, then go on where you were.",
    signIn: true,
  },
  foreign: {
    title: "Not a conversation from your bot",
    text: "When a bot hands a conversation over through Baton, what it knows appears here.",
  },
  crowded: {
    title: "Too many requests at once",
    text: "Your conversation is not affected. This goes on by itself in a moment.",
    again: true,
  },
  unreachable: {
    title: "Baton can't be reached right now",
    text: "Your conversation is not affected. This goes on by itself; if it stays like this, tell your admin.",
    again: true,
  },
};

export const CONTROL = { human: "A person has control", bot: "The bot has control" };
export const PRIORITY = { low: "Low priority", medium: "Medium priority", high: "High priority", urgent: "Urgent" };

/** Where the handoff stands, as one would say it. */
export function statusOf(view) {
  const handoff = objectOf(view.handoff);
  const agent = textOf(view.agent);
  const isSilent = view.control === "human";
  if (handoff.status === "resolved") return "This handoff is over. The bot answers the visitor again.";
  if (handoff.status === "cancelled") return "This handoff was called off. The bot answers the visitor.";
  if (handoff.mode === "lead") {
    if (handoff.status === "acknowledged")
      return `${agent || "Somebody"} looks after this. The bot answers the visitor.`;
    return view.lead
      ? "Nobody could take over, so the visitor left their details. The bot answers meanwhile."
      : "Nobody could take over. The visitor was asked for their details, and the bot answers meanwhile.";
  }
  const bot = isSilent ? "The bot is silent." : "The bot goes on answering until then.";
  if (handoff.status === "acknowledged") return `${agent || "An agent"} has this conversation. ${bot}`;
  return `Waiting for somebody to accept. ${bot}`;
}

const ENDS = {
  returned_to_bot: "gave it back to the bot",
  agent_resolved: "resolved it",
};
/** Where nobody in particular ended it, or it does not matter who. */
const ENDED = {
  idle: "Ended, as nobody had written for long",
  connection_removed: "Ended, as the connection to the helpdesk was removed",
  conversation_gone: "Ended, as the conversation is gone from Chatwoot",
  admin_resolved: "An admin ended it",
  bot_resolved: "The bot ended it",
  visitor_resolved: "The visitor ended it",
};

/** One step of the handoff as a sentence. Types that are not known yet get by with their own words. */
export function stepWords({ type, actor, because }) {
  const { kind, name: given } = objectOf(actor);
  const name = textOf(given);
  const agent = name || "An agent";
  switch (type) {
    case "handoff.requested":
      if (because === "reopened") return "The conversation was opened again in Chatwoot";
      return kind === "bot" ? "The bot asked for a person" : "The visitor asked for a person";
    case "handoff.opened":
      return "Opened in Chatwoot";
    case "handoff.moved":
      return "Passed on, as the first place could not take it";
    case "handoff.acknowledged":
      return `${agent} accepted`;
    case "handoff.reassigned":
      return `${agent} took over`;
    case "handoff.released":
      return "Given back to the queue";
    case "handoff.missed":
      return because === "helpdesk_unreachable"
        ? "No helpdesk could be reached, so the visitor was asked for their details"
        : "Nobody accepted in time, so the visitor was asked for their details";
    case "lead.captured":
      return "The visitor left their details";
    case "handoff.resolved":
      return ENDED[because] ?? `${agent} ${ENDS[because] ?? "ended it"}`;
    case "handoff.cancelled":
      return kind === "bot" ? "The bot called it off" : kind === "agent" ? `${agent} called it off` : "Called off";
    default:
      return textOf(type).replaceAll(/[._]/g, " ");
  }
}

/** Who said a line of the conversation. */
export function speakerOf(line, visitorName) {
  if (line.role === "visitor") return textOf(visitorName) || "Visitor";
  if (line.role === "bot") return "Bot";
  if (line.role === "agent") return textOf(line.authorName) || "Agent";
  return "Baton";
}

/** Visitor's particulars that there are, by name. Attributes hold whatever the bot put there. */
export function contactRows(visitor) {
  const { email, phone, attributes } = objectOf(visitor);
  const more = Object.entries(objectOf(attributes)).map(([name, value]) => [name, attributeText(value)]);
  return [["Email", email], ["Phone", phone], ...more];
}

const attributeText = (value) =>
  typeof value === "object" && value !== null
    ? JSON.stringify(value)
    : typeof value === "boolean"
      ? value
        ? "yes"
        : "no"
      : value;

export const leadRows = (lead) => {
  const { name, email, phone, issue } = objectOf(objectOf(lead).contact);
  return [
    ["Name", name],
    ["Email", email],
    ["Phone", phone],
    ["Issue", issue],
  ];
};

export const namedProducts = (view) =>
  listOf(view.products)
    .map(objectOf)
    .filter((product) => textOf(product.name) !== "" || textOf(product.url) !== "");
