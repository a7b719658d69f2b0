import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerQuestion, beginQuestions, faultWords, hostedForm, submissionOf } from "../../src/domain/lead-dialog.ts";
import type { DialogContext, DialogStep, LeadDialog } from "../../src/domain/lead-dialog.ts";
import { FormSettings, TermsSettings, validateLead } from "../../src/domain/lead-form.ts";
import type { NormalizePhone } from "../../src/domain/lead-form.ts";
import { LOCALES, textsFor } from "../../src/domain/texts.ts";

/** Knows numbers of nine digits behind +40, and 0 for it in Romania. */
const normalizePhone: NormalizePhone = (raw, country) => {
  const digits = raw.replaceAll(/[ .()-]/g, "");
  if (/^\+40\d{9}$/.test(digits)) return digits;
  return country === "RO" && /^0\d{9}$/.test(digits) ? `+40${digits.slice(1)}` : null;
};

interface Given {
  readonly form?: object;
  readonly terms?: object;
  readonly locale?: string | null;
  readonly known?: Partial<DialogContext["known"]>;
}

function contextOf({ form = {}, terms = {}, locale = "en", known = {} }: Given = {}): DialogContext {
  return {
    form: FormSettings.parse(form),
    terms: TermsSettings.parse(terms),
    termsUrl: "https://baton.example/terms",
    locale,
    normalizePhone,
    known: { name: null, email: null, phone: null, ...known },
  };
}

/** Answers one question after the other; the steps, the first question's among them. */
function talk(context: DialogContext, answers: readonly string[]): DialogStep[] {
  const steps = [beginQuestions("hnd_1", context)];
  for (const answer of answers) {
    const { dialog } = steps.at(-1)!;
    if (dialog === null) throw new Error(`it had ended before ${answer}`);
    steps.push(answerQuestion(dialog, answer, context));
  }
  return steps;
}
const lastOf = (context: DialogContext, answers: readonly string[]) => talk(context, answers).at(-1)!;
const said = (step: DialogStep) => step.says.join("\n");

const nameOnly = { name: "required", email: "off", issue: "off", phone: "off" };
const emailOnly = { name: "off", email: "required", issue: "off", phone: "off" };
const phoneOnly = { name: "off", email: "off", issue: "off", phone: "required" };
const issueOnly = { name: "off", email: "off", issue: "required", phone: "off" };

describe("a form asked one question at a time", () => {
  test("asks what the form asks, in its order, and then for consent", () => {
    const steps = talk(contextOf(), ["Ana Pop", "ana@example.com", "My lamp is broken", "+40 721 234 567", "yes"]);
    expect(steps.map(({ dialog }) => dialog?.asking)).toEqual(["name", "email", "issue", "phone", "terms", undefined]);
    expect(steps.slice(0, 5).map(said)).toEqual([
      "What is your name?\nTo stop, write “stop”.",
      "What is your email address?",
      "How can we help you?\nYou can leave this out: write “-”.",
      "What is your phone number, with the country code?\nYou can leave this out: write “-”.",
      "One last question, about your details:\n" +
        "I accept the terms and conditions and agree that my details are used to answer my request.\n" +
        "https://baton.example/terms\n" +
        "Do you agree? Please write “yes” or “no”.",
    ]);
    expect(steps[5]).toEqual({
      says: [],
      dialog: null,
      submission: {
        fields: { name: "Ana Pop", email: "ana@example.com", issue: "My lamp is broken", phone: "+40 721 234 567" },
        terms: { accepted: true },
        locale: "en",
      },
    });
  });

  test("keeps what was answered with the conversation, as it was typed", () =>
    expect(talk(contextOf(), [" Ana ", "ana@example.com"]).at(-1)!.dialog).toEqual({
      handoffId: "hnd_1",
      by: "questions",
      asking: "issue",
      given: { name: " Ana ", email: "ana@example.com" },
      wrong: 0,
    }));

  test("without terms ends with the last answer", () =>
    expect(lastOf(contextOf({ form: nameOnly, terms: { enabled: false } }), ["Ana"])).toEqual({
      says: [],
      dialog: null,
      submission: { fields: { name: "Ana" }, terms: null, locale: "en" },
    }));

  test("links the business's own terms", () => {
    const context = contextOf({ form: nameOnly, terms: { url: "https://shop.example/agb" } });
    expect(said(lastOf(context, ["Ana"]))).toContain("\nhttps://shop.example/agb\n");
  });

  test("does not ask what the channel knows", () => {
    const context = contextOf({ known: { phone: "+40721234567", name: "Ana" } });
    const steps = talk(context, ["ana@example.com", "-", "yes"]);
    expect(steps.map(({ dialog }) => dialog?.asking)).toEqual(["email", "issue", "terms", undefined]);
    expect(steps.at(-1)!.submission!.fields).toEqual({
      name: "Ana",
      email: "ana@example.com",
      issue: null,
      phone: "+40721234567",
    });
  });

  test.each([
    ["no address", { email: "ana" }],
    ["blank", { email: "  " }],
    ["empty", { email: "" }],
  ])("asks all the same when what is known is %s", (_what, known) =>
    expect(beginQuestions("hnd_1", contextOf({ form: emailOnly, known })).dialog?.asking).toBe("email"),
  );

  test("with everything known asks only for consent, and for nothing where none is needed", () => {
    const known = { name: "Ana" };
    expect(beginQuestions("hnd_1", contextOf({ form: nameOnly, known })).dialog?.asking).toBe("terms");
    expect(beginQuestions("hnd_1", contextOf({ form: nameOnly, known, terms: { enabled: false } }))).toEqual({
      says: [],
      dialog: null,
      submission: { fields: { name: "Ana" }, terms: null, locale: "en" },
    });
  });

  test("of a form without fields is no dialog, and no lead", () =>
    expect(beginQuestions("hnd_1", contextOf({ form: { ...nameOnly, name: "off" } }))).toEqual({
      says: [],
      dialog: null,
      submission: null,
    }));
});

