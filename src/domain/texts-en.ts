import type { LanguageTexts } from "./language-texts.ts";

export const en: LanguageTexts = {
  messages: {
    connecting: "I am connecting you with a person.",
    agentJoined: "{{agent}} has joined the chat.",
    offline: "Our team is away right now and will be back {{opensAt}}.",
    leadPrompt: "Leave your details and we will get back to you.",
    leadSuccess: "Thank you. We have received your details and will get back to you.",
    custom: "",
    resolved: "The chat with our team has ended. I am here if you need anything else.",
    missed: "I am sorry, nobody from our team could take over just now.",
  },
  offlineUnknown: "Our team is not available right now.",
  someone: "a person from our team",
  opening: { today: "today at {time}", weekday: "{weekday} {time}", date: "{weekday}, {day} at {time}" },
  form: {
    name: "Name",
    email: "Email",
    issue: "How can we help?",
    phone: "Phone",
    submit: "Send",
    optional: "optional",
    terms: "I accept the terms and conditions and agree that my details are used to answer my request.",
    termsLink: "terms and conditions",
  },
  faults: {
    required: "Please fill in this field.",
    invalid_email: "Please enter a valid email address.",
    invalid_phone: "Please enter a valid phone number with its country code, for example +44 20 7946 0018.",
    too_long: "This is too long.",
    control_characters: "This contains characters that cannot be used here.",
    terms_not_accepted: "Please accept the terms and conditions.",
  },
  termsPage: {
    title: "Terms and conditions for leaving your details",
    business: "the business you are chatting with",
    paragraphs: [
      "Responsible for your details: {{business}} (“we”).",
      "What we collect: what you enter in the form (such as your name, email address, phone number and question), your conversation in this chat, the products and the page you were looking at, and the date and time.",
      "What for: only to answer your request and to contact you about it. We do not sell your details and do not use them for advertising.",
      "Who receives them: our team, and the service providers that run this chat, our email and messaging, and our customer support system on our behalf. Nobody else, unless the law requires it.",
      "How long: for as long as we need them to deal with your request or the law requires it, or until you ask us to erase them.",
      "Your choice: leaving your details is voluntary. You can withdraw your consent at any time and ask us to show, correct or erase your details: write to us in this chat or use the contact details on our website. What we did before your withdrawal remains lawful.",
    ],
  },
};
