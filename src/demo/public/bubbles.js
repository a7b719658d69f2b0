import { link, make } from "./dom.js";
import { word } from "./words.js";

/**
 * A line of the conversation. Words of the system are the bot's to say, word for word.
 *
 * @param {object} message as the API tells it
 * @param {"visitor" | "agent"} reader whose own words stand on the other side
 */
export function bubble({ role, text, authorName, attachments }, reader = "visitor") {
  const side = role === "system" ? "bot" : role;
  const isOwn = side === reader;
  const names = {
    visitor: reader === "visitor" ? word("you") : "Visitor",
    bot: word("bot"),
    agent: authorName ?? word("team"),
  };
  return make(
    "div",
    { class: `bubble ${side}${isOwn ? " own" : ""}` },
    make("p", { class: isOwn ? "hidden-label" : "who" }, names[side]),
    text === "" ? null : make("p", { dir: "auto" }, text),
    ...(attachments ?? []).map((file) => make("p", {}, link(file.url, file.name ?? file.url))),
  );
}