describe("an answer that cannot be taken", () => {
  test.each([
    ["no address", emailOnly, "ana at example", "Please enter a valid email address."],
    ["no number", phoneOnly, "12", /^Please enter a valid phone number/],
    ["far too long", nameOnly, "x".repeat(100_000), "This is too long."],
    ["control characters", nameOnly, "Ana\u0000", "This contains characters that cannot be used here."],
    ["only a file", nameOnly, "", "I need an answer in words here."],
    ["blank", emailOnly, " \n\u200b", "I need an answer in words here."],
    ["a dash where one is needed", nameOnly, "-", "I need an answer in words here."],
    ["a no where one is needed", nameOnly, "No, thanks!", "I need an answer in words here."],
    [
      "nothing but a file where none is needed",
      { ...emailOnly, email: "optional" },
      "",
      "I need an answer in words here.",
    ],
  ])("(%s) is told, and asked again with the way out", (_what, form, answer, fault) => {
    const step = lastOf(contextOf({ form }), [answer]);
    const [first, ...rest] = said(step).split("\n");
    expect(first).toMatch(fault);
    expect(rest.at(0)).toMatch(/^What is your /);
    expect(rest.at(-1)).toBe("To stop, write “stop”.");
    expect(step.dialog).toMatchObject({
      asking: Object.keys(form).find((key) => form[key as "name"] !== "off"),
      wrong: 1,
    });
    expect(step.submission).toBeNull();
  });

  test("a question in the place of a name is no name", () =>
    expect(said(lastOf(contextOf({ form: nameOnly }), ["Where is my order?"]))).toBe(
      "What is your name?\nTo stop, write “stop”.",
    ));

  test("three times in a row ends it, in words that promise nothing", () =>
    expect(lastOf(contextOf(), ["Ana", "where is it", "are you there", "hello"])).toEqual({
      says: ["I will not ask any further. No contact request has been left for our team. You can keep writing to me."],
      dialog: null,
      submission: null,
    }));

  test("a good one between starts the count anew", () => {
    const context = contextOf({ form: { ...emailOnly, phone: "required" } });
    const { dialog } = lastOf(context, ["a", "b", "ana@example.com", "c", "d"]);
    expect(dialog).toMatchObject({ asking: "phone", wrong: 2 });
  });
});

