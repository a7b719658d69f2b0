import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isEmailAddress } from "../../src/domain/email-address.ts";
import {
  FormSettings,
  LeadSubmission,
  TermsSettings,
  describeForm,
  formIsEmpty,
  validateLead,
} from "../../src/domain/lead-form.ts";
import type { NormalizePhone } from "../../src/domain/lead-form.ts";

const defaults = FormSettings.parse({});
const terms = TermsSettings.parse({});
const noTerms = TermsSettings.parse({ enabled: false });
const off = FormSettings.parse({ name: "off", email: "off", issue: "off", phone: "off" });

/** Knows one number, nationally in Romania only. */
const normalizePhone: NormalizePhone = (raw, country) =>
  raw === "+40 721 234 567" || (raw === "0721 234 567" && country === "RO") ? "+40721234567" : null;

function submit(fields: object, { form = {}, accepted = true, locale = "en", using = terms } = {}) {
  const submission = LeadSubmission.parse({ fields, terms: { accepted }, locale });
  return validateLead({ form: FormSettings.parse(form), terms: using, submission, normalizePhone });
}

function faults(result: ReturnType<typeof submit>) {
  return result.ok ? [] : result.faults.map(({ path, code }) => `${path} ${code}`);
}

/** What is said of a missing name. */
function complaint(locale: string | null, conversationLocale: string) {
  const submission = LeadSubmission.parse({ fields: { email: "ana@example.com" }, locale });
  const result = validateLead({
    form: defaults,
    terms: noTerms,
    submission,
    normalizePhone,
    locale: conversationLocale,
  });
  return result.ok ? null : result.faults[0]?.message;
}

const ana = { name: "Ana", email: "ana@example.com" };

describe("settings", () => {
  test("a new bot asks for name and email, and offers issue and phone, with terms on", () => {
    expect(defaults).toEqual({ name: "required", email: "required", issue: "optional", phone: "optional" });
    expect(terms).toEqual({ enabled: true, url: null });
  });

  test.each([
    ["an unknown field", FormSettings, { company: "optional" }],
    ["an unknown mode", FormSettings, { name: "maybe" }],
    ["a script as terms", TermsSettings, { url: "javascript:alert(1)" }],
    ["a file as terms", TermsSettings, { url: "file:///etc/passwd" }],
    ["words as terms", TermsSettings, { url: "our terms" }],
    ["terms too long", TermsSettings, { url: `https://shop.example/${"a".repeat(2048)}` }],
  ])("refuse %s", (_what, schema, value) => expect(schema.safeParse(value).success).toBe(false));

  test.each(["https://shop.example/terms?x=1#y", "http://localhost:3000/t", "https://münchen.example/agb"])(
    "take %s",
    (url) => expect(TermsSettings.parse({ url }).url).toBe(url),
  );
});

describe("a submission", () => {
  test.each([
    ["an empty body", {}],
    [
      "every field",
      { fields: { name: "a", email: "b", issue: "c", phone: "d" }, terms: { accepted: true }, locale: "en" },
    ],
    ["null for nothing", { fields: { name: null, phone: null }, terms: null, locale: null }],
  ])("may be %s", (_what, body) => expect(LeadSubmission.safeParse(body).success).toBe(true));

  test.each([
    ["an unknown field", { fields: { role: "admin" } }, ["fields"]],
    ["an unknown key", { workspaceId: "w" }, []],
    ["a number as name", { fields: { name: 5 } }, ["fields", "name"]],
    ["consent in words", { terms: { accepted: "yes" } }, ["terms", "accepted"]],
    ["a megabyte of issue", { fields: { issue: "x".repeat(1_000_000) } }, ["fields", "issue"]],
    ["a list", [], []],
  ])("may not be %s", (_what, body, path) =>
    expect(LeadSubmission.safeParse(body).error?.issues.map((issue) => issue.path)).toEqual([path]),
  );
});

