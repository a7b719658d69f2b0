import type { Finding } from "../src/ports.ts";

export const fine = (step: string, message: string): Finding => ({ step, ok: true, message, fix: null });

export const wrong = (step: string, message: string, fix: string): Finding => ({ step, ok: false, message, fix });