describe("what is taken from an answer", () => {
  test.each([
    [emailOnly, "My email is ana@example.com.", "ana@example.com"],
    [emailOnly, "<mailto:ana@example.com>", "ana@example.com"],
    [emailOnly, "ana＠example.com", "ana@example.com"],
    [emailOnly, "ana@example.com\n", "ana@example.com "],
    [phoneOnly, "you can call +40 721-234-567 after five", "+40 721-234-567"],
    [nameOnly, "Ana\nPop", "Ana Pop"],
    [issueOnly, "First line\nsecond\tline", "First line\nsecond\tline"],
    [issueOnly, "cancel", "cancel"],
    [issueOnly, "Where is my order?", "Where is my order?"],
  ])("%j: %j", (form, answer, kept) => {
    const { dialog } = lastOf(contextOf({ form }), [answer]);
    expect(Object.values(dialog!.given)).toEqual([kept]);
  });

  test.each([
    ["two addresses", emailOnly, "ana@example.com or ana@shop.example"],
    ["two numbers", phoneOnly, "+40721234567 or else +40721234568"],
    ["an address in a very long message", emailOnly, `${"x ".repeat(600)}ana@example.com`],
  ])("%s are asked again: which is meant is not guessed", (_what, form, answer) =>
    expect(lastOf(contextOf({ form }), [answer]).dialog).toMatchObject({ given: {}, wrong: 1 }),
  );

  test("a number without country code is read in the visitor's country", () =>
    expect(lastOf(contextOf({ form: phoneOnly, locale: "ro-RO" }), ["0721 234 567"]).dialog?.asking).toBe("terms"));
});

describe("a question left out", () => {
  const optional = { ...phoneOnly, phone: "optional" };
  test.each([
    ["en", "-"],
    ["en", "–"],
    ["en", "“-”"],
    ["en", "Skip"],
    ["en", "no thanks"],
    ["en", "N/A"],
    ["ja", "ー"],
    ["ja", "特になし。"],
    ["ro", "nu am"],
    ["ro", "Săriți peste, vă rog"],
    ["de", "Überspringen!"],
    ["de", "Keine Angabe"],
    ["fr", "je n’en ai pas"],
    ["ar", "لا يوجد"],
    ["hi", "कुछ नहीं"],
    ["pl", "POMIN"],
    ["tr", "YOK"],
  ])("in %s by %s", (locale, answer) => {
    const { dialog } = lastOf(contextOf({ form: optional, locale }), [answer]);
    expect(dialog).toMatchObject({ asking: "terms", given: { phone: "" } });
  });

  test("is not in the lead", () =>
    expect(lastOf(contextOf({ form: optional }), ["-", "yes"]).submission?.fields).toEqual({ phone: null }));
});

describe("stopping", () => {
  test.each([
    ["en", "stop"],
    ["en", "STOP!!!"],
    ["en", "ok, cancel please"],
    ["en", "never mind"],
    ["en", "no, stop"],
    ["es", "Parar"],
    ["pt", "deixa pra la"],
    ["fr", "Arrêtez !"],
    ["de", "Hör auf"],
    ["it", "basta, grazie"],
    ["nl", "laat maar"],
    ["ro", "renunt"],
    ["ro", "Oprește"],
    ["hi", "बस"],
    ["ar", "إلغاء"],
    ["ar", "الغاء"],
    ["pl", "rezygnuję"],
    ["tr", "VAZGEÇTİM"],
    ["ja", "キャンセル"],
    ["ja", "ｷｬﾝｾﾙ"],
    ["ja", "stop"],
  ])("in %s by %s, without a lead", (locale, answer) => {
    for (const answers of [[answer], ["Ana", answer], ["Ana", "ana@example.com", "-", "-", answer]]) {
      const step = lastOf(contextOf({ locale }), answers);
      expect(step).toEqual({ says: [textsFor(locale).dialog.stopped], dialog: null, submission: null });
    }
  });

  test("a word among others is no wish to stop", () =>
    expect(lastOf(contextOf(), ["Stop Motion Films"]).dialog).toMatchObject({ asking: "email" }));

  test("the word that is told stops everywhere, the others not where they may be the matter", () => {
    expect(lastOf(contextOf({ form: issueOnly }), ["stop"]).says).toEqual([textsFor("en").dialog.stopped]);
    expect(lastOf(contextOf({ form: issueOnly }), ["cancel"]).dialog?.asking).toBe("terms");
  });
});

const asked = (locale: string, answer: string) => lastOf(contextOf({ form: nameOnly, locale }), ["Ana", answer]);

