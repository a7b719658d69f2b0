import { z } from "zod";
import { cleanText } from "./clean-text.ts";
import { Attachment, LIMITS, PRIORITIES, TRIGGERS } from "./conversation.ts";

const MOST_MESSAGES = 20;
const MOST_FAULTS_TOLD = 5;
const LONGEST_REASON = 2_000;

const longText = z.string().max(LIMITS.textLength, `must have at most ${LIMITS.textLength} characters`);
const Text = longText.transform(cleanText);

const Line = z.union([
  Text.transform((text) => ({ text, attachments: [] })),
  z.strictObject({
    text: Text.nullish().transform((text) => text ?? ""),
    attachments: z
      .array(Attachment)
      .max(LIMITS.attachmentsPerMessage)
      .nullish()
      .transform((all) => all ?? []),
  }),
]);

const PERSON = { trigger: "bot", reason: null, priority: null, summary: null } as const;

const Request = z.strictObject({
  trigger: z
    .enum(TRIGGERS)
    .nullish()
    .transform((trigger) => trigger ?? PERSON.trigger),
  reason: z
    .string()
    .max(LONGEST_REASON)
    .nullish()
    .transform((reason) => cleanText(reason ?? "") || null),
  priority: z
    .enum(PRIORITIES)
    .nullish()
    .transform((priority) => priority ?? null),
  summary: Text.nullish().transform((summary) => summary || null),
});

/** What a bot says in its turn, as JSON. Names that are not ours are refused: a typo would otherwise be silence. */
export const TurnAnswer = z
  .strictObject({
    messages: z
      .array(Line)
      .max(MOST_MESSAGES, `must be at most ${MOST_MESSAGES}`)
      .nullish()
      .meta({ description: "What the bot says, in this order: texts, or texts with files" }),
    handoff: z
      .union([z.boolean(), Request])
      .nullish()
      .meta({ description: "The bot asks for a person: `true`, or why. The messages are said first" }),
  })
  .meta({ id: "TurnAnswer" })
  .transform(({ messages, handoff }) => ({
    isLater: false as const,
    messages: (messages ?? []).filter(({ text, attachments }) => text.trim() !== "" || attachments.length > 0),
    handoff: handoff === true ? PERSON : handoff || null,
  }));

/** What is wrong with an answer, by the names of our own fields: nothing of what the bot wrote is repeated. */
export function answerFaults(error: z.ZodError): string {
  const told = error.issues.slice(0, MOST_FAULTS_TOLD).map(faultOf);
  return [...told, ...(error.issues.length > told.length ? ["and more"] : [])].join("; ");
}

function faultOf(issue: z.core.$ZodIssue): string {
  const path = issue.path.reduce<string>(
    (all, part) => (typeof part === "number" ? `${all}[${part}]` : `${all}${all && "."}${String(part)}`),
    "",
  );
  const where = path || "the body";
  if (issue.code === "unrecognized_keys") return `${where} holds a field that has no meaning here`;
  if (issue.code !== "invalid_union") return `${where}: ${issue.message}`;
  // Of the shapes that it may have, the one that it is nearest to.
  const [inner] = issue.errors.find((branch) => !branch.some(isOtherShape)) ?? [];
  return inner === undefined
    ? `${where} has none of the shapes that it may have`
    : faultOf({ ...inner, path: [...issue.path, ...inner.path] });
}

const isOtherShape = ({ code, path }: z.core.$ZodIssue): boolean => code === "invalid_type" && path.length === 0;
