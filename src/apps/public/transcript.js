import { byId, link, listOf, make, objectOf, textOf, write } from "./dom.js";
import { timeOf } from "./times.js";
import { speakerOf } from "./words.js";

/** More than anybody reads beside a conversation; Chatwoot has the rest. */
const MOST_LINES = 2_000;

/**
 * The whole conversation as Baton has it, under a button: what visitor and bot said before, and everything since.
 *
 * @param {object} options
 * @param {(handoffId: string, seq: number) => Promise<{ state: string, body?: unknown }>} options.messages a page of them
 */
export function createTranscript({ messages }) {
  const toggle = byId("transcript-toggle");
  let handoffId = null;
  let visitorName = "";
  let last = 0;
  let count = 0;
  let isLoading = false;

  toggle.addEventListener("click", () => {
    const isOpen = toggle.getAttribute("aria-expanded") !== "true";
    setOpen(isOpen);
    if (isOpen) void load();
  });

  function setOpen(isOpen) {
    toggle.setAttribute("aria-expanded", String(isOpen));
    write("transcript-toggle", isOpen ? "Hide the transcript" : "Show the bot's transcript");
    byId("transcript").hidden = !isOpen;
  }

  /** Adds what is new; a page that is answered late, for another conversation, is dropped. */
  async function load() {
    if (isLoading || handoffId === null) return;
    isLoading = true;
    const of = handoffId;
    if (count === 0) write("transcript-note", "Loading…");
    let isWhole = false;
    while (!isWhole && count < MOST_LINES) {
      const answer = await messages(of, last);
      if (of !== handoffId) break;
      if (answer.state !== "answered") {
        write("transcript-note", "The transcript could not be loaded. Close and open it to try again.");
        break;
      }
      const lines = listOf(objectOf(answer.body).items).map(objectOf);
      byId("lines").append(...lines.map((line) => lineItem(line, visitorName)));
      count += lines.length;
      last = lines.at(-1)?.seq ?? last;
      isWhole = lines.length === 0;
      write("transcript-note", count === 0 ? "Nothing has been said yet." : "");
    }
    isLoading = false;
    if (of !== handoffId && isOpened()) void load();
  }

  const isOpened = () => toggle.getAttribute("aria-expanded") === "true";

  return {
    /** The handoff that is shown now. */
    follow(view) {
      const id = textOf(objectOf(view.handoff).id);
      visitorName = textOf(objectOf(view.visitor).name);
      if (id !== handoffId) {
        this.forget();
        handoffId = id;
      }
      if (isOpened()) void load();
    },
    forget() {
      handoffId = null;
      last = 0;
      count = 0;
      byId("lines").replaceChildren();
      write("transcript-note", "");
      setOpen(false);
    },
  };
}

function lineItem(line, visitorName) {
  const time = timeOf(line.at);
  const who = make("p", { class: "who" }, make("b", { dir: "auto" }, speakerOf(line, visitorName)));
  if (time !== null) who.append(time);
  const item = make("li", { class: line.role === "visitor" ? "theirs" : "ours" }, who);
  if (textOf(line.text) !== "") item.append(make("p", { class: "words", dir: "auto" }, textOf(line.text)));
  for (const file of listOf(line.attachments).map(objectOf))
    item.append(make("p", { class: "words" }, link(file.url, textOf(file.name) || "Attachment")));
  return item;
}
