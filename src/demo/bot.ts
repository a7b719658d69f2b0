import { randomUUID } from "node:crypto";
import { z } from "zod";
import { HandoffError } from "../domain/errors.ts";
import { callBaton, segment } from "./baton-client.ts";
import { declinedWords, greeting, think } from "./knowledge.ts";
import { DEMO_LOCALES, PRODUCT_IDS, PRODUCTS } from "./shop.ts";
import type { DemoLocale, ProductId } from "./shop.ts";

/*
 * The demo's bot, and an example of what a bot must do. Towards Baton it is nothing but an API client:
 *
 * 1. It tells Baton of the conversation when it begins, and hands the visitor's token to the page.
 * 2. Before it speaks, it looks who has control, and it speaks under the epoch that it saw: while a person has the
 *    conversation Baton refuses its words (409), and then it is silent.
 * 3. When it cannot help, or the visitor asks for a person, it calls the tool, `POST /v1/handoffs`. What is in `reply` goes to
 *    the visitor word for word, with the `form` below it, and `guidance` tells the bot how to go on.
 */

const Key = z.string().min(1).max(100);

export const StartBody = z.strictObject({
  locale: z.enum(DEMO_LOCALES).default("en"),
  pageUrl: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .nullish(),
});
export const ChangeBody = z.strictObject({
  conversationId: Key,
  locale: z.enum(DEMO_LOCALES).optional(),
  /** The lamp that the visitor looks at. */
  product: z.enum(PRODUCT_IDS).optional(),
});
export const TurnBody = z.strictObject({ conversationId: Key, seq: z.int().positive() });
export const AskBody = z.strictObject({ conversationId: Key });

const Conversation = z.looseObject({
  id: z.string(),
  control: z.enum(["bot", "human"]),
  epoch: z.int(),
  locale: z.string().nullable(),
});
const Messages = z.looseObject({ items: z.array(z.looseObject({ role: z.string(), text: z.string() })) });
const Answer = z.looseObject({
  handoff: z.looseObject({ id: z.string() }).nullable(),
  visitorToken: z.string().nullable(),
});
export type Answer = z.infer<typeof Answer>;

/** What became of the visitor's words. */
export interface Turn {
  readonly said: boolean;
  /** The bot has no answer and offers a person. */
  readonly offersPerson: boolean;
  /** Baton's answer, when the visitor asked for a person. */
  readonly answer: Answer | null;
}

const SILENT: Turn = { said: false, offersPerson: false, answer: null };

export interface BotDeps {
  /** Where Baton's API is. */
  readonly baseUrl: string;
  readonly botToken: string;
}

export function createBot({ baseUrl, botToken }: BotDeps) {
  /** A page may speak about its own conversation only, which its visitor's token proves. */
  const own = (conversationId: string, visitorToken: string) =>
    callBaton(baseUrl, {
      method: "GET",
      path: `/v1/conversations/${segment(conversationId)}`,
      token: visitorToken,
      answer: Conversation,
    });

  /** False when Baton refuses, since a person has the conversation by now or has had it in between. */
  async function say(conversationId: string, message: { id: string; text: string; epoch: number }): Promise<boolean> {
    try {
      await callBaton(baseUrl, {
        method: "POST",
        path: `/v1/conversations/${segment(conversationId)}/messages`,
        token: botToken,
        body: { role: "bot", ...message },
        answer: z.looseObject({}),
      });
      return true;
    } catch (error) {
      if (error instanceof HandoffError && (error.code === "human_in_control" || error.code === "stale_turn"))
        return false;
      throw error;
    }
  }

  async function askForPerson(
    conversation: z.infer<typeof Conversation>,
    asked: { trigger: "visitor" | "button"; words: string | null },
  ): Promise<Answer> {
    const answer = await callBaton(baseUrl, {
      method: "POST",
      path: "/v1/handoffs",
      token: botToken,
      body: {
        conversation: {
          id: conversation.id,
          ...(asked.words === null ? {} : { summary: `The visitor wrote: ${asked.words.slice(0, 500)}` }),
        },
        trigger: asked.trigger,
        reason: asked.trigger === "button" ? "The visitor pressed the button" : "The visitor asked for a person",
      },
      answer: Answer,
    });
    if (answer.handoff === null) {
      const text = declinedWords(localeOf(conversation.locale));
      await say(conversation.id, { id: `bot-${randomUUID()}`, text, epoch: conversation.epoch });
    }
    return answer;
  }

  return {
    /** A conversation begins. Its id is not to be guessed, since whoever knows it and the token takes part. */
    async start({ locale, pageUrl }: z.infer<typeof StartBody>) {
      const conversationId = `demo-${randomUUID()}`;
      const { visitorToken } = await callBaton(baseUrl, {
        method: "PUT",
        path: `/v1/conversations/${conversationId}`,
        token: botToken,
        body: {
          locale,
          channel: { type: "widget" },
          pageUrl: pageUrl ?? null,
          messages: [{ id: "greeting", role: "bot", text: greeting(locale) }],
        },
        answer: z.looseObject({ visitorToken: z.string() }),
      });
      return { conversationId, visitorToken };
    },

    /** The visitor reads another language now, or looks at a lamp. */
    async change(body: z.infer<typeof ChangeBody>, visitorToken: string) {
      const { id } = await own(body.conversationId, visitorToken);
      const told = await callBaton(baseUrl, {
        method: "PUT",
        path: `/v1/conversations/${segment(id)}`,
        token: botToken,
        body: {
          ...(body.locale === undefined ? {} : { locale: body.locale }),
          ...(body.product === undefined ? {} : { products: [productAt(body.product)] }),
        },
        answer: z.looseObject({ visitorToken: z.string() }),
      });
      return { visitorToken: told.visitorToken };
    },

    /** The visitor has written message `seq`: the bot answers, hands over, or is silent. */
    async turn({ conversationId, seq }: z.infer<typeof TurnBody>, visitorToken: string): Promise<Turn> {
      const conversation = await own(conversationId, visitorToken);
      if (conversation.control === "human") return SILENT;
      const { items } = await callBaton(baseUrl, {
        method: "GET",
        path: `/v1/conversations/${segment(conversationId)}/messages?cursor=${seq - 1}&limit=1`,
        token: botToken,
        answer: Messages,
      });
      const [message] = items;
      if (message?.role !== "visitor") return SILENT;
      const thought = think(message.text, localeOf(conversation.locale));
      if (thought.kind === "wants_person") {
        const answer = await askForPerson(conversation, { trigger: "visitor", words: message.text });
        return { said: false, offersPerson: false, answer };
      }
      // The same visitor's message gets the same answer once, however often the page asks.
      const said = await say(conversationId, { id: `bot-${seq}`, text: thought.text, epoch: conversation.epoch });
      return { said, offersPerson: said && thought.kind === "unknown", answer: null };
    },

    /** The visitor has pressed the button. */
    async ask({ conversationId }: z.infer<typeof AskBody>, visitorToken: string): Promise<Answer> {
      const conversation = await own(conversationId, visitorToken);
      return askForPerson(conversation, { trigger: "button", words: null });
    },
  };
}

const productAt = (id: ProductId) => ({ id, name: PRODUCTS[id].name, price: PRODUCTS[id].price });

function localeOf(locale: string | null): DemoLocale {
  return DEMO_LOCALES.find((one) => one === locale) ?? "en";
}
