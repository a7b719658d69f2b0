import { byId, make } from "./dom.js";

const NONE = "–";

/** "What the connector does": who has control, what was decided and why, and each event as it comes. */
export const inspector = {
  stream: (state) => fact("stream", state),
  /** @param {object | null} conversation as `GET /v1/conversations/{id}` answers */
  conversation(conversation) {
    const handoff = conversation?.handoff ?? null;
    fact("control", conversation?.control);
    fact("epoch", conversation === null ? null : String(conversation.epoch));
    fact("handoff", handoff === null ? "none" : `${handoff.mode}, ${handoff.status}`);
    fact("agent", handoff?.agent);
  },
  decision(decision, guidance) {
    fact("decision", decision?.outcome ?? "none yet");
    fact("because", decision?.because);
    fact("opensAt", decision?.opensAt ? new Date(decision.opensAt).toLocaleString("en-GB") : null);
    if (guidance) byId("guidance").textContent = guidance;
  },
  events(events) {
    byId("events").replaceChildren(...events.toReversed().map(line));
  },
};

function fact(name, value) {
  document.querySelector(`[data-fact="${name}"]`).textContent = value ?? NONE;
}

/** As much of an event as the panel shows; kept over a reload. */
export function briefOf({ seq, type, data }) {
  const about = data.message
    ? `${data.message.role}: ${data.message.text.slice(0, 80)}`
    : [
        data.because && `because ${data.because}`,
        data.agent && `agent ${data.agent}`,
        `control ${data.control}`,
        `epoch ${data.epoch}`,
        data.handoff?.status && `${data.handoff.mode}, ${data.handoff.status}`,
      ]
        .filter(Boolean)
        .join(", ");
  return { seq, type, about };
}

const line = ({ seq, type, about }) =>
  make("li", {}, make("span", {}, String(seq)), make("strong", {}, type), make("span", { dir: "auto" }, about));
