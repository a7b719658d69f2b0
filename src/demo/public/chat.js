import { call, Refused } from "./api.js";
import { bubble } from "./bubbles.js";
import { byId, make } from "./dom.js";
import { followEvents } from "./events.js";
import { briefOf, inspector } from "./inspector.js";
import { drawLeadForm } from "./lead-form.js";
import { locale, word } from "./words.js";

const EVENTS_KEPT = 40;

/** Between two looks, so that a burst of events is read in one go. */
const BREATH_MS = 200;
const LOOK_AGAIN_MS = 3_000;

/** For what is said again with the next word. */
const quietly = () => {};

/**
 * The visitor's side. What is shown is read from the conversation itself, in its order; events say that there is something
 * to read. So a reload, a lost connection and a second tab all end in the same lines.
 */
export function createChat({ session, onNews }) {
  const log = byId("log");
  const pending = new Map();
  const replies = [];
  let conversation = null;
  let lastSeq = 0;
  let stopEvents = null;
  let syncing = null;
  let syncAgain = false;
  let sending = Promise.resolve();
  let generation = 0;

  const path = () => `/v1/conversations/${encodeURIComponent(session.get().conversationId)}`;
  const token = () => session.get().visitorToken;
  const asVisitor = (method, route, body) => call(method, route, { token: token(), body });
  const bot = (method, route, body) =>
    call(method, `/demo/bot/${route}`, {
      token: token(),
      body: { conversationId: session.get().conversationId, ...body },
    });

  async function begin() {
    if (session.get().conversationId === null) {
      const started = await call("POST", "/demo/bot/conversations", {
        body: { locale: locale(), pageUrl: location.href.split("#")[0] },
      });
      session.set(started);
    }
    follow();
    await sync();
    drawForm();
  }

  function follow() {
    stopEvents?.();
    stopEvents = followEvents({
      path: `${path()}/events`,
      token: token(),
      after: session.get().lastEvent,
      onEvent: take,
      onState(state) {
        inspector.stream(state);
        if (state === "refused") fail(word("ended"));
        // What was missed while the line was down.
        if (state === "open") void look();
      },
    });
  }

  function take(event) {
    const { events, form } = session.get();
    const { type, data } = event;
    session.set({ lastEvent: event.seq, events: [...events, briefOf(event)].slice(-EVENTS_KEPT) });
    inspector.events(session.get().events);
    if (data.guidance) session.set({ guidance: data.guidance });
    inspector.decision(session.get().decision, session.get().guidance);
    if (type === "handoff.missed" && data.form) showForm(data.handoff.id, data.form);
    const isOver = ["lead.captured", "handoff.resolved", "handoff.cancelled"].includes(type);
    if (isOver && form?.handoffId === data.handoff?.id) hideForm();
    void look();
    onNews();
  }

  /** Reads what is new, until that works. */
  async function look() {
    const mine = generation;
    try {
      await sync();
    } catch (error) {
      const isGone = error instanceof Refused && [401, 404].includes(error.status);
      setTimeout(() => mine === generation && !isGone && void look(), LOOK_AGAIN_MS);
    }
  }

  /** Reads what is new. Called while it runs, it looks once more at the end. */
  function sync() {
    syncAgain = true;
    syncing ??= (async () => {
      const mine = generation;
      try {
        while (syncAgain) {
          syncAgain = false;
          const found = await asVisitor("GET", path());
          if (mine !== generation) return;
          conversation = found;
          inspector.conversation(conversation);
          let more = true;
          while (more) {
            const page = await asVisitor("GET", `${path()}/messages?cursor=${lastSeq}&limit=100`);
            if (mine !== generation) return;
            for (const message of page.items) show(message);
            more = page.nextCursor !== null && page.items.length > 0;
          }
          showState();
          if (syncAgain) await new Promise((resolve) => setTimeout(resolve, BREATH_MS));
        }
      } finally {
        syncing = null;
      }
    })();
    return syncing;
  }

  function show(message) {
    if (message.seq <= lastSeq) return;
    lastSeq = message.seq;
    if (message.role === "system") replies.push(message);
    pending.get(message.id)?.remove();
    pending.delete(message.id);
    place(bubble(message));
  }

  /** Above what is still on its way. */
  function place(element) {
    const [first] = pending.values();
    if (first) first.before(element);
    else log.append(element);
    toEnd();
  }

  function showState() {
    const handoff = conversation?.handoff ?? null;
    const isOpen = handoff !== null && ["pending", "acknowledged"].includes(handoff.status);
    const isLive = isOpen && handoff.mode === "live";
    const name = handoff?.agent ?? word("someone");
    byId("chat-status").textContent =
      isLive && handoff.status === "acknowledged"
        ? word("withAgent").replace("{name}", name)
        : isLive
          ? word("waiting")
          : word("withBot");
    byId("person").hidden = isLive;
    byId("end").hidden = !isLive;
    if (isLive) byId("offer").hidden = true;
  }

  /** Each message waits for the one before it, so that they arrive in the order in which they were written. */
  function send(text) {
    const id = crypto.randomUUID();
    const element = bubble({ role: "visitor", text });
    element.classList.add("waiting");
    pending.set(id, element);
    log.append(element);
    byId("offer").hidden = true;
    toEnd();
    const again = () => {
      sending = deliver(sending, { id, text, element, again });
    };
    again();
  }

  async function deliver(before, { id, text, element, again }) {
    const mine = generation;
    await before;
    if (mine !== generation) return;
    try {
      const stored = await asVisitor("POST", `${path()}/messages`, { id, text });
      await sync();
      if (stored.control === "bot") await botTurn(stored.message.seq);
    } catch (error) {
      if (pending.has(id)) offerAgain(element, again);
      else fail(reason(error));
    }
  }

  async function botTurn(seq) {
    byId("typing").hidden = false;
    toEnd();
    try {
      const turn = await bot("POST", "turns", { seq });
      if (turn.answer !== null) await takeAnswer(turn.answer);
      else await sync();
      byId("offer").hidden = !turn.offersPerson;
    } finally {
      byId("typing").hidden = true;
      toEnd();
    }
  }

  async function askForPerson() {
    byId("offer").hidden = true;
    byId("person").disabled = true;
    try {
      await takeAnswer(await bot("POST", "handoffs", {}));
    } catch (error) {
      fail(reason(error));
    } finally {
      byId("person").disabled = false;
    }
  }

  /** Baton's answer: its reply word for word, its form, and who may speak now. */
  async function takeAnswer(answer) {
    const before = lastSeq;
    session.set({ decision: answer.decision, guidance: answer.guidance });
    inspector.decision(answer.decision, answer.guidance);
    await sync();
    // The conversation holds what was said for the first time; what is said again is shown again.
    const shown = new Set(replies.filter(({ seq }) => seq > before).map(({ text }) => text));
    for (const reply of answer.reply) if (!shown.has(reply.text)) place(bubble({ role: "system", ...reply }));
    if (answer.form === null) hideForm();
    else showForm(answer.handoff.id, answer.form);
  }

  function showForm(handoffId, form) {
    session.set({ form: { handoffId, form, locale: locale() } });
    drawForm();
    toEnd();
  }

  function hideForm() {
    session.set({ form: null });
    byId("form").hidden = true;
    byId("form").replaceChildren();
  }

  function drawForm() {
    const { form } = session.get();
    if (form === null) return hideForm();
    drawLeadForm(byId("form"), form, async (submission) => {
      await asVisitor("POST", `/v1/handoffs/${encodeURIComponent(form.handoffId)}/lead`, submission);
      hideForm();
      await sync();
      byId("text").focus();
    });
  }

  async function end() {
    const { handoff } = conversation;
    const how = handoff.status === "pending" ? "cancel" : "resolve";
    await asVisitor("POST", `/v1/handoffs/${encodeURIComponent(handoff.id)}/${how}`).catch((error) =>
      fail(reason(error)),
    );
    await look();
  }

  async function restart() {
    generation += 1;
    stopEvents?.();
    session.restart();
    pending.clear();
    lastSeq = 0;
    replies.length = 0;
    conversation = null;
    syncing = null;
    log.replaceChildren();
    hideForm();
    fail("");
    inspector.conversation(null);
    inspector.decision(null, null);
    inspector.events([]);
    await begin().catch((error) => fail(reason(error)));
  }

  /** The conversation goes on in another language; what was said stays as it is. */
  async function speakLanguage() {
    showState();
    await bot("PUT", "conversations", { locale: locale() }).catch(quietly);
  }

  const lookAt = (product) => bot("PUT", "conversations", { product }).catch(quietly);

  return {
    begin: () => begin().catch(beginAnew),
    send,
    askForPerson,
    end,
    restart,
    speakLanguage,
    lookAt,
  };

  /** A conversation that the server no longer knows, such as after its data were removed. */
  async function beginAnew(error) {
    const isGone = error instanceof Refused && [401, 404].includes(error.status);
    if (isGone && session.get().conversationId !== null) await restart();
    else fail(reason(error));
  }
}

function toEnd() {
  const body = byId("chat-body");
  body.scrollTop = body.scrollHeight;
}

function fail(text) {
  byId("chat-fault").textContent = text;
}

function reason(error) {
  return error instanceof Refused && [401, 404].includes(error.status) ? word("ended") : word("trouble");
}

function offerAgain(element, attempt) {
  const again = make("button", { type: "button" }, word("again"));
  const line = make("p", {}, `${word("notSent")} `, again);
  again.onclick = () => {
    line.remove();
    attempt();
  };
  element.append(line);
}
