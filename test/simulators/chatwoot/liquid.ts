import { Liquid, TokenizationError, ParseError } from "liquidjs";
import type { Conversation, Sender, State } from "./state.ts";

// No templates: `include` and `render` must never reach the file system.
const engine = new Liquid({ templates: {}, renderLimit: 1000, parseLimit: 1_000_000 });

/**
 * What Chatwoot stores for the text of an outgoing message (contract 5.7).
 *
 * Text between backticks, the shortest match, also across lines, is wrapped in raw blocks; then the whole is rendered
 * with the contact's, agent's, conversation's, inbox's and account's data. Text with broken Liquid is stored as it was
 * sent. A raw block that the text itself ends inside backticks is not repaired, as in the original.
 */
export function renderLiquid(text: string, drops: object): string {
  if (text.trim() === "") return text;
  const shielded = text.replaceAll(/`(.*?)`/gs, (span) => `{% raw %}${span}{% endraw %}`);
  try {
    return engine.parseAndRenderSync(shielded, drops);
  } catch (error) {
    if (!isSyntaxError(error)) return shielded.replaceAll(/\{%.*?%\}|\{\{.*?\}\}/gs, "Liquid error: internal");
  }
  try {
    return engine.parseAndRenderSync(asLaxParserReads(shielded), drops);
  } catch {
    return text;
  }
}

const isSyntaxError = (error: unknown) => error instanceof TokenizationError || error instanceof ParseError;

/**
 * Ruby's Liquid parses laxly: an output it cannot make sense of renders as nothing, where our engine refuses the whole
 * text. Without this, text that Chatwoot would damage would come out of the simulator unharmed.
 */
function asLaxParserReads(text: string): string {
  return text.replaceAll(/\{%-?\s*raw\s*-?%\}.*?\{%-?\s*endraw\s*-?%\}|\{\{.*?\}\}/gs, (part) => {
    if (part.startsWith("{%")) return part;
    try {
      engine.parse(part);
      return part;
    } catch {
      return "";
    }
  });
}

/** The variables that a message template can name. */
export function dropsFor(state: State, conversation: Conversation, sender: Sender | null): object {
  const contact = state.contacts.get(conversation.contactId)!;
  const inbox = state.inboxes.get(conversation.inboxId)!;
  const user = sender?.type === "User" ? state.users.get(sender.id) : undefined;
  const bot = sender?.type === "AgentBot" ? state.bots.get(sender.id) : undefined;
  return {
    contact: {
      ...names(contact.name),
      email: contact.email,
      phone_number: contact.phoneNumber,
      custom_attribute: contact.customAttributes,
    },
    agent: user
      ? { ...names(user.name), available_name: user.availableName, email: user.email }
      : { name: bot?.name ?? null, available_name: bot?.name ?? null },
    conversation: {
      display_id: conversation.id,
      contact_name: contact.name,
      custom_attribute: conversation.customAttributes,
    },
    inbox: { name: inbox.name },
    account: { name: state.accountName },
  };
}

function names(full: string) {
  const words = full.split(/\s+/).filter((word) => word !== "");
  const capitalised = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase());
  return {
    name: capitalised.join(" "),
    first_name: capitalised[0] ?? null,
    last_name: capitalised.length > 1 ? capitalised.at(-1) : null,
  };
}
