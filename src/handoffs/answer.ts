import type { Conversation } from "../domain/conversation.ts";
import type { Because } from "../domain/decision.ts";
import { describeForm, formIsEmpty } from "../domain/lead-form.ts";
import type { FormDescription } from "../domain/lead-form.ts";
import { renderText } from "../domain/texts.ts";
import type { MessageKey } from "../domain/texts.ts";
import type { BotSetup } from "./deps.ts";

/** A bubble for the visitor, word for word. */
export interface Reply {
  readonly text: string;
}

export type Form = FormDescription & { readonly submitUrl: string };

interface Context {
  readonly setup: BotSetup;
  readonly conversation: Pick<Conversation, "locale" | "visitor">;
  readonly now: Date;
}

/** The visitor's texts of these kinds, without those that are empty. */
export function replies(
  keys: readonly MessageKey[],
  { setup, conversation, now }: Context,
  values: { agent?: string | null; opensAt?: Date | null } = {},
): readonly Reply[] {
  return keys
    .map((key) =>
      renderText(key, {
        locale: conversation.locale,
        overrides: setup.settings.messages,
        values: {
          name: conversation.visitor.name,
          agent: setup.settings.agentLabel ?? values.agent ?? null,
          opensAt: values.opensAt ?? null,
          timezone: setup.settings.schedule?.timezone ?? "UTC",
          now,
        },
      }),
    )
    .filter((text) => text !== "")
    .map((text) => ({ text }));
}

/** The contact form for this moment, or null when none is asked for. */
export function formFor(
  outcome: "live" | "lead",
  handoffId: string,
  { setup, conversation }: Context,
  baseUrl: string,
): Form | null {
  const { contactForm, form, terms } = setup.settings;
  const asked = contactForm === "always" || (contactForm === "offline" && outcome === "lead");
  if (!asked || formIsEmpty(form)) return null;
  const termsUrl = termsUrlOf(setup.bot.id, conversation.locale, baseUrl);
  return {
    ...describeForm(form, terms, conversation.locale, { termsUrl }),
    submitUrl: `${baseUrl}/v1/handoffs/${handoffId}/lead`,
  };
}

/** The page with the terms, where the settings name no other. */
export const termsUrlOf = (botId: string, locale: string | null, baseUrl: string): string =>
  `${baseUrl}/terms?${new URLSearchParams({ bot: botId, locale: locale ?? "en" }).toString()}`;

/** The opening time is told to the visitor only where the schedule is what keeps the team away. */
export const tellsOpening = (because: Because): boolean => because === "outside_schedule";

/** For the bot's model: what happened, what to say, what not to. */
export const guidance = {
  live: "A person has been asked for. Say nothing more until control returns to you.",
  liveUntilAccepted:
    "A person has been asked for and nobody has accepted yet. You may go on helping until control passes to the person; do not promise when that will be.",
  alreadyOpen:
    "A person was asked for before and the request still stands. Say nothing more until control returns to you.",
  accepted: "A person has the conversation now. Say nothing until control returns to you.",
  leadWithForm:
    "Nobody can take over now. Show the reply word for word and the form below it. Do not promise a person or a time other than the one in the reply; go on helping with what you can.",
  lead: "Nobody can take over now. Show the reply word for word. Do not promise a person; go on helping with what you can.",
  leadStands:
    "Nobody can take over now, and the visitor has left contact details before. Show the reply word for word and do not ask for details again; go on helping with what you can.",
  declined: "Handing over to a person is not offered here. Go on helping, and do not mention a person.",
  leadCaptured:
    "The visitor has left contact details and will hear from the team. Do not ask for them again; go on helping with what you can.",
  missed:
    "Nobody took over in time. Control is back with you: show the reply word for word, and the form if there is one. Go on helping with what you can.",
  ended:
    "The part with a person has ended and control is back with you. Read what was said before you answer; do not repeat it.",
} as const;
