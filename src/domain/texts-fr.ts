import type { LanguageTexts } from "./language-texts.ts";

export const fr: LanguageTexts = {
  messages: {
    connecting: "Je vous mets en relation avec une personne de notre équipe.",
    agentJoined: "{{agent}} a rejoint la conversation.",
    offline: "Notre équipe n’est pas disponible pour le moment. Nous serons de retour {{opensAt}}.",
    leadPrompt: "Laissez-nous vos coordonnées et nous reviendrons vers vous.",
    leadSuccess: "Merci. Nous avons bien reçu vos coordonnées et reviendrons vers vous.",
    custom: "",
    resolved: "La conversation avec notre équipe est terminée. Je reste là si vous avez besoin d’autre chose.",
    missed: "Toutes nos excuses, personne de notre équipe n’a pu prendre le relais pour l’instant.",
  },
  offlineUnknown: "Notre équipe n’est pas disponible pour le moment.",
  someone: "une personne de notre équipe",
  opening: { today: "aujourd’hui à {time}", weekday: "{weekday} à {time}", date: "le {weekday} {day} à {time}" },
  form: {
    name: "Nom",
    email: "E-mail",
    issue: "Comment pouvons-nous vous aider ?",
    phone: "Téléphone",
    submit: "Envoyer",
    optional: "facultatif",
    terms: "J’accepte les conditions générales et l’utilisation de mes données pour répondre à ma demande.",
    termsLink: "conditions générales",
  },
  faults: {
    required: "Veuillez remplir ce champ.",
    invalid_email: "Veuillez saisir une adresse e-mail valide.",
    invalid_phone:
      "Veuillez saisir un numéro de téléphone valide avec l’indicatif du pays, par exemple +33 6 12 34 56 78.",
    too_long: "Ce texte est trop long.",
    control_characters: "Ce texte contient des caractères qui ne peuvent pas être utilisés ici.",
    terms_not_accepted: "Veuillez accepter les conditions générales.",
  },
  termsPage: {
    title: "Conditions générales pour laisser vos coordonnées",
    business: "l’entreprise avec laquelle vous discutez",
    paragraphs: [
      "Responsable de vos données : {{business}} (« nous »).",
      "Ce que nous recueillons : ce que vous saisissez dans le formulaire (comme votre nom, votre adresse e-mail, votre numéro de téléphone et votre question), votre conversation dans ce chat, les produits et la page que vous consultiez, ainsi que la date et l’heure.",
      "Dans quel but : uniquement pour répondre à votre demande et vous contacter à ce sujet. Nous ne vendons pas vos données et ne les utilisons pas à des fins publicitaires.",
      "Qui les reçoit : notre équipe et les prestataires qui gèrent pour notre compte ce chat, notre messagerie et notre service client. Personne d’autre, sauf si la loi l’exige.",
      "Pendant combien de temps : tant que nous en avons besoin pour traiter votre demande ou que la loi l’exige, ou jusqu’à ce que vous en demandiez l’effacement.",
      "Votre choix : laisser vos coordonnées est facultatif. Vous pouvez retirer votre consentement à tout moment et demander à consulter, corriger ou effacer vos données : écrivez-nous dans ce chat ou utilisez les coordonnées indiquées sur notre site. Ce qui a été fait avant le retrait reste licite.",
    ],
  },
};