describe("judging a lead", () => {
  test("a good one gives trimmed contact details and the phone number in E.164", () => {
    const result = submit({
      name: "  Zoë O’Brien-نور ",
      email: " zoe+shop@example.com\r\n",
      issue: "\n Order 1042\r\nhas not arrived.\tHelp! \n",
      phone: "+40 721 234 567",
    });
    expect(result).toEqual({
      ok: true,
      contact: {
        name: "Zoë O’Brien-نور",
        email: "zoe+shop@example.com",
        issue: "Order 1042\nhas not arrived.\tHelp!",
        phone: "+40721234567",
      },
    });
  });

  test("what was not asked for is null, also when it was sent", () => {
    const form = { name: "off", issue: "off", phone: "off" };
    expect(submit({ name: "A\u0000", email: ana.email, issue: "x".repeat(19_000), phone: "junk" }, { form })).toEqual({
      ok: true,
      contact: { name: null, email: "ana@example.com", issue: null, phone: null },
    });
  });

  test("every fault is told at once, in the order of the form", () => {
    const result = submit({ email: "nope", issue: "x".repeat(5001), phone: "123" }, { accepted: false });
    expect(faults(result)).toEqual([
      "fields.name required",
      "fields.email invalid_email",
      "fields.issue too_long",
      "fields.phone invalid_phone",
      "terms.accepted terms_not_accepted",
    ]);
  });

  test.each([
    ["missing", {}],
    ["null", { name: null }],
    ["empty", { name: "" }],
    ["blank", { name: " \t\u00a0\u3000\n" }],
    ["invisible", { name: "\u200b\u200d\ufeff" }],
  ])("a name that is %s is missing", (_what, fields) =>
    expect(faults(submit({ email: ana.email, ...fields }))).toEqual(["fields.name required"]),
  );

  test.each([
    ["a line break in the name", { name: "Ana\r\nBcc: all@example.com" }, ["fields.name control_characters"]],
    ["a null character in the name", { name: "A\u0000na" }, ["fields.name control_characters"]],
    ["a tab in the name", { name: "A\tna" }, ["fields.name control_characters"]],
    [
      "a line break in the address",
      { email: "ana@example.com\nBcc: x@example.com" },
      ["fields.email control_characters"],
    ],
    ["an escape in the issue", { issue: "a\u001b[31m" }, ["fields.issue control_characters"]],
    ["a line break in the phone number", { phone: "+40 721\n234 567" }, ["fields.phone control_characters"]],
    ["a name too long", { name: "x".repeat(201) }, ["fields.name too_long"]],
    [
      "an address too long",
      { email: `${"a".repeat(60)}@${"b".repeat(60)}.${"c".repeat(130)}.com` },
      ["fields.email too_long"],
    ],
    ["a phone number too long", { phone: "1".repeat(41) }, ["fields.phone too_long"]],
    ["the longest name", { name: "x".repeat(200) }, []],
    ["the longest issue", { issue: "x".repeat(5000) }, []],
  ])("%s", (_what, fields, expected) => expect(faults(submit({ ...ana, ...fields }))).toEqual(expected));

  test("text is kept as written but for the two stated changes", () => {
    const result = submit({ name: "<b>{{x}}\ud83d</b>", email: ana.email, issue: "a\u0000b e\u0301 \ude00" });
    expect(result).toMatchObject({ ok: true, contact: { name: "<b>{{x}}\ufffd</b>", issue: "ab e\u0301 \ufffd" } });
  });

  test("terms: left out counts as not accepted, and nobody asks when they are off", () => {
    const submission = LeadSubmission.parse({ fields: ana });
    expect(validateLead({ form: defaults, terms, submission, normalizePhone })).toMatchObject({ ok: false });
    expect(validateLead({ form: defaults, terms: noTerms, submission, normalizePhone })).toMatchObject({ ok: true });
  });

  test.each([
    ["ro-RO", null, true],
    ["ro", null, false],
    ["en", "RO", true],
    ["ro-RO", "DE", false],
  ])("a national number, locale %s, country %s: understood %s", (locale, country, understood) => {
    const submission = LeadSubmission.parse({ fields: { ...ana, phone: "0721 234 567" }, locale });
    expect(validateLead({ form: defaults, terms: noTerms, submission, normalizePhone, country }).ok).toBe(understood);
  });

  test("faults are told in the language of the form, else of the conversation", () => {
    expect(complaint("de-AT", "ro")).toBe("Bitte füllen Sie dieses Feld aus.");
    expect(complaint(null, "ro-RO")).toBe("Completați acest câmp.");
    expect(complaint("junk!", "ro")).toBe("Please fill in this field.");
  });

  test("never throws, and accepts only what the settings ask for", () => {
    const mode = fc.constantFrom("off", "optional", "required");
    const field = fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("Ana", "ana@example.com")));
    fc.assert(
      fc.property(
        fc.record({ name: mode, email: mode, issue: mode, phone: mode }),
        fc.record({ name: field, email: field, issue: field, phone: field }),
        (form, fields) => {
          const result = submit(fields, { form });
          const contact = result.ok ? result.contact : null;
          const named = result.ok ? [] : result.faults.map(({ path }) => path.replace("fields.", ""));
          const wrong = (["name", "email", "issue", "phone"] as const).filter((name) => {
            if (form[name] === "off") return named.includes(name) || (contact && contact[name] !== null);
            return form[name] === "required" && contact && !/\S/.test(contact[name] ?? "");
          });
          expect(wrong).toEqual([]);
          expect(result.ok).toBe(named.length === 0);
        },
      ),
    );
  });
});