describe("consent", () => {
  test.each([
    ["en", "yes"],
    ["en", "Yes."],
    ["en", "YES!!! 👍🏽"],
    ["en", "“yes”"],
    ["en", "yesss"],
    ["en", "ok yes, please"],
    ["en", "Yes, I agree"],
    ["en", "I accept"],
    ["en", "y"],
    ["en", "da"],
    ["es", "sí"],
    ["es", "SI"],
    ["es", "¡Sí, acepto!"],
    ["es", "estoy de acuerdo"],
    ["pt", "Sim, concordo 🙂"],
    ["fr", "Oui"],
    ["fr", "oui, j’accepte"],
    ["fr", "oui j'accepte merci"],
    ["de", "ja"],
    ["de", "Ja, gerne."],
    ["de", "Einverstanden"],
    ["it", "sì"],
    ["it", "si, grazie"],
    ["it", "sono d’accordo"],
    ["nl", "ja hoor"],
    ["nl", "Akkoord"],
    ["ro", "da"],
    ["ro", "DA, sunt de acord!"],
    ["ro", "да"],
    ["ro", "daaa"],
    ["hi", "हाँ"],
    ["hi", "जी हां"],
    ["hi", "haan ji"],
    ["ar", "نعم"],
    ["ar", "\u200fنَعَم\u200f"],
    ["ar", "نعم، أوافق"],
    ["ar", "موافقه"],
    ["pl", "tak"],
    ["pl", "Tak, zgadzam sie"],
    ["tr", "EVET"],
    ["tr", "Kabul ediyorum"],
    ["ja", "はい"],
    ["ja", "はい、同意します。"],
    ["ja", "ﾊｲ"],
    ["sv", "yes"],
  ])("in %s is given by %s", (locale, answer) =>
    expect(asked(locale, answer).submission?.terms).toEqual({ accepted: true }),
  );

  test.each([
    ["en", "ok"],
    ["en", "okay, sure"],
    ["en", "👍"],
    ["en", "✅"],
    ["en", "yes?"],
    ["en", "Yes 👎"],
    ["en", "yes no"],
    ["en", "yes but do not store my number"],
    ["en", "yes and where is my order"],
    ["en", "I do not"],
    ["en", "not yes"],
    ["en", "eyes"],
    ["en", "true"],
    ["en", "1"],
    ["en", "I accept the terms and conditions and agree to nothing"],
    ["en", ""],
    ["en", " "],
    ["en", "yes ".repeat(100)],
    ["en", "ya\u0000y"],
    ["es", "vale"],
    ["es", "ja ja ja"],
    ["es", "de acuerdo"],
    ["fr", "d’accord"],
    ["de", "in Ordnung"],
    ["de", "ja aber"],
    ["it", "va bene"],
    ["pt", "tudo bem"],
    ["nl", "prima"],
    ["ro", "bine"],
    ["ro", "si"],
    ["hi", "ठीक है"],
    ["hi", "ha ha"],
    ["hi", "जी"],
    ["ar", "طيب"],
    ["pl", "no"],
    ["pl", "dobrze"],
    ["tr", "tamam"],
    ["ja", "わかりました"],
    ["da", "tak"],
  ])("in %s is not given by %j", (locale, answer) => {
    const step = asked(locale, answer);
    expect(step.submission).toBeNull();
  });

  test.each([
    ["en", "no"],
    ["en", "No, thank you."],
    ["en", "I don’t agree"],
    ["es", "no acepto"],
    ["pt", "nao"],
    ["fr", "Non merci"],
    ["de", "nein danke"],
    ["it", "non accetto"],
    ["nl", "liever niet"],
    ["ro", "nu, mulțumesc"],
    ["hi", "जी नहीं"],
    ["ar", "لا شكرا"],
    ["pl", "nie zgadzam się"],
    ["tr", "HAYIR"],
    ["ja", "いいえ"],
  ])("in %s is refused by %s, and that ends it", (locale, answer) =>
    expect(asked(locale, answer)).toEqual({
      says: [textsFor(locale).dialog.declined],
      dialog: null,
      submission: null,
    }),
  );

  test("an answer that is neither is asked again, shortly, and three of them end it", () => {
    const context = contextOf({ form: nameOnly });
    const steps = talk(context, ["Ana", "ok", "why", "hm"]).slice(2);
    expect(steps.map(said)).toEqual([
      "Do you agree? Please write “yes” or “no”.",
      "Do you agree? Please write “yes” or “no”.",
      "I will not ask any further. No contact request has been left for our team. You can keep writing to me.",
    ]);
    expect(steps.at(-1)).toMatchObject({ dialog: null, submission: null });
  });

  test("a yes to another question is no consent", () => {
    const context = contextOf({ form: { ...nameOnly, issue: "required" } });
    expect(lastOf(context, ["yes", "yes"])).toMatchObject({ dialog: { asking: "terms" }, submission: null });
  });

  test("given for fewer fields than the form has by now waits for the others, and is asked for again", () => {
    const { dialog } = lastOf(contextOf({ form: nameOnly }), ["Ana"]);
    const now = contextOf({ form: { ...nameOnly, email: "required" } });
    const next = answerQuestion(dialog!, "yes", now);
    expect(next).toMatchObject({ dialog: { asking: "email" }, submission: null });
    expect(answerQuestion(next.dialog!, "ana@example.com", now)).toMatchObject({ dialog: { asking: "terms" } });
  });

  test("is not waited for where the business asks for none any more", () => {
    const { dialog } = lastOf(contextOf({ form: nameOnly }), ["Ana"]);
    const now = contextOf({ form: nameOnly, terms: { enabled: false } });
    expect(answerQuestion(dialog!, "what", now).submission).toMatchObject({ fields: { name: "Ana" }, terms: null });
  });
});

