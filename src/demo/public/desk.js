import { call, Refused } from "./api.js";
import { bubble } from "./bubbles.js";
import { byId, make } from "./dom.js";

const LOOK_EVERY_MS = 2_000;
const ONLINE_SECONDS = 90;
const SAY_AGAIN_MS = 30_000;

/**
 * The agent's side, in as few lines as show a whole handover: the plain agent routes, asked every two seconds. Only for
 * callers on the server's own machine; to others the desk is not offered.
 */
export async function createDesk({ session }) {
  const offered = await call("GET", "/demo/desk").catch(() => ({ available: false }));
  if (!offered.available) return { look: () => {} };
  byId("desk").hidden = false;

  let seat = null;
  let isOnline = false;
  let chosen = null;
  let shownOwn = null;
  let lastSeq = 0;
  let handoffs = [];
  let looking = false;
  let lookAgain = false;
  let saidAt = 0;

  const asAgent = (method, path, body) => call(method, path, { token: seat.token, body });

  /** Who goes away is not given new conversations, and finishes those at hand. */
  async function toggle() {
    seat ??= await call("POST", "/demo/desk");
    if (isOnline) await asAgent("PUT", "/v1/members/me/presence", { status: "away" });
    else await present();
    isOnline = !isOnline;
    session.set({ deskIsOnline: isOnline });
    byId("desk-presence").textContent = isOnline ? "Go away" : "Go online";
    byId("desk-presence").setAttribute("aria-pressed", String(isOnline));
    byId("desk-status").textContent = isOnline
      ? `You are online as ${seat.member.name}: visitors reach you.`
      : "You are away: visitors are asked for their details.";
  }

  /** For a minute and a half: who closes the window is not there. */
  async function present() {
    saidAt = Date.now();
    await asAgent("PUT", "/v1/members/me/presence", { status: "online", forSeconds: ONLINE_SECONDS });
  }

  async function look() {
    lookAgain = true;
    if (looking) return;
    looking = true;
    try {
      while (lookAgain) {
        lookAgain = false;
        await lookOnce();
      }
      fail("");
    } catch (error) {
      fail(error instanceof Refused ? error.message : "The server cannot be reached.");
    } finally {
      looking = false;
    }
  }

  async function lookOnce() {
    if (seat === null) return;
    if (isOnline && Date.now() - saidAt > SAY_AGAIN_MS) await present();
    const pages = await Promise.all(
      ["pending", "acknowledged"].map((status) => asAgent("GET", `/v1/handoffs?mode=live&status=${status}&limit=50`)),
    );
    handoffs = pages.flatMap(({ items }) => items).filter(({ destination }) => destination === "inbox");
    const own = handoffs.find(({ conversationId }) => conversationId === session.get().conversationId);
    // The visitor of this very page comes to the front once; after that the agent chooses.
    if (own !== undefined && own.id !== shownOwn) choose((shownOwn = own.id));
    if (!handoffs.some(({ id }) => id === chosen)) choose(handoffs[0]?.id ?? null);
    drawList();
    await readChosen();
  }

  function drawList() {
    const drawn = JSON.stringify([chosen, handoffs.map(({ id, status }) => [id, status])]);
    byId("desk-empty").hidden = handoffs.length > 0;
    // Drawn anew only when it changed, so that the focus stays where it is.
    if (byId("desk-list").dataset.drawn === drawn) return;
    byId("desk-list").dataset.drawn = drawn;
    byId("desk-list").replaceChildren(
      ...handoffs.map((handoff) => {
        const button = make(
          "button",
          { type: "button", "aria-current": handoff.id === chosen ? "true" : null },
          make("strong", { dir: "auto" }, nameOf(handoff)),
          handoff.status === "pending" ? `waits: ${handoff.reason ?? handoff.trigger}` : `with ${handoff.agent}`,
        );
        button.onclick = () => {
          choose(handoff.id);
          drawList();
          void look();
        };
        return make("li", {}, button);
      }),
    );
    const current = handoffs.find(({ id }) => id === chosen);
    byId("desk-accept").hidden = current?.status !== "pending";
    byId("desk-release").hidden = current?.status !== "acknowledged";
  }

  function choose(id) {
    chosen = id;
    lastSeq = 0;
    byId("desk-log").replaceChildren();
    byId("desk-conversation").hidden = id === null;
    const current = handoffs.find((handoff) => handoff.id === id);
    byId("desk-who").textContent = current === undefined ? "Conversation" : nameOf(current);
  }

  async function readChosen() {
    if (chosen === null) return;
    const of = chosen;
    const { items } = await asAgent("GET", route(of, `/messages?after=${lastSeq}`));
    if (of !== chosen || items.length === 0) return;
    lastSeq = items.at(-1).seq;
    for (const message of items) byId("desk-log").append(bubble(message, "agent"));
    byId("desk-log").scrollTop = byId("desk-log").scrollHeight;
  }

  async function act(work) {
    try {
      await work();
      await look();
    } catch (error) {
      fail(error instanceof Refused ? error.message : "The server cannot be reached.");
    }
  }

  byId("desk-presence").onclick = () => void act(toggle);
  byId("desk-accept").onclick = () => void act(() => asAgent("POST", route(chosen, "/accept")));
  byId("desk-release").onclick = () => void act(() => asAgent("POST", route(chosen, "/release")));
  byId("desk-resolve").onclick = () => void act(() => asAgent("POST", route(chosen, "/resolve")));
  byId("desk-reply").onsubmit = (event) => {
    event.preventDefault();
    const field = byId("desk-text");
    const text = field.value.trim();
    if (text === "" || chosen === null) return;
    void act(async () => {
      await asAgent("POST", route(chosen, "/messages"), { id: crypto.randomUUID(), text });
      field.value = "";
    });
  };
  if (session.get().deskIsOnline) await act(toggle);
  setInterval(() => void look(), LOOK_EVERY_MS);
  return { look: () => void look() };
}

const route = (id, rest) => `/v1/handoffs/${encodeURIComponent(id)}${rest}`;

const nameOf = ({ visitorName, conversationId }) => visitorName ?? `Visitor ${conversationId.slice(-4)}`;

function fail(text) {
  byId("desk-fault").textContent = text;
}