describe("email addresses", () => {
  test.each([
    "ana@example.com",
    "ana+orders@shop.example.com",
    "a@b.co",
    "o'brien_1.x-y@example.museum",
    "ana@münchen.example",
    "用户@例子.广告",
    "नमस्ते@उदाहरण.भारत",
    "ana@xn--mnchen-3ya.example",
    "ana@1and1.example",
    `${"a".repeat(64)}@example.com`,
  ])("%s is one", (text) => expect(isEmailAddress(text)).toBe(true));

  test.each([
    "",
    "ana",
    "@example.com",
    "ana@",
    "ana@localhost",
    "ana@example.c",
    "ana@example.123",
    "ana@127.0.0.1",
    "ana@[127.0.0.1]",
    "ana@@example.com",
    "ana@example.com@example.org",
    "ana b@example.com",
    "ana@exam ple.com",
    "ana@example.com\r\nBcc: x@example.com",
    "ana@example.com,bob@example.com",
    "ana@example.com;bob@example.com",
    "Ana <ana@example.com>",
    '"ana b"@example.com',
    "ana(comment)@example.com",
    ".ana@example.com",
    "ana.@example.com",
    "a..b@example.com",
    "ana@.example.com",
    "ana@example.com.",
    "ana@example..com",
    "ana@-example.com",
    "ana@example-.com",
    "ana@exam_ple.com",
    "ana\u0000@example.com",
    "ana@example。com",
    "ana\u202e@example.com",
    `${"a".repeat(65)}@example.com`,
    `ana@${"a".repeat(64)}.com`,
    `ana@${"a.".repeat(126)}com`,
  ])("%j is none", (text) => expect(isEmailAddress(text)).toBe(false));

  test.each(["a".repeat(100_000), "@".repeat(100_000), "a.".repeat(50_000), `a@${"a-".repeat(50_000)}`])(
    "100 KB of nonsense take no time",
    (text) => {
      const before = performance.now();
      expect(isEmailAddress(text)).toBe(false);
      expect(performance.now() - before).toBeLessThan(50);
    },
  );
});

describe("the form as shown", () => {
  const termsUrl = "https://baton.example/terms";

  test("by default: four fields in order, with the default terms", () => {
    expect(describeForm(defaults, terms, "en", { termsUrl })).toEqual({
      fields: [
        { name: "name", type: "text", label: "Name", required: true, maxLength: 200, autocomplete: "name" },
        { name: "email", type: "email", label: "Email", required: true, maxLength: 254, autocomplete: "email" },
        {
          name: "issue",
          type: "textarea",
          label: "How can we help?",
          required: false,
          maxLength: 5000,
          autocomplete: "off",
        },
        { name: "phone", type: "tel", label: "Phone", required: false, maxLength: 40, autocomplete: "tel" },
      ],
      terms: {
        required: true,
        url: "https://baton.example/terms",
        label: "I accept the terms and conditions and agree that my details are used to answer my request.",
        linkText: "terms and conditions",
      },
      submitLabel: "Send",
      optionalLabel: "optional",
    });
  });

  test("fields that are off are left out; own terms are linked; words are the visitor's", () => {
    const own = TermsSettings.parse({ url: "https://shop.example/agb" });
    const form = describeForm(FormSettings.parse({ name: "off", phone: "required" }), own, "de-CH", { termsUrl });
    expect(form.fields.map(({ name, label, required }) => [name, label, required])).toEqual([
      ["email", "E-Mail", true],
      ["issue", "Wie können wir helfen?", false],
      ["phone", "Telefon", true],
    ]);
    expect(form.terms?.url).toBe("https://shop.example/agb");
    expect(form.submitLabel).toBe("Senden");
  });

  test("terms that are off are not shown", () =>
    expect(describeForm(defaults, noTerms, "en", { termsUrl }).terms).toBeNull());

  test("with every field off there is no form", () => {
    expect(formIsEmpty(off)).toBe(true);
    expect(formIsEmpty({ ...off, issue: "optional" })).toBe(false);
    expect(formIsEmpty(defaults)).toBe(false);
  });
});