test("a field that the form has no more is not judged", () => {
  const { dialog } = beginQuestions("hnd_1", contextOf());
  const now = contextOf({ form: emailOnly });
  expect(answerQuestion(dialog!, "Ana", now).dialog).toMatchObject({ asking: "email", given: {}, wrong: 0 });
});

describe("a form that the channel draws", () => {
  test("has the fields that are not known, the terms, and words before it", () => {
    const context = contextOf({ known: { name: "Ana" } });
    expect(hostedForm("hnd_1", context)).toEqual({
      text: "Please leave your details in this form.\nTerms and conditions for leaving your details: https://baton.example/terms",
      form: {
        fields: [
          { name: "email", type: "email", label: "Email", required: true },
          { name: "issue", type: "textarea", label: "How can we help?", required: false },
          { name: "phone", type: "tel", label: "Phone", required: false },
        ],
        terms: {
          label: "I accept the terms and conditions and agree that my details are used to answer my request.",
          url: "https://baton.example/terms",
          yes: "Yes, I agree",
          no: "No",
        },
        submitLabel: "Send",
      },
      dialog: { handoffId: "hnd_1", by: "form", asking: null, given: {}, wrong: 0 },
    });
  });

  test("without terms has none", () => {
    const { text, form } = hostedForm("hnd_1", contextOf({ terms: { enabled: false } }));
    expect([text, form.terms]).toEqual(["Please leave your details in this form.", null]);
  });

  const context = contextOf({ known: { name: "Ana", email: "junk" } });
  const { dialog } = hostedForm("hnd_1", context);

  test("is sent with what was known", () =>
    expect(submissionOf(dialog, { email: "ana@example.com", issue: " ", terms: "yes", extra: "x" }, context)).toEqual({
      fields: { name: "Ana", email: "ana@example.com", issue: " ", phone: null },
      terms: { accepted: true },
      locale: "en",
    }));

  test.each<Record<string, string>>([{}, { terms: "no" }, { terms: "Yes" }, { terms: "true" }, { terms: "" }])(
    "is no consent with %j",
    (values) => expect(submissionOf(dialog, values, context).terms).toEqual({ accepted: false }),
  );

  test("is judged like any other: faults name their field where the words do not", () => {
    const submission = submissionOf(dialog, { issue: "x".repeat(5_001), phone: "1" }, context);
    const checked = validateLead({ form: context.form, terms: context.terms, submission, normalizePhone });
    if (checked.ok) throw new Error("it was taken");
    expect(faultWords([...checked.faults, ...checked.faults], contextOf({ locale: "de" }))).toEqual([
      "E-Mail – Bitte füllen Sie dieses Feld aus.",
      "Wie können wir helfen? – Der Text ist zu lang.",
      "Bitte geben Sie eine gültige Telefonnummer mit Landesvorwahl ein, zum Beispiel +49 30 901820.",
      "Bitte akzeptieren Sie die Nutzungsbedingungen.",
    ]);
  });

  test("that the visitor writes past goes on by questions, and a stop ends it", () => {
    expect(answerQuestion(dialog, "Hello?", context)).toMatchObject({ dialog: { by: "questions", asking: "email" } });
    expect(answerQuestion(dialog, "stop", context)).toMatchObject({ dialog: null, submission: null });
  });
});

const lower = (list: readonly string[]) => list.map((word) => word.toLowerCase());

