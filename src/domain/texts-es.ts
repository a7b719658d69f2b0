import type { LanguageTexts } from "./language-texts.ts";

export const es: LanguageTexts = {
  messages: {
    connecting: "Le pongo en contacto con una persona de nuestro equipo.",
    agentJoined: "{{agent}} se ha unido al chat.",
    offline: "Nuestro equipo no está disponible en este momento. Volvemos {{opensAt}}.",
    leadPrompt: "Déjenos sus datos y nos pondremos en contacto con usted.",
    leadSuccess: "Gracias. Hemos recibido sus datos y nos pondremos en contacto con usted.",
    custom: "",
    resolved: "La conversación con nuestro equipo ha terminado. Sigo aquí si necesita algo más.",
    missed: "Lo siento, en este momento nadie de nuestro equipo ha podido atenderle.",
  },
  offlineUnknown: "Nuestro equipo no está disponible en este momento.",
  someone: "una persona de nuestro equipo",
  opening: {
    today: "hoy a las {time}",
    weekday: "el {weekday} a las {time}",
    date: "el {weekday} {day} a las {time}",
    elisions: [["a las 1:", "a la 1:"]],
  },
  form: {
    name: "Nombre",
    email: "Correo electrónico",
    issue: "¿En qué podemos ayudarle?",
    phone: "Teléfono",
    submit: "Enviar",
    optional: "opcional",
    terms: "Acepto los términos y condiciones y el uso de mis datos para responder a mi solicitud.",
    termsLink: "términos y condiciones",
  },
  faults: {
    required: "Complete este campo.",
    invalid_email: "Introduzca una dirección de correo electrónico válida.",
    invalid_phone: "Introduzca un número de teléfono válido con el prefijo del país, por ejemplo, +34 612 345 678.",
    too_long: "El texto es demasiado largo.",
    control_characters: "Contiene caracteres que no se pueden usar aquí.",
    terms_not_accepted: "Acepte los términos y condiciones.",
  },
  termsPage: {
    title: "Términos y condiciones para dejar sus datos",
    business: "la empresa con la que está chateando",
    paragraphs: [
      "Responsable de sus datos: {{business}} («nosotros»).",
      "Qué recogemos: lo que escribe en el formulario (como su nombre, correo electrónico, teléfono y consulta), su conversación en este chat, los productos y la página que estaba viendo, y la fecha y la hora.",
      "Para qué: solo para responder a su solicitud y ponernos en contacto con usted al respecto. No vendemos sus datos ni los usamos con fines publicitarios.",
      "Quién los recibe: nuestro equipo y los proveedores que gestionan por nuestra cuenta este chat, nuestro correo y mensajería y nuestro sistema de atención al cliente. Nadie más, salvo que la ley lo exija.",
      "Cuánto tiempo: mientras los necesitemos para atender su solicitud o la ley lo exija, o hasta que nos pida eliminarlos.",
      "Su decisión: dejar sus datos es voluntario. Puede retirar su consentimiento en cualquier momento y pedirnos que le mostremos, corrijamos o eliminemos sus datos: escríbanos en este chat o use los datos de contacto de nuestro sitio web. Lo que hicimos antes de la retirada sigue siendo lícito.",
    ],
  },
};