describe.each(LOCALES)("the words in %s", (locale) => {
  const { dialog } = textsFor(locale);
  const { words, ask, ...sentences } = dialog;
  const context = contextOf({ locale, form: { ...nameOnly, phone: "optional" } });

  test("are all there, and are not left in English", () => {
    const all = Object.values({ ...sentences, ...ask });
    expect(all.filter((sentence) => sentence.trim() === "" || sentence !== sentence.trim())).toEqual([]);
    const { words: _words, ask: englishAsk, ...english } = textsFor("en").dialog;
    const alsoEnglish = new Set(Object.values({ ...english, ...englishAsk }));
    // "No" is the same word in some.
    expect(locale === "en" ? [] : all.filter((sentence) => alsoEnglish.has(sentence) && sentence !== "No")).toEqual([]);
    expect(dialog.canStop).toContain("{stop}");
    expect(dialog.canSkip).toContain("-");
    expect(dialog.consentAsk).toMatch(/\{yes\}.*\{no\}/);
  });

  test("nothing says yes and no, or yes and ok", () => {
    const others = new Set(lower([...words.no, ...words.stop, ...words.skip, ...words.beside]));
    expect(lower(words.yes).filter((word) => others.has(word))).toEqual([]);
    expect(lower(words.no).filter((word) => lower(words.beside).includes(word))).toEqual([]);
  });

  test.each(words.yes)("%s is consent", (word) =>
    expect(lastOf(context, ["Ana", "-", word]).submission?.terms).toEqual({ accepted: true }),
  );
  test.each(words.no)("%s is none", (word) =>
    expect(lastOf(context, ["Ana", "-", word]).says).toEqual([dialog.declined]),
  );
  test.each(words.beside)("%s is neither", (word) =>
    expect(lastOf(context, ["Ana", "-", word])).toMatchObject({ dialog: { asking: "terms" }, submission: null }),
  );
  test.each(words.skip)("%s leaves a question out", (word) =>
    expect(lastOf(context, ["Ana", word]).dialog?.asking).toBe("terms"),
  );
  test.each(words.stop)("%s stops", (word) => expect(lastOf(context, [word]).says).toEqual([dialog.stopped]));

  test("nothing that is said holds braces", () => {
    const form = { name: "required", email: "optional", issue: "off", phone: "off" };
    for (const step of talk(contextOf({ locale, form }), ["", "Ana", "x", "-", "?"]))
      expect(said(step)).not.toMatch(/[{}]|undefined/);
  });
});

describe("whatever is written", () => {
  const mode = fc.constantFrom("off", "optional", "required");
  const someContext = fc
    .record({
      form: fc.record({ name: mode, email: mode, issue: mode, phone: mode }),
      terms: fc.record({ enabled: fc.boolean() }),
      locale: fc.option(fc.oneof(fc.constantFrom(...LOCALES, "ro-RO", "zz"), fc.string()), { nil: null }),
      known: fc.record({
        name: fc.option(fc.string(), { nil: null }),
        email: fc.option(fc.constantFrom("ana@example.com", "x", ""), { nil: null }),
        phone: fc.option(fc.constantFrom("+40721234567", "12"), { nil: null }),
      }),
    })
    .map(contextOf);
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 300 }),
    fc.constantFrom("Ana", "ana@example.com", "+40721234567", "-", "yes", "da", "はい", "ok", "no", "", "stop", "?"),
    fc.string({ minLength: 5_000, maxLength: 21_000 }),
  );

  test("it never throws, always ends, and a lead is one that the form takes, with a yes where one is needed", () => {
    fc.assert(
      fc.property(someContext, fc.array(text, { minLength: 20, maxLength: 20 }), (context, answers) => {
        const steps = [beginQuestions("hnd_1", context)];
        let consent = "none";
        for (const answer of answers) {
          const { dialog } = steps.at(-1)!;
          if (dialog === null) break;
          consent = dialog.asking === "terms" ? answer : "none";
          // As the store keeps it.
          steps.push(answerQuestion(JSON.parse(JSON.stringify(dialog)) as LeadDialog, answer, context));
        }
        expect(steps.filter((step) => step.dialog !== null && said(step).trim() === "")).toEqual([]);
        const { dialog, submission } = steps.at(-1)!;
        expect(dialog).toBeNull();
        const { form, terms } = context;
        if (submission === null) return true;
        return (
          validateLead({ form, terms, submission, normalizePhone }).ok &&
          (!terms.enabled || ["yes", "da", "はい"].includes(consent))
        );
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  test("a hostile message takes no long time", () => {
    const hostile = ["@".repeat(200_000), "+4 ".repeat(70_000), "yes ".repeat(50_000), "a\u0301".repeat(100_000)];
    const context = contextOf({ form: { ...emailOnly, phone: "required" } });
    const { dialog } = beginQuestions("hnd_1", context);
    for (const text of hostile) expect(answerQuestion(dialog!, text, context).dialog).toMatchObject({ wrong: 1 });
  });
});
